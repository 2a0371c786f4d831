//! Approvals that are written past the program: what the bucket's policy refuses, and what it cannot.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use palisade::sandbox::{Options, Sandbox};

use super::stage::{MAIN, Stage};
use crate::support::cli::Run;

const BUCKET: &str = "acme-palisade-state";

/// In a sandbox that judges every call by the policies in it.
#[track_caller]
fn judged(stage: &mut Stage, who: &'static str, args: &[&str], code: i32) -> Run {
    stage.who = who;
    let run: Run =
        stage.command(args).env("PALISADE_SANDBOX_ENFORCE", "1").output().unwrap().into();
    let told = format!("{who}: palisade {}", args.join(" "));
    assert_eq!(run.code, code, "{told}\n--- out\n{}\n--- err\n{}", run.out, run.err);
    run
}

/// S3 as a user has it: an administrator, whom only an explicit denial stops.
async fn s3(stage: &Stage, who: &str) -> Client {
    let options = Options { enforce: true, operator: Some(who.to_owned()), ..Options::default() };
    let sandbox = Sandbox::open(&stage.path(".palisade/sandbox"), options).await.unwrap();
    Client::new(&crate::support::judge::sdk(&sandbox, sandbox.management_credentials()))
}

/// What came of writing an object that must not be there yet.
async fn put(client: &Client, key: &str, body: &str) -> Result<(), String> {
    let request = client.put_object().bucket(BUCKET).key(key).if_none_match("*");
    let sent = request.body(body.as_bytes().to_vec().into()).send().await;
    sent.map(|_| ()).map_err(|e| e.code().unwrap_or_default().to_owned())
}

async fn keys(client: &Client, prefix: &str) -> Vec<String> {
    let answer = client.list_objects_v2().bucket(BUCKET).prefix(prefix).send().await.unwrap();
    answer.contents().iter().map(|o| o.key().unwrap().to_owned()).collect()
}

/// The estate with its state in S3.
fn in_s3() -> String {
    MAIN.replacen(
        "name = \"acme\"\n",
        "name = \"acme\"\n  backend \"s3\" {\n    bucket = \"acme-palisade-state\"\n    prefix = \"estate\"\n    region = \"eu-west-1\"\n  }\n",
        1,
    )
}

#[test]
fn init_and_status_warn_where_the_buckets_policy_protects_no_record() {
    let mut stage = Stage::new(&in_s3());
    let told = "the policy of the bucket `acme-palisade-state` does not protect records";
    let made = judged(&mut stage, "ann", &["init", "--create-backend"], 0);
    judged(&mut stage, "ann", &["apply", "--auto-approve"], 0);
    let known = judged(&mut stage, "ann", &["status"], 0);
    assert!(!made.err.contains(told) && !known.err.contains(told), "{}{}", made.err, known.err);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = s3(&stage, "ann").await;
        client.delete_bucket_policy().bucket(BUCKET).send().await.unwrap();
    });
    for command in ["init", "status"] {
        let warned = judged(&mut stage, "ann", &[command], 0).err;
        let warned = warned.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [told, "remove them, overwrite them, approve in another's name"] {
            assert!(warned.contains(part), "{command}: `{part}`: {warned}");
        }
    }
}

#[test]
fn nobody_approves_in_another_name() {
    let main = in_s3().replace(
        "  gate \"command\" \"tests\" {\n    command = [\"./tests\"]\n  }\n",
        "  gate \"approval\" \"board\" {\n    count = 2\n  }\n",
    );
    let mut stage = Stage::new(&main);
    judged(&mut stage, "ann", &["init", "--create-backend"], 0);
    judged(&mut stage, "ann", &["apply", "--auto-approve"], 0);
    judged(&mut stage, "cem", &["approve", "to_dev"], 0);
    judged(&mut stage, "bea", &["approve", "to_dev"], 0);
    judged(&mut stage, "bea", &["approve", "to_dev", "--revoke"], 0);
    let promote = ["promote", "to_dev", "--auto-approve"];
    let one = judged(&mut stage, "ann", &promote, 3);
    assert!(one.err.contains("1 of 2 approvals"), "{}", one.err);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (of_bea, word, own) = runtime.block_on(async {
        let cem = s3(&stage, "cem").await;
        let all = keys(&cem, "estate/approvals/to_dev/").await;
        let text = |key: String| async {
            let read = cem.get_object().bucket(BUCKET).key(key).send().await.unwrap();
            String::from_utf8(read.body.collect().await.unwrap().to_vec()).unwrap()
        };
        let mut approved = None;
        for key in &all {
            let body = text(key.clone()).await;
            if body.contains("user/bea") && body.contains("\"approve\"") {
                approved = Some((key.clone(), body));
            }
        }
        let (of_bea, word) = approved.expect("bea's approval");
        let revocation = of_bea.replace("00000001", "00000002");
        assert!(all.contains(&revocation), "{all:?}");

        // Cem gives bea's word again, and takes her second one away.
        let denied = Err("AccessDenied".to_owned());
        assert_eq!(put(&cem, &of_bea.replace("00000001", "00000003"), &word).await, denied);
        for version in [false, true] {
            let mut request = cem.delete_object().bucket(BUCKET).key(&revocation);
            if version {
                let head = cem.head_object().bucket(BUCKET).key(&revocation).send().await.unwrap();
                request = request.set_version_id(head.version_id().map(str::to_owned));
            }
            let error = request.send().await.expect_err("refused");
            assert_eq!(error.code(), Some("AccessDenied"), "{error:?}");
        }
        // His own stays as it is: neither replaced nor written without a condition.
        let own = all.iter().find(|key| !key.starts_with(of_bea.trim_end_matches("00000001.json")));
        let own = own.expect("cem's approval").clone();
        let unconditional = cem.put_object().bucket(BUCKET).key(&own).body(Vec::new().into());
        let error = unconditional.send().await.expect_err("refused");
        assert_eq!(error.code(), Some("AccessDenied"), "{error:?}");
        let next = own.replace("00000001", "00000002");
        assert_eq!(put(&cem, &next, &text(own.clone()).await).await, Ok(()), "his own next word");
        (of_bea, word, own)
    });
    let still = judged(&mut stage, "ann", &promote, 3);
    assert!(still.err.contains("1 of 2 approvals"), "{}", still.err);

    // A policy cannot count slashes: below bea's id and his own is below his own. Palisade can.
    runtime.block_on(async {
        let cem = s3(&stage, "cem").await;
        let own = own.rsplit('/').nth(1).expect("an id");
        let deeper = of_bea.replace("00000001.json", &format!("{own}/00000001.json"));
        assert_eq!(put(&cem, &deeper, &word).await, Ok(()));
    });
    let forged = judged(&mut stage, "ann", &promote, 1);
    assert!(forged.err.contains("does not match its key"), "{}", forged.err);
    assert!(stage.parameters("dev-aws").is_empty());
}
