//! ARNs of resources that a plan makes.
//!
//! Claim: a policy that names a resource by its ARN gets the same verdict before the resource is created as afterwards. Partition,
//! service, Region, account and usually the name are known at plan time. A symbol stands for the part that AWS chooses: patterns can
//! match it, and it equals no text.
//!
//! Source: Service Authorization Reference, "Resource types defined by", the page of each service.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{part, partition};
use crate::access::ResourceType;
use crate::address::ResourceAddr;
use crate::eval::estate::Estate;
use crate::ids::Region;
use crate::plan::sides::{Side, SideObject};
use crate::schema::resource::REGION;
use crate::schema::{AccessPart, ResourceDeclaration};
use crate::value::{AttrRef, StringPart, Unknown, Value};

/// ARNs that AWS has not told yet, by the attributes that will hold them.
#[derive(Debug, Default)]
pub(super) struct ComingArns(HashMap<AttrRef, Value>);

impl ComingArns {
    /// Those of a side.
    pub(super) fn of(estate: &Estate, side: &Side) -> Self {
        let mut arns = HashMap::new();
        let is_account = |o: &&SideObject| part(o).is_some_and(AccessPart::is_account);
        let accounts = side.objects.iter().filter(is_account);
        let ids: AccountIds<'_> =
            accounts.filter_map(|o| Some((o.address.as_ref()?, o.attrs.get("id")?))).collect();
        for object in &side.objects {
            if let Some(AccessPart::Resource(says)) = part(object)
                && let Some((own, arn)) = coming(estate, &ids, object, says)
            {
                if says.arn_is_id {
                    arns.insert(AttrRef { attr: "id".to_owned(), ..own.clone() }, arn.clone());
                }
                arns.insert(own, arn);
            }
        }
        Self(arns)
    }

    /// A value with the ARNs in the place of the attributes that will hold them.
    pub(super) fn resolved<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        if self.0.is_empty() || !self.is_in(value) {
            return Cow::Borrowed(value);
        }
        Cow::Owned(self.replaced(value))
    }

    fn is_in(&self, value: &Value) -> bool {
        match value.reveal() {
            Value::Unknown(unknown) => unknown.waits_for.iter().any(|of| self.0.contains_key(of)),
            Value::Map(map) => map.iter().any(|(_, value)| self.is_in(value)),
            Value::List(list) => list.iter().any(|value| self.is_in(value)),
            _ => false,
        }
    }

    fn replaced(&self, value: &Value) -> Value {
        match value.reveal() {
            Value::Unknown(unknown) => {
                let parts = unknown.parts.iter().flat_map(|part| match part {
                    StringPart::Ref(of) => match self.0.get(of) {
                        Some(arn) => pieces(arn),
                        None => vec![part.clone()],
                    },
                    StringPart::Text(_) => vec![part.clone()],
                });
                text_of(parts)
            }
            Value::Map(map) => {
                let replaced = map.iter().map(|(name, value)| (name.clone(), self.replaced(value)));
                Value::Map(replaced.collect())
            }
            Value::List(list) => list.iter().map(|value| self.replaced(value)).collect(),
            other => other.clone(),
        }
    }
}

/// Ids of accounts by their blocks.
type AccountIds<'s> = HashMap<&'s ResourceAddr, &'s Value>;

/// The attribute that will hold the ARN of an object, and what that will be, where AWS has not told it yet.
fn coming(
    estate: &Estate,
    ids: &AccountIds<'_>,
    object: &SideObject,
    says: ResourceDeclaration,
) -> Option<(AttrRef, Value)> {
    let Value::Unknown(unknown) = object.attrs.get(says.arn)?.reveal() else { return None };
    let [StringPart::Ref(own)] = unknown.parts.as_slice() else { return None };
    if object.address.as_ref() != Some(&own.address) {
        return None;
    }
    let of = ResourceType::of_service(says.service)?;
    let handle = object.account.as_ref()?;
    let account = estate.accounts.get(handle)?;
    let region = object.attrs.get(REGION).and_then(Value::as_str);
    let region = region.or_else(|| account.region.as_ref().map(Region::as_str));
    let region = region.unwrap_or(estate.provider.region.as_str());
    let id = match (ids.get(&account.address).filter(|id| !id.is_null()), &account.id) {
        (Some(id), _) => (*id).clone(),
        (None, Some(id)) => id.to_string().into(),
        (None, None) => Value::Unknown(Unknown::attr(account.address.clone(), "id")),
    };
    let chosen = || StringPart::Ref(own.clone());
    let name = says.name.and_then(|name| object.attrs.get(name)).filter(|name| !name.is_null());
    let mut parts = vec![StringPart::Text(format!(
        "arn:{}:{}:{region}:",
        partition(estate, account),
        says.service
    ))];
    parts.extend(pieces(&id));
    parts.push(StringPart::Text(format!(":{}", of.resource)));
    match name.map(pieces).filter(|name| !name.is_empty()) {
        Some(name) => parts.extend(name),
        None => parts.push(chosen()),
    }
    if let (Some(after), Some(_)) = (says.after_name, name) {
        parts.push(StringPart::Text(after.to_owned()));
    }
    Some((own.clone(), text_of(parts)))
}

fn pieces(value: &Value) -> Vec<StringPart> {
    match value.reveal() {
        Value::String(text) => vec![StringPart::Text(text.clone())],
        Value::Unknown(unknown) => unknown.parts.clone(),
        _ => Vec::new(),
    }
}

fn text_of(parts: impl IntoIterator<Item = StringPart>) -> Value {
    let joined = Unknown::string(parts);
    match joined.parts.as_slice() {
        [StringPart::Text(text)] => text.as_str().into(),
        _ => Value::Unknown(joined),
    }
}
