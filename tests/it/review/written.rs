//! Policies that are known only after apply are composed from the `.tf` files if that is exact, and left undetermined
//! otherwise.

use palisade::isolation::WallVerdict::{self, Conditional, Isolated, Reachable, Undetermined};
use serde_json::{Value, json};

use super::lab::{Change, DEV, Lab, PRODUCTION, Plan, allow, document, wall};

/// The policy of a new bucket as an expression, and what it refers to.
struct Written<'a> {
    policy: &'a str,
    references: Value,
    /// More blocks of the file.
    more: &'a str,
    edit: fn(&mut Value),
}

impl Default for Written<'_> {
    fn default() -> Self {
        Self {
            policy: "",
            references: json!(["aws_s3_bucket.new.arn", "aws_s3_bucket.new"]),
            more: "",
            edit: |_| {},
        }
    }
}

fn bucket() -> Change {
    Change {
        address: "aws_s3_bucket.new",
        after: json!({"bucket": "acme-new"}),
        unknown: json!({"arn": true, "id": true}),
        ..Change::default()
    }
}

fn policy(references: Value) -> Change {
    Change {
        address: "aws_s3_bucket_policy.new",
        after: json!({}),
        unknown: json!({"bucket": true, "policy": true}),
        expressions: json!({
            "bucket": {"references": ["aws_s3_bucket.new.id", "aws_s3_bucket.new"]},
            "policy": {"references": references}
        }),
        ..Change::default()
    }
}

#[track_caller]
fn judged(written: Written<'_>, expected: WallVerdict) {
    let lab = Lab::new();
    let text = format!(
        "resource \"aws_s3_bucket\" \"new\" {{\n  bucket = \"acme-new\"\n}}\n\n\
         resource \"aws_s3_bucket_policy\" \"new\" {{\n  bucket = aws_s3_bucket.new.id\n  policy = {}\n}}\n{}",
        written.policy, written.more
    );
    lab.write_text("bucket.tf", &text);
    let plan = Plan::new(vec![bucket(), policy(written.references)]).with(written.edit);
    let outcome = lab.plan(&plan).review().expect("a review");
    assert_eq!(
        wall(&outcome, "dev", "production"),
        (Isolated, expected),
        "{text}\n{:#?}",
        outcome.change
    );
}

fn encoded(principal: &str, more: &str) -> String {
    format!(
        "jsonencode({{\n    Version = \"2012-10-17\"\n    Statement = [{{\n      Effect    = \"Allow\"\n      \
         Principal = {{ AWS = {principal} }}\n      Action    = \"s3:GetObject\"\n      \
         Resource  = \"${{aws_s3_bucket.new.arn}}/*\"\n{more}    }}]\n  }})"
    )
}

const FROM_DEV: &str = "\"arn:aws:iam::111111111111:root\"";
const OWN: &str = "\"arn:aws:iam::222222222222:root\"";

#[test]
fn encoded_policies_are_composed() {
    let open = encoded(FROM_DEV, "");
    judged(Written { policy: &open, ..Written::default() }, Reachable);
    judged(Written { policy: &encoded(OWN, ""), ..Written::default() }, Isolated);
    let heredoc = "<<-EOT\n    {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"111111111111\"},\n      \
                   \"Action\": \"s3:GetObject\", \"Resource\": \"${aws_s3_bucket.new.arn}/*\"}]}\n  EOT";
    judged(Written { policy: heredoc, ..Written::default() }, Reachable);
    let references = json!(["var.reader", "aws_s3_bucket.new.arn", "aws_s3_bucket.new"]);
    let of_variable = encoded("\"arn:aws:iam::${var.reader}:root\"", "");
    let written = |edit: fn(&mut Value)| Written {
        policy: &of_variable,
        references: references.clone(),
        edit,
        ..Written::default()
    };
    judged(written(|plan| plan["variables"] = json!({"reader": {"value": DEV}})), Reachable);
    judged(written(|plan| plan["variables"] = json!({"reader": {"value": PRODUCTION}})), Isolated);
    // A value that AWS assigns equals itself where strings are compared.
    let condition =
        "      Condition = { StringEquals = { \"aws:SourceVpce\" = aws_vpc_endpoint.e.id } }\n";
    judged(
        Written {
            policy: &encoded(FROM_DEV, condition),
            references: json!([
                "aws_s3_bucket.new.arn",
                "aws_s3_bucket.new",
                "aws_vpc_endpoint.e.id",
                "aws_vpc_endpoint.e"
            ]),
            edit: |plan| {
                let endpoint = json!({"address": "aws_vpc_endpoint.e", "mode": "managed", "type": "aws_vpc_endpoint", "name": "e",
                    "provider_name": "registry.terraform.io/hashicorp/aws",
                    "change": {"actions": ["create"], "before": null, "after": {}, "after_unknown": {"id": true}}});
                plan["resource_changes"].as_array_mut().expect("changes").push(endpoint);
            },
            ..Written::default()
        },
        Conditional,
    );
}

#[test]
fn expressions_that_are_not_exact_are_undetermined() {
    let open = encoded(OWN, "");
    // Functions, conditionals, locals and indexes are not evaluated.
    let merged = open.replace("jsonencode(", "jsonencode(merge({}, ") + ")";
    let replaced = format!("replace({open}, \"222222222222\", \"111111111111\")");
    let conditional = format!("true ? {open} : null");
    for policy in [&merged, &replaced, &conditional] {
        judged(Written { policy, ..Written::default() }, Undetermined);
    }
    let local = encoded("local.reader", "");
    let references = json!(["local.reader", "aws_s3_bucket.new.arn", "aws_s3_bucket.new"]);
    judged(Written { policy: &local, references, ..Written::default() }, Undetermined);
    let index = encoded("var.all[0]", "");
    let references = json!(["var.all[0]", "var.all", "aws_s3_bucket.new.arn", "aws_s3_bucket.new"]);
    judged(Written { policy: &index, references, ..Written::default() }, Undetermined);
    // The files are not those that the plan was made from.
    let other = json!(["aws_s3_bucket.other.arn", "aws_s3_bucket.other"]);
    judged(Written { policy: &open, references: other, ..Written::default() }, Undetermined);
    let more = json!([
        "aws_s3_bucket.new.arn",
        "aws_s3_bucket.new",
        "aws_iam_role.r.arn",
        "aws_iam_role.r"
    ]);
    judged(Written { policy: &open, references: more, ..Written::default() }, Undetermined);
    let twice = Written {
        policy: &open,
        more: "resource \"aws_s3_bucket_policy\" \"new\" {}\n",
        ..Written::default()
    };
    judged(twice, Undetermined);
    // A secret stays one.
    let secret: fn(&mut Value) = |plan| {
        plan["resource_changes"][1]["change"]["after_sensitive"] = json!({"policy": true});
    };
    judged(Written { policy: &open, edit: secret, ..Written::default() }, Undetermined);
    // A value that AWS assigns is not known to be the ARN of a resource or principal.
    let assigned = encoded("aws_cloudfront_origin_access_identity.o.iam_arn", "");
    let references = json!([
        "aws_cloudfront_origin_access_identity.o.iam_arn",
        "aws_cloudfront_origin_access_identity.o",
        "aws_s3_bucket.new.arn",
        "aws_s3_bucket.new"
    ]);
    judged(Written { policy: &assigned, references, ..Written::default() }, Undetermined);
    // Without the files the policy is unknown, and the report says so.
    let outcome = Lab::new()
        .plan(&Plan::new(vec![
            bucket(),
            policy(json!(["aws_s3_bucket.new.arn", "aws_s3_bucket.new"])),
        ]))
        .review()
        .expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Undetermined));
    let why = "`aws_s3_bucket_policy.new.policy` is known after apply";
    assert_eq!(outcome.change.not_judged, [why]);
}

/// A role of `production` trusts a role of `dev` that the same plan makes, by a document that is read during the apply.
fn deferred(text: &str, edit: impl FnOnce(&mut Value)) -> WallVerdict {
    let lab = Lab::new();
    lab.write_text("trust.tf", text);
    let assume = document(json!([allow("sts:AssumeRole", "*")])).to_string();
    let service = document(
        json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]),
    );
    let changes = vec![
        Change {
            address: "aws_iam_role.fresh",
            provider: "aws.dev",
            after: json!({"name": "fresh", "path": "/", "assume_role_policy": service.to_string()}),
            unknown: json!({"arn": true, "id": true}),
            ..Change::default()
        },
        Change {
            address: "aws_iam_role_policy.fresh",
            provider: "aws.dev",
            after: json!({"name": "assume", "role": "fresh", "policy": assume}),
            ..Change::default()
        },
        Change {
            address: "aws_iam_role.target",
            after: json!({"name": "target", "path": "/"}),
            unknown: json!({"arn": true, "id": true, "assume_role_policy": true}),
            expressions: json!({"assume_role_policy": {"references": ["data.aws_iam_policy_document.trust.json", "data.aws_iam_policy_document.trust"]}}),
            ..Change::default()
        },
    ];
    let plan = Plan::new(changes).with(|plan| {
        let read = json!({
            "address": "data.aws_iam_policy_document.trust", "mode": "data", "type": "aws_iam_policy_document", "name": "trust",
            "provider_name": "registry.terraform.io/hashicorp/aws", "action_reason": "read_because_config_unknown",
            "change": {
                "actions": ["read"], "before": null,
                "after": {"statement": [{"actions": ["sts:AssumeRole"], "principals": [{"type": "AWS", "identifiers": [null]}], "condition": []}]},
                "after_unknown": {"json": true, "statement": [{"actions": [false], "principals": [{"identifiers": [true]}], "condition": []}]}
            }
        });
        plan["resource_changes"].as_array_mut().expect("changes").push(read);
        let block = json!({
            "address": "data.aws_iam_policy_document.trust", "mode": "data", "type": "aws_iam_policy_document", "name": "trust",
            "provider_config_key": "aws",
            "expressions": {"statement": [{"actions": {"constant_value": ["sts:AssumeRole"]},
                "principals": [{"type": {"constant_value": "AWS"}, "identifiers": {"references": ["aws_iam_role.fresh.arn", "aws_iam_role.fresh"]}}]}]}
        });
        plan["configuration"]["root_module"]["resources"].as_array_mut().expect("blocks").push(block);
        edit(plan);
    });
    let outcome = lab.plan(&plan).review().expect("a review");
    let (before, after) = wall(&outcome, "dev", "production");
    assert_eq!(before, Isolated);
    after
}

const TRUST: &str = r#"data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.fresh.arn]
    }
  }
}

resource "aws_iam_role" "target" {
  name               = "target"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
"#;

#[test]
fn a_document_that_is_read_during_the_apply_is_composed() {
    assert_eq!(deferred(TRUST, |_| {}), Reachable);
    let denied = "actions = [\"sts:AssumeRole\"]\n    effect  = \"Deny\"";
    let denies = TRUST.replace("actions = [\"sts:AssumeRole\"]", denied);
    // The plan says what it was made from: a file of another day says something else.
    assert_eq!(deferred(&denies, |_| {}), Undetermined);
    let as_planned = |plan: &mut Value| {
        let all = plan["resource_changes"].as_array_mut().expect("changes");
        let read = all.iter_mut().find(|change| change["mode"] == "data").expect("a document");
        read["change"]["after"]["statement"][0]["effect"] = json!("Deny");
    };
    assert_eq!(deferred(&denies, as_planned), Isolated);
    let others = TRUST.replace("sts:AssumeRole", "sts:TagSession");
    assert_eq!(deferred(&others, |_| {}), Undetermined);
    let merged = TRUST.replace("  statement {", "  source_policy_documents = []\n  statement {");
    assert_eq!(deferred(&merged, |_| {}), Undetermined);
    let dynamic = TRUST.replace("    principals {", "    dynamic \"principals\" {\n      for_each = []\n      content {}\n    }\n    principals {");
    assert_eq!(deferred(&dynamic, |_| {}), Undetermined);
    let more =
        TRUST.replace("  statement {", "  statement {\n    actions = []\n  }\n  statement {");
    assert_eq!(deferred(&more, |_| {}), Undetermined);
    let wrapped = TRUST.replace(
        "data.aws_iam_policy_document.trust.json\n",
        "replace(data.aws_iam_policy_document.trust.json, \"a\", \"b\")\n",
    );
    assert_eq!(deferred(&wrapped, |_| {}), Undetermined);
    let hidden = |plan: &mut Value| {
        let all = plan["resource_changes"].as_array_mut().expect("changes");
        all.retain(|change| change["mode"] != "data");
    };
    assert_eq!(deferred(TRUST, hidden), Undetermined);
}

/// `count = ... ? 1 : 0` and `[0]`, as modules write it: beside the instance, Terraform lists what it is an instance of.
#[test]
fn an_instance_is_named_by_its_key() {
    let references = |attr: &str| json!({"references": [format!("aws_s3_bucket.new[0].{attr}"), "aws_s3_bucket.new[0]", "aws_s3_bucket.new"]});
    let made = encoded(FROM_DEV, "").replace("aws_s3_bucket.new.", "aws_s3_bucket.new[0].");
    let lab = Lab::new();
    lab.write_text(
        "bucket.tf",
        &format!("resource \"aws_s3_bucket\" \"new\" {{\n  count = 1\n  bucket = \"acme-new\"\n}}\n\nresource \"aws_s3_bucket_policy\" \"new\" {{\n  bucket = aws_s3_bucket.new[0].id\n  policy = {made}\n}}\n"),
    );
    let bucket = Change { address: "aws_s3_bucket.new[0]", ..bucket() };
    let policy = Change {
        expressions: json!({"bucket": references("id"), "policy": references("arn")}),
        ..policy(json!([]))
    };
    let outcome = lab.plan(&Plan::new(vec![bucket, policy])).review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable), "{:#?}", outcome.change);
}
