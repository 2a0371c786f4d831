//! An embedded AWS with several doors: what comes in at which door and when, doors that hold what comes in,
//! and a door whose clock is wrong.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palisade::sandbox::{self, Sandbox};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::http::{self, Request, Response};

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) at: Instant,
    pub(crate) service: String,
    pub(crate) operation: String,
    /// Path, query and the beginning of the body.
    pub(crate) text: String,
}

impl Incoming {
    fn of(request: &Request) -> Self {
        let body: String = request.text().chars().take(300).collect();
        Self {
            at: Instant::now(),
            service: request.service().unwrap_or_default().to_owned(),
            operation: request.operation(),
            text: format!("{} {body}", request.path()),
        }
    }

    /// Whether it changes anything beside the state.
    pub(crate) fn changes(&self) -> bool {
        const READS: [&str; 5] = ["Get", "List", "Describe", "Head", "AssumeRole"];
        self.service != "s3" && !READS.iter().any(|read| self.operation.starts_with(read))
    }
}

/// One way in.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Incoming>>>,
    /// What matches is held and never delivered: its connection is cut when the door opens again.
    held: Arc<Mutex<Option<Held>>>,
    holding: Arc<AtomicBool>,
    /// What matches is held, and delivered when that ends, whoever still waits for an answer.
    late: Arc<Mutex<Option<Held>>>,
    delivering: Arc<AtomicUsize>,
    /// Whether its server reads how old a signature is, as AWS does and emulators do not.
    reads_signatures: Arc<AtomicBool>,
    delay: Arc<Mutex<Duration>>,
    /// Seconds that its `Date` is ahead.
    ahead: Arc<AtomicI64>,
    /// Headers that its server does not honour, and of which requests.
    ignored: Arc<Mutex<Option<(&'static str, Held)>>>,
    /// What its server says in place of the truth.
    lie: Arc<Mutex<Option<Lie>>>,
    /// What happens right before requests are delivered.
    before: Arc<Mutex<Option<Held>>>,
}

type Lie = Arc<dyn Fn(&Incoming) -> Option<(u16, &'static str)> + Send + Sync>;

type Held = Arc<dyn Fn(&Incoming) -> bool + Send + Sync>;

impl Door {
    pub(crate) fn seen(&self) -> Vec<Incoming> {
        self.seen.lock().unwrap().clone()
    }

    /// Holds what matches from now on.
    pub(crate) fn hold(&self, what: impl Fn(&Incoming) -> bool + Send + Sync + 'static) {
        *self.held.lock().unwrap() = Some(Arc::new(what));
    }

    /// Whether anything was held since.
    pub(crate) fn holds(&self) -> bool {
        self.holding.load(Ordering::SeqCst)
    }

    /// Cuts what is held; what comes in is delivered again.
    pub(crate) fn open(&self) {
        *self.held.lock().unwrap() = None;
    }

    /// Holds what matches from now on, as a network does that delivers late.
    pub(crate) fn hold_back(&self, what: impl Fn(&Incoming) -> bool + Send + Sync + 'static) {
        *self.late.lock().unwrap() = Some(Arc::new(what));
    }

    /// Delivers what was held back.
    pub(crate) fn deliver(&self) {
        *self.late.lock().unwrap() = None;
    }

    /// Whether anything that was held back has not been carried out yet.
    pub(crate) fn is_delivering(&self) -> bool {
        self.delivering.load(Ordering::SeqCst) > 0
    }

    /// Its server refuses what was signed more than five minutes ago.
    pub(crate) fn reads_signatures(&self) {
        self.reads_signatures.store(true, Ordering::SeqCst);
    }

    /// The time that its server has.
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now() + jiff::SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    /// The server's answer to a signature that is too old.
    fn refusal(&self, request: &Request) -> Option<Response> {
        let signed = request.headers.get("x-amz-date")?;
        let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", signed).ok()?;
        let age =
            self.now().duration_since(signed.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp());
        let old = self.reads_signatures.load(Ordering::SeqCst)
            && age > jiff::SignedDuration::from_mins(5);
        old.then(|| Response {
            status: 403,
            headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
            body: b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>Signature expired</Message></Error></ErrorResponse>".to_vec(),
        })
    }

    /// Every answer of a change takes so long.
    pub(crate) fn slow(&self, by: Duration) {
        *self.delay.lock().unwrap() = by;
    }

    /// Its server does not honour a header in requests that match.
    pub(crate) fn ignores(
        &self,
        header: &'static str,
        what: impl Fn(&Incoming) -> bool + Send + Sync + 'static,
    ) {
        *self.ignored.lock().unwrap() = Some((header, Arc::new(what)));
    }

    /// Its server answers some requests with a body of its own.
    pub(crate) fn lies(
        &self,
        say: impl Fn(&Incoming) -> Option<(u16, &'static str)> + Send + Sync + 'static,
    ) {
        *self.lie.lock().unwrap() = Some(Arc::new(say));
    }

    /// Its server does not know what these requests ask for.
    pub(crate) fn lacks(&self, what: impl Fn(&Incoming) -> bool + Send + Sync + 'static) {
        const UNKNOWN: &str = "<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented</Message></Error>";
        self.lies(move |incoming| what(incoming).then_some((501, UNKNOWN)));
    }

    /// Does something right before a request is delivered.
    pub(crate) fn before(&self, act: impl Fn(&Incoming) -> bool + Send + Sync + 'static) {
        *self.before.lock().unwrap() = Some(Arc::new(act));
    }

    /// The program with this door for its endpoint.
    pub(crate) fn program(&self, front: &Front, dir: &Path, args: &[&str]) -> Command {
        let credentials = front.sandbox.management_credentials();
        let mut command = Command::new(super::cli::Program::executable());
        command
            .args(args)
            .current_dir(dir)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", dir)
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }
}

/// The AWS, on a runtime of its own.
pub(crate) struct Front {
    pub(crate) sandbox: Sandbox,
    runtime: tokio::runtime::Runtime,
}

impl Front {
    pub(crate) fn new() -> Self {
        let runtime = http::runtime();
        let sandbox = runtime.block_on(Sandbox::in_memory(sandbox::Options::default()));
        Self { sandbox, runtime }
    }

    pub(crate) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(crate) fn door(&self) -> Door {
        let listener = self.run(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let door = Door {
            url: format!("http://127.0.0.1:{port}"),
            seen: Arc::default(),
            held: Arc::default(),
            holding: Arc::default(),
            late: Arc::default(),
            delivering: Arc::default(),
            reads_signatures: Arc::default(),
            delay: Arc::default(),
            ahead: Arc::default(),
            ignored: Arc::default(),
            lie: Arc::default(),
            before: Arc::default(),
        };
        let (sandbox, open) = (self.sandbox.clone(), door.clone());
        self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (sandbox, door) = (sandbox.clone(), open.clone());
                tokio::spawn(async move {
                    // A connection that breaks ends its task.
                    let _ = serve(stream, &sandbox, &door).await;
                });
            }
        });
        door
    }
}

/// A request that was held back, until it is carried out.
struct Delivering<'a>(&'a AtomicUsize);

impl<'a> Delivering<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(stream: TcpStream, sandbox: &Sandbox, door: &Door) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = http::read(&mut stream).await {
        let incoming = Incoming::of(&request);
        door.seen.lock().unwrap().push(incoming.clone());
        let holds = || door.held.lock().unwrap().as_ref().is_some_and(|what| what(&incoming));
        if holds() {
            door.holding.store(true, Ordering::SeqCst);
            while holds() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            return Ok(());
        }
        let is_late = || door.late.lock().unwrap().as_ref().is_some_and(|what| what(&incoming));
        let _delivering = is_late().then(|| Delivering::new(&door.delivering));
        if is_late() {
            door.holding.store(true, Ordering::SeqCst);
            while is_late() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        if let Some(refusal) = door.refusal(&request) {
            stream.get_mut().write_all(&refusal.bytes(&request)).await?;
            continue;
        }
        if let Some(act) = door.before.lock().unwrap().clone() {
            act(&incoming);
        }
        let lie = door.lie.lock().unwrap().as_ref().and_then(|lie| lie(&incoming));
        if let Some((status, body)) = lie {
            let lie = Response { status, headers: Vec::new(), body: body.into() };
            stream.get_mut().write_all(&lie.bytes(&request)).await?;
            continue;
        }
        let ignored = door.ignored.lock().unwrap().clone();
        if let Some((header, _)) = ignored.filter(|(_, what)| what(&incoming)) {
            request.headers.remove(header);
        }
        if incoming.changes() {
            let delay = *door.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
        }
        let region = request.region().unwrap_or("us-east-1");
        let host = format!("{}.{region}.amazonaws.com", incoming.service);
        request.headers.insert("host".to_owned(), host);
        let answer = http::ask(sandbox, &request).await;
        let mut answer = answer.ok_or(std::io::ErrorKind::BrokenPipe)?;
        let date = door.now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        answer.headers.retain(|(name, _)| name != "date");
        answer.headers.push(("date".to_owned(), date.to_string()));
        stream.get_mut().write_all(&answer.bytes(&request)).await?;
    }
    Ok(())
}
