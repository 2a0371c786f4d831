//! A holder that loses its lease in mid-apply, over real sockets and in processes of their own, in four ways: its
//! network is gone for a while, it is stopped, the server's clock jumps, its machine sleeps. Judged by what
//! came in at its door: after the takeover nothing that changes anything.
//!
//! A holder's process is this test binary again (`child`), for its leases are shorter than those of the
//! program. Once each by default; `PALISADE_TAKEOVER=20` runs each so often.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use palisade::apply::ApplySummary;
use palisade::engine::apply::{self, ApplyRequest};
use palisade::engine::carry_out::ApplyApproval;
use palisade::engine::connect::{self, Aws};
use palisade::engine::origin::RunOrigin;
use palisade::engine::plan::{FailOn, PlanRequest};
use palisade::engine::{EngineError, Workspace};
use palisade::state::{Clock, Ledger, S3Store, SystemClock, Terms};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::doors::{Door, Front, Incoming};
use crate::support::endpoint::{Endpoint, s3};
use crate::support::host::TestHost;

const BUCKET: &str = "takeover-state";
/// The margin is twice the request time-out; a door that is opened cuts what it holds, so that no attempt
/// lasts longer than the test wants.
const TERMS: Terms =
    Terms { length: Duration::from_secs(4), request_timeout: Duration::from_millis(500) };
const ROLES: usize = 30;

fn estate(roles: usize) -> String {
    format!(
        r#"
provider "aws" {{ region = "eu-west-1" }}
organization "acme" {{}}
account "dev" {{
  name  = "acme-dev"
  email = "dev@acme.example"
}}
iam_role "r" {{
  count    = {roles}
  accounts = [account.dev]
  trust {{ services = ["ec2.amazonaws.com"] }}
  statement "read" {{
    effect    = "Allow"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::b/*"]
  }}
}}
"#
    )
}

/// The machine's clock as a sleeper has it: it stands still while a file says that the machine sleeps, and
/// has jumped when it wakes up. Timers go on, as those of a machine that was asleep are late.
struct SleepersClock {
    system: SystemClock,
    asleep: PathBuf,
    since: std::sync::Mutex<Option<Duration>>,
}

#[async_trait]
impl Clock for SleepersClock {
    fn elapsed(&self) -> Duration {
        let now = self.system.elapsed();
        let mut since = self.since.lock().unwrap();
        if !self.asleep.exists() {
            *since = None;
            return now;
        }
        *since.get_or_insert(now)
    }

    async fn sleep(&self, duration: Duration) {
        self.system.sleep(duration).await;
    }
}

/// One run: recovers and applies what the directory declares. The summary of one that failed, too.
async fn one(dir: &Path, run: &str) -> Result<ApplySummary, EngineError> {
    let host = Arc::new(TestHost::default());
    let origin = RunOrigin { host: run.into(), user: "lab".into(), pid: 1, process: None };
    let mut workspace = Workspace {
        env: std::env::vars().collect(),
        terms: TERMS,
        ..Workspace::new(dir.to_owned(), origin, Aws::Ambient, Arc::clone(&host) as Arc<_>)
    };
    let connection = connect::connect(&workspace, Some("eu-west-1")).await?;
    workspace.aws = Aws::Connected(Box::new(connection.clone()));
    let clock = Arc::new(SleepersClock {
        system: SystemClock::new(),
        asleep: dir.join("asleep"),
        since: Default::default(),
    });
    let store = Arc::new(S3Store::new(s3(&connection.sdk), BUCKET, "e"));
    let ledger = Ledger::with_clock(store, clock).with_calendar(jiff::Timestamp::now);
    workspace.state = Some(ledger);
    let approval = ApplyApproval {
        fail_on: FailOn::Violation,
        reason: None,
        lock_timeout: Duration::from_secs(60),
        parallelism: 1,
    };
    let request = ApplyRequest { plan: PlanRequest::everything(&Default::default()), approval };
    let ended = apply::run(&workspace, &request).await;
    host.summary().map_or_else(|| ended.map(|outcome| outcome.summary.unwrap_or_default()), Ok)
}

/// Not a test of its own: what the tests below start as another process.
#[test]
fn child() {
    let Some(dir) = std::env::var_os("PALISADE_TAKEOVER_CHILD") else { return };
    let name = if Path::new(&dir).ends_with("first") { "first" } else { "second" };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .unwrap();
    match runtime.block_on(one(Path::new(&dir), name)) {
        Ok(summary) => println!("ENDED {summary:#?}"),
        Err(error) => panic!("{error:?}"),
    }
}

struct Stage {
    dir: tempfile::TempDir,
    front: Front,
    first: Door,
    second: Door,
}

impl Stage {
    fn new() -> Self {
        let front = Front::new();
        let (first, second) = (front.door(), front.door());
        let stage = Self { dir: tempfile::tempdir().unwrap(), front, first, second };
        stage.front.run(async {
            let sdk = Endpoint::of(stage.front.sandbox.clone()).management();
            let client = s3(&sdk);
            let place = aws_sdk_s3::types::CreateBucketConfiguration::builder();
            let place = place.location_constraint("eu-west-1".into()).build();
            let create = client.create_bucket().bucket(BUCKET).create_bucket_configuration(place);
            create.send().await.unwrap();
            let on = aws_sdk_s3::types::VersioningConfiguration::builder()
                .status(aws_sdk_s3::types::BucketVersioningStatus::Enabled)
                .build();
            let set = client.put_bucket_versioning().bucket(BUCKET).versioning_configuration(on);
            set.send().await.unwrap();
        });
        for (name, roles) in [("first", ROLES), ("second", 0)] {
            let dir = stage.dir.path().join(name);
            std::fs::create_dir(&dir).unwrap();
            std::fs::write(dir.join("main.hcl"), estate(roles)).unwrap();
        }
        // The account is there before anything goes wrong.
        stage.ended(stage.start("second"));
        stage
    }

    fn start(&self, name: &str) -> Child {
        let door = if name == "first" { &self.first } else { &self.second };
        let credentials = self.front.sandbox.management_credentials();
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "takeover::child", "--nocapture"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("AWS_ENDPOINT_URL", &door.url)
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PALISADE_TAKEOVER_CHILD", self.dir.path().join(name))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// What a run that must end well said.
    #[track_caller]
    fn ended(&self, child: Child) -> String {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n---\n{err}");
        said
    }

    fn roles(&self) -> Vec<String> {
        let held =
            self.front.run(async { Endpoint::of(self.front.sandbox.clone()).holds(&[]).await });
        held.into_iter().filter(|line| line.contains(" role r-")).collect()
    }

    /// The first run is at work when this returns: the request is held, or has been made.
    fn wait(&self, until: impl Fn() -> bool) {
        let start = Instant::now();
        while !until() {
            assert!(start.elapsed() < Duration::from_secs(120), "{:#?}", self.first.seen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn creates(incoming: &Incoming) -> bool {
    incoming.operation == "CreateRole"
}

/// What the first run sent after a moment: changes of AWS, and objects of its journal.
fn sent_after(door: &Door, at: Instant) -> Vec<String> {
    let late = door.seen().into_iter().filter(|i| i.at > at);
    late.filter(|i| i.changes() || i.operation == "PUT" && i.text.contains("/journal/"))
        .map(|i| format!("{} {}", i.operation, i.text))
        .collect()
}

fn takeover(kind: &str) {
    let rounds = std::env::var("PALISADE_TAKEOVER").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut beyond = 0;
    for round in 0..rounds {
        let stage = Stage::new();
        let (first, second) = (&stage.first, &stage.second);
        let asleep = stage.dir.path().join("first/asleep");
        let at = match kind {
            "clock" => {
                // It is well and busy; only the server that the second run asks is wrong about the time.
                first.slow(Duration::from_millis(300));
                second.ahead(3600);
                None
            }
            _ => {
                first.hold(creates);
                Some(())
            }
        };
        let holder = stage.start("first");
        let signal = |signal| kill_process(Pid::from_child(&holder), signal).unwrap();
        stage.wait(|| first.seen().iter().any(creates));
        if at.is_some() {
            stage.wait(|| first.holds());
        }
        match kind {
            "partition" => first.hold(|_| true),
            "stop" => signal(Signal::STOP),
            "sleep" => {
                std::fs::write(&asleep, "").unwrap();
                first.hold(|_| true);
            }
            _ => {}
        }
        stage.ended(stage.start("second"));
        // The takeover is complete when what was left is folded, and what follows is the second run's own.
        let folded = |i: &Incoming| i.operation == "PUT" && i.text.contains("acct-dev/state.json");
        let folds: Vec<Instant> =
            second.seen().iter().filter(|i| folded(i)).map(|i| i.at).collect();
        let over = *folds.last().expect("the second run has folded the first one's journal");
        let before = stage.roles();
        match kind {
            "stop" => signal(Signal::CONT),
            "sleep" => std::fs::remove_file(&asleep).unwrap(),
            _ => {}
        }
        first.open();
        let said = holder.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert_eq!(sent_after(first, over), Vec::<String>::new(), "{kind} {round}: {said}");
        assert_eq!(stage.roles(), before, "{kind} {round}");
        assert!(said.contains("was lost") || said.contains("ran out"), "{kind} {round}: {said}");
        // It knows that it was taken over, which is exit code 4.
        assert!(said.contains("taken_over: {\n"), "{kind} {round}: {said}");
        // What has left before the takeover was taken up by it: nothing is there that no state holds.
        stage.ended(stage.start("second"));
        assert_eq!(stage.roles(), Vec::<String>::new(), "{kind} {round}");
        beyond += 1;
    }
    assert_eq!(beyond, rounds, "{kind}");
}

#[test]
fn a_run_that_was_cut_off_from_the_network_sends_nothing_when_it_is_back() {
    takeover("partition");
}

#[test]
fn a_run_that_was_stopped_sends_nothing_when_it_goes_on() {
    takeover("stop");
}

#[test]
fn a_run_whose_server_told_another_a_wrong_time_stops_before_that_one_looks() {
    takeover("clock");
}

#[test]
fn a_run_whose_machine_slept_sends_nothing_when_it_wakes_up() {
    takeover("sleep");
}

/// A request that passed the gate while the lease held, and that the network delivers when another run has taken over
/// and looked. It is no request of a deposed run (those are counted above, and there are none), so it is counted
/// apart: the roles that it made. Returns also what its run said.
fn delivered_late(server: impl Fn(&Door)) -> (Stage, usize, String) {
    let stage = Stage::new();
    let (first, second) = (&stage.first, &stage.second);
    first.hold_back(creates);
    let holder = stage.start("first");
    let signal = |signal| kill_process(Pid::from_child(&holder), signal).unwrap();
    stage.wait(|| first.holds());
    signal(Signal::STOP);
    stage.ended(stage.start("second"));
    let over = Instant::now();
    assert_eq!(stage.roles(), Vec::<String>::new(), "nothing has arrived");
    assert!(
        second.seen().iter().any(|i| i.operation == "GetRole"),
        "what was announced is looked for"
    );
    server(first);
    first.deliver();
    stage.wait(|| !first.is_delivering());
    let arrived = stage.roles().len();
    first.hold(|_| true);
    signal(Signal::CONT);
    first.open();
    let said = holder.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(sent_after(first, over), Vec::<String>::new(), "{said}");
    (stage, arrived, said)
}

#[test]
fn what_arrives_after_the_takeover_is_taken_up_by_the_next_run() {
    let (stage, arrived, said) = delivered_late(|_| {});
    assert_eq!(arrived, 1, "an emulator takes what was signed at any time");
    assert!(said.contains("uncertain: true"), "what was in flight is named: {said}");
    let wanted = stage.dir.path().join("first/main.hcl");
    std::fs::copy(wanted, stage.dir.path().join("second/main.hcl")).unwrap();
    stage.ended(stage.start("second"));
    assert_eq!(stage.roles().len(), ROLES);
}

#[test]
fn what_arrives_after_its_signature_has_expired_does_nothing() {
    let (_, arrived, said) = delivered_late(|door| {
        door.reads_signatures();
        door.ahead(301);
    });
    assert_eq!(arrived, 0);
    assert!(said.contains("the server's differs by minutes"), "{said}");
}

/// The program itself, with leases of its own length, against a door.
struct Program<'a> {
    door: &'a Door,
    dir: &'a Path,
}

impl Program<'_> {
    fn start(&self, front: &Front, args: &[&str]) -> Child {
        self.door.program(front, self.dir, args).spawn().unwrap()
    }
}

const BACKEND: &str = r#"
palisade {
  name = "acme"
  backend "s3" {
    bucket = "takeover-state"
    prefix = "p"
    region = "eu-west-1"
  }
}
"#;

/// Everything of an estate whose state is in S3, the account made, and roles to be made.
fn with_program<T>(work: impl Fn(&Stage, &Program<'_>) -> T) -> T {
    let stage = Stage::new();
    let dir = stage.dir.path().join("program");
    std::fs::create_dir(&dir).unwrap();
    let program = Program { door: &stage.first, dir: &dir };
    for roles in [0, ROLES] {
        std::fs::write(dir.join("main.hcl"), format!("{BACKEND}{}", estate(roles))).unwrap();
        if roles == 0 {
            stage.ended(program.start(&stage.front, &["apply", "--auto-approve"]));
        }
    }
    work(&stage, &program)
}

#[test]
fn an_apply_that_was_killed_is_taken_up_within_two_minutes() {
    let one = |number: usize| {
        with_program(|stage, program| {
            let front = &stage.front;
            stage.first.slow(Duration::from_millis(100));
            let mut killed = program.start(front, &["apply", "--auto-approve"]);
            let roles = || stage.first.seen().iter().filter(|i| creates(i)).count();
            stage.wait(|| roles() > 2 * number);
            killed.kill().unwrap();
            killed.wait().unwrap();
            let rerun = ["apply", "--auto-approve", "--lock-timeout", "120s"];
            let rerun = program.start(front, &rerun).wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&rerun.stderr);
            assert!(rerun.status.success(), "kill {number}: {said}");
            // Its journal lies in one scope of those that it had locked: the margin runs for all of them at once.
            assert_eq!(said.matches("has ended without giving it back").count(), 1, "{said}");
            assert_eq!(stage.roles().len(), ROLES, "kill {number}");
            stage.ended(program.start(front, &["plan", "--detailed-exitcode"]));
        });
    };
    std::thread::scope(|scope| {
        for number in 1..=6 {
            scope.spawn(move || one(number));
        }
    });
}

#[test]
fn a_second_ctrl_c_ends_its_leases_and_gives_none_back() {
    with_program(|stage, program| {
        stage.first.hold(creates);
        let child = program.start(&stage.front, &["apply", "--auto-approve"]);
        stage.wait(|| stage.first.holds());
        let signal = |signal| kill_process(Pid::from_child(&child), signal).unwrap();
        signal(Signal::INT);
        std::thread::sleep(Duration::from_millis(300));
        let pressed = Instant::now();
        signal(Signal::INT);
        let output = child.wait_with_output().unwrap();
        assert!(pressed.elapsed() < Duration::from_millis(2600), "{:?}", pressed.elapsed());
        assert_eq!(output.status.code(), Some(130));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("it was in flight when this run was left"), "{said}");
        assert!(said.contains("uncertain"), "{said}");
        let lock = stage.front.run(async {
            let sdk = Endpoint::of(stage.front.sandbox.clone()).management();
            let key = "p/scopes/acct-dev/lock.json";
            let object = s3(&sdk).get_object().bucket(BUCKET).key(key).send().await.unwrap();
            let bytes = object.body.collect().await.unwrap().into_bytes();
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
        });
        assert_eq!(lock["released"], false, "a request is in flight: {lock:#}");
        assert!(lock["ended_at"].is_string(), "{lock:#}");
    });
}

/// What it had in flight is named, with one advice, and is no failure of its own.
#[test]
fn a_run_that_was_taken_over_with_a_request_in_flight_exits_with_code_4() {
    with_program(|stage, program| {
        let (front, first) = (&stage.front, &stage.first);
        first.hold(creates);
        let mut holder = first.program(front, program.dir, &["apply", "--auto-approve"]);
        let holder = holder.env("PALISADE_REQUEST_TIMEOUT", "10s").spawn().unwrap();
        stage.wait(|| first.holds());
        let signal = |signal| kill_process(Pid::from_child(&holder), signal).unwrap();
        signal(Signal::STOP);
        let dir = stage.dir.path().join("other");
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("main.hcl"), format!("{BACKEND}{}", estate(0))).unwrap();
        let other = Program { door: &stage.second, dir: &dir };
        stage.ended(other.start(front, &["state", "unlock", "--force"]));
        stage.ended(other.start(front, &["apply", "--auto-approve"]));
        signal(Signal::CONT);
        let output = holder.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(said.contains("was lost"), "{said}");
        let advice = "`palisade plan` shows what the run that took over has found of it";
        assert!(said.contains(advice), "{said}");
        assert!(!said.contains("run again: the next run looks up"), "{said}");
    });
}

/// Two containers on one machine may have one name: the process of a lock is not looked for in another
/// namespace of process ids.
#[test]
fn a_lock_of_another_process_namespace_is_not_taken_for_that_of_a_dead_one() {
    use std::io::{BufRead as _, BufReader};

    let apart = |args: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).args(args);
        command
    };
    let allowed = apart(&["true"]).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    if !allowed {
        println!("not run: this user may not make a namespace of process ids");
        return;
    }
    let program = crate::support::cli::Program::new(&estate(ROLES));
    let inner = program.command(&["apply", "--auto-approve", "--parallelism", "1"]);
    let mut outer = apart(&[]);
    outer.arg(inner.get_program()).args(inner.get_args()).current_dir(program.path()).env_clear();
    for (name, value) in inner.get_envs() {
        if let Some(value) = value {
            outer.env(name, value);
        }
    }
    outer.env("PALISADE_SANDBOX_FAULTS", "delay=200").stdin(Stdio::null()).stdout(Stdio::null());
    let mut holder = outer.stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(holder.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("created iam_role") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "it ended before it made a role");
    }
    // To the sandbox the lock of a dead process is free at once. This one's is not.
    let other = program.run(&["apply", "--auto-approve"]).code(5);
    assert!(other.err.contains("is locked by"), "{}", other.err);
    holder.kill().unwrap();
    holder.wait().unwrap();
}
