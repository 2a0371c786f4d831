//! Which operation may start now: the execution graph and the state of each node. Pure and synchronous.
//!
//! | from    | event                        | to        |
//! |---------|------------------------------|-----------|
//! | Blocked | last predecessor succeeded   | Ready     |
//! | Blocked | a predecessor failed/skipped | Skipped   |
//! | Ready   | `start`                      | Running   |
//! | Ready   | `fail` (never started)       | Failed    |
//! | Running | `succeed`                    | Succeeded |
//! | Running | `fail`                       | Failed    |
//!
//! Anything else is refused. Nothing runs before what it depends on has succeeded, and a failure
//! skips exactly what depends on it.

use std::collections::{BTreeMap, BTreeSet};

/// One node of the execution graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerNode {
    /// Its number.
    pub id: u32,
    /// What must have succeeded before.
    pub after: Vec<u32>,
    /// What its parallelism is counted with: the account, or the organization.
    pub group: String,
    /// Whether it excludes other exclusive nodes of its group (Organizations writes are serialised).
    pub exclusive: bool,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It waits for this many predecessors.
    Blocked(usize),
    /// It may start as soon as there is room.
    Ready,
    /// It is at work.
    Running,
    /// It is done.
    Succeeded,
    /// It failed.
    Failed,
    /// It will not run, because that node failed.
    Skipped {
        /// The node that failed.
        because: u32,
    },
}

/// A graph that cannot be walked, or an event that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchedulerError {
    /// Two nodes have one number.
    #[error("operation {0} is there twice")]
    Duplicate(u32),
    /// A predecessor is not there.
    #[error("operation {0} waits for operation {1}, which is not there")]
    Unknown(u32, u32),
    /// Some nodes wait for one another.
    #[error("operation {0} waits for itself")]
    Cycle(u32),
    /// The event does not fit the node's state.
    #[error("operation {0} cannot {1} now")]
    Event(u32, &'static str),
}

#[derive(Clone, Debug, Default)]
struct Group {
    ready: BTreeSet<u32>,
    running: usize,
    exclusive_running: bool,
    limit: Option<usize>,
}

/// The scheduler of one apply.
#[derive(Clone, Debug)]
pub struct Scheduler {
    nodes: BTreeMap<u32, SchedulerNode>,
    states: BTreeMap<u32, NodeState>,
    dependants: BTreeMap<u32, Vec<u32>>,
    groups: BTreeMap<String, Group>,
    running: usize,
    open: usize,
    total_limit: usize,
    group_limit: usize,
    stopped: bool,
}

impl Scheduler {
    /// A scheduler that runs at most `total` nodes at a time, and at most `per_group` of one group.
    ///
    /// # Errors
    /// The graph is no graph: a number twice, an unknown predecessor, a cycle.
    pub fn new(
        nodes: impl IntoIterator<Item = SchedulerNode>,
        total: usize,
        per_group: usize,
    ) -> Result<Self, SchedulerError> {
        let mut all = BTreeMap::new();
        for mut node in nodes {
            node.after.sort_unstable();
            node.after.dedup();
            let id = node.id;
            if all.insert(id, node).is_some() {
                return Err(SchedulerError::Duplicate(id));
            }
        }
        let mut dependants: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut states = BTreeMap::new();
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (id, node) in &all {
            for before in &node.after {
                if !all.contains_key(before) {
                    return Err(SchedulerError::Unknown(*id, *before));
                }
                dependants.entry(*before).or_default().push(*id);
            }
            let group = groups.entry(node.group.clone()).or_default();
            if node.after.is_empty() {
                group.ready.insert(*id);
                states.insert(*id, NodeState::Ready);
            } else {
                states.insert(*id, NodeState::Blocked(node.after.len()));
            }
        }
        let scheduler = Self {
            open: all.len(),
            nodes: all,
            states,
            dependants,
            groups,
            running: 0,
            total_limit: total.max(1),
            group_limit: per_group.max(1),
            stopped: false,
        };
        scheduler.refuse_cycles()?;
        Ok(scheduler)
    }

    fn refuse_cycles(&self) -> Result<(), SchedulerError> {
        let mut left: BTreeMap<u32, usize> =
            self.nodes.iter().map(|(id, n)| (*id, n.after.len())).collect();
        let mut ready: Vec<u32> =
            left.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
        while let Some(id) = ready.pop() {
            left.remove(&id);
            for next in self.dependants.get(&id).into_iter().flatten() {
                if let Some(count) = left.get_mut(next) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        ready.push(*next);
                    }
                }
            }
        }
        match left.keys().next() {
            Some(id) => Err(SchedulerError::Cycle(*id)),
            None => Ok(()),
        }
    }

    /// Where a node stands.
    #[must_use]
    pub fn state(&self, id: u32) -> Option<NodeState> {
        self.states.get(&id).copied()
    }

    /// All nodes with their states, in order.
    pub fn states(&self) -> impl Iterator<Item = (u32, NodeState)> + '_ {
        self.states.iter().map(|(id, state)| (*id, *state))
    }

    /// Ready nodes, whether or not there is room for them: what may be announced.
    pub fn ready(&self) -> impl Iterator<Item = u32> + '_ {
        let go = !self.stopped;
        self.groups.values().flat_map(|g| g.ready.iter().copied()).filter(move |_| go)
    }

    /// Ready nodes that there is room for now, groups taking turns, lower numbers first, among those
    /// that `allowed` lets pass. Starting them all respects every limit.
    #[must_use]
    pub fn startable(&self, allowed: impl Fn(u32) -> bool) -> Vec<u32> {
        if self.stopped {
            return Vec::new();
        }
        let mut queues: Vec<std::vec::IntoIter<u32>> = Vec::new();
        for group in self.groups.values() {
            let room = group.limit.unwrap_or(self.group_limit).saturating_sub(group.running);
            let mut exclusive_taken = group.exclusive_running;
            let mut chosen = Vec::new();
            for id in group.ready.iter().filter(|id| allowed(**id)) {
                if chosen.len() >= room {
                    break;
                }
                let exclusive = self.nodes.get(id).is_some_and(|n| n.exclusive);
                if exclusive && exclusive_taken {
                    continue;
                }
                exclusive_taken |= exclusive;
                chosen.push(*id);
            }
            if !chosen.is_empty() {
                queues.push(chosen.into_iter());
            }
        }
        let mut chosen = Vec::new();
        let room = self.total_limit.saturating_sub(self.running);
        while chosen.len() < room && !queues.is_empty() {
            queues.retain_mut(|queue| match queue.next() {
                Some(id) if chosen.len() < room => {
                    chosen.push(id);
                    true
                }
                _ => false,
            });
        }
        chosen
    }

    /// Changes how many nodes of a group may run at a time (throttling).
    pub fn limit_group(&mut self, group: &str, limit: usize) {
        if let Some(group) = self.groups.get_mut(group) {
            group.limit = Some(limit.clamp(1, self.group_limit));
        }
    }

    /// How many nodes of a group may run at a time.
    #[must_use]
    pub fn group_limit(&self, group: &str) -> usize {
        self.groups.get(group).and_then(|g| g.limit).unwrap_or(self.group_limit)
    }

    /// Nothing new is started from here on.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// How many nodes are at work.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running
    }

    /// Whether nothing is at work and nothing will be.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.running == 0 && (self.open == 0 || self.stopped)
    }

    /// A ready node begins.
    ///
    /// # Errors
    /// It is not ready, or its group has no room for an exclusive node.
    pub fn start(&mut self, id: u32) -> Result<(), SchedulerError> {
        let refuse = SchedulerError::Event(id, "start");
        if self.state(id) != Some(NodeState::Ready) || self.stopped {
            return Err(refuse);
        }
        let Some(node) = self.nodes.get(&id) else { return Err(refuse) };
        let Some(group) = self.groups.get_mut(&node.group) else { return Err(refuse) };
        if node.exclusive && group.exclusive_running {
            return Err(refuse);
        }
        group.ready.remove(&id);
        group.running += 1;
        group.exclusive_running |= node.exclusive;
        self.running += 1;
        self.states.insert(id, NodeState::Running);
        Ok(())
    }

    fn leave(&mut self, id: u32) {
        let Some(node) = self.nodes.get(&id) else { return };
        if let Some(group) = self.groups.get_mut(&node.group) {
            group.running = group.running.saturating_sub(1);
            if node.exclusive {
                group.exclusive_running = false;
            }
        }
        self.running = self.running.saturating_sub(1);
    }

    /// A running node is done. Returns the nodes that became ready.
    ///
    /// # Errors
    /// It was not running.
    pub fn succeed(&mut self, id: u32) -> Result<Vec<u32>, SchedulerError> {
        if self.state(id) != Some(NodeState::Running) {
            return Err(SchedulerError::Event(id, "succeed"));
        }
        self.leave(id);
        self.states.insert(id, NodeState::Succeeded);
        self.open = self.open.saturating_sub(1);
        let mut released = Vec::new();
        for next in self.dependants.get(&id).cloned().unwrap_or_default() {
            if let Some(NodeState::Blocked(left)) = self.state(next) {
                let left = left.saturating_sub(1);
                if left > 0 {
                    self.states.insert(next, NodeState::Blocked(left));
                    continue;
                }
                self.states.insert(next, NodeState::Ready);
                if let Some(node) = self.nodes.get(&next)
                    && let Some(group) = self.groups.get_mut(&node.group)
                {
                    group.ready.insert(next);
                }
                released.push(next);
            }
        }
        Ok(released)
    }

    /// A running or ready node failed. Returns the nodes that are skipped because of it.
    ///
    /// # Errors
    /// It was neither running nor ready.
    pub fn fail(&mut self, id: u32) -> Result<Vec<u32>, SchedulerError> {
        match self.state(id) {
            Some(NodeState::Running) => self.leave(id),
            Some(NodeState::Ready) => {
                if let Some(node) = self.nodes.get(&id)
                    && let Some(group) = self.groups.get_mut(&node.group)
                {
                    group.ready.remove(&id);
                }
            }
            _ => return Err(SchedulerError::Event(id, "fail")),
        }
        self.states.insert(id, NodeState::Failed);
        self.open = self.open.saturating_sub(1);
        let mut skipped = Vec::new();
        let mut stack = self.dependants.get(&id).cloned().unwrap_or_default();
        while let Some(next) = stack.pop() {
            if let Some(NodeState::Blocked(_)) = self.state(next) {
                self.states.insert(next, NodeState::Skipped { because: id });
                self.open = self.open.saturating_sub(1);
                skipped.push(next);
                stack.extend(self.dependants.get(&next).into_iter().flatten());
            }
        }
        skipped.sort_unstable();
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn graph() -> impl Strategy<Value = Vec<SchedulerNode>> {
        proptest::collection::vec(
            (proptest::collection::vec(any::<prop::sample::Index>(), 0..4), 0_u8..4, any::<bool>()),
            1..60,
        )
        .prop_map(|drafts| {
            let node =
                |(at, (after, group, exclusive)): (usize, (Vec<prop::sample::Index>, u8, bool))| {
                    SchedulerNode {
                        id: at as u32 + 1,
                        after: if at == 0 {
                            vec![]
                        } else {
                            after.iter().map(|i| i.index(at) as u32 + 1).collect()
                        },
                        group: format!("g{group}"),
                        exclusive,
                    }
                };
            drafts.into_iter().enumerate().map(node).collect()
        })
    }

    /// Runs a graph to its end. `pick` chooses which running node ends next and whether well.
    /// Returns what succeeded, in order of completion; checks every promise on the way.
    fn run(
        nodes: &[SchedulerNode],
        total: usize,
        per_group: usize,
        picks: &[(prop::sample::Index, bool)],
        cut: Option<usize>,
    ) -> (Vec<u32>, Scheduler) {
        let by_id: BTreeMap<u32, &SchedulerNode> = nodes.iter().map(|n| (n.id, n)).collect();
        let mut scheduler = Scheduler::new(nodes.iter().cloned(), total, per_group).unwrap();
        let (mut running, mut done) = (Vec::new(), Vec::new());
        let mut picks = picks.iter().cycle();
        let mut steps = 0;
        loop {
            for id in scheduler.startable(|_| true) {
                scheduler.start(id).unwrap();
                assert!(
                    by_id[&id].after.iter().all(|a| done.contains(a)),
                    "{id} before its dependency"
                );
                running.push(id);
            }
            assert!(running.len() <= total);
            for group in ["g0", "g1", "g2", "g3"] {
                let here: Vec<_> = running.iter().filter(|id| by_id[id].group == group).collect();
                assert!(here.len() <= per_group);
                assert!(here.iter().filter(|id| by_id[**id].exclusive).count() <= 1);
            }
            if running.is_empty() || cut == Some(steps) {
                break;
            }
            let (pick, ok) = picks.next().unwrap();
            let id = running.swap_remove(pick.index(running.len()));
            if *ok {
                scheduler.succeed(id).unwrap();
                done.push(id);
            } else {
                scheduler.fail(id).unwrap();
            }
            steps += 1;
            assert!(steps <= nodes.len(), "it does not end");
        }
        (done, scheduler)
    }

    fn picks() -> impl Strategy<Value = Vec<(prop::sample::Index, bool)>> {
        proptest::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.8)), 1..80)
    }

    proptest! {
        #[test]
        fn it_ends_and_a_failure_skips_exactly_what_depends_on_it(nodes in graph(), picks in picks(), total in 1_usize..8, per_group in 1_usize..4) {
            let (done, scheduler) = run(&nodes, total, per_group, &picks, None);
            prop_assert!(scheduler.is_finished());
            for node in &nodes {
                let blocked = node.after.iter().any(|a| matches!(scheduler.state(*a), Some(NodeState::Failed | NodeState::Skipped { .. })));
                match scheduler.state(node.id).unwrap() {
                    NodeState::Succeeded => prop_assert!(done.contains(&node.id) && !blocked),
                    NodeState::Failed => prop_assert!(!blocked),
                    NodeState::Skipped { because } => {
                        prop_assert!(blocked);
                        prop_assert_eq!(scheduler.state(because), Some(NodeState::Failed));
                    }
                    other => prop_assert!(false, "{} is left {other:?}", node.id),
                }
            }
        }

        /// Cut after any number of results, and begun again with what is left, everything is done exactly once.
        #[test]
        fn cut_at_any_point_the_rest_completes(nodes in graph(), picks in picks(), cut in 0_usize..60) {
            let well: Vec<_> = picks.into_iter().map(|(i, _)| (i, true)).collect();
            let (mut done, _) = run(&nodes, 4, 2, &well, Some(cut));
            let left: Vec<SchedulerNode> = nodes.iter().filter(|n| !done.contains(&n.id)).map(|n| SchedulerNode {
                after: n.after.iter().copied().filter(|a| !done.contains(a)).collect(),
                ..n.clone()
            }).collect();
            let (rest, scheduler) = run(&left, 4, 2, &well, None);
            prop_assert!(scheduler.is_finished());
            done.extend(rest);
            done.sort_unstable();
            prop_assert_eq!(done, nodes.iter().map(|n| n.id).collect::<Vec<_>>());
        }

        /// Events that do not fit are refused and change nothing.
        #[test]
        fn events_out_of_turn_are_refused(nodes in graph(), id in 0_u32..70) {
            let mut scheduler = Scheduler::new(nodes, 4, 2).unwrap();
            let before: Vec<_> = scheduler.states().collect();
            prop_assert!(scheduler.succeed(id).is_err());
            if scheduler.state(id) != Some(NodeState::Ready) {
                prop_assert!(scheduler.start(id).is_err());
                prop_assert!(scheduler.fail(id).is_err());
                prop_assert_eq!(before, scheduler.states().collect::<Vec<_>>());
            }
        }
    }

    fn node(id: u32, after: &[u32]) -> SchedulerNode {
        SchedulerNode { id, after: after.to_vec(), group: "g".into(), exclusive: false }
    }

    #[test]
    fn graphs_that_are_none_are_refused() {
        let error = |nodes: Vec<SchedulerNode>| Scheduler::new(nodes, 1, 1).unwrap_err();
        assert_eq!(error(vec![node(1, &[]), node(1, &[])]), SchedulerError::Duplicate(1));
        assert_eq!(error(vec![node(1, &[9])]), SchedulerError::Unknown(1, 9));
        assert_eq!(error(vec![node(1, &[2]), node(2, &[1])]), SchedulerError::Cycle(1));
    }

    #[test]
    fn stopping_starts_nothing_new_and_waits_for_what_runs() {
        let mut scheduler = Scheduler::new([node(1, &[]), node(2, &[1])], 4, 4).unwrap();
        scheduler.start(1).unwrap();
        scheduler.stop();
        assert!(!scheduler.is_finished());
        assert_eq!(scheduler.succeed(1).unwrap(), [2]);
        assert!(scheduler.is_finished() && scheduler.startable(|_| true).is_empty());
        assert!(scheduler.start(2).is_err());
    }
}
