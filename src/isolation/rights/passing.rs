//! Running code under another role: by passing it to a service that trusts it, or by swapping the code of what runs under it.
//!
//! Claim: where somebody may run code of its own under a role, one of these questions is open. Which actions of a service take
//! a role, and which swap code, stands in the data of [`passing`]; a service that it does not know is undetermined.
//!
//! Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::super::crossing::{PathStep, Right, StepSource, StepTarget, asked, is_closed};
use super::actions::services_of;
use super::held::{RightHolder, Rights, Sided, alike, note};
use super::pinned::{Pinned, pinned};
use super::questions::{Questions, is_reserved, speaks};
use crate::access::{AccessModel, AccountNode, PrincipalNode};
use crate::iam::passing::RequiredResources;
use crate::iam::symbolic::{Domain, Space, Texts};
use crate::iam::{ContextValue, catalogue, passing};
use crate::ids::Handle;

/// Roles, by ARN, by the service principals that they trust.
pub(super) type Services = BTreeMap<String, Sided<String>>;

/// Actions of one question about a service: enough to find the one that is held, few enough to answer fast.
const AT_ONCE: usize = 8;

/// Documents of AWS's own that run what the caller gives them; others of its own do what their names say (Systems Manager User
/// Guide, "Systems Manager Command document plugin reference", "Running scripts from remote locations").
const RUNNING_DOCUMENTS: [&str; 8] = [
    "AWS-ApplyAnsiblePlaybooks",
    "AWS-ApplyChefRecipes",
    "AWS-ApplyDSCMofs",
    "AWS-RunDocument",
    "AWS-RunPowerShellScript",
    "AWS-RunRemoteScript",
    "AWS-RunSaltState",
    "AWS-RunShellScript",
];

/// Whether a document of Systems Manager, by ARN, may run what the caller gives it: one of the account's own, whose text may be
/// that, or one of those. No document of a customer's is called like AWS's own (Systems Manager API Reference, `CreateDocument`).
fn is_running_document(arn: &str) -> bool {
    let name = arn.split_once(":document/").map_or("", |(_, name)| name);
    !["AWS", "aws", "Amazon", "amazon", "amzn"].iter().any(|start| name.starts_with(start))
        || RUNNING_DOCUMENTS.contains(&name)
}

/// Whether a role lets a service in that acts for the role's own account, which it does where the role was passed to it
/// there (IAM User Guide, "The confused deputy problem").
pub(in crate::isolation) fn serves(
    model: &AccessModel,
    role: &PrincipalNode,
    service: &str,
    home: &AccountNode,
) -> bool {
    let statements = || role.trust.iter().flat_map(|trust| &trust.document.statements);
    if statements().all(|statement| statement.conditions.is_empty()) {
        return true;
    }
    let source = StepSource::Service(service.to_owned());
    let step = PathStep { source, target: StepTarget::Role(role.arn.clone()) };
    let one_of = |values: [Option<&str>; 2]| {
        Domain::These(values.into_iter().map(|value| value.map(ContextValue::from)).collect())
    };
    // Of an ARN the account is all that is known.
    let asked_for = statements().flat_map(|s| &s.conditions).flat_map(|c| &c.values);
    let accounts = asked_for.filter_map(|v| v.text.symbolic().split(':').nth(4).map(str::to_owned));
    // The ARNs of some types have none, such as buckets'.
    let others =
        accounts.filter(|id| !id.is_empty() && *id != home.id && !id.contains(['*', '?', '$']));
    let sources = Texts {
        prefixes: vec![format!("arn:{}:", home.partition)],
        except: others.map(|id| format!("arn:*:*:*:{id}:*")).collect(),
        absent: true,
    };
    let organization = home.membership.as_ref().map(|m| m.id.as_str());
    let keys = [
        ("aws:sourceaccount", one_of([None, Some(&home.id)])),
        ("aws:sourcearn", Domain::Texts(sources)),
        ("aws:sourceorgid", one_of([None, organization])),
        ("aws:sourceorgpaths", one_of([None, home.organization_path.as_deref()])),
    ];
    let keys = keys.map(|(key, domain)| (key.to_owned(), domain));
    asked(model, &step).is_none_or(|asked| !is_closed(&asked.knowing(keys)))
}

/// The ARNs of a kind that lie in an account, as a pattern.
fn lying_in(home: &AccountNode, arn: &str) -> String {
    let mut parts = arn.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (variable, after) = part.split_once('}').unwrap_or((part, ""));
        match variable {
            "Partition" => text.push_str(&home.partition.to_string()),
            "Account" => text.push_str(&home.id),
            _ => text.push('*'),
        }
        text.push_str(after);
    }
    text
}

impl Questions<'_> {
    /// Roles of an account by the services that they trust, with the sides on which they do.
    fn services(&self, account: &Handle) -> Rc<Services> {
        let read = || {
            let mut found = Services::default();
            for (at, model) in self.sides().into_iter().enumerate() {
                let Some(home) = model.accounts.get(account) else { continue };
                for role in model.principals_of(account) {
                    let services = services_of(role).into_iter();
                    for service in services.filter(|service| serves(model, role, service, home)) {
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
            let (bound, free): (Sided<&String>, Sided<&String>) = roles
                .into_iter()
                .partition(|(role, _)| pinned(self.sides(), role, service).is_some());
            for (there, roles) in alike(free) {
                let mut own = Rights::default();
                self.pass_to(holder, home, service, (&roles, None), &mut own);
                rights.join(own.only(there));
            }
            for (role, there) in bound {
                let mut own = Rights::default();
                let pinned = pinned(self.sides(), role, service);
                self.pass_to(holder, home, service, (&[role], pinned.as_ref()), &mut own);
                rights.join(own.only(there));
            }
        }
    }

    /// The same for one service and the roles that trust it; `pinned` limits the resources for which they do.
    fn pass_to(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        service: &str,
        (roles, pinned): (&[&String], Option<&Pinned>),
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
            rights.join(self.over(holder, home, some, pinned));
            if !rights.before.is_empty() && !rights.after.is_empty() {
                break;
            }
        }
        for set in ways.swap_together.iter().filter(|set| set.concat().iter().all(|a| speaks(a))) {
            let mut all = set.iter().map(|actions| self.over_one_resource(holder, home, actions));
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
            start.join(self.over(holder, home, some, pinned));
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

    /// Actions of services on whatever of theirs there is in the holder's account: a role is passed within its account, and
    /// what runs under it lies there too.
    pub(super) fn of_service(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        actions: &[&str],
    ) -> Rights {
        self.over(holder, home, actions, None)
    }

    /// The same, only over given resources if a trust policy pins them.
    fn over(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        actions: &[&str],
        pinned: Option<&Pinned>,
    ) -> Rights {
        let mut rights = Rights::default();
        let mut by_service: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for action in actions {
            if let Some(required) = passing::required_resources(action) {
                rights.join(self.over_each(holder, home, action, required));
                continue;
            }
            // The remaining resources depend on the action.
            let prefix = match pinned {
                Some(_) => *action,
                None => action.split(':').next().unwrap_or_default(),
            };
            by_service.entry(prefix).or_default().push((*action).to_owned());
        }
        for (first, actions) in by_service {
            let known = actions.iter().filter_map(|action| catalogue().find(action));
            let types: Vec<_> = known.map(|id| catalogue().resource_types(id).collect()).collect();
            let takes_all = types.len() < actions.len() || types.iter().any(Vec::is_empty);
            let kinds: BTreeSet<&str> = types.iter().flatten().map(|kind| kind.arn).collect();
            let at_home = kinds.into_iter().map(|arn| Space::Shaped(lying_in(home, arn)));
            let all = takes_all.then(|| Space::One("*".to_owned()));
            let mut resources: Vec<Space> = at_home.chain(all).collect();
            if let Some(pinned) = pinned {
                resources = pinned.remaining(first, resources);
            }
            if !resources.is_empty() {
                rights.add(self.question(holder, Right { actions, resources, ..Right::default() }));
            }
        }
        rights
    }

    /// Actions that count only over the same resource. Each is a request of its own, and all go to the Region of that resource.
    fn over_one_resource(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        actions: &[&str],
    ) -> Rights {
        let Some((first, others)) = actions.split_first() else { return Rights::default() };
        let types = |action: &&str| -> BTreeSet<&'static str> {
            let id = catalogue().find(action);
            id.into_iter().flat_map(|id| catalogue().resource_types(id)).map(|t| t.arn).collect()
        };
        let mut common = types(first);
        others.iter().for_each(|action| common.retain(|arn| types(action).contains(arn)));
        if others.is_empty() || common.is_empty() {
            let mut all = actions.iter().map(|action| self.of_service(holder, home, &[action]));
            let alone = all.next().unwrap_or_default();
            return all.fold(alone, Rights::and);
        }
        let resources: Vec<Space> =
            common.into_iter().map(|arn| Space::Shaped(lying_in(home, arn))).collect();
        let asked = |action: &str, together| Right {
            actions: vec![action.to_owned()],
            resources: resources.clone(),
            together,
            ..Right::default()
        };
        let together = others.iter().filter_map(|action| passing::in_lower_case(action)).collect();
        let mut rights = Rights::default();
        rights.add(self.question(holder, asked(first, together)));
        if rights.suffice(holder) {
            return rights;
        }
        // Conditions on the network may differ: two requests can meet them, while one request for both actions cannot.
        let apart = |action: &&str| {
            let mut one = Rights::default();
            one.add(self.unnamed(holder, asked(action, Vec::new())));
            one
        };
        let mut all = actions.iter().map(apart);
        let alone = all.next().unwrap_or_default();
        rights.join(all.fold(alone, Rights::and_over_the_same));
        rights
    }

    /// An action on one resource of each of these types, with a role passed to it.
    fn over_each(
        &self,
        holder: &RightHolder,
        home: &AccountNode,
        action: &str,
        required: &RequiredResources,
    ) -> Rights {
        // The call names the resource that carries the role, which is in the account of the role.
        let named = |kind: &str| {
            let prefix = format!("arn:{}:iam::{}:{kind}/", home.partition, home.id);
            Domain::Texts(Texts { prefixes: vec![prefix], ..Texts::default() })
        };
        let keys = required.role_keys.iter();
        let domains: Vec<(String, Domain)> =
            keys.map(|(key, kind)| (key.to_ascii_lowercase(), named(kind))).collect();
        let id = catalogue().find(action);
        let kinds = || id.into_iter().flat_map(|id| catalogue().resource_types(id));
        let mut rights: Option<Rights> = None;
        for group in &required.groups {
            let of_group = kinds().filter(|kind| group.contains(&kind.name));
            let mut resources: Vec<Space> =
                of_group.map(|kind| Space::Shaped(lying_in(home, kind.arn))).collect();
            if group.contains(&"document") {
                let of_aws = |name: &&str| format!("arn:{}:ssm:*::document/{name}", home.partition);
                resources.extend(RUNNING_DOCUMENTS.iter().map(of_aws).map(Space::Shaped));
            }
            let mut one = Rights::default();
            one.add(self.question(
                holder,
                Right {
                    actions: vec![action.to_owned()],
                    resources,
                    domains: domains.clone(),
                    ..Right::default()
                },
            ));
            if group.contains(&"document") {
                one = one.over(is_running_document);
            }
            rights = Some(match rights {
                Some(rights) => rights.and(one),
                None => one,
            });
        }
        rights.unwrap_or_default()
    }
}
