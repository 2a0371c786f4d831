//! The power goes at every request of a whole apply that changes anything, AWS's and the state's counted
//! together; the next run converges to what an apply that nobody disturbed leaves. Requests that read are no
//! points of their own: what is left at the one before them is left at them, too.
//!
//! Cut cleanly, it goes right before the request; right after it is the same as right before the next one.
//! Cut raggedly, the request is stuck on its way, before it is carried out or after, while others that are
//! in flight with it are carried out and never answered, and only then the power goes.
//!
//! `cargo test` tries a sample that is always the same; `PALISADE_SWEEP=full` tries every point.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use palisade::sandbox::Phase;

use super::judge::{asked_for, compare, made, recorded};
use super::lab::{Lab, example};
use super::power::{Cut, Switch, slow};

/// What an undisturbed apply leaves.
struct Reference {
    listing: Vec<String>,
    recorded: std::collections::BTreeSet<String>,
    /// The accounts that were asked for.
    asked: Vec<String>,
    /// How many requests changed something.
    changing: usize,
}

async fn undisturbed() -> Reference {
    let lab = Lab::new(&example()).await;
    lab.sandbox.set_faults(slow()).await;
    let world = lab.survey().await;
    let plan = lab.plan(&world);
    lab.sandbox.clear_requests();
    let summary = lab.carry_out("first", &world, &plan).await.unwrap();
    assert!(summary.is_success(), "{summary:#?}");
    let changing = lab.sandbox.requests().iter().filter(|request| request.mutating).count();
    lab.converge("again").await;
    Reference {
        listing: made(&lab).await,
        recorded: lab.recorded().await,
        asked: asked_for(&lab).await,
        changing,
    }
}

#[derive(Debug, Default)]
struct Figures {
    points: usize,
    cut: usize,
    orphans: usize,
    duplicates: usize,
    losses: usize,
}

/// Cuts one apply at a point, runs again, and counts what is wrong with what is there then. Points are half steps:
/// the even ones stand before a request, the odd ones after it.
async fn cut(point: usize, cut: Cut, reference: &Reference, figures: &Mutex<Figures>) {
    let lab = Lab::new(&example()).await;
    let world = lab.survey().await;
    let plan = lab.plan(&world);
    // The endpoint takes one request at a time, so that the last one seen is the one answered.
    let mut seen = 0;
    let switch = Switch::new(cut, move |info, phase| {
        if !info.mutating {
            return false;
        }
        seen += usize::from(phase == Phase::Before);
        (seen - 1) * 2 + usize::from(phase == Phase::After) == point
    });
    lab.sandbox.set_faults(switch.faults()).await;
    let ended = match switch.run(lab.carry_out("cut", &world, &plan)).await {
        Some(summary) => {
            assert!(summary.unwrap().is_success());
            true
        }
        None => false,
    };
    drop(world);
    lab.sandbox.set_faults(slow()).await;
    lab.sandbox.resume();
    lab.recover("next").await.unwrap();
    let place = switch.place();
    let found = self::recorded(&lab.survey().await);
    assert_eq!(found, made(&lab).await, "point {point} ({place}): recovery records what AWS holds");
    lab.finish("next").await;
    assert_eq!(asked_for(&lab).await, reference.asked, "point {point} ({place})");
    let (listing, recorded) = (made(&lab).await, lab.recorded().await);
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
    let found = ledger.check_audit(None).await.unwrap().0;
    assert_eq!(found.problems, Vec::<String>::new(), "point {point} ({place})");
}

#[test]
fn an_apply_of_the_example_cut_at_any_request_converges() {
    sweep(Cut::Clean, 3);
}

#[test]
fn an_apply_of_the_example_cut_with_several_requests_in_flight_converges() {
    sweep(Cut::Ragged(4), 2);
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures of a long run")]
fn sweep(how: Cut, sample: usize) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reference = runtime().block_on(undisturbed());
    assert!(reference.listing.len() > 70, "{:#?}", reference.listing);
    let full = std::env::var("PALISADE_SWEEP").as_deref() == Ok("full");
    let step = if how == Cut::Clean { 2 } else { 1 };
    let all: Vec<usize> = (0..=reference.changing * 2).step_by(step).collect();
    // A step that shares no factor with two: points before and after alternate.
    let apart = if full { 1 } else { (all.len() / sample) | 1 };
    let points: Vec<usize> = all.into_iter().step_by(apart).collect();
    let (next, figures) = (AtomicUsize::new(0), Mutex::new(Figures::default()));
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while let Some(point) = points.get(next.fetch_add(1, Ordering::SeqCst)) {
                        runtime().block_on(cut(*point, how, &reference, &figures));
                        if full && point % 50 == 0 {
                            let of = points.len();
                            eprintln!("point {point}, of {of}: {:?}", figures.lock().unwrap());
                        }
                    }
                })
            })
            .collect();
        let ended: Vec<bool> = workers.into_iter().map(|w| w.join().is_ok()).collect();
        assert_eq!(ended, [true, true]);
    });
    let figures = figures.into_inner().unwrap();
    println!("{} changing requests: {figures:?}", reference.changing);
    assert_eq!((figures.orphans, figures.duplicates, figures.losses), (0, 0, 0));
    // On a busy machine leases are renewed more often, so that one run has more requests than another.
    let missed = points.len() - figures.cut;
    assert!(missed <= (points.len() / 10).max(4) && figures.cut > 1, "{figures:?}");
}
