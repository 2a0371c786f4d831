//! Organizational units: the calls.

use async_trait::async_trait;

use super::clients::Session;
use super::kind::{Absent, Bulk, KindProvider, Wanted, optional};
use super::organization_read::{self, node_id};
use super::organization_tags::{self, to_tags};
use crate::provider::{LiveObject, ProviderError, Step};
use crate::value::Attrs;

/// Its name.
pub(super) const KIND: &str = "organizational_unit";

/// The AWS half.
pub(super) struct OrganizationalUnit;

#[async_trait]
impl KindProvider for OrganizationalUnit {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&self) -> Bulk {
        Bulk::Organization
    }

    async fn create(&self, cx: &Session, step: &Step) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(cx, step);
        let answer = cx
            .organizations()
            .create_organizational_unit()
            .parent_id(node_id(cx, want.text("parent")?).await?)
            .name(want.text("name")?)
            .set_tags(to_tags(want.after("tags")))
            .send()
            .await
            .map_err(cx.error("organizations", "CreateOrganizationalUnit"))?;
        let unit = answer.organizational_unit();
        Ok(want.done([
            ("id", optional(unit.and_then(|u| u.id()))),
            ("arn", optional(unit.and_then(|u| u.arn()))),
        ]))
    }

    async fn update(&self, cx: &Session, step: &Step) -> Result<Attrs, ProviderError> {
        let want = Wanted::new(cx, step);
        let id = want.text("id")?;
        if want.changes("name") {
            cx.organizations()
                .update_organizational_unit()
                .organizational_unit_id(id)
                .name(want.text("name")?)
                .send()
                .await
                .map_err(cx.error("organizations", "UpdateOrganizationalUnit"))?;
        }
        organization_tags::change(cx, id, &want).await?;
        Ok(want.done([]))
    }

    async fn delete(&self, cx: &Session, step: &Step) -> Result<(), ProviderError> {
        let want = Wanted::new(cx, step);
        let gone = cx
            .organizations()
            .delete_organizational_unit()
            .organizational_unit_id(want.text("id")?)
            .send()
            .await
            .map_err(cx.error("organizations", "DeleteOrganizationalUnit"))
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

    async fn read(&self, cx: &Session, key: &str) -> Result<Option<LiveObject>, ProviderError> {
        organization_read::unit(cx, key).await
    }
}
