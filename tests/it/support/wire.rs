//! The sandbox on a socket: a server that speaks HTTP, and does to any request what a test says, so that
//! the program meets AWS over a network that throttles, cuts, garbles, trickles and keeps silent.

use std::io::ErrorKind;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use palisade::sandbox::{self, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::cli::{Program, Run};

/// A request as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The service that it is signed for: `iam`, `s3`, `sts`, `organizations`, `ssm`.
    pub(crate) service: String,
    /// `ListRoles`; of S3 the method, `GET` or `PUT`.
    pub(crate) operation: String,
    /// The path and the query.
    pub(crate) path: String,
    pub(crate) body: String,
    /// How many of this service and operation came before it.
    pub(crate) nth: usize,
    /// When it came.
    pub(crate) at: Instant,
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers it.
    Pass,
    /// Answers this.
    Say { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// Never answers, and carries nothing out.
    Silent,
    /// Carries it out and never answers.
    Swallow,
    /// Closes the connection before the end of the answer's body.
    Cut,
    /// Answers with a body that comes a byte at a time.
    Trickle(Duration),
}

impl Act {
    /// An error as the query protocol and S3 write it.
    pub(crate) fn xml(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let body = format!("<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>");
        Self::Say { status, headers: vec![("content-type", "text/xml".to_owned())], body }
    }

    /// An error as S3 writes it.
    pub(crate) fn s3(status: u16, code: &str, message: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Say { status, headers: vec![("content-type", "application/xml".to_owned())], body }
    }

    /// An error as the JSON protocols write it.
    pub(crate) fn json(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"__type": code, "message": message, "Message": message});
        let kind = "application/x-amz-json-1.1".to_owned();
        Self::Say { status, headers: vec![("content-type", kind)], body: body.to_string() }
    }

    /// A page for people.
    pub(crate) fn html(status: u16, title: &str) -> Self {
        let body = format!("<!DOCTYPE html>\n<html><head><title>{title}</title></head></html>");
        Self::Say { status, headers: vec![("content-type", "text/html".to_owned())], body }
    }
}

type Rule = Box<dyn Fn(&Arrived) -> Act + Send + Sync>;

struct Shared {
    sandbox: Sandbox,
    rule: Mutex<Rule>,
    arrived: Mutex<Vec<Arrived>>,
}

/// A server in front of an embedded AWS.
pub(crate) struct Wire {
    pub(crate) sandbox: Sandbox,
    pub(crate) url: String,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Wire {
    /// An empty AWS.
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (sandbox, listener) = runtime.block_on(async {
            let sandbox = Sandbox::in_memory(sandbox::Options::default()).await;
            (sandbox, TcpListener::bind("127.0.0.1:0").await.expect("a socket"))
        });
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            sandbox: sandbox.clone(),
            rule: Mutex::new(Box::new(|_| Act::Pass)),
            arrived: Mutex::default(),
        });
        let server = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&server)));
            }
        });
        Self { sandbox, url, shared, runtime: Some(runtime) }
    }

    /// From now on requests are treated so, and counted from the beginning.
    pub(crate) fn rule(&self, rule: impl Fn(&Arrived) -> Act + Send + Sync + 'static) {
        self.shared.arrived.lock().unwrap().clear();
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// From now on every request is answered.
    pub(crate) fn calm(&self) {
        self.rule(|_| Act::Pass);
    }

    /// What has arrived since the last rule.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    /// The program of `p` with this AWS as the network has it.
    pub(crate) fn command(&self, p: &Program, args: &[&str]) -> Command {
        let credentials = self.sandbox.management_credentials();
        let mut command = p.command(args);
        command
            .env_remove("PALISADE_SANDBOX")
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, p: &Program, args: &[&str]) -> Run {
        self.command(p, args).output().expect("the program starts").into()
    }
}

async fn serve(mut socket: TcpStream, shared: Arc<Shared>) {
    let mut bytes = Vec::new();
    while let Ok(Some((head, body))) = request(&mut socket, &mut bytes).await {
        let Some(request) = parse(&head, body.clone()) else { return };
        let arrived = {
            let mut all = shared.arrived.lock().unwrap();
            let mut arrived = arrival(&request, &body);
            arrived.nth = all
                .iter()
                .filter(|a| (&a.service, &a.operation) == (&arrived.service, &arrived.operation))
                .count();
            all.push(arrived.clone());
            arrived
        };
        let act = (shared.rule.lock().unwrap())(&arrived);
        let (head, body) = match &act {
            Act::Say { status, headers, body } => {
                let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                (format!("{head}\r\n"), body.clone().into_bytes())
            }
            Act::Silent => return std::future::pending().await,
            Act::Pass | Act::Swallow | Act::Cut | Act::Trickle(_) => {
                let Ok(response) = shared.sandbox.answer(request).await else { return };
                let mut head = format!("HTTP/1.1 {} -\r\n", response.status().as_u16());
                for (name, value) in response.headers() {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let body = response.body().bytes().unwrap_or_default().to_vec();
                (format!("{head}\r\n"), body)
            }
        };
        let sent = match act {
            Act::Swallow => return std::future::pending().await,
            Act::Cut => {
                let half = body.get(..body.len() / 2).unwrap_or_default();
                let _ = socket.write_all(&[head.as_bytes(), half].concat()).await;
                return;
            }
            Act::Trickle(pause) => {
                let mut sent = socket.write_all(head.as_bytes()).await;
                for byte in body {
                    if sent.is_err() {
                        break;
                    }
                    tokio::time::sleep(pause).await;
                    sent = socket.write_all(&[byte]).await;
                }
                sent
            }
            _ => socket.write_all(&[head.as_bytes(), &body].concat()).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The next request of a connection: its head and its body.
async fn request(
    socket: &mut TcpStream,
    bytes: &mut Vec<u8>,
) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut continued = false;
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length: usize = header(&head, "content-length").unwrap_or("0").parse().unwrap_or(0);
            if header(&head, "expect").is_some() && !continued {
                socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                continued = true;
            }
            if bytes.len() >= end + 4 + length {
                let body = bytes[end + 4..end + 4 + length].to_vec();
                bytes.drain(..end + 4 + length);
                return Ok(Some((head, body)));
            }
        }
        let mut chunk = [0; 16 * 1024];
        match socket.read(&mut chunk).await {
            Ok(0) => return Ok(None),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
}

fn parse(head: &str, body: Vec<u8>) -> Option<HttpRequest> {
    let mut first = head.lines().next()?.split(' ');
    let (method, target) = (first.next()?, first.next()?);
    let host = header(head, "host").unwrap_or("localhost");
    let uri = match target.starts_with("http") {
        true => target.to_owned(),
        false => format!("http://{host}{target}"),
    };
    let mut request = http::Request::builder().method(method).uri(uri);
    for (key, value) in head.lines().skip(1).filter_map(|line| line.split_once(':')) {
        request = request.header(key, value.trim());
    }
    HttpRequest::try_from(request.body(SdkBody::from(body)).ok()?).ok()
}

fn arrival(request: &HttpRequest, body: &[u8]) -> Arrived {
    let scope = request.headers().get("authorization").and_then(|a| a.split_once("Credential="));
    let service = scope.and_then(|(_, rest)| rest.split(',').next()?.split('/').nth(3));
    let service = service.unwrap_or("s3").to_owned();
    let body = String::from_utf8_lossy(body).into_owned();
    let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let target = request.headers().get("x-amz-target").and_then(|t| t.rsplit('.').next());
    let operation = match service.as_str() {
        "iam" | "sts" => action.unwrap_or_default().to_owned(),
        "s3" => request.method().to_owned(),
        _ => target.unwrap_or_default().to_owned(),
    };
    let uri = request.uri().to_owned();
    let path = uri.split_once("://").map_or(uri.as_str(), |(_, rest)| rest);
    let path = path.find('/').map_or("/", |at| &path[at..]).to_owned();
    Arrived { service, operation, path, body, nth: 0, at: Instant::now() }
}
