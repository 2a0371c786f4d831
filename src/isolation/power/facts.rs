//! The facts that a closure has come to, how each came about, and what is still to be looked at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::super::changes::{Actor, Changes};
use super::super::crossing::{PathStep, StepTarget};
use super::super::rights::Rights;
use super::{Power, PowerLink, Way};
use crate::iam::symbolic::Opening;

/// Everything that an origin has come to.
#[derive(Default)]
pub(super) struct Closure {
    /// Whom it can act as, and how.
    pub(super) reached: BTreeMap<Actor, Way>,
    /// What it can have changed, and how each came about.
    pub(super) changed: BTreeMap<Actor, Vec<(Changes, Way)>>,
    /// Steps of changed actors that are open only so, and how they came about.
    pub(super) crossed: BTreeMap<(Actor, StepTarget), Way>,
    /// Steps of identities whose tokens somebody issues, and how.
    pub(super) issued: BTreeMap<(Actor, PathStep), Way>,
    /// Policies, by ARN, whose text it decides, and how.
    pub(super) written: BTreeMap<String, Way>,
    /// Principals that it has made and can be, by ARN, and how: nobody has given them anything.
    pub(super) bare: BTreeMap<String, Way>,
    /// Those of whom it is asked what they may change about others, by the id of their account.
    movers: BTreeMap<String, BTreeSet<Actor>>,
    pub(super) queue: VecDeque<Task>,
    pub(super) queued: BTreeSet<Task>,
    /// What is so under conditions only: it waits for what is so without.
    pub(super) conditional: Vec<(Fact, Way)>,
    /// What may be so, for all that is known: it waits for what is.
    pub(super) doubtful: Vec<(Fact, Way)>,
}

/// What is to be looked at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// All that an actor may do.
    All(Actor),
    /// What others of its account may change about somebody who was reached just now.
    Change(Actor),
}

/// Something that comes true.
#[derive(Clone)]
pub(super) enum Fact {
    Reached(Actor),
    Changed(Actor, Changes),
    Crossed(Actor, StepTarget),
    Issued(Actor, PathStep),
    Written(String),
    Bare(String),
}

impl Way {
    pub(super) fn in_doubt(mut self, why: String) -> Self {
        self.why_undetermined.get_or_insert(why);
        self
    }

    /// Goes another way as well: what follows takes both.
    pub(super) fn join(&mut self, other: &Self) {
        match (self.power.take(), other.power.clone()) {
            (Some(own), Some(more)) if own.holder == more.holder => {
                let rights = own.rights.with(more.rights);
                self.power = Some(Power { holder: own.holder, rights });
            }
            (own, more) => self.power = own.or(more),
        }
        let more = other.links.iter().filter(|link| !self.links.contains(link)).cloned();
        let more: Vec<PowerLink> = more.collect();
        self.links.extend(more);
        self.conditional |= other.conditional;
        self.conditions.extend(other.conditions.iter().cloned());
        if let Some(why) = &other.why_undetermined {
            self.why_undetermined.get_or_insert_with(|| why.clone());
        }
    }

    /// The same way where one of some openings is taken: what the one that asks least asks is asked on it.
    pub(super) fn through(mut self, openings: &[Opening]) -> Self {
        if let Some(least) = openings.iter().min_by_key(|o| o.requirements.len()) {
            self.conditional |= !least.requirements.is_empty();
            self.conditions.extend(least.requirements.iter().map(|r| r.text.clone()));
        }
        self
    }

    /// The same way and one more use of power: what it makes possible is as sure as both.
    pub(super) fn by(
        &self,
        holder: &Actor,
        rights: &Rights,
        openings_free: bool,
        link: Option<PowerLink>,
    ) -> Self {
        let mut way = self.clone();
        way.conditional |= !openings_free;
        let name = match holder {
            Actor::Known(arn) => arn.clone(),
            Actor::Made { account, .. } => account.to_string(),
            Actor::Admitted => String::new(),
        };
        way.power = Some(match way.power.take() {
            None => Power { holder: name, rights: rights.clone() },
            // What one holder does at once is one power; what follows from it follows.
            Some(first) if first.holder == name => {
                Power { holder: name, rights: first.rights.with(rights.clone()) }
            }
            Some(first) => first,
        });
        way.links.extend(link);
        way
    }
}

impl Closure {
    /// What has been changed about somebody.
    pub(super) fn changes(&self, actor: &Actor) -> Changes {
        Changes::all(self.changed.get(actor).into_iter().flatten().map(|(change, _)| change))
    }

    /// The fewest of the changes of an actor under which something is still open.
    pub(super) fn least(
        &self,
        actor: &Actor,
        mut is_open: impl FnMut(&Changes) -> bool,
    ) -> Vec<(Changes, Way)> {
        let mut taken = self.changed.get(actor).cloned().unwrap_or_default();
        if taken.is_empty() || is_open(&Changes::default()) {
            return Vec::new();
        }
        if !is_open(&Changes::all(taken.iter().map(|(change, _)| change))) {
            return Vec::new();
        }
        for at in (0..taken.len()).rev() {
            let rest = taken.iter().enumerate().filter(|(i, _)| *i != at);
            if is_open(&Changes::all(rest.map(|(_, (change, _))| change))) {
                taken.remove(at);
            }
        }
        taken
    }

    pub(super) fn way_to(&self, actor: &Actor) -> Way {
        self.reached.get(actor).cloned().unwrap_or_default()
    }

    /// Takes a fact over: now, if it is certain and asks nothing of the surroundings; else once all that is so
    /// is known.
    pub(super) fn note(&mut self, fact: Fact, way: Way) {
        if way.why_undetermined.is_some() {
            self.doubtful.push((fact, way));
        } else if way.conditional {
            self.conditional.push((fact, way));
        } else {
            self.learn(fact, &way);
        }
    }

    pub(super) fn learn(&mut self, fact: Fact, way: &Way) {
        match fact {
            Fact::Reached(actor) => {
                if self.reached.contains_key(&actor) {
                    return;
                }
                self.reached.insert(actor.clone(), way.clone());
                self.enqueue(Task::Change(actor.clone()));
                self.enqueue(Task::All(actor));
            }
            Fact::Changed(actor, change) => {
                if !self.changes(&actor).add(&change) {
                    return;
                }
                self.changed.entry(actor.clone()).or_default().push((change.clone(), way.clone()));
                if change.tagged {
                    // It may be what somebody asks of the role that it assumes.
                    let near = |other: &&Actor| place(other) == place(&actor);
                    let others: Vec<Actor> = self.reached.keys().filter(near).cloned().collect();
                    for other in others {
                        self.enqueue(Task::All(other));
                    }
                }
                if self.reached.contains_key(&actor) {
                    self.enqueue(Task::All(actor));
                }
            }
            Fact::Written(arn) | Fact::Bare(arn) if self.is_there(&arn) => {}
            Fact::Written(arn) => {
                self.enqueue_all_of(&arn);
                self.written.insert(arn, way.clone());
            }
            Fact::Bare(arn) => {
                self.enqueue_all_of(&arn);
                self.bare.insert(arn, way.clone());
            }
            Fact::Issued(actor, step) => {
                self.issued.entry((actor, step)).or_insert_with(|| way.clone());
            }
            Fact::Crossed(actor, target) => {
                self.crossed.entry((actor, target)).or_insert_with(|| way.clone());
            }
        }
    }

    /// Remembers somebody who may hold rights over others of its account.
    pub(super) fn note_mover(&mut self, actor: &Actor) {
        self.movers.entry(place(actor).to_owned()).or_default().insert(actor.clone());
    }

    /// Those who may hold rights over somebody else of their account.
    pub(super) fn movers_beside(&self, whom: &Actor) -> Vec<Actor> {
        let beside = self.movers.get(place(whom)).into_iter().flatten();
        beside.filter(|other| *other != whom).cloned().collect()
    }

    /// Policies of an account, as their ARNs name it, whose text it decides, and how.
    pub(super) fn written_in(&self, account: &str) -> Vec<(String, Way)> {
        let all = self.written.iter().filter(|(arn, _)| arn.contains(account));
        all.map(|(arn, way)| (arn.clone(), way.clone())).collect()
    }

    fn is_there(&self, arn: &str) -> bool {
        self.written.contains_key(arn) || self.bare.contains_key(arn)
    }

    /// Looks again at all that everybody reached in an ARN's account may do.
    fn enqueue_all_of(&mut self, arn: &str) {
        let account = arn.split(':').nth(4).unwrap_or_default();
        let near = |actor: &&Actor| match actor {
            Actor::Known(own) => own.split(':').nth(4) == Some(account),
            Actor::Made { .. } => true,
            Actor::Admitted => false,
        };
        let all: Vec<Actor> = self.reached.keys().filter(near).cloned().collect();
        all.into_iter().for_each(|actor| self.enqueue(Task::All(actor)));
    }

    pub(super) fn enqueue(&mut self, task: Task) {
        if self.queued.insert(task.clone()) {
            self.queue.push_back(task);
        }
    }
}

pub(super) fn place(actor: &Actor) -> &str {
    match actor {
        Actor::Known(arn) => arn.split(':').nth(4).unwrap_or_default(),
        Actor::Made { name, .. } => name.split(':').nth(4).unwrap_or_default(),
        Actor::Admitted => "",
    }
}
