//! `command`: a program exits with 0 in time. It is started by its arguments, never by a shell, in
//! a process group of its own, which ends with it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;

use super::block::GateBlock;
use super::context::{GateContext, Purpose};
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::redact::{Audience, Redactions};
use crate::schema::{duration, gates};

/// How long a program may take when the gate says nothing, in seconds.
const TIMEOUT: i64 = 600;
/// How long the group may take to end by itself once it is told to.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of output that are looked at for JSON.
const KEPT: usize = 64 * 1024;
/// Bytes of output that are kept as its tail.
const TAIL: usize = 4 * 1024;
/// Variables that would hand on what was given to Palisade alone.
const OWN: &str = "PALISADE_VAR_";
/// Variables whose values are hidden in evidence, by the end of their names.
const SECRET: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"];
/// Values shorter than this hide nothing when they are replaced, and garble much.
const SHORTEST: usize = 6;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::COMMAND,
    judged_early: false,
    quotes_others: true,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(Command::read(block)),
};

/// A program.
#[derive(Clone, Debug)]
struct Command {
    argv: Vec<String>,
    environment: BTreeMap<String, String>,
    /// Values of the block that are sensitive.
    hidden: Vec<String>,
    directory: Option<String>,
    timeout: i64,
}

impl Command {
    fn read(block: &mut GateBlock<'_>) -> Self {
        Self {
            argv: block.texts("command").unwrap_or_default(),
            environment: block.map("environment"),
            hidden: block.sensitive(&["command", "environment"]),
            directory: block.text("directory"),
            timeout: block.seconds("timeout").unwrap_or(TIMEOUT),
        }
    }

    /// What the program finds in its environment: what Palisade has, without the values for its own
    /// variables and without secrets that the configuration takes from there; what the block gives; and
    /// what is being promoted.
    fn variables(&self, context: &GateContext<'_>) -> BTreeMap<String, String> {
        let subject = &context.subject;
        let mut all: BTreeMap<String, String> = context
            .vars
            .iter()
            .filter(|(name, value)| !name.starts_with(OWN) && !context.redactions.is_in(value))
            .chain(&self.environment)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let values = serde_json::to_string(subject.values).unwrap_or_default();
        let purpose = match context.purpose {
            Purpose::Promote => "promote",
            Purpose::Rollback => "rollback",
            Purpose::Verify => "verify",
        };
        for (name, value) in [
            ("PALISADE_PURPOSE", Some(purpose)),
            ("PALISADE_EDGE", Some(subject.edge)),
            ("PALISADE_FROM", subject.from),
            ("PALISADE_TO", Some(subject.to)),
            ("PALISADE_RELEASE", Some(subject.release)),
            ("PALISADE_RELEASE_DIGEST", Some(subject.digest)),
            ("PALISADE_RELEASE_VALUES", Some(values.as_str())),
            ("PALISADE_RELEASE_BEFORE", subject.replaces),
            ("PALISADE_PLAN_DIGEST", Some(context.plan.digest.as_str())),
            ("PALISADE_AUTHOR", Some(context.author.arn.as_str())),
        ] {
            all.insert(name.to_owned(), value.unwrap_or_default().to_owned());
        }
        all
    }
}

#[async_trait]
impl Gate for Command {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let Some((program, arguments)) = self.argv.split_first() else {
            return GateFinding::new(GateOutcome::Failed, "the command is empty", Json::Null);
        };
        let environment = self.variables(context);
        let hidden = Hidden::new(&self.hidden, &environment, context.redactions);
        let started = tokio::process::Command::new(program)
            .args(arguments)
            .current_dir(
                self.directory
                    .as_ref()
                    .map_or_else(|| context.dir.to_owned(), |d| context.dir.join(d)),
            )
            .env_clear()
            .envs(&environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        let shown: Vec<String> = self.argv.iter().map(|a| hidden.in_text(a)).collect();
        let mut child = match started {
            Ok(child) => child,
            Err(error) => {
                return GateFinding::new(
                    GateOutcome::Unknown,
                    format!("`{}` cannot be started: {error}", hidden.in_text(program)),
                    json!({"command": shown}),
                );
            }
        };
        let began = context.clock.elapsed();
        let group = Group::of(&child);
        let out = tokio::spawn(read(child.stdout.take()));
        let err = tokio::spawn(read(child.stderr.take()));
        let ended = tokio::time::timeout(self.limit().unwrap_or_default(), child.wait()).await;
        if ended.is_err() {
            group.signal(Signal::TERM);
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
        }
        // Whatever it left running in its group goes with it.
        drop(group);
        let (out, err) = (collected(out).await, collected(err).await);
        let mut detail = json!({
            "command": shown,
            "seconds": context.clock.elapsed().saturating_sub(began).as_secs(),
            "stdout_tail": tail(&out.shown(&hidden)),
            "stderr_tail": tail(&err.shown(&hidden)),
        });
        let mut add = |name: &str, value: Json| {
            if let Some(detail) = detail.as_object_mut() {
                detail.insert(name.to_owned(), value);
            }
        };
        if let Some(mut json) = said(&out.whole()) {
            hidden.in_json(&mut json);
            add("stdout_json", json);
        }
        let name = shown.first().map_or("", String::as_str);
        let (outcome, summary) = match ended {
            Err(_) => {
                let limit = duration::text(self.timeout);
                (GateOutcome::Failed, format!("`{name}` did not end within {limit} and was killed"))
            }
            Ok(Err(error)) => {
                (GateOutcome::Unknown, format!("`{name}` cannot be waited for: {error}"))
            }
            Ok(Ok(status)) => {
                add("exit_code", json!(status.code()));
                if status.success() {
                    (GateOutcome::Passed, format!("`{name}` exited with 0"))
                } else {
                    // `exit status: 3`, or `signal: 9 (SIGKILL)`.
                    (GateOutcome::Failed, format!("`{name}` failed, {status}"))
                }
            }
        };
        GateFinding::new(outcome, summary, detail)
    }

    fn limit(&self) -> Option<Duration> {
        u64::try_from(self.timeout).ok().map(Duration::from_secs)
    }
}

/// A process group; dropping it kills what is left of it, also when the wait for it is given up.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // A group that is gone already is what is wanted.
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// What a program wrote to one stream.
#[derive(Default)]
struct ProgramOutput {
    /// The last [`KEPT`] bytes.
    kept: Vec<u8>,
    /// Whether there was more before.
    cut: bool,
}

impl ProgramOutput {
    /// The whole of it, secrets included. What is left of a line that was cut is dropped: half of a secret
    /// cannot be recognised.
    fn whole(&self) -> String {
        let text = String::from_utf8_lossy(&self.kept);
        match text.split_once('\n') {
            Some((_, rest)) if self.cut => rest.to_owned(),
            None if self.cut => String::new(),
            _ => text.into_owned(),
        }
    }

    /// The same without secrets; only then may it be shortened.
    fn shown(&self, hidden: &Hidden<'_>) -> String {
        hidden.in_text(&self.whole())
    }
}

/// Reads a stream to its end, so that the program never blocks.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> ProgramOutput {
    let mut output = ProgramOutput::default();
    let Some(mut stream) = stream else { return output };
    let mut chunk = vec![0; 8 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        output.kept.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let over = output.kept.len().saturating_sub(KEPT);
        output.cut |= over > 0;
        output.kept.drain(..over);
    }
    output
}

/// A stream's content. A process that left the group may hold it open: that is not waited for.
async fn collected(mut reading: tokio::task::JoinHandle<ProgramOutput>) -> ProgramOutput {
    match tokio::time::timeout(GRACE, &mut reading).await {
        Ok(Ok(output)) => output,
        _ => {
            reading.abort();
            ProgramOutput::default()
        }
    }
}

/// The last [`TAIL`] bytes, from the beginning of a character.
fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(TAIL);
    (from..=text.len()).find_map(|at| text.get(at..)).unwrap_or_default()
}

/// The JSON that a program printed: all of its output, or its last line.
fn said(output: &str) -> Option<Json> {
    let text = output.trim();
    let whole = serde_json::from_str(text).ok();
    whole.or_else(|| {
        let last = text.lines().last()?;
        serde_json::from_str(last).ok().filter(Json::is_object)
    })
}

/// What evidence must not show: the secrets that the run knows, the sensitive values of the block, and what
/// the environment calls a secret.
struct Hidden<'a> {
    known: &'a Redactions,
    named: Vec<String>,
}

impl<'a> Hidden<'a> {
    fn new(
        sensitive: &[String],
        environment: &BTreeMap<String, String>,
        known: &'a Redactions,
    ) -> Self {
        let secret = |name: &str| SECRET.iter().any(|end| name.to_ascii_uppercase().ends_with(end));
        let named = environment.iter().filter(|(name, _)| secret(name)).map(|(_, value)| value);
        let mut named: Vec<String> =
            sensitive.iter().chain(named).filter(|v| v.len() >= SHORTEST).cloned().collect();
        // The longest first: one may be a part of another.
        named.sort_by_key(|v| (std::cmp::Reverse(v.len()), v.clone()));
        named.dedup();
        Self { known, named }
    }

    /// In values alone: keys are the form, and a number that is a secret becomes a text.
    fn in_json(&self, value: &mut Json) {
        match value {
            Json::String(text) => *text = self.in_text(text),
            Json::Array(items) => items.iter_mut().for_each(|item| self.in_json(item)),
            Json::Object(map) => map.values_mut().for_each(|item| self.in_json(item)),
            other => self.known.json(other, Audience::GateOutput),
        }
    }

    fn in_text(&self, text: &str) -> String {
        let text = self.known.text(text, Audience::GateOutput).into_owned();
        self.named.iter().fold(text, |text, secret| text.replace(secret, "(hidden)"))
    }
}
