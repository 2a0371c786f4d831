//! Who somebody is, as far as AWS tells, and which identities may be one person's.

use std::sync::Arc;

use crate::provider::Caller;

use super::directory::{Directory, Entrances};
use super::entrance::{Entrance, role_arns, share};
use super::person::{Person, partition_and_account, role_of};
use super::pinned::{Pin, pin};
use super::principals::{Meeting, NamePattern, PrincipalSet, UniqueIds};
use super::role::SessionRole;

/// Who somebody is, as far as can be told.
#[derive(Clone, Debug)]
pub(super) struct CallerIdentity {
    pub(super) person: Person,
    pub(super) arn: String,
    /// The role behind a session, where it could be read.
    pub(super) role: Option<Arc<SessionRole>>,
    /// Whether the session's name tells who it is.
    pub(super) is_pinned: bool,
    /// What a trust policy may know it by.
    principals: PrincipalSet,
    /// Who may have become this identity.
    pub(super) entrances: Entrances,
}

impl CallerIdentity {
    pub(super) async fn of(caller: &Caller, directory: &Directory<'_>) -> Self {
        let own = |role: Option<Arc<SessionRole>>, pin: Option<Pin>, entrances: Entrances| Self {
            person: Person::of(caller, pin),
            arn: caller.arn.clone(),
            principals: principals(caller, role.as_deref()),
            role,
            is_pinned: pin.is_some(),
            entrances,
        };
        let Some(((_, account), name)) = role_of(&caller.arn) else {
            let all = Entrance::of_federated_user(&caller.arn).into_iter().collect();
            return own(None, None, Entrances { all, unread: None });
        };
        let unread = |why: String| {
            let unread = Some(format!("the role `{name}` of {account} could not be read: {why}"));
            own(None, None, Entrances { all: Vec::new(), unread })
        };
        let role = match directory.role(account, name).await {
            Ok(Some(role)) => role,
            Ok(None) => return unread("it does not exist any more".to_owned()),
            Err(why) => return unread(why),
        };
        if partition_and_account(&role.arn) != partition_and_account(&caller.arn) {
            return unread("the role of that name lies in another partition".to_owned());
        }
        let session = match caller.user_id.split_once(':') {
            Some((id, session)) if id == role.id => session,
            _ => return unread("it has been deleted and created anew since".to_owned()),
        };
        let pin = pin(name, &role);
        let entrances = match pin {
            Some(Pin::User) => {
                let all = Entrance::pinned(&role.trust, session);
                let unread = directory.why_unnamed(&all, session).await;
                Entrances { all, unread }
            }
            Some(Pin::IdentityCenter) => {
                Entrances { all: Entrance::pinned(&role.trust, session), unread: None }
            }
            None => directory.entrances(&role).await,
        };
        own(Some(role), pin, entrances)
    }

    pub(super) fn role_arn(&self) -> Option<&str> {
        self.role.as_ref().map(|role| role.arn.as_str())
    }

    /// Whether trust policies let the other become this one.
    fn admits(&self, other: &Self, ids: &UniqueIds<'_>) -> Meeting {
        let all = self.entrances.all.iter();
        all.fold(Meeting::Apart, |met, way| met.or(|| way.lets_in(&other.principals, ids)))
    }

    /// Whether both may be one person's: one may become the other, or a third may become both.
    fn may_be(&self, other: &Self, ids: &UniqueIds<'_>) -> Meeting {
        if self.person == other.person {
            return Meeting::Possible;
        }
        let either = self.admits(other, ids).or(|| other.admits(self, ids));
        either.or(|| share(&self.entrances.all, &other.entrances.all, ids))
    }

    /// Why both may be one person's, for people; `None` where they are two people's.
    pub(super) fn why_one(&self, other: &Self, ids: &UniqueIds<'_>) -> Option<String> {
        match self.may_be(other, ids) {
            Meeting::Apart => None,
            Meeting::Possible => {
                Some(format!("trust policies let one person be `{}` and `{}`", self.arn, other.arn))
            }
            Meeting::Unknown(why) => Some(why),
        }
    }
}

/// What a trust policy may know a caller by.
fn principals(caller: &Caller, role: Option<&SessionRole>) -> PrincipalSet {
    let arns = match (role, role_of(&caller.arn)) {
        (Some(role), _) => vec![NamePattern::exact(&role.arn)],
        (None, Some((home, name))) => role_arns(home, name),
        (None, None) => vec![NamePattern::exact(&caller.arn)],
    };
    PrincipalSet::one(arns, NamePattern::exact(&caller.user_id))
}
