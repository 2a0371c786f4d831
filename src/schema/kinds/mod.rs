//! The registration of kinds, and the tables made of it.
//!
//! A kind is one file here, one file of the same name in `provider/aws/kinds`, and one line in
//! [`every_kind`]. The line declares both files as modules and names what each holds, so a half that is
//! missing does not compile. `cargo fmt` does not follow modules that a macro declares:
//! `cargo fmt -- src/schema/kinds/*.rs src/provider/aws/kinds/*.rs` does.

use super::access::AccessPart;
use super::observed::Observed;
use super::pure_half::ManagedKind;

/// Every kind, in the order in which the docs show them: the file of its two halves, and what they are
/// called there (kinds that differ in a name and in what their documents say share a file). `$table` is the macro that
/// declares one of the halves and makes a table of it.
macro_rules! every_kind {
    ($table:ident) => {
        $table! {
            managed {
                organization::{Organization},
                organizational_unit::{OrganizationalUnit},
                account::{Account},
                org_policy::{SERVICE_CONTROL_POLICY, RESOURCE_CONTROL_POLICY, ORGANIZATION_POLICY},
                iam_role::{IamRole},
                iam_policy::{IamPolicy},
                iam_oidc_provider::{IamOidcProvider},
                s3_bucket::{S3Bucket},
                account_baseline::{AccountBaseline},
                config::{Config},
            }
            observed {
                iam_group::{IAM_GROUP},
                iam_user::{IAM_USER},
            }
        }
    };
}
pub(crate) use every_kind;

macro_rules! pure_halves {
    (
        managed { $($module:ident::{$($half:ident),*},)* }
        observed { $($seen:ident::{$($declaration:ident),*},)* }
    ) => {
        $(pub(super) mod $module;)*
        $(pub(super) mod $seen;)*
        static KINDS: &[&dyn ManagedKind] = &[$($(&$module::$half),*),*];
        static OBSERVED: &[Observed] = &[$($($seen::$declaration),*),*];
    };
}
every_kind!(pure_halves);

/// Every managed kind, in the order in which the docs show them.
#[must_use]
pub fn kinds() -> &'static [&'static dyn ManagedKind] {
    KINDS
}

/// Every kind that is read and not managed.
#[must_use]
pub fn observed() -> &'static [Observed] {
    OBSERVED
}

/// The kind of that name: one of [`kinds`], or an AWS resource type.
#[must_use]
pub fn kind(name: &str) -> Option<&'static dyn ManagedKind> {
    let typed = kinds().iter().copied().find(|kind| kind.schema().kind == name);
    typed.or_else(|| super::resource::kind(name))
}

/// The part that objects of a kind play in who may do what, whether the kind is managed or only read;
/// `None` for a kind that is neither.
#[must_use]
pub fn access_of(name: &str) -> Option<AccessPart> {
    let read_only = || OBSERVED.iter().find(|o| o.kind == name).map(|o| o.access);
    kind(name).map(|kind| kind.schema().meaning.access).or_else(read_only)
}

/// The kind whose objects have ARNs of a service with such a resource: `iam` and `role/ci` are a role's.
#[must_use]
pub fn kind_of_arn(service: &str, resource: &str) -> Option<&'static str> {
    let managed = kinds().iter().map(|k| (k.schema().kind, k.schema().meaning.arn));
    let mut forms = managed.chain(OBSERVED.iter().map(|o| (o.kind, o.arn)));
    forms.find_map(|(kind, form)| {
        let form = form?;
        (form.service == service && resource.starts_with(form.resource)).then_some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{BlockSchema, Home};

    #[test]
    fn declarations_are_sound() {
        fn block(kind: &str, schema: &BlockSchema) {
            let mut names: Vec<&str> = schema
                .attrs
                .iter()
                .map(|a| a.name)
                .chain(schema.blocks.iter().map(|b| b.name))
                .collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{kind}: an attribute is declared twice");
            for attr in schema.attrs {
                assert!(attr.doc.ends_with('.'), "{kind}.{}: {}", attr.name, attr.doc);
            }
            for nested in schema.blocks {
                assert!(nested.doc.ends_with('.'), "{kind}.{}: {}", nested.name, nested.doc);
                block(kind, nested.block);
            }
        }
        let mut seen = Vec::new();
        for kind in kinds() {
            let schema = kind.schema();
            assert!(!seen.contains(&schema.kind), "{}", schema.kind);
            seen.push(schema.kind);
            assert!(schema.source.starts_with("https://docs.aws.amazon.com/"), "{}", schema.kind);
            assert!(
                schema.home == Home::Account
                    || schema.meaning.access.is_organization()
                    || schema.after == [organization::KIND]
            );
            block(schema.kind, &schema.block);
        }
        assert!(kind("iam_role").is_some() && kind("iam_rôle").is_none());
    }
}
