//! `approval`: enough different people have approved this very change.
//!
//! An approval counts for one plan and one release, until it expires or is taken back, and never
//! when its giver is who promotes. People are told apart by what AWS says of them.

pub(super) mod consent;
mod directory;
mod entrance;
mod identity;
mod people;
mod person;
mod pinned;
mod principals;
mod role;
mod store;

use async_trait::async_trait;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::config::Configuration;
use crate::promotion::variable_prints::sensitive;
use crate::provider::Caller;
use crate::schema::{duration, gates};

pub use consent::{Approval, Consent};
pub use directory::RoleSource;
pub use person::Person;
pub use store::{Subject, all, latest_approvals, write};

use directory::Directory;
use entrance::Entrance;
use identity::CallerIdentity;
use principals::UniqueIds;

/// How long an approval counts when the gate says nothing.
const EXPIRES_AFTER: i64 = 86_400;
/// How far the clocks of two machines may be apart.
const CLOCKS: SignedDuration = SignedDuration::from_mins(1);

pub(super) static TYPE: GateType = GateType {
    schema: &gates::APPROVAL,
    judged_early: false,
    quotes_others: false,
    takes_approvals: true,
    binds_rollbacks: false,
    judged_again: true,
    read: |block| Box::new(ApprovalGate::read(block)),
};

/// Why an approval does not count.
#[derive(Clone, Debug)]
struct Objection {
    why: String,
    /// It might count, but something could not be read.
    is_unread: bool,
}

impl Objection {
    fn of(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_unread: false }
    }

    fn unread(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_unread: true }
    }
}

/// Why an approval would not count, told to its giver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotCounted {
    /// In words.
    pub why: String,
    /// It might count, but something could not be read.
    pub is_unread: bool,
}

/// An approval, and who gave it.
struct Given<'a> {
    approval: &'a Approval,
    giver: &'a CallerIdentity,
    /// Whether AWS tells of its giver what it says.
    confirmed: Result<(), Objection>,
}

/// Who must approve.
#[derive(Clone, Debug)]
struct ApprovalGate {
    count: usize,
    /// ARNs or patterns; empty when anybody may.
    principals: Vec<String>,
    expires_after: i64,
}

impl ApprovalGate {
    fn read(block: &mut GateBlock<'_>) -> Self {
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
        given: &Given<'_>,
        author: &CallerIdentity,
        ids: &UniqueIds<'_>,
    ) -> Option<Objection> {
        let Given { approval, giver, confirmed } = given;
        let object = |why: String| Some(Objection::of(why));
        if approval.consent == Consent::Revoke {
            return object(format!("taken back at {:.0}", approval.at));
        }
        if approval.edge != context.subject.edge || approval.digest != context.subject.digest {
            return object(format!("it is for another release, {}", approval.digest));
        }
        if approval.plan != context.plan.digest {
            return object(format!(
                "it is for another plan, {}: the change is not the same any more",
                short(&approval.plan)
            ));
        }
        if giver.person == author.person {
            return object("it is of who promotes".to_owned());
        }
        if let Some(why) = author.why_one(giver, ids) {
            return object(format!("who promotes may have given it: {why}"));
        }
        if let Err(objection) = confirmed
            && !objection.is_unread
        {
            return Some(objection.clone());
        }
        if approval.at.duration_since(context.now) > CLOCKS {
            return object(format!(
                "it is dated {:.0}, which is to come: it was forged",
                approval.at
            ));
        }
        let ends = approval.at.saturating_add(SignedDuration::from_secs(self.expires_after));
        let ends = ends.unwrap_or(Timestamp::MAX);
        if context.now >= ends {
            let after = duration::text(self.expires_after);
            return object(format!("it expired at {ends}, {after} after it was given"));
        }
        if let Err(Objection { why, .. }) = confirmed {
            return Some(Objection::unread(format!("nobody knows who gave it: {why}")));
        }
        if let Some(objection) = self.admission(&approval.by, giver) {
            return Some(objection);
        }
        if let Some(why) = &author.entrances.unread {
            let why = format!("who promotes may have given it: of `{}`, {why}", author.arn);
            return Some(Objection::unread(why));
        }
        // The last one, for it takes its time.
        variables_objection(approval, context.configuration).map(Objection::of)
    }

    /// Why an approval of this caller does not count, whoever promotes.
    fn admission(&self, by: &Caller, giver: &CallerIdentity) -> Option<Objection> {
        let is_named = |p: &String| person::matches(p, by, giver.role_arn());
        let is_admitted = self.principals.is_empty() || self.principals.iter().any(is_named);
        // Of a role that was not read, a pattern with a path may name it or not.
        let by_path = |p: &String| p.split_once(":role/").is_some_and(|(_, r)| r.contains('/'));
        let is_unread = giver.entrances.unread.is_some() && giver.role.is_none();
        let may_be_admitted = is_unread && self.principals.iter().any(by_path);
        if !is_admitted && !may_be_admitted {
            return Some(Objection::of("`principals` does not name them"));
        }
        let why = giver.entrances.unread.as_ref()?;
        Some(Objection::unread(format!("nobody knows who gave it: {why}")))
    }
}

/// Why the sensitive variables keep an approval from counting: they are no longer what its giver had.
fn variables_objection(approval: &Approval, configuration: &Configuration) -> Option<String> {
    let named = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let Some(prints) = &approval.variables else {
        let given = sensitive(configuration);
        return (!given.is_empty()).then(|| {
            format!(
                "an earlier version of Palisade recorded it, which kept nothing of the sensitive variable {}: approve again",
                named(&given)
            )
        });
    };
    let changed = prints.changed(configuration);
    (!changed.is_empty()).then(|| {
        format!(
            "the sensitive variable {} has another value than it was given for",
            named(&changed)
        )
    })
}

#[async_trait]
impl Gate for ApprovalGate {
    async fn refuses_approval(&self, by: &Caller, roles: RoleSource<'_>) -> Option<NotCounted> {
        let directory = Directory::new(roles, by);
        let confirmed = directory.confirm(by).await;
        let giver = CallerIdentity::of(by, &directory).await;
        let objection = confirmed.err().or_else(|| self.admission(by, &giver))?;
        Some(NotCounted { why: objection.why, is_unread: objection.is_unread })
    }

    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let callers: Vec<&Caller> =
            [context.author].into_iter().chain(context.approvals.iter().map(|a| &a.by)).collect();
        let mut directory = Directory::new(context.roles(), context.author);
        let confirmed = join_all(context.approvals.iter().map(|a| directory.confirm(&a.by))).await;
        for (approval, _) in context.approvals.iter().zip(&confirmed).filter(|(_, c)| c.is_ok()) {
            directory.believe(&approval.by);
        }
        let people: Vec<CallerIdentity> =
            join_all(callers.iter().map(|caller| CallerIdentity::of(caller, &directory))).await;
        let ids = &directory.ids;
        let Some((author, givers)) = people.split_first() else {
            return GateFinding::new(GateOutcome::Waiting, "nobody promotes", Json::Null);
        };
        // What a person said last counts, in whatever session.
        let mut all: Vec<Given<'_>> = context
            .approvals
            .iter()
            .zip(givers)
            .zip(confirmed)
            .map(|((approval, giver), confirmed)| Given { approval, giver, confirmed })
            .collect();
        let order = |given: &Given<'_>| (given.approval.at, given.approval.consent);
        all.sort_by(|a, b| (&a.giver.person, order(a)).cmp(&(&b.giver.person, order(b))));
        let mut standing: Vec<&Given<'_>> = Vec::new();
        let mut refused: Vec<(&Approval, Objection)> = Vec::new();
        for (at, given) in all.iter().enumerate() {
            let person = &given.giver.person;
            let objection = match all.get(at + 1).is_some_and(|next| next.giver.person == *person) {
                true => Some(Objection::of(
                    "superseded by a later approval or revocation of the same person",
                )),
                false => self.objection(context, given, author, ids),
            };
            match objection {
                Some(objection) => refused.push((given.approval, objection)),
                None => standing.push(given),
            }
        }
        // No two of these are one person's.
        let (counted, others) =
            people::most(standing, |one, other| one.giver.why_one(other.giver, ids));
        refused.extend(others.into_iter().map(|(given, with, why)| {
            let with = &with.giver.arn;
            let why = format!("it may be of the same person as that of `{with}`: {why}");
            (given.approval, Objection::of(why))
        }));
        let told = |approval: &Approval| json!({"by": approval.by.arn, "user_id": approval.by.user_id, "at": approval.at});
        let detail = json!({
            "count": self.count,
            "plan": context.plan.digest,
            "release": context.subject.digest,
            "approvals": counted.iter().map(|given| told(given.approval)).collect::<Vec<Json>>(),
            "not_counted": refused.iter().map(|(approval, objection)| {
                let mut told = told(approval);
                if let Some(told) = told.as_object_mut() {
                    told.insert("why".to_owned(), json!(objection.why));
                }
                told
            }).collect::<Vec<Json>>(),
        });
        if counted.len() >= self.count {
            let names: Vec<&str> =
                counted.iter().map(|given| given.approval.by.arn.as_str()).collect();
            return GateFinding::new(
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
        for (approval, Objection { why, .. }) in &refused {
            summary.push_str(&format!("; {} does not count: {why}", approval.by.arn));
        }
        // Where approvals are there, people cannot open the gate: somebody has to let Palisade read.
        let unread = refused.iter().filter(|(_, objection)| objection.is_unread).count();
        let outcome = match counted.len() + unread >= self.count {
            true => GateOutcome::Unknown,
            false => GateOutcome::Waiting,
        };
        GateFinding::new(outcome, summary, detail)
    }
}

/// With whom an approval counts as one.
#[derive(Clone, Debug, Default)]
pub struct CountsWith {
    /// Those whom the trust policy of the giver's role lets in by name or by a condition on the name, and those whom
    /// the policies of such roles let in, where the session's name does not tell who of them it is.
    pub others: Vec<String>,
    /// Why there may be others: then the approval counts for nothing.
    pub unread: Option<String>,
}

/// With whom an approval as this caller counts as one.
pub async fn counts_with(caller: &Caller, source: RoleSource<'_>) -> CountsWith {
    let directory = Directory::new(source, caller);
    let identity = CallerIdentity::of(caller, &directory).await;
    let entrances = if identity.is_pinned { &[] } else { identity.entrances.all.as_slice() };
    let mut others = Vec::new();
    for who in entrances.iter().flat_map(Entrance::described) {
        if !others.contains(&who) {
            others.push(who);
        }
    }
    CountsWith { others, unread: identity.entrances.unread }
}

/// The beginning of a digest, for people.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
