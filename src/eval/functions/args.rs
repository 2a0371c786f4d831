//! Arguments as functions take them: converted by the language's rules, refused at their place.

use super::function::Call;
use crate::diag::Diagnostic;
use crate::value::convert::{Type, convert};
use crate::value::{Attrs, Number, StringPart, Unknown, Value};

/// What a function yields.
pub(super) type FunctionResult = Result<Value, Diagnostic>;

/// The longest text that a function builds, in bytes.
pub(super) const MAX_TEXT: usize = 16 * 1024 * 1024;

/// The most elements that a function builds.
pub(super) const MAX_ELEMENTS: usize = 1_000_000;

impl Call<'_> {
    /// The name of the parameter that the argument at `index` stands for.
    fn param(&self, index: usize) -> String {
        let params = self.function.params;
        let name = params.get(index).or(params.last()).copied().unwrap_or("argument");
        name.trim_end_matches(['?', '.']).to_owned()
    }

    /// An error about one argument, which names its parameter.
    pub(super) fn bad(&self, index: usize, message: impl std::fmt::Display) -> Diagnostic {
        self.arg_error(
            index,
            format!(
                "invalid `{}` in the call of `{}`: {message}",
                self.param(index),
                self.function.name
            ),
        )
    }

    /// An error about the call.
    pub(super) fn fail(&self, message: impl std::fmt::Display) -> Diagnostic {
        self.error(format!("the call of `{}` fails: {message}", self.function.name))
    }

    /// Whether the argument was given.
    pub(super) fn has(&self, index: usize) -> bool {
        index < self.args.len()
    }

    /// The argument converted to `ty`; null is refused.
    pub(super) fn typed(&self, index: usize, ty: &Type) -> FunctionResult {
        let value = self.arg(index);
        if value.is_null() {
            return Err(self.bad(index, format_args!("{} is required, not null", ty.described())));
        }
        convert(value.clone(), ty).map_err(|error| {
            let mut diagnostic = self.bad(index, &error);
            diagnostic.help = error.help;
            diagnostic
        })
    }

    /// A string.
    pub(super) fn text(&self, index: usize) -> Result<String, Diagnostic> {
        match self.typed(index, &Type::String)? {
            Value::String(text) => Ok(text),
            other => Err(self.not(index, "a string", &other)),
        }
    }

    /// A number.
    pub(super) fn number(&self, index: usize) -> Result<Number, Diagnostic> {
        match self.typed(index, &Type::Number)? {
            Value::Number(number) => Ok(number),
            other => Err(self.not(index, "a number", &other)),
        }
    }

    /// A whole number.
    pub(super) fn int(&self, index: usize) -> Result<i64, Diagnostic> {
        let number = self.number(index)?;
        number.as_i64().ok_or_else(|| {
            self.bad(index, format_args!("a whole number is required, not {number}"))
        })
    }

    /// The elements of a list or set, unconverted.
    pub(super) fn list(&self, index: usize) -> Result<Vec<Value>, Diagnostic> {
        match self.arg(index) {
            Value::List(list) => Ok(list.to_vec()),
            Value::Set(set) => Ok(set.iter().cloned().collect()),
            other => Err(self.not(index, "a list or set", other)),
        }
    }

    /// The elements of a list or set of strings; nulls are refused.
    pub(super) fn strings(&self, index: usize) -> Result<Vec<String>, Diagnostic> {
        let Value::List(list) = self.typed(index, &Type::list(Type::String))? else {
            return Err(self.not(index, "a list of strings", self.arg(index)));
        };
        list.into_iter()
            .enumerate()
            .map(|(position, value)| match value {
                Value::String(text) => Ok(text),
                other => Err(self.bad(
                    index,
                    format_args!(
                        "`$[{position}]`: a string is required, not {}",
                        other.type_name()
                    ),
                )),
            })
            .collect()
    }

    /// The entries of a map or object; a block's attributes.
    pub(super) fn map(&self, index: usize) -> Result<Attrs, Diagnostic> {
        match self.arg(index) {
            Value::Map(map) => Ok(map.clone()),
            Value::Block(block) => Ok((*block.attrs).clone()),
            other => Err(self.not(index, "a map or object", other)),
        }
    }

    /// The error for an argument of another type.
    pub(super) fn not(&self, index: usize, wanted: &str, found: &Value) -> Diagnostic {
        let article = match found.type_name() {
            "null" => "",
            "object" => "an ",
            _ => "a ",
        };
        self.bad(index, format_args!("{wanted} is required, not {article}{}", found.type_name()))
    }

    /// Runs `f` on arguments of which none is itself unknown or marked, though elements may be:
    /// for functions that move elements about without looking at them.
    pub(super) fn shallow(&self, f: impl FnOnce(&Call<'_>) -> FunctionResult) -> FunctionResult {
        if self.args.iter().any(|v| matches!(v, Value::Sensitive(_))) {
            let args = self.args.iter().map(|v| v.reveal().clone()).collect();
            let revealed = Call { args, ..self.clone() };
            return revealed
                .shallow(f)
                .map(Value::sensitive)
                .map_err(|error| concealed(self, error));
        }
        if self.args.iter().any(Value::is_unknown) {
            return Ok(self.opaque());
        }
        f(self)
    }

    /// The unknown that waits for every unknown in the arguments.
    pub(super) fn opaque(&self) -> Value {
        Value::Unknown(Unknown::opaque(self.args.iter().flat_map(Value::unknowns)))
    }

    /// Refuses to build more than [`MAX_TEXT`] bytes.
    pub(super) fn guard_text(&self, bytes: usize) -> Result<(), Diagnostic> {
        if bytes > MAX_TEXT {
            return Err(self.fail(format_args!(
                "the result would be larger than {} MiB",
                MAX_TEXT / 1024 / 1024
            )));
        }
        Ok(())
    }

    /// Refuses to build more than [`MAX_ELEMENTS`] elements.
    pub(super) fn guard_elements(&self, count: usize) -> Result<(), Diagnostic> {
        if count > MAX_ELEMENTS {
            return Err(
                self.fail(format_args!("the result would have more than {MAX_ELEMENTS} elements"))
            );
        }
        Ok(())
    }
}

/// An error of a call with sensitive arguments, whose text might quote them.
pub(super) fn concealed(call: &Call<'_>, error: Diagnostic) -> Diagnostic {
    Diagnostic::error(format!("the call of `{}` fails", call.function.name))
        .detail("why is not shown, since an argument is sensitive")
        .at_opt(error.loc)
}

/// A text in the making, of which pieces may be unknown.
#[derive(Debug, Default)]
pub(super) struct TextPieces {
    parts: Vec<StringPart>,
    bytes: usize,
    opaque: Vec<Unknown>,
}

impl TextPieces {
    /// Appends known text.
    pub(super) fn push_str(&mut self, text: &str) {
        self.bytes = self.bytes.saturating_add(text.len());
        match self.parts.last_mut() {
            Some(StringPart::Text(last)) => last.push_str(text),
            _ => self.parts.push(StringPart::Text(text.to_owned())),
        }
    }

    /// Appends what is known of an unknown.
    pub(super) fn push_unknown(&mut self, unknown: &Unknown, escape: impl Fn(&str) -> String) {
        if unknown.parts.is_empty() {
            self.opaque.push(unknown.clone());
        }
        for part in &unknown.parts {
            match part {
                StringPart::Text(text) => self.push_str(&escape(text)),
                part @ StringPart::Ref(_) => self.parts.push(part.clone()),
            }
        }
    }

    /// Appends something of which nothing is known.
    pub(super) fn push_opaque(&mut self, unknown: Unknown) {
        self.opaque.push(unknown);
    }

    /// How many bytes of text there are.
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    /// The string, or as much of it as is known.
    pub(super) fn finish(self) -> Value {
        let mut text = String::new();
        let known = self.opaque.is_empty()
            && self.parts.iter().all(|part| match part {
                StringPart::Text(piece) => {
                    text.push_str(piece);
                    true
                }
                StringPart::Ref(_) => false,
            });
        if known {
            return Value::String(text);
        }
        let unknown = Unknown::string(self.parts);
        if self.opaque.is_empty() {
            return Value::Unknown(unknown);
        }
        Value::Unknown(Unknown::opaque(self.opaque.iter().chain([&unknown])))
    }
}
