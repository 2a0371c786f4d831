//! The principals that a judgement has to know: indexed once from what the plan has read, and roles that it has not
//! read, such as those of the management account, asked for one by one, each once.
//!
//! Architecture invariant: what could not be read is never left out. Whoever asks for it is told why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use tokio::sync::{OnceCell, Semaphore};

use crate::iam::symbolic::globs::Glob;
use crate::ids::ActingPrincipal;
use crate::live::{Reading, Targets};
use crate::plan::Live;
use crate::provider::{
    AccessMode, AccountTarget, Caller, Failure, Inventory, LiveObject, Provider, ProviderError,
};
use crate::schema::access_of;

use super::Objection;
use super::entrance::{Entrance, role_named};
use super::person::{fits_its_id, user_of};
use super::principals::{Meeting, NamePattern, PrincipalSet, UniqueIds};
use super::role::{SessionRole, assumable, text, users};

/// Most roles that are followed from one trust policy to the next. An estate in which more of them lead to one role
/// has no way of telling its people apart.
const MOST_ROLES: usize = 1_000;
/// Roles that are read at once: IAM throttles an account's readers together.
const AT_ONCE: usize = 8;
/// Roles that IAM Identity Center makes: it alone lets anybody in, and nobody else may make or change one.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
const IDENTITY_CENTER: &str = "arn:*:iam::*:role/aws-reserved/sso.amazonaws.com/*";

/// Where roles are looked up.
#[derive(Clone, Copy)]
pub struct RoleSource<'a> {
    /// What reads AWS.
    pub provider: &'a dyn Provider,
    /// How accounts are reached.
    pub targets: &'a Targets,
    /// What was read already.
    pub live: &'a Live,
}

/// A role that exists; `None` where there is none. An error says why that is not known.
type RoleReading = Result<Option<Arc<SessionRole>>, String>;
/// The account and the name of a role.
type RoleKey = (String, String);

/// Everybody of whom one judgement has to know.
pub(super) struct Directory<'a> {
    source: RoleSource<'a>,
    /// Users and roles that were read in bulk, by account and kind.
    listed: BTreeMap<(&'a str, &'static str), Vec<&'a LiveObject>>,
    pub(super) ids: UniqueIds<'a>,
    asked: Mutex<BTreeMap<RoleKey, Arc<OnceCell<RoleReading>>>>,
    /// The users and roles of the management account, where the estate does not declare it.
    management: OnceCell<Result<Inventory, String>>,
    at_once: Semaphore,
}

/// Who may become a role.
#[derive(Clone, Debug, Default)]
pub(super) struct Entrances {
    pub(super) all: Vec<Entrance>,
    /// Why there may be others.
    pub(super) unread: Option<String>,
}

impl<'a> Directory<'a> {
    /// Of what was read; and of `caller`, of whom STS has told both names.
    pub(super) fn new(source: RoleSource<'a>, caller: &'a Caller) -> Self {
        let mut ids = UniqueIds::default();
        let mut listed: BTreeMap<(&str, &'static str), Vec<&LiveObject>> = BTreeMap::new();
        for (handle, reading) in &source.live.accounts {
            let Reading::Read(index) = reading else { continue };
            let target = source.targets.accounts.get(handle);
            // What an emulator says of people binds nobody in AWS.
            if target.is_some_and(|target| target.endpoint_url.is_some()) {
                continue;
            }
            let account = target.and_then(|target| target.id.as_ref());
            for object in index.inventory().objects.values() {
                let Some(principal) = access_of(object.kind).and_then(|a| a.principal()) else {
                    continue;
                };
                ids.add(text(&object.attrs, "arn"), text(&object.attrs, principal.unique_id));
                if let Some(account) = account {
                    listed.entry((account.as_str(), object.kind)).or_default().push(object);
                }
            }
        }
        let mut directory = Self {
            source,
            listed,
            ids,
            asked: Mutex::default(),
            management: OnceCell::new(),
            at_once: Semaphore::new(AT_ONCE),
        };
        directory.believe(caller);
        directory
    }

    /// Takes both names of a caller for one principal's. Those of a session are not its role's.
    pub(super) fn believe(&mut self, caller: &'a Caller) {
        if !caller.user_id.contains(':') {
            self.ids.add(&caller.arn, &caller.user_id);
        }
    }

    /// Whether the user whom an approval names has the unique id that it stands under: its giver wrote the ARN, and
    /// the key of the object holds the id alone. Of sessions [`CallerIdentity`](super::identity::CallerIdentity) asks.
    ///
    /// # Errors
    /// The user has another id, or that is not known.
    pub(super) async fn confirm(&self, caller: &Caller) -> Result<(), Objection> {
        if !fits_its_id(caller) {
            return Err(Objection::of(format!(
                "`{}` is not the ARN of a caller with the id `{}`: it was forged",
                caller.arn, caller.user_id
            )));
        }
        let Some((account, name)) = user_of(&caller.arn) else { return Ok(()) };
        let unread = |why: String| {
            Objection::unread(format!("the user `{name}` of {account} could not be read: {why}"))
        };
        let (kind, unique_id) =
            users().ok_or_else(|| unread("no kind of object is a user".to_owned()))?;
        let Listing { objects, unread: others } = self.listing(account, kind).await;
        // A user has one ARN and one id: who was listed is known, whatever else was not.
        let mut is_another = false;
        for user in objects {
            let is_named = text(&user.attrs, "arn") == caller.arn;
            let has_id = text(&user.attrs, unique_id) == caller.user_id;
            if is_named && has_id {
                return Ok(());
            }
            is_another |= is_named || has_id;
        }
        match others {
            Some(why) if !is_another => Err(unread(why)),
            _ => Err(Objection::of(format!(
                "`{}` is not the user with the id `{}`: it was renamed, or made anew, or the approval was forged",
                caller.arn, caller.user_id
            ))),
        }
    }

    /// Why nobody knows who bears the name of a session that a trust policy lets users have under their own names
    /// alone: no such user is there any more. Users of accounts outside the estate are not asked for.
    pub(super) async fn why_unnamed(&self, ways: &[Entrance], session: &str) -> Option<String> {
        let (kind, unique_id) = users()?;
        let (mut is_told, mut unread) = (true, None);
        for way in ways {
            let Some(accounts) = way.principals.accounts() else {
                is_told = false;
                continue;
            };
            for account in accounts.into_iter().collect::<BTreeSet<_>>() {
                if self.target(account).is_none() {
                    is_told = false;
                    continue;
                }
                let listing = self.listing(account, kind).await;
                let is_there = listing.objects.iter().any(|user| {
                    let arn = NamePattern::exact(text(&user.attrs, "arn"));
                    let id = NamePattern::exact(text(&user.attrs, unique_id));
                    way.lets_in(&PrincipalSet::one(vec![arn], id), &self.ids) != Meeting::Apart
                });
                if is_there {
                    return None;
                }
                unread = unread.or(listing.unread.map(|why| {
                    format!("the user `{session}` of {account} could not be read: {why}")
                }));
            }
        }
        unread.or_else(|| {
            is_told.then(|| {
                format!(
                    "the user whose name the session `{session}` bears was renamed or removed since"
                )
            })
        })
    }

    /// A role by the account that it is in and its name. It is read once, whoever asks.
    pub(super) async fn role(&self, account: &str, name: &str) -> RoleReading {
        let cell = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            asked.entry((account.to_owned(), name.to_owned())).or_default().clone()
        };
        cell.get_or_init(|| self.read(account, name)).await.clone()
    }

    async fn read(&self, account: &str, name: &str) -> RoleReading {
        let Some((schema, _)) = assumable() else { return Ok(None) };
        let target = match self.target(account) {
            Some(target) => target,
            None => return Err(format!("{account} is not an account of the estate")),
        };
        match self.reading(target) {
            Some(Reading::Read(index)) => {
                let objects = &index.inventory().objects;
                if let Some(object) = objects.get(&(schema.kind, name.to_owned())) {
                    return SessionRole::read(&object.attrs).map(|role| Some(Arc::new(role)));
                }
                if index.why_unread(schema.kind, name).is_none()
                    && index.inventory().complete.contains(schema.kind)
                {
                    return Ok(None);
                }
            }
            Some(Reading::Absent) => return Ok(None),
            Some(Reading::Unread(_)) | None => {}
        }
        let _permit = self.at_once.acquire().await;
        let reading = self.source.provider.read_object(target, AccessMode::Read, schema.kind, name);
        match reading.await {
            Ok(Some(object)) => SessionRole::read(&object.attrs).map(|role| Some(Arc::new(role))),
            Ok(None) => Ok(None),
            Err(error) => Err(refused(target, &error)),
        }
    }

    /// What the plan has read of an account that a block declares.
    fn reading(&self, target: &AccountTarget) -> Option<&'a Reading> {
        self.source
            .live
            .accounts
            .get(&target.handle)
            .filter(|_| self.source.targets.declares(target))
    }

    /// How an account is reached.
    fn target(&self, account: &str) -> Option<&'a AccountTarget> {
        let is_it = |t: &&AccountTarget| {
            t.endpoint_url.is_none() && t.id.as_ref().is_some_and(|id| id.as_str() == account)
        };
        let targets = self.source.targets;
        targets.accounts.values().find(is_it).or_else(|| Some(&targets.management).filter(is_it))
    }

    /// Whom the trust policy lets in by name, and whom the trust policies of those roles do: who may become
    /// a role that may become this one, may become this one.
    pub(super) async fn entrances(&self, role: &SessionRole) -> Entrances {
        let mut found = Entrances::default();
        let mut known: BTreeSet<Entrance> = BTreeSet::new();
        let mut followed: BTreeSet<String> = BTreeSet::from([role.arn.clone()]);
        let mut level = Entrance::all(&role.trust);
        while !level.is_empty() {
            level.retain(|entrance| known.insert(entrance.clone()));
            found.all.extend(level.iter().cloned());
            let mut through: BTreeMap<RoleKey, Vec<&Entrance>> = BTreeMap::new();
            for entrance in &level {
                match self.through(entrance).await {
                    Ok(keys) => {
                        for key in keys {
                            through.entry(key).or_default().push(entrance);
                        }
                    }
                    Err(why) => found.unread = found.unread.or(Some(why)),
                }
            }
            let reads = through.iter().map(|((account, name), by)| async move {
                (name, by, self.role(account, name).await)
            });
            let mut next = Vec::new();
            for (name, by, reading) in join_all(reads).await {
                let role = match reading {
                    Ok(Some(role)) => role,
                    Ok(None) => continue,
                    Err(why) => {
                        let why = format!("the role `{name}` on the way could not be read: {why}");
                        found.unread = found.unread.or(Some(why));
                        continue;
                    }
                };
                let sessions = role.principals();
                let comes_in = by.iter().any(|e| e.lets_in(&sessions, &self.ids) != Meeting::Apart);
                if comes_in && followed.insert(role.arn.clone()) {
                    next.extend(Entrance::all(&role.trust));
                }
            }
            if followed.len() > MOST_ROLES {
                let why = format!("more than {MOST_ROLES} roles lead to `{}`", role.arn);
                found.unread = found.unread.or(Some(why));
                break;
            }
            level = next;
        }
        found
    }

    /// The roles that an entrance may let in.
    ///
    /// # Errors
    /// There may be others, which cannot be listed.
    async fn through(&self, entrance: &Entrance) -> Result<Vec<RoleKey>, String> {
        let set = &entrance.principals;
        let key = |(account, name): (&str, &str)| (account.to_owned(), name.to_owned());
        let identity_center = Glob::like(IDENTITY_CENTER);
        // Whoever lets everybody in has no need of more; and in Identity Center's roles nobody comes by a trust policy's names.
        if set.is_everybody() || set.is_within(&identity_center) || !self.may_be_a_role(set) {
            return Ok(Vec::new());
        }
        if let Some(listed) = entrance.listed_roles() {
            return Ok(listed.into_iter().map(key).collect());
        }
        if let Some(ids) = set.listed_ids() {
            // Unique ids of roles begin so.
            // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
            let roles = ids.into_iter().filter(|id| id.starts_with("AROA"));
            let mut keys = Vec::new();
            for id in roles {
                if entrance.names_a_deleted_principal() && self.ids.owner(id).is_none() {
                    continue;
                }
                let unknown = |why: String| {
                    format!("it is not known which role has the unique id `{id}`: {why}")
                };
                match self.owner(id).await.map_err(unknown)? {
                    Some(arn) => keys.extend(role_named(&arn).map(key)),
                    None => return Err(unknown("no account that was read has it".to_owned())),
                }
            }
            return Ok(keys);
        }
        let described = || entrance.described().join(", ");
        let Some(accounts) = set.accounts() else {
            return Err(format!("`{}` lets in roles of accounts outside the estate", described()));
        };
        let mut keys = Vec::new();
        for account in accounts.into_iter().collect::<BTreeSet<_>>() {
            let roles = self.roles_of(account).await;
            let roles = roles.map_err(|why| {
                format!(
                    "the roles of {account} that `{}` lets in could not be listed: {why}",
                    described()
                )
            })?;
            for object in roles {
                let role = PrincipalSet::signed()
                    .with_arns(vec![NamePattern::exact(text(&object.attrs, "arn"))]);
                if set.meets(&role, &self.ids) != Meeting::Apart {
                    keys.push((account.to_owned(), object.key.clone()));
                }
            }
        }
        Ok(keys)
    }

    fn may_be_a_role(&self, set: &PrincipalSet) -> bool {
        let shape = NamePattern::of(Glob::arn("arn:*:iam::*:role/*"), "arn:*:iam::*:role/*");
        let roles = PrincipalSet::signed().with_arns(vec![shape]);
        set.meets(&roles, &self.ids) != Meeting::Apart
    }

    /// The ARN of the role with this unique id.
    ///
    /// # Errors
    /// The roles of the management account, of which it may be one, were not read.
    async fn owner(&self, id: &str) -> Result<Option<String>, String> {
        if let Some(arn) = self.ids.owner(id) {
            return Ok(Some(arn.to_owned()));
        }
        let management = self.source.targets.management.id.as_ref();
        let (Some((_, principal)), Some(management)) = (assumable(), management) else {
            return Ok(None);
        };
        let Some((schema, _)) = assumable() else { return Ok(None) };
        let Listing { objects, unread } = self.listing(management.as_str(), schema.kind).await;
        let role = objects.into_iter().find(|role| text(&role.attrs, principal.unique_id) == id);
        match (role, unread) {
            (None, Some(why)) => Err(why),
            (role, _) => Ok(role.map(|role| text(&role.attrs, "arn").to_owned())),
        }
    }

    /// Every role of an account.
    ///
    /// # Errors
    /// They were not read, and why.
    async fn roles_of(&self, account: &str) -> Result<Vec<&LiveObject>, String> {
        let Some((schema, _)) = assumable() else { return Ok(Vec::new()) };
        let Listing { objects, unread } = self.listing(account, schema.kind).await;
        unread.map_or(Ok(objects), Err)
    }

    /// The users, or the roles, of an account.
    async fn listing(&self, account: &str, kind: &'static str) -> Listing<'_> {
        let Some(target) = self.target(account) else {
            return Listing::unread("it is not an account of the estate".to_owned());
        };
        let listed = || self.listed.get(&(account, kind)).cloned().unwrap_or_default();
        match self.reading(target) {
            Some(Reading::Read(index)) => {
                let inventory = index.inventory();
                let unread = match inventory.unread.get(kind) {
                    Some(why) => Some(asked_as(target, why)),
                    None if inventory.complete.contains(kind) => None,
                    None => Some("they were not listed".to_owned()),
                };
                Listing { objects: listed(), unread }
            }
            Some(Reading::Absent) => Listing::default(),
            Some(Reading::Unread(why)) => Listing::unread(why.clone()),
            None => {
                // One answer of IAM tells both.
                let kinds: BTreeSet<&str> = assumable()
                    .map(|(schema, _)| schema.kind)
                    .into_iter()
                    .chain(users().map(|(kind, _)| kind))
                    .collect();
                let read = self.source.provider.read_account(target, &kinds, "/");
                let read = || async { read.await.map_err(|error| refused(target, &error)) };
                match self.management.get_or_init(read).await {
                    Ok(inventory) => Listing {
                        objects: inventory.objects.values().filter(|o| o.kind == kind).collect(),
                        unread: inventory.unread.get(kind).map(|why| asked_as(target, why)),
                    },
                    Err(why) => Listing::unread(why.clone()),
                }
            }
        }
    }
}

/// Users or roles of an account.
#[derive(Default)]
struct Listing<'l> {
    objects: Vec<&'l LiveObject>,
    /// Why there may be others.
    unread: Option<String>,
}

impl Listing<'_> {
    fn unread(why: String) -> Self {
        Self { objects: Vec::new(), unread: Some(why) }
    }
}

/// Why something of an account could not be read, and what to do where that was refused.
fn refused(target: &AccountTarget, error: &ProviderError) -> String {
    match error.failure {
        Failure::AccessDenied => {
            let ProviderError { service, operation, .. } = error;
            format!("{error}; let {} call `{service}:{operation}`", reader(target))
        }
        _ => error.to_string(),
    }
}

/// The same of a reason that does not tell what was refused.
fn asked_as(target: &AccountTarget, why: &str) -> String {
    format!("{why}, asked as {}", reader(target))
}

/// As whom an account is read.
fn reader(target: &AccountTarget) -> String {
    match target.principal(AccessMode::Read) {
        ActingPrincipal::Caller => "the caller".to_owned(),
        ActingPrincipal::Role(arn) => format!("`{arn}`"),
        ActingPrincipal::RoleOfNewAccount(name) => format!("the role `{name}`"),
        ActingPrincipal::Emulator => "the user of the emulator".to_owned(),
    }
}
