//! `approval`: enough different people have approved this very change.
//!
//! An approval counts for one plan and one release, until it expires or is taken back, and never
//! when its giver is who promotes. People are told apart by what AWS says of them.

mod person;
mod pinned;
mod store;
pub(super) mod word;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::block::Block;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{Finding, GateOutcome};
use crate::provider::Caller;
use crate::schema::duration;

pub use person::Person;
pub use store::{Subject, all, last_words, write};
pub use word::{Approval, Word};

/// How long an approval counts when the gate says nothing.
const EXPIRES_AFTER: i64 = 86_400;

pub(super) const TYPE: GateType = GateType {
    name: "approval",
    judged_early: false,
    read: |block| Box::new(ApprovalGate::read(block)),
};

/// Who must approve.
#[derive(Clone, Debug)]
struct ApprovalGate {
    count: usize,
    /// ARNs or patterns; empty when anybody may.
    principals: Vec<String>,
    expires_after: i64,
}

impl ApprovalGate {
    fn read(block: &mut Block<'_>) -> Self {
        Self {
            count: block.count("count").unwrap_or(1),
            principals: block.texts("principals").unwrap_or_default(),
            expires_after: block.seconds("expires_after").unwrap_or(EXPIRES_AFTER),
        }
    }

    /// Why an approval does not count.
    fn objection(
        &self,
        context: &GateContext<'_>,
        approval: &Approval,
        person: &Person,
        author: &Person,
    ) -> Option<String> {
        if approval.word == Word::Revoke {
            return Some(format!("taken back at {}", approval.at));
        }
        if approval.edge != context.subject.edge || approval.digest != context.subject.digest {
            return Some(format!("it is for another release, {}", approval.digest));
        }
        if approval.plan != context.plan.digest {
            return Some(format!(
                "it is for another plan, {}: the change is not the same any more",
                short(&approval.plan)
            ));
        }
        if person == author {
            return Some("it is of who promotes".to_owned());
        }
        let ends = approval.at.saturating_add(SignedDuration::from_secs(self.expires_after));
        let ends = ends.unwrap_or(Timestamp::MAX);
        if context.now >= ends {
            let after = duration::text(self.expires_after);
            return Some(format!("it expired at {ends}, {after} after it was given"));
        }
        if !self.principals.is_empty()
            && !self.principals.iter().any(|p| person::matches(p, &approval.by))
        {
            return Some("`principals` does not name them".to_owned());
        }
        None
    }
}

#[async_trait]
impl Gate for ApprovalGate {
    async fn judge(&self, context: &GateContext<'_>) -> Finding {
        // The last word of each person stands, whatever session it was said in.
        let mut words: Vec<(Person, &Approval)> = context
            .approvals
            .iter()
            .map(|approval| (person(&approval.by, context), approval))
            .collect();
        words.sort_by(|a, b| (&a.0, a.1.at, a.1.word).cmp(&(&b.0, b.1.at, b.1.word)));
        let author = person(context.author, context);
        let mut counted: Vec<&Approval> = Vec::new();
        let mut refused = Vec::new();
        for (at, (person, approval)) in words.iter().enumerate() {
            let later = words.get(at + 1).is_some_and(|(next, _)| next == person);
            let objection = if later {
                Some("a later word of the same person stands".to_owned())
            } else {
                self.objection(context, approval, person, &author)
            };
            match objection {
                Some(why) => refused.push((*approval, why)),
                None => counted.push(approval),
            }
        }
        let told = |approval: &Approval| json!({"by": approval.by.arn, "user_id": approval.by.user_id, "at": approval.at});
        let detail = json!({
            "count": self.count,
            "plan": context.plan.digest,
            "release": context.subject.digest,
            "approvals": counted.iter().map(|a| told(a)).collect::<Vec<Json>>(),
            "not_counted": refused.iter().map(|(approval, why)| {
                let mut told = told(approval);
                if let Some(told) = told.as_object_mut() {
                    told.insert("why".to_owned(), json!(why));
                }
                told
            }).collect::<Vec<Json>>(),
        });
        if counted.len() >= self.count {
            let names: Vec<&str> = counted.iter().map(|a| a.by.arn.as_str()).collect();
            return Finding::new(
                GateOutcome::Passed,
                format!("approved by {}", names.join(", ")),
                detail,
            );
        }
        let mut summary = format!(
            "{} of {} approvals: `palisade approve {}`",
            counted.len(),
            self.count,
            context.subject.edge
        );
        for (approval, why) in &refused {
            summary.push_str(&format!("; {} does not count: {why}", approval.by.arn));
        }
        Finding::new(GateOutcome::Waiting, summary, detail)
    }
}

/// Who somebody is, as far as can be told.
fn person(caller: &Caller, context: &GateContext<'_>) -> Person {
    Person::of(caller, pinned::pinned(caller, context))
}

/// The beginning of a digest, for people.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
