//! Literals as HashiCorp's HCL reads them, set once after parsing.
//!
//! `hcl::edit` keeps the text of literals almost as written. HCL does more before anything is
//! evaluated, and what it does depends on how its scanner cuts a template into tokens: one token a
//! line in heredocs and template files, one token between two `${` or `%{` in quotes. In this order:
//!
//! 1. escapes are resolved, inside directives of quoted templates too;
//! 2. a strip marker takes all white space off the **token** beside it, line breaks included: in a
//!    heredoc that is the rest of the line, in quotes everything up to the next visible character;
//! 3. `<<-` takes off the indentation that the lines share, as they are after step 2: a line whose
//!    break a marker took joins the next one, and an indentation that a marker took is none;
//! 4. all text is in Unicode's normal form C, as every string of Terraform is.
//!
//! The result stands in the syntax tree, so evaluation writes literals as they are.
//!
//! Source: `hclsyntax/parser_template.go` and `scan_tokens.rl` of hashicorp/hcl v2.

use std::ops::Range;
use std::sync::Arc;

use hcl::edit::expr::{Expression, Object, ObjectKey};
use hcl::edit::structure::Body;
use hcl::edit::template::{Directive, Element, HeredocTemplate, StringTemplate, Strip, Template};
use hcl::edit::visit_mut::{self, VisitMut};
use hcl::edit::{Span, Spanned};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::diag::{Diagnostic, Loc, Source};
use crate::value::normal_form;

/// Where a template stands, which decides how it is cut into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TemplatePlace {
    /// `"..."`: escapes, and one token between two sequences.
    Quoted,
    /// `<<EOT` or a template file: no escapes but `$${` and `%%{`, one token a line.
    Lines,
    /// `<<-EOT`: as `Lines`, and shared indentation goes.
    Indented,
}

/// Reads the literals of a file.
pub(super) fn read_body(body: &mut Body, source: &Arc<Source>) -> Result<(), Diagnostic> {
    let mut reader = Reader { source, error: None };
    reader.visit_body_mut(body);
    reader.error.map_or(Ok(()), Err)
}

/// Reads the literals of one expression.
pub(super) fn read_expression(
    expr: &mut Expression,
    source: &Arc<Source>,
) -> Result<(), Diagnostic> {
    let mut reader = Reader { source, error: None };
    reader.visit_expr_mut(expr);
    reader.error.map_or(Ok(()), Err)
}

/// Reads the literals of a template file.
pub(super) fn read_template(
    template: &mut Template,
    source: &Arc<Source>,
) -> Result<(), Diagnostic> {
    let mut reader = Reader { source, error: None };
    reader.template(template, TemplatePlace::Lines);
    reader.error.map_or(Ok(()), Err)
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    /// The first thing that is wrong.
    error: Option<Diagnostic>,
}

impl VisitMut for Reader<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expression) {
        if let Expression::String(text) = expr {
            normalize(text);
        }
        visit_mut::visit_expr_mut(self, expr);
    }

    fn visit_object_mut(&mut self, object: &mut Object) {
        visit_mut::visit_object_mut(self, object);
        // Keys cannot be changed in place; literal ones are normalized where they are evaluated.
        let template = |key: &ObjectKey| matches!(key, ObjectKey::Expression(expr) if !matches!(expr, Expression::String(_)));
        if !object.iter().any(|(key, _)| template(key)) {
            return;
        }
        let keys: Vec<ObjectKey> = object.iter().map(|(key, _)| key.clone()).collect();
        let items: Vec<_> =
            keys.into_iter().filter_map(|key| Some((object.remove(&key)?, key))).collect();
        for (value, mut key) in items {
            if let ObjectKey::Expression(expr) = &mut key {
                self.visit_expr_mut(expr);
            }
            object.insert(key, value);
        }
    }

    fn visit_string_template_mut(&mut self, template: &mut StringTemplate) {
        self.template(template, TemplatePlace::Quoted);
    }

    fn visit_heredoc_template_mut(&mut self, heredoc: &mut HeredocTemplate) {
        let written = heredoc.span().and_then(|span| self.source.text().get(span));
        let indented = written.is_some_and(|text| text.starts_with("<<-"));
        let place = if indented { TemplatePlace::Indented } else { TemplatePlace::Lines };
        self.template(&mut heredoc.template, place);
    }
}

fn normalize(text: &mut String) {
    if let Some(normal) = normal_form(text) {
        *text = normal;
    }
}

/// A token of a template, as HCL's scanner would cut it.
enum Token {
    /// Text, and of which literal it is.
    Text { literal: usize, text: String },
    /// `${...}`, `%{if ...}`, `%{endif}`: whether its opening and its end have a strip marker.
    Sequence { opening: bool, end: bool },
}

/// What [`walk`] meets, in the order of the source.
enum TemplatePart<'t> {
    Literal { text: &'t mut Spanned<String>, in_directive: bool },
    Sequence(Strip),
}

/// Visits the literals and sequences of a template, those inside its directives too.
fn walk(template: &mut Template, in_directive: bool, visit: &mut impl FnMut(TemplatePart<'_>)) {
    for element in template.iter_mut() {
        match element {
            Element::Literal(text) => visit(TemplatePart::Literal { text, in_directive }),
            Element::Interpolation(interpolation) => {
                visit(TemplatePart::Sequence(interpolation.strip))
            }
            Element::Directive(directive) => match &mut **directive {
                Directive::If(directive) => {
                    visit(TemplatePart::Sequence(directive.if_expr.strip));
                    walk(&mut directive.if_expr.template, true, visit);
                    if let Some(other) = &mut directive.else_expr {
                        visit(TemplatePart::Sequence(other.strip));
                        walk(&mut other.template, true, visit);
                    }
                    visit(TemplatePart::Sequence(directive.endif_expr.strip));
                }
                Directive::For(directive) => {
                    visit(TemplatePart::Sequence(directive.for_expr.strip));
                    walk(&mut directive.for_expr.template, true, visit);
                    visit(TemplatePart::Sequence(directive.endfor_expr.strip));
                }
            },
        }
    }
}

impl Reader<'_> {
    /// Reads the literals of a template, and of the expressions in it.
    fn template(&mut self, template: &mut Template, place: TemplatePlace) {
        self.expressions(template);
        let mut tokens = Vec::new();
        let mut literals = 0;
        let source = self.source;
        let mut wrong = None;
        walk(template, false, &mut |part| match part {
            TemplatePart::Sequence(strip) => tokens
                .push(Token::Sequence { opening: strip.strip_start(), end: strip.strip_end() }),
            TemplatePart::Literal { text, in_directive } => {
                let raw = text.span().and_then(|span| source.text().get(span));
                match (place, raw) {
                    // The parser resolves escapes, except inside directives.
                    (TemplatePlace::Quoted, Some(raw)) if in_directive => match unescape(raw) {
                        Ok(text) => tokens.push(Token::Text { literal: literals, text }),
                        Err(at) => {
                            let start = text.span().unwrap_or_default().start;
                            wrong.get_or_insert(start + at.start..start + at.end);
                        }
                    },
                    (TemplatePlace::Quoted, _) | (_, None) => {
                        tokens.push(Token::Text { literal: literals, text: text.to_string() });
                    }
                    (TemplatePlace::Lines | TemplatePlace::Indented, Some(raw)) => {
                        for line in raw.split_inclusive('\n') {
                            let text = line.replace("$${", "${").replace("%%{", "%{");
                            tokens.push(Token::Text { literal: literals, text });
                        }
                    }
                }
                literals += 1;
            }
        });
        if let Some(at) = wrong {
            self.error.get_or_insert_with(|| unknown_escape(source, at));
            return;
        }
        strip(&mut tokens);
        if place == TemplatePlace::Indented {
            dedent(&mut tokens);
        }
        let mut read: Vec<String> = vec![String::new(); literals];
        for token in &tokens {
            if let Token::Text { literal, text } = token
                && let Some(whole) = read.get_mut(*literal)
            {
                whole.push_str(text);
            }
        }
        let mut read = read.into_iter();
        walk(template, false, &mut |part| {
            if let TemplatePart::Literal { text, .. } = part
                && let Some(mut new) = read.next()
            {
                normalize(&mut new);
                *text.value_mut() = new;
            }
        });
    }

    /// The expressions of a template, with the templates in them.
    fn expressions(&mut self, template: &mut Template) {
        for element in template.iter_mut() {
            match element {
                Element::Literal(_) => {}
                Element::Interpolation(interpolation) => {
                    self.visit_expr_mut(&mut interpolation.expr);
                }
                Element::Directive(directive) => match &mut **directive {
                    Directive::If(directive) => {
                        self.visit_expr_mut(&mut directive.if_expr.cond_expr);
                        self.expressions(&mut directive.if_expr.template);
                        if let Some(other) = &mut directive.else_expr {
                            self.expressions(&mut other.template);
                        }
                    }
                    Directive::For(directive) => {
                        self.visit_expr_mut(&mut directive.for_expr.collection_expr);
                        self.expressions(&mut directive.for_expr.template);
                    }
                },
            }
        }
    }
}

/// Takes white space off the tokens beside strip markers.
fn strip(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let Some(Token::Sequence { opening, end }) = tokens.get(at) else { continue };
        let (opening, end) = (*opening, *end);
        if opening
            && let Some(Token::Text { text, .. }) =
                at.checked_sub(1).and_then(|before| tokens.get_mut(before))
        {
            text.truncate(text.trim_end().len());
        }
        if end && let Some(Token::Text { text, .. }) = tokens.get_mut(at + 1) {
            *text = text.trim_start().to_owned();
        }
    }
}

/// Takes the indentation that all lines share off every line.
fn dedent(tokens: &mut [Token]) {
    let mut least = usize::MAX;
    let mut line_start = true;
    let mut indented = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if std::mem::take(&mut line_start) {
            match token {
                Token::Text { text, .. } => {
                    let content = text.trim_start();
                    // A blank line has no say.
                    if !content.is_empty() || !text.ends_with('\n') {
                        let spaces = text.get(..text.len() - content.len()).unwrap_or_default();
                        least = least.min(spaces.graphemes(true).count());
                        indented.push(at);
                    }
                }
                Token::Sequence { .. } => least = 0,
            }
        }
        if let Token::Text { text, .. } = token {
            line_start = text.ends_with('\n');
        }
    }
    for at in indented {
        if let Some(Token::Text { text, .. }) = tokens.get_mut(at) {
            *text = text.graphemes(true).skip(least).collect();
        }
    }
}

/// Resolves the escapes of quoted text; the range of the first that there is not.
fn unescape(raw: &str) -> Result<String, Range<usize>> {
    let mut text = String::with_capacity(raw.len());
    let mut at = 0;
    while let Some(rest) = raw.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(marker) = ["$${", "%%{"].iter().find(|m| rest.starts_with(**m)) {
            text.push_str(marker.get(1..).unwrap_or_default());
            at += marker.len();
            continue;
        }
        let mut chars = rest.chars();
        let first = chars.next().unwrap_or_default();
        if first != '\\' {
            text.push(first);
            at += first.len_utf8();
            continue;
        }
        let escape = chars.next();
        let digits = match escape {
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let resolved = match escape {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some(same @ ('"' | '\\')) => Some(same),
            Some('u' | 'U') => rest
                .get(2..2 + digits)
                .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                .and_then(char::from_u32),
            _ => None,
        };
        let Some(resolved) = resolved else {
            return Err(at..at + 1 + escape.map_or(0, char::len_utf8));
        };
        text.push(resolved);
        at += 2 + digits;
    }
    Ok(text)
}

fn unknown_escape(source: &Arc<Source>, at: Range<usize>) -> Diagnostic {
    Diagnostic::error("a backslash must be followed by a known escape")
        .at(Loc::new(source, at))
        .help("write `\\\\` for a backslash; `\\n`, `\\r`, `\\t`, `\\\"`, `\\uXXXX` and `\\UXXXXXXXX` are known")
}
