//! What each resource type does to access, from a table. A type that is not in it is unknown.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::resource_types::{TypeBearing, of_awscc};

/// What a resource type does to access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearing {
    /// Its access is in the model.
    Judged,
    /// Trust policies name it (an identity provider): they decide.
    Named,
    /// It grants access if its policy is set, which is not in the model. A policy that names only its own account opens
    /// nothing.
    Policy,
    /// It is a policy of that kind.
    Document,
    /// It grants access to the principal in this argument, which is not in the model. A principal of its own account opens
    /// nothing.
    Principal(&'static str),
    /// It grants access that is not in the model.
    Bears,
    /// It runs templates or programs that can create anything.
    Runs,
    /// It grants no access.
    None,
    /// It is not in the table.
    Unknown,
}

/// Types of `hashicorp/aws`.
static AWS: LazyLock<HashMap<&'static str, Bearing>> = LazyLock::new(|| {
    let rows = include_str!("types.txt").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let (name, bearing) = row.split_once(' ')?;
        let (bearing, attr) = bearing.split_once(' ').unwrap_or((bearing, ""));
        let bearing = match bearing {
            "judged" => Bearing::Judged,
            "named" => Bearing::Named,
            "policy" => Bearing::Policy,
            "document" => Bearing::Document,
            "principal" if !attr.is_empty() => Bearing::Principal(attr),
            "bears" => Bearing::Bears,
            "runs" => Bearing::Runs,
            "none" => Bearing::None,
            _ => return None,
        };
        Some((name, bearing))
    })
    .collect()
});

/// Providers that reach no AWS account: they make values and files.
const HARMLESS: [&str; 8] = [
    "hashicorp/archive",
    "hashicorp/cloudinit",
    "hashicorp/http",
    "hashicorp/local",
    "hashicorp/random",
    "hashicorp/template",
    "hashicorp/time",
    "hashicorp/tls",
];

/// What a type of a provider does to access.
#[must_use]
pub(super) fn bearing(provider: &str, kind: &str) -> Bearing {
    // `registry.terraform.io/hashicorp/aws`, `registry.opentofu.org/hashicorp/aws`.
    let source = provider.split_once('/').map_or(provider, |(_, source)| source);
    let builtin = matches!(kind, "null_resource" | "terraform_data");
    match source {
        "hashicorp/aws" => {
            let name = kind.strip_prefix("aws_").unwrap_or(kind);
            AWS.get(name).copied().unwrap_or(Bearing::Unknown)
        }
        // Its types are CloudFormation's; what those of them say that bear access is not in the model here.
        "hashicorp/awscc" => match of_awscc(kind) {
            TypeBearing::None => Bearing::None,
            TypeBearing::Named => Bearing::Named,
            TypeBearing::Runs => Bearing::Runs,
            TypeBearing::Unknown => Bearing::Unknown,
            TypeBearing::Judged | TypeBearing::Policy(_) | TypeBearing::Bears => Bearing::Bears,
        },
        source if HARMLESS.contains(&source) => Bearing::None,
        // Without a provisioner, which is checked separately, they do nothing.
        _ if builtin => Bearing::None,
        _ => Bearing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let rows = include_str!("types.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(AWS.len(), rows, "a row is malformed or occurs twice");
        assert!(rows > 1_500, "{rows}");
        let aws = "registry.terraform.io/hashicorp/aws";
        assert_eq!(bearing(aws, "aws_iam_role"), Bearing::Judged);
        assert_eq!(bearing(aws, "aws_acmpca_permission"), Bearing::Bears);
        assert_eq!(bearing("registry.opentofu.org/hashicorp/aws", "aws_vpc"), Bearing::None);
        assert_eq!(bearing(aws, "aws_cloudformation_stack"), Bearing::Runs);
        assert_eq!(bearing(aws, "aws_type_of_tomorrow"), Bearing::Unknown);
        let awscc = "registry.terraform.io/hashicorp/awscc";
        assert_eq!(bearing(awscc, "awscc_iam_role"), Bearing::Bears);
        assert_eq!(bearing(awscc, "awscc_ec2_vpc"), Bearing::None);
        assert_eq!(bearing(awscc, "awscc_type_of_tomorrow"), Bearing::Unknown);
        assert_eq!(bearing("terraform.io/builtin/terraform", "terraform_data"), Bearing::None);
    }

    /// A type with a policy, permission or grant in its name counts as granting no access only for a reason given here.
    #[test]
    fn no_type_is_harmless_by_oversight() {
        const REASONS: [(&str, &str); 5] = [
            ("lifecycle_policy", "when objects are deleted"),
            ("scaling_policy", "how many machines run"),
            ("stickiness_policy", "which target a client keeps"),
            ("data_protection_policy", "what is masked"),
            (
                "redrive",
                "where undelivered messages go, in the same account's queues by their policy",
            ),
        ];
        let suspicious: Vec<&&str> = AWS
            .iter()
            .filter(|(name, bearing)| {
                **bearing == Bearing::None
                    && (name.ends_with("_resource_policy")
                        || name.ends_with("_permission")
                        || name.ends_with("_grant"))
                    && !REASONS.iter().any(|(part, _)| name.contains(part))
            })
            .map(|(name, _)| name)
            .collect();
        let known = [
            "network_interface_permission",
            "quicksight_role_custom_permission",
            "quicksight_user_custom_permission",
            "redshift_snapshot_copy_grant",
        ];
        let new: Vec<_> = suspicious.into_iter().filter(|name| !known.contains(name)).collect();
        assert!(new.is_empty(), "{new:?}");
    }
}
