//! The changes of a plan, grouped by account and by what they do to access.
//!
//! Claim: every change of a plan is judged, grants no access according to the table of types, or is reported as not judged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use super::accounts::{Accounts, ProviderAccounts};
use super::plan::{Change, TerraformPlan, texts};
use super::types::{Bearing, bearing};
use super::written::{self, WrittenPolicies};
use super::{function_permissions, identities, organization, own_account, resources};
use crate::access::FUNCTION;
use crate::diag::{Diagnostic, Diagnostics};
use crate::iam::Placeholder;
use crate::review::arns;
use crate::review::change_set::{ApplyNotes, ApplyStep, ChangeSet, NotJudged, add_account};
use crate::review::{AccountsSnapshot, Identity, PolicyText};

/// A plan and where it comes from.
#[derive(Debug)]
pub(crate) struct PlanFile {
    /// The file's name, for messages.
    pub name: String,
    /// The plan.
    pub plan: TerraformPlan,
    /// Accounts of its providers, as the caller gives them.
    pub providers: ProviderAccounts,
    /// Policies that are known only after apply, as the configuration writes them.
    pub written: WrittenPolicies,
}

/// The object in the snapshot that an object of a plan refers to.
#[derive(Clone, Debug)]
pub(super) struct Entity {
    /// Its name in its account.
    pub(super) name: String,
    /// Its ARN, or its id in the organization.
    pub(super) arn: String,
}

/// The changes of one plan.
pub(crate) struct Work<'p> {
    pub(super) accounts: Accounts<'p>,
    file: &'p PlanFile,
    /// Changes that are in the model, with their accounts (empty for the organization).
    judged: Vec<(&'p Change, String)>,
    /// What holds others, by address, those that stay as they are among them.
    entities: HashMap<&'p str, Entity>,
    harmless: usize,
    unclear: Vec<NotJudged>,
}

impl<'p> Work<'p> {
    /// The changes of a plan. An object whose account is unknown is an error.
    pub(crate) fn new(
        file: &'p PlanFile,
        before: &AccountsSnapshot,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut work = Self {
            accounts: Accounts::new(&file.plan, &file.providers),
            file,
            judged: Vec::new(),
            entities: HashMap::new(),
            harmless: 0,
            unclear: Vec::new(),
        };
        work.partial();
        for change in file.plan.changes() {
            let bearing = bearing(&change.provider_name, &change.r#type);
            // What stands was judged when it was made: of a state, only what the model holds is added.
            let is_added = bearing == Bearing::Judged && !is_of_organization(change);
            if file.plan.is_a_state && !is_added {
                continue;
            }
            let told = || work.accounts.of(change).or_else(|| evidence(change, before));
            let managed = change.mode == "managed";
            if bearing == Bearing::Judged && managed {
                let account = match is_of_organization(change) {
                    true => Some(String::new()),
                    false => told(),
                };
                match account {
                    Some(account) => {
                        if let Some(entity) = entity(change, &account, before, &work.accounts) {
                            work.entities.insert(&change.address, entity);
                        }
                        if change.changes() {
                            work.judged.push((change, account));
                        }
                    }
                    None if change.changes() => diagnostics.push(work.unknown_account(change)),
                    None => {}
                }
                continue;
            }
            if !change.changes() {
                continue;
            }
            let account = told();
            match work.unclear(change, bearing, account.as_deref()) {
                Some(why) => work.unclear.push(NotJudged { account, why }),
                None => work.harmless += 1,
            }
        }
        work
    }

    /// What a plan that is not whole leaves open.
    fn partial(&mut self) {
        let plan = &self.file.plan;
        let name = &self.file.name;
        let why = if plan.errored {
            Some(format!("the plan `{name}` failed: it shows only some of the changes"))
        } else if plan.complete == Some(false) {
            Some(format!(
                "the plan `{name}` is not complete (`-target` or deferred changes): it shows only some of the changes"
            ))
        } else if !plan.deferred_changes.is_empty() {
            Some(format!("the plan `{name}` has deferred changes"))
        } else {
            None
        };
        self.unclear.extend(why.map(|why| NotJudged { account: None, why }));
        for change in plan.changes().iter().filter(|change| change.changes()) {
            let runs =
                self.accounts.block(change).is_some_and(|block| !block.provisioners.is_empty());
            if runs && !change.only_tags() {
                let why =
                    format!("`{}` runs a provisioner, which may change anything", change.address);
                self.unclear.push(NotJudged { account: None, why });
            }
        }
    }

    /// Why a change outside the model may grant access; `None` if it grants none.
    fn unclear(&self, change: &Change, bearing: Bearing, account: Option<&str>) -> Option<String> {
        let kind = &change.r#type;
        let address = &change.address;
        if change.only_tags() {
            return None;
        }
        let policy_stays_in =
            || account.is_some_and(|id| own_account::policy_stays_in(change, &self.accounts, id));
        let lets_in = |what: &str| {
            format!(
                "{what} of `{address}` may grant access to other accounts, and its type is not judged yet (`{kind}`)"
            )
        };
        match bearing {
            Bearing::Judged | Bearing::Named | Bearing::None => None,
            Bearing::Policy => {
                let names = ["policy", "access_policy", "access_policies"];
                let set = names.iter().any(|name| self.accounts.is_set(change, name));
                // Deleting a resource deletes its policy too, which opens nothing.
                let goes = change.change.actions.iter().all(|a| a == "delete");
                (set && !goes && !policy_stays_in()).then(|| lets_in("the policy"))
            }
            Bearing::Document => (!policy_stays_in()).then(|| lets_in("the policy")),
            Bearing::Principal(attr) => {
                let stays_in =
                    account.is_some_and(|id| own_account::principal_stays_in(change, attr, id));
                (!stays_in).then(|| lets_in("the principal"))
            }
            Bearing::Bears => Some(format!(
                "`{address}` can grant access, and its type is not judged yet (`{kind}`)"
            )),
            Bearing::Runs => Some(format!(
                "`{address}` runs a template or program that can create anything (`{kind}`)"
            )),
            Bearing::Unknown => Some(format!("the type of `{address}` is not known (`{kind}`)")),
        }
    }

    fn unknown_account(&self, change: &Change) -> Diagnostic {
        let has_keys = !self.file.plan.configuration.provider_config.is_empty();
        let help = match self.accounts.provider(change) {
            Some(key) if has_keys || !self.is_a_state() => format!(
                "set the account of the provider, as in `--provider '{key}=111111111111'`"
            ),
            Some(_) => {
                "give the state file itself (the output of `terraform state pull`), which says which provider block serves it; or, if all are in one account, `--provider 'aws=111111111111'`".to_owned()
            }
            None => "its block is no longer in the configuration and no dump contains it: pass a dump of its account with `--accounts`".to_owned(),
        };
        Diagnostic::error(format!("the account of `{}` is not known", change.address))
            .detail(match self.file.plan.is_a_state {
                true => format!("in the state `{}`", self.file.name),
                false => format!("in the plan `{}`", self.file.name),
            })
            .help(help)
    }

    /// What an argument names: the text itself, or the object that it refers to.
    pub(super) fn named(&self, change: &Change, attr: &str) -> Option<Entity> {
        if let Some(text) = change.after(attr) {
            return Some(Entity { name: text.to_owned(), arn: text.to_owned() });
        }
        let object = self.accounts.referenced(change, attr)?;
        self.entities.get(object.address.as_str()).cloned()
    }

    /// Whether these are objects of a state, which stand.
    pub(super) fn is_a_state(&self) -> bool {
        self.file.plan.is_a_state
    }

    /// What the file says of objects.
    pub(super) fn changes(&self) -> &'p [Change] {
        self.file.plan.changes()
    }

    /// What stands for an object of this plan.
    pub(super) fn entity(&self, change: &Change) -> Option<&Entity> {
        self.entities.get(change.address.as_str())
    }

    /// Policies that are known only after apply, as the configuration writes them.
    pub(super) fn written(&self) -> &WrittenPolicies {
        &self.file.written
    }

    /// A policy after a change. `None` where there is none.
    pub(super) fn policy(&self, change: &Change, attr: &str) -> Option<PolicyText> {
        // What is judged is shown, as grants and conditions of paths.
        if change.is_sensitive(attr) {
            return Some(PolicyText::Unknown(format!(
                "`{}.{attr}` is marked sensitive",
                change.address
            )));
        }
        if change.is_unknown(attr) {
            let unknown =
                || PolicyText::Unknown(format!("`{}.{attr}` is known after apply", change.address));
            return Some(written::policy(self, change, attr).unwrap_or_else(unknown));
        }
        change.after(attr).map(|text| PolicyText::read(&Json::String(text.to_owned())))
    }
}

impl ChangeSet for Work<'_> {
    fn prepare(&self, before: &mut AccountsSnapshot) {
        for (change, id) in &self.judged {
            if id.is_empty() {
                organization::prepare(change, before);
                continue;
            }
            add_account(id, before);
            let Some(account) = before.account(id) else { continue };
            identities::prepare(change, account);
            resources::prepare(change, account);
            function_permissions::prepare(change, account);
        }
    }

    fn apply_step(&self, step: ApplyStep, after: &mut AccountsSnapshot, notes: &mut ApplyNotes) {
        for (change, id) in &self.judged {
            if id.is_empty() {
                organization::take(self, step, change, after, notes);
                continue;
            }
            let Some(account) = after.account(id) else { continue };
            identities::take(self, step, change, account, notes);
            resources::take(self, step, change, account, notes);
            function_permissions::take(self, step, change, account, notes);
        }
    }

    fn not_judged(&self) -> &[NotJudged] {
        &self.unclear
    }

    fn judged(&self) -> usize {
        self.judged.len()
    }

    fn harmless(&self) -> usize {
        self.harmless
    }
}

fn is_of_organization(change: &Change) -> bool {
    change.r#type.starts_with("aws_organizations_")
}

/// A value that is known after apply, the same wherever it is named.
pub(super) fn symbol(change: &Change, attr: &str) -> String {
    Placeholder::new(format!("{}.{attr}", change.address)).to_string()
}

/// What stands for an object that holds others.
fn entity(
    change: &Change,
    account: &str,
    before: &AccountsSnapshot,
    accounts: &Accounts<'_>,
) -> Option<Entity> {
    let partition = before.accounts.get(account).map(|a| a.partition).unwrap_or_default();
    let global = |rest: String| format!("arn:{partition}:iam::{account}:{rest}");
    // The object as it is after the change; a replaced one has a new name where that is not known.
    let name = |attr: &str| match change.after(attr) {
        Some(name) => name.to_owned(),
        None if change.writes() && change.is_unknown(attr)
            || !change.change.after.is_object() && change.writes() =>
        {
            symbol(change, attr)
        }
        None => change.before(attr).map_or_else(|| symbol(change, attr), str::to_owned),
    };
    let path = change.either("path").unwrap_or("/");
    let regional = |service: &str, rest: &str| {
        let region = accounts.region(change).unwrap_or_else(|| symbol(change, "region"));
        format!("arn:{partition}:{service}:{region}:{account}:{rest}")
    };
    // The ARN of what stays; a new object's follows from its name.
    let standing =
        change.after("arn").or_else(|| change.before("arn").filter(|_| !change.does("create")));
    let made =
        |name: String, arn: String| Some(Entity { arn: standing.map_or(arn, str::to_owned), name });
    match change.r#type.as_str() {
        "aws_iam_role" => {
            let name = name("name");
            let arn = global(format!("role{path}{name}"));
            made(name, arn)
        }
        "aws_iam_user" => {
            let name = name("name");
            let arn = global(format!("user{path}{name}"));
            made(name, arn)
        }
        "aws_iam_group" => {
            let name = name("name");
            let arn = global(format!("group{path}{name}"));
            made(name, arn)
        }
        "aws_iam_policy" => {
            let name = name("name");
            let arn = global(format!("policy{path}{name}"));
            made(name, arn)
        }
        "aws_s3_bucket" => {
            let name = name("bucket");
            Some(Entity { arn: format!("arn:{partition}:s3:::{name}"), name })
        }
        "aws_kms_key"
        | "aws_kms_external_key"
        | "aws_kms_replica_key"
        | "aws_kms_replica_external_key" => {
            let name = symbol(change, "key_id");
            let name = change.either("key_id").map_or(name, str::to_owned);
            let arn = regional("kms", &format!("key/{name}"));
            made(name, arn)
        }
        "aws_secretsmanager_secret" => {
            let name = name("name");
            let arn =
                regional("secretsmanager", &format!("secret:{name}-{}", symbol(change, "id")));
            made(name, arn)
        }
        "aws_organizations_policy"
        | "aws_organizations_organizational_unit"
        | "aws_organizations_account" => {
            let id = change.either("id").map_or_else(|| symbol(change, "id"), str::to_owned);
            Some(Entity { name: id.clone(), arn: id })
        }
        kind => {
            let (of, attr) = resources::named_by(kind)?;
            let name = name(attr);
            let arn = regional(of.service, &format!("{}{name}", of.resource));
            made(name, arn)
        }
    }
}

/// The one account whose dump holds what an object says, where its provider is not to be told: a deleted object has
/// no block any more.
fn evidence(change: &Change, before: &AccountsSnapshot) -> Option<String> {
    let kind = change.r#type.as_str();
    let by_name = match kind {
        function_permissions::PERMISSION => Some((&FUNCTION, function_permissions::NAMES)),
        _ => resources::put_on_by_name(kind),
    };
    let found = if let Some(id) = resources::account_of_holder(change) {
        return Some(id);
    } else if let Some((of, attr)) = by_name {
        let (name, region) = (change.either(attr)?, change.either("region"));
        before.only_account(|account| arns::existing(of, name, region, account).is_some())
    } else if kind.starts_with("aws_s3_bucket") {
        let bucket = change.either("bucket").or_else(|| change.either("id"))?;
        let end = format!(":s3:::{bucket}");
        before.only_account(|account| account.resources.keys().any(|arn| arn.ends_with(&end)))
    } else {
        let policy =
            change.before("policy").map(|text| PolicyText::read(&Json::String(text.to_owned())));
        let holds = |inline: &BTreeMap<String, PolicyText>, attached: &BTreeSet<String>| {
            let inline = change
                .before("name")
                .is_some_and(|name| inline.get(name) == policy.as_ref() && policy.is_some());
            inline || change.before("policy_arn").is_some_and(|arn| attached.contains(arn))
        };
        let of = |attr: &str| change.before(attr).unwrap_or_default();
        let groups = texts(&change.change.before, "groups");
        let is_in =
            |user: &Identity| !groups.is_empty() && groups.iter().all(|g| user.groups.contains(g));
        before.only_account(|account| {
            account.users.get(of("user")).is_some_and(is_in)
                || account
                    .roles
                    .get(of("role"))
                    .is_some_and(|role| holds(&role.inline, &role.attached))
                || account
                    .users
                    .get(of("user"))
                    .is_some_and(|user| holds(&user.inline, &user.attached))
                || account
                    .groups
                    .get(of("group"))
                    .is_some_and(|group| holds(&group.inline, &group.attached))
        })
    };
    found.map(str::to_owned)
}

/// The texts of a list after a change; `None` where it is not wholly known.
pub(super) fn listed(change: &Change, attr: &str) -> Option<BTreeSet<String>> {
    (!change.is_unknown(attr)).then(|| texts(&change.change.after, attr).into_iter().collect())
}
