//! Broken rules as SARIF 2.1.0, for code scanning: violations of the walls, exceptions that end, findings, failed
//! checks, and what is wrong with the configuration.
//!
//! GitHub refuses a whole upload for one result without a location, shows at most 5,000 results of a run, and
//! reads paths from the repository's root. So every result has a place in this checkout: of a path its first
//! cause, else what grants it, else the rule; of anything else its own block; and where nothing is known, the
//! place where the configuration names the estate.
//! (GitHub Docs, "SARIF support for code scanning"; OASIS, "SARIF Version 2.1.0".)

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::diag;
use crate::isolation::section::{
    AccessPath, ExceptionStatus, ExceptionUse, Finding, FindingKind, Grant, Isolation,
    RuleSeverity, WallVerdict,
};
use crate::plan::model::{
    Action, Check, CheckStatus, Plan, PlanDiagnostic, PlanEstate, PlanLocation, ResourceChange,
    Selection,
};
use crate::schema::{AccessPart, access_of};

use super::isolation::view;
use super::refusal::summary;
use super::style::safe;
use super::verdict::{Headline, exceptions};
use crate::engine::refusal::PlanRefusal;
use crate::engine::review::ReviewOutcome;

/// GitHub shows no more results of a run.
const RESULTS: usize = 5_000;
/// Places beside the first one that a result names.
const RELATED: usize = 20;
/// Longest message, in characters.
const MESSAGE: usize = 2_000;

/// Writes the log. `below` is the configuration's directory from the repository's root.
///
/// # Errors
/// Those of the writer.
pub fn plan(plan: &Plan, below: &str, out: &mut dyn Write) -> io::Result<()> {
    let log = Log::new(below, &plan.estate, &plan.selection);
    let declared: BTreeMap<String, &str> = plan
        .resource_changes
        .iter()
        .filter_map(|c| Some((c.display.clone(), c.location.as_deref()?)))
        .collect();
    let mut results = Vec::new();
    for path in &plan.isolation.violations {
        results.push(log.violation(&plan.isolation, &plan.resource_changes, path));
    }
    results.extend(plan.isolation.exceptions.iter().filter_map(|permit| log.exception(permit)));
    let findings = view::alike(&plan.isolation.findings, &plan.accounts);
    results.extend(findings.iter().filter_map(|finding| log.finding(finding, &declared)));
    let failed = plan.checks.iter().filter(|c| c.status == CheckStatus::Fail);
    results.extend(failed.map(|check| log.check(check)));
    results.extend(plan.diagnostics.iter().map(|d| log.diagnostic(d)));
    let headline = Headline::of(plan);
    let facts: Vec<String> =
        headline.facts.iter().map(|f| message(&format!("{}: {}", f.label, f.text))).collect();
    let properties = json!({
        "verdict": headline.sentence,
        "facts": facts,
        "summary": serde_json::to_value(&plan.summary).unwrap_or_default(),
        "digest": plan.digest,
    });
    log.write(&plan.palisade_version, results, properties, out)
}

/// Writes what a review found: broken walls and findings.
///
/// # Errors
/// Those of the writer.
pub fn review(outcome: &ReviewOutcome, below: &str, out: &mut dyn Write) -> io::Result<()> {
    let section = &outcome.isolation;
    // What has no place of its own is shown at what was judged.
    let judged = outcome.change.policy.iter().map(|tried| &tried.file);
    let files = &outcome.change;
    let mut judged = judged.chain(&files.terraform_plans).chain(&files.cloudformation_templates);
    let uri = judged.find_map(|file| uri(below, file)).unwrap_or_else(|| "main.tf".to_owned());
    let log = Log {
        below,
        place: FilePlace { uri, line: 1, column: None },
        id: format!("palisade/review/{}/", identifier(&section.environments.join("-"))),
    };
    let mut results: Vec<Entry> =
        section.violations.iter().map(|path| log.violation(section, &[], path)).collect();
    results.extend(section.exceptions.iter().filter_map(|permit| log.exception(permit)));
    let findings = view::alike(&section.findings, &[]);
    results.extend(findings.iter().filter_map(|one| log.finding(one, &BTreeMap::new())));
    let properties = json!({
        "verdict": super::review::sentence(outcome),
        "summary": serde_json::to_value(&outcome.summary).unwrap_or_default(),
    });
    log.write(env!("CARGO_PKG_VERSION"), results, properties, out)
}

/// Writes why there is no plan.
///
/// # Errors
/// Those of the writer.
pub fn refusal(refusal: &PlanRefusal, below: &str, out: &mut dyn Write) -> io::Result<()> {
    let estate = PlanEstate { name: refusal.estate.clone(), location: refusal.place.clone() };
    let log = Log::new(below, &estate, &refusal.selection);
    let results = refusal.diagnostics.iter().map(|d| log.diagnostic(d)).collect();
    log.write(&refusal.palisade_version, results, json!({"verdict": summary(refusal)}), out)
}

/// An object that the plan deletes, and that no file declares any more.
fn deleted<'a>(changes: &'a [ResourceChange], address: &str) -> Option<&'a ResourceChange> {
    let mut all = changes.iter();
    all.find(|c| c.display == address && c.action == Action::Delete && c.location.is_none())
}

/// What every result is written with.
struct Log<'a> {
    below: &'a str,
    /// The place of what has no other.
    place: FilePlace,
    /// Tells estates and selections of one repository apart.
    id: String,
}

/// A place in a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FilePlace {
    uri: String,
    line: usize,
    column: Option<usize>,
}

/// A result under way.
struct Entry {
    rule: SarifRule,
    /// One for all results of a rule: tools that rewrite a log leave `warning` out, and a result without a level
    /// has that of its rule (SARIF 2.1.0, section 3.27.10).
    level: &'static str,
    message: String,
    at: FilePlace,
    related: Vec<(FilePlace, String)>,
    /// What makes it the same result in another run.
    same: String,
}

/// What a result is an instance of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SarifRule {
    id: String,
    name: &'static str,
    short: String,
    full: &'static str,
    help: &'static str,
    /// GitHub's scale of 0 to 10; none for what is no matter of security.
    severity: Option<&'static str>,
}

impl<'a> Log<'a> {
    fn new(below: &'a str, estate: &PlanEstate, selection: &Selection) -> Self {
        let place = estate.location.as_ref().and_then(|at| {
            Some(FilePlace { uri: uri(below, &at.file)?, line: at.line, column: Some(at.column) })
        });
        let main = || FilePlace {
            uri: uri(below, "main.hcl").unwrap_or_else(|| "main.hcl".to_owned()),
            line: 1,
            column: None,
        };
        let accounts = selection.accounts.iter().map(ToString::to_string);
        let parts: Vec<String> = selection
            .environments
            .iter()
            .cloned()
            .chain(accounts)
            .chain(selection.targets.clone())
            .collect();
        let mut id = format!("palisade/{}/", identifier(&estate.name));
        if !parts.is_empty() {
            id.push_str(&format!("{}/", identifier(&parts.join("-"))));
        }
        Self { below, place: place.unwrap_or_else(main), id }
    }

    fn at(&self, location: &PlanLocation) -> Option<FilePlace> {
        let uri = uri(self.below, &location.file)?;
        Some(FilePlace { uri, line: location.line.max(1), column: Some(location.column.max(1)) })
    }

    /// A place written as `file:line`, or `file:line:column`.
    fn written(&self, location: &str) -> Option<FilePlace> {
        let (rest, last) = location.rsplit_once(':')?;
        let last: usize = last.parse().ok()?;
        let (file, line, column) = match rest.rsplit_once(':') {
            Some((file, line)) if line.parse::<usize>().is_ok() => {
                (file, line.parse().unwrap_or(1), Some(last.max(1)))
            }
            _ => (rest, last, None),
        };
        Some(FilePlace { uri: uri(self.below, file)?, line: line.max(1), column })
    }

    fn violation(
        &self,
        section: &Isolation,
        changes: &[ResourceChange],
        path: &AccessPath,
    ) -> Entry {
        let rule = path.rule.as_deref().unwrap_or("isolation");
        let grants = || path.via.iter().rev().flat_map(|hop| &hop.granted_by);
        let granted = |grant: &Grant| {
            Some((
                self.written(grant.location.as_deref()?)?,
                format!("{} {}", grant.address, grant.statement),
            ))
        };
        // What the plan changes comes first: a grant, else whatever else causes the path.
        let added = grants().filter(|g| path.caused_by.contains(&g.address)).find_map(granted);
        let cause = || {
            let locations = path.locations.as_ref()?;
            path.caused_by.iter().find_map(|address| {
                Some((
                    self.written(locations.get(address)?)?,
                    format!("{address}, which causes it"),
                ))
            })
        };
        // The block of an object that goes is in no file any more: where the object stood is declared still.
        let gone = || path.caused_by.iter().find_map(|address| self.home(changes, address));
        let declared = || section.rules.get(rule).and_then(|at| self.written(at));
        let (at, _) = added
            .or_else(cause)
            .or_else(|| Some((gone()?, String::new())))
            .or_else(|| grants().find_map(granted))
            .or_else(|| Some((declared()?, String::new())))
            .unwrap_or_else(|| (self.place.clone(), String::new()));
        let mut related: Vec<(FilePlace, String)> = Vec::new();
        let causes = path.locations.iter().flatten().filter_map(|(address, place)| {
            Some((self.written(place)?, format!("{address} changes with this plan")))
        });
        let rules = declared().map(|at| (at, format!("{rule} forbids it")));
        for (place, text) in grants().filter_map(granted).chain(causes).chain(rules) {
            if place != at && !related.iter().any(|(known, _)| *known == place) {
                related.push((place, text));
            }
        }
        let (from, to) = (view::end(&path.from), view::end(&path.to));
        let mut message = match path.verdict {
            WallVerdict::Undetermined => {
                format!("Whether {from} can reach {to} is not known")
            }
            WallVerdict::SharedAccount => format!("There is no wall between {from} and {to}"),
            WallVerdict::Conditional => format!("{from} can reach {to} under conditions"),
            WallVerdict::Reachable | WallVerdict::Closed | WallVerdict::Isolated => {
                format!("{from} can reach {to}")
            }
        };
        if let Some(principal) = &path.principal {
            message.push_str(&format!(
                ": {principal} may call {} on {}",
                path.actions.join(", "),
                path.resources.join(", ")
            ));
        }
        for text in path.power.iter().chain(&path.reason) {
            message.push_str(&format!(": {text}"));
        }
        if !path.conditions.is_empty() {
            message.push_str(&format!("; only if {}", path.conditions.join(" and ")));
        }
        if let Some(cause) = path.caused_by.first() {
            message.push_str(&format!(". Caused by {cause}"));
            if deleted(changes, cause).is_some() {
                message.push_str(", which this plan deletes");
            }
        }
        if let Some(ended) = &path.expired_exception {
            message.push_str(&format!(". The exception {ended} has ended"));
        }
        Entry {
            rule: violated(rule, path),
            level: level(path.severity),
            message,
            at,
            related,
            same: path.id.clone(),
        }
    }

    /// Where an object that the plan deletes has its home: the block of its account, or of the organization; the
    /// place of the estate where neither is declared. `None` for what is not deleted.
    fn home(&self, changes: &[ResourceChange], address: &str) -> Option<FilePlace> {
        let change = deleted(changes, address)?;
        let is_home = |c: &&ResourceChange| match &change.account {
            Some(handle) => {
                access_of(&c.kind).is_some_and(AccessPart::is_account)
                    && c.address.name == handle.as_str()
            }
            None => access_of(&c.kind).is_some_and(AccessPart::is_organization),
        };
        let home = changes.iter().find(is_home);
        let place = home.and_then(|home| self.written(home.location.as_deref()?));
        Some(place.unwrap_or_else(|| self.place.clone()))
    }

    fn exception(&self, permit: &ExceptionUse) -> Option<Entry> {
        let (id, kind, level) = match permit.status {
            ExceptionStatus::Expired => ("ended", FindingKind::ExceptionExpired, "warning"),
            ExceptionStatus::Unused => ("unused", FindingKind::ExceptionUnused, "note"),
            ExceptionStatus::InForce if permit.ends_soon() => {
                ("ending", FindingKind::ExceptionExpiring, "warning")
            }
            ExceptionStatus::InForce => return None,
        };
        let meaning = kind.meaning();
        Some(Entry {
            rule: SarifRule {
                id: format!("exception/{id}"),
                name: "IsolationException",
                short: meaning.short.to_owned(),
                full: meaning.full,
                help: meaning.help,
                severity: None,
            },
            level,
            message: exceptions::exception(permit).0,
            at: self.written(&permit.location).unwrap_or_else(|| self.place.clone()),
            related: Vec::new(),
            same: format!("{}.{}", permit.rule, permit.name),
        })
    }

    fn finding(
        &self,
        entry: &(&Finding, Vec<&str>),
        declared: &BTreeMap<String, &str>,
    ) -> Option<Entry> {
        let finding = entry.0;
        // Exceptions have results of their own.
        if matches!(
            finding.kind,
            FindingKind::ExceptionExpired
                | FindingKind::ExceptionExpiring
                | FindingKind::ExceptionUnused
        ) {
            return None;
        }
        let kind = serde_json::to_value(finding.kind).ok()?;
        let kind = kind.as_str()?;
        let meaning = finding.kind.meaning();
        let places = finding.addresses.iter().filter_map(|address| declared.get(address));
        let statements = finding.granted_by.iter().filter_map(|grant| {
            let place = self.written(grant.location.as_deref()?)?;
            Some((place, format!("{} {}", grant.address, grant.statement)))
        });
        let mut statements = statements.collect::<Vec<_>>().into_iter();
        let at = statements.next().map(|(place, _)| place);
        let at = at.or_else(|| places.into_iter().find_map(|at| self.written(at)));
        Some(Entry {
            rule: SarifRule {
                id: format!("finding/{kind}"),
                name: "IsolationFinding",
                short: meaning.short.to_owned(),
                full: meaning.full,
                help: meaning.help,
                severity: None,
            },
            level: level(finding.severity),
            message: view::finding_placed_elsewhere(entry),
            at: at.unwrap_or_else(|| self.place.clone()),
            related: statements.collect(),
            same: finding.text.clone(),
        })
    }

    fn check(&self, check: &Check) -> Entry {
        Entry {
            rule: SarifRule {
                id: format!("check/{}", identifier(&check.name)),
                name: "CheckFailed",
                short: format!("The check {} fails", check.name),
                full: "A check block of the configuration holds an assertion that does not hold.",
                help: "The check's message says what is expected; `palisade console` evaluates its condition.",
                severity: None,
            },
            level: "warning",
            message: check.message.clone(),
            at: check
                .location
                .as_ref()
                .and_then(|at| self.at(at))
                .unwrap_or_else(|| self.place.clone()),
            related: Vec::new(),
            same: check.name.clone(),
        }
    }

    fn diagnostic(&self, d: &PlanDiagnostic) -> Entry {
        let (id, name, short, full, level) = match d.severity {
            diag::Severity::Error => (
                "configuration/error",
                "ConfigurationError",
                "The configuration cannot be planned",
                "Something in the configuration, or in what it stands on, keeps a plan from being made.",
                "error",
            ),
            diag::Severity::Warning => (
                "configuration/warning",
                "ConfigurationWarning",
                "Something in the configuration is doubtful",
                "The configuration can be planned, and yet something in it may not mean what its author had in mind.",
                "warning",
            ),
        };
        let mut message = match &d.detail {
            Some(detail) => format!("{}: {detail}", d.summary),
            None => d.summary.clone(),
        };
        let same = message.clone();
        if let Some(help) = &d.help {
            message = format!("{} Help: {help}", sentence(&message));
        }
        Entry {
            rule: SarifRule {
                id: id.to_owned(),
                name,
                short: short.to_owned(),
                full,
                help: "`palisade validate` shows it with its source and with advice, offline and without credentials.",
                severity: None,
            },
            level,
            same,
            message,
            at: d
                .location
                .as_ref()
                .and_then(|at| self.at(at))
                .unwrap_or_else(|| self.place.clone()),
            related: Vec::new(),
        }
    }

    fn write(
        &self,
        version: &str,
        mut results: Vec<Entry>,
        properties: Json,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        results.sort_by_key(|entry| match entry.level {
            "error" => 0,
            "warning" => 1,
            _ => 2,
        });
        let left_out = results.len().saturating_sub(RESULTS);
        results.truncate(RESULTS);
        let rules: BTreeMap<&str, &Entry> =
            results.iter().map(|entry| (entry.rule.id.as_str(), entry)).collect();
        let order: BTreeMap<&str, usize> =
            rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
        let written: Vec<Json> = results.iter().map(|entry| result(entry, &order)).collect();
        let descriptors: Vec<Json> =
            rules.values().map(|one| descriptor(&one.rule, one.level)).collect();
        let mut properties = properties;
        let mut invocation = json!({"executionSuccessful": true});
        if left_out > 0
            && let (Some(object), Some(run)) =
                (properties.as_object_mut(), invocation.as_object_mut())
        {
            object.insert("results_left_out".to_owned(), left_out.into());
            let text = format!(
                "{left_out} more results are left out: a run holds at most {RESULTS}. `palisade plan --format json` holds them all."
            );
            run.insert(
                "toolExecutionNotifications".to_owned(),
                json!([{"level": "warning", "message": {"text": text}}]),
            );
        }
        let log = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": {"driver": {
                    "name": "palisade",
                    "version": version,
                    "semanticVersion": version,
                    "rules": descriptors,
                }},
                "automationDetails": {"id": self.id},
                "columnKind": "unicodeCodePoints",
                "invocations": [invocation],
                "properties": properties,
                "results": written,
            }],
        });
        super::json::write(&log, out)
    }
}

/// The isolation rule that a path breaks; or that protects a wall of which nothing is known for certain.
fn violated(rule: &str, path: &AccessPath) -> SarifRule {
    let severity = Some(match path.severity {
        RuleSeverity::Error => "8.5",
        RuleSeverity::Warning | RuleSeverity::Info => "5.0",
    });
    let id = identifier(rule);
    match path.verdict {
        WallVerdict::Undetermined => SarifRule {
            id: format!("undetermined/{id}"),
            name: "IsolationUndetermined",
            short: format!("A wall that {rule} protects is undetermined"),
            full: "An isolation rule of this estate forbids one environment to reach another, and it is not known whether a path crosses the wall between them. A wall counts as isolated only where that is proved.",
            help: "The message says why: make readable what could not be read. `undetermined = \"warn\"` in the rule lets such walls pass with a warning.",
            severity,
        },
        _ => SarifRule {
            id: format!("isolation/{id}"),
            name: "IsolationRuleBroken",
            short: format!("A path between environments breaks {rule}"),
            full: "An isolation rule of this estate forbids one environment to reach another, and a path crosses the wall between them.",
            help: "Close the path at its cause, or permit it with an allow block of the rule that has a reason and an end. `palisade plan` shows the request that gets through, and the statements that let it through.",
            severity,
        },
    }
}

fn level(severity: RuleSeverity) -> &'static str {
    match severity {
        RuleSeverity::Error => "error",
        RuleSeverity::Warning => "warning",
        RuleSeverity::Info => "note",
    }
}

fn descriptor(rule: &SarifRule, level: &str) -> Json {
    let mut properties = Map::new();
    properties.insert("tags".to_owned(), json!(["palisade"]));
    if let Some(severity) = rule.severity {
        properties.insert("tags".to_owned(), json!(["palisade", "security"]));
        properties.insert("security-severity".to_owned(), severity.into());
        properties.insert("precision".to_owned(), "very-high".into());
    }
    json!({
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": sentence(&message(&rule.short))},
        "fullDescription": {"text": rule.full},
        "help": {"text": rule.help, "markdown": rule.help},
        "defaultConfiguration": {"level": level},
        "properties": properties,
    })
}

fn result(entry: &Entry, order: &BTreeMap<&str, usize>) -> Json {
    let hash = Sha256::digest(format!("{}\u{0}{}", entry.rule.id, entry.same));
    let hash = data_encoding::HEXLOWER.encode(hash.get(..8).unwrap_or_default());
    let mut result = json!({
        "ruleId": entry.rule.id,
        "ruleIndex": order.get(entry.rule.id.as_str()),
        "level": entry.level,
        "message": {"text": sentence(&message(&entry.message))},
        "locations": [{"physicalLocation": physical(&entry.at)}],
        "partialFingerprints": {
            "palisade/v1": entry.same_short(),
            // By this GitHub knows a result again when lines above it move.
            "primaryLocationLineHash": format!("{hash}:1"),
        },
    });
    let related: Vec<Json> = entry
        .related
        .iter()
        .take(RELATED)
        .enumerate()
        .map(|(at, (place, text))| {
            json!({"id": at + 1, "physicalLocation": physical(place), "message": {"text": message(text)}})
        })
        .collect();
    if let (Some(object), false) = (result.as_object_mut(), related.is_empty()) {
        object.insert("relatedLocations".to_owned(), related.into());
    }
    result
}

impl Entry {
    fn same_short(&self) -> String {
        match self.same.starts_with("P-") {
            true => self.same.clone(),
            false => {
                let hash = Sha256::digest(self.same.as_bytes());
                data_encoding::HEXLOWER.encode(hash.get(..8).unwrap_or_default())
            }
        }
    }
}

fn physical(place: &FilePlace) -> Json {
    let region = match place.column {
        Some(column) => json!({"startLine": place.line, "startColumn": column}),
        None => json!({"startLine": place.line}),
    };
    json!({
        "artifactLocation": {"uri": place.uri, "uriBaseId": "%SRCROOT%"},
        "region": region,
    })
}

/// A name as a part of an id: letters, digits and `. _ $ -`.
fn identifier(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$' | '-');
    text.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

/// Text in which nothing is a link (`[text](place)`), and that fits.
fn message(text: &str) -> String {
    let text = safe(text).replace("](", "] (");
    match text.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// A file as a URI from the repository's root; `None` for one outside it.
fn uri(below: &str, file: &str) -> Option<String> {
    let file = file.replace('\\', "/");
    if file.starts_with('/') || file.get(1..3) == Some(":/") {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in below.split('/').chain(file.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return None;
    }
    let mut uri = String::new();
    for byte in parts.join("/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    Some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_root_of_the_repository() {
        for (below, file, named) in [
            ("", "main.hcl", Some("main.hcl")),
            ("infra/estate", "main.hcl", Some("infra/estate/main.hcl")),
            ("examples/five", "../../modules/x/main.hcl", Some("modules/x/main.hcl")),
            ("a", "../../outside.hcl", None),
            ("a", "/etc/main.hcl", None),
            ("a b", "c#d?.hcl", Some("a%20b/c%23d%3F.hcl")),
            ("", ".", None),
        ] {
            assert_eq!(uri(below, file).as_deref(), named, "{below} {file}");
        }
    }
}
