//! The actions of IAM that a kind's calls take, as the kind says them.

use std::collections::{BTreeMap, BTreeSet};

use crate::iam::catalogue;

/// The actions of IAM that the calls of a kind take.
#[derive(Clone, Debug, Default)]
pub struct KindActions {
    /// Those of the bulk read, beside a read that kinds share.
    pub bulk: BTreeSet<String>,
    /// Those of reading one object.
    pub reads: BTreeSet<String>,
    /// Those of the tags of an object that a block takes over, where the bulk read tells none.
    pub marks: BTreeSet<String>,
    /// Those of making, changing and deleting objects.
    pub changes: BTreeSet<String>,
    /// Those that only some blocks of the kind take, of changes.
    pub conditional: &'static [ConditionalActions],
    /// The service that calls all these with the credentials of its caller: then they are an upper bound, as the service's
    /// own description has it.
    pub served_by: Option<ServedBy>,
}

/// Actions that a block takes by what it says.
#[derive(Clone, Copy, Debug)]
pub struct ConditionalActions {
    /// The attribute that decides.
    pub attr: &'static str,
    /// Its value; any where there is none.
    pub value: Option<&'static str>,
    /// The actions.
    pub actions: &'static [&'static str],
}

/// The actions of a service that serves a kind.
#[derive(Clone, Copy, Debug)]
pub struct ServedBy {
    /// Those of reads.
    pub reads: &'static [&'static str],
    /// Those of changes.
    pub changes: &'static [&'static str],
}

pub(super) fn strings(actions: &[&str]) -> BTreeSet<String> {
    actions.iter().map(|action| (*action).to_owned()).collect()
}

/// Each action once, as IAM spells it: case means nothing in actions, and AWS's schemas differ in it.
pub(super) fn unique<'a>(actions: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let known = catalogue::catalogue();
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for action in actions {
        let spelled = known.find(action).and_then(|id| known.full_name(id));
        let spelled = spelled.unwrap_or_else(|| match action.split_once(':') {
            Some((service, name)) => format!("{}:{name}", service.to_ascii_lowercase()),
            None => action.clone(),
        });
        all.entry(spelled.to_ascii_lowercase()).or_insert(spelled);
    }
    all.into_values().collect()
}
