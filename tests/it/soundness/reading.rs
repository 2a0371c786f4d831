//! A generated estate as the analysis reads it.

use std::collections::{BTreeMap, BTreeSet};

use palisade::address::ResourceAddr;
use palisade::diag::{Loc, Source as Text};
use palisade::eval::estate::{Account, Environment, Estate};
use palisade::ids::Handle;
use palisade::plan::sides::{Side, SideObject, Sides};
use palisade::schema::Body;
use palisade::value::Value;
use serde_json::{Value as Json, json};

use super::estate::{ACCOUNTS, MANAGEMENT, Model, ORGANIZATION, ROOT, everything, id_of};

fn loc() -> Loc {
    Loc::whole(&Text::new("main.hcl", "x"))
}

fn handle(text: &str) -> Handle {
    text.parse().unwrap()
}

fn object(kind: &str, account: Option<&str>, key: &str, attrs: Json) -> SideObject {
    SideObject {
        kind: kind.to_owned(),
        key: key.to_owned(),
        account: account.map(handle),
        address: None,
        location: None,
        attrs: Value::from_json(&attrs).as_map().unwrap().clone(),
    }
}

impl Model {
    pub(super) fn read(&self) -> (Estate, Sides) {
        let mut estate = Estate { name: "acme".to_owned(), ..Estate::default() };
        let mut objects = vec![object(
            "organization",
            None,
            "acme",
            json!({"id": ORGANIZATION, "root_id": ROOT, "management_account_id": MANAGEMENT}),
        )];
        let mut targets = vec![ROOT.to_owned()];
        for unit in ["ou-ab12-nonprod1", "ou-ab12-prod1234"] {
            objects.push(object(
                "organizational_unit",
                None,
                unit,
                json!({"id": unit, "parent": ROOT}),
            ));
            targets.push(unit.to_owned());
        }
        for (name, id, unit) in ACCOUNTS {
            let serves: BTreeSet<String> =
                if *name == "shared" { BTreeSet::new() } else { [(*name).to_owned()].into() };
            for environment in &serves {
                estate.environments.insert(
                    environment.clone(),
                    Environment {
                        name: environment.clone(),
                        accounts: [handle(name)].into(),
                        like: None,
                        allowed_differences: BTreeSet::new(),
                        tags: BTreeMap::new(),
                        region: None,
                        body: Body {
                            loc: loc(),
                            attrs: palisade::value::Sorted::new(),
                            blocks: Vec::new(),
                        },
                    },
                );
            }
            let address = ResourceAddr::new("account", *name);
            estate.accounts.insert(
                handle(name),
                Account {
                    handle: handle(name),
                    address: address.clone(),
                    id: (!self.adopted.contains(name)).then(|| id.parse().unwrap()),
                    name: (*name).to_owned(),
                    access_role: None,
                    read_role: None,
                    endpoint_url: None,
                    region: None,
                    environments: serves,
                    loc: loc(),
                },
            );
            let mut account = object("account", None, name, json!({"id": id, "parent": unit}));
            account.address = Some(address);
            objects.push(account);
            targets.push((*id).to_owned());
        }
        let control = |kind: &str, key: &str, targets: &[String], content: &Json| {
            object(kind, None, key, json!({"targets": targets, "content": content}))
        };
        objects.push(control("service_control_policy", "FullAWSAccess", &targets, &everything()));
        for (kind, all) in [
            ("service_control_policy", &self.controls),
            ("resource_control_policy", &self.resource_controls),
        ] {
            for (number, (targets, content)) in all.iter().enumerate() {
                objects.push(control(kind, &format!("{kind}{number}"), targets, content));
            }
        }
        for account in &self.restricting {
            let blocks = json!({"s3_block_public_access": {"restrict_public_buckets": true}});
            objects.push(object("account_baseline", Some(account), account, blocks));
        }
        for identity in &self.identities {
            let inline: BTreeMap<String, &Json> =
                identity.policies.iter().enumerate().map(|(n, p)| (format!("p{n}"), p)).collect();
            let mut attrs =
                json!({"arn": identity.arn, "inline_policies": inline, "tags": identity.tags});
            if let Some(boundary) = &identity.boundary {
                let arn =
                    format!("arn:aws:iam::{}:policy/{}", id_of(identity.account), identity.name);
                attrs["permissions_boundary"] = json!(arn);
                let key = format!("{}-boundary", identity.name);
                let policy = json!({"arn": arn, "content": boundary});
                objects.push(object("iam_policy", Some(identity.account), &key, policy));
            }
            let kind = match &identity.trust {
                Some(trust) => {
                    attrs["assume_role_policy"] = trust.clone();
                    "iam_role"
                }
                None => "iam_user",
            };
            objects.push(object(kind, Some(identity.account), &identity.name, attrs));
        }
        for bucket in &self.buckets {
            let attrs = json!({"bucket": bucket.name, "policy": bucket.policy,
                "block_public_access": {"restrict_public_buckets": bucket.restricted}});
            objects.push(object("s3_bucket", Some(bucket.account), &bucket.name, attrs));
        }
        let side = Side { objects };
        let sides = Sides {
            before: side.clone(),
            after: side,
            read: ACCOUNTS.iter().map(|(name, ..)| handle(name)).collect(),
            unread: BTreeMap::new(),
            absent: Vec::new(),
            live: true,
            guardrails_read: true,
            policies: BTreeMap::new(),
            gone: Vec::new(),
        };
        (estate, sides)
    }
}

/// The same estate where nobody reads one account: what is in it is unseen but for some of it, which the
/// estate manages.
pub(super) fn without_reading(
    sides: &mut Sides,
    account: &str,
    is_managed: impl Fn(&SideObject) -> bool,
) {
    let unread = handle(account);
    for side in [&mut sides.before, &mut sides.after] {
        side.objects.retain(|o| o.account.as_ref() != Some(&unread) || is_managed(o));
    }
    sides.read.retain(|read| *read != unread);
    sides.unread.insert(unread, "nobody may read it".to_owned());
}
