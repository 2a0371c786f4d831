//! The gates of promotion edges and of `verify` blocks: what each type of gate holds.

use super::block_schema::{Attr, BlockSchema, Nested, Ty};
use super::kinds::account;

/// A type of gate.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// The first label of its block: `gate "soak" "one_day"`.
    pub ty: &'static str,
    /// What it holds.
    pub block: &'static BlockSchema,
    /// One sentence for the docs.
    pub doc: &'static str,
}

/// Every type of gate.
#[must_use]
pub fn gates() -> &'static [Gate] {
    &GATES
}

/// The type of gate of that name.
#[must_use]
pub fn gate(ty: &str) -> Option<&'static Gate> {
    GATES.iter().find(|g| g.ty == ty)
}

/// Stands for "what the gate's type says".
pub(super) static GATE: BlockSchema = BlockSchema { attrs: &[], blocks: &[] };

/// The `verify` block of an environment.
pub(super) static VERIFY: BlockSchema = BlockSchema {
    attrs: &[Attr::optional("timeout", Ty::Duration, "How long verification may take in all.")],
    blocks: &[Nested {
        name: "gate",
        labels: &["type", "name"],
        min: 0,
        max: 0,
        block: &GATE,
        doc: "What must pass for a release to count as verified.",
    }],
};

const STRING: Ty = Ty::String;
const TIMEOUT: Attr = Attr::optional("timeout", Ty::Duration, "How long it may take.");
const ENVIRONMENTS: Attr = Attr::optional(
    "environments",
    Ty::Set(&Ty::Ref { kinds: &["environment"], text: false }),
    "The environments that are looked at; both ends of the edge by default.",
);
const ACCOUNT: Attr = Attr::optional(
    account::KIND,
    Ty::Ref { kinds: &[account::KIND], text: false },
    "The account that is asked; the only one of the target environment by default.",
);
const REGION: Attr =
    Attr::optional("region", STRING, "The region that is asked; the environment's by default.");

const fn flat(attrs: &'static [Attr]) -> BlockSchema {
    BlockSchema { attrs, blocks: &[] }
}

static GATES: [Gate; 10] = [
    Gate { ty: "command", block: &COMMAND, doc: "A program exits with 0." },
    Gate { ty: "http", block: &HTTP, doc: "A URL answers as expected." },
    Gate { ty: "soak", block: &SOAK, doc: "The release has run without a break for a while." },
    Gate { ty: "approval", block: &APPROVAL, doc: "Enough people have approved." },
    Gate { ty: "no_drift", block: &NO_DRIFT, doc: "Nothing was changed outside Palisade." },
    Gate { ty: "parity", block: &PARITY, doc: "Both ends have the same config keys." },
    Gate {
        ty: "isolation_unchanged",
        block: &ISOLATION_UNCHANGED,
        doc: "The plan opens no path into the target.",
    },
    Gate { ty: "alarm", block: &ALARM, doc: "CloudWatch alarms are OK." },
    Gate { ty: "metric", block: &METRIC, doc: "A CloudWatch metric stays within limits." },
    Gate { ty: "freeze", block: &FREEZE, doc: "Now is outside every window." },
];

static COMMAND: BlockSchema = flat(&[
    Attr::required("command", Ty::List(&STRING), "The program and its arguments; no shell is run."),
    Attr::optional("environment", Ty::Map(&STRING), "Variables that it gets beside `PALISADE_*`."),
    Attr::optional("directory", STRING, "Where it runs; the configuration's directory by default."),
    TIMEOUT,
]);

static HTTP: BlockSchema = flat(&[
    Attr::required("url", STRING, "What is asked, by GET."),
    Attr::optional("status", Ty::Number, "The expected status (default 200)."),
    Attr::optional("body", STRING, "A regular expression that the body must match."),
    Attr::optional("headers", Ty::Map(&STRING), "Headers of the request."),
    Attr::optional("count", Ty::Number, "How many answers in a row must fit (default 1)."),
    Attr::optional("interval", Ty::Duration, "Time between two requests (default 5s)."),
    TIMEOUT,
]);

static SOAK: BlockSchema = flat(&[Attr::required(
    "duration",
    Ty::Duration,
    "How long the release must have been current and verified.",
)]);

static APPROVAL: BlockSchema = flat(&[
    Attr::optional("count", Ty::Number, "How many different people (default 1)."),
    Attr::optional("principals", Ty::List(&STRING), "ARNs or ARN patterns of who may approve."),
    Attr::optional("expires_after", Ty::Duration, "How long an approval counts (default 24h)."),
]);

static NO_DRIFT: BlockSchema = flat(&[ENVIRONMENTS]);

static PARITY: BlockSchema = flat(&[Attr::optional(
    "allowed_differences",
    Ty::Set(&STRING),
    "Config keys (`schema/key`) whose values may differ.",
)]);

static ISOLATION_UNCHANGED: BlockSchema = flat(&[]);

static ALARM: BlockSchema = flat(&[
    Attr::required("alarms", Ty::Set(&STRING), "Names of the alarms."),
    Attr::optional("insufficient_data", STRING, "`fail` (default) or `pass`."),
    ACCOUNT,
    REGION,
]);

static METRIC: BlockSchema = flat(&[
    Attr::required("namespace", STRING, "The metric's name space."),
    Attr::required("metric", STRING, "The metric's name."),
    Attr::optional("dimensions", Ty::Map(&STRING), "Its dimensions."),
    Attr::required("statistic", STRING, "`Average`, `Sum`, `Maximum`, `Minimum`, `p99`, ..."),
    Attr::optional("period", Ty::Duration, "Over how long it is taken (default 5m)."),
    Attr::optional("max", Ty::Number, "The greatest value that passes."),
    Attr::optional("min", Ty::Number, "The least value that passes."),
    Attr::optional(
        "max_increase_percent",
        Ty::Number,
        "How far above the recorded baseline it may be.",
    ),
    ACCOUNT,
    REGION,
]);

static FREEZE: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional("timezone", STRING, "IANA time zone of the windows (default UTC)."),
        Attr::optional("permits", Ty::Set(&STRING), "What is possible all the same: `rollback`."),
    ],
    blocks: &[Nested {
        name: "window",
        labels: &[],
        min: 1,
        max: 0,
        block: &WINDOW,
        doc: "A time in which nothing moves.",
    }],
};

static WINDOW: BlockSchema = flat(&[
    Attr::optional("from", STRING, "First day or moment, `2026-12-20` or `2026-12-20T18:00`."),
    Attr::optional("to", STRING, "Last day or moment."),
    Attr::optional("weekdays", Ty::Set(&STRING), "`mon` to `sun`."),
    Attr::optional("hours", STRING, "Hours of the day, `18:00-06:00`."),
    Attr::optional("reason", STRING, "What to tell who runs into it."),
]);
