//! Ownership tags name the estate: an object of another estate at the same address is nobody else's.

use aws_sdk_iam::types::Tag;
use palisade::sandbox::{Options, Sandbox};

use crate::state::hostile::resealed;
use crate::support::cli::{Program, Run};
use crate::support::endpoint::Endpoint;
use crate::support::estates::two_environments;

const ROLE: &str = r#"iam_role "deploy" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
}
"#;

const SECRET: &str = r#"config_schema "app" {
  key "token" {
    type   = string
    secret = true
  }
  key "level" {
    type = string
  }
}
"#;

async fn endpoint(program: &Program) -> Endpoint {
    let dir = program.path().join(".palisade/sandbox");
    Endpoint::of(Sandbox::open(&dir, Options::default()).await.expect("opens"))
}

async fn dev(endpoint: &Endpoint) -> aws_config::SdkConfig {
    let accounts = endpoint.accounts().await;
    let dev = accounts.iter().find(|a| a.name == "acme-dev").expect("there");
    endpoint.account(&dev.id).await
}

async fn mark(endpoint: &Endpoint) -> String {
    let iam = aws_sdk_iam::Client::new(&dev(endpoint).await);
    let role = iam.get_role().role_name("deploy").send().await.expect("there");
    let tags = role.role().expect("a role").tags().to_vec();
    tags.iter().find(|t| t.key() == "palisade:address").expect("marked").value().to_owned()
}

async fn set_mark(endpoint: &Endpoint, value: &str) {
    let iam = aws_sdk_iam::Client::new(&dev(endpoint).await);
    let tag = Tag::builder().key("palisade:address").value(value).build().expect("a tag");
    iam.tag_role().role_name("deploy").tags(tag).send().await.expect("tagged");
}

fn lineage(program: &Program) -> String {
    program.run(&["state", "pull"]).code(0).json()["lineage"].as_str().expect("one").to_owned()
}

/// The digest of a mark of either version.
fn digest(mark: &str) -> &str {
    mark.rsplit(':').next().expect("a digest")
}

/// Forgets the state, as an estate does whose state lies elsewhere: the accounts stay.
fn another_state(program: &Program) {
    std::fs::remove_dir_all(program.path().join(".palisade/sandbox/palisade-state")).expect("gone");
}

/// The same configuration over another state, which takes the accounts by their ids: another estate.
async fn another_estate(program: &Program) {
    another_state(program);
    let mut main = std::fs::read_to_string(program.path().join("main.hcl")).expect("read");
    let accounts = endpoint(program).await.accounts().await;
    for (label, name) in [("dev", "acme-dev"), ("production", "acme-production")] {
        let id = &accounts.iter().find(|a| a.name == name).expect("there").id;
        let block = format!("account \"{label}\" {{");
        main = main.replace(&block, &format!("{block}\n  id = \"{id}\""));
    }
    program.write("main.hcl", &main);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_apply_writes_its_lineage_into_every_mark() {
    let program = Program::new(&two_environments(ROLE));
    program.run(&["apply", "--auto-approve"]).code(0);
    let mark = mark(&endpoint(&program).await).await;
    assert_eq!(mark, format!("v2:{}:{}", lineage(&program), digest(&mark)));
    let run = program.run(&["plan", "--detailed-exitcode"]).code(0);
    assert!(run.out.contains("No changes"), "{}", run.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_an_earlier_version_is_upgraded_by_the_next_apply() {
    let config = "environment \"dev\" {\n  config \"app\" {\n    values = { token = secret(\"env:TOKEN\"), level = \"x\" }\n  }";
    let estate = two_environments(&format!("{ROLE}{SECRET}"));
    let program = Program::new(&estate.replace("environment \"dev\" {", config));
    let apply = program.command(&["apply", "--auto-approve"]).env("TOKEN", "s3cr3t-value").output();
    Run::from(apply.expect("started")).code(0);
    let own = mark(&endpoint(&program).await).await;
    let old = format!("v1:{}", digest(&own));
    set_mark(&endpoint(&program).await, &old).await;
    // As the earlier version left it: its mark in the state too, of the parameters as well.
    let state = program.path().join(".palisade/sandbox/palisade-state/scopes/acct-dev/state.json");
    let text = std::fs::read_to_string(&state).expect("read");
    let was = text.replace(&format!("v2:{}:", lineage(&program)), "v1:");
    assert_ne!(was, text);
    std::fs::write(&state, resealed(&was)).expect("written");

    let run = program.run(&["plan", "--detailed-exitcode"]).code(2);
    assert!(run.out.contains("3 to update"), "{}", run.out);
    // One line stands for all of them, in every format for people, and the whole plan shows each.
    let line = "ownership tags of 3 objects";
    let each = ["app[\"level\"]@dev", "app[\"token\"]@dev", "~ iam_role.deploy@dev"];
    assert!(!each.iter().any(|name| run.out.contains(name)), "{}", run.out);
    assert_eq!(run.out.matches(line).count(), 1, "{}", run.out);
    for format in ["markdown", "html"] {
        let shown = program.run(&["plan", "--format", format]).code(0).out;
        assert_eq!(shown.matches(line).count(), 1, "{shown}");
    }
    let full = program.run(&["plan", "--full"]).code(0).out;
    assert!(!full.contains(line) && each.iter().all(|name| full.contains(name)), "{full}");
    // An upgrade of tags needs no secret: this run has none.
    program.run(&["apply", "--auto-approve"]).code(0);
    assert_eq!(mark(&endpoint(&program).await).await, own);
    let run =
        program.command(&["plan", "--detailed-exitcode"]).env("TOKEN", "s3cr3t-value").output();
    Run::from(run.expect("started")).code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_estates_object_at_the_same_address_is_not_taken() {
    let program = Program::new(&two_environments(ROLE));
    program.run(&["apply", "--auto-approve"]).code(0);
    let (first, theirs) = (lineage(&program), mark(&endpoint(&program).await).await);
    another_estate(&program).await;
    let run = program.run(&["plan"]).code(1);
    assert!(run.err.contains("`deploy` exists already"), "{}", run.err);
    assert!(
        run.err.contains(&format!("the estate with the state `{first}` manages it")),
        "{}",
        run.err
    );
    // An earlier version's mark says as little.
    set_mark(&endpoint(&program).await, &format!("v1:{}", digest(&theirs))).await;
    let run = program.run(&["plan"]).code(1);
    assert!(run.err.contains("do not tell for which estate"), "{}", run.err);
    set_mark(&endpoint(&program).await, &theirs).await;
    // What is taken over one by one is judged one by one.
    let second = ROLE.replace("\"deploy\"", "\"audit\"");
    let client = aws_sdk_iam::Client::new(&dev(&endpoint(&program).await).await);
    let trust = client.get_role().role_name("deploy").send().await.expect("there");
    let trust = trust.role().expect("a role").assume_role_policy_document().expect("a trust");
    let trust = trust.replace("%22", "\"").replace("%7B", "{").replace("%7D", "}");
    let trust =
        trust.replace("%3A", ":").replace("%2C", ",").replace("%5B", "[").replace("%5D", "]");
    let create = client.create_role().role_name("audit").assume_role_policy_document(trust);
    create.send().await.expect("made by somebody");
    program.write("second.hcl", &second);
    let run = program.run(&["import", "iam_role.audit@dev", "audit", "--auto-approve"]).code(0);
    assert!(!run.err.contains("`deploy` exists already"), "{}", run.err);
    // Asked for, it is taken over, and that is said.
    let import = "import {\n  to = iam_role.deploy[\"dev\"]\n  id = \"deploy\"\n}\n";
    let import = import.replace("iam_role.deploy[\"dev\"]", "\"iam_role.deploy@dev\"");
    program.write("import.hcl", &import);
    let run = program.run(&["apply", "--auto-approve"]).code(0);
    assert!(run.err.contains("is adopted from another estate"), "{}", run.err);
    assert!(mark(&endpoint(&program).await).await.contains(&lineage(&program)));
}

/// An estate that has lost its state finds its accounts and units again; what stands in them it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_and_units_of_a_lost_state_are_taken_over_with_a_warning() {
    let program = Program::new(&two_environments(""));
    program.run(&["apply", "--auto-approve"]).code(0);
    let first = lineage(&program);
    another_state(&program);
    let run = program.run(&["plan"]).code(0);
    assert!(run.err.contains("`account.dev` is adopted from another estate"), "{}", run.err);
    assert!(run.err.contains(&format!("the estate with the state `{first}`")), "{}", run.err);
    program.run(&["apply", "--auto-approve"]).code(0);
    program.run(&["plan", "--detailed-exitcode"]).code(0);
    // An estate with a state of its own takes none.
    let other = lineage(&program);
    assert_ne!(first, other);
    program.run(&["state", "rm", "account.dev"]).code(0);
    let organizations = aws_sdk_organizations::Client::new(&endpoint(&program).await.management());
    let accounts = endpoint(&program).await.accounts().await;
    let dev = accounts.iter().find(|a| a.name == "acme-dev").expect("there").id.clone();
    let tags = organizations.list_tags_for_resource().resource_id(&dev).send().await.expect("read");
    let mark = tags.tags().iter().find(|t| t.key() == "palisade:address").expect("marked").value();
    let theirs = aws_sdk_organizations::types::Tag::builder()
        .key("palisade:address")
        .value(mark.replace(&other, &first))
        .build()
        .expect("a tag");
    organizations.tag_resource().resource_id(&dev).tags(theirs).send().await.expect("tagged");
    let run = program.run(&["plan"]).code(1);
    assert!(run.err.contains("`account.dev`") && run.err.contains("manages it"), "{}", run.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_estate_has_taken_over_is_neither_changed_nor_deleted() {
    let program = Program::new(&two_environments(ROLE));
    program.run(&["apply", "--auto-approve"]).code(0);
    let own = mark(&endpoint(&program).await).await;
    let theirs = own.replace(&lineage(&program), "other-lineage");
    set_mark(&endpoint(&program).await, &theirs).await;
    let run = program.run(&["plan"]).code(1);
    assert!(run.err.contains("another estate has adopted `iam_role.deploy@dev`"), "{}", run.err);
    program.write("main.hcl", &two_environments(""));
    let run = program.run(&["apply", "--auto-approve"]).code(0);
    assert!(run.out.contains("has adopted it"), "{}", run.out);
    assert_eq!(mark(&endpoint(&program).await).await, theirs);
    assert!(!program.run(&["state", "list"]).code(0).out.contains("deploy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_of_another_estate_is_not_taken() {
    let config = "environment \"dev\" {\n  config \"app\" {\n    values = { level = \"x\" }\n  }";
    let estate =
        two_environments("config_schema \"app\" {\n  key \"level\" {\n    type = string\n  }\n}\n");
    let program = Program::new(&estate.replace("environment \"dev\" {", config));
    let applied = program.run(&["apply", "--auto-approve"]);
    assert_eq!(applied.code, 0, "{}", applied.err);
    another_estate(&program).await;
    let run = program.run(&["plan"]).code(1);
    assert!(run.err.contains("`/acme/dev/app/level` exists already"), "{}", run.err);
    assert!(run.err.contains("manages it"), "{}", run.err);
    // One that bears no mark is taken as before, and marked.
    let sdk = dev(&endpoint(&program).await).await;
    let ssm = aws_sdk_ssm::Client::new(&sdk);
    let kind = aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
    ssm.remove_tags_from_resource()
        .resource_type(kind.clone())
        .resource_id("/acme/dev/app/level")
        .tag_keys("palisade:address")
        .tag_keys("palisade:name")
        .send()
        .await
        .expect("untagged");
    program.run(&["apply", "--auto-approve"]).code(0);
    let ssm = aws_sdk_ssm::Client::new(&dev(&endpoint(&program).await).await);
    let tags = ssm
        .list_tags_for_resource()
        .resource_type(kind)
        .resource_id("/acme/dev/app/level")
        .send()
        .await
        .expect("tags");
    let marked = tags.tag_list().iter().any(|t| t.value().contains(&lineage(&program)));
    assert!(marked, "{tags:?}");
}
