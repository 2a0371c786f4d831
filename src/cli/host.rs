//! The terminal as the engine's host: events and diagnostics to standard error, plans to standard output,
//! questions to the person in front of it, Ctrl-C to the engine.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::diag::{Diagnostic, Diagnostics};
use crate::engine::EngineError;
use crate::engine::host::{
    Activity, ApplyEvent, Cancel, Clock, ConfirmationQuestion, Event, Host, Shown, Urgency,
};
use crate::engine::promotion::ReleaseMove;
use crate::render::inert::{Inert, inert_json};
use crate::render::requests::RunPrincipals;
use crate::render::{self, Detail, Style, event_lines, events};

use super::clock::WallClock;
use super::environment::ProcessEnvironment;
use super::output::{self, ask, say, say_painted, tell};
use super::progress::{Progress, ProgressItem};

/// How a command talks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// `--auto-approve`: every question is answered with yes, unasked.
    pub auto_approve: bool,
    /// `--json`: standard output is the command's own; what is about to be done is not shown there.
    pub json: bool,
    /// `apply --json`: standard output gets a line for each event.
    pub lines: bool,
    /// `destroy`: the plan deletes what it selects.
    pub destroys: bool,
    /// `--full`: plans are shown whole.
    pub full: bool,
}

/// The principals that a run last worked with, for the end of a run that says as whom it worked.
#[derive(Clone, Debug, Default)]
pub struct SharedPrincipals {
    wanted: bool,
    known: Arc<Mutex<RunPrincipals>>,
}

impl SharedPrincipals {
    /// None so far; `wanted` where the run will say them.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self { wanted, known: Arc::default() }
    }

    /// What is known by now.
    #[must_use]
    pub fn known(&self) -> RunPrincipals {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, learn: impl FnOnce(&mut RunPrincipals)) {
        learn(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The events of `--json`, a line each. Their end comes once, whatever else goes wrong, and what could not be written
/// is told.
#[derive(Clone, Debug, Default)]
pub struct EventLines(Arc<Lines>);

#[derive(Debug, Default)]
struct Lines {
    ended: AtomicBool,
    /// How many could not be written, and why the first.
    lost: Mutex<Option<(usize, io::Error)>>,
}

impl EventLines {
    fn came(&self) {
        self.0.ended.store(true, Ordering::SeqCst);
    }

    fn lost(&self) -> MutexGuard<'_, Option<(usize, io::Error)>> {
        self.0.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one. What has begun goes on where it cannot be.
    fn write(&self, line: &str) {
        let mut lost = self.lost();
        // What is there of the one before stays a line of its own.
        let apart = if lost.is_some() { "\n" } else { "" };
        if let Err(error) = print_line(&format!("{apart}{line}")) {
            let (count, first) = lost.take().unwrap_or((0, error));
            *lost = Some((count + 1, first));
        }
    }

    /// What could not be written, for the end of the run.
    #[must_use]
    pub fn warning(&self) -> Option<Diagnostic> {
        let lost = self.lost();
        let (count, why) = lost.as_ref()?;
        let events = crate::diag::count(*count, "event", "events");
        Some(
            Diagnostic::warning(format!("{events} of `--json` could not be written"))
                .detail(why.to_string())
                .help("what was done is recorded all the same: see `palisade history`"),
        )
    }

    /// Writes the end of a run that was not carried out, unless there was an end already: which way it ended, and
    /// what is wrong.
    pub fn refused(&self, kind: &str, wrong: Option<&Diagnostics>, at: Timestamp) {
        if self.0.ended.swap(true, Ordering::SeqCst) {
            return;
        }
        let first = wrong.and_then(|all| all.iter().find(|d| d.is_error()));
        let message = first.map_or("interrupted", |d| d.summary.as_str());
        let detail = first.and_then(|d| d.detail.as_deref());
        let help = first.and_then(|d| d.help.as_deref());
        self.write(&event_lines::refused(kind, message, detail, help, at));
    }
}

/// One event as JSON, whole and at once.
fn print_line(line: &str) -> io::Result<()> {
    let mut out = output::stdout();
    writeln!(out, "{}", inert_json(line))?;
    out.flush()
}

/// The terminal that a command runs in.
pub struct Terminal {
    out: Style,
    err: Style,
    ask: bool,
    manner: Manner,
    cancel: Cancel,
    clock: WallClock,
    progress: Progress,
    drawn: Mutex<Drawn>,
    principals: SharedPrincipals,
    lines: EventLines,
}

/// What is drawn just now.
#[derive(Default)]
struct Drawn {
    activities: Vec<(Activity, ProgressItem)>,
    bar: Option<ProgressItem>,
}

impl Terminal {
    /// A command's terminal.
    #[must_use]
    pub fn new(
        env: &ProcessEnvironment,
        cancel: Cancel,
        clock: WallClock,
        manner: Manner,
        principals: SharedPrincipals,
        lines: EventLines,
    ) -> Self {
        Self {
            out: env.out,
            err: env.err,
            ask: env.ask,
            manner,
            cancel,
            clock,
            progress: Progress::new(env.animate),
            drawn: Mutex::default(),
            principals,
            lines,
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn operation(&self, event: &ApplyEvent) {
        let mut drawn = self.drawn();
        match event {
            ApplyEvent::Begun { operations } => {
                let what = events::activity(&Activity::Applying);
                drawn.bar = Some(self.progress.bar(*operations, &what));
            }
            ApplyEvent::Started(operation) => {
                if let Some(bar) = &drawn.bar {
                    bar.now(&events::under_way(operation));
                }
            }
            ApplyEvent::Succeeded(_) | ApplyEvent::Failed { .. } | ApplyEvent::Skipped { .. } => {
                if let Some(bar) = &drawn.bar {
                    bar.tick();
                }
            }
            _ => {}
        }
        if let Some(line) = events::operation(event, &self.err) {
            self.progress.say(&line);
        }
    }

    /// Says how a release stands in its first environment, where that is no error.
    fn entered(&self, done: &ReleaseMove) {
        match render::promotion::ending(done) {
            Ok(line) => say(&line),
            Err(diagnostic) if !diagnostic.is_error() => tell([&diagnostic], &self.err),
            Err(_) => {}
        }
    }
}

#[async_trait]
impl Host for Terminal {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    fn names_caller(&self) -> bool {
        self.principals.wanted
    }

    fn event(&self, event: Event) {
        if self.manner.lines {
            let line = match &event {
                Event::Apply(event) => Some(event_lines::event(event, self.now())),
                Event::Applied(summary) => Some(event_lines::ended(summary, self.now())),
                Event::NothingToApply => Some(event_lines::nothing(self.now())),
                _ => None,
            };
            if let Some(line) = line {
                self.lines.write(&line);
                if matches!(event, Event::Applied(_) | Event::NothingToApply) {
                    self.lines.came();
                }
                return;
            }
        }
        match &event {
            // The bar begins when all locks are held, which the executor says.
            Event::Began(Activity::Applying) => {}
            Event::Began(activity) => {
                let item = self.progress.begin(&events::activity(activity));
                self.drawn().activities.push((activity.clone(), item));
            }
            Event::Ended(Activity::Applying) => {
                self.drawn().bar = None;
                self.progress.clear();
            }
            Event::Ended(ended) => {
                self.drawn().activities.retain(|(activity, _)| activity != ended);
            }
            Event::Apply(event) => self.operation(event),
            Event::Applied(summary) => {
                let destroys = self.manner.destroys;
                say_painted(&format!("\n{}", events::summary(summary, destroys, &self.err)));
                if let Some(head) = &summary.head {
                    say(&format!("audit head: {} {}", head.number, head.hash));
                }
            }
            Event::Entered(done) => self.entered(done),
            Event::Principals(principals) => {
                self.principals.learn(|known| known.accounts = Some((**principals).clone()));
            }
            Event::StatePrincipal(principal) => {
                self.principals.learn(|known| known.state = Some(principal.clone()));
            }
            // A bar may be drawn meanwhile.
            Event::Waiting { .. } | Event::Lasting { .. } => {
                if let Some(line) = events::event(&event) {
                    self.progress.say(&line);
                }
            }
            other => {
                if let Some(line) = events::event(other) {
                    say(&line);
                }
            }
        }
    }

    fn diagnostics(&self, diagnostics: &Diagnostics) {
        tell(diagnostics, &self.err);
    }

    fn show(&self, shown: Shown<'_>) -> Result<(), EngineError> {
        if let Shown::Locks(locks) = shown {
            locks.iter().for_each(|lock| say(&render::state::lock(lock)));
            return Ok(());
        }
        if self.manner.json {
            return Ok(());
        }
        if let (true, Shown::Plan(plan)) = (self.manner.lines, &shown) {
            print_line(&event_lines::plan(plan, self.now()))?;
            if !plan.has_changes() {
                print_line(&event_lines::nothing(self.now()))?;
                self.lines.came();
            }
            return Ok(());
        }
        let detail =
            Detail { full: self.manner.full, destroys: self.manner.destroys, ..Detail::default() };
        let mut out = Inert::new(output::stdout());
        match shown {
            Shown::Locks(_) => {}
            Shown::Plan(plan) => render::text::plan(plan, detail, &self.out, &mut out)?,
            Shown::Promotion(report) => render::promotion::text(report, &self.out, &mut out)?,
            Shown::Approval(report) => {
                render::promotion::head(report, &self.out, &mut out)?;
                render::text::plan(&report.plan, detail, &self.out, &mut out)?;
            }
        }
        Ok(out.flush()?)
    }

    async fn confirm(&self, question: ConfirmationQuestion<'_>) -> Result<(), EngineError> {
        if self.manner.auto_approve {
            return Ok(());
        }
        if let ConfirmationQuestion::Approve { by, .. } = question {
            // A terminal is asked; a pipeline that says `approve` has said it.
            if !self.ask {
                return Ok(());
            }
            say(&format!("You are {by}."));
        }
        let help = match question {
            ConfirmationQuestion::Apply => {
                "pass `--auto-approve`; `palisade apply` also takes a plan saved with `palisade plan --out FILE`"
            }
            ConfirmationQuestion::BreakLocks => "pass `--force`",
            _ => "pass `--auto-approve`",
        };
        confirm(&events::question(question), help, &self.cancel).await
    }

    async fn mfa_code(&self, device: &str, profile: &str) -> Result<Option<String>, EngineError> {
        if !self.ask {
            return Ok(None);
        }
        ask(&format!("MFA code of {device} (AWS profile {profile}): "));
        let code = read_line(&self.cancel).await?;
        Ok(code.map(|code| code.trim().to_owned()).filter(|code| !code.is_empty()))
    }
}

/// The next line of standard input; `None` at its end.
///
/// # Errors
/// It cannot be read, and Ctrl-C.
pub async fn read_line(cancel: &Cancel) -> Result<Option<String>, EngineError> {
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line))
    });
    let read = tokio::select! {
        read = reading => read,
        () = cancel.risen(Urgency::None) => return Err(EngineError::Interrupted),
    };
    let read = read.unwrap_or_else(|error| Err(io::Error::other(error)));
    read.map_err(|error| EngineError::failed(format!("cannot read standard input: {error}")))
}

/// Asks a question to which only `yes` is an answer. `unasked` is the advice when nobody can be asked.
///
/// # Errors
/// Anything but `yes`, the end of input, and Ctrl-C.
pub async fn confirm(question: &str, unasked: &str, cancel: &Cancel) -> Result<(), EngineError> {
    ask(&format!("\n{question}\nOnly `yes` is accepted: "));
    let answer = read_line(cancel).await;
    say("");
    match answer? {
        Some(answer) if answer.trim() == "yes" => Ok(()),
        Some(_) => Err(EngineError::failed("not confirmed; nothing was changed")),
        None => Err(Diagnostic::error("the question was not answered: standard input has ended")
            .help(unasked)
            .into()),
    }
}
