//! The analysis against small estates made by hand.

mod alone;
mod beside;
mod by_hand;
mod callers;
mod causes;
mod chained_sessions;
mod closure_rules;
mod conditions;
mod covered;
mod escalation;
mod escalation_paths;
mod exceptions;
mod giving;
mod guard;
mod hunt;
mod in_use;
mod kinds;
mod made;
mod ordinary;
mod organization;
mod power;
mod renaming;
mod state_bucket;
mod taken;
mod target_tags;
mod tokens;
mod within_reach;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::section::{AccessPath, FindingKind, Isolation, MatrixRow, PathChange};
use super::{Analysis, Grade, WallVerdict};
use crate::diag::{Loc, Source};
use crate::eval::estate::{Account, Environment, Estate};
use crate::ids::Handle;
use crate::plan::sides::{Side, SideObject, Sides};
use crate::plan::walls::analyse;
use crate::schema::{Body, NestedBody, Spanned};
use crate::value::{Attrs, Unknown, Value};

fn loc() -> Loc {
    Loc::whole(&Source::new("main.hcl", "x"))
}

/// A statement with more elements, others in their place, or without those that are null.
pub(super) fn altered(mut statement: Json, more: &Json) -> Json {
    for (key, value) in more.as_object().expect("an object") {
        if value.is_null() {
            statement.as_object_mut().expect("an object").remove(key);
        } else {
            statement[key] = value.clone();
        }
    }
    statement
}

fn handle(text: &str) -> Handle {
    text.parse().expect("a handle")
}

fn body(attrs: Json, blocks: Vec<NestedBody>) -> Body {
    let spanned = |(key, value): (String, Json)| {
        (key, Spanned { value: Value::from_json(&value), loc: loc() })
    };
    let attrs = attrs.as_object().expect("an object").clone().into_iter().map(spanned).collect();
    Body { loc: loc(), attrs, blocks }
}

/// The day on which estates are judged.
const DAY: &str = "2026-11-23";

const ACCOUNTS: [(&str, &str); 3] =
    [("dev", "111111111111"), ("shared", "222222222222"), ("production", "333333333333")];

/// An estate of dev, production and an account of shared services that serves no environment.
struct Fixture {
    estate: Estate,
    before: Vec<SideObject>,
    after: Vec<SideObject>,
    unread: BTreeMap<Handle, String>,
}

impl Fixture {
    fn new() -> Self {
        let mut estate = Estate { name: "acme".to_owned(), ..Estate::default() };
        let mut objects = vec![object(
            "organization",
            None,
            "acme",
            json!({"id": "o-aaaaaaaaaa", "root_id": "r-ab12", "management_account_id": "999999999999"}),
        )];
        for (name, id) in ACCOUNTS {
            let serves: BTreeSet<String> =
                if name == "shared" { BTreeSet::new() } else { [name.to_owned()].into() };
            let address = crate::address::ResourceAddr::new("account", name);
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
                        body: body(json!({}), Vec::new()),
                    },
                );
            }
            estate.accounts.insert(handle(name), account_of(name, id, serves));
            let mut account = object("account", None, name, json!({"id": id, "parent": "r-ab12"}));
            account.address = Some(address);
            objects.push(account);
        }
        objects.push(object(
            "service_control_policy",
            None,
            "FullAWSAccess",
            json!({"targets": ["r-ab12", "111111111111", "222222222222", "333333333333"],
                   "content": allow("*", "*")}),
        ));
        Self { estate, before: objects.clone(), after: objects, unread: BTreeMap::new() }
    }

    /// One more account, which serves no environment.
    fn account(mut self, name: &str, id: &str) -> Self {
        self.estate.accounts.insert(handle(name), account_of(name, id, BTreeSet::new()));
        let mut account = object("account", None, name, json!({"id": id, "parent": "r-ab12"}));
        account.address = Some(crate::address::ResourceAddr::new("account", name));
        let full = json!({"targets": [id], "content": allow("*", "*")});
        self.both(account).both(object(
            "service_control_policy",
            None,
            &format!("Full-{name}"),
            full,
        ))
    }

    fn both(mut self, object: SideObject) -> Self {
        self.before.push(object.clone());
        self.after.push(object);
        self
    }

    fn then(mut self, object: SideObject) -> Self {
        self.after.retain(|o| {
            (&o.kind, &o.key, &o.account) != (&object.kind, &object.key, &object.account)
        });
        self.after.push(object);
        self
    }

    fn rule(mut self, allow: Vec<NestedBody>) -> Self {
        let rule = body(json!({"between": ["dev", "production"]}), allow);
        self.estate
            .declarations
            .insert("isolation".to_owned(), BTreeMap::from([("environments".to_owned(), rule)]));
        self
    }

    fn sides(&self) -> Sides {
        Sides {
            before: Side { objects: self.before.clone() },
            after: Side { objects: self.after.clone() },
            read: self.estate.accounts.keys().cloned().collect(),
            unread: self.unread.clone(),
            absent: Vec::new(),
            live: true,
            guardrails_read: true,
            policies: BTreeMap::new(),
            gone: Vec::new(),
        }
    }

    fn analyse(&self) -> Isolation {
        analyse(&self.estate, &self.sides(), DAY).expect("rules are right").section
    }
}

fn account_of(name: &str, id: &str, environments: BTreeSet<String>) -> Account {
    Account {
        handle: handle(name),
        address: crate::address::ResourceAddr::new("account", name),
        id: Some(id.parse().expect("an id")),
        name: name.to_owned(),
        access_role: None,
        read_role: None,
        endpoint_url: None,
        region: None,
        environments,
        loc: loc(),
    }
}

fn object(kind: &str, account: Option<&str>, key: &str, attrs: Json) -> SideObject {
    let mut attrs: Attrs = Value::from_json(&attrs).as_map().expect("an object").clone();
    if let Some(bucket) = attrs.get("bucket").and_then(Value::as_str) {
        let arn = format!("arn:aws:s3:::{bucket}");
        attrs.insert("arn".to_owned(), arn.into());
    }
    SideObject {
        kind: kind.to_owned(),
        key: key.to_owned(),
        account: account.map(handle),
        address: account.map(|a| format!("{kind}.{key}@{a}").parse().expect("an address")),
        location: None,
        attrs,
    }
}

fn allow(action: &str, resource: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]})
}

fn trust(statement: Json) -> Json {
    let mut statement = statement;
    statement["Effect"] = json!("Allow");
    if statement.get("Action").is_none() {
        statement["Action"] = json!("sts:AssumeRole");
    }
    json!({"Version": "2012-10-17", "Statement": [statement]})
}

fn id_of(account: &str) -> &'static str {
    if account == "management" {
        return "999999999999";
    }
    let further = [("far", "444444444444"), ("one", "444444444441"), ("two", "444444444442")];
    ACCOUNTS.iter().chain(&further).find(|(name, _)| *name == account).expect("known").1
}

fn role(account: &str, name: &str, trust: Json, identity: Option<Json>) -> SideObject {
    let inline = identity.map_or(json!({}), |i| json!({"main": i}));
    object(
        "iam_role",
        Some(account),
        name,
        json!({"name": name, "path": "/", "arn": format!("arn:aws:iam::{}:role/{name}", id_of(account)),
               "assume_role_policy": trust, "inline_policies": inline, "managed_policies": [],
               "permissions_boundary": null, "tags": {}}),
    )
}

fn lambda(account: &str, name: &str, identity: Json) -> SideObject {
    role(
        account,
        name,
        trust(json!({"Principal": {"Service": "lambda.amazonaws.com"}})),
        Some(identity),
    )
}

fn by(account: &str, name: &str) -> Json {
    trust(json!({"Principal": {"AWS": format!("arn:aws:iam::{}:role/{name}", id_of(account))}}))
}

fn row<'i>(section: &'i Isolation, from: &str, to: &str) -> &'i MatrixRow {
    section.matrix.iter().find(|r| r.from == from && r.to == to).expect("in the matrix")
}

fn after(section: &Isolation, from: &str, to: &str) -> &'static str {
    row(section, from, to).after.name()
}

/// The texts of the findings of a kind.
fn findings(section: &Isolation, kind: FindingKind) -> Vec<&str> {
    section.findings.iter().filter(|f| f.kind == kind).map(|f| f.text.as_str()).collect()
}

#[test]
fn nothing_shared_is_isolated_with_a_proof() {
    let section =
        Fixture::new().both(lambda("dev", "ci", allow("*", "*"))).rule(Vec::new()).analyse();
    assert_eq!(after(&section, "dev", "production"), "isolated");
    assert_eq!(after(&section, "$external", "production"), "isolated");
    assert!(section.violations.is_empty(), "{:?}", section.violations);
    assert!(section.proofs.iter().any(|p| p.from == "dev" && p.to == "production"));
}

#[test]
fn a_new_trust_opens_the_wall_and_names_its_cause() {
    let section = Fixture::new()
        .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
        .then(role("production", "deploy", by("dev", "ci"), None))
        .rule(Vec::new())
        .analyse();
    assert_eq!(row(&section, "dev", "production").before, WallVerdict::Isolated);
    assert_eq!(after(&section, "dev", "production"), "reachable");
    let change = section.changes.iter().find(|c| c.from.environment == "dev").expect("a change");
    assert_eq!(change.change, PathChange::Added);
    assert_eq!(change.caused_by, ["iam_role.deploy@production"]);
    assert_eq!(change.witness.as_ref().expect("a witness").action, "sts:AssumeRole");
    assert_eq!(change.rule.as_deref(), Some("isolation.environments"));
    assert_eq!(section.violations.len(), 1);
    assert_eq!(after(&section, "production", "dev"), "isolated");
}

#[test]
fn a_chain_through_shared_services_is_found() {
    let section = Fixture::new()
        .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
        .both(role("shared", "hub", by("dev", "ci"), Some(allow("sts:AssumeRole", "*"))))
        .then(role("production", "deploy", by("shared", "hub"), None))
        .analyse();
    assert_eq!(after(&section, "dev", "production"), "reachable");
    let change = section.changes.iter().find(|c| c.from.environment == "dev").expect("a change");
    assert_eq!(change.via.len(), 2, "{change:?}");
    assert_eq!(after(&section, "$unassigned", "production"), "reachable");
}

#[test]
fn a_condition_makes_a_path_conditional_and_is_printed() {
    let mut conditioned = by("dev", "ci");
    conditioned["Statement"][0]["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let section = Fixture::new()
        .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
        .then(role("production", "deploy", conditioned, None))
        .analyse();
    assert_eq!(after(&section, "dev", "production"), "conditional");
    assert_eq!(section.changes[0].conditions, ["aws:SourceIp in 10.0.0.0/8"]);
}

#[test]
fn a_guardrail_closes_what_trust_opens() {
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:AssumeRole",
        "Resource": "arn:aws:iam::333333333333:role/*"}]});
    let lock = object(
        "service_control_policy",
        None,
        "lock",
        json!({"targets": ["111111111111"], "content": deny}),
    );
    let open = Fixture::new().both(lambda("dev", "ci", allow("sts:AssumeRole", "*"))).both(role(
        "production",
        "deploy",
        by("dev", "ci"),
        None,
    ));
    let section = open.then(lock).analyse();
    assert_eq!(row(&section, "dev", "production").before, WallVerdict::Reachable);
    assert_eq!(after(&section, "dev", "production"), "isolated");
    assert_eq!(section.changes[0].change, PathChange::Removed);
    let held = findings(&section, FindingKind::HeldBySourceSide);
    assert_eq!(held.len(), 1, "{:?}", section.findings);
}

#[test]
fn a_bucket_policy_opens_and_an_exception_covers_it() {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "ci", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:role/ci"}, "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::acme-data/exports/*"}]});
    let bucket = object(
        "s3_bucket",
        Some("production"),
        "acme-data",
        json!({"bucket": "acme-data", "policy": policy, "block_public_access": {}}),
    );
    let fixture =
        || Fixture::new().both(lambda("dev", "ci", allow("s3:Get*", "*"))).then(bucket.clone());
    let section = fixture().rule(Vec::new()).analyse();
    assert_eq!(section.violations.len(), 1);
    assert_eq!(section.violations[0].actions, ["s3:GetObject"]);
    assert_eq!(section.violations[0].resources, ["arn:aws:s3:::acme-data/exports/*"]);
    let exception = |resources: &str, expires: &str| NestedBody {
        name: "allow".to_owned(),
        labels: vec![Spanned { value: "exports".to_owned(), loc: loc() }],
        body: body(
            json!({"actions": ["s3:GetObject"], "resources": [resources], "reason": "SEC-1", "expires": expires}),
            Vec::new(),
        ),
    };
    let kinds = |section: &Isolation| -> Vec<FindingKind> {
        section.findings.iter().map(|finding| finding.kind).collect()
    };
    let covered =
        fixture().rule(vec![exception("arn:aws:s3:::acme-data/*", "2027-03-31")]).analyse();
    assert!(covered.violations.is_empty(), "{:?}", covered.violations);
    assert_eq!(covered.changes[0].exception.as_deref(), Some("exports"));
    assert!(!kinds(&covered).contains(&FindingKind::SharedResource), "the data that it permits");
    let narrow = fixture()
        .rule(vec![exception("arn:aws:s3:::acme-data/exports/a*", "2027-03-31")])
        .analyse();
    assert_eq!(narrow.violations.len(), 1);
    assert!(kinds(&narrow).contains(&FindingKind::ExceptionUnused));
    assert!(kinds(&narrow).contains(&FindingKind::SharedResource));
    let expired =
        fixture().rule(vec![exception("arn:aws:s3:::acme-data/*", "2026-11-22")]).analyse();
    assert_eq!(expired.violations.len(), 1);
    assert!(kinds(&expired).contains(&FindingKind::ExceptionExpired));
    let soon = fixture().rule(vec![exception("arn:aws:s3:::acme-data/*", "2026-12-01")]).analyse();
    assert!(kinds(&soon).contains(&FindingKind::ExceptionExpiring));
}

#[test]
fn a_weakened_subject_widens() {
    let oidc = |subject: &str| {
        role(
            "production",
            "deploy",
            trust(
                json!({"Principal": {"Federated": "arn:aws:iam::333333333333:oidc-provider/token.actions.githubusercontent.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": subject}}}),
            ),
            None,
        )
    };
    let section = Fixture::new()
        .both(oidc("repo:acme/app:environment:production"))
        .then(oidc("repo:acme/*"))
        .analyse();
    assert_eq!(after(&section, "$external", "production"), "conditional");
    let change = &section.changes[0];
    assert_eq!(change.change, PathChange::Widened);
    assert!(change.conditions[0].contains("repo:acme/*"), "{change:?}");
}

#[test]
fn what_was_not_read_is_undetermined() {
    let mut fixture = Fixture::new().both(lambda("dev", "ci", allow("*", "*"))).rule(Vec::new());
    fixture.unread.insert(handle("production"), "access denied".to_owned());
    let section = fixture.analyse();
    assert_eq!(after(&section, "dev", "production"), "undetermined");
    assert_eq!(row(&section, "dev", "production").managed_only, Some(WallVerdict::Isolated));
    assert_eq!(section.violations.len(), 2, "both directions fail closed");
}

#[test]
fn environments_in_one_account_have_no_wall() {
    let mut fixture = Fixture::new().rule(Vec::new());
    let production = fixture.estate.environments.get_mut("production").expect("there");
    production.accounts = [handle("dev")].into();
    fixture.estate.accounts.get_mut(&handle("dev")).expect("there").environments =
        ["dev".to_owned(), "production".to_owned()].into();
    let section = fixture.analyse();
    assert_eq!(after(&section, "dev", "production"), "shared_account");
    assert_eq!(section.violations.len(), 2);
}

#[test]
fn an_account_that_is_still_to_come_is_decided_by_its_symbol() {
    let mut fixture = Fixture::new().both(lambda("dev", "ci", allow("sts:AssumeRole", "*")));
    let account = crate::address::ResourceAddr::new("account", "production");
    fixture.estate.accounts.get_mut(&handle("production")).expect("there").id = None;
    let unknown = Value::Unknown(Unknown::attr(account.clone(), "id"));
    for side in [&mut fixture.before, &mut fixture.after] {
        side.retain(|o| o.key != "production");
    }
    let mut planned = object("account", None, "production", json!({"parent": "r-ab12"}));
    planned.address = Some(account.clone());
    planned.attrs.insert("id".to_owned(), unknown);
    fixture.after.push(planned);
    let mut deploy = role("production", "deploy", by("dev", "ci"), None);
    let arn = Unknown::string([
        crate::value::StringPart::Text("arn:aws:iam::".to_owned()),
        crate::value::StringPart::Ref(crate::value::AttrRef {
            address: account,
            attr: "id".to_owned(),
        }),
        crate::value::StringPart::Text(":role/deploy".to_owned()),
    ]);
    deploy.attrs.insert("arn".to_owned(), Value::Unknown(arn));
    fixture.after.push(deploy);
    let section = fixture.analyse();
    assert_eq!(after(&section, "dev", "production"), "reachable");
    // Some accounts and not others: which this one will be, nobody knows.
    let some = lambda("dev", "ci", allow("sts:AssumeRole", "arn:aws:iam::3*:role/deploy"));
    assert_eq!(after(&fixture.then(some).analyse(), "dev", "production"), "undetermined");
}

#[test]
fn anonymous_access_to_a_public_bucket_is_told() {
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-www/*"}]});
    let bucket = object(
        "s3_bucket",
        Some("production"),
        "acme-www",
        json!({"bucket": "acme-www", "policy": policy, "block_public_access": {}}),
    );
    let section = Fixture::new().then(bucket).analyse();
    assert_eq!(after(&section, "$anonymous", "production"), "reachable");
}

#[test]
fn what_one_side_holds_names_who_there_can_lift_it() {
    let held = |section: &Isolation| -> Vec<String> {
        let held = findings(section, FindingKind::HeldBySourceSide);
        held.into_iter().map(str::to_owned).collect()
    };
    let root = || trust(json!({"Principal": {"AWS": "111111111111"}}));
    let fixture = || Fixture::new().both(role("production", "deploy", root(), None));
    // Nobody in dev may assume roles, yet production would let them.
    let section = fixture().both(lambda("dev", "app", allow("s3:*", "*"))).analyse();
    assert_eq!(after(&section, "dev", "production"), "isolated");
    let told = held(&section);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("whatever the account `dev` permits"), "{told:?}");
    assert!(told[0].contains("nobody there but the root user"), "{told:?}");
    let section = fixture()
        .both(lambda("dev", "app", allow("s3:*", "*")))
        .both(lambda("dev", "admin", allow("iam:*", "*")))
        .analyse();
    assert!(
        held(&section)[0].contains("`iam_role.admin@dev` can lift that"),
        "{:?}",
        held(&section)
    );
    // One who assumes other roles only, and one who may change it.
    let elsewhere = allow("sts:AssumeRole", "arn:aws:iam::111111111111:role/*");
    let section = fixture()
        .both(lambda("dev", "app", elsewhere))
        .both(lambda(
            "dev",
            "admin",
            allow("iam:PutRolePolicy", "arn:aws:iam::111111111111:role/app"),
        ))
        .analyse();
    let told = held(&section);
    assert!(told[0].contains("`arn:aws:iam::111111111111:role/app` in"), "{told:?}");
    assert!(told[0].contains("`iam_role.admin@dev` can lift that"), "{told:?}");
}

#[test]
fn accounts_beside_the_estate_have_origins_of_their_own() {
    let with_old = |fixture: Fixture| {
        let old = json!({"id": "444444444444", "parent": "r-ab12"});
        let full = json!({"targets": ["444444444444"], "content": allow("*", "*")});
        fixture.both(object("account", None, "old", old)).both(object(
            "service_control_policy",
            None,
            "OldAccess",
            full,
        ))
    };
    let origins = ["$management", "$unassigned", "$external"];
    let lets_in = |id: &str| {
        let deploy = role("production", "deploy", trust(json!({"Principal": {"AWS": id}})), None);
        let section = with_old(Fixture::new().both(deploy)).analyse();
        origins.map(|origin| after(&section, origin, "production"))
    };
    assert_eq!(lets_in("999999999999"), ["reachable", "isolated", "isolated"]);
    // Whom the member lets in that nobody declares is not known.
    assert_eq!(lets_in("444444444444"), ["undetermined", "reachable", "undetermined"]);
    assert_eq!(lets_in("555555555555"), ["isolated", "isolated", "reachable"]);
    let of_all = || {
        let ours = json!({"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}});
        let ours = trust(json!({"Principal": "*", "Condition": ours}));
        Fixture::new().both(role("production", "deploy", ours, None))
    };
    let section = with_old(of_all()).analyse();
    let found = origins.map(|origin| after(&section, origin, "production"));
    assert_eq!(found, ["reachable", "reachable", "undetermined"]);
    let section = of_all().analyse();
    assert_eq!(after(&section, "$external", "production"), "isolated");
    let proof = section.proofs.iter().find(|p| p.from == "$external").expect("a proof");
    let manager = "the management account 999999999999".to_owned();
    assert!(proof.trusted.contains(&manager), "{proof:?}");
}

/// The step of dev's `ci` into production's `deploy` under a condition, with its opening.
pub(super) fn asked_and_opened(
    condition: &Json,
) -> (super::crossing::Asked, crate::iam::symbolic::Opening) {
    let mut conditioned = by("dev", "ci");
    conditioned["Statement"][0]["Condition"] = condition.clone();
    let fixture = Fixture::new()
        .both(lambda("dev", "ci", allow("sts:AssumeRole", "*")))
        .both(role("production", "deploy", conditioned, None));
    let sides = Sides {
        before: Side { objects: fixture.before.clone() },
        after: Side { objects: fixture.after.clone() },
        ..Sides::default()
    };
    let (_, after) = crate::plan::access::models(&fixture.estate, &sides);
    let step = super::crossing::PathStep {
        source: super::crossing::StepSource::Principal(
            "arn:aws:iam::111111111111:role/ci".to_owned(),
        ),
        target: super::crossing::StepTarget::Role(
            "arn:aws:iam::333333333333:role/deploy".to_owned(),
        ),
    };
    let asked = super::crossing::asked(&after, &step).expect("both are there");
    match super::crossing::answer(None, Some(&asked)).after {
        crate::iam::symbolic::SymbolicAnswer::Open(mut openings) => (asked, openings.remove(0)),
        other => panic!("not open: {other:?}"),
    }
}
