//! What a promotion would do: the release that moves, and the plan of its target with it. `promote`
//! and `approve` both make it, so that an approval binds to the very plan that is carried out.

use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::engine::offline::{self, Offline};
use crate::engine::pipeline::{self, Request, World};
use crate::eval::estate::Estate;
use crate::plan::model::Plan;
use crate::promotion::choice::{self, Choice, Choosing, Refusal};
use crate::promotion::edge::{self, Edge};
use crate::promotion::store;
use crate::promotion::{EnvironmentRecord, Release};

use super::{Settings, look};

/// What can be said of an edge without asking AWS.
pub struct Survey {
    /// Configuration, state and releases.
    pub offline: Offline,
    /// What the configuration means.
    pub estate: Estate,
    /// The edge.
    pub edge: Edge,
}

/// A release that is to move, and the plan that moves it.
pub struct Prospect {
    /// The release.
    pub choice: Choice,
    /// Its content.
    pub release: Release,
    /// How the plan was made.
    pub request: Request,
    /// What it was made of.
    pub world: World,
    /// The plan.
    pub plan: Plan,
}

/// What a promotion along an edge would do.
pub enum Outlook {
    /// A release moves.
    Moves(Box<Prospect>),
    /// The target has it already.
    Settled(String),
}

impl Survey {
    /// Reads the configuration and what is recorded.
    ///
    /// # Errors
    /// The configuration is wrong, there is no such edge, or the backend cannot be read.
    pub async fn of(cx: &Context, settings: &Settings, edge: &str) -> Result<Self, Exit> {
        let offline = offline::read(cx, &settings.vars).await?;
        let estate = offline.estate()?;
        let edges = edge::edges(&estate)?;
        let edge = edge::find(&edges, edge)?.clone();
        Ok(Self { offline, estate, edge })
    }

    /// What an environment remembers.
    #[must_use]
    pub fn record(&self, environment: &str) -> EnvironmentRecord {
        let held = self.offline.records.get(environment);
        held.map_or_else(|| EnvironmentRecord::new(environment), |held| held.record.clone())
    }

    /// Chooses the release and makes the plan.
    ///
    /// # Errors
    /// Nothing is verified where the edge begins ([`Exit::RuleBroken`]); what was asked for is
    /// unclear; the plan cannot be made.
    pub async fn outlook(
        &self,
        cx: &Context,
        settings: &Settings,
        wanted: Option<&str>,
        overriding: bool,
    ) -> Result<Outlook, Exit> {
        let ledger = &self.offline.store.ledger;
        let known = store::list_releases(ledger).await?;
        let (from, to) = (self.record(&self.edge.from), self.record(&self.edge.to));
        let choice = match choice::choose(&self.edge, wanted, &from, &to, &known, overriding) {
            Ok(Choosing::Moves(choice)) => choice,
            Ok(Choosing::Settled(why)) => return Ok(Outlook::Settled(why)),
            Err(Refusal::Unclear(why)) => return Err(why.into()),
            Err(Refusal::NotVerified(why)) => return Err(Exit::RuleBroken(why.into())),
        };
        let release = store::get_release(ledger, &choice.release, &choice.digest).await?.release;
        let request = look::request(settings, &self.edge.to, Some(&release));
        let world = pipeline::survey(cx, &request).await?;
        let plan = pipeline::plan(cx, &world, &request)?;
        Ok(Outlook::Moves(Box::new(Prospect { choice, release, request, world, plan })))
    }
}
