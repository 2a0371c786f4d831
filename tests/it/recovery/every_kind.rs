//! An estate with every kind of object is made, changed and removed, and the power goes right before
//! and right after the first request of every kind: each call to AWS that changes anything, each kind of
//! object of the state. The run that follows is cut at the next kind, in its recovery too.
//!
//! After each cut **recovery alone** must record all that AWS holds, down to what has no tags; what the
//! next plan would notice and take over does not count.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use palisade::apply::recover::is_needed;
use palisade::plan::Mode;
use palisade::plan::model::DriftStatus;
use palisade::sandbox::{Phase, RequestInfo, Service};

use crate::support::estates::EVERY_KIND;

use super::judge::{asked_for, compare, made, recorded};
use super::lab::{BUCKET, Lab};
use super::power::{Cut, Switch, slow};

const STEPS: [(&str, Mode); 3] =
    [("one", Mode::Normal), ("two", Mode::Normal), ("two", Mode::Destroy)];

/// An estate that can be declared anew, and its AWS.
struct Life {
    lab: Lab,
    dir: tempfile::TempDir,
}

impl Life {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { lab: Lab::new(dir.path()).await, dir }
    }

    fn declare(&mut self, step: &str, mode: Mode) {
        let default = "default = \"one\"";
        assert!(EVERY_KIND.contains(default));
        let text = EVERY_KIND.replace(default, &format!("default = \"{step}\""));
        std::fs::write(self.dir.path().join("main.hcl"), text).unwrap();
        self.lab.mode = mode;
    }

    /// Accounts and the organization stay when everything is destroyed.
    fn lasting(&self, mut lines: Vec<String>) -> Vec<String> {
        let stays = |l: &String| l.starts_with("account ") || l.starts_with("organization ");
        lines.retain(|line| self.lab.mode == Mode::Normal || !stays(line));
        lines
    }

    /// What AWS holds.
    async fn made(&self) -> Vec<String> {
        self.lasting(made(&self.lab).await)
    }

    async fn undisturbed() -> Vec<Vec<String>> {
        let mut life = Self::new().await;
        let mut seen = Vec::new();
        for (step, mode) in STEPS {
            life.declare(step, mode);
            life.lab.converge("calm").await;
            seen.push(life.made().await);
        }
        seen
    }

    /// One process: recovers, and says what it found; then plans and applies.
    async fn attempt(&self, run: &str) {
        let lab = &self.lab;
        let mut world = lab.survey().await;
        let open = lab.open().await;
        let recovered = lab.recover_from(&world, run).await.unwrap();
        assert!(recovered.unsettled.is_empty(), "{run}: {:#?}", recovered.unsettled);
        let told: BTreeSet<_> = recovered.adopted.iter().chain(&recovered.dropped).collect();
        let untold: Vec<_> = open.iter().filter(|a| !told.contains(a)).collect();
        assert!(untold.is_empty(), "{run}: nothing was said of {untold:?}");
        if is_needed(&world.snapshot) {
            world = lab.survey().await;
        }
        let found = compare(&self.lasting(recorded(&world)), &self.made().await);
        assert_eq!(
            found,
            Default::default(),
            "{run}: in AWS alone, in both twice, in the state alone"
        );
        let plan = lab.plan(&world);
        let drift = plan.drift.iter().filter(|d| d.status == DriftStatus::Changed);
        let drift: Vec<_> = drift.map(|d| (&d.address, &d.changed)).collect();
        assert!(drift.is_empty(), "{run}: recovered as it is, yet {drift:?} drifted");
        let summary = lab.carry_out(run, &world, &plan).await.unwrap();
        assert!(summary.is_success(), "{run}: {summary:#?}");
    }
}

/// What kind of request it is: the operation, and of the state which kind of object, in what scope,
/// and whether some state was written before in this run.
fn kind(info: &RequestInfo, late: &mut bool) -> String {
    let key = info.subject.strip_prefix(BUCKET).filter(|_| info.service == Service::S3);
    let Some(key) = key else { return info.operation.clone() };
    let parts: Vec<&str> = key.trim_matches('/').split('/').collect();
    let what = match parts[..] {
        ["estate", "scopes", scope, "journal", ..] => format!("journal of {}", &scope[..3]),
        ["estate", "scopes", scope, object] => format!("{object} of {}", &scope[..3]),
        ["estate", what, ..] => what.to_owned(),
        _ => key.to_owned(),
    };
    let told = format!("{} {what}{}", info.operation, if *late { " late" } else { "" });
    *late |= info.mutating && what.starts_with("state.json");
    told
}

/// Kinds of requests, and whether the power went right before.
type Tried = Arc<Mutex<BTreeSet<(String, bool)>>>;

/// Which moments are tried of a request to AWS: those at which most can be lost. Everything is tried
/// with `PALISADE_SWEEP=full`.
fn is_tried(how: Cut, before: bool) -> bool {
    let full = std::env::var("PALISADE_SWEEP").as_deref() == Ok("full");
    full || before == matches!(how, Cut::Ragged(_))
}

/// At the first request of a kind that was not tried yet, right before it or right after it was carried
/// out.
fn of_a_new_kind(
    how: Cut,
    tried: &Tried,
    state_too: bool,
) -> impl FnMut(&RequestInfo, Phase) -> bool + Send + 'static {
    let tried = Arc::clone(tried);
    let (mut late, mut now) = (false, String::new());
    move |info, phase| {
        let before = phase == Phase::Before;
        if before {
            now = kind(info, &mut late);
        }
        let state = info.subject.starts_with(BUCKET);
        let counts = info.mutating && (before || info.status < 300);
        let counts = counts && if state { state_too } else { is_tried(how, before) };
        counts && tried.lock().unwrap().insert((now.clone(), before))
    }
}

async fn cut_at_every_kind(how: Cut) -> Vec<(String, bool)> {
    let undisturbed = Life::undisturbed().await;
    let mut life = Life::new().await;
    let mut all = Vec::new();
    for ((step, mode), calm) in STEPS.into_iter().zip(undisturbed) {
        life.declare(step, mode);
        let tried = Tried::default();
        let mut runs = 0;
        loop {
            let here = of_a_new_kind(how, &tried, how == Cut::Clean && step == "one");
            let switch = Switch::new(how, here);
            life.lab.sandbox.set_faults(switch.faults()).await;
            runs += 1;
            let ended = switch.run(life.attempt(&format!("cut{runs}"))).await;
            life.lab.sandbox.set_faults(slow()).await;
            life.lab.sandbox.resume();
            if ended.is_some() {
                break;
            }
            assert!(runs < 300, "it never ends: {:?}", switch.place());
        }
        life.lab.converge("next").await;
        assert_eq!(life.made().await, calm, "{step} {mode:?}");
        assert_eq!(asked_for(&life.lab).await, ["acme-dev", "acme-live"], "once each");
        let tried = std::mem::take(&mut *tried.lock().unwrap());
        assert_eq!(tried.len(), runs - 1, "one cut in each run");
        all.extend(tried);
    }
    let ledger = life.lab.ledger();
    let snapshot = ledger.read_all().await.unwrap();
    assert_eq!(ledger.verify_audit(&snapshot).await.unwrap().problems, Vec::<String>::new());
    for scope in ["org", "acct-dev", "acct-live", "walls"] {
        assert!(ledger.read_lock(scope).await.unwrap().unwrap().released, "{scope}");
    }
    all
}

/// What must be among the requests that were cut: without it an estate has lost a kind.
const KINDS: [&str; 30] = [
    "AttachPolicy",
    "AttachRolePolicy",
    "CreateAccount",
    "CreateAccountAlias",
    "CreateBucket",
    "CreateOpenIDConnectProvider",
    "CreateOrganization",
    "CreateOrganizationalUnit",
    "CreatePolicy",
    "CreateRole",
    "DeleteBucket",
    "DeleteObject journal of acc",
    "DeleteObject journal of org",
    "DeletePolicy",
    "DeleteRole",
    "DetachPolicy",
    "EnablePolicyType",
    "MoveAccount",
    "PutBucketPolicy",
    "PutObject audit",
    "PutObject journal of acc",
    "PutObject journal of org",
    "PutObject keys",
    "PutObject lock.json of wal",
    "PutObject palisade.json",
    "PutObject state.json of acc",
    "PutObject state.json of org",
    "PutParameter",
    "PutRolePolicy",
    "UpdateAccountPasswordPolicy",
];

#[tokio::test]
async fn an_estate_cut_at_every_kind_of_request_is_recovered_whole() {
    let tried: Vec<String> =
        cut_at_every_kind(Cut::Clean).await.into_iter().map(|(kind, _)| kind).collect();
    let has = |kind: &str| tried.iter().any(|t| t.strip_suffix(" late").unwrap_or(t) == kind);
    let missing: Vec<_> = KINDS.into_iter().filter(|kind| !has(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} of {tried:#?}");
}

#[tokio::test]
async fn an_estate_cut_at_every_kind_of_request_with_others_in_flight_is_recovered_whole() {
    // (Some kinds go through with others that were cut.)
    let tried = cut_at_every_kind(Cut::Ragged(4)).await;
    assert!(tried.len() > 30, "{tried:#?}");
}

/// However the process dies after CreateAccount was answered, the journal knows the request.
#[tokio::test]
async fn the_request_of_an_account_is_in_the_journal_before_its_outcome_is_asked_for() {
    let mut life = Life::new().await;
    life.declare("one", Mode::Normal);
    let switch = Switch::new(Cut::Clean, |info, phase| {
        phase == Phase::Before && info.operation == "DescribeCreateAccountStatus"
    });
    life.lab.sandbox.set_faults(switch.faults()).await;
    assert!(switch.run(life.attempt("cut")).await.is_none());
    life.lab.sandbox.set_faults(slow()).await;
    life.lab.sandbox.resume();
    let ledger = life.lab.ledger();
    let mut journal = String::new();
    for key in ledger.store().list("scopes/org/journal/", None).await.unwrap() {
        let object = ledger.store().get(&key).await.unwrap().unwrap();
        journal.push_str(&String::from_utf8(object.bytes).unwrap());
    }
    let (_, request) =
        switch.place().rsplit_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(request.starts_with("car-") && journal.contains(&request), "{request}: {journal}");
    life.lab.converge("next").await;
    assert_eq!(asked_for(&life.lab).await, ["acme-dev", "acme-live"]);
}
