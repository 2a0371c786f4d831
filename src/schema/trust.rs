//! The trust policy of a role: a whole document, or `trust` blocks with principals, services and OIDC providers.

use super::body::{Body, NestedBody};
use super::oidc;
use super::policy::{Builder, exclude_each_other, member, node, principal, text_node, whole};
use super::policy_blocks::TRUST_PARTS;
use super::pure_half::KindContext;
use super::read::{Reader, reference, scalar};
use crate::diag::{Diagnostic, Loc};
use crate::iam::Use;
use crate::iam::github;
use crate::iam::node::{JsonNode, NodeKind};
use crate::iam::text::Text;
use crate::value::{StringPart, Value};

/// The trust policy of a role: `assume_role_policy`, or its `trust` blocks.
pub(super) fn assume_role_policy(reader: &mut Reader<'_>, context: &KindContext) -> Option<Value> {
    const ATTR: &str = "assume_role_policy";
    let body = reader.body;
    let given = body.get(ATTR).filter(|v| !v.value.is_null());
    let blocks: Vec<&NestedBody> = body.nested("trust").collect();
    match (given, blocks.as_slice()) {
        (Some(given), [first, ..]) => {
            reader.diagnostics.push(exclude_each_other(ATTR, &given.loc, "trust", first));
            None
        }
        (Some(given), []) => {
            Builder::new(reader, context).given(&given.value, &Use::Trust, &given.loc, ATTR)
        }
        (None, []) => {
            reader.diagnostics.push(
                Diagnostic::error("the role trusts nobody")
                    .at(body.loc.clone())
                    .help(format!("add a `trust` block, or `{ATTR}`")),
            );
            None
        }
        (None, blocks) => {
            let mut builder = Builder::new(reader, context);
            let nodes: Vec<JsonNode> =
                blocks.iter().flat_map(|block| builder.trust(block)).collect();
            // What made no statement has been told already.
            match nodes.is_empty() {
                true => None,
                false => builder.finish(&whole(nodes, &body.loc), &Use::Trust, &body.loc),
            }
        }
    }
}

/// Where the parts of a `trust` block stand that make a statement each, in the order of [`Builder::trust`].
fn parts(body: &Body) -> Vec<&Loc> {
    let of = |name| {
        let argument = body.get(name).filter(|given| !given.value.is_null());
        argument.map(|given| &given.loc).into_iter().chain(body.nested(name).map(|b| &b.body.loc))
    };
    TRUST_PARTS.into_iter().flat_map(of).collect()
}

/// Where each statement stands that the `trust` blocks of a role make, in the order of the statements: its block,
/// and the part that it comes from where a block makes several.
pub(super) fn places(body: &Body) -> Vec<&Loc> {
    let blocks = body.nested("trust").map(|block| &block.body);
    let places = blocks.flat_map(|block| match parts(block) {
        several if several.len() > 1 => several,
        // The only one, or what is left of it once the block was evaluated.
        _ => vec![&block.loc],
    });
    places.collect()
}

impl Builder<'_, '_> {
    /// The statements of a `trust` block.
    fn trust(&mut self, block: &NestedBody) -> Vec<JsonNode> {
        let body = &block.body;
        let mut statements = Vec::new();
        let mut push = |builder: &mut Self, kind: &str, who: JsonNode, action: &str, extra| {
            let loc = who.loc.clone().unwrap_or_else(|| body.loc.clone());
            let tag_session = body.get("tag_session").and_then(|v| v.value.as_bool());
            let mut actions = vec![text_node(action, &body.loc)];
            if tag_session == Some(true) {
                actions.push(text_node("sts:TagSession", &body.loc));
            }
            let mut members = vec![
                member("Effect", text_node("Allow", &body.loc), &body.loc),
                member(
                    "Principal",
                    node(NodeKind::Object(vec![member(kind, who, &loc)]), &loc),
                    &loc,
                ),
                member("Action", node(NodeKind::Array(actions), &body.loc), &body.loc),
            ];
            if let Some(conditions) = builder.conditions(body, extra) {
                members.push(member("Condition", conditions, &body.loc));
            }
            statements.push(node(NodeKind::Object(members), &body.loc));
        };
        for attr in ["aws", "services"] {
            self.refuses_sensitive(body, attr);
        }
        if let Some((who, _)) = self.list(body, "aws", principal) {
            let extra = match self.string(body, "external_id") {
                Some((id, loc)) => {
                    vec![("StringEquals", Text::from("sts:ExternalId"), text_node(id, &loc))]
                }
                None => Vec::new(),
            };
            push(self, "AWS", who, "sts:AssumeRole", extra);
        } else if let Some(id) = body.get("external_id").filter(|id| !id.value.is_null()) {
            self.error(&id.loc, "`external_id` needs principals in `aws`".to_owned());
        }
        if let Some((who, _)) = self.list(body, "services", |v, _| scalar(v)) {
            push(self, "Service", who, "sts:AssumeRole", Vec::new());
        }
        for oidc in body.nested("oidc") {
            let mut shown = ["provider", "repository", "subjects"].into_iter();
            // Findings would tell parts of it.
            if shown.any(|attr| self.refuses_sensitive(&oidc.body, attr)) {
                continue;
            }
            let Some((who, url)) = self.oidc_provider(&oidc.body) else { continue };
            let mut extra = Vec::new();
            let audiences = self.list(&oidc.body, "audiences", |v, _| scalar(v));
            let audiences = audiences.map_or_else(
                || text_node("sts.amazonaws.com", &oidc.body.loc),
                |(audiences, _)| audiences,
            );
            extra.push(("StringEquals", Text::from(format!("{url}:aud")), audiences));
            if let Some((subjects, loc)) = self.subjects(&oidc.body, &url) {
                for _ in texts(&subjects).filter(|text| text.known() == Some("*")) {
                    let summary = "the subject `*` trusts every token of the provider";
                    self.error(&loc, summary.to_owned());
                }
                extra.push((comparing(&subjects), Text::from(format!("{url}:sub")), subjects));
            }
            for claim in ["repository_id", "repository_owner_id"] {
                if let Some((id, loc)) = self.string(&oidc.body, claim) {
                    let id = text_node(id, &loc);
                    extra.push(("StringEquals", Text::from(format!("{url}:{claim}")), id));
                }
            }
            for (claim, values) in self.claims(&oidc.body) {
                extra.push((comparing(&values), Text::from(format!("{url}:{claim}")), values));
            }
            push(self, "Federated", who, "sts:AssumeRoleWithWebIdentity", extra);
        }
        if parts(body).is_empty() {
            let nobody = Diagnostic::error("the trust block names nobody").at(body.loc.clone());
            let help = "write an argument such as `services` or `aws`, or a nested block";
            self.report(nobody.help(help));
        }
        statements
    }

    /// The subjects that an `oidc` block lists, or those of its repository.
    fn subjects(&mut self, body: &Body, url: &str) -> Option<(JsonNode, Loc)> {
        let listed = self.list(body, "subjects", |v, _| scalar(v));
        let Some((repository, loc)) = self.string(body, "repository") else {
            for name in ["contexts", "subject_form"] {
                if let Some(alone) = body.get(name).filter(|a| !a.value.is_null()) {
                    self.error(&alone.loc, format!("`{name}` needs `repository`"));
                }
            }
            if listed.is_none() {
                self.error(
                    &body.loc,
                    "the `oidc` block has neither `subjects` nor `repository`".to_owned(),
                );
            }
            return listed;
        };
        if listed.is_some() {
            self.error(&loc, "`repository` and `subjects` exclude each other".to_owned());
            return None;
        }
        if !github::is_github(url) {
            self.error(
                &loc,
                format!("`repository` is for tokens of GitHub, and the issuer is `{url}`"),
            );
            return None;
        }
        let known =
            |text: Option<(Text, Loc)>| text.and_then(|(t, _)| t.known().map(str::to_owned));
        let name = repository.known().and_then(|r| r.split_once('/'));
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        let Some((owner, name)) = name.filter(|(owner, name)| plain(owner) && plain(name)) else {
            self.error(
                &loc,
                "`repository` must be `owner/name`, known when the plan is made".to_owned(),
            );
            return None;
        };
        let (id, owner_id) = (
            known(self.string(body, "repository_id")),
            known(self.string(body, "repository_owner_id")),
        );
        let ids = owner_id.as_deref().zip(id.as_deref());
        let forms: &[oidc::Form] = match (known(self.string(body, "subject_form")).as_deref(), ids)
        {
            (None, None) | (Some("names"), _) => &[oidc::Form::Names],
            (None | Some("both"), Some(_)) => &[oidc::Form::Immutable, oidc::Form::Names],
            (Some("immutable"), Some(_)) => &[oidc::Form::Immutable],
            (Some("immutable" | "both"), None) => {
                self.error(
                    &loc,
                    "the immutable subject needs `repository_id` and `repository_owner_id`"
                        .to_owned(),
                );
                return None;
            }
            (Some(other), _) => {
                self.error(
                    &loc,
                    format!(
                        "unknown `subject_form` `{other}`: write `immutable`, `names` or `both`"
                    ),
                );
                return None;
            }
        };
        let contexts =
            match self.list(body, "contexts", |v, _| scalar(v)).map(|(node, _)| node.kind) {
                None => vec!["*".to_owned()],
                Some(NodeKind::Array(items)) => items
                    .iter()
                    .filter_map(|item| match &item.kind {
                        NodeKind::String(text) => text.known().map(str::to_owned),
                        _ => None,
                    })
                    .collect(),
                Some(_) => Vec::new(),
            };
        let all = oidc::subjects((owner, name), ids, forms, &contexts);
        if all.is_empty() {
            self.error(
                &loc,
                "`contexts` must be known when the plan is made, and not empty".to_owned(),
            );
            return None;
        }
        let items = all.into_iter().map(|subject| text_node(subject, &loc)).collect();
        Some((node(NodeKind::Array(items), &loc), loc))
    }

    /// `claims` of an `oidc` block.
    fn claims(&mut self, body: &Body) -> Vec<(String, JsonNode)> {
        let Some(given) = body.get("claims") else { return Vec::new() };
        self.hidden |= given.value.has_sensitive();
        let mut all = Vec::new();
        for (claim, values) in given.value.reveal().as_map().into_iter().flatten() {
            let values: Vec<&Value> = match values.reveal() {
                Value::List(_) | Value::Set(_) => values.elements().unwrap_or_default(),
                _ => vec![values],
            };
            let texts = values.into_iter().filter_map(|value| self.names.text(value));
            let items = texts.map(|text| text_node(text, &given.loc)).collect();
            all.push((claim.to_string(), node(NodeKind::Array(items), &given.loc)));
        }
        all
    }

    /// The provider's ARN, and the issuer's URL without its scheme.
    fn oidc_provider(&mut self, body: &Body) -> Option<(JsonNode, String)> {
        let given = body.get("provider")?;
        let loc = given.loc.clone();
        let arn = reference(&given.value, "arn")?;
        let url = match given.value.reveal() {
            Value::Block(block) => {
                block.attrs.get("url").and_then(Value::as_str).map(str::to_owned)
            }
            _ => url_of(&arn),
        };
        let Some(url) = url else {
            let summary = "the provider must be an `iam_oidc_provider` or the ARN of one";
            self.error(&loc, summary.to_owned());
            return None;
        };
        // AWS compares `iss` letter by letter: a slash at the end is part of the issuer.
        let url = url.trim_start_matches("https://").to_owned();
        let text = self.names.text(&arn)?;
        Some((text_node(text, &loc), url))
    }
}

/// The texts of a list.
fn texts(list: &JsonNode) -> impl Iterator<Item = &Text> {
    let items = match &list.kind {
        NodeKind::Array(items) => items.as_slice(),
        _ => &[],
    };
    items.iter().filter_map(|item| match &item.kind {
        NodeKind::String(text) => Some(text),
        _ => None,
    })
}

/// The operator that compares a claim with a list: with wildcards where one of its texts has any.
fn comparing(list: &JsonNode) -> &'static str {
    let wide = texts(list).any(|text| text.symbolic().contains(['*', '?']));
    if wide { "StringLike" } else { "StringEquals" }
}

/// What follows `oidc-provider/` in the known end of an ARN.
fn url_of(arn: &Value) -> Option<String> {
    let tail = match arn.reveal() {
        Value::String(text) => text.as_str(),
        Value::Unknown(unknown) => match unknown.parts.last()? {
            StringPart::Text(text) => text.as_str(),
            StringPart::Ref(_) => return None,
        },
        _ => return None,
    };
    Some(tail.split_once(":oidc-provider/")?.1.to_owned())
}
