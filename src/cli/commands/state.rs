//! `palisade state ...`: look into the state, and repair it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::address::ResourceAddr;
use crate::cli::args::duration;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::session::{self, edit::Editing};
use crate::diag::{Diagnostic, did_you_mean};
use crate::plan::select;
use crate::render;
use crate::state::model::Resources;
use crate::state::{Event, ScopeState, Snapshot, errored, layout};

/// `palisade state ...`
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses of everything that is managed
    List(ListArgs),
    /// Show one object as it was last applied
    Show(ShowArgs),
    /// Give an object, a block or a module another address
    Mv(MvArgs),
    /// Forget an object; it stays in AWS
    Rm(RmArgs),
    /// Print the whole state as JSON
    Pull(PullArgs),
    /// Write back a state that an apply had to save to a file
    Push(PushArgs),
    /// List the versions of the state
    History(HistoryArgs),
    /// Make an old version of one scope's state the current one
    Rollback(RollbackArgs),
    /// Break a lock whose holder is gone
    Unlock(UnlockArgs),
}

/// Flags of `state list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state list module.baseline")]
pub struct ListArgs {
    /// Only these objects, blocks or modules
    #[arg(value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `state show`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state show iam_role.deploy@production")]
pub struct ShowArgs {
    /// The object
    address: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `state mv`.
#[derive(Debug, Args)]
#[command(
    after_help = "A `moved` block does the same for everybody who applies the configuration, and is reviewed like it.\n\n\
                        Example:\n  palisade state mv iam_role.ci iam_role.deploy"
)]
pub struct MvArgs {
    /// What to rename: an object, a block or a module
    from: String,
    /// Its new address
    to: String,
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state rm`.
#[derive(Debug, Args)]
#[command(
    after_help = "A `removed` block does the same for everybody who applies the configuration.\n\n\
                        Example:\n  palisade state rm iam_role.legacy@production"
)]
pub struct RmArgs {
    /// Objects, blocks or modules
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state pull`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state pull > backup.json")]
pub struct PullArgs {
    /// Only this scope: org, or acct-HANDLE
    #[arg(long)]
    scope: Option<String>,
}

/// Flags of `state push`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state push errored.acct-production.state.json")]
pub struct PushArgs {
    /// The file that an apply left behind
    file: PathBuf,
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state history`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  palisade state history acct-production")]
pub struct HistoryArgs {
    /// A scope: org, or acct-HANDLE; all of them when none is named
    scope: Option<String>,
    /// At most so many versions of each scope
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Flags of `state rollback`.
#[derive(Debug, Args)]
#[command(
    after_help = "Only the state goes back, not AWS: the plan after it shows what differs.\n\n\
                        Example:\n  palisade state rollback acct-production --to 7"
)]
pub struct RollbackArgs {
    /// The scope: org, or acct-HANDLE
    scope: String,
    /// The serial to go back to; `state history` lists them
    #[arg(long, value_name = "SERIAL")]
    to: u64,
    /// Ask nothing
    #[arg(long)]
    auto_approve: bool,
    /// Wait so long for a lock that somebody else holds
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    lock_timeout: Duration,
}

/// Flags of `state unlock`.
#[derive(Debug, Args)]
#[command(
    after_help = "A lock ends by itself some minutes after its holder was last heard of. Breaking one whose holder\n\
                        still works makes that run fail with a state conflict; nothing is overwritten.\n\n\
                        Example:\n  palisade state unlock acct-production"
)]
pub struct UnlockArgs {
    /// Scopes; every locked one when none is named
    scopes: Vec<String>,
    /// Ask nothing
    #[arg(long)]
    force: bool,
}

/// Runs a state command.
///
/// # Errors
/// Those of the command.
pub async fn run(command: StateCommand, cx: &Context) -> Result<(), Exit> {
    match command {
        StateCommand::List(args) => list(&args, cx).await,
        StateCommand::Show(args) => show(&args, cx).await,
        StateCommand::Mv(args) => mv(&args, cx).await,
        StateCommand::Rm(args) => rm(&args, cx).await,
        StateCommand::Pull(args) => pull(&args, cx).await,
        StateCommand::Push(args) => push(&args, cx).await,
        StateCommand::History(args) => history(&args, cx).await,
        StateCommand::Rollback(args) => rollback(&args, cx).await,
        StateCommand::Unlock(args) => unlock(&args, cx).await,
    }
}

async fn read(cx: &Context) -> Result<Snapshot, Exit> {
    let store = session::store(cx).await?;
    Ok(cx.interrupt.or(store.ledger.read_all()).await??)
}

async fn list(args: &ListArgs, cx: &Context) -> Result<(), Exit> {
    let mut resources = read(cx).await?.resources();
    if !args.addresses.is_empty() {
        for address in &args.addresses {
            require(&resources, address)?;
        }
        resources.retain(|a, _| select::names(&args.addresses, a));
    }
    let mut out = cx.stdout();
    if args.json {
        let all: Vec<String> = resources.keys().map(ResourceAddr::canonical).collect();
        render::json::write(&all, &mut out)?;
    } else {
        render::state::list(&resources, &mut out)?;
    }
    Ok(out.flush()?)
}

fn require(resources: &Resources, pattern: &str) -> Result<(), Exit> {
    if resources.keys().any(|a| select::names(&[pattern.to_owned()], a)) {
        return Ok(());
    }
    let known: Vec<String> = resources.keys().map(ToString::to_string).collect();
    let help = did_you_mean(pattern, known.iter().map(String::as_str))
        .unwrap_or_else(|| "`palisade state list` shows the addresses".to_owned());
    Err(Diagnostic::error(format!("the state holds nothing at `{pattern}`")).help(help).into())
}

async fn show(args: &ShowArgs, cx: &Context) -> Result<(), Exit> {
    let resources = read(cx).await?.resources();
    require(&resources, &args.address)?;
    let pattern = [args.address.clone()];
    let found: Resources =
        resources.into_iter().filter(|(a, _)| select::names(&pattern, a)).collect();
    let mut out = cx.stdout();
    if args.json {
        let all: BTreeMap<String, _> = found.into_iter().map(|(a, r)| (a.canonical(), r)).collect();
        render::json::write(&all, &mut out)?;
    } else {
        for (index, (address, resource)) in found.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            render::state::show(address, resource, cx.style(), &mut out)?;
        }
    }
    Ok(out.flush()?)
}

async fn mv(args: &MvArgs, cx: &Context) -> Result<(), Exit> {
    let store = session::store(cx).await?;
    let before = store.ledger.read_all().await?;
    require(&before.resources(), &args.from)?;
    let renames = renames(&before.resources(), &args.from, &args.to)?;
    let mut scopes = BTreeSet::new();
    for (name, scope) in &before.scopes {
        let touched = scope.value.resources.iter().any(|(address, resource)| {
            renames.contains_key(address)
                || resource.depends_on.iter().any(|d| renames.contains_key(d))
        });
        if touched {
            scopes.insert(name.clone());
        }
    }
    scopes.extend(renames.values().map(scope_of));
    let editing = Editing::begin(cx, &store, "state mv", &scopes, args.lock_timeout).await?;
    let (next, count) = moved(&editing, &renames, &scopes).await?;
    let details =
        BTreeMap::from([("from".to_owned(), json!(args.from)), ("to".to_owned(), json!(args.to))]);
    editing.finish("state_moved", details, next).await?;
    cx.say(&format!("moved {}", render::style::count(count, "object", "objects")));
    Ok(())
}

/// The states of all touched scopes after a renaming.
async fn moved(
    editing: &Editing<'_>,
    renames: &BTreeMap<ResourceAddr, ResourceAddr>,
    scopes: &BTreeSet<String>,
) -> Result<(BTreeMap<String, ScopeState>, usize), Exit> {
    let mut next = states(editing, scopes).await?;
    let mut moving = Vec::new();
    for state in next.values_mut() {
        for (from, to) in renames {
            if let Some(resource) = state.resources.remove(from) {
                moving.push((to.clone(), resource));
            }
        }
        for resource in state.resources.values_mut() {
            redirect(&mut resource.depends_on, renames);
        }
    }
    let count = moving.len();
    for (to, mut resource) in moving {
        redirect(&mut resource.depends_on, renames);
        let Some(state) = next.get_mut(&scope_of(&to)) else { continue };
        if state.resources.contains_key(&to) {
            return Err(Exit::error(format!("the state already holds `{to}`")));
        }
        state.resources.insert(to, resource);
    }
    Ok((next, count))
}

fn redirect(
    dependencies: &mut BTreeSet<ResourceAddr>,
    renames: &BTreeMap<ResourceAddr, ResourceAddr>,
) {
    *dependencies = dependencies.iter().map(|d| renames.get(d).unwrap_or(d).clone()).collect();
}

/// Scope states to change, as they stand; new ones for scopes that do not exist yet.
async fn states(
    editing: &Editing<'_>,
    scopes: &BTreeSet<String>,
) -> Result<BTreeMap<String, ScopeState>, Exit> {
    let stamp = editing.stamp().await?;
    let snapshot = &editing.snapshot;
    Ok(scopes
        .iter()
        .map(|name| {
            let state = snapshot.scopes.get(name).map_or_else(
                || ScopeState::new(&snapshot.lineage, name, stamp.clone()),
                |s| s.value.clone(),
            );
            (name.clone(), state)
        })
        .collect())
}

/// Which addresses change, and into what: `to` takes the place of `from` at the front of each.
fn renames(
    resources: &Resources,
    from: &str,
    to: &str,
) -> Result<BTreeMap<ResourceAddr, ResourceAddr>, Exit> {
    let pattern = [from.to_owned()];
    let mut renames = BTreeMap::new();
    for address in resources.keys().filter(|a| select::names(&pattern, a)) {
        let canonical = address.canonical();
        let rest = canonical.strip_prefix(from).unwrap_or_default();
        let renamed: ResourceAddr = format!("{to}{rest}")
            .parse()
            .map_err(|e| Exit::error(format!("`{address}` cannot become `{to}{rest}`: {e}")))?;
        if renamed.kind != address.kind {
            let text =
                format!("`{address}` is of kind `{}` and cannot become `{renamed}`", address.kind);
            return Err(Exit::error(text));
        }
        if resources.contains_key(&renamed) {
            return Err(Exit::error(format!("the state already holds `{renamed}`")));
        }
        renames.insert(address.clone(), renamed);
    }
    Ok(renames)
}

fn scope_of(address: &ResourceAddr) -> String {
    address.account().map_or_else(|| layout::ORG.to_owned(), |a| layout::account_scope(a.as_str()))
}

async fn rm(args: &RmArgs, cx: &Context) -> Result<(), Exit> {
    let store = session::store(cx).await?;
    let before = store.ledger.read_all().await?;
    for address in &args.addresses {
        require(&before.resources(), address)?;
    }
    let gone: BTreeSet<ResourceAddr> =
        before.resources().into_keys().filter(|a| select::names(&args.addresses, a)).collect();
    let scopes: BTreeSet<String> = before
        .scopes
        .iter()
        .filter(|(_, scope)| {
            scope
                .value
                .resources
                .iter()
                .any(|(a, r)| gone.contains(a) || r.depends_on.iter().any(|d| gone.contains(d)))
        })
        .map(|(name, _)| name.clone())
        .collect();
    let editing = Editing::begin(cx, &store, "state rm", &scopes, args.lock_timeout).await?;
    let mut next = states(&editing, &scopes).await?;
    for state in next.values_mut() {
        state.resources.retain(|a, _| !gone.contains(a));
        for resource in state.resources.values_mut() {
            resource.depends_on.retain(|d| !gone.contains(d));
        }
    }
    let names: Vec<String> = gone.iter().map(ResourceAddr::canonical).collect();
    let details = BTreeMap::from([("addresses".to_owned(), json!(names))]);
    editing.finish("state_removed", details, next).await?;
    for address in &gone {
        cx.say(&format!("forgot {address}; it stays in AWS"));
    }
    Ok(())
}

async fn pull(args: &PullArgs, cx: &Context) -> Result<(), Exit> {
    let snapshot = read(cx).await?;
    if let Some(scope) = &args.scope
        && !snapshot.scopes.contains_key(scope)
    {
        return Err(unknown_scope(&snapshot, scope));
    }
    let scopes: BTreeMap<&String, &ScopeState> = snapshot
        .scopes
        .iter()
        .filter(|(name, _)| args.scope.as_ref().is_none_or(|s| s == *name))
        .map(|(name, scope)| (name, &scope.value))
        .collect();
    let mut out = cx.stdout();
    render::json::write(&json!({"lineage": snapshot.lineage, "scopes": scopes}), &mut out)?;
    Ok(out.flush()?)
}

fn unknown_scope(snapshot: &Snapshot, scope: &str) -> Exit {
    let known: Vec<&str> = snapshot.scopes.keys().map(String::as_str).collect();
    let help =
        did_you_mean(scope, known.iter().copied()).unwrap_or_else(|| match known.as_slice() {
            [] => "the state is empty".to_owned(),
            known => format!("there are {}", known.join(", ")),
        });
    Diagnostic::error(format!("the state has no scope `{scope}`")).help(help).into()
}

async fn push(args: &PushArgs, cx: &Context) -> Result<(), Exit> {
    let saved = errored::load(&args.file)?;
    let store = session::store(cx).await?;
    let scope = &saved.state.scope;
    if !layout::is_scope(scope) {
        return Err(Exit::error(format!(
            "`{}` is not a saved state: `{}` is no scope",
            args.file.display(),
            render::style::safe(scope)
        )));
    }
    // A run that could not write its state may have left its journal too; the saved state is what
    // settles it, so no check for unfinished runs here.
    let holder = session::edit::holder(&store, "state push").await;
    let floors = BTreeMap::from([(scope.clone(), saved.state.epoch)]);
    let held = store
        .ledger
        .acquire_all(&floors, &holder, crate::state::Terms::default(), args.lock_timeout, |_, _| {})
        .await?;
    let stamp = crate::state::Stamp {
        at: store.ledger.now().await?,
        by: holder.who.clone(),
        run: holder.run.clone(),
        operation: holder.operation.clone(),
        plan: None,
    };
    let event = Event {
        at: stamp.at,
        who: stamp.by.clone(),
        run: stamp.run.clone(),
        action: "state_pushed".to_owned(),
        plan: None,
        reason: None,
        scopes: vec![scope.clone()],
        details: BTreeMap::from([("applied_by".to_owned(), json!(saved.state.stamp.by))]),
    };
    let mut end = Ok(());
    for (mut lease, _) in held {
        let pushed = async {
            store.ledger.audit(None, event.clone()).await?;
            store.ledger.push(&saved, lease.lock.epoch, stamp.clone()).await
        };
        end = end.and(pushed.await.map(|_| ()).map_err(Exit::from));
        let _ = store.ledger.release(&mut lease).await;
    }
    end?;
    cx.say(&format!(
        "the state of `{}` is written; `{}` can be deleted",
        scope,
        args.file.display()
    ));
    Ok(())
}

async fn history(args: &HistoryArgs, cx: &Context) -> Result<(), Exit> {
    let store = session::store(cx).await?;
    let snapshot = store.ledger.read_all().await;
    let scopes: Vec<String> = match (&args.scope, snapshot) {
        (Some(scope), Ok(snapshot)) if !snapshot.scopes.contains_key(scope) => {
            return Err(unknown_scope(&snapshot, scope));
        }
        // A damaged state is when its history is needed most.
        (Some(scope), _) => vec![scope.clone()],
        (None, snapshot) => snapshot?.scopes.into_keys().collect(),
    };
    let mut out = cx.stdout();
    let mut all = BTreeMap::new();
    for scope in scopes {
        let entries = store.ledger.history(&scope, usize::from(args.limit)).await?;
        if args.json {
            let list: Vec<_> = entries.iter().map(version_json).collect();
            all.insert(scope, list);
            continue;
        }
        writeln!(out, "{}", cx.style().paint(render::style::Tone::Bold, &scope))?;
        for entry in entries {
            match &entry.state {
                Ok(state) => writeln!(
                    out,
                    "  {:>5}  {}  {}  {}  {}{}",
                    state.serial,
                    state.stamp.at.strftime("%Y-%m-%d %H:%M:%SZ"),
                    render::style::pad(
                        &render::style::count(state.resources, "object", "objects"),
                        12
                    ),
                    state.stamp.operation,
                    render::style::safe(&state.stamp.by),
                    state
                        .stamp
                        .plan
                        .as_deref()
                        .map(|p| format!("  {}", p.chars().take(19).collect::<String>()))
                        .unwrap_or_default(),
                )?,
                Err(reason) => {
                    writeln!(out, "      ?  unreadable: {}", render::style::safe(reason))?
                }
            }
        }
    }
    if args.json {
        render::json::write(&all, &mut out)?;
    }
    Ok(out.flush()?)
}

fn version_json(entry: &crate::state::history::HistoryEntry) -> serde_json::Value {
    let stored = entry.stored_at.map(|t| t.to_string());
    match &entry.state {
        Ok(state) => json!({
            "version": entry.version, "stored_at": stored, "size": entry.size,
            "serial": state.serial, "resources": state.resources, "stamp": state.stamp,
        }),
        Err(reason) => json!({
            "version": entry.version, "stored_at": stored, "size": entry.size, "error": reason,
        }),
    }
}

async fn rollback(args: &RollbackArgs, cx: &Context) -> Result<(), Exit> {
    let store = session::store(cx).await?;
    let ledger = &store.ledger;
    // The state may be damaged: that is what this command is for, so nothing else is read.
    let target = ledger.at_serial(&args.scope, args.to).await?;
    if !args.auto_approve {
        cx.confirm(&format!(
            "Make serial {} of `{}` ({}, {}) the current state? AWS is not touched.",
            args.to,
            args.scope,
            target.stamp.at,
            render::style::count(target.resources.len(), "object", "objects"),
        ))
        .await?;
    }
    let holder = session::edit::holder(&store, "state rollback").await;
    let floors = BTreeMap::from([(args.scope.clone(), target.epoch)]);
    let held = ledger
        .acquire_all(&floors, &holder, crate::state::Terms::default(), args.lock_timeout, |_, _| {})
        .await?;
    let mut end = Ok(());
    for (mut lease, _) in held {
        let done = async {
            let at = ledger.now().await?;
            let event = Event {
                at,
                who: holder.who.clone(),
                run: holder.run.clone(),
                action: "state_rolled_back".to_owned(),
                plan: None,
                reason: None,
                scopes: vec![args.scope.clone()],
                details: BTreeMap::from([("to".to_owned(), json!(args.to))]),
            };
            ledger.audit(None, event).await?;
            let stamp = crate::state::Stamp {
                at,
                by: holder.who.clone(),
                run: holder.run.clone(),
                operation: holder.operation.clone(),
                plan: None,
            };
            ledger.rollback(&lease, args.to, stamp).await
        }
        .await;
        let _ = ledger.release(&mut lease).await;
        match done {
            Ok(state) => cx.say(&format!(
                "serial {} of `{}` is a copy of serial {}",
                state.value.serial, args.scope, args.to
            )),
            Err(error) => end = Err(Exit::from(error)),
        }
    }
    end?;
    cx.say("`palisade plan` shows what differs from it now");
    Ok(())
}

async fn unlock(args: &UnlockArgs, cx: &Context) -> Result<(), Exit> {
    let store = session::store(cx).await?;
    let ledger = &store.ledger;
    let mut scopes = args.scopes.clone();
    for scope in &scopes {
        if !layout::is_scope(scope) {
            let text = format!("`{scope}` is no scope");
            return Err(Diagnostic::error(text).help("as in `org` or `acct-production`").into());
        }
    }
    if scopes.is_empty() {
        let keys = ledger
            .store()
            .list(layout::SCOPES, None)
            .await
            .map_err(crate::state::StateError::from)?;
        for key in keys {
            if let Some(layout::ScopeKey::Lock(scope)) = layout::parse(&key) {
                scopes.push(scope);
            }
        }
    }
    let mut locked = Vec::new();
    for scope in scopes {
        match ledger.read_lock(&scope).await? {
            Some(lock) if !lock.released => locked.push((scope, lock)),
            _ if args.scopes.is_empty() => {}
            _ => cx.say(&format!("`{scope}` is not locked")),
        }
    }
    if locked.is_empty() {
        if args.scopes.is_empty() {
            cx.say("nothing is locked");
        }
        return Ok(());
    }
    for (scope, lock) in &locked {
        cx.say(&format!(
            "`{scope}` is locked by {} on {} (process {}) for `{}` since {}, until {}",
            render::style::safe(&lock.holder.who),
            render::style::safe(&lock.holder.host),
            lock.holder.pid,
            render::style::safe(&lock.holder.operation),
            lock.acquired_at.strftime("%H:%M:%SZ"),
            lock.expires_at.strftime("%H:%M:%SZ"),
        ));
    }
    if !args.force {
        cx.confirm("Break these locks?").await?;
    }
    let holder = session::edit::holder(&store, "state unlock").await;
    for (scope, lock) in locked {
        ledger.unlock(&scope).await?;
        let event = Event {
            at: ledger.now().await?,
            who: holder.who.clone(),
            run: holder.run.clone(),
            action: "unlocked".to_owned(),
            plan: None,
            reason: None,
            scopes: vec![scope.clone()],
            details: BTreeMap::from([
                ("held_by".to_owned(), json!(lock.holder.who)),
                ("run".to_owned(), json!(lock.holder.run)),
            ]),
        };
        ledger.audit(None, event).await?;
        cx.say(&format!("unlocked `{scope}`"));
    }
    Ok(())
}
