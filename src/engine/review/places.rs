//! File and line of each object that a plan or template manages, and of each statement of its policy. For plans, this
//! needs the `.tf` files.
//!
//! Addresses of an analysis are looked up, and nothing is evaluated. What several directories declare under one address, or
//! what a policy is made of in another way than the two that are read (`jsonencode` and `aws_iam_policy_document`), has
//! the place of its block, or none: a place that is shown is the right one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use hcl::edit::Span;
use hcl::edit::expr::{Expression, Object, ObjectKey, TraversalOperator};
use hcl::edit::structure::{Block, Body};

use crate::config::{parse_body, read_source};
use crate::diag::{Loc, Source};
use crate::isolation::section::{AccessPath, Isolation};
use crate::review::cloudformation::TemplatePlaces;
use crate::review::terraform::TRUST;

/// Modules that call each other deeper than this are not followed.
const DEPTH: usize = 32;

/// Fills in the places of what an analysis names.
pub(super) fn fill(
    isolation: &mut Isolation,
    directories: &[PathBuf],
    templates: &[TemplatePlaces],
) {
    let places = Places { templates, ..Places::read(directories) };
    if places.directories.is_empty() && templates.is_empty() {
        return;
    }
    for path in isolation.changes.iter_mut().chain(&mut isolation.violations) {
        places.fill(path);
    }
    for finding in &mut isolation.findings {
        for grant in &mut finding.granted_by {
            grant.location = places.statement(&grant.address, &grant.statement);
        }
    }
}

/// The configurations that plans were made from.
pub(super) struct Places<'t> {
    directories: Vec<RootModule>,
    /// Templates of stacks.
    templates: &'t [TemplatePlaces],
}

/// A root module with the modules below it.
struct RootModule {
    root: PathBuf,
    modules: BTreeMap<PathBuf, ModuleFiles>,
}

/// The files of one directory.
#[derive(Default)]
pub(super) struct ModuleFiles {
    /// Blocks by their address in the module: `aws_iam_role.r`, `data.aws_iam_policy_document.d`.
    blocks: BTreeMap<String, (Block, Arc<Source>)>,
    /// Directories of the modules that it calls, by name.
    calls: BTreeMap<String, PathBuf>,
}

impl Places<'_> {
    pub(super) fn read(directories: &[PathBuf]) -> Self {
        let directories: BTreeSet<&PathBuf> = directories.iter().collect();
        let read = directories.into_iter().map(|root| {
            let mut directory = RootModule { root: root.clone(), modules: BTreeMap::new() };
            directory.read(root, DEPTH);
            directory
        });
        Self {
            directories: read
                .filter(|directory| directory.modules.values().any(|m| !m.blocks.is_empty()))
                .collect(),
            templates: &[],
        }
    }

    fn fill(&self, path: &mut AccessPath) {
        let causes = path.caused_by.iter();
        let found: BTreeMap<String, String> =
            causes.filter_map(|a| Some((a.clone(), self.object(a)?))).collect();
        if !found.is_empty() {
            path.locations = Some(found);
        }
        for grant in path.via.iter_mut().flat_map(|hop| &mut hop.granted_by) {
            grant.location = self.statement(&grant.address, &grant.statement);
        }
    }

    /// The one block of an address.
    pub(super) fn block(&self, address: &str) -> Option<(&ModuleFiles, &Block, &Arc<Source>)> {
        let mut all = self.directories.iter().filter_map(|directory| directory.block(address));
        let one = all.next()?;
        all.next().is_none().then_some(one)
    }

    /// Where an object is declared: `main.tf:3`.
    fn object(&self, address: &str) -> Option<String> {
        let in_template = || self.templates.iter().find_map(|template| template.resource(address));
        match self.block(address) {
            Some((_, block, source)) => place(block, source),
            None => in_template(),
        }
    }

    /// Where a statement of an object's policy is written (`trust[0]`, `policy[Sid]`); else where the object is.
    fn statement(&self, address: &str, statement: &str) -> Option<String> {
        let Some((module, block, source)) = self.block(address) else {
            let mut all = self.templates.iter();
            return all.find_map(|template| template.statement(address, statement));
        };
        let exact = || {
            let (part, label) = statement.strip_suffix(']')?.split_once('[')?;
            let attribute = if part == "trust" { TRUST } else { "policy" };
            let policy = &block.body.get_attribute(attribute)?.value;
            module.statement(policy, source, label)
        };
        exact().or_else(|| place(block, source))
    }
}

impl RootModule {
    fn read(&mut self, directory: &Path, depth: usize) {
        if depth == 0 || self.modules.contains_key(directory) {
            return;
        }
        let mut module = ModuleFiles::default();
        let names = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<PathBuf> = names
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "tf"))
            .collect();
        names.sort();
        for path in names {
            let Ok(source) = read_source(&path, &path.display().to_string()) else { continue };
            // What Terraform has planned may be written in a way that is not read here: it has no place then.
            let Ok(body) = parse_body(&source) else { continue };
            module.take(body, &source, directory);
        }
        let calls: Vec<PathBuf> = module.calls.values().cloned().collect();
        self.modules.insert(directory.to_owned(), module);
        for directory in calls {
            self.read(&directory, depth - 1);
        }
    }

    fn block(&self, address: &str) -> Option<(&ModuleFiles, &Block, &Arc<Source>)> {
        let (modules, name) = parts(address)?;
        let mut directory = &self.root;
        for call in modules {
            directory = self.modules.get(directory)?.calls.get(&call)?;
        }
        let module = self.modules.get(directory)?;
        let (block, source) = module.blocks.get(&name)?;
        Some((module, block, source))
    }
}

impl ModuleFiles {
    /// The block of an address in the module.
    pub(super) fn block(&self, address: &str) -> Option<&Block> {
        self.blocks.get(address).map(|(block, _)| block)
    }

    fn take(&mut self, body: Body, source: &Arc<Source>, directory: &Path) {
        for block in body.into_blocks() {
            let labels: Vec<String> =
                block.labels.iter().map(|label| label.as_str().to_owned()).collect();
            let name = match (block.ident.as_str(), labels.as_slice()) {
                ("resource", [kind, name]) => format!("{kind}.{name}"),
                ("data", [kind, name]) => format!("data.{kind}.{name}"),
                ("module", [name]) => {
                    let source = block.body.get_attribute("source").map(|a| &a.value);
                    if let Some(Expression::String(source)) = source
                        && (source.value().starts_with("./") || source.value().starts_with("../"))
                    {
                        self.calls.insert(name.clone(), joined(directory, source.value()));
                    }
                    continue;
                }
                _ => continue,
            };
            self.blocks.insert(name, (block, Arc::clone(source)));
        }
    }

    /// Where a statement of a policy is written, by its number from zero or by its `Sid`.
    fn statement(&self, policy: &Expression, source: &Arc<Source>, label: &str) -> Option<String> {
        match policy {
            Expression::FuncCall(call) if call.name.name.as_str() == "jsonencode" => {
                let document = call.args.iter().next()?.as_object()?;
                let statements = match member(document, "Statement")? {
                    Expression::Array(all) => all.iter().collect(),
                    one => vec![one],
                };
                let one =
                    chosen(&statements, label, |one| member(one.as_object()?, "Sid")?.as_str())?;
                place(one, source)
            }
            Expression::Traversal(traversal) => {
                let Expression::Variable(root) = &traversal.expr else { return None };
                let names: Vec<&str> = traversal
                    .operators
                    .iter()
                    .filter_map(|operator| match operator.value() {
                        TraversalOperator::GetAttr(name) => Some(name.as_str()),
                        _ => None,
                    })
                    .collect();
                let ("data", [kind, name, "json"]) = (root.as_str(), names.as_slice()) else {
                    return None;
                };
                let (block, source) = self.blocks.get(&format!("data.{kind}.{name}"))?;
                // Documents that are merged, or made of lists, count their statements in another way.
                let is_plain = !block.body.has_attribute("source_policy_documents")
                    && !block.body.has_attribute("override_policy_documents")
                    && !block.body.has_blocks("dynamic");
                let statements: Vec<&Block> = block.body.get_blocks("statement").collect();
                let one =
                    chosen(&statements, label, |one| one.body.get_attribute("sid")?.value.as_str());
                let one = one.filter(|_| is_plain)?;
                place(one, source)
            }
            _ => None,
        }
    }
}

/// One of several statements, by its number or by its name.
fn chosen<'s, T>(
    all: &[&'s T],
    label: &str,
    sid: impl for<'o> Fn(&'o T) -> Option<&'o str>,
) -> Option<&'s T> {
    match label.parse::<usize>() {
        Ok(number) => all.get(number).copied(),
        Err(_) => all.iter().find(|one| sid(one) == Some(label)).copied(),
    }
}

fn member<'o>(object: &'o Object, name: &str) -> Option<&'o Expression> {
    let named = |key: &ObjectKey| match key {
        ObjectKey::Ident(ident) => ident.as_str() == name,
        ObjectKey::Expression(expr) => expr.as_str() == Some(name),
    };
    object.iter().find(|(key, _)| named(key)).map(|(_, value)| value.expr())
}

fn place(what: &impl Span, source: &Arc<Source>) -> Option<String> {
    let loc = Loc::new(source, what.span()?);
    Some(format!("{}:{}", loc.file(), loc.line()))
}

/// The modules of an address and its block's address there, without keys; `None` for what is no address.
fn parts(address: &str) -> Option<(Vec<String>, String)> {
    let mut steps: Vec<String> = vec![String::new()];
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for c in address.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' if depth > 0 => in_text = !in_text,
            _ if in_text => {}
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '.' => steps.push(String::new()),
            c => steps.last_mut()?.push(c),
        }
    }
    let mut modules = Vec::new();
    while let [first, name, rest @ ..] = steps.as_slice() {
        if first != "module" || rest.is_empty() {
            break;
        }
        modules.push(name.clone());
        steps = rest.to_vec();
    }
    (steps.len() >= 2).then(|| (modules, steps.join(".")))
}

/// A directory beside or below another one, written without detours.
fn joined(directory: &Path, source: &str) -> PathBuf {
    let mut path = directory.to_owned();
    for part in Path::new(source).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if path.file_name().is_some() => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let apart = |address: &str| parts(address).map(|(modules, name)| (modules.join("/"), name));
        let some = |modules: &str, name: &str| Some((modules.to_owned(), name.to_owned()));
        assert_eq!(apart("aws_iam_role.r[0]"), some("", "aws_iam_role.r"));
        assert_eq!(
            apart(r#"module.a["x.y"].module.b[0].aws_iam_role.r["k"]"#),
            some("a/b", "aws_iam_role.r")
        );
        assert_eq!(apart(r#"module.a["q\"].module.z"].data.aws_x.d"#), some("a", "data.aws_x.d"));
        assert_eq!(apart("settle@222222222222"), None);
    }

    #[test]
    fn modules_are_directories_beside_the_configuration() {
        let from = |directory: &str, source: &str| joined(Path::new(directory), source);
        assert_eq!(from("infra/live", "./names"), Path::new("infra/live/names"));
        assert_eq!(from("infra/live", "../modules/names"), Path::new("infra/modules/names"));
        assert_eq!(from("", "../names"), Path::new("../names"));
    }
}
