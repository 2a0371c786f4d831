//! Who a statement's `Principal` or `NotPrincipal` element means.
//!
//! Sources: IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal".

use super::document::{PrincipalType, Principals};
use super::request::{CallerKind, PrincipalNames};
use super::text::is_symbolic_account;
use super::three_valued::Tri;
use super::values::is_account_id;

/// How closely a resource policy names the caller; a stronger match grants past more of the
/// caller's own limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalNaming {
    /// By its account: grants nothing past the identity side.
    Account,
    /// By its role: grants past identity policies, not past boundary and session policies.
    Role,
    /// By user, session or federated-user ARN, by service or provider, or as everybody.
    Direct,
}

/// A compiled `Principal` element.
#[derive(Clone, Debug, Default)]
pub(super) struct PrincipalMatcher {
    everyone: bool,
    accounts: Vec<String>,
    arns: Vec<String>,
    /// Services, in lower case.
    services: Vec<String>,
    federated: Vec<String>,
    canonical_users: bool,
}

impl PrincipalMatcher {
    pub(super) fn new(principals: &Principals) -> Self {
        let mut out = Self { everyone: matches!(principals, Principals::All), ..Self::default() };
        for (kind, item) in principals.items() {
            let text = item.text.symbolic().into_owned();
            match kind {
                PrincipalType::Aws if text == "*" => out.everyone = true,
                PrincipalType::Aws => match account_of_root(&text) {
                    Some(account) => out.accounts.push(account),
                    None => out.arns.push(text),
                },
                PrincipalType::Service => out.services.push(text.to_ascii_lowercase()),
                PrincipalType::Federated => out.federated.push(text),
                PrincipalType::CanonicalUser => out.canonical_users = true,
            }
        }
        out
    }

    /// How closely the element names the caller, if at all.
    pub(super) fn naming(&self, caller: &PrincipalNames) -> Option<PrincipalNaming> {
        if self.everyone {
            return Some(PrincipalNaming::Direct);
        }
        match caller.kind {
            CallerKind::Anonymous | CallerKind::Unknown => None,
            CallerKind::Service => {
                let name = caller.name.as_deref().unwrap_or_default().to_ascii_lowercase();
                self.services
                    .iter()
                    .any(|s| *s == name || s == "*")
                    .then_some(PrincipalNaming::Direct)
            }
            CallerKind::Federated => {
                let name = caller.name.as_deref().unwrap_or_default();
                self.federated
                    .iter()
                    .any(|f| f == name || f == "*")
                    .then_some(PrincipalNaming::Direct)
            }
            _ => self.signed(caller),
        }
    }

    fn signed(&self, caller: &PrincipalNames) -> Option<PrincipalNaming> {
        let listed = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| self.arns.iter().any(|arn| arn == name))
        };
        // A saved policy holds unique ids: one of a deleted principal matches no later namesake.
        let by_id = listed(&caller.unique_id);
        if listed(&caller.own) || (by_id && caller.kind != CallerKind::Role) {
            Some(PrincipalNaming::Direct)
        } else if listed(&caller.role) || by_id {
            Some(PrincipalNaming::Role)
        } else if self.lists_account(caller) {
            Some(PrincipalNaming::Account)
        } else {
            None
        }
    }

    fn lists_account(&self, caller: &PrincipalNames) -> bool {
        caller.account.as_ref().is_some_and(|account| self.accounts.contains(account))
    }

    /// Whether `Deny` with this list as `NotPrincipal` hits the caller.
    ///
    /// "You must also specify the account ARN of the not-denied principal. Otherwise, the policy
    /// might deny access to the entire account containing the principal. ... If an assumed-role user
    /// is being evaluated, AWS might validate the account first, then the role, and then the
    /// assumed-role user. ... We strongly recommend that you explicitly include the ARN for a user's
    /// account, or include both the ARN for a role and the ARN for the account containing that
    /// role." So whoever is listed with the account is spared, and whoever is listed by some of
    /// those names only might be.
    pub(super) fn excludes(&self, caller: &PrincipalNames) -> Tri {
        if self.everyone {
            return Tri::NO;
        }
        if caller.account.is_none() {
            return self.naming(caller).is_none().into();
        }
        let listed =
            |name: &Option<String>| name.as_ref().is_some_and(|name| self.arns.contains(name));
        let account = self.lists_account(caller);
        let own = match caller.kind {
            CallerKind::Root => account,
            CallerKind::Role => listed(&caller.role),
            _ => listed(&caller.own),
        };
        match (account, own || listed(&caller.own)) {
            (true, _) if own => Tri::NO,
            (false, false) => Tri::YES,
            _ => Tri::DISPUTED,
        }
    }

    /// Whether it names S3 canonical users, which no account id can be compared with.
    pub(super) fn has_canonical_users(&self) -> bool {
        self.canonical_users
    }
}

/// The account that an account id or root ARN stands for.
fn account_of_root(text: &str) -> Option<String> {
    if is_account_id(text) || is_symbolic_account(text) {
        return Some(text.to_owned());
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, "root"] => Some((*account).to_owned()),
        _ => None,
    }
}
