//! String templates: interpolation, directives, strip markers, heredocs.

use hcl::edit::Span;
use hcl::edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, IfDirective, Interpolation, StringTemplate,
    Strip, Template,
};

use crate::diag::Diagnostics;
use crate::eval::expr::for_expr::entries;
use crate::eval::expr::scope::Outcome;
use crate::eval::expr::{Evaluator, Frame, mark, unmark};
use crate::value::convert::text_of;
use crate::value::{Part, Unknown, Value};

/// The text that a template writes, unknown parts included.
#[derive(Default)]
struct Text {
    parts: Vec<Part>,
    /// Unknowns of which no part is known: with one of them, the whole text is opaque.
    opaque: Vec<Unknown>,
    hidden: bool,
}

impl Text {
    fn push_str(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }

    fn push_unknown(&mut self, unknown: Unknown) {
        if unknown.parts.is_empty() {
            self.opaque.push(unknown);
            return;
        }
        for part in unknown.parts.iter().cloned() {
            match part {
                Part::Text(text) => self.push_str(&text),
                reference @ Part::Ref(_) => self.parts.push(reference),
            }
        }
    }

    fn into_value(mut self) -> Value {
        let value = if !self.opaque.is_empty() {
            let known = Unknown::string(self.parts);
            self.opaque.push(known);
            Value::Unknown(Unknown::opaque(&self.opaque))
        } else {
            match self.parts.as_mut_slice() {
                [] => Value::String(String::new()),
                [Part::Text(text)] => Value::String(std::mem::take(text)),
                _ => Value::Unknown(Unknown::string(self.parts)),
            }
        };
        mark(value, self.hidden)
    }
}

/// How literals of the template at hand are read.
#[derive(Clone, Copy)]
enum Literals {
    /// As parsed.
    Plain,
    /// From an indented heredoc: without this many leading spaces at the start of each line.
    Dedent(usize),
}

impl Evaluator<'_> {
    pub(in crate::eval) fn quoted_template(&self, template: &StringTemplate) -> Outcome {
        // "${x}" is x itself, whatever its type.
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            return self.evaluate(&only.expr);
        }
        self.template(template)
    }

    /// A whole template as text.
    pub(in crate::eval) fn template(&self, template: &Template) -> Outcome {
        let mut text = Text::default();
        self.write(&mut text, template, Literals::Plain, Strip::None, Strip::None)?;
        Ok(text.into_value())
    }

    pub(in crate::eval) fn heredoc(&self, heredoc: &HeredocTemplate) -> Outcome {
        // The parser dedents `<<-`, but gives up at directives and does not look into them; so
        // indentation is measured and taken off here, from the text as written.
        let literals = if self.is_indented(heredoc) {
            Literals::Dedent(self.indentation(&heredoc.template))
        } else {
            Literals::Plain
        };
        let mut text = Text::default();
        self.write(&mut text, &heredoc.template, literals, Strip::None, Strip::None)?;
        Ok(text.into_value())
    }

    fn is_indented(&self, heredoc: &HeredocTemplate) -> bool {
        heredoc
            .span()
            .and_then(|span| self.source().text().get(span))
            .map_or_else(|| heredoc.indent().is_some(), |text| text.starts_with("<<-"))
    }

    /// Leading spaces that all lines with content share.
    fn indentation(&self, template: &Template) -> usize {
        let mut least: Option<usize> = None;
        // Whether the next element starts a line.
        let mut line_start = true;
        self.measure(template, &mut line_start, &mut least);
        least.unwrap_or(0)
    }

    fn measure(&self, template: &Template, line_start: &mut bool, least: &mut Option<usize>) {
        for element in template {
            let Element::Literal(literal) = element else {
                if *line_start {
                    count(least, 0);
                    *line_start = false;
                }
                if let Element::Directive(directive) = element {
                    match &**directive {
                        Directive::If(d) => {
                            self.measure(&d.if_expr.template, line_start, least);
                            *line_start = false;
                            if let Some(other) = &d.else_expr {
                                self.measure(&other.template, line_start, least);
                                *line_start = false;
                            }
                        }
                        Directive::For(d) => {
                            self.measure(&d.for_expr.template, line_start, least);
                            *line_start = false;
                        }
                    }
                }
                continue;
            };
            let raw = self.raw_literal(literal);
            for line in raw.split_inclusive('\n') {
                if *line_start {
                    let content = line.trim_start();
                    let blank = content.is_empty() && line.ends_with('\n');
                    if !blank {
                        let spaces = line.len() - content.len();
                        count(least, line.get(..spaces).unwrap_or_default().chars().count());
                    }
                }
                *line_start = line.ends_with('\n');
            }
        }
    }

    /// A heredoc literal as written, escapes included.
    fn raw_literal<'l>(&'l self, literal: &'l hcl::edit::Spanned<String>) -> &'l str {
        literal
            .span()
            .and_then(|span| self.source().text().get(span))
            .unwrap_or_else(|| literal.value().as_str())
    }

    fn dedented(&self, literal: &hcl::edit::Spanned<String>, spaces: usize) -> String {
        let raw = self.raw_literal(literal);
        let starts_line = literal.span().is_none_or(|span| {
            let before = self.source().text().get(..span.start).unwrap_or_default();
            before.is_empty() || before.ends_with('\n')
        });
        let mut out = String::with_capacity(raw.len());
        for (index, line) in raw.split_inclusive('\n').enumerate() {
            let mut line = line;
            if index > 0 || starts_line {
                for _ in 0..spaces {
                    match line.chars().next() {
                        Some(c) if c.is_whitespace() && c != '\n' && c != '\r' => {
                            line = line.get(c.len_utf8()..).unwrap_or_default();
                        }
                        _ => break,
                    }
                }
            }
            out.push_str(line);
        }
        if out.contains("$${") || out.contains("%%{") {
            out = out.replace("$${", "${").replace("%%{", "%{");
        }
        out
    }

    fn write(
        &self,
        text: &mut Text,
        template: &Template,
        literals: Literals,
        before: Strip,
        after: Strip,
    ) -> Result<(), Diagnostics> {
        let mut errors = Diagnostics::new();
        let mut previous = before;
        let mut elements = template.iter().peekable();
        while let Some(element) = elements.next() {
            let next = elements.peek().map_or(after, |e| opening_strip(e));
            let done = match element {
                Element::Literal(literal) => {
                    let owned;
                    let plain = match literals {
                        Literals::Plain => literal.value().as_str(),
                        Literals::Dedent(spaces) => {
                            owned = self.dedented(literal, spaces);
                            owned.as_str()
                        }
                    };
                    let plain = strip(plain, previous, next);
                    text.push_str(plain);
                    self.meter.text(plain.len()).map_err(|what| self.exceeded(what, literal))
                }
                Element::Interpolation(interpolation) => self.interpolate(text, interpolation),
                Element::Directive(directive) => match &**directive {
                    Directive::If(directive) => self.if_directive(text, directive, literals),
                    Directive::For(directive) => self.for_directive(text, directive, literals),
                },
            };
            if let Err(more) = done {
                errors.extend(more);
            }
            self.meter.step().map_err(|what| self.exceeded(what, element))?;
            previous = closing_strip(element);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn interpolate(&self, text: &mut Text, part: &Interpolation) -> Result<(), Diagnostics> {
        let (value, hidden) = unmark(self.evaluate(&part.expr)?);
        text.hidden |= hidden;
        if let Some(written) = text_of(&value) {
            self.meter.text(written.len()).map_err(|what| self.exceeded(what, &part.expr))?;
            text.push_str(&written);
            return Ok(());
        }
        let error = match value {
            Value::Unknown(unknown) => {
                text.push_unknown(unknown);
                return Ok(());
            }
            Value::Null => self
                .error(&part.expr, "null cannot be part of a string")
                .help("give a default, as in `coalesce(x, \"\")`"),
            Value::Block(block) => self
                .error(
                    &part.expr,
                    format!("the block `{}` cannot be part of a string", block.address),
                )
                .help("name one of its attributes, such as `.arn` or `.name`"),
            Value::Secret(_) => self
                .error(&part.expr, "a secret reference cannot be part of a string")
                .help("its value is resolved only at apply, where a config value takes it whole"),
            other => self
                .error(&part.expr, format!("a {} cannot be part of a string", other.type_name()))
                .help("`jsonencode(x)` or `join(\", \", x)` makes a string of it"),
        };
        Err(error.into())
    }

    fn if_directive(
        &self,
        text: &mut Text,
        directive: &IfDirective,
        literals: Literals,
    ) -> Result<(), Diagnostics> {
        let then = &directive.if_expr;
        let end = directive.endif_expr.strip;
        let (condition, hidden) = unmark(self.evaluate(&then.cond_expr)?);
        text.hidden |= hidden;
        match self.truth(condition, &then.cond_expr, "the condition of `%{if}`")? {
            Ok(true) => {
                let after = directive.else_expr.as_ref().map_or(end, |e| e.strip);
                self.write(text, &then.template, literals, then.strip, after)
            }
            Ok(false) => match &directive.else_expr {
                Some(other) => self.write(text, &other.template, literals, other.strip, end),
                None => Ok(()),
            },
            Err(unknown) => {
                text.opaque.push(unknown);
                Ok(())
            }
        }
    }

    fn for_directive(
        &self,
        text: &mut Text,
        directive: &ForDirective,
        literals: Literals,
    ) -> Result<(), Diagnostics> {
        let intro = &directive.for_expr;
        let (collection, hidden) = unmark(self.evaluate(&intro.collection_expr)?);
        text.hidden |= hidden;
        if let Value::Unknown(unknown) = collection {
            text.opaque.push(unknown);
            return Ok(());
        }
        let Some(entries) = entries(&collection) else {
            return Err(self.not_iterable(&collection, &intro.collection_expr).into());
        };
        let key_name = intro.key_var.as_ref().map(|k| k.as_str());
        for (key, value) in &entries {
            let value_frame = Frame { name: intro.value_var.as_str(), value, parent: self.locals };
            let key_frame =
                key_name.map(|name| Frame { name, value: key, parent: Some(&value_frame) });
            self.bind(key_frame.as_ref().unwrap_or(&value_frame)).write(
                text,
                &intro.template,
                literals,
                intro.strip,
                directive.endfor_expr.strip,
            )?;
        }
        Ok(())
    }
}

fn count(least: &mut Option<usize>, spaces: usize) {
    *least = Some(least.map_or(spaces, |l| l.min(spaces)));
}

/// Strip marker that faces the literal before an element.
fn opening_strip(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match &**directive {
            Directive::If(d) => d.if_expr.strip,
            Directive::For(d) => d.for_expr.strip,
        },
    }
}

/// Strip marker that faces the literal after an element.
fn closing_strip(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match &**directive {
            Directive::If(d) => d.endif_expr.strip,
            Directive::For(d) => d.endfor_expr.strip,
        },
    }
}

/// Takes off the spaces that strip markers on either side ask for, up to and with one line break.
fn strip(literal: &str, previous: Strip, next: Strip) -> &str {
    let space = |c: char| c.is_whitespace() && c != '\r' && c != '\n';
    let mut literal = literal;
    if previous.strip_end() {
        let rest = literal.trim_start_matches(space);
        literal = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
    }
    if next.strip_start() {
        let rest = literal.trim_end_matches(space);
        literal = rest.strip_suffix("\r\n").or_else(|| rest.strip_suffix('\n')).unwrap_or(rest);
    }
    literal
}
