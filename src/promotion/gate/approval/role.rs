//! The role behind a session: its path and its trust policy, which no answer of STS tells.

use crate::difference::policies::document;
use crate::iam::Document;
use crate::schema::{KindSchema, PrincipalDeclaration, kinds, observed};
use crate::value::{Attrs, Value};

use super::principals::{NamePattern, PrincipalSet, sessions_of};

/// A role as AWS holds it.
#[derive(Clone, Debug)]
pub(super) struct SessionRole {
    /// With its path.
    pub(super) arn: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) trust: Document,
}

impl SessionRole {
    /// # Errors
    /// Its trust policy is not there, or cannot be read.
    pub(super) fn read(attrs: &Attrs) -> Result<Self, String> {
        let (_, principal) = assumable().ok_or("no kind of object is assumed")?;
        let trust = principal.trust.and_then(|trust| attrs.get(trust)).and_then(document);
        Ok(Self {
            arn: text(attrs, "arn").to_owned(),
            path: text(attrs, "path").to_owned(),
            id: text(attrs, principal.unique_id).to_owned(),
            trust: trust.ok_or("its trust policy is no policy document")?,
        })
    }

    /// All sessions of it.
    pub(super) fn principals(&self) -> PrincipalSet {
        PrincipalSet::one(vec![NamePattern::exact(&self.arn)], sessions_of(&self.id))
    }
}

/// An attribute that is a text.
pub(super) fn text<'a>(attrs: &'a Attrs, name: &str) -> &'a str {
    attrs.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The kind whose objects call by themselves, and its attribute with the unique id.
pub(super) fn users() -> Option<(&'static str, &'static str)> {
    observed().iter().find_map(|seen| {
        let principal = seen.access.principal()?;
        principal.trust.is_none().then_some((seen.kind, principal.unique_id))
    })
}

/// The kind whose objects are assumed, and how it says who they are.
pub(super) fn assumable() -> Option<(&'static KindSchema, PrincipalDeclaration)> {
    let mut schemas = kinds().iter().map(|kind| kind.schema());
    let schema = schemas.find(|schema| schema.meaning.access.is_assumable())?;
    Some((schema, schema.meaning.access.principal()?))
}
