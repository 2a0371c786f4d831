//! One side of a plan as the analysis sees it: accounts with their guardrails, principals with
//! their policies, and the roles and buckets that let somebody else in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::eval::estate::Estate;
use crate::iam::{ChainLevel, Document, Membership, Policy};
use crate::ids::Handle;
use crate::plan::policies::document;
use crate::plan::sides::{Side, SideObject, Sides};
use crate::value::{Attrs, Unknown, Value};

/// A policy document, parsed and compiled, with the name that reports cite.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The document.
    pub document: Arc<Document>,
    /// Compiled for the judge; its name is `ADDRESS\u{1f}PART`.
    pub policy: Arc<Policy>,
}

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

/// A role or user.
#[derive(Clone, Debug)]
pub struct PrincipalNode {
    /// Its ARN.
    pub arn: String,
    /// Its account.
    pub account: Handle,
    /// Address, or kind and key when unmanaged.
    pub label: String,
    /// Where it is declared.
    pub location: Option<String>,
    /// Identity policies.
    pub identity: Vec<Rule>,
    /// Permissions boundary.
    pub boundary: Option<Rule>,
    /// Trust policy, for roles.
    pub trust: Option<Rule>,
    /// Its tags: `aws:PrincipalTag/...`.
    pub tags: BTreeMap<String, String>,
    /// A policy of it could not be read (an attached AWS-managed policy that is unknown, or an
    /// attribute unknown until apply).
    pub unreadable: bool,
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
    pub principals: BTreeMap<String, PrincipalNode>,
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
    /// Where objects are declared, by the label that reports cite.
    pub locations: BTreeMap<String, String>,
}

/// Documents by content: what stands in many places is read and compiled once.
#[derive(Debug, Default)]
pub struct Library {
    rules: HashMap<Value, Option<Rule>>,
}

impl Library {
    /// The document of an attribute under a name of its own; `None` when it is none.
    fn rule(&mut self, value: &Value, name: String) -> Option<Rule> {
        let known = self.rules.entry(value.clone()).or_insert_with(|| {
            let document = document(value)?;
            let policy = Arc::new(Policy::new("", &document));
            Some(Rule { document: Arc::new(document), policy })
        });
        let Rule { document, policy } = known.as_ref()?;
        Some(Rule { document: Arc::clone(document), policy: Arc::new(policy.renamed(name)) })
    }
}

impl World {
    /// Both sides, before and after.
    #[must_use]
    pub fn both(estate: &Estate, sides: &Sides) -> (Self, Self) {
        let mut library = Library::default();
        let before = Self::new(estate, &sides.before, sides, &mut library);
        let after = Self::new(estate, &sides.after, sides, &mut library);
        (before, after)
    }

    /// The after side alone.
    #[must_use]
    pub fn after(estate: &Estate, sides: &Sides) -> Self {
        Self::new(estate, &sides.after, sides, &mut Library::default())
    }

    /// Reads one side.
    fn new(estate: &Estate, side: &Side, sides: &Sides, library: &mut Library) -> Self {
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
            let mut chain = |kind| match (&parent, management || emulated) {
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
        let located = side.objects.iter().filter_map(|o| Some((label(o), o.location.clone()?)));
        world.locations = located.collect();
        world.outsiders(side, &guard, library);
        if let Some(organization) = guard.organization {
            world.management = Some(organization.management_account);
            world.trusted_services = organization.trusted_services;
        }
        world.state_bucket =
            estate.state_bucket.as_ref().map(|name| format!("arn:aws:s3:::{name}"));
        world.read_principals(side, library);
        world.born(side, sides, library);
        world
    }

    /// Accounts of the organization that the estate does not declare, the management account too.
    fn outsiders(&mut self, side: &Side, guard: &Guardrails, library: &mut Library) {
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
    fn born(&mut self, side: &Side, sides: &Sides, library: &mut Library) {
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
            self.principals.entry(arn.clone()).or_insert(PrincipalNode {
                arn,
                account: account.handle.clone(),
                location: None,
                identity: full_access(library).into_iter().collect(),
                boundary: None,
                trust: named_rule(&trust, &label, "trust", library),
                tags: BTreeMap::new(),
                unreadable: false,
                label,
            });
        }
    }

    /// Every policy of this side.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        let of_principals = self
            .principals
            .values()
            .flat_map(|p| p.identity.iter().chain(&p.boundary).chain(&p.trust));
        let of_buckets = self.buckets.values().map(|b| &b.policy);
        let of_accounts = self
            .accounts
            .values()
            .flat_map(|a| a.service_control.iter().chain(&a.resource_control))
            .chain(self.members.values().flat_map(|m| &m.service_control))
            .flat_map(|(_, rules)| rules);
        of_principals.chain(of_buckets).chain(of_accounts).cloned().collect()
    }

    fn read_principals(&mut self, side: &Side, library: &mut Library) {
        let managed: BTreeMap<String, &SideObject> = side
            .objects
            .iter()
            .filter(|o| o.kind == "iam_policy")
            .filter_map(|o| Some((symbol(o.attrs.get("arn")?), o)))
            .collect();
        let groups: BTreeMap<(&Handle, &str), &SideObject> = side
            .objects
            .iter()
            .filter(|o| o.kind == "iam_group")
            .filter_map(|o| Some(((o.account.as_ref()?, o.key.as_str()), o)))
            .collect();
        for object in &side.objects {
            let Some(account) = object.account.clone() else { continue };
            match object.kind.as_str() {
                "iam_role" | "iam_user" => {
                    let Some(arn) = object.attrs.get("arn").map(symbol) else { continue };
                    let mut unreadable = false;
                    let mut identity = identity(object, &managed, &mut unreadable, library);
                    let member_of = object.attrs.get("groups").and_then(Value::elements);
                    for group in member_of.into_iter().flatten().filter_map(Value::as_str) {
                        match groups.get(&(&account, group)) {
                            Some(group) => identity.extend(self::identity(
                                group,
                                &managed,
                                &mut unreadable,
                                library,
                            )),
                            None => unreadable = true,
                        }
                    }
                    let boundary =
                        object.attrs.get("permissions_boundary").filter(|b| !b.is_null());
                    let boundary = boundary.and_then(|b| {
                        let rule = managed
                            .get(&symbol(b))
                            .and_then(|p| rule(p, "content", "boundary", library));
                        unreadable |= rule.is_none();
                        rule
                    });
                    let trust = rule(object, "assume_role_policy", "trust", library);
                    if object.kind == "iam_role" && trust.is_none() {
                        self.unreadable.insert(label(object));
                    }
                    self.principals.insert(
                        arn.clone(),
                        PrincipalNode {
                            arn,
                            account,
                            label: label(object),
                            location: object.location.clone(),
                            identity,
                            boundary,
                            trust,
                            tags: tags(&object.attrs),
                            unreadable,
                        },
                    );
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
                    let restrict = object
                        .attrs
                        .get("block_public_access")
                        .and_then(Value::as_map)
                        .and_then(|m| m.get("restrict_public_buckets")?.as_bool());
                    self.buckets.insert(
                        arn.clone(),
                        BucketNode {
                            arn,
                            account,
                            label: label(object),
                            location: object.location.clone(),
                            policy: rule,
                            restrict_public: restrict.unwrap_or(false),
                            key: key_of(object),
                        },
                    );
                }
                _ => {}
            }
        }
    }
}

/// The KMS key of a bucket's default encryption; `aws/s3`, AWS's own, where none is named.
fn key_of(bucket: &SideObject) -> Option<String> {
    let encryption = bucket.attrs.get("encryption").and_then(Value::as_map)?;
    let by_kms = encryption.get("algorithm")?.as_str()?.starts_with("aws:kms");
    let key = encryption.get("kms_key_id").filter(|key| !key.is_null()).map(symbol);
    by_kms.then(|| key.unwrap_or_else(|| "aws/s3".to_owned()))
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

/// Separates the address from the part in a policy's name.
pub const PART: char = '\u{1f}';

fn rule(object: &SideObject, attr: &str, part: &str, library: &mut Library) -> Option<Rule> {
    named_rule(object.attrs.get(attr)?, &label(object), part, library)
}

fn named_rule(value: &Value, label: &str, part: &str, library: &mut Library) -> Option<Rule> {
    library.rule(value, format!("{label}{PART}{part}"))
}

fn identity(
    object: &SideObject,
    managed: &BTreeMap<String, &SideObject>,
    unreadable: &mut bool,
    library: &mut Library,
) -> Vec<Rule> {
    let mut rules = Vec::new();
    let inline = object.attrs.get("inline_policies");
    *unreadable |= inline.is_some_and(Value::is_unknown);
    for (name, value) in inline.and_then(Value::as_map).into_iter().flatten() {
        let rule = named_rule(value, &label(object), name, library);
        *unreadable |= rule.is_none();
        rules.extend(rule);
    }
    let attached = object.attrs.get("managed_policies").and_then(Value::elements);
    for arn in attached.into_iter().flatten() {
        let rule = managed.get(&symbol(arn)).and_then(|p| rule(p, "content", "content", library));
        *unreadable |= rule.is_none();
        rules.extend(rule);
    }
    rules
}

fn tags(attrs: &Attrs) -> BTreeMap<String, String> {
    let tags = attrs.get("tags").and_then(Value::as_map);
    tags.into_iter().flatten().map(|(k, v)| (k.clone(), symbol(v))).collect()
}

struct Organization {
    id: String,
    root: String,
    management_account: String,
    trusted_services: BTreeSet<String>,
}

/// The organization's tree and what is attached to it.
struct Guardrails {
    organization: Option<Organization>,
    parents: BTreeMap<String, String>,
    attached: BTreeMap<(String, String), Vec<Rule>>,
    /// Policy types that are switched on, in lower case; `None` where that is not known.
    enabled: Option<BTreeSet<String>>,
    /// Whether every attached policy is known: unmanaged ones too, and AWS's `FullAWSAccess`. It is
    /// not where this plan switches SCPs on.
    read: bool,
}

impl Guardrails {
    fn new(side: &Side, read: bool, library: &mut Library) -> Self {
        let mut guard = Self {
            organization: None,
            parents: BTreeMap::new(),
            attached: BTreeMap::new(),
            enabled: None,
            read,
        };
        guard.read &= side
            .objects
            .iter()
            .any(|o| o.kind == "service_control_policy" && o.key == "FullAWSAccess");
        for object in &side.objects {
            let text = |name: &str| object.attrs.get(name).map(symbol);
            match object.kind.as_str() {
                "organization" => {
                    guard.organization = Some(Organization {
                        id: text("id").unwrap_or_default(),
                        root: text("root_id").unwrap_or_default(),
                        management_account: text("management_account_id").unwrap_or_default(),
                        trusted_services: object
                            .attrs
                            .get("trusted_services")
                            .and_then(Value::elements)
                            .into_iter()
                            .flatten()
                            .map(symbol)
                            .collect(),
                    });
                    let types = object.attrs.get("enabled_policy_types").and_then(Value::elements);
                    guard.enabled = types.map(|types| {
                        types.iter().map(|t| symbol(t).to_ascii_lowercase()).collect()
                    });
                }
                "organizational_unit" => {
                    if let (Some(id), Some(parent)) = (text("id"), text("parent")) {
                        guard.parents.insert(id, parent);
                    }
                }
                kind @ ("service_control_policy" | "resource_control_policy") => {
                    // What a policy that cannot be read permits, nobody knows: it limits nothing.
                    let rule = rule(object, "content", "content", library);
                    let full = || full_access(library).filter(|_| kind == "service_control_policy");
                    let Some(rule) = rule.or_else(full) else { continue };
                    let targets = object.attrs.get("targets").and_then(Value::elements);
                    for target in targets.into_iter().flatten() {
                        let place = (kind.to_owned(), symbol(target));
                        guard.attached.entry(place).or_default().push(rule.clone());
                    }
                }
                _ => {}
            }
        }
        guard
    }

    /// Ids from the root down to `parent`.
    fn above(&self, parent: &str) -> Vec<String> {
        let mut levels = vec![parent.to_owned()];
        let mut at = parent;
        // An organization is at most five units deep; a longer walk is a loop in bad data.
        for _ in 0..32 {
            let Some(above) = self.parents.get(at) else { break };
            levels.push(above.clone());
            at = above;
        }
        levels.reverse();
        // Canonical attributes call the root `root`; AWS knows it by its id.
        if let (Some(first), Some(organization)) = (levels.first_mut(), &self.organization)
            && first == "root"
        {
            first.clone_from(&organization.root);
        }
        levels
    }

    /// The levels above an account, root first, the account last.
    fn chain(
        &self,
        kind: &str,
        parent: &str,
        account: &str,
        library: &mut Library,
    ) -> Vec<(String, Vec<Rule>)> {
        // Where a type of policies is switched off, none of them binds anybody. Where it is on, some
        // policy is attached: "you must have at least one SCP attached to each entity".
        let on = match &self.enabled {
            Some(enabled) => enabled.contains(kind),
            None => self.attached.keys().any(|(attached, _)| attached == kind),
        };
        if !on {
            return Vec::new();
        }
        let mut levels = self.above(parent);
        levels.push(account.to_owned());
        let root = self.organization.as_ref().map(|o| o.root.as_str());
        levels
            .into_iter()
            .map(|target| {
                // Attachments to the root stand under its canonical name or under its id.
                let at = |name: &str| self.attached.get(&(kind.to_owned(), name.to_owned()));
                let by_name = at("root").filter(|_| root == Some(target.as_str()));
                let rules: Option<Vec<Rule>> = match (at(&target), by_name) {
                    (None, None) => None,
                    (a, b) => Some(a.into_iter().chain(b).flatten().cloned().collect()),
                };
                let mut rules = rules.unwrap_or_default();
                // A target that does not exist yet is born with AWS's full access attached; of one
                // that was not read nothing else can be assumed.
                let born = target.contains('\u{27e8}');
                if kind == "service_control_policy" && (born || !self.read) {
                    rules.extend(full_access(library));
                }
                (target, rules)
            })
            .collect()
    }
}

/// Whether SCPs are switched on, as far as is known. AWS attaches `FullAWSAccess` to the root, to every
/// unit and to every account when they are switched on (Organizations guide, "Enabling a policy type").
fn limited(side: &Side) -> bool {
    let mut organizations = side.objects.iter().filter(|o| o.kind == "organization");
    organizations.all(|organization| {
        let types = organization.attrs.get("enabled_policy_types").and_then(Value::elements);
        types.is_none_or(|types| {
            types.iter().any(|t| symbol(t).eq_ignore_ascii_case("service_control_policy"))
        })
    })
}

fn full_access(library: &mut Library) -> Option<Rule> {
    let value = Value::from_json(&serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }));
    named_rule(&value, "FullAWSAccess", "content", library)
}

/// Compiled levels for the judge.
#[must_use]
pub fn levels(chain: &[(String, Vec<Rule>)]) -> Vec<ChainLevel> {
    chain
        .iter()
        .map(|(target, rules)| ChainLevel {
            target: target.clone(),
            policies: rules.iter().map(|r| Arc::clone(&r.policy)).collect(),
        })
        .collect()
}
