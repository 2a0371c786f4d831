//! Subjects of GitHub's tokens in trust policies, and which of them somebody else could come to have.
//!
//! A subject names a repository, `repo:OWNER/REPO:...`; a name belongs to the account that has registered it last. Since 2026-07-15
//! the subject of a repository that was created, renamed or transferred holds ids as well,
//! `repo:OWNER@OWNER-ID/REPO@REPO-ID:...`, and an id belongs to one owner for ever. So do claims with ids.
//! Sources: GitHub Docs, "OpenID Connect reference", "Immutable subject claims".

use super::{Condition, Effect, PrincipalType, Statement};

/// Claims that tie a token to an owner or a repository for ever.
const PINNING: [&str; 3] = ["enterprise_id", "repository_id", "repository_owner_id"];

/// How somebody else could come to have a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Squatting<'s> {
    /// By an owner's name that a wildcard lets in; what it begins with.
    AnyOwner(&'s str),
    /// By the name of this owner, registered anew.
    Name(&'s str),
}

/// Whether an issuer's URL (without its scheme) is GitHub's: of github.com, or of a tenant of GHE.com.
#[must_use]
pub fn is_github(url: &str) -> bool {
    let host = url.split('/').next().unwrap_or_default();
    host == "token.actions.githubusercontent.com"
        || (host.starts_with("token.actions.") && host.ends_with(".ghe.com"))
}

/// The issuer of the provider with this ARN, where it is GitHub.
#[must_use]
pub fn issuer_of(provider: &str) -> Option<&str> {
    let (_, url) = provider.split_once(":oidc-provider/")?;
    is_github(url).then_some(url)
}

/// How a subject could be somebody else's tomorrow; `None` where an id stands in it.
#[must_use]
pub fn squatting(subject: &str) -> Option<Squatting<'_>> {
    let name = subject.strip_prefix("repo:")?;
    let (owner, rest) = name.split_once('/').unwrap_or((name, ""));
    let repository = rest.split(':').next().unwrap_or_default();
    let has_id = |part: &str| {
        part.rsplit_once('@')
            .is_some_and(|(_, id)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()))
    };
    if has_id(owner) {
        return None;
    }
    // A wildcard in place of the id lets in every owner of that name, and no other name: names hold no `@`.
    let owner = owner.split_once('@').map_or(owner, |(name, _)| name);
    if let Some(at) = owner.find(['*', '?']) {
        return Some(Squatting::AnyOwner(owner.get(..at).unwrap_or_default()));
    }
    (!has_id(repository)).then_some(Squatting::Name(owner))
}

/// The claims of an issuer's tokens that a statement asks for.
pub fn claims<'s>(
    statement: &'s Statement,
    issuer: &'s str,
) -> impl Iterator<Item = (&'s str, &'s Condition)> {
    statement.conditions.iter().filter_map(move |condition| {
        let (of, claim) = condition.key.rsplit_once(':')?;
        (of == issuer).then_some((claim, condition))
    })
}

/// Whether a statement asks for an id of the owner or the repository, besides what the subject says.
#[must_use]
pub fn is_pinned(statement: &Statement, issuer: &str) -> bool {
    claims(statement, issuer).any(|(claim, condition)| {
        PINNING.contains(&claim) && !condition.operator.if_exists && is_exact(condition)
    })
}

fn is_exact(condition: &Condition) -> bool {
    !condition.operator.to_string().contains("Not")
        && condition.values.iter().all(|value| !value.text.symbolic().contains(['*', '?']))
}

/// The subjects that a statement lets in by the tokens of a provider and that somebody else could come to have; `*`
/// where it asks for none.
#[must_use]
pub fn squattable(statement: &Statement, provider: &str) -> Vec<String> {
    let Some(issuer) = issuer_of(provider) else { return Vec::new() };
    let names_it =
        statement.principals.iter().flat_map(|principals| principals.items()).any(
            |(kind, item)| kind == PrincipalType::Federated && item.text.symbolic() == provider,
        );
    if statement.effect != Effect::Allow || !names_it || is_pinned(statement, issuer) {
        return Vec::new();
    }
    let asked = claims(statement, issuer).filter(|(claim, condition)| {
        *claim == "sub" && !condition.operator.to_string().contains("Not")
    });
    let values: Vec<String> = asked
        .flat_map(|(_, condition)| &condition.values)
        .map(|value| value.text.symbolic().into_owned())
        .collect();
    match values.is_empty() {
        true => vec!["*".to_owned()],
        false => values.into_iter().filter(|subject| squatting(subject).is_some()).collect(),
    }
}
