//! The AWS halves of kinds, by the registration in `schema/kinds/mod.rs`.

use super::kind::{Bulk, KindProvider, ObservedProvider};

macro_rules! aws_halves {
    (
        managed { $($module:ident::{$($half:ident),*},)* }
        observed { $($seen:ident::{$($observed:ident),*},)* }
    ) => {
        $(pub(super) mod $module;)*
        $(pub(super) mod $seen;)*
        static KINDS: &[&dyn KindProvider] = &[$($(&$module::$half),*),*];
        static OBSERVED: &[&ObservedProvider] = &[$($(&$seen::$observed),*),*];
    };
}
crate::schema::kinds::every_kind!(aws_halves);

/// Every kind, managed or observed, and how its objects are read in bulk.
pub(super) fn registered() -> impl Iterator<Item = (&'static str, Bulk)> {
    let managed = KINDS.iter().map(|kind| (kind.kind(), kind.bulk()));
    managed.chain(OBSERVED.iter().map(|kind| (kind.kind, kind.bulk)))
}

/// Every managed kind.
pub(super) fn managed() -> impl Iterator<Item = &'static dyn KindProvider> {
    KINDS.iter().copied()
}

/// The kind of that name.
pub(super) fn kind(name: &str) -> Option<&'static dyn KindProvider> {
    let typed = KINDS.iter().copied().find(|kind| kind.kind() == name);
    typed.or_else(|| super::resources::kind(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Home;

    #[test]
    fn both_halves_have_one_name() {
        for (pure, aws) in crate::schema::kinds().iter().zip(KINDS) {
            assert_eq!(pure.schema().kind, aws.kind());
        }
        for (pure, aws) in crate::schema::observed().iter().zip(OBSERVED) {
            assert_eq!(pure.kind, aws.kind);
        }
    }

    #[test]
    fn a_kind_is_read_in_bulk_where_it_lives() {
        for (pure, aws) in crate::schema::kinds().iter().zip(KINDS) {
            let schema = pure.schema();
            let with_organization = matches!(aws.bulk(), Bulk::Tree | Bulk::Organization(_));
            assert_eq!(schema.home == Home::Organization, with_organization, "{}", schema.kind);
        }
    }
}
