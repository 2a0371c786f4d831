//! `docs/kinds.md` is written from the declarations: `PALISADE_UPDATE_DOCS=1 cargo test kinds_docs`.

use std::fmt::Write as _;
use std::path::Path;

use palisade::schema::{
    AccessPart, Attr, BlockSchema, Category, Guardrail, Home, Meaning, Nested, RecoveryMethod,
    Repair, Ty, kinds,
};

fn ty(ty: &Ty) -> String {
    match ty {
        Ty::String => "string".to_owned(),
        Ty::Bool => "bool".to_owned(),
        Ty::Number => "number".to_owned(),
        Ty::Duration => "duration".to_owned(),
        Ty::List(of) => format!("list of {}", plural(of)),
        Ty::Set(of) => format!("set of {}", plural(of)),
        Ty::Map(of) => format!("map of {}", plural(of)),
        Ty::Policy => "policy document".to_owned(),
        Ty::Ref { kinds, text } => {
            let kinds: Vec<String> = kinds.iter().map(|k| format!("`{k}`")).collect();
            let text = if *text { ", or text" } else { "" };
            format!("reference to {}{text}", kinds.join(" or "))
        }
        Ty::Flags(_) => "bool or object of bool".to_owned(),
        Ty::Any => "any".to_owned(),
        Ty::Raw => "expression".to_owned(),
    }
}

fn plural(of: &Ty) -> String {
    match of {
        Ty::String => "strings".to_owned(),
        Ty::Number => "numbers".to_owned(),
        Ty::Bool => "bools".to_owned(),
        Ty::Ref { .. } => ty(of).replacen("reference", "references", 1),
        other => ty(other),
    }
}

fn block(out: &mut String, schema: &BlockSchema, level: usize) {
    let indent = "  ".repeat(level);
    for Attr { name, ty: of, required, replace, sensitive, doc, .. } in schema.attrs {
        let mut notes = vec![ty(of)];
        notes.extend(required.then(|| "required".to_owned()));
        notes.extend(replace.then(|| "forces replacement".to_owned()));
        notes.extend(sensitive.then(|| "sensitive".to_owned()));
        writeln!(out, "{indent}- `{name}` ({}): {doc}", notes.join(", ")).expect("written");
    }
    for Nested { name, labels, min, max, block: inner, doc } in schema.blocks {
        let labels: String = labels.iter().map(|l| format!(" \"{}\"", l.to_uppercase())).collect();
        let count = match (min, max) {
            (0, 0) => "any number",
            (0, 1) => "at most one",
            (1, 1) => "exactly one",
            _ => "several",
        };
        writeln!(out, "{indent}- `{name}{labels} {{}}` ({count}): {doc}").expect("written");
        block(out, inner, level + 1);
    }
}

fn access(part: AccessPart) -> String {
    match part {
        AccessPart::None => "no access decision depends on it".to_owned(),
        AccessPart::Organization(_) => {
            "it says which policy types limit access, and which services it trusts".to_owned()
        }
        AccessPart::OrganizationalUnit { .. } => "it passes on the policies above it".to_owned(),
        AccessPart::Account(_) => "it holds principals and resources".to_owned(),
        AccessPart::AccountSettings { public_access_block } => {
            format!("`{public_access_block}` limits every bucket of its account")
        }
        AccessPart::Guardrail { limits: Guardrail::Principals, document } => {
            format!("`{document}` limits the principals below its targets")
        }
        AccessPart::Guardrail { limits: Guardrail::Resources, document } => {
            format!("`{document}` limits requests for the resources below its targets")
        }
        AccessPart::Principal(of) => match of.trust {
            Some(trust) => format!("it is a principal; `{trust}` says who becomes it"),
            None => "it is a principal".to_owned(),
        },
        AccessPart::Group(_) => "its policies count for its members".to_owned(),
        AccessPart::ManagedPolicy { document } => {
            format!("`{document}` counts for those that it is attached to")
        }
        AccessPart::IdentityProvider => "trust policies name it".to_owned(),
        AccessPart::Resource(resource) => {
            let policy = resource.policy.expect("an attribute");
            format!("`{policy}` says who may use it, beside the policies of principals")
        }
        // Only resource types have these parts, and they have a page of their own.
        AccessPart::PolicyOf(_) | AccessPart::StatementOf(_) | AccessPart::Unjudged(_) => {
            unreachable!("no typed kind")
        }
    }
}

fn meaning(out: &mut String, meaning: &Meaning) {
    let quoted = |names: Vec<&str>| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    writeln!(out, "\nIn the isolation analysis: {}.", access(meaning.access)).expect("written");
    let limits: Vec<&str> = meaning.quotas.iter().map(|quota| quota.limit()).collect();
    if !limits.is_empty() {
        writeln!(out, "Counts against: {}.", quoted(limits)).expect("written");
    }
    let kept = match meaning.repair {
        Repair::Objects(actions) | Repair::Everywhere(actions) => quoted(actions.to_vec()),
        Repair::Below { actions, unscoped, .. } => quoted([actions, unscoped].concat()),
        Repair::Nothing(why) => format!("nothing ({why})"),
    };
    writeln!(out, "The lock-out guard keeps: {kept}.").expect("written");
}

#[test]
fn the_page_of_kinds_is_up_to_date() {
    let mut out = String::from(
        "# Kinds\n\nEvery kind of object that Palisade manages, from its declaration in `src/schema`. Blocks of the \
         kinds that live in accounts are placed by `accounts` or `environments`; `for_each`, `count`, `depends_on` \
         and `lifecycle` work in all of them.\n\nThis page is generated: `PALISADE_UPDATE_DOCS=1 cargo test kinds_docs`.\n",
    );
    for kind in kinds() {
        let schema = kind.schema();
        let heading = match schema.category {
            Category::Config => "config",
            Category::Iam => "IAM",
            Category::Organization => "organization",
            Category::Data => "data",
            Category::Cost => "cost",
            Category::Monitoring => "monitoring",
            Category::Resources => "resources",
        };
        let home = match schema.home {
            Home::Organization => "in the organization, through the management account",
            Home::Account => "in an account",
        };
        let recovery = match schema.recovery {
            RecoveryMethod::Tags => "its ownership tags",
            RecoveryMethod::NaturalKey => "its name",
            RecoveryMethod::Singleton => "being the only one",
        };
        write!(
            out,
            "\n## {}\n\n{}{}; lives {home}; planned under *{heading}*. After an interrupted creation it is found by {recovery}.\n\
             AWS's rules: <{}>\n\n",
            schema.kind,
            schema.what[..1].to_uppercase(),
            &schema.what[1..],
            schema.source,
        )
        .expect("written");
        block(&mut out, &schema.block, 0);
        meaning(&mut out, &schema.meaning);
        let fixed: Vec<String> = schema.fixed.iter().map(|f| format!("`{}`", f.name)).collect();
        if !fixed.is_empty() {
            writeln!(out, "\nNever changed once it exists: {}.", fixed.join(", "))
                .expect("written");
        }
        if !schema.computed.is_empty() {
            out.push_str("\nReadable, not settable:\n\n");
        }
        for computed in schema.computed {
            writeln!(out, "- `{}`: {}", computed.name, computed.doc).expect("written");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kinds.md");
    if std::env::var_os("PALISADE_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, &out).expect("written");
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        is == out,
        "docs/kinds.md is stale: run `PALISADE_UPDATE_DOCS=1 cargo test kinds_docs`"
    );
}
