//! Who can do something to a resource: every principal of one side, chains of roles included.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::candidates::candidates;
use super::compare::compare;
use super::crossing::{PathStep, StepSource, StepTarget, TargetResource, answer, asked_at};
use super::not_modelled::knows_policies_of;
use super::paths::{Origin, StepEdge, outside};
use super::report::{hop, witness};
use super::section::{Hop, WallVerdict, Witness};
use crate::access::{
    AccessModel, AccountNode, Coverage, KEY, PrincipalNode, ResourceNode, ResourceType,
};
use crate::diag::{Diagnostic, Diagnostics, did_you_mean};
use crate::iam::catalogue;
use crate::iam::symbolic::{Opening, Space, SymbolicAnswer};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    action: String,
    resource: String,
}

impl Ask {
    /// Reads an action and a resource. Either may end in `*`. An action that the catalogue does not know is refused,
    /// unless `unknown` says that it may be newer than the catalogue: an answer about a slip of the pen would read as
    /// "nobody can".
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(action: &str, resource: &str, unknown: bool) -> Result<Self, Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let wild = |text: &str| text.trim_end_matches('*').contains(['*', '?']);
        match action.split_once(':') {
            Some((service, name)) if !service.is_empty() && !name.is_empty() && !wild(action) => {
                let known = catalogue().find_service(service);
                if let (Some(id), false) = (known, unknown || catalogue().knows(action)) {
                    let names: Vec<String> = catalogue()
                        .actions_of(id)
                        .filter_map(|a| catalogue().full_name(a))
                        .collect();
                    let near = did_you_mean(action, names.iter().map(String::as_str));
                    let anyway = "`--unknown-action` asks for it all the same";
                    diagnostics.push(
                        Diagnostic::error(format!(
                            "`{action}` is no action that AWS had on {}",
                            catalogue().date()
                        ))
                        .help(match near {
                            Some(near) => format!("{near} {anyway}"),
                            None => anyway.to_owned(),
                        }),
                    );
                }
                if known.is_none() {
                    let names: Vec<&str> =
                        catalogue().services().iter().map(|s| s.prefix).collect();
                    let mut unknown =
                        Diagnostic::error(format!("`{service}` is no service that IAM knows"));
                    if let Some(help) = did_you_mean(service, names.iter().copied()) {
                        unknown = unknown.help(help);
                    }
                    diagnostics.push(unknown);
                }
            }
            _ => {
                diagnostics.push(Diagnostic::error(format!("`{action}` is no action")).help(
                    "write `service:Action`, as in `s3:GetObject`; a `*` may stand at its end",
                ))
            }
        }
        let shaped = resource == "*" || resource.splitn(6, ':').count() == 6;
        if !shaped || (resource != "*" && wild(resource)) {
            diagnostics.push(
                Diagnostic::error(format!("`{resource}` is no resource"))
                    .help("write an ARN, as in `arn:aws:s3:::bucket/*` (a `*` may stand at its end), or `*` alone for an action that has no resource"),
            );
        }
        diagnostics.into_result(Self { action: action.to_owned(), resource: resource.to_owned() })
    }

    /// The resource with a policy that the one asked about is, or lies in.
    fn holder(&self) -> &str {
        ResourceType::of_arn(&self.resource)
            .map_or(&self.resource, |kind| kind.holder(&self.resource))
    }

    fn held<'m>(&self, model: &'m AccessModel) -> Option<&'m ResourceNode> {
        model.resources.get(self.holder())
    }

    fn service(&self) -> &str {
        self.action.split(':').next().unwrap_or_default()
    }

    fn actions(&self) -> Vec<Space> {
        vec![space(&self.action)]
    }

    fn resources(&self) -> Vec<Space> {
        if self.resource == "*" {
            return vec![Space::One("*".to_owned())];
        }
        vec![space(&self.resource)]
    }
}

fn space(text: &str) -> Space {
    match text.strip_suffix('*') {
        Some(prefix) => Space::Below(prefix.trim_end_matches('*').to_owned()),
        None => Space::One(text.to_owned()),
    }
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct WhoCan {
    /// The action asked about.
    pub action: String,
    /// The resource asked about.
    pub resource: String,
    /// The account that holds the resource; `None` for actions without one.
    pub owner: Option<String>,
    /// One entry for everybody, those who cannot included.
    pub principals: Vec<WhoCanEntry>,
    /// What the answer does not cover.
    pub notes: Vec<String>,
}

/// One principal's entry.
#[derive(Clone, Debug, Serialize)]
pub struct WhoCanEntry {
    /// Its ARN; the account's root for "whoever that account lets", `*` for everybody.
    pub principal: String,
    /// Its address, or kind and name when unmanaged; `None` for those outside the estate.
    pub address: Option<String>,
    /// Whether the estate manages it.
    pub managed: bool,
    /// Its account's handle; `None` outside the estate.
    pub account: Option<String>,
    /// Environments of its account.
    pub environments: BTreeSet<String>,
    /// `reachable`, `conditional`, `undetermined` or `isolated`.
    pub verdict: WallVerdict,
    /// What it needs from its context.
    pub conditions: BTreeSet<String>,
    /// The roles that it assumes on the way, then the act itself; empty for those who cannot.
    pub via: Vec<Hop>,
    /// A request that the judge allows.
    pub witness: Option<Witness>,
    /// Why nothing can be said.
    #[serde(rename = "doubt")]
    pub why_undetermined: Option<String>,
}

/// Answers for a model.
///
/// # Errors
/// No account of the estate holds the resource.
pub fn who_can(model: &AccessModel, ask: &Ask) -> Result<WhoCan, Diagnostics> {
    let owner = owner(model, ask)?;
    let mut notes = Vec::new();
    if let Some(missing) = owner.and_then(|owner| missing(model, ask, owner)) {
        // Nobody can become a role that is not there. Other actions make it, or are permitted ahead of it.
        if ask.service().eq_ignore_ascii_case("sts") {
            return Err(missing.into());
        }
        notes.push(format!("{}: the answer is about one of that name", missing.summary));
    }
    let search = Search::new(model, ask, owner);
    let service = ask.service();
    if !knows_policies_of(model, service) {
        notes.push(format!(
            "policies on resources of `{service}` are not modelled: whom they let in or keep out is not told here"
        ));
    }
    if service.eq_ignore_ascii_case(KEY.service) {
        notes.push("grants to principals of the key's own account are not listed".to_owned());
    }
    let unread = model.accounts.values().filter(|a| matches!(a.coverage, Coverage::Unread(_)));
    let unread: Vec<&str> = unread.map(|account| account.handle.as_str()).collect();
    if !unread.is_empty() {
        notes.push(format!(
            "not read: {}; unmanaged principals and policies there are not known",
            unread.join(", ")
        ));
    }
    for account in model.accounts.values() {
        if let Coverage::Unjudged(why) = &account.coverage {
            notes.push(format!("{}: {why}", account.handle));
        }
    }
    notes.push("root users, AWS services and service-linked roles are not listed".to_owned());
    let principals = search.holders();
    // One request stands for all that a step permits (`Opening`), and its conditions for those of its statement.
    if principals.iter().any(|entry| entry.verdict == WallVerdict::Conditional) {
        notes.push(
            "of the statements that permit one step under conditions, one is listed: others may permit it under theirs"
                .to_owned(),
        );
    }
    Ok(WhoCan {
        action: ask.action.clone(),
        resource: ask.resource.clone(),
        owner: owner.map(|o| o.handle.to_string()),
        principals,
        notes,
    })
}

/// The account that holds the resource; `None` where each principal would act in its own.
fn owner<'w>(model: &'w AccessModel, ask: &Ask) -> Result<Option<&'w AccountNode>, Diagnostics> {
    if ask.resource == "*" {
        return Ok(None);
    }
    let account = ask.resource.split(':').nth(4).unwrap_or_default();
    let found = if account.is_empty() {
        ask.held(model).and_then(|resource| model.accounts.get(&resource.account))
    } else {
        model.accounts.values().find(|a| a.id == account)
    };
    found.map(Some).ok_or_else(|| {
        let (what, known): (String, Vec<&str>) = if account.is_empty() {
            (
                format!("no account of the estate is known to hold `{}`", ask.resource),
                model.resource_policies().map(|(r, _)| r.arn.as_str()).collect(),
            )
        } else {
            (
                format!("no account of the estate has the id `{account}`"),
                model.accounts.values().map(|a| a.id.as_str()).collect(),
            )
        };
        let near = did_you_mean(if account.is_empty() { &ask.resource } else { account }, known);
        let help = near.unwrap_or_else(|| {
            "name a resource of the estate; a bucket must be managed, or its account read"
                .to_owned()
        });
        Diagnostic::error(what).help(help).into()
    })
}

/// What is to be said of a role or a user that its account was read for and does not hold: an answer about a slip of
/// the pen would read as "nobody can". Service-linked roles are in no model.
fn missing(model: &AccessModel, ask: &Ask, owner: &AccountNode) -> Option<Diagnostic> {
    let prefix = format!("arn:{}:iam::{}:", owner.partition, owner.id);
    let (kind, name) = ask.resource.strip_prefix(&prefix)?.split_once('/')?;
    let is_one = matches!(kind, "role" | "user") && !name.ends_with('*');
    let is_listed = !name.starts_with("aws-service-role/");
    let is_known = model.principals.contains_key(&ask.resource);
    if !is_one || !is_listed || is_known || !model.live || !owner.is_read() {
        return None;
    }
    let own = || model.principals.keys().filter(|arn| arn.starts_with(&prefix)).map(String::as_str);
    let last = |arn: &str| arn.rsplit('/').next().map(str::to_owned);
    let at_another_path = own().find(|arn| last(arn) == last(name));
    let near = at_another_path.map(|arn| format!("did you mean `{arn}`?"));
    let near = near.or_else(|| did_you_mean(&ask.resource, own()));
    let missing = Diagnostic::error(format!(
        "the account `{}` has no {kind} `{}`",
        owner.handle, ask.resource
    ));
    Some(missing.help(near.unwrap_or_else(|| {
        format!("the ARN of a {kind} holds its path too, as in `{prefix}{kind}/path/name`")
    })))
}

/// How somebody gets there: the roles assumed on the way, and at how many conditions.
#[derive(Clone)]
struct OpenChain {
    chain: Vec<PathStep>,
    last: StepSource,
    conditional: usize,
}

struct Search<'w> {
    model: &'w AccessModel,
    /// Who can by itself.
    direct: BTreeMap<StepSource, Vec<Opening>>,
    /// Who may be able to, and why that is not known.
    undetermined: BTreeMap<StepSource, String>,
    edges: BTreeMap<PathStep, StepEdge>,
}

impl<'w> Search<'w> {
    fn new(model: &'w AccessModel, ask: &Ask, owner: Option<&'w AccountNode>) -> Self {
        let nothing = AccessModel::default();
        let steps = compare(&nothing, model).after.1;
        let mut search = Self {
            model,
            direct: BTreeMap::new(),
            undetermined: BTreeMap::new(),
            edges: steps.edges,
        };
        for (step, why) in steps.undecided {
            search.undetermined.entry(step.source).or_insert(why);
        }
        let target = search.target(ask);
        for source in search.sources(ask) {
            let home = match &source {
                StepSource::Principal(arn) => {
                    model.principals.get(arn).and_then(|p| model.accounts.get(&p.account))
                }
                _ => None,
            };
            let Some(place) = search.place(ask, owner.or(home)) else { continue };
            let Some(mut asked) = asked_at(model, &source, place) else { continue };
            if let Some(target) = &target {
                let step = PathStep { source: source.clone(), target: target.clone() };
                asked = asked.reaching(model, &step);
            }
            match answer(None, Some(&asked)).after {
                SymbolicAnswer::Open(openings) => {
                    search.direct.insert(source, openings);
                }
                SymbolicAnswer::Undecided(why) => {
                    search.undetermined.insert(source, why);
                }
                SymbolicAnswer::Closed { .. } => {
                    if let Some(why_undetermined) = asked.why_undetermined {
                        search.undetermined.insert(source, why_undetermined);
                    }
                }
            }
        }
        search
    }

    /// Principals of the estate, and those outside that the resource's own policy names.
    fn sources(&self, ask: &Ask) -> BTreeSet<StepSource> {
        let mut all: BTreeSet<StepSource> =
            self.model.principals.keys().map(|arn| StepSource::Principal(arn.clone())).collect();
        let named = candidates(self.model).into_iter().filter(|step| match &step.target {
            StepTarget::Role(arn) => *arn == ask.resource,
            StepTarget::Resource(arn) => ask.holder() == arn,
        });
        all.extend(named.map(|step| step.source));
        all
    }

    /// The role that would be assumed.
    fn assumed(&self, ask: &Ask) -> Option<&'w PrincipalNode> {
        let assumes = ask.action.to_ascii_lowercase().starts_with("sts:");
        self.model.principals.get(&ask.resource).filter(|_| assumes).map(AsRef::as_ref)
    }

    /// What a step of a wall would reach by this, where there is one.
    fn target(&self, ask: &Ask) -> Option<StepTarget> {
        if let Some(resource) = ask.held(self.model) {
            let own = ask.service().eq_ignore_ascii_case(resource.kind.service);
            return own.then(|| StepTarget::Resource(resource.arn.clone()));
        }
        let role = self.assumed(ask).filter(|role| role.trust.is_some())?;
        Some(StepTarget::Role(role.arn.clone()))
    }

    fn place(&self, ask: &Ask, owner: Option<&'w AccountNode>) -> Option<TargetResource<'w>> {
        let resource = ask.held(self.model);
        let role = self.assumed(ask);
        let unreadable = resource.is_some_and(ResourceNode::is_unreadable)
            || role.is_some_and(|role| role.has_unreadable_trust());
        Some(TargetResource {
            owner: owner?,
            rule: resource
                .and_then(ResourceNode::document)
                .or_else(|| role.and_then(|r| r.trust.as_ref())),
            restrict_public: resource.is_some_and(|r| r.restrict_public),
            unreadable,
            actions: ask.actions(),
            resources: ask.resources(),
        })
    }

    /// From each source that can, backwards over role assumptions: fewest conditions, then fewest
    /// steps.
    fn open_chains(
        &self,
        starts: impl Iterator<Item = (StepSource, usize)>,
    ) -> BTreeMap<StepSource, OpenChain> {
        let mut into: BTreeMap<&str, Vec<&StepEdge>> = BTreeMap::new();
        for edge in self.edges.values() {
            if let StepTarget::Role(arn) = &edge.step.target {
                into.entry(arn).or_default().push(edge);
            }
        }
        let mut ways: BTreeMap<StepSource, OpenChain> = starts
            .map(|(last, conditional)| {
                (last.clone(), OpenChain { chain: Vec::new(), last, conditional })
            })
            .collect();
        let mut queue: VecDeque<StepSource> = ways.keys().cloned().collect();
        while let Some(source) = queue.pop_front() {
            let (StepSource::Principal(arn), Some(here)) = (&source, ways.get(&source).cloned())
            else {
                continue;
            };
            for edge in into.get(arn.as_str()).into_iter().flatten() {
                let mut way = here.clone();
                way.chain.insert(0, edge.step.clone());
                way.conditional += usize::from(!edge.is_unconditional());
                let better = ways.get(&edge.step.source).is_none_or(|known| {
                    (way.conditional, way.chain.len()) < (known.conditional, known.chain.len())
                });
                if better {
                    ways.insert(edge.step.source.clone(), way);
                    queue.push_back(edge.step.source.clone());
                }
            }
        }
        ways
    }

    fn holders(&self) -> Vec<WhoCanEntry> {
        let open = self.open_chains(self.direct.iter().map(|(source, openings)| {
            let free = openings.iter().any(|o| o.requirements.is_empty());
            (source.clone(), usize::from(!free))
        }));
        let doubtful = self.open_chains(self.undetermined.keys().map(|source| (source.clone(), 0)));
        let mut everybody: BTreeSet<StepSource> =
            self.model.principals.keys().map(|arn| StepSource::Principal(arn.clone())).collect();
        everybody.extend(open.keys().chain(doubtful.keys()).cloned());
        let mut holders: Vec<WhoCanEntry> = everybody
            .iter()
            .flat_map(|source| match (open.get(source), doubtful.get(source)) {
                (Some(way), _) if matches!(source, StepSource::Principal(_)) => {
                    vec![self.entry(source, &self.best(way))]
                }
                (Some(_), _) => self.entries_from_outside(source, &open),
                (None, Some(way)) => {
                    let why_undetermined = self.undetermined.get(&way.last).cloned();
                    vec![WhoCanEntry {
                        verdict: WallVerdict::Undetermined,
                        why_undetermined,
                        ..self.holder(source)
                    }]
                }
                (None, None) => vec![self.holder(source)],
            })
            .collect();
        holders.sort_by(|a, b| {
            (b.verdict, a.via.len(), &a.account, &a.principal).cmp(&(
                a.verdict,
                b.via.len(),
                &b.account,
                &b.principal,
            ))
        });
        holders
    }

    /// Somebody of whom nothing more is known than that it cannot.
    fn holder(&self, source: &StepSource) -> WhoCanEntry {
        let principal = match source {
            StepSource::Principal(arn) => self.model.principals.get(arn),
            _ => None,
        };
        let account = principal.and_then(|p| self.model.accounts.get(&p.account));
        WhoCanEntry {
            principal: source.name().to_owned(),
            address: match source {
                StepSource::Foreign(arn) => match outside(self.model, arn) {
                    Origin::External => None,
                    origin => Some(origin.name().to_owned()),
                },
                _ => principal.map(|p| p.label.clone()),
            },
            managed: principal.is_some_and(|p| p.location.is_some()),
            account: account.map(|a| a.handle.to_string()),
            environments: account.map(|a| a.environments.clone()).unwrap_or_default(),
            verdict: WallVerdict::Isolated,
            conditions: BTreeSet::new(),
            via: Vec::new(),
            witness: None,
            why_undetermined: None,
        }
    }

    /// The steps of a chain, each by the opening that asks least.
    fn best<'s>(&'s self, way: &'s OpenChain) -> Vec<UsedStep<'s>> {
        let least = |openings: &'s [Opening]| openings.iter().min_by_key(|o| o.requirements.len());
        let of_edge = |step: &'s PathStep| {
            let edge = self.edges.get(step)?;
            Some((&step.source, least(&edge.openings)?))
        };
        let last = self.direct.get(&way.last).and_then(|openings| least(openings));
        way.chain.iter().filter_map(of_edge).chain(last.map(|o| (&way.last, o))).collect()
    }

    /// Everybody whom one source from outside the estate stands for: behind a provider of identities stand many, who are
    /// told apart by what they need, so that each way in is an entry of its own.
    fn entries_from_outside(
        &self,
        source: &StepSource,
        open: &BTreeMap<StepSource, OpenChain>,
    ) -> Vec<WhoCanEntry> {
        let direct = self.direct.get(source).into_iter().flatten().map(|o| vec![(source, o)]);
        let through = self.edges.values().filter(|edge| edge.step.source == *source);
        let through = through.filter_map(|edge| {
            let StepTarget::Role(arn) = &edge.step.target else { return None };
            let rest = self.best(open.get(&StepSource::Principal(arn.clone()))?);
            Some(edge.openings.iter().map(move |first| {
                std::iter::once((source, first)).chain(rest.iter().copied()).collect()
            }))
        });
        let mut entries: Vec<WhoCanEntry> = direct
            .chain(through.flatten())
            .map(|steps: Vec<UsedStep<'_>>| self.entry(source, &steps))
            .collect();
        entries.sort_by_key(|entry| (entry.conditions.len(), entry.via.len()));
        // Who needs more than somebody listed already is one of those.
        let mut ways: Vec<WhoCanEntry> = Vec::new();
        for entry in entries {
            if !ways.iter().any(|known| known.conditions.is_subset(&entry.conditions)) {
                ways.push(entry);
            }
        }
        ways
    }

    /// Somebody who can, by these steps.
    fn entry(&self, source: &StepSource, steps: &[UsedStep<'_>]) -> WhoCanEntry {
        let mut holder = self.holder(source);
        holder.verdict = WallVerdict::Reachable;
        for (by, opening) in steps {
            if !opening.requirements.is_empty() {
                holder.verdict = WallVerdict::Conditional;
            }
            holder.conditions.extend(opening.requirements.iter().map(|r| r.text.clone()));
            holder.via.push(hop(by, opening, self.model));
        }
        holder.witness = steps.last().map(|(_, opening)| witness(opening));
        holder
    }
}

/// A step that somebody takes, and what lets it through.
type UsedStep<'s> = (&'s StepSource, &'s Opening);
