//! Environments, the provider's settings, and the blocks that other engines read.

mod config_instances;
mod config_values;
pub(in crate::eval) mod reference;
mod releases;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::{CONFIG_KIND, ResourceAddr};
use crate::config::{RawBlock, RawBody, RawNested, ResourceDecl};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::body::{evaluate_attr, evaluate_body};
use crate::eval::data::until_looked_up;
use crate::eval::environments::reference::{EMPTY, region_of, schema_of};
use crate::eval::estate::{Environment, ProviderSettings};
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::{Node, Stored};
use crate::eval::expr::scope::suggest;
use crate::eval::instances::object::ExpandedInstance;
use crate::eval::modules::instance::ModuleIx;
use crate::eval::modules::scope::ModuleScope;
use crate::iam::Limits;
use crate::schema::endpoint::{ENDPOINT, is_endpoint};
use crate::schema::{AccessPart, Body, access_of, kind, limits_of, sensitive_tags};
use crate::value::convert::text_of;
use crate::value::{Attrs, Value};

impl<'c> Evaluator<'c> {
    /// The scope of the root module.
    pub(in crate::eval) fn root_scope(&self) -> ModuleScope<'_, 'c> {
        ModuleScope::new(self, self.module(ModuleIx(0)), None)
    }

    /// An attribute of an environment, as expressions read it.
    pub(in crate::eval) fn environment_attr(
        &self,
        name: &str,
        attr: &str,
        loc: &Loc,
    ) -> Result<Value, Diagnostics> {
        let Some(block) = self.config.root().environments.get(name) else {
            return Err(Diagnostic::error(format!("there is no environment `{name}`"))
                .at(loc.clone())
                .into());
        };
        match attr {
            "name" => return Ok(Value::string(name)),
            "release" => {
                let mut all = BTreeMap::new();
                for release in self.release_names() {
                    let stands = self.release_in(name, release, loc)?;
                    all.insert(
                        release.to_owned(),
                        stands.map(|r| r.to_value()).unwrap_or_default(),
                    );
                }
                return Ok(Value::Map(all.into_iter().collect()));
            }
            _ => {}
        }
        let schema = schema_of("environment");
        if attr == CONFIG_KIND {
            let value =
                self.value(Node::Environment(name.to_owned(), attr.to_owned()), Some(loc), || {
                    let mut all = Attrs::new();
                    for config in block.body.nested(CONFIG_KIND) {
                        if let Some(values) = config.body.get("values") {
                            let value = self.root_scope().evaluate(values, &[])?;
                            all.insert(config.label().to_owned(), value);
                        }
                    }
                    Ok(Value::Map(all))
                })?;
            return Ok((*value).clone());
        }
        let Some(declared) = schema.attr(attr) else {
            let mut known: Vec<&str> = schema.attrs.iter().map(|a| a.name).collect();
            known.extend([CONFIG_KIND, "name", "release"]);
            known.sort_unstable();
            return Err(Diagnostic::error(format!(
                "`environment.{name}` has no attribute `{attr}`"
            ))
            .at(loc.clone())
            .help(suggest(attr, &known))
            .into());
        };
        let Some(raw) = block.body.get(attr) else { return Ok(Value::Null) };
        let value =
            self.value(Node::Environment(name.to_owned(), attr.to_owned()), Some(loc), || {
                evaluate_attr(&self.root_scope(), &[], raw, declared.ty)
            })?;
        Ok((*value).clone())
    }

    /// The accounts of an environment.
    pub(in crate::eval) fn environment_accounts(
        &self,
        name: &str,
        loc: &Loc,
    ) -> Result<Vec<Arc<ExpandedInstance<'c>>>, Diagnostics> {
        let value = self.environment_attr(name, "accounts", loc)?;
        match self.config.root().environments.get(name).and_then(|b| b.body.get("accounts")) {
            Some(expr) => self.accounts_in(&value, expr),
            None => Ok(Vec::new()),
        }
    }

    /// An attribute of a `release`, `promotion` or `isolation` block.
    pub(in crate::eval) fn declaration_attr(
        &self,
        address: &ResourceAddr,
        attr: &str,
        loc: &Loc,
    ) -> Result<Value, Diagnostics> {
        if attr == "name" {
            return Ok(Value::string(address.name.as_str()));
        }
        let key = (address.kind.clone(), address.name.clone());
        let schema = schema_of(&address.kind);
        let (Some(declared), Some(block)) =
            (schema.attr(attr), self.config.root().declarations.get(&key))
        else {
            let known: Vec<&str> = schema.attrs.iter().map(|a| a.name).collect();
            return Err(Diagnostic::error(format!("`{address}` has no attribute `{attr}`"))
                .at(loc.clone())
                .help(suggest(attr, &known))
                .into());
        };
        let Some(raw) = block.body.get(attr) else { return Ok(Value::Null) };
        let node = Node::Declaration(key.0, key.1, attr.to_owned());
        let value = self
            .value(node, Some(loc), || evaluate_attr(&self.root_scope(), &[], raw, declared.ty))?;
        Ok((*value).clone())
    }

    /// The `provider "aws"` block, with defaults filled in.
    pub(in crate::eval) fn provider(&self) -> Result<Arc<ProviderSettings>, Diagnostics> {
        let node =
            Node::Declaration("provider".to_owned(), "aws".to_owned(), "settings".to_owned());
        let loc = self.config.provider.as_ref().map(|p| p.loc.clone());
        let stored = self.get(node, loc.as_ref(), || {
            let mut settings = ProviderSettings::default();
            if let Some(block) = &self.config.provider {
                let mut errors = Diagnostics::new();
                let body = evaluate_body(
                    &self.root_scope(),
                    &Vec::new(),
                    &block.body,
                    schema_of("provider"),
                    &mut errors,
                );
                fill_provider(&mut settings, &body, &mut errors);
                errors.into_result(())?;
            }
            Ok(Stored::Provider(Arc::new(settings)))
        })?;
        match stored {
            Stored::Provider(settings) => Ok(settings),
            _ => Ok(Arc::default()),
        }
    }

    /// The organization's block.
    pub(in crate::eval) fn organization(&self) -> Option<(&'c (String, String), &'c ResourceDecl)> {
        let is_organization = |kind: &str| access_of(kind).is_some_and(AccessPart::is_organization);
        self.config.root().resources.iter().find(|((kind, _), _)| is_organization(kind))
    }

    /// AWS's limits, with what `organization { limits {} }` overrides.
    pub(in crate::eval) fn limits(&self) -> Result<Arc<Limits>, Diagnostics> {
        let Some(((kind_name, _), decl)) = self.organization() else { return Ok(Arc::default()) };
        let declared = access_of(kind_name).and_then(AccessPart::organization);
        let Some(name) = declared.map(|organization| organization.limits) else {
            return Ok(Arc::default());
        };
        let node = Node::Declaration(kind_name.clone(), decl.label.value.clone(), name.to_owned());
        let stored = self.get(node, Some(&decl.loc), || {
            let overrides = |nested: &&RawNested| match nested {
                RawNested::Block(block) => block.ty == name,
                RawNested::Dynamic(dynamic) => dynamic.ty.value == name,
            };
            let raw = RawBody {
                loc: decl.body.loc.clone(),
                attrs: BTreeMap::new(),
                blocks: decl.body.blocks.iter().filter(overrides).cloned().collect(),
            };
            let schema = kind(kind_name).map_or(&EMPTY, |k| &k.schema().block);
            let mut errors = Diagnostics::new();
            let body = evaluate_body(&self.root_scope(), &Vec::new(), &raw, schema, &mut errors);
            until_looked_up(errors, &body).into_result(Stored::Limits(Arc::new(limits_of(&body))))
        })?;
        match stored {
            Stored::Limits(limits) => Ok(limits),
            _ => Ok(Arc::default()),
        }
    }

    /// One environment, evaluated.
    pub(in crate::eval) fn environment(
        &self,
        name: &str,
        block: &RawBlock,
        errors: &mut Diagnostics,
    ) -> Option<Environment> {
        let mut own = Diagnostics::new();
        let body = evaluate_body(
            &self.root_scope(),
            &Vec::new(),
            &block.body,
            schema_of("environment"),
            &mut own,
        );
        let accounts = match self.environment_accounts(name, &block.loc) {
            Ok(accounts) => accounts.iter().filter_map(|a| a.handle.clone()).collect(),
            Err(more) => {
                own.extend(more);
                std::collections::BTreeSet::new()
            }
        };
        let like = body.get("like").and_then(|v| match v.value.reveal() {
            Value::Block(block) => Some(block.address.name.clone()),
            _ => None,
        });
        if like.as_deref() == Some(name) {
            own.push(
                Diagnostic::error(format!("`environment.{name}` is `like` itself"))
                    .at(body.loc_of("like").clone()),
            );
        }
        let region = region_of(&body, &mut own);
        let environment = Environment {
            name: name.to_owned(),
            accounts,
            like,
            allowed_differences: body
                .get("allowed_differences")
                .and_then(|v| v.value.elements())
                .map(|all| all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
                .unwrap_or_default(),
            tags: shown_tags(&body, "tags", &mut own),
            region,
            body,
        };
        let failed = own.has_errors();
        errors.extend(until_looked_up(own, &environment.body));
        (!failed).then_some(environment)
    }
}

/// Tags of many objects, which are shown with each.
fn shown_tags(body: &Body, attr: &str, errors: &mut Diagnostics) -> BTreeMap<String, String> {
    let value = body.get(attr);
    if let Some(given) = value.filter(|given| given.value.has_sensitive()) {
        errors.push(sensitive_tags(attr, given.loc.clone()));
    }
    value
        .and_then(|v| v.value.as_map())
        .map(|map| {
            map.iter().filter_map(|(k, v)| Some((k.clone(), text_of(v.reveal())?))).collect()
        })
        .unwrap_or_default()
}

fn fill_provider(settings: &mut ProviderSettings, body: &Body, errors: &mut Diagnostics) {
    if let Some(region) = region_of(body, errors) {
        settings.region = region;
    }
    let mut text = |name: &str| {
        let given = body.get(name)?;
        let text = given.value.as_str().map(str::to_owned);
        if text.is_none() {
            errors.push(
                Diagnostic::error(format!("`{name}` must be known while planning"))
                    .at(given.loc.clone())
                    .needing_value(),
            );
        }
        text
    };
    settings.read_role = text("read_role");
    settings.management_role_arn = text("management_role_arn");
    settings.endpoint_url = text("endpoint_url");
    if let Some(role) = text("access_role") {
        settings.access_role = role;
    }
    if let (Some(url), Some(given)) = (&settings.endpoint_url, body.get("endpoint_url"))
        && !is_endpoint(url)
    {
        let wrong = Diagnostic::error(format!("`{url}` is no endpoint"));
        errors.push(wrong.at(given.loc.clone()).help(ENDPOINT));
    }
    settings.default_tags = shown_tags(body, "default_tags", errors);
}
