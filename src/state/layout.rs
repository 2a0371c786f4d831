//! Where everything is: keys below the backend's prefix, the same on every backend.

use crate::address::ResourceAddr;

/// Format version, lineage.
pub const ROOT: &str = "palisade.json";
/// Key of secret fingerprints.
pub const FINGERPRINT: &str = "keys/fingerprint.json";
/// Everything that belongs to scopes.
pub const SCOPES: &str = "scopes/";
/// Approvals of promotions.
pub const APPROVALS: &str = "approvals/";
/// The audit log.
pub const AUDIT: &str = "audit/";
/// Releases, written once each.
pub const RELEASES: &str = "releases/";
/// What environments remember of releases.
pub const ENVIRONMENTS: &str = "environments/";

/// The scope of the organization's objects.
pub const ORG: &str = "org";
/// The scope that an apply with consequences for the walls between accounts locks.
pub const WALLS: &str = "walls";

/// The scope of one account's objects.
#[must_use]
pub fn account_scope(handle: &str) -> String {
    format!("acct-{handle}")
}

/// The scope that records an object.
#[must_use]
pub fn scope_of(address: &ResourceAddr) -> String {
    address.account().map_or_else(|| ORG.to_owned(), |handle| account_scope(handle.as_str()))
}

/// What a promotion into an environment locks, so that there is one at a time. It holds no state.
#[must_use]
pub fn environment_scope(name: &str) -> String {
    format!("env-{name}")
}

/// Whether a text names a scope: what stands between slashes in a key, so nothing else may pass.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    let name = text.strip_prefix("acct-").or_else(|| text.strip_prefix("env-"));
    matches!(text, ORG | WALLS)
        || name.is_some_and(|n| {
            !n.is_empty()
                && n.len() <= 200
                && n.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '$' | '.'))
        })
}

/// Whether a scope has a state; what is only locked has none.
#[must_use]
pub fn holds_state(scope: &str) -> bool {
    scope != WALLS && !scope.starts_with("env-")
}

/// State of a scope.
#[must_use]
pub fn state(scope: &str) -> String {
    format!("{SCOPES}{scope}/state.json")
}

/// Lease of a scope.
#[must_use]
pub fn lock(scope: &str) -> String {
    format!("{SCOPES}{scope}/lock.json")
}

/// Outputs of a scope.
#[must_use]
pub fn outputs(scope: &str) -> String {
    format!("{SCOPES}{scope}/outputs.json")
}

/// All journals of a scope.
#[must_use]
pub fn journals(scope: &str) -> String {
    format!("{SCOPES}{scope}/journal/")
}

/// One journal object; sequence numbers sort as text.
#[must_use]
pub fn journal(scope: &str, run: &str, sequence: u64) -> String {
    format!("{SCOPES}{scope}/journal/{run}/{sequence:08}.json")
}

/// One audit record.
#[must_use]
pub fn audit(number: u64) -> String {
    format!("{AUDIT}{number:08}.json")
}

/// All approvals on an edge for one release.
#[must_use]
pub fn approvals(edge: &str, digest: &str) -> String {
    let hex = digest.rsplit(':').next().unwrap_or(digest);
    format!("{APPROVALS}{edge}/{hex}/")
}

/// The approvals of one caller among them, `user_id` as `sts:GetCallerIdentity` tells it.
#[must_use]
pub fn approvals_of(edge: &str, digest: &str, user_id: &str) -> String {
    format!("{}{}/", approvals(edge, digest), user_in_key(user_id))
}

/// A caller's unique id as a part of a key. AWS's ids hold nothing that must not stand there; of
/// anything else only harmless characters are kept.
#[must_use]
pub fn user_in_key(user_id: &str) -> String {
    let harmless = |c: &char| c.is_ascii_alphanumeric() || "+=,@_:-".contains(*c) || *c == '.';
    let kept: String = user_id.chars().filter(harmless).collect();
    if kept.trim_matches('.').is_empty() { "-".to_owned() } else { kept }
}

/// A release: its name and the hexadecimal digits of its digest.
#[must_use]
pub fn release(name: &str, hex: &str) -> String {
    format!("{RELEASES}{name}/{hex}.json")
}

/// What an environment remembers of releases.
#[must_use]
pub fn promotion(environment: &str) -> String {
    format!("{ENVIRONMENTS}{environment}/promotion.json")
}

/// All finished moves into an environment.
#[must_use]
pub fn moves(environment: &str) -> String {
    format!("{ENVIRONMENTS}{environment}/moves/")
}

/// One finished move into an environment; numbers sort as text.
#[must_use]
pub fn finished_move(environment: &str, number: u64) -> String {
    format!("{ENVIRONMENTS}{environment}/moves/{number:08}.json")
}

/// What a key below [`SCOPES`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeKey {
    /// State of the scope.
    State(String),
    /// Lease of the scope.
    Lock(String),
    /// Journal object: scope, run, sequence number.
    Journal(String, String, u64),
}

/// Reads a key below [`SCOPES`]; `None` for what Palisade did not put there.
#[must_use]
pub fn parse(key: &str) -> Option<ScopeKey> {
    let mut parts = key.strip_prefix(SCOPES)?.split('/');
    let scope = parts.next().filter(|s| is_scope(s))?.to_owned();
    let rest: Vec<&str> = parts.collect();
    match rest.as_slice() {
        ["state.json"] => Some(ScopeKey::State(scope)),
        ["lock.json"] => Some(ScopeKey::Lock(scope)),
        ["journal", run, sequence] if !run.is_empty() => {
            let sequence = sequence.strip_suffix(".json")?.parse().ok()?;
            // `1.json` or `+0000001.json` would be removed under another name than it was found.
            (journal(&scope, run, sequence) == key)
                .then(|| ScopeKey::Journal(scope, (*run).to_owned(), sequence))
        }
        _ => None,
    }
}

/// The number of an audit record, by its key; `None` for what Palisade did not put there.
#[must_use]
pub fn audit_number(key: &str) -> Option<u64> {
    let number = key.strip_prefix(AUDIT)?.strip_suffix(".json")?.parse().ok()?;
    (audit(number) == key).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        assert_eq!(parse(&state("acct-dev")), Some(ScopeKey::State("acct-dev".into())));
        assert_eq!(parse(&lock("org")), Some(ScopeKey::Lock("org".into())));
        assert_eq!(
            parse(&journal("org", "r1", 12)),
            Some(ScopeKey::Journal("org".into(), "r1".into(), 12))
        );
        // The handle of one of several accounts of a block has a dot in it.
        let member: crate::ids::Handle = "member.dev-1".parse().expect("a handle");
        let scope = account_scope(member.as_str());
        assert_eq!(parse(&state(&scope)), Some(ScopeKey::State(scope)));
        let numbers = ["1", "+0000001", "000000001", "0000000x", "99999999999999999999999"];
        let numbered = numbers.map(|n| format!("scopes/org/journal/r/{n}.json"));
        let foreign = ["scopes/../state.json", "scopes/acct-/state.json", "other", "scopes/x/y"];
        for foreign in foreign.into_iter().chain(numbered.iter().map(String::as_str)) {
            assert_eq!(parse(foreign), None, "{foreign}");
        }
        assert_eq!(audit_number(&audit(123_456_789)), Some(123_456_789));
        for foreign in numbers {
            assert_eq!(audit_number(&format!("audit/{foreign}.json")), None, "{foreign}");
        }
    }
}
