//! What each resource type does to access, from a table. A type that is not in it is unknown.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a resource type does to access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeBearing {
    /// Its access is in the model.
    Judged,
    /// Trust policies or instances name it (an identity provider, an instance profile): the policies decide.
    Named,
    /// It grants access if this property is set, which is not in the model.
    Policy(&'static str),
    /// It grants access that is not in the model.
    Bears,
    /// It runs templates or programs that can create anything.
    Runs,
    /// It grants no access.
    None,
    /// It is not in the table.
    Unknown,
}

/// Types by their name without `AWS::`.
static TYPES: LazyLock<HashMap<&'static str, TypeBearing>> = LazyLock::new(|| {
    let rows = include_str!("data/access.txt").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| {
        let (name, bearing) = row.split_once(' ')?;
        let bearing = match bearing {
            "judged" => TypeBearing::Judged,
            "named" => TypeBearing::Named,
            "bears" => TypeBearing::Bears,
            "runs" => TypeBearing::Runs,
            "none" => TypeBearing::None,
            other => TypeBearing::Policy(other.strip_prefix("policy ")?),
        };
        Some((name, bearing))
    })
    .collect()
});

/// What a type does to access.
#[must_use]
pub fn bearing(kind: &str) -> TypeBearing {
    // A custom resource runs a function, and a macro expands `AWS::Serverless`: either may create anything.
    if kind.starts_with("Custom::") || kind.starts_with("AWS::Serverless::") {
        return TypeBearing::Runs;
    }
    // The CDK adds it for usage statistics.
    if kind == "AWS::CDK::Metadata" {
        return TypeBearing::None;
    }
    let name = kind.strip_prefix("AWS::").unwrap_or(kind);
    TYPES.get(name).copied().unwrap_or(TypeBearing::Unknown)
}

/// Types by the names that Terraform's `awscc` provider gives them, without `awscc_`. Where two have one name, it is not
/// known which of them is meant.
static AWSCC: LazyLock<HashMap<String, TypeBearing>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for (name, bearing) in TYPES.iter() {
        let Some((service, resource)) = name.split_once("::") else { continue };
        let name = format!("{}_{}", service.to_lowercase(), snake(resource));
        let same = |known: &mut TypeBearing| {
            if known != bearing {
                *known = TypeBearing::Bears;
            }
        };
        names.entry(name).and_modify(same).or_insert(*bearing);
    }
    names
});

/// `db_instance` of `DBInstance`.
fn snake(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let ends_a_word = before.is_some_and(|c| !c.is_uppercase());
        let starts_a_word = letters.get(at + 1).is_some_and(|c| c.is_lowercase());
        if letter.is_uppercase() && before.is_some() && (ends_a_word || starts_a_word) {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// What a type of Terraform's `awscc` provider does to access: those are CloudFormation's (`awscc_iam_role`).
#[must_use]
pub fn of_awscc(kind: &str) -> TypeBearing {
    let name = kind.strip_prefix("awscc_").unwrap_or(kind);
    AWSCC.get(name).copied().unwrap_or(TypeBearing::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awscc_has_the_types_under_names_of_its_own() {
        for (kind, bearing) in [
            ("awscc_ec2_vpc", TypeBearing::None),
            ("awscc_rds_db_instance", TypeBearing::None),
            ("awscc_iam_oidc_provider", TypeBearing::Named),
            ("awscc_iam_role", TypeBearing::Judged),
            ("awscc_ram_resource_share", TypeBearing::Bears),
            ("awscc_cloudformation_stack_set", TypeBearing::Runs),
            ("awscc_type_of_tomorrow", TypeBearing::Unknown),
        ] {
            assert_eq!(of_awscc(kind), bearing, "{kind}");
        }
    }

    #[test]
    fn the_table_is_whole() {
        let rows =
            include_str!("data/access.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(TYPES.len(), rows, "a row is malformed or occurs twice");
        assert!(rows > 1_800, "{rows}");
        assert_eq!(bearing("AWS::IAM::Role"), TypeBearing::Judged);
        assert_eq!(bearing("AWS::EC2::VPC"), TypeBearing::None);
        assert_eq!(bearing("AWS::Logs::LogGroup"), TypeBearing::Policy("ResourcePolicyDocument"));
        assert_eq!(bearing("AWS::RAM::ResourceShare"), TypeBearing::Bears);
        assert_eq!(bearing("AWS::CloudFormation::StackSet"), TypeBearing::Runs);
        assert_eq!(bearing("Custom::Anything"), TypeBearing::Runs);
        assert_eq!(bearing("AWS::Serverless::Function"), TypeBearing::Runs);
        assert_eq!(bearing("AWS::Type::OfTomorrow"), TypeBearing::Unknown);
        assert_eq!(bearing("AWS::CDK::Metadata"), TypeBearing::None);
        assert_eq!(bearing("Acme::Own::Thing"), TypeBearing::Unknown);
    }

    /// A type with a policy, permission, grant or share in its name counts as granting no access only for a reason given here.
    #[test]
    fn no_type_is_harmless_by_oversight() {
        const REASONS: [&str; 5] = [
            // Folders that a gateway shares in its own network.
            "StorageGateway::NFSFileShare",
            "StorageGateway::SMBFileShare",
            // What an instance may attach to, in its own network.
            "EC2::NetworkInterfacePermission",
            // Whose copies of snapshots are encrypted, and by which key.
            "Redshift::SnapshotCopyGrant",
            // Units of work of a queue.
            "Batch::ConsumableResource",
        ];
        let ends = ["ResourcePolicy", "Permission", "Permissions", "Grant", "Share"];
        let suspicious: Vec<&&str> = TYPES
            .iter()
            .filter(|(name, bearing)| {
                **bearing == TypeBearing::None
                    && ends.iter().any(|end| name.ends_with(end))
                    && !REASONS.contains(name)
            })
            .map(|(name, _)| name)
            .collect();
        let known = ["Batch::QuotaShare", "QuickSight::CustomPermissions"];
        let new: Vec<_> = suspicious.into_iter().filter(|name| !known.contains(name)).collect();
        assert!(new.is_empty(), "{new:?}");
    }
}
