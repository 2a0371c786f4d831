//! `http`: a URL answers as expected, so many times in a row, in time.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use regex::Regex;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, NoProxy, Proxy};
use serde_json::json;

use super::block::GateBlock;
use super::context::GateContext;
use super::contract::{Gate, GateType};
use super::evidence::{GateFinding, GateOutcome};
use crate::diag::Diagnostic;
use crate::redact::{Audience, Redactions};
use crate::schema::{duration, gates};

/// How long the gate tries when it says nothing, in seconds.
const TIMEOUT: i64 = 60;
/// Seconds between two requests when it says nothing.
const INTERVAL: i64 = 5;
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Bytes of an answer that are looked at.
const BODY: usize = 1024 * 1024;
/// Bytes of it that are kept.
const KEPT: usize = 1024;

pub(super) static TYPE: GateType = GateType {
    schema: &gates::HTTP,
    judged_early: false,
    quotes_others: true,
    takes_approvals: false,
    binds_rollbacks: false,
    judged_again: false,
    read: |block| Box::new(Http::read(block)),
};

/// An endpoint.
#[derive(Clone, Debug)]
struct Http {
    url: String,
    status: u16,
    body: Option<Regex>,
    headers: BTreeMap<String, String>,
    count: usize,
    interval: i64,
    timeout: i64,
}

/// What one request came to.
struct HttpAnswer {
    fits: bool,
    status: Option<u16>,
    text: String,
    body: String,
}

impl Http {
    fn read(block: &mut GateBlock<'_>) -> Self {
        let headers = block.map("headers");
        for (name, value) in &headers {
            if HeaderName::try_from(name.as_str()).is_err()
                || HeaderValue::try_from(value.as_str()).is_err()
            {
                block.diagnostics.push(
                    Diagnostic::error(format!("`{name}` is no header that can be sent"))
                        .at(block.body.loc_of("headers").clone())
                        .help("names are letters, digits and hyphens; values are one line"),
                );
            }
        }
        Self {
            url: block.text("url").unwrap_or_default(),
            status: block.count("status").and_then(|s| u16::try_from(s).ok()).unwrap_or(200),
            body: block.text("body").and_then(|b| Regex::new(&b).ok()),
            headers,
            count: block.count("count").unwrap_or(1).max(1),
            interval: block.seconds("interval").unwrap_or(INTERVAL),
            timeout: block.seconds("timeout").unwrap_or(TIMEOUT),
        }
    }

    /// A client that follows no redirect: the answer of the URL itself counts. Proxies are those of
    /// the environment, and this machine is never reached through one.
    fn client(&self, vars: &BTreeMap<String, String>) -> Result<Client, reqwest::Error> {
        let var = |name: &str| {
            let found = vars.get(name).or_else(|| vars.get(&name.to_ascii_lowercase()));
            found.map(String::as_str).filter(|v| !v.is_empty())
        };
        let besides = format!("localhost,127.0.0.1,::1,{}", var("NO_PROXY").unwrap_or_default());
        let besides = NoProxy::from_string(&besides);
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("palisade/", env!("CARGO_PKG_VERSION")))
            .default_headers(
                self.headers
                    .iter()
                    .filter_map(|(name, value)| {
                        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
                    })
                    .collect::<HeaderMap>(),
            );
        if let Some(url) = var("HTTPS_PROXY") {
            builder = builder.proxy(Proxy::https(url)?.no_proxy(besides.clone()));
        }
        // `HTTP_PROXY` in capitals may come from a request's `Proxy` header under CGI.
        if let Some(url) = vars.get("http_proxy").filter(|v| !v.is_empty()) {
            builder = builder.proxy(Proxy::http(url)?.no_proxy(besides));
        }
        builder.build()
    }

    async fn ask(&self, client: &Client, limit: Duration, redactions: &Redactions) -> HttpAnswer {
        let failed =
            |text: String| HttpAnswer { fits: false, status: None, text, body: String::new() };
        let mut response = match client.get(&self.url).timeout(limit).send().await {
            Ok(response) => response,
            Err(error) if error.is_timeout() => return failed("no answer in time".to_owned()),
            Err(error) => return failed(innermost(&error)),
        };
        let status = response.status();
        let mut body = Vec::new();
        let mut cut = None;
        while body.len() < BODY {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    body.extend_from_slice(
                        chunk.get(..chunk.len().min(BODY - body.len())).unwrap_or_default(),
                    );
                }
                Ok(None) => break,
                Err(error) => {
                    cut = Some(innermost(&error));
                    break;
                }
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        let mut text = status.to_string();
        let mut fits = status.as_u16() == self.status;
        if let Some(why) = cut {
            fits = false;
            text.push_str(&format!(", and its body broke off: {why}"));
        } else if let Some(pattern) = &self.body
            && !pattern.is_match(&body)
        {
            fits = false;
            text.push_str(&format!(", and its body does not match `{pattern}`"));
        }
        // Before it is shortened: half of a secret is none that can be recognised.
        let body = redactions.text(&body, Audience::GateOutput);
        let end =
            (0..=KEPT.min(body.len())).rev().find(|at| body.is_char_boundary(*at)).unwrap_or(0);
        let body = body.get(..end).unwrap_or_default().to_owned();
        HttpAnswer { fits, status: Some(status.as_u16()), text, body }
    }
}

#[async_trait]
impl Gate for Http {
    async fn judge(&self, context: &GateContext<'_>) -> GateFinding {
        let client = match self.client(context.vars) {
            Ok(client) => client,
            Err(error) => {
                let why = innermost(&error);
                return GateFinding::new(
                    GateOutcome::Failed,
                    format!("no HTTP client can be made: {why}"),
                    json!({"url": self.url}),
                );
            }
        };
        let limit = self.limit().unwrap_or_default();
        let pause = Duration::from_secs(u64::try_from(self.interval).unwrap_or(0));
        let began = context.clock.elapsed();
        let (mut in_a_row, mut requests) = (0, 0_usize);
        let last = loop {
            let left = limit.saturating_sub(context.clock.elapsed().saturating_sub(began));
            let answer = self.ask(&client, left.min(ANSWER), context.redactions).await;
            requests += 1;
            in_a_row = if answer.fits { in_a_row + 1 } else { 0 };
            let spent = context.clock.elapsed().saturating_sub(began);
            if in_a_row >= self.count || spent + pause >= limit {
                break answer;
            }
            context.clock.sleep(pause).await;
        };
        let detail = json!({
            "url": self.url,
            "requests": requests,
            "in_a_row": in_a_row,
            "count": self.count,
            "status": last.status,
            "body": last.body,
            "seconds": context.clock.elapsed().saturating_sub(began).as_secs(),
        });
        if in_a_row >= self.count {
            let times = if self.count == 1 {
                String::new()
            } else {
                format!(" {} times in a row", self.count)
            };
            return GateFinding::new(
                GateOutcome::Passed,
                format!("{} answered {}{times}", self.url, last.text),
                detail,
            );
        }
        let within = duration::text(self.timeout);
        let summary = if last.fits {
            format!(
                "{} answered as expected {in_a_row} of {} times in a row within {within}",
                self.url, self.count
            )
        } else {
            format!("{} did not answer as expected within {within}: {}", self.url, last.text)
        };
        GateFinding::new(GateOutcome::Failed, summary, detail)
    }

    fn limit(&self) -> Option<Duration> {
        u64::try_from(self.timeout).ok().map(Duration::from_secs)
    }
}

/// The innermost cause says most: "connection refused".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
