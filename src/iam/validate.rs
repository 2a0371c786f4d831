//! What AWS would refuse although the grammar allows it: sizes, characters, sids, actions,
//! resources, principals and condition values. It never asks whether AWS *would* accept what it
//! merely doubts: doubts are warnings.
//!
//! Sources: IAM User Guide, "Grammar of the IAM JSON policy language", "AWS JSON policy elements:
//! Principal", "IAM and AWS STS quotas", "Access Analyzer policy check reference"; Organizations
//! User Guide, "SCP syntax", "RCP syntax".

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Diagnostic, Diagnostics, Loc, Source, did_you_mean};

use super::catalogue::catalogue;
use super::document::{
    Condition, Document, Effect, Item, PrincipalType, Principals, Statement, Use,
};
use super::eval::rcp_services;
use super::limits::Limits;
use super::operator::Test;
pub use super::size::{measured_size, size_limit};
use super::values;

/// Reads and validates the document that fills a byte range of `source`.
///
/// # Errors
/// Every finding of both passes, when one of them is an error.
pub fn check(
    source: &Arc<Source>,
    range: Range<usize>,
    role: &Use,
    limits: &Limits,
) -> Result<(Document, Diagnostics), Diagnostics> {
    let (document, mut found) = Document::parse_range(source, range, role.clone())?;
    found.extend(validate(&document, role, limits));
    if found.has_errors() { Err(found) } else { Ok((document, found)) }
}

/// Everything about a document that AWS would refuse, or that is surely a mistake.
#[must_use]
pub fn validate(document: &Document, role: &Use, limits: &Limits) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let whole = document.statements.first().and_then(|s| s.loc.clone()).map(opening);
    if document.statements.is_empty() {
        diagnostics.push(Diagnostic::error("the policy has no statement"));
    }
    size(document, role, limits, &whole, &mut diagnostics);
    sids(document, role, &mut diagnostics);
    for statement in &document.statements {
        let mut pass = Pass { role, diagnostics: &mut diagnostics };
        pass.statement(statement);
    }
    diagnostics
}

fn opening(loc: Loc) -> Loc {
    super::decode::opening(&loc)
}

fn size(
    document: &Document,
    role: &Use,
    limits: &Limits,
    place: &Option<Loc>,
    diagnostics: &mut Diagnostics,
) {
    let (allowed, name) = size_limit(role, limits);
    let used = measured_size(document, role);
    if used > allowed {
        diagnostics.push(
            Diagnostic::error(format!(
                "the {} is too long: {used} characters, {allowed} are allowed",
                role.name()
            ))
            .at_opt(place.clone())
            .help(format!(
                "shorten it or split it; where AWS raised your quota, set the limit `{name}`"
            )),
        );
    }
}

fn sids(document: &Document, role: &Use, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, &Statement> = BTreeMap::new();
    for statement in &document.statements {
        let Some(sid) = statement.sid.as_deref().filter(|s| !s.is_empty()) else { continue };
        let place = statement.loc.clone().map(opening);
        if let Some(first) = seen.insert(sid, statement) {
            let mut error = Diagnostic::error(format!("two statements have the sid `{sid}`"))
                .at_opt(place.clone());
            if let Some(loc) = first.loc.clone().map(opening) {
                error = error.related(loc, "the first one");
            }
            diagnostics.push(error);
        }
        // IAM User Guide, "Sid": ASCII letters and digits. Resource policies of some services take more.
        let plain = sid.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain && !matches!(role, Use::Resource(_) | Use::Endpoint) {
            diagnostics.push(
                Diagnostic::error(format!("malformed sid `{sid}`")).at_opt(place).detail(format!(
                    "the sid of {} can only hold letters and digits",
                    role.named()
                )),
            );
        }
    }
}

struct Pass<'a> {
    role: &'a Use,
    diagnostics: &'a mut Diagnostics,
}

impl Pass<'_> {
    fn error(&mut self, summary: impl Into<String>, item: &Item) {
        self.diagnostics.push(Diagnostic::error(summary).at_opt(item.loc.clone()));
    }

    fn explain(&mut self, summary: impl Into<String>, item: &Item, help: &str) {
        self.diagnostics.push(Diagnostic::error(summary).at_opt(item.loc.clone()).help(help));
    }

    fn warn(&mut self, summary: impl Into<String>, item: &Item, help: &str) {
        self.diagnostics.push(Diagnostic::warning(summary).at_opt(item.loc.clone()).help(help));
    }

    fn statement(&mut self, statement: &Statement) {
        for item in statement.actions.iter().chain(&statement.not_actions) {
            self.characters(item);
            self.action(item, !statement.actions.is_empty());
        }
        for item in statement.resources.iter().chain(&statement.not_resources) {
            self.characters(item);
            if !self.placeholder(item) {
                self.resource(item);
            }
        }
        for principals in statement.principals.iter().chain(&statement.not_principals) {
            self.principals(principals);
        }
        // "NotPrincipal must be used with "Effect":"Deny". Using it with "Effect":"Allow" is not
        // supported" (IAM User Guide, NotPrincipal).
        if statement.not_principals.is_some() && statement.effect == Effect::Allow {
            let mut error = Diagnostic::error("`NotPrincipal` cannot be used with `Allow`")
                .detail("it would grant to everybody else, anonymous callers included")
                .help("use `Principal` with a condition on `aws:PrincipalArn`");
            error.loc = statement.loc.clone().map(opening);
            self.diagnostics.push(error);
        }
        self.conditions(&statement.conditions);
    }

    /// IAM: `[\u0009\u000A\u000D\u0020-\u00FF]+` (CreatePolicy, `PolicyDocument`).
    fn characters(&mut self, item: &Item) {
        let bad = item.text.parts().into_iter().find_map(|part| match part {
            super::text::TextRun::Literal(text) => {
                text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'))
            }
            super::text::TextRun::Placeholder(_) => None,
        });
        if let Some(c) = bad {
            self.error(format!("a policy cannot hold the character `{}`", c.escape_debug()), item);
        }
    }

    /// Warns of what only looks like an IAM variable; true when the text is not final.
    fn placeholder(&mut self, item: &Item) -> bool {
        let Some(text) = item.text.known() else { return true };
        match values::odd_placeholder(text) {
            Some(odd) => {
                self.warn(
                    format!("`{odd}` is no IAM policy variable"),
                    item,
                    "replace it; it is passed on unchanged",
                );
                true
            }
            None => text.contains("${"),
        }
    }

    fn action(&mut self, item: &Item, positive: bool) {
        let Some(text) = item.text.known() else {
            self.error("an action cannot be unknown until apply", item);
            return;
        };
        let shown = format!("malformed action `{text}`");
        match text.split_once(':') {
            None if text == "*" => {
                if *self.role == Use::Rcp && positive {
                    self.explain(
                        "a resource control policy cannot deny the action `*`",
                        item,
                        "name services: `s3:*`",
                    );
                }
            }
            None => self.explain(shown, item, "write `service:Action`, as in `s3:GetObject`"),
            Some((service, action)) => {
                let service_ok = service == "*"
                    || (!service.is_empty()
                        && service.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
                let action_ok = !action.is_empty()
                    && action.bytes().all(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'-' | b'_')
                    });
                if !service_ok && service.contains(['*', '?']) {
                    self.explain(shown, item, "the service part cannot hold wildcards");
                } else if !service_ok || !action_ok {
                    self.error(shown, item);
                } else {
                    self.reach(service, item);
                    self.known_action(text, service, item);
                }
            }
        }
        // UpdateAssumeRolePolicy: "AssumeRole policy may only specify STS AssumeRole actions".
        let sts = text.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("sts:"));
        if *self.role == Use::Trust && !sts {
            self.explain(
                format!("a trust policy cannot have the action `{text}`"),
                item,
                "only actions of `sts` apply, such as `sts:AssumeRole`",
            );
        }
    }

    /// AWS accepts such a statement, and applies it to nothing.
    fn reach(&mut self, service: &str, item: &Item) {
        let service = service.to_ascii_lowercase();
        if *self.role != Use::Rcp || service == "*" || rcp_services().contains(service.as_str()) {
            return;
        }
        if catalogue().find_service(&service).is_some() {
            self.warn(
                format!("resource control policies do not reach the service `{service}`"),
                item,
                "deny it with a service control policy",
            );
        }
    }

    /// AWS accepts actions that it does not know; a slip of the pen then grants or forbids nothing.
    fn known_action(&mut self, text: &str, service: &str, item: &Item) {
        let known = catalogue();
        if known.knows(text) {
            return;
        }
        let advice = match known.find_service(service) {
            None => did_you_mean(
                &service.to_ascii_lowercase(),
                known.services().iter().map(|s| s.prefix),
            ),
            Some(id) => {
                let names: Vec<String> =
                    known.actions_of(id).filter_map(|a| known.full_name(a)).collect();
                did_you_mean(text, names.iter().map(String::as_str))
            }
        };
        let fallback = || format!("the list is of {}: a newer action may be right", known.date());
        self.warn(
            format!("no known action matches `{text}`"),
            item,
            &advice.unwrap_or_else(fallback),
        );
    }

    /// As for actions: a misspelt global key is never in a request.
    fn known_key(&mut self, condition: &Condition) {
        let known = catalogue();
        let global = condition.key.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("aws:"));
        if !global || known.find_global_key(&condition.key).is_some() {
            return;
        }
        let typed = condition.key.split('/').next().unwrap_or_default();
        let stems = known.global_keys().iter().filter_map(|k| k.key.split('/').next());
        let fallback = || format!("the list is of {}: a newer key may be right", known.date());
        self.diagnostics.push(
            Diagnostic::warning(format!("unknown global condition key `{}`", condition.key))
                .at_opt(condition.loc.clone())
                .help(did_you_mean(typed, stems).unwrap_or_else(fallback)),
        );
    }

    fn resource(&mut self, item: &Item) {
        let Some(text) = item.text.known() else { return };
        if text == "*" {
            return;
        }
        let mut parts = text.splitn(6, ':');
        let (arn, partition, service) = (parts.next(), parts.next(), parts.next());
        let shown = format!("malformed resource `{text}`");
        // "arn:aws:s3*" and the like: a final `*` may run over the colons.
        let short = text.split(':').count() < 6;
        if arn != Some("arn") || partition.is_none_or(str::is_empty) {
            self.explain(shown, item, "write an ARN or `*`");
        } else if short && !(self.is_completed() || text.ends_with('*')) {
            self.explain(shown, item, "an ARN has six parts separated by colons");
        } else if short {
            self.warn(
                format!("resource `{text}` has fewer than six parts"),
                item,
                "write the ARN out: IAM puts a `*` for each part that is missing",
            );
        } else if service.is_some_and(|s| s.contains(['*', '?'])) && self.identity_side() {
            self.explain(shown, item, "the service of a resource cannot hold wildcards");
        } else if service.is_none_or(str::is_empty) {
            self.explain(shown, item, "the service, the third part of the ARN, is missing");
        }
    }

    /// Whether AWS completes ARNs with fewer than six parts (IAM User Guide, "IAM identifiers"): not in session
    /// policies, nor in policies of resources.
    fn is_completed(&self) -> bool {
        matches!(self.role, Use::Identity | Use::Managed | Use::Boundary)
    }

    fn identity_side(&self) -> bool {
        matches!(self.role, Use::Identity | Use::Managed | Use::Boundary | Use::Session)
    }

    fn principals(&mut self, principals: &Principals) {
        for (kind, item) in principals.items() {
            self.characters(item);
            // What follows the id of an account that is made is known before it.
            let filled = item.text.with_account_ids("000000000000");
            if filled.is_none() && self.placeholder(item) {
                continue;
            }
            let text = filled.as_deref().or(item.text.known()).unwrap_or_default();
            let problem = match kind {
                PrincipalType::Aws => values::aws_principal_problem(text),
                PrincipalType::Service => values::service_principal_problem(text),
                PrincipalType::Federated => values::federated_principal_problem(text),
                PrincipalType::CanonicalUser => match self.role {
                    Use::Resource(service) if service == "s3" => {
                        let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
                        (!hex).then_some("a canonical user id is 64 hexadecimal digits")
                    }
                    _ => Some("canonical user ids are known to S3 alone"),
                },
            };
            if let Some(problem) = problem {
                self.explain(format!("malformed principal `{}`", item.text), item, problem);
            }
        }
    }

    fn conditions(&mut self, conditions: &[Condition]) {
        let mut seen = std::collections::BTreeSet::new();
        for condition in conditions {
            let key = condition.key.to_ascii_lowercase();
            if !seen.insert((condition.operator, key)) {
                self.diagnostics.push(
                    Diagnostic::error(format!(
                        "two conditions test `{}` by `{}`",
                        condition.key, condition.operator
                    ))
                    .at_opt(condition.loc.clone())
                    .help("a statement holds each pair of operator and key once: list the values in one"),
                );
            }
            if !condition.key.contains(':') && values::odd_placeholder(&condition.key).is_none() {
                self.diagnostics.push(
                    Diagnostic::error(format!("malformed condition key `{}`", condition.key))
                        .at_opt(condition.loc.clone())
                        .help("write `service:key`, as in `aws:SourceIp`"),
                );
            }
            self.known_key(condition);
            for item in &condition.values {
                self.characters(item);
                if self.placeholder(item) {
                    continue;
                }
                let text = item.text.known().unwrap_or_default();
                if let Some(wanted) = values::value_problem(condition.operator.test, text) {
                    self.explain(
                        format!("`{text}` is not a value for `{}`", condition.operator),
                        item,
                        wanted,
                    );
                }
                let arn =
                    matches!(condition.operator.test.canonical(), Test::ArnLike | Test::ArnNotLike);
                if arn && text.split(':').count() < 6 {
                    self.warn(
                        format!("`{text}` is not a whole ARN"),
                        item,
                        "`Arn` operators compare six parts; write them all, with `*` where any will do",
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(role: Use, statement: &str) -> Vec<String> {
        let text = format!("{{\"Version\":\"2012-10-17\",\n\"Statement\":[{statement}]}}");
        let source = Source::new("p.json", text.as_str());
        match check(&source, 0..text.len(), &role, &Limits::default()) {
            Ok((_, found)) | Err(found) => found.iter().map(|d| d.summary.clone()).collect(),
        }
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        for (role, statement, summary) in [
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"GetObject","Resource":"*"}"#,
                "malformed action `GetObject`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s*:Get","Resource":"*"}"#,
                "malformed action `s*:Get`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:","Resource":"*"}"#,
                "malformed action `s3:`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}"#,
                "malformed resource `bucket`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:*:::b"}"#,
                "malformed resource `arn:aws:*:::b`",
            ),
            (
                Use::Identity,
                r#"{"Sid":"a-b","Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
                "malformed sid `a-b`",
            ),
            (
                Use::Identity,
                "{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::\u{4e16}\"}",
                "a policy cannot hold the character `\u{4e16}`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}}"#,
                "`10.0.0.0/33` is not a value for `IpAddress`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":"1h"}}}"#,
                "`1h` is not a value for `NumericLessThan`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}}"#,
                "`tomorrow` is not a value for `DateLessThan`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"yes"}}}"#,
                "`yes` is not a value for `Bool`",
            ),
            (
                Use::Identity,
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"a:B":"x","a:b":"y"}}}"#,
                "two conditions test `a:b` by `StringEquals`",
            ),
            (
                Use::Trust,
                r#"{"Effect":"Allow","Action":"s3:*","Principal":"*"}"#,
                "a trust policy cannot have the action `s3:*`",
            ),
            (
                Use::Trust,
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"1234"}}"#,
                "malformed principal `1234`",
            ),
            (
                Use::Trust,
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/a*"}}"#,
                "malformed principal `arn:aws:iam::111122223333:role/a*`",
            ),
            (
                Use::Trust,
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:group/g"}}"#,
                "malformed principal `arn:aws:iam::111122223333:group/g`",
            ),
            (
                Use::Trust,
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda"}}"#,
                "malformed principal `lambda`",
            ),
            (
                Use::Trust,
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"CanonicalUser":"x"}}"#,
                "malformed principal `x`",
            ),
            (
                Use::Rcp,
                r#"{"Effect":"Deny","Action":"*","Principal":"*","Resource":"*"}"#,
                "a resource control policy cannot deny the action `*`",
            ),
        ] {
            assert_eq!(findings(role, statement), [summary], "{statement}");
        }
    }

    #[test]
    fn placeholders_of_authors_are_warnings() {
        for value in ["<my-corporate-cidr>", "${Cidr}"] {
            let statement = format!(
                r#"{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"NotIpAddress":{{"aws:SourceIp":"{value}"}}}}}}"#
            );
            assert_eq!(
                findings(Use::Scp, &statement),
                [format!("`{value}` is no IAM policy variable")]
            );
        }
        let fine = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/${aws:PrincipalTag/team, 'none'}/${*}"}"#;
        assert_eq!(findings(Use::Identity, fine), [""; 0]);
    }

    #[test]
    fn slips_of_the_pen_are_warnings() {
        for (statement, summary) in [
            (
                r#"{"Effect":"Allow","Action":"s3:GetObjct","Resource":"*"}"#,
                "no known action matches `s3:GetObjct`",
            ),
            (
                r#"{"Effect":"Allow","Action":"s4:*","Resource":"*"}"#,
                "no known action matches `s4:*`",
            ),
            (
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgIDs":"o-x"}}}"#,
                "unknown global condition key `aws:PrincipalOrgIDs`",
            ),
        ] {
            assert_eq!(findings(Use::Identity, statement), [summary]);
        }
    }

    #[test]
    fn what_a_resource_control_policy_does_not_reach_is_a_warning() {
        for (action, warned) in [("iam:*", true), ("S3:*", false), ("sqs:SendMessage", false)] {
            let statement = format!(
                r#"{{"Effect":"Deny","Action":"{action}","Principal":"*","Resource":"*"}}"#
            );
            let expected = "resource control policies do not reach the service `iam`";
            let expected: &[&str] = if warned { &[expected] } else { &[] };
            assert_eq!(findings(Use::Rcp, &statement), expected, "{action}");
        }
    }

    #[test]
    fn sizes_are_counted_as_aws_counts() {
        let long = |len: usize| {
            let mut statement = Statement::new(Effect::Deny);
            statement.actions = vec!["s3:*".into()];
            statement.resources = vec!["*".into()];
            statement.conditions = vec![Condition::new(
                super::super::operator::Operator::new(Test::StringEquals),
                "aws:PrincipalTag/x",
                ["a".repeat(len)],
            )];
            Document::new([statement])
        };
        let frame = measured_size(&long(0), &Use::Scp);
        let at = |role: &Use, len: usize| validate(&long(len - frame), role, &Limits::default());
        assert!(at(&Use::Scp, 10_240).is_empty());
        assert!(at(&Use::Scp, 10_241).has_errors());
        assert!(at(&Use::Rcp, 5_121).has_errors());
        assert!(at(&Use::Managed, 6_144).is_empty());
        assert!(at(&Use::Managed, 6_145).has_errors());
        let spaces = Document { id: Some(" ".repeat(9000)), ..long(10) };
        assert!(validate(&spaces, &Use::Managed, &Limits::default()).is_empty());
    }
}
