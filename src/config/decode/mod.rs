//! From syntax trees to declarations, by hand, so that every range survives.
//!
//! Everything that can be told without evaluating is told here: names of blocks and arguments,
//! labels, counts, duplicates, literals where literals are needed.

mod body;
mod habits;
mod language;
mod literal;
mod managed;
mod resource;
mod settings;
mod target;

pub use target::target_address;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::structure::{Block, BlockLabel, Body, Structure};

use super::expr::Expr;
use super::model::{Module, Settings};
use super::raw::{RawAttr, RawBlock};
use crate::address::{CONFIG_KIND, RESOURCE};
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::schema::blocks::{Role, TopLevel, top_level};
use crate::schema::{ManagedKind, Spanned};

/// A `module` block whose source has not been followed yet.
#[derive(Debug)]
pub(super) struct PendingCall {
    /// The declaration; its module id is filled in by the loader.
    pub(super) call: super::CallDecl,
}

/// What decoding adds to.
pub(super) struct DecodeTarget<'a> {
    pub(super) module: &'a mut Module,
    pub(super) calls: &'a mut BTreeMap<String, PendingCall>,
    pub(super) settings: &'a mut Settings,
    pub(super) provider: &'a mut Option<RawBlock>,
    /// Ranges of top-level blocks in which something is wrong.
    pub(super) broken: &'a mut Vec<Loc>,
    /// Whether this is the root module.
    pub(super) root: bool,
    pub(super) kinds: &'static [&'static dyn ManagedKind],
}

/// Decodes the blocks of one file into `to`.
pub(super) fn file(
    body: Body,
    source: &Arc<Source>,
    to: &mut DecodeTarget<'_>,
    diagnostics: &mut Diagnostics,
) {
    let mut decoder = Decoder { source, diagnostics };
    for structure in body {
        match structure {
            Structure::Attribute(attribute) => {
                let span = attribute.key.span().unwrap_or(0..0);
                let name = attribute.key.as_str().to_owned();
                decoder.error(
                    Diagnostic::error(format!("`{name}` is set outside of a block"))
                        // It may be a file of values, secrets among them, that lacks the right name.
                        .at(Loc::new(source, span).without_values())
                        .detail("a configuration file holds only blocks")
                        .help(format!(
                            "for a named value write `locals {{ {name} = ... }}`; values of \
                             variables belong in a `*.vars.hcl` file"
                        )),
                );
            }
            Structure::Block(block) => {
                let whole = Loc::new(source, block.span().unwrap_or(0..0));
                let before = decoder.diagnostics.len();
                decoder.top_level(block, to);
                if decoder.diagnostics.len() > before {
                    to.broken.push(whole);
                }
            }
        }
    }
}

/// More errors than this help nobody.
const ENOUGH: usize = 1_000;

/// Decodes one file; a fresh one for each.
struct Decoder<'a> {
    source: &'a Arc<Source>,
    diagnostics: &'a mut Diagnostics,
}

/// A block split into its parts.
struct Parts {
    ty: Spanned<String>,
    labels: Vec<Spanned<String>>,
    loc: Loc,
    attrs: BTreeMap<String, RawAttr>,
    blocks: Vec<Block>,
}

impl Decoder<'_> {
    fn loc(&self, span: Option<Range<usize>>) -> Loc {
        Loc::new(self.source, span.unwrap_or(0..0))
    }

    fn error(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < ENOUGH {
            self.diagnostics.push(diagnostic);
        }
    }

    fn split(&self, block: Block) -> Parts {
        let start = block.ident.span().unwrap_or(0..0);
        let ty =
            Spanned { value: block.ident.as_str().to_owned(), loc: self.loc(block.ident.span()) };
        let mut end = start.end;
        let mut labels = Vec::new();
        for label in &block.labels {
            let span = match label {
                BlockLabel::Ident(ident) => ident.span(),
                BlockLabel::String(string) => string.span(),
            }
            .unwrap_or(end..end);
            end = span.end;
            let loc = Loc::new(self.source, span);
            labels.push(Spanned { value: label.as_str().to_owned(), loc });
        }
        let (attrs, blocks) = self.split_body(block.body);
        Parts { ty, labels, loc: Loc::new(self.source, start.start..end), attrs, blocks }
    }

    fn split_body(&self, body: Body) -> (BTreeMap<String, RawAttr>, Vec<Block>) {
        let mut attrs = BTreeMap::new();
        let mut blocks = Vec::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => {
                    let name_loc = self.loc(attribute.key.span());
                    let name = attribute.key.as_str().to_owned();
                    let value = Expr::new(attribute.value, self.source);
                    attrs.insert(name, RawAttr { name_loc, value });
                }
                Structure::Block(block) => blocks.push(block),
            }
        }
        (attrs, blocks)
    }

    fn top_level(&mut self, block: Block, to: &mut DecodeTarget<'_>) {
        let parts = self.split(block);
        let name = parts.ty.value.clone();
        if let Some(top) = top_level().iter().find(|t| t.name == name) {
            if top.root_only && !to.root {
                self.error(
                    Diagnostic::error(format!("`{name}` belongs to the root module"))
                        .at(parts.loc)
                        .help("move the block there, and pass what the module needs as variables"),
                );
                return;
            }
            let labels = self.labels(&parts, top.labels);
            if let Some(labels) = labels
                && (top.labels.is_empty() || self.is_name(&labels, &name))
            {
                self.known(top, Parts { labels, ..parts }, to);
            }
            return;
        }
        if name == RESOURCE
            && let Some(ty) = parts.labels.first().filter(|label| label.value.contains("::"))
        {
            let ty = ty.clone();
            return self.resource(&ty, parts, to);
        }
        let kind = to.kinds.iter().map(|k| k.schema()).find(|k| k.kind == name);
        match kind {
            Some(schema) if schema.kind != CONFIG_KIND => {
                if let Some(labels) = self.labels(&parts, &["name"])
                    && self.is_name(&labels, &name)
                {
                    self.managed(schema, Parts { labels, ..parts }, to);
                }
            }
            _ => self.unknown_block(&parts, to),
        }
    }

    fn unknown_block(&mut self, parts: &Parts, to: &DecodeTarget<'_>) {
        let name = parts.ty.value.as_str();
        let names = top_level().iter().map(|t| t.name);
        let kinds = to.kinds.iter().map(|k| k.schema().kind).filter(|k| *k != CONFIG_KIND);
        let kinds: Vec<&str> = kinds.collect();
        let all: Vec<&str> = names.chain(kinds.iter().copied()).collect();
        let labelled = parts.labels.first().map_or("", |l| l.value.as_str());
        let bare = |name: &'_ str| name.strip_prefix("aws_").unwrap_or(name).to_owned();
        let of_terraform = bare(labelled);
        let help = match name {
            "resource" if all.contains(&of_terraform.as_str()) => Some(format!(
                "the kind is the block's type: `{of_terraform} \"{}\" {{ ... }}`",
                parts.labels.get(1).map_or("name", |l| l.value.as_str())
            )),
            "resource" => Some(
                habits::counterpart(&of_terraform)
                    .unwrap_or_else(|| habits::not_managed(labelled, &kinds)),
            ),
            "terraform" => Some("the settings block is called `palisade`".to_owned()),
            "local" => Some("did you mean `locals`?".to_owned()),
            "ephemeral" => Some(
                "nothing is ephemeral here: `secret(...)` names a value that no plan and no state holds"
                    .to_owned(),
            ),
            "dynamic" => {
                Some("`dynamic` stands inside a block; use `for_each` for whole blocks".to_owned())
            }
            _ => habits::counterpart(&bare(name))
                .or_else(|| did_you_mean(&bare(name), all.iter().copied())),
        };
        let help = help.or_else(|| {
            let mut all = all.clone();
            all.sort_unstable();
            Some(format!("known are {}", all.join(", ")))
        });
        self.error(
            Diagnostic::error(format!("unknown block type `{name}`"))
                .at(parts.ty.loc.clone())
                .help_opt(help),
        );
    }

    /// Checks the number of labels; `None` after an error.
    fn labels(&mut self, parts: &Parts, wanted: &[&str]) -> Option<Vec<Spanned<String>>> {
        let most = wanted.len();
        let least = wanted.iter().filter(|l| !l.ends_with('?')).count();
        let got = parts.labels.len();
        if (least..=most).contains(&got) {
            return Some(parts.labels.clone());
        }
        let ty = &parts.ty.value;
        let example: String = wanted
            .iter()
            .map(|l| format!(" \"{}\"", l.trim_end_matches('?').to_uppercase().replace(' ', "_")))
            .collect();
        let count = match most {
            0 => "no label".to_owned(),
            1 => "one label".to_owned(),
            n => format!("{n} labels"),
        };
        let loc = match parts.labels.get(most) {
            Some(extra) => extra.loc.clone(),
            None => parts.loc.clone(),
        };
        let detail = if got > most { "one too many" } else { "a label is missing" };
        self.error(
            Diagnostic::error(format!("`{ty}` takes {count}"))
                .at(loc)
                .detail(detail)
                .help(format!("write `{ty}{example} {{ ... }}`")),
        );
        None
    }

    /// Checks that the last label, which names the block, can be named in expressions and addresses.
    fn is_name(&mut self, labels: &[Spanned<String>], ty: &str) -> bool {
        let Some(label) = labels.last() else { return true };
        if is_name(&label.value) {
            return true;
        }
        let fixed: String = label
            .value
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
            .collect();
        let fixed = if fixed.starts_with(|c: char| c.is_ascii_alphabetic()) {
            fixed
        } else {
            format!("_{fixed}")
        };
        self.error(
            Diagnostic::error(format!("`{}` is not a valid name for `{ty}`", label.value))
                .at(label.loc.clone())
                .detail("a letter or `_`, then letters, digits, `_` and `-`, at most 128")
                .help(format!("for example `{}`", fixed.chars().take(128).collect::<String>())),
        );
        false
    }

    fn twice(&mut self, what: &str, loc: Loc, first: &Loc) {
        let named = what.contains(['.', '"', ' ']);
        self.error(
            Diagnostic::error(format!("{what} is declared twice"))
                .at(loc)
                .detail("declared again here")
                .related(first.clone(), "first declared here")
                .help(if named {
                    "rename or remove one of them"
                } else {
                    "keep one, and move what the other holds into it"
                }),
        );
    }

    fn known(&mut self, top: &TopLevel, parts: Parts, to: &mut DecodeTarget<'_>) {
        match top.role {
            Role::Language => self.language(top, parts, to),
            Role::Setting => self.setting(top, parts, to),
            Role::Environment | Role::Declaration => {
                let label = parts.labels.first().map_or(String::new(), |l| l.value.clone());
                let loc = parts.loc.clone();
                let ty = parts.ty.value.clone();
                let block = self.block(parts, top.block);
                let first = match ty.as_str() {
                    "environment" => keep(&mut to.module.environments, label.clone(), block),
                    "config_schema" => keep(&mut to.module.config_schemas, label.clone(), block),
                    _ => keep(&mut to.module.declarations, (ty.clone(), label.clone()), block),
                };
                if let Some(first) = first {
                    self.twice(&format!("`{ty}.{label}`"), loc, &first);
                }
            }
        }
    }
}

/// Keeps the first of two declarations; gives its place when there is one already.
fn keep<K: Ord>(map: &mut BTreeMap<K, RawBlock>, key: K, block: RawBlock) -> Option<Loc> {
    match map.entry(key) {
        std::collections::btree_map::Entry::Occupied(first) => Some(first.get().loc.clone()),
        std::collections::btree_map::Entry::Vacant(slot) => {
            slot.insert(block);
            None
        }
    }
}

/// Whether a label can be named in expressions and addresses.
fn is_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
