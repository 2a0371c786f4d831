//! Questions of principals whom the estate does not know: what they may be is left open as far as nothing is
//! known of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::keys::{OVER_THE_INTERNET, TOKEN_ISSUE_TIME, USER_ID, id_of, keys_of};
use super::variations::everything;
use super::{Asked, documents, home_of, rules_of};
use crate::access::{AccessModel, AccountNode, UndescribedMember, levels};
use crate::iam::symbolic::{Domain, Texts};
use crate::iam::values::is_account_id;
use crate::iam::{ContextValue, Document, Membership, Policy, Principal};
use crate::ids::Partition;

/// An account that is nobody's: it stands for every account that the estate does not know.
pub(in crate::isolation) const ANYBODY: &str = "000000000000";

/// Accounts outside the estate that conditions of a policy ask callers to be of, by id.
pub(in crate::isolation) fn named_in_conditions(
    model: &AccessModel,
    document: &Document,
) -> BTreeSet<String> {
    let conditions = document.statements.iter().flat_map(|s| &s.conditions);
    let of_callers = conditions.filter(|c| {
        let keys = ["aws:PrincipalArn", "aws:PrincipalAccount"];
        keys.iter().any(|key| c.key.eq_ignore_ascii_case(key))
    });
    let ids = of_callers.flat_map(|c| &c.values).map(|item| {
        let text = item.text.symbolic();
        match text.starts_with("arn:") {
            true => text.split(':').nth(4).unwrap_or_default().to_owned(),
            false => text.into_owned(),
        }
    });
    let is_outside = |id: &String| {
        let declared = model.account_by_id.contains_key(id) || model.members.contains_key(id);
        is_account_id(id) && id != ANYBODY && !declared
    };
    ids.filter(is_outside).collect()
}

/// Whether some account's id is as a pattern says: twelve digits (IAM User Guide, "IAM identifiers").
fn may_be_an_account(pattern: &str) -> bool {
    let fixed = pattern.chars().filter(|c| *c != '*');
    let length = fixed.clone().count();
    pattern.contains('$')
        || fixed.clone().all(|c| c.is_ascii_digit() || c == '?')
            && (length == 12 || pattern.contains('*') && length < 12)
}

/// Whether some organization's id is as a pattern says: `o-` and ten to thirty-two letters or digits (Organizations API
/// Reference, `Organization`, `Id`). In which case they are written is for the operator to say.
fn may_be_an_organization(pattern: &str) -> bool {
    let fixed = pattern.chars().filter(|c| *c != '*');
    let length = fixed.clone().count();
    pattern.contains(['$', '\u{27e8}'])
        || fixed.clone().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '?')
            && ((12..=34).contains(&length) || pattern.contains('*') && length <= 34)
}

impl Asked {
    /// A principal outside the estate: nothing is known of its own side, so nothing holds it there.
    pub(super) fn foreign(&mut self, model: &AccessModel, arn: &str) {
        let everything = || vec![Arc::new(Policy::new("its own account", &everything()))];
        self.policies.identity = everything();
        if arn.contains(":federated-user/") {
            self.policies.session = everything();
        }
        // A service alone calls for a resource (IAM User Guide, "AWS global condition context keys").
        let direct =
            ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"];
        self.never.extend(direct.map(str::to_owned));
        // An account may be in no organization; a request may come over the internet, and without a second factor.
        let of_no_organization = ["aws:principalorgid", "aws:principalorgpaths"];
        let of_sessions = ["aws:multifactorauthpresent", "aws:multifactorauthage"];
        let optional = OVER_THE_INTERNET.into_iter().chain(of_no_organization).chain(of_sessions);
        self.optional.extend(optional.map(str::to_owned));
        let id = arn.split(':').nth(4).unwrap_or_default();
        let whole = arn.ends_with(":root");
        // Whoever asks lives in the partition of what it asks for.
        let partition = Partition::of_arn(arn).unwrap_or_default();
        self.request.principal = Principal::Arn(match arn.strip_suffix(":root") {
            Some(head) => format!("{head}:role/any"),
            None => arn.to_owned(),
        });
        // Whoever is not of our organization is of another one, or of none.
        let ours = self.request.resource_organization.as_ref().map(|o| o.id.clone());
        let not_ours = |key: &str, pattern: &str| {
            let mut except: Vec<String> = ours.iter().map(|id| format!("{id}{pattern}")).collect();
            let named = self.values_of(key);
            except.extend(named.filter(|text| {
                let id = text.split('/').next().unwrap_or_default();
                !may_be_an_organization(id)
            }));
            let texts = Texts { prefixes: vec!["o-".to_owned()], except, absent: true };
            (key.to_owned(), Domain::Texts(texts))
        };
        self.domains
            .extend([not_ours("aws:principalorgid", ""), not_ours("aws:principalorgpaths", "/*")]);
        let texts = |prefixes: Vec<String>, except: Vec<String>, absent: bool| {
            Domain::Texts(Texts { prefixes, except, absent })
        };
        if home_of(model, arn).is_none() {
            let ids = texts(vec![String::new()], self.ids_of_estate(model), true);
            self.domains.insert(USER_ID.to_owned(), ids);
        }
        // Root users and federated users assume no role (IAM User Guide, "Compare AWS STS credentials"); on everything
        // else `aws:PrincipalArn` may be theirs (IAM User Guide, "AWS global condition context keys").
        let becomes_a_role = self.actions.iter().all(|space| space.text().starts_with("sts:"));
        if id == ANYBODY {
            let named = self.named_outsiders(model);
            let of_estate = || model.accounts.values().map(|a| &a.id).chain(model.members.keys());
            let known = || of_estate().chain(&named);
            let services: &[&str] = if becomes_a_role { &["iam"] } else { &["iam", "sts"] };
            let below = |service: &&str| format!("arn:{partition}:{service}::");
            let identities = services.iter().map(below).collect();
            let of = |id| services.iter().map(move |s| format!("{}{id}:*", below(s)));
            let mut arns: Vec<String> = known().flat_map(of).collect();
            let mut ids: Vec<String> = known().cloned().collect();
            ids.extend(self.values_of("aws:principalaccount").filter(|id| !may_be_an_account(id)));
            // The key never holds a session's own ARN, but its role's.
            arns.push(format!("arn:{partition}:sts::*:assumed-role/*"));
            self.domains.extend([
                ("aws:principalaccount".to_owned(), texts(vec![String::new()], ids, false)),
                ("aws:principalarn".to_owned(), texts(identities, arns, false)),
            ]);
            self.chosen_by_anybody(model);
        } else if whole {
            let kinds = ["role/", "user/"].map(|kind| format!("arn:{partition}:iam::{id}:{kind}"));
            let mut identities = kinds.to_vec();
            if !becomes_a_role {
                identities.push(format!("arn:{partition}:sts::{id}:federated-user/"));
                // (`root` begins like nothing else that stands there.)
                identities.push(format!("arn:{partition}:iam::{id}:roo"));
            }
            self.domains
                .insert("aws:principalarn".to_owned(), texts(identities, Vec::new(), false));
        }
        if arn.contains(":assumed-role/") {
            // A session's ARN leaves out the role's path.
            let roles = vec![format!("arn:{partition}:iam::{id}:role/")];
            self.domains.insert("aws:principalarn".to_owned(), texts(roles, Vec::new(), false));
        }
        if whole {
            let kinds: &[&str] = match becomes_a_role {
                true => &["AssumedRole", "User"],
                false => &["Account", "AssumedRole", "FederatedUser", "User"],
            };
            let kinds = kinds.iter().map(|kind| Some(ContextValue::from(*kind)));
            self.domains.insert("aws:principaltype".to_owned(), Domain::These(kinds.collect()));
            let names = texts(vec![String::new()], Vec::new(), true);
            self.domains.insert("aws:username".to_owned(), names);
        }
    }

    /// Whether policies ask of the id of a session for its name alone, which is for whoever begins it to choose.
    pub(super) fn any_id_will_do(&self) -> bool {
        self.compared_with(USER_ID).all(|text| text.starts_with("*:"))
    }

    /// Ids of roles and users of the estate that policies name: nobody else has one of them (IAM User Guide, "Unique
    /// identifiers").
    fn ids_of_estate(&self, model: &AccessModel) -> Vec<String> {
        let named: BTreeSet<String> =
            self.compared_with(USER_ID).map(|text| id_of(&text).to_owned()).collect();
        if named.is_empty() {
            return Vec::new();
        }
        let known = model.principals.values().filter_map(|principal| principal.unique_id());
        let both = known.filter(|id| named.contains(*id));
        both.flat_map(|id| [id.to_owned(), format!("{id}:*")]).collect()
    }

    /// Accounts outside the estate that conditions of the resource's own policy name: they are asked about one by one.
    fn named_outsiders(&self, model: &AccessModel) -> BTreeSet<String> {
        let own = self.policies.resource.as_ref().map(|policy| policy.name());
        let own = self.rules.iter().filter(|rule| Some(rule.policy.name()) == own);
        own.flat_map(|rule| named_in_conditions(model, &rule.document)).collect()
    }

    /// What policies compare a key with.
    fn values_of<'k>(&'k self, key: &'k str) -> impl Iterator<Item = String> + 'k {
        let statements = self.documents.iter().flat_map(|d| &d.statements);
        let asking = statements.flat_map(|s| &s.conditions);
        let asking = asking.filter(move |c| c.key.eq_ignore_ascii_case(key));
        asking.flat_map(|c| &c.values).map(|value| value.text.symbolic().into_owned())
    }

    /// What somebody in an account that nobody names chooses of itself, as whoever has an account makes principals of any
    /// name there, gives them tags, and begins their sessions with a second factor. Where a guardrail names an account, an
    /// ARN is no choice.
    fn chosen_by_anybody(&mut self, model: &AccessModel) {
        let own = self.named_outsiders(model);
        let mut named = self.documents.iter().flat_map(|d| named_in_conditions(model, d));
        if !named.any(|id| !own.contains(&id)) {
            self.chosen.insert("aws:principalarn".to_owned());
            let whole = |text: &str| text.contains(['*', '?', '$']) || is_account_id(text);
            if self.values_of("aws:principalaccount").all(|text| whole(&text)) {
                self.chosen.insert("aws:principalaccount".to_owned());
            }
        }
        // An id that is written out is of one organization.
        let of_organizations = ["aws:principalorgid", "aws:principalorgpaths"];
        let is_pattern = |key: &str| {
            let ours = self.request.resource_organization.as_ref().map(|o| o.id.as_str());
            self.values_of(key).all(|text| {
                let id = text.split('/').next().unwrap_or_default();
                Some(id) == ours || id.contains(['*', '?', '$'])
            })
        };
        let of_patterns: Vec<&str> =
            of_organizations.into_iter().filter(|key| is_pattern(key)).collect();
        self.chosen.extend(of_patterns.into_iter().map(str::to_owned));
        let chosen = [
            "aws:principaltype",
            "aws:username",
            "aws:multifactorauthpresent",
            "aws:multifactorauthage",
        ];
        self.chosen.extend(chosen.map(str::to_owned));
        if self.any_id_will_do() {
            self.chosen.insert(USER_ID.to_owned());
        }
        let tags = keys_of(&self.documents).filter(|key| key.starts_with("aws:principaltag/"));
        let tags: Vec<String> = tags.collect();
        self.chosen.extend(tags);
    }

    /// The same of a principal that somebody made, by its ARN: its id is one that no policy names yet, and it begins its
    /// sessions as it likes (IAM User Guide, "Unique identifiers").
    #[must_use]
    pub(in crate::isolation) fn made(mut self, arn: &str) -> Self {
        let is_user = arn.contains(":user/");
        let prefix = if is_user { "AIDA" } else { "AROA" };
        let is_one = |text: &String| {
            let id = id_of(text);
            id.starts_with(prefix) && !id.contains(['*', '?', '$'])
        };
        let except = self.compared_with(USER_ID).filter(is_one).collect();
        let texts = Texts { prefixes: vec![prefix.to_owned()], except, absent: false };
        self.domains.insert(USER_ID.to_owned(), Domain::Texts(texts));
        match is_user {
            true => self.optional.insert(TOKEN_ISSUE_TIME.to_owned()),
            false => self.chosen.insert(USER_ID.to_owned()),
        };
        self
    }

    /// What follows from the organization of its account.
    pub(super) fn organized(&mut self, membership: Option<&Membership>, path: Option<&String>) {
        self.request.principal_organization = membership.cloned();
        for key in ["aws:principalorgid", "aws:principalorgpaths"] {
            self.domains.remove(key);
        }
        if let Some(path) = path {
            let path = ContextValue::Many(vec![path.clone()]);
            self.request.context.set("aws:PrincipalOrgPaths", path);
        }
    }

    /// Somebody in an account of the estate whom the estate does not know.
    pub(super) fn belongs_to(&mut self, home: &AccountNode) {
        self.organized(home.membership.as_ref(), home.organization_path.as_ref());
        self.policies.service_control = levels(&home.service_control);
        self.documents.extend(documents(&home.service_control));
        self.rules.extend(rules_of(&home.service_control));
    }

    /// What is known of it all the same when its account is in the organization.
    pub(super) fn member(&mut self, member: &UndescribedMember) {
        self.organized(Some(&member.membership), Some(&member.organization_path));
        self.policies.service_control = levels(&member.service_control);
        self.documents.extend(documents(&member.service_control));
        self.rules.extend(rules_of(&member.service_control));
    }
}
