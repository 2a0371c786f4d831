//! What a use case says while it works, as lines for people: events, questions, and how an apply ended.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::apply::events::OperationRef;
use crate::apply::{self, ApplySummary};
use crate::engine::host::{Activity, ConfirmationQuestion, Event, Resumption};
use crate::plan::model::OperationKind;

use super::style::{Style, Tone, count, safe};
use crate::trace::Waiting;

/// Something that takes a while, as it begins.
#[must_use]
pub fn activity(activity: &Activity) -> String {
    match activity {
        Activity::ReadingState => "reading state".to_owned(),
        Activity::ReadingOrganization => "reading the organization".to_owned(),
        Activity::ReadingAccounts(number) => {
            format!("reading {}", count(*number, "account", "accounts"))
        }
        Activity::Fetching(source) => format!("fetching {}", safe(source)),
        Activity::LookingUp(number) => {
            format!("looking up {}", count(*number, "object", "objects"))
        }
        Activity::ReadingSecretVersions => "asking for the versions of secrets".to_owned(),
        Activity::JudgingWalls => "judging the walls".to_owned(),
        Activity::Gate(label) => format!("gate {label}"),
        Activity::Applying => "applying".to_owned(),
    }
}

/// An event of a use case; nothing where it says nothing to people, or where [`activity`], [`operation`] and
/// [`summary`] say it.
#[must_use]
pub fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::Recovered { scope, run } => {
            format!("recovered `{scope}`: run {} is folded into the state", safe(run))
        }
        Event::Adopted(address) => {
            format!("  found and recorded {}", safe(&address.to_string()))
        }
        Event::NothingToApply => "No changes: there is nothing to apply.".to_owned(),
        Event::WaitingForScope { scope, holder } => {
            format!("waiting for the lock of `{scope}`, held by {}", safe(&holder.who))
        }
        Event::WaitingForMove(holder) => format!(
            "waiting for `{}` of {} on {}",
            safe(&holder.operation),
            safe(&holder.who),
            safe(&holder.host)
        ),
        Event::MoveInterrupted { run, resumption } => {
            let what = format!("release {} {}", run.release, run.digest.short());
            let place = &run.environment;
            let doing = match run.stops.last() {
                Some(stop) => format!("{} ({})", run.phase.under_way(), safe(&stop.why)),
                None => run.phase.under_way().to_owned(),
            };
            match resumption {
                Resumption::Now => format!(
                    "The promotion of {what} into {place} was interrupted while {doing}; going on with it."
                ),
                Resumption::NextPromotion => format!(
                    "A move of {what} into {place} was interrupted while {doing}; the next `promote` goes on with it."
                ),
                Resumption::Rollback => {
                    format!("A move of {what} into {place} was interrupted while {doing}.")
                }
            }
        }
        Event::NotLocked { scope } => format!("`{scope}` is not locked"),
        Event::Unlocked { scope } => format!("unlocked `{scope}`"),
        Event::StateRolledBack { scope, serial, to } => {
            format!("serial {serial} of `{scope}` is a copy of serial {to}")
        }
        Event::BackendReady { bucket: Some(bucket) } => {
            format!("the bucket `{}` is ready for state", safe(bucket))
        }
        Event::BackendReady { bucket: None } => {
            "the backend is a local directory: there is nothing to create".to_owned()
        }
        Event::HoldLifted { environment } => format!("The hold of {environment} is lifted."),
        Event::TurningBack { why, environment, release, to } => {
            format!("{why}; {environment} goes back to release {release} {}", to.short())
        }
        Event::Waiting { request, until } => waiting(request, *until),
        Event::Lasting { activity: what, lasted, until } => format!(
            "waiting for {}: not done after {} s{}",
            match what {
                Activity::Fetching(source) => format!("the module {}", safe(source)),
                what => activity(what),
            },
            lasted.as_secs(),
            until_of(*until)
        ),
        Event::RollingBack { environment, release, from, to } => format!(
            "Rollback of {environment}: release {release} from {} to {}\n",
            from.short(),
            to.short()
        ),
        Event::Began(_)
        | Event::Ended(_)
        | Event::Apply(_)
        | Event::Applied(_)
        | Event::Principals(_)
        | Event::StatePrincipal(_)
        | Event::Entered(_) => return None,
    })
}

/// What is waited for: the request, where, which attempt, and until when.
fn waiting(request: &Waiting, until: Option<Timestamp>) -> String {
    let endpoint = match &request.endpoint {
        Some(endpoint) => format!("`{endpoint}`"),
        None => "credentials".to_owned(),
    };
    safe(&format!(
        "waiting for {endpoint}: {}:{} in {}, no answer for {} s, attempt {} of {}{}",
        request.service,
        request.operation,
        request.account,
        request.silent.as_secs(),
        request.attempt,
        request.attempts,
        until_of(until)
    ))
    .into_owned()
}

/// Until when something is waited for, where that is known.
fn until_of(until: Option<Timestamp>) -> String {
    until.map(|until| format!(", until {}", until.strftime("%H:%M:%SZ"))).unwrap_or_default()
}

/// An event of the executor, as a line; nothing for those that only move a bar.
#[must_use]
pub fn operation(event: &apply::ApplyEvent, style: &Style) -> Option<String> {
    use apply::ApplyEvent as E;
    Some(match event {
        E::Begun { .. } | E::Started(_) | E::Saved { .. } => return None,
        E::Succeeded(operation) => {
            format!("{} {}", style.paint(Tone::Good, "ok     "), done(operation))
        }
        E::Failed { operation, reason } => format!(
            "{} {}: {}",
            style.paint(Tone::Bad, "failed "),
            under_way(operation),
            safe(&reason.replace('\n', ": "))
        ),
        E::Skipped { operation, because } => format!(
            "{} {}, because of {}",
            style.paint(Tone::Warn, "skipped"),
            under_way(operation),
            safe(&because.address.to_string())
        ),
        E::Retrying { operation, attempt, wait, reason } => {
            let text = format!(
                "again   {} in {:.1} s (attempt {}): {}",
                under_way(operation),
                wait.as_secs_f64(),
                attempt + 1,
                safe(reason)
            );
            style.paint(Tone::Dim, &text)
        }
        E::WaitingForLock { scope, who, host, operation, ended: Some(margin) } => format!(
            "waiting up to {} s for `{scope}`: `{}` by {} on {} has ended without giving it back, and what it sent last may still arrive",
            margin.as_secs(),
            safe(operation),
            safe(who),
            safe(host)
        ),
        E::WaitingForLock { scope, who, host, operation, ended: None } => format!(
            "waiting for `{scope}`, locked by {} on {} for `{}`",
            safe(who),
            safe(host),
            safe(operation)
        ),
        E::Stopping { running } => {
            let rest = count(*running, "operation", "operations");
            let text = format!(
                "stopping: {rest} in flight, nothing new is started; Ctrl-C again leaves at once"
            );
            style.paint(Tone::Warn, &text)
        }
        E::Recovering { scope, run, in_doubt } => {
            let rest = count(*in_doubt, "operation", "operations");
            format!("recovering `{scope}`: run {} left {rest} without a result", safe(run))
        }
    })
}

/// An operation that is under way: `creating iam_role.ci@dev`.
#[must_use]
pub fn under_way(operation: &OperationRef) -> String {
    format!("{} {}", operation.op.under_way(), safe(&operation.address.to_string()))
}

fn done(operation: &OperationRef) -> String {
    let verb = match operation.op {
        OperationKind::Create => "created",
        OperationKind::Update => "updated",
        OperationKind::Delete => "deleted",
        OperationKind::Attach => "attached",
        OperationKind::Detach => "detached",
        OperationKind::Move => "moved",
        OperationKind::Wait => "waited for",
        OperationKind::Adopt => "adopted",
        OperationKind::Forget => "forgot",
        OperationKind::Rename => "renamed",
    };
    let word = match operation.op {
        OperationKind::Attach | OperationKind::Move => "to",
        OperationKind::Detach => "from",
        _ => "",
    };
    let target = operation.target.as_ref().filter(|_| !word.is_empty());
    let target = target.map(|target| format!(" {word} {}", safe(target))).unwrap_or_default();
    format!("{verb} {}{target}", safe(&operation.address.to_string()))
}

/// How an apply ended, in one line.
#[must_use]
pub fn summary(summary: &ApplySummary, destroys: bool, style: &Style) -> String {
    let tone = if summary.is_success() { Tone::Good } else { Tone::Warn };
    let operations = count(summary.done.len(), "operation", "operations");
    let (objects, done) = done_to_objects(summary);
    let mut text = match objects {
        0 => format!("{operations} done"),
        all if all == summary.done.len() => done,
        _ => format!("{done} ({operations})"),
    };
    // A run that was left has not seen what became of them.
    let (in_flight, failed): (Vec<_>, Vec<_>) =
        summary.failed.iter().partition(|failed| summary.interrupted && failed.uncertain);
    if !failed.is_empty() {
        text.push_str(&format!(", {} failed", failed.len()));
    }
    if !in_flight.is_empty() {
        text.push_str(&format!(", {} uncertain", in_flight.len()));
    }
    if !summary.skipped.is_empty() {
        text.push_str(&format!(", {} skipped", summary.skipped.len()));
    }
    let head = if destroys { "Destroy" } else { "Apply" };
    let end = if summary.is_success() { "complete" } else { "incomplete" };
    style.paint(tone, &format!("{head} {end}: {text}."))
}

/// How many objects something became of, and what: `7 created, 1 deleted`. Waits and attachments are operations of
/// their own and no objects.
fn done_to_objects(summary: &ApplySummary) -> (usize, String) {
    use OperationKind as Op;
    let all = [
        (Op::Create, "created"),
        (Op::Update, "updated"),
        (Op::Delete, "deleted"),
        (Op::Adopt, "adopted"),
        (Op::Forget, "forgotten"),
    ];
    let counted = all.into_iter().filter_map(|(op, word)| {
        let objects: BTreeSet<_> =
            summary.done.iter().filter(|d| d.op == op).map(|d| &d.address).collect();
        (!objects.is_empty()).then(|| (objects.len(), format!("{} {word}", objects.len())))
    });
    let (numbers, words): (Vec<usize>, Vec<String>) = counted.unzip();
    (numbers.iter().sum(), words.join(", "))
}

/// A question.
#[must_use]
pub fn question(question: ConfirmationQuestion<'_>) -> String {
    match question {
        ConfirmationQuestion::Apply => "Apply this plan?".to_owned(),
        ConfirmationQuestion::Destroy => "Delete all of this?".to_owned(),
        ConfirmationQuestion::Import => "Import it?".to_owned(),
        ConfirmationQuestion::RollBackState { scope, serial, written_at, objects } => format!(
            "Make serial {serial} of `{scope}` ({written_at:.0}, {}) the current state? AWS is not touched.",
            count(objects, "object", "objects")
        ),
        ConfirmationQuestion::BreakLocks => "Break these locks?".to_owned(),
        ConfirmationQuestion::Promote { release, digest, to } => {
            format!("Promote release {release} {} into {to}?", digest.short())
        }
        ConfirmationQuestion::Resume => "Go on?".to_owned(),
        ConfirmationQuestion::BringBack { release, digest, environment } => {
            format!("Bring release {release} {} back to {environment}?", digest.short())
        }
        ConfirmationQuestion::Approve { release, digest, to, .. } => {
            format!("Approve release {release} {} for {to} by this plan?", digest.short())
        }
    }
}
