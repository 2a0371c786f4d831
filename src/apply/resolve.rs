//! The secrets of one object, right before the call that writes them: their values for the call, the
//! versions of their sources for the record.

use std::collections::BTreeMap;

use super::seams::Secrets;
use super::worker::OperationFailure;
use crate::diag::Diagnostic;
use crate::difference;
use crate::value::{Attrs, Value};

/// Desired attributes with secrets in them.
#[derive(Default)]
pub(super) struct Real {
    pub(super) attrs: Attrs,
    /// The versions that the secrets were read from, by reference.
    pub(super) versions: BTreeMap<String, i64>,
}

/// Reads the secrets among desired attributes. `seen` are the versions that the plan saw: who approved
/// it approved these.
///
/// # Errors
/// A source cannot be read, for which whatever stands in the way of this run is the reason and no release that it
/// carries out; or it has moved since the plan was made.
pub(super) async fn real(
    secrets: &dyn Secrets,
    seen: &BTreeMap<String, i64>,
    wanted: &Attrs,
) -> Result<Real, OperationFailure> {
    let mut real = Real::default();
    for (name, value) in wanted {
        let Value::Secret(reference) = value.reveal() else {
            real.attrs.insert(name.clone(), value.clone());
            continue;
        };
        let secret = secrets.resolve(reference).await.map_err(OperationFailure::outage)?;
        if let Some(now) = secret.version {
            if let Some(then) = seen.get(reference).filter(|then| **then != now) {
                let moved = Diagnostic::error(difference::moved(reference, *then, now))
                    .detail("It moved after the plan was made, so nothing was written.")
                    .help("plan again: the plan shows which version is applied");
                return Err(OperationFailure::certain(moved));
            }
            real.versions.insert(reference.clone(), now);
        }
        real.attrs.insert(name.clone(), Value::string(secret.text).sensitive());
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::super::seams::SecretValue;
    use super::*;

    /// A source at version 4.
    struct Vault;

    #[async_trait]
    impl Secrets for Vault {
        async fn resolve(&self, _reference: &str) -> Result<SecretValue, Diagnostic> {
            Ok(SecretValue { text: "in-the-open".to_owned(), version: Some(4) })
        }
    }

    /// A source that does not answer.
    struct Silent;

    #[async_trait]
    impl Secrets for Silent {
        async fn resolve(&self, _reference: &str) -> Result<SecretValue, Diagnostic> {
            Err(Diagnostic::error("the session of the credentials has expired"))
        }
    }

    #[tokio::test]
    async fn a_source_that_cannot_be_read_is_no_failure_of_what_is_released() {
        let wanted = Attrs::from([("value".to_owned(), Value::Secret("ssm:/x".to_owned()))]);
        let failed = real(&Silent, &BTreeMap::new(), &wanted).await.err().unwrap();
        assert!(failed.outage && !failed.uncertain);
    }

    #[tokio::test]
    async fn a_version_that_the_plan_did_not_see_is_not_written() {
        let reference = "ssm:/x".to_owned();
        let wanted = Attrs::from([
            ("name".to_owned(), "/acme/x".into()),
            ("value".to_owned(), Value::Secret(reference.clone())),
        ]);
        let seen = |version| BTreeMap::from([(reference.clone(), version)]);
        let same = real(&Vault, &seen(4), &wanted).await.ok().unwrap();
        assert_eq!(same.versions, seen(4));
        assert_eq!(same.attrs.get("value").unwrap().as_str(), Some("in-the-open"));
        assert_eq!(same.attrs.get("name"), wanted.get("name"));
        // Where the plan could not ask, it is verified here alone.
        assert_eq!(real(&Vault, &BTreeMap::new(), &wanted).await.ok().unwrap().versions, seen(4));

        let other = real(&Vault, &seen(3), &wanted).await.err().unwrap();
        assert!(!other.outage, "what was approved is not what would be written");
        let other = other.why;
        assert_eq!(other.summary, "the source ssm:/x moved from version 3 to 4");
        assert!(!format!("{other:?}").contains("in-the-open"));
    }
}
