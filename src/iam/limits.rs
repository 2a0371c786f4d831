//! What AWS limits, as dated data that a user can override.
//!
//! Sources: IAM User Guide, "IAM and AWS STS quotas"; Organizations User Guide, "Quotas for AWS
//! Organizations"; the quota pages of S3 and KMS.

use serde::{Deserialize, Serialize};

/// The day on which the defaults were last compared with AWS's pages.
pub const AS_OF: &str = "2026-11-20";

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        /// The limits in force.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[$doc])* pub $name: usize,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $value,)* }
            }
        }

        impl Limits {
            /// The names under which limits can be overridden.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name),)*];

            /// The limit of a name.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<usize> {
                match name {
                    $(stringify!($name) => Some(self.$name),)*
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
    scp_per_target = 10,
    /// Characters of a service control policy as saved. 5,120 before May 2026.
    scp_size = 10_240,
    /// Resource control policies attached to one root, unit or account.
    rcp_per_target = 5,
    /// Characters of a resource control policy as saved.
    rcp_size = 5_120,
    /// Characters of a managed policy, white space not counted.
    managed_policy_size = 6_144,
    /// Characters of all inline policies of a role together, white space not counted.
    role_inline_size = 10_240,
    /// Characters of a trust policy, white space not counted; adjustable to 8,192.
    trust_policy_size = 2_048,
    /// Managed policies attached to one role; adjustable to 25.
    managed_policies_per_role = 10,
    /// Managed policies in one account; adjustable to 10,000.
    managed_policies_per_account = 1_500,
    /// Roles in one account; adjustable to 10,000.
    roles_per_account = 1_000,
    /// Characters of an inline session policy.
    session_policy_size = 2_048,
    /// Bytes of a bucket policy (20 KB).
    bucket_policy_size = 20_480,
    /// Bytes of a key policy (32 KB).
    key_policy_size = 32_768,
    /// Bytes of a resource policy of any other service.
    resource_policy_size = 20_480,
    /// Characters of a VPC endpoint policy, white space counted.
    endpoint_policy_size = 20_480,
    /// OIDC providers in one account.
    oidc_providers_per_account = 100,
    /// Members that may be closed in 30 days, in percent.
    account_closures_percent = 10,
    /// Nesting of organizational units below the root.
    organizational_unit_depth = 5,
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
