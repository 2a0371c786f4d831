//! Who is who: when two identities of `sts:GetCallerIdentity` are one person, and whom a list of
//! allowed principals names.
//!
//! Forms of `Arn` and `UserId`: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>

use std::fmt;

use crate::iam::symbolic::globs::Glob;
use crate::iam::values::is_account_id;
use crate::ids::Partition;
use crate::provider::Caller;

use super::pinned::Pin;

/// What tells people apart.
///
/// A user is its unique id. A role session is its role's unique id: whoever may assume the role
/// chooses the session's name, so two names are not two people. Where the name is pinned
/// ([`super::pinned`]) nobody can choose another, and it is a part of who somebody is; a user of IAM Identity Center
/// is that name in every role that a permission set makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person(String);

impl Person {
    /// The person behind an identity; `pin` says by what its session's name tells who it is.
    #[must_use]
    pub(super) fn of(caller: &Caller, pin: Option<Pin>) -> Self {
        let id = match (caller.user_id.split_once(':'), pin) {
            // Whether names that differ in case are two users' is nowhere said: they count as one.
            (Some((_, name)), Some(Pin::IdentityCenter)) => format!("sso:{}", name.to_lowercase()),
            (Some((id, _)), None) => id.to_owned(),
            _ => caller.user_id.clone(),
        };
        Self(id)
    }
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `PARTITION` and `ACCOUNT` as they stand in an ARN.
pub(super) fn partition_and_account(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.split(':').skip(1);
    Some((parts.next()?, parts.nth(2)?))
}

/// What an ARN of `sts:GetCallerIdentity` names: a text of exactly one of these forms and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CallerForm<'a> {
    User { name: &'a str },
    Session { role: &'a str, name: &'a str },
    Federated { name: &'a str },
    Root,
}

/// The account of a caller, and its form.
fn form(arn: &str) -> Option<(&str, CallerForm<'_>)> {
    let mut parts = arn.splitn(6, ':');
    let ("arn", partition, service, "", account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?)
    else {
        return None;
    };
    let is_partition = Partition::ALL.iter().any(|known| known.as_str() == partition);
    if !is_partition || !is_account_id(account) {
        return None;
    }
    let form = match (service, resource.split_once('/')) {
        ("iam", None) if resource == "root" => CallerForm::Root,
        // A path may hold a colon (IAM API Reference, "CreateUser": `Path`), and a name may not.
        ("iam", Some(("user", path))) => {
            CallerForm::User { name: path.rsplit('/').next().filter(is_plain)? }
        }
        ("sts", Some(("federated-user", name))) if is_plain(&name) => {
            CallerForm::Federated { name }
        }
        ("sts", Some(("assumed-role", session))) => {
            let (role, name) = session.split_once('/')?;
            if !is_plain(&role) || !is_plain(&name) {
                return None;
            }
            CallerForm::Session { role, name }
        }
        _ => return None,
    };
    Some((account, form))
}

/// Whether a text can be the name of a user, a role or a session.
fn is_plain(name: &&str) -> bool {
    !name.is_empty() && !name.contains([':', '/'])
}

/// The account of the federated user whose ARN this is.
pub(super) fn federated_in(arn: &str) -> Option<&str> {
    match form(arn)? {
        (account, CallerForm::Federated { .. }) => Some(account),
        _ => None,
    }
}

/// The account and the name of the IAM user whose ARN this is.
pub(super) fn user_of(arn: &str) -> Option<(&str, &str)> {
    match form(arn)? {
        (account, CallerForm::User { name }) => Some((account, name)),
        _ => None,
    }
}

/// Of an assumed role's ARN, `PARTITION` and `ACCOUNT` as they stand in ARNs, and the role's name.
pub(super) fn role_of(arn: &str) -> Option<((&str, &str), &str)> {
    match form(arn)? {
        (account, CallerForm::Session { role, .. }) => {
            Some(((arn.split(':').nth(1)?, account), role))
        }
        _ => None,
    }
}

/// Whether an ARN and a unique id can be those of one caller, as far as their forms say: the giver's own program writes
/// the ARN, and the id alone is what the bucket's policy binds (IAM User Guide, "Where you can use principal values", the
/// table of `aws:userid`). Ids of other forms, as emulators have them, are nobody's in AWS.
#[must_use]
pub(super) fn fits_its_id(caller: &Caller) -> bool {
    let (form, id) = (form(&caller.arn), caller.user_id.as_str());
    if id.starts_with("AIDA") {
        return matches!(form, Some((_, CallerForm::User { .. })));
    }
    match (id.split_once(':'), form) {
        (Some((of, own)), Some((account, CallerForm::Federated { name }))) => {
            of == account && own == name
        }
        (Some((of, own)), Some((_, CallerForm::Session { name, .. }))) => {
            !is_account_id(of) && own == name
        }
        (Some(_), _) => false,
        (None, Some((account, CallerForm::Root))) => !is_account_id(id) || id == account,
        (None, Some((_, CallerForm::Session { .. } | CallerForm::Federated { .. }))) => false,
        (None, _) => !is_account_id(id) && !id.starts_with("AROA"),
    }
}

/// Whether an ARN or pattern (`*`, `?`) names the caller: by its own ARN, or, for a session, by its
/// role's, which is `role` where the role could be read. A session's ARN does not tell the role's path: a
/// pattern with a path names a role that was read alone. One without a path names the role by its name,
/// which no other role of the account has.
#[must_use]
pub(super) fn matches(pattern: &str, caller: &Caller, role: Option<&str>) -> bool {
    if Glob::like(pattern).matches(&caller.arn) {
        return true;
    }
    let Some(((partition, account), name)) = role_of(&caller.arn) else { return false };
    let Some((_, path)) = pattern.split_once(":role/") else { return false };
    if path.contains('/') {
        return role.is_some_and(|arn| Glob::like(pattern).matches(arn));
    }
    Glob::like(pattern).matches(&format!("arn:{partition}:iam::{account}:role/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(arn: &str, user_id: &str) -> Caller {
        Caller {
            account: "111111111111".parse().unwrap(),
            arn: arn.to_owned(),
            user_id: user_id.to_owned(),
        }
    }

    #[test]
    fn people_are_told_apart_by_unique_ids() {
        let of = |arn: &str, id: &str| Person::of(&caller(arn, id), None);
        let session = |role: &str, id: &str, name: &str| {
            of(
                &format!("arn:aws:sts::111111111111:assumed-role/{role}/{name}"),
                &format!("{id}:{name}"),
            )
        };
        assert_eq!(session("board", "AROAX", "ann"), session("board", "AROAX", "bob"));
        assert_ne!(session("board", "AROAX", "ann"), session("board", "AROAY", "ann"));
        let pinned = |name: &str| {
            let arn = format!("arn:aws:sts::111111111111:assumed-role/board/{name}");
            Person::of(&caller(&arn, &format!("AROAX:{name}")), Some(Pin::User))
        };
        let by_permission_set = |id: &str, name: &str| {
            let arn = format!("arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_{id}/{name}");
            Person::of(&caller(&arn, &format!("AROA{id}:{name}")), Some(Pin::IdentityCenter))
        };
        assert_eq!(by_permission_set("A", "ann@x.org"), by_permission_set("B", "Ann@x.org"));
        assert_ne!(by_permission_set("A", "ann@x.org"), by_permission_set("A", "bob@x.org"));
        assert_ne!(pinned("ann"), pinned("bob"));
        assert_eq!(pinned("ann"), pinned("ann"));
        assert_ne!(
            of("arn:aws:iam::111111111111:user/ann", "AIDAA"),
            of("arn:aws:iam::111111111111:user/bob", "AIDAB")
        );
        // Whoever calls GetFederationToken chooses the name.
        assert_eq!(
            of("arn:aws:sts::111111111111:federated-user/ann", "111111111111:ann"),
            of("arn:aws:sts::111111111111:federated-user/bob", "111111111111:bob")
        );
    }

    #[test]
    fn an_arn_belongs_to_an_id() {
        let session = "arn:aws:sts::111111111111:assumed-role/board/ann";
        let user = "arn:aws:iam::111111111111:user/ann";
        for (arn, id, fits) in [
            (user, "AIDAANN", true),
            ("arn:aws:iam::111111111111:user/x:federated-user/team:a/ann", "AIDAANN", true),
            ("arn:aws:iam::111111111111:user/people/a:nn", "AIDAANN", false),
            ("arn:aws:iam::111111111111:user/people/", "AIDAANN", false),
            (session, "AROAX:ann", true),
            ("arn:aws:sts::111111111111:federated-user/ann", "111111111111:ann", true),
            ("arn:aws:iam::111111111111:root", "111111111111", true),
            ("arn:aws:sts::111111111111:user/moto", "AKIAIOSFODNN7EXAMPLE", true),
            (session, "AIDAANN", false),
            ("arn:aws:iam::111111111111:user/chief", "111111111111:ann", false),
            ("arn:aws:iam::111111111111:user/chief", "111111111111", false),
            ("arn:aws:sts::111111111111:federated-user/bob", "111111111111:ann", false),
            ("arn:aws:sts::222222222222:federated-user/ann", "111111111111:ann", false),
            ("arn:aws:iam::222222222222:root", "111111111111", false),
            ("arn:aws:iam::111111111111:root", "AKIAIOSFODNN7EXAMPLE", true),
            ("arn:aws:iam::111111111111:assumed-role/board/ann", "AROAX:ann", false),
            ("arn:aws:sts::111111111111:x:assumed-role/board/ann", "AROAX:ann", false),
            ("xrn:aws:sts::111111111111:assumed-role/board/ann", "AROAX:ann", false),
            ("arn:moon:sts::111111111111:assumed-role/board/ann", "AROAX:ann", false),
            (
                "arn:aws:sts::111111111111:assumed-role/low/x:assumed-role/board/ann",
                "AROAX:ann",
                false,
            ),
            ("arn:aws:sts::111111111111:assumed-role/board/chief/ann", "AROAX:ann", false),
            ("arn:aws:sts::111111111111:user/ann", "AIDAANN", false),
            ("arn:aws:iam::111111111111:x:user/ann", "AIDAANN", false),
            ("arn:aws:iam::11111111111:user/ann", "AIDAANN", false),
            (session, "AROAX:bea", false),
            (user, "AROAX:ann", false),
            ("arn:aws:iam::111111111111:role/board/chief", "AIDAANN", false),
            ("arn:aws:iam::111111111111:root", "AIDAANN", false),
        ] {
            assert_eq!(fits_its_id(&caller(arn, id)), fits, "{arn} {id}");
        }
    }

    #[test]
    fn principals_name_users_sessions_and_roles() {
        let ann = caller("arn:aws:sts::111111111111:assumed-role/board/ann", "AROAX:ann");
        for yes in [
            "arn:aws:sts::111111111111:assumed-role/board/ann",
            "arn:aws:sts::111111111111:assumed-role/board/*",
            "arn:aws:iam::111111111111:role/board",
            "arn:aws:iam::*:role/boar?",
        ] {
            assert!(matches(yes, &ann, None), "{yes}");
        }
        let below = Some("arn:aws:iam::111111111111:role/people/board");
        for path in ["arn:aws:iam::111111111111:role/people/board", "arn:aws:iam::*:role/people/*"]
        {
            assert!(matches(path, &ann, below), "{path}");
            assert!(!matches(path, &ann, None), "{path}: its path is not known");
            assert!(!matches(path, &ann, Some("arn:aws:iam::111111111111:role/board")), "{path}");
        }
        for no in [
            "arn:aws:iam::222222222222:role/board",
            "arn:aws:iam::111111111111:role/boards",
            "arn:aws:iam::111111111111:user/board",
            "arn:aws:sts::111111111111:assumed-role/board/bob",
            "board",
            "",
        ] {
            assert!(!matches(no, &ann, None), "{no}");
        }
        let user = caller("arn:aws:iam::111111111111:user/ann", "AIDAA");
        assert!(matches("arn:aws:iam::111111111111:user/*", &user, None));
        assert!(!matches("arn:aws:iam::111111111111:role/*", &user, None));
    }
}
