//! Before a change: the object is read by itself, and has to be as the plan saw it, or as it shall be already.
//!
//! An object can differ from its plan for three reasons: somebody changed it in the meantime, this run changed it by
//! what it did to other objects, or the endpoint's lists, which a plan reads, disagree with its single reads.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Job, OperationFailure, Worker, WorkerShared, problem};
use crate::apply::record::is_hidden;
use crate::diag::Diagnostic;
use crate::difference::policies;
use crate::difference::{StoredValues, difference};
use crate::plan::model::OperationKind;
use crate::provider::{Announcements, LiveObject};
use crate::schema::{Home, ManagedKind};
use crate::value::{AttrPath, Attrs, Value};

/// What the object is right before its change.
pub(super) enum Guarded {
    /// As the plan saw it.
    Before(Attrs),
    /// As it shall be: there is nothing to do.
    AsWanted(Attrs),
    /// Gone, as a deletion wants it.
    Gone,
}

impl Worker<'_> {
    /// Looks at the object right before it is changed: it must be as it was when the plan was made, or as it shall be
    /// already.
    pub(super) async fn guard(&self, real: Option<&Attrs>) -> Result<Guarded, OperationFailure> {
        let job = self.job;
        let schema = job.kind.schema();
        let planned = job.change.before.as_deref().cloned().unwrap_or_default();
        if let Some(latest) = &job.latest {
            let mut before = planned;
            before.extend(latest.clone());
            return Ok(Guarded::Before(before));
        }
        let deleting = job.operation.op == OperationKind::Delete;
        let id = planned.get("id").and_then(Value::as_str).map(ToOwned::to_owned);
        let key = match (schema.home, id) {
            (Home::Organization, Some(id)) => Some(id),
            _ => job.change.key.clone().or_else(|| job.prior.as_ref().map(|p| p.key.clone())),
        };
        let Some(key) = key.filter(|k| !k.is_empty()) else {
            // Nothing to look it up by: the plan knows no live object (an adopted creation).
            return Ok(Guarded::Before(planned));
        };
        // Where bulk reads show no tags, the plan knows them of what it takes over.
        let found = match self.read(&key).await? {
            Some(live) if planned.contains_key("tags") && !live.attrs.contains_key("tags") => {
                self.look_up(&key).await?.map_err(|error| problem(&error, false))?
            }
            found => found,
        };
        let Some(live) = found else {
            return if deleting {
                Ok(Guarded::Gone)
            } else {
                Err(OperationFailure::certain(
                    Diagnostic::error(format!("`{}` is gone", job.display.address))
                        .detail("It was there when the plan was made.")
                        .help("plan again: it will be created"),
                ))
            };
        };
        let moved = self.moved(&live.attrs, &planned);
        if moved.is_empty() {
            return Ok(Guarded::Before(live.attrs));
        }
        if job.operation.op == OperationKind::Update
            && real.is_some_and(|real| self.changed(&live.attrs, real, false).is_empty())
        {
            return Ok(Guarded::AsWanted(live.attrs));
        }
        let paths: Vec<String> = moved.iter().map(|p| format!("`{p}`")).collect();
        let (paths, address) = (paths.join(", "), &job.display.address);
        let told = if self.is_listed_as_planned(&key, &planned).await {
            Diagnostic::error(format!(
                "the endpoint shows `{address}` differently in its lists and in a single read"
            ))
            .detail(format!("They differ in {paths}. On AWS, reads agree within minutes; an emulator may never catch up."))
            .help("it was left as it is; plan again in a few minutes, and if they still differ, use another emulator")
        } else {
            Diagnostic::error(format!("`{address}` was changed after the plan was made"))
                .detail(format!("Not as planned any more: {paths}."))
                .help("it was left as it is; plan again to see both changes")
        };
        Err(OperationFailure::certain(told))
    }

    /// What of a live object is not as the plan saw it.
    fn moved(&self, live: &Attrs, planned: &Attrs) -> Vec<AttrPath> {
        let job = self.job;
        let schema = job.kind.schema();
        let seen = self.as_planned(live, planned);
        let mut moved = difference(schema, &seen, planned, StoredValues::default()).changed;
        moved.retain(|path| {
            let text = path.to_string();
            let hidden = job.change.sensitive.iter().any(|s| text.starts_with(s.as_str()));
            let hides = path.root().and_then(|r| live.get(r)).is_some_and(is_hidden);
            !hidden && !hides
        });
        // An account's status or a version counter says nothing about what was planned on.
        moved.retain(|path| path.root().is_none_or(|r| !is_computed(job.kind, r)));
        moved
    }

    /// Whether a bulk read still shows the object as the plan saw it, right after a single read showed it differently.
    /// Then nobody changed it: the endpoint's two reads disagree.
    async fn is_listed_as_planned(&self, key: &str, planned: &Attrs) -> bool {
        let Job { kind, target, .. } = self.job;
        let schema = kind.schema();
        let provider = &self.shared.provider;
        let read = match schema.home {
            Home::Organization => {
                provider.read_organization(target, Announcements::unheard()).await
            }
            Home::Account => {
                let prefix = &self.shared.config_prefix;
                provider.read_account(target, &[schema.kind].into(), prefix).await
            }
        };
        let objects = read.map(|inventory| inventory.objects).unwrap_or_default();
        let is_it = |object: &&LiveObject| {
            let id = object.attrs.get("id").and_then(Value::as_str);
            object.kind == schema.kind && (object.key == key || id == Some(key))
        };
        objects
            .values()
            .find(is_it)
            .is_some_and(|object| self.moved(&object.attrs, planned).is_empty())
    }

    /// What is there, without what this run itself did to it: a policy that named a principal which the run has
    /// deleted shows its unique id now, what was attached to a unit that the run has deleted is not any more, and AWS
    /// has attached its own policy to what the run has made.
    fn as_planned<'l>(&self, live: &'l Attrs, planned: &Attrs) -> Cow<'l, Attrs> {
        let WorkerShared { going, leaving, .. } = self.shared;
        let kind = self.job.kind;
        let is_given = kind.is_given(planned);
        if going.is_empty() && leaving.is_empty() && !is_given {
            return Cow::Borrowed(live);
        }
        let schema = kind.schema();
        let mut named: Attrs = live
            .iter()
            .map(|(name, value)| match policies::is_policy(schema.policies, &[name]) {
                true => (name.clone(), policies::with_arns(value, going)),
                false => (name.clone(), value.clone()),
            })
            .collect();
        if let Some(name) = schema.attachments
            && let Some(was) = planned.get(name).and_then(Value::elements)
            && let Some(is) = live.get(name).and_then(Value::elements)
        {
            let went = |t: &&Value| t.as_str().is_some_and(|id| leaving.contains(id));
            let was: BTreeSet<&Value> = was.into_iter().collect();
            // AWS's own is attached by AWS to whatever comes into being.
            let is = is.into_iter().filter(|target| !is_given || was.contains(target));
            let all: BTreeSet<&Value> = is.chain(was.iter().copied().filter(went)).collect();
            named.insert(name.to_owned(), all.into_iter().cloned().collect());
        }
        Cow::Owned(named)
    }
}

fn is_computed(kind: &dyn ManagedKind, name: &str) -> bool {
    kind.schema().computed.iter().any(|c| c.name == name)
}
