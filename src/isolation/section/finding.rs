//! What an auditor should know beside the paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::path::Grant;
use super::rule::RuleSeverity;

/// Ends the sentence of what a plan brings.
pub const NEW_WITH_PLAN: &str = " (new with this plan)";

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
    /// The statements that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub granted_by: Vec<Grant>,
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
    /// Where the first of its statements stands, `file:line`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.granted_by.iter().find_map(|grant| grant.location.as_deref())
    }

    /// Its one line for people: the first sentence, with its place, how many more there are of the kind about the same
    /// wall, and what else is to be remarked.
    #[must_use]
    pub fn line(&self, place: Option<&str>, remark: Option<&str>) -> String {
        let more = match self.also.len() {
            0 => None,
            more => Some(format!("and {more} more of this kind")),
        };
        let remarks = [place, more.as_deref(), remark];
        let remarks: Vec<&str> = remarks.into_iter().flatten().collect();
        // One pair of parentheses, whatever is remarked already.
        match (remarks.as_slice(), self.text.strip_suffix(NEW_WITH_PLAN)) {
            ([], _) => self.text.clone(),
            (some, Some(text)) => {
                let new = NEW_WITH_PLAN.trim_end_matches(')');
                format!("{text}{new}; {})", some.join("; "))
            }
            (some, None) => format!("{} ({})", self.text, some.join("; ")),
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
                    for grant in finding.granted_by {
                        if !first.granted_by.contains(&grant) {
                            first.granted_by.push(grant);
                        }
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

/// What a kind of finding means, for readers who see it for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FindingMeaning {
    /// A heading.
    pub short: &'static str,
    /// What it means for the wall.
    pub full: &'static str,
    /// What to do about it.
    pub help: &'static str,
}

impl FindingKind {
    /// What findings of this kind mean.
    #[must_use]
    pub fn meaning(self) -> FindingMeaning {
        let (short, full, help) = match self {
            Self::ConfusedDeputy => (
                "A service or a third party can be made to act for another environment",
                "A policy lets in an AWS service or a third party without saying for which account it may act, so that a caller from another environment can make use of it.",
                "Tie the grant to its caller: with `aws:SourceAccount` or `aws:SourceArn` for a service, with `sts:ExternalId` for a third party.",
            ),
            Self::ExceptionExpired => (
                "An exception has ended",
                "The last day of an exception is over: the path that it permitted breaks the isolation rule now.",
                "Close the path and remove the exception, or decide about a new end.",
            ),
            Self::ExceptionExpiring => (
                "An exception ends soon",
                "An exception permits a path that an isolation rule forbids. After its last day the path breaks the rule.",
                "Close the path and remove the exception, or decide about a new end.",
            ),
            Self::ExceptionUnused => (
                "An exception permits nothing",
                "No path of the estate needs this exception.",
                "Remove the exception.",
            ),
            Self::HeldBySourceSide => (
                "A wall stays closed only because of the source side",
                "The policies of the target would let the request in. Only the source's own side keeps it from being sent, and whoever can change that side opens the wall.",
                "Narrow the policy of the target, or put a guardrail above the source that its own principals cannot change.",
            ),
            Self::OrganizationPower => (
                "A principal can remove the organization's guardrails",
                "A principal that the origin reaches can detach or change organization policies, and the walls of every account rest on those.",
                "Take the permission away, or permit it with an exception that has a reason and an end.",
            ),
            Self::PowerUndetermined => (
                "Power over a wall is undetermined",
                "It could not be decided whether the origin can change policies that the wall rests on.",
                "The message names what could not be decided: make it readable, or make the policy simpler.",
            ),
            Self::ReplayFailed => (
                "A path did not come out the same when it was judged again",
                "The analysis found a path and could not confirm it by its request. The wall counts as undetermined.",
                "This is a defect of Palisade: report it together with the policies that the message names.",
            ),
            Self::SharedAccount => (
                "Two environments live in one account",
                "Principals and policies of one account serve both environments, so there is no wall between the two.",
                "Give each environment an account of its own.",
            ),
            Self::SharedResource => (
                "Two environments share a resource",
                "One environment can write what another one reads, so that data crosses without a request from one to the other.",
                "Give each environment a resource of its own, or take the write access of one side away.",
            ),
            Self::NamesClosedAccount => (
                "A policy lets in a closed account",
                "AWS has closed the account that the policy names. If it is reopened, the policy lets it in again.",
                "Remove the account from the policy.",
            ),
            Self::Undetermined => (
                "A wall is undetermined",
                "It is not known whether the wall is isolated, and its rule has `undetermined = \"warn\"`.",
                "The message says why: make readable what could not be read.",
            ),
        };
        FindingMeaning { short, full, help }
    }
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
            granted_by: vec![Grant {
                address: address.to_owned(),
                location: (address == "a").then(|| "a.hcl:3".to_owned()),
                statement: "trust[0]".to_owned(),
            }],
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
        let lines: Vec<String> = folded.iter().map(|f| f.line(f.location(), None)).collect();
        let one = "one (a.hcl:3; and 1 more of this kind)";
        assert_eq!(lines, [one, "apart", "three (a.hcl:3)", "alone"]);
        assert_eq!(folded[0].addresses, ["a", "b"]);
        assert_eq!(folded[0].granted_by.len(), 2);
        let new = Finding { text: format!("one{NEW_WITH_PLAN}"), ..folded[0].clone() };
        assert_eq!(
            new.line(new.location(), Some("likewise for staging")),
            "one (new with this plan; a.hcl:3; and 1 more of this kind; likewise for staging)"
        );
    }

    #[test]
    fn every_kind_has_a_meaning_of_its_own() {
        use FindingKind as K;
        let kinds = [
            K::ConfusedDeputy,
            K::ExceptionExpired,
            K::ExceptionExpiring,
            K::ExceptionUnused,
            K::HeldBySourceSide,
            K::OrganizationPower,
            K::PowerUndetermined,
            K::ReplayFailed,
            K::SharedAccount,
            K::SharedResource,
            K::NamesClosedAccount,
            K::Undetermined,
        ];
        let mut seen = std::collections::BTreeSet::new();
        for meaning in kinds.map(FindingKind::meaning) {
            assert!(seen.insert(meaning.short) && seen.insert(meaning.full), "{meaning:?}");
            assert!(meaning.full.ends_with('.') && meaning.help.ends_with('.'), "{meaning:?}");
            assert!(!meaning.short.ends_with('.') && !meaning.full.contains('_'), "{meaning:?}");
        }
    }
}
