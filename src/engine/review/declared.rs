//! The walls of a review as a configuration declares them: `account`, `environment` and `isolation` blocks. The files are
//! read and nothing else: no state, no backend, no lock. What other blocks declare is not part of the judged accounts.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{self, Configuration};
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::engine::error::EngineError;
use crate::engine::load::{self, require_configuration};
use crate::engine::redacting;
use crate::engine::workspace::{Variables, Workspace};
use crate::eval::estate::{Account, Estate, ProviderSettings};
use crate::eval::{Evaluator, NothingKnown};
use crate::ids::{AccountId, Handle};
use crate::isolation::rules::Rule;
use crate::plan::walls;
use crate::review::dumps::Environments;
use crate::schema::{AccessPart, access_of};

/// What a configuration says of the walls.
#[derive(Clone, Debug)]
pub struct DeclaredWalls {
    /// The directory, as it was given.
    pub dir: String,
    /// Environments with the ids of their accounts.
    pub(super) environments: Environments,
    /// What the configuration calls the accounts.
    pub(super) handles: BTreeMap<AccountId, Handle>,
    /// Its rules; none where every pair of environments is a wall.
    pub(super) rules: Vec<Rule>,
    /// An environment's place.
    pub(super) at: Loc,
    /// How AWS is reached, where the configuration says it.
    pub(super) provider: Option<ProviderSettings>,
    /// Roles of accounts that are read through a role of their own.
    pub(super) read_roles: BTreeMap<AccountId, String>,
    /// How many of its blocks are about something else, and so are not judged.
    pub(super) others: usize,
}

/// Reads the walls that the configuration in `dir` declares.
///
/// # Errors
/// What is wrong with its files; accounts whose ids are known to the state alone; no environment.
pub fn declared(
    workspace: &Workspace,
    dir: &Path,
    variables: &Variables,
) -> Result<DeclaredWalls, EngineError> {
    let shown = dir.display().to_string();
    let refuse = |what: String| {
        Diagnostic::error(what)
            .help("name the directory whose `environment` and `isolation` blocks say which walls there are")
    };
    if !dir.is_dir() {
        return Err(refuse(format!("`{shown}` is not a directory")).into());
    }
    require_configuration(dir).map_err(|_| {
        refuse(format!("there is no configuration in `{shown}`: no file ends in `.hcl`"))
    })?;
    let options =
        config::LoadOptions { display: shown.clone(), ..load::options(workspace, variables) };
    let mut loaded = config::load(dir, &options);
    let not_fetched = loaded.missing.iter().filter(|module| !module.from_package).count();
    // A module that is not fetched declares nothing that is judged. What refers to it is an error at that place.
    let is_missing = |one: &Diagnostic| {
        one.loc.as_ref().is_some_and(|loc| loaded.missing.iter().any(|module| module.loc == *loc))
    };
    loaded.diagnostics = std::mem::take(&mut loaded.diagnostics)
        .into_iter()
        .filter(|one| !is_missing(one))
        .collect();
    let (configuration, warnings) = loaded.into_result()?;
    workspace.host.diagnostics(&warnings);
    redacting::learn_variables(workspace, &configuration);
    let estate = Evaluator::new(&configuration, &NothingKnown).walls()?;
    workspace.host.diagnostics(&estate.warnings);
    let mut diagnostics = Diagnostics::new();
    require_known_exceptions(&estate, &mut diagnostics);
    let handles = handles(&configuration, &estate, &mut diagnostics);
    let rules = match walls::rules(&estate) {
        Ok(rules) => rules,
        Err(more) => {
            diagnostics.extend(more);
            Vec::new()
        }
    };
    let Some(first) = estate.environments.values().next() else {
        diagnostics.push(
            Diagnostic::error(format!("`{shown}` declares no environment"))
                .help("write one with its accounts, as in `environment \"production\" { accounts = [account.production] }`"),
        );
        return Err(diagnostics.into());
    };
    let at = first.body.loc.clone();
    let id = |handle: &Handle| estate.accounts.get(handle)?.id.clone();
    let environments = estate.environments.values().map(|environment| {
        (environment.name.clone(), environment.accounts.iter().filter_map(id).collect())
    });
    let role = |account: &Account| Some((account.id.clone()?, account.read_role.clone()?));
    Ok(diagnostics.into_result(DeclaredWalls {
        dir: shown,
        environments: environments.collect(),
        handles,
        rules,
        at,
        provider: configuration.provider.is_some().then(|| estate.provider.clone()),
        read_roles: estate.accounts.values().filter_map(role).collect(),
        others: others(&configuration) + not_fetched,
    })?)
}

/// Accounts by their ids: every account of an environment has one that is known, and no two have the same.
fn handles(
    configuration: &Configuration,
    estate: &Estate,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<AccountId, Handle> {
    let mut all: BTreeMap<AccountId, &Account> = BTreeMap::new();
    for account in estate.accounts.values() {
        let Some(id) = &account.id else {
            if !account.environments.is_empty() {
                diagnostics.push(unknown(configuration, account));
            }
            continue;
        };
        if let Some(other) = all.insert(id.clone(), account) {
            diagnostics.push(
                Diagnostic::error(format!(
                    "the accounts `{}` and `{}` have the same id",
                    other.handle, account.handle
                ))
                .at(account.loc.clone())
                .related(other.loc.clone(), "the other one")
                .help(
                    "one `account` block stands for one account; it may be in several environments",
                ),
            );
        }
    }
    all.into_iter().map(|(id, account)| (id, account.handle.clone())).collect()
}

/// The error for an account of an environment whose id the files do not give.
fn unknown(configuration: &Configuration, account: &Account) -> Diagnostic {
    let key = (account.address.kind.clone(), account.address.name.clone());
    let written = configuration.root().resources.get(&key).and_then(|decl| decl.body.get("id"));
    match written {
        Some(id) => Diagnostic::error(format!(
            "the id of the account `{}` is not known without the state or a lookup",
            account.handle
        ))
        .at(id.loc()),
        None => Diagnostic::error(format!("the account `{}` has no `id`", account.handle))
            .at(account.loc.clone()),
    }
    .help("a review reads no state: write the account's id, as in `id = \"222222222222\"`")
}

/// Patterns of exceptions are known: one that is not would be compared with nothing.
fn require_known_exceptions(estate: &Estate, diagnostics: &mut Diagnostics) {
    let rules = estate.declarations.values().flat_map(BTreeMap::values);
    for block in rules.flat_map(|rule| rule.nested("allow")) {
        for name in ["principals", "actions", "resources"] {
            let Some(given) = block.body.get(name).filter(|given| given.value.has_unknown()) else {
                continue;
            };
            let label = block.labels.first().map_or("", |label| label.value.as_str());
            diagnostics.push(
                Diagnostic::error(format!(
                    "`{name}` of the exception `{label}` is not known without the state"
                ))
                .at(given.loc.clone())
                .help("a review reads no state: write ARNs, as in `arn:aws:iam::111111111111:role/deploy`"),
            );
        }
    }
}

/// How many blocks are about something else.
fn others(configuration: &Configuration) -> usize {
    let root = configuration.root();
    let managed = root.resources.keys();
    let managed = managed.filter(|(kind, _)| !access_of(kind).is_some_and(AccessPart::is_account));
    let declared = root.declarations.keys().filter(|(ty, _)| ty != "isolation");
    managed.count() + declared.count() + root.calls.len() + root.config_schemas.len()
}
