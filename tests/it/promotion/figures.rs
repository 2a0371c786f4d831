//! The figures of `history` and `status`: moves at set times, and the arithmetic by hand.

use serde_json::{Value as Json, json};

use super::stage::{MAIN, Stage};
use crate::support::cli::Run;
use crate::support::judge;

/// Verification in `dev-aws` has five minutes, and asks `./smoke` every ten seconds.
fn stage() -> Stage {
    let main = MAIN.replace(
        "environment \"dev-aws\" {\n",
        "environment \"dev-aws\" {\n  verify {\n    timeout = \"5m\"\n    gate \"command\" \"smoke\" {\n      command = [\"./smoke\"]\n    }\n  }\n",
    );
    Stage::new(&main)
}

/// A rule that the estate breaks: everybody in `dev-aws` may enter `dev-aws-deployed`.
pub(super) const BROKEN: &str = r#"
isolation "walls" {
  between = [environment.dev-aws, environment.dev-aws-deployed]
}
iam_role "open" {
  environments = [environment.dev-aws-deployed]
  trust {
    aws = [account.dev.id]
  }
}
iam_role "key" {
  environments = [environment.dev-aws]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
  statement "enter" {
    effect    = "Allow"
    actions   = ["sts:AssumeRole"]
    resources = ["*"]
  }
}
"#;

impl Stage {
    /// The time of the next command, on the day of the stage.
    fn at(&mut self, time: &str) -> &mut Self {
        self.at = format!("2026-11-23T{time}:00Z").parse().expect("a time");
        self
    }

    fn figures(&self, args: &[&str]) -> Json {
        self.run(&[&["history", "--json"], args].concat(), 0).json()["figures"].clone()
    }

    /// A promotion that is killed while verification looks at `image`.
    fn killed(&self, image: &str) {
        self.script(
            "smoke",
            &format!(
                "case $PALISADE_RELEASE_VALUES in *{image}*) kill -9 $PPID ;; *) exit 1 ;; esac"
            ),
        );
        let run = self.command(&["promote", "to_dev", "--auto-approve"]).output().unwrap();
        assert_eq!(run.status.code(), None, "{}", Run::from(run).err);
    }
}

/// Lines of the figures in a text, without the spaces between name and value.
fn lines(run: &Run) -> Vec<String> {
    let (_, figures) = run.out.split_once("Figures\n").expect("figures");
    let all = figures.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "));
    all.collect()
}

#[test]
fn figures_are_what_the_records_add_up_to() {
    let mut stage = stage();
    // 1: v1 is verified at once.
    stage.at("09:00").apply();
    stage.at("09:05").promote("to_dev", 0);
    // 2: v2 is killed at 10:10 and taken up at 10:17: seven minutes.
    stage.image("v2");
    stage.at("10:00").apply();
    stage.at("10:10").killed("v2");
    stage.script("smoke", "exit 0");
    stage.at("10:17").promote("to_dev", 0);
    // 3: v3 fails verification for five minutes, from 11:00; its way back is killed at 11:05 and
    // taken up at 11:20: fifteen minutes.
    stage.image("v3");
    stage.at("10:55").apply();
    stage.at("11:00").killed("v2");
    assert_eq!(stage.record("dev-aws")["run"]["returned"]["started_at"], "2026-11-23T11:05:00Z");
    stage.script("smoke", "exit 0");
    stage.at("11:20").promote("to_dev", 1);
    // By hand, verified at the third look: twenty seconds.
    stage.script("smoke", "echo . >> looks; [ $(wc -l < looks) -ge 3 ]");
    stage.at("12:00").run(&["rollback", "dev-aws", "--auto-approve"], 0);
    stage.script("smoke", "exit 0");

    let all = stage.at("13:00").figures(&[]);
    assert_eq!(all["promotions"], 3);
    assert_eq!(all["promotions_succeeded"], 2);
    // 2 of 3.
    assert_eq!(all["promotion_success_percent"], 66.66);
    // 0 s and 420 s: half took no longer than 0.
    assert_eq!(all["promotion_time"], json!({"median_seconds": 0, "worst_seconds": 420}));
    // 900 s and 20 s.
    assert_eq!(all["rollbacks"], 2);
    assert_eq!(all["rollback_time"], json!({"median_seconds": 20, "worst_seconds": 900}));
    let before = all["applies"].as_u64().unwrap();
    assert_eq!(all["configuration_consistency_percent"], 100.0);
    assert_eq!(all["isolation_compliance_percent"], 100.0);
    assert_eq!(
        lines(&stage.run(&["history"], 0)),
        [
            "promotions verified 66.66% (2 of 3 promotions; aim: over 95%)".to_owned(),
            "promotion time median 0s, worst 7m (2 promotions; aim: under 30 min)".to_owned(),
            "rollback time median 20s, worst 15m (2 rollbacks; aim: under 10 min)".to_owned(),
            format!("configuration consistency 100% ({before} applies; aim: over 99%)"),
            format!("isolation compliance 100% ({before} applies; aim: 100%)"),
        ]
    );
    assert_eq!(lines(&stage.run(&["status"], 0)), lines(&stage.run(&["history"], 0)));
    assert_eq!(stage.run(&["status", "--json"], 0).json()["figures"], all);

    // What ended since: the rollbacks alone, then the one by hand.
    let since = stage.figures(&["--since", "2026-11-23T11:10"]);
    assert_eq!((&since["promotions"], &since["rollbacks"]), (&json!(1), &json!(2)));
    assert_eq!(since["promotion_success_percent"], 0.0);
    assert_eq!(since["promotion_time"], Json::Null);
    let since = stage.figures(&["--since", "90m"]);
    assert_eq!((&since["promotions"], &since["rollbacks"]), (&json!(0), &json!(1)));
    assert_eq!(since["rollback_time"], json!({"median_seconds": 20, "worst_seconds": 20}));
    // In the order in which releases travel.
    let status = stage.run(&["status", "--json"], 0).json();
    let order: Vec<&str> = status["environments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["name"].as_str().unwrap())
        .collect();
    assert_eq!(order, ["dev-localstack", "dev-aws", "dev-aws-deployed", "staging", "production"]);
    let text = lines(&stage.run(&["history", "--since", "90m"], 0));
    assert_eq!(
        text[..2],
        [
            "promotions verified no record (0 of 0 promotions; aim: over 95%)",
            "promotion time no record (0 promotions; aim: under 30 min)",
        ]
    );
    // Nothing but its first release moved into the emulator.
    let entry = stage.figures(&["--environment", "dev-localstack"]);
    assert_eq!((&entry["promotions"], &entry["rollbacks"]), (&json!(0), &json!(0)));

    drifted_and_broken(&mut stage, before);
}

/// One of the objects of `dev-aws` is changed by hand, then a rule is broken.
fn drifted_and_broken(stage: &mut Stage, before: u64) {
    set_level(stage, "loud");
    stage.at("14:00").run(&["apply", "--auto-approve", "--environment", "dev-aws"], 0);
    let dev = ["--environment", "dev-aws", "--since", "2026-11-23T13:30"];
    let figures = stage.figures(&dev);
    assert_eq!(figures["applies"], 1);
    // One of five had drifted: the account, `level`, and the release's image, schema and digest.
    assert_eq!(figures["configuration_consistency_percent"], 80.0);
    assert_eq!(figures["isolation_compliance_percent"], 100.0);
    // That apply was about no other environment.
    let other = stage.figures(&["--environment", "dev-localstack", "--since", "2026-11-23T13:30"]);
    assert_eq!(other["applies"], 0);
    assert_eq!(other["configuration_consistency_percent"], Json::Null);

    stage.write("broken.hcl", BROKEN);
    stage.at("15:00").run(&["apply", "--auto-approve"], 3);
    let reason = ["apply", "--auto-approve", "--fail-on", "none", "--reason", "INC-3"];
    stage.run(&reason, 0);
    let figures = stage.figures(&dev);
    assert_eq!(figures["applies"], 2);
    // Nine of ten: four of five then, all five now.
    assert_eq!(figures["configuration_consistency_percent"], 90.0);
    assert_eq!(figures["isolation_compliance_percent"], 50.0);
    let all = stage.figures(&[]);
    assert_eq!(all["applies"], before + 2);
    let share = 10_000 * (before + 1) / (before + 2);
    assert_eq!(all["isolation_compliance_percent"], json!(share as f64 / 100.0));
    let status = stage.run(&["status", "--environment", "dev-aws", "--json"], 0).json();
    assert_eq!(status["figures"], stage.figures(&["--environment", "dev-aws"]));
    assert_ne!(status["isolation_violations"], 0);
    let history = stage.run(&["history", "--json"], 0);
    let releases = stage.run(&["releases", "--json"], 0);
    let state = stage.run(&["state", "history", "--json"], 0);
    for json in [&status.to_string(), &history.out, &releases.out, &state.out] {
        assert_eq!(fraction(json), None, "{json}");
    }
}

/// A time with a fraction of a second, which no reader needs.
fn fraction(json: &str) -> Option<&str> {
    let texts = json.split('"').filter(|text| text.starts_with("20") && text.ends_with('Z'));
    texts.into_iter().find(|text| text.contains('.'))
}

/// Somebody changes a parameter in AWS.
fn set_level(stage: &Stage, value: &str) {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let sandbox = stage.sandbox().await;
        aws_sdk_ssm::Client::new(&judge::member(&sandbox, "dev").await)
            .put_parameter()
            .name("/acme/dev-aws/app/level")
            .value(value)
            .overwrite(true)
            .send()
            .await
            .expect("put");
    });
}
