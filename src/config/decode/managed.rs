//! Blocks of managed kinds: meta-arguments, placement, lifecycle, and the kind's own schema.

use std::collections::BTreeMap;

use hcl::edit::Span;
use hcl::edit::expr::{Expression, Traversal, TraversalOperator};

use super::super::expr::Expr;
use super::super::model::{IgnoreChanges, LifecycleDecl, Meta, ResourceDecl};
use super::super::raw::RawAttr;
use super::body::Owner;
use super::{DecodeTarget, Decoder, Parts};
use crate::diag::{Diagnostic, Loc, did_you_mean};
use crate::schema::blocks::LIFECYCLE;
use crate::schema::resource::resource_type;
use crate::schema::{AccessPart, Home, KindSchema, Spanned};

impl Decoder<'_> {
    /// A block of a managed kind.
    pub(super) fn managed(
        &mut self,
        schema: &'static KindSchema,
        mut parts: Parts,
        to: &mut DecodeTarget<'_>,
    ) {
        let Some(label) = parts.labels.first().cloned() else { return };
        let name = format!("{}.{}", schema.kind, label.value);
        let mut meta = Meta::default();
        let (for_each, count) = self.repetition(&mut parts.attrs);
        meta.for_each = for_each;
        meta.count = count;
        if let Some(attr) = parts.attrs.remove("depends_on") {
            meta.depends_on = self.references("depends_on", attr);
        }
        let unplaced = !self.placement(schema, &mut parts, &mut meta);
        let mut rest = Vec::new();
        let mut lifecycle: Option<Loc> = None;
        for block in parts.blocks {
            if block.ident.as_str() != "lifecycle" {
                rest.push(block);
                continue;
            }
            let inner = self.split(block);
            match &lifecycle {
                Some(first) => self.twice("`lifecycle`", inner.loc.clone(), first),
                None => {
                    lifecycle = Some(inner.loc.clone());
                    if self.labels(&inner, &[]).is_some() {
                        meta.lifecycle = self.lifecycle(inner, schema);
                    }
                }
            }
        }
        let computed: Vec<&str> = schema.computed.iter().map(|c| c.name).collect();
        let owner =
            Owner { ty: schema.kind, name: &name, computed: &computed, meta: true, unplaced };
        let body = self.body(&owner, parts.loc.clone(), parts.attrs, rest, &schema.block);
        let declaration = ResourceDecl {
            kind: schema.kind.to_owned(),
            label: label.clone(),
            loc: parts.loc.clone(),
            meta,
            body,
        };
        let key = (schema.kind.to_owned(), label.value);
        if let Some(first) = to.module.resources.get(&key) {
            let first = first.loc.clone();
            self.twice(&format!("`{name}`"), parts.loc, &first);
        } else {
            to.module.resources.insert(key, declaration);
        }
    }

    /// `for_each` and `count`, of which at most one may be given.
    pub(super) fn repetition(
        &mut self,
        attrs: &mut BTreeMap<String, RawAttr>,
    ) -> (Option<Expr>, Option<Expr>) {
        let for_each = attrs.remove("for_each");
        let count = attrs.remove("count");
        if let (Some(for_each), Some(count)) = (&for_each, &count) {
            self.error(
                Diagnostic::error("`for_each` and `count` exclude each other")
                    .at(count.name_loc.clone())
                    .related(for_each.name_loc.clone(), "the other one")
                    .help(
                        "keep `for_each` where instances have names, `count` where they are alike",
                    ),
            );
        }
        (for_each.map(|a| a.value), count.map(|a| a.value))
    }

    /// Reads where a block's instances live, and says whether it names any place that it needs.
    fn placement(
        &mut self,
        schema: &'static KindSchema,
        parts: &mut Parts,
        meta: &mut Meta,
    ) -> bool {
        let mut take = |attr: &str| {
            if schema.block.attr(attr).is_some() { None } else { parts.attrs.remove(attr) }
        };
        let (accounts, environments) = (take("accounts"), take("environments"));
        match (schema.home, &accounts, &environments) {
            (Home::Organization, None, None) => {}
            (Home::Organization, accounts, environments) => {
                for (attr, given) in [("accounts", accounts), ("environments", environments)] {
                    if let Some(given) = given {
                        self.error(
                            Diagnostic::error(format!("`{}` takes no `{attr}`", schema.kind))
                                .at(given.name_loc.clone())
                                .detail("it lives in the organization, not in an account")
                                .help("remove it"),
                        );
                    }
                }
                return true;
            }
            (Home::Account, None, None) => return false,
            (Home::Account, Some(accounts), Some(environments)) => self.error(
                Diagnostic::error("`accounts` and `environments` exclude each other")
                    .at(environments.name_loc.clone())
                    .related(accounts.name_loc.clone(), "the other one")
                    .help("keep one of them, or write two blocks"),
            ),
            (Home::Account, ..) => {}
        }
        meta.accounts = accounts.map(|a| a.value);
        meta.environments = environments.map(|a| a.value);
        true
    }

    fn lifecycle(&mut self, parts: Parts, schema: &KindSchema) -> LifecycleDecl {
        let owner = Owner {
            ty: "lifecycle",
            name: "lifecycle",
            computed: &[],
            meta: false,
            unplaced: false,
        };
        let mut body = self.body(&owner, parts.loc, parts.attrs, parts.blocks, &LIFECYCLE);
        let preconditions = self.conditions(&body, "precondition");
        let postconditions = self.conditions(&body, "postcondition");
        let mut flag = |name: &str| {
            let attr = body.attrs.remove(name)?;
            self.literal_bool(name, &attr)
        };
        let prevent_destroy = flag("prevent_destroy").unwrap_or(false);
        let create_before_destroy = flag("create_before_destroy").unwrap_or(false);
        let ignore_changes = match body.attrs.remove("ignore_changes") {
            Some(attr) => self.ignore_changes(&attr, schema),
            None => IgnoreChanges::None,
        };
        let replace_triggered_by = match body.attrs.remove("replace_triggered_by") {
            Some(attr) => self.references("replace_triggered_by", attr),
            None => Vec::new(),
        };
        LifecycleDecl {
            prevent_destroy,
            create_before_destroy,
            ignore_changes,
            replace_triggered_by,
            preconditions,
            postconditions,
        }
    }

    fn ignore_changes(&mut self, attr: &RawAttr, schema: &KindSchema) -> IgnoreChanges {
        let expr = &attr.value;
        match expr.node() {
            Expression::Variable(name) if name.as_str() == "all" => IgnoreChanges::All(expr.loc()),
            Expression::Array(array) => {
                let mut paths = Vec::new();
                for element in array {
                    let loc = expr.loc_at(element.span().unwrap_or(0..0));
                    match attribute_path(element) {
                        Some(path) => match ignored(schema, &path) {
                            Ok(value) => paths.push(Spanned { value, loc }),
                            Err(help) => self.error(
                                Diagnostic::error(format!(
                                    "`ignore_changes` names `{path}`, which `{}` does not have",
                                    schema.kind
                                ))
                                .at(loc)
                                .help(help),
                            ),
                        },
                        None => self.error(
                            Diagnostic::error("`ignore_changes` takes names of arguments")
                                .at(loc)
                                .help("write `ignore_changes = [tags, description]`"),
                        ),
                    }
                }
                IgnoreChanges::Some(paths)
            }
            _ => {
                self.error(
                    Diagnostic::error("`ignore_changes` must be a list of arguments, or `all`")
                        .at(expr.loc())
                        .help("write `ignore_changes = [tags]`"),
                );
                IgnoreChanges::None
            }
        }
    }
}

/// A path as plans call it: what is written in blocks is an attribute there (`trust` is `assume_role_policy`).
///
/// # Errors
/// What to write instead, where the kind has no such argument, block or attribute.
fn ignored(schema: &KindSchema, path: &str) -> Result<String, String> {
    let (root, rest) = path.split_once('.').map_or((path, None), |(root, rest)| (root, Some(rest)));
    let trust = match schema.meaning.access {
        AccessPart::Principal(principal) => principal.trust,
        _ => None,
    };
    let policies = || schema.policies.iter().map(|policy| policy.trim_end_matches(".*"));
    let plural = |name: &str| name.strip_suffix('y').map(|stem| format!("{stem}ies"));
    let told = schema.computed.iter().map(|c| c.name).chain(policies()).chain(schema.attachments);
    let is_property = || {
        let ty = resource_type(schema.kind);
        ty.is_some_and(|ty| ty.shape().names().contains(root))
    };
    let canonical = if schema.block.attr(root).is_some()
        || told.clone().any(|name| name == root)
        || is_property()
    {
        root.to_owned()
    } else if root == "trust" && trust.is_some() {
        trust.unwrap_or_default().to_owned()
    } else if schema.block.nested(root).is_some() {
        let own = || policies().find(|policy| Some(*policy) != trust).map(str::to_owned);
        let of_labels = || policies().find(|policy| plural(root).as_deref() == Some(*policy));
        match root {
            "statement" => own().unwrap_or_default(),
            _ => of_labels().unwrap_or(root).to_owned(),
        }
    } else if root == "all" {
        return Err("write `ignore_changes = all`, without brackets".to_owned());
    } else {
        let names = schema.block.attrs.iter().map(|a| a.name);
        let all: Vec<&str> = names.chain(schema.block.blocks.iter().map(|b| b.name)).collect();
        return Err(did_you_mean(root, all.iter().copied())
            .unwrap_or_else(|| format!("it has {}", all.join(", "))));
    };
    Ok(match rest {
        Some(rest) => format!("{canonical}.{rest}"),
        None => canonical,
    })
}

/// `tags`, `tags.x`, `tags["x"]` and `"tags.x"` as a path with dots.
fn attribute_path(expr: &Expression) -> Option<String> {
    match expr {
        Expression::Variable(name) => Some(name.as_str().to_owned()),
        Expression::String(text) => Some(text.value().clone()),
        Expression::Traversal(traversal) => {
            let Traversal { expr: Expression::Variable(name), operators, .. } = &**traversal else {
                return None;
            };
            let mut path = name.as_str().to_owned();
            for operator in operators {
                path.push('.');
                match operator.value() {
                    TraversalOperator::GetAttr(name) => path.push_str(name.as_str()),
                    TraversalOperator::Index(Expression::String(key)) => path.push_str(key.value()),
                    TraversalOperator::Index(Expression::Number(n)) => {
                        path.push_str(&n.value().to_string());
                    }
                    TraversalOperator::LegacyIndex(n) => path.push_str(&n.value().to_string()),
                    _ => return None,
                }
            }
            Some(path)
        }
        _ => None,
    }
}
