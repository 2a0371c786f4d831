//! A generated estate: accounts stamped from one module, grants between them, and the AWS that
//! holds all of it. Equal shapes give equal bytes.
//!
//! Per account: `roles - 3` service roles with two statements each; `deploy`, which trusts the `ci`
//! of the tooling account; `reader`; and `peer`, which trusts the `reader` of the next account of
//! its environment. So there are two grants across accounts for each account. Every hundredth `peer` trusts a `reader` of the next environment:
//! those are the holes that the analysis must find.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use palisade::address::ResourceAddr;
use palisade::config::{Configuration, LoadOptions, load};
use palisade::eval::estate::Estate;
use palisade::eval::{Evaluator, NothingKnown, ValueSource};
use palisade::plan::model::{Plan, StateBasis};
use palisade::plan::sides::{SideObject, Sides};
use palisade::plan::{self, Index, Input, Live, Reading, prepare};
use palisade::provider::{Inventory, LiveObject};
use palisade::schema::{Home, kinds};
use palisade::state::model::{ResourceState, Resources};
use palisade::value::{Attrs, Value};

/// How large an estate is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Member accounts that serve an environment; two more serve none.
    pub(crate) accounts: usize,
    /// Roles in each of them, at least five.
    pub(crate) roles: usize,
    /// Environments that share the accounts among them.
    pub(crate) environments: usize,
}

const BASELINE: &str = r#"
variable "accounts" {}

iam_policy "boundary" {
  accounts = var.accounts
  name     = "boundary"

  statement "Workload" {
    actions   = ["s3:*", "ssm:GetParameter*", "sts:AssumeRole", "logs:*"]
    resources = ["*"]
  }
}

output "boundary_arns" {
  value = { for handle, policy in iam_policy.boundary.at : handle => policy.arn }
}
"#;

const STAMP: &str = r#"
variable "accounts" {}
variable "boundaries" { type = map(string) }
variable "roles" { type = number }
variable "tooling" { type = string }
variable "peers" { type = map(string) }

iam_role "service" {
  for_each             = toset([for n in range(var.roles) : format("service-%03d", n)])
  accounts             = var.accounts
  name                 = each.key
  permissions_boundary = var.boundaries[each.account.handle]

  trust {
    services = ["ecs-tasks.amazonaws.com"]

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [each.account.id]
    }
  }

  statement "Objects" {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::acme-${each.account.id}-${each.key}/*"]
  }

  statement "Settings" {
    actions   = ["ssm:GetParametersByPath"]
    resources = ["arn:aws:ssm:*:${each.account.id}:parameter/acme/${each.key}/*"]
  }
}

iam_role "deploy" {
  accounts             = var.accounts
  name                 = "deploy"
  permissions_boundary = var.boundaries[each.account.handle]

  trust {
    aws = ["arn:aws:iam::${var.tooling}:role/ci"]
  }

  statement "Artifacts" {
    actions   = ["s3:PutObject"]
    resources = ["arn:aws:s3:::acme-${each.account.id}-artifacts/*"]
  }
}

iam_role "reader" {
  accounts = var.accounts
  name     = "reader"

  trust {
    services = ["lambda.amazonaws.com"]

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [each.account.id]
    }
  }

  statement "Peers" {
    actions   = ["sts:AssumeRole"]
    resources = ["arn:aws:iam::*:role/peer"]
  }
}

iam_role "peer" {
  accounts = var.accounts
  name     = "peer"

  trust {
    aws = ["arn:aws:iam::${var.peers[each.account.id]}:role/reader"]
  }

  statement "Report" {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-${each.account.id}-reports/*"]
  }
}
"#;

const TOOLING: &str = "900000000001";
const SECURITY: &str = "900000000002";
const ROOT: &str = "r-ab12";

impl Shape {
    fn id(account: usize) -> String {
        format!("{:012}", 100_000_000_000_u64 + account as u64 * 7)
    }

    fn environment(&self, account: usize) -> usize {
        account % self.environments
    }

    /// The account whose `reader` the `peer` of an account trusts.
    fn peer(&self, account: usize) -> usize {
        let step = if account % 100 == 99 { 1 } else { self.environments };
        (account + step) % self.accounts
    }

    /// Writes the configuration.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub(crate) fn write(&self, dir: &Path) -> std::io::Result<()> {
        let mut text = String::from(
            "palisade {\n  name = \"acme\"\n}\n\nprovider \"aws\" {\n  region = \"eu-west-1\"\n}\n\n\
             organization \"acme\" {\n  enabled_policy_types = [\"SERVICE_CONTROL_POLICY\"]\n}\n\n",
        );
        for environment in 0..self.environments {
            let _ = writeln!(text, "organizational_unit \"u{environment:02}\" {{}}\n");
        }
        for (name, id) in [("tooling", TOOLING), ("security", SECURITY)] {
            let _ = writeln!(text, "account \"{name}\" {{\n  id = \"{id}\"\n}}\n");
        }
        let mut members: Vec<Vec<String>> = vec![Vec::new(); self.environments];
        let mut peers = String::new();
        for account in 0..self.accounts {
            let (environment, id) = (self.environment(account), Self::id(account));
            let _ = writeln!(
                text,
                "account \"a{account:04}\" {{\n  id     = \"{id}\"\n  parent = organizational_unit.u{environment:02}\n}}\n"
            );
            members[environment].push(format!("account.a{account:04}"));
            let _ = writeln!(peers, "    \"{id}\" = \"{}\"", Self::id(self.peer(account)));
        }
        for (environment, accounts) in members.iter().enumerate() {
            let _ = writeln!(
                text,
                "environment \"e{environment:02}\" {{\n  accounts = [{}]\n}}\n",
                accounts.join(", ")
            );
        }
        let all: Vec<String> =
            (0..self.environments).map(|e| format!("environment.e{e:02}")).collect();
        let _ =
            writeln!(text, "isolation \"environments\" {{\n  between = [{}]\n}}\n", all.join(", "));
        let _ = writeln!(
            text,
            "service_control_policy \"regions\" {{\n  targets = [organization.acme]\n\n  statement \"Regions\" {{\n    \
             effect      = \"Deny\"\n    not_actions = [\"iam:*\", \"sts:*\", \"s3:*\"]\n    resources   = [\"*\"]\n\n    \
             condition {{\n      test     = \"StringNotEquals\"\n      variable = \"aws:RequestedRegion\"\n      \
             values   = [\"eu-west-1\"]\n    }}\n  }}\n}}\n"
        );
        let _ = writeln!(
            text,
            "iam_role \"ci\" {{\n  accounts = [account.tooling]\n\n  trust {{\n    services = [\"codebuild.amazonaws.com\"]\n\n    \
             condition {{\n      test     = \"StringEquals\"\n      variable = \"aws:SourceAccount\"\n      \
             values   = [each.account.id]\n    }}\n  }}\n\n  statement \"Deploy\" {{\n    \
             actions   = [\"sts:AssumeRole\"]\n    resources = [\"arn:aws:iam::*:role/deploy\"]\n  }}\n}}\n"
        );
        let _ = writeln!(
            text,
            "locals {{\n  members = [{}]\n}}\n\nmodule \"baseline\" {{\n  source   = \"./baseline\"\n  accounts = local.members\n}}\n\n\
             module \"stamp\" {{\n  source     = \"./stamp\"\n  accounts   = local.members\n  boundaries = module.baseline.boundary_arns\n  \
             roles      = {}\n  tooling    = \"{TOOLING}\"\n  peers = {{\n{peers}  }}\n}}",
            members.concat().join(", "),
            self.roles.saturating_sub(3),
        );
        for (name, text) in [("baseline", BASELINE), ("stamp", STAMP)] {
            std::fs::create_dir_all(dir.join(name))?;
            std::fs::write(dir.join(name).join("main.hcl"), text)?;
        }
        std::fs::write(dir.join("main.hcl"), text)
    }
}

/// The lineage of its state.
const LINEAGE: &str = "11111111-2222-4333-8444-555555555555";

/// What AWS has assigned to an estate's objects.
#[derive(Debug, Default)]
pub(crate) struct Assigned(BTreeMap<ResourceAddr, Attrs>);

impl ValueSource for Assigned {
    fn attrs(&self, address: &ResourceAddr) -> Option<Attrs> {
        self.0.get(address).cloned()
    }

    fn lineage(&self) -> Option<&str> {
        Some(LINEAGE)
    }

    fn management_account(&self) -> Option<palisade::ids::AccountId> {
        "999999999999".parse().ok()
    }
}

/// Loads a configuration that was written by [`Shape::write`].
pub(crate) fn configuration(dir: &Path) -> Configuration {
    let loaded = load(dir, &LoadOptions::default());
    assert!(!loaded.diagnostics.has_errors(), "{:?}", loaded.diagnostics);
    loaded.configuration
}

/// Evaluates a configuration.
pub(crate) fn estate(configuration: &Configuration, known: &dyn ValueSource) -> Estate {
    match Evaluator::new(configuration, known).estate() {
        Ok(estate) => estate,
        Err(errors) => panic!("{errors:?}"),
    }
}

/// The ids that AWS gives to what the estate declares.
pub(crate) fn assigned(estate: &Estate) -> Assigned {
    let mut all = BTreeMap::new();
    for (number, (address, instance)) in estate.instances.iter().enumerate() {
        let mut attrs = Attrs::new();
        for (name, value) in &instance.computed {
            if value.has_unknown() {
                attrs.insert(name.clone(), id(&address.kind, name, number).into());
            }
        }
        all.insert(address.clone(), attrs);
    }
    Assigned(all)
}

fn id(kind: &str, name: &str, number: usize) -> String {
    match (kind, name) {
        ("organization", "id") => "o-aaaaaaaaaa".to_owned(),
        ("organization", "root_id") => ROOT.to_owned(),
        ("account", "id") => format!("{:012}", 700_000_000_000_u64 + number as u64),
        ("organizational_unit", "id") => format!("ou-ab12-{number:08}"),
        (_, "id" | "unique_id") => format!("ID{number:010}"),
        (_, "status") => "ACTIVE".to_owned(),
        _ => format!("arn:aws:{kind}:::{number:010}"),
    }
}

/// An estate that stands in AWS as it is configured.
pub(crate) struct Settled {
    /// What is declared.
    pub(crate) estate: Estate,
    /// What AWS has assigned.
    pub(crate) known: Assigned,
    /// What was read.
    pub(crate) live: Live,
    /// What state records.
    pub(crate) prior: Resources,
}

impl Settled {
    /// Evaluates a configuration, and makes up the AWS that it was applied to.
    pub(crate) fn of(configuration: &Configuration) -> Self {
        let known = assigned(&estate(configuration, &NothingKnown));
        let (live, mut prior) = settled(&estate(configuration, &known));
        live.share_with_state(&mut prior);
        let mut estate = estate(configuration, &known);
        live.share_with_estate(&mut estate, &prior);
        Self { estate, known, live, prior }
    }

    /// Plans it.
    pub(crate) fn plan(&self) -> (Plan, Sides) {
        let made = prepare(Input {
            estate: &self.estate,
            configuration_digest: "sha256:0",
            prior: &self.prior,
            basis: &StateBasis { lineage: LINEAGE.to_owned(), ..StateBasis::default() },
            live: &self.live,
            options: &plan::ComputeOptions::default(),
            generated_at: "2026-11-23T10:00:00Z",
        });
        made.unwrap_or_else(|errors| panic!("{errors:?}"))
    }
}

/// The same sides, where the `peer` of the first account lets in the `reader` of the second one, which serves
/// another environment.
pub(crate) fn one_trust_changed(mut sides: Sides) -> Sides {
    let is_it = |o: &&mut SideObject| {
        o.key == "peer" && o.account.as_ref().is_some_and(|a| a.as_str() == "a0000")
    };
    let peer = sides.after.objects.iter_mut().find(is_it).expect("every account has one");
    let trust = serde_json::json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{}:role/reader", Shape::id(1))},
    }]});
    peer.attrs.insert("assume_role_policy".to_owned(), Value::from_json(&trust));
    sides
}

/// The AWS and the state in which everything is as configured: read from texts of their own, as both are.
fn settled(estate: &Estate) -> (Live, Resources) {
    let mut organization = Inventory::default();
    let mut accounts: BTreeMap<_, Inventory> =
        estate.accounts.keys().map(|handle| (handle.clone(), Inventory::default())).collect();
    let mut prior = Resources::new();
    for (number, (address, instance)) in estate.instances.iter().enumerate() {
        let Some(kind) = kinds::kind(&address.kind) else { continue };
        let schema = kind.schema();
        let mut attrs = instance.desired.clone();
        attrs.extend(instance.computed.clone());
        for (name, value) in &mut attrs {
            if value.has_unknown() {
                *value = id(&address.kind, name, number).into();
            }
        }
        if address.kind == "account" {
            let email = format!("aws+{}@acme.example", address.name);
            attrs.insert("name".to_owned(), address.name.as_str().into());
            attrs.insert("email".to_owned(), email.into());
        }
        let key = kind.natural_key(&attrs).unwrap_or_else(|| address.canonical());
        let inventory = match (schema.home, address.account()) {
            (Home::Account, Some(handle)) => accounts.entry(handle.clone()).or_default(),
            _ => &mut organization,
        };
        prior.insert(
            address.clone(),
            ResourceState {
                kind: address.kind.clone(),
                key: key.clone(),
                attrs: attrs.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
                depends_on: instance.depends_on.clone(),
                environments: instance.environments.clone(),
                meta: serde_json::from_value(Value::Map(kind.meta(&instance.body)).to_json())
                    .expect("facts"),
            },
        );
        let attrs =
            attrs.iter().map(|(k, v)| (k.clone(), Value::from_json(&v.to_json()))).collect();
        let object = LiveObject::new(schema.kind, key.clone(), attrs);
        inventory.objects.insert((schema.kind, key), object);
    }
    // AWS attaches full access to every root, unit and account.
    let full = serde_json::json!({
        "name": "FullAWSAccess",
        "id": "p-FullAWSAccess",
        "targets": organization
            .objects
            .values()
            .filter_map(|o| o.attrs.get("id")?.as_str().map(str::to_owned))
            .chain([ROOT.to_owned()])
            .collect::<Vec<_>>(),
        "content": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
    });
    let kind = "service_control_policy";
    organization.objects.insert(
        (kind, "FullAWSAccess".to_owned()),
        LiveObject {
            reserved: Some("AWS manages it"),
            ..LiveObject::new(
                kind,
                "FullAWSAccess",
                Value::from_json(&full).as_map().cloned().unwrap_or_default(),
            )
        },
    );
    let accounts = accounts
        .into_iter()
        .map(|(handle, inventory)| (handle, Reading::Read(Index::new(inventory))))
        .collect();
    (
        Live {
            organization: Reading::Read(Index::new(organization)),
            accounts,
            founder: None,
            refreshed: true,
            shared: Vec::new(),
        },
        prior,
    )
}
