//! Statements into policies of the size that IAM accepts.

use std::collections::BTreeMap;

use super::gather::{Needs, NeedyKey};
use super::{
    CallingPrincipal, NeedyPrincipal, PermissionPolicy, PermissionStatement, PermittedOperation,
};
use crate::iam::limits::Limits;
use crate::ids::Handle;

/// `{"Version":"2012-10-17","Statement":[]}`.
const AROUND: usize = 39;

/// The principals with their policies; roles of one name that need the same in several accounts are one.
pub(super) fn principals(
    needs: Needs,
    operation: PermittedOperation,
    limits: &Limits,
    notes: &mut Vec<String>,
) -> Vec<NeedyPrincipal> {
    type Same = (CallingPrincipal, bool, Vec<PermissionStatement>);
    let mut same: BTreeMap<Same, Vec<Handle>> = BTreeMap::new();
    for (NeedyKey { principal, account, only_reads }, statements) in needs {
        let statements = statements.into_iter().map(|(key, actions)| key.with(actions));
        same.entry((principal, only_reads, statements.collect())).or_default().extend(account);
    }
    let mut all = Vec::new();
    for ((principal, only_reads, statements), accounts) in same {
        if statements.iter().any(|statement| statement.is_upper_bound) {
            let text = "`ResourceTypes` is an upper bound: AWS lists the actions that the handlers of a type may call, and some are called for some properties alone";
            if !notes.iter().any(|note| note == text) {
                notes.push(text.to_owned());
            }
        }
        let operation = if only_reads { PermittedOperation::Plan } else { operation };
        let policies = policies(statements, operation, limits.managed_policy_size);
        if policies.len() > limits.managed_policies_per_role {
            notes.push(format!(
                "{} policies are more than the {} that AWS attaches to a role without a raised quota",
                policies.len(),
                limits.managed_policies_per_role
            ));
        }
        let accounts = accounts.iter().map(ToString::to_string).collect();
        all.push(NeedyPrincipal { principal, accounts, policies });
    }
    all
}

/// Statements in their order, as many to a policy as it holds.
fn policies(
    statements: Vec<PermissionStatement>,
    operation: PermittedOperation,
    most: usize,
) -> Vec<PermissionPolicy> {
    let parts = statements.into_iter().flat_map(|statement| parts(statement, most - AROUND));
    let mut packed: Vec<Vec<PermissionStatement>> = Vec::new();
    for part in parts {
        let fits = packed.last().is_some_and(|last| policy_size(last) + size(&part) < most);
        match packed.last_mut().filter(|_| fits) {
            Some(last) => last.push(part),
            None => packed.push(vec![part]),
        }
    }
    let base = match operation {
        PermittedOperation::Plan => "palisade-plan",
        PermittedOperation::Apply => "palisade-apply",
    };
    let named = packed.into_iter().enumerate().map(|(at, statements)| PermissionPolicy {
        name: if at == 0 { base.to_owned() } else { format!("{base}-{}", at + 1) },
        size: policy_size(&statements),
        statements,
    });
    named.collect()
}

/// A statement, or several with a part of its actions each.
fn parts(statement: PermissionStatement, most: usize) -> Vec<PermissionStatement> {
    let empty = PermissionStatement { actions: Vec::new(), ..statement.clone() };
    let mut parts = vec![empty.clone()];
    for action in statement.actions {
        // A number behind the name comes on top.
        let fits = parts.last().is_some_and(|last| size(last) + action.len() + 3 + 3 <= most);
        if !fits {
            parts.push(empty.clone());
        }
        if let Some(last) = parts.last_mut() {
            last.actions.push(action);
        }
    }
    if parts.len() > 1 {
        for (at, part) in parts.iter_mut().enumerate() {
            part.sid = format!("{}{}", part.sid, at + 1);
        }
    }
    parts
}

/// The characters of a policy without white space, which IAM does not count.
fn policy_size(statements: &[PermissionStatement]) -> usize {
    AROUND + statements.iter().map(|statement| size(statement) + 1).sum::<usize>().saturating_sub(1)
}

fn size(statement: &PermissionStatement) -> usize {
    // `[` and `]`, and for each text two quotation marks and what separates it from the one before.
    let list = |texts: &[String]| {
        2 + texts.iter().map(|text| text.chars().count() + 3).sum::<usize>().saturating_sub(1)
    };
    let condition = statement.via_service.as_ref().map_or(0, |service| {
        // `,"Condition":{"StringLike":{"kms:ViaService":""}}`
        49 + service.chars().count()
    });
    // `{"Sid":"","Effect":"Allow","Action":,"Resource":}`
    49 + statement.sid.len() + list(&statement.actions) + list(&statement.resources) + condition
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(actions: usize) -> PermissionStatement {
        PermissionStatement {
            sid: "ResourceTypes".to_owned(),
            actions: (0..actions).map(|at| format!("service{at}:DoSomethingLongEnough")).collect(),
            resources: vec!["*".to_owned()],
            via_service: Some("ssm.*.amazonaws.com".to_owned()),
            is_upper_bound: true,
        }
    }

    #[test]
    fn no_policy_is_larger_than_iam_accepts_and_no_action_is_lost() {
        for count in [1, 100, 150, 151, 152, 153, 154, 155, 500, 2_000] {
            let all = [statement(3), statement(count), statement(7)];
            let made = policies(all.to_vec(), PermittedOperation::Apply, 6_144);
            let kept: usize =
                made.iter().flat_map(|p| &p.statements).map(|s| s.actions.len()).sum();
            assert_eq!(kept, count + 10);
            for policy in &made {
                assert!(policy.size <= 6_144, "{count}: {}", policy.size);
            }
        }
    }
}
