//! Policy documents of a model, read and compiled.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use crate::iam::{ChainLevel, Document, Effect, Item, Policy, Statement};

/// Separates the label of a policy's holder from the part of it in the policy's name.
pub const PART: char = '\u{1f}';

/// A policy document, parsed and compiled, with the name that reports cite.
///
/// The name is that of the compiled policy: the label of what holds it, [`PART`], and the part of the holder that
/// it is (`trust`, `content`, the name of an inline policy). Verdicts cite statements by that name, so that two
/// policies of one model never share one. Cloning copies pointers.
#[derive(Clone, Debug)]
pub struct NamedPolicy {
    /// The document.
    pub document: Arc<Document>,
    /// Compiled for the judge, under its name.
    pub policy: Arc<Policy>,
}

impl NamedPolicy {
    /// Compiles a document as a part of what is called `label`.
    #[must_use]
    pub fn new(label: &str, part: &str, document: Document) -> Self {
        let policy = Arc::new(Policy::new(name(label, part), &document));
        Self { document: Arc::new(document), policy }
    }

    /// The same document as another part of something else; what is compiled is shared.
    #[must_use]
    pub fn named(&self, label: &str, part: &str) -> Self {
        Self {
            document: Arc::clone(&self.document),
            policy: Arc::new(self.policy.renamed(name(label, part))),
        }
    }

    /// How reports call what holds it: its name without the part.
    #[must_use]
    pub fn label(&self) -> &str {
        self.policy.name().split(PART).next().unwrap_or_default()
    }

    /// AWS's own policy that permits everything, `FullAWSAccess`.
    #[must_use]
    pub fn full_access() -> Self {
        static FULL: OnceLock<NamedPolicy> = OnceLock::new();
        let full = || {
            let mut statement = Statement::new(Effect::Allow);
            statement.actions = vec![Item::new("*")];
            statement.resources = vec![Item::new("*")];
            Self::new("FullAWSAccess", "content", Document::new([statement]))
        };
        FULL.get_or_init(full).clone()
    }
}

fn name(label: &str, part: &str) -> String {
    format!("{label}{PART}{part}")
}

/// A managed policy: one document that many principals may share.
pub struct ManagedPolicy {
    /// How reports call it.
    pub label: String,
    content: Later<Option<NamedPolicy>>,
    has_equivalent_versions: Later<bool>,
}

/// A value that is made on first use: most policies of an account are attached to nothing that matters.
type Later<T> = LazyLock<T, Box<dyn FnOnce() -> T + Send>>;

/// Managed policies by ARN.
pub type ManagedPolicies = BTreeMap<String, ManagedPolicy>;

impl ManagedPolicy {
    /// A managed policy whose document is read on first use; `None` where it cannot be read as a policy.
    #[must_use]
    pub fn new(
        label: impl Into<String>,
        read: impl FnOnce() -> Option<NamedPolicy> + Send + 'static,
    ) -> Self {
        Self {
            label: label.into(),
            content: LazyLock::new(Box::new(read)),
            has_equivalent_versions: LazyLock::new(Box::new(|| false)),
        }
    }

    /// The same policy, with a comparison of its versions that runs on first use.
    #[must_use]
    pub fn with_versions(self, are_equivalent: impl FnOnce() -> bool + Send + 'static) -> Self {
        Self { has_equivalent_versions: LazyLock::new(Box::new(are_equivalent)), ..self }
    }

    /// Whether all its versions are known to be equivalent, so that a new default version changes nothing.
    #[must_use]
    pub fn has_equivalent_versions(&self) -> bool {
        *self.has_equivalent_versions
    }

    /// Its document as a part of what it is attached to (`content`, `boundary`).
    #[must_use]
    pub fn part(&self, part: &str) -> Option<NamedPolicy> {
        self.content.as_ref().map(|content| content.named(&self.label, part))
    }
}

impl fmt::Debug for ManagedPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedPolicy").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Compiled levels for the judge.
#[must_use]
pub fn levels(chain: &[(String, Vec<NamedPolicy>)]) -> Vec<ChainLevel> {
    chain
        .iter()
        .map(|(target, policies)| ChainLevel {
            target: target.clone(),
            policies: policies.iter().map(|p| Arc::clone(&p.policy)).collect(),
        })
        .collect()
}
