//! Which permissions a plan or an apply of the declared estate takes: for every principal that it works as, policies that IAM
//! accepts. Makes no request.

mod gather;
mod pack;

use crate::eval::estate::Estate;
use crate::eval::{Evaluator, NothingKnown};
use crate::iam::limits::Limits;

use super::error::EngineError;
use super::load;
use super::workspace::{Variables, Workspace};

/// What is asked.
#[derive(Clone, Debug)]
pub struct PermissionsRequest {
    /// Values for variables.
    pub variables: Variables,
    /// What is to be done.
    pub operation: PermittedOperation,
}

/// What permissions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermittedOperation {
    /// A plan, and whatever else only reads.
    Plan,
    /// An apply, with the plan that it makes.
    Apply,
}

/// The permissions that are needed.
#[derive(Clone, Debug)]
pub struct NeededPermissions {
    /// For what.
    pub operation: PermittedOperation,
    /// Who needs which.
    pub principals: Vec<NeedyPrincipal>,
    /// What to know about them.
    pub notes: Vec<String>,
}

/// As whom calls are made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallingPrincipal {
    /// The principal whose credentials the run finds.
    Caller,
    /// A role that it assumes, by its ARN: `management_role_arn`, or the backend's.
    Role(String),
    /// A role in accounts of the estate, by its name.
    AccountRole(String),
}

/// A principal, and the policies that it needs.
#[derive(Clone, Debug)]
pub struct NeedyPrincipal {
    /// Who it is.
    pub principal: CallingPrincipal,
    /// The handles of the accounts that have the role, where it is an account's.
    pub accounts: Vec<String>,
    /// The policies, each within IAM's size.
    pub policies: Vec<PermissionPolicy>,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct PermissionPolicy {
    /// Its name.
    pub name: String,
    /// How many characters IAM counts.
    pub size: usize,
    /// Its statements.
    pub statements: Vec<PermissionStatement>,
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionStatement {
    /// Its name.
    pub sid: String,
    /// The actions that it allows.
    pub actions: Vec<String>,
    /// The resources that it allows them on.
    pub resources: Vec<String>,
    /// The service through which alone it allows them.
    pub via_service: Option<String>,
    /// Whether AWS's description of the resource types is all that is known of the actions: some may not be needed.
    pub is_upper_bound: bool,
}

/// Computes the permissions.
///
/// # Errors
/// The configuration is wrong.
pub fn run(
    workspace: &Workspace,
    request: &PermissionsRequest,
) -> Result<NeededPermissions, EngineError> {
    let configuration = load::configuration(workspace, &request.variables)?;
    // What is looked up may decide what there is: then it is not known here, and left out.
    let unread = gather::UnaskedLookups::default();
    let (estate, lookups) = match Evaluator::new(&configuration, &unread).estate() {
        Ok(estate) => (estate, unread.lookups()),
        Err(_) => {
            let estate = Evaluator::new(&configuration, &NothingKnown).estate()?;
            let lookups = estate.lookups.clone();
            (estate, lookups)
        }
    };
    let Estate { unevaluated, .. } = &estate;
    let mut notes = Vec::new();
    if !unevaluated.is_empty() {
        let text = "blocks whose number AWS decides (through `data` blocks) are not counted";
        notes.push(text.to_owned());
    }
    let backend = configuration.settings.backend.as_ref().map(|backend| &backend.value);
    let policies = configuration.settings.policy_types();
    let needs = gather::needs(&estate, backend, &lookups, &policies, request.operation, &mut notes);
    let limits = Limits::default();
    let principals = pack::principals(needs, request.operation, &limits, &mut notes);
    Ok(NeededPermissions { operation: request.operation, principals, notes })
}
