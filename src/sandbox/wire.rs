//! What goes over the wire: a request taken apart, an answer, and a refusal before its protocol dresses it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::caller::Caller;
use super::clock::Instant;
use super::faults::EventualConsistency;
use super::state::SandboxState;

/// A service of the emulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Identity and access management.
    Iam,
    /// Security tokens.
    Sts,
    /// Organizations.
    Organizations,
    /// Accounts themselves: their names.
    Account,
    /// Object storage.
    S3,
    /// Account-wide settings of object storage.
    S3Control,
    /// Parameters.
    Ssm,
    /// Metrics, alarms, dashboards.
    CloudWatch,
    /// Stacks.
    CloudFormation,
    /// Objects of any resource type.
    CloudControl,
    /// Keys.
    Kms,
    /// Secrets.
    SecretsManager,
    /// Queues.
    Sqs,
    /// Topics.
    Sns,
    /// Functions.
    Lambda,
    /// Tables.
    DynamoDb,
    /// Repositories of images.
    Ecr,
}

impl Service {
    /// The prefix of its actions, such as `iam`.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Organizations => "organizations",
            Self::Account => "account",
            Self::S3 | Self::S3Control => "s3",
            Self::Ssm => "ssm",
            Self::CloudWatch => "cloudwatch",
            Self::CloudControl | Self::CloudFormation => "cloudformation",
            Self::Kms => "kms",
            Self::SecretsManager => "secretsmanager",
            Self::Sqs => "sqs",
            Self::Sns => "sns",
            Self::Lambda => "lambda",
            Self::DynamoDb => "dynamodb",
            Self::Ecr => "ecr",
        }
    }
}

/// One request, taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) method: String,
    /// Whether it came over TLS, as far as its address says.
    pub(crate) secure: bool,
    pub(crate) host: String,
    /// Still percent-encoded.
    pub(crate) path: String,
    /// Decoded; a key without `=` has an empty value.
    pub(crate) query: BTreeMap<String, String>,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) region: String,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }
}

/// `%41+b` as a form or query writes it.
pub(crate) fn form_decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What separates the values of a name that stands in a query more than once: a control character, which
/// neither a name nor a tag may hold.
pub(crate) const REPEATED: char = '\u{1f}';

/// The pairs of a query string or a form body.
pub(crate) fn form(text: &str) -> BTreeMap<String, String> {
    let mut pairs: BTreeMap<String, String> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = form_decode(value);
        pairs
            .entry(form_decode(key))
            .and_modify(|values| {
                values.push(REPEATED);
                values.push_str(&value);
            })
            .or_insert(value);
    }
    pairs
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// A refusal: what AWS would answer, before the service's protocol dresses it.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    /// Organizations: the `Reason` member of its constraint errors.
    pub(crate) reason: Option<&'static str>,
}

impl Refusal {
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), reason: None }
    }

    pub(crate) fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// The answer to a request that names an operation which is not emulated.
    pub(crate) fn not_emulated(service: Service, operation: &str) -> Self {
        Self::new(
            501,
            "NotImplemented",
            format!("the sandbox does not emulate {}:{operation}", service.prefix()),
        )
    }
}

/// What a handler works on.
pub(crate) struct Ctx<'a> {
    pub(crate) state: &'a mut SandboxState,
    pub(crate) caller: &'a Caller,
    pub(crate) now: Instant,
    pub(crate) region: &'a str,
    pub(crate) consistency: &'a mut EventualConsistency,
}

impl Ctx<'_> {
    /// A number that no other session of this name has; from the clock and the rows, so that it needs no row of its own.
    pub(crate) fn nonce(&self) -> u64 {
        u64::try_from(self.now.0).unwrap_or(0)
    }
}
