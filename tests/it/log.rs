//! What a run tells of itself: on standard error alone, only where it is asked for, and never a secret.

use crate::support::cli::{Program, Run};

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
variable "salt" {
  type      = string
  sensitive = true
}
config_schema "app" {
  key "token" {
    secret = true
  }
  key "salt" {
    secret = true
  }
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      token = secret("env:APP_TOKEN")
      salt  = var.salt
    }
  }
}
"#;

/// What must not be read anywhere.
const TOKEN: &str = "hunter2-correct-horse";
const SALT: &str = "battery-staple-of-salt";

/// Everything that makes a run talk, from nothing to all there is.
const VOLUMES: [(&[&str], &str); 6] = [
    (&[], ""),
    (&["-v"], ""),
    (&["-vv"], ""),
    (&["-vvv"], ""),
    (&[], "trace"),
    (&["-vv"], "trace,aws_smithy_runtime=trace,aws_sdk_ssm=trace,hyper=trace,palisade=trace"),
];

fn run(program: &Program, args: &[&str], volume: (&[&str], &str)) -> Run {
    let all: Vec<&str> = args.iter().chain(volume.0).copied().collect();
    program
        .command(&all)
        .env("PALISADE_LOG", volume.1)
        .env("APP_TOKEN", TOKEN)
        .env("PALISADE_VAR_salt", SALT)
        .env("PALISADE_SANDBOX_CLOCK", "2026-11-23T09:00:00Z")
        .output()
        .expect("it starts")
        .into()
}

#[test]
fn a_run_tells_of_itself_on_standard_error_alone() {
    let program = Program::new(ESTATE);
    let plan = ["plan", "--format", "json"];
    let quiet = run(&program, &plan, VOLUMES[0]).code(0);
    assert!(!quiet.err.contains("palisade::"), "{}", quiet.err);
    for volume in VOLUMES.into_iter().skip(1) {
        let loud = run(&program, &plan, volume).code(0);
        assert_eq!(loud.out, quiet.out, "{volume:?}");
        assert!(loud.err.contains("palisade::"), "{volume:?}: {}", loud.err);
    }
}

/// The SDK's own events may hold a request's body. All of them are asked for here, and none may come: a line that
/// has a level names who tells it, and that is Palisade.
#[test]
fn the_events_of_others_are_not_shown_even_where_they_are_asked_for() {
    const OTHERS: &str = "trace,palisade=off";
    let program = Program::new(ESTATE);
    run(&program, &["apply", "--auto-approve"], VOLUMES[0]).code(0);
    let quiet = run(&program, &["plan"], VOLUMES[0]).code(0);
    let loud = run(&program, &["plan"], (&[], OTHERS)).code(0);
    assert_eq!(loud.err, quiet.err, "the SDK tells of its requests");
}

#[test]
fn no_secret_is_told_at_any_volume() {
    for volume in VOLUMES {
        let program = Program::new(ESTATE);
        let apply = run(&program, &["apply", "--auto-approve"], volume).code(0);
        let plan = run(&program, &["plan", "--format", "json"], volume).code(0);
        for text in [&apply.out, &apply.err, &plan.out, &plan.err] {
            for secret in [TOKEN, SALT] {
                assert!(!text.contains(secret), "{volume:?}: {text}");
            }
        }
    }
}

/// Wrong in ways whose messages would say what is wrong: the value.
const WRONG: [(&str, &str); 10] = [
    (
        "a policy",
        r#"iam_policy "p" {
  accounts = [account.dev]
  content  = var.salt
}"#,
    ),
    (
        "a name",
        r#"iam_role "r" {
  accounts = [account.dev]
  name     = "bad name ${var.salt}"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}"#,
    ),
    (
        "a length of time",
        r#"iam_role "r" {
  accounts             = [account.dev]
  max_session_duration = var.salt
  trust {
    services = ["ec2.amazonaws.com"]
  }
}"#,
    ),
    (
        "a number",
        r#"variable "hours" {
  type      = number
  sensitive = true
  default   = 86400031
}
iam_role "r" {
  accounts             = [account.dev]
  max_session_duration = var.hours
  trust {
    services = ["ec2.amazonaws.com"]
  }
}"#,
    ),
    (
        "a principal",
        r#"iam_role "r" {
  accounts = [account.dev]
  trust {
    services = [upper(var.salt)]
  }
}"#,
    ),
    (
        "a policy",
        r#"iam_role "r" {
  accounts = [account.dev]
  trust {
    services = ["ec2.amazonaws.com"]
  }
  inline_policy "p" {
    content = "{ ${var.salt}"
  }
}"#,
    ),
    (
        "an element",
        r#"iam_role "r" {
  accounts = [account.dev]
  tags     = { a = [var.salt] }
  trust {
    services = ["ec2.amazonaws.com"]
  }
}"#,
    ),
    (
        "a config value",
        r#"config_schema "other" {
  key "level" {
    type   = number
    secret = true
  }
}
environment "prod" {
  accounts = [account.dev]
  config "other" {
    values = { level = var.salt }
  }
}"#,
    ),
    (
        "a declaration",
        r#"isolation "walls" {
  between = [environment.dev]
  exception "e" {
    reason  = "x"
    expires = var.salt
  }
}"#,
    ),
    (
        "a variable",
        r#"variable "port" {
  type      = list(number)
  sensitive = true
  default   = ["battery-staple-of-salt"]
}"#,
    ),
];

#[test]
fn no_secret_is_told_by_what_is_wrong_with_it() {
    for (what, more) in WRONG {
        for volume in [VOLUMES[0], VOLUMES[4]] {
            let program = Program::new(&format!("{ESTATE}{more}"));
            let wrong = run(&program, &["plan"], volume).code(1);
            assert!(wrong.err.contains("error"), "{what}: {}", wrong.err);
            // The default of the last one is the configuration's own text, which an excerpt may show.
            let texts = wrong.err.lines().filter(|line| !line.contains("default"));
            let told = texts.collect::<Vec<_>>().join("\n").to_lowercase();
            for secret in [SALT, "86400031"] {
                assert!(!told.contains(secret), "{what}: {}", wrong.err);
            }
        }
    }
}

/// A file of values that cannot be read, or names no variable, may hold a secret in the very line.
#[test]
fn no_secret_is_told_by_an_excerpt() {
    for (values, told) in [
        (format!("salt = [\"{SALT}\"]"), "`salt`"),
        (format!("slat = \"{SALT}\""), "`slat`"),
        (
            format!("salt = join(upper(1, 2), [\"{SALT}\"])"),
            "the sensitive variable `salt` is not valid",
        ),
        (
            format!("salt = tostring(tonumber(\"{SALT}\"))"),
            "the sensitive variable `salt` is not valid",
        ),
        (format!("salt = \"{SALT}"), "palisade.vars.hcl:1"),
        (format!("salt \"{SALT}\" {{}}"), "palisade.vars.hcl:1"),
    ] {
        let program = Program::new(ESTATE);
        program.write("palisade.vars.hcl", &values);
        let wrong = program.run(&["plan"]).code(1);
        assert!(!wrong.err.contains(SALT) && wrong.err.contains(told), "{}", wrong.err);
    }
    let program = Program::new(&format!(
        "{ESTATE}variable \"port\" {{\n  type      = number\n  sensitive = true\n}}\n"
    ));
    let rule = "sensitive = true\n  validation {\n    condition     = length(var.salt) < 3\n    error_message = \"it is too long\"\n  }";
    let validated = Program::new(&ESTATE.replace("sensitive = true", rule));
    let given = validated.command(&["plan"]).env("PALISADE_VAR_salt", SALT).output();
    let wrong = Run::from(given.expect("it starts")).code(1);
    assert!(!wrong.err.contains(SALT) && wrong.err.contains("it is too long"), "{}", wrong.err);
    let given = program.command(&["plan"]).env("PALISADE_VAR_port", SALT).output();
    let wrong = Run::from(given.expect("it starts")).code(1);
    assert!(
        !wrong.err.contains(SALT) && wrong.err.contains("a number is required"),
        "{}",
        wrong.err
    );
}

#[test]
fn a_verbose_run_ends_with_what_aws_was_asked_and_what_was_waited_for() {
    let program = Program::new(ESTATE);
    run(&program, &["apply", "--auto-approve"], VOLUMES[0]).code(0);
    let plan = run(&program, &["plan"], VOLUMES[1]).code(0);
    let (_, end) = plan.err.split_once(" requests\n").expect("a table of requests");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = end.lines().map(words).collect();
    assert_eq!(rows[0], ["where", "service", "requests", "retries", "waited", "time"]);
    // Six reads of IAM in bulk, and two for AWS's own policy; nothing had to be asked twice.
    let of_iam = rows.iter().find(|row| row[..2] == ["dev", "IAM"]).expect("IAM of dev");
    assert_eq!(of_iam[2..4], ["7", "0"], "{end}");
    assert!(end.contains("waited for one after another: "), "{end}");
    // An account is entered before it is read: that is in the chain, in this order.
    let (assumed, read) = (end.find("STS:AssumeRole"), end.find("IAM:GetPolicyVersion"));
    assert!(assumed.is_some() && assumed < read, "{end}");

    // Two throttled answers, and they show.
    let faulty = program
        .command(&["plan", "-v"])
        .env("PALISADE_VAR_salt", SALT)
        .env("APP_TOKEN", TOKEN)
        .env("PALISADE_SANDBOX_FAULTS", "seed=3 throttle=20")
        .output()
        .expect("it starts");
    let faulty = Run::from(faulty).code(0);
    let (_, end) = faulty.err.split_once(" requests\n").expect("a table of requests");
    let retries = end.lines().skip(1).take_while(|line| !line.is_empty()).filter_map(|line| {
        line.split_whitespace().rev().nth(4).and_then(|cell| cell.parse::<u64>().ok())
    });
    assert!(retries.sum::<u64>() > 0, "{end}");
}

#[test]
fn directives_that_cannot_be_read_end_the_run() {
    let program = Program::new(ESTATE);
    let wrong = run(&program, &["version"], (&[], "palisade=loud")).code(1);
    assert!(wrong.err.contains("`PALISADE_LOG` cannot be read"), "{}", wrong.err);
}

/// As whom a plan was made, as its head says it.
fn acting(plan: &str) -> &str {
    let mut head = plan.lines().take_while(|line| !line.is_empty());
    head.find_map(|line| line.strip_prefix("  as ")).expect("as whom it was made").trim_start()
}

#[test]
fn a_verbose_run_and_every_plan_say_as_whom_they_read_and_would_write() {
    const ARN: &str = "role/OrganizationAccountAccessRole in dev";
    let program = Program::new(ESTATE);
    // Before the account exists it is not read, and its role has no ARN.
    let before = run(&program, &["plan"], VOLUMES[0]).code(0);
    let head = acting(&before.out);
    assert!(head.starts_with("Caller arn:aws:iam::"), "{head}");
    let new =
        ": would write as role OrganizationAccountAccessRole in dev, which does not exist yet.";
    assert!(head.ends_with(new), "{head}");
    run(&program, &["apply", "--auto-approve"], VOLUMES[0]).code(0);

    let plan = run(&program, &["plan"], VOLUMES[1]).code(0);
    let head = acting(&plan.out).to_owned();
    assert!(
        head.contains(": reads and would write as arn:aws:iam::") && head.contains(ARN),
        "{head}"
    );
    let (end, _) = plan.err.split_once(" requests\n").expect("a table of requests");
    assert!(end.contains(&head), "it stands before the requests: {end}");
    assert!(
        !run(&program, &["plan"], VOLUMES[0]).code(0).err.contains("Caller"),
        "asked for alone"
    );
    for format in ["markdown", "html"] {
        let out = run(&program, &["plan", "--format", format], VOLUMES[0]).code(0).out;
        let told = out.replace("<code>", "").replace("</code>", "");
        assert!(told.contains("reads and would write as arn:aws:iam::"), "{format}: {out}");
    }
    let json = run(&program, &["plan", "--format", "json"], VOLUMES[0]).code(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let dev = &json["principals"]["accounts"]["dev"];
    assert_eq!(dev["reads_as"], dev["writes_as"]);
    assert!(dev["reads_as"]["role"].as_str().is_some_and(|arn| arn.starts_with("arn:aws:iam::")));

    // Nothing is read; an apply would write as before.
    let offline = run(&program, &["plan", "--refresh=false"], VOLUMES[0]).code(0).out;
    let head = acting(&offline);
    assert!(head.starts_with("Caller not asked for: would write as arn:aws:iam::"), "{head}");
    // A verbose run names its caller, and its plan is the same.
    let verbose = run(&program, &["plan", "--refresh=false"], VOLUMES[1]).code(0);
    let (end, _) = verbose.err.split_once(" requests\n").expect("a table of requests");
    assert!(end.contains("\nCaller arn:aws:iam::"), "{end}");
    assert!(end.contains(": would write as arn:aws:iam::"), "{end}");
    assert!(!end.contains("not asked for"), "{end}");
    assert_eq!(acting(&verbose.out), head);
}

/// Where a run fails, as whom it asked is what is looked for first.
#[test]
fn a_verbose_run_that_fails_says_as_whom_it_asked() {
    let role = r#"iam_role "r" {
  accounts             = [account.dev]
  max_session_duration = "30h"
  trust {
    services = ["ec2.amazonaws.com"]
  }
}"#;
    let program = Program::new(&format!("{ESTATE}{role}"));
    let wrong = run(&program, &["plan"], VOLUMES[1]).code(1);
    assert!(wrong.err.contains("\nCaller arn:aws:iam::"), "{}", wrong.err);

    // Nothing listens there, so nobody says who calls.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr();
    let mut command = program.command(&["plan", "-v"]);
    command.env("APP_TOKEN", TOKEN).env("PALISADE_VAR_salt", SALT);
    command.env_remove("PALISADE_SANDBOX").env("AWS_MAX_ATTEMPTS", "1");
    command.env("AWS_ENDPOINT_URL", format!("http://{}", closed.expect("an address")));
    command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "y");
    program.write("main.hcl", ESTATE);
    let silent = Run::from(command.output().expect("it starts")).code(1);
    assert!(silent.err.contains("\nCaller unknown (AWS did not say)"), "{}", silent.err);
}

#[test]
fn the_principals_of_a_plan_are_no_part_of_its_digest() {
    let program = Program::new(ESTATE);
    run(&program, &["apply", "--auto-approve"], VOLUMES[0]).code(0);
    let plan = |operator: Option<&str>| {
        let mut command = program.command(&["plan", "--format", "json"]);
        command.env("APP_TOKEN", TOKEN).env("PALISADE_VAR_salt", SALT);
        if let Some(operator) = operator {
            command.env("PALISADE_SANDBOX_AS", operator);
        }
        let run = Run::from(command.output().expect("it starts")).code(0);
        serde_json::from_str::<serde_json::Value>(&run.out).expect("JSON")
    };
    let (one, other) = (plan(None), plan(Some("auditor")));
    assert_ne!(one["principals"]["caller"], other["principals"]["caller"]);
    assert_eq!(one["digest"], other["digest"]);
}

/// Configuration with the state in the sandbox's S3.
fn with_bucket() -> String {
    let backend =
        "\n  backend \"s3\" {\n    bucket = \"acme-state\"\n    region = \"eu-west-1\"\n  }\n}";
    ESTATE.replacen("\n}", backend, 1)
}

#[test]
fn every_verbose_run_says_as_whom_it_uses_the_state() {
    const CALLER: &str = "arn:aws:iam::111111111111:user/palisade-operator.";
    let program = Program::new(&with_bucket());
    run(&program, &["init", "--create-backend"], VOLUMES[0]).code(0);
    run(&program, &["apply", "--auto-approve"], VOLUMES[0]).code(0);
    let listed = run(&program, &["state", "list"], VOLUMES[0]).code(0);
    assert!(!listed.err.contains("State in "), "asked for alone: {}", listed.err);
    let object = listed.out.lines().find(|line| line.starts_with("account.")).expect("an account");
    // They reach no account, so nothing but this asks for the caller.
    let of_state_alone: [&[&str]; 11] = [
        &["state", "list"],
        &["state", "show", object],
        &["state", "history"],
        &["state", "mv", object, "account.other"],
        &["state", "rm", "account.other"],
        &["state", "unlock", "org"],
        &["show"],
        &["output"],
        &["audit", "verify"],
        &["history"],
        &["init"],
    ];
    for args in of_state_alone {
        let run = run(&program, args, VOLUMES[1]).code(0);
        let says = format!("State in s3://acme-state/: reads and would write as {CALLER}");
        let end = run.err.rsplit("ended activity").next().expect("a part").replace('\n', " ");
        assert!(end.contains(&says), "{args:?}: {}", run.err);
    }
    let plans: [&[&str]; 5] =
        [&["plan"], &["plan", "--refresh=false"], &["drift"], &["status"], &["isolation"]];
    for args in plans {
        let run = run(&program, args, VOLUMES[1]);
        assert!(run.err.contains("\nCaller "), "{args:?}: {}", run.err);
        assert!(
            run.err.contains("\nState in s3://acme-state/: reads and"),
            "{args:?}: {}",
            run.err
        );
    }
    let nothing: [&[&str]; 3] = [&["validate"], &["fmt"], &["version"]];
    for args in nothing {
        let run = run(&program, args, VOLUMES[1]).code(0);
        assert!(
            run.err.contains("Neither an account nor a state was used."),
            "{args:?}: {}",
            run.err
        );
    }
}
