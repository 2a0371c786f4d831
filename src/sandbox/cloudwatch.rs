//! Metrics, alarms and dashboards: winterbaume's service, one per account, its state kept with everything else.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use winterbaume_cloudwatch::CloudWatchService;
use winterbaume_core::{MockRequest, MockService as _, StatefulService as _, default_account_id};

use super::caller::Caller;
use super::state::{Opaque, SandboxState};
use super::wire::{Call, Refusal, Reply, form};

/// The state of one account and region.
pub(crate) type Snapshot = Opaque;

/// The running services by account.
#[derive(Default)]
pub(crate) struct Services(BTreeMap<String, Arc<CloudWatchService>>);

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({})", self.0.len())
    }
}

/// The API's name for a request, in the CBOR protocol (from the path) or the query protocol.
pub(crate) fn operation(call: &Call) -> String {
    match call.path.split_once("/operation/") {
        Some((_, operation)) => operation.to_owned(),
        None => form(&String::from_utf8_lossy(&call.body)).remove("Action").unwrap_or_default(),
    }
}

impl Services {
    /// Drops what runs: the rows changed under it.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    async fn of(&mut self, state: &SandboxState, account: &str) -> Arc<CloudWatchService> {
        if let Some(service) = self.0.get(account) {
            return Arc::clone(service);
        }
        let service = Arc::new(CloudWatchService::new());
        for (key, snapshot) in state.cloudwatch.scan(&format!("{account}/")) {
            let region = key.rsplit('/').next().unwrap_or_default();
            if let Ok(view) = serde_json::from_value(snapshot.0.clone()) {
                let _ = service.restore(default_account_id(), region, view).await;
            }
        }
        self.0.insert(account.to_owned(), Arc::clone(&service));
        service
    }

    /// Serves one request.
    pub(crate) async fn serve(
        &mut self,
        state: &mut SandboxState,
        call: &Call,
        caller: &Caller,
    ) -> Result<Reply, Refusal> {
        let service = self.of(state, &caller.account).await;
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
            {
                headers.insert(name, value);
            }
        }
        // the region goes by the host name there
        let uri = format!("https://monitoring.{}.amazonaws.com{}", call.region, call.path);
        let request =
            MockRequest { method: call.method.clone(), uri, headers, body: call.body.clone() };
        let response = service.handle(request).await;
        let reading = ["Get", "List", "Describe"].iter().any(|p| call.operation.starts_with(p));
        if !reading && response.status < 300 {
            let view = service.snapshot(default_account_id(), &call.region).await;
            if let Ok(value) = serde_json::to_value(view) {
                let key = format!("{}/{}", caller.account, call.region);
                state.cloudwatch.insert(key, Opaque(value));
            }
        }
        let headers = response
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        Ok(Reply { status: response.status, headers, body: response.body })
    }
}
