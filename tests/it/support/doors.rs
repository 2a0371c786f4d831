//! An embedded AWS with several doors: what comes in at which door and when, doors that hold what comes in,
//! and a door whose clock is wrong.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use palisade::sandbox::{self, Sandbox};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

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

type Lie = Arc<dyn Fn(&Incoming) -> Option<&'static str> + Send + Sync>;

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
        say: impl Fn(&Incoming) -> Option<&'static str> + Send + Sync + 'static,
    ) {
        *self.lie.lock().unwrap() = Some(Arc::new(say));
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
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(16 << 20)
            .enable_all()
            .build()
            .unwrap();
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

async fn serve(stream: TcpStream, sandbox: &Sandbox, door: &Door) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers: Vec<(String, String)> = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let header = |name: &str| headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        if header("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let length = header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let scope = header("authorization").unwrap_or_default();
        let scope: Vec<&str> = scope.split('/').collect();
        let (region, service) = match scope.as_slice() {
            [_, _, region, service, ..] => ((*region).to_owned(), (*service).to_owned()),
            _ => ("us-east-1".to_owned(), String::new()),
        };
        let text = String::from_utf8_lossy(&body);
        let operation = match service.as_str() {
            "s3" => method.clone(),
            "iam" | "sts" => {
                let action = text.split('&').find_map(|p| p.strip_prefix("Action="));
                action.unwrap_or_default().to_owned()
            }
            _ => header("x-amz-target").unwrap_or_default().rsplit('.').next().unwrap().to_owned(),
        };
        let text = format!("{path} {}", text.chars().take(300).collect::<String>());
        let at = Instant::now();
        let incoming = Incoming { at, service: service.clone(), operation, text };
        door.seen.lock().unwrap().push(incoming.clone());
        let holds = || door.held.lock().unwrap().as_ref().is_some_and(|what| what(&incoming));
        if holds() {
            door.holding.store(true, Ordering::SeqCst);
            while holds() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            return Ok(());
        }
        if let Some(act) = door.before.lock().unwrap().clone() {
            act(&incoming);
        }
        let lie = door.lie.lock().unwrap().as_ref().and_then(|lie| lie(&incoming));
        if let Some(body) = lie {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            stream.write_all(head.as_bytes()).await?;
            continue;
        }
        let ignored = door.ignored.lock().unwrap().clone();
        let ignored = ignored.filter(|(_, what)| what(&incoming)).map(|(header, _)| header);
        headers.retain(|(name, _)| Some(name.as_str()) != ignored);
        if incoming.changes() {
            let delay = *door.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
        }
        let host = format!("{service}.{region}.amazonaws.com");
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(&method).expect("a method");
        request.set_uri(format!("https://{host}{path}")).expect("a URI");
        for (name, value) in headers {
            let value = if name == "host" { host.clone() } else { value };
            let _ = request.headers_mut().try_append(name, value);
        }
        let answer = sandbox.answer(request).await.map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        let ahead = jiff::SignedDuration::from_secs(door.ahead.load(Ordering::SeqCst));
        let date = (jiff::Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let mut head = format!("HTTP/1.1 {} X\r\nDate: {date}\r\n", answer.status().as_u16());
        for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "date") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bytes = answer.body().bytes().unwrap_or_default().to_vec();
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        if method != "HEAD" {
            stream.write_all(&bytes).await?;
        }
        stream.flush().await?;
    }
}
