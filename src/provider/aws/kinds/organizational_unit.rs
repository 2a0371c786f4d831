//! Organizational units: the calls.

use async_trait::async_trait;
use aws_sdk_organizations::types;

use crate::provider::aws::actions::{KindActions, strings};
use crate::provider::aws::kind::{Bulk, KindProvider, OrAbsent, Wanted, attrs, live, optional};
use crate::provider::aws::organization_read::{self, node_id, node_name};
use crate::provider::aws::organization_tags::{self, to_tags};
use crate::provider::aws::session::Session;
use crate::provider::{LiveObject, ProviderError, ProviderStep};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "organizational_unit";

/// The AWS half.
pub(in crate::provider::aws) struct OrganizationalUnit;

#[async_trait]
impl KindProvider for OrganizationalUnit {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Tree
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&[]),
            reads: strings(&[
                "organizations:DescribeOrganizationalUnit",
                "organizations:ListParents",
            ]),
            marks: strings(&[]),
            changes: strings(&[
                "organizations:CreateOrganizationalUnit",
                "organizations:DeleteOrganizationalUnit",
                "organizations:TagResource",
                "organizations:UntagResource",
                "organizations:UpdateOrganizationalUnit",
            ]),
            conditional: &[],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let answer = session
            .organizations()
            .create_organizational_unit()
            .parent_id(node_id(session, want.text("parent")?).await?)
            .name(want.text("name")?)
            .set_tags(to_tags(want.after("tags")))
            .send()
            .await
            .map_err(session.error("organizations", "CreateOrganizationalUnit"))?;
        let unit = answer.organizational_unit();
        Ok(want.done([
            ("id", optional(unit.and_then(|u| u.id()))),
            ("arn", optional(unit.and_then(|u| u.arn()))),
        ]))
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(session, step);
        let id = want.text("id")?;
        if want.changes("name") {
            session
                .organizations()
                .update_organizational_unit()
                .organizational_unit_id(id)
                .name(want.text("name")?)
                .send()
                .await
                .map_err(session.error("organizations", "UpdateOrganizationalUnit"))?;
        }
        organization_tags::change(session, id, &want).await?;
        Ok(want.done([]))
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        let gone = session
            .organizations()
            .delete_organizational_unit()
            .organizational_unit_id(want.text("id")?)
            .send()
            .await
            .map_err(session.error("organizations", "DeleteOrganizationalUnit"))
            .absent();
        match gone {
            Err(error) if error.code.as_deref() == Some("OrganizationalUnitNotEmptyException") => {
                Err(ProviderError {
                    message: "the unit still holds accounts or units: move them first".to_owned(),
                    ..error
                })
            }
            gone => gone.map(|_| ()),
        }
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        by_key(session, key).await
    }
}

/// A unit as AWS lists it, with what it does not list.
pub(in crate::provider::aws) fn object(
    unit: &types::OrganizationalUnit,
    parent: &str,
    tags: Value,
) -> Option<LiveObject> {
    live(
        KIND,
        attrs([
            ("name", optional(unit.name())),
            ("parent", node_name(parent).into()),
            ("tags", tags),
            ("id", optional(unit.id())),
            ("arn", optional(unit.arn())),
        ]),
    )
}

/// A unit by its id, or by its parent and name.
async fn by_key(session: &Session, key: &str) -> Result<Option<LiveObject>, ProviderError> {
    let (found, parent) = match key.split_once('/') {
        None => {
            let answer = session
                .organizations()
                .describe_organizational_unit()
                .organizational_unit_id(key)
                .send()
                .await
                .map_err(session.error("organizations", "DescribeOrganizationalUnit"))
                .absent()?;
            let Some(found) = answer.and_then(|a| a.organizational_unit) else { return Ok(None) };
            let parent = organization_read::parent(session, key).await?;
            (found, parent)
        }
        Some((parent, name)) => {
            let units = session
                .organizations()
                .list_organizational_units_for_parent()
                .parent_id(node_id(session, parent).await?)
                .into_paginator()
                .send()
                .try_collect()
                .await
                .map_err(session.error("organizations", "ListOrganizationalUnitsForParent"))
                .absent()?;
            let found = units
                .into_iter()
                .flatten()
                .flat_map(|page| page.organizational_units.unwrap_or_default())
                .find(|u| u.name() == Some(name));
            let Some(found) = found else { return Ok(None) };
            (found, parent.to_owned())
        }
    };
    let tags = organization_tags::read(session, found.id().unwrap_or_default()).await?;
    Ok(object(&found, &parent, tags))
}
