//! From a directory to a plan: configuration, state and live AWS, each read once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::address::{ACCOUNT, ResourceAddr};
use crate::apply::Inspection;
use crate::cli::args::{FailOn, PlanOptions, SelectArgs, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::eval::Engine;
use crate::eval::estate::{Estate, Import};
use crate::ids::{AccountId, Handle};
use crate::plan::model::isolation::{AccessPath, PathChange, Severity};
use crate::plan::model::{Left, LeftOutcome, Output, Plan, ScopeBasis, Selection, StateBasis};
use crate::plan::refresh::{self, Targets};
use crate::plan::sides::Sides;
use crate::plan::{Input, Live, Mode, Options, prepare, seal};
use crate::promotion::Release;
use crate::promotion::store::Held;
use crate::provider::Provider;
use crate::schema::{AccessPart, Spanned, access_of};
use crate::state::{Snapshot, StateError, layout};

use super::known::{Imports, InForce, Recorded, imports};
use super::{Store, backend, digest, outputs, releases, secrets, versions};

/// What is asked of a plan.
#[derive(Clone, Debug)]
pub struct Request {
    /// Mode, selection, forced replacements.
    pub options: Options,
    /// Values for variables.
    pub vars: VarArgs,
    /// Whether AWS is read.
    pub refresh: bool,
    /// How many accounts are read at once.
    pub parallelism: usize,
    /// Objects to take over beside those of `import` blocks: address and AWS id.
    pub imports: Vec<(ResourceAddr, String)>,
    /// Whether the sources of secrets are asked for their versions, as whoever applies does.
    pub versions: bool,
    /// A release to plan with in place of the one that stands in an environment.
    pub shift: Option<Shift>,
}

/// What a promotion puts in place of what stands there.
#[derive(Clone, Debug)]
pub struct Shift {
    /// The environment.
    pub environment: String,
    /// The release that moves in.
    pub release: Release,
}

impl Request {
    /// From the flags of `plan`, `apply` and `destroy`.
    ///
    /// # Errors
    /// A handle or an address that is none.
    pub fn of(args: &PlanOptions, mode: Mode) -> Result<Self, Exit> {
        let mode = if args.refresh_only { Mode::RefreshOnly } else { mode };
        if args.refresh_only && !args.refresh {
            return Err(Exit::error(
                "`--refresh-only` and `--refresh=false` contradict each other",
            ));
        }
        Ok(Self {
            options: Options {
                mode,
                selection: selection(&args.select)?,
                replace: args.replace.clone(),
                ..Options::default()
            },
            vars: args.vars.clone(),
            refresh: args.refresh,
            parallelism: usize::from(args.parallelism),
            imports: Vec::new(),
            versions: mode == Mode::Normal && args.refresh,
            shift: None,
        })
    }

    /// Of a whole estate, changing nothing: what `drift` needs.
    #[must_use]
    pub fn everything(vars: &VarArgs) -> Self {
        Self {
            options: Options::default(),
            vars: vars.clone(),
            refresh: true,
            parallelism: 10,
            imports: Vec::new(),
            versions: false,
            shift: None,
        }
    }
}

/// The selection that flags ask for.
///
/// # Errors
/// A handle that is none.
pub fn selection(args: &SelectArgs) -> Result<Selection, Exit> {
    let mut found = Diagnostics::new();
    let mut accounts = Vec::new();
    for text in &args.account {
        match text.parse::<Handle>() {
            Ok(handle) => accounts.push(handle),
            Err(error) => found.push(Diagnostic::error(error.to_string())),
        }
    }
    found.into_result(())?;
    Ok(Selection { environments: args.environment.clone(), accounts, targets: args.target.clone() })
}

/// Everything that a plan is made from, and that apply goes on with.
pub struct World {
    /// What is declared.
    pub configuration: Configuration,
    /// Its digest.
    pub digest: String,
    /// What it means.
    pub estate: Estate,
    /// State and the way to AWS.
    pub store: Store,
    /// What state holds.
    pub snapshot: Snapshot,
    /// Outputs of the last apply.
    pub outputs: BTreeMap<String, Output>,
    /// What environments remember of releases.
    pub records: BTreeMap<String, Held>,
    /// The releases that stand in environments.
    pub releases: InForce,
    /// What AWS holds.
    pub live: Live,
    /// Versions of the SSM parameters that secrets come from, by reference, where they were asked.
    pub versions: BTreeMap<String, i64>,
    /// How accounts are reached.
    pub targets: Targets,
    /// What reads and changes AWS.
    pub provider: Arc<dyn Provider>,
    /// What runs that were cut off have left, where `snapshot` stands as recovery would leave it.
    pub left: Vec<Left>,
    /// Warnings of the evaluation and of reading, to be told with the plan.
    pub warnings: Diagnostics,
}

/// Loads, reads and evaluates. Writes nothing and changes nothing in AWS.
///
/// # Errors
/// Everything that is wrong with the configuration, or that could not be read.
pub async fn survey(cx: &Context, request: &Request) -> Result<World, Exit> {
    super::require_configuration(&cx.dir())?;
    let configuration = super::configuration(cx, &request.vars)?;
    let store = super::open(cx, backend::configured(&configuration.settings)).await?;
    let state = cx.progress().step("reading state");
    let snapshot = cx.interrupt.or(store.ledger.read_all()).await??;
    state.done();
    look(cx, request, configuration, store, snapshot).await
}

/// As [`survey`], for commands that change nothing: what a run that was cut off has left is looked
/// up, told, and counted with as if it had been recovered.
///
/// # Errors
/// Those of [`survey`], and a journal that cannot be read.
pub async fn view(cx: &Context, request: &Request) -> Result<World, Exit> {
    let world = survey(cx, request).await?;
    as_recovered(cx, request, world).await
}

/// A world as it will be once what cut-off runs have left in it is recovered. Writes nothing.
///
/// # Errors
/// A journal, or AWS, cannot be read.
pub async fn as_recovered(cx: &Context, request: &Request, world: World) -> Result<World, Exit> {
    if !crate::apply::recover::is_needed(&world.snapshot) {
        return Ok(world);
    }
    let inspection = Inspection {
        ledger: &world.store.ledger,
        provider: Arc::clone(&world.provider),
        targets: world.targets.clone(),
        accounts: world.account_addresses(),
    };
    let mut snapshot = world.snapshot.clone();
    let left = cx.interrupt.or(crate::apply::inspect(&inspection, &mut snapshot)).await??;
    let mut seen = look(cx, request, world.configuration, world.store, snapshot).await?;
    seen.warnings.extend(left.iter().map(left_behind));
    seen.left = left;
    Ok(seen)
}

/// What a run has left, as a warning.
fn left_behind(left: &Left) -> Diagnostic {
    let Left { scope, run, by, .. } = left;
    if left.active {
        return Diagnostic::warning(format!("`{by}` is at work in scope `{scope}` (run {run})"))
            .detail("What it has changed so far may look like drift here.".to_owned())
            .help("plan again when it has ended");
    }
    let mut lines = vec![format!("{} of its results are not in the state yet.", left.results)];
    for change in &left.changes {
        let became = match change.outcome {
            LeftOutcome::Done => "was carried out",
            LeftOutcome::NotDone => "was not carried out",
            LeftOutcome::Unknown => "cannot be told yet",
        };
        let why = change.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("{} `{}` {became}{why}", change.op, change.address));
    }
    Diagnostic::warning(format!("a run of `{by}` was cut off in scope `{scope}` (run {run})"))
        .detail(lines.join("\n"))
        .help("`palisade apply` records this before anything else; the plan here counts with it already")
}

/// Reads AWS and evaluates, on a state as it was read.
///
/// # Errors
/// Everything that is wrong with the configuration, or that could not be read.
pub async fn look(
    cx: &Context,
    request: &Request,
    configuration: Configuration,
    store: Store,
    mut snapshot: Snapshot,
) -> Result<World, Exit> {
    let mut warnings = Diagnostics::new();
    let outputs = outputs::read_or_warn(&store.ledger, &mut warnings);
    let outputs = cx.interrupt.or(outputs).await??;
    let reading = async {
        let records = releases::records(&store.ledger, &configuration).await?;
        let releases = releases::in_force(&store.ledger, &records, request.shift.as_ref()).await?;
        Ok::<_, StateError>((records, releases))
    };
    let (records, releases) = cx.interrupt.or(reading).await??;
    let resources = snapshot.resources();
    let first = evaluate(
        &configuration,
        &Recorded {
            resources: &resources,
            live: None,
            management: None,
            releases: &releases,
            imports: Imports::new(),
        },
    )?;
    let provider = super::provider(&store.connection, &first.provider).await;
    let handles: Vec<Handle> = first.accounts.keys().cloned().collect();
    let (live, management) = if request.refresh {
        let reading = read(cx, provider.as_ref(), &first, request, &mut warnings);
        cx.interrupt.or(reading).await??
    } else {
        (Live::unread("refresh is off", handles), recorded_management(&first))
    };
    live.share_with_state(snapshot.resources_mut());
    let resources = snapshot.resources();
    let known = Recorded {
        resources: &resources,
        live: Some(&live),
        management: management.clone(),
        releases: &releases,
        imports: imports(&first),
    };
    // The second evaluation knows more; both at once would be held twice.
    drop(first);
    let mut estate = evaluate(&configuration, &known)?;
    live.share_with_estate(&mut estate, &resources);
    warnings.extend(std::mem::take(&mut estate.warnings));
    warnings.extend(releases::overridden(&records, &request.options.selection));
    for (address, id) in &request.imports {
        take_over(&mut estate, address, id)?;
    }
    let mut versions = BTreeMap::new();
    if request.versions {
        let client = secrets::client(&store.connection, &estate.provider);
        let selection = &request.options.selection;
        let asking = versions::ask(cx, &client, &estate, selection, &mut warnings);
        versions = cx.interrupt.or(asking).await?;
    }
    let targets = Targets::of(&estate, management.as_ref());
    let digest = digest::configuration(&configuration);
    Ok(World {
        digest,
        configuration,
        estate,
        store,
        snapshot,
        outputs,
        records,
        releases,
        live,
        versions,
        targets,
        provider,
        left: Vec::new(),
        warnings,
    })
}

impl World {
    /// Which `account` block is which account.
    #[must_use]
    pub fn account_addresses(&self) -> BTreeMap<ResourceAddr, Handle> {
        let all = self.estate.accounts.values();
        all.map(|a| (a.address.clone(), a.handle.clone())).collect()
    }
}

pub(super) fn evaluate(
    configuration: &Configuration,
    known: &Recorded<'_>,
) -> Result<Estate, Exit> {
    Ok(Engine::new(configuration, known).estate()?)
}

async fn read(
    cx: &Context,
    provider: &dyn Provider,
    estate: &Estate,
    request: &Request,
    warnings: &mut Diagnostics,
) -> Result<(Live, Option<AccountId>), Exit> {
    let progress = cx.progress();
    let step = progress.step("reading the organization");
    let unknown = Targets::of(estate, None);
    let organization = refresh::read_organization(
        provider,
        &unknown.management,
        tokio::sync::oneshot::channel().0,
    )
    .await?;
    let management = management_account(provider, &organization).await?;
    step.done();
    let targets = Targets::of(estate, Some(&management));
    let selected: BTreeSet<Handle> = estate
        .accounts
        .values()
        .filter(|a| {
            request.options.selection.accounts.contains(&a.handle)
                || request.options.selection.environments.iter().any(|e| a.environments.contains(e))
        })
        .map(|a| a.handle.clone())
        .collect();
    let step = progress.step(&format!(
        "reading {}",
        crate::render::style::count(targets.accounts.len(), ACCOUNT, "accounts")
    ));
    let accounts = refresh::read_accounts(
        provider,
        &targets,
        estate,
        &selected,
        request.parallelism,
        warnings,
    )
    .await?;
    step.done();
    Ok((refresh::live(organization, accounts), Some(management)))
}

/// The management account: the organization's own word, else whoever calls.
async fn management_account(
    provider: &dyn Provider,
    organization: &crate::provider::Inventory,
) -> Result<AccountId, Exit> {
    let told = organization
        .objects
        .values()
        .filter(|o| is_organization(o.kind))
        .find_map(|o| o.attrs.get("management_account_id")?.as_str()?.parse().ok());
    if let Some(id) = told {
        return Ok(id);
    }
    match provider.caller().await {
        Ok(caller) => Ok(caller.account),
        Err(error) => Err(Diagnostic::error("cannot tell who is calling")
            .detail(error.to_string())
            .help("sign in first (`aws sso login`), or try without an account: `--sandbox`")
            .into()),
    }
}

fn is_organization(kind: &str) -> bool {
    access_of(kind) == Some(AccessPart::Organization)
}

fn recorded_management(estate: &Estate) -> Option<AccountId> {
    estate
        .instances
        .values()
        .filter(|i| is_organization(&i.address.kind))
        .find_map(|i| i.computed.get("management_account_id")?.as_str()?.parse().ok())
}

/// Adds what `palisade import` asks for, as if an `import` block stood in the configuration.
fn take_over(estate: &mut Estate, address: &ResourceAddr, id: &str) -> Result<(), Exit> {
    let Some(known) = estate
        .instances
        .keys()
        .find(|a| *a == address || a.to_string() == address.to_string())
        .cloned()
    else {
        let names: Vec<String> = estate.instances.keys().map(ToString::to_string).collect();
        let help = did_you_mean(&address.to_string(), names.iter().map(String::as_str))
            .unwrap_or_else(|| {
                "declare the object first, or let `palisade adopt` write its configuration"
                    .to_owned()
            });
        return Err(Diagnostic::error(format!("the configuration declares no `{address}`"))
            .help(help)
            .into());
    };
    let source = Source::new("command line", format!("{known} {id}"));
    let loc = Loc::whole(&source);
    estate.imports.push(Import {
        to: Spanned { value: known, loc: loc.clone() },
        id: Spanned { value: id.to_owned(), loc },
    });
    Ok(())
}

/// Limits a drift report to what was selected, and to managed objects where that was asked for.
pub fn narrow_drift(plan: &mut Plan, managed_only: bool) {
    let selection = plan.selection.clone();
    let everything = selection == Selection::default();
    plan.drift.retain(|d| {
        if managed_only && d.status == crate::plan::model::DriftStatus::Unmanaged {
            return false;
        }
        everything
            || selection.accounts.iter().any(|a| a.as_str() == d.account)
            || selection.environments.iter().any(|e| d.environments.contains(e))
            || d.address
                .parse::<ResourceAddr>()
                .is_ok_and(|a| crate::plan::select::names(&selection.targets, &a))
    });
}

/// Makes the plan.
///
/// # Errors
/// Everything that AWS or the configuration's own rules would refuse.
pub fn plan(cx: &Context, world: &World, request: &Request) -> Result<Plan, Exit> {
    let now = cx.now();
    let (mut plan, sides) = decide(world, request, &now)?;
    crate::isolation::complete(&mut plan, &world.estate, &sides, day(&now))?;
    seal(&mut plan, &world.digest);
    let changed =
        plan.outputs.iter().filter(|(name, output)| world.outputs.get(*name) != Some(output));
    let gone = world.outputs.keys().filter(|name| !plan.outputs.contains_key(*name));
    let names: BTreeSet<&String> = changed.map(|(name, _)| name).chain(gone).collect();
    plan.outputs_changed = names.into_iter().cloned().collect();
    plan.diagnostics.extend(world.warnings.iter().map(crate::plan::compute::diagnostic));
    Ok(plan)
}

/// Tells what was doubtful while the estate was read, and what the plan itself warns about.
pub fn warn(cx: &Context, world: &World, plan: &Plan) {
    cx.tell(&world.warnings);
    let own = plan.diagnostics.len().saturating_sub(world.warnings.iter().count());
    let told = plan.diagnostics.iter().take(own).map(|warning| {
        let told = Diagnostic::warning(warning.summary.clone());
        match &warning.detail {
            Some(detail) => told.detail(detail.clone()),
            None => told,
        }
    });
    cx.tell(&told.collect::<Vec<_>>());
}

/// The estate before and after a plan, which itself is not asked for.
///
/// # Errors
/// As [`plan`].
pub fn sides(cx: &Context, world: &World, request: &Request) -> Result<Sides, Exit> {
    Ok(decide(world, request, &cx.now())?.1)
}

/// The day of a time, `YYYY-MM-DD`.
#[must_use]
pub fn day(now: &str) -> &str {
    now.get(..10).unwrap_or(now)
}

/// The plan without its section on the walls, and what that is analysed from.
///
/// # Errors
/// As [`plan`].
pub fn decide(world: &World, request: &Request, now: &str) -> Result<(Plan, Sides), Exit> {
    let resources = world.snapshot.resources();
    let basis = StateBasis {
        lineage: world.snapshot.lineage.clone(),
        scopes: world
            .snapshot
            .versions()
            .into_iter()
            // A scope of which only a journal exists has no version yet.
            .filter(|(_, (serial, _))| *serial > 0)
            .map(|(scope, (serial, etag))| (scope, ScopeBasis { serial, etag }))
            .collect::<BTreeMap<_, _>>(),
    };
    let mut options = request.options.clone();
    options.secrets.versions.clone_from(&world.versions);
    let (mut plan, sides) = prepare(Input {
        estate: &world.estate,
        configuration_digest: &world.digest,
        prior: &resources,
        basis: &basis,
        live: &world.live,
        options: &options,
        generated_at: now,
    })?;
    plan.recovery.clone_from(&world.left);
    if request.options.selection != Selection::default() {
        let touched = scopes(&plan);
        plan.state.scopes.retain(|scope, _| touched.contains(scope));
    }
    Ok((plan, sides))
}

/// The scopes that a limited plan stands on: an apply elsewhere leaves it, and what was approved of
/// it, valid.
fn scopes(plan: &Plan) -> BTreeSet<String> {
    let accounts = plan.resource_changes.iter().filter_map(|c| c.address.account());
    let own = accounts.map(|handle| layout::account_scope(handle.as_str()));
    own.chain([layout::ORG.to_owned(), layout::WALLS.to_owned()]).collect()
}

/// Whether the walls permit the plan, as `--fail-on` asks. What stood open before blocks no apply,
/// so `standing` paths count only where they are to be told of; but one whose exception has ended
/// is open without leave from that day on.
///
/// # Errors
/// They do not.
pub fn gate(plan: &Plan, fail_on: FailOn, standing: bool) -> Result<(), Exit> {
    let counts = |path: &&AccessPath| {
        let is_new = path.change != PathChange::Standing || path.expired_exception.is_some();
        // A rule with `on_violation = "warn"` only warns.
        path.severity != Severity::Warning && (standing || is_new)
    };
    let violations = plan.isolation.violations.iter().filter(counts).count();
    let widened = plan.isolation.changes.iter().filter(|path| path.change.opens()).count();
    let told = match fail_on {
        FailOn::None => return Ok(()),
        FailOn::Violation if violations == 0 => return Ok(()),
        FailOn::Widening if violations == 0 && widened == 0 => return Ok(()),
        FailOn::Widening if violations == 0 => {
            format!(
                "{} added or widened",
                crate::render::style::count(widened, "path is", "paths are")
            )
        }
        FailOn::Violation | FailOn::Widening => {
            format!(
                "{} an isolation rule",
                crate::render::style::count(violations, "path breaks", "paths break")
            )
        }
    };
    Err(Exit::RuleBroken(
        Diagnostic::error(told)
            .help("the isolation section names each path and what causes it; `--fail-on none --reason \"...\"` goes on regardless and is recorded")
            .into(),
    ))
}
