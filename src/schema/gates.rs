//! The gates of promotion edges and of `verify` blocks: what each type of gate holds, and what its values may
//! say beyond their types. How it judges stands in a file of its own in `promotion/gate/`, which names the
//! declaration here.

use jiff::tz::TimeZoneDatabase;

use super::block_schema::{Attr, BlockSchema, Nested, Ty};
use super::body::Body;
use super::checks::{Checks, known, texts};
use super::civil::{WEEKDAYS, hours, moment};
use super::kinds::account;
use crate::ids::Region;

/// The declaration of a type of gate.
#[derive(Debug)]
pub struct GateSchema {
    /// The first label of its block: `gate "soak" "one_day"`.
    pub ty: &'static str,
    /// What it holds.
    pub block: &'static BlockSchema,
    /// One sentence for the docs.
    pub doc: &'static str,
    /// What its values may say beyond their types; unknown ones are left alone.
    check: fn(&mut Checks, &Body),
}

/// Every type of gate, in the order in which messages list them.
static GATES: &[&GateSchema] = &[
    &COMMAND,
    &HTTP,
    &SOAK,
    &APPROVAL,
    &NO_DRIFT,
    &PARITY,
    &ISOLATION_UNCHANGED,
    &ALARM,
    &METRIC,
    &FREEZE,
];

/// Every type of gate.
#[must_use]
pub fn gates() -> &'static [&'static GateSchema] {
    GATES
}

/// The type of gate of that name.
#[must_use]
pub fn gate(ty: &str) -> Option<&'static GateSchema> {
    GATES.iter().copied().find(|gate| gate.ty == ty)
}

/// Checks the gates of a `promotion` or `verify` block.
pub(super) fn check(checks: &mut Checks, body: &Body) {
    for block in body.nested("gate") {
        let Some(gate) = block.labels.first().and_then(|l| gate(&l.value)) else { continue };
        let body = &block.body;
        for attr in gate.block.attrs.iter().filter(|attr| matches!(attr.ty, Ty::Duration)) {
            let attr = attr.name;
            if let Some((value, loc)) = known(body, attr)
                && value.as_i64() == Some(0)
            {
                checks.error(
                    loc,
                    format!("`{attr}` is zero"),
                    "write a length of time such as `5m`",
                );
            }
        }
        if let Some((value, loc)) = known(body, "count")
            && value.as_i64().is_none_or(|n| !(1..=1_000).contains(&n))
        {
            checks.error(loc, "`count` must be 1 to 1000", "a whole number");
        }
        (gate.check)(checks, body);
    }
}

/// For gates whose values can be anything of their types.
fn anything(_: &mut Checks, _: &Body) {}

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
    Attr::optional("region", STRING, "The Region that is asked; the environment's by default.");

const fn flat(attrs: &'static [Attr]) -> BlockSchema {
    BlockSchema { attrs, blocks: &[] }
}

/// The declaration of `command`.
pub static COMMAND: GateSchema = GateSchema {
    ty: "command",
    block: &COMMAND_BLOCK,
    doc: "A program exits with 0.",
    check: check_command,
};

static COMMAND_BLOCK: BlockSchema = flat(&[
    Attr::required("command", Ty::List(&STRING), "The program and its arguments; no shell is run."),
    Attr::optional("environment", Ty::Map(&STRING), "Variables that it gets beside `PALISADE_*`."),
    Attr::optional("directory", STRING, "Where it runs; the configuration's directory by default."),
    TIMEOUT,
]);

fn check_command(checks: &mut Checks, body: &Body) {
    if let Some((value, loc)) = known(body, "command")
        && (value.elements().is_some_and(|e| e.is_empty()) || texts(value).first() == Some(&""))
    {
        checks.error(
            loc,
            "the command is empty",
            "write `command = [\"./smoke-test\", \"--fast\"]`",
        );
    }
}

/// The declaration of `http`.
pub static HTTP: GateSchema = GateSchema {
    ty: "http",
    block: &HTTP_BLOCK,
    doc: "A URL answers as expected.",
    check: check_http,
};

static HTTP_BLOCK: BlockSchema = flat(&[
    Attr::required("url", STRING, "What is asked, by GET."),
    Attr::optional("status", Ty::Number, "The expected status (default 200)."),
    Attr::optional("body", STRING, "A regular expression that the body must match."),
    Attr::optional("headers", Ty::Map(&STRING), "Headers of the request."),
    Attr::optional("count", Ty::Number, "How many answers in a row must fit (default 1)."),
    Attr::optional("interval", Ty::Duration, "Time between two requests (default 5s)."),
    TIMEOUT,
]);

fn check_http(checks: &mut Checks, body: &Body) {
    if let Some((value, loc)) = known(body, "url")
        && let Some(text) = value.as_str()
        && !["http://", "https://"]
            .iter()
            .any(|p| text.strip_prefix(p).is_some_and(|r| !r.is_empty()))
    {
        checks.error(
            loc,
            format!("`{text}` is no URL"),
            "it must start with `https://` or `http://`",
        );
    }
    if let Some((value, loc)) = known(body, "status")
        && value.as_i64().is_none_or(|n| !(100..=599).contains(&n))
    {
        checks.error(loc, "`status` must be an HTTP status", "100 to 599, such as 200");
    }
    if let Some((value, loc)) = known(body, "body")
        && let Some(text) = value.as_str()
        && let Err(error) = regex::Regex::new(text)
    {
        let why = error.to_string();
        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        checks.error(
            loc,
            format!("`body` is no regular expression: {why}"),
            "escape it with `\\\\`",
        );
    }
}

/// The declaration of `soak`.
pub static SOAK: GateSchema = GateSchema {
    ty: "soak",
    block: &SOAK_BLOCK,
    doc: "The release has run without a break for a while.",
    check: anything,
};

static SOAK_BLOCK: BlockSchema = flat(&[Attr::required(
    "duration",
    Ty::Duration,
    "How long the release must have been current and verified.",
)]);

/// The declaration of `approval`.
pub static APPROVAL: GateSchema = GateSchema {
    ty: "approval",
    block: &APPROVAL_BLOCK,
    doc: "Enough people have approved.",
    check: check_approval,
};

static APPROVAL_BLOCK: BlockSchema = flat(&[
    Attr::optional("count", Ty::Number, "How many different people (default 1)."),
    Attr::optional("principals", Ty::List(&STRING), "ARNs or ARN patterns of who may approve."),
    Attr::optional("expires_after", Ty::Duration, "How long an approval counts (default 24h)."),
]);

fn check_approval(checks: &mut Checks, body: &Body) {
    let Some((value, loc)) = known(body, "principals") else { return };
    if texts(value).is_empty() && !value.has_unknown() {
        let help = "name ARNs or patterns, or leave `principals` out: then everybody may who can write to the backend";
        checks.error(loc, "nobody may approve: `principals` is empty", help);
        return;
    }
    for text in texts(value).into_iter().filter(|t| !t.starts_with("arn:") && !t.contains('*')) {
        let help = "write `arn:aws:iam::111111111111:role/board-*`, for instance";
        checks.error(loc.of_element(text), format!("`{text}` is no ARN and no pattern"), help);
    }
}

/// The declaration of `no_drift`.
pub static NO_DRIFT: GateSchema = GateSchema {
    ty: "no_drift",
    block: &NO_DRIFT_BLOCK,
    doc: "Nothing was changed outside Palisade.",
    check: anything,
};

static NO_DRIFT_BLOCK: BlockSchema = flat(&[ENVIRONMENTS]);

/// The declaration of `parity`.
pub static PARITY: GateSchema = GateSchema {
    ty: "parity",
    block: &PARITY_BLOCK,
    doc: "Both ends have the same config keys.",
    check: anything,
};

static PARITY_BLOCK: BlockSchema = flat(&[Attr::optional(
    "allowed_differences",
    Ty::Set(&STRING),
    "Config keys (`schema/key`) whose values may differ.",
)]);

/// The declaration of `isolation_unchanged`.
pub static ISOLATION_UNCHANGED: GateSchema = GateSchema {
    ty: "isolation_unchanged",
    block: &ISOLATION_UNCHANGED_BLOCK,
    doc: "The plan opens no path into the target.",
    check: anything,
};

static ISOLATION_UNCHANGED_BLOCK: BlockSchema = flat(&[]);

/// The declaration of `alarm`.
pub static ALARM: GateSchema = GateSchema {
    ty: "alarm",
    block: &ALARM_BLOCK,
    doc: "CloudWatch alarms are OK.",
    check: check_alarm,
};

static ALARM_BLOCK: BlockSchema = flat(&[
    Attr::required("alarms", Ty::Set(&STRING), "Names of the alarms."),
    Attr::optional("insufficient_data", STRING, "`fail` (default) or `pass`."),
    ACCOUNT,
    REGION,
]);

fn check_alarm(checks: &mut Checks, body: &Body) {
    checks.choice(body, "insufficient_data", &["fail", "pass"]);
    let Some((value, loc)) = known(body, "alarms") else { return check_region(checks, body) };
    let names = texts(value);
    if (names.is_empty() && !value.has_unknown()) || names.contains(&"") {
        checks.error(loc, "the gate names no alarm", "write `alarms = [\"shop-5xx\"]`");
    }
    check_region(checks, body);
}

fn check_region(checks: &mut Checks, body: &Body) {
    if let Some((value, loc)) = known(body, "region")
        && let Some(text) = value.as_str()
        && let Err(error) = text.parse::<Region>()
    {
        checks.error(loc, error.to_string(), "write one such as `eu-west-1`");
    }
}

/// The declaration of `metric`.
pub static METRIC: GateSchema = GateSchema {
    ty: "metric",
    block: &METRIC_BLOCK,
    doc: "A CloudWatch metric stays within limits.",
    check: check_metric,
};

static METRIC_BLOCK: BlockSchema = flat(&[
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

fn check_metric(checks: &mut Checks, body: &Body) {
    check_region(checks, body);
    let limits = ["max", "min", "max_increase_percent"];
    if !limits.iter().any(|l| body.get(l).is_some()) {
        let help = "give `max`, `min` or `max_increase_percent`";
        checks.error(body.loc.clone(), "the metric has no limit", help);
    }
}

/// The declaration of `freeze`.
pub static FREEZE: GateSchema = GateSchema {
    ty: "freeze",
    block: &FREEZE_BLOCK,
    doc: "Now is outside every window.",
    check: check_freeze,
};

static FREEZE_BLOCK: BlockSchema = BlockSchema {
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

fn check_freeze(checks: &mut Checks, body: &Body) {
    checks.choice(body, "permits", &["rollback"]);
    if let Some((value, loc)) = known(body, "timezone")
        && let Some(text) = value.as_str()
        && TimeZoneDatabase::bundled().get(text).is_err()
    {
        checks.error(
            loc,
            format!("`{text}` is no time zone"),
            "write an IANA name such as `Europe/Berlin`, or `UTC`",
        );
    }
    for window in body.nested("window") {
        let body = &window.body;
        checks.choice(body, "weekdays", &WEEKDAYS);
        if !["from", "to", "weekdays", "hours"].iter().any(|n| body.get(n).is_some()) {
            let help = "give `from` and `to`, `weekdays` or `hours`";
            checks.error(body.loc.clone(), "the window says no time", help);
        }
        let mut moments = Vec::new();
        for name in ["from", "to"] {
            let Some((value, loc)) = known(body, name) else { continue };
            let Some(text) = value.as_str() else { continue };
            match moment(text) {
                Some(at) => moments.push((name, at, loc)),
                None => checks.error(
                    loc,
                    format!("`{text}` is neither a day nor a moment"),
                    "write `2026-12-20`, or `2026-12-20T18:00`",
                ),
            }
        }
        if let [(_, from, _), (_, to, loc)] = moments.as_slice()
            && to < from
        {
            checks.error(
                loc.clone(),
                "the window ends before it starts",
                "exchange `from` and `to`",
            );
        }
        if let Some((value, loc)) = known(body, "hours")
            && let Some(text) = value.as_str()
            && hours(text).is_none()
        {
            checks.error(loc, format!("`{text}` are no hours"), "write `18:00-06:00`");
        }
    }
}
