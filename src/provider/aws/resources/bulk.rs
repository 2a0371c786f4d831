//! Reads the objects of resource types that an estate is about: one list a type, and single reads of what a list leaves out.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};

use super::kind;
use super::model::Model;
use super::request::SERVICE;
use crate::provider::aws::session::Session;
use crate::provider::{Failure, Inventory, LiveObject, ProviderError, SoughtResources};
use crate::resource_types::{self, Handler, TypeSchema};

/// Reads everything that is sought. A type that cannot be read is noted.
pub(in crate::provider::aws) async fn read(
    session: &Session,
    sought: &SoughtResources,
) -> Result<Inventory, ProviderError> {
    let mut reads = Vec::new();
    for (name, regions) in sought {
        let Some(ty) = resource_types::find(name).and_then(|entry| entry.load()) else { continue };
        for (region, keys) in regions {
            let region = region.as_deref().unwrap_or(&session.region);
            reads.push(async move { (ty, of_type(session, region, ty, keys).await) }.boxed());
        }
    }
    let mut answers = stream::iter(reads).buffer_unordered(session.options.concurrency);
    let mut inventory = Inventory::default();
    inventory.complete.extend(sought.keys());
    while let Some((ty, read)) = answers.next().await {
        match read {
            Ok(objects) => {
                for object in objects {
                    inventory.objects.insert((object.kind, object.key.clone()), object);
                }
            }
            Err(error)
                if error.failure == Failure::AccessDenied
                    || error.is_garbled()
                    || error.failure == Failure::NotImplemented =>
            {
                let why = error.to_string();
                inventory.complete.remove(ty.name.as_str());
                if error.failure == Failure::NotImplemented {
                    inventory.unimplemented.insert(&ty.name);
                }
                inventory.unread.insert(&ty.name, why.clone());
                inventory.advice.extend(error.unread_advice().map(|advice| (why, advice)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(inventory)
}

/// The objects of one type: those of a list, each with all that is said of it, and those that no list tells.
async fn of_type(
    session: &Session,
    region: &str,
    ty: &'static TypeSchema,
    keys: &BTreeMap<String, BTreeSet<String>>,
) -> Result<Vec<LiveObject>, ProviderError> {
    let list = ty.handlers.get(&Handler::List);
    let asks_for_parent = |schema: &serde_json::Value| {
        ["required", "oneOf", "anyOf"].iter().any(|word| {
            schema.get(word).and_then(|told| told.as_array()).is_some_and(|told| !told.is_empty())
        })
    };
    let can_be_listed =
        list.is_some_and(|list| !list.handler_schema.as_ref().is_some_and(asks_for_parent));
    let mut objects = Vec::new();
    let mut missing: BTreeSet<&str> = keys.keys().map(String::as_str).collect();
    if can_be_listed {
        let listed = listed(session, region, ty).await?;
        let mut found = BTreeSet::new();
        for (id, properties) in listed {
            let object = Model(ty).object(session, region, &id, &properties)?;
            let is_whole =
                |said: &BTreeSet<String>| said.iter().all(|name| object.attrs.contains_key(name));
            if keys.get(&object.key).is_none_or(is_whole) {
                missing.remove(object.key.as_str());
                objects.push(object);
            } else {
                found.insert(object.key);
            }
        }
        // What a list does not tell is not there.
        missing.retain(|key| found.contains(*key));
    }
    let Some(provider) = kind(&ty.name) else { return Ok(objects) };
    let reads: Vec<_> = missing.into_iter().map(|key| provider.read(session, key)).collect();
    let mut answers = stream::iter(reads).buffer_unordered(session.options.concurrency);
    while let Some(read) = answers.next().await {
        objects.extend(read?);
    }
    Ok(objects)
}

/// Identifiers and models of all objects of a type, as a list tells them.
pub(super) async fn listed(
    session: &Session,
    region: &str,
    ty: &TypeSchema,
) -> Result<Vec<(String, String)>, ProviderError> {
    let mut pages =
        session.cloudcontrol(region).list_resources().type_name(&ty.name).into_paginator().send();
    let mut all = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(session.error(SERVICE, "ListResources"))?;
        for description in page.resource_descriptions() {
            if let Some(id) = description.identifier() {
                all.push((id.to_owned(), description.properties().unwrap_or("{}").to_owned()));
            }
        }
    }
    Ok(all)
}
