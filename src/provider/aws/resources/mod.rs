//! Objects of any AWS resource type, through Cloud Control: every change is a request that is asked for, and then waited for
//! (Cloud Control API User Guide, "Managing resource operation requests").

mod bulk;
mod model;
mod patch;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

use async_trait::async_trait;
use aws_sdk_cloudcontrol::types::{Operation, OperationStatus, ResourceRequestStatusFilter};

use super::actions::{KindActions, ServedBy, unique};
use super::errors;
use super::kind::{
    Bulk, BulkReader, BulkReading, BulkScope, KindProvider, OrAbsent, Wanted, optional,
};
use super::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep, REQUEST};
use crate::resource_types::{self, Handler, TypeSchema};
use crate::schema::ownership::owner;
use crate::schema::resource::{REGION, in_region, with_region};
use crate::value::{Attrs, Value};
use model::Model;
use request::SERVICE;

pub(super) use bulk::read;

/// The AWS half of a resource type.
pub(super) struct ResourceProvider {
    ty: &'static TypeSchema,
}

/// The AWS half of a resource type; `None` where there is no such type.
pub(super) fn kind(name: &str) -> Option<&'static dyn KindProvider> {
    static KINDS: LazyLock<BTreeMap<&'static str, OnceLock<Option<ResourceProvider>>>> =
        LazyLock::new(|| {
            resource_types::entries()
                .iter()
                .map(|entry| (entry.name.as_str(), OnceLock::new()))
                .collect()
        });
    let made = name.contains("::").then(|| KINDS.get(name)).flatten()?;
    let load = || Some(ResourceProvider { ty: resource_types::find(name)?.load()? });
    let kind = made.get_or_init(load).as_ref()?;
    Some(kind)
}

/// Where an object is: what its attributes say, or the account's own region.
fn region_of<'a>(session: &'a Session, attrs: &'a Attrs) -> &'a str {
    attrs.get(REGION).and_then(Value::as_str).unwrap_or(&session.region)
}

/// Where an object is that a step is about. A step that has no wish deletes it where it was.
fn wanted_region<'a>(session: &'a Session, want: &Wanted<'a>) -> &'a str {
    let said = want.after(REGION).as_str().or_else(|| want.before(REGION).as_str());
    said.unwrap_or(&session.region)
}

#[async_trait]
impl KindProvider for ResourceProvider {
    fn kind(&self) -> &'static str {
        &self.ty.name
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Account(self)
    }

    /// Cloud Control calls a type's handlers with the credentials of its caller (Cloud Control API User Guide, "Specifying
    /// credentials"), so that its actions and those of the handlers are asked for.
    fn actions(&self) -> KindActions {
        let of = |handlers: &[Handler]| {
            let listed = handlers.iter().filter_map(|handler| self.ty.handlers.get(handler));
            unique(listed.flat_map(|handler| &handler.permissions))
        };
        let reads = [Handler::Read, Handler::List];
        let mut changes = of(&[Handler::Create, Handler::Update, Handler::Delete]);
        if self.ty.tag_property().is_some() {
            changes = unique(changes.iter().chain(&self.ty.tagging.permissions));
        }
        KindActions {
            bulk: of(&reads),
            reads: of(&reads),
            marks: BTreeSet::new(),
            changes,
            conditional: &[],
            served_by: Some(ServedBy {
                reads: &["cloudformation:GetResource", "cloudformation:ListResources"],
                changes: &[
                    "cloudformation:CreateResource",
                    "cloudformation:DeleteResource",
                    "cloudformation:GetResourceRequestStatus",
                    "cloudformation:ListResourceRequests",
                    "cloudformation:UpdateResource",
                ],
            }),
        }
    }

    /// Cloud Control repeats a request with the same client token for 36 hours; the SDK makes one for each call, which its own
    /// attempts share.
    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let after = step.after.clone().unwrap_or_default();
        let region = region_of(session, &after);
        let answer = session
            .cloudcontrol(region)
            .create_resource()
            .type_name(&self.ty.name)
            .desired_state(Model(self.ty).to_json(&after).to_string())
            .send()
            .await
            .map_err(session.error(SERVICE, "CreateResource"))?;
        let event = answer.progress_event();
        request::failed(session, "CreateResource", event)?;
        Ok(want.done([(REQUEST, optional(event.and_then(|event| event.request_token())))]))
    }

    async fn wait(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let token = step.target.as_deref().or_else(|| want.after(REQUEST).as_str());
        let region = wanted_region(session, &want);
        let id = match token {
            Some(token) => request::finished(session, region, "CreateResource", token).await?,
            // A creation whose answer was lost has been found by what it made.
            None => want.text("id")?.to_owned(),
        };
        let mut attrs = self.settled(session, &want, &id).await?;
        attrs.remove(REQUEST);
        Ok(attrs)
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let id = want.text("id")?;
        let (before, after) =
            (step.before.clone().unwrap_or_default(), step.after.clone().unwrap_or_default());
        let operations = patch::operations(self.ty, &before, &after, &step.changed);
        if !operations.is_empty() {
            let region = wanted_region(session, &want);
            let answer = session
                .cloudcontrol(region)
                .update_resource()
                .type_name(&self.ty.name)
                .identifier(id)
                .patch_document(serde_json::Value::Array(operations).to_string())
                .send()
                .await
                .map_err(session.error(SERVICE, "UpdateResource"))?;
            request::ended(session, region, "UpdateResource", answer.progress_event()).await?;
        }
        self.settled(session, &want, id).await
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let region = wanted_region(session, &want);
        let answer = session
            .cloudcontrol(region)
            .delete_resource()
            .type_name(&self.ty.name)
            .identifier(want.text("id")?)
            .send()
            .await
            .map_err(session.error(SERVICE, "DeleteResource"))
            .absent()?;
        let Some(answer) = answer else { return Ok(()) };
        // That it is gone already ends the request as failed, with the service's own words.
        request::ended(session, region, "DeleteResource", answer.progress_event())
            .await
            .absent()
            .map(|_| ())
    }

    /// By its identifier where that is known, else by its ownership tag.
    async fn find_creation(
        &self,
        session: &Session,
        after: &Attrs,
        since: i64,
    ) -> Result<Option<Attrs>, ProviderError> {
        let found = match crate::schema::kind(self.kind()).and_then(|kind| kind.natural_key(after))
        {
            Some(id) => self.read(session, &id).await?,
            None => self.marked(session, region_of(session, after), owner(after)).await?,
        };
        if let Some(live) = found {
            let ours = owner(after);
            return match owner(&live.attrs) {
                mark if mark == ours || ours.is_none() => Ok(Some(live.attrs)),
                _ => Ok(None),
            };
        }
        if self.is_being_created(session, region_of(session, after), since).await? {
            return Err(ProviderError {
                failure: Failure::NotYetVisible,
                ..errors::refuse(
                    SERVICE,
                    "ListResourceRequests",
                    &session.account,
                    format!("an object of `{}` is still being created", self.ty.name),
                )
            });
        }
        Ok(None)
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let (id, region) = in_region(key);
        let region = region.unwrap_or(&session.region);
        let answer = session
            .cloudcontrol(region)
            .get_resource()
            .type_name(&self.ty.name)
            .identifier(id)
            .send()
            .await
            .map_err(session.error(SERVICE, "GetResource"))
            .absent()?;
        let Some(description) = answer.and_then(|answer| answer.resource_description) else {
            return Ok(None);
        };
        let id = description.identifier().unwrap_or(id);
        let properties = description.properties().unwrap_or("{}");
        Model(self.ty).object(session, region, id, properties).map(Some)
    }
}

impl ResourceProvider {
    /// The object as it is once a request is through, with what of it is never read back.
    async fn settled(
        &self,
        session: &Session,
        want: &Wanted<'_>,
        id: &str,
    ) -> Result<Attrs, ProviderError> {
        let key = with_region(id, wanted_region(session, want));
        let live = session
            .settle(|| async {
                self.read(session, &key).await?.ok_or_else(|| ProviderError {
                    failure: Failure::NotYetVisible,
                    ..errors::refuse(
                        SERVICE,
                        "GetResource",
                        &session.account,
                        format!("`{id}` was made and cannot be read yet"),
                    )
                })
            })
            .await?;
        let mut attrs = want.done([]);
        attrs.extend(live.attrs);
        Ok(attrs)
    }

    /// The object that bears an ownership tag.
    async fn marked(
        &self,
        session: &Session,
        region: &str,
        mark: Option<&str>,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let (Some(mark), true) = (mark, self.ty.handlers.contains_key(&Handler::List)) else {
            return Ok(None);
        };
        for (id, properties) in bulk::listed(session, region, self.ty).await? {
            let told = Model(self.ty).object(session, region, &id, &properties)?;
            let object = match told.attrs.contains_key("tags") {
                true => Some(told),
                false => self.read(session, &with_region(&id, region)).await?,
            };
            if let Some(object) = object.filter(|object| owner(&object.attrs) == Some(mark)) {
                return Ok(Some(object));
            }
        }
        Ok(None)
    }

    async fn is_being_created(
        &self,
        session: &Session,
        region: &str,
        since: i64,
    ) -> Result<bool, ProviderError> {
        let filter = ResourceRequestStatusFilter::builder()
            .operations(Operation::Create)
            .operation_statuses(OperationStatus::Pending)
            .operation_statuses(OperationStatus::InProgress)
            .build();
        let mut pages = session
            .cloudcontrol(region)
            .list_resource_requests()
            .resource_request_status_filter(filter)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(session.error(SERVICE, "ListResourceRequests"))?;
            // AWS rounds, and clocks differ by a little.
            let recent = page.resource_request_status_summaries().iter().any(|event| {
                event.type_name() == Some(&self.ty.name)
                    && event.event_time().is_none_or(|time| time.secs() + 300 >= since)
            });
            if recent {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl BulkReader for ResourceProvider {
    /// Objects of resource types are read by what is sought of them ([`read`]), not whole kinds at a time.
    async fn everything(&self, _session: &Session, _scope: &BulkScope<'_>) -> BulkReading {
        Ok((Vec::new(), BTreeMap::new()))
    }
}
