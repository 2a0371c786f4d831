//! `approval`: enough different people have approved this very change.
//!
//! An approval counts for one plan and one release, until it expires or is taken back, and never
//! when its giver is who promotes. People are told apart by what AWS says of them.

pub(super) mod consent;
mod entrance;
mod person;
mod pinned;
mod role;
mod store;

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::provider::Caller;
use crate::schema::{duration, gates};

pub use consent::{Approval, Consent};
pub use person::Person;
pub use role::RoleSource;
pub use store::{Subject, all, latest_approvals, write};

use entrance::{Bearer, Entrance};
use role::SessionRole;

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
        approval: &Approval,
        giver: &Identity,
        author: &Identity,
    ) -> Option<String> {
        if approval.consent == Consent::Revoke {
            return Some(format!("taken back at {:.0}", approval.at));
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
        if giver.person == author.person {
            return Some("it is of who promotes".to_owned());
        }
        if giver.group == author.group {
            return Some(format!(
                "who promotes may have given it: trust policies let one person be `{}` and `{}`",
                author.arn, giver.arn
            ));
        }
        if approval.at.duration_since(context.now) > CLOCKS {
            return Some(format!(
                "it is dated {:.0}, which is to come: it was forged",
                approval.at
            ));
        }
        let ends = approval.at.saturating_add(SignedDuration::from_secs(self.expires_after));
        let ends = ends.unwrap_or(Timestamp::MAX);
        if context.now >= ends {
            let after = duration::text(self.expires_after);
            return Some(format!("it expired at {ends}, {after} after it was given"));
        }
        if !self.principals.is_empty()
            && !self.principals.iter().any(|p| person::matches(p, &approval.by, giver.role_arn()))
        {
            let by_path = |p: &String| p.split_once(":role/").is_some_and(|(_, r)| r.contains('/'));
            let unread = giver.role.is_none() && person::role_of(&approval.by.arn).is_some();
            return Some(match unread && self.principals.iter().any(by_path) {
                true => {
                    "`principals` names roles by path, and the path of its role could not be read"
                        .to_owned()
                }
                false => "`principals` does not name them".to_owned(),
            });
        }
        None
    }
}

#[async_trait]
impl Gate for ApprovalGate {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let source = context.roles();
        let author = Identity::of(context.author, source).await;
        // What a person said last counts, in whatever session.
        let mut approvals: Vec<(Identity, &Approval)> = Vec::new();
        for approval in context.approvals {
            approvals.push((Identity::of(&approval.by, source).await, approval));
        }
        approvals.sort_by(|a, b| {
            (&a.0.person, a.1.at, a.1.consent).cmp(&(&b.0.person, b.1.at, b.1.consent))
        });
        let mut all: Vec<Identity> = vec![author];
        let (identities, approvals): (Vec<Identity>, Vec<&Approval>) =
            approvals.into_iter().unzip();
        all.extend(identities);
        group(&mut all);
        let (author, identities) = match all.split_first() {
            Some((author, identities)) => (author, identities),
            None => return GateFinding::new(GateOutcome::Waiting, "nobody promotes", Json::Null),
        };
        let mut counted: Vec<&Approval> = Vec::new();
        let mut groups: BTreeMap<usize, &str> = BTreeMap::new();
        let mut refused = Vec::new();
        for (at, (giver, approval)) in identities.iter().zip(&approvals).enumerate() {
            let next = identities.get(at + 1);
            let objection = if next.is_some_and(|next| next.person == giver.person) {
                Some("superseded by a later approval or revocation of the same person".to_owned())
            } else {
                self.objection(context, approval, giver, author)
            };
            let objection = objection.or_else(|| {
                let first = groups.get(&giver.group)?;
                Some(format!(
                    "it may be of the same person as that of `{first}`: trust policies let one person be both"
                ))
            });
            match objection {
                Some(why) => refused.push((*approval, why)),
                None => {
                    groups.insert(giver.group, &giver.arn);
                    counted.push(approval);
                }
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
        for (approval, why) in &refused {
            summary.push_str(&format!("; {} does not count: {why}", approval.by.arn));
        }
        GateFinding::new(GateOutcome::Waiting, summary, detail)
    }
}

/// Whom an approval as this caller counts as one with: those whom the trust policy of its role lets in by
/// name or by a condition on the name, and those whom the policies of such roles let in, where the session's name does not tell who of them it is.
pub async fn counts_with(caller: &Caller, source: RoleSource<'_>) -> Vec<String> {
    let identity = Identity::of(caller, source).await;
    let entrances = if identity.pinned { &[] } else { identity.entrances.as_slice() };
    let mut all = Vec::new();
    for who in entrances.iter().flat_map(Entrance::described) {
        if !all.contains(&who) {
            all.push(who);
        }
    }
    all
}

/// Who somebody is, as far as can be told.
#[derive(Clone, Debug)]
struct Identity {
    person: Person,
    arn: String,
    /// The unique id, by which a trust policy may name it too.
    id: String,
    /// The role behind a session, where it could be read.
    role: Option<SessionRole>,
    /// Whether the session's name tells who it is.
    pinned: bool,
    /// The name of the session.
    session: Option<String>,
    /// Who may have become this identity.
    entrances: Vec<Entrance>,
    /// Identities of one group may be one person's.
    group: usize,
}

impl Identity {
    async fn of(caller: &Caller, source: RoleSource<'_>) -> Self {
        let role = SessionRole::of(caller, source).await;
        let pinned = pinned::pinned(caller, role.as_ref());
        let (id, session) = match caller.user_id.split_once(':') {
            Some((id, session)) => (id, Some(session.to_owned())),
            None => (caller.user_id.as_str(), None),
        };
        let entrances = match (&role, &session) {
            (Some(SessionRole { trust: Some(trust), .. }), Some(session)) if pinned => {
                Entrance::pinned(trust, session)
            }
            (Some(role), _) => role.entrances(source).await,
            (None, _) => Vec::new(),
        };
        Self {
            person: Person::of(caller, pinned),
            entrances,
            arn: caller.arn.clone(),
            id: id.to_owned(),
            role,
            pinned,
            session,
            group: 0,
        }
    }

    fn role_arn(&self) -> Option<&str> {
        self.role.as_ref().map(|role| role.arn.as_str())
    }

    /// Whether trust policies let the other become this one, as far as names tell.
    fn admits(&self, other: &Self) -> bool {
        let arns = std::iter::once(other.arn.as_str()).chain(other.role_arn());
        let bearer = Bearer {
            arns: arns.map(str::to_owned).collect(),
            id: Some(other.id.clone()),
            session: other.session.clone(),
        };
        self.entrances.iter().any(|entrance| entrance.lets_in(&bearer))
    }

    /// Whether both may be one person's: one may become the other, or a third may become both.
    fn may_be(&self, other: &Self) -> bool {
        self.person == other.person
            || self.admits(other)
            || other.admits(self)
            || entrance::share(&self.entrances, &other.entrances)
    }
}

/// Numbers identities so that those that may be one person's have one number.
fn group(all: &mut [Identity]) {
    for (at, identity) in all.iter_mut().enumerate() {
        identity.group = at;
    }
    let known = all.to_vec();
    for (at, one) in known.iter().enumerate() {
        for (to, other) in known.iter().enumerate().skip(at + 1) {
            if !one.may_be(other) {
                continue;
            }
            let group_of = |at: usize| all.get(at).map_or(at, |identity| identity.group);
            let (keep, gone) = (group_of(at), group_of(to));
            for identity in all.iter_mut().filter(|identity| identity.group == gone) {
                identity.group = keep;
            }
        }
    }
}

/// The beginning of a digest, for people.
fn short(digest: &str) -> &str {
    digest.get(..19).unwrap_or(digest)
}
