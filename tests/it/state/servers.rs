//! Servers of state that do not do what they say: the program finds out before it writes anything that could be
//! lost, and says what the server did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use palisade::state::lease::Acquired;
use palisade::state::{Ledger, S3Store, StateFailure, Terms};

use super::protocol::holder;
use crate::support::cli::Run;
use crate::support::clock::SkippingClock;
use crate::support::doors::{Door, Front, Incoming};
use crate::support::endpoint::{Endpoint, s3};

const BUCKET: &str = "servers-state";
const MAIN: &str = r#"
palisade {
  name = "acme"
  backend "s3" {
    bucket = "servers-state"
    prefix = "p"
    region = "eu-west-1"
  }
}
provider "aws" { region = "eu-west-1" }
organization "acme" {}
"#;

struct Stage {
    front: Front,
    door: Door,
    dir: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let front = Front::new();
        let door = front.door();
        let stage = Self { front, door, dir: tempfile::tempdir().unwrap() };
        std::fs::write(stage.dir.path().join("main.hcl"), MAIN).unwrap();
        stage.front.run(async {
            let client = stage.client();
            let place = aws_sdk_s3::types::CreateBucketConfiguration::builder();
            let place = place.location_constraint("eu-west-1".into()).build();
            let create = client.create_bucket().bucket(BUCKET).create_bucket_configuration(place);
            create.send().await.unwrap();
        });
        stage.versioning(true);
        stage
    }

    fn client(&self) -> aws_sdk_s3::Client {
        s3(&Endpoint::of(self.front.sandbox.clone()).management())
    }

    fn versioning(&self, on: bool) {
        use aws_sdk_s3::types::{BucketVersioningStatus as Status, VersioningConfiguration};
        let status = if on { Status::Enabled } else { Status::Suspended };
        let set = VersioningConfiguration::builder().status(status).build();
        self.front.run(async {
            let client = self.client();
            let put = client.put_bucket_versioning().bucket(BUCKET).versioning_configuration(set);
            put.send().await.unwrap();
        });
    }

    #[track_caller]
    fn run(&self, args: &[&str], code: i32) -> Run {
        let run: Run =
            self.door.program(&self.front, self.dir.path(), args).output().unwrap().into();
        run.code(code)
    }

    /// The estate applied with its state in the default directory; from then on the bucket is configured.
    fn applied_in_a_directory(&self) {
        let main = self.dir.path().join("main.hcl");
        let (head, rest) = MAIN.split_once("  backend").unwrap();
        let (_, rest) = rest.split_once("\n  }\n").unwrap();
        std::fs::write(&main, format!("{head}{rest}")).unwrap();
        self.run(&["apply", "--auto-approve"], 0);
        std::fs::write(&main, MAIN).unwrap();
    }

    fn keys(&self) -> Vec<String> {
        self.front.run(async {
            let listed = self.client().list_objects_v2().bucket(BUCKET).send().await.unwrap();
            listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect()
        })
    }
}

fn puts(incoming: &Incoming) -> bool {
    incoming.operation == "PUT" && incoming.service == "s3"
}

#[test]
fn a_server_that_ignores_a_condition_is_refused_before_anything_is_lost() {
    for (header, name) in [("if-match", "`If-Match`"), ("if-none-match", "`If-None-Match`")] {
        let stage = Stage::new();
        stage.door.ignores(header, puts);
        let refused = stage.run(&["apply", "--auto-approve"], 1);
        let told = format!("ignores {name}");
        assert!(refused.err.contains(&told), "{}", refused.err);
        assert_eq!(stage.keys(), ["p/palisade.json"], "nothing else was written");
        // A state that another server wrote is as safe from this one.
        let stage = Stage::new();
        stage.run(&["apply", "--auto-approve"], 0);
        let before = stage.keys();
        stage.door.ignores(header, puts);
        let refused = stage.run(&["init"], 1);
        assert!(refused.err.contains(&told), "{}", refused.err);
        let refused = stage.run(&["destroy", "--auto-approve"], 1);
        assert!(refused.err.contains(&told), "{}", refused.err);
        assert_eq!(stage.keys(), before);
    }
}

#[test]
fn a_server_that_does_not_know_conditions_is_refused_with_that_word() {
    let stage = Stage::new();
    let fresh = stage.run(&["init"], 0);
    assert!(fresh.out.contains("the first apply proves"), "{}", fresh.out);
    let told = |run: &Run| {
        let said = run.err.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("does not do conditional writes"), "{said}");
        assert!(said.contains("store state in AWS S3"), "{said}");
    };
    stage.door.lacks(puts);
    told(&stage.run(&["apply", "--auto-approve"], 1));
    assert_eq!(stage.keys(), Vec::<String>::new());
    let stage = Stage::new();
    stage.run(&["apply", "--auto-approve"], 0);
    let known = stage.run(&["init"], 0);
    assert!(!known.out.contains("the first apply proves"), "{}", known.out);
    let before = stage.keys();
    stage.door.lacks(puts);
    told(&stage.run(&["init"], 1));
    told(&stage.run(&["destroy", "--auto-approve"], 1));
    assert_eq!(stage.keys(), before);
}

/// The first object that is copied is what it is proved on.
#[test]
fn no_state_moves_to_a_server_that_ignores_conditions() {
    for (header, name) in [("if-match", "`If-Match`"), ("if-none-match", "`If-None-Match`")] {
        let stage = Stage::new();
        stage.applied_in_a_directory();
        stage.door.ignores(header, puts);
        let refused = stage.run(&["init", "--migrate-state"], 1);
        assert!(refused.err.contains(&format!("ignores {name}")), "{}", refused.err);
        assert_eq!(stage.keys().len(), 1, "nothing else was written: {:?}", stage.keys());
    }
}

/// An apply on the source while its state is copied would be in half of the copy.
#[test]
fn a_state_that_moves_on_while_it_is_copied_is_refused() {
    let stage = Stage::new();
    stage.applied_in_a_directory();
    // In the middle of the copy, a record of another run comes to the log.
    let source = stage.dir.path().join(".palisade");
    let audit = find(&source, "00000001.json");
    stage.door.before(move |incoming| {
        if puts(incoming) {
            let _ = std::fs::copy(&audit, audit.with_file_name("00000077.json"));
        }
        true
    });
    let refused = stage.run(&["init", "--migrate-state"], 1);
    assert!(refused.err.contains("was changed while it was copied"), "{}", refused.err);
    assert!(!stage.keys().contains(&"p/palisade.json".to_owned()), "it is no state");
}

fn find(dir: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().is_some_and(|file| file == name) {
                return path;
            }
        }
    }
    panic!("no {name}");
}

/// Over plain HTTP too: who keeps records in a server of their own relies on them as well.
#[test]
fn a_bucket_of_another_server_that_protects_no_record_is_told() {
    let stage = Stage::new();
    let said = stage.run(&["init"], 0).err;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("does not protect records"), "{said}");
    assert!(said.contains("if this server knows its condition keys"), "{said}");
    stage.run(&["init", "--create-backend"], 0);
    let said = stage.run(&["init"], 0).err;
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("can overwrite them."), "its condition keys are not known: {said}");
    stage.run(&["apply", "--auto-approve"], 0);
}

#[test]
fn a_server_that_only_says_that_it_keeps_versions_is_refused_by_init() {
    let stage = Stage::new();
    stage.run(&["apply", "--auto-approve"], 0);
    stage.run(&["init"], 0);
    stage.versioning(false);
    stage.door.lies(|incoming| {
        let asked = incoming.operation == "GET" && incoming.text.contains("?versioning");
        asked.then_some((
            200,
            "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        ))
    });
    let refused = stage.run(&["init"], 1);
    assert!(refused.err.contains("says that it keeps versions and does not"), "{}", refused.err);
}

#[test]
fn of_two_that_a_server_lets_through_at_once_none_goes_on() {
    let stage = Stage::new();
    let ledger = |client: aws_sdk_s3::Client| {
        let store = S3Store::new(client, BUCKET, "p");
        Ledger::with_clock(Arc::new(store), Arc::new(SkippingClock::default())).with_proof()
    };
    let sdk = Endpoint::of(stage.front.sandbox.clone()).management();
    let over = {
        let plain = aws_sdk_s3::Config::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .credentials_provider(stage.front.sandbox.management_credentials())
            .endpoint_url(&stage.door.url)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(plain)
    };
    let (rival, racing) = (ledger(s3(&sdk)), ledger(over));
    let first = stage.front.run(async {
        rival.begin("me").await.unwrap();
        let held = rival.acquire("org", &holder("base"), Terms::default(), 0).await.unwrap();
        let Acquired::Held(mut lease, _) = held else { panic!("{held:?}") };
        rival.release(&mut lease).await.unwrap();
        // Proved before the race begins: what is seen is the lock's history alone.
        racing.begin("me").await.unwrap();
        racing.audit(None, event()).await.unwrap();
        Arc::new(std::sync::Mutex::new(None))
    });
    let lock = |incoming: &Incoming| puts(incoming) && incoming.text.contains("org/lock.json");
    stage.door.ignores("if-match", lock);
    let (once, taken, other) = (AtomicBool::new(false), Arc::clone(&first), rival.clone());
    stage.door.before(move |incoming| {
        if lock(incoming) && !once.swap(true, Ordering::SeqCst) {
            let taking = async {
                let held = other.acquire("org", &holder("rival"), Terms::default(), 0).await;
                *taken.lock().unwrap() = Some(held.unwrap());
            };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let builder = &mut tokio::runtime::Builder::new_current_thread();
                    builder.enable_all().build().unwrap().block_on(taking);
                });
            });
        }
        true
    });
    stage.front.run(async {
        let error = racing
            .acquire("org", &holder("racing"), Terms::default(), 0)
            .await
            .expect_err("the server let both through");
        assert_eq!(error.failure, StateFailure::Unsafe, "{error}");
        assert!(error.to_string().contains("let two conditional writes through"), "{error}");
        // Nor can the one that was overwritten go on.
        let held = first.lock().unwrap().take().unwrap();
        let Acquired::Held(mut lease, _) = held else { panic!("{held:?}") };
        let lost = rival.confirm(&mut lease).await.unwrap_err();
        assert_eq!(lost.failure, StateFailure::Conflict, "{lost}");
        let lock = rival.read_lock("org").await.unwrap().unwrap();
        assert!(lock.ended_at.is_some() && !lock.released, "{lock:?}");
    });
}

fn event() -> palisade::state::AuditEvent {
    palisade::state::AuditEvent {
        at: jiff::Timestamp::UNIX_EPOCH,
        who: "me".into(),
        run: "r".into(),
        action: "test".into(),
        plan: None,
        reason: None,
        scopes: vec![],
        details: Default::default(),
    }
}
