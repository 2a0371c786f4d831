//! Which process this is, for locks and records, and whether another one has surely ended. What
//! tells processes apart is known on Linux only.

use std::collections::BTreeMap;
use std::path::Path;

use crate::state::LeaseHolder;
use crate::state::Process;

/// Where a run comes from, as its locks and records say.
#[derive(Clone, Debug)]
pub struct RunOrigin {
    /// The machine's name.
    pub host: String,
    /// The user's name there.
    pub user: String,
    /// The process.
    pub pid: u32,
    /// What tells it from every other process that has its id at another time.
    pub process: Option<Process>,
}

impl RunOrigin {
    /// This process, whose environment holds these variables.
    #[must_use]
    pub fn of_this_process(env: &BTreeMap<String, String>) -> Self {
        let first = |names: [&str; 2]| names.iter().find_map(|name| env.get(*name).cloned());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .or_else(|| first(["HOSTNAME", "COMPUTERNAME"]))
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty());
        Self {
            host: host.unwrap_or_else(|| "unknown".to_owned()),
            user: first(["USER", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned()),
            pid: std::process::id(),
            process: identity(),
        }
    }
}

/// This process, told from every other that had or will have its id; `None` where the system does
/// not tell (`/proc`, see proc(5)).
#[must_use]
pub fn identity() -> Option<Process> {
    identity_in(Path::new("/proc"), std::process::id())
}

/// Whether the process of a lock's holder has surely ended: it ran on this very machine, since it was
/// last started, in this namespace of process ids, as this user, and its id is free or another one's now.
/// Anything less proves nothing: a machine of the same name may be another container, and the system may
/// hide the processes of other users (`hidepid`).
#[must_use]
pub fn is_gone(holder: &LeaseHolder) -> bool {
    is_gone_in(Path::new("/proc"), std::process::id(), holder)
}

fn is_gone_in(proc: &Path, own: u32, holder: &LeaseHolder) -> bool {
    let (Some(process), Some(here)) = (&holder.process, identity_in(proc, own)) else {
        return false;
    };
    let same = here.boot == process.boot
        && here.namespace == process.namespace
        && process.user.is_some()
        && here.user == process.user;
    same && started(proc, holder.pid) != Some(process.started)
}

fn identity_in(proc: &Path, own: u32) -> Option<Process> {
    // Where `/proc` is another namespace's (`unshare` without `--mount-proc`), its ids mean others.
    let named = std::fs::read_link(proc.join("self")).ok()?;
    if named.to_str()?.parse() != Ok(own) {
        return None;
    }
    let boot = std::fs::read_to_string(proc.join("sys/kernel/random/boot_id")).ok()?;
    let namespace = std::fs::read_link(proc.join("self/ns/pid")).ok()?;
    Some(Process {
        boot: Some(boot.trim().to_owned()).filter(|id| !id.is_empty())?,
        namespace: namespace.to_str()?.to_owned(),
        user: Some(user(proc, own)?),
        started: started(proc, own)?,
    })
}

/// The real user that a process runs as: the first number after `Uid:` in `/proc/PID/status`.
fn user(proc: &Path, pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(proc.join(format!("{pid}/status"))).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// When a process was started: field 22 of `/proc/PID/stat`. Its name, in parentheses before, may
/// hold anything. A zombie has ended too.
fn started(proc: &Path, pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(proc.join(format!("{pid}/stat"))).ok()?;
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(pid: u32, process: Option<Process>) -> LeaseHolder {
        LeaseHolder {
            who: "me".into(),
            host: "here".into(),
            pid,
            process,
            operation: "apply".into(),
            run: "r".into(),
        }
    }

    #[test]
    fn only_a_process_that_surely_ended_is_gone() {
        let Some(own) = identity() else { return };
        let own_id = std::process::id();
        assert!(!is_gone(&holder(own_id, Some(own.clone()))), "we are at work");
        assert!(!is_gone(&holder(own_id, None)), "nothing is known");
        // The same id, given to another process since.
        let earlier = Process { started: own.started.wrapping_sub(1), ..own.clone() };
        assert!(is_gone(&holder(own_id, Some(earlier.clone()))));
        // On another machine, before a restart, or in another container, nothing can be told.
        let elsewhere = Process { boot: "another".into(), ..earlier.clone() };
        assert!(!is_gone(&holder(own_id, Some(elsewhere))));
        let container = Process { namespace: "pid:[1]".into(), ..earlier.clone() };
        assert!(!is_gone(&holder(own_id, Some(container))));
        // The processes of another user may be hidden.
        for user in [own.user.map(|user| user + 1), None] {
            let of_another = Process { user, ..earlier.clone() };
            assert!(!is_gone(&holder(own_id, Some(of_another))));
        }
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let process = Process { started: own.started, ..own };
        child.wait().unwrap();
        assert!(is_gone(&holder(child.id(), Some(process))));
    }
}
