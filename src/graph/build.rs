//! Builds the graph of a configuration.

use super::{CallPath, Firmness, Graph, GraphItem, GraphNode};
use crate::config::{
    CallDecl, ConditionBlock, Configuration, Expr, Module, RawBlock, Reference, ResourceDecl,
    body_references, references,
};
use crate::diag::Diagnostic;
use crate::schema::blocks::DATA;
use crate::schema::kind;

/// How many module calls a configuration may have when those within modules are counted at each
/// place that they are reached from.
const MAX_PATHS: usize = 20_000;

/// Builds the graph.
///
/// # Errors
/// When module calls multiply beyond all measure.
pub(crate) fn build(configuration: &Configuration) -> Result<Graph, Diagnostic> {
    let mut builder = Builder { configuration, graph: Graph::default(), modules: Vec::new() };
    builder.declare(configuration.root(), Vec::new(), None)?;
    for at in 0..builder.modules.len() {
        builder.link(at);
    }
    Ok(builder.graph)
}

/// A module as reached by one path of calls.
struct Reached<'c> {
    module: &'c Module,
    path: CallPath,
    call: Option<&'c CallDecl>,
}

struct Builder<'c> {
    configuration: &'c Configuration,
    graph: Graph,
    modules: Vec<Reached<'c>>,
}

impl<'c> Builder<'c> {
    fn declare(
        &mut self,
        module: &'c Module,
        path: CallPath,
        call: Option<&'c CallDecl>,
    ) -> Result<(), Diagnostic> {
        if self.modules.len() >= MAX_PATHS {
            return Err(Diagnostic::error(format!(
                "modules calling modules make more than {MAX_PATHS} calls"
            ))
            .at_opt(call.map(|c| c.loc.clone()))
            .help("a module that calls another twice, which calls another twice, doubles at each level"));
        }
        let mut add = |item: GraphItem| self.graph.add(GraphNode { path: path.clone(), item });
        for name in module.variables.keys() {
            add(GraphItem::Variable(name.clone()));
        }
        for name in module.locals.keys() {
            add(GraphItem::Local(name.clone()));
        }
        for name in module.calls.keys() {
            add(GraphItem::Call(name.clone()));
        }
        for (kind, label) in module.resources.keys() {
            add(GraphItem::Resource(kind.clone(), label.clone()));
        }
        for (ty, label) in module.data.keys() {
            add(GraphItem::Data(ty.clone(), label.clone()));
        }
        for name in module.environments.keys() {
            add(GraphItem::Environment(name.clone()));
        }
        for name in module.config_schemas.keys() {
            add(GraphItem::ConfigSchema(name.clone()));
        }
        for (ty, label) in module.declarations.keys() {
            add(GraphItem::Declaration(ty.clone(), label.clone()));
        }
        for name in module.checks.keys() {
            add(GraphItem::Check(name.clone()));
        }
        for name in module.outputs.keys() {
            add(GraphItem::Output(name.clone()));
        }
        self.modules.push(Reached { module, path: path.clone(), call });
        for (name, call) in &module.calls {
            let mut below = path.clone();
            below.push(name.clone());
            self.declare(self.configuration.module(call.module), below, Some(call))?;
        }
        Ok(())
    }

    fn link(&mut self, at: usize) {
        let Some(Reached { module, path, call }) = self.modules.get(at) else { return };
        let (module, path, call) = (*module, path.clone(), *call);
        let node = |item: GraphItem| GraphNode { path: path.clone(), item };
        if let Some(call) = call {
            self.enter(module, &path, call);
        }
        for (name, decl) in &module.locals {
            self.expr(&node(GraphItem::Local(name.clone())), &decl.value, Firmness::Firm);
        }
        for (name, decl) in &module.variables {
            self.conditions(&node(GraphItem::Variable(name.clone())), &decl.validations);
        }
        for (name, decl) in &module.outputs {
            let from = node(GraphItem::Output(name.clone()));
            self.expr(&from, &decl.value, Firmness::Firm);
            self.exprs(&from, &decl.depends_on, Firmness::Firm);
            self.conditions(&from, &decl.preconditions);
        }
        for (name, decl) in &module.calls {
            let from = node(GraphItem::Call(name.clone()));
            self.exprs(&from, decl.for_each.iter().chain(&decl.count), Firmness::Firm);
            self.exprs(&from, &decl.depends_on, Firmness::Firm);
        }
        for ((kind, label), decl) in &module.resources {
            self.resource(&node(GraphItem::Resource(kind.clone(), label.clone())), decl);
        }
        for ((ty, label), decl) in &module.data {
            let from = node(GraphItem::Data(ty.clone(), label.clone()));
            self.exprs(&from, decl.for_each.iter().chain(&decl.count), Firmness::Firm);
            for reference in body_references(&decl.body, &[]) {
                self.connect(&from, &path, &reference, Firmness::Firm);
            }
        }
        for (name, decl) in &module.checks {
            self.conditions(&node(GraphItem::Check(name.clone())), &decl.asserts);
        }
        for (name, block) in &module.environments {
            self.environment(&node(GraphItem::Environment(name.clone())), block);
        }
        for (name, block) in &module.config_schemas {
            let from = node(GraphItem::ConfigSchema(name.clone()));
            self.body(&from, block, Firmness::Firm);
        }
        for ((ty, label), block) in &module.declarations {
            let from = node(GraphItem::Declaration(ty.clone(), label.clone()));
            self.body(&from, block, Firmness::Firm);
        }
    }

    /// A called module's variables refer to what the call gives them, and all its blocks to the call.
    fn enter(&mut self, module: &'c Module, path: &CallPath, call: &'c CallDecl) {
        let outer: CallPath = path.iter().take(path.len().saturating_sub(1)).cloned().collect();
        let caller =
            GraphNode { path: outer.clone(), item: GraphItem::Call(call.name.value.clone()) };
        for name in module.variables.keys() {
            let variable =
                GraphNode { path: path.clone(), item: GraphItem::Variable(name.clone()) };
            if let Some(arg) = call.args.get(name) {
                for reference in references(&arg.value, &[]) {
                    self.connect(&variable, &outer, &reference, Firmness::Firm);
                }
            }
        }
        let blocks = module
            .resources
            .keys()
            .map(|(kind, label)| GraphItem::Resource(kind.clone(), label.clone()))
            .chain(module.outputs.keys().map(|name| GraphItem::Output(name.clone())))
            .chain(module.calls.keys().map(|name| GraphItem::Call(name.clone())));
        for item in blocks {
            let block = GraphNode { path: path.clone(), item };
            self.graph.connect(&block, &caller, Firmness::Firm, &call.loc);
        }
    }

    fn resource(&mut self, from: &GraphNode, decl: &ResourceDecl) {
        let meta = &decl.meta;
        let firm = meta
            .for_each
            .iter()
            .chain(&meta.count)
            .chain(&meta.accounts)
            .chain(&meta.environments)
            .chain(&meta.depends_on);
        self.exprs(from, firm, Firmness::Firm);
        for reference in body_references(&decl.body, &[]) {
            self.connect(from, &from.path, &reference, Firmness::Soft);
        }
        self.exprs(from, &meta.lifecycle.replace_triggered_by, Firmness::Soft);
        for condition in meta.lifecycle.preconditions.iter().chain(&meta.lifecycle.postconditions) {
            self.expr(from, &condition.condition, Firmness::Soft);
            self.expr(from, &condition.error_message, Firmness::Soft);
        }
    }

    fn environment(&mut self, from: &GraphNode, block: &RawBlock) {
        for (name, attr) in &block.body.attrs {
            let firmness =
                if name == "accounts" || name == "like" { Firmness::Firm } else { Firmness::Soft };
            self.expr(from, &attr.value, firmness);
        }
        let mut inner = block.body.clone();
        inner.attrs.clear();
        for reference in body_references(&inner, &[]) {
            self.connect(from, &from.path, &reference, Firmness::Soft);
        }
    }

    fn body(&mut self, from: &GraphNode, block: &RawBlock, firmness: Firmness) {
        for reference in body_references(&block.body, &[]) {
            self.connect(from, &from.path, &reference, firmness);
        }
    }

    fn conditions(&mut self, from: &GraphNode, conditions: &[ConditionBlock]) {
        for condition in conditions {
            self.expr(from, &condition.condition, Firmness::Soft);
            self.expr(from, &condition.error_message, Firmness::Soft);
        }
    }

    fn exprs<'e>(
        &mut self,
        from: &GraphNode,
        exprs: impl IntoIterator<Item = &'e Expr>,
        firmness: Firmness,
    ) {
        for expr in exprs {
            self.expr(from, expr, firmness);
        }
    }

    fn expr(&mut self, from: &GraphNode, expr: &Expr, firmness: Firmness) {
        for reference in references(expr, &[]) {
            self.connect(from, &from.path, &reference, firmness);
        }
    }

    /// An edge for a reference that is read in the module at `path`.
    fn connect(
        &mut self,
        from: &GraphNode,
        path: &CallPath,
        reference: &Reference,
        firmness: Firmness,
    ) {
        let Some((name, _)) = reference.name(0) else { return };
        let name = name.to_owned();
        let here = |item: GraphItem| GraphNode { path: path.clone(), item };
        let to = match reference.root.as_str() {
            "var" => here(GraphItem::Variable(name)),
            "local" => here(GraphItem::Local(name)),
            "module" => {
                let mut below = path.clone();
                below.push(name.clone());
                let call = here(GraphItem::Call(name));
                self.graph.connect(from, &call, firmness, &reference.loc);
                match reference.name_after_key(1) {
                    Some((output, _)) => {
                        let output = GraphItem::Output(output.to_owned());
                        let to = GraphNode { path: below, item: output };
                        self.graph.connect(from, &to, firmness, &reference.loc);
                    }
                    // The whole module: all that it gives out.
                    None => self.whole_module(from, &below, firmness, reference),
                }
                return;
            }
            // The recorded release is read, not the block that it is recorded for.
            "environment" if reference.name(1).is_some_and(|(n, _)| n == "release") => return,
            "environment" => here(GraphItem::Environment(name)),
            "config_schema" => here(GraphItem::ConfigSchema(name)),
            DATA => match reference.name(1) {
                Some((label, _)) => here(GraphItem::Data(name, label.to_owned())),
                None => return,
            },
            ty @ ("release" | "promotion" | "isolation") => {
                here(GraphItem::Declaration(ty.to_owned(), name))
            }
            root if kind(root).is_some() => here(GraphItem::Resource(root.to_owned(), name)),
            _ => return,
        };
        // A variable's own rules speak about it.
        if *from == to && matches!(to.item, GraphItem::Variable(_)) {
            return;
        }
        self.graph.connect(from, &to, firmness, &reference.loc);
    }

    fn whole_module(
        &mut self,
        from: &GraphNode,
        below: &CallPath,
        firmness: Firmness,
        reference: &Reference,
    ) {
        let Some(reached) = self.modules.iter().find(|m| m.path == *below) else { return };
        let module = reached.module;
        for name in module.outputs.keys() {
            let to = GraphNode { path: below.clone(), item: GraphItem::Output(name.clone()) };
            self.graph.connect(from, &to, firmness, &reference.loc);
        }
    }
}
