//! String templates: interpolation and directives.

use hcl::edit::template::{
    Directive, Element, ForDirective, IfDirective, Interpolation, StringTemplate, Template,
};

use crate::diag::Diagnostics;
use crate::eval::expr::for_expr::entries;
use crate::eval::expr::scope::EvalResult;
use crate::eval::expr::{ExprEvaluator, Frame, mark, unmark};
use crate::value::convert::text_of;
use crate::value::{StringPart, Unknown, Value, normal_form};

/// The text that a template writes, unknown parts included.
#[derive(Default)]
struct Text {
    parts: Vec<StringPart>,
    /// Unknowns of which no part is known: with one of them, the whole text is opaque.
    opaque: Vec<Unknown>,
    hidden: bool,
}

impl Text {
    fn push_str(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(StringPart::Text(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.parts.push(StringPart::Text(text.to_owned())),
        }
    }

    fn push_unknown(&mut self, unknown: Unknown) {
        if unknown.parts.is_empty() {
            self.opaque.push(unknown);
            return;
        }
        for part in unknown.parts.iter().cloned() {
            match part {
                StringPart::Text(text) => self.push_str(&text),
                reference @ StringPart::Ref(_) => self.parts.push(reference),
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
                [StringPart::Text(text)] => {
                    let text = std::mem::take(text);
                    // Pieces in normal form may join to text that is not.
                    Value::String(normal_form(&text).unwrap_or(text))
                }
                _ => Value::Unknown(Unknown::string(self.parts)),
            }
        };
        mark(value, self.hidden)
    }
}

impl ExprEvaluator<'_> {
    pub(in crate::eval) fn quoted_template(&self, template: &StringTemplate) -> EvalResult {
        // "${x}" is x itself, whatever its type.
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            return self.evaluate(&only.expr);
        }
        self.template(template)
    }

    /// The template of a file: of a single interpolation its value, as in quotes.
    pub(in crate::eval) fn whole_template(&self, template: &Template) -> EvalResult {
        match template.as_single_element() {
            Some(Element::Interpolation(only)) => self.evaluate(&only.expr),
            _ => self.template(template),
        }
    }

    /// A whole template as text.
    pub(in crate::eval) fn template(&self, template: &Template) -> EvalResult {
        let mut text = Text::default();
        self.write(&mut text, template)?;
        Ok(text.into_value())
    }

    /// Writes a template. Its literals stand in the syntax tree as they are to be written: what
    /// escapes, strip markers and `<<-` ask for is done once, after parsing (`config/literals.rs`).
    fn write(&self, text: &mut Text, template: &Template) -> Result<(), Diagnostics> {
        let mut errors = Diagnostics::new();
        for element in template {
            let done = match element {
                Element::Literal(literal) => {
                    text.push_str(literal);
                    self.meter.text(literal.len()).map_err(|what| self.exceeded(what, literal))
                }
                Element::Interpolation(interpolation) => self.interpolate(text, interpolation),
                Element::Directive(directive) => match &**directive {
                    Directive::If(directive) => self.if_directive(text, directive),
                    Directive::For(directive) => self.for_directive(text, directive),
                },
            };
            if let Err(more) = done {
                errors.extend(more);
            }
            self.meter.step().map_err(|what| self.exceeded(what, element))?;
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

    fn if_directive(&self, text: &mut Text, directive: &IfDirective) -> Result<(), Diagnostics> {
        let then = &directive.if_expr;
        let (condition, hidden) = unmark(self.evaluate(&then.cond_expr)?);
        text.hidden |= hidden;
        match self.truth(condition, &then.cond_expr, "the condition of `%{if}`")? {
            Ok(true) => self.write(text, &then.template),
            Ok(false) => match &directive.else_expr {
                Some(other) => self.write(text, &other.template),
                None => Ok(()),
            },
            Err(unknown) => {
                text.opaque.push(unknown);
                Ok(())
            }
        }
    }

    fn for_directive(&self, text: &mut Text, directive: &ForDirective) -> Result<(), Diagnostics> {
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
        for (key, value) in entries {
            let key = self.copied(key, &intro.collection_expr)?;
            let value_frame = Frame { name: intro.value_var.as_str(), value, parent: self.locals };
            let key_frame =
                key_name.map(|name| Frame { name, value: &key, parent: Some(&value_frame) });
            self.bind(key_frame.as_ref().unwrap_or(&value_frame)).write(text, &intro.template)?;
        }
        Ok(())
    }
}
