//! Which account and region a gate asks CloudWatch in.

use super::block::GateBlock;
use super::context::GateContext;
use super::evidence::GateOutcome;
use crate::address::{ACCOUNT, ResourceAddr};
use crate::ids::Region;
use crate::provider::{AccountTarget, Failure, ProviderError};
use crate::value::Value;

/// The account and the region that a gate names.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    account: Option<ResourceAddr>,
    region: Option<Region>,
}

impl Watched {
    pub(super) fn read(block: &mut GateBlock<'_>) -> Self {
        let region = block.text("region").and_then(|text| text.parse().ok());
        let account = block.body.get(ACCOUNT).and_then(|a| match a.value.reveal() {
            Value::Block(account) => Some(account.address.clone()),
            _ => None,
        });
        Self { account, region }
    }

    /// How the account is reached.
    ///
    /// # Errors
    /// In words: it does not exist yet, or the environment has several and none is named.
    pub(super) fn target(&self, context: &GateContext<'_>) -> Result<AccountTarget, String> {
        let to = context.subject.to;
        let mut candidates = context.estate.accounts.values().filter(|a| match &self.account {
            Some(address) => a.address == *address,
            None => a.environments.contains(to),
        });
        let account = match (candidates.next(), candidates.next()) {
            (Some(account), None) => account,
            (None, _) => return Err(format!("there is no account to ask for {to}")),
            (Some(_), Some(_)) => {
                return Err(format!(
                    "{to} has several accounts: name the one to ask with `account = account.NAME`"
                ));
            }
        };
        let Some(target) = context.targets.accounts.get(&account.handle) else {
            return Err(format!("the account `{}` cannot be reached", account.handle));
        };
        if target.id.is_none() && target.endpoint_url.is_none() {
            return Err(format!("the account `{}` does not exist yet", account.handle));
        }
        let mut target = target.clone();
        let environment = context.estate.environments.get(to).and_then(|e| e.region.clone());
        if let Some(region) = self.region.clone().or(environment) {
            target.region = region;
        }
        Ok(target)
    }
}

/// What a failed call makes of the gate: closed where CloudWatch itself said no to what was asked. That nobody could or
/// may ask says nothing of the release.
pub(super) fn outcome(error: &ProviderError) -> GateOutcome {
    match error.failure {
        Failure::NotFound | Failure::Refused => GateOutcome::Failed,
        _ => GateOutcome::Unknown,
    }
}

/// A failed call in words: what keeps the gate closed, and what to do.
pub(super) fn unknown(error: &ProviderError) -> String {
    let help = match error.failure {
        Failure::AccessDenied => {
            "; the read role needs cloudwatch:DescribeAlarms and cloudwatch:GetMetricData"
        }
        _ => "",
    };
    format!("CloudWatch cannot be asked: {error}{help}")
}
