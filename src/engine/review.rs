//! Judges what changes that other tools make do to the walls between environments. Reads files, or the accounts as they
//! are, and changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::EngineError;
use super::plan::FailOn;
use super::workspace::Workspace;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, count};
use crate::ids::{AccountId, Handle};
use crate::isolation::lockout::NoSafeguards;
use crate::isolation::rules::Rule;
use crate::isolation::section::{
    AccessPath, Isolation, IsolationSummary, PathChange, RuleSeverity,
};
use crate::isolation::{self, Grade, WallVerdict};
use crate::review::change_set::{self, ChangeSet};
use crate::review::cloudformation::{self, TemplatePlaces};
use crate::review::dumps::files::Dumps;
use crate::review::dumps::{self, Environments, Named};
use crate::review::one_policy::{self, OnePolicy};
use crate::review::terraform::{self, PlanFile, ProviderAccounts};
use crate::review::{AccountsSnapshot, Tree, model};

mod assembly;
mod declared;
mod live;
mod observed;
mod places;
mod stacks;
mod states;
mod written;

pub use assembly::cloud_assembly;
pub use declared::{DeclaredWalls, declared};
pub use live::LiveRequest;
pub use stacks::StackRequest;
pub use states::{StateText, terraform_states};

/// What is to be judged.
#[derive(Clone, Debug, Default)]
pub struct ReviewRequest {
    /// The folder of dumps; without one nothing is known of what stands.
    pub accounts: Option<PathBuf>,
    /// An earlier folder of dumps: what has opened from then until [`accounts`](Self::accounts).
    pub since: Option<PathBuf>,
    /// Plans of one change, judged together.
    pub terraform_plans: Vec<PathBuf>,
    /// States of Terraform: what they describe stands, where dumps or a live reading do not say otherwise.
    pub terraform_states: Vec<StateText>,
    /// Directories with the `.tf` files that the plans were made from; those of the plans where none is named.
    pub configurations: Vec<PathBuf>,
    /// Templates of stacks, judged together with the plans.
    pub stacks: Vec<StackRequest>,
    /// A policy on its own, with what it is aimed at: ids of the organization's parts, and ARNs.
    pub policy: Option<(PathBuf, Vec<String>)>,
    /// Environments with the ids of their accounts.
    pub environments: Environments,
    /// Environments and rules of a configuration, in place of [`environments`](Self::environments).
    pub declared: Option<DeclaredWalls>,
    /// Accounts of the plans' providers, where the plans do not tell them.
    pub providers: ProviderAccounts,
    /// `YYYY-MM-DD`.
    pub today: String,
}

impl ReviewRequest {
    /// Environments with their accounts.
    fn environments(&self) -> &Environments {
        self.declared.as_ref().map_or(&self.environments, |declared| &declared.environments)
    }

    /// What the user calls the accounts.
    fn named(&self) -> Named<'_> {
        static NONE: BTreeMap<AccountId, Handle> = BTreeMap::new();
        let handles = self.declared.as_ref().map_or(&NONE, |declared| &declared.handles);
        Named { environments: self.environments(), handles }
    }

    /// The accounts that it names.
    #[must_use]
    pub fn accounts_named(&self) -> BTreeSet<AccountId> {
        self.environments().values().flatten().cloned().collect()
    }
}

/// What a review found.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewOutcome {
    /// What was judged.
    pub change: ReviewedChange,
    /// The walls before and after.
    pub isolation: Isolation,
    /// Counts.
    pub summary: IsolationSummary,
    /// How many questions about steps and rights it took.
    #[serde(skip)]
    pub questions: usize,
    /// The day of the judgement, `YYYY-MM-DD`.
    #[serde(skip)]
    pub today: String,
}

/// What was judged.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReviewedChange {
    /// The configuration that names the environments and the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<JudgedBy>,
    /// The earlier dumps that today's were compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Names of the states that stand beside what was read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terraform_states: Vec<String>,
    /// Names of the plans.
    pub terraform_plans: Vec<String>,
    /// Names of the templates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cloudformation_templates: Vec<String>,
    /// The policy that was tried on its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<TriedPolicy>,
    /// How many changes bear on access and are in the verdicts.
    pub judged: usize,
    /// How many bear none.
    pub harmless: usize,
    /// What is not in the verdicts, and makes walls undetermined: a sentence each.
    pub not_judged: Vec<String>,
    /// Accounts of which no dump, or only a part of one, was given, each with what is missing: what is not in a dump
    /// is not known, so walls of these accounts are undetermined.
    pub not_read: Vec<String>,
    /// What is not known of the organization's guardrails, a phrase each: no verdict `reachable` rests on it.
    pub guardrails_unknown: Vec<String>,
}

/// The configuration that a change is judged by.
#[derive(Clone, Debug, Serialize)]
pub struct JudgedBy {
    /// Its directory.
    pub directory: String,
    /// How many `isolation` blocks it has; with none, every pair of environments is a wall.
    pub rules: usize,
    /// How many of its blocks are about something else. What they declare is not part of the judged accounts.
    pub other_blocks: usize,
}

/// A policy on its own.
#[derive(Clone, Debug, Serialize)]
pub struct TriedPolicy {
    /// Its file.
    pub file: String,
    /// What it was aimed at.
    pub targets: Vec<String>,
}

/// The rule that every environment is closed to every other one.
const BETWEEN: &str = "environments";
/// The rule that no change opens an environment to the world.
const OUTSIDE: &str = "outside";

/// Judges a change.
///
/// # Errors
/// Dumps or plans that cannot be read; objects whose account cannot be told; fewer than one environment.
pub fn run(request: &ReviewRequest) -> Result<ReviewOutcome, EngineError> {
    let before = match &request.accounts {
        Some(dir) => dumps::read(dir, request.named())?,
        None => dumps::unread(request.named()),
    };
    judge(request, before, live::LiveStacks::new())
}

/// Judges a change over the accounts as they are now.
///
/// # Errors
/// As [`run`]; AWS does not say who calls.
pub async fn run_live(
    workspace: &Workspace,
    request: &ReviewRequest,
    live: &LiveRequest,
) -> Result<ReviewOutcome, EngineError> {
    let named = request.accounts_named();
    let read = live::read(workspace, live, &named, &request.stacks).await?;
    let mut diagnostics = Diagnostics::new();
    let before = dumps::snapshot(read.dumps, request.named(), &mut diagnostics);
    judge(request, diagnostics.into_result(before)?, read.stacks)
}

/// Reads the accounts as they are now into a folder, from which reviews are made without credentials. Returns how many
/// accounts there are, and what could not be read, a phrase each.
///
/// # Errors
/// AWS does not say who calls; the folder holds something, or cannot be written.
pub async fn dump(
    workspace: &Workspace,
    live: &LiveRequest,
    named: &BTreeSet<AccountId>,
    dir: &Path,
) -> Result<DumpOutcome, EngineError> {
    Dumps::refuse_used(dir)?;
    let read = live::read(workspace, live, named, &[]).await?.dumps;
    read.write(dir)?;
    Ok(DumpOutcome { accounts: read.accounts.len(), not_read: read.unread() })
}

/// What a folder of dumps holds now.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DumpOutcome {
    /// How many accounts.
    pub accounts: usize,
    /// What could not be read, a phrase each.
    pub not_read: Vec<String>,
}

fn judge(
    request: &ReviewRequest,
    mut before: AccountsSnapshot,
    deployed: live::LiveStacks,
) -> Result<ReviewOutcome, EngineError> {
    if request.environments().is_empty() {
        return Err(Diagnostic::error("no environment is named")
            .help("name each with its accounts, as in `--environment production=222222222222,333333333333`, or give a configuration that does with `--estate DIR`")
            .into());
    }
    states::add(request, &mut before)?;
    let plans = plans(request)?;
    let mut diagnostics = Diagnostics::new();
    let works: Vec<terraform::Work<'_>> =
        plans.iter().map(|plan| terraform::Work::new(plan, &before, &mut diagnostics)).collect();
    let stacks =
        cloudformation::works(stacks::read(&request.stacks, deployed)?, &before, &mut diagnostics);
    diagnostics.into_result(())?;
    let sets: Vec<&dyn ChangeSet> = works
        .iter()
        .map(|work| work as &dyn ChangeSet)
        .chain(stacks.iter().map(|work| work as &dyn ChangeSet))
        .collect();
    let mut overlay = change_set::carry_out(&sets, &mut before);
    drop(works);
    let templates: Vec<TemplatePlaces> = stacks.into_iter().map(|work| work.places).collect();
    let policy = match &request.policy {
        Some((path, targets)) => Some(tried(path, targets, &mut overlay.after)?),
        None => None,
    };
    if let Some(dir) = &request.since {
        before = dumps::read(dir, request.named())?;
    }
    let unread = |side: &AccountsSnapshot, when: &str| -> Vec<String> {
        let accounts = side.accounts.values().filter(|account| !account.unread.is_empty());
        let told =
            accounts.map(|account| format!("{}{when}: {}", account.id, account.unread.join("; ")));
        told.collect()
    };
    let mut not_read = unread(&overlay.after, "");
    if request.since.is_some() {
        not_read.extend(unread(&before, " before"));
    }
    let unknown_before = guardrails_unknown(&before.tree);
    let guardrails_unknown = guardrails_unknown(&overlay.after.tree);
    let of_states = states::described(&overlay.after);
    let (was, is) = model::models(&before, &overlay.after);
    // What the models have read of them is not kept twice.
    drop((before, std::mem::take(&mut overlay.after)));
    let [was, is] = [was, is].map(|model| model.since_day(&request.today));
    let by_default = default_rules(request);
    let declared = request.declared.as_ref().map_or(&[][..], |declared| &declared.rules);
    let rules = if declared.is_empty() { &by_default } else { declared };
    let analysis = isolation::analyse(&was, &is, rules, &NoSafeguards, &request.today)?;
    let mut isolation = analysis.section;
    qualify(&mut isolation, &unknown_before, &guardrails_unknown);
    of_states.qualify(&mut isolation);
    if declared.is_empty() {
        ease(&mut isolation);
    }
    places::fill(&mut isolation, &directories(request, None), &templates);
    let summary = isolation.summary();
    Ok(ReviewOutcome {
        change: ReviewedChange {
            declared: request.declared.as_ref().map(|declared| JudgedBy {
                directory: declared.dir.clone(),
                rules: declared.rules.len(),
                other_blocks: declared.others,
            }),
            since: request.since.as_ref().map(|dir| dir.display().to_string()),
            terraform_states: request
                .terraform_states
                .iter()
                .map(|state| state.name.clone())
                .collect(),
            terraform_plans: plans.into_iter().map(|plan| plan.name).collect(),
            cloudformation_templates: request
                .stacks
                .iter()
                .map(|stack| stack.template.display().to_string())
                .collect(),
            judged: overlay.carried_out + policy.as_ref().map_or(0, |tried| tried.targets.len()),
            policy,
            harmless: overlay.harmless,
            not_judged: overlay.not_judged,
            not_read,
            guardrails_unknown,
        },
        isolation,
        summary,
        questions: analysis.questions,
        today: request.today.clone(),
    })
}

/// Directories with the `.tf` files of one plan, or of all plans.
fn directories(request: &ReviewRequest, of: Option<&PathBuf>) -> Vec<PathBuf> {
    let of_plan = |plan: &PathBuf| match plan.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    match request.configurations.as_slice() {
        [] => match of {
            Some(plan) => vec![of_plan(plan)],
            None => request.terraform_plans.iter().map(of_plan).collect(),
        },
        named => named.to_vec(),
    }
}

/// Whether the outcome keeps the change from being merged.
///
/// # Errors
/// [`EngineError::RuleBroken`].
pub fn require_isolation(outcome: &ReviewOutcome, fail_on: FailOn) -> Result<(), EngineError> {
    let broken = outcome.isolation.broken();
    let (crossed, undecided) = outcome.isolation.crossed_and_undecided();
    let widened = outcome.isolation.changes.iter().filter(|path| path.change.widens()).count();
    let summary = match fail_on {
        FailOn::None => return Ok(()),
        FailOn::Widening if broken == 0 && widened > 0 => {
            format!("{} added or widened", count(widened, "path is", "paths are"))
        }
        _ if broken == 0 => return Ok(()),
        _ if crossed == 0 => count(undecided, "wall cannot be decided", "walls cannot be decided"),
        _ => {
            let paths = count(crossed, "path crosses", "paths cross");
            let rest = match undecided {
                0 => String::new(),
                some => format!(", {} cannot be decided", count(some, "wall", "walls")),
            };
            format!("{paths} a wall between environments{rest}")
        }
    };
    let has_ended =
        outcome.isolation.violations.iter().any(|path| path.expired_exception.is_some());
    let help = match (crossed, outcome.change.not_read.as_slice()) {
        (0, [_, ..]) if broken > 0 => {
            "let every account be read whole, or give a complete dump of it: docs/review.md says how"
        }
        _ if has_ended => {
            "the isolation section names each path and what causes it: close it, or give its exception a new end"
        }
        _ if outcome.change.declared.as_ref().is_some_and(|by| by.rules > 0) => {
            "the isolation section names each path and what causes it: close it, or permit it with an `allow` block that has a reason and an end"
        }
        _ => "the isolation section names each path and what causes it",
    };
    Err(EngineError::RuleBroken(Diagnostic::error(summary).help(help).into()))
}

fn plans(request: &ReviewRequest) -> Result<Vec<PlanFile>, Diagnostics> {
    let mut diagnostics = Diagnostics::new();
    let mut plans = Vec::new();
    for path in &request.terraform_plans {
        let name = path.display().to_string();
        let read = fs::read_to_string(path)
            .map_err(|error| Diagnostic::error(format!("cannot read `{name}`: {error}")));
        match read.and_then(|text| terraform::read(&name, text)) {
            Ok(plan) => {
                let written = written::policies(&plan, &directories(request, Some(path)));
                let providers = request.providers.clone();
                plans.push(PlanFile { name, plan, providers, written });
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    diagnostics.into_result(plans)
}

/// Carries a policy on its own out.
fn tried(
    path: &Path,
    targets: &[String],
    after: &mut AccountsSnapshot,
) -> Result<TriedPolicy, EngineError> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path)
        .map_err(|error| Diagnostic::error(format!("cannot read `{file}`: {error}")))?;
    one_policy::carry_out(&OnePolicy { name: &file, text: &text, targets }, after)?;
    Ok(TriedPolicy { file, targets: targets.to_vec() })
}

/// Every ordered pair of environments is a wall, and so is each environment against the world.
fn default_rules(request: &ReviewRequest) -> Vec<Rule> {
    let names: Vec<&String> = request.environments().keys().collect();
    let loc = match &request.declared {
        Some(declared) => declared.at.clone(),
        None => Loc::whole(&Source::new("--environment", "")),
    };
    let rule = |name: &str, from: &[&str]| Rule {
        name: name.to_owned(),
        pairs: from
            .iter()
            .flat_map(|from| names.iter().map(|to| ((*from).to_owned(), (*to).clone())))
            .filter(|(from, to)| from != to)
            .collect(),
        grades: BTreeSet::from([Grade::Request, Grade::Power]),
        error: true,
        undetermined_counts: true,
        assumptions_count: false,
        exceptions: Vec::new(),
        loc: loc.clone(),
    };
    let inside: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
    vec![rule(BETWEEN, &inside), rule(OUTSIDE, &["$external", "$anonymous"])]
}

/// What stands open to the world is a warning: it is what the change adds or widens that breaks the rule.
fn ease(isolation: &mut Isolation) {
    let outside = format!("isolation.{OUTSIDE}");
    let unchanged: BTreeSet<(String, String)> = isolation
        .matrix
        .iter()
        .filter(|row| row.before == row.after)
        .map(|row| (row.from.clone(), row.to.clone()))
        .collect();
    let stands = |path: &AccessPath| {
        let wall = (path.from.environment.clone(), path.to.environment.clone());
        // A wall as a whole has no steps: whether it changes shows in the matrix.
        path.change == PathChange::Standing && (!path.via.is_empty() || unchanged.contains(&wall))
    };
    for path in &mut isolation.violations {
        if path.rule.as_ref() == Some(&outside) && stands(path) {
            path.severity = RuleSeverity::Warning;
        }
    }
}

fn guardrails_unknown(tree: &Tree) -> Vec<String> {
    match tree {
        Tree::Read(tree) => tree.unread.clone(),
        Tree::Absent => Vec::new(),
        Tree::Unread(why) => {
            vec![format!("what the organization's policies deny ({why})")]
        }
    }
}

/// A path that an unknown guardrail may deny is open under a condition that neither side chooses.
fn qualify(isolation: &mut Isolation, before: &[String], after: &[String]) {
    for path in isolation.changes.iter_mut().chain(&mut isolation.violations) {
        let unknown = if path.change == PathChange::Removed { before } else { after };
        if path.verdict == WallVerdict::Reachable && !unknown.is_empty() {
            path.verdict = WallVerdict::Conditional;
            path.conditions.push(format!("not known: {}", unknown.join("; ")));
        }
    }
    for row in &mut isolation.matrix {
        for (verdict, unknown) in [(&mut row.before, before), (&mut row.after, after)] {
            if *verdict == WallVerdict::Reachable && !unknown.is_empty() {
                *verdict = WallVerdict::Conditional;
            }
        }
    }
}
