//! What one scope's state object holds, and how it is verified when it is read.
//!
//! A state is sealed: its first field is a SHA-256 over the exact bytes of the object with that
//! field zeroed, so that a truncated or hand-edited state is noticed whatever was touched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::address::ResourceAddr;
use crate::diag::Diagnostic;

use super::error::{END, StateError, StateFailure};
use super::layout;
use super::model::Resources;

/// Version of the format that is written. Format 1 held resources as a list.
pub const FORMAT: u32 = 2;

/// The audit log's last record, as seen by a writer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AuditHead {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// Who wrote a state, when, and because of which plan: what `state history` shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Store time.
    pub at: Timestamp,
    /// Caller's ARN.
    pub by: String,
    /// Run id.
    pub run: String,
    /// `apply`, `rollback`, `push`, ...
    pub operation: String,
    /// Digest of the plan, for applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

/// How far a run's journal is contained in the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// The run.
    pub run: String,
    /// Last journal object whose results are in the state, with every intent before it settled.
    pub sequence: u64,
}

/// State of one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScopeState {
    /// Seal, see the module's docs. First, so that it can be found in the raw text.
    pub checksum: String,
    /// [`FORMAT`].
    pub format: u32,
    /// Which backend it belongs to.
    pub lineage: String,
    /// Which scope it is.
    pub scope: String,
    /// Rises by one with each write.
    pub serial: u64,
    /// Fencing epoch of the lease that it was written under.
    pub epoch: u64,
    /// Random, so that equal content never looks like an unchanged object.
    pub write_id: String,
    /// Who wrote it.
    pub stamp: Stamp,
    /// Audit log's head when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditHead>,
    /// What of the last run's journal is in here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folded: Option<Folded>,
    /// The scope that this one continues (`moved` of an account).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    /// The scope that continues this one: a tombstone, without resources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// The objects.
    #[serde(deserialize_with = "each_once")]
    pub resources: Resources,
}

/// What tells how to read the rest.
#[derive(Deserialize)]
struct Head {
    format: Option<u64>,
    checksum: Option<String>,
}

/// Objects by address, none of them twice: of two records one would be lost without a word.
fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Resources, D::Error> {
    struct EachOnce;
    impl<'de> Visitor<'de> for EachOnce {
        type Value = Resources;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("objects by address")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Resources, A::Error> {
            let mut resources = Resources::new();
            while let Some((address, resource)) = map.next_entry::<ResourceAddr, _>()? {
                if resources.contains_key(&address) {
                    return Err(A::Error::custom(format!("`{address}` is recorded twice")));
                }
                resources.insert(address, resource);
            }
            Ok(resources)
        }
    }
    deserializer.deserialize_map(EachOnce)
}

const ZERO: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// `sha256:` and the hash in hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}

impl ScopeState {
    /// The first state of a scope, not yet written: serial 0.
    #[must_use]
    pub fn new(lineage: impl Into<String>, scope: impl Into<String>, stamp: Stamp) -> Self {
        Self {
            checksum: ZERO.to_owned(),
            format: FORMAT,
            lineage: lineage.into(),
            scope: scope.into(),
            serial: 0,
            epoch: 0,
            write_id: String::new(),
            stamp,
            audit: None,
            folded: None,
            moved_from: None,
            moved_to: None,
            resources: Resources::new(),
        }
    }

    /// The sealed object.
    ///
    /// # Errors
    /// Serialisation failed, which takes a map key that is no text.
    pub fn seal(&self) -> Result<Vec<u8>, StateError> {
        let zeroed = Self { checksum: ZERO.to_owned(), ..self.clone() };
        let text = serde_json::to_string_pretty(&zeroed).map_err(|error| {
            StateError::new(
                StateFailure::Invalid,
                Diagnostic::error(format!("state of `{}` cannot be written: {error}", self.scope)),
            )
        })?;
        Ok(text.replacen(ZERO, &digest(text.as_bytes()), 1).into_bytes())
    }

    /// Reads and verifies a state object: size, syntax, format, seal, scope, referential integrity.
    /// Older formats are upgraded. The lineage is the caller's to compare.
    ///
    /// # Errors
    /// What is wrong, as a sentence; the caller adds the version to go back to.
    pub fn open(scope: &str, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
        let head: Head = parse(text)?;
        let format = head.format.ok_or("it has no `format`")?;
        if format > u64::from(FORMAT) {
            return Err(format!(
                "it has format {format}, and this version of palisade reads formats up to {FORMAT}; a newer palisade wrote it"
            ));
        }
        let checksum =
            head.checksum.filter(|c| c.len() == ZERO.len()).ok_or("it has no `checksum`")?;
        if digest(text.replacen(&checksum, ZERO, 1).as_bytes()) != checksum {
            return Err("its checksum does not match its content: it was edited or damaged".into());
        }
        let state: Self = if format == u64::from(FORMAT) {
            parse(text)?
        } else {
            let json = upgrade(parse(text)?, format)?;
            serde_json::from_value(json).map_err(|e| format!("it is malformed: {e}"))?
        };
        if state.scope != scope {
            return Err(format!("it is the state of scope `{}`", state.scope));
        }
        state.verify()?;
        Ok(state)
    }

    /// What it holds: the objects, and the scopes that they came from and went to.
    #[must_use]
    pub fn holds(&self) -> (&Resources, &Option<String>, &Option<String>) {
        (&self.resources, &self.moved_from, &self.moved_to)
    }

    /// Whether no other state could follow this one: its counters were forged.
    #[must_use]
    pub fn is_at_its_end(&self) -> bool {
        self.serial.max(self.epoch).saturating_add(1) >= END
    }

    /// Counters that can be true, and referential integrity inside the scope.
    fn verify(&self) -> Result<(), String> {
        for (what, count) in [("serial", self.serial), ("epoch", self.epoch)] {
            if count >= END {
                return Err(format!("its {what} is {count}, which no state ever reaches"));
            }
        }
        for (address, resource) in &self.resources {
            if address.kind != resource.kind {
                return Err(format!("`{address}` is recorded with kind `{}`", resource.kind));
            }
            if let Some(account) = address.account()
                && layout::account_scope(account.as_str()) != self.scope
            {
                return Err(format!("`{address}` does not belong to scope `{}`", self.scope));
            }
            if resource.depends_on.contains(address) {
                return Err(format!("`{address}` depends on itself"));
            }
        }
        if self.moved_to.is_some() && !self.resources.is_empty() {
            return Err("it has moved to another scope and still holds resources".into());
        }
        match cycle(&self.resources) {
            Some(address) => Err(format!("`{address}` depends on itself through other resources")),
            None => Ok(()),
        }
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_eof() {
            format!("it is truncated at line {}", error.line())
        } else if error.is_data() {
            format!("it is malformed: {error}")
        } else {
            format!("it is not valid JSON: {error}")
        }
    })
}

/// Brings an older format up to [`FORMAT`], one step at a time.
fn upgrade(mut json: Json, from: u64) -> Result<Json, String> {
    if from == 0 {
        return Err("it has format 0, which never existed".into());
    }
    if from == 1 {
        let list = match json.get_mut("resources").map(Json::take) {
            Some(Json::Array(list)) => list,
            _ => return Err("its `resources` must be a list in format 1".into()),
        };
        let mut map = serde_json::Map::new();
        for mut resource in list {
            let address = resource
                .as_object_mut()
                .and_then(|r| r.remove("address"))
                .and_then(|a| a.as_str().map(ToOwned::to_owned))
                .ok_or("a resource has no `address`")?;
            if map.insert(address.clone(), resource).is_some() {
                return Err(format!("`{address}` is recorded twice"));
            }
        }
        if let Some(object) = json.as_object_mut() {
            object.insert("resources".into(), Json::Object(map));
            object.insert("format".into(), FORMAT.into());
        }
    }
    Ok(json)
}

/// An address on a dependency cycle, if there is one. Dependencies outside the map are ignored.
pub(crate) fn cycle(resources: &Resources) -> Option<ResourceAddr> {
    let mut open: BTreeMap<&ResourceAddr, usize> = BTreeMap::new();
    let mut dependants: BTreeMap<&ResourceAddr, Vec<&ResourceAddr>> = BTreeMap::new();
    for (address, resource) in resources {
        let inside = resource.depends_on.iter().filter(|d| resources.contains_key(*d));
        open.insert(address, inside.clone().count());
        for dependency in inside {
            dependants.entry(dependency).or_default().push(address);
        }
    }
    let mut ready: Vec<&ResourceAddr> =
        open.iter().filter(|(_, n)| **n == 0).map(|(a, _)| *a).collect();
    let mut settled: BTreeSet<&ResourceAddr> = BTreeSet::new();
    while let Some(address) = ready.pop() {
        settled.insert(address);
        for dependant in dependants.get(address).into_iter().flatten() {
            if let Some(count) = open.get_mut(dependant) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(dependant);
                }
            }
        }
    }
    open.keys().find(|a| !settled.contains(*a)).map(|a| (*a).clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::model::ResourceState;

    fn sample() -> ScopeState {
        let stamp = Stamp {
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
            by: "arn:aws:iam::111111111111:user/a".into(),
            run: "r1".into(),
            operation: "apply".into(),
            plan: None,
        };
        let mut state = ScopeState::new("l", "acct-dev", stamp);
        state.resources.insert(
            "iam_role.a@dev".parse().unwrap(),
            ResourceState {
                kind: "iam_role".into(),
                key: "/a".into(),
                attrs: [("n".to_owned(), serde_json::json!(0.1))].into_iter().collect(),
                depends_on: BTreeSet::new(),
                environments: BTreeSet::new(),
                meta: Default::default(),
            },
        );
        state
    }

    #[test]
    fn a_sealed_state_is_read_back_and_every_change_of_a_byte_is_noticed() {
        let bytes = sample().seal().unwrap();
        let read = ScopeState::open("acct-dev", &bytes).unwrap();
        assert_eq!(ScopeState { checksum: ZERO.into(), ..read }, sample());
        for at in 0..bytes.len() {
            let mut edited = bytes.clone();
            edited[at] ^= 1;
            assert!(ScopeState::open("acct-dev", &edited).is_err(), "byte {at}");
            assert!(ScopeState::open("acct-dev", &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_foreign_newer_or_inconsistent_is_refused_with_a_reason() {
        let reason = |change: &dyn Fn(&mut ScopeState)| {
            let mut state = sample();
            change(&mut state);
            ScopeState::open("acct-dev", &state.seal().unwrap()).unwrap_err()
        };
        assert!(reason(&|s| s.scope = "acct-prod".into()).contains("scope `acct-prod`"));
        assert!(reason(&|s| s.format = 9).contains("newer palisade"));
        let role: ResourceAddr = "iam_role.a@dev".parse().unwrap();
        assert!(
            reason(&|s| s.resources.get_mut(&role).unwrap().kind = "x".into()).contains("kind `x`")
        );
        assert!(
            reason(&|s| {
                s.resources.get_mut(&role).unwrap().depends_on.insert(role.clone());
            })
            .contains("depends on itself")
        );
        assert!(
            reason(&|s| {
                let moved = s.resources.remove(&role).unwrap();
                s.resources.insert("iam_role.a@prod".parse().unwrap(), moved);
            })
            .contains("does not belong")
        );
        assert!(reason(&|s| s.moved_to = Some("acct-x".into())).contains("moved"));
        assert!(reason(&|s| s.serial = u64::MAX).contains("serial"));
        assert!(reason(&|s| s.epoch = 1 << 53).contains("epoch"));
    }

    #[test]
    fn longer_cycles_are_found() {
        let mut resources = Resources::new();
        for (name, on) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let mut resource = sample().resources.into_values().next().unwrap();
            resource.depends_on.insert(format!("iam_role.{on}@dev").parse().unwrap());
            resources.insert(format!("iam_role.{name}@dev").parse().unwrap(), resource);
        }
        assert!(cycle(&resources).is_some());
        resources.remove(&"iam_role.b@dev".parse().unwrap());
        assert!(cycle(&resources).is_none());
    }

    #[test]
    fn the_first_format_is_upgraded() {
        let mut json = serde_json::to_value(sample()).unwrap();
        json["format"] = 1.into();
        json["checksum"] = ZERO.into();
        let mut role = json["resources"]["iam_role.a@dev"].clone();
        role["address"] = "iam_role.a@dev".into();
        json["resources"] = Json::Array(vec![role]);
        let text = serde_json::to_string(&json).unwrap();
        let sealed = text.replacen(ZERO, &digest(text.as_bytes()), 1);
        let read = ScopeState::open("acct-dev", sealed.as_bytes()).unwrap();
        assert_eq!(read.format, FORMAT);
        assert_eq!(read.resources, sample().resources);
    }
}
