//! Switches that make the emulation as unpleasant as the real thing: eventual consistency, throttling,
//! lost answers, slow account creation, concurrent modification, expiring credentials, and a hook for tests.
//!
//! Everything is decided by a seed and by counting, never by the clock or by chance.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::wire::Service;

/// One request as tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// From 1, in the order of processing.
    pub number: u64,
    /// The service called.
    pub service: Service,
    /// The API's operation, such as `CreateRole`.
    pub operation: String,
    /// The account whose credentials signed it; empty for an unsigned or unknown caller.
    pub account: String,
    /// The caller's ARN.
    pub principal: String,
    /// The region that it was signed for.
    pub region: String,
    /// Whether the operation changes anything (by its name; AssumeRole does not).
    pub mutating: bool,
    /// The actions that the caller has to be allowed; told where every call is authorised.
    pub actions: Vec<String>,
    /// What it is about where that is cheap to tell: a role's name, a bucket and key, a policy's id.
    pub subject: String,
    /// The HTTP status of the answer; 0 while there is none.
    pub status: u16,
}

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the request does anything.
    Before,
    /// After it was processed and kept, before the caller hears of it.
    After,
}

/// What a hook wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// Nothing special.
    Continue,
    /// This answer instead of the real one. In phase `Before` nothing is done.
    Fail {
        /// HTTP status.
        status: u16,
        /// AWS error code.
        code: String,
        /// Message.
        message: String,
    },
    /// The connection breaks; the SDK may retry.
    Disconnect,
    /// No answer, ever: the caller's task must be dropped by the test.
    Hang,
    /// This and every later call hangs, as if the calling process had died, until [`super::Sandbox::resume`].
    Halt,
}

/// A test's hook.
pub type Hook = Arc<dyn Fn(&RequestInfo, Phase) -> FaultAction + Send + Sync>;

/// A request on its way in: nobody has looked yet whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The service called.
    pub service: Service,
    /// The API's operation, such as `CreateRole`.
    pub operation: String,
    /// As [`RequestInfo::subject`].
    pub subject: String,
}

/// A test's delay: awaited before a request is processed, outside every lock.
pub type Delay = Arc<dyn Fn(Arrival) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The switches; all off by default.
#[derive(Clone, Default)]
pub struct Faults {
    /// Decides every "random" choice.
    pub seed: u64,
    /// Eventual consistency: up to this many first looks at a new object do not find it yet
    /// (assuming a role, naming a principal in a trust policy, reading, using a new policy type).
    pub eventual: u32,
    /// This percentage of requests is throttled before anything happens.
    pub throttle_percent: u8,
    /// Every so many requests a burst of 503 answers of the given length: `(every, length)`.
    pub unavailable: Option<(u32, u32)>,
    /// This percentage of answers is lost after the request was processed.
    pub lose_answers_percent: u8,
    /// How many status polls see CreateAccount still in progress.
    pub slow_accounts: u32,
    /// Organizations refuses a write while another is in flight.
    pub concurrent_modification: bool,
    /// Session credentials expire after this many calls, each.
    pub expire_credentials_after: Option<u32>,
    /// Called before and after each request.
    pub hook: Option<Hook>,
    /// Awaited before each request.
    pub delay: Option<Delay>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("seed", &self.seed)
            .field("eventual", &self.eventual)
            .field("throttle_percent", &self.throttle_percent)
            .field("unavailable", &self.unavailable)
            .field("lose_answers_percent", &self.lose_answers_percent)
            .field("slow_accounts", &self.slow_accounts)
            .field("concurrent_modification", &self.concurrent_modification)
            .field("expire_credentials_after", &self.expire_credentials_after)
            .field("hook", &self.hook.is_some())
            .field("delay", &self.delay.is_some())
            .finish()
    }
}

/// Switches as people write them: `seed=7 eventual=3 throttle=10 lose=5 slow-accounts=4 delay=20`.
impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        for word in text.split([' ', ',']).filter(|w| !w.is_empty()) {
            let Some((name, number)) = word.split_once('=') else {
                return Err(format!("`{word}` must be `NAME=NUMBER`"));
            };
            let number: u32 =
                number.parse().map_err(|_| format!("`{number}` of `{name}` is no whole number"))?;
            let percent = || match u8::try_from(number) {
                // Everything refused for ever is nothing that a run could sit out.
                Ok(percent) if percent <= 90 => Ok(percent),
                _ => Err(format!("`{name}` is a percentage of at most 90")),
            };
            match name {
                "seed" => faults.seed = u64::from(number),
                "eventual" => faults.eventual = number,
                "throttle" => faults.throttle_percent = percent()?,
                "lose" => faults.lose_answers_percent = percent()?,
                "slow-accounts" => faults.slow_accounts = number,
                "delay" => {
                    let pause = Duration::from_millis(number.into());
                    faults.delay = Some(Arc::new(move |_| Box::pin(tokio::time::sleep(pause))));
                }
                _ => {
                    return Err(format!(
                        "`{name}` is none of `seed`, `eventual`, `throttle`, `lose`, `slow-accounts`, `delay`"
                    ));
                }
            }
        }
        Ok(faults)
    }
}

/// A number below `below` that depends only on the seed and `what`.
pub(crate) fn choose(seed: u64, what: &str, below: u64) -> u64 {
    let digest = Sha256::new().chain_update(seed.to_be_bytes()).chain_update(what).finalize();
    let number = digest.iter().take(8).fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
    number.checked_rem(below).unwrap_or(0)
}

/// A simulated fault, decided before a request is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Throttled,
    Unavailable,
}

/// The running counts behind [`Faults`].
#[derive(Debug, Default)]
pub(crate) struct FaultRng {
    per_operation: BTreeMap<(Service, String), u64>,
    per_token: BTreeMap<String, u32>,
}

impl FaultRng {
    /// Whether this request runs into fault, and whether its answer will be lost.
    pub(crate) fn roll(&mut self, faults: &Faults, info: &RequestInfo) -> (Option<Fault>, bool) {
        let times = self.per_operation.entry((info.service, info.operation.clone())).or_default();
        *times += 1;
        let what = format!("{}:{}:{times}", info.service.prefix(), info.operation);
        let hit = |salt: &str, percent: u8| {
            percent > 0 && choose(faults.seed, &format!("{salt}/{what}"), 100) < u64::from(percent)
        };
        let burst = faults.unavailable.is_some_and(|(every, length)| {
            let cycle = u64::from(every) + u64::from(length);
            info.number.checked_rem(cycle).is_some_and(|at| at >= u64::from(every))
        });
        let fault = if burst {
            Some(Fault::Unavailable)
        } else if hit("throttle", faults.throttle_percent) {
            Some(Fault::Throttled)
        } else {
            None
        };
        (fault, hit("lose", faults.lose_answers_percent))
    }

    /// Counts a use of session credentials; true once they are used up.
    pub(crate) fn used_up(&mut self, faults: &Faults, token: &str) -> bool {
        let Some(limit) = faults.expire_credentials_after else { return false };
        let used = self.per_token.entry(token.to_owned()).or_default();
        *used += 1;
        *used > limit
    }
}

/// Which new objects are not visible yet, and for how many looks more.
#[derive(Debug, Default)]
pub(crate) struct EventualConsistency {
    seed: u64,
    eventual: u32,
    left: BTreeMap<String, u32>,
}

impl EventualConsistency {
    pub(crate) fn new(faults: &Faults) -> Self {
        Self { seed: faults.seed, eventual: faults.eventual, left: BTreeMap::new() }
    }

    /// Something new under `name`: the first looks at each of its `aspects` will miss it.
    pub(crate) fn created(&mut self, name: &str, aspects: &[&str]) {
        if self.eventual == 0 {
            return;
        }
        for aspect in aspects {
            let key = format!("{aspect}/{name}");
            let looks = 1 + choose(self.seed, &key, u64::from(self.eventual));
            self.left.insert(key, u32::try_from(looks).unwrap_or(1));
        }
    }

    /// A look at it: true when it is not there yet.
    pub(crate) fn is_delayed(&mut self, aspect: &str, name: &str) -> bool {
        if self.left.is_empty() {
            return false;
        }
        let key = format!("{aspect}/{name}");
        match self.left.get_mut(&key) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_read_as_people_write_them() {
        let faults: Faults =
            "seed=7 eventual=3,throttle=10 lose=5 slow-accounts=4 delay=20".parse().expect("read");
        assert_eq!((faults.seed, faults.eventual, faults.throttle_percent), (7, 3, 10));
        assert_eq!((faults.lose_answers_percent, faults.slow_accounts), (5, 4));
        assert!(faults.delay.is_some() && faults.hook.is_none());
        assert_eq!("".parse::<Faults>().expect("none").seed, 0);
        for wrong in ["seed", "seed=x", "throttle=100", "lose=300", "rain=1", "delay=-1"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
    }
}
