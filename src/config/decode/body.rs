//! A block's arguments and nested blocks, checked against its schema.

use std::collections::BTreeMap;

use hcl::edit::expr::Expression;
use hcl::edit::structure::Block;

use super::super::raw::{Dynamic, RawAttr, RawBlock, RawBody, RawNested};
use super::{Decoder, Parts, habits};
use crate::address::ACCOUNT;
use crate::diag::{Diagnostic, Loc, did_you_mean, with_article};
use crate::schema::blocks::nested_schema;
use crate::schema::gates::gates;
use crate::schema::{Attr, BlockSchema, Nested, Spanned};

/// The meta-arguments that a misplaced one is compared with.
const META: [&str; 5] = ["for_each", "count", "depends_on", "accounts", "environments"];

/// What the names of `data` blocks begin with.
const DATA_PREFIX: &str = "data.";

/// How messages name the block that is being decoded.
pub(super) struct Owner<'a> {
    /// Its type: `iam_role`.
    pub(super) ty: &'a str,
    /// Its name as a whole: `iam_role.deploy`, or the type again.
    pub(super) name: &'a str,
    /// Attributes that can be read and not set.
    pub(super) computed: &'a [&'a str],
    /// Whether meta-arguments may stand in it (they were taken out before).
    pub(super) meta: bool,
    /// Whether it lives in accounts and names none: told together with what else is missing.
    pub(super) unplaced: bool,
}

impl Decoder<'_> {
    /// A whole block of a known schema.
    pub(super) fn block(&mut self, parts: Parts, schema: &BlockSchema) -> RawBlock {
        let Parts { ty, labels, loc, attrs, blocks } = parts;
        let name = match labels.first() {
            Some(label) => format!("{}.{}", ty.value, label.value),
            None => ty.value.clone(),
        };
        let owner =
            Owner { ty: &ty.value, name: &name, computed: &[], meta: false, unplaced: false };
        let body = self.body(&owner, loc.clone(), attrs, blocks, schema);
        RawBlock { ty: ty.value, labels, loc, body }
    }

    /// What stands between the braces of a block.
    pub(super) fn body(
        &mut self,
        owner: &Owner<'_>,
        loc: Loc,
        attrs: BTreeMap<String, RawAttr>,
        blocks: Vec<Block>,
        schema: &BlockSchema,
    ) -> RawBody {
        let mut body = RawBody { loc, attrs: BTreeMap::new(), blocks: Vec::new() };
        for (name, attr) in attrs {
            if schema.attr(&name).is_some() {
                body.attrs.insert(name, attr);
            } else {
                self.unknown_argument(owner, &name, &attr, schema);
            }
        }
        self.required(owner, &body, schema);
        let mut seen = Seen::default();
        for block in blocks {
            if let Some(nested) = self.nested(owner, block, schema, &mut seen) {
                body.blocks.push(nested);
            }
        }
        self.missing_blocks(owner, &body, schema, &seen);
        body
    }

    fn required(&mut self, owner: &Owner<'_>, body: &RawBody, schema: &BlockSchema) {
        let missing: Vec<&Attr> = schema
            .attrs
            .iter()
            .filter(|a| a.required && !body.attrs.contains_key(a.name))
            .collect();
        const PLACE: &str =
            "add `environments = [environment.NAME]` or `accounts = [account.NAME]`";
        let names: Vec<String> = missing.iter().map(|a| format!("`{}`", a.name)).collect();
        let (mut what, mut help) = match missing.as_slice() {
            [] => (String::new(), None),
            [only] => {
                ("an argument is missing".into(), Some(format!("`{}`: {}", only.name, only.doc)))
            }
            [first, ..] => {
                let all = format!("write `{} = ...`, and so on for each", first.name);
                ("arguments are missing".into(), Some(all))
            }
        };
        let summary = match (owner.unplaced, names.is_empty()) {
            (false, true) => return,
            (false, false) => format!("`{}` needs {}", owner.name, and(&names)),
            (true, is_complete) => {
                what = "it lives in accounts, and none is named".to_owned();
                help =
                    Some(help.map_or_else(|| PLACE.to_owned(), |help| format!("{PLACE}\n{help}")));
                match is_complete {
                    true => format!("`{}` is not placed", owner.name),
                    false => format!("`{}` is not placed, and needs {}", owner.name, and(&names)),
                }
            }
        };
        self.error(Diagnostic::error(summary).at(body.loc.clone()).detail(what).help_opt(help));
    }

    fn unknown_argument(
        &mut self,
        owner: &Owner<'_>,
        name: &str,
        attr: &RawAttr,
        schema: &BlockSchema,
    ) {
        let at = attr.name_loc.clone();
        let diagnostic = if let Some(nested) = schema.nested(name) {
            let labels: String =
                nested.labels.iter().map(|l| format!(" \"{}\"", l.trim_end_matches('?'))).collect();
            Diagnostic::error(format!("`{name}` is a block, not an argument"))
                .help(format!("write `{name}{labels} {{ ... }}` without `=`"))
        } else if owner.computed.contains(&name) {
            Diagnostic::error(format!("`{name}` of `{}` cannot be set", owner.ty))
                .detail("it is computed")
                .help(format!("remove it; elsewhere `{}.{name}` reads it", owner.name))
        } else if META.contains(&name) {
            let help = if owner.name.starts_with(DATA_PREFIX) {
                "lookups are read before the plan, whatever stands beside them"
            } else if name == "for_each" || name == "count" {
                "to make several nested blocks write `dynamic`"
            } else {
                "it belongs to blocks of managed objects"
            };
            Diagnostic::error(format!("`{}` takes no `{name}`", owner.ty)).help(help)
        } else if name == "provider" {
            // Terraform's provider aliases tell accounts and Regions apart.
            let help = match schema.attr(ACCOUNT) {
                Some(_) => {
                    "an account takes the place of a provider alias: `account = account.NAME`"
                }
                None if owner.meta => {
                    "accounts take the place of provider aliases: `accounts = [account.NAME]`"
                }
                None => "there is one provider: accounts take the place of aliases",
            };
            Diagnostic::error(format!("`{}` takes no `{name}`", owner.ty)).help(help)
        } else {
            let names = schema.attrs.iter().map(|a| a.name);
            let blocks = schema.blocks.iter().map(|b| b.name);
            let meta = META.iter().copied().filter(|_| owner.meta);
            let all: Vec<&str> = names.chain(blocks).chain(meta).collect();
            let habit = habits::instead(owner.ty, name).map(str::to_owned);
            let help = habit.or_else(|| did_you_mean(name, all.iter().copied())).or_else(|| {
                (!schema.attrs.is_empty()).then(|| {
                    let names: Vec<&str> = schema.attrs.iter().map(|a| a.name).collect();
                    format!("its arguments are {}", names.join(", "))
                })
            });
            Diagnostic::error(format!("`{}` has no argument `{name}`", owner.ty)).help_opt(help)
        };
        self.error(diagnostic.at(at));
    }

    fn nested(
        &mut self,
        owner: &Owner<'_>,
        block: Block,
        schema: &BlockSchema,
        seen: &mut Seen,
    ) -> Option<RawNested> {
        let parts = self.split(block);
        if parts.ty.value == "dynamic" {
            return self.dynamic(owner, parts, schema, seen).map(RawNested::Dynamic);
        }
        let nested = self.nested_of(owner, &parts.ty, schema)?;
        let labels = self.labels(&parts, nested.labels)?;
        if let Some(first) = seen.note(nested.name, &labels, &parts.loc) {
            let label = labels.iter().map(|l| format!(" \"{}\"", l.value)).collect::<String>();
            self.twice(&format!("`{}{label}`", nested.name), parts.loc.clone(), &first);
        }
        if nested.max > 0 && seen.count(nested.name) == nested.max + 1 {
            let times =
                if nested.max == 1 { "once".to_owned() } else { format!("{} times", nested.max) };
            let first = seen.first(nested.name);
            let mut diagnostic = Diagnostic::error(format!(
                "`{}` may hold `{}` only {times}",
                owner.ty, nested.name
            ))
            .at(parts.loc.clone())
            .detail("one too many")
            .help("merge them into one");
            if let Some(first) = first {
                diagnostic = diagnostic.related(first, "the first one");
            }
            self.error(diagnostic);
        }
        let Some(inner) = nested_schema(nested, labels.first().map(|l| l.value.as_str())) else {
            let label = labels.first()?;
            let help =
                did_you_mean(&label.value, gates().iter().map(|g| g.ty)).unwrap_or_else(|| {
                    format!(
                        "known are {}",
                        gates().iter().map(|g| g.ty).collect::<Vec<_>>().join(", ")
                    )
                });
            self.error(
                Diagnostic::error(format!("unknown type of gate `{}`", label.value))
                    .at(label.loc.clone())
                    .help(help),
            );
            return None;
        };
        Some(RawNested::Block(self.block(Parts { labels, ..parts }, inner)))
    }

    fn nested_of(
        &mut self,
        owner: &Owner<'_>,
        ty: &Spanned<String>,
        schema: &BlockSchema,
    ) -> Option<&'static Nested> {
        let name = ty.value.as_str();
        if let Some(nested) = schema.nested(name) {
            return Some(nested);
        }
        let diagnostic = if schema.attr(name).is_some() || META.contains(&name) && owner.meta {
            Diagnostic::error(format!("`{name}` is an argument, not a block"))
                .help(format!("write `{name} = ...`"))
        } else if let Some(help) = habits::instead(owner.ty, name) {
            Diagnostic::error(format!("`{}` takes no `{name}` block", owner.ty)).help(help)
        } else {
            let names: Vec<&str> = schema
                .blocks
                .iter()
                .map(|b| b.name)
                .chain(schema.attrs.iter().map(|a| a.name))
                .collect();
            let blocks: Vec<&str> = schema.blocks.iter().map(|b| b.name).collect();
            let help = did_you_mean(name, names).or_else(|| {
                Some(if blocks.is_empty() {
                    "it holds only arguments: `name = value`".to_owned()
                } else {
                    format!("its blocks are {}", blocks.join(", "))
                })
            });
            Diagnostic::error(format!("`{}` has no block `{name}`", owner.ty)).help_opt(help)
        };
        self.error(diagnostic.at(ty.loc.clone()));
        None
    }

    fn dynamic(
        &mut self,
        owner: &Owner<'_>,
        parts: Parts,
        schema: &BlockSchema,
        seen: &mut Seen,
    ) -> Option<Dynamic> {
        static DYNAMIC: BlockSchema = BlockSchema {
            attrs: &[
                Attr::required("for_each", crate::schema::Ty::Any, "The collection."),
                Attr::optional(
                    "iterator",
                    crate::schema::Ty::Raw,
                    "The element's name in `content`.",
                ),
                Attr::optional("labels", crate::schema::Ty::Any, "The labels of each block."),
            ],
            blocks: &[],
        };
        let labels = self.labels(&parts, &["type"])?;
        let ty = labels.first()?.clone();
        let nested = self.nested_of(owner, &ty, schema)?;
        seen.dynamic(nested.name);
        let loc = parts.loc.clone();
        let mut contents = Vec::new();
        for block in parts.blocks {
            let inner = self.split(block);
            if inner.ty.value == "content" && inner.labels.is_empty() {
                contents.push(inner);
            } else {
                self.error(
                    Diagnostic::error(format!("`dynamic` has no block `{}`", inner.ty.value))
                        .at(inner.loc)
                        .help("it holds `content { ... }` and nothing else"),
                );
            }
        }
        let dynamic =
            Owner { ty: "dynamic", name: "dynamic", computed: &[], meta: true, unplaced: false };
        let mut body = self.body(&dynamic, loc.clone(), parts.attrs, Vec::new(), &DYNAMIC);
        let labels = body.attrs.remove("labels").map(|a| a.value);
        let iterator = match body.attrs.remove("iterator") {
            None => ty.clone(),
            Some(attr) => match attr.value.node() {
                Expression::Variable(name) => {
                    Spanned { value: name.as_str().to_owned(), loc: attr.value.loc() }
                }
                _ => {
                    self.error(
                        Diagnostic::error("`iterator` must be a plain name")
                            .at(attr.value.loc())
                            .help("write `iterator = element`, without quotes"),
                    );
                    ty.clone()
                }
            },
        };
        let needs_labels = nested.labels.iter().any(|l| !l.ends_with('?'));
        if needs_labels && labels.is_none() {
            self.error(
                Diagnostic::error(format!(
                    "`{}` takes a label, which `dynamic` must give",
                    ty.value
                ))
                .at(loc.clone())
                .help(format!("add `labels = [{}.key]`", iterator.value)),
            );
        }
        let inner = if nested.name == "gate" {
            self.error(
                Diagnostic::error("a gate cannot be made by `dynamic`").at(loc.clone()).help(
                    "its type must be known before anything is evaluated: write the gates out",
                ),
            );
            return None;
        } else {
            nested.block
        };
        let mut contents = contents.into_iter();
        let Some(content) = contents.next() else {
            self.error(
                Diagnostic::error("`dynamic` needs a `content` block")
                    .at(loc)
                    .help("what stands in it becomes each block's content"),
            );
            return None;
        };
        if let Some(second) = contents.next() {
            self.twice("`content`", second.loc, &content.loc);
        }
        let for_each = body.attrs.remove("for_each").map(|a| a.value)?;
        let owner =
            Owner { ty: &ty.value, name: &ty.value, computed: &[], meta: false, unplaced: false };
        let content = self.body(&owner, content.loc, content.attrs, content.blocks, inner);
        Some(Dynamic { ty, loc, for_each, iterator, labels, content })
    }

    fn missing_blocks(
        &mut self,
        owner: &Owner<'_>,
        body: &RawBody,
        schema: &BlockSchema,
        seen: &Seen,
    ) {
        for nested in schema.blocks {
            let count = seen.count(nested.name);
            if count < nested.min && !seen.is_dynamic(nested.name) {
                let labels: String = nested
                    .labels
                    .iter()
                    .map(|l| format!(" \"{}\"", l.trim_end_matches('?')))
                    .collect();
                let what = match nested.min {
                    1 => format!("{} block", with_article(nested.name)),
                    n => format!("{n} `{}` blocks", nested.name),
                };
                self.error(
                    Diagnostic::error(format!("`{}` needs {what}", owner.name))
                        .at(body.loc.clone())
                        .detail("a block is missing")
                        .help(format!("add `{}{labels} {{ ... }}`: {}", nested.name, nested.doc)),
                );
            }
        }
    }
}

/// The nested blocks met so far.
#[derive(Default)]
struct Seen {
    places: BTreeMap<String, Vec<Loc>>,
    labelled: BTreeMap<(String, Vec<String>), Loc>,
    dynamic: Vec<String>,
}

impl Seen {
    /// Notes a block; gives the place of an earlier one with the same labels.
    fn note(&mut self, name: &str, labels: &[Spanned<String>], loc: &Loc) -> Option<Loc> {
        self.places.entry(name.to_owned()).or_default().push(loc.clone());
        if labels.is_empty() {
            return None;
        }
        let labels = labels.iter().map(|l| l.value.clone()).collect();
        let key = (name.to_owned(), labels);
        if let Some(first) = self.labelled.get(&key) {
            return Some(first.clone());
        }
        self.labelled.insert(key, loc.clone());
        None
    }

    fn dynamic(&mut self, name: &str) {
        self.dynamic.push(name.to_owned());
    }

    fn is_dynamic(&self, name: &str) -> bool {
        self.dynamic.iter().any(|d| d == name)
    }

    fn count(&self, name: &str) -> usize {
        self.places.get(name).map_or(0, Vec::len)
    }

    fn first(&self, name: &str) -> Option<Loc> {
        self.places.get(name).and_then(|p| p.first()).cloned()
    }
}

/// `a`, `b` and `c`.
pub(super) fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
