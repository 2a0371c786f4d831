//! The language's own blocks: variables, locals, outputs, module calls, checks, moves.

use super::super::model::{
    CallDecl, CheckDecl, DataDecl, ImportDecl, ImportTarget, LocalDecl, ModuleId, MovedDecl,
    OutputDecl, RemovedDecl, TargetAddr, VariableDecl,
};
use super::super::raw::{RawAttr, RawBody};
use super::body::Owner;
use super::{DecodeTarget, Decoder, Parts, PendingCall, habits};
use crate::diag::{Diagnostic, did_you_mean};
use crate::schema::Spanned;
use crate::schema::blocks::{DATA, TopLevel};
use crate::schema::data::{data_type, data_types};

/// Names that a variable cannot have: they are meta-arguments of `module` blocks.
const RESERVED: [&str; 8] =
    ["source", "version", "providers", "for_each", "count", "depends_on", "lifecycle", "locals"];

impl Decoder<'_> {
    /// A block of the language itself.
    pub(super) fn language(&mut self, top: &TopLevel, parts: Parts, to: &mut DecodeTarget<'_>) {
        match top.name {
            "locals" => self.locals(parts, to),
            DATA => self.data(parts, to),
            "module" => self.call(parts, to),
            "variable" => self.variable(top, parts, to),
            "output" => self.output(top, parts, to),
            "check" => self.check(top, parts, to),
            "moved" => {
                let block = self.block(parts, top.block);
                let (Some(from), Some(dest)) = (block.body.get("from"), block.body.get("to"))
                else {
                    return;
                };
                let from = self.address(from, to.kinds);
                let dest = self.address(dest, to.kinds);
                if let (Some(from), Some(dest)) = (from, dest) {
                    if from.value == dest.value {
                        self.error(
                            Diagnostic::error("an object moves to where it is")
                                .at(dest.loc.clone())
                                .related(from.loc.clone(), "the same address")
                                .help("remove the block, or correct one of the addresses"),
                        );
                    }
                    to.module.moved.push(MovedDecl { loc: block.loc, from, to: dest });
                }
            }
            "import" => {
                let block = self.block(parts, top.block);
                let (Some(dest), Some(id)) = (block.body.get("to"), block.body.get("id")) else {
                    return;
                };
                let id = id.clone();
                if let Some(over) = block.body.get("for_each") {
                    to.module.imports.push(ImportDecl {
                        loc: block.loc.clone(),
                        to: ImportTarget::Each { over: over.clone(), to: dest.clone() },
                        id,
                    });
                    return;
                }
                let Some(dest) = self.address(dest, to.kinds) else { return };
                match dest.value {
                    TargetAddr::Object(value) => to.module.imports.push(ImportDecl {
                        loc: block.loc,
                        to: ImportTarget::One(Spanned { value, loc: dest.loc }),
                        id,
                    }),
                    TargetAddr::Module(_) => self.error(
                        Diagnostic::error("a whole module cannot be imported")
                            .at(dest.loc)
                            .help("write one `import` block for each object"),
                    ),
                }
            }
            _ => {
                let block = self.block(parts, top.block);
                let Some(from) = block.body.get("from") else { return };
                for lifecycle in block.body.nested("lifecycle") {
                    let Some(attr) = lifecycle.body.attrs.get("destroy").cloned() else { continue };
                    if self.literal_bool("destroy", &attr) == Some(true) {
                        self.error(
                            Diagnostic::error("a `removed` object is not destroyed")
                                .at(attr.value.loc())
                                .help("to delete the object, delete its block and write no `removed` block"),
                        );
                    }
                }
                if let Some(from) = self.address(from, to.kinds) {
                    to.module.removed.push(RemovedDecl { loc: block.loc, from });
                }
            }
        }
    }

    fn locals(&mut self, parts: Parts, to: &mut DecodeTarget<'_>) {
        for block in parts.blocks {
            let inner = self.split(block);
            self.error(
                Diagnostic::error("`locals` holds only named values")
                    .at(inner.loc)
                    .detail("not a block")
                    .help(format!("write `{} = {{ ... }}`", inner.ty.value)),
            );
        }
        for (name, attr) in parts.attrs {
            if let Some(first) = to.module.locals.get(&name) {
                let first = first.name.loc.clone();
                self.twice(&format!("`local.{name}`"), attr.name_loc, &first);
                continue;
            }
            let spanned = Spanned { value: name.clone(), loc: attr.name_loc };
            to.module.locals.insert(name, LocalDecl { name: spanned, value: attr.value });
        }
    }

    fn variable(&mut self, top: &TopLevel, parts: Parts, to: &mut DecodeTarget<'_>) {
        let Some(name) = parts.labels.first().cloned() else { return };
        if RESERVED.contains(&name.value.as_str()) {
            self.error(
                Diagnostic::error(format!("a variable cannot be called `{}`", name.value))
                    .at(name.loc.clone())
                    .detail("`module` blocks have an argument of that name")
                    .help("choose another name"),
            );
        }
        let loc = parts.loc.clone();
        let mut body = self.block(parts, top.block).body;
        let validations = self.conditions(&body, "validation");
        let declaration = VariableDecl {
            ty: body.attrs.remove("type").map(|a| a.value),
            default: body.attrs.remove("default").map(|a| a.value),
            description: self.description(&mut body),
            sensitive: self.flag(&mut body, "sensitive").unwrap_or(false),
            nullable: self.flag(&mut body, "nullable").unwrap_or(true),
            validations,
            name: name.clone(),
            loc: loc.clone(),
        };
        if let Some(default) = declaration.default.as_ref()
            && !declaration.nullable
            && matches!(default.node(), hcl::edit::expr::Expression::Null(_))
        {
            self.error(
                Diagnostic::error(format!("the default of `{}` is null", name.value))
                    .at(default.loc())
                    .detail("`nullable = false` excludes null")
                    .help("give another default, or none to make the variable required"),
            );
        }
        if let Some(first) = to.module.variables.get(&name.value) {
            let first = first.loc.clone();
            self.twice(&format!("`var.{}`", name.value), loc, &first);
        } else {
            to.module.variables.insert(name.value, declaration);
        }
    }

    fn data(&mut self, mut parts: Parts, to: &mut DecodeTarget<'_>) {
        let [ty, label] = parts.labels.as_slice() else { return };
        let (ty, label) = (ty.clone(), label.clone());
        let Some(declared) = data_type(&ty.value) else {
            self.unknown_data(&ty);
            return;
        };
        let name = format!("{DATA}.{}.{}", ty.value, label.value);
        let (for_each, count) = self.repetition(&mut parts.attrs);
        let owner = Owner {
            ty: declared.name,
            name: &name,
            computed: &declared.attributes,
            meta: false,
            unplaced: false,
        };
        let body = self.body(&owner, parts.loc.clone(), parts.attrs, parts.blocks, &declared.block);
        let loc = parts.loc;
        let key = (ty.value, label.value.clone());
        if let Some(first) = to.module.data.get(&key) {
            let first = first.loc.clone();
            self.twice(&format!("`{name}`"), loc, &first);
        } else {
            to.module
                .data
                .insert(key, DataDecl { ty: declared, label, loc, for_each, count, body });
        }
    }

    fn unknown_data(&mut self, ty: &Spanned<String>) {
        let types: Vec<&str> = data_types().iter().map(|ty| ty.name).collect();
        let bare = ty.value.strip_prefix("aws_").unwrap_or(&ty.value);
        let help = if let Some(meant) = data_type(bare).filter(|_| bare != ty.value) {
            let unlike = meant.unlike.map(|unlike| format!("\n{unlike}")).unwrap_or_default();
            format!(
                "write `{DATA} \"{bare}\" \"...\" {{ ... }}`: types have no prefix here{unlike}"
            )
        } else if let Some(kind) = habits::looked_up_as(bare) {
            format!("write `{DATA} \"{kind}\" \"...\" {{ ... }}`")
        } else if let Some(instead) = habits::instead_of_lookup(&ty.value) {
            instead.to_owned()
        } else {
            did_you_mean(bare, types.iter().copied())
                .unwrap_or_else(|| format!("known are {}", types.join(", ")))
        };
        self.error(
            Diagnostic::error(format!("`{}` cannot be looked up", ty.value))
                .at(ty.loc.clone())
                .help(help),
        );
    }

    fn output(&mut self, top: &TopLevel, parts: Parts, to: &mut DecodeTarget<'_>) {
        let Some(name) = parts.labels.first().cloned() else { return };
        let loc = parts.loc.clone();
        let mut body = self.block(parts, top.block).body;
        let preconditions = self.conditions(&body, "precondition");
        let depends_on = match body.attrs.remove("depends_on") {
            Some(attr) => self.references("depends_on", attr),
            None => Vec::new(),
        };
        let description = self.description(&mut body);
        let sensitive = self.flag(&mut body, "sensitive").unwrap_or(false);
        let Some(value) = body.attrs.remove("value").map(|a| a.value) else { return };
        let declaration = OutputDecl {
            name: name.clone(),
            loc: loc.clone(),
            value,
            description,
            sensitive,
            depends_on,
            preconditions,
        };
        if let Some(first) = to.module.outputs.get(&name.value) {
            let first = first.loc.clone();
            self.twice(&format!("output `{}`", name.value), loc, &first);
        } else {
            to.module.outputs.insert(name.value, declaration);
        }
    }

    fn check(&mut self, top: &TopLevel, parts: Parts, to: &mut DecodeTarget<'_>) {
        let Some(name) = parts.labels.first().cloned() else { return };
        let loc = parts.loc.clone();
        let body = self.block(parts, top.block).body;
        let asserts = self.conditions(&body, "assert");
        if let Some(first) = to.module.checks.get(&name.value) {
            let first = first.loc.clone();
            self.twice(&format!("check `{}`", name.value), loc, &first);
        } else {
            to.module.checks.insert(name.value.clone(), CheckDecl { name, loc, asserts });
        }
    }

    fn call(&mut self, mut parts: Parts, to: &mut DecodeTarget<'_>) {
        let Some(name) = parts.labels.first().cloned() else { return };
        for block in parts.blocks {
            let inner = self.split(block);
            self.error(
                Diagnostic::error(format!("`module` has no block `{}`", inner.ty.value))
                    .at(inner.loc)
                    .help(format!(
                        "a module takes values: `{} = {{ ... }}`, or a list of objects",
                        inner.ty.value
                    )),
            );
        }
        for unsupported in ["version", "providers"] {
            if let Some(attr) = parts.attrs.remove(unsupported) {
                self.error(
                    Diagnostic::error(format!("`module` takes no `{unsupported}`"))
                        .at(attr.name_loc)
                        .help(if unsupported == "version" {
                            "the revision is part of the address: `source = \"git::https://...?ref=v1.2.3\"`"
                        } else {
                            "there is one provider; which account a block is placed in says where it goes"
                        }),
                );
            }
        }
        let (for_each, count) = self.repetition(&mut parts.attrs);
        let depends_on = match parts.attrs.remove("depends_on") {
            Some(attr) => self.references("depends_on", attr),
            None => Vec::new(),
        };
        let source = parts.attrs.remove("source");
        let Some(source) = source else {
            self.error(
                Diagnostic::error(format!("`module.{}` needs `source`", name.value))
                    .at(parts.loc)
                    .detail("an argument is missing")
                    .help("`source = \"./path\"`: the module's directory, relative to this one"),
            );
            return;
        };
        let why = "modules are read before anything is evaluated: write it as a literal, such as `\"./path\"`";
        let Some(source) = self.literal_string("source", &source, why) else { return };
        let call = CallDecl {
            name: name.clone(),
            loc: parts.loc.clone(),
            source,
            module: ModuleId::default(),
            for_each,
            count,
            depends_on,
            args: parts.attrs,
        };
        if let Some(first) = to.calls.get(&name.value) {
            let first = first.call.loc.clone();
            self.twice(&format!("`module.{}`", name.value), parts.loc, &first);
        } else {
            to.calls.insert(name.value, PendingCall { call });
        }
    }

    fn description(&mut self, body: &mut RawBody) -> Option<String> {
        let attr = body.attrs.remove("description")?;
        let why = "documentation is made without evaluating anything";
        match attr.value.node() {
            // A heredoc without interpolation is a plain text, too.
            hcl::edit::expr::Expression::HeredocTemplate(heredoc) => {
                let text: Option<String> = heredoc
                    .template
                    .iter()
                    .map(|e| e.as_literal().map(|l| l.value().as_str()))
                    .collect();
                if text.is_none() {
                    self.literal_string("description", &attr, why);
                }
                text
            }
            _ => self.literal_string("description", &attr, why).map(|s| s.value),
        }
    }

    fn flag(&mut self, body: &mut RawBody, name: &str) -> Option<bool> {
        let attr: RawAttr = body.attrs.remove(name)?;
        self.literal_bool(name, &attr)
    }
}
