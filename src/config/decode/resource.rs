//! Blocks of AWS resource types: `resource "AWS::Logs::LogGroup" "app"`. Each type is a kind of its own.

use super::{DecodeTarget, Decoder, Parts};
use crate::address::RESOURCE;
use crate::diag::{Diagnostic, did_you_mean};
use crate::resource_types::{self, Handler};
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
                self.managed(kind.schema(), Parts { labels, ..parts }, to);
            }
            (why, _) => {
                let (summary, help) =
                    why.unwrap_or_else(|| (format!("`{}` cannot be managed", ty.value), None));
                self.error(Diagnostic::error(summary).at(ty.loc.clone()).help_opt(help));
            }
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
