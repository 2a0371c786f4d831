//! What `palisade permissions` says: as text, as policy documents of IAM, and as configuration.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value as Json, json};

use crate::engine::permissions::{
    CallingPrincipal, NeededPermissions, NeedyPrincipal, PermissionPolicy, PermissionStatement,
    PermittedOperation,
};

use crate::schema::{AccessPart, kinds};

use super::style::{Style, Tone, count, safe};
use super::value::quoted;

/// The key of the condition that keeps a key of KMS to one service.
const VIA_SERVICE: &str = "kms:ViaService";

/// As text.
///
/// # Errors
/// Those of the writer.
pub fn text(needed: &NeededPermissions, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let title = match needed.operation {
        PermittedOperation::Plan => "Permissions for plans",
        PermittedOperation::Apply => "Permissions for applies, with their plans",
    };
    writeln!(out, "{}", style.paint(Tone::Heading, title))?;
    for of in &needed.principals {
        writeln!(out, "\n  {}", style.paint(Tone::Bold, &safe(&who(of))))?;
        for policy in &of.policies {
            let size = format!("{} ({} characters)", policy.name, policy.size);
            writeln!(out, "    {}", style.paint(Tone::Dim, &size))?;
            for statement in &policy.statements {
                let bound = match statement.is_upper_bound {
                    true => ", an upper bound",
                    false => "",
                };
                let actions = count(statement.actions.len(), "action", "actions");
                writeln!(out, "      {} ({actions}{bound})", statement.sid)?;
                for action in &statement.actions {
                    writeln!(out, "        {}", safe(action))?;
                }
                if statement.resources != ["*"] {
                    for resource in &statement.resources {
                        writeln!(out, "        on {}", safe(resource))?;
                    }
                }
                if let Some(service) = &statement.via_service {
                    writeln!(out, "        through {}", safe(service))?;
                }
            }
        }
    }
    if !needed.notes.is_empty() {
        writeln!(out)?;
    }
    for note in &needed.notes {
        let note = format!("Note: {}.", safe(note));
        writeln!(out, "{}", style.paint(Tone::Dim, &style.fold(&note, 2)))?;
    }
    Ok(())
}

fn who(of: &NeedyPrincipal) -> String {
    match &of.principal {
        CallingPrincipal::Caller => "the caller".to_owned(),
        CallingPrincipal::Role(arn) => arn.clone(),
        CallingPrincipal::AccountRole(role) => format!("{role} in {}", of.accounts.join(", ")),
    }
}

/// As documents that IAM takes, each with whom it is for.
#[must_use]
pub fn documents(needed: &NeededPermissions) -> Json {
    let principals = needed.principals.iter().map(|of| {
        let principal = match &of.principal {
            CallingPrincipal::Caller => "caller",
            CallingPrincipal::Role(name) | CallingPrincipal::AccountRole(name) => name,
        };
        let policies = of.policies.iter().map(|policy| {
            let bounds = policy.statements.iter().filter(|statement| statement.is_upper_bound);
            json!({
                "name": policy.name,
                "document": document(policy),
                "upper_bounds": bounds.map(|statement| &statement.sid).collect::<Vec<_>>(),
            })
        });
        json!({
            "principal": principal,
            "accounts": of.accounts,
            "policies": policies.collect::<Vec<_>>(),
        })
    });
    let operation = match needed.operation {
        PermittedOperation::Plan => "plan",
        PermittedOperation::Apply => "apply",
    };
    json!({
        "operation": operation,
        "principals": principals.collect::<Vec<_>>(),
        "notes": needed.notes,
    })
}

fn document(policy: &PermissionPolicy) -> Json {
    let statements = policy.statements.iter().map(|statement| {
        let mut made = json!({
            "Sid": statement.sid,
            "Effect": "Allow",
            "Action": statement.actions,
            "Resource": statement.resources,
        });
        if let (Some(service), Some(object)) = (&statement.via_service, made.as_object_mut()) {
            let condition = json!({"StringLike": {VIA_SERVICE: service}});
            object.insert("Condition".to_owned(), condition);
        }
        made
    });
    json!({"Version": "2012-10-17", "Statement": statements.collect::<Vec<_>>()})
}

/// As configuration: a managed policy in the accounts that need it, and a document where no block says which account it is.
///
/// # Errors
/// Those of the writer.
pub fn hcl(needed: &NeededPermissions, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    for note in &needed.notes {
        let _ = writeln!(text, "# {}.", safe(note));
    }
    let mut number = 0;
    for of in &needed.principals {
        for policy in &of.policies {
            number += 1;
            if !text.is_empty() {
                text.push('\n');
            }
            let _ = writeln!(text, "# For {}.", safe(&who(of)));
            let label = format!("{}_{number}", policy.name.replace('-', "_"));
            match &of.principal {
                CallingPrincipal::AccountRole(_) => {
                    let accounts: Vec<String> =
                        of.accounts.iter().map(|handle| format!("account.{handle}")).collect();
                    let _ = writeln!(text, "{} {} {{", kind_of_policies(), quoted(&label));
                    let _ = writeln!(text, "  accounts = [{}]", accounts.join(", "));
                    let _ = writeln!(text, "  name     = {}", quoted(&policy.name));
                }
                _ => {
                    let _ = writeln!(text, "data \"iam_policy_document\" {} {{", quoted(&label));
                }
            }
            for statement in &policy.statements {
                block(statement, &mut text);
            }
            text.push_str("}\n");
        }
    }
    out.write_all(text.as_bytes())
}

/// The kind of managed policies.
fn kind_of_policies() -> &'static str {
    let mut all = kinds().iter().map(|kind| kind.schema());
    let found = all.find(|s| matches!(s.meaning.access, AccessPart::ManagedPolicy { .. }));
    found.map_or("", |schema| schema.kind)
}

fn block(statement: &PermissionStatement, text: &mut String) {
    let list = |name: &str, all: &[String], text: &mut String| match all {
        [one] => {
            let _ = writeln!(text, "    {name} = [{}]", quoted(one));
        }
        several => {
            let _ = writeln!(text, "    {name} = [");
            for one in several {
                let _ = writeln!(text, "      {},", quoted(one));
            }
            text.push_str("    ]\n");
        }
    };
    let _ = writeln!(text, "  statement {} {{", quoted(&statement.sid));
    if statement.is_upper_bound {
        text.push_str("    # An upper bound: what the handlers of the resource types may call.\n");
    }
    let is_short = statement.actions.len() == 1 && statement.resources.len() == 1;
    list(if is_short { "actions  " } else { "actions" }, &statement.actions, text);
    list("resources", &statement.resources, text);
    if let Some(service) = &statement.via_service {
        let _ = writeln!(
            text,
            "    condition {{\n      test     = \"StringLike\"\n      variable = {}\n      values   = [{}]\n    }}",
            quoted(VIA_SERVICE),
            quoted(service)
        );
    }
    text.push_str("  }\n");
}
