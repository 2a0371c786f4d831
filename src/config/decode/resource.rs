//! Blocks of AWS resource types: `resource "AWS::Logs::LogGroup" "app"`. Each type is a kind of its own.

use std::collections::BTreeMap;

use hcl::edit::expr::Expression;
use hcl::edit::structure::Body;

use super::super::expr::Expr;
use super::super::raw::RawAttr;
use super::{DecodeTarget, Decoder, Parts};
use crate::address::RESOURCE;
use crate::diag::{Diagnostic, did_you_mean};
use crate::resource_types::{self, Handler};
use crate::schema::resource::{REGION, REGIONS};
use crate::schema::{Spanned, kind, kinds};

/// Types whose objects cannot be read, and which type to use instead (their properties are the same but for the list of
/// what a policy is attached to).
const INSTEAD: [(&str, &str); 3] = [
    ("AWS::SQS::QueuePolicy", "AWS::SQS::QueueInlinePolicy"),
    ("AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy"),
    ("AWS::IAM::Policy", "AWS::IAM::RolePolicy"),
];

impl Decoder<'_> {
    /// A block of an AWS resource type, which its first label names.
    pub(super) fn resource(
        &mut self,
        ty: &Spanned<String>,
        parts: Parts,
        to: &mut DecodeTarget<'_>,
    ) {
        let Some(mut labels) = self.labels(&parts, &["type", "name"]) else { return };
        if !self.is_name(&labels, RESOURCE) {
            return;
        }
        match (why_not(&ty.value), kind(&ty.value)) {
            (None, Some(kind)) => {
                labels.remove(0);
                let mut parts = Parts { labels, ..parts };
                self.regions(&mut parts.attrs);
                self.managed(kind.schema(), parts, to);
            }
            (why, _) => {
                let (summary, help) =
                    why.unwrap_or_else(|| (format!("`{}` cannot be managed", ty.value), None));
                self.error(Diagnostic::error(summary).at(ty.loc.clone()).help_opt(help));
            }
        }
    }
}

impl Decoder<'_> {
    /// `regions = [...]` is one object for each Region, by its name: `for_each` over them with `region = each.key`.
    fn regions(&mut self, attrs: &mut BTreeMap<String, RawAttr>) {
        let Some(regions) = attrs.remove(REGIONS) else { return };
        for other in [REGION, "for_each", "count"] {
            let Some(given) = attrs.get(other) else { continue };
            let help = match other {
                REGION => "keep `region` for one object, `regions` for one in each",
                _ => "write `region = each.value` under a `for_each` that says Regions too",
            };
            self.error(
                Diagnostic::error(format!("`{REGIONS}` and `{other}` exclude each other"))
                    .at(regions.name_loc.clone())
                    .related(given.name_loc.clone(), "the other one")
                    .help(help),
            );
            return;
        }
        // Parsed with the location of the Regions, so that errors point there.
        let start = regions.value.loc().span().start;
        let RawAttr { name_loc, value } = regions;
        let parsed = |before: &str, after: &str| -> Option<Expression> {
            let space = " ".repeat(start.saturating_sub(before.len()));
            let body: Body = format!("{space}{before}{after}").parse().ok()?;
            Some(body.get_attribute("k")?.value.clone())
        };
        let (set, key) = (parsed("k=toset(", "0)"), parsed("k=", "each.key"));
        let (Some(Expression::FuncCall(mut set)), Some(key)) = (set, key) else { return };
        if let Some(argument) = set.args.get_mut(0) {
            *argument = value.node().clone();
        }
        for (name, node) in [("for_each", Expression::FuncCall(set)), (REGION, key)] {
            let value = Expr::new(node, value.source());
            attrs.insert(name.to_owned(), RawAttr { name_loc: name_loc.clone(), value });
        }
    }
}

/// Why no block of a type can be written, and what to do.
fn why_not(ty: &str) -> Option<(String, Option<String>)> {
    let typed =
        kinds().iter().map(|kind| kind.schema()).find(|schema| schema.resource_types.contains(&ty));
    if let Some(typed) = typed {
        let help = format!("write `{} \"NAME\" {{ ... }}`", typed.kind);
        return Some((format!("`{ty}` has a kind of its own here"), Some(help)));
    }
    let Some(entry) = resource_types::find(ty) else {
        let names = resource_types::entries().iter().map(|entry| entry.name.as_str());
        let help = did_you_mean(ty, names).unwrap_or_else(|| {
            format!("types are those of AWS CloudFormation, as of {}", resource_types::date())
        });
        return Some((format!("there is no resource type `{ty}`"), Some(help)));
    };
    if entry.handlers.can_be_managed() {
        return None;
    }
    let instead =
        INSTEAD.iter().find(|(one, _)| *one == ty).map(|(_, other)| format!("use `{other}`"));
    let lacks = [(Handler::Create, "made"), (Handler::Read, "read"), (Handler::Delete, "deleted")];
    let lacks: Vec<&str> = lacks
        .iter()
        .filter(|(handler, _)| !entry.handlers.has(*handler))
        .map(|(_, what)| *what)
        .collect();
    let summary = format!("AWS Cloud Control does not let `{ty}` be {}", lacks.join(" or "));
    Some((
        summary,
        instead
            .or_else(|| Some("manage it with a tool that uses the service's own API".to_owned())),
    ))
}
