//! As whom a plan, or a use of the state, reads and would write, in one sentence: accounts with the same role are counted, not
//! listed, so that the sentence is as long for a hundred accounts as for one.

use std::collections::BTreeMap;

use crate::engine::host::StatePrincipal;
use crate::ids::Handle;
use crate::plan::model::{ActingPrincipal, PlanPrincipals};

use super::style::safe;

/// `Caller arn:...: reads as arn:aws:iam::*:role/Read in 5 accounts; would write as ...`; nothing for a plan
/// that an older version saved without its principals.
#[must_use]
pub fn sentence(principals: &PlanPrincipals) -> Option<String> {
    saying(principals, "Caller not asked for")
}

/// The same at the end of a run that names its caller, and so has asked for it.
#[must_use]
pub fn of_run(principals: &PlanPrincipals) -> Option<String> {
    const UNKNOWN: &str = "Caller unknown (AWS did not say)";
    saying(principals, UNKNOWN).or_else(|| Some(format!("{UNKNOWN}.")))
}

fn saying(principals: &PlanPrincipals, absent: &str) -> Option<String> {
    let accounts = &principals.accounts;
    if principals.caller.is_none() && accounts.is_empty() {
        return None;
    }
    let caller = match &principals.caller {
        Some(arn) => format!("Caller {}", safe(arn)),
        None => absent.to_owned(),
    };
    let reads =
        fold(accounts.iter().filter_map(|(handle, of)| Some((handle, of.reads_as.as_ref()?))));
    let writes = fold(accounts.iter().map(|(handle, of)| (handle, &of.writes_as)));
    let what = match (reads.is_empty(), writes.is_empty()) {
        (true, true) => return Some(format!("{caller}.")),
        (false, _) if reads == writes => format!("reads and would write as {reads}"),
        (false, _) => format!("reads as {reads}; would write as {writes}"),
        (true, false) => format!("would write as {writes}"),
    };
    Some(format!("{caller}: {what}."))
}

/// `State in s3://acme-state: reads and would write as arn:...`.
#[must_use]
pub fn of_state(principal: &StatePrincipal) -> String {
    let StatePrincipal { location, role, caller } = principal;
    let caller = caller.as_ref().map(|caller| match caller.strip_prefix("local:") {
        Some(user) => format!("the local user {}", safe(user)),
        None => safe(caller).into_owned(),
    });
    let who = match (role, caller) {
        (Some(role), Some(caller)) => format!("{}, which {caller} assumes", safe(role)),
        (Some(role), None) => safe(role).into_owned(),
        (None, Some(caller)) => caller,
        (None, None) => "the caller".to_owned(),
    };
    format!("State in {}: reads and would write as {who}.", safe(location))
}

/// Each principal once, with the accounts that it stands for.
fn fold<'a>(all: impl Iterator<Item = (&'a Handle, &'a ActingPrincipal)>) -> String {
    let mut alike: BTreeMap<ActingPrincipal, Vec<(&Handle, &ActingPrincipal)>> = BTreeMap::new();
    for (handle, principal) in all {
        alike.entry(pattern(principal)).or_default().push((handle, principal));
    }
    let folded = alike.iter().map(|(pattern, of)| {
        let named = match pattern {
            ActingPrincipal::Caller => "itself".to_owned(),
            ActingPrincipal::Emulator => "an emulator's user".to_owned(),
            ActingPrincipal::RoleOfNewAccount(name) => format!("role {}", safe(name)),
            ActingPrincipal::Role(pattern) => {
                // One ARN for all of them is said as it is.
                let first = of.first().map(|(_, principal)| *principal);
                let same = of.iter().all(|(_, principal)| Some(*principal) == first);
                match first {
                    Some(ActingPrincipal::Role(arn)) if same => safe(arn).into_owned(),
                    _ => safe(pattern).into_owned(),
                }
            }
        };
        let new = match pattern {
            ActingPrincipal::RoleOfNewAccount(_) if of.len() == 1 => ", which does not exist yet",
            ActingPrincipal::RoleOfNewAccount(_) => " that do not exist yet",
            _ => "",
        };
        match of.as_slice() {
            [(handle, _)] => format!("{named} in {handle}{new}"),
            many => format!("{named} in {} accounts{new}", many.len()),
        }
    });
    let mut folded: Vec<String> = folded.collect();
    match folded.pop() {
        Some(last) if !folded.is_empty() => format!("{}, and as {last}", folded.join(", as ")),
        last => last.unwrap_or_default(),
    }
}

/// A role without the account that it lies in: `arn:aws:iam::*:role/Read`.
fn pattern(principal: &ActingPrincipal) -> ActingPrincipal {
    let ActingPrincipal::Role(arn) = principal else { return principal.clone() };
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    match fields.as_slice() {
        [arn, partition, service, region, _, name] => {
            let fields = [arn, partition, service, region, &"*", name].map(|field| *field);
            ActingPrincipal::Role(fields.join(":"))
        }
        _ => principal.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::model::AccountPrincipals;

    fn role(account: &str, name: &str) -> ActingPrincipal {
        ActingPrincipal::Role(format!("arn:aws:iam::{account}:role/{name}"))
    }

    fn all(accounts: &[(&str, Option<ActingPrincipal>, ActingPrincipal)]) -> PlanPrincipals {
        let accounts = accounts.iter().map(|(handle, reads_as, writes_as)| {
            let of = AccountPrincipals { reads_as: reads_as.clone(), writes_as: writes_as.clone() };
            (handle.parse().unwrap(), of)
        });
        PlanPrincipals {
            caller: Some("arn:aws:iam::1:user/ci".to_owned()),
            accounts: accounts.collect(),
        }
    }

    #[test]
    fn principals_that_are_alike_are_counted() {
        let (one, two) = ("111111111111", "222222222222");
        let apart = all(&[
            ("a", Some(role(one, "Read")), role(one, "Write")),
            ("b", Some(role(two, "Read")), role(two, "Write")),
            ("c", None, ActingPrincipal::RoleOfNewAccount("Write".to_owned())),
            ("local", Some(ActingPrincipal::Emulator), ActingPrincipal::Emulator),
        ]);
        assert_eq!(
            sentence(&apart).unwrap(),
            "Caller arn:aws:iam::1:user/ci: reads as arn:aws:iam::*:role/Read in 2 accounts, \
             and as an emulator's user in local; would write as arn:aws:iam::*:role/Write in 2 accounts, \
             as role Write in c, which does not exist yet, and as an emulator's user in local."
        );
        let alike = all(&[
            ("a", Some(role(one, "Admin")), role(one, "Admin")),
            ("management", Some(ActingPrincipal::Caller), ActingPrincipal::Caller),
        ]);
        assert_eq!(
            sentence(&alike).unwrap(),
            "Caller arn:aws:iam::1:user/ci: reads and would write as itself in management, \
             and as arn:aws:iam::111111111111:role/Admin in a."
        );
        // A role that is named with its account stands in that one, wherever it leads.
        let hub = all(&[
            ("a", Some(role(one, "Hub")), role(one, "Hub")),
            ("b", Some(role(one, "Hub")), role(one, "Hub")),
        ]);
        assert!(
            sentence(&hub).unwrap().contains("arn:aws:iam::111111111111:role/Hub in 2 accounts")
        );
    }

    #[test]
    fn a_backend_is_used_by_its_role_the_caller_or_a_local_user() {
        let of = |role: Option<&str>, caller: Option<&str>| {
            let (role, caller) = (role.map(str::to_owned), caller.map(str::to_owned));
            of_state(&StatePrincipal { location: "s3://b/p".to_owned(), role, caller })
        };
        let says = |who: &str| format!("State in s3://b/p: reads and would write as {who}.");
        let (role, ci) = ("arn:aws:iam::1:role/state", "arn:aws:iam::1:user/ci");
        assert_eq!(of(Some(role), Some(ci)), says(&format!("{role}, which {ci} assumes")));
        assert_eq!(of(Some(role), None), says(role));
        assert_eq!(of(None, Some(ci)), says(ci));
        assert_eq!(of(None, Some("local:ada")), says("the local user ada"));
        assert_eq!(of(None, None), says("the caller"));
    }

    #[test]
    fn what_is_not_known_is_not_made_up() {
        assert_eq!(sentence(&PlanPrincipals::default()), None);
        let mut offline = all(&[("a", None, role("111111111111", "Admin"))]);
        offline.caller = None;
        assert_eq!(
            sentence(&offline).unwrap(),
            "Caller not asked for: would write as arn:aws:iam::111111111111:role/Admin in a."
        );
        let none = PlanPrincipals { accounts: BTreeMap::new(), ..all(&[]) };
        assert_eq!(sentence(&none).unwrap(), "Caller arn:aws:iam::1:user/ci.");
    }
}
