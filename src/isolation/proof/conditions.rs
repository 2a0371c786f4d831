//! What a condition, or a variable in a resource, is for every request of a step.
//!
//! A condition is a constant where its key is (it follows from who asks and of whom, or no request carries it), or where
//! the judge gives one answer for all values that the key may have; where those are texts below a prefix, by comparing
//! that prefix with the condition's patterns. A condition decides another on the same key where it names the values of
//! that key and the judge gives one answer to the other for each of them, where the patterns of both have no text in
//! common or all of its own lie within the other's, and where the other asks for the key alone. A variable in a resource stands for the constant that its key is;
//! without one it matches nothing, and neither does its text. Whatever cannot be told so is not claimed.

use std::sync::Arc;

use super::case::Case;
use super::ranges;
use super::texts::{all_apart, covers, disjoint, spans, within};
use crate::access::{BACKUP_VAULT, ResourceType};
use crate::iam::symbolic::{Domain, Moments, Space, Texts};
use crate::iam::values::instant;
use crate::iam::{
    Condition, ContextValue, Document, Effect, Item, LanguageVersion, Policies, Policy, Principal,
    Principals, Request, SetPrefix, Statement, Test, catalogue, evaluate,
};
use crate::ids::Partition;

impl Case<'_> {
    /// A pattern with its variables filled in, as it stands where one may be several texts; `None` where one is never
    /// there, so that the pattern matches nothing (IAM User Guide, "Policy elements: Variables and tags").
    pub(super) fn filled(&self, version: LanguageVersion, text: String) -> Option<String> {
        if version == LanguageVersion::V2008 {
            return Some(text);
        }
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((key, after)) = after.split_once('}') else { return Some(text) };
            let (key, default) = match key.split_once(',') {
                Some((key, default)) => (key, Some(default.trim().trim_matches('\''))),
                None => (key, None),
            };
            match (self.value(&key.trim().to_ascii_lowercase()), default) {
                // What stands for a character is no key, and nothing is known of it.
                (Value::Open, _) => return Some(text),
                (Value::Absent, None) => return None,
                (Value::Absent, Some(default)) if default.contains(['*', '?', '$']) => {
                    return Some(text);
                }
                (Value::Absent, Some(default)) => out.extend([before, default]),
                (Value::Is(value), _) if value.contains(['*', '?', '$']) => return Some(text),
                (Value::Is(value), _) => out.extend([before, value.as_str()]),
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    /// What a key is for every request of the step, as far as variables ask for it.
    fn value(&self, key: &str) -> Value {
        let request = self.parts.request;
        if self.parts.never.contains(key) {
            return Value::Absent;
        }
        if self.parts.domains.contains_key(key) {
            return Value::Open;
        }
        let or_absent = |value: Option<String>| value.map_or(Value::Absent, Value::Is);
        match (request.context.get(key), key) {
            (Some(ContextValue::One(value)), _) => Value::Is(value.clone()),
            (None, "aws:principalaccount") if request.principal == Principal::Anonymous => {
                Value::Is("anonymous".to_owned())
            }
            (None, "aws:principalaccount") => or_absent(home_of(&request.principal)),
            (None, "aws:resourceaccount") => or_absent(request.resource_account.clone()),
            (None, "aws:resourceorgid") => {
                or_absent(request.resource_organization.as_ref().map(|of| of.id.clone()))
            }
            (None, "aws:username") => or_absent(user_of(&request.principal)),
            _ => Value::Open,
        }
    }

    /// What a condition is where another on the same key holds, if that names the values of the key one by one or by
    /// patterns.
    pub(super) fn decided_by(&self, given: &Condition, asked: &Condition) -> Option<bool> {
        if self.has_none_of_all(given, asked) {
            return Some(false);
        }
        let operator = given.operator;
        if !given.key.eq_ignore_ascii_case(&asked.key)
            || !is_single(&given.key)
            || operator.prefix.is_some()
            || operator.if_exists
            || !is_plain(given)
            || !is_plain(asked)
        {
            return None;
        }
        if let Some(told) = ranges::decided(given, asked) {
            return Some(told);
        }
        if !matches!(operator.test, Test::StringEquals | Test::Bool | Test::NumericEquals) {
            return decided_by_patterns(given, asked);
        }
        let told = given.values.iter().map(|item| {
            let value = ContextValue::One(item.text.symbolic().into_owned());
            self.holds(asked, Some(&Some(value)))
        });
        same(told)
    }

    /// Whether one condition asks for a key to be there and another for all its values to be among those that none of them
    /// can be: without the key `ForAllValues` would hold (IAM User Guide, "Set operators for multivalued context keys").
    fn has_none_of_all(&self, given: &Condition, asked: &Condition) -> bool {
        let is_false = |item: &Item| item.text.symbolic().eq_ignore_ascii_case("false");
        let asks_for_it = given.operator.test == Test::Null
            && given.operator.prefix.is_none()
            && given.values.iter().all(is_false);
        let key = asked.key.to_ascii_lowercase();
        let Some(Domain::Texts(texts)) = self.parts.domains.get(&key) else { return false };
        if !asks_for_it
            || !given.key.eq_ignore_ascii_case(&key)
            || asked.operator.prefix != Some(SetPrefix::ForAllValues)
        {
            return false;
        }
        let mut any = asked.clone();
        any.operator.prefix = Some(SetPrefix::ForAnyValue);
        let there = Domain::Texts(Texts { absent: false, ..texts.clone() });
        self.constant_within(&any, &there) == Some(false)
    }

    /// What a condition of a policy of that version is for every request of this step; `None` where it may be either.
    pub(super) fn constant(&self, version: LanguageVersion, condition: &Condition) -> Option<bool> {
        // Written down once more on purpose: a checker that read the engine's list would share its errors.
        const FOLLOWS: [&str; 9] = [
            "aws:principalarn",
            "aws:principalaccount",
            "aws:principaltype",
            "aws:principalisawsservice",
            "aws:principalservicename",
            "aws:principalorgid",
            "aws:username",
            "aws:resourceaccount",
            "aws:resourceorgid",
        ];
        let key = condition.key.to_ascii_lowercase();
        if condition.operator.test == Test::Null && self.parts.always.contains(&key) {
            let present = |item: &Item| item.text.symbolic().eq_ignore_ascii_case("false");
            return Some(condition.values.iter().any(present));
        }
        let operator = condition.operator;
        // A key that every request has is never empty, so a lone wildcard matches it.
        if operator.test.positive() == Test::StringLike
            && operator.prefix.is_none()
            && self.parts.always.contains(&key)
            && condition.values.iter().any(|item| item.text.symbolic() == "*")
        {
            return Some(!operator.test.negated());
        }
        let value = |item: &Item| self.filled(version, item.text.symbolic().into_owned());
        let without = condition.values.iter().all(|item| value(item).is_none());
        if without
            && !operator.test.negated()
            && !operator.if_exists
            && operator.prefix != Some(SetPrefix::ForAllValues)
        {
            // It is compared with variables that have no value: nothing equals that, and neither does an absent key.
            return Some(false);
        }
        if let (Some(domain), false) =
            (self.parts.domains.get(&key), self.parts.never.contains(&key))
        {
            let mut told = condition.clone();
            for item in &mut told.values {
                *item = Item::new(value(item)?);
            }
            return self.constant_within(&told, domain);
        }
        if key == "aws:requestedregion"
            && is_plain(condition)
            && let Some(region) = self.region()
        {
            return self.holds(condition, Some(&Some(region.into())));
        }
        let settled = FOLLOWS.contains(&key.as_str())
            || self.parts.never.contains(&key)
            || self.parts.request.context.get(&key).is_some();
        // The judge fills in what the request tells; of other variables nothing is known.
        let told = |item: &Item| value(item).is_some_and(|text| !text.contains("${"));
        let filled = version == LanguageVersion::V2012 && condition.values.iter().all(told);
        if settled && version == LanguageVersion::V2008 {
            // What looks like a variable is text, and is written so for a judge of the newer version.
            let mut literal = condition.clone();
            for item in &mut literal.values {
                *item = Item::new(item.text.symbolic().replace("${", "${$}{"));
            }
            return self.holds(&literal, None);
        }
        if !settled || !(is_plain(condition) || filled) {
            return None;
        }
        self.holds(condition, None)
    }

    /// The Region of all that the step is about, at whose endpoint it is asked for (IAM User Guide, "AWS global condition context
    /// keys", `aws:RequestedRegion`).
    fn region(&self) -> Option<&str> {
        let first = region_of(self.parts.resources.first()?)?;
        self.parts.resources.iter().all(|space| region_of(space) == Some(first)).then_some(first)
    }

    /// The same where the key is open, and it is known what it may be.
    pub(super) fn constant_within(&self, condition: &Condition, domain: &Domain) -> Option<bool> {
        if !is_plain(condition) {
            return None;
        }
        let texts = match domain {
            Domain::These(all) => {
                return same(all.iter().map(|value| self.holds(condition, Some(value))));
            }
            Domain::Moments(moments) => return constant_from(condition, moments),
            Domain::Texts(texts) => texts,
        };
        let operator = condition.operator;
        let patterns = matches!(
            operator.test.positive(),
            Test::StringEquals | Test::StringLike | Test::ArnEquals | Test::ArnLike
        );
        let spaces: Vec<Space> = texts.prefixes.iter().cloned().map(Space::Below).collect();
        let values: Vec<String> =
            condition.values.iter().map(|item| item.text.symbolic().into_owned()).collect();
        let exact = operator.test.positive() == Test::StringEquals;
        let outside = |text: &String| {
            if exact && texts.prefixes.iter().all(|prefix| !text.starts_with(prefix.as_str())) {
                return true;
            }
            let excepted = |pattern: &String| pattern == text || spans(pattern, text);
            texts.except.iter().any(excepted) || disjoint(std::slice::from_ref(text), &spaces)
        };
        let likes = matches!(operator.test.positive(), Test::StringLike);
        if likes
            && operator.prefix.is_none()
            && spaces.iter().all(|space| values.iter().any(|value| covers(value, space)))
        {
            // Whatever the key is, one of the condition's patterns matches it.
            return match (operator.test.negated(), texts.absent, operator.if_exists) {
                (false, false, _) | (false, true, true) => Some(true),
                (true, false, _) => Some(false),
                _ => None,
            };
        }
        if !patterns || !values.iter().all(outside) {
            return None;
        }
        // No value that the key may have is among those of the condition.
        match (operator.test.negated(), operator.prefix, texts.absent) {
            (true, None, _) => Some(true),
            (true, Some(_), _) => None,
            (false, Some(SetPrefix::ForAllValues), _) => None,
            (false, _, true) if operator.if_exists => None,
            (false, ..) => Some(false),
        }
    }

    /// Whether a condition holds of the request, with its key set to a value or taken away where one is
    /// given; `None` where the judge's sources differ.
    pub(super) fn holds(
        &self,
        condition: &Condition,
        value: Option<&Option<ContextValue>>,
    ) -> Option<bool> {
        let mut bare = open_statement();
        bare.principals = Some(Principals::All);
        bare.conditions = vec![condition.clone()];
        let account = self.parts.request.resource_account.clone().unwrap_or_default();
        let mut request = self.parts.request.clone();
        match value {
            Some(Some(value)) => request.context.set(&condition.key, value.clone()),
            Some(None) => request.context.remove(&condition.key),
            None => {}
        }
        let (holds, agreed) = Self::passes(request, bare, &account);
        agreed.then_some(holds)
    }

    /// What the judge says when this statement is the whole policy of a role in an account and
    /// nothing else limits; and whether its sources agree.
    pub(super) fn passes(request: Request, statement: Statement, account: &str) -> (bool, bool) {
        Self::judged(request, [statement], account)
    }

    pub(super) fn judged<const N: usize>(
        mut request: Request,
        statements: [Statement; N],
        account: &str,
    ) -> (bool, bool) {
        let document =
            Document { version: Some(LanguageVersion::V2012), ..Document::new(statements) };
        let everything = Document::new([open_statement()]);
        let same = home_of(&request.principal).as_deref() == Some(account);
        let policies = Policies {
            identity: if same {
                Vec::new()
            } else {
                vec![Arc::new(Policy::new("all", &everything))]
            },
            resource: Some(Arc::new(Policy::new("one", &document))),
            ..Policies::default()
        };
        "sts:AssumeRole".clone_into(&mut request.action);
        let partition = match &request.principal {
            Principal::Arn(arn) => Partition::of_arn(arn),
            _ => None,
        };
        let partition = partition.unwrap_or_default();
        request.resource = format!("arn:{partition}:iam::{account}:role/any");
        request.resource_account = Some(account.to_owned());
        let decision = evaluate(&request, &policies);
        (decision.is_allowed(), decision.disputed.is_empty())
    }
}

/// The Region that all ARNs of a space name.
fn region_of(space: &Space) -> Option<&str> {
    match space {
        // One that no whole ARN begins is of no Region that is known. Copies into a vault are asked for where they come from.
        Space::One(arn) | Space::Below(arn)
            if arn.starts_with("arn:")
                && arn.splitn(6, ':').count() == 6
                && ResourceType::of_arn(arn) != Some(&BACKUP_VAULT) =>
        {
            arn.split(':').nth(3).filter(|region| region.contains('-'))
        }
        _ => None,
    }
}

pub(super) fn open_statement() -> Statement {
    let mut statement = Statement::new(Effect::Allow);
    statement.actions = vec![Item::new("*")];
    statement.resources = vec![Item::new("*")];
    statement
}

/// What a variable stands for.
enum Value {
    /// This, in every request.
    Is(String),
    /// Nothing: no request carries the key.
    Absent,
    /// Nothing is known.
    Open,
}

/// What a condition on a moment is from one moment on; `None` where that may change.
fn constant_from(condition: &Condition, moments: &Moments) -> Option<bool> {
    let first = instant(&moments.first)?;
    let told: Option<Vec<i64>> =
        condition.values.iter().map(|item| instant(&item.text.symbolic())).collect();
    let told = told.filter(|told| !told.is_empty())?;
    let operator = condition.operator;
    // Seconds compare as numbers as well as dates do.
    let is_number = moments.first.bytes().all(|b| b.is_ascii_digit());
    let test = match operator.test.positive() {
        Test::NumericLessThan if is_number => Test::DateLessThan,
        Test::NumericLessThanEquals if is_number => Test::DateLessThanEquals,
        Test::NumericEquals if is_number => Test::DateEquals,
        Test::NumericGreaterThan if is_number => Test::DateGreaterThan,
        Test::NumericGreaterThanEquals if is_number => Test::DateGreaterThanEquals,
        test => test,
    };
    let holds = match test {
        Test::DateLessThan if told.iter().all(|at| *at <= first) => false,
        Test::DateLessThanEquals | Test::DateEquals if told.iter().all(|at| *at < first) => {
            operator.test.negated()
        }
        Test::DateGreaterThan if told.iter().any(|at| *at < first) => true,
        Test::DateGreaterThanEquals if told.iter().any(|at| *at <= first) => true,
        _ => return None,
    };
    // Without the key a condition is false, if it is not negated.
    let settled = !moments.absent || (holds == operator.test.negated() && !operator.if_exists);
    (settled && operator.prefix.is_none()).then_some(holds)
}

/// Whether a request has one value of a key at most. A tag has one, and so has the subject of a token (OpenID Connect Core,
/// "ID Token"), and what whoever assumes a role says once (STS API Reference, `AssumeRole`). Of other keys their type tells: that
/// of a multivalued one is an array (IAM User Guide, "Single-valued vs. multivalued context keys").
pub(super) fn is_single(key: &str) -> bool {
    const ONCE: [&str; 3] = ["sts:externalid", "sts:rolesessionname", "sts:sourceidentity"];
    let key = key.to_ascii_lowercase();
    let is_tag = key.split_once('/').is_some_and(|(family, _)| family.ends_with("tag"));
    is_tag
        || key.ends_with(":sub")
        || ONCE.contains(&key.as_str())
        || catalogue().find_key(&key).is_some_and(|key| !key.is_multivalued())
}

/// The answer that all of them give; `None` where there is none.
fn same(mut answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let first = answers.next().flatten()?;
    answers.all(|answer| answer == Some(first)).then_some(first)
}

/// What a condition is where another on the same key holds whose patterns match its one value; both compare with plain
/// texts.
fn decided_by_patterns(given: &Condition, asked: &Condition) -> Option<bool> {
    let texts = |condition: &Condition| -> Vec<String> {
        condition.values.iter().map(|item| item.text.symbolic().into_owned()).collect()
    };
    let (ours, theirs) = (texts(given), texts(asked));
    // An ARN with fewer fields is disputed: it may be completed, or match nothing.
    let is_whole = |text: &String| text.matches(':').count() >= 5;
    let by_fields = |test| matches!(test, Test::ArnEquals | Test::ArnLike);
    let matches_patterns = match given.operator.test {
        Test::StringLike => true,
        test => by_fields(test) && ours.iter().all(is_whole),
    };
    if !matches_patterns || asked.operator.prefix.is_some() {
        return None;
    }
    let (test, negated) = (asked.operator.test.positive(), asked.operator.test.negated());
    match test {
        // A value that a pattern matches is there.
        Test::Null => Some(theirs.iter().any(|text| text.eq_ignore_ascii_case("false"))),
        Test::StringEquals | Test::StringLike if all_apart(&ours, &theirs) => Some(negated),
        test if by_fields(test) && theirs.iter().all(is_whole) && all_apart(&ours, &theirs) => {
            Some(negated)
        }
        Test::StringLike if within(&ours, &theirs) => Some(!negated),
        _ => None,
    }
}

/// Whether two conditions are the same one, however they are written: values stand in any order, once or twice, and
/// keys compare without regard to case.
pub(super) fn say_the_same(one: &Condition, other: &Condition) -> bool {
    let holds = |items: &[Item], item: &Item| items.contains(item);
    one.operator == other.operator
        && one.key.eq_ignore_ascii_case(&other.key)
        && one.values.iter().all(|item| holds(&other.values, item))
        && other.values.iter().all(|item| holds(&one.values, item))
}

/// Whether a condition compares with texts alone, and not with what variables stand for.
pub(super) fn is_plain(condition: &Condition) -> bool {
    condition.values.iter().all(|v| !v.text.symbolic().contains("${"))
}

/// The name of a user; nobody else has one.
fn user_of(principal: &Principal) -> Option<String> {
    let Principal::Arn(arn) = principal else { return None };
    let (_, name) = arn.split_once(":user/")?;
    name.rsplit('/').next().map(str::to_owned)
}

pub(super) fn home_of(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Arn(arn) => arn.split(':').nth(4).map(str::to_owned),
        _ => None,
    }
}
