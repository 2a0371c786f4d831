//! The reader of YAML and JSON: a template as a tree with the line of each value, and with CloudFormation's short tags in
//! their long form.
//!
//! Aliases and merge keys are expanded as `aws cloudformation package` does, because CloudFormation itself rejects them
//! (CloudFormation User Guide, "CloudFormation template format": "doesn't support aliases, hash merges").

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{Content, TemplateMember, TemplateNode};
use crate::diag::{Diagnostic, Loc, Source, did_you_mean};

/// Most bytes of a template: CloudFormation takes 1 MiB (CloudFormation User Guide, "Understand CloudFormation quotas"),
/// and what is packaged before it is uploaded may be larger.
const MAX_BYTES: usize = 4 << 20;
/// Most values of one template after aliases are expanded: a template of the largest size has fewer.
const MAX_NODES: usize = 500_000;
/// Deepest nesting: evaluation recurses as deep, and no policy or definition comes near.
const MAX_DEPTH: usize = 80;

/// The text as messages may show it. If any parameter has `NoEcho`, what follows `Default` is masked, byte by byte so that
/// no position moves.
fn shown(text: &str) -> String {
    if !text.contains("NoEcho") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    // The indentation of a key whose value continues on the next lines.
    let mut below: Option<usize> = None;
    let mask = |part: &str, out: &mut String| {
        let masked = |byte: u8| if byte == b'\n' || byte == b'\r' { char::from(byte) } else { '*' };
        out.extend(part.bytes().map(masked));
    };
    for line in text.split_inclusive('\n') {
        let indentation = line.len() - line.trim_start().len();
        if below.is_some_and(|own| indentation > own || line.trim().is_empty()) {
            mask(line, &mut out);
            continue;
        }
        below = None;
        let value = line.find("Default").and_then(|at| {
            let rest = line.get(at..)?;
            Some(at + rest.find(':')? + 1)
        });
        match value {
            Some(at) => {
                out.push_str(line.get(..at).unwrap_or_default());
                mask(line.get(at..).unwrap_or_default(), &mut out);
                below = Some(indentation);
            }
            None => out.push_str(line),
        }
    }
    out
}

/// The text of a template as a tree, with the source that messages show.
///
/// # Errors
/// A text that is not valid YAML or JSON, is too large or too deep, or has a duplicate key or an unknown tag.
pub(super) fn parse(name: &str, text: &str) -> Result<(TemplateNode, Arc<Source>), Diagnostic> {
    let source = Source::new(name, shown(text));
    if text.len() > MAX_BYTES {
        return Err(Diagnostic::error(format!("`{name}` is larger than {} MiB", MAX_BYTES >> 20))
            .help("CloudFormation accepts templates of up to 1 MiB"));
    }
    let node = Reader::new(&source).read(text)?;
    Ok((node, source))
}

/// The beginning of a line.
pub(super) fn at_line(source: &Arc<Source>, line: usize) -> Loc {
    at(source, line, 0)
}

fn at(source: &Arc<Source>, line: usize, column: usize) -> Loc {
    let text = source.text();
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(ends).nth(line.saturating_sub(1)).unwrap_or(text.len());
    let rest = text.get(start..).unwrap_or_default();
    let rest = rest.lines().next().unwrap_or_default();
    let indentation = rest.len() - rest.trim_start().len();
    let from = if column == 0 { indentation } else { column.min(rest.len()) };
    let from = (0..=from).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
    // A line of generated JSON may be megabytes long.
    let until = rest.len().min(from + 80);
    let until = (from..=until).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(from);
    Loc::new(source, start + from..start + until.max(from))
}

/// A list or object that the parser has opened and not closed.
struct Frame {
    content: Open,
    line: usize,
    anchor: usize,
    tag: Option<Tag>,
}

enum Open {
    List(Vec<TemplateNode>),
    Map(OpenMap),
}

/// An object whose members come in.
#[derive(Default)]
struct OpenMap {
    members: Vec<TemplateMember>,
    /// The key whose value comes next.
    key: Option<(String, usize)>,
    /// Keys that are written.
    written: HashSet<String>,
    /// Keys that are merged in, with their place among the members: what is written takes it.
    merged: HashMap<String, usize>,
}

struct Reader<'s> {
    source: &'s Arc<Source>,
    open: Vec<Frame>,
    anchors: HashMap<usize, TemplateNode>,
    nodes: usize,
    root: Option<TemplateNode>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Arc<Source>) -> Self {
        Self { source, open: Vec::new(), anchors: HashMap::new(), nodes: 0, root: None }
    }

    fn error(&self, mark: &Marker, message: impl Into<String>) -> Diagnostic {
        let place = at(self.source, mark.line(), mark.col());
        let diagnostic = Diagnostic::error(message);
        // An excerpt shows the whole line, which in generated JSON may be the whole file.
        match self.source.text().lines().nth(mark.line().saturating_sub(1)) {
            Some(line) if line.len() > 400 => diagnostic.detail(format!(
                "in `{}`, line {}, column {}",
                self.source.name(),
                mark.line(),
                mark.col() + 1
            )),
            _ => diagnostic.at(place),
        }
    }

    fn read(mut self, text: &str) -> Result<TemplateNode, Diagnostic> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let name = self.source.name();
                let why = error.info().to_owned();
                self.error(error.marker(), format!("`{name}` is not valid YAML or JSON: {why}"))
                    .help("`aws cloudformation validate-template` checks the syntax of a template")
            })?;
            self.event(event, &span.start)?;
        }
        let name = self.source.name();
        self.root.ok_or_else(|| Diagnostic::error(format!("`{name}` is empty")))
    }

    fn event(&mut self, event: Event<'_>, mark: &Marker) -> Result<(), Diagnostic> {
        let line = mark.line();
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => Err(self.error(
                mark,
                "a second YAML document begins here: a template is a single document",
            )),
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(self
                        .error(mark, "this alias is inside its own anchor")
                        .help("write the value out"));
                };
                self.count(node.size(), mark)?;
                self.close(node, mark)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, mark)?;
                if let Some(frame) = self.open.last_mut()
                    && let Open::Map(map) = &mut frame.content
                    && map.key.is_none()
                {
                    let is_merge = text == "<<" && style == ScalarStyle::Plain;
                    if !is_merge && !map.written.insert(text.as_ref().to_owned()) {
                        let shown: String = text.chars().take(80).collect();
                        let message = format!("the key `{shown}` occurs twice");
                        return Err(self.error(mark, message).help("merge the two into one"));
                    }
                    map.key = Some((text.into_owned(), line));
                    return Ok(());
                }
                let is_text = tag
                    .as_ref()
                    .is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let content = match (style, text.as_ref()) {
                    (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL")
                        if !is_text && tag.is_none() =>
                    {
                        Content::Null
                    }
                    (ScalarStyle::Plain, "true" | "True" | "TRUE") if !is_text => {
                        Content::Bool(true)
                    }
                    (ScalarStyle::Plain, "false" | "False" | "FALSE") if !is_text => {
                        Content::Bool(false)
                    }
                    _ => Content::Text(text.into_owned()),
                };
                let node = self.tagged(TemplateNode { content, line }, tag.as_deref(), mark)?;
                self.anchor(anchor, &node);
                self.close(node, mark)
            }
            Event::SequenceStart(anchor, tag) => {
                self.begin(Open::List(Vec::new()), anchor, tag.map(|tag| tag.into_owned()), mark)
            }
            Event::MappingStart(anchor, tag) => {
                let tag = tag.map(|tag| tag.into_owned());
                self.begin(Open::Map(OpenMap::default()), anchor, tag, mark)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.open.pop() else { return Ok(()) };
                let content = match frame.content {
                    Open::List(elements) => Content::List(elements),
                    Open::Map(map) => Content::Map(map.members),
                };
                let node = TemplateNode { content, line: frame.line };
                let node = self.tagged(node, frame.tag.as_ref(), mark)?;
                self.anchor(frame.anchor, &node);
                self.close(node, mark)
            }
        }
    }

    fn begin(
        &mut self,
        content: Open,
        anchor: usize,
        tag: Option<Tag>,
        mark: &Marker,
    ) -> Result<(), Diagnostic> {
        self.count(1, mark)?;
        if let Some(frame) = self.open.last()
            && let Open::Map(map) = &frame.content
            && map.key.is_none()
        {
            return Err(self.error(mark, "a key in a template must be a string"));
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("the template nests deeper than {MAX_DEPTH} levels");
            return Err(self
                .error(mark, message)
                .help("a template that CloudFormation accepts is not nested this deeply"));
        }
        self.open.push(Frame { content, line: mark.line(), anchor, tag });
        Ok(())
    }

    fn count(&mut self, nodes: usize, mark: &Marker) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            let message = format!(
                "the template has more than {MAX_NODES} values after its aliases are expanded"
            );
            return Err(self
                .error(mark, message)
                .help("a template that CloudFormation accepts has fewer"));
        }
        Ok(())
    }

    fn anchor(&mut self, anchor: usize, node: &TemplateNode) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    /// Puts a complete value into the innermost open list or object.
    fn close(&mut self, node: TemplateNode, mark: &Marker) -> Result<(), Diagnostic> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.content {
            Open::List(elements) => elements.push(node),
            Open::Map(map) => match map.key.take() {
                Some((key, _)) if key == "<<" => {
                    let merged: Vec<TemplateMember> = match node.content {
                        Content::Map(members) => members,
                        Content::List(all) => {
                            all.into_iter().flat_map(|one| one.members().to_vec()).collect()
                        }
                        Content::Null | Content::Bool(_) | Content::Text(_) => {
                            return Err(
                                self.error(mark, "`<<` merges objects, and this is not an object")
                            );
                        }
                    };
                    // Keys next to the merge key win, whether they come before or after it.
                    for member in merged {
                        if !map.written.contains(&member.key)
                            && !map.merged.contains_key(&member.key)
                        {
                            map.merged.insert(member.key.clone(), map.members.len());
                            map.members.push(member);
                        }
                    }
                }
                Some((key, line)) => {
                    let place = map.merged.remove(&key);
                    let member = TemplateMember { key, line, value: node };
                    match place.and_then(|place| map.members.get_mut(place)) {
                        Some(merged) => *merged = member,
                        None => map.members.push(member),
                    }
                }
                None => return Err(self.error(mark, "a key in a template must be a string")),
            },
        }
        Ok(())
    }

    /// A value with its short tag in the long form.
    fn tagged(
        &self,
        node: TemplateNode,
        tag: Option<&Tag>,
        mark: &Marker,
    ) -> Result<TemplateNode, Diagnostic> {
        let Some(tag) = tag else { return Ok(node) };
        if tag.is_yaml_core_schema() {
            let known = ["str", "int", "float", "bool", "null", "map", "seq"];
            return match known.contains(&tag.suffix.as_str()) {
                true => Ok(node),
                false => Err(self.error(
                    mark,
                    format!("CloudFormation does not support the tag `!!{}`", tag.suffix),
                )),
            };
        }
        // A lone `!` only marks the value as a string.
        if tag.suffix.is_empty() {
            return Ok(node);
        }
        let is_function = FUNCTIONS.contains(&tag.suffix.as_str());
        let key = match tag.suffix.as_str() {
            "Ref" | "Condition" => tag.suffix.clone(),
            name if is_function && tag.handle == "!" => format!("Fn::{name}"),
            name => {
                let known: BTreeSet<&str> =
                    FUNCTIONS.into_iter().chain(["Ref", "Condition"]).collect();
                let near = did_you_mean(name, known);
                let message = format!("`!{name}` is not a CloudFormation function");
                return Err(self.error(mark, message).help_opt(near));
            }
        };
        let line = node.line;
        Ok(TemplateNode {
            content: Content::Map(vec![TemplateMember { key, line, value: node }]),
            line,
        })
    }
}

/// Functions with a short form (CloudFormation Template Reference, "Intrinsic function reference").
const FUNCTIONS: [&str; 19] = [
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "ForEach",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TemplateNode {
        parse("t.yaml", text).unwrap_or_else(|error| panic!("{}", error.summary)).0
    }

    fn refused(text: &str) -> String {
        parse("t.yaml", text).err().map(|error| error.summary).unwrap_or_default()
    }

    #[test]
    fn short_tags_become_long_functions_and_keep_their_lines() {
        let long = read("A:\n  Fn::Sub:\n    x\nB: {Fn::GetAtt: R.Arn}\nC: {Ref: P}");
        let short = read("A:\n  !Sub\n    x\nB: !GetAtt R.Arn\nC: !Ref P");
        for key in ["A", "B", "C"] {
            let one = long
                .get(key)
                .and_then(TemplateNode::call)
                .map(|(name, arg)| (name.to_owned(), arg.as_text().map(str::to_owned)));
            let other = short
                .get(key)
                .and_then(TemplateNode::call)
                .map(|(name, arg)| (name.to_owned(), arg.as_text().map(str::to_owned)));
            assert_eq!(one, other, "{key}");
            assert!(one.is_some(), "{key}");
        }
        assert_eq!(short.get("C").map(|node| node.line), Some(5));
    }

    #[test]
    fn json_with_tabs_and_unquoted_dates_is_read() {
        let node = read("{\n\t\"A\": [1, true, null, \"x\"],\n\t\"V\": \"2012-10-17\"\n}");
        let texts: Vec<_> = node
            .get("A")
            .map_or(&[][..], TemplateNode::elements)
            .iter()
            .map(TemplateNode::scalar)
            .collect();
        assert_eq!(texts, [Some("1".into()), Some("true".into()), None, Some("x".into())]);
        assert_eq!(
            read("V: 2012-10-17").get("V").and_then(TemplateNode::as_text),
            Some("2012-10-17")
        );
    }

    #[test]
    fn aliases_and_merge_keys_are_expanded() {
        let node = read("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a");
        assert_eq!(
            node.get("b").and_then(|b| b.get("x")).and_then(TemplateNode::as_text),
            Some("1")
        );
        assert_eq!(
            node.get("b").and_then(|b| b.get("y")).and_then(TemplateNode::as_text),
            Some("3")
        );
        assert_eq!(
            node.get("c").and_then(|b| b.get("y")).and_then(TemplateNode::as_text),
            Some("2")
        );
    }

    #[test]
    fn hostile_templates_end_with_an_error() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let all = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{all}]\n"));
        }
        assert!(refused(&bomb).contains("after its aliases are expanded"), "{}", refused(&bomb));
        // The parser has a limit of its own for brackets.
        assert!(refused(&format!("a: {}", "[".repeat(5_000))).contains("recursion limit"));
        let deep = refused(&format!("{}x", "- ".repeat(5_000)));
        assert!(deep.contains("nests deeper"), "{deep}");
        assert!(refused("a: &a [*a]").contains("inside its own anchor"));
        assert!(refused("a: 1\na: 2").contains("occurs twice"));
        assert!(refused("a: 1\n---\nb: 2").contains("second YAML document"));
        assert!(refused("a: !Reff b").contains("not a CloudFormation function"));
        assert!(refused("a: {").contains("not valid YAML or JSON"));
        assert!(refused("? [a]\n: b").contains("must be a string"));
        assert!(refused("").contains("empty"));
    }

    #[test]
    fn defaults_of_noecho_parameters_are_masked() {
        for text in [
            "P:\n  NoEcho: true\n  Default: s3cr3t\n  x: {",
            "P:\n  NoEcho: true\n  Default: |\n    s3cr3t\n    s3cr3t\n  x: {",
            "P: {NoEcho: true, Default: s3cr3t, x: [",
            "{\"P\": {\"NoEcho\": true, \"Default\":\n   \"s3cr3t\"",
        ] {
            let masked = shown(text);
            assert!(!masked.contains("s3cr3t"), "{masked}");
            assert_eq!(masked.len(), text.len());
        }
    }
}
