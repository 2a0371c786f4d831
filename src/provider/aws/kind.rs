//! What the AWS half of a kind does, and what the kinds share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use async_trait::async_trait;
use aws_sdk_organizations::types::PolicyType;
use tokio::sync::watch;

use super::actions::KindActions;
use super::errors;
use super::iam_read::{AwsPolicies, IamAnswers};
use super::session::Session;
use crate::provider::{Failure, LiveObject, Op, ProviderError, ProviderStep, UnreadAdvice};
use crate::value::{AttrPath, Attrs, Value};

/// The AWS half of a managed kind.
#[async_trait]
pub(super) trait KindProvider: Send + Sync {
    /// The kind's name.
    fn kind(&self) -> &'static str;

    /// How objects of the kind are read in bulk, managed or not.
    fn bulk(&'static self) -> Bulk;

    /// The actions of IAM that its calls take.
    fn actions(&self) -> KindActions;

    /// Brings the object into being; returns its attributes.
    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError>;

    /// Changes it in place; returns its attributes.
    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError>;

    /// Deletes it. That it is gone already is no error.
    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError>;

    /// Attaches it to a target.
    async fn attach(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        Err(unsupported(session, step))
    }

    /// Detaches it from a target.
    async fn detach(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        Err(unsupported(session, step))
    }

    /// Moves it below another parent.
    async fn relocate(
        &self,
        session: &Session,
        step: &ProviderStep,
    ) -> Result<Attrs, ProviderError> {
        Err(unsupported(session, step))
    }

    /// Waits for its asynchronous creation.
    async fn wait(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        Err(unsupported(session, step))
    }

    /// Finds an asynchronous creation whose answer was lost.
    async fn find_creation(
        &self,
        _session: &Session,
        _after: &Attrs,
        _since: i64,
    ) -> Result<Option<Attrs>, ProviderError> {
        Ok(None)
    }

    /// Reads one object by its natural key or AWS id.
    async fn read(&self, session: &Session, key: &str)
    -> Result<Option<LiveObject>, ProviderError>;

    /// Reads one object with its tags, also where [`Self::read`] leaves them out.
    async fn read_marked(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        self.read(session, key).await
    }
}

/// How the objects of a kind are read in bulk: by a read that kinds share, or by one of their own.
#[derive(Clone, Copy)]
pub(super) enum Bulk {
    /// With the tree of the organization, from its management account.
    Tree,
    /// With the organization and beside its tree, by a reader of its own.
    Organization(&'static dyn OrganizationReader),
    /// With all of IAM in an account.
    Iam(&'static dyn IamPart),
    /// With the account, by a reader of its own.
    Account(&'static dyn BulkReader),
}

/// Reads all objects of one kind in an account, with as few calls as AWS allows.
#[async_trait]
pub(super) trait BulkReader: Send + Sync {
    /// All of them.
    async fn everything(&self, session: &Session, scope: &BulkScope<'_>) -> BulkReading;
}

/// The policy types that are enabled in the root: `None` until it has been read, closed where it cannot be.
pub(super) type EnabledTypes = watch::Receiver<Option<Vec<PolicyType>>>;

/// Reads all objects of one kind that an organization holds beside its tree.
#[async_trait]
pub(super) trait OrganizationReader: Send + Sync {
    /// All of them; the inner error says why they cannot be listed there, which leaves the rest readable. A reader that
    /// goes by the policy types that are enabled waits for the root, which is read at the same time.
    async fn everything(
        &self,
        session: &Session,
        types: &EnabledTypes,
    ) -> Result<Result<Vec<LiveObject>, String>, ProviderError>;
}

/// What a kind takes from IAM's answers about everything, and asks beside them.
#[async_trait]
pub(super) trait IamPart: Send + Sync {
    /// All objects of the kind.
    async fn objects(&self, iam: &IamAnswers<'_>) -> Result<Vec<LiveObject>, ProviderError>;
}

/// What a bulk read is about, beside the account.
pub(super) struct BulkScope<'a> {
    /// The path below which parameters are read (`/acme/`).
    pub(super) config_prefix: &'a str,
    /// AWS's own policies, which all accounts share.
    pub(super) aws_policies: &'a AwsPolicies,
}

/// What a reader found, and the objects by their keys that are there and could not be read, with why.
pub(super) type BulkReading = Result<(Vec<LiveObject>, BTreeMap<String, WhyUnread>), ProviderError>;

/// Why an object could not be read, and what to do about it.
#[derive(Clone, Debug)]
pub(super) struct WhyUnread {
    pub(super) why: String,
    pub(super) advice: Option<UnreadAdvice>,
}

impl From<&ProviderError> for WhyUnread {
    fn from(error: &ProviderError) -> Self {
        Self { why: error.to_string(), advice: error.unread_advice() }
    }
}

/// The AWS half of a kind that is read and not managed.
pub(super) struct ObservedProvider {
    /// The kind's name.
    pub(super) kind: &'static str,
    /// How its objects are read.
    pub(super) bulk: Bulk,
}

fn unsupported(session: &Session, step: &ProviderStep) -> ProviderError {
    let operation = match step.op {
        Op::Attach => "attach",
        Op::Detach => "detach",
        Op::Move => "move",
        Op::Wait => "wait",
        Op::Create | Op::Update | Op::Delete => "change",
    };
    errors::refuse(
        "palisade",
        operation,
        &session.account,
        format!("`{}` knows no such operation", step.kind),
    )
}

/// Dispatches a step.
pub(super) async fn execute(
    kind: &dyn KindProvider,
    session: &Session,
    step: &ProviderStep,
) -> Result<Attrs, ProviderError> {
    match step.op {
        Op::Create => kind.create(session, step).await,
        Op::Update => kind.update(session, step).await,
        Op::Delete => kind.delete(session, step).await.map(|()| Attrs::new()),
        Op::Attach => kind.attach(session, step).await,
        Op::Detach => kind.detach(session, step).await,
        Op::Move => kind.relocate(session, step).await,
        Op::Wait => kind.wait(session, step).await,
    }
}

/// What a step has and wants, with findings for what is missing.
pub(super) struct Wanted<'a> {
    pub(super) step: &'a ProviderStep,
    session: &'a Session,
    before: &'a Attrs,
    after: &'a Attrs,
}

static NOTHING: LazyLock<Attrs> = LazyLock::new(Attrs::new);

impl<'a> Wanted<'a> {
    pub(super) fn new(session: &'a Session, step: &'a ProviderStep) -> Self {
        Self {
            step,
            session,
            before: step.before.as_ref().unwrap_or(&NOTHING),
            after: step.after.as_ref().unwrap_or(&NOTHING),
        }
    }

    /// What it shall be.
    pub(super) fn after(&self, name: &str) -> &'a Value {
        self.after.get(name).unwrap_or(&Value::Null)
    }

    /// What it was.
    pub(super) fn before(&self, name: &str) -> &'a Value {
        self.before.get(name).unwrap_or(&Value::Null)
    }

    /// A text of what it shall be, or of what it was where nothing else is wanted.
    ///
    /// # Errors
    /// There is none: the plan did not say what the call needs.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, ProviderError> {
        self.after
            .get(name)
            .and_then(Value::as_str)
            .or_else(|| self.before.get(name).and_then(Value::as_str))
            .ok_or_else(|| {
                errors::refuse(
                    "palisade",
                    "apply",
                    &self.session.account,
                    format!("`{}` of `{}` is not known", name, self.step.address),
                )
            })
    }

    /// The target of the step.
    ///
    /// # Errors
    /// The plan names none.
    pub(super) fn target(&self) -> Result<&'a str, ProviderError> {
        self.step.target.as_deref().ok_or_else(|| {
            errors::refuse(
                "palisade",
                "apply",
                &self.session.account,
                format!("`{}` has no target", self.step.address),
            )
        })
    }

    /// Whether an attribute has to change: as the plan says, or as the values do where no plan spoke.
    pub(super) fn changes(&self, name: &str) -> bool {
        if !self.after.contains_key(name) {
            return false;
        }
        if self.step.changed.is_empty() {
            return self.before(name) != self.after(name);
        }
        self.step.changed.iter().any(|path| path.root().is_none_or(|root| root == name))
    }

    /// What has to change in a map: entries to set and keys to remove.
    pub(super) fn map_changes(&self, name: &str) -> (BTreeMap<&'a str, &'a Value>, Vec<&'a str>) {
        if !self.after.contains_key(name) {
            return Default::default();
        }
        let (before, after) = (self.before(name).as_map(), self.after(name).as_map());
        let at = AttrPath::attr(name);
        let set = after
            .into_iter()
            .flatten()
            .filter(|(key, value)| {
                let old = before.and_then(|b| b.get(key));
                // Where the plan compared by meaning, a value that is written differently stays.
                old.is_none_or(|old| {
                    old != *value
                        && (self.step.changed.is_empty()
                            || self.step.changed.iter().any(|p| p.covers(&at.key(key.as_str()))))
                })
            })
            .map(|(key, value)| (key.as_str(), value))
            .collect();
        let gone = before
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .filter(|key| after.is_none_or(|after| !after.contains_key(key)))
            .collect();
        (set, gone)
    }

    /// What has to change in the tags: those to set, and the keys of those to take away.
    pub(super) fn tag_changes(&self) -> (Value, Vec<String>) {
        let (set, gone) = self.map_changes("tags");
        let set = set.into_iter().map(|(key, value)| (key.to_owned(), value.clone())).collect();
        (Value::Map(set), gone.into_iter().map(str::to_owned).collect())
    }

    /// What has to change in a list of distinct texts: additions and removals.
    pub(super) fn list_changes(&self, name: &str) -> (Vec<&'a str>, Vec<&'a str>) {
        if !self.after.contains_key(name) {
            return Default::default();
        }
        let set = |value: &'a Value| -> BTreeSet<&'a str> {
            value.elements().into_iter().flatten().filter_map(Value::as_str).collect()
        };
        let (before, after) = (set(self.before(name)), set(self.after(name)));
        (after.difference(&before).copied().collect(), before.difference(&after).copied().collect())
    }

    /// The object's attributes when the step is through: what was wanted, what AWS computed, and
    /// what stays as it was.
    pub(super) fn done<const N: usize>(&self, computed: [(&str, Value); N]) -> Attrs {
        let mut attrs = self.before.clone();
        attrs.extend(self.after.iter().map(|(k, v)| (k.clone(), v.clone())));
        attrs.extend(computed.into_iter().map(|(k, v)| (k.to_owned(), v)));
        attrs.retain(|_, value| !value.is_unknown());
        attrs
    }
}

/// A policy document as the text that AWS takes.
pub(super) fn document(value: &Value) -> String {
    match value.reveal() {
        Value::String(text) => text.clone(),
        other => other.to_json().to_string(),
    }
}

/// The texts of a list.
pub(super) fn texts(value: &Value) -> Vec<String> {
    value.elements().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The entries of a map of texts.
pub(super) fn entries(value: &Value) -> BTreeMap<&str, &str> {
    value
        .as_map()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect()
}

/// A sorted list of distinct texts.
pub(super) fn sorted<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Value {
    let set: BTreeSet<String> = items.into_iter().map(Into::into).collect();
    set.into_iter().collect()
}

/// Tags without those that AWS itself puts there.
pub(super) fn tags<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Value {
    Value::Map(
        pairs
            .into_iter()
            .filter(|(key, _)| !key.starts_with("aws:"))
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
    )
}

/// Absent and empty texts are null.
pub(super) fn optional(text: Option<&str>) -> Value {
    text.filter(|t| !t.is_empty()).into()
}

/// A live object; `None` where its attributes give no natural key.
pub(super) fn live(kind: &'static str, attrs: Attrs) -> Option<LiveObject> {
    let key = crate::schema::kind(kind)?.natural_key(&attrs)?;
    Some(LiveObject::new(kind, key, attrs))
}

/// A live object of a kind that is not managed; `None` where it has no key.
pub(super) fn observed(kind: &'static str, key: Option<&str>, attrs: Attrs) -> Option<LiveObject> {
    Some(LiveObject::new(kind, key?, attrs))
}

/// Attributes from pairs.
pub(super) fn attrs<const N: usize>(pairs: [(&str, Value); N]) -> Attrs {
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

/// What was looked for is not there: that is an answer, not a failure.
pub(super) trait OrAbsent<T> {
    /// `None` for "not found".
    fn absent(self) -> Result<Option<T>, ProviderError>;
}

impl<T> OrAbsent<T> for Result<T, ProviderError> {
    fn absent(self) -> Result<Option<T>, ProviderError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.failure == Failure::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}
