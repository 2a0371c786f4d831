//! The exceptions of the rules, each with the paths that it permits: what an auditor reads beside them.

use jiff::civil::Date;

use super::rules::{Exception, Rule};
use super::section::{AccessPath, ExceptionStatus, ExceptionUse};

/// All exceptions, in the order of the rules. `paths` are those of the after side; `today` decides which
/// exceptions have ended.
pub(super) fn exceptions_used(
    rules: &[Rule],
    paths: &[AccessPath],
    today: Date,
) -> Vec<ExceptionUse> {
    let exceptions = rules
        .iter()
        .flat_map(|rule| rule.exceptions.iter().map(move |exception| (rule, exception)));
    exceptions.map(|(rule, exception)| exception_use(rule, exception, paths, today)).collect()
}

fn exception_use(
    rule: &Rule,
    exception: &Exception,
    paths: &[AccessPath],
    today: Date,
) -> ExceptionUse {
    let address = format!("isolation.{}", rule.name);
    let is_covered = |path: &&AccessPath| {
        path.rule.as_ref() == Some(&address) && path.exception.as_ref() == Some(&exception.name)
    };
    let covers: Vec<String> = paths.iter().filter(is_covered).map(|path| path.id.clone()).collect();
    let status = match (exception.expires < today, covers.is_empty()) {
        (true, _) => ExceptionStatus::Expired,
        (_, true) => ExceptionStatus::Unused,
        _ => ExceptionStatus::InForce,
    };
    ExceptionUse {
        approved_by: exception.approved_by.clone(),
        covers,
        days_left: (exception.expires - today).get_days(),
        expires: exception.expires.to_string(),
        location: exception.loc.to_string(),
        name: exception.name.clone(),
        owner: exception.owner.clone(),
        reason: exception.reason.clone(),
        rule: address,
        status,
    }
}
