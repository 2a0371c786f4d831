//! One side of a plan as the analysis sees it: accounts with their guardrails, principals with
//! their policies, and the roles and buckets that let somebody else in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::workers::both;
use crate::address::ResourceAddr;
use crate::eval::estate::Estate;
use crate::iam::Membership;
use crate::ids::Handle;
use crate::plan::sides::{Side, SideObject, Sides};
use crate::value::{Unknown, Value};

mod guardrails;
mod principal;
mod rules;

use guardrails::{Guardrails, limited};
pub use principal::{GroupNode, PrincipalNode};
use principal::{Own, Shelf, Written};
use rules::Library;
pub use rules::{PART, Rule, levels};

/// A principal or resource that cannot be read as a policy: what touches it stays undetermined.
pub type Unreadable = BTreeSet<String>;

/// An account.
#[derive(Clone, Debug)]
pub struct AccountNode {
    /// Its handle.
    pub handle: Handle,
    /// Its id, or a symbol for one that AWS has yet to assign.
    pub id: String,
    /// The environments that it serves.
    pub environments: BTreeSet<String>,
    /// Its organization; `None` for emulated accounts.
    pub membership: Option<Membership>,
    /// `o-.../r-.../ou-.../`, as `aws:PrincipalOrgPaths` holds it.
    pub organization_path: Option<String>,
    /// SCPs by level, root first.
    pub service_control: Vec<(String, Vec<Rule>)>,
    /// RCPs by level, root first.
    pub resource_control: Vec<(String, Vec<Rule>)>,
    /// Whether what is in it was read live (an account that does not exist yet holds only what is planned).
    pub read: bool,
}

/// An S3 bucket with a policy.
#[derive(Clone, Debug)]
pub struct BucketNode {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: Handle,
    /// Address, or kind and key when unmanaged.
    pub label: String,
    /// Where it is declared.
    pub location: Option<String>,
    /// Its policy.
    pub policy: Rule,
    /// Whether public policies are cut down to the account (`RestrictPublicBuckets`).
    pub restrict_public: bool,
    /// The KMS key under which it encrypts unless told otherwise.
    pub key: Option<String>,
}

/// An account of the organization that the estate does not declare: nothing in it was read.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its organization.
    pub membership: Membership,
    /// `o-.../r-.../ou-.../`, as `aws:PrincipalOrgPaths` holds it.
    pub organization_path: String,
    /// SCPs by level, root first; none for the management account.
    pub service_control: Vec<(String, Vec<Rule>)>,
}

/// One side.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Accounts by handle.
    pub accounts: BTreeMap<Handle, AccountNode>,
    /// Handles of the accounts, by id.
    pub homes: BTreeMap<String, Handle>,
    /// Principals by ARN.
    pub principals: BTreeMap<String, Arc<PrincipalNode>>,
    /// Principals by account.
    residents: BTreeMap<Handle, Vec<Arc<PrincipalNode>>>,
    /// Groups of users by account.
    groups: BTreeMap<Handle, Vec<GroupNode>>,
    /// Buckets by account, of those in `buckets` and `bare_buckets`.
    vaults: BTreeMap<Handle, BTreeSet<String>>,
    /// Buckets by ARN.
    pub buckets: BTreeMap<String, BucketNode>,
    /// Buckets without a policy, by ARN, and the account of each.
    pub bare_buckets: BTreeMap<String, Handle>,
    /// Accounts of the organization beside the estate's, by id.
    pub members: BTreeMap<String, Member>,
    /// Id of the management account, where there is an organization.
    pub management: Option<String>,
    /// Services that act in every account of the organization (Organizations User Guide, "Using
    /// AWS Organizations with other AWS services").
    pub trusted_services: BTreeSet<String>,
    /// Roles whose trust policies could not be read as policies, by label.
    pub unreadable: Unreadable,
    /// Buckets whose policies could not be read as policies, by ARN: account and label.
    pub sealed_buckets: BTreeMap<String, (Handle, String)>,
    /// The bucket that holds the estate's state, by ARN.
    pub state_bucket: Option<String>,
    /// Where objects that are no principals are declared, by the label that reports cite.
    places: BTreeMap<String, String>,
    /// Managed policies.
    shelf: Arc<Shelf>,
    /// Principals by label, once somebody looks for one.
    labelled: OnceLock<HashMap<String, Arc<PrincipalNode>>>,
}

impl World {
    /// Both sides, before and after.
    #[must_use]
    pub fn both(estate: &Estate, sides: &Sides) -> (Self, Self) {
        let library = Arc::new(Library::default());
        both(
            || Self::new(estate, &sides.before, sides, &library),
            || Self::new(estate, &sides.after, sides, &library),
        )
    }

    /// The after side alone.
    #[must_use]
    pub fn after(estate: &Estate, sides: &Sides) -> Self {
        Self::new(estate, &sides.after, sides, &Arc::default())
    }

    /// Reads one side.
    fn new(estate: &Estate, side: &Side, sides: &Sides, library: &Arc<Library>) -> Self {
        let mut world = Self::default();
        let guard = Guardrails::new(side, sides.guardrails_read && limited(&sides.before), library);
        let objects: HashMap<&ResourceAddr, &SideObject> = side
            .objects
            .iter()
            .filter(|o| o.kind == "account")
            .filter_map(|o| Some((o.address.as_ref()?, o)))
            .collect();
        for account in estate.accounts.values() {
            let object = objects.get(&account.address);
            let id = object
                .and_then(|o| o.attrs.get("id"))
                .map(symbol)
                .or_else(|| account.id.as_ref().map(ToString::to_string))
                .unwrap_or_else(|| {
                    symbol(&Value::Unknown(Unknown::attr(account.address.clone(), "id")))
                });
            let emulated = account.endpoint_url.is_some();
            let organization = guard.organization.as_ref().filter(|_| !emulated);
            let management = organization.is_some_and(|o| o.management_account == id);
            let parent = object.and_then(|o| o.attrs.get("parent")).map(symbol);
            let chain = |kind| match (&parent, management || emulated) {
                (Some(parent), false) => guard.chain(kind, parent, &id, library),
                _ => Vec::new(),
            };
            world.accounts.insert(
                account.handle.clone(),
                AccountNode {
                    handle: account.handle.clone(),
                    environments: account.environments.clone(),
                    membership: organization
                        .map(|o| Membership { id: o.id.clone(), management_account: management }),
                    organization_path: organization
                        .zip(parent.as_ref())
                        .map(|(o, parent)| format!("{}/{}/", o.id, guard.above(parent).join("/"))),
                    service_control: chain("service_control_policy"),
                    resource_control: chain("resource_control_policy"),
                    read: !sides.unread.contains_key(&account.handle),
                    id,
                },
            );
        }
        world.homes = world.accounts.values().map(|a| (a.id.clone(), a.handle.clone())).collect();
        let others = side.objects.iter().filter(|o| !is_principal(o));
        world.places = others.filter_map(|o| Some((label(o), o.location.clone()?))).collect();
        world.outsiders(side, &guard, library);
        if let Some(organization) = guard.organization {
            world.management = Some(organization.management_account);
            world.trusted_services = organization.trusted_services;
        }
        world.state_bucket =
            estate.state_bucket.as_ref().map(|name| format!("arn:aws:s3:::{name}"));
        world.read_principals(side, library);
        world.born(side, sides, library);
        for principal in world.principals.values() {
            let all = world.residents.entry(principal.account.clone()).or_default();
            all.push(Arc::clone(principal));
        }
        let buckets = world.buckets.values().map(|bucket| (&bucket.arn, &bucket.account));
        for (arn, account) in buckets.chain(&world.bare_buckets) {
            world.vaults.entry(account.clone()).or_default().insert(arn.clone());
        }
        world
    }

    /// Accounts of the organization that the estate does not declare, the management account too.
    fn outsiders(&mut self, side: &Side, guard: &Guardrails, library: &Library) {
        let Some(organization) = &guard.organization else { return };
        let declared: BTreeSet<String> = self.accounts.values().map(|a| a.id.clone()).collect();
        let read = side
            .objects
            .iter()
            .filter(|o| o.kind == "account")
            .filter_map(|o| Some((symbol(o.attrs.get("id")?), symbol(o.attrs.get("parent")?))));
        let mut all: BTreeMap<String, String> = read.collect();
        all.entry(organization.management_account.clone())
            .or_insert_with(|| organization.root.clone());
        for (id, parent) in all.into_iter().filter(|(id, _)| !declared.contains(id)) {
            let manages = id == organization.management_account;
            let service_control = if manages {
                Vec::new()
            } else {
                guard.chain("service_control_policy", &parent, &id, library)
            };
            let member = Member {
                membership: Membership { id: organization.id.clone(), management_account: manages },
                organization_path: format!(
                    "{}/{}/",
                    organization.id,
                    guard.above(&parent).join("/")
                ),
                service_control,
            };
            self.members.insert(id, member);
        }
    }

    /// What creation gives an account that does not exist yet: the role through which the management
    /// account enters it (Organizations guide, "Accessing member accounts").
    fn born(&mut self, side: &Side, sides: &Sides, library: &Library) {
        let Some(management) = self.management.clone() else { return };
        let accounts = side.objects.iter().filter(|o| o.kind == "account");
        let planned: HashSet<String> =
            accounts.filter_map(|o| o.attrs.get("id").map(symbol)).collect();
        for account in sides.absent.iter().filter_map(|handle| self.accounts.get(handle)) {
            if !planned.contains(&account.id) {
                continue;
            }
            let name = "OrganizationAccountAccessRole";
            let arn = format!("arn:aws:iam::{}:role/{name}", account.id);
            let label = format!("iam_role/{name}@{}", account.handle);
            let trust = Value::from_json(&serde_json::json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": {"AWS": format!("arn:aws:iam::{management}:root")},
                }],
            }));
            let identity = library.full_access().into_iter().collect();
            let node = PrincipalNode {
                arn: arn.clone(),
                account: account.handle.clone(),
                location: None,
                trust: library.rule(&trust, &label, "trust"),
                written: Written::default(),
                own: OnceLock::from(Own { identity, ..Own::default() }),
                label,
            };
            self.principals.entry(arn).or_insert_with(|| Arc::new(node));
        }
    }

    /// Where an object is declared, by the label that reports cite.
    #[must_use]
    pub fn location(&self, label: &str) -> Option<&String> {
        let principal = || self.labelled().get(label)?.location.as_ref();
        self.places.get(label).or_else(principal)
    }

    fn labelled(&self) -> &HashMap<String, Arc<PrincipalNode>> {
        self.labelled.get_or_init(|| {
            self.principals.values().map(|p| (p.label.clone(), Arc::clone(p))).collect()
        })
    }

    /// Principals of an account.
    pub fn residents(&self, account: &Handle) -> impl Iterator<Item = &PrincipalNode> {
        self.residents.get(account).into_iter().flatten().map(AsRef::as_ref)
    }

    /// Groups of users of an account.
    pub fn groups_of(&self, account: &Handle) -> impl Iterator<Item = &GroupNode> {
        self.groups.get(account).into_iter().flatten()
    }

    /// ARNs of the buckets of an account, with a policy or without.
    pub fn buckets_of(&self, account: &Handle) -> impl Iterator<Item = &String> {
        self.vaults.get(account).into_iter().flatten()
    }

    /// The policy of that name, wherever it stands on this side.
    #[must_use]
    pub fn rule(&self, name: &str) -> Option<Rule> {
        let (label, part) = name.split_once(PART)?;
        let principal = self.labelled().get(label);
        let of_principal = principal
            .into_iter()
            .flat_map(|p| p.identity().iter().chain(p.boundary()).chain(&p.trust));
        let of_buckets = self.buckets.values().map(|b| &b.policy);
        let of_accounts = self
            .accounts
            .values()
            .flat_map(|a| a.service_control.iter().chain(&a.resource_control))
            .chain(self.members.values().flat_map(|m| &m.service_control))
            .flat_map(|(_, rules)| rules);
        let mut standing = of_principal.chain(of_buckets).chain(of_accounts);
        let found = standing.find(|rule| rule.policy.name() == name).cloned();
        found.or_else(|| self.shelf.labelled(label, part))
    }

    fn read_principals(&mut self, side: &Side, library: &Arc<Library>) {
        let policies = side.objects.iter().filter(|o| o.kind == "iam_policy");
        let managed = policies
            .filter_map(|o| {
                let content = o.attrs.get("content").cloned().unwrap_or_default();
                Some((symbol(o.attrs.get("arn")?), (label(o), content)))
            })
            .collect();
        let shelf = Arc::new(Shelf { library: Arc::clone(library), managed });
        self.shelf = Arc::clone(&shelf);
        let groups: BTreeMap<(&Handle, &str), &SideObject> = side
            .objects
            .iter()
            .filter(|o| o.kind == "iam_group")
            .filter_map(|o| Some(((o.account.as_ref()?, o.key.as_str()), o)))
            .collect();
        for ((account, _), group) in &groups {
            let node = GroupNode {
                arn: group.attrs.get("arn").map(symbol).unwrap_or_default(),
                label: label(group),
                written: Written {
                    attrs: group.attrs.clone(),
                    shelf: Arc::clone(&shelf),
                    ..Written::default()
                },
                own: OnceLock::new(),
            };
            self.groups.entry((*account).clone()).or_default().push(node);
        }
        let blocks = |o: &&SideObject| {
            o.kind == "account_baseline" && restricts_public(o, "s3_block_public_access")
        };
        let blocking: BTreeSet<&Handle> =
            side.objects.iter().filter(blocks).filter_map(|o| o.account.as_ref()).collect();
        for object in &side.objects {
            let Some(account) = object.account.clone() else { continue };
            match object.kind.as_str() {
                _ if is_principal(object) => {
                    let Some(arn) = object.attrs.get("arn").map(symbol) else { continue };
                    let mut written = Written {
                        attrs: object.attrs.clone(),
                        groups: Vec::new(),
                        lost_group: false,
                        shelf: Arc::clone(&shelf),
                    };
                    let member_of = object.attrs.get("groups").and_then(Value::elements);
                    for group in member_of.into_iter().flatten().filter_map(Value::as_str) {
                        match groups.get(&(&account, group)) {
                            Some(group) => written.groups.push((label(group), group.attrs.clone())),
                            None => written.lost_group = true,
                        }
                    }
                    let label = label(object);
                    let trust = object.attrs.get("assume_role_policy");
                    let trust = trust.and_then(|trust| library.rule(trust, &label, "trust"));
                    if object.kind == "iam_role" && trust.is_none() {
                        self.unreadable.insert(label.clone());
                    }
                    let location = object.location.clone();
                    let own = OnceLock::new();
                    let node = PrincipalNode { arn, account, label, location, trust, written, own };
                    self.principals.insert(node.arn.clone(), Arc::new(node));
                }
                "s3_bucket" => {
                    let policy = object.attrs.get("policy").filter(|p| !p.is_null());
                    let arn = format!(
                        "arn:aws:s3:::{}",
                        object.attrs.get("bucket").map(symbol).unwrap_or_default()
                    );
                    if policy.is_none_or(|p| p.as_map().is_some_and(|m| m.is_empty())) {
                        self.bare_buckets.insert(arn, account);
                        continue;
                    }
                    let Some(rule) = rule(object, "policy", "policy", library) else {
                        self.sealed_buckets.insert(arn, (account, label(object)));
                        continue;
                    };
                    // The account's own block holds for every bucket in it (S3 User Guide, "Blocking public
                    // access to your Amazon S3 storage").
                    let restrict_public = blocking.contains(&account)
                        || restricts_public(object, "block_public_access");
                    self.buckets.insert(
                        arn.clone(),
                        BucketNode {
                            arn,
                            account,
                            label: label(object),
                            location: object.location.clone(),
                            policy: rule,
                            restrict_public,
                            key: key_of(object),
                        },
                    );
                }
                _ => {}
            }
        }
    }
}

/// Whether `RestrictPublicBuckets` is among the blocks of public access that an object sets.
fn restricts_public(object: &SideObject, attr: &str) -> bool {
    let blocks = object.attrs.get(attr).and_then(Value::as_map);
    blocks.and_then(|b| b.get("restrict_public_buckets")?.as_bool()).unwrap_or(false)
}

/// The KMS key of a bucket's default encryption; `aws/s3`, AWS's own, where none is named.
fn key_of(bucket: &SideObject) -> Option<String> {
    let encryption = bucket.attrs.get("encryption").and_then(Value::as_map)?;
    let by_kms = encryption.get("algorithm")?.as_str()?.starts_with("aws:kms");
    let key = encryption.get("kms_key_id").filter(|key| !key.is_null()).map(symbol);
    by_kms.then(|| key.unwrap_or_else(|| "aws/s3".to_owned()))
}

fn is_principal(object: &SideObject) -> bool {
    matches!(object.kind.as_str(), "iam_role" | "iam_user")
}

/// How reports call an object.
fn label(object: &SideObject) -> String {
    match (&object.address, &object.account) {
        (Some(address), _) => address.to_string(),
        // AWS's own policies are the same in every account.
        (None, _) if object.key.starts_with("arn:aws:iam::aws:") => object.key.clone(),
        (None, Some(account)) => format!("{}/{}@{account}", object.kind, object.key),
        (None, None) => format!("{}/{}", object.kind, object.key),
    }
}

/// A text with the parts that are unknown until apply as symbols, the same for equal unknowns.
#[must_use]
pub fn symbol(value: &Value) -> String {
    use crate::iam::Placeholder;
    use crate::value::Part;
    match value.reveal() {
        Value::String(text) => text.clone(),
        Value::Unknown(unknown) => unknown
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Ref(reference) => Placeholder::new(reference.to_string()).to_string(),
            })
            .collect(),
        other => other.to_json().to_string(),
    }
}

fn rule(object: &SideObject, attr: &str, part: &str, library: &Library) -> Option<Rule> {
    library.rule(object.attrs.get(attr)?, &label(object), part)
}
