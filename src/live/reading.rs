//! What was read from AWS for a plan: the organization and each account, or why not.

use std::collections::{BTreeMap, HashSet};

use crate::address::ResourceAddr;
use crate::eval::estate::Estate;
use crate::ids::{AccountId, Handle};
use crate::provider::{Inventory, LiveObject};
use crate::schema::resource::resource_type;
use crate::schema::{Home, KindSchema, ManagedKind, access_of, kinds};
use crate::state::model::{ResourceState, Resources};
use crate::value::{Attrs, Value};

/// One place's reading.
#[derive(Clone, Debug)]
pub enum Reading {
    /// It was read.
    Read(Index),
    /// It does not exist yet (an account that this plan creates): it holds nothing.
    Absent,
    /// It was not read: refresh is off, it cannot be reached, access is denied.
    Unread(String),
}

/// An inventory that can also be searched by the ids and ARNs that AWS assigned.
#[derive(Clone, Debug, Default)]
pub struct Index {
    inventory: Inventory,
    by_id: BTreeMap<(&'static str, String), String>,
}

impl Index {
    /// Indexes an inventory.
    #[must_use]
    pub fn new(mut inventory: Inventory) -> Self {
        hold_once(&mut inventory);
        let by_id = inventory
            .objects
            .values()
            // An identifier of a resource type may stand for an object in each Region.
            .filter(|o| resource_type(o.kind).is_none())
            .flat_map(|o| {
                // People know some objects by their ids and others by their ARNs.
                let named =
                    ["id", "arn"].into_iter().filter_map(move |name| o.attrs.get(name)?.as_str());
                named.map(move |id| ((o.kind, id.to_owned()), o.key.clone()))
            })
            .collect();
        Self { inventory, by_id }
    }

    /// Why the object of a kind with this key was not read, where that is why it is not here.
    pub(crate) fn why_unread(&self, kind: &str, key: &str) -> Option<&String> {
        match self.inventory.unread_objects.get(kind) {
            Some(objects) => objects.get(key),
            None => self.inventory.unread.get(kind),
        }
    }

    /// All objects.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }
}

/// Holds maps that many objects have alike once: the trust policies and tags of an account's roles are mostly
/// the same.
fn hold_once(inventory: &mut Inventory) {
    let mut known: HashSet<Attrs> = HashSet::new();
    for object in inventory.objects.values_mut() {
        for (_, value) in object.attrs.iter_mut() {
            let Value::Map(map) = value else { continue };
            match known.get(map) {
                Some(same) => map.clone_from(same),
                None => {
                    known.insert(map.clone());
                }
            }
        }
    }
}

/// Everything that was read.
#[derive(Clone, Debug)]
pub struct Live {
    /// The organization.
    pub organization: Reading,
    /// Each account of the estate, by handle.
    pub accounts: BTreeMap<Handle, Reading>,
    /// The account that calls, where it stands in no organization: it is the management account of the one
    /// that it creates.
    pub founder: Option<AccountId>,
    /// Whether AWS was asked; `false` with `--refresh=false`.
    pub refreshed: bool,
    /// Objects of AWS's own that every account has alike, which blocks name and no account uses yet.
    pub shared: Vec<LiveObject>,
}

/// The answer to "is this object there?".
#[derive(Clone, Copy, Debug)]
pub enum LiveLookup<'a> {
    /// It is.
    Object(&'a LiveObject),
    /// It is not.
    Missing,
    /// Its place was not read.
    Unread(&'a str),
}

impl<'a> LiveLookup<'a> {
    /// The object, if it was found.
    #[must_use]
    pub fn object(self) -> Option<&'a LiveObject> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The first that found the object, else this.
    #[must_use]
    pub fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Missing => other(),
            found => found,
        }
    }
}

impl Live {
    /// Adds the tags of an object whose bulk read shows none.
    pub(crate) fn mark(
        &mut self,
        address: &ResourceAddr,
        kind: &'static str,
        key: &str,
        attrs: &Attrs,
    ) {
        let reading = address.account().and_then(|account| self.accounts.get_mut(account));
        let (Some(Reading::Read(index)), Some(tags)) = (reading, attrs.get("tags")) else { return };
        if let Some(object) = index.inventory.objects.get_mut(&(kind, key.to_owned())) {
            object.attrs.insert("tags".to_owned(), tags.clone());
        }
    }

    /// Nothing was asked for, because of `why`.
    #[must_use]
    pub fn unread(why: &str, accounts: impl IntoIterator<Item = Handle>) -> Self {
        Self {
            organization: Reading::Unread(why.to_owned()),
            accounts: accounts
                .into_iter()
                .map(|handle| (handle, Reading::Unread(why.to_owned())))
                .collect(),
            founder: None,
            refreshed: false,
            shared: Vec::new(),
        }
    }

    /// Id of the organization's root, where it was read.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        let Reading::Read(index) = &self.organization else { return None };
        index
            .inventory()
            .objects
            .values()
            .find_map(|o| o.attrs.get(access_of(o.kind)?.organization()?.root)?.as_str())
    }

    /// The reading of the place where objects of a kind with this address live.
    #[must_use]
    pub fn place(&self, schema: &KindSchema, address: &ResourceAddr) -> Option<&Reading> {
        match schema.home {
            Home::Organization => Some(&self.organization),
            Home::Account => self.accounts.get(address.account()?),
        }
    }

    /// Why an object of a kind with this address and key may be there without having been read.
    #[must_use]
    pub fn unread_because(
        &self,
        schema: &KindSchema,
        address: &ResourceAddr,
        key: Option<&str>,
    ) -> Option<&str> {
        match self.place(schema, address)? {
            Reading::Unread(why) => Some(why),
            Reading::Read(index) => {
                index.why_unread(schema.kind, key.unwrap_or_default()).map(String::as_str)
            }
            Reading::Absent => None,
        }
    }

    /// Looks an object up by its natural key.
    #[must_use]
    pub fn by_key(&self, schema: &KindSchema, address: &ResourceAddr, key: &str) -> LiveLookup<'_> {
        self.search(schema, address, key, |index| {
            index.inventory.objects.get(&(schema.kind, key.to_owned()))
        })
    }

    /// Looks an object up by the id that AWS gave it.
    #[must_use]
    pub fn by_id(&self, schema: &KindSchema, address: &ResourceAddr, id: &str) -> LiveLookup<'_> {
        self.search(schema, address, id, |index| {
            let key = index.by_id.get(&(schema.kind, id.to_owned()))?;
            index.inventory.objects.get(&(schema.kind, key.clone()))
        })
    }

    /// The object that state records at an address: by the id that AWS gave it, else by its key.
    #[must_use]
    pub fn recorded(&self, address: &ResourceAddr, recorded: &ResourceState) -> LiveLookup<'_> {
        let Some(schema) = kinds::kind(&recorded.kind).map(ManagedKind::schema) else {
            return LiveLookup::Missing;
        };
        let by_id = match recorded.attrs.get("id").and_then(Value::as_str) {
            Some(id) => self.by_id(schema, address, id),
            None => LiveLookup::Missing,
        };
        by_id.or_else(|| self.by_key(schema, address, &recorded.key))
    }

    /// Holds what state records of an object in the same memory as what was read of it, where both are
    /// equal: of an estate that nobody touched, nearly all.
    pub fn share_with_state<'a>(
        &self,
        resources: impl IntoIterator<Item = (&'a ResourceAddr, &'a mut ResourceState)>,
    ) {
        for (address, recorded) in resources {
            if let LiveLookup::Object(object) = self.recorded(address, recorded) {
                recorded.attrs.share(&object.attrs);
            }
        }
    }

    /// The same for what is declared of the objects that state records.
    pub fn share_with_estate(&self, estate: &mut Estate, resources: &Resources) {
        for (address, instance) in &mut estate.instances {
            let recorded = resources.get(address);
            if let Some(LiveLookup::Object(object)) = recorded.map(|r| self.recorded(address, r)) {
                instance.desired.share(&object.attrs);
            }
        }
    }

    fn search<'a>(
        &'a self,
        schema: &KindSchema,
        address: &ResourceAddr,
        name: &str,
        find: impl FnOnce(&'a Index) -> Option<&'a LiveObject>,
    ) -> LiveLookup<'a> {
        match self.place(schema, address) {
            None | Some(Reading::Absent) => LiveLookup::Missing,
            Some(Reading::Unread(why)) => LiveLookup::Unread(why),
            Some(Reading::Read(index)) => match find(index) {
                Some(object) => LiveLookup::Object(object),
                None => match index.why_unread(schema.kind, name) {
                    Some(why) => LiveLookup::Unread(why),
                    None => LiveLookup::Missing,
                },
            },
        }
    }
}
