//! What a source brings to its requests: the policies over it, the keys that they carry, leave out or choose, and the names
//! by which policies may know it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::access::{
    AccessModel, AccountNode, PrincipalKind, PrincipalNode, RESOURCE_TYPES, ResourceNode,
    ResourceTags, levels,
};
use crate::iam::symbolic::question::concerns;
use crate::iam::symbolic::{Domain, Space, Texts};
use crate::iam::text::is_symbolic_account;
use crate::iam::{ContextValue, Effect, Principal, catalogue};

use super::keys::{
    ASSUMED_ROOT, CARRIED, Carrier, OF_INSTANCES, OVER_THE_INTERNET, SESSION_KEYS, SESSION_NAME,
    SOURCE_IDENTITY, TOKEN_ISSUE_TIME, USER_ID, claims_of, demanded, id_of, is_demanded,
    is_for_instances, is_for_instances_alone, is_of_credentials, is_of_provided_context,
    is_resource_tag, keys_of, lets_set, second_factor,
};
use super::outsiders::ANYBODY;
use super::step::StepSource;
use super::{Asked, documents, rules_of};

/// The name of a session that no policy tells from others.
const ANY_SESSION: &str = "session";

impl Asked {
    pub(super) fn principal(
        &mut self,
        model: &AccessModel,
        principal: &PrincipalNode,
        home: &AccountNode,
    ) {
        let arn = &principal.arn;
        let session = arn.replacen(":iam:", ":sts:", 1).replacen(":role/", ":assumed-role/", 1);
        self.session_names = demanded(principal, SESSION_NAME);
        let names = self.session_names.iter().flatten();
        let name_of_session = names.min().cloned().unwrap_or_else(|| ANY_SESSION.to_owned());
        self.request.principal = Principal::Arn(if arn.contains(":role/") {
            // A session's ARN leaves out the role's path; the context tells the whole name.
            let (head, name) = session.split_once(":assumed-role/").unwrap_or((&session, ""));
            let name = name.rsplit('/').next().unwrap_or_default();
            format!("{head}:assumed-role/{name}/{name_of_session}")
        } else {
            arn.clone()
        });
        let context = &mut self.request.context;
        context.set("aws:PrincipalArn", arn.as_str());
        self.never.extend(
            ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"]
                .map(str::to_owned),
        );
        self.never.insert(ASSUMED_ROOT.to_owned());
        self.session_of(principal);
        self.bears_identity =
            principal.kind == PrincipalKind::Role && is_demanded(principal, "sts:sourceidentity");
        if !lets_set(principal, "sts:setsourceidentity") {
            self.never.insert(SOURCE_IDENTITY.to_owned());
        } else if let Some(all) = demanded(principal, "sts:sourceidentity") {
            let all = all.iter().map(|value| Some(ContextValue::from(value.as_str())));
            self.domains.insert(SOURCE_IDENTITY.to_owned(), Domain::These(all.collect()));
        }
        if !is_for_instances(principal) {
            self.never.extend(OF_INSTANCES.map(str::to_owned));
        }
        if let Some(domain) = second_factor(principal) {
            self.never.insert("aws:multifactorauthage".to_owned());
            self.domains.insert("aws:multifactorauthpresent".to_owned(), domain);
        }
        self.organized(home.membership.as_ref(), home.organization_path.as_ref());
        self.policies.identity =
            principal.identity().iter().map(|r| Arc::clone(&r.policy)).collect();
        self.policies.boundary = principal.boundary().map(|r| Arc::clone(&r.policy));
        self.policies.service_control = levels(&home.service_control);
        let own = principal.identity().iter().chain(principal.boundary());
        self.documents.extend(own.map(|r| Arc::clone(&r.document)));
        self.documents.extend(documents(&home.service_control));
        self.rules.extend(principal.identity().iter().chain(principal.boundary()).cloned());
        self.rules.extend(rules_of(&home.service_control));
        // Only now are all documents there that ask for tags: those of the principal's own side too.
        self.tags_of(model, principal);
        if principal.kind == PrincipalKind::User && self.may_be_a_session() {
            self.chosen.insert(TOKEN_ISSUE_TIME.to_owned());
        }
        if principal.has_unread_boundary() {
            self.unread_bound =
                Some(format!("the permissions boundary of `{}` was not read", principal.label));
        }
        if principal.is_unreadable() && self.why_undetermined.is_none() {
            self.why_undetermined = Some("a policy of the principal could not be read".to_owned());
        }
        if self.why_undetermined.is_none() {
            self.why_undetermined =
                home.organization_path.as_ref().and_then(|path| self.unknown_unit(path));
        }
        if self.why_undetermined.is_none() {
            self.why_undetermined = self.unknown_account(&home.id);
        }
        self.name_sessions();
    }

    /// Whether a user may call with its access key or as a session of its own, and no policy depends on when that session started.
    /// `sts:GetSessionToken` needs no permission, and such a session may call whatever the user may, except IAM and most of
    /// STS (IAM User Guide, "Compare AWS STS credentials"; STS API Reference, `GetSessionToken`).
    fn may_be_a_session(&self) -> bool {
        let takes = |space: &Space| {
            let action = space.text().to_ascii_lowercase();
            !action.starts_with("iam:")
                && (!action.starts_with("sts:") || action == "sts:assumerole")
        };
        let is_presence =
            |text: String| ["true", "false"].iter().any(|one| text.eq_ignore_ascii_case(one));
        let statements = || self.documents.iter().flat_map(|d| &d.statements);
        self.actions.iter().all(takes)
            && self.compared_with(TOKEN_ISSUE_TIME).all(is_presence)
            && !statements().any(|s| s.effect == Effect::Deny && concerns(s, "sts:getsessiontoken"))
    }

    /// What whoever assumes a role may set of its session: tags and a source identity, where it may do `sts:TagSession` and
    /// `sts:SetSourceIdentity` as well; never where the trust does not speak of these (IAM User Guide, "Pass session tags
    /// in AWS STS", "Monitor and control actions taken with assumed roles").
    pub(super) fn session_keys(&mut self) {
        let Some(trust) = self.documents.first() else { return };
        let speaks = |action: &str| {
            let mut allowing = trust.statements.iter().filter(|s| s.effect == Effect::Allow);
            allowing.any(|s| concerns(s, action))
        };
        let silent = SESSION_KEYS.iter().filter(|companion| !speaks(companion.action));
        let never: Vec<String> = silent
            .flat_map(|companion| {
                keys_of(&self.documents).filter(|key| companion.is_needed_for(key))
            })
            .collect();
        self.never.extend(never);
        let contexts = keys_of(&self.documents).filter(|key| is_of_provided_context(key));
        let contexts: Vec<String> = contexts.collect();
        self.optional.extend(contexts);
        self.beside.extend(SESSION_KEYS);
        self.carry_identity();
    }

    /// A source identity stays with all sessions that one begins after the other, each of which takes the right to set it (IAM
    /// User Guide, "Monitor and control actions taken with assumed roles").
    fn carry_identity(&mut self) {
        const KEY: &str = "sts:sourceidentity";
        if !self.bears_identity {
            return;
        }
        self.never.remove(KEY);
        if keys_of(&self.documents).any(|key| key == KEY) {
            self.always.insert(KEY.to_owned());
        } else {
            self.request.context.set(KEY, "any");
        }
    }

    /// Keys of other services than the one that is asked for stand in no request to it, except those that say where
    /// the caller's credentials come from.
    pub(super) fn keys_of_others(&mut self, service: &str) {
        let of_other = |key: &String| {
            let prefix = key.split(':').next().unwrap_or_default();
            let known = catalogue().find_service(prefix).is_some();
            known
                && prefix != service
                && !(service == "sts" && matches!(prefix, "iam" | "cognito-identity"))
                && !is_of_credentials(key)
        };
        let others: Vec<String> = keys_of(&self.documents).filter(of_other).collect();
        self.never.extend(others);
    }

    /// The tags of what is reached, which are known: those that it bears, and no others (IAM User Guide,
    /// "Controlling access to and for IAM users and roles using tags").
    pub(super) fn resource_tags<'t>(
        &mut self,
        tags: impl IntoIterator<Item = (&'t String, Option<&'t String>)>,
        families: &[&str],
    ) {
        let mut borne = BTreeSet::new();
        for (key, value) in tags {
            for family in families {
                let key = format!("{family}/{key}");
                if let Some(value) = value {
                    self.request.context.set(&key, value.as_str());
                }
                borne.insert(key.to_ascii_lowercase());
            }
        }
        let asked = keys_of(&self.documents).filter(|key| is_resource_tag(key));
        self.never.extend(asked.filter(|key| !borne.contains(key)));
    }

    /// The same question of something upon a principal that bears the tags that are known of it.
    #[must_use]
    pub(in crate::isolation) fn upon(mut self, principal: &PrincipalNode) -> Self {
        let tags = principal.tags().iter().map(|(key, value)| (key, Some(value)));
        self.resource_tags(tags, &["aws:ResourceTag", "iam:ResourceTag"]);
        self
    }

    /// The tags of a bucket count where ABAC is on, for it and for what lies in it, and stand in no request where it is
    /// off (S3 User Guide, "Using tags with S3 general purpose buckets"). Whoever may change either of these has crossed
    /// already: both are actions on the bucket.
    pub(super) fn tags_of_resource(&mut self, resource: &ResourceNode) {
        let families: Vec<&str> =
            std::iter::once("aws:ResourceTag").chain(resource.kind.tag_keys).collect();
        match &resource.tags {
            ResourceTags::Unknown => {}
            ResourceTags::Hidden => self.resource_tags([], &families),
            ResourceTags::Known(tags) => {
                let tags = tags.iter().map(|(key, value)| (key, value.as_ref()));
                self.resource_tags(tags, &families);
            }
        }
    }

    /// Who calls, by a key that every request of an account carries. An unknown one is none of the accounts that are
    /// known.
    pub(super) fn caller_of(&mut self, key: &str, account: Option<&String>) {
        let principal = &self.request.principal;
        let own = match principal {
            Principal::Arn(arn) => arn.split(':').nth(4).filter(|id| *id != ANYBODY),
            Principal::Anonymous | Principal::Service(_) | Principal::Federated(_) => None,
        };
        match (account.map(String::as_str).or(own), principal) {
            (Some(id), _) => self.request.context.set(key, id),
            (None, Principal::Arn(_)) => {
                if let Some(domain) = self.domains.get("aws:principalaccount").cloned() {
                    self.domains.insert(key.to_owned(), domain);
                    self.always.insert(key.to_owned());
                }
            }
            // A service may act for any account, which a global key then tells.
            (None, Principal::Service(_)) if key.starts_with("aws:") => {}
            (None, _) => {
                self.never.insert(key.to_owned());
            }
        }
    }

    /// What every request of such a caller carries.
    pub(super) fn carries_always(&mut self, source: &StepSource, is_role: bool) {
        let assuming =
            |space: &Space| space.text().to_ascii_lowercase().starts_with("sts:assumerole");
        let assumes = !self.actions.is_empty() && self.actions.iter().all(assuming);
        for (carrier, keys) in CARRIED {
            let does = match carrier {
                Carrier::Everybody => true,
                Carrier::Signed => {
                    matches!(source, StepSource::Principal(_) | StepSource::Foreign(_))
                }
                Carrier::RoleSession => is_role,
                Carrier::AssumingRole => assumes,
            };
            if does {
                self.always.extend(keys.iter().map(|key| (*key).to_owned()));
            }
        }
        if let StepSource::Federated(provider) = source {
            self.always.extend(claims_of(provider));
        }
    }

    /// What every request of a principal of the estate carries, and what it need not carry.
    ///
    /// Source: IAM User Guide, "AWS global condition context keys", the availability of each key.
    pub(super) fn session_of(&mut self, principal: &PrincipalNode) {
        self.optional.extend(OVER_THE_INTERNET.map(str::to_owned));
        let is_role = principal.kind == PrincipalKind::Role;
        if let Some(id) = principal.unique_id() {
            // `role-id:caller-specified-role-name`, or the user's id.
            if is_role && self.is_named(id) {
                self.request.context.set(USER_ID, format!("{id}:session"));
            } else if is_role {
                // The session of a machine is called like the machine (EC2 User Guide, "IAM roles for Amazon EC2"; IAM User Guide,
                // "Principal key values": `role-id:ec2-instance-id`).
                let named = if is_for_instances_alone(principal) { "i-" } else { "" };
                // No name of a session holds a colon.
                let except = vec![format!("{id}:*:*")];
                let prefixes = vec![format!("{id}:{named}")];
                let mut texts = Texts { prefixes, except: except.clone(), absent: false };
                if !named.is_empty() {
                    let prefixes = vec![format!("{id}:")];
                    let any = Texts { prefixes, except, absent: false };
                    self.any_session_id = Some(Domain::Texts(any));
                }
                if id.contains('\u{27e8}') && self.guesses_ids("AROA") {
                    texts.prefixes.push("AROA".to_owned());
                } else {
                    self.chosen.insert(USER_ID.to_owned());
                }
                self.domains.insert(USER_ID.to_owned(), Domain::Texts(texts));
                self.session_ids(id);
            } else if id.contains('\u{27e8}') && self.guesses_ids("AIDA") {
                let prefixes = vec![id.to_owned(), "AIDA".to_owned()];
                let texts = Texts { prefixes, ..Texts::default() };
                self.domains.insert(USER_ID.to_owned(), Domain::Texts(texts));
            } else {
                self.request.context.set(USER_ID, id);
            }
        } else {
            // Which one AWS gives it is still to be seen, but not of what form (IAM User Guide, "Unique identifiers").
            let prefix = if is_role { "AROA" } else { "AIDA" };
            let except = self.ids_to_come();
            let texts = Texts { prefixes: vec![prefix.to_owned()], except, absent: false };
            self.domains.insert(USER_ID.to_owned(), Domain::Texts(texts));
            if is_role && self.any_id_will_do() {
                self.chosen.insert(USER_ID.to_owned());
            }
        }
        if !is_role {
            // Long-term keys carry neither of them.
            let keys =
                ["aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime"];
            self.optional.extend(keys.map(str::to_owned));
        }
    }

    /// Ids that AWS is still to give to others whom policies name: nobody else gets one of them.
    fn ids_to_come(&self) -> Vec<String> {
        let ids = self.compared_with(USER_ID).map(|text| id_of(&text).to_owned());
        let ids = ids.filter(|id| id.ends_with('\u{27e9}') && !id.contains(['*', '?']));
        ids.flat_map(|id| [format!("{id}:*"), id]).collect()
    }

    /// Ids of sessions of a role, by the role's own, where its trust says how they are called.
    fn session_ids(&mut self, id: &str) {
        let Some(names) = &self.session_names else { return };
        let all =
            names.iter().map(|name| Some(ContextValue::from(format!("{id}:{name}").as_str())));
        let all = Domain::These(all.collect());
        if self.chosen.contains(USER_ID) {
            self.any_session_id = self.domains.insert(USER_ID.to_owned(), all);
        }
    }

    /// The same question where whoever assumes its role names the session as it likes.
    #[must_use]
    pub(in crate::isolation) fn without_session_name(mut self) -> Self {
        if std::mem::take(&mut self.bears_identity) {
            self.always.remove("sts:sourceidentity");
            self.request.context.remove("sts:sourceidentity");
        }
        let named = self.session_names.take().is_some();
        if let Some(any) = self.any_session_id.take() {
            self.domains.insert(USER_ID.to_owned(), any);
        }
        if !named {
            return self;
        }
        self.name_sessions();
        if let Principal::Arn(own) = &self.request.principal
            && let Some((role, _)) = own.rsplit_once('/')
        {
            self.sessions.insert(format!("{role}/{ANY_SESSION}"));
        }
        self
    }

    /// Whether a condition asks for a part of an id, or its length: of an id that AWS is still to give, which is a symbol,
    /// neither is known but the letters that it begins with. A whole id that is written down is of somebody else.
    fn guesses_ids(&self, start: &str) -> bool {
        let guesses = |text: &str| {
            let id = id_of(text);
            let Some(at) = id.find(['*', '?']) else { return false };
            let (before, rest) = id.split_at(at);
            !(rest == "*" && start.starts_with(before))
        };
        self.compared_with(USER_ID).any(|text| guesses(&text))
    }

    /// Whether a policy names a principal by its unique id, and none asks for the ids of sessions: then every session
    /// has to tell whose it is.
    pub(super) fn is_named(&self, id: &str) -> bool {
        let statements = || self.documents.iter().flat_map(|d| &d.statements);
        let principals = || statements().flat_map(|s| s.principals.iter().chain(&s.not_principals));
        principals().flat_map(|p| p.items()).any(|(_, item)| item.text.symbolic() == id)
            && !keys_of(&self.documents).any(|key| key == USER_ID)
    }

    /// What an unsigned request does not carry: all that is known of callers (IAM User Guide, "AWS global condition
    /// context keys", "Properties of the principal", "Properties of a role session"), and of their signature.
    pub(super) fn unsigned(&mut self) {
        const OF_CALLERS: [&str; 16] = [
            "aws:assumedroot",
            "aws:federatedprovider",
            "aws:multifactorauthage",
            "aws:multifactorauthpresent",
            "aws:principalarn",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:principalservicename",
            "aws:principalservicenameslist",
            "aws:signinsessionarn",
            "aws:sourceidentity",
            "aws:tokenissuetime",
            "aws:username",
            "aws:chatbotsourcearn",
            "aws:ec2instancesourcevpc",
            "aws:ec2instancesourceprivateipv4",
        ];
        self.optional.extend(OVER_THE_INTERNET.map(str::to_owned));
        // What it carries for one (IAM User Guide, "Principal key values").
        self.request.context.set(USER_ID, "anonymous");
        let of_credentials = keys_of(&self.documents).filter(|key| is_of_credentials(key));
        let of_credentials: Vec<String> = of_credentials.collect();
        self.never.extend(of_credentials);
        let direct =
            ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
        let of_signature = RESOURCE_TYPES.iter().flat_map(|of| of.signature_keys).copied();
        let absent = OF_CALLERS.into_iter().chain(direct).chain(of_signature);
        self.never.extend(absent.map(str::to_owned));
        let tags: Vec<String> =
            keys_of(&self.documents).filter(|key| key.starts_with("aws:principaltag/")).collect();
        self.never.extend(tags);
    }

    /// Why it cannot be told what a condition on the path of the principal's account says: its unit is
    /// still to be made, and a pattern may match whatever id AWS gives it.
    pub(super) fn unknown_unit(&self, path: &str) -> Option<String> {
        let conditions =
            self.documents.iter().flat_map(|d| &d.statements).flat_map(|s| &s.conditions);
        let mut patterns = conditions
            .filter(|c| c.key.eq_ignore_ascii_case("aws:PrincipalOrgPaths"))
            .flat_map(|c| &c.values)
            .map(|v| v.text.symbolic());
        let half = |level: &str| level.starts_with("ou-") && level.contains(['*', '?']);
        (path.contains('\u{27e8}') && patterns.any(|p| p.split('/').any(half))).then(|| {
            "its account goes into an organizational unit whose id is not known yet".to_owned()
        })
    }

    /// The same for accounts that are still to be made, where a pattern matches some ids and not others.
    pub(super) fn unknown_account(&self, home: &str) -> Option<String> {
        let target = self.request.resource_account.as_deref().unwrap_or_default();
        if ![home, target].iter().any(|id| is_symbolic_account(id)) {
            return None;
        }
        let statements = self.documents.iter().flat_map(|d| &d.statements);
        let half = |id: &str| id != "*" && id.contains(['*', '?']);
        let mut patterns = statements.flat_map(|s| {
            let values = s.conditions.iter().flat_map(|c| &c.values);
            s.resources.iter().chain(&s.not_resources).chain(values)
        });
        let found = patterns.any(|item| {
            let text = item.text.symbolic();
            text.starts_with("arn:") && text.split(':').nth(4).is_some_and(half)
        });
        found.then(|| {
            "a pattern takes some accounts, and the id of this one is not known yet".to_owned()
        })
    }

    /// Sessions of the principal that policies name: whoever assumes a role names its session.
    pub(super) fn name_sessions(&mut self) {
        let Principal::Arn(own) = &self.request.principal else { return };
        let Some((role, _)) =
            own.rsplit_once('/').filter(|(role, _)| role.contains(":assumed-role/"))
        else {
            return;
        };
        let prefix = format!("{role}/");
        let statements = self.documents.iter().flat_map(|d| &d.statements);
        let named = statements.flat_map(|s| s.principals.iter().chain(&s.not_principals));
        let sessions: BTreeSet<String> = named
            .flat_map(|p| p.items())
            .map(|(_, item)| item.text.symbolic().into_owned())
            .filter(|arn| arn.starts_with(&prefix) && arn != own)
            .filter(|arn| {
                let name = arn.get(prefix.len()..).unwrap_or_default();
                self.session_names.as_ref().is_none_or(|names| names.contains(name))
            })
            .collect();
        let own = own.clone();
        self.sessions.extend(sessions);
        let all = self.session_names.iter().flatten().map(|name| format!("{prefix}{name}"));
        self.sessions.extend(all.filter(|arn| *arn != own));
    }
}

pub(super) fn is_role(model: &AccessModel, source: &StepSource) -> bool {
    let StepSource::Principal(arn) = source else { return false };
    model.principals.get(arn).is_some_and(|principal| principal.kind == PrincipalKind::Role)
}
