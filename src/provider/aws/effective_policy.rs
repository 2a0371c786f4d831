//! What policies of the organization come to for one account, for `data` blocks.

use super::session::Session;
use crate::ids::AccountId;
use crate::provider::ProviderError;

/// The text that AWS merges of the policies of one type that an account inherits and has itself; `None` where there
/// are none, or the type is off.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html>
pub(super) async fn read(
    session: &Session,
    account: &AccountId,
    policy_type: &str,
) -> Result<Option<String>, ProviderError> {
    let request = session.organizations().describe_effective_policy();
    let request = request.target_id(account.as_str()).policy_type(policy_type.into());
    let answer = request.send().await;
    match answer.map_err(session.error("organizations", "DescribeEffectivePolicy")) {
        Ok(told) => Ok(told.effective_policy.and_then(|policy| policy.policy_content)),
        // An account that is not found ends in the same word, and is an error.
        Err(error) if error.code.as_deref() == Some("EffectivePolicyNotFoundException") => Ok(None),
        Err(error) => Err(error),
    }
}
