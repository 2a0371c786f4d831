//! Config values, kept as SSM parameters `/ESTATE/ENVIRONMENT/SCHEMA/KEY`.
//!
//! No block of this kind is written by hand: the evaluator makes one from every entry of an
//! environment's `config` block.

use super::tags::TAGS;
use super::{
    Attr, BlockSchema, Body, Category, Computed, Context, Home, Kind, KindSchema, Recovery, Ty,
};
use crate::diag::Diagnostics;
use crate::value::Attrs;

/// The pure half.
pub(super) struct Config;

static SCHEMA: KindSchema = KindSchema {
    kind: "config",
    what: "a config value",
    category: Category::Config,
    home: Home::Account,
    block: BlockSchema {
        attrs: &[
            Attr::required("environment", Ty::String, "Name of the environment."),
            Attr::required("schema", Ty::String, "Name of the `config` block."),
            Attr::required("key", Ty::String, "Key, which may hold slashes."),
            Attr::required("value", Ty::Any, "The value, or a reference to a secret."),
            Attr::optional("secret", Ty::Bool, "Whether it is stored encrypted."),
            TAGS,
        ],
        blocks: &[],
    },
    computed: &[
        Computed { name: "arn", doc: "The parameter's ARN." },
        Computed { name: "version", doc: "The parameter's version." },
    ],
    recovery: Recovery::NaturalKey,
    replace: &["name", "type"],
    source: "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
    ..KindSchema::BASE
};

impl Kind for Config {
    fn schema(&self) -> &'static KindSchema {
        &SCHEMA
    }

    fn desired(&self, _body: &Body, _cx: &Context) -> Result<Attrs, Diagnostics> {
        Ok(Attrs::new())
    }

    fn computed(&self, _desired: &Attrs, _cx: &Context) -> Attrs {
        Attrs::new()
    }

    fn natural_key(&self, _attrs: &Attrs) -> Option<String> {
        None
    }
}
