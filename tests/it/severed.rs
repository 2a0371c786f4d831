//! Principals that are made anew: AWS severs them from the policies that name them, and the same apply writes
//! these policies again.

use palisade::sandbox::{Options, Sandbox};

use crate::support::cli::Program;
use crate::support::endpoint::{Endpoint, s3};
use crate::support::estates::two_environments;

/// A role in `dev` that a role and a bucket in `production` name.
fn estate(name: &str, hub: &str, more: &str) -> String {
    two_environments(&format!(
        r#"iam_role "hub" {{
  accounts = [account.dev]
  name     = "{name}"
  {hub}
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
iam_role "spoke" {{
  accounts = [account.production]
  trust {{
    aws = [iam_role.hub]
  }}
}}
s3_bucket "data" {{
  accounts = [account.production]
  bucket   = "acme-severed-data"
  policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect = "Allow", Action = "s3:GetObject", Resource = "arn:aws:s3:::acme-severed-data/*"
      Principal = {{ AWS = iam_role.hub.arn }}
    }}]
  }})
}}
{more}"#
    ))
}

async fn production(program: &Program) -> (aws_config::SdkConfig, Endpoint) {
    let dir = program.path().join(".palisade/sandbox");
    let endpoint = Endpoint::of(Sandbox::open(&dir, Options::default()).await.expect("opens"));
    let accounts = endpoint.accounts().await;
    let account = accounts.iter().find(|a| a.name == "acme-production").expect("there");
    (endpoint.account(&account.id).await, endpoint)
}

/// The trust of `spoke` and the policy of the bucket, as AWS shows them.
async fn policies(program: &Program) -> [String; 2] {
    let (sdk, _open) = production(program).await;
    let role = aws_sdk_iam::Client::new(&sdk).get_role().role_name("spoke").send().await;
    let role = role.expect("read").role.expect("there");
    let trust = role.assume_role_policy_document.expect("a document");
    let policy = s3(&sdk).get_bucket_policy().bucket("acme-severed-data").send().await;
    [trust, policy.expect("read").policy.expect("a document")].map(|text| {
        percent_encoding::percent_decode_str(&text).decode_utf8().expect("text").into_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_apply_renames_a_role_and_all_that_names_it() {
    let program = Program::new(&estate("hub", "", ""));
    program.run(&["apply", "--auto-approve"]).code(0);
    for (name, hub) in [("hub-2", ""), ("hub-2", "path = \"/team/\"")] {
        program.write("main.hcl", &estate(name, hub, ""));
        let plan = program.run(&["plan"]).code(0);
        assert!(plan.out.contains("1 to replace"), "{}", plan.out);
        assert!(plan.out.contains("AWS severs `iam_role.hub@dev`"), "{}", plan.out);
        program.run(&["apply", "--auto-approve"]).code(0);
        let arn = if hub.is_empty() { "role/hub-2\"" } else { "role/team/hub-2\"" };
        for policy in policies(&program).await {
            assert!(policy.contains(arn) && !policy.contains("AROA"), "{policy}");
        }
        program.run(&["plan", "--detailed-exitcode"]).code(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_made_anew_under_its_old_name_is_named_anew() {
    let program = Program::new(&estate("hub", "", ""));
    program.run(&["apply", "--auto-approve"]).code(0);
    // By its ARN as text, which makes no dependency, as well as by reference.
    let by_text = format!(
        "iam_role \"by_text\" {{\n  accounts = [account.production]\n  trust {{\n    aws = [\"{}\"]\n  }}\n}}\n",
        arn_of_hub(&program)
    );
    program.write("main.hcl", &estate("hub", "", &by_text));
    program.run(&["apply", "--auto-approve"]).code(0);
    let plan = program.run(&["plan", "--replace", "iam_role.hub@dev"]).code(0);
    assert!(plan.out.contains("3 to update, 1 to replace"), "{}", plan.out);
    program.run(&["apply", "--auto-approve", "--replace", "iam_role.hub@dev"]).code(0);
    for policy in policies(&program).await {
        assert!(policy.contains("role/hub\"") && !policy.contains("AROA"), "{policy}");
    }
    program.run(&["plan", "--detailed-exitcode"]).code(0);
}

/// AWS gives every role an id of its own (`AROA...`), which policies ask for as `aws:userid`.
#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_role_made_anew_is_written_in_the_same_apply() {
    let by_id = |name: &str| {
        let main = estate(name, "", "output \"hub\" {\n  value = iam_role.hub.unique_id\n}\n");
        main.replace(
            "iam_role.hub.arn }\n    }]",
            "iam_role.hub.arn }\n    }, {\n      Effect = \"Deny\", Action = \"s3:PutObject\", Resource = \"arn:aws:s3:::acme-severed-data/*\"\n      Principal = \"*\", Condition = { StringNotLike = { \"aws:userid\" = \"${iam_role.hub.unique_id}:*\" } }\n    }]",
        )
    };
    let program = Program::new(&by_id("hub"));
    program.run(&["apply", "--auto-approve"]).code(0);
    let id = || {
        let out = program.run(&["output", "hub"]).code(0).out;
        out.trim().trim_matches('"').to_owned()
    };
    let mut old = id();
    for (name, more) in [("hub", &["--replace", "iam_role.hub@dev"][..]), ("hub-2", &[])] {
        program.write("main.hcl", &by_id(name));
        let plan = program.run(&[&["plan"], more].concat()).code(0);
        assert!(plan.out.contains("1 to replace"), "{}", plan.out);
        assert!(
            plan.out.contains("iam_role.hub")
                && !plan.out.contains(&format!("\"{old}:*\" -> \"{old}:*\""))
        );
        program.run(&[&["apply", "--auto-approve"], more].concat()).code(0);
        let new = id();
        assert!(new.starts_with("AROA") && new != old, "{old} {new}");
        let [trust, policy] = policies(&program).await;
        assert!(policy.contains(&format!("{new}:*")) && !policy.contains(&old), "{policy}");
        assert!(!trust.contains("AROA"), "{trust}");
        program.run(&["plan", "--detailed-exitcode"]).code(0);
        old = new;
    }
    // Written out as text it stays what it was, which is told.
    let as_text = by_id("hub-2").replace("${iam_role.hub.unique_id}:*", &format!("{old}:*"));
    program.write("main.hcl", &as_text);
    let plan = program.run(&["plan", "--replace", "iam_role.hub@dev"]).code(0);
    let told = format!("`policy` of `s3_bucket.data@production` names the unique id `{old}`");
    assert!(plan.err.contains(&told), "{}", plan.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_plan_does_not_write_is_named_with_the_command() {
    let program = Program::new(&estate("hub", "", ""));
    program.run(&["apply", "--auto-approve"]).code(0);
    let (sdk, open) = production(&program).await;
    let [trust, _] = policies(&program).await;
    let made = aws_sdk_iam::Client::new(&sdk).create_role().role_name("by-hand");
    made.assume_role_policy_document(trust).send().await.expect("made");
    drop(open);

    let plan = program.run(&["plan", "--replace", "iam_role.hub@dev"]).code(0);
    assert!(
        plan.err.contains("`by-hand` in `production`, which is not managed, names `arn:aws:iam::"),
        "{}",
        plan.err
    );
    assert!(plan.err.contains("aws iam update-assume-role-policy"), "{}", plan.err);
    assert!(plan.err.contains("--role-name by-hand"), "{}", plan.err);
    // Its unique id as text, in a policy that nobody manages.
    let (sdk, open) = production(&program).await;
    let id = {
        let sandbox = Endpoint::of(
            Sandbox::open(&program.path().join(".palisade/sandbox"), Options::default())
                .await
                .expect("opens"),
        );
        let accounts = sandbox.accounts().await;
        let dev = &accounts.iter().find(|a| a.name == "acme-dev").expect("there").id;
        let iam = aws_sdk_iam::Client::new(&sandbox.account(dev).await);
        let hub = iam.get_role().role_name("hub").send().await.expect("read").role;
        hub.expect("there").role_id().to_owned()
    };
    let by_id = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{{"StringNotLike":{{"aws:userid":"{id}:*"}}}}}}]}}"#
    );
    let put = aws_sdk_iam::Client::new(&sdk).put_role_policy().role_name("by-hand");
    put.policy_name("only-hub").policy_document(by_id).send().await.expect("put");
    drop(open);
    let plan = program.run(&["plan", "--replace", "iam_role.hub@dev"]).code(0);
    let told = format!(
        "`inline_policies` of `by-hand` in `production`, which is not managed, names the unique id `{id}`"
    );
    assert!(plan.err.contains(&told), "{}", plan.err);

    // Of two that name it, one is selected.
    let selected = ["plan", "--replace", "iam_role.hub@dev", "-a", "dev"];
    let plan = program.run(&selected).code(0);
    assert!(plan.err.contains("`iam_role.spoke@production` is not selected"), "{}", plan.err);

    // A role that goes for good takes its name with it.
    let arn = arn_of_hub(&program);
    let without = estate("hub", "", "").replace("[iam_role.hub]", &format!("[\"{arn}\"]"));
    let without = without.replace("iam_role.hub.arn", &format!("\"{arn}\""));
    let (head, rest) = without.split_once("iam_role \"hub\"").expect("the block");
    let (_, rest) = rest.split_once("iam_role \"spoke\"").expect("the next");
    program.write("main.hcl", &format!("{head}iam_role \"spoke\"{rest}"));
    let plan = program.run(&["plan"]).code(0);
    assert!(plan.err.contains("`iam_role.spoke@production` goes on naming"), "{}", plan.err);
}

/// As the state has it.
fn arn_of_hub(program: &Program) -> String {
    let out = program.run(&["state", "show", "iam_role.hub@dev"]).code(0).out;
    let (_, rest) = out.split_once("arn:aws:iam::").expect("an ARN");
    format!("arn:aws:iam::{}", rest.split('"').next().expect("its end"))
}

/// A bucket that names a role by its ARN, and a role whose own policy names the bucket: by reference that would be
/// a circle.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_and_the_bucket_that_lets_it_in_name_each_other() {
    let program = Program::new(&estate("hub", "", ""));
    program.run(&["apply", "--auto-approve"]).code(0);
    let arn = arn_of_hub(&program);
    let back = "statement \"Read\" {\n    actions   = [\"s3:GetObject\"]\n    resources = [\"${s3_bucket.data.arn}/*\"]\n  }";
    let main = estate("hub", back, "").replace("iam_role.hub.arn", &format!("\"{arn}\""));
    program.write("main.hcl", &main);
    program.run(&["apply", "--auto-approve"]).code(0);
    program.run(&["apply", "--auto-approve", "--replace", "iam_role.hub@dev"]).code(0);
    for policy in policies(&program).await {
        assert!(policy.contains("role/hub\"") && !policy.contains("AROA"), "{policy}");
    }
    program.run(&["plan", "--detailed-exitcode"]).code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_arn_that_no_principal_goes_on_to_have_is_refused_or_told() {
    let program = Program::new(&estate("hub", "", ""));
    program.run(&["apply", "--auto-approve"]).code(0);
    let arn = arn_of_hub(&program);
    // The role gets another name; the bucket goes on naming the old one as text.
    let main = estate("hub-2", "", "").replace("iam_role.hub.arn", &format!("\"{arn}\""));
    program.write("main.hcl", &main);
    let plan = program.run(&["plan"]).code(0);
    assert!(
        plan.err.contains("`policy` of `s3_bucket.data@production` goes on naming"),
        "{}",
        plan.err
    );
    program.run(&["apply", "--auto-approve"]).code(0);
    let [trust, _] = policies(&program).await;
    assert!(trust.contains("role/hub-2\""), "{trust}");
}
