//! `Fn::ForEach` (the transform `AWS::LanguageExtensions`), expanded before anything else is read.
//!
//! CloudFormation Template Reference, "Fn::ForEach": a key `Fn::ForEach::NAME` among resources, outputs, conditions or the
//! properties of a resource has a list of an identifier, a collection and an object. Keys and values of the object contain
//! `${Identifier}`, or `&{Identifier}` for the value with only its letters and digits.

use super::node::{Content, TemplateMember, TemplateNode};

/// Most members that loops may produce: a template has at most 500 resources.
const MOST: usize = 20_000;

/// The template with its loops expanded. `collection` evaluates the collection of a loop; `None` if that is unknown.
///
/// # Errors
/// The key and line of a loop that cannot be expanded, and why.
pub(super) fn unroll(
    root: TemplateNode,
    collection: &dyn Fn(&TemplateNode) -> Option<Vec<String>>,
) -> Result<TemplateNode, (String, usize, String)> {
    let mut left = MOST;
    walk(root, collection, &mut left)
}

fn walk(
    node: TemplateNode,
    collection: &dyn Fn(&TemplateNode) -> Option<Vec<String>>,
    left: &mut usize,
) -> Result<TemplateNode, (String, usize, String)> {
    let line = node.line;
    let content = match node.content {
        Content::List(all) => Content::List(
            all.into_iter().map(|one| walk(one, collection, left)).collect::<Result<_, _>>()?,
        ),
        Content::Map(members) => {
            let mut out: Vec<TemplateMember> = Vec::with_capacity(members.len());
            for member in members {
                if !member.key.starts_with("Fn::ForEach::") {
                    let value = walk(member.value, collection, left)?;
                    out.push(TemplateMember { value, ..member });
                    continue;
                }
                let error = |why: &str| (member.key.clone(), member.line, why.to_owned());
                let [identifier, over, body] = member.value.elements() else {
                    return Err(error(
                        "it must be a list of an identifier, a collection and an object",
                    ));
                };
                let Some(identifier) = identifier.as_text() else {
                    return Err(error("its identifier must be a string"));
                };
                let Some(values) = collection(over) else {
                    return Err(error("its collection is not known"));
                };
                for value in values {
                    *left = left.checked_sub(1 + body.members().len()).ok_or_else(|| {
                        error(&format!(
                            "the loops of the template produce more than {MOST} entries"
                        ))
                    })?;
                    let one = substitute(body, identifier, &value);
                    // The body may contain loops.
                    let one = walk(one, collection, left)?;
                    if let Content::Map(members) = one.content {
                        out.extend(members);
                    }
                }
            }
            Content::Map(out)
        }
        other => other,
    };
    Ok(TemplateNode { content, line })
}

fn substitute(node: &TemplateNode, identifier: &str, value: &str) -> TemplateNode {
    let text = |text: &str| {
        let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
        text.replace(&format!("${{{identifier}}}"), value)
            .replace(&format!("&{{{identifier}}}"), &plain)
    };
    let line = node.line;
    if let Some(("Ref", name)) = node.call()
        && name.as_text() == Some(identifier)
    {
        return TemplateNode::text(value, line);
    }
    let content = match &node.content {
        Content::Text(own) => Content::Text(text(own)),
        Content::List(all) => {
            Content::List(all.iter().map(|one| substitute(one, identifier, value)).collect())
        }
        Content::Map(all) => Content::Map(
            all.iter()
                .map(|member| TemplateMember {
                    key: text(&member.key),
                    line: member.line,
                    value: substitute(&member.value, identifier, value),
                })
                .collect(),
        ),
        Content::Null => Content::Null,
        Content::Bool(bool) => Content::Bool(*bool),
    };
    TemplateNode { content, line }
}
