//! AWS identifiers as types: each validates when it is built, so that a malformed id stops at the edge.
//!
//! Patterns are those of the AWS Organizations and IAM API references.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not the identifier that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {rule}")]
pub struct IdError {
    /// What was given.
    pub text: String,
    /// What it should have been, with its article ("an account id").
    pub what: &'static str,
    /// The rule that it breaks.
    pub rule: &'static str,
}

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text of the identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { text: text.to_owned(), what: $what, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn lower_alnum(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

string_id!(
    /// A twelve-digit account id.
    AccountId,
    "an account id",
    "it must be 12 digits",
    |t| t.len() == 12 && t.bytes().all(|b| b.is_ascii_digit())
);
string_id!(
    /// An organization id, `o-` and 10 to 32 lower-case letters or digits.
    OrgId,
    "an organization id",
    "it must be `o-` and 10 to 32 lower-case letters or digits",
    |t| t.strip_prefix("o-").is_some_and(|r| lower_alnum(r, 10..=32))
);
string_id!(
    /// An organization root's id, `r-` and 4 to 32 lower-case letters or digits.
    RootId,
    "a root id",
    "it must be `r-` and 4 to 32 lower-case letters or digits",
    |t| t.strip_prefix("r-").is_some_and(|r| lower_alnum(r, 4..=32))
);
string_id!(
    /// An organizational unit's id, `ou-`, its root's suffix, `-` and 8 to 32 letters or digits.
    OrgUnitId,
    "an organizational unit id",
    "it must be `ou-`, 4 to 32 letters or digits, `-` and 8 to 32 letters or digits",
    |t| t
        .strip_prefix("ou-")
        .and_then(|r| r.split_once('-'))
        .is_some_and(|(root, own)| lower_alnum(root, 4..=32) && lower_alnum(own, 8..=32))
);
string_id!(
    /// An organization policy's id, `p-` and 8 to 128 letters, digits or underscores.
    PolicyId,
    "a policy id",
    "it must be `p-` and 8 to 128 letters, digits or underscores",
    |t| t.strip_prefix("p-").is_some_and(|r| (8..=128).contains(&r.len())
        && r.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
);
string_id!(
    /// A region's code, such as `eu-west-1`.
    Region,
    "a Region",
    "it must be letters, digits and hyphens, as in `eu-west-1`",
    |t| (4..=32).contains(&t.len())
        && t.contains('-')
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
string_id!(
    /// An account's handle: the label of its block, `label.key` under `for_each`; unique in an estate.
    Handle,
    "an account handle",
    "it must be 1 to 128 letters, digits or `_.-`, and not start with a dot or hyphen",
    |t| (1..=128).contains(&t.len())
        && !t.starts_with(['.', '-'])
        && t.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
);

/// The regions that the SDK of this build lists in its `partitions.json`, sorted. AWS opens regions: that one is not
/// here is no proof that there is none (`tests/facts`).
#[rustfmt::skip]
const REGIONS: &[&str] = &[
    "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7",
    "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
    "eu-central-2", "eu-isoe-west-1", "eu-north-1", "eu-south-1", "eu-south-2",
    "eu-west-1", "eu-west-2", "eu-west-3", "eusc-de-east-1", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1",
    "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-iso-east-1", "us-iso-west-1",
    "us-isob-east-1", "us-isob-west-1", "us-isof-east-1", "us-isof-south-1", "us-west-1",
    "us-west-2",
];

impl Region {
    /// The regions of the list, sorted.
    #[must_use]
    pub fn listed() -> &'static [&'static str] {
        REGIONS
    }
}

impl From<&AccountId> for Handle {
    /// Twelve digits are a handle: that of an account of which nothing but the id is known.
    fn from(id: &AccountId) -> Self {
        Self(id.0.clone())
    }
}

/// An AWS partition.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Partition {
    /// The commercial regions.
    #[default]
    #[serde(rename = "aws")]
    Aws,
    /// China.
    #[serde(rename = "aws-cn")]
    China,
    /// GovCloud.
    #[serde(rename = "aws-us-gov")]
    GovCloud,
    /// The European Sovereign Cloud.
    #[serde(rename = "aws-eusc")]
    EuropeanSovereign,
    /// AWS Top Secret.
    #[serde(rename = "aws-iso")]
    Iso,
    /// AWS Secret.
    #[serde(rename = "aws-iso-b")]
    IsoB,
    /// Isolated regions for the United Kingdom.
    #[serde(rename = "aws-iso-e")]
    IsoE,
    /// Further isolated regions for the United States.
    #[serde(rename = "aws-iso-f")]
    IsoF,
}

impl Partition {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Aws,
        Self::China,
        Self::GovCloud,
        Self::EuropeanSovereign,
        Self::Iso,
        Self::IsoB,
        Self::IsoE,
        Self::IsoF,
    ];

    /// As it stands in an ARN.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
            Self::EuropeanSovereign => "aws-eusc",
            Self::Iso => "aws-iso",
            Self::IsoB => "aws-iso-b",
            Self::IsoE => "aws-iso-e",
            Self::IsoF => "aws-iso-f",
        }
    }

    /// The domain under which its services have their endpoints (the SDK's `partitions.json`, `dnsSuffix`).
    #[must_use]
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::GovCloud => "amazonaws.com",
            Self::China => "amazonaws.com.cn",
            Self::EuropeanSovereign => "amazonaws.eu",
            Self::Iso => "c2s.ic.gov",
            Self::IsoB => "sc2s.sgov.gov",
            Self::IsoE => "cloud.adc-e.uk",
            Self::IsoF => "csp.hci.ic.gov",
        }
    }

    /// The partition that a region belongs to, by the patterns of the SDK's `partitions.json`.
    #[must_use]
    pub fn of_region(region: &str) -> Self {
        match region {
            r if r.starts_with("cn-") => Self::China,
            r if r.starts_with("us-gov-") => Self::GovCloud,
            r if r.starts_with("eusc-") => Self::EuropeanSovereign,
            r if r.starts_with("us-iso-") => Self::Iso,
            r if r.starts_with("us-isob-") => Self::IsoB,
            r if r.starts_with("eu-isoe-") => Self::IsoE,
            r if r.starts_with("us-isof-") => Self::IsoF,
            _ => Self::Aws,
        }
    }

    /// The region that answers for the partition's global services: `implicitGlobalRegion` of the SDK's
    /// `partitions.json`.
    #[must_use]
    pub fn global_region(self) -> &'static str {
        match self {
            Self::Aws => "us-east-1",
            Self::China => "cn-northwest-1",
            Self::GovCloud => "us-gov-west-1",
            Self::EuropeanSovereign => "eusc-de-east-1",
            Self::Iso => "us-iso-east-1",
            Self::IsoB => "us-isob-east-1",
            Self::IsoE => "eu-isoe-west-1",
            Self::IsoF => "us-isof-south-1",
        }
    }

    /// The partition that an ARN names; `None` for a pattern, and for what is no ARN.
    #[must_use]
    pub fn of_arn(arn: &str) -> Option<Self> {
        let name = arn.strip_prefix("arn:")?.split(':').next()?;
        Self::ALL.into_iter().find(|partition| partition.as_str() == name)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An Amazon Resource Name, `arn:partition:service:region:account:resource`.
///
/// Source: AWS General Reference, "Amazon Resource Names (ARNs)". The account and region may be
/// empty and the resource may hold colons. Wildcards are allowed: a policy's `Resource` is an ARN pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Arn {
    /// `aws`, `aws-cn`, ...; a pattern may hold wildcards.
    pub partition: String,
    /// The service's name space, such as `iam`.
    pub service: String,
    /// The region, empty for global services.
    pub region: String,
    /// The account, empty for some global names (S3).
    pub account: String,
    /// The rest, colons included.
    pub resource: String,
}

impl FromStr for Arn {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = |rule| IdError { text: text.to_owned(), what: "an ARN", rule };
        let mut parts = text.splitn(6, ':');
        let mut next =
            || parts.next().ok_or_else(|| bad("it must have six parts separated by colons"));
        if next()? != "arn" {
            return Err(bad("it must start with `arn:`"));
        }
        let (partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?);
        if partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(bad("its partition, service and resource cannot be empty"));
        }
        Ok(Self {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }
}

impl TryFrom<String> for Arn {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Arn> for String {
    fn from(arn: Arn) -> Self {
        arn.to_string()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// As whom calls in one account are made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActingPrincipal {
    /// The caller itself: its own credentials, or those of `management_role_arn`. The management account
    /// is entered like this.
    Caller,
    /// A role that the caller assumes, by its ARN.
    Role(String),
    /// The same in an account that does not exist yet: the role's name, for its ARN is not known.
    RoleOfNewAccount(String),
    /// Made-up credentials: an emulated account gets no real ones.
    Emulator,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_ids_are_refused() {
        for text in ["", "12345678901", "1234567890123", "12345678901a"] {
            assert!(text.parse::<AccountId>().is_err(), "{text}");
        }
        assert!("ou-ab12-12345678".parse::<OrgUnitId>().is_ok());
        assert!("ou-ab12".parse::<OrgUnitId>().is_err());
        assert!("p-FullAWSAccess".parse::<PolicyId>().is_ok());
        assert!("r-ab1".parse::<RootId>().is_err());
    }

    #[test]
    fn regions_and_arns_tell_their_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ] {
            let found = Partition::of_region(region);
            assert_eq!(found.as_str(), partition, "{region}");
            assert_eq!(Partition::of_arn(&format!("arn:{partition}:s3:::x")), Some(found));
            let written = serde_json::to_value(found).expect("a name");
            assert_eq!(written, partition, "plans write what ARNs say");
        }
        assert_eq!(Partition::of_arn("arn:*:s3:::x"), None);
        assert_eq!(Partition::of_arn("111111111111"), None);
    }

    #[test]
    fn the_list_of_regions_is_sorted_and_names_regions() {
        assert!(Region::listed().is_sorted());
        assert!(Region::listed().iter().all(|text| text.parse::<Region>().is_ok()));
    }

    #[test]
    fn an_arn_survives_its_own_text() {
        for text in [
            "arn:aws:iam::111122223333:role/a/b",
            "arn:aws:s3:::bucket/key:with:colons",
            "arn:aws:logs:eu-west-1:111122223333:log-group:x:*",
        ] {
            assert_eq!(text.parse::<Arn>().expect("valid").to_string(), text);
        }
        assert!("arn:aws:iam".parse::<Arn>().is_err());
    }
}
