//! Whose word the tokens of an identity provider are: some are issued by a service of AWS's, in whatever account that is
//! used, or signed with keys that lie in a bucket. Whoever administers that issues tokens for whom it likes.
//!
//! Sources: EKS User Guide, "IAM roles for service accounts", "View Amazon EKS networking requirements for VPC and subnets"
//! (the dual-stack issuer); Cognito Developer Guide, "IAM roles", "Verifying JSON web tokens"; AWS GovCloud (US) User Guide,
//! "Amazon Cognito"; amazon-eks-pod-identity-webhook, "Self-hosted Kubernetes setup" (keys in a bucket).

/// What issues tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenIssuer {
    /// A cluster of EKS.
    Cluster,
    /// A pool of identities of Cognito.
    IdentityPool,
    /// A pool of users of Cognito.
    UserPool,
    /// Whoever may write this bucket, in which the keys lie that tokens are checked with.
    Bucket(String),
}

impl TokenIssuer {
    /// What issues the tokens of a provider that a trust policy names, where that is known of its name.
    #[must_use]
    pub(super) fn of(provider: &str) -> Option<Self> {
        let Some((_, issuer)) = provider.split_once(":oidc-provider/") else {
            return is_identity_pool(provider).then_some(Self::IdentityPool);
        };
        let issuer = issuer.to_ascii_lowercase();
        let host = issuer.split('/').next().unwrap_or_default();
        let starts = |starts: &[&str]| starts.iter().any(|start| host.starts_with(start));
        if starts(&["oidc.eks.", "oidc-eks."]) && is_of_aws(host) {
            return Some(Self::Cluster);
        }
        if starts(&["cognito-idp.", "issuer-cognito-idp."]) && is_of_aws(host) {
            return Some(Self::UserPool);
        }
        bucket(&issuer).map(|name| Self::Bucket(name.to_owned()))
    }
}

/// The ARN of the bucket that holds the keys of a provider.
#[must_use]
pub(super) fn keys_of(provider: &str) -> Option<String> {
    let Some(TokenIssuer::Bucket(name)) = TokenIssuer::of(provider) else { return None };
    let partition = provider.split(':').nth(1)?;
    Some(format!("arn:{partition}:s3:::{name}"))
}

/// Whether a principal is Cognito's, in any partition: `cognito-identity.amazonaws.com`, of which GovCloud has
/// `cognito-identity-us-gov.amazonaws.com` and `cognito-identity.us-gov-east-1.amazonaws.com`.
#[must_use]
pub(super) fn is_identity_pool(principal: &str) -> bool {
    let principal = principal.to_ascii_lowercase();
    (principal.starts_with("cognito-identity.") || principal.starts_with("cognito-identity-"))
        && is_of_aws(&principal)
}

fn is_of_aws(host: &str) -> bool {
    const ENDS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu"];
    ENDS.iter().any(|end| host.ends_with(end))
}

/// The bucket that an address of S3 names, as part of the host or as the first part of the path (S3 User Guide, "Virtual
/// hosting of general purpose buckets").
fn bucket(issuer: &str) -> Option<&str> {
    let (host, path) = issuer.split_once('/').unwrap_or((issuer, ""));
    if !is_of_aws(host) {
        return None;
    }
    // A bucket may have a name that begins like the service.
    if let Some(at) = [".s3.", ".s3-"].iter().filter_map(|sign| host.rfind(sign)).max() {
        return host.get(..at);
    }
    let is_service = |label: &str| label == "s3" || label.starts_with("s3-");
    let named = path.split('/').next().filter(|name| !name.is_empty());
    named.filter(|_| host.split('.').next().is_some_and(is_service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_known_by_their_names() {
        let bucket = |name: &str| Some(TokenIssuer::Bucket(name.to_owned()));
        for (name, issuer) in [
            ("oidc.eks.eu-west-1.amazonaws.com/id/AB", Some(TokenIssuer::Cluster)),
            ("oidc.eks.cn-north-1.amazonaws.com.cn/id/AB", Some(TokenIssuer::Cluster)),
            ("oidc-eks.eu-west-1.api.aws/id/AB", Some(TokenIssuer::Cluster)),
            ("oidc.eks.example/id/AB", None),
            ("cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AB", Some(TokenIssuer::UserPool)),
            ("keys.s3.eu-west-1.amazonaws.com", bucket("keys")),
            ("my.keys.s3.amazonaws.com/cluster", bucket("my.keys")),
            ("keys.s3-eu-west-1.amazonaws.com", bucket("keys")),
            ("s3.eu-west-1.amazonaws.com/keys/cluster", bucket("keys")),
            ("s3-eu-west-1.amazonaws.com/keys", bucket("keys")),
            ("s3-keys.s3.eu-west-1.amazonaws.com/cluster", bucket("s3-keys")),
            ("s3.eu-west-1.amazonaws.com", None),
            ("token.actions.githubusercontent.com", None),
        ] {
            let provider = format!("arn:aws:iam::111111111111:oidc-provider/{name}");
            assert_eq!(TokenIssuer::of(&provider), issuer, "{name}");
        }
        for principal in [
            "cognito-identity.amazonaws.com",
            "cognito-identity-us-gov.amazonaws.com",
            "cognito-identity.us-gov-east-1.amazonaws.com",
            "cognito-identity.cn-north-1.amazonaws.com.cn",
        ] {
            assert_eq!(TokenIssuer::of(principal), Some(TokenIssuer::IdentityPool), "{principal}");
        }
        assert_eq!(TokenIssuer::of("accounts.google.com"), None);
    }
}
