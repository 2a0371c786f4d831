//! An applied estate with one edge, and everything that its gates look at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use palisade::config::{Configuration, LoadOptions, load};
use palisade::engine::known_values::{KnownValues, ReleasesInForce};
use palisade::engine::read_live;
use palisade::engine::releases_in_force;
use palisade::eval::Evaluator;
use palisade::eval::estate::Estate;

use palisade::plan::model::{Plan, StateBasis};
use palisade::plan::{self, Index, Input, Live, Reading, Targets};
use palisade::promotion::gate::{
    Approval, Evidence, GateContext, GateSpec, GateSubject, Purpose, evaluate,
};
use palisade::provider::aws::{self, AwsProvider, Embedded};
use palisade::provider::{AccountTarget, Caller, LiveObject, Provider};
use palisade::sandbox::{self, Sandbox, Service};
use palisade::state::{Ledger, LocalStore, Snapshot};

use crate::support::cli::Program;
use crate::support::clock::SkippingClock;
use crate::support::estates::ACCOUNTS;
use crate::support::live::World;

/// The digest of the release that wants to move.
pub(crate) const DIGEST: &str =
    "sha256:5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9";
/// The moment of all evaluations, unless a test says otherwise.
pub(crate) const NOW: &str = "2026-11-24T10:00:00Z";

const ESTATE: &str = r#"environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      level = "debug"
      color = "blue"
    }
  }
}
environment "production" {
  accounts            = [account.production]
  like                = environment.dev
  allowed_differences = ["app/level"]
  config "app" {
    values = {
      level = "warn"
      color = "blue"
    }
  }
}
config_schema "app" {
  key "level" {
    type = string
  }
  key "color" {
    type = string
  }
}
iam_role "deploy" {
  environments = [environment.production]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
}
iam_role "ci" {
  environments = [environment.dev]
  trust {
    services = ["codebuild.amazonaws.com"]
  }
}
release "app" {
  entry  = environment.dev
  values = { image = "app@sha256:1" }
}
promotion "up" {
  from     = environment.dev
  to       = environment.production
  releases = [release.app]
GATES
}
"#;

/// The estate, and what was read of it last.
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) world: World,
    pub(crate) ledger: Ledger,
    pub(crate) clock: SkippingClock,
    pub(crate) now: Timestamp,
    pub(crate) purpose: Purpose,
    pub(crate) stands_since: Option<Timestamp>,
    pub(crate) author: Caller,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) previous: Vec<Evidence>,
    pub(crate) redactions: palisade::promotion::gate::Redactions,
    pub(crate) vars: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
    view: View,
}

/// One look at configuration, state and AWS.
struct View {
    configuration: Configuration,
    estate: Estate,
    live: Live,
    plan: Plan,
    targets: Targets,
}

impl Stage {
    /// Applies the estate with these gates on its edge.
    pub(crate) async fn new(gates: &str) -> Self {
        Self::beside(gates, "").await
    }

    /// The same with more blocks beside it.
    pub(crate) async fn beside(gates: &str, more: &str) -> Self {
        let program = Program::new(&format!("{ACCOUNTS}{}{more}", ESTATE.replace("GATES", gates)));
        program.run(&["apply", "--auto-approve"]).code(0);
        let dir = program.path().to_owned();
        let kept = dir.join(".palisade/sandbox");
        let sandbox =
            Sandbox::open(&kept, sandbox::Options::default()).await.expect("the sandbox opens");
        let provider = AwsProvider::new(aws::AwsOptions {
            region: "eu-west-1".to_owned(),
            embedded: Some(Embedded {
                http_client: sandbox.http_client(),
                credentials: sandbox.management_credentials(),
            }),
            backoff: Duration::from_millis(1),
            poll: Duration::from_millis(1),
            ..aws::AwsOptions::default()
        })
        .await;
        let management =
            crate::support::live::target("management", Some(sandbox.management_account()), true);
        let author = provider.caller().await.expect("somebody calls");
        let world = World {
            sandbox,
            provider: Arc::new(provider),
            management,
            references: BTreeMap::new(),
        };
        let store = LocalStore::new(kept.join("palisade-state"));
        let ledger = Ledger::with_clock(Arc::new(store), Arc::new(SkippingClock::default()));
        let view = look(&dir, &world, &ledger).await;
        Self {
            program,
            world,
            ledger,
            clock: SkippingClock::default(),
            now: NOW.parse().expect("a moment"),
            purpose: Purpose::Promote,
            stands_since: None,
            author,
            approvals: Vec::new(),
            previous: Vec::new(),
            redactions: palisade::promotion::gate::Redactions::default(),
            vars: std::env::vars().filter(|(name, _)| name == "PATH").collect(),
            values: BTreeMap::from([("image".to_owned(), "app@sha256:1".to_owned())]),
            view,
        }
    }

    /// Looks at the configuration, at state and at AWS again.
    pub(crate) async fn look_again(&mut self) {
        self.view = look(self.program.path(), &self.world, &self.ledger).await;
    }

    /// The account of an environment of the same name.
    pub(crate) fn account(&self, name: &str) -> &AccountTarget {
        self.view.targets.accounts.get(&name.parse().expect("handle")).expect("an account")
    }

    /// The SDK in that account: not Palisade's code path.
    pub(crate) async fn sdk(&self, name: &str) -> aws_config::SdkConfig {
        self.world.sdk(self.account(name)).await
    }

    /// Adds roles to what was read of an account, each with its unique id and its trust policy.
    pub(crate) fn add_roles(
        &mut self,
        account: &str,
        roles: &[(String, String, serde_json::Value)],
    ) {
        let id = self.account(account).id.clone().expect("an id");
        let handle = account.parse().expect("a handle");
        let Some(Reading::Read(index)) = self.view.live.accounts.get_mut(&handle) else {
            panic!("`{account}` was read");
        };
        let mut inventory = index.inventory().clone();
        for (role, unique_id, trust) in roles {
            let (path, name) = role.rsplit_once('/').unwrap_or(("", role));
            let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
            let mut attrs = palisade::value::Attrs::new();
            for (attribute, text) in [
                ("arn", format!("arn:aws:iam::{id}:role/{role}")),
                ("path", path),
                ("unique_id", unique_id.clone()),
            ] {
                attrs.insert(attribute.to_owned(), text.into());
            }
            attrs.insert("assume_role_policy".to_owned(), palisade::value::Value::from_json(trust));
            let object = LiveObject::new("iam_role", name.to_owned(), attrs);
            inventory.objects.insert(("iam_role", name.to_owned()), object);
        }
        *index = Index::new(inventory);
    }

    /// Whatever was read of a kind in an account, there may be more of it.
    pub(crate) fn unread(&mut self, account: &str, kind: &'static str, why: &str) {
        let handle = account.parse().expect("a handle");
        let Some(Reading::Read(index)) = self.view.live.accounts.get_mut(&handle) else {
            panic!("`{account}` was read");
        };
        let mut inventory = index.inventory().clone();
        inventory.complete.remove(kind);
        inventory.unread.insert(kind, why.to_owned());
        *index = Index::new(inventory);
    }

    /// From now on the endpoint refuses what `refused` says of a service and its operation.
    pub(crate) async fn refusing(&self, refused: fn(Service, &str) -> bool) {
        let hook = move |info: &sandbox::RequestInfo, phase| {
            if phase == sandbox::Phase::Before && refused(info.service, &info.operation) {
                return sandbox::FaultAction::Fail {
                    status: 403,
                    code: "AccessDeniedException".to_owned(),
                    message: "not yours".to_owned(),
                };
            }
            sandbox::FaultAction::Continue
        };
        let faults = sandbox::Faults { hook: Some(Arc::new(hook)), ..sandbox::Faults::default() };
        self.world.sandbox.set_faults(faults).await;
    }

    /// Digest of the plan that would be carried out.
    pub(crate) fn plan_digest(&self) -> &str {
        &self.view.plan.digest
    }

    /// Asks one gate of the edge.
    pub(crate) async fn ask(&self, label: &str) -> Evidence {
        let body = &self.view.estate.declarations["promotion"]["up"];
        let gates = GateSpec::read(body).expect("the gates are known");
        let spec = gates.iter().find(|g| g.label() == label).expect("a gate of that name");
        let dir: PathBuf = self.program.path().to_owned();
        let cx = GateContext {
            now: self.now,
            clock: &self.clock,
            purpose: self.purpose,
            subject: GateSubject {
                edge: "up",
                from: Some("dev"),
                to: "production",
                release: "app",
                digest: DIGEST,
                values: &self.values,
                replaces: None,
            },
            configuration: &self.view.configuration,
            estate: &self.view.estate,
            live: &self.view.live,
            plan: &self.view.plan,
            stands_since: self.stands_since,
            author: &self.author,
            approvals: &self.approvals,
            previous: &self.previous,
            provider: self.world.provider.as_ref(),
            targets: &self.view.targets,
            dir: &dir,
            redactions: &self.redactions,
            vars: &self.vars,
        };
        let evidence = evaluate(spec, &cx).await;
        assert_eq!(evidence.gate, label);
        assert_eq!(evidence.at, self.now);
        // What is kept must be read back as it was.
        let kept = serde_json::to_string(&evidence).expect("JSON");
        assert_eq!(serde_json::from_str::<Evidence>(&kept).expect("read back"), evidence);
        evidence
    }
}

async fn look(dir: &std::path::Path, world: &World, ledger: &Ledger) -> View {
    let (configuration, _) =
        load(dir, &LoadOptions::default()).into_result().expect("the configuration is right");
    let snapshot = ledger.read_all().await.expect("state");
    let provider: &dyn Provider = world.provider.as_ref();
    let unheard = palisade::provider::Announcements::unheard();
    let organization = provider.read_organization(&world.management, unheard).await;
    let organization = organization.expect("organization");
    let id = world.management.id.clone();
    let read = releases_in_force::read(ledger, &configuration, None).await;
    let (_, in_force) = read.expect("releases");
    let first = evaluated(&configuration, &snapshot, None, id.clone(), &in_force);
    let targets = Targets::of(&first, id.as_ref());
    let shut = BTreeMap::new();
    let told = tokio::sync::watch::channel(palisade::provider::AccountListing {
        ended: true,
        ..Default::default()
    })
    .1;
    let request = read_live::AccountRequest {
        shut: &shut,
        states: &told,
        for_apply: false,
        parallelism: 4,
        recorded: &palisade::state::model::Resources::default(),
        policies: &palisade::provider::PolicyTypes::new(),
        listed: (&[], &[]),
    };
    let accounts = read_live::read_accounts(provider, &targets.accounts, &first, request).await;
    let live = read_live::live(organization, accounts.readings, None);
    let estate = evaluated(&configuration, &snapshot, Some(&live), id.clone(), &in_force);
    let resources = snapshot.resources();
    let (mut plan, sides) = plan::prepare(Input {
        estate: &estate,
        configuration_digest: "test",
        prior: &resources,
        basis: &StateBasis { lineage: snapshot.lineage.clone(), ..StateBasis::default() },
        live: &live,
        options: &plan::ComputeOptions::default(),
        generated_at: NOW,
    })
    .expect("a plan");
    palisade::plan::walls::complete(&mut plan, &estate, &sides, "2026-11-24").expect("rules");
    plan::seal(&mut plan, "test");
    let targets = Targets::of(&estate, id.as_ref());
    View { configuration, estate, live, plan, targets }
}

fn evaluated(
    configuration: &Configuration,
    snapshot: &Snapshot,
    live: Option<&Live>,
    management: Option<palisade::ids::AccountId>,
    releases: &ReleasesInForce,
) -> Estate {
    let resources = snapshot.resources();
    let adopted = plan::Adoptions::new();
    let lineage = &snapshot.lineage;
    let lookups = std::sync::Arc::default();
    let known = KnownValues {
        resources: &resources,
        lineage,
        live,
        management,
        releases,
        lookups,
        adopted,
        renewed: std::collections::BTreeSet::new(),
    };
    Evaluator::new(configuration, &known).estate().expect("the estate is right")
}
