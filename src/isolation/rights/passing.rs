//! Running code under another role: by passing it to a service that trusts it, or by swapping the code of what runs under it.
//!
//! Claim: where somebody may run code of its own under a role, one of these questions is open. Which actions of a service take
//! a role, and which swap code, stands in the data of [`passing`]; a service that it does not know is undetermined.
//!
//! Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::crossing::Right;
use super::actions::services_of;
use super::held::{RightHolder, Rights, Sided, alike, note};
use super::questions::{Questions, is_reserved, speaks};
use crate::access::AccountNode;
use crate::iam::symbolic::Space;
use crate::iam::{catalogue, passing};
use crate::ids::Handle;

/// Roles, by ARN, by the service principals that they trust.
pub(super) type Services = BTreeMap<String, Sided<String>>;

/// Actions of one question about a service: enough to find the one that is held, few enough to answer fast.
const AT_ONCE: usize = 8;

impl Questions<'_> {
    /// Roles of an account by the services that they trust, with the sides on which they do.
    fn services(&self, account: &Handle) -> Rc<Services> {
        let read = || {
            let mut found = Services::default();
            for (at, model) in self.sides().into_iter().enumerate() {
                for role in model.principals_of(account) {
                    for service in services_of(role) {
                        note(found.entry(service).or_default(), role.arn.clone(), at);
                    }
                }
            }
            Rc::new(found)
        };
        let mut known = self.services.borrow_mut();
        Rc::clone(known.entry(account.clone()).or_insert_with(read))
    }

    /// Running code under one of those roles: by passing it to a service that it trusts, which takes an action
    /// of that service as well, or by swapping the code of what runs under it already.
    pub(super) fn pass(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        which: impl Fn(&String) -> bool,
        rights: &mut Rights,
    ) {
        for (service, roles) in self.services(&home.handle).iter() {
            let apt = |role: &String| !holder.is(role) && !is_reserved(role) && which(role);
            let roles: Sided<&String> =
                roles.iter().filter(|(role, _)| apt(role)).map(|(r, on)| (r, *on)).collect();
            for (there, roles) in alike(roles) {
                let mut own = Rights::default();
                self.pass_to(holder, home, service, &roles, &mut own);
                rights.join(own.only(there));
            }
        }
    }

    /// The same for one service and the roles that trust it.
    fn pass_to(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        service: &str,
        roles: &[&String],
        rights: &mut Rights,
    ) {
        let handed = || {
            self.question(
                holder,
                Right {
                    actions: vec!["iam:PassRole".to_owned()],
                    resources: roles.iter().map(|role| Space::One((*role).clone())).collect(),
                    context: vec![("iam:PassedToService".to_owned(), service.to_owned())],
                    ..Right::default()
                },
            )
        };
        let Some(ways) = passing::of(service) else {
            rights.unknown(handed(), self.name(holder), service);
            return;
        };
        let speaks =
            |action: &str| self.sides().into_iter().any(|model| speaks(model, holder, action));
        let swap: Vec<&str> = ways.swap.into_iter().filter(|action| speaks(action)).collect();
        for some in swap.chunks(AT_ONCE) {
            rights.join(self.of_service(holder, home, some));
            if !rights.before.is_empty() && !rights.after.is_empty() {
                break;
            }
        }
        for set in ways.swap_together.iter().filter(|set| set.iter().all(|action| speaks(action))) {
            let mut all = set.iter().map(|action| self.of_service(holder, home, &[action]));
            let Some(first) = all.next() else { continue };
            rights.join(all.fold(first, Rights::and));
        }
        if !speaks("iam:PassRole") {
            return;
        }
        let actions: Vec<&str> =
            ways.pass.iter().map(String::as_str).filter(|action| speaks(action)).collect();
        let mut start = Rights::default();
        for some in actions.chunks(AT_ONCE) {
            start.join(self.of_service(holder, home, some));
            if !start.before.is_empty() && !start.after.is_empty() {
                break;
            }
        }
        if !start.is_empty() {
            let mut pass = Rights::default();
            pass.add(handed());
            rights.join(start.and(pass));
        }
    }

    /// Actions of services on whatever of theirs there is.
    pub(super) fn of_service(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        actions: &[&str],
    ) -> Rights {
        let mut rights = Rights::default();
        let mut by_service: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for action in actions {
            let prefix = action.split(':').next().unwrap_or_default();
            by_service.entry(prefix).or_default().push((*action).to_owned());
        }
        for (prefix, actions) in by_service {
            let known = actions.iter().filter_map(|action| catalogue().find(action));
            let types = known.flat_map(|id| catalogue().resource_types(id));
            // An ARN's service need not be the action's: a command of Systems Manager acts on an instance of EC2.
            let services: BTreeSet<&str> =
                types.filter_map(|t| t.arn.split(':').nth(2)).chain([prefix]).collect();
            let partition = home.partition;
            let below = services.into_iter().map(|s| Space::Below(format!("arn:{partition}:{s}:")));
            let resources = below.collect();
            rights.add(self.question(holder, Right { actions, resources, ..Right::default() }));
        }
        rights
    }
}
