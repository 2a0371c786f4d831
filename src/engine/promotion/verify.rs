//! `verify`: looks again whether what stands in an environment passes verification. A verification
//! that fails is revoked, and what was promoted on its strength is named.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::{Diagnostic, did_you_mean};
use crate::engine::{edit, offline};
use crate::promotion::doubt;
use crate::promotion::gate::Evidence;
use crate::promotion::record::Revocation;
use crate::promotion::store;
use crate::promotion::{Digest, EnvironmentRecord, edge};
use crate::render::promotion as view;
use crate::state::{Event, Holder};

use super::{Settings, caller, drive, lease, look, print};

/// What a look found of one release.
#[derive(Debug, Serialize)]
struct Found {
    environment: String,
    release: String,
    digest: Digest,
    verified: bool,
    /// Whether it counted before and does not any more.
    revoked: bool,
    gates: Vec<Evidence>,
    /// Environments that it was promoted into on the strength of this one.
    built_on: Vec<String>,
}

/// Verifies what stands in an environment.
///
/// # Errors
/// It does not pass ([`Exit::RuleBroken`]), or a move is under way.
pub async fn run(
    cx: &Context,
    environment: &str,
    release: Option<&str>,
    settings: &Settings,
) -> Result<(), Exit> {
    let offline = offline::read(cx, &settings.vars).await?;
    let estate = offline.estate()?;
    if !estate.environments.contains_key(environment) {
        let help = did_you_mean(environment, estate.environments.keys().map(String::as_str));
        return Err(Diagnostic::error(format!("there is no environment `{environment}`"))
            .help_opt(help)
            .into());
    }
    let declared = edge::verify(&estate, environment)?;
    let holder = edit::holder(&offline.store, &format!("verify {environment}")).await;
    let ledger = &offline.store.ledger;
    let provider = crate::engine::provider(&offline.store.connection, &estate.provider).await;
    let author = caller(provider.as_ref()).await?;
    let work = async {
        let mut held = store::read(ledger, environment).await?;
        if let Some(run) = &held.record.run {
            return Err(Exit::RuleBroken(
                Diagnostic::error(format!("a move into `{environment}` was cut off"))
                    .detail(format!(
                        "Release {} {} is on its way.",
                        run.release,
                        run.digest.short()
                    ))
                    .help("take it to its end first: `palisade promote`, or `palisade rollback`")
                    .into(),
            ));
        }
        let standing: Vec<(String, Digest)> = held
            .record
            .releases
            .iter()
            .filter(|(name, _)| release.is_none_or(|r| r == name.as_str()))
            .filter_map(|(name, s)| Some((name.clone(), s.current.as_ref()?.digest.clone())))
            .collect();
        if standing.is_empty() {
            return Err(Diagnostic::error(format!("no release stands in `{environment}`"))
                .help("`palisade releases` shows what stands where")
                .into());
        }
        let mut all = Vec::new();
        for (name, digest) in standing {
            let stored = store::get_release(ledger, &name, &digest).await?.release;
            let found = look::watch(cx, settings, environment, &stored, &author, &declared).await?;
            let at = cx.clock.now();
            let verified = look::all_open(&found);
            let before = held.record.verified(&name).is_some();
            if verified {
                held.record.confirm(&name, at, found.clone());
            } else {
                let by = author.arn.clone();
                held.record.revoke(&name, Revocation { at, by, evidence: found.clone() });
            }
            if verified != before {
                let event = event(environment, &name, &digest, verified, &found, &holder, at);
                ledger.audit(None, event).await?;
            }
            let mut records: BTreeMap<String, EnvironmentRecord> =
                offline.records.iter().map(|(n, h)| (n.clone(), h.record.clone())).collect();
            records.insert(environment.to_owned(), held.record.clone());
            all.push(Found {
                environment: environment.to_owned(),
                built_on: doubt::built_on(&records, environment, &name),
                revoked: before && !verified,
                release: name,
                digest,
                verified,
                gates: found,
            });
        }
        store::write(ledger, &mut held).await?;
        Ok(all)
    };
    let all = lease::under(cx, ledger, environment, &holder, settings.lock_timeout, work).await?;
    tell(cx, &all, settings.json)
}

fn event(
    environment: &str,
    release: &str,
    digest: &Digest,
    verified: bool,
    found: &[Evidence],
    holder: &Holder,
    at: jiff::Timestamp,
) -> Event {
    Event {
        at,
        who: holder.who.clone(),
        run: holder.run.clone(),
        action: if verified { "verified" } else { "verification_revoked" }.to_owned(),
        plan: None,
        reason: None,
        scopes: Vec::new(),
        details: BTreeMap::from([
            ("environment".to_owned(), json!(environment)),
            ("release".to_owned(), json!(release)),
            ("digest".to_owned(), json!(digest)),
            ("verification".to_owned(), json!(drive::outcomes(found))),
        ]),
    }
}

fn tell(cx: &Context, all: &[Found], json: bool) -> Result<(), Exit> {
    use std::io::Write as _;
    if json {
        print(cx, &all)?;
    }
    let mut failed = crate::diag::Diagnostics::new();
    for found in all {
        let what = format!("release {} {}", found.release, found.digest.short());
        if !json {
            let mut out = cx.stdout();
            let word = if found.verified { "verified" } else { "not verified" };
            writeln!(out, "{}: {what} is {word}", found.environment)?;
            view::gates(&found.gates, cx.style(), &mut out)?;
            out.flush()?;
        }
        if found.verified {
            continue;
        }
        let mut told = Diagnostic::error(format!(
            "{what} does not pass verification in `{}`",
            found.environment
        ));
        if !found.built_on.is_empty() {
            told = told.detail(format!(
                "On its strength it was promoted into {}.",
                found.built_on.join(", ")
            ));
        }
        failed.push(told.help(format!(
            "it cannot be promoted from here until `palisade verify {}` passes",
            found.environment
        )));
    }
    if failed.is_empty() { Ok(()) } else { Err(Exit::RuleBroken(failed)) }
}
