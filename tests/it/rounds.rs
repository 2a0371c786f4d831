//! How many answers a plan waits for one after another, and how often it evaluates its configuration:
//! counted and not timed.
//!
//! An endpoint holds every answer back until the program can do nothing more without one; then it gives
//! all of them at once, and a round is over. That the program can do nothing more is known and not
//! guessed: it runs on one thread, and the runtime says when that thread goes to sleep. A busy machine
//! makes the test slower and changes no count.

use std::future::Future;
use std::sync::{Arc, Mutex};

use palisade::engine::plan::PlanOutcome;
use palisade::engine::refresh::PlanInputs;
use palisade::plan::model::Plan;
use palisade::sandbox::{Arrival, Faults};
use tokio::sync::oneshot;

use crate::recovery::lab::{Lab, example};
use crate::support::evaluations::evaluations;

/// Requests that wait for their answers, and the rounds that are over.
#[derive(Default)]
struct Gate(Mutex<Inside>);

#[derive(Default)]
struct Inside {
    /// Whether answers are held back at all.
    shut: bool,
    waiting: Vec<oneshot::Sender<()>>,
    round: Vec<String>,
    rounds: Vec<Vec<String>>,
}

impl Gate {
    /// Waits for the round in which the request was made to be over.
    fn arrive(&self, arrival: &Arrival) -> impl Future<Output = ()> + Send + use<> {
        let (answer, held) = oneshot::channel();
        let mut inside = self.0.lock().unwrap();
        let held = inside.shut.then_some(held);
        if held.is_some() {
            let Arrival { service, operation, subject } = arrival;
            inside.round.push(format!("{service:?}:{operation} {subject}").trim_end().to_owned());
            inside.waiting.push(answer);
        }
        async move {
            if let Some(held) = held {
                let _ = held.await;
            }
        }
    }

    /// Gives every answer that is held back. Called when the program sleeps.
    fn release(&self) {
        let mut inside = self.0.lock().unwrap();
        if inside.waiting.is_empty() {
            return;
        }
        let mut round = std::mem::take(&mut inside.round);
        round.sort();
        inside.rounds.push(round);
        for answer in std::mem::take(&mut inside.waiting) {
            let _ = answer.send(());
        }
    }
}

/// Runs `work` on one thread, with a gate that is open until `work` shuts it.
fn on_one_thread<T, F: Future<Output = T>>(work: impl FnOnce(Arc<Gate>) -> F) -> T {
    let gate = Arc::new(Gate::default());
    let asleep = Arc::clone(&gate);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || asleep.release())
        .build()
        .unwrap();
    runtime.block_on(work(gate))
}

/// What a plan took.
struct Counted {
    rounds: Vec<Vec<String>>,
    evaluations: usize,
}

impl Counted {
    #[track_caller]
    fn at_most(&self, bound: usize, what: &str) {
        let requests: usize = self.rounds.iter().map(Vec::len).sum();
        let rounds = self.rounds.iter().enumerate();
        let rounds = rounds.map(|(at, r)| format!("round {}:\n  {}", at + 1, r.join("\n  ")));
        let rounds = rounds.collect::<Vec<_>>().join("\n");
        let count = self.rounds.len();
        assert!(count <= bound, "{what}: {count} rounds, {requests} requests\n{rounds}");
    }
}

/// Plans behind a shut gate.
async fn plan(lab: &Lab, gate: &Arc<Gate>) -> (PlanInputs, Plan, Counted) {
    let at = Arc::clone(gate);
    let delay = move |arrival: Arrival| Box::pin(at.arrive(&arrival)) as _;
    let faults = Faults { delay: Some(Arc::new(delay)), ..Faults::default() };
    lab.sandbox.set_faults(faults).await;
    gate.0.lock().unwrap().shut = true;
    let (PlanOutcome { inputs, plan, .. }, evaluated) = evaluations(lab.preview()).await;
    gate.0.lock().unwrap().shut = false;
    let rounds = std::mem::take(&mut gate.0.lock().unwrap().rounds);
    (inputs, plan, Counted { rounds, evaluations: evaluated })
}

const ONE_ACCOUNT: &str = r#"
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
"#;

#[test]
fn a_plan_of_one_account_waits_for_five_answers_one_after_another() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.hcl"), ONE_ACCOUNT).unwrap();
    on_one_thread(|gate| async move {
        let lab = Lab::new(dir.path()).await;
        // Before there is anything: state and organization side by side, and nothing to enter.
        let (_, plan_of_all, first) = plan(&lab, &gate).await;
        assert_eq!(plan_of_all.operations.len(), 3, "{:?}", plan_of_all.operations);
        first.at_most(1, "one account, before it is there");
        assert_eq!(first.evaluations, 1);
        lab.converge("first").await;
        let (_, nothing, second) = plan(&lab, &gate).await;
        assert!(nothing.operations.is_empty(), "{:?}", nothing.operations);
        second.at_most(5, "one account, no changes");
        assert_eq!(second.evaluations, 1);
    });
}

/// What only AWS tells is read before the accounts are: the caller beside the organization; a role, which takes two
/// answers, before the rest of its account.
#[test]
fn lookups_cost_their_own_answers_and_one_evaluation() {
    let caller = "data \"caller_identity\" \"me\" {}\n";
    let role = "data \"iam_role\" \"r\" {\n  account = account.dev\n  name = \"OrganizationAccountAccessRole\"\n}\n";
    for (blocks, bound) in [(caller.to_owned(), 5), (format!("{caller}{role}"), 7)] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("main.hcl"), ONE_ACCOUNT).unwrap();
        on_one_thread(|gate| async move {
            let lab = Lab::new(dir.path()).await;
            lab.converge("first").await;
            let whole = format!("{ONE_ACCOUNT}{blocks}");
            std::fs::write(dir.path().join("main.hcl"), whole).unwrap();
            let (_, nothing, counted) = plan(&lab, &gate).await;
            assert!(nothing.operations.is_empty(), "{:?}", nothing.operations);
            counted.at_most(bound, &blocks);
            assert_eq!(counted.evaluations, 2, "before the lookups and after them");
            let asked = counted.rounds.iter().flatten();
            let asked = asked.filter(|r| r.contains("GetCallerIdentity")).count();
            assert_eq!(asked, 1, "the caller is asked for once");
        });
    }
}

/// The record of an environment names the release that stands there, and only with its content is it known which
/// accounts there are to enter. The sixth answer is the document of a policy of AWS's own.
#[test]
fn a_plan_of_five_environments_where_a_release_stands_waits_for_one_answer_more() {
    let dir = example();
    on_one_thread(|gate| async move {
        let lab = Lab::new(&dir).await;
        lab.converge("first").await;
        let (_, nothing, counted) = plan(&lab, &gate).await;
        assert!(nothing.operations.is_empty(), "{:?}", nothing.operations);
        counted.at_most(6, "five environments, no changes");
        assert_eq!(counted.evaluations, 1);
    });
}

#[test]
fn an_apply_evaluates_once_whatever_becomes_known_on_the_way() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.hcl"), ONE_ACCOUNT).unwrap();
    on_one_thread(|_| async move {
        let lab = Lab::new(dir.path()).await;
        let (summary, evaluations) = evaluations(lab.apply("whole")).await;
        assert!(summary.unwrap().is_success());
        assert_eq!(evaluations, 1);
    });
    // A release that arrives is verified, and that reads everything anew; here the walk alone counts.
    let dir = example();
    on_one_thread(|_| async move {
        let lab = Lab::new(&dir).await;
        let inputs = lab.survey().await;
        let plan = lab.plan(&inputs);
        let carrying_out = lab.carry_out("first", &inputs, &plan);
        let (summary, evaluations) = evaluations(carrying_out).await;
        assert!(summary.unwrap().is_success());
        assert_eq!(evaluations, 0, "the plan's own is passed on");
        // Ids and ARNs that nobody knew reached what refers to them: nothing is left to do.
        let plan = lab.plan(&lab.survey().await);
        assert!(plan.operations.is_empty(), "{:?}", plan.operations);
    });
}

#[test]
fn an_estate_is_evaluated_again_only_where_aws_tells_something_else_than_state() {
    let dir = tempfile::tempdir().unwrap();
    let estate = format!(
        r#"{ONE_ACCOUNT}
iam_policy "reader" {{
  accounts = [account.dev]
  statement "Objects" {{
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::acme-objects/*"]
  }}
}}
iam_role "reader" {{
  accounts         = [account.dev]
  managed_policies = [iam_policy.reader.arn]
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
output "role" {{
  value = iam_role.reader.unique_id
}}
"#
    );
    std::fs::write(dir.path().join("main.hcl"), estate).unwrap();
    on_one_thread(|gate| async move {
        let lab = Lab::new(dir.path()).await;
        lab.converge("first").await;
        let (_, nothing, counted) = plan(&lab, &gate).await;
        assert_eq!((nothing.operations.len(), counted.evaluations), (0, 1));
        counted.at_most(5, "a role and a policy, no changes");
        // Somebody deletes the role: what state knows of it holds no more, and the output is unknown.
        let member = aws_sdk_iam::Client::new(&lab.member("acme-dev").await);
        let policies = member.list_attached_role_policies().role_name("reader").send().await;
        for policy in policies.unwrap().attached_policies() {
            let arn = policy.policy_arn().unwrap();
            member.detach_role_policy().role_name("reader").policy_arn(arn).send().await.unwrap();
        }
        member.delete_role().role_name("reader").send().await.unwrap();
        let (inputs, again, counted) = plan(&lab, &gate).await;
        assert_eq!((again.summary.create, counted.evaluations), (1, 2));
        assert!(again.outputs["role"].unknown, "{:?}", inputs.estate.outputs);
    });
}
