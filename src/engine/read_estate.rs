//! Reads state and AWS, and evaluates on the way: what starts when, and what waits for what.
//!
//! A reading starts as soon as what it needs is there: the state, the organization and the caller at once, an account
//! once state tells its id and the organization its management account.

mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use futures::future::{Either, select};
use tokio::sync::{oneshot, watch};

use crate::address::ResourceAddr;
use crate::cause::CauseKind;
use crate::config::Configuration;
use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};
use crate::eval::estate::{Estate, Import, ProviderSettings};
use crate::eval::{LookupFailure, ValueSource as _};
use crate::ids::{AccountId, Handle};
use crate::live::{
    Adoptions, Live, PlanPrincipals, Selection, Targets, adoptions, principals, selection,
};
use crate::provider::{
    AccountListing, AccountTarget, Announcements, Caller, PolicyTypes, Provider, ProviderError,
};
use crate::schema::data::Lookup;
use crate::schema::{Spanned, access_of, account_state};
use crate::state::model::Resources;

use self::settle::{Beginning, ids};
use super::error::EngineError;
use super::host::{Activity, Event};
use super::known_values::KnownValues;
use super::load::{RecordedEstate, evaluate};
use super::lookups::{self, CallerReading};
use super::member_credentials;
use super::open::{self, Store};
use super::plan_request::{FailedLookups, Mode, PlanRequest};
use super::read_live::{self, AccountReadings, AccountRequest};
use super::workspace::Workspace;
use super::{aws_policies, ownership_tags, secret_versions, secrets};

/// What a reading is about.
#[derive(Clone, Copy)]
pub(super) struct EstateReader<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) request: &'a PlanRequest,
    pub(super) configuration: &'a Configuration,
    pub(super) store: &'a Store,
}

/// What was read, and what the configuration means by it.
pub(super) struct EstateRead {
    pub(super) recorded: RecordedEstate,
    pub(super) estate: Estate,
    pub(super) live: Live,
    pub(super) adopted: Adoptions,
    pub(super) management: Option<AccountId>,
    pub(super) caller: Option<Caller>,
    pub(super) provider: Arc<dyn Provider>,
    /// Accounts that were read through their access roles.
    pub(super) through_access_role: BTreeSet<Handle>,
    pub(super) secret_versions: BTreeMap<String, i64>,
    pub(super) warnings: Diagnostics,
    /// Warnings about sources of secrets.
    pub(super) secret_warnings: Diagnostics,
}

/// What is known of the accounts that lookups are made in.
#[derive(Clone, Copy)]
enum KnownAccounts {
    /// One that has no id yet may be found in AWS: lookups in it wait.
    MayBeFound,
    /// One that has no id does not exist.
    Known,
}

/// Which account is the management account, or why that cannot be told.
#[derive(Clone)]
enum Management {
    Account(AccountId),
    /// There is no organization, and AWS does not say who calls.
    NoCaller(ProviderError),
    /// The organization cannot be read.
    Unread,
}

/// What is read of accounts once it is known which there are.
struct Inside {
    recorded: RecordedEstate,
    estate: Estate,
    /// What the estate was evaluated with.
    assumed: Option<AccountId>,
    management: Option<AccountId>,
    accounts: AccountReadings,
    /// Which account each of these readings is of.
    read_as: BTreeMap<Handle, Option<AccountId>>,
    secret_versions: BTreeMap<String, i64>,
    warnings: Diagnostics,
    secret_warnings: Diagnostics,
}

/// As whom AWS is read, told to the host as it becomes known: a reading that fails has said what it knew.
struct Announced<'a> {
    workspace: &'a Workspace,
    known: Mutex<PlanPrincipals>,
}

impl<'a> Announced<'a> {
    fn new(workspace: &'a Workspace) -> Self {
        Self { workspace, known: Mutex::default() }
    }

    fn learn(&self, learn: impl FnOnce(&mut PlanPrincipals)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        learn(&mut known);
        self.workspace.host.event(Event::Principals(Box::new(known.clone())));
    }
}

/// Who calls, where it can be told. An endpoint that answers this question with what is no answer is not AWS, and
/// nothing else that it says counts.
fn known(caller: Result<Caller, ProviderError>) -> Result<Option<Caller>, EngineError> {
    let is_no_answer = |error: &ProviderError| {
        let kind = error.cause.as_ref().map(|cause| cause.kind);
        matches!(kind, Some(CauseKind::Garbled | CauseKind::WebPage))
    };
    match caller {
        Err(error) if is_no_answer(&error) => Err(nobody_calls(&error)),
        caller => Ok(caller.ok()),
    }
}

fn nobody_calls(error: &ProviderError) -> EngineError {
    let without = "check the credentials, or try without an account: `--sandbox`";
    Diagnostic::error("cannot tell who is calling")
        .detail(error.to_string())
        .help(error.advice().unwrap_or(without))
        .into()
}

impl EstateReader<'_> {
    /// Reads, with AWS reached as `settings` say, and evaluates on the way.
    ///
    /// What is wrong with state or configuration ends it at once; then it is the organization's turn to
    /// be wrong, and then the accounts'.
    pub(super) async fn read(
        &self,
        settings: &ProviderSettings,
        recorded: impl Future<Output = Result<RecordedEstate, EngineError>>,
    ) -> Result<EstateRead, EngineError> {
        let provider = open::provider(&self.store.connection, settings).await;
        if !self.request.refresh {
            return self.unread(provider, recorded.await?).await;
        }
        let (announce, heard) = oneshot::channel();
        let (tell_states, states) = watch::channel(AccountListing::default());
        let caller: CallerReading<'_> = provider.caller().shared();
        let management = {
            let caller = caller.clone();
            async move {
                match (heard.await, caller) {
                    (Ok(Some(id)), _) => Management::Account(id),
                    (Ok(None), caller) => match caller.await {
                        Ok(caller) => Management::Account(caller.account),
                        Err(error) => Management::NoCaller(error),
                    },
                    (Err(_), _) => Management::Unread,
                }
            }
        };
        let management = management.boxed().shared();
        let announced = Announced::new(self.workspace);
        let asked = caller.clone();
        let caller = async {
            let caller = caller.await;
            let arn = caller.as_ref().ok().map(|caller| caller.arn.clone());
            announced.learn(|known| known.caller = arn);
            caller
        };
        let organization = async {
            let busy = self.workspace.begin(Activity::ReadingOrganization);
            let target = Targets::management(settings, None);
            let announce = Announcements { management: announce, accounts: tell_states };
            let reading = provider.read_organization(&target, announce);
            let (read, caller) = futures::join!(reading, caller);
            drop(busy);
            (read, caller)
        };
        let manager = management.clone();
        let inside = self.inside(
            provider.as_ref(),
            recorded,
            management,
            asked.clone(),
            &announced,
            &states,
        );
        let ((organization, caller), inside) =
            match select(Box::pin(organization), Box::pin(inside)).await {
                Either::Left((organization, inside)) => (organization, inside.await?),
                Either::Right((Ok(inside), organization)) => (organization.await, inside),
                Either::Right((Err(error), _)) => {
                    // A run that says as whom it worked says so where it failed above all.
                    if self.workspace.host.names_caller() {
                        let caller = asked.await.ok().map(|caller| caller.arn);
                        announced.learn(|known| known.caller = caller);
                    }
                    return Err(error);
                }
            };
        let organization = match organization {
            Ok(organization) => organization,
            Err(error) => {
                // Told by now, or never.
                let manager = match manager.now_or_never() {
                    Some(Management::Account(id)) => Some(id),
                    _ => None,
                };
                let caller = caller.as_ref().ok().map(|caller| &caller.account);
                return Err(read_live::unread_organization(&error, caller, manager.as_ref()).into());
            }
        };
        let caller = known(caller)?;
        let Inside { recorded, estate, accounts, .. } = inside;
        let mut read = EstateRead {
            recorded,
            estate,
            live: read_live::live(organization, accounts.readings, inside.management.clone()),
            adopted: Adoptions::new(),
            management: inside.management,
            caller,
            provider: Arc::clone(&provider),
            through_access_role: accounts.through_access_role,
            secret_versions: inside.secret_versions,
            warnings: inside.warnings,
            secret_warnings: inside.secret_warnings,
        };
        read.warnings.extend(accounts.warnings);
        read.live.share_with_state(read.recorded.snapshot.resources_mut());
        let beginning = Beginning {
            assumed: inside.assumed,
            failures: accounts.failures,
            read_as: inside.read_as,
        };
        let failures = Box::pin(self.settle(&mut read, beginning)).await?;
        let targets = Targets::of(&read.estate, read.management.as_ref());
        let caller = read.caller.as_ref().map(|caller| &caller.account);
        if let Some(refusal) = member_credentials::reading(caller, &targets) {
            return Err(refusal.into());
        }
        let (resources, at_once) = (read.recorded.snapshot.resources(), self.request.parallelism);
        let unread = ownership_tags::read(
            provider.as_ref(),
            &targets,
            &read.estate,
            &resources,
            &mut read.live,
            at_once,
        );
        read.warnings.extend(unread.await);
        let unread =
            aws_policies::read(provider.as_ref(), &targets, &read.estate, &mut read.live, at_once);
        read.warnings.extend(unread.await);
        // The tags that were read just now may be this estate's own.
        let lineage = &read.recorded.snapshot.lineage;
        read.adopted = adoptions(&read.estate, &resources, &read.live, lineage);
        let required = self.required(&read.estate);
        read_live::judge_failures(failures, &required, &mut read.warnings)?;
        read.warnings.extend(std::mem::take(&mut read.estate.warnings));
        Ok(read)
    }

    /// What the configuration means as far as `known` tells, with what the command line takes over.
    ///
    /// What `data` blocks ask for is read on the way. One lookup may say where another one looks, so it takes as
    /// many turns as the longest such chain has.
    async fn evaluate(
        &self,
        provider: &dyn Provider,
        caller: &CallerReading<'_>,
        known: &KnownValues<'_>,
        accounts: KnownAccounts,
    ) -> Result<Estate, EngineError> {
        const LONGEST_CHAIN: usize = 8;
        let mut estate = evaluate(self.configuration, known)?;
        let mut links = 0;
        while !estate.lookups.is_empty() {
            let targets = Targets::of(&estate, known.management.as_ref());
            let (asked, waiting): (BTreeSet<Lookup>, BTreeSet<Lookup>) =
                estate.lookups.iter().cloned().partition(|l| lookups::is_reachable(&targets, l));
            if asked.is_empty() {
                match accounts {
                    KnownAccounts::MayBeFound => break,
                    // An apply makes the accounts, and reads in them then.
                    KnownAccounts::Known if known.lookups.failed() != FailedLookups::LeftOut => {
                        known.lookups.defer(waiting);
                    }
                    KnownAccounts::Known => known.lookups.refuse(waiting, lookups::no_account),
                }
            } else if links == LONGEST_CHAIN {
                known.lookups.refuse(asked, |_| LookupFailure {
                    message: format!(
                        "a chain of more than {LONGEST_CHAIN} lookups leads to it, each of which says where the next one looks"
                    ),
                    advice: Some("name it, or a link before it, in the configuration".to_owned()),
                    passes: false,
                });
            } else {
                let busy = self.workspace.begin(Activity::LookingUp(asked.len()));
                let at_once = self.request.parallelism;
                known.lookups.read(provider, caller, &targets, asked, at_once).await;
                drop(busy);
                links += 1;
            }
            drop(estate);
            estate = evaluate(self.configuration, known)?;
        }
        self.refuse_unevaluated(&estate)?;
        for (address, id) in &self.request.imports {
            add_import(&mut estate, address, id)?;
        }
        Ok(estate)
    }

    /// Refuses to take down an estate of which a block was not evaluated while another one protects its objects: it
    /// may be the one, and nobody knows.
    fn refuse_unevaluated(&self, estate: &Estate) -> Result<(), EngineError> {
        let takes_down = self.request.options.mode == Mode::Destroy;
        if !takes_down || !estate.lookups.is_empty() || !estate.unevaluated.has_errors() {
            return Ok(());
        }
        let modules = self.configuration.modules.iter();
        let mut blocks = modules.flat_map(|module| module.resources.values());
        match blocks.any(|block| block.meta.lifecycle.prevent_destroy) {
            true => {
                let error = Diagnostic::error("a block that protects its objects may be among those that a failed lookup leaves out")
                    .detail("`prevent_destroy` stands in this configuration")
                    .help("put back what is looked up, or take `prevent_destroy` out in a change of its own if this is meant");
                let mut all = Diagnostics::from(error);
                all.extend(estate.warnings.iter().chain(&estate.unevaluated).cloned());
                Err(all.into())
            }
            false => Ok(()),
        }
    }

    /// Reads these accounts, but those that are shut.
    async fn accounts(
        &self,
        provider: &dyn Provider,
        targets: &BTreeMap<Handle, AccountTarget>,
        (estate, recorded): (&Estate, &Resources),
        shut: &BTreeMap<Handle, String>,
        states: &watch::Receiver<AccountListing>,
    ) -> AccountReadings {
        let busy = self.workspace.begin(Activity::ReadingAccounts(targets.len()));
        let policies = match self.request.resource_policies {
            true => self.configuration.settings.policy_types(),
            false => PolicyTypes::new(),
        };
        let request = AccountRequest {
            shut,
            states,
            for_apply: self.request.for_apply,
            parallelism: self.request.parallelism,
            recorded,
            policies: &policies,
            listed: (&self.request.about.accounts, &self.request.listed_types),
        };
        let readings = read_live::read_accounts(provider, targets, estate, request).await;
        drop(busy);
        readings
    }

    /// The state, what it makes of the configuration, and the accounts that are in it.
    async fn inside(
        &self,
        provider: &dyn Provider,
        recorded: impl Future<Output = Result<RecordedEstate, EngineError>>,
        management: impl Future<Output = Management> + Clone,
        caller: CallerReading<'_>,
        announced: &Announced<'_>,
        states: &watch::Receiver<AccountListing>,
    ) -> Result<Inside, EngineError> {
        let mut recorded = recorded.await?;
        let warnings = std::mem::take(&mut recorded.warnings);
        let resources = recorded.snapshot.resources();
        // The management account never changes, so that what state says of it will do; what is wrong
        // with the configuration shows before AWS answers.
        let assumed = match recorded_management(&resources) {
            Some(id) => Some(id),
            None => match management.clone().await {
                Management::Account(id) => Some(id),
                Management::NoCaller(_) | Management::Unread => None,
            },
        };
        let known = KnownValues { management: assumed.clone(), ..recorded.known(&resources) };
        let estate = self.evaluate(provider, &caller, &known, KnownAccounts::MayBeFound).await?;
        let shut = shut(&estate, &known);
        let mut inside = Inside {
            recorded,
            estate,
            assumed,
            management: None,
            accounts: AccountReadings::default(),
            read_as: BTreeMap::new(),
            secret_versions: BTreeMap::new(),
            warnings,
            secret_warnings: Diagnostics::new(),
        };
        inside.management = match management.await {
            Management::Account(id) => Some(id),
            Management::NoCaller(error) => return Err(nobody_calls(&error)),
            Management::Unread => None,
        };
        if inside.management.is_some() {
            let estate = &inside.estate;
            let targets = Targets::of(estate, inside.management.as_ref());
            inside.read_as = ids(&targets.accounts);
            announced.learn(|known| known.accounts = principals(&targets, None, true).accounts);
            // Boxed, as what it holds is large and futures nest.
            let accounts = Box::pin(self.accounts(
                provider,
                &targets.accounts,
                (estate, &resources),
                &shut,
                states,
            ));
            let versions = self.secret_versions(estate, &mut inside.secret_warnings);
            (inside.accounts, inside.secret_versions) = futures::join!(accounts, versions);
        }
        Ok(inside)
    }

    /// What there is where AWS is not read.
    async fn unread(
        &self,
        provider: Arc<dyn Provider>,
        mut recorded: RecordedEstate,
    ) -> Result<EstateRead, EngineError> {
        let resources = recorded.snapshot.resources();
        let management = recorded_management(&resources);
        let known = KnownValues { management: management.clone(), ..recorded.known(&resources) };
        let caller = provider.caller().shared();
        let mut estate =
            self.evaluate(provider.as_ref(), &caller, &known, KnownAccounts::Known).await?;
        drop(caller);
        let live = Live::unread("refresh is off", estate.accounts.keys().cloned());
        let mut warnings = std::mem::take(&mut recorded.warnings);
        warnings.extend(std::mem::take(&mut estate.warnings));
        Ok(EstateRead {
            recorded,
            estate,
            live,
            adopted: Adoptions::new(),
            management,
            caller: None,
            provider,
            through_access_role: BTreeSet::new(),
            secret_versions: BTreeMap::new(),
            warnings,
            secret_warnings: Diagnostics::new(),
        })
    }

    /// The versions of secrets' sources, where they are asked for.
    async fn secret_versions(
        &self,
        estate: &Estate,
        warnings: &mut Diagnostics,
    ) -> BTreeMap<String, i64> {
        if !self.request.secret_versions {
            return BTreeMap::new();
        }
        let client = secrets::client(&self.store.connection, &estate.provider);
        let selection = &self.request.options.selection;
        secret_versions::ask(self.workspace, &client, estate, selection, warnings).await
    }

    /// The accounts that have to be read: those whose objects an apply may change. An emulator need not run
    /// where nothing asks for its account by name.
    fn required(&self, estate: &Estate) -> BTreeSet<Handle> {
        if !self.request.for_apply {
            return BTreeSet::new();
        }
        let selection = &self.request.options.selection;
        let everything = *selection == Selection::default();
        let targets: BTreeSet<&Handle> = estate
            .instances
            .keys()
            .filter(|address| selection::names(&selection.targets, address))
            .filter_map(ResourceAddr::account)
            .collect();
        let selected = estate.accounts.values().filter(|account| {
            (everything && account.endpoint_url.is_none())
                || selection.accounts.contains(&account.handle)
                || targets.contains(&account.handle)
                || selection.environments.iter().any(|e| account.environments.contains(e))
        });
        selected.map(|account| account.handle.clone()).collect()
    }
}

/// Accounts that AWS lets nobody into, and why, as far as is known.
fn shut(estate: &Estate, known: &KnownValues<'_>) -> BTreeMap<Handle, String> {
    let accounts = estate.accounts.values();
    let why = accounts.filter_map(|account| {
        let attrs = known.attrs(&account.address)?;
        let state = account_state(&attrs).filter(|state| !state.can_be_entered())?;
        Some((account.handle.clone(), read_live::why_shut(state)))
    });
    why.collect()
}

/// The management account, as state recorded it with the organization.
fn recorded_management(resources: &Resources) -> Option<AccountId> {
    resources.iter().find_map(|(address, object)| {
        let organization = access_of(&address.kind)?.organization()?;
        object.attrs.get(organization.management_account)?.as_str()?.parse().ok()
    })
}

/// Adds what `palisade import` asks for, as if an `import` block stood in the configuration.
fn add_import(estate: &mut Estate, address: &ResourceAddr, id: &str) -> Result<(), EngineError> {
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
