//! Reads the objects of resource types that an estate is about: one list a type, and single reads of what a list leaves out.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};

use super::kind;
use super::model::Model;
use super::request::SERVICE;
use crate::provider::aws::session::Session;
use crate::provider::{
    Failure, Inventory, LiveObject, ProviderError, SoughtObjects, SoughtResources,
};
use crate::resource_types::{self, Handler, TypeSchema};

/// Reads everything that is sought. A type that cannot be read is noted.
pub(in crate::provider::aws) async fn read(
    session: &Session,
    sought: &SoughtResources,
) -> Result<Inventory, ProviderError> {
    let mut reads = Vec::new();
    for (name, regions) in sought {
        let Some(ty) = resource_types::find(name).and_then(|entry| entry.load()) else { continue };
        for (region, objects) in regions {
            let region = region.as_deref().unwrap_or(&session.region);
            let read = of_type(session, region, ty, objects);
            reads.push(async move { (ty, region, read.await) }.boxed());
        }
    }
    let mut answers = stream::iter(reads).buffer_unordered(session.options.concurrency);
    let mut inventory = Inventory::default();
    inventory.complete.extend(sought.keys());
    while let Some((ty, region, read)) = answers.next().await {
        match read {
            Ok(objects) => {
                for object in objects {
                    inventory.objects.insert((object.kind, object.key.clone()), object);
                }
            }
            Err(error)
                if error.failure == Failure::CannotAssume
                    || error.failure == Failure::Credentials && region == session.region =>
            {
                return Err(error);
            }
            // A Region that is not enabled, or that lacks the type, says nothing of the others.
            Err(error) => {
                let why = match region == session.region {
                    true => error.to_string(),
                    false => format!("{region}: {error}"),
                };
                inventory.complete.remove(ty.name.as_str());
                if error.failure == Failure::NotImplemented {
                    inventory.unimplemented.insert(&ty.name);
                }
                // Of several Regions the first by name, whichever answers first.
                let first = inventory.unread.get(ty.name.as_str()).is_none_or(|known| why < *known);
                if !first {
                    continue;
                }
                inventory.unread.insert(&ty.name, why.clone());
                inventory.advice.extend(error.unread_advice().map(|advice| (why, advice)));
            }
        }
    }
    Ok(inventory)
}

/// The objects of one type: those of a list, each with all that is said of it, and those that no list tells.
async fn of_type(
    session: &Session,
    region: &str,
    ty: &'static TypeSchema,
    sought: &SoughtObjects,
) -> Result<Vec<LiveObject>, ProviderError> {
    let mut objects = Vec::new();
    let mut missing: BTreeSet<String> = sought.said.keys().cloned().collect();
    if ty.handlers.contains_key(&Handler::List) && ty.needed_for_lists().is_empty() {
        let listed = listed(session, region, ty).await?;
        let mut found = BTreeSet::new();
        for (id, properties) in listed {
            let object = Model(ty).object(session, region, &id, &properties)?;
            let is_whole =
                |said: &BTreeSet<String>| said.iter().all(|name| object.attrs.contains_key(name));
            match sought.said.get(&object.key) {
                Some(said) if is_whole(said) => objects.push(object),
                Some(_) => _ = found.insert(object.key),
                None if sought.others => _ = found.insert(object.key),
                None => objects.push(object),
            }
        }
        // What a list does not tell is not there.
        missing = found;
    }
    let Some(provider) = kind(&ty.name) else { return Ok(objects) };
    let reads: Vec<_> = missing.iter().map(|key| provider.read(session, key)).collect();
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
