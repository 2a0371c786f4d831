//! What is recorded of an object after an operation: plain JSON without any secret.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::address::ResourceAddr;
use crate::plan::model::{OperationKind, ResourceChange};
use crate::provider::REQUEST;
use crate::schema::ManagedKind;
use crate::state::model::{ObjectMeta, ResourceState, Resources};
use crate::state::{Fingerprinter, journal};
use crate::value::{Attrs, Plain, Value};

/// A value as state keeps it. `wanted` is the value with secrets as references, `real` the same value
/// with secrets in it.
fn conceal(m: &Material<'_>, wanted: &Value, real: &Value) -> Json {
    match (wanted, real) {
        (Value::Secret(reference), real) => {
            let text = real.reveal().as_str().unwrap_or_default();
            let mut kept =
                json!({ "fingerprint": m.prints_here().text(text), "reference": reference });
            if let (Some(version), Some(kept)) = (m.versions.get(reference), kept.as_object_mut()) {
                kept.insert("version".to_owned(), json!(version));
            }
            kept
        }
        (Value::Sensitive(inner), real) if matches!(**inner, Value::Secret(_)) => {
            conceal(m, inner, real.reveal())
        }
        (Value::Map(wanted), Value::Map(real)) => Json::Object(
            wanted
                .iter()
                .map(|(k, v)| (k.clone(), conceal(m, v, real.get(k).unwrap_or(v))))
                .collect(),
        ),
        (Value::List(wanted), Value::List(real)) if wanted.len() == real.len() => {
            wanted.iter().zip(real).map(|(w, r)| conceal(m, w, r)).collect()
        }
        _ => m.prints_here().conceal(real),
    }
}

/// Whether anything in the value must not be shown.
pub(super) fn is_hidden(value: &Value) -> bool {
    let mut hidden = false;
    value.visit(&mut |v| hidden |= matches!(v, Value::Secret(_) | Value::Sensitive(_)));
    hidden
}

/// Whether parts of a value are kept as fingerprints of what the block itself says.
pub(super) fn is_fingerprinted(value: &Value) -> bool {
    let mut is_secret = false;
    value.visit(&mut |v| is_secret |= matches!(v, Value::Secret(_) | Value::Unknown(_)));
    is_hidden(value) && !is_secret
}

/// Everything that a record is made of.
pub(super) struct Material<'a> {
    pub(super) kind: &'static dyn ManagedKind,
    pub(super) change: &'a ResourceChange,
    pub(super) op: OperationKind,
    /// What is recorded now.
    pub(super) prior: Option<&'a ResourceState>,
    /// Desired attributes with secrets as references; for create, update and move.
    pub(super) wanted: Option<&'a Attrs>,
    /// The same with secrets in them.
    pub(super) real: Option<&'a Attrs>,
    /// The versions of the sources that those secrets were read from, by reference.
    pub(super) versions: &'a BTreeMap<String, i64>,
    /// What the provider returned.
    pub(super) returned: &'a Attrs,
    /// Target of an attach or detach.
    pub(super) target: Option<&'a str>,
    pub(super) meta: &'a Attrs,
    pub(super) prints: &'a Fingerprinter,
}

impl Material<'_> {
    /// What makes the object's own fingerprints.
    fn prints_here(&self) -> Fingerprinter {
        self.prints.at(&self.change.address)
    }
}

/// The object's record after the operation.
pub(super) fn after(m: &Material<'_>) -> ResourceState {
    let schema = m.kind.schema();
    let creates = m.op == OperationKind::Create;
    let mut attrs: BTreeMap<String, Json> = match m.prior {
        Some(prior) if !creates => {
            prior.attrs.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()
        }
        _ => BTreeMap::new(),
    };
    if let Some(wanted) = m.wanted {
        for (name, value) in wanted {
            let moved = schema.moves == Some(name.as_str());
            let attached = schema.attachments == Some(name.as_str());
            let takes = match m.op {
                OperationKind::Create => !attached,
                OperationKind::Update | OperationKind::Adopt => !attached && !moved,
                OperationKind::Move => moved,
                _ => false,
            };
            if takes {
                let real = m.real.and_then(|r| r.get(name)).unwrap_or(value);
                attrs.insert(name.clone(), conceal(m, value, real));
            }
        }
    }
    for (name, value) in m.returned {
        let hidden = m.wanted.and_then(|w| w.get(name)).is_some_and(is_hidden);
        // A hidden value that was recorded before stays as it was recorded: what came back is masked.
        let kept = attrs.get(name).is_some_and(|v| v.get("fingerprint").is_some());
        if name != REQUEST && !hidden && !kept {
            attrs.insert(name.clone(), m.prints_here().conceal(value));
        }
    }
    if let Some(name) = schema.attachments {
        let recorded = m.prior.filter(|_| !creates).and_then(|p| p.attrs.get(name));
        let recorded = recorded.and_then(Value::elements).unwrap_or_default();
        let mut targets: Vec<Json> = recorded.into_iter().map(Value::to_json).collect();
        if let Some(target) = m.target {
            targets.retain(|t| t.as_str() != Some(target));
            if m.op == OperationKind::Attach {
                targets.push(target.into());
            }
        }
        targets.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
        attrs.insert(name.to_owned(), Json::Array(targets));
    }
    let mut meta = ObjectMeta::of(m.meta, &m.prints_here());
    if creates
        && schema.asynchronous
        && let Some(request) = m.returned.get(REQUEST)
    {
        meta.await_request(request);
    }
    let attrs: Plain = attrs.into_iter().collect();
    let key = m
        .kind
        .natural_key(&attrs)
        .or_else(|| m.prior.filter(|_| !creates).map(|p| p.key.clone()))
        .or_else(|| m.change.key.clone())
        .unwrap_or_default();
    journal::record(
        schema.kind,
        &key,
        attrs,
        m.change.depends_on.iter().cloned().collect(),
        m.change.environments.iter().cloned().collect(),
        meta,
    )
}

/// The address under which the old object of a replacement stands until it is deleted, when the new
/// one came first: the next plan sees an object without a block, and deletes it.
pub(super) fn deposed(address: &ResourceAddr) -> ResourceAddr {
    let mut deposed = address.clone();
    deposed.name = format!("{}__deposed", address.name);
    deposed
}

/// What a creation records beside the new object: the old one under its deposed address.
pub(super) fn depose(
    resources: &Resources,
    address: &ResourceAddr,
    new_key: &str,
) -> Option<(ResourceAddr, ResourceState)> {
    let old = resources.get(address).filter(|old| old.key != new_key && !old.meta.is_pending())?;
    Some((deposed(address), old.clone()))
}
