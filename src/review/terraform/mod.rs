//! Terraform plans, carried out on a snapshot.
//!
//! [`plan`] is the file's frame, [`types`] the table of resource types, [`accounts`] finds the account of an object,
//! [`overlay`] groups the changes, which are carried out together with others ([`super::change_set`]): those of IAM by
//! [`identities`], of buckets and other resources with a policy by [`resources`], of the organization by [`organization`].
//! [`own_account`] checks whether types outside the model grant access to other accounts, and [`written`] composes policies
//! that are known only after apply. [`state_file`] reads states, and [`states`] adds what they describe to what stands.

mod accounts;
mod function_permissions;
mod identities;
mod organization;
mod overlay;
mod own_account;
mod plan;
mod resources;
mod state_file;
mod states;
mod types;
mod written;

pub(crate) use accounts::ProviderAccounts;
pub(crate) use overlay::{PlanFile, Work};
pub(crate) use plan::{TRUST, TerraformPlan};
pub(crate) use state_file::read as read_state;
pub(crate) use states::add as add_states;
pub(crate) use written::{
    WrittenKey, WrittenPolicies, WrittenPolicy, WrittenReference, WrittenValue,
};

use super::json;
use crate::diag::Diagnostic;

/// Reads a plan from the output of `terraform show -json`.
///
/// # Errors
/// What is no such output, with the place.
pub(crate) fn read(name: &str, text: String) -> Result<TerraformPlan, Diagnostic> {
    let advice = "give the output of `terraform show -json PLANFILE`: the plan file itself is none, and without its \
                  name Terraform shows the state";
    let plan: TerraformPlan = json::parse(name, text).map_err(|d| d.help(advice))?;
    match plan.format_version.as_deref() {
        Some(version) if version.starts_with("1.") => match plan.is_a_plan() {
            true => Ok(plan),
            false if plan.values.is_some() => {
                Err(Diagnostic::error(format!("`{name}` is a state and no plan")).help(
                    "give a state as `--terraform-state`, and the output of `terraform show -json PLANFILE` as `--terraform-plan`",
                ))
            }
            false => Err(Diagnostic::error(format!(
                "`{name}` is no plan: it has neither `planned_values` nor `resource_changes`"
            ))
            .help(advice)),
        },
        Some(version) => Err(Diagnostic::error(format!(
            "`{name}` has the format {version}, which is not known: 1.x is"
        ))),
        None if plan.lineage.is_some() => {
            Err(Diagnostic::error(format!("`{name}` is a state and no plan"))
                .help("give it as `--terraform-state`"))
        }
        None => Err(Diagnostic::error(format!("`{name}` is no plan: it has no `format_version`"))
            .help(advice)),
    }
}
