//! The power goes right before a request and right after it was answered, at every request of a
//! whole apply, AWS's and the state's counted together; the next run converges to what an apply that
//! nobody disturbed leaves.
//!
//! Cut raggedly, the request is stuck on its way while others that are in flight with it are carried
//! out and never answered, and only then the power goes.
//!
//! `cargo test` tries a sample that is always the same; `PALISADE_SWEEP=full` tries every point.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use palisade::sandbox::{FaultAction, Faults, Hook, Phase, RequestInfo};
use tokio::sync::Notify;

use super::lab::{Lab, example};

/// AWS creates accounts in its own time, and Organizations takes one write at a time.
fn slow() -> Faults {
    Faults { slow_accounts: 3, concurrent_modification: true, ..Faults::default() }
}

/// What an undisturbed apply leaves.
struct Reference {
    listing: Vec<String>,
    recorded: std::collections::BTreeSet<String>,
    requests: usize,
}

async fn undisturbed() -> Reference {
    let lab = Lab::new(&example()).await;
    lab.sandbox.set_faults(slow()).await;
    let world = lab.survey().await;
    let plan = lab.plan(&world);
    lab.sandbox.clear_requests();
    let summary = lab.carry_out("first", &world, &plan).await.unwrap();
    assert!(summary.is_success(), "{summary:#?}");
    let requests = lab.sandbox.requests().len();
    lab.converge("again").await;
    Reference { listing: lab.listing().await, recorded: lab.recorded().await, requests }
}

#[derive(Debug, Default)]
struct Figures {
    points: usize,
    cut: usize,
    orphans: usize,
    duplicates: usize,
    losses: usize,
}

/// How the power goes.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// At one moment: nothing that was in flight beside it is carried out.
    Clean,
    /// So many more requests are carried out first, none of them answered.
    Ragged(usize),
}

/// Where the power goes.
struct Power {
    point: usize,
    cut: Cut,
    seen: usize,
    /// Once the point is reached: how many requests are still carried out.
    left: Option<usize>,
    place: String,
    reached: Arc<Notify>,
    dead: Arc<Notify>,
}

impl Power {
    fn act(&mut self, info: &RequestInfo, phase: Phase) -> FaultAction {
        if let Some(left) = self.left {
            return match phase {
                Phase::Before if left == 0 => {
                    self.dead.notify_one();
                    FaultAction::Halt
                }
                Phase::Before => FaultAction::Continue,
                Phase::After => {
                    self.left = Some(left.saturating_sub(1));
                    FaultAction::Hang
                }
            };
        }
        // The endpoint takes one request at a time, so that the last one seen is the one answered.
        self.seen += usize::from(phase == Phase::Before);
        let here = (self.seen - 1) * 2 + usize::from(phase == Phase::After);
        if here != self.point {
            return FaultAction::Continue;
        }
        self.place = format!("{phase:?} {} {}", info.operation, info.subject);
        match self.cut {
            Cut::Clean => {
                self.dead.notify_one();
                FaultAction::Halt
            }
            Cut::Ragged(others) => {
                self.left = Some(others);
                self.reached.notify_one();
                FaultAction::Hang
            }
        }
    }
}

/// Cuts one apply at a point, runs again, and counts what is wrong with what is there then.
async fn cut(point: usize, cut: Cut, reference: &Reference, figures: &Mutex<Figures>) {
    let lab = Lab::new(&example()).await;
    let world = lab.survey().await;
    let plan = lab.plan(&world);
    let (reached, dead) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let power = Arc::new(Mutex::new(Power {
        point,
        cut,
        seen: 0,
        left: None,
        place: String::new(),
        reached: Arc::clone(&reached),
        dead: Arc::clone(&dead),
    }));
    let switch = Arc::clone(&power);
    let hook: Hook = Arc::new(move |info, phase| switch.lock().unwrap().act(info, phase));
    lab.sandbox.set_faults(Faults { hook: Some(hook), ..slow() }).await;
    let ended = tokio::select! {
        biased;
        () = dead.notified() => false,
        // Where nothing else is on its way, nothing else will come.
        () = async { reached.notified().await; tokio::time::sleep(Duration::from_millis(100)).await } => false,
        summary = lab.carry_out("cut", &world, &plan) => {
            assert!(summary.unwrap().is_success());
            true
        }
    };
    drop(world);
    lab.sandbox.set_faults(slow()).await;
    lab.sandbox.resume();
    lab.converge("next").await;
    let (listing, recorded) = (lab.listing().await, lab.recorded().await);
    let place = power.lock().unwrap().place.clone();
    let (orphans, duplicates, lost) = compare(&reference.listing, &listing);
    {
        let mut figures = figures.lock().unwrap();
        figures.points += 1;
        figures.cut += usize::from(!ended);
        figures.orphans += orphans.len();
        figures.duplicates += duplicates.len();
        figures.losses += lost.len() + reference.recorded.difference(&recorded).count();
    }
    assert!(
        orphans.is_empty() && duplicates.is_empty() && lost.is_empty(),
        "point {point} ({place}): orphans {orphans:?}, duplicates {duplicates:?}, losses {lost:?}"
    );
    assert_eq!(recorded, reference.recorded, "point {point} ({place})");
    let ledger = lab.ledger();
    let found = ledger.verify_audit(&ledger.read_all().await.unwrap()).await.unwrap();
    assert_eq!(found.problems, Vec::<String>::new(), "point {point} ({place})");
}

/// Lines that are there and should not be, that are there more often than they should, that are missing.
fn compare(wanted: &[String], found: &[String]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let count = |lines: &[String]| -> BTreeMap<String, usize> {
        lines.iter().fold(BTreeMap::new(), |mut all, line| {
            *all.entry(line.clone()).or_default() += 1;
            all
        })
    };
    let (wanted, found) = (count(wanted), count(found));
    let times = |all: &BTreeMap<String, usize>, line: &String| all.get(line).copied().unwrap_or(0);
    let orphans = found.keys().filter(|l| !wanted.contains_key(*l)).cloned().collect();
    let duplicates = found
        .iter()
        .filter(|(l, n)| wanted.contains_key(*l) && **n > times(&wanted, l))
        .map(|(l, _)| l.clone())
        .collect();
    let lost =
        wanted.iter().filter(|(l, n)| times(&found, l) < **n).map(|(l, _)| l.clone()).collect();
    (orphans, duplicates, lost)
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let line = |text: &str| text.to_owned();
    let (orphans, duplicates, lost) =
        compare(&[line("a"), line("b")], &[line("b"), line("b"), line("c")]);
    assert_eq!((orphans, duplicates, lost), (vec![line("c")], vec![line("b")], vec![line("a")]));
}

#[test]
fn an_apply_of_the_example_cut_at_any_request_converges() {
    sweep(Cut::Clean, 6);
}

#[test]
fn an_apply_of_the_example_cut_with_several_requests_in_flight_converges() {
    sweep(Cut::Ragged(4), 4);
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures of a long run")]
fn sweep(how: Cut, sample: usize) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reference = runtime().block_on(undisturbed());
    assert!(reference.listing.len() > 70, "{:#?}", reference.listing);
    let full = std::env::var("PALISADE_SWEEP").as_deref() == Ok("full");
    let all = reference.requests * 2 + 2;
    // A step that shares no factor with two: points before and after alternate.
    let points: Vec<usize> =
        if full { (0..all).collect() } else { (0..all).step_by((all / sample) | 1).collect() };
    let (next, figures) = (AtomicUsize::new(0), Mutex::new(Figures::default()));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                        runtime().block_on(cut(*point, how, &reference, &figures));
                        if full && point % 50 == 0 {
                            eprintln!("point {point} of {all}: {:?}", figures.lock().unwrap());
                        }
                    }
                })
            })
            .collect();
        let ended: Vec<bool> = workers.into_iter().map(|w| w.join().is_ok()).collect();
        assert_eq!(ended, [true, true]);
    });
    let figures = figures.into_inner().unwrap();
    println!("{} requests: {figures:?}", reference.requests);
    assert_eq!((figures.orphans, figures.duplicates, figures.losses), (0, 0, 0));
    assert!(figures.cut >= points.len() - 4, "{figures:?}");
}
