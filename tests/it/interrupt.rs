//! Ctrl-C on the real program: a signal from outside while it works in the sandbox.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};

use crate::support::cli::Program;
use crate::support::endpoint::Endpoint;

const ROLES: usize = 24;

fn estate() -> String {
    format!(
        r#"
palisade {{
  name = "acme"
}}
organization "acme" {{}}
account "dev" {{
  name  = "acme-dev"
  email = "dev@acme.example"
}}
iam_role "r" {{
  count    = var.roles
  accounts = [account.dev]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
variable "roles" {{
  type    = number
  default = {ROLES}
}}
"#
    )
}

/// A run that can be stopped, and what it says.
struct Running {
    child: Child,
    err: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    fn start(p: &Program, args: &[&str], faults: &str) -> Self {
        let mut child = p
            .command(args)
            .env("PALISADE_SANDBOX_FAULTS", faults)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let err = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, err, said: String::new() }
    }

    /// Reads on until a line of progress holds `text`, so many times.
    fn until(&mut self, text: &str, times: usize) {
        let mut seen = 0;
        while seen < times {
            let start = self.said.len();
            let read = self.err.read_line(&mut self.said).expect("text");
            assert!(read > 0, "`{text}` was said {seen} times:\n{}", self.said);
            seen += usize::from(self.said[start..].contains(text));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it is there");
    }

    /// The exit code, how long it took, and everything said.
    fn end(mut self) -> (Option<i32>, Duration, String) {
        let start = Instant::now();
        self.err.read_to_string(&mut self.said).expect("text");
        let status = self.child.wait().expect("it ends");
        (status.code(), start.elapsed(), self.said)
    }
}

/// Roles that state records, and roles that the endpoint holds.
fn recorded_and_live(p: &Program) -> (BTreeSet<String>, BTreeSet<String>) {
    let listed = p.run(&["state", "list"]).code(0).out;
    let index = |line: &str| {
        let rest = line.strip_prefix("iam_role.r[")?;
        Some(format!("r-{}", rest.split(']').next()?))
    };
    let recorded = listed.lines().filter_map(index).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let held = runtime.block_on(async {
        Endpoint::open(&p.path().join(".palisade/sandbox")).await.holds(&[]).await
    });
    let live = held.iter().filter_map(|l| l.split_once(" role ")).map(|(_, r)| r.to_owned());
    (recorded, live.collect())
}

fn with_an_account() -> Program {
    let p = Program::new(&estate());
    p.run(&["apply", "--auto-approve", "--var", "roles=0"]).code(0);
    p
}

const APPLY: [&str; 4] = ["apply", "--auto-approve", "--parallelism", "3"];

#[test]
fn one_ctrl_c_finishes_what_is_in_flight_and_starts_nothing_new() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let p = with_an_account();
        // Slow enough that the signal comes before the end on a busy machine, too.
        let mut running = Running::start(&p, &APPLY, "delay=150");
        running.until("created iam_role", 4);
        running.signal(signal);
        let (code, _, said) = running.end();
        assert_eq!(code, Some(130), "{said}");
        assert!(
            said.contains("nothing new is started")
                && said.contains("\ninterrupted: whatever had begun is recorded")
                && said.ends_with("`palisade apply` goes on from there\n"),
            "{said}"
        );
        let (recorded, live) = recorded_and_live(&p);
        assert_eq!(recorded, live, "what was done is recorded: {said}");
        assert!((4..ROLES - 6).contains(&live.len()), "{} roles: {said}", live.len());
        let told = said.matches("created iam_role").count();
        assert_eq!(told, live.len(), "and told: {said}");
        // No lock is left, and the rest is simply the next plan.
        let next = p.run(&APPLY).code(0);
        assert!(!next.err.contains("recover"), "{}", next.err);
        assert_eq!(recorded_and_live(&p).1.len(), ROLES);
        p.run(&["plan", "--detailed-exitcode"]).code(0);
        p.run(&["audit", "verify"]).code(0);
    }
}

#[test]
fn a_second_ctrl_c_leaves_at_once_and_the_next_run_recovers() {
    let p = with_an_account();
    let mut running = Running::start(&p, &APPLY, "delay=400");
    running.until("created iam_role", 2);
    running.signal(Signal::INT);
    running.until("nothing new is started", 1);
    running.signal(Signal::INT);
    let (code, took, said) = running.end();
    assert_eq!(code, Some(130), "{said}");
    // Within the time that a run which is left has for its leases.
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    let (recorded, live) = recorded_and_live(&p);
    assert!(recorded.len() < live.len() || live.len() < ROLES, "{recorded:?} {live:?}");
    // Nobody has to wait for the locks of a process that is gone.
    let next = p.run(&APPLY).code(0);
    assert!(next.err.contains("recovered `acct-dev`"), "{}", next.err);
    let (recorded, live) = recorded_and_live(&p);
    assert_eq!(recorded, live);
    assert_eq!(live.len(), ROLES);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    p.run(&["audit", "verify"]).code(0);
}

/// The lock of another machine's run, or the same given back.
fn lock_of_another(scopes: &Path, scope: &str, is_free: bool) {
    let text = std::fs::read(scopes.join("org/lock.json")).expect("a lock");
    let mut lock: Json = serde_json::from_slice(&text).expect("JSON");
    lock["id"] = json!("11111111-1111-1111-1111-111111111111");
    lock["write_id"] = json!(is_free.to_string());
    lock["host"] = json!("elsewhere");
    lock["process"] = Json::Null;
    lock["acquired_at"] = json!((Timestamp::now() - SignedDuration::from_secs(30)).to_string());
    lock["expires_at"] = json!((Timestamp::now() + SignedDuration::from_secs(200)).to_string());
    lock["released"] = json!(is_free);
    let path = scopes.join(scope).join("lock.json");
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    std::fs::write(path, lock.to_string()).expect("written");
}

#[test]
fn a_signal_while_a_lock_is_waited_for_ends_the_run_before_its_first_call() {
    let p = with_an_account();
    let scopes = p.path().join(".palisade/sandbox/palisade-state/scopes");
    let cases = [
        (&APPLY[..], "acct-dev"),
        (&["destroy", "--auto-approve"], "org"),
        (&["state", "rm", "account.dev"], "org"),
    ];
    for (command, scope) in cases {
        lock_of_another(&scopes, scope, false);
        let args: Vec<&str> = command.iter().copied().chain(["--lock-timeout", "300s"]).collect();
        let mut running = Running::start(&p, &args, "");
        running.until("waiting for", 1);
        running.signal(Signal::INT);
        let (code, took, said) = running.end();
        assert_eq!(code, Some(130), "{args:?}: {said}");
        assert!(took < Duration::from_secs(20), "{args:?}: it took {took:?}");
        lock_of_another(&scopes, scope, true);
        for other in ["org", "walls"] {
            let Ok(own) = std::fs::read(scopes.join(other).join("lock.json")) else { continue };
            let own: Json = serde_json::from_slice(&own).expect("JSON");
            assert_eq!(own["released"], json!(true), "{args:?}: {other}: {own}");
        }
        assert_eq!(recorded_and_live(&p), Default::default(), "{args:?}");
    }
    p.run(&APPLY).code(0);
}

#[test]
fn ctrl_c_ends_a_plan_and_a_question() {
    let p = with_an_account();
    let mut running = Running::start(&p, &["plan"], "delay=300");
    running.until("reading the organization", 1);
    running.signal(Signal::INT);
    let (code, took, said) = running.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(took < Duration::from_secs(2), "it took {took:?}");

    let mut running = Running::start(&p, &["apply"], "");
    running.until("Apply this plan?", 1);
    running.signal(Signal::INT);
    let (code, _, said) = running.end();
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(recorded_and_live(&p).1.len(), 0, "nothing was changed");
}

/// Forty accounts of which each role trusts every other account: judging them takes a while.
fn wide_estate() -> String {
    let each = |write: &dyn Fn(usize) -> String| (0..40).map(write).collect::<String>();
    let roots: Vec<String> =
        (0..40).map(|n| format!("\"arn:aws:iam::${{account.a{n}.id}}:root\"")).collect();
    let accounts = each(&|n| {
        format!(
            "account \"a{n}\" {{\n  parent = organizational_unit.w\n  name = \"w-a{n}\"\n  \
             email = \"a{n}@w.example\"\n}}\nenvironment \"e{n}\" {{\n  accounts = [account.a{n}]\n}}\n"
        )
    });
    format!(
        "palisade {{\n  name = \"w\"\n}}\norganization \"w\" {{}}\norganizational_unit \"w\" {{}}\n\
         {accounts}iam_role \"all\" {{\n  accounts = [{}]\n  assume_role_policy = {{\n    \
         Version = \"2012-10-17\"\n    Statement = [{{ Effect = \"Allow\", Principal = {{ AWS = [{}] }}, \
         Action = \"sts:AssumeRole\" }}]\n  }}\n  inline_policy \"p\" {{\n    content = {{\n      \
         Version = \"2012-10-17\"\n      Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRole\", \
         Resource = \"*\" }}]\n    }}\n  }}\n}}\n",
        (0..40).map(|n| format!("account.a{n}")).collect::<Vec<_>>().join(", "),
        roots.join(", ")
    )
}

#[test]
fn one_ctrl_c_ends_a_plan_whose_walls_take_long_to_judge() {
    let p = Program::new(&wide_estate());
    let mut running = Running::start(&p, &["plan"], "");
    running.until("judging the walls", 1);
    running.signal(Signal::INT);
    let (code, took, said) = running.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("interrupted: nothing was changed"), "{said}");
    assert!(took < Duration::from_secs(5), "it took {took:?}");
}

/// Whoever reads may stand still, with the pipe full: the program is left all the same.
#[test]
fn two_ctrl_c_leave_where_nobody_reads() {
    let p = Program::new("palisade {\n  name = \"acme\"\n}\n");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut child = p
        .command(&["console"])
        .stdin(Stdio::piped())
        .stdout(writer.try_clone().expect("a pipe"))
        .stderr(writer)
        .spawn()
        .expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"[for i in range(20000) : \"padding\"]\n").expect("written");
    // So many bytes a pipe holds (pipe(7)), but for the end of a page.
    let is_full = || rustix::io::ioctl_fionread(&reader).expect("told") > 60_000;
    while !is_full() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let pid = Pid::from_child(&child);
    let since = Instant::now();
    let code = loop {
        kill_process(pid, Signal::INT).expect("it is there");
        std::thread::sleep(Duration::from_millis(100));
        if let Some(status) = child.try_wait().expect("told") {
            break status.code();
        }
        assert!(since.elapsed() < Duration::from_secs(20), "it is still there");
    };
    assert_eq!(code, Some(130));
}

/// The lock of a scope, as it is now.
fn lock(p: &Program, scope: &str) -> Json {
    let path = p.path().join(".palisade/sandbox/palisade-state/scopes").join(scope);
    let text = std::fs::read(path.join("lock.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(120), "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whoever reads stands still in the middle of an apply, so that it stands still too: the leases are ended all the same.
#[cfg(target_os = "linux")]
#[test]
fn two_ctrl_c_end_the_leases_of_an_apply_that_nobody_reads() {
    for json in [false, true] {
        let p = with_an_account();
        let (reader, writer) = std::io::pipe().expect("a pipe");
        rustix::pipe::fcntl_setpipe_size(&writer, 4096).expect("a small pipe");
        let many = ["apply", "--auto-approve", "--var", "roles=160"];
        let mut command = p.command(&many);
        match json {
            true => command.arg("--json").stdout(writer).stderr(Stdio::null()),
            false => command.stdout(Stdio::null()).stderr(writer),
        };
        let mut child = command.spawn().expect("the program starts");
        drop(command);
        until("a lock", || lock(&p, "acct-dev")["released"] == json!(false));
        // What does not fit any more is waited with.
        let filled = || rustix::io::ioctl_fionread(&reader).expect("told");
        until("a full pipe", || {
            let before = filled();
            std::thread::sleep(Duration::from_secs(2));
            before > 2000 && filled() == before
        });
        assert!(child.try_wait().expect("told").is_none(), "it is at work");
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::INT).expect("it is there");
        std::thread::sleep(Duration::from_millis(300));
        let since = Instant::now();
        kill_process(pid, Signal::INT).expect("it is there");
        let code = loop {
            if let Some(status) = child.try_wait().expect("told") {
                break status.code();
            }
            assert!(since.elapsed() < Duration::from_secs(20), "it is still there");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(code, Some(130), "json: {json}");
        assert!(since.elapsed() < Duration::from_secs(5), "it took {:?}", since.elapsed());
        for scope in ["acct-dev", "walls"] {
            let lock = lock(&p, scope);
            assert_eq!(lock["released"], json!(false), "{scope}: a request may be in flight");
            assert!(lock["ended_at"].is_string(), "json: {json}: {scope}: {lock:#}");
        }
        drop(reader);
        p.run(&many).code(0);
        let (recorded, live) = recorded_and_live(&p);
        assert_eq!((recorded.len(), live.len()), (160, 160));
    }
}

/// A run that has sent nothing yet gives its leases back: nobody waits for what may be in flight.
#[track_caller]
fn gives_back(p: &Program, mut running: Running, signal: Signal, scopes: &[&str]) {
    let own = |scope: &str| {
        let lock = lock(p, scope);
        lock["released"] == json!(false)
            && lock["pid"].as_u64() == Some(u64::from(running.child.id()))
    };
    until("the lock", || scopes.iter().all(|scope| own(scope)));
    std::thread::sleep(Duration::from_millis(300));
    running.signal(signal);
    let began = Instant::now();
    let code = running.child.wait().expect("it ends").code();
    let took = began.elapsed();
    running.err.read_to_string(&mut running.said).expect("text");
    assert_eq!(code, Some(130), "{}", running.said);
    assert!(took < Duration::from_secs(2), "it took {took:?}: {}", running.said);
    for scope in scopes {
        let lock = lock(p, scope);
        assert_eq!(lock["released"], json!(true), "{scope}: {lock:#}");
        assert!(lock["ended_at"].is_null(), "{scope}: {lock:#}");
    }
}

#[test]
fn one_signal_while_a_recovery_looks_breaks_it_off() {
    for signal in [Signal::INT, Signal::HUP] {
        let p = with_an_account();
        let mut running = Running::start(&p, &APPLY, "delay=400");
        running.until("created iam_role", 2);
        running.signal(Signal::KILL);
        let (_, _, said) = running.end();
        assert!(said.contains("created iam_role"), "{said}");
        let before = recorded_and_live(&p);
        // Each of the lookups takes as long.
        let recovering = Running::start(&p, &APPLY, "delay=2500");
        gives_back(&p, recovering, signal, &["acct-dev"]);
        assert_eq!(recorded_and_live(&p), before, "nothing was changed");
        let next = p.run(&APPLY).code(0);
        assert!(next.err.contains("recovered `acct-dev`"), "{}", next.err);
        let (recorded, live) = recorded_and_live(&p);
        assert_eq!((recorded.len(), live.len()), (ROLES, ROLES));
        p.run(&["audit", "verify"]).code(0);
    }
}

#[test]
fn one_signal_while_the_walls_are_looked_at_again_gives_the_leases_back() {
    for signal in [Signal::INT, Signal::HUP] {
        let p = Program::new(&format!(
            "{}account \"other\" {{\n  name  = \"acme-other\"\n  email = \"other@acme.example\"\n}}\n\
             iam_role \"o\" {{\n  count    = var.others\n  accounts = [account.other]\n  trust {{\n    \
             services = [\"ec2.amazonaws.com\"]\n  }}\n}}\n\
             variable \"others\" {{\n  type    = number\n  default = 0\n}}\n",
            estate()
        ));
        p.run(&["apply", "--auto-approve", "--var", "roles=0"]).code(0);
        let mut running = Running::start(&p, &["apply"], "delay=1500");
        running.until("Apply this plan?", 1);
        // Somebody else applies between the plan and its locks.
        p.run(&["apply", "--auto-approve", "--var", "roles=0", "--var", "others=1"]).code(0);
        let before = recorded_and_live(&p);
        running.child.stdin.take().expect("a pipe").write_all(b"yes\n").expect("written");
        gives_back(&p, running, signal, &["acct-dev", "walls"]);
        assert_eq!(recorded_and_live(&p), before, "nothing was changed");
        p.run(&["apply", "--auto-approve", "--var", "others=1"]).code(0);
    }
}
