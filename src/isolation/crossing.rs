//! Single steps across a wall: a principal that assumes a role, or reaches a bucket.
//!
//! Candidates come from the resource side: a trust or bucket policy that names nobody outside lets
//! nobody in, so work follows the grants that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::world::{AccountNode, Member, PrincipalNode, Rule, World, levels};
use crate::iam::symbolic::{Answers, Caps, Question, Space, ask_both};
use crate::iam::{
    Context, ContextValue, Decision, Document, Effect, Policies, Policy, Principal, PrincipalType,
    Request, Statement, evaluate,
};
use crate::ids::Handle;

/// Who takes a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A role or user of the estate, by ARN.
    Principal(String),
    /// A role, user or root of an account outside the estate: its ARN, or the account's root ARN
    /// for all of its principals.
    Foreign(String),
    /// A web identity or SAML assertion, by its provider's ARN.
    Federated(String),
    /// Nobody: an unsigned request.
    Anonymous,
}

/// What the step reaches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A role, by ARN.
    Role(String),
    /// A bucket, by ARN.
    Bucket(String),
}

impl Target {
    /// The ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Role(arn) | Self::Bucket(arn) => arn,
        }
    }
}

/// One possible step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Who.
    pub source: Source,
    /// What.
    pub target: Target,
}

/// Actions that a principal may have on things in its own account.
#[derive(Clone, Debug, Default)]
pub struct Right {
    /// Actions.
    pub actions: Vec<String>,
    /// What they act on.
    pub resources: Vec<Space>,
    /// The policy of that, where it has one.
    pub policy: Option<Rule>,
    /// Context that the call itself sets.
    pub context: Vec<(String, String)>,
}

/// The steps that the grants of one side make worth asking about.
#[must_use]
pub fn candidates(world: &World) -> BTreeSet<Step> {
    let index = Index::new(world);
    let mut steps = BTreeSet::new();
    for role in world.principals.values() {
        let Some(trust) = &role.trust else { continue };
        let target = Target::Role(role.arn.clone());
        for source in sources(world, &index, &trust.document, Some(&role.arn)) {
            steps.insert(Step { source, target: target.clone() });
        }
    }
    for bucket in world.buckets.values() {
        let target = Target::Bucket(bucket.arn.clone());
        for source in sources(world, &index, &bucket.policy.document, None) {
            let same_account = match &source {
                Source::Principal(arn) => {
                    world.principals.get(arn).is_some_and(|p| p.account == bucket.account)
                }
                _ => false,
            };
            if !same_account {
                steps.insert(Step { source, target: target.clone() });
            }
        }
    }
    steps
}

/// Principals by account id, those that may assume roles apart.
struct Index<'w> {
    by_account: BTreeMap<&'w str, Vec<&'w PrincipalNode>>,
    known_accounts: BTreeSet<&'w str>,
}

impl<'w> Index<'w> {
    fn new(world: &'w World) -> Self {
        let mut by_account: BTreeMap<&str, Vec<&PrincipalNode>> = BTreeMap::new();
        for principal in world.principals.values() {
            if let Some(account) = world.accounts.get(&principal.account) {
                by_account.entry(&account.id).or_default().push(principal);
            }
        }
        Self {
            by_account,
            known_accounts: world.accounts.values().map(|a| a.id.as_str()).collect(),
        }
    }
}

fn sources(
    world: &World,
    index: &Index<'_>,
    document: &Document,
    role: Option<&str>,
) -> BTreeSet<Source> {
    let mut found = BTreeSet::new();
    let able = |p: &&PrincipalNode| match role {
        Some(role) => p.arn != role && may_assume(p, role),
        None => true,
    };
    let everyone = |found: &mut BTreeSet<Source>| {
        let all = world.principals.values().filter(able);
        found.extend(all.map(|p| Source::Principal(p.arn.clone())));
        found.insert(Source::Foreign("arn:aws:iam::000000000000:root".to_owned()));
        // Assuming a role takes a signature; reading an object need not.
        if role.is_none() {
            found.insert(Source::Anonymous);
        }
        let members = world.members.keys();
        found.extend(members.map(|id| Source::Foreign(format!("arn:aws:iam::{id}:root"))));
    };
    for statement in document.statements.iter().filter(|s| s.effect == Effect::Allow) {
        if statement.not_principals.is_some() {
            everyone(&mut found);
        }
        let Some(principals) = &statement.principals else { continue };
        if principals.is_everyone() {
            everyone(&mut found);
            continue;
        }

        for (kind, item) in principals.items() {
            let text = item.text.symbolic();
            match kind {
                PrincipalType::Aws if text == "*" => everyone(&mut found),
                PrincipalType::Aws => {
                    let account = text
                        .strip_prefix("arn:")
                        .map_or(text.as_ref(), |_| text.split(':').nth(4).unwrap_or_default());
                    let whole = !text.starts_with("arn:") || text.ends_with(":root");
                    let inside = index.known_accounts.contains(account);
                    if whole && inside {
                        let all = index.by_account.get(account).into_iter().flatten().copied();
                        found.extend(all.filter(able).map(|p| Source::Principal(p.arn.clone())));
                    } else if whole {
                        found.insert(Source::Foreign(format!("arn:aws:iam::{account}:root")));
                    } else {
                        let arn = principal_of(&text, index);
                        if world.principals.contains_key(&arn) {
                            found.insert(Source::Principal(arn));
                        } else if !inside {
                            found.insert(Source::Foreign(arn));
                        }
                    }
                }
                PrincipalType::Federated => {
                    found.insert(Source::Federated(text.into_owned()));
                }
                _ => {}
            }
        }
    }
    found
}

/// The role of a session's ARN; any other ARN as it is.
fn principal_of(arn: &str, index: &Index<'_>) -> String {
    let Some((account, session)) =
        arn.strip_prefix("arn:aws:sts::").and_then(|r| r.split_once(":assumed-role/"))
    else {
        return arn.to_owned();
    };
    let name = session.split('/').next().unwrap_or_default();
    let roles = index.by_account.get(account).into_iter().flatten();
    roles
        .map(|p| &p.arn)
        .find(|a| a.rsplit('/').next() == Some(name) && a.contains(":role/"))
        .cloned()
        .unwrap_or_else(|| format!("arn:aws:iam::{account}:role/{name}"))
}

/// Whether any identity statement could allow assuming that role: a quick, generous look. A trust
/// policy that names the principal itself needs no identity policy in its own account, so
/// principals named one by one never pass through here.
fn may_assume(principal: &PrincipalNode, role: &str) -> bool {
    let _ = role;
    principal.unreadable
        || principal.identity.iter().flat_map(|r| &r.document.statements).any(|s| {
            s.effect == Effect::Allow && {
                let action = |item: &crate::iam::Item| {
                    let text = item.text.symbolic().to_ascii_lowercase();
                    let head = text.split(['*', '?']).next().unwrap_or_default().to_owned();
                    "sts:assumerole".starts_with(&head) || text == "sts:assumerole"
                };
                s.actions.iter().any(action) || (s.actions.is_empty() && !s.not_actions.is_empty())
            }
        })
}

/// What a step needs to be asked: the policies of its source and target on one side.
pub struct Asked {
    request: Request,
    policies: Policies,
    documents: Vec<Arc<Document>>,
    rules: Vec<Rule>,
    actions: Vec<Space>,
    resources: Vec<Space>,
    never: BTreeSet<String>,
    /// Why the answer cannot be trusted when it says closed.
    pub doubt: Option<String>,
}

/// What a source is asked about: a resource, whose it is, and its own policy.
#[derive(Clone, Debug)]
pub struct Place<'w> {
    /// The account that the resource is in.
    pub owner: &'w AccountNode,
    /// The resource's own policy.
    pub rule: Option<&'w Rule>,
    /// Whether `RestrictPublicBuckets` holds.
    pub restrict_public: bool,
    /// Whether the resource's policy could not be read.
    pub unreadable: bool,
    /// Actions asked about.
    pub actions: Vec<Space>,
    /// Resources asked about.
    pub resources: Vec<Space>,
}

/// Puts a step as a question to one side; `None` when source or target is not there.
#[must_use]
pub fn asked(world: &World, step: &Step) -> Option<Asked> {
    asked_at(world, &step.source, place(world, step)?)
}

fn place<'w>(world: &'w World, step: &Step) -> Option<Place<'w>> {
    let (account, rule, unreadable, restrict_public) = match &step.target {
        Target::Role(arn) => {
            let role = world.principals.get(arn)?;
            (&role.account, role.trust.as_ref()?, world.unreadable.contains(&role.label), false)
        }
        Target::Bucket(arn) => {
            let bucket = world.buckets.get(arn)?;
            (&bucket.account, &bucket.policy, false, bucket.restrict_public)
        }
    };
    let (actions, resources) = match (&step.target, &step.source) {
        (Target::Role(arn), Source::Federated(provider)) => {
            let action = if provider.contains(":saml-provider/") {
                "sts:AssumeRoleWithSAML"
            } else {
                "sts:AssumeRoleWithWebIdentity"
            };
            (vec![Space::One(action.to_owned())], vec![Space::One(arn.clone())])
        }
        (Target::Role(arn), _) => {
            (vec![Space::One("sts:AssumeRole".to_owned())], vec![Space::One(arn.clone())])
        }
        (Target::Bucket(arn), _) => (
            vec![Space::Below("s3:".to_owned())],
            vec![Space::One(arn.clone()), Space::Below(format!("{arn}/"))],
        ),
    };
    let owner = world.accounts.get(account)?;
    Some(Place { owner, rule: Some(rule), restrict_public, unreadable, actions, resources })
}

/// Asks a source about a place; `None` when the source is not there.
#[must_use]
pub fn asked_at(world: &World, source: &Source, place: Place<'_>) -> Option<Asked> {
    let target = place.owner;
    let mut asked = Asked {
        request: Request::new(Principal::Anonymous, "", ""),
        policies: Policies {
            resource: place.rule.map(|rule| Arc::clone(&rule.policy)),
            resource_control: levels(&target.resource_control),
            restrict_public_buckets: place.restrict_public,
            ..Policies::default()
        },
        documents: place.rule.map(|rule| Arc::clone(&rule.document)).into_iter().collect(),
        rules: place.rule.cloned().into_iter().collect(),
        actions: place.actions,
        resources: place.resources,
        never: BTreeSet::new(),
        doubt: place.unreadable.then(|| "its policy could not be read".to_owned()),
    };
    asked.documents.extend(documents(&target.resource_control));
    asked.rules.extend(rules_of(&target.resource_control));
    asked.request.resource_account = Some(target.id.clone());
    asked.request.resource_organization.clone_from(&target.membership);
    if let Some(path) = &target.organization_path {
        asked.request.context.set("aws:ResourceOrgPaths", ContextValue::Many(vec![path.clone()]));
    }
    match source {
        Source::Anonymous => {}
        Source::Federated(provider) => {
            asked.request.principal = Principal::Federated(provider.clone());
        }
        Source::Foreign(arn) => {
            asked.foreign(arn);
            if let Some(member) = member_of(world, arn) {
                asked.member(member);
            }
        }
        Source::Principal(arn) => {
            let principal = world.principals.get(arn)?;
            let home = world.accounts.get(&principal.account)?;
            asked.principal(principal, home);
        }
    }
    Some(asked)
}

/// The account of the organization, beside the estate's, that an ARN lies in.
#[must_use]
pub fn member_of<'w>(world: &'w World, arn: &str) -> Option<&'w Member> {
    world.members.get(arn.split(':').nth(4)?)
}

/// Targets that let in whatever a whole account permits, with the ids of those accounts; none for
/// everybody.
#[must_use]
pub fn whole_accounts(world: &World) -> BTreeMap<Target, BTreeSet<String>> {
    let trusts = world
        .principals
        .values()
        .filter_map(|p| Some((Target::Role(p.arn.clone()), &p.trust.as_ref()?.document)));
    let buckets =
        world.buckets.values().map(|b| (Target::Bucket(b.arn.clone()), &b.policy.document));
    trusts
        .chain(buckets)
        .filter_map(|(target, document)| {
            let allowing = document.statements.iter().filter(|s| s.effect == Effect::Allow);
            let named = allowing.flat_map(|s| &s.principals).flat_map(|p| p.items());
            let accounts: BTreeSet<String> = named
                .filter(|(kind, _)| *kind == PrincipalType::Aws)
                .filter_map(|(_, item)| {
                    let text = item.text.symbolic();
                    match text.strip_suffix(":root") {
                        Some(arn) => Some(arn.split(':').nth(4)?.to_owned()),
                        None => {
                            (!text.starts_with("arn:") && text != "*").then(|| text.into_owned())
                        }
                    }
                })
                .collect();
            (!accounts.is_empty()).then_some((target, accounts))
        })
        .collect()
}

fn documents(chain: &[(String, Vec<Rule>)]) -> impl Iterator<Item = Arc<Document>> + '_ {
    chain.iter().flat_map(|(_, rules)| rules.iter().map(|r| Arc::clone(&r.document)))
}

fn rules_of(chain: &[(String, Vec<Rule>)]) -> impl Iterator<Item = Rule> + '_ {
    chain.iter().flat_map(|(_, rules)| rules.iter().cloned())
}

/// A question taken apart.
#[derive(Clone, Copy)]
pub struct Parts<'a> {
    /// Who asks, with all that follows from that.
    pub request: &'a Request,
    /// The policies, for the judge.
    pub policies: &'a Policies,
    /// The same with their documents, as far as these are known.
    pub rules: &'a [Rule],
    /// Actions asked about.
    pub actions: &'a [Space],
    /// Resources asked about.
    pub resources: &'a [Space],
    /// Keys, in lower case, that no request of the step carries.
    pub never: &'a BTreeSet<String>,
}

impl Asked {
    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            request: &self.request,
            policies: &self.policies,
            rules: &self.rules,
            actions: &self.actions,
            resources: &self.resources,
            never: &self.never,
        }
    }

    /// A principal outside the estate: nothing is known of its own side, so nothing holds it there.
    fn foreign(&mut self, arn: &str) {
        let mut parts: Vec<String> = arn.split(':').map(str::to_owned).collect();
        if let Some(resource) = parts.get_mut(5).filter(|r| *r == "root") {
            "role/any".clone_into(resource);
        }
        self.request.principal = Principal::Arn(parts.join(":"));
        self.policies.identity = vec![Arc::new(Policy::new("its own account", &everything()))];
    }

    /// What is known of it all the same when its account is in the organization.
    fn member(&mut self, member: &Member) {
        self.request.principal_organization = Some(member.membership.clone());
        let path = vec![member.organization_path.clone()];
        self.request.context.set("aws:PrincipalOrgPaths", ContextValue::Many(path));
        self.policies.service_control = levels(&member.service_control);
        self.documents.extend(documents(&member.service_control));
        self.rules.extend(rules_of(&member.service_control));
    }

    fn principal(&mut self, principal: &PrincipalNode, home: &AccountNode) {
        let arn = &principal.arn;
        let session = arn.replacen(":iam:", ":sts:", 1).replacen(":role/", ":assumed-role/", 1);
        self.request.principal = Principal::Arn(if arn.contains(":role/") {
            // A session's ARN leaves out the role's path; the context tells the whole name.
            let (head, name) = session.split_once(":assumed-role/").unwrap_or((&session, ""));
            let name = name.rsplit('/').next().unwrap_or_default();
            format!("{head}:assumed-role/{name}/session")
        } else {
            arn.clone()
        });
        let context = &mut self.request.context;
        context.set("aws:PrincipalArn", arn.as_str());
        if let Some(path) = &home.organization_path {
            context.set("aws:PrincipalOrgPaths", ContextValue::Many(vec![path.clone()]));
        }
        tags(principal, context, &mut self.never, &self.documents);
        self.never.extend(
            ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"]
                .map(str::to_owned),
        );
        self.request.principal_organization.clone_from(&home.membership);
        self.policies.identity = principal.identity.iter().map(|r| Arc::clone(&r.policy)).collect();
        self.policies.boundary = principal.boundary.as_ref().map(|r| Arc::clone(&r.policy));
        self.policies.service_control = levels(&home.service_control);
        let own = principal.identity.iter().chain(&principal.boundary);
        self.documents.extend(own.map(|r| Arc::clone(&r.document)));
        self.documents.extend(documents(&home.service_control));
        self.rules.extend(principal.identity.iter().chain(&principal.boundary).cloned());
        self.rules.extend(rules_of(&home.service_control));
        if principal.unreadable && self.doubt.is_none() {
            self.doubt = Some("a policy of the principal could not be read".to_owned());
        }
    }

    /// The same question with a source side that permits everything: whether the target side alone
    /// would let it in.
    #[must_use]
    pub fn without_source_side(mut self) -> Self {
        self.policies.identity = vec![Arc::new(Policy::new("everything", &everything()))];
        self.policies.boundary = None;
        self.policies.service_control.clear();
        self
    }

    /// The same question where the source's account does as it likes and only the organization
    /// still holds it.
    #[must_use]
    pub fn without_own_policies(mut self) -> Self {
        self.policies.identity = vec![Arc::new(Policy::new("everything", &everything()))];
        self.policies.boundary = None;
        self
    }

    /// The same question without the organization's guardrails on either side.
    #[must_use]
    pub fn without_guardrails(mut self) -> Self {
        self.policies.service_control.clear();
        self.policies.resource_control.clear();
        self
    }

    /// The same question once the source's account has left the organization.
    #[must_use]
    pub fn outside_organization(mut self) -> Self {
        self.policies.service_control.clear();
        self.request.principal_organization = None;
        self.request.context.remove("aws:PrincipalOrgPaths");
        self.never.extend(["aws:principalorgid", "aws:principalorgpaths"].map(str::to_owned));
        self
    }

    /// What a principal may do in its own account: a question about rights, not about a step.
    /// `None` when it is not there.
    #[must_use]
    pub fn within(world: &World, arn: &str, right: &Right) -> Option<Self> {
        let principal = world.principals.get(arn)?;
        let home = world.accounts.get(&principal.account)?;
        let place = Place {
            owner: home,
            rule: right.policy.as_ref(),
            restrict_public: false,
            unreadable: false,
            actions: right.actions.iter().cloned().map(Space::One).collect(),
            resources: right.resources.clone(),
        };
        let mut asked = asked_at(world, &Source::Principal(arn.to_owned()), place)?;
        for (key, value) in &right.context {
            asked.request.context.set(key, value.as_str());
        }
        Some(asked)
    }

    /// Whether a target lets in whatever a whole account permits: the question of a role there
    /// that its own side forbids nothing. `None` when the account or the target is not there.
    #[must_use]
    pub fn anybody(world: &World, account: &Handle, target: &Target) -> Option<Self> {
        let home = world.accounts.get(account)?;
        let arn = format!("arn:aws:iam::{}:role/any", home.id);
        let step = Step { source: Source::Foreign(arn), target: target.clone() };
        let mut asked = asked(world, &step)?;
        asked.request.principal_organization.clone_from(&home.membership);
        if let Some(path) = &home.organization_path {
            asked
                .request
                .context
                .set("aws:PrincipalOrgPaths", ContextValue::Many(vec![path.clone()]));
        }
        Some(asked)
    }

    /// The policies that bear on the step: the resource's own first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the judge says of one request under these policies.
    #[must_use]
    pub fn judge(&self, request: &Request) -> Decision {
        evaluate(request, &self.policies)
    }

    fn question(&self) -> Question<'_> {
        Question {
            request: self.request.clone(),
            policies: &self.policies,
            documents: self.documents.iter().map(AsRef::as_ref).collect(),
            actions: self.actions.clone(),
            resources: self.resources.clone(),
            never: self.never.clone(),
            free: BTreeSet::new(),
        }
    }
}

/// Tags of a named principal are constants, unless its trust lets the one who assumes it set them.
fn tags(
    principal: &PrincipalNode,
    context: &mut Context,
    never: &mut BTreeSet<String>,
    documents: &[Arc<Document>],
) {
    let may_tag = principal.trust.iter().flat_map(|t| &t.document.statements).any(|s| {
        s.effect == Effect::Allow
            && s.actions.iter().any(|a| {
                let text = a.text.symbolic().to_ascii_lowercase();
                text == "sts:tagsession" || text.contains('*')
            })
    });
    if may_tag {
        return;
    }
    for (key, value) in &principal.tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
    let asked = documents.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
    never.extend(
        asked
            .map(|c| c.key.to_ascii_lowercase())
            .filter(|k| k.starts_with("aws:principaltag/") && context.get(k).is_none()),
    );
}

fn everything() -> Document {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![crate::iam::Item::new("*")];
    statement.resources = vec![crate::iam::Item::new("*")];
    Document::new([statement])
}

/// Asks one step on both sides.
#[must_use]
pub fn answer(before: Option<&Asked>, after: Option<&Asked>) -> Answers {
    let (before, after) = (before.map(Asked::question), after.map(Asked::question));
    ask_both(before.as_ref(), after.as_ref(), Caps::default())
}

/// The account that a source lives in.
#[must_use]
pub fn home<'w>(world: &'w World, source: &Source) -> Option<&'w Handle> {
    match source {
        Source::Principal(arn) => world.principals.get(arn).map(|p| &p.account),
        _ => None,
    }
}
