//! HTTP/1.1 on a socket, for the servers that put an embedded AWS in front of the program: a request is read,
//! carried out by the sandbox, and its answer written. What a server does to either on the way is its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use palisade::sandbox::Sandbox;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::runtime::Runtime;

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query; the whole URL where a proxy was asked.
    pub(crate) uri: String,
    /// By name in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// Key, date, region and service that it is signed for.
    fn scope(&self) -> Vec<&str> {
        let header = self.headers.get("authorization").map_or("", String::as_str);
        let scope = header.split_once("Credential=").map_or("", |(_, rest)| rest);
        scope.split(',').next().unwrap_or_default().split('/').collect()
    }

    /// The access key that it is signed with.
    pub(crate) fn key(&self) -> &str {
        self.scope().first().copied().unwrap_or_default()
    }

    /// The region that it is signed for.
    pub(crate) fn region(&self) -> Option<&str> {
        self.scope().get(2).copied()
    }

    /// The service that it is signed for: `iam`, `s3`, `sts`, `organizations`, `ssm`.
    pub(crate) fn service(&self) -> Option<&str> {
        self.scope().get(3).copied()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The operation of a JSON service (`CloseAccount`) or of a query service (`AssumeRole`); of S3 the method.
    pub(crate) fn operation(&self) -> String {
        let target = self.headers.get("x-amz-target").and_then(|t| t.rsplit('.').next());
        let body = self.text();
        let action = body.split('&').find_map(|pair| pair.strip_prefix("Action="));
        match self.service() {
            Some("s3") => self.method.clone(),
            _ => target.or(action).unwrap_or("").to_owned(),
        }
    }

    /// Path and query, of a whole URL too.
    pub(crate) fn path(&self) -> &str {
        let rest = self.uri.split_once("://").map(|(_, rest)| rest);
        rest.and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or(&self.uri)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// By name in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Its first line and headers. Of a `HEAD` the length is that of the body which is not sent.
    pub(crate) fn head(&self, of: &Request) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} X\r\n", self.status);
        let mut length = self.body.len().to_string();
        for (name, value) in &self.headers {
            match name.as_str() {
                "content-length" if of.method == "HEAD" => length.clone_from(value),
                "content-length" => {}
                _ => write!(out, "{name}: {value}\r\n").expect("text"),
            }
        }
        write!(out, "content-length: {length}\r\n\r\n").expect("text");
        out.into_bytes()
    }

    /// All of it.
    pub(crate) fn bytes(&self, of: &Request) -> Vec<u8> {
        let mut bytes = self.head(of);
        if of.method != "HEAD" {
            bytes.extend(&self.body);
        }
        bytes
    }
}

/// What servers run on, apart from the test's own.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// The next request of a connection; nothing at its end.
pub(crate) async fn read<S>(stream: &mut BufReader<S>) -> Option<Request>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
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
    if headers.contains_key("expect") {
        stream.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.ok()?;
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
    Some(Request { method, uri, headers, body })
}

/// Has the embedded AWS carry a request out; nothing where it cuts the connection.
pub(crate) async fn ask(sandbox: &Sandbox, request: &Request) -> Option<Response> {
    let mut call = HttpRequest::new(SdkBody::from(request.body.clone()));
    call.set_method(&request.method).ok()?;
    call.set_uri(format!("https://{}{}", request.headers.get("host")?, request.path())).ok()?;
    for (name, value) in &request.headers {
        call.headers_mut().insert(name.clone(), value.clone());
    }
    let answer = sandbox.answer(call).await.ok()?;
    let status = answer.status().as_u16();
    let headers =
        answer.headers().iter().map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    let body = ByteStream::new(answer.into_body()).collect().await.ok()?.to_vec();
    Some(Response { status, headers, body })
}
