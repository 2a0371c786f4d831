//! Whom a role's trust lets in beside those that it names: through an identity provider that can be altered, and with which
//! tags.
//!
//! Claim: who may make a provider vouch for somebody that the trust does not name holds the role; a provider that the trust
//! narrows to its subjects is one only where its own administrators choose those.
//!
//! Source: IAM User Guide, "Identity providers and federation", "Pass session tags in AWS STS".

use super::super::crossing::{Right, open_to_all};
use super::super::issuers::TokenIssuer;
use super::actions::{CLUSTERS, POOLS, USER_POOLS};
use super::held::{RightHolder, Rights, Sided, note};
use super::questions::{Questions, right};
use crate::access::{NamedPolicy, STATE_STORE};
use crate::iam::symbolic::{Answers, Space, SymbolicAnswer};
use crate::iam::{Effect, PrincipalType};

/// A provider of identities, by ARN, and the actions that let others be whom it vouches for.
type AlterableProvider = (String, &'static [&'static str]);

impl Questions<'_> {
    /// Whether somebody may tag the sessions of a role whose trust lets it.
    pub(super) fn tagging_sessions(&self, holder: &RightHolder, role: &str) -> Answers {
        let open = NamedPolicy::new("a trust that was rewritten", "trust", open_to_all());
        let role = vec![Space::One(role.to_owned())];
        let tag = Right { policy: Some(open), ..right(&["sts:TagSession"], role) };
        self.question(holder, tag)
    }

    /// A right over a role's trust, where whoever the trust then lets in may pass tags as well: it takes
    /// `sts:TagSession` (IAM User Guide, "Pass session tags in AWS STS"). Where the holder may not call that even so,
    /// somebody of another account may, who is let in; of whom that is so is not asked.
    pub(super) fn letting_tag(
        &self,
        holder: &RightHolder,
        role: &str,
        rewriting: Rights,
    ) -> Rights {
        let tag = self.tagging_sessions(holder, role);
        let tags = [&tag.before, &tag.after].map(|a| matches!(a, SymbolicAnswer::Open(_)));
        let mut rights = rewriting.clone().only(tags);
        let sides = [(rewriting.before, tags[0]), (rewriting.after, tags[1])];
        for ((held, tags), undecided) in sides.into_iter().zip(&mut rights.undecided) {
            if !(held.is_empty() || tags) {
                undecided.get_or_insert_with(|| {
                    format!(
                        "`{}` may rewrite the trust of `{role}`, and whether somebody whom that lets in may tag its session is not known",
                        self.name(holder)
                    )
                });
            }
        }
        rights
    }

    /// Identity providers of a role's account that its trust names, and what lets others be whom they vouch for:
    /// another metadata document, another client (IAM User Guide, "Create a SAML identity provider in IAM", "Create
    /// an OpenID Connect (OIDC) identity provider in IAM").
    pub(super) fn providers(&self, role: &str) -> Sided<AlterableProvider> {
        let mut found = Sided::new();
        let sides = self.sides().into_iter().enumerate();
        let trusts = sides.flat_map(|(at, model)| {
            let trust = model.principals.get(role).and_then(|p| p.trust.as_ref());
            let statements = trust.into_iter().flat_map(|t| &t.document.statements);
            statements.map(move |statement| (at, statement))
        });
        for (at, statement) in trusts.filter(|(_, s)| s.effect == Effect::Allow) {
            let asks_whom = statement.conditions.iter().any(|c| {
                let key = c.key.to_ascii_lowercase();
                key.ends_with(":sub") || key.ends_with(":amr") || key.ends_with(":oaud")
            });
            for (kind, item) in statement.principals.iter().flat_map(|p| p.items()) {
                let arn = item.text.symbolic().into_owned();
                if kind != PrincipalType::Federated {
                    continue;
                }
                let issuer = TokenIssuer::of(&arn);
                // Another client, where the trust asks for none.
                const CLIENT: &[&str] = &["iam:AddClientIDToOpenIDConnectProvider"];
                if !asks_whom
                    && matches!(issuer, Some(TokenIssuer::UserPool | TokenIssuer::Bucket(_)))
                {
                    note(&mut found, (arn.clone(), CLIENT), at);
                }
                let actions: &[&str] = match issuer {
                    // Who administers a cluster runs a pod under any service account of it, whatever `sub` asks for (EKS
                    // User Guide, "IAM roles for service accounts", "Grant IAM users access to Kubernetes with EKS
                    // access entries").
                    Some(TokenIssuer::Cluster) => &CLUSTERS,
                    // Whoever may issue a pool's tokens, or open it to guests, is whom it vouches for (Cognito
                    // Developer Guide, "Developer-authenticated identities", "Identity pools (federated identities)").
                    Some(TokenIssuer::IdentityPool) => &POOLS,
                    Some(TokenIssuer::UserPool) => &USER_POOLS,
                    // Asked as a right over the bucket.
                    Some(TokenIssuer::Bucket(_)) => STATE_STORE.writes,
                    None if arn.contains(":saml-provider/") => {
                        &["iam:CreateSAMLProvider", "iam:UpdateSAMLProvider"]
                    }
                    None if arn.contains(":oidc-provider/") && !asks_whom => CLIENT,
                    None => continue,
                };
                note(&mut found, (arn, actions), at);
            }
        }
        found
    }
}
