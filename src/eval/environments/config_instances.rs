//! Config values as managed instances: one for each key of an environment and each of its accounts.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::{CONFIG_KIND, ResourceAddr};
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::data::until_looked_up;
use crate::eval::environments::config_values::{Entry, parity};
use crate::eval::estate::{Estate, Instance, Lifecycle};
use crate::eval::evaluator::Evaluator;
use crate::ids::{Handle, Partition};
use crate::schema::{self, Body, KindContext, Spanned, kind, ownership};
use crate::value::Value;

impl Evaluator<'_> {
    /// Every config value of every environment, in every account.
    pub(in crate::eval) fn config_instances(&self, estate: &mut Estate, errors: &mut Diagnostics) {
        let schemas = self.config_schemas(errors);
        let mut entries: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for (name, block) in &self.config.root().environments {
            let Some(environment) = estate.environments.get(name) else { continue };
            let (body, mut own) = (&environment.body, Diagnostics::new());
            let found = self.config_entries(name, block, body, &schemas, &mut own);
            errors.extend(until_looked_up(own, body));
            entries.insert(name.clone(), found);
        }
        for environment in estate.environments.values() {
            let model = environment.like.as_ref().and_then(|l| entries.get(l));
            if let (Some(own), Some(model)) = (entries.get(&environment.name), model) {
                parity(environment, own, model, errors);
            }
        }
        for entries in entries.values_mut() {
            entries.retain(|entry| !entry.is_refused);
        }
        let release = self.release_names().next().map(str::to_owned);
        if self.estate_name().is_empty()
            && (release.is_some() || entries.values().any(|e| !e.is_empty()))
        {
            let config = self.config.root().environments.values().find_map(|environment| {
                environment.body.nested(CONFIG_KIND).next().map(|config| config.loc.clone())
            });
            let release = || self.release_block(&release?).map(|block| block.loc.clone());
            errors.push(
                Diagnostic::error("the estate has no name, which config values and releases need")
                    .at_opt(config.or_else(release))
                    .detail("parameters are called `/NAME/ENVIRONMENT/SCHEMA/KEY`")
                    .help("write `palisade { name = \"acme\" }`"),
            );
            return;
        }
        self.releases(estate, errors);
        for (name, entries) in &mut entries {
            entries.extend(self.release_entries(name, estate));
        }
        let mut made = Vec::new();
        let mut of_all = Diagnostics::new();
        for (name, entries) in &entries {
            let Some(environment) = estate.environments.get(name) else { continue };
            for handle in &environment.accounts {
                for entry in entries {
                    match self.config_instance(name, handle, entry) {
                        Ok((instance, warnings)) => {
                            of_all.extend(warnings);
                            made.push(instance);
                        }
                        Err(more) => errors.extend(more),
                    }
                }
            }
        }
        estate.warnings.extend(of_all);
        estate.instances.extend(made.into_iter().map(|i| (i.address.clone(), i)));
    }

    fn config_instance(
        &self,
        environment: &str,
        handle: &Handle,
        entry: &Entry,
    ) -> Result<(Instance, Diagnostics), Diagnostics> {
        let address = ResourceAddr::config(environment, &entry.schema, &entry.key, handle.clone());
        let Some(kind) = kind(CONFIG_KIND) else { return Err(Diagnostics::new()) };
        let accounts = self.environment_accounts(environment, &entry.loc)?;
        let account = accounts.iter().find(|a| a.handle.as_ref() == Some(handle));
        let spanned = |value: Value| Spanned { value, loc: entry.loc.clone() };
        let mut attrs = BTreeMap::from([
            ("environment".to_owned(), spanned(environment.into())),
            ("schema".to_owned(), spanned(entry.schema.as_str().into())),
            ("key".to_owned(), spanned(entry.key.as_str().into())),
            ("value".to_owned(), spanned(entry.value.clone())),
        ]);
        if entry.secret {
            attrs.insert("secret".to_owned(), spanned(true.into()));
        }
        if let Some(key) = &entry.kms_key {
            attrs.insert("kms_key_id".to_owned(), key.clone());
        }
        let body = Body { loc: entry.loc.clone(), attrs: attrs.into(), blocks: Vec::new() };
        let provider = self.provider()?;
        let mut region = provider.region.to_string();
        let mut default_tags = provider.default_tags.clone();
        let mut account_id = Value::Null;
        if let Some(account) = account {
            account_id = self.identity(account, None)?.get("id").cloned().unwrap_or_default();
            if let Value::String(text) = self.object_attr(account, "region", &entry.loc)? {
                region = text;
            }
        }
        if let Value::String(text) = self.environment_attr(environment, "region", &entry.loc)? {
            region = text;
        }
        if let Value::Map(tags) = self.environment_attr(environment, "tags", &entry.loc)? {
            default_tags
                .extend(tags.iter().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))));
        }
        let context = KindContext {
            ownership_tags: ownership::tags(&address, self.known.lineage()),
            address: address.clone(),
            default_name: address.name.clone(),
            estate: self.estate_name(),
            account_id,
            partition: Partition::of_region(&region),
            region,
            default_tags,
            limits: (*self.limits()?).clone(),
        };
        let (desired, warnings) = schema::desired(kind, &body, &context)?;
        let computed = kind.computed(&desired, &context);
        let mentioned = self.mentioned(&entry.value);
        let depends_on = mentioned
            .into_iter()
            .filter_map(|ix| self.object(ix))
            .map(|o| o.address.clone())
            .chain(account.map(|a| a.address.clone()))
            .collect();
        let instance = Instance {
            address,
            loc: entry.loc.clone(),
            body,
            desired,
            computed,
            depends_on,
            lifecycle: Lifecycle::default(),
            environments: BTreeSet::from([environment.to_owned()]),
        };
        Ok((instance, warnings))
    }

    /// One config value, evaluated again.
    pub(in crate::eval) fn resolve_config(
        &self,
        address: &ResourceAddr,
    ) -> Result<Instance, Diagnostics> {
        let mut errors = Diagnostics::new();
        let missing =
            || Diagnostics::from(Diagnostic::error(format!("there is no instance `{address}`")));
        let name = address.environment().ok_or_else(missing)?;
        let handle = address.account().ok_or_else(missing)?;
        let block = self.config.root().environments.get(name).ok_or_else(missing)?;
        let schemas = self.config_schemas(&mut errors);
        let environment = self.environment(name, block, &mut errors).ok_or_else(missing)?;
        let entries = self.config_entries(name, block, &environment.body, &schemas, &mut errors);
        let mut estate = Estate::default();
        self.releases(&mut estate, &mut errors);
        let entries: Vec<Entry> =
            entries.into_iter().chain(self.release_entries(name, &estate)).collect();
        let entry = entries
            .iter()
            .find(|e| ResourceAddr::config(name, &e.schema, &e.key, handle.clone()) == *address)
            .ok_or_else(|| if errors.has_errors() { errors.clone() } else { missing() })?;
        self.config_instance(name, handle, entry).map(|(instance, _)| instance)
    }
}
