//! Tokens of OIDC providers in trust policies: which of their claims STS passes on, and whom a subject lets in.
//!
//! STS hands a condition key `ISSUER:CLAIM` to a trust policy for some claims alone: five of every issuer, more of
//! those that AWS knows. A condition on another claim never matches, or with `IfExists` always.
//! GitHub names a repository in the subject. Since 2026-07-15 the subject of a repository that was created,
//! renamed or transferred holds ids as well, `repo:OWNER@OWNER-ID/REPO@REPO-ID:...`: an id belongs to one owner for
//! ever, a name to the one who has registered it last.
//! Sources: IAM User Guide, "Available keys for AWS OIDC federation"; GitHub Docs, "OpenID Connect reference".

use std::collections::BTreeSet;

use crate::diag::{Diagnostic, did_you_mean};
use crate::iam::catalogue::catalogue;
use crate::iam::github::{self, Squatting};
use crate::iam::{Condition, Document, PrincipalType, Statement};

/// Claims of every issuer.
const COMMON: [&str; 5] = ["amr", "aud", "email", "oaud", "sub"];

/// The claims that STS passes on of an issuer's tokens; `None` where AWS says nothing of the issuer.
fn passed(url: &str) -> Option<BTreeSet<&'static str>> {
    let action = catalogue().find("sts:AssumeRoleWithWebIdentity")?;
    let claims: BTreeSet<&'static str> = catalogue()
        .condition_keys(action)
        .filter_map(|key| key.key.split_once(':'))
        .filter(|(issuer, _)| is_issuer(issuer, url))
        .map(|(_, claim)| claim)
        .collect();
    (!claims.is_empty()).then(|| claims.into_iter().chain(COMMON).collect())
}

/// Whether a URL is what an issuer's pattern (`agent.${Domain}.buildkite.site`) means.
fn is_issuer(pattern: &str, url: &str) -> bool {
    match pattern.split_once("${") {
        None => pattern == url,
        Some((start, rest)) => {
            let end = rest.split_once('}').map_or("", |(_, end)| end);
            url.len() > start.len() + end.len() && url.starts_with(start) && url.ends_with(end)
        }
    }
}

/// How a subject names GitHub's repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `repo:OWNER@OWNER-ID/REPO@REPO-ID`.
    Immutable,
    /// `repo:OWNER/REPO`.
    Names,
}

/// The subjects of a repository's tokens, for what may follow it (`environment:production`, `*`).
pub(super) fn subjects(
    (owner, repository): (&str, &str),
    ids: Option<(&str, &str)>,
    forms: &[Form],
    contexts: &[String],
) -> Vec<String> {
    let mut all = Vec::new();
    for form in forms {
        let name = match (form, ids) {
            (Form::Immutable, Some((owner_id, id))) => {
                format!("{owner}@{owner_id}/{repository}@{id}")
            }
            (Form::Immutable, None) => continue,
            (Form::Names, _) => format!("{owner}/{repository}"),
        };
        all.extend(contexts.iter().map(|context| format!("repo:{name}:{context}")));
    }
    all
}

/// What is doubtful in the conditions of a trust policy on tokens.
pub(super) fn findings(document: &Document) -> Vec<Diagnostic> {
    document.statements.iter().flat_map(of_statement).collect()
}

fn of_statement(statement: &Statement) -> Vec<Diagnostic> {
    let issuers: BTreeSet<String> = statement
        .principals
        .iter()
        .flat_map(|principals| principals.items())
        .filter(|(kind, _)| *kind == PrincipalType::Federated)
        .filter_map(|(_, text)| {
            let arn = text.text.symbolic();
            Some(arn.split_once(":oidc-provider/")?.1.to_owned())
        })
        .collect();
    let mut all = Vec::new();
    for issuer in &issuers {
        let claims: Vec<(&str, &Condition)> = github::claims(statement, issuer).collect();
        if let Some(passed) = passed(issuer) {
            all.extend(
                claims.iter().filter_map(|(claim, condition)| unpassed(claim, condition, &passed)),
            );
        }
        if github::is_github(issuer) && statement.effect == crate::iam::Effect::Allow {
            let pinned = github::is_pinned(statement, issuer);
            let subjects = claims.iter().filter(|(claim, _)| *claim == "sub");
            for (_, condition) in subjects {
                all.extend(condition.values.iter().filter_map(|value| {
                    squatted(&value.text.symbolic(), pinned).map(|finding| {
                        finding.at_opt(value.loc.clone().or_else(|| condition.loc.clone()))
                    })
                }));
            }
        }
    }
    all
}

fn unpassed(
    claim: &str,
    condition: &Condition,
    passed: &BTreeSet<&'static str>,
) -> Option<Diagnostic> {
    if passed.iter().any(|known| known.eq_ignore_ascii_case(claim)) {
        return None;
    }
    let operator = condition.operator.to_string();
    let always = condition.operator.if_exists || operator.starts_with("ForAllValues");
    let what = if always { "holds for every token" } else { "never holds" };
    let near = did_you_mean(claim, passed.iter().copied());
    Some(
        Diagnostic::warning(format!("STS does not pass the claim `{claim}`: the condition {what}"))
            .at_opt(condition.loc.clone())
            .help(near.unwrap_or_else(|| {
                let known: Vec<&str> = passed.iter().copied().collect();
                format!("it passes `{}`", known.join("`, `"))
            })),
    )
}

/// Whether a subject could be somebody else's tomorrow: by a name that a wildcard lets in, or by the same name
/// registered anew.
fn squatted(subject: &str, pinned: bool) -> Option<Diagnostic> {
    match github::squatting(subject).filter(|_| !pinned)? {
        Squatting::AnyOwner(start) => Some(
            Diagnostic::warning(format!(
                "the subject `{subject}` lets in owners that anybody can register"
            ))
            .detail(format!("`{start}-evil` matches as well."))
            .help("name the owner in full, and pin it by `repository_owner_id`"),
        ),
        Squatting::Name(owner) => Some(
            Diagnostic::warning(format!("the subject `{subject}` names an owner that somebody else can become"))
                .detail(format!(
                    "When `{owner}` is renamed or deleted on GitHub, the name is free; who registers it next gets tokens with this subject."
                ))
                .help("pin it: `repository` with `repository_id` and `repository_owner_id` in the `oidc` block, or `claims = { repository_owner_id = [\"...\"] }`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_that_sts_passes() {
        let github = passed("token.actions.githubusercontent.com").unwrap_or_default();
        assert!(github.contains("repository_id") && github.contains("sub"));
        assert!(!github.contains("run_id"));
        let tenant = passed("token.actions.acme.ghe.com").unwrap_or_default();
        assert!(tenant.contains("job_workflow_ref"));
        assert_eq!(passed("idp.acme.example"), None);
    }

    #[test]
    fn subjects_that_somebody_else_could_get() {
        let says = |subject: &str, pinned| squatted(subject, pinned).map(|d| d.summary);
        assert!(says("repo:acme*/*", false).is_some_and(|s| s.contains("anybody can register")));
        assert!(
            says("repo:acme/app:*", false).is_some_and(|s| s.contains("somebody else can become"))
        );
        assert_eq!(says("repo:acme/app:*", true), None);
        assert_eq!(says("repo:acme@42/app@77:environment:production", false), None);
        assert_eq!(says("repo:acme@42/*", false), None);
        assert!(says("repo:acme@*/app:*", false).is_some());
    }
}
