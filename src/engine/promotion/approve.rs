//! `approve`: the word of one person for one plan and one release, kept in the backend.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::json;

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::diag::Diagnostic;
use crate::engine::{edit, pipeline};
use crate::promotion::gate::approval::{self, Subject, Word};
use crate::render;
use crate::state::Event;

use super::prospect::{Outlook, Survey};
use super::{Settings, caller, print, promote};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Approving {
    /// The edge.
    pub edge: String,
    /// `--release`.
    pub release: Option<String>,
    /// Take it back.
    pub revoke: bool,
    /// For people.
    pub comment: Option<String>,
    /// How it is done.
    pub settings: Settings,
}

/// Records an approval of what `promote` would do now, or takes it back.
///
/// # Errors
/// Nothing would move, nobody is signed in, or the backend cannot be written.
pub async fn run(cx: &Context, asked: &Approving) -> Result<(), Exit> {
    let settings = &asked.settings;
    let survey = Survey::of(cx, settings, &asked.edge).await?;
    let prospect = match survey.outlook(cx, settings, asked.release.as_deref(), false).await? {
        Outlook::Moves(prospect) => prospect,
        Outlook::Settled(why) => {
            return Err(Diagnostic::error("there is nothing to approve").detail(why).into());
        }
    };
    pipeline::warn(cx, &prospect.world, &prospect.plan);
    let store = &survey.offline.store;
    let by = caller(prospect.world.provider.as_ref()).await?;
    let release = &prospect.release;
    let title = format!("release {} {}", release.name, release.digest.short());
    if !asked.revoke {
        if !settings.json {
            let report = promote::report(&survey, &prospect, &[], None, true);
            let mut out = cx.stdout();
            render::promotion::head(&report, cx.style(), &mut out)?;
            render::text::plan(&report.plan, false, cx.style(), &mut out)?;
            out.flush()?;
        }
        if !survey.edge.gates.iter().any(|gate| gate.ty == "approval") {
            cx.tell(&[Diagnostic::warning(format!(
                "no gate of `{}` asks for approvals",
                asked.edge
            ))
            .at(survey.edge.loc.clone())]);
        }
        // A terminal is asked; a pipeline that says `approve` has said it.
        if !settings.auto_approve && cx.env.ask {
            cx.say(&format!("You are {}.", by.arn));
            cx.confirm(&format!("Approve {title} for {} by this plan?", survey.edge.to)).await?;
        }
    }
    let word = if asked.revoke { Word::Revoke } else { Word::Approve };
    store.ledger.begin(&by.arn).await?;
    let subject = Subject {
        edge: &asked.edge,
        release: &release.name,
        digest: release.digest.as_str(),
        plan: &prospect.plan.digest,
    };
    let kept = approval::write(&store.ledger, &subject, word, &by, asked.comment.clone()).await?;
    let holder = edit::holder(store, &format!("approve {}", asked.edge)).await;
    let event = Event {
        at: kept.at,
        who: by.arn.clone(),
        run: holder.run,
        action: if asked.revoke { "approval_revoked" } else { "approved" }.to_owned(),
        plan: Some(kept.plan.clone()),
        reason: asked.comment.clone(),
        scopes: Vec::new(),
        details: BTreeMap::from([
            ("edge".to_owned(), json!(asked.edge)),
            ("release".to_owned(), json!(release.name)),
            ("digest".to_owned(), json!(release.digest)),
            ("user_id".to_owned(), json!(by.user_id)),
        ]),
    };
    store.ledger.audit(None, event).await?;
    if settings.json {
        return print(cx, &kept);
    }
    let (said, edge) = (if asked.revoke { "Taken back" } else { "Approved" }, &asked.edge);
    cx.say(&format!("{said}: {title} on {edge}\n  by   {}\n  plan {}", by.arn, kept.plan));
    Ok(())
}
