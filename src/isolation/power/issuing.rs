//! Issuing the tokens that a role's trust takes, by writing the keys that they are checked with, from whatever account.
//!
//! Claim: who may write objects into the bucket in which an issuer's keys lie, or the policy by which that bucket lets others do so,
//! is everybody whom some role lets in with a token of that issuer, whatever the trust asks of its claims (OpenID Connect
//! Discovery 1.0, section 4: the keys are those at the address that the issuer's own document names).

use super::super::changes::{Actor, Changes, account, cross_to_objects};
use super::super::crossing::{StepSource, StepTarget};
use super::super::issuers::is_claim;
use super::super::rights::{ClosureRule, Rights, RightsScope};
use super::closure::named;
use super::facts::{Closure, Fact};
use super::ground::Ground;
use super::{PowerLink, Search, Way, asks_nothing, bucket_owner};
use crate::access::STATE_STORE;
use crate::iam::symbolic::Opening;

impl Search<'_, '_> {
    /// The roles that an actor is because it issues tokens for them.
    pub(super) fn issue_tokens(&mut self, ground: &Ground, actor: &Actor, closure: &mut Closure) {
        if self.rights_cache.leaves_out(ClosureRule::TokensIssued) {
            return;
        }
        for (bucket, steps) in &ground.issuing {
            let is_known = |step| closure.issued.contains_key(&(actor.clone(), step));
            if steps.iter().all(|step| is_known(step.clone())) {
                continue;
            }
            let Some((way, rights)) = self.write_keys(actor, bucket, closure) else { continue };
            let writing = rights.at(self.time).0;
            for step in steps {
                let Some(edge) = self.result.edges.get(step) else { continue };
                // What a token claims is for the issuer to say.
                let claimed = |opening: &Opening| {
                    let mut opening = opening.clone();
                    if let StepSource::Federated(provider) = &step.source {
                        opening.requirements.retain(|asked| !is_claim(provider, &asked.key));
                    }
                    opening
                };
                let entering: Vec<Opening> = edge.openings.iter().map(claimed).collect();
                let free = writing.is_empty() || asks_nothing(writing);
                let issued = way.by(actor, &rights, free, None).through(writing).through(&entering);
                closure.note(Fact::Issued(actor.clone(), step.clone()), issued.clone());
                let role = step.target.arn().to_owned();
                let mut become_it = issued;
                become_it.links.push(PowerLink::Become(named(actor), role.clone()));
                closure.note(Fact::Reached(Actor::Known(role)), become_it);
            }
        }
    }

    /// How an actor may write into a bucket with keys: by its rights where it is of the bucket's account, else where the
    /// bucket's policy lets it.
    fn write_keys(
        &mut self,
        actor: &Actor,
        bucket: &str,
        closure: &Closure,
    ) -> Option<(Way, Rights)> {
        let model = self.model;
        if account(model, actor) == bucket_owner(model, bucket).as_ref() {
            let scope = RightsScope::Objects(bucket.to_owned());
            let (way, rights) = self.rights_of(actor, &scope, closure);
            return match rights.at(self.time) {
                ([], None) => None,
                ([], Some(why)) => Some((way.in_doubt(why.clone()), Rights::default())),
                _ => Some((way, rights)),
            };
        }
        let target = StepTarget::Resource(bucket.to_owned());
        let found = |changes: &Changes| {
            cross_to_objects(model, actor, changes, &target, STATE_STORE.writes)
        };
        let (way, rights, _) = self.take(actor, closure, &found)?;
        Some((way, rights))
    }
}
