//! The sections of a template.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::node::{self, TemplateMember, TemplateNode};
use super::repeat;
use crate::diag::{Diagnostic, Source};

/// The type of stacks in stacks.
pub(crate) const NESTED: &str = "AWS::CloudFormation::Stack";

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    /// Its text, with secrets masked, for messages.
    pub(super) source: Arc<Source>,
    /// The whole tree.
    pub(super) root: TemplateNode,
    /// Its parameters.
    pub(super) parameters: BTreeMap<String, TemplateParameter>,
    /// Position of each resource in its section.
    index: HashMap<String, usize>,
}

/// A stack that a template holds.
#[derive(Debug)]
pub(crate) struct NestedStack {
    /// Its logical id.
    pub(crate) id: String,
    /// The file of its template, from the folder of this one; `None` where the template lies in S3, or a function says
    /// where.
    pub(crate) file: Option<String>,
}

/// A parameter.
#[derive(Debug)]
pub(super) struct TemplateParameter {
    /// `String`, `CommaDelimitedList`, ...
    pub(super) kind: String,
    /// Its default.
    pub(super) default: Option<String>,
    /// `AllowedValues`.
    pub(super) allowed: Vec<String>,
    /// `NoEcho`: whether its value is secret.
    pub(super) no_echo: bool,
    /// Its line.
    pub(super) line: usize,
}

/// A resource as the template declares it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declaration<'t> {
    /// Its logical id.
    pub(super) id: &'t str,
    /// Its type.
    pub(super) kind: &'t str,
    /// Its whole declaration.
    pub(super) node: &'t TemplateNode,
    /// Its line.
    pub(super) line: usize,
}

impl<'t> Declaration<'t> {
    /// A property, not evaluated.
    pub(super) fn property(&self, name: &str) -> Option<&'t TemplateNode> {
        self.node.get("Properties")?.get(name)
    }
}

impl Template {
    /// Reads a template, by itself or as `aws cloudformation get-template` prints it.
    ///
    /// # Errors
    /// A text that is not a template, with the place.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let (root, source) = node::parse(name, text)?;
        let body = root.get("TemplateBody").filter(|_| root.get("Resources").is_none());
        match body.map(|body| (body, body.as_text())) {
            Some((_, Some(text))) => {
                let (root, source) = node::parse(name, text)?;
                Self::new(root, source)
            }
            Some((body, None)) => Self::new(body.clone(), source),
            None => Self::new(root, source),
        }
    }

    /// A template that a tool has printed as a JSON object.
    ///
    /// # Errors
    /// JSON that is not a template.
    pub(super) fn from_json(name: &str, json: &serde_json::Value) -> Result<Self, Diagnostic> {
        Self::new(TemplateNode::from_json(json), Source::new(name, ""))
    }

    /// The same with its loops expanded.
    ///
    /// # Errors
    /// A loop that cannot be expanded, with the place.
    pub(super) fn unrolled(
        self,
        collection: &dyn Fn(&TemplateNode) -> Option<Vec<String>>,
    ) -> Result<Self, Diagnostic> {
        // Without the transform, CloudFormation itself refuses the key.
        if !self.macros().iter().any(|name| name == "AWS::LanguageExtensions") {
            return Ok(self);
        }
        let Self { root, source, .. } = self;
        let root = repeat::unroll(root, collection).map_err(|(key, line, why)| {
            Diagnostic::error(format!("the loop `{key}` cannot be expanded: {why}"))
                .at(node::at_line(&source, line))
                .help("set the parameters that it iterates over")
        })?;
        Self::new(root, source)
    }

    fn new(root: TemplateNode, source: Arc<Source>) -> Result<Self, Diagnostic> {
        let name = source.name();
        let advice = "a template is an object with `Resources`, in YAML or JSON";
        if root.get("Resources").is_none_or(|all| all.members().is_empty()) {
            let message = match root.get("TerraformVersion").or(root.get("format_version")) {
                Some(_) => format!("`{name}` is a Terraform plan, not a CloudFormation template"),
                None => format!("`{name}` is not a CloudFormation template: it has no `Resources`"),
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
                .help("add its type, as in `Type: AWS::IAM::Role`"));
            }
        }
        let parameters = section(&root, "Parameters").iter();
        let parameters = parameters.map(|member| (member.key.clone(), parameter(member))).collect();
        let ids = section(&root, "Resources").iter().enumerate();
        let index = ids.map(|(at, member)| (member.key.clone(), at)).collect();
        Ok(Self { source, root, parameters, index })
    }

    /// What a stack holds that is not there.
    pub(super) fn empty() -> Self {
        let root = TemplateNode::from_json(&serde_json::json!({}));
        let (parameters, index) = (BTreeMap::new(), HashMap::new());
        Self { source: Source::new("", ""), root, parameters, index }
    }

    /// The stacks that it holds. `cdk synth` leaves the file of such a template in `Metadata`, beside the place that it has
    /// in S3 once it is deployed; what `aws cloudformation package` is yet to upload is a path.
    pub(crate) fn nested(&self) -> Vec<NestedStack> {
        let stacks = self.resources().filter(|resource| resource.kind == NESTED);
        let file = |resource: Declaration<'_>| {
            let text = |node: Option<&TemplateNode>| Some(node?.as_text()?.to_owned());
            let metadata = resource.node.get("Metadata");
            let of_property = metadata.and_then(|all| all.get("aws:asset:property"));
            let is_asset = of_property.is_none_or(|of| of.as_text() == Some("TemplateURL"));
            let asset = text(metadata.and_then(|all| all.get("aws:asset:path")));
            let written =
                || text(resource.property("TemplateURL")).filter(|at| !at.contains("://"));
            asset.filter(|_| is_asset).or_else(written)
        };
        stacks.map(|one| NestedStack { id: one.id.to_owned(), file: file(one) }).collect()
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

    /// The names under `Transform`, CloudFormation's own transforms included.
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
