//! Verification of what stands in an environment, once more. A verification that fails is revoked, and
//! what was promoted on its strength is named.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::error::EngineError;
use crate::engine::workspace::Workspace;
use crate::engine::{load, open};
use crate::promotion::audited::{VerificationDetails, outcomes};
use crate::promotion::gate::Evidence;
use crate::promotion::record::Revocation;
use crate::promotion::revoked_verification;
use crate::promotion::store;
use crate::promotion::{Digest, EnvironmentRecord, edge};
use crate::state::{AuditDetails, AuditEvent, LeaseHolder, StateError};

use super::{MoveSettings, caller, gates, lease};

/// What is asked of a verification.
#[derive(Clone, Debug)]
pub struct VerificationRequest {
    /// The environment.
    pub environment: String,
    /// The release, where several stand there.
    pub release: Option<String>,
    /// How it is done.
    pub settings: MoveSettings,
}

/// Whether one release passes verification where it stands.
#[derive(Clone, Debug, Serialize)]
pub struct VerificationOutcome {
    /// The environment.
    pub environment: String,
    /// The release's name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// Whether every gate is open.
    pub verified: bool,
    /// Whether it counted before and no longer does.
    pub revoked: bool,
    /// What the gates found.
    pub gates: Vec<Evidence>,
    /// Environments that it was promoted into on the strength of this one.
    pub built_on: Vec<String>,
}

/// Verifies what stands in an environment.
///
/// # Errors
/// A move is under way, no release stands there, or something cannot be read.
pub async fn run(
    workspace: &Workspace,
    request: &VerificationRequest,
) -> Result<Vec<VerificationOutcome>, EngineError> {
    let VerificationRequest { environment, release, settings } = request;
    let release = release.as_deref();
    let offline = load::offline(workspace, &settings.variables).await?;
    let estate = offline.estate(workspace)?;
    if !estate.environments.contains_key(environment) {
        let help = did_you_mean(environment, estate.environments.keys().map(String::as_str));
        return Err(Diagnostic::error(format!("there is no environment `{environment}`"))
            .help_opt(help)
            .into());
    }
    let declared = edge::verify(&estate, environment)?;
    let holder = offline.store.holder(workspace, &format!("verify {environment}")).await;
    let ledger = &offline.store.ledger;
    let provider = open::provider(&offline.store.connection, &estate.provider).await;
    let author = caller(provider.as_ref()).await?;
    let work = async {
        let mut versioned = store::read(ledger, environment).await?;
        if let Some(run) = &versioned.record.run {
            return Err(EngineError::RuleBroken(
                Diagnostic::error(format!("a move into `{environment}` was interrupted"))
                    .detail(format!(
                        "Release {} {} is on its way.",
                        run.release,
                        run.digest.short()
                    ))
                    .help("take it to its end first: `palisade promote`, or `palisade rollback`")
                    .into(),
            ));
        }
        let there: Vec<(String, Digest)> = versioned
            .record
            .releases
            .iter()
            .filter(|(name, _)| release.is_none_or(|r| r == name.as_str()))
            .filter_map(|(name, s)| Some((name.clone(), s.current.as_ref()?.digest.clone())))
            .collect();
        if there.is_empty() {
            return Err(Diagnostic::error(format!("no release stands in `{environment}`"))
                .help("`palisade releases` shows the current releases")
                .into());
        }
        let (mut all, mut unasked) = (Vec::new(), None);
        for (name, digest) in there {
            let stored = store::get_release(ledger, &name, &digest).await?.release;
            let opened = offline.opened();
            let found = gates::watch(
                workspace,
                settings,
                &opened,
                environment,
                &stored,
                &author,
                &declared,
            );
            let found = found.await?;
            if let Err(error) = gates::require_asked(&found, &name, environment) {
                unasked = unasked.or(Some(error));
                continue;
            }
            let at = workspace.now();
            let verified = gates::all_open(&found);
            let before = versioned.record.verified(&name).is_some();
            if verified {
                versioned.record.confirm(&name, at, found.clone());
            } else {
                let by = author.arn.clone();
                versioned.record.revoke(&name, Revocation { at, by, evidence: found.clone() });
            }
            if verified != before {
                let event = event(environment, &name, &digest, verified, &found, &holder, at)?;
                ledger.audit(None, event).await?;
            }
            let mut records: BTreeMap<String, EnvironmentRecord> =
                offline.records.iter().map(|(n, h)| (n.clone(), h.record.clone())).collect();
            records.insert(environment.to_owned(), versioned.record.clone());
            all.push(VerificationOutcome {
                environment: environment.clone(),
                built_on: revoked_verification::built_on(&records, environment, &name),
                revoked: before && !verified,
                release: name,
                digest,
                verified,
                gates: found,
            });
        }
        if !all.is_empty() {
            store::write(ledger, &mut versioned).await?;
        }
        unasked.map_or(Ok(all), Err)
    };
    lease::under(workspace, ledger, environment, &holder, settings.lock_timeout, work).await
}

fn event(
    environment: &str,
    release: &str,
    digest: &Digest,
    verified: bool,
    evidence_seen: &[Evidence],
    holder: &LeaseHolder,
    at: jiff::Timestamp,
) -> Result<AuditEvent, StateError> {
    Ok(AuditEvent {
        at,
        who: holder.who.clone(),
        run: holder.run.clone(),
        action: if verified { "verified" } else { "verification_revoked" }.to_owned(),
        plan: None,
        reason: None,
        scopes: Vec::new(),
        details: AuditDetails::of(&VerificationDetails {
            environment,
            release,
            digest,
            verification: outcomes(evidence_seen),
        })?,
    })
}
