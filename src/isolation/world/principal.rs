//! Roles, users and groups of users. What one may do is read when it is first asked for: of most principals of an estate nobody
//! asks, since no trust or bucket policy of another account names them.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::rules::{Library, Rule};
use super::symbol;
use crate::ids::Handle;
use crate::value::{Attrs, Value};

/// A role or user.
#[derive(Clone, Debug)]
pub struct PrincipalNode {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: Handle,
    /// Address, or kind and key when unmanaged.
    pub label: String,
    /// Where it is declared.
    pub location: Option<String>,
    /// Trust policy, for roles.
    pub trust: Option<Rule>,
    pub(super) written: Written,
    pub(super) own: OnceLock<Own>,
}

/// A group of users: what it permits those who are in it, read when it is first asked for.
#[derive(Clone, Debug)]
pub struct GroupNode {
    /// Its ARN.
    pub arn: String,
    pub(super) label: String,
    pub(super) written: Written,
    pub(super) own: OnceLock<Own>,
}

impl GroupNode {
    /// Its policies.
    #[must_use]
    pub fn identity(&self) -> &[Rule] {
        &self.own().identity
    }

    /// Whether a policy of it could not be read.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.own().unreadable
    }

    fn own(&self) -> &Own {
        self.own.get_or_init(|| self.written.read(&self.label))
    }
}

/// What the own side of a principal or group consists of, as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// Its attributes.
    pub(super) attrs: Attrs,
    /// The groups that it is in: label and attributes.
    pub(super) groups: Vec<(String, Attrs)>,
    /// Whether it is in a group that was not read.
    pub(super) lost_group: bool,
    pub(super) shelf: Arc<Shelf>,
}

/// Where the policies are that attributes name by their ARNs.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) library: Arc<Library>,
    /// Managed policies by ARN: label and document.
    pub(super) managed: BTreeMap<String, (String, Value)>,
}

/// A principal's own side, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) identity: Vec<Rule>,
    pub(super) boundary: Option<Rule>,
    pub(super) unreadable: bool,
}

impl PrincipalNode {
    /// Identity policies: its own, and those of its groups.
    #[must_use]
    pub fn identity(&self) -> &[Rule] {
        &self.own().identity
    }

    /// Permissions boundary.
    #[must_use]
    pub fn boundary(&self) -> Option<&Rule> {
        self.own().boundary.as_ref()
    }

    /// Whether a policy of it could not be read (an attached AWS-managed policy that is unknown, or an
    /// attribute unknown until apply).
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.own().unreadable
    }

    /// Its tags: `aws:PrincipalTag/...`.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<String, String> {
        let tags = self.written.attrs.get("tags").and_then(Value::as_map);
        tags.into_iter().flatten().map(|(k, v)| (k.clone(), symbol(v))).collect()
    }

    /// ARNs of the policies of its account that are attached to it or to its groups, its boundary among them.
    #[must_use]
    pub fn attached(&self) -> Vec<String> {
        let boundary = self.written.attrs.get("permissions_boundary").filter(|b| !b.is_null());
        let groups = self.written.groups.iter().map(|(_, attrs)| attrs);
        let lists = std::iter::once(&self.written.attrs).chain(groups);
        let listed = lists
            .filter_map(|attrs| attrs.get("managed_policies").and_then(Value::elements))
            .flatten();
        let arns = listed.chain(boundary).map(symbol);
        arns.filter(|arn| !arn.starts_with("arn:aws:iam::aws:")).collect()
    }

    /// ARNs of the groups that it is in.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let arns = self.written.groups.iter().filter_map(|(_, attrs)| attrs.get("arn"));
        arns.map(symbol).collect()
    }

    fn own(&self) -> &Own {
        self.own.get_or_init(|| self.written.read(&self.label))
    }
}

impl Written {
    fn read(&self, label: &str) -> Own {
        let mut own = Own { unreadable: self.lost_group, ..Own::default() };
        self.shelf.identity(label, &self.attrs, &mut own);
        for (label, attrs) in &self.groups {
            self.shelf.identity(label, attrs, &mut own);
        }
        if let Some(boundary) = self.attrs.get("permissions_boundary").filter(|b| !b.is_null()) {
            own.boundary = self.shelf.managed(boundary, "boundary");
            own.unreadable |= own.boundary.is_none();
        }
        own
    }
}

impl Shelf {
    fn identity(&self, label: &str, attrs: &Attrs, own: &mut Own) {
        let inline = attrs.get("inline_policies");
        own.unreadable |= inline.is_some_and(Value::is_unknown);
        let inline = inline.and_then(Value::as_map).into_iter().flatten();
        let inline = inline.map(|(name, value)| self.library.rule(value, label, name));
        let attached = attrs.get("managed_policies").and_then(Value::elements);
        let attached = attached.into_iter().flatten().map(|arn| self.managed(arn, "content"));
        for rule in inline.chain(attached) {
            own.unreadable |= rule.is_none();
            own.identity.extend(rule);
        }
    }

    /// The managed policy that is called so, as a part of what it is attached to.
    pub(super) fn labelled(&self, label: &str, part: &str) -> Option<Rule> {
        let (_, content) = self.managed.values().find(|(known, _)| known == label)?;
        self.library.rule(content, label, part)
    }

    /// The managed policy of that ARN.
    fn managed(&self, arn: &Value, part: &str) -> Option<Rule> {
        let (label, content) = self.managed.get(&symbol(arn))?;
        self.library.rule(content, label, part)
    }
}
