//! The sections of a template.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::node::{self, TemplateMember, TemplateNode};
use super::repeat;
use crate::diag::{Diagnostic, Source};

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    /// Its text as messages show it.
    pub(super) source: Arc<Source>,
    /// All of it.
    pub(super) root: TemplateNode,
    /// Its parameters.
    pub(super) parameters: BTreeMap<String, TemplateParameter>,
    /// Where each resource stands among the members of its section.
    index: HashMap<String, usize>,
}

/// A parameter.
#[derive(Debug)]
pub(super) struct TemplateParameter {
    /// `String`, `CommaDelimitedList`, ...
    pub(super) kind: String,
    /// Its value where none is given.
    pub(super) default: Option<String>,
    /// The only values that it takes, where it says so.
    pub(super) allowed: Vec<String>,
    /// Whether its value is secret.
    pub(super) no_echo: bool,
    /// Its line.
    pub(super) line: usize,
}

/// A resource as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declaration<'t> {
    /// Its logical id.
    pub(super) id: &'t str,
    /// Its type.
    pub(super) kind: &'t str,
    /// All of it.
    pub(super) node: &'t TemplateNode,
    /// Its line.
    pub(super) line: usize,
}

impl<'t> Declaration<'t> {
    /// A property, as it is written.
    pub(super) fn property(&self, name: &str) -> Option<&'t TemplateNode> {
        self.node.get("Properties")?.get(name)
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is none, with the place.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let (root, source) = node::parse(name, text)?;
        Self::new(root, source)
    }

    /// A template that a tool has printed as a JSON object.
    ///
    /// # Errors
    /// What is none.
    pub(super) fn from_json(name: &str, json: &serde_json::Value) -> Result<Self, Diagnostic> {
        Self::new(TemplateNode::from_json(json), Source::new(name, ""))
    }

    /// The same with its loops unrolled.
    ///
    /// # Errors
    /// A loop that cannot be, with the place.
    pub(super) fn unrolled(
        self,
        collection: &dyn Fn(&TemplateNode) -> Option<Vec<String>>,
    ) -> Result<Self, Diagnostic> {
        // Without the transform, the key is not a loop but an error of CloudFormation's own.
        if !self.macros().iter().any(|name| name == "AWS::LanguageExtensions") {
            return Ok(self);
        }
        let Self { root, source, .. } = self;
        let root = repeat::unroll(root, collection).map_err(|(key, line, why)| {
            Diagnostic::error(format!("the loop `{key}` cannot be unrolled: {why}"))
                .at(node::at_line(&source, line))
                .help("give the values of the parameters that it goes over")
        })?;
        Self::new(root, source)
    }

    fn new(root: TemplateNode, source: Arc<Source>) -> Result<Self, Diagnostic> {
        let name = source.name();
        let advice = "a template is an object with `Resources`, in YAML or JSON";
        if root.get("Resources").is_none_or(|all| all.members().is_empty()) {
            let message = match root.get("TerraformVersion").or(root.get("format_version")) {
                Some(_) => format!("`{name}` is a plan of Terraform's and no template"),
                None => format!("`{name}` is no template: it has no `Resources`"),
            };
            return Err(Diagnostic::error(message).help(advice));
        }
        for member in section(&root, "Resources") {
            let kind = member.value.get("Type").and_then(TemplateNode::as_text);
            if kind.is_none() && !member.key.starts_with("Fn::") {
                return Err(Diagnostic::error(format!(
                    "the resource `{}` has no `Type`",
                    member.key
                ))
                .at(node::at_line(&source, member.line))
                .help("give its type, as in `Type: AWS::IAM::Role`"));
            }
        }
        let parameters = section(&root, "Parameters").iter();
        let parameters = parameters.map(|member| (member.key.clone(), parameter(member))).collect();
        let ids = section(&root, "Resources").iter().enumerate();
        let index = ids.map(|(at, member)| (member.key.clone(), at)).collect();
        Ok(Self { source, root, parameters, index })
    }

    /// The members of a section.
    pub(super) fn section(&self, name: &str) -> &[TemplateMember] {
        section(&self.root, name)
    }

    /// A member of a section.
    pub(super) fn member(&self, section: &str, key: &str) -> Option<&TemplateNode> {
        self.root.get(section)?.get(key)
    }

    /// Its resources.
    pub(super) fn resources(&self) -> impl Iterator<Item = Declaration<'_>> {
        self.section("Resources").iter().filter_map(declaration)
    }

    /// A resource.
    pub(super) fn resource(&self, id: &str) -> Option<Declaration<'_>> {
        declaration(self.section("Resources").get(*self.index.get(id)?)?)
    }

    /// The macros that it names, CloudFormation's own among them.
    pub(super) fn macros(&self) -> Vec<String> {
        let Some(named) = self.root.get("Transform") else { return Vec::new() };
        let all = match named.elements() {
            [] => std::slice::from_ref(named),
            all => all,
        };
        let name = |one: &TemplateNode| {
            one.as_text().or_else(|| one.get("Name")?.as_text()).unwrap_or("unnamed").to_owned()
        };
        all.iter().map(name).collect()
    }
}

fn declaration(member: &TemplateMember) -> Option<Declaration<'_>> {
    let kind = member.value.get("Type")?.as_text()?;
    Some(Declaration { id: &member.key, kind, node: &member.value, line: member.line })
}

fn section<'n>(root: &'n TemplateNode, name: &str) -> &'n [TemplateMember] {
    root.get(name).map_or(&[], TemplateNode::members)
}

fn parameter(member: &TemplateMember) -> TemplateParameter {
    let node = &member.value;
    let default = node.get("Default").and_then(|default| match default.elements() {
        [] => default.scalar(),
        all => Some(all.iter().filter_map(TemplateNode::scalar).collect::<Vec<_>>().join(",")),
    });
    let allowed = node.get("AllowedValues").map_or(&[][..], TemplateNode::elements);
    TemplateParameter {
        kind: node.get("Type").and_then(TemplateNode::as_text).unwrap_or("String").to_owned(),
        default,
        allowed: allowed.iter().filter_map(TemplateNode::scalar).collect(),
        no_echo: node
            .get("NoEcho")
            .and_then(TemplateNode::scalar)
            .is_some_and(|set| set.eq_ignore_ascii_case("true")),
        line: member.line,
    }
}
