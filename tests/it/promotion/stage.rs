//! Five environments in a sandbox, a clock that is moved by hand, people who call, and a judge that
//! reads SSM itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use aws_credential_types::Credentials;
use palisade::sandbox::Sandbox;

use crate::support::cli::{Program, Run};
use crate::support::judge;

/// dev-localstack -> dev-aws -> dev-aws-deployed -> staging -> production, each edge with gates of
/// another kind.
pub(super) const MAIN: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
locals {
  members = { dev = "dev-aws", deployed = "dev-aws-deployed", staging = "staging", production = "production" }
}
account "dev" {
  name  = "dev"
  email = "dev@acme.example"
}
account "deployed" {
  name  = "deployed"
  email = "deployed@acme.example"
}
account "staging" {
  name  = "staging"
  email = "staging@acme.example"
}
account "production" {
  name  = "production"
  email = "production@acme.example"
}
account "local" {
  id           = "000000000000"
  endpoint_url = "http://localhost:4566"
}
config_schema "app" {
  key "level" {
    type = string
  }
}
environment "dev-localstack" {
  accounts = [account.local]
}
environment "dev-aws" {
  accounts = [account.dev]
  config "app" {
    values = { level = "debug" }
  }
}
environment "dev-aws-deployed" {
  accounts = [account.deployed]
  config "app" {
    values = { level = "debug" }
  }
}
environment "staging" {
  accounts = [account.staging]
}
environment "production" {
  accounts = [account.production]
  verify {
    timeout = "10m"
    gate "command" "smoke" {
      command = ["./smoke"]
    }
  }
}
variable "image" {
  type = string
}
release "app" {
  entry  = environment.dev-localstack
  values = { image = var.image, schema = 42 }
}
promotion "to_dev" {
  from     = environment.dev-localstack
  to       = environment.dev-aws
  releases = [release.app]
  gate "command" "tests" {
    command = ["./tests"]
  }
}
promotion "to_deployed" {
  from     = environment.dev-aws
  to       = environment.dev-aws-deployed
  releases = [release.app]
  gate "parity" "same" {}
  gate "isolation_unchanged" "walls" {}
}
promotion "to_staging" {
  from     = environment.dev-aws-deployed
  to       = environment.staging
  releases = [release.app]
  gate "soak" "an_hour" {
    duration = "1h"
  }
  gate "no_drift" "clean" {}
}
promotion "to_production" {
  from     = environment.staging
  to       = environment.production
  releases = [release.app]
  gate "approval" "board" {
    count = 2
  }
  gate "freeze" "weekend" {
    timezone = "Europe/Dublin"
    permits  = ["rollback"]
    window {
      weekdays = ["sat", "sun"]
    }
  }
}
output "running" {
  value = try(environment.production.release["app"].values.image, "nothing")
}
"#;

/// The estate, its sandbox, and the time and person of the next command.
pub(super) struct Stage {
    program: Program,
    pub(super) at: jiff::Timestamp,
    pub(super) who: &'static str,
}

impl Stage {
    /// On a Monday morning, with `./tests` and `./smoke` that pass.
    pub(super) fn new(main: &str) -> Self {
        let program = Program::new(main);
        let stage =
            Self { program, at: "2026-11-23T09:00:00Z".parse().expect("a time"), who: "ann" };
        stage.image("v1");
        stage.script("tests", "exit 0");
        stage.script("smoke", "exit 0");
        stage
    }

    /// An estate whose next promotion into `dev-aws` replaces v1 by v2; `dev-aws` verifies by `./smoke`.
    pub(super) fn before_second_release() -> Self {
        let main = MAIN.replace(
            "environment \"dev-aws\" {\n",
            "environment \"dev-aws\" {\n  verify {\n    gate \"command\" \"smoke\" {\n      command = [\"./smoke\"]\n    }\n  }\n",
        );
        let stage = Self::new(&main);
        stage.apply();
        stage.promote("to_dev", 0);
        stage.image("v2");
        stage.apply();
        stage
    }

    /// The next release's image.
    pub(super) fn image(&self, image: &str) {
        self.program.write("palisade.vars.hcl", &format!("image = \"{image}\"\n"));
    }

    pub(super) fn script(&self, name: &str, body: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.program.write(name, &format!("#!/bin/sh\n{body}\n"));
        let path = self.program.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("executable");
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        self.program.write(name, text);
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.program.path().join(name)
    }

    /// Time goes by.
    pub(super) fn wait(&mut self, hours: i64) {
        self.at = self.at.checked_add(jiff::SignedDuration::from_hours(hours)).expect("a time");
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.program.command(args);
        command
            .env("PALISADE_SANDBOX_CLOCK", self.at.to_string())
            .env("PALISADE_SANDBOX_AS", self.who)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    pub(super) fn run(&self, args: &[&str], code: i32) -> Run {
        let run: Run = self.command(args).output().expect("the program starts").into();
        let told = format!("palisade {}", args.join(" "));
        assert_eq!(run.code, code, "{told}\n--- out\n{}\n--- err\n{}", run.out, run.err);
        run
    }

    #[track_caller]
    pub(super) fn apply(&self) {
        self.run(&["apply", "--auto-approve"], 0);
    }

    #[track_caller]
    pub(super) fn promote(&self, edge: &str, code: i32) -> Run {
        self.run(&["promote", edge, "--auto-approve"], code)
    }

    /// The release gets as far as the environment before the edge's end.
    #[track_caller]
    pub(super) fn advance(&mut self, edges: &[&str]) {
        for edge in edges {
            if *edge == "to_staging" {
                self.wait(2);
            }
            self.promote(edge, 0);
        }
    }

    /// Two people approve the promotion into production.
    #[track_caller]
    pub(super) fn approved(&mut self) {
        let author = self.who;
        for person in ["bea", "cem"] {
            self.who = person;
            self.run(&["approve", "to_production", "--auto-approve"], 0);
        }
        self.who = author;
    }

    pub(super) async fn sandbox(&self) -> Sandbox {
        judge::sandbox(self.program.path()).await
    }

    /// What SSM holds below `/acme/ENV/release/`, read with the SDK alone.
    pub(super) fn parameters(&self, environment: &str) -> BTreeMap<String, String> {
        tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            let sandbox = self.sandbox().await;
            let sdk = match environment {
                "dev-localstack" => judge::sdk(
                    &sandbox,
                    Credentials::new("000000000000", "palisade", None, None, "test"),
                ),
                "dev-aws" => judge::member(&sandbox, "dev").await,
                "dev-aws-deployed" => judge::member(&sandbox, "deployed").await,
                other => judge::member(&sandbox, other).await,
            };
            let path = format!("/acme/{environment}/release/");
            let found = judge::parameters(&sdk, &path).await.into_iter().map(|parameter| {
                let name = parameter.name().expect("a name").trim_start_matches(&path);
                (name.to_owned(), parameter.value().unwrap_or_default().to_owned())
            });
            found.collect()
        })
    }

    /// The image that an application in the environment is told.
    pub(super) fn running(&self, environment: &str) -> Option<String> {
        self.parameters(environment).remove("app/image")
    }

    /// An object of the state's backend.
    pub(super) fn stored(&self, key: &str) -> serde_json::Value {
        let path = self.path(".palisade/sandbox/palisade-state").join(key);
        let text = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        serde_json::from_slice(&text).expect("JSON")
    }

    pub(super) fn record(&self, environment: &str) -> serde_json::Value {
        self.stored(&format!("environments/{environment}/promotion.json"))
    }

    /// A copy of everything, to go on from more than once.
    pub(super) fn fork(&self) -> Self {
        let copy = Stage { program: Program::new(""), at: self.at, who: self.who };
        copy_dir(self.program.path(), copy.program.path());
        copy
    }
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            std::fs::create_dir_all(&target).expect("a directory");
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}
