//! Every resource type with all five handlers, from its block to what Cloud Control holds: made, changed in place, replaced,
//! forgotten, taken back, deleted. The objects are made from the schemas ([`crate::support::instances`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palisade::apply::ApplySummary;
use palisade::diag::{Diagnostic, Diagnostics};
use palisade::engine::edit_state::forget;
use palisade::engine::{EngineError, Variables, apply, plan, validate};
use palisade::plan::model::{Action, Plan, ResourceChange};
use palisade::resource_types::{self, Handler, PropertyPath, TypeBearing, TypeSchema, bearing};
use palisade::schema::kinds;
use palisade::schema::resource::canonical;
use palisade::value::Value;
use serde_json::Value as Json;

use crate::support::host::TestHost;
use crate::support::instances::{Schema, bundled};
use crate::support::stage::{Stage, apply_request, plan_request};

/// How many types share an estate.
const SHARED: usize = 128;

/// At least so many have to pass.
const ENOUGH: usize = 1_500;

/// Types that do not pass, and why.
const EXCEPTIONS: [(&str, &str); 3] = [
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "of `ScalingTargetId`, which is never read back, AWS makes the `ResourceId` that an update needs; the sandbox does not",
    ),
    (
        "AWS::EC2::Subnet",
        "of `Ipv4IpamPoolId`, which is never read back, AWS makes the `CidrBlock` that an update needs; the sandbox does not",
    ),
    ("AWS::MSK::Replicator", "no two clusters that differ can be made from its schema"),
];

const HEAD: &str = r#"palisade { name = "acme" }
provider "aws" { region = "us-east-1" }
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
"#;

/// A type on its way.
struct Subject {
    ty: &'static TypeSchema,
    /// What its block says at present.
    object: Json,
    /// With a property that changes in place.
    mutated: Option<(String, Json)>,
    /// With one that never is read back.
    hidden: Option<(String, Json)>,
    /// With one that is settled at creation.
    replaced: Option<(String, Json)>,
    /// The identifier of its object.
    id: String,
}

impl Subject {
    /// What is asked for, never read back and settled at creation cannot be sent with a change, which AWS then refuses.
    fn is_replaced_by_any_change(&self) -> bool {
        let shape = self.ty.shape();
        let required = shape.required();
        self.ty.write_only.iter().any(|path| {
            path.is_top() && required.contains(path.root()) && self.ty.create_only.contains(path)
        })
    }
}

/// Why types are not seen to the end.
type Dropped = BTreeMap<&'static str, String>;

#[test]
fn every_type_is_made_changed_replaced_taken_over_and_deleted() {
    let mut schemas = bundled();
    let all: Vec<&TypeSchema> = resource_types::entries()
        .iter()
        .filter(|entry| {
            [Handler::Create, Handler::Read, Handler::Update, Handler::Delete, Handler::List]
                .into_iter()
                .all(|handler| entry.handlers.has(handler))
        })
        .map(|entry| entry.load().expect("a schema"))
        .collect();
    assert!(all.len() > 1_500, "{}", all.len());
    let work: Vec<Vec<(&TypeSchema, Json)>> = all
        .chunks(SHARED)
        .map(|chunk| {
            chunk.iter().map(|ty| (*ty, schemas.remove(&ty.name).expect("there"))).collect()
        })
        .collect();
    let next = AtomicUsize::new(0);
    let passed = Mutex::new((BTreeSet::new(), Dropped::new(), [0_usize; 3]));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("runs");
                while let Some(chunk) = work.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let (subjects, dropped, counts) = runtime.block_on(see_through(chunk));
                    let mut passed = passed.lock().unwrap();
                    passed.0.extend(subjects);
                    passed.1.extend(dropped);
                    for (sum, count) in passed.2.iter_mut().zip(counts) {
                        *sum += count;
                    }
                }
            });
        }
    });
    let (passed, dropped, counts) = passed.into_inner().unwrap();
    let excused: BTreeMap<&str, &str> = EXCEPTIONS.into_iter().collect();
    let mut told = String::new();
    for (name, why) in &dropped {
        let is_known = excused.contains_key(name) || has_a_kind_of_its_own(name);
        if !is_known {
            let _ = writeln!(told, "{name}: {why}");
        }
    }
    for name in excused.keys().filter(|name| !dropped.contains_key(*name)) {
        let _ = writeln!(told, "{name} passes by now");
    }
    assert!(told.is_empty(), "{told}");
    assert!(passed.len() >= ENOUGH, "{} passed", passed.len());
    // So many have a property of each sort, and were changed there.
    let [in_place, never_read, replaced] = counts;
    assert!(in_place > 1_100 && never_read > 200 && replaced > 1_100, "{counts:?}");
}

/// Cloud Control in the Region of the estates: the one that also serves what is global.
fn client(sdk: &aws_config::SdkConfig) -> aws_sdk_cloudcontrol::Client {
    let config = aws_sdk_cloudcontrol::config::Builder::from(sdk);
    let region = aws_config::Region::new("us-east-1");
    aws_sdk_cloudcontrol::Client::from_conf(config.region(region).build())
}

fn has_a_kind_of_its_own(name: &str) -> bool {
    kinds::kinds().iter().any(|kind| kind.schema().resource_types.contains(&name))
}

/// Sees types through in one estate. Gives those that passed, the others with why, and how many had a property that changes
/// in place, one that is never read back, and one that replaces.
async fn see_through(
    types: &[(&'static TypeSchema, Json)],
) -> (Vec<&'static str>, Dropped, [usize; 3]) {
    let mut dropped = Dropped::new();
    let mut subjects = Vec::new();
    for (ty, schema) in types {
        match subject(ty, &Schema::new(schema.clone())) {
            Some(subject) => subjects.push(subject),
            None => {
                dropped.insert(&ty.name, "no object of it can be made".to_owned());
            }
        }
    }
    let mut estate = Estate { stage: Stage::new(HEAD).await, subjects, dropped, imports: false };
    estate.leave_out_what_is_refused();
    estate.is_created().await;
    estate.settles("once it is made").await;
    let counts = estate.is_changed_in_place().await;
    let replaced = estate.is_replaced().await;
    estate.settles("once it is replaced").await;
    estate.is_taken_back().await;
    estate.settles("once it is imported").await;
    estate.is_deleted().await;
    let passed = estate.subjects.iter().map(|subject| subject.ty.name.as_str()).collect();
    (passed, estate.dropped, [counts[0], counts[1], replaced])
}

struct Estate {
    stage: Stage,
    subjects: Vec<Subject>,
    dropped: Dropped,
    /// Whether each block has an `import` beside it.
    imports: bool,
}

impl Estate {
    fn write(&self) {
        let mut text = HEAD.to_owned();
        for subject in &self.subjects {
            let object = hcl(&subject.object);
            let _ = write!(
                text,
                "resource \"{}\" \"it\" {{\n  accounts = [account.dev]\n  properties = {object}\n}}\n",
                subject.ty.name
            );
        }
        self.stage.write("main.hcl", &text);
        let mut imports = String::new();
        for subject in self.subjects.iter().filter(|_| self.imports) {
            let _ = write!(
                imports,
                "import {{\n  to = resource[\"{}\"].it.at[\"dev\"]\n  id = {}\n}}\n",
                subject.ty.name,
                hcl(&subject.id.as_str().into())
            );
        }
        self.stage.write("import.hcl", &imports);
    }

    /// The block in which a diagnostic stands.
    fn subject_of(&self, diagnostic: &Diagnostic) -> Option<usize> {
        // An error of an object that is planned tells its address.
        let named =
            diagnostic.summary.split("resource[\"").nth(1).and_then(|rest| rest.split('"').next());
        if let Some(name) = named {
            return self.subjects.iter().position(|subject| subject.ty.name == name);
        }
        let at = diagnostic.loc.as_ref()?;
        if at.file().ends_with("import.hcl") {
            return Some((at.line() - 1) / 4);
        }
        let line = at.line();
        line.checked_sub(HEAD.lines().count() + 1).map(|line| line / 4)
    }

    fn drop_subjects(&mut self, why: BTreeMap<&'static str, String>) {
        self.subjects.retain(|subject| !why.contains_key(subject.ty.name.as_str()));
        for (name, why) in why {
            self.dropped.entry(name).or_insert(why);
        }
    }

    /// Leaves out the types that errors are about.
    #[track_caller]
    fn drop_wrong(&mut self, during: &str, diagnostics: &Diagnostics) {
        let mut why = BTreeMap::new();
        for error in diagnostics.iter().filter(|d| d.is_error()) {
            let at = self.subject_of(error).unwrap_or_else(|| panic!("{during}: {error:?}"));
            let name = self.subjects[at].ty.name.as_str();
            why.entry(name).or_insert(format!("{during}: {} {:?}", error.summary, error.detail));
        }
        assert!(!why.is_empty(), "{during}: {diagnostics:?}");
        self.drop_subjects(why);
    }

    fn leave_out_what_is_refused(&mut self) {
        let host = Arc::new(TestHost::default());
        loop {
            self.write();
            let workspace = self.stage.workspace(&host);
            let found = validate::run(&workspace, &Variables::default()).expect("validated");
            if !found.diagnostics.has_errors() {
                return;
            }
            self.drop_wrong("validate", &found.diagnostics);
        }
    }

    /// Applies, and leaves out what fails. Gives the plan.
    async fn applied(&mut self, during: &str) -> Plan {
        let host = Arc::new(TestHost::default());
        let plan = self.planned(during).await;
        loop {
            self.write();
            let workspace = self.stage.workspace(&host);
            match apply::run(&workspace, &apply_request()).await {
                Ok(outcome) => {
                    self.drop_failed(during, outcome.summary.as_ref());
                    return plan;
                }
                Err(EngineError::Failed(diagnostics)) => self.drop_wrong(during, &diagnostics),
                Err(EngineError::Refused(_)) => self.drop_failed(during, host.summary().as_ref()),
                Err(other) => panic!("{during}: {other:?}"),
            }
        }
    }

    async fn planned(&mut self, during: &str) -> Plan {
        let host = Arc::new(TestHost::default());
        loop {
            self.write();
            match plan::run(&self.stage.workspace(&host), &plan_request()).await {
                Ok(outcome) => return outcome.plan,
                Err(EngineError::Failed(diagnostics)) => self.drop_wrong(during, &diagnostics),
                Err(other) => panic!("{during}: {other:?}"),
            }
        }
    }

    fn name_of(&self, kind: &str) -> Option<&'static str> {
        resource_types::find(kind).map(|entry| entry.name.as_str())
    }

    fn drop_failed(&mut self, during: &str, summary: Option<&ApplySummary>) {
        let mut why = BTreeMap::new();
        for failed in summary.into_iter().flat_map(|summary| &summary.failed) {
            if let Some(name) = self.name_of(&failed.address.kind) {
                why.insert(name, format!("{during}: {:?} {:?}", failed.op, failed.why));
            }
        }
        self.drop_subjects(why);
    }

    /// What the plan says of each type, where it is not as it has to be.
    fn check(
        &mut self,
        during: &str,
        plan: &Plan,
        right: impl Fn(&Subject, &ResourceChange) -> Result<(), String>,
    ) {
        let changes: BTreeMap<&str, &ResourceChange> =
            plan.resource_changes.iter().map(|change| (change.kind.as_str(), change)).collect();
        let mut why = BTreeMap::new();
        for subject in &self.subjects {
            let name = subject.ty.name.as_str();
            let Some(change) = changes.get(name) else {
                why.insert(name, format!("{during}: the plan does not know it"));
                continue;
            };
            if let Err(wrong) = right(subject, change) {
                why.insert(
                    name,
                    format!(
                        "{during}: {wrong}: {:?} changed {:?} because {:?}",
                        change.action, change.changed, change.replace_because
                    ),
                );
            }
        }
        self.drop_subjects(why);
    }

    async fn is_created(&mut self) {
        let plan = self.applied("create").await;
        self.check("create", &plan, |_, change| is(change, Action::Create));
    }

    /// Nothing is left to do, and AWS holds what the block says.
    async fn settles(&mut self, when: &str) {
        let plan = self.planned(when).await;
        for change in &plan.resource_changes {
            let id = change
                .before
                .as_ref()
                .and_then(|before| before.get("id")?.as_str().map(str::to_owned));
            if let (Some(id), Some(subject)) =
                (id, self.subjects.iter_mut().find(|s| s.ty.name == change.kind))
            {
                subject.id = id;
            }
        }
        self.check(when, &plan, |_, change| is(change, Action::NoOp));
        self.is_held(when).await;
    }

    async fn is_held(&mut self, when: &str) {
        let mut why = BTreeMap::new();
        let sdk = self.stage.member("acme-dev").await.expect("an account");
        let client = client(&sdk);
        for subject in &self.subjects {
            let name = subject.ty.name.as_str();
            let read = client.get_resource().type_name(name).identifier(&subject.id).send().await;
            let Ok(answer) = read else {
                why.insert(name, format!("{when}: `{}` is not there", subject.id));
                continue;
            };
            let told =
                answer.resource_description().and_then(|told| told.properties()).expect("told");
            let held: Json = serde_json::from_str(told).expect("a model");
            for (property, wanted) in subject.object.as_object().expect("an object") {
                let is_hidden = subject.ty.write_only.iter().any(|path| path.root() == property);
                let held = held.get(property).unwrap_or(&Json::Null);
                if !is_hidden && differ(subject.ty, property, held, wanted) {
                    why.insert(name, format!("{when}: `{property}` is {held}, not {wanted}"));
                }
            }
        }
        self.drop_subjects(why);
    }

    async fn is_changed_in_place(&mut self) -> [usize; 2] {
        for subject in &mut self.subjects {
            for (property, value) in [&subject.mutated, &subject.hidden].into_iter().flatten() {
                subject.object[property] = value.clone();
            }
        }
        let plan = self.applied("change in place").await;
        self.check("change in place", &plan, |subject, change| {
            let properties: BTreeSet<&str> = [&subject.mutated, &subject.hidden]
                .into_iter()
                .flatten()
                .map(|(p, _)| p.as_str())
                .collect();
            match properties.is_empty() {
                true => is(change, Action::NoOp),
                false if subject.is_replaced_by_any_change() => is(change, Action::Replace),
                false => {
                    is(change, Action::Update).and_then(|()| changes_only(change, &properties))
                }
            }
        });
        if self.subjects.iter().any(Subject::is_replaced_by_any_change) {
            self.settles("change in place").await;
        } else {
            self.is_held("change in place").await;
        }
        let count = |of: fn(&Subject) -> bool| self.subjects.iter().filter(|s| of(s)).count();
        [count(|s| s.mutated.is_some()), count(|s| s.hidden.is_some())]
    }

    async fn is_replaced(&mut self) -> usize {
        for subject in &mut self.subjects {
            if let Some((property, value)) = &subject.replaced {
                subject.object[property] = value.clone();
            }
        }
        let plan = self.applied("replace").await;
        self.check("replace", &plan, |subject, change| match &subject.replaced {
            None => is(change, Action::NoOp),
            Some((property, _)) => is(change, Action::Replace)
                .and_then(|()| changes_only(change, &BTreeSet::from([property.as_str()]))),
        });
        self.subjects.iter().filter(|subject| subject.replaced.is_some()).count()
    }

    async fn is_taken_back(&mut self) {
        let addresses = self.subjects.iter();
        let addresses: Vec<String> =
            addresses.map(|s| format!("resource[\"{}\"].it@dev", s.ty.name)).collect();
        let host = Arc::new(TestHost::default());
        let request = forget::ForgetRequest { addresses, lock_timeout: Duration::ZERO };
        forget::run(&self.stage.workspace(&host), &request).await.expect("forgotten");
        self.imports = true;
        let plan = self.applied("import").await;
        self.imports = false;
        self.check("import", &plan, |subject, change| {
            // What never is read back may be anything until it is written once.
            let hidden: BTreeSet<&str> =
                subject.ty.write_only.iter().map(PropertyPath::root).collect();
            is(change, Action::Adopt).and_then(|()| changes_only(change, &hidden))
        });
    }

    async fn is_deleted(&mut self) {
        let subjects = std::mem::take(&mut self.subjects);
        self.applied("delete").await;
        let sdk = self.stage.member("acme-dev").await.expect("an account");
        let client = client(&sdk);
        for subject in subjects {
            let read = client.get_resource().type_name(&subject.ty.name).identifier(&subject.id);
            match read.send().await.map_err(aws_sdk_cloudcontrol::Error::from) {
                Err(aws_sdk_cloudcontrol::Error::ResourceNotFoundException(_)) => {
                    if !self.dropped.contains_key(subject.ty.name.as_str()) {
                        self.subjects.push(subject);
                    }
                }
                other => {
                    self.dropped.entry(&subject.ty.name).or_insert(format!("delete: {other:?}"));
                }
            }
        }
    }
}

fn is(change: &ResourceChange, action: Action) -> Result<(), String> {
    if change.action == action { Ok(()) } else { Err(format!("not {action:?}")) }
}

fn changes_only(change: &ResourceChange, properties: &BTreeSet<&str>) -> Result<(), String> {
    let root = |path: &String| {
        path.trim_start_matches("$.").split(['.', '[']).next().unwrap_or_default().to_owned()
    };
    let others: Vec<&String> =
        change.changed.iter().filter(|path| !properties.contains(root(path).as_str())).collect();
    if others.is_empty() { Ok(()) } else { Err(format!("{others:?} change too")) }
}

/// Whether two values of a property are not the same to AWS.
fn differ(ty: &TypeSchema, property: &str, one: &Json, other: &Json) -> bool {
    let shape = ty.shape().property(property);
    let of = |json: &Json| canonical(&Value::from_json(json), shape.as_ref());
    told(&of(one)) != told(&of(other))
}

/// A value without what says nothing: to Palisade an empty map or list is as good as none.
fn told(value: &Value) -> Value {
    match value {
        Value::Map(map) => {
            let inside = map.iter().map(|(name, value)| (name.clone(), told(value)));
            let inside: palisade::value::Attrs =
                inside.filter(|(_, value)| !value.is_null()).collect();
            if inside.is_empty() { Value::Null } else { Value::Map(inside) }
        }
        Value::List(list) if list.is_empty() => Value::Null,
        other => other.clone(),
    }
}

fn subject(ty: &'static TypeSchema, schema: &Schema) -> Option<Subject> {
    let object = schema.minimal()?;
    let any = |paths: &[PropertyPath], name: &str| paths.iter().any(|path| path.root() == name);
    let top = |paths: &[PropertyPath], name: &str| {
        paths.iter().any(|path| path.is_top() && path.root() == name)
    };
    let tags = ty.tag_property();
    let policy = match bearing(&ty.name) {
        TypeBearing::Policy(property) => Some(property),
        _ => None,
    };
    let names = ty.shape().names();
    let settable = names.into_iter().filter(|name| {
        !top(&ty.read_only, name)
            && policy != Some(*name)
            && tags.as_ref().is_none_or(|path| path.root() != *name)
    });
    let settable: Vec<&str> = settable.collect();
    let other = |from: &Json, right: &dyn Fn(&str) -> bool| {
        settable.iter().filter(|name| right(name)).find_map(|name| {
            let changed = schema.changed(from, name, |one, other| differ(ty, name, one, other))?;
            Some(((*name).to_owned(), changed[*name].clone()))
        })
    };
    let is_free = |name: &str| {
        !any(&ty.create_only, name) && !any(&ty.may_replace, name) && !any(&ty.identifier, name)
    };
    let mutated = other(&object, &|name| is_free(name) && !any(&ty.write_only, name));
    let with = |object: &Json, change: &Option<(String, Json)>| {
        let mut object = object.clone();
        if let Some((property, value)) = change {
            object[property] = value.clone();
        }
        object
    };
    let object_then = with(&object, &mutated);
    let hidden = other(&object_then, &|name| is_free(name) && top(&ty.write_only, name));
    let object_then = with(&object_then, &hidden);
    let readable = |name: &str| !any(&ty.write_only, name);
    let replaced = other(&object_then, &|name| top(&ty.create_only, name) && readable(name))
        .or_else(|| other(&object_then, &|name| top(&ty.create_only, name)));
    Some(Subject { ty, object, mutated, hidden, replaced, id: String::new() })
}

/// JSON as HCL reads it.
fn hcl(value: &Json) -> String {
    value.to_string().replace("${", "$${").replace("%{", "%%{")
}
