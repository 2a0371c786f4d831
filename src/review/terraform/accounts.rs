//! Whose account an object of a plan lies in. Nothing in the plan says so; what tells it, in this order:
//!
//! 1. the object's own ARN, before or after;
//! 2. the account that the caller gives for its provider (`--provider KEY=ID`);
//! 3. the role that the provider assumes, its only allowed account, or the identity that it has read;
//! 4. ARNs of other objects of the same provider.
//!
//! An account that none of these tells is not guessed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use super::plan::{Block, Change, TerraformPlan};
use crate::ids::{AccountId, Region};

/// Accounts by the key of the provider, as the caller gives them.
pub(crate) type ProviderAccounts = BTreeMap<String, AccountId>;

/// Tells the accounts of a plan's objects.
pub(super) struct Accounts<'p> {
    plan: &'p TerraformPlan,
    by_provider: HashMap<&'p str, String>,
    by_address: HashMap<&'p str, &'p Change>,
}

impl<'p> Accounts<'p> {
    pub(super) fn new(plan: &'p TerraformPlan, given: &'p ProviderAccounts) -> Self {
        let by_address = plan.changes().iter().map(|c| (c.address.as_str(), c)).collect();
        let mut accounts = Self { plan, by_provider: HashMap::new(), by_address };
        let learned = accounts.learned();
        for (key, provider) in &plan.configuration.provider_config {
            let told = given
                .get(key)
                .map(ToString::to_string)
                .or_else(|| accounts.assumed(&provider.expressions))
                .or_else(|| {
                    let all = learned.get(key.as_str())?;
                    (all.len() == 1).then(|| all.first().cloned()).flatten()
                });
            accounts.by_provider.extend(told.map(|id| (key.as_str(), id)));
        }
        for (key, id) in given {
            accounts.by_provider.entry(key).or_insert_with(|| id.to_string());
        }
        accounts
    }

    /// The account of an object; `None` where nothing tells it.
    pub(super) fn of(&self, change: &Change) -> Option<String> {
        own(change).or_else(|| self.by_provider.get(self.provider(change)?).cloned())
    }

    /// The key of the provider that serves an object.
    pub(super) fn provider<'c>(&self, change: &'c Change) -> Option<&'c str>
    where
        'p: 'c,
    {
        let told = change.provider_key.as_deref();
        told.or_else(|| Some(self.block(change)?.provider_config_key.as_str()))
    }

    /// The region of an object, where the plan says one.
    pub(super) fn region(&self, change: &Change) -> Option<String> {
        let own = change.either("region").map(str::to_owned);
        own.or_else(|| {
            let key = self.provider(change)?;
            let provider = self.plan.configuration.provider_config.get(key)?;
            self.constant(provider.expressions.get("region")?)
        })
        .filter(|region| region.parse::<Region>().is_ok())
    }

    /// The block that an object was made from; `None` for what is in the configuration no more.
    pub(super) fn block(&self, change: &Change) -> Option<&'p Block> {
        let address = match change.mode.as_str() {
            "data" => format!("data.{}.{}", change.r#type, change.name),
            _ => format!("{}.{}", change.r#type, change.name),
        };
        self.plan.configuration.block(change.module_address.as_deref(), &address)
    }

    /// The change of an address.
    pub(super) fn change(&self, address: &str) -> Option<&'p Change> {
        self.by_address.get(address).copied()
    }

    /// The value of a variable of the root module.
    pub(super) fn variable(&self, name: &str) -> Option<&'p Json> {
        self.plan.variables.get(name).map(|variable| &variable.value)
    }

    /// The attributes of an object or data source before the plan.
    pub(super) fn read_before(&self, address: &str) -> Option<&'p Json> {
        let values = self.plan.prior_state.as_ref()?.values.as_ref()?;
        values.root_module.all().into_iter().find(|o| o.address == address).map(|o| &o.values)
    }

    /// Whether the configuration sets an argument.
    pub(super) fn is_set(&self, change: &Change, attr: &str) -> bool {
        if self.plan.is_a_state {
            return change.change.after.get(attr).is_some_and(|value| match value {
                Json::Null => false,
                Json::Array(all) => !all.is_empty(),
                Json::String(text) => !text.is_empty(),
                Json::Object(_) | Json::Bool(_) | Json::Number(_) => true,
            });
        }
        self.block(change).is_some_and(|block| {
            block.expressions.get(attr).is_some_and(|e| match e {
                Json::Array(blocks) => !blocks.is_empty(),
                Json::Object(expression) => expression.get("constant_value") != Some(&Json::Null),
                _ => true,
            })
        })
    }

    /// The tags of an object after a change, those that its provider adds among them; `None` where one is not known.
    pub(super) fn tags(&self, change: &Change) -> Option<BTreeMap<String, String>> {
        let read = |tags: &Json| -> Option<BTreeMap<String, String>> {
            let Json::Object(tags) = tags else { return Some(BTreeMap::new()) };
            tags.iter().map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
        };
        let after = &change.change.after;
        if !change.is_unknown("tags_all") && after.get("tags_all").is_some() {
            return read(after.get("tags_all")?);
        }
        if change.is_unknown("tags") {
            return None;
        }
        let own = after.get("tags").map_or_else(|| Some(BTreeMap::new()), read)?;
        let key = self.provider(change);
        let provider = key.and_then(|key| self.plan.configuration.provider_config.get(key));
        let added = provider.and_then(|p| p.expressions.get("default_tags")?.as_array()?.first());
        let mut tags = match added {
            None => BTreeMap::new(),
            Some(added) => read(added.get("tags")?.get("constant_value")?)?,
        };
        tags.extend(own);
        Some(tags)
    }

    /// The one object that an argument refers to, where it refers to nothing else.
    pub(super) fn referenced(&self, change: &Change, attr: &str) -> Option<&'p Change> {
        let expression = self.block(change)?.expressions.get(attr)?;
        let references = expression.get("references")?.as_array()?;
        let objects: BTreeSet<&str> = references
            .iter()
            .filter_map(Json::as_str)
            .filter(|reference| !matches!(*reference, "each.key" | "each.value" | "count.index"))
            .filter_map(object_of)
            .collect();
        // Beside an instance, Terraform lists what it is an instance of.
        let is_instance_of =
            |all: &str, one: &str| one.strip_prefix(all).is_some_and(|k| k.starts_with('['));
        let objects: BTreeSet<&str> = objects
            .iter()
            .copied()
            .filter(|object| !objects.iter().any(|one| is_instance_of(object, one)))
            .collect();
        let keyed =
            references.iter().any(|r| matches!(r.as_str(), Some("each.key" | "count.index")));
        let object = objects.first().filter(|_| objects.len() == 1)?;
        let module = change.module_address.as_ref().map(|m| format!("{m}.")).unwrap_or_default();
        let address = format!("{module}{object}");
        let same_key = || {
            let index = change.index.as_ref().filter(|_| keyed)?;
            self.by_address.get(format!("{address}[{index}]").as_str()).copied()
        };
        self.by_address.get(address.as_str()).copied().or_else(same_key)
    }

    /// Accounts that ARNs and read identities name, by provider.
    fn learned(&self) -> HashMap<&'p str, BTreeSet<String>> {
        let mut learned: HashMap<&str, BTreeSet<String>> = HashMap::new();
        for change in self.plan.changes() {
            let tells = change.mode == "managed" || !self.plan.is_a_state || is_identity(change);
            if let (Some(id), Some(key), true) = (own(change), self.provider(change), tells) {
                learned.entry(key).or_default().insert(id);
            }
        }
        let state = self.plan.prior_state.as_ref().and_then(|state| state.values.as_ref());
        for object in state.map(|values| values.root_module.all()).unwrap_or_default() {
            let id = match object.r#type.as_str() {
                "aws_caller_identity" => {
                    object.values.get("account_id").and_then(Json::as_str).map(str::to_owned)
                }
                kind => object
                    .values
                    .get("arn")
                    .and_then(Json::as_str)
                    .and_then(|arn| account_of(kind, arn)),
            };
            let module =
                object.address.rsplit_once("data.").map_or(object.address.as_str(), |(m, _)| m);
            let module =
                module.rsplit_once(&format!("{}.", object.r#type)).map_or(module, |(m, _)| m);
            let module = module.trim_end_matches('.');
            let data = object.address.contains("data.");
            let address =
                format!("{}{}.{}", if data { "data." } else { "" }, object.r#type, object.name);
            let block = self
                .plan
                .configuration
                .block(Some(module).filter(|m| m.starts_with("module.")), &address);
            if let (Some(id), Some(block)) = (id, block) {
                learned.entry(block.provider_config_key.as_str()).or_default().insert(id);
            }
        }
        learned
    }

    /// The account of the role that a provider assumes, or the only one that it allows.
    fn assumed(&self, provider: &Json) -> Option<String> {
        let role = provider.get("assume_role").and_then(Json::as_array).and_then(|all| all.last());
        if let Some(role) = role {
            // A role that cannot be told is no reason to look further: the provider's own identity is another one.
            let arn = self.constant(role.get("role_arn")?)?;
            return account_in(&arn)
                .or_else(|| arn.parse::<AccountId>().ok().map(|id| id.to_string()));
        }
        let allowed = provider.get("allowed_account_ids")?.get("constant_value")?.as_array()?;
        match allowed.as_slice() {
            [Json::String(id)] => id.parse::<AccountId>().ok().map(|id| id.to_string()),
            _ => None,
        }
    }

    /// The text of an expression that is a constant, or one variable's value.
    fn constant(&self, expression: &Json) -> Option<String> {
        if let Some(text) = expression.get("constant_value").and_then(Json::as_str) {
            return Some(text.to_owned());
        }
        let references = expression.get("references")?.as_array()?;
        let [Json::String(reference)] = references.as_slice() else { return None };
        let value = &self.plan.variables.get(reference.strip_prefix("var.")?)?.value;
        // Only what is plainly an ARN or an account id: `"...${var.account}..."` has the same references, and then
        // the value is the account alone.
        let text = value.as_str()?;
        let telling = text.parse::<AccountId>().is_ok()
            || account_in(text).is_some()
            || text.parse::<Region>().is_ok();
        telling.then(|| text.to_owned())
    }
}

/// Whether it is the identity of the provider's caller.
pub(super) fn is_identity(change: &Change) -> bool {
    change.r#type == "aws_caller_identity"
}

/// The account that an object's own ARN names.
fn own(change: &Change) -> Option<String> {
    account_of(&change.r#type, change.either("arn")?)
}

fn account_of(kind: &str, arn: &str) -> Option<String> {
    // ARNs of Organizations carry the management account, whatever they name.
    if kind.starts_with("aws_organizations_") {
        return None;
    }
    account_in(arn)
}

fn account_in(arn: &str) -> Option<String> {
    let mut parts = arn.split(':');
    (parts.next() == Some("arn")).then_some(())?;
    parts.nth(3)?.parse::<AccountId>().ok().map(|id| id.to_string())
}

/// `aws_iam_role.r` of `aws_iam_role.r["x"].arn`; `None` for variables, locals and outputs of modules.
fn object_of(reference: &str) -> Option<&str> {
    if ["var.", "local.", "module.", "path.", "terraform.", "self."]
        .iter()
        .any(|p| reference.starts_with(p))
    {
        return Some(reference);
    }
    let mut dots = reference.match_indices('.').map(|(at, _)| at);
    let steps = if reference.starts_with("data.") { 2 } else { 1 };
    let end = dots.nth(steps).unwrap_or(reference.len());
    // A key stays a part of the object; what follows it does not.
    let object = reference.get(..end)?;
    match reference.find('[') {
        Some(at) if at < end => {
            let close = reference.get(at..)?.find(']')? + at + 1;
            reference.get(..close)
        }
        _ => Some(object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_object() {
        for (reference, object) in [
            ("aws_iam_role.r.arn", "aws_iam_role.r"),
            ("aws_iam_role.r", "aws_iam_role.r"),
            (r#"aws_iam_role.r["x.y"].arn"#, r#"aws_iam_role.r["x.y"]"#),
            ("data.aws_iam_policy_document.d.json", "data.aws_iam_policy_document.d"),
            ("var.x", "var.x"),
        ] {
            assert_eq!(object_of(reference), Some(object), "{reference}");
        }
    }

    #[test]
    fn arns_of_organizations_tell_no_account() {
        assert_eq!(
            account_of(
                "aws_organizations_account",
                "arn:aws:organizations::999999999999:account/o-1/1"
            ),
            None
        );
        assert_eq!(
            account_of("aws_iam_role", "arn:aws:iam::111111111111:role/r").as_deref(),
            Some("111111111111")
        );
        assert_eq!(account_of("aws_s3_bucket", "arn:aws:s3:::acme"), None);
    }
}
