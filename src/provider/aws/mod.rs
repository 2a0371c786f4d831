//! AWS through its SDK: one file per kind.
//!
//! A kind has one file in `kinds/` with a [`kind::KindProvider`], which says how its objects are read in bulk:
//! by a read that it shares (`iam_read`, `organization_read`), or by one of its own.

pub mod actions;
mod administration;
mod ambient;
mod assumed_role;
mod clients;
mod cloudwatch;
mod constraints;
mod effective_policy;
mod errors;
mod gatekeeper;
mod iam_read;
mod inventory;
mod kind;
mod kinds;
mod organization_read;
mod organization_tags;
mod parameters;
pub mod permissions;
mod policies;
mod profiles;
mod resources;
mod session;
mod stacks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_config::SdkConfig;

use self::kind::{BulkScope, KindProvider};
use self::session::Session;
use super::{
    AccessMode, AccountTarget, Administration, Alarm, Announcements, Caller, Inventory, LiveObject,
    MANAGEMENT_ACCOUNT, MetricQuery, Parameter, Permit, PolicyReadings, PolicyTypes, Provider,
    ProviderError, ProviderStep, SoughtResources, Stack,
};
use crate::ids::AccountId;
use crate::schema::ROOT;
use crate::value::Attrs;

pub use ambient::{MfaCodes, load};
pub use clients::{AwsOptions, Embedded};

/// AWS, real, emulated or embedded.
pub struct AwsProvider {
    options: Arc<AwsOptions>,
    ambient: SdkConfig,
    management: SdkConfig,
    sessions: Mutex<BTreeMap<(AccountTarget, AccessMode), Arc<Session>>>,
    aws_policies: iam_read::AwsPolicies,
}

impl AwsProvider {
    /// Reads the SDK's configuration (environment, files) as far as `options` leave it to them.
    /// Calls nothing.
    pub async fn new(options: AwsOptions) -> Self {
        let ambient = clients::ambient(&options).await;
        let management = assumed_role::management(&options, &ambient);
        Self {
            options: Arc::new(options),
            ambient,
            management,
            sessions: Mutex::default(),
            aws_policies: iam_read::AwsPolicies::default(),
        }
    }

    /// The SDK configuration of the ambient credentials, for other clients such as the state's.
    #[must_use]
    pub fn ambient(&self) -> &SdkConfig {
        &self.ambient
    }

    /// The session in an account; made once.
    fn session(
        &self,
        target: &AccountTarget,
        access: AccessMode,
    ) -> Result<Arc<Session>, ProviderError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&(target.clone(), access)) {
            return Ok(Arc::clone(session));
        }
        let session =
            Arc::new(Session::new(&self.options, &self.ambient, &self.management, target, access)?);
        sessions.insert((target.clone(), access), Arc::clone(&session));
        Ok(session)
    }

    /// The same, once its role is assumed: a refusal names the role, and not the first call of many.
    async fn entered(
        &self,
        target: &AccountTarget,
        access: AccessMode,
    ) -> Result<Arc<Session>, ProviderError> {
        let session = self.session(target, access)?;
        session.enter().await?;
        Ok(session)
    }

    fn kind(
        &self,
        name: &str,
        target: &AccountTarget,
    ) -> Result<&'static dyn KindProvider, ProviderError> {
        kinds::kind(name).ok_or_else(|| {
            errors::refuse(
                "palisade",
                "execute",
                target.handle.as_str(),
                format!("the kind `{name}` has no AWS half"),
            )
        })
    }
}

/// Whose credentials these are.
async fn who(config: &SdkConfig) -> Result<Caller, ProviderError> {
    let answer = clients::sts(config, MANAGEMENT_ACCOUNT)
        .get_caller_identity()
        .send()
        .await
        .map_err(|e| errors::translate("sts", "GetCallerIdentity", MANAGEMENT_ACCOUNT, &e))?;
    let account: AccountId =
        answer.account().unwrap_or_default().parse().map_err(|e: crate::ids::IdError| {
            errors::refuse("sts", "GetCallerIdentity", MANAGEMENT_ACCOUNT, e.to_string())
        })?;
    Ok(Caller {
        account,
        arn: answer.arn().unwrap_or_default().to_owned(),
        user_id: answer.user_id().unwrap_or_default().to_owned(),
    })
}

#[async_trait]
impl Provider for AwsProvider {
    async fn caller(&self) -> Result<Caller, ProviderError> {
        who(&self.management).await
    }

    async fn identity(&self) -> Result<Caller, ProviderError> {
        who(&self.ambient).await
    }

    async fn read_organization(
        &self,
        management: &AccountTarget,
        announce: Announcements,
    ) -> Result<Inventory, ProviderError> {
        let session = self.entered(management, AccessMode::Read).await?;
        organization_read::everything(&session, announce).await
    }

    async fn read_account(
        &self,
        target: &AccountTarget,
        kinds: &BTreeSet<&'static str>,
        config_prefix: &str,
    ) -> Result<Inventory, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        let scope = BulkScope { config_prefix, aws_policies: &self.aws_policies };
        inventory::account(&session, kinds, &scope).await
    }

    async fn read_resources(
        &self,
        target: &AccountTarget,
        sought: &SoughtResources,
    ) -> Result<Inventory, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        resources::read(&session, sought).await
    }

    async fn read_policies(
        &self,
        target: &AccountTarget,
        types: &PolicyTypes,
    ) -> Result<PolicyReadings, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        policies::read(&session, types).await
    }

    async fn read_object(
        &self,
        target: &AccountTarget,
        access: AccessMode,
        kind: &'static str,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let session = self.entered(target, access).await?;
        self.kind(kind, target)?.read(&session, key).await
    }

    async fn read_marked(
        &self,
        target: &AccountTarget,
        access: AccessMode,
        kind: &'static str,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let session = self.entered(target, access).await?;
        self.kind(kind, target)?.read_marked(&session, key).await
    }

    async fn execute(
        &self,
        target: &AccountTarget,
        step: &ProviderStep,
        permit: &Permit,
    ) -> Result<Attrs, ProviderError> {
        let session = self.entered(target, AccessMode::Write).await?;
        let kind = self.kind(step.kind, target)?;
        gatekeeper::through(permit, kind::execute(kind, &session, step)).await
    }

    async fn find_creation(
        &self,
        target: &AccountTarget,
        kind: &'static str,
        after: &Attrs,
        since: i64,
    ) -> Result<Option<Attrs>, ProviderError> {
        let session = self.entered(target, AccessMode::Write).await?;
        self.kind(kind, target)?.find_creation(&session, after, since).await
    }

    async fn parameters(
        &self,
        target: &AccountTarget,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Parameter>, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        parameters::read(&session, names).await
    }

    async fn effective_policy(
        &self,
        management: &AccountTarget,
        account: &AccountId,
        policy_type: &str,
    ) -> Result<Option<String>, ProviderError> {
        let session = self.entered(management, AccessMode::Read).await?;
        effective_policy::read(&session, account, policy_type).await
    }

    async fn administration(
        &self,
        management: &AccountTarget,
    ) -> Result<Administration, ProviderError> {
        let session = self.entered(management, AccessMode::Read).await?;
        Ok(administration::read(&session).await)
    }

    async fn stack(
        &self,
        target: &AccountTarget,
        name: &str,
    ) -> Result<Option<Stack>, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        stacks::read(&session, name).await
    }

    async fn alarms(
        &self,
        target: &AccountTarget,
        names: &BTreeSet<String>,
    ) -> Result<Vec<Alarm>, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        cloudwatch::alarms(&session, names).await
    }

    async fn metric(
        &self,
        target: &AccountTarget,
        query: &MetricQuery,
    ) -> Result<Option<f64>, ProviderError> {
        let session = self.entered(target, AccessMode::Read).await?;
        cloudwatch::metric(&session, query).await
    }
}
