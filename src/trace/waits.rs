//! What is waited for at this moment, and which endpoints keep silent. A process has one network, so this is
//! kept once for the process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper_util::client::proxy::matcher::Matcher;

/// How long an endpoint that let a whole deadline pass without an answer is not asked again: others that
/// wait for the same silence fail with it, one after another would add up.
const SILENCE: Duration = Duration::from_secs(30);
/// How long after the last word about a wait the next one comes.
const AGAIN: Duration = Duration::from_secs(15);

/// A request that has no answer yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// `iam`.
    pub service: String,
    /// `ListRoles`.
    pub operation: String,
    /// The account's handle, or what else people call it.
    pub account: String,
    /// Host and port; absent while credentials are waited for.
    pub endpoint: Option<String>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many there are at most.
    pub attempts: u32,
    /// How long nothing at all has been answered.
    pub silent: Duration,
    /// How long it is waited for still.
    pub left: Option<Duration>,
}

/// Where a service of an account was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Host and port.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the endpoint was configured (`AWS_ENDPOINT_URL`, `endpoint_url`) and may thus be an emulator;
    /// otherwise the SDK's own rules chose it, and AWS answers there.
    pub configured: bool,
    /// Host and port of the proxy that requests go through; absent where they go there at once.
    pub proxy: Option<String>,
    /// How the last attempt there failed, where none has succeeded since: a request may run out of time between two
    /// attempts, and then this is all that is known of why.
    pub failure: Option<AttemptFailure>,
}

/// How one attempt of a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttemptFailure {
    /// With this answer: its code, or else its status (`status 500`), and its status.
    Answered(String, u16),
    /// Nothing listens there.
    Refused,
    /// Its name is not known.
    Unresolved,
    /// The connection ended before the answer did.
    Broken,
    /// It never left: the SDK held it back, since others were throttled.
    HeldBack,
    /// It never left: there were no credentials to sign it with yet.
    Unsigned,
}

/// An endpoint is not asked, because it has just let a whole deadline pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SilentEndpoint(pub(crate) String);

impl fmt::Display for SilentEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` keeps silent", self.0)
    }
}

impl std::error::Error for SilentEndpoint {}

#[derive(Debug)]
struct Open {
    service: String,
    operation: String,
    account: String,
    endpoint: Option<String>,
    attempt: u32,
    attempts: u32,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Network {
    open: BTreeMap<u64, Open>,
    next: u64,
    /// When the last answer came, or the first of the requests that are open began.
    progress: Instant,
    /// When it was last said what is waited for.
    said: Option<Instant>,
    places: BTreeMap<(String, String), Destination>,
    /// How the last attempt failed, by operation, and by `""` that of any operation.
    failures: BTreeMap<(String, String, String), AttemptFailure>,
    heard: BTreeMap<(String, String), Instant>,
    silent: BTreeMap<(String, String), Instant>,
    proxies: Option<Matcher>,
}

static NETWORK: LazyLock<Mutex<Network>> = LazyLock::new(|| {
    Mutex::new(Network {
        open: BTreeMap::new(),
        next: 0,
        progress: Instant::now(),
        said: None,
        places: BTreeMap::new(),
        failures: BTreeMap::new(),
        heard: BTreeMap::new(),
        silent: BTreeMap::new(),
        proxies: None,
    })
});

fn network() -> MutexGuard<'static, Network> {
    NETWORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From now on requests go through these proxies.
pub(crate) fn behind(proxies: Matcher) {
    network().proxies = Some(proxies);
}

/// The proxy that a request to a URL goes through.
pub(super) fn proxy_of(uri: &str) -> Option<String> {
    let uri = uri.parse().ok()?;
    let proxy = network().proxies.as_ref()?.intercept(&uri)?;
    proxy.uri().authority().map(ToString::to_string)
}

/// The request that has waited longest, where nothing has been answered for `idle` and this was not said a
/// moment ago.
#[must_use]
pub(crate) fn stalled(idle: Duration) -> Option<Waiting> {
    let mut network = network();
    let silent = network.progress.elapsed();
    if silent < idle || network.said.is_some_and(|said| said.elapsed() < AGAIN) {
        return None;
    }
    let open = network.open.values().next()?;
    let waiting = Waiting {
        service: open.service.clone(),
        operation: open.operation.clone(),
        account: open.account.clone(),
        endpoint: open.endpoint.clone(),
        attempt: open.attempt,
        attempts: open.attempts,
        silent,
        left: open.deadline.map(|at| at.saturating_duration_since(Instant::now())),
    };
    network.said = Some(Instant::now());
    Some(waiting)
}

/// Where a service of an account was last asked, for messages, with how any of its attempts failed last.
#[must_use]
pub(crate) fn destination(account: &str, service: &str) -> Option<Destination> {
    destination_of(account, service, "")
}

/// The same for one operation: what another one was answered meanwhile says nothing of why this one failed.
#[must_use]
pub(crate) fn destination_of(account: &str, service: &str, operation: &str) -> Option<Destination> {
    let network = network();
    let key = (account.to_owned(), service.to_ascii_lowercase());
    let place = network.places.get(&key).cloned();
    let key = (key.0, key.1, operation.to_owned());
    let failure = network.failures.get(&key).cloned();
    // What never left has a reason and no place.
    (place.is_some() || failure.is_some())
        .then(|| Destination { failure, ..place.unwrap_or_default() })
}

/// Whether an operation changes nothing, as AWS names operations.
fn only_reads(operation: &str) -> bool {
    ["Get", "List", "Describe", "Head", "Assume"].iter().any(|verb| operation.starts_with(verb))
}

/// One request in the register, until it is dropped.
#[derive(Debug)]
pub(super) struct Ticket(u64);

impl Ticket {
    pub(super) fn new(service: &str, operation: &str, account: &str) -> Self {
        let mut network = network();
        if network.open.is_empty() {
            network.progress = Instant::now();
            network.said = None;
        }
        let number = network.next;
        network.next += 1;
        let open = Open {
            service: service.to_ascii_lowercase(),
            operation: operation.to_owned(),
            account: account.to_owned(),
            endpoint: None,
            attempt: 0,
            attempts: 0,
            deadline: None,
        };
        network.open.insert(number, open);
        Self(number)
    }

    pub(super) fn attempt(&self, attempt: u32, attempts: u32, deadline: Option<Instant>) {
        if let Some(open) = network().open.get_mut(&self.0) {
            (open.attempt, open.attempts, open.deadline) = (attempt, attempts, deadline);
        }
    }

    /// The request is about to leave for an endpoint.
    ///
    /// # Errors
    /// The endpoint keeps silent.
    pub(super) fn leaves(&self, place: Destination) -> Result<(), SilentEndpoint> {
        let mut network = network();
        let Some(open) = network.open.get_mut(&self.0) else { return Ok(()) };
        open.endpoint = Some(place.endpoint.clone());
        let key = (open.account.clone(), open.service.clone());
        let of = (open.service.clone(), place.endpoint.clone());
        let silent = network.silent.get(&of).is_some_and(|since| since.elapsed() < SILENCE);
        let endpoint = place.endpoint.clone();
        network.places.insert(key, place);
        if silent { Err(SilentEndpoint(endpoint)) } else { Ok(()) }
    }

    /// An attempt succeeded, or failed so.
    pub(super) fn ended(&self, failure: Option<AttemptFailure>) {
        let mut network = network();
        let Some(open) = network.open.get(&self.0) else { return };
        let key =
            |operation: &str| (open.account.clone(), open.service.clone(), operation.to_owned());
        for key in [key(&open.operation), key("")] {
            match &failure {
                Some(failure) => network.failures.insert(key, failure.clone()),
                None => network.failures.remove(&key),
            };
        }
    }

    /// The time for the request ran out before it ever left.
    pub(super) fn never_left(&self, failure: AttemptFailure) {
        let left = network().open.get(&self.0).is_some_and(|open| open.endpoint.is_some());
        if !left {
            self.ended(Some(failure));
        }
    }

    /// An answer came, whatever it says.
    pub(super) fn heard(&self) {
        let mut network = network();
        network.progress = Instant::now();
        network.said = None;
        let of = network
            .open
            .get(&self.0)
            .and_then(|open| Some((open.service.clone(), open.endpoint.clone()?)));
        if let Some(of) = of {
            network.silent.remove(&of);
            network.heard.insert(of, Instant::now());
        }
    }

    /// The whole deadline of a request that began then has passed without an answer to it. The endpoint
    /// keeps silent where it has answered no other one since, either. A change whose answer is lost says nothing of
    /// that: what became of it has to be read at once.
    pub(super) fn unheard(&self, began: Instant) {
        let mut network = network();
        if network.open.get(&self.0).is_some_and(|open| !only_reads(&open.operation)) {
            return;
        }
        let of = network
            .open
            .get(&self.0)
            .and_then(|open| Some((open.service.clone(), open.endpoint.clone()?)));
        let Some(of) = of else { return };
        if network.heard.get(&of).is_none_or(|heard| *heard < began) {
            network.silent.insert(of, Instant::now());
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        network().open.remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_operation_was_answered_is_not_told_of_another() {
        const ACCOUNT: &str = "the account of this test";
        let asked = |operation| {
            let ticket = Ticket::new("IAM", operation, ACCOUNT);
            ticket.leaves(Destination::default()).unwrap();
            ticket
        };
        let (policy, details) =
            (asked("GetAccountPasswordPolicy"), asked("GetAccountAuthorizationDetails"));
        let failure = |operation| destination_of(ACCOUNT, "iam", operation).unwrap().failure;
        policy.ended(Some(AttemptFailure::Answered("NoSuchEntity".to_owned(), 404)));
        assert!(failure("GetAccountPasswordPolicy").is_some());
        assert!(failure("GetAccountAuthorizationDetails").is_none());
        assert!(destination(ACCOUNT, "iam").unwrap().failure.is_some(), "the last of any");
        details.ended(Some(AttemptFailure::Broken));
        let cut = failure("GetAccountAuthorizationDetails");
        assert!(matches!(cut, Some(AttemptFailure::Broken)), "{cut:?}");
        details.ended(None);
        assert!(failure("GetAccountAuthorizationDetails").is_none());
        assert!(failure("GetAccountPasswordPolicy").is_some());
    }
}
