//! Objects of any AWS resource type: `resource "AWS::Logs::LogGroup" "app"`. Each type is a kind of its own, whose
//! declaration is made of the type's schema when it is used first.
//!
//! Canonical attributes are the type's properties by their names, `tags`, and `id`, which is the type's primary identifier as
//! Cloud Control writes it: its parts, joined by `|` (Cloud Control API User Guide, "Identifying resources"). `region` is where
//! the object is. Its key is both: identifiers are unique in a Region of an account.

mod access;
mod block;
mod canonical;
mod merge;
mod place;
mod region;
mod replace;
mod tag_form;

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use super::block_schema::{Attr, BlockSchema, Ty};
use super::body::Body;
use super::kind_schema::{Category, Computed, Home, KindSchema, RecoveryMethod};
use super::meaning::{Meaning, Naming};
use super::pure_half::{KindContext, ManagedKind};
use super::read::{assigned, declared, scalar};
use super::tags::TAGS;
use crate::diag::Diagnostics;
use crate::resource_types::{self, PropertyPath, PropertyStep, TypeSchema};
use crate::value::{AttrPath, Attrs, Value};

pub use canonical::canonical;
pub use region::{REGION, REGIONS, in_region, with_region};
pub use tag_form::{settable_tags, tags_json};

/// The word for a block of any resource type.
pub const RESOURCE: &str = "resource";

/// The attribute of a block that holds the properties.
pub(super) const PROPERTIES: &str = "properties";

/// The attribute that holds the primary identifier.
pub(super) const ID: &str = "id";

/// The pure half of a resource type.
pub(super) struct ResourceKind {
    /// The type.
    pub(super) ty: &'static TypeSchema,
    schema: &'static KindSchema,
}

/// Kinds by the names of their types, each made when it is asked for first.
static KINDS: LazyLock<BTreeMap<&'static str, OnceLock<Option<ResourceKind>>>> =
    LazyLock::new(|| {
        let all = resource_types::entries().iter().filter(|entry| entry.handlers.can_be_managed());
        all.map(|entry| (entry.name.as_str(), OnceLock::new())).collect()
    });

/// The kind of a resource type; `None` where there is no such type, or its objects cannot be made, read and deleted.
pub(super) fn kind(name: &str) -> Option<&'static dyn ManagedKind> {
    // Every other kind's name is one word.
    let made = name.contains("::").then(|| KINDS.get(name)).flatten()?;
    let kind = made.get_or_init(|| resource_type(name).map(ResourceKind::new)).as_ref()?;
    Some(kind)
}

/// The resource type of a kind's name.
#[must_use]
pub fn resource_type(name: &str) -> Option<&'static TypeSchema> {
    name.contains("::").then(|| resource_types::find(name)).flatten()?.load()
}

const BLOCK: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(PROPERTIES, Ty::Any, "The type's properties, as AWS names them."),
        Attr::optional(REGION, Ty::String, "Its Region; the account's by default."),
        TAGS,
    ],
    blocks: &[],
};

impl ResourceKind {
    fn new(ty: &'static TypeSchema) -> Self {
        // Each is made once and stands as long as the program, as the declarations of other kinds do.
        let top = |paths: &'static [PropertyPath]| {
            paths.iter().filter(|path| path.is_top()).map(PropertyPath::root)
        };
        let mut computed = vec![Computed { name: ID, doc: "Its primary identifier." }];
        let read_only = top(&ty.read_only).map(|name| Computed { name, doc: "Set by AWS." });
        computed.extend(read_only);
        let is_marked = settable_tags(ty).is_some() && ty.tagging.tag_on_create != Some(false);
        let recovery = if is_marked { RecoveryMethod::Tags } else { RecoveryMethod::NaturalKey };
        let meaning = Meaning {
            access: access::part(&ty.name),
            quotas: &[],
            repair: access::repair(&ty.name),
            naming: Naming::NONE,
            rewrite_policy: None,
            arn: None,
        };
        let schema = KindSchema {
            kind: &ty.name,
            what: &ty.name,
            block: BLOCK,
            computed: computed.leak(),
            asynchronous: true,
            policies: access::documents(&ty.name),
            source: "https://docs.aws.amazon.com/cloudcontrolapi/latest/userguide/supported-resources.html",
            ..KindSchema::of(category(&ty.name), Home::Account, recovery, meaning)
        };
        Self { ty, schema: Box::leak(Box::new(schema)) }
    }

    /// The primary identifier that attributes make; `None` while a part of it is not known.
    fn identifier(&self, attrs: &Attrs) -> Option<String> {
        let part = |path: &PropertyPath| -> Option<String> {
            let mut steps = path.0.iter();
            let Some(PropertyStep::Name(root)) = steps.next() else { return None };
            let mut value = attrs.get(root)?;
            for step in steps {
                let PropertyStep::Name(name) = step else { return None };
                value = value.as_map()?.get(name)?;
            }
            match scalar(value)?.reveal() {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            }
        };
        let parts: Option<Vec<String>> = self.ty.identifier.iter().map(part).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("|"))
    }
}

/// Under which heading of a plan the objects of a type stand.
fn category(name: &str) -> Category {
    match name.split("::").nth(1).unwrap_or_default() {
        "IAM" | "SSO" | "RolesAnywhere" | "IdentityStore" | "AccessAnalyzer" => Category::Iam,
        "Organizations" | "ControlTower" => Category::Organization,
        "Budgets" | "CE" | "CUR" | "BCMDataExports" => Category::Cost,
        "CloudWatch" | "Logs" | "CloudTrail" | "Synthetics" | "RUM" | "XRay" | "Oam" => {
            Category::Monitoring
        }
        "S3" | "S3Express" | "KMS" | "Backup" | "SecretsManager" | "DynamoDB" | "RDS" | "EFS" => {
            Category::Data
        }
        _ => Category::Resources,
    }
}

impl ManagedKind for ResourceKind {
    fn schema(&self) -> &'static KindSchema {
        self.schema
    }

    fn desired(
        &self,
        body: &Body,
        context: &KindContext,
    ) -> Result<(Attrs, Diagnostics), Diagnostics> {
        block::desired(self.ty, body, context)
    }

    fn computed(&self, desired: &Attrs, context: &KindContext) -> Attrs {
        let id = self.identifier(desired).map_or_else(|| assigned(context, ID), Value::from);
        let others = self.schema.computed.iter().filter(|computed| computed.name != ID);
        let others =
            others.map(|computed| (computed.name.to_owned(), assigned(context, computed.name)));
        others.chain([(ID.to_owned(), id)]).collect()
    }

    /// What the block itself says, as paths: of an object much is filled in by AWS, and only what the block said goes when the
    /// block no longer does.
    fn meta(&self, body: &Body) -> Attrs {
        let given = body.get(PROPERTIES);
        // In the order in which lists are compared.
        let given = given.map(|given| canonical(&given.value, Some(&self.ty.shape())));
        Attrs::from([declared([(PROPERTIES, merge::said(given.as_ref()))])])
    }

    fn reconcile(&self, desired: Attrs, live: &Attrs, recorded: &Attrs, _meta: &Attrs) -> Attrs {
        merge::with_live(self.ty, desired, live, recorded.get(PROPERTIES))
    }

    fn replaces(&self, path: &AttrPath, before: &Attrs, after: &Attrs) -> bool {
        path.root() == Some(REGION) || replace::replaces(self.ty, path, before, after)
    }

    /// Two Regions of an account may have an object of one identifier each.
    fn natural_key(&self, attrs: &Attrs) -> Option<String> {
        let known = attrs.get(ID).and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = known.map(str::to_owned).or_else(|| self.identifier(attrs))?;
        Some(match attrs.get(REGION).and_then(Value::as_str) {
            Some(region) => with_region(&id, region),
            None => id,
        })
    }

    fn import_key_of(&self, id: &str, desired: &Attrs) -> String {
        match (in_region(id).1, desired.get(REGION).and_then(Value::as_str)) {
            (None, Some(region)) => with_region(id, region),
            _ => id.to_owned(),
        }
    }
}
