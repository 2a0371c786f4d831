//! GetAccountAuthorizationDetails: everything of an account that IAM decides by, in pages.

use super::answers::{IamAnswer, page, tags_xml};
use super::document::{encode, render_trust};
use super::model::{Identity, IdentityKind, ManagedPolicy};
use super::{aws_managed, identities, inline, policies, profiles};
use crate::sandbox::params::Params;
use crate::sandbox::state::SandboxState;
use crate::sandbox::wire::Ctx;
use crate::sandbox::xml::Xml;

enum Entity<'w> {
    Identity(&'w Identity),
    Policy(Box<ManagedPolicy>, (usize, usize)),
}

pub(super) fn get(ctx: &mut Ctx<'_>, params: &Params) -> IamAnswer {
    let account = ctx.caller.account.clone();
    let filter = params.list("Filter").unwrap_or_default();
    let wanted = |kind: &str| filter.is_empty() || filter.contains(&kind);
    let state = &*ctx.state;
    let mut counts: std::collections::BTreeMap<&str, (usize, usize)> = Default::default();
    for (_, identity) in state.identities.scan(&format!("{account}/")) {
        for arn in &identity.attached {
            counts.entry(arn).or_default().0 += 1;
        }
        if let Some(arn) = &identity.boundary {
            counts.entry(arn).or_default().1 += 1;
        }
    }
    let uses = |arn: &str| counts.get(arn).copied().unwrap_or_default();
    let mut all: Vec<(String, Entity<'_>)> = Vec::new();
    for (order, kind) in
        [IdentityKind::User, IdentityKind::Group, IdentityKind::Role].into_iter().enumerate()
    {
        if wanted(kind.title()) {
            let rows = state.identities.scan(&format!("{account}/{}/", kind.lower()));
            all.extend(
                rows.map(|(key, identity)| (format!("{order}/{key}"), Entity::Identity(identity))),
            );
        }
    }
    if wanted("LocalManagedPolicy") {
        let rows = state.managed_policies.scan(&format!("{account}/"));
        all.extend(rows.map(|(key, p)| {
            (format!("3/{key}"), Entity::Policy(Box::new(p.clone()), uses(&p.arn)))
        }));
    }
    if wanted("AWSManagedPolicy") {
        // only those in use are returned
        for aws in aws_managed::ALL {
            let policy = policies::as_managed(aws);
            let used = uses(&policy.arn);
            if used != (0, 0) {
                all.push((format!("4/{}", policy.arn), Entity::Policy(Box::new(policy), used)));
            }
        }
    }
    let (found, tail) = page(params, all)?;
    let of = |kind: IdentityKind| {
        found.iter().filter_map(move |entity| match entity {
            Entity::Identity(identity) if identity.kind == kind => Some(detail(state, identity)),
            _ => None,
        })
    };
    let documents = found.iter().filter_map(|entity| match entity {
        Entity::Policy(policy, used) => {
            Some(policies::xml(policy, *used).opt("Description", policy.description.as_ref()).list(
                "PolicyVersionList",
                policy.versions.iter().rev().map(|v| policies::version_xml(policy, v, true)),
            ))
        }
        Entity::Identity(_) => None,
    });
    Ok(tail
        .list("UserDetailList", of(IdentityKind::User))
        .list("GroupDetailList", of(IdentityKind::Group))
        .list("RoleDetailList", of(IdentityKind::Role))
        .list("Policies", documents))
}

/// A detail has boundary and tags but neither a role's description nor its session length.
fn detail(state: &SandboxState, identity: &Identity) -> Xml {
    let kind = identity.kind;
    let mut xml = Xml::new()
        .text("Path", &identity.path)
        .text(kind.name_member(), &identity.name)
        .text(&format!("{}Id", kind.title()), &identity.id)
        .text("Arn", &identity.arn)
        .text("CreateDate", identity.created.iso());
    if let Some(trust) = &identity.trust {
        xml = xml.text("AssumeRolePolicyDocument", encode(&render_trust(state, trust)));
    }
    if kind == IdentityKind::Role {
        let profiles = state.instance_profiles.scan(&format!("{}/", identity.account));
        let own = profiles.filter(|(_, p)| {
            p.role.as_ref().is_some_and(|role| role.eq_ignore_ascii_case(&identity.name))
        });
        xml = xml.list(
            "InstanceProfileList",
            own.map(|(_, p)| profiles::xml(state, &identity.account, p)),
        );
        xml = xml.node("RoleLastUsed", Xml::new());
    }
    if kind == IdentityKind::User {
        xml = xml.texts("GroupList", identity.groups.iter().map(String::as_str));
    }
    let documents = identity.inline.iter().map(|(name, text)| {
        Xml::new().text("PolicyName", name).text("PolicyDocument", encode(text))
    });
    xml = xml
        .list(&format!("{}PolicyList", kind.title()), documents)
        .list("AttachedManagedPolicies", inline::attached_xml(identity));
    if kind == IdentityKind::Group {
        return xml;
    }
    identities::boundary_xml(xml, identity).list("Tags", tags_xml(&identity.tags))
}
