//! Organizational units: the calls.

use async_trait::async_trait;

use super::clients::Session;
use super::kind::{Absent, Bulk, KindProvider, Wanted, optional};
use super::organization_read::{self, node_id};
use super::organization_tags::{self, to_tags};
use crate::provider::{LiveObject, ProviderError, ProviderStep};
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
        organization_read::unit(session, key).await
    }
}
