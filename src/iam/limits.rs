//! What AWS limits, as dated data that a user can override.
//!
//! Sources: IAM User Guide, "IAM and AWS STS quotas"; Organizations User Guide, "Quotas for AWS
//! Organizations"; the quota pages of S3, KMS and Systems Manager. The defaults were last compared with them on 2026-11-20.

use serde::{Deserialize, Serialize};

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $counts:literal $(, sets $sets:literal)?;)*) => {
        /// The limits in force.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[$doc])* pub $name: usize,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self::AWS
            }
        }

        impl Limits {
            /// AWS's defaults.
            pub const AWS: Self = Self { $($name: $value,)* };

            /// The names of all limits.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The limits that `organization { limits {} }` sets: those that AWS raises on request or has changed,
            /// and that a plan counts. Each with one sentence for the docs.
            pub const SET_BY_USERS: &'static [(&'static str, &'static str)] =
                &[$($((stringify!($name), $sets),)?)*];

            /// The limit of a name.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<usize> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
                    _ => None,
                }
            }

            /// What a limit counts, in the plural, as a plan says it: `4 of 10 SCPs`.
            #[must_use]
            pub fn counts(name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($name) => Some($counts),)*
                    _ => None,
                }
            }

            /// Overrides the limit of a name; false when there is none of that name.
            #[must_use]
            pub fn set(&mut self, name: &str, value: usize) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)*
                    _ => return false,
                }
                true
            }
        }
    };
}

limits! {
    /// Service control policies attached to one root, unit or account. 5 before May 2026.
    scp_per_target = 10, "SCPs",
        sets "Service control policies per target.";
    /// Characters of a service control policy as saved. 5,120 before May 2026.
    scp_size = 10_240, "characters",
        sets "Characters of a service control policy.";
    /// Resource control policies attached to one root, unit or account.
    rcp_per_target = 5, "RCPs",
        sets "Resource control policies per target.";
    /// Characters of a resource control policy as saved.
    rcp_size = 5_120, "characters",
        sets "Characters of a resource control policy.";
    /// Characters of a managed policy, white space not counted.
    managed_policy_size = 6_144, "characters",
        sets "Characters of a managed policy.";
    /// Characters of all inline policies of a role together, white space not counted.
    role_inline_size = 10_240, "characters of inline policies",
        sets "Characters of a role's inline policies.";
    /// Characters of a trust policy, white space not counted; adjustable to 8,192.
    trust_policy_size = 2_048, "characters of trust policy",
        sets "Characters of a role's trust policy.";
    /// Managed policies attached to one role; adjustable to 25.
    managed_policies_per_role = 10, "managed policies",
        sets "Managed policies attached to one role.";
    /// Managed policies in one account; adjustable to 10,000.
    managed_policies_per_account = 1_500, "managed policies",
        sets "Managed policies per account.";
    /// Roles in one account; adjustable to 10,000.
    roles_per_account = 1_000, "roles",
        sets "Roles per account.";
    /// Characters of an inline session policy.
    session_policy_size = 2_048, "session policy size";
    /// Bytes of a bucket policy (20 KB).
    bucket_policy_size = 20_480, "bytes of bucket policy",
        sets "Bytes of a bucket policy.";
    /// Bytes of a key policy (32 KB).
    key_policy_size = 32_768, "key policy size";
    /// Bytes of a resource policy of any other service.
    resource_policy_size = 20_480, "resource policy size";
    /// Bytes of a parameter's value, in the advanced tier.
    parameter_size = 8_192, "bytes of parameter";
    /// Bytes of a parameter's value in the standard tier; what is longer takes the advanced one.
    standard_parameter_size = 4_096, "bytes of standard parameter";
    /// Characters of a VPC endpoint policy, white space counted.
    endpoint_policy_size = 20_480, "endpoint policy size";
    /// OIDC providers in one account.
    oidc_providers_per_account = 100, "OIDC providers",
        sets "OIDC providers per account.";
    /// Members that may be closed in 30 days, in percent.
    account_closures_percent = 10, "account closures percent",
        sets "Members that may be closed in 30 days, in percent.";
    /// Nesting of organizational units below the root.
    organizational_unit_depth = 5, "organizational unit depth",
        sets "Nesting of units below the root.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_can_be_read_and_overridden() {
        let mut limits = Limits::default();
        for name in Limits::NAMES {
            assert!(limits.get(name).is_some());
            assert!(limits.set(name, 7));
            assert_eq!(limits.get(name), Some(7));
        }
        assert!(!limits.set("scp", 1));
    }
}
