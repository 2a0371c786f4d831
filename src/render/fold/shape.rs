//! The shape of a change: the change with marks in place of what is the object's own.
//!
//! Two changes fold where their shapes have equal keys, and what a shape shares with one that is shown already need not be
//! shown again ([`ShownBefore`]).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::plan::model::PolicyChange;

/// An object of the same block that is shown before.
pub(in crate::render) struct ShownBefore {
    /// Its name.
    pub(in crate::render) name: String,
    /// The attributes that both have alike, and policies and tags of maps, as `inline_policies.deploy`.
    pub(in crate::render) same: BTreeSet<String>,
    /// The attributes, policies and tags that it has and this one does not.
    pub(in crate::render) missing: Vec<String>,
}

/// A change with marks in place of what is the object's own.
pub(super) struct ChangeShape {
    /// Equal for changes that fold, and for no others.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) display: String,
    pub(super) before: Option<Json>,
    pub(super) after: Option<Json>,
    pub(super) partial: BTreeMap<String, String>,
    /// Paths that are unknown, and those that are hidden.
    pub(super) unknown: Vec<String>,
    pub(super) policies: Vec<PolicyChange>,
    pub(super) reason: Option<String>,
}

impl ChangeShape {
    /// What of it stands in `base` already, which is shown as `name`; `None` where that is little.
    pub(super) fn beside(&self, name: &str, base: &Self) -> Option<ShownBefore> {
        let side = |shape: &Self| shape.after.clone().or_else(|| shape.before.clone());
        let (Json::Object(own), Json::Object(other)) = (side(self)?, side(base)?) else {
            return None;
        };
        let is_policy = |value: &Json| value.get("Statement").is_some();
        let entries = |attrs: &Map<String, Json>, attribute: &str| {
            attrs.get(attribute).and_then(Json::as_object).cloned().unwrap_or_default()
        };
        let mut same = BTreeSet::new();
        let mut missing = Vec::new();
        let mut policies = 0;
        for attribute in own.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            let (mine, theirs) = (own.get(attribute), other.get(attribute));
            let alike = self.is_known_alike(base, &format!("$.{attribute}"));
            if alike && mine == theirs {
                policies += usize::from(mine.is_some_and(is_policy));
                same.insert(attribute.clone());
            }
            if !mine.is_some_and(is_set) && theirs.is_some_and(is_set) {
                // What AWS assigns later is not missing.
                let path = format!("$.{attribute}");
                if !self.unknown.iter().any(|at| at.starts_with(&path)) {
                    missing.push(attribute.clone());
                }
                continue;
            }
            let mine = entries(&own, attribute);
            if attribute == "tags" {
                for (key, tag) in &entries(&other, attribute) {
                    match mine.get(key) {
                        None => missing.push(format!("tags.{key}")),
                        Some(own) if alike && own == tag => {
                            same.insert(format!("tags.{key}"));
                        }
                        Some(_) => {}
                    }
                }
            }
            for (key, policy) in entries(&other, attribute).iter().filter(|(_, v)| is_policy(v)) {
                let path = format!("{attribute}.{key}");
                match mine.get(key) {
                    None => missing.push(path),
                    Some(own) if alike && own == policy => {
                        policies += 1;
                        same.insert(path);
                    }
                    Some(_) => {}
                }
            }
        }
        let set = same.iter().filter(|name| own.get(*name).is_some_and(is_set)).count();
        (policies > 0 || set > 4).then(|| ShownBefore { name: name.to_owned(), same, missing })
    }

    /// Whether both know the same of what stands below a path.
    fn is_known_alike(&self, base: &Self, path: &str) -> bool {
        let unknown = |shape: &Self| -> Vec<String> {
            shape.unknown.iter().filter(|at| at.starts_with(path)).cloned().collect()
        };
        let partial = |shape: &Self| -> Vec<(String, String)> {
            let below = shape.partial.iter().filter(|(at, _)| at.starts_with(path));
            below.map(|(at, text)| (at.clone(), text.clone())).collect()
        };
        unknown(self) == unknown(base) && partial(self) == partial(base)
    }
}

fn is_set(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Object(map) => !map.is_empty(),
        Json::Array(list) => !list.is_empty(),
        _ => true,
    }
}

/// A name without the keys in it: `module.deploy["shop"].iam_role.deploy` is of the block of
/// `module.deploy["search"].iam_role.deploy`.
pub(super) fn unkeyed(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("[\"") {
        out.push_str(before);
        rest = after.split_once("\"]").map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}
