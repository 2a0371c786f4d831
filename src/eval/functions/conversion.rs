//! Type conversion and sensitivity.

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use crate::value::Value;
use crate::value::convert::{Type, convert, type_of};

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "issensitive",
        params: &["value"],
        about: "Whether the value itself is sensitive, whatever is in it.",
        copes: Copes::ALL,
        // What is in it may be sensitive without it.
        run: |call| Ok(matches!(call.arg(0), Value::Sensitive(_)).into()),
    },
    Function {
        name: "nonsensitive",
        params: &["value"],
        about: "The value without its sensitivity mark: plans will show it.",
        copes: Copes::ALL,
        run: |call| Ok(call.arg(0).reveal().clone()),
    },
    Function {
        name: "sensitive",
        params: &["value"],
        about: "The value marked as sensitive: nothing will show it.",
        copes: Copes::ALL,
        run: |call| Ok(call.arg(0).clone().sensitive()),
    },
    Function {
        name: "tobool",
        params: &["value"],
        about: "The value as a bool.",
        copes: Copes::ALL,
        run: |call| to(call, &Type::Bool),
    },
    Function {
        name: "tolist",
        params: &["value"],
        about: "A list of the elements, converted to one type.",
        copes: Copes::ALL,
        run: |call| to(call, &Type::list(Type::Any)),
    },
    Function {
        name: "tomap",
        params: &["value"],
        about: "A map of the attributes, converted to one type.",
        copes: Copes::ALL,
        run: |call| to(call, &Type::map(Type::Any)),
    },
    Function {
        name: "tonumber",
        params: &["value"],
        about: "The value as a number.",
        copes: Copes::ALL,
        run: |call| to(call, &Type::Number),
    },
    Function {
        name: "toset",
        params: &["value"],
        about: "The different elements, converted to one type.",
        copes: Copes::ALL,
        run: |call| to(call, &Type::set(Type::Any)),
    },
    Function {
        name: "tostring",
        params: &["value"],
        about: "The value as a string.",
        copes: Copes::ALL,
        run: |call| to(call, &Type::String),
    },
    Function {
        name: "type",
        params: &["value"],
        about: "The type of the value, as a constraint would write it.",
        copes: Copes::UNKNOWN,
        run: |call| Ok(Value::String(type_of(call.arg(0)).to_string())),
    },
];

fn to(call: &Call<'_>, ty: &Type) -> FunctionResult {
    convert(call.arg(0).clone(), ty).map_err(|error| {
        let mut diagnostic = call.bad(0, &error);
        diagnostic.help = error.help;
        diagnostic
    })
}
