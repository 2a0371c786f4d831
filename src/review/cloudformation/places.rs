//! File and line of each resource of a template, and of each statement of its policies.

use std::collections::BTreeMap;

use super::node::TemplateNode;
use super::template::Template;

/// The places of one stack's template.
#[derive(Clone, Debug, Default)]
pub(crate) struct TemplatePlaces {
    file: String,
    resources: BTreeMap<String, usize>,
    documents: Vec<DocumentPlace>,
}

/// A policy in a template.
#[derive(Clone, Debug)]
struct DocumentPlace {
    address: String,
    /// Its name in reports: `trust`, `policy`, `content`, `boundary`, or the name of an inline policy.
    part: String,
    line: usize,
    /// The `Sid` and line of each statement; empty if a function produces the list.
    statements: Vec<(Option<String>, usize)>,
}

impl TemplatePlaces {
    pub(super) fn of(label: &str, template: &Template) -> Self {
        let mut places = Self { file: template.source.name().to_owned(), ..Self::default() };
        for resource in template.resources().filter(|resource| resource.line > 0) {
            let address = format!("{label}/{}", resource.id);
            let mut add = |part: &str, document: Option<&TemplateNode>| {
                let Some(document) = document else { return };
                places.documents.push(DocumentPlace {
                    address: address.clone(),
                    part: part.to_owned(),
                    line: document.line,
                    statements: statements(document),
                });
            };
            add("trust", resource.property("AssumeRolePolicyDocument"));
            for property in
                ["PolicyDocument", "KeyPolicy", "RepositoryPolicyText", "ResourcePolicy", "Content"]
            {
                let document = resource.property(property);
                let document = document.map(|own| own.get("PolicyDocument").unwrap_or(own));
                let name = resource.property("PolicyName").and_then(TemplateNode::as_text);
                for part in ["policy", "content", "boundary"].into_iter().chain(name) {
                    add(part, document);
                }
            }
            for policy in resource.property("Policies").map_or(&[][..], TemplateNode::elements) {
                if let Some(name) = policy.get("PolicyName").and_then(TemplateNode::as_text) {
                    add(name, policy.get("PolicyDocument"));
                }
            }
            places.resources.insert(address, resource.line);
        }
        places
    }

    /// The place of a resource: `template.yaml:3`.
    pub(crate) fn resource(&self, address: &str) -> Option<String> {
        self.resources.get(address).map(|line| format!("{}:{line}", self.file))
    }

    /// The place of a statement of a policy (`trust[0]`, `policy[Sid]`); otherwise that of its policy or resource. An inline
    /// policy may be a resource of its own that is attached to a principal of another stack.
    pub(crate) fn statement(&self, address: &str, statement: &str) -> Option<String> {
        let (part, label) = statement.strip_suffix(']')?.split_once('[')?;
        let of_address = |one: &&DocumentPlace| one.address == address && one.part == part;
        let named: Vec<&DocumentPlace> = match self.documents.iter().find(of_address) {
            Some(one) => vec![one],
            None => {
                let is_inline = !["trust", "policy", "content", "boundary"].contains(&part);
                self.documents.iter().filter(|one| is_inline && one.part == part).collect()
            }
        };
        let line = match named.as_slice() {
            [one] => one.statement(label).unwrap_or(one.line),
            _ => return self.resource(address),
        };
        Some(format!("{}:{line}", self.file))
    }
}

impl DocumentPlace {
    fn statement(&self, label: &str) -> Option<usize> {
        match label.parse::<usize>() {
            Ok(number) => self.statements.get(number).map(|(_, line)| *line),
            Err(_) => {
                let mut all =
                    self.statements.iter().filter(|(sid, _)| sid.as_deref() == Some(label));
                all.next().map(|(_, line)| *line)
            }
        }
    }
}

fn statements(document: &TemplateNode) -> Vec<(Option<String>, usize)> {
    let Some(all) = document.get("Statement") else { return Vec::new() };
    let all: Vec<&TemplateNode> = match all.elements() {
        [] => vec![all],
        all => all.iter().collect(),
    };
    // A function such as `Fn::If` may produce several statements, or none.
    if all.iter().any(|one| one.call().is_some()) {
        return Vec::new();
    }
    let sid =
        |one: &TemplateNode| one.get("Sid").and_then(TemplateNode::as_text).map(str::to_owned);
    all.into_iter().map(|one| (sid(one), one.line)).collect()
}
