//! What an auditor should know beside the paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::RuleSeverity;

/// What an auditor should know beside the paths. Findings of one kind about one wall stand as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The objects in question.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Further findings of the same kind about the same wall, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The origin, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What it is about.
    pub kind: FindingKind,
    /// How grave it is.
    pub severity: RuleSeverity,
    /// One sentence.
    pub text: String,
    /// The environment, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Finding {
    /// Its one line for people: the first sentence, and how many more there are of the kind about the same wall.
    #[must_use]
    pub fn line(&self) -> std::borrow::Cow<'_, str> {
        match self.also.len() {
            0 => self.text.as_str().into(),
            more => format!("{} (and {more} more of this kind)", self.text).into(),
        }
    }

    /// Makes one of those that are of one kind about one wall; the order of the first ones is kept.
    #[must_use]
    pub fn folded(all: Vec<Self>) -> Vec<Self> {
        let mut folded: Vec<Self> = Vec::new();
        let mut seen: BTreeMap<(Option<String>, Option<String>, FindingKind, RuleSeverity), usize> =
            BTreeMap::new();
        for finding in all {
            let about_a_wall = finding.from.is_some() || finding.to.is_some();
            let key = (finding.from.clone(), finding.to.clone(), finding.kind, finding.severity);
            let first = seen.get(&key).and_then(|at| folded.get_mut(*at));
            match first.filter(|_| about_a_wall) {
                Some(first) => {
                    if first.text != finding.text && !first.also.contains(&finding.text) {
                        first.also.push(finding.text);
                    }
                    for address in finding.addresses {
                        if !first.addresses.contains(&address) {
                            first.addresses.push(address);
                        }
                    }
                }
                None => {
                    seen.insert(key, folded.len());
                    folded.push(finding);
                }
            }
        }
        folded
    }
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A grant that a service or a third party can be talked into using.
    ConfusedDeputy,
    /// An exception has ended.
    ExceptionExpired,
    /// An exception ends soon.
    ExceptionExpiring,
    /// An exception permits no path.
    ExceptionUnused,
    /// The source side alone holds a wall shut.
    HeldBySourceSide,
    /// A principal that an origin reaches can detach the organization's guardrails.
    OrganizationPower,
    /// What an origin may change about the walls is undecided.
    PowerUndetermined,
    /// An opening did not come out the same when it was replayed: a fault of the analysis.
    ReplayFailed,
    /// Two environments live in one account.
    SharedAccount,
    /// One environment writes what another one reads: a bucket, a key, a queue, a secret.
    SharedResource,
    /// A policy lets in an account that AWS has closed.
    NamesClosedAccount,
    /// A wall is undetermined, and its rule lets that pass.
    Undetermined,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_one_kind_about_one_wall_are_one_line() {
        let finding = |from: Option<&str>, text: &str, address: &str| Finding {
            addresses: vec![address.to_owned()],
            also: Vec::new(),
            from: from.map(str::to_owned),
            kind: FindingKind::SharedResource,
            severity: RuleSeverity::Warning,
            text: text.to_owned(),
            to: from.map(|_| "prod".to_owned()),
        };
        let folded = Finding::folded(vec![
            finding(Some("dev"), "one", "a"),
            finding(None, "apart", "c"),
            finding(Some("dev"), "two", "b"),
            finding(Some("staging"), "three", "a"),
            finding(None, "alone", "c"),
            finding(Some("dev"), "one", "a"),
        ]);
        let lines: Vec<String> = folded.iter().map(|f| f.line().into_owned()).collect();
        assert_eq!(lines, ["one (and 1 more of this kind)", "apart", "three", "alone"]);
        assert_eq!(folded[0].addresses, ["a", "b"]);
    }
}
