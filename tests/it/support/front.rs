//! An embedded AWS behind a socket, so that the program meets it as an endpoint: what it sends is kept,
//! and answers can be put in AWS's place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use palisade::sandbox::{self, Sandbox};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query; the whole URL where a proxy was asked.
    pub(crate) uri: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The access key that it is signed with.
    pub(crate) fn key(&self) -> &str {
        let header = self.headers.get("authorization").map_or("", String::as_str);
        header
            .split_once("Credential=")
            .map_or("", |(_, rest)| rest.split('/').next().unwrap_or(""))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The operation of a JSON service (`CloseAccount`) or of a query service (`AssumeRole`).
    pub(crate) fn operation(&self) -> String {
        let target = self.headers.get("x-amz-target").and_then(|t| t.rsplit('.').next());
        let body = self.text();
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        target.or(action).unwrap_or("").to_owned()
    }
}

/// An answer of another's making.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Option<Self> {
        Some(Self { status, body: body.into() })
    }
}

type Instead = dyn Fn(&mut Seen) -> Option<Answer> + Send + Sync;
type After = dyn Fn(&Seen, Vec<u8>) -> Vec<u8> + Send + Sync;

/// What happens to requests and answers on their way.
pub(crate) struct Way {
    instead: Box<Instead>,
    after: Box<After>,
    tls: Option<TlsAcceptor>,
}

impl Default for Way {
    fn default() -> Self {
        Self { instead: Box::new(|_| None), after: Box::new(|_, body| body), tls: None }
    }
}

impl Way {
    /// Answers, or changes the request and lets AWS answer.
    pub(crate) fn instead(
        mut self,
        answer: impl Fn(&mut Seen) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        self.instead = Box::new(answer);
        self
    }

    /// Changes what AWS answers.
    pub(crate) fn after(
        mut self,
        change: impl Fn(&Seen, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.after = Box::new(change);
        self
    }

    /// Behind TLS with this certificate and key.
    pub(crate) fn tls(mut self, config: tokio_rustls::rustls::ServerConfig) -> Self {
        self.tls = Some(TlsAcceptor::from(Arc::new(config)));
        self
    }
}

/// The endpoint.
pub(crate) struct Front {
    pub(crate) sandbox: Sandbox,
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    runtime: Option<Runtime>,
}

impl Front {
    pub(crate) fn open(way: Way) -> Self {
        Self::with(sandbox::Options::default(), way)
    }

    pub(crate) fn with(options: sandbox::Options, way: Way) -> Self {
        // On a thread of its own: a test may have a runtime already.
        thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .expect("a runtime");
            let (sandbox, listener) = runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                (Sandbox::in_memory(options).await, listener)
            });
            let port = listener.local_addr().expect("an address").port();
            let seen = Arc::default();
            let (way, kept, behind) = (Arc::new(way), Arc::clone(&seen), sandbox.clone());
            runtime.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (way, seen, sandbox) =
                        (Arc::clone(&way), Arc::clone(&kept), behind.clone());
                    tokio::spawn(async move {
                        match way.tls.clone() {
                            None => serve(stream, &way, &seen, &sandbox).await,
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    serve(stream, &way, &seen, &sandbox).await;
                                }
                            }
                        }
                    });
                }
            });
            Self { sandbox, port, seen, runtime: Some(runtime) }
        })
        .join()
        .expect("started")
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("whole").clone()
    }

    pub(crate) fn forget(&self) {
        self.seen.lock().expect("whole").clear();
    }

    /// Runs something that waits, such as a plain SDK client on the accounts behind.
    pub(crate) fn wait<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        let runtime = self.runtime.as_ref().expect("runs");
        thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join().expect("done"))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve<S>(stream: S, way: &Way, seen: &Mutex<Vec<Seen>>, sandbox: &Sandbox)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = read(&mut stream).await {
        seen.lock().expect("whole").push(request.clone());
        let (status, headers, body) = match (way.instead)(&mut request) {
            Some(answer) => (answer.status, Vec::new(), answer.body.into_bytes()),
            None => match ask(sandbox, &request).await {
                Some((status, headers, body)) => (status, headers, (way.after)(&request, body)),
                None => return,
            },
        };
        let mut out = format!("HTTP/1.1 {status} X\r\n");
        let bare = request.method == "HEAD";
        let mut length = body.len().to_string();
        for (name, value) in headers {
            match name.as_str() {
                "content-length" if bare => length = value,
                "content-length" => {}
                _ => out.push_str(&format!("{name}: {value}\r\n")),
            }
        }
        out.push_str(&format!("content-length: {length}\r\n\r\n"));
        let mut bytes = out.into_bytes();
        if !bare {
            bytes.extend(body);
        }
        if stream.get_mut().write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn ask(sandbox: &Sandbox, request: &Seen) -> Option<(u16, Vec<(String, String)>, Vec<u8>)> {
    let mut call = HttpRequest::new(SdkBody::from(request.body.clone()));
    call.set_method(&request.method).ok()?;
    let host = request.headers.get("host")?;
    // A proxy is asked for a whole URL.
    let path = match request
        .uri
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
    {
        Some(path) => path,
        None => &request.uri,
    };
    call.set_uri(format!("https://{host}{path}")).ok()?;
    for (name, value) in &request.headers {
        call.headers_mut().insert(name.clone(), value.clone());
    }
    let answer = sandbox.answer(call).await.ok()?;
    let status = answer.status().as_u16();
    let headers =
        answer.headers().iter().map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    let body = ByteStream::new(answer.into_body()).collect().await.ok()?.to_vec();
    Some((status, headers, body))
}

/// The next request of a connection; nothing at its end.
async fn read<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split_whitespace();
    let (method, uri) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|how| how == "chunked") {
        loop {
            line.clear();
            stream.read_line(&mut line).await.ok()?;
            let size = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).await.ok()?;
            if size == 0 {
                break;
            }
            chunk.truncate(size);
            body.extend(chunk);
        }
    } else if let Some(length) = headers.get("content-length").and_then(|l| l.parse().ok()) {
        body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
    }
    Some(Seen { method, uri, headers, body })
}
