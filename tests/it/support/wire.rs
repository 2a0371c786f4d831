//! The sandbox on a socket: a server that speaks HTTP, and does to any request what a test says, so that
//! the program meets AWS over a network that throttles, cuts, garbles, trickles and keeps silent.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use palisade::sandbox::{self, Sandbox};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::cli::{Program, Run};
use super::http::{self, Request, Response};

/// A request as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The service that it is signed for: `iam`, `s3`, `sts`, `organizations`, `ssm`.
    pub(crate) service: String,
    /// `ListRoles`; of S3 the method, `GET` or `PUT`.
    pub(crate) operation: String,
    /// The Region that it is signed for.
    pub(crate) region: String,
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
    /// Answers with the first half of the body as if it were all of it.
    Half,
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
        let runtime = http::runtime();
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

async fn serve(socket: TcpStream, shared: Arc<Shared>) {
    let mut socket = BufReader::new(socket);
    while let Some(request) = http::read(&mut socket).await {
        let arrived = {
            let mut all = shared.arrived.lock().unwrap();
            let mut arrived = Arrived::of(&request);
            arrived.nth = all
                .iter()
                .filter(|a| (&a.service, &a.operation) == (&arrived.service, &arrived.operation))
                .count();
            all.push(arrived.clone());
            arrived
        };
        let act = (shared.rule.lock().unwrap())(&arrived);
        let answer = match &act {
            Act::Say { status, headers, body } => {
                let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
                Response { status: *status, headers, body: body.clone().into_bytes() }
            }
            Act::Silent => return std::future::pending().await,
            Act::Pass | Act::Swallow | Act::Cut | Act::Half | Act::Trickle(_) => {
                let Some(mut answer) = http::ask(&shared.sandbox, &request).await else { return };
                if let Act::Half = act {
                    answer.body.truncate(answer.body.len() / 2);
                }
                answer
            }
        };
        let socket = socket.get_mut();
        let sent = match act {
            Act::Swallow => return std::future::pending().await,
            Act::Cut => {
                let half = answer.body.get(..answer.body.len() / 2).unwrap_or_default();
                let _ = socket.write_all(&[&answer.head(&request), half].concat()).await;
                return;
            }
            Act::Trickle(pause) => {
                let mut sent = socket.write_all(&answer.head(&request)).await;
                for byte in answer.body {
                    if sent.is_err() {
                        break;
                    }
                    tokio::time::sleep(pause).await;
                    sent = socket.write_all(&[byte]).await;
                }
                sent
            }
            Act::Pass | Act::Half | Act::Say { .. } | Act::Silent => {
                socket.write_all(&answer.bytes(&request)).await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

impl Arrived {
    fn of(request: &Request) -> Self {
        Self {
            // An unsigned request is one for a public object.
            service: request.service().unwrap_or("s3").to_owned(),
            operation: request.operation(),
            region: request.region().unwrap_or_default().to_owned(),
            path: request.path().to_owned(),
            body: request.text(),
            nth: 0,
            at: Instant::now(),
        }
    }
}
