//! An embedded AWS behind a socket, so that the program meets it as an endpoint: what it sends is kept,
//! and answers can be put in AWS's place.

use std::sync::{Arc, Mutex};
use std::thread;

use palisade::sandbox::{self, Sandbox};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use super::http::{self, Request, Response};

/// An answer of another's making.
pub(crate) fn answer(status: u16, body: impl Into<String>) -> Option<Response> {
    Some(Response { status, headers: Vec::new(), body: body.into().into_bytes() })
}

type Instead = dyn Fn(&mut Request) -> Option<Response> + Send + Sync;
type After = dyn Fn(&Request, Vec<u8>) -> Vec<u8> + Send + Sync;

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
        answer: impl Fn(&mut Request) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        self.instead = Box::new(answer);
        self
    }

    /// Changes what AWS answers.
    pub(crate) fn after(
        mut self,
        change: impl Fn(&Request, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
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
    seen: Arc<Mutex<Vec<Request>>>,
    runtime: Option<Runtime>,
}

impl Front {
    pub(crate) fn open(way: Way) -> Self {
        Self::with(sandbox::Options::default(), way)
    }

    pub(crate) fn with(options: sandbox::Options, way: Way) -> Self {
        // On a thread of its own: a test may have a runtime already.
        thread::spawn(|| {
            let runtime = http::runtime();
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

    pub(crate) fn seen(&self) -> Vec<Request> {
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

async fn serve<S>(stream: S, way: &Way, seen: &Mutex<Vec<Request>>, sandbox: &Sandbox)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    while let Some(mut request) = http::read(&mut stream).await {
        seen.lock().expect("whole").push(request.clone());
        let answer = match (way.instead)(&mut request) {
            Some(answer) => answer,
            None => match http::ask(sandbox, &request).await {
                Some(answer) => Response { body: (way.after)(&request, answer.body), ..answer },
                None => return,
            },
        };
        if stream.get_mut().write_all(&answer.bytes(&request)).await.is_err() {
            return;
        }
    }
}
