//! The accounts of an estate: each with its handle, its id and how it is entered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::environments::reference::region_of;
use crate::eval::estate::{Account, Estate, Instance};
use crate::eval::evaluator::Evaluator;
use crate::eval::instances::object::ExpandedInstance;
use crate::ids::Handle;
use crate::schema::{Body, Spanned};
use crate::value::{Sorted, Value};

impl<'c> Evaluator<'c> {
    pub(super) fn accounts(
        &self,
        objects: &[Arc<ExpandedInstance<'c>>],
        estate: &mut Estate,
        errors: &mut Diagnostics,
    ) {
        let mut first: BTreeMap<Handle, Arc<ExpandedInstance<'c>>> = BTreeMap::new();
        for object in objects {
            let Some(handle) = &object.handle else { continue };
            if let Some(other) = first.get(handle) {
                errors.push(
                    Diagnostic::error(format!(
                        "two accounts have the handle `{handle}`: `{}` and `{}`",
                        other.address, object.address
                    ))
                    .at(object.decl.label.loc.clone())
                    .related(other.decl.label.loc.clone(), "the other one")
                    .help("an account's handle is its label (with its key), unique in the estate, modules included"),
                );
                continue;
            }
            first.insert(handle.clone(), Arc::clone(object));
            match self.account(handle, object) {
                Ok(account) => {
                    estate.accounts.insert(handle.clone(), account);
                }
                Err(more) => errors.extend(more),
            }
        }
    }

    pub(super) fn account(
        &self,
        handle: &Handle,
        object: &Arc<ExpandedInstance<'c>>,
    ) -> Result<Account, Diagnostics> {
        let loc = object.decl.loc.clone();
        let mut errors = Diagnostics::new();
        let mut text = |name: &str| -> Option<Spanned<Value>> {
            match self.object_attr(object, name, &loc) {
                Ok(value) if value.is_null() => None,
                Ok(value) => {
                    let loc = object.decl.body.get(name).map_or_else(|| loc.clone(), |e| e.loc());
                    Some(Spanned { value, loc })
                }
                Err(more) => {
                    errors.extend(more);
                    None
                }
            }
        };
        let string =
            |value: Option<Spanned<Value>>| value.and_then(|v| v.value.as_str().map(str::to_owned));
        let id = text("id");
        let name = string(text("name"));
        let access_role = string(text("access_role"));
        let read_role = string(text("read_role"));
        let endpoint_url = string(text("endpoint_url"));
        let region = text("region");
        let id = match id.as_ref().map(|v| (v.value.as_str().map(str::parse), &v.loc)) {
            Some((Some(Ok(id)), _)) => Some(id),
            Some((Some(Err(error)), loc)) => {
                let error: crate::ids::IdError = error;
                errors.push(Diagnostic::error(error.to_string()).at(loc.clone()));
                None
            }
            _ => None,
        };
        let mut body = Body { loc: loc.clone(), attrs: Sorted::new(), blocks: Vec::new() };
        body.attrs.extend(region.map(|r| ("region".to_owned(), r)));
        let region = region_of(&body, &mut errors);
        errors.into_result(Account {
            handle: handle.clone(),
            address: object.address.clone(),
            id,
            name: name.unwrap_or_else(|| handle.to_string()),
            access_role,
            read_role,
            endpoint_url,
            region,
            environments: BTreeSet::new(),
            loc,
        })
    }

    /// Fills in the environments that an instance belongs to.
    pub(super) fn serve(
        &self,
        instance: &mut Instance,
        object: &ExpandedInstance<'c>,
        estate: &Estate,
    ) {
        if !instance.environments.is_empty() {
            return;
        }
        let handle = object.handle.as_ref().or(object.address.account());
        if let Some(account) = handle.and_then(|h| estate.accounts.get(h)) {
            instance.environments = account.environments.clone();
        }
    }
}
