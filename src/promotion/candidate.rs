//! Which release moves: the one that is verified where the edge begins.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::edge::Edge;
use super::record::{EnvironmentRecord, PromotedOn};
use crate::diag::Diagnostic;
use crate::eval::release::Digest;

/// The fewest digits that name a release.
const FEWEST: usize = 7;

/// A release that is to move along an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub release: String,
    /// Which one.
    pub digest: Digest,
    /// Which one stands in the target.
    pub previous: Option<Digest>,
    /// The verification that the move relies on.
    pub basis: PromotedOn,
    /// Since when it has been current and verified where the edge begins, without a break.
    pub stands_since: Option<Timestamp>,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Choosing {
    /// This release moves.
    Moves(Candidate),
    /// The target has it already; the sentence says so.
    Settled(String),
}

/// Why nothing can move.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// What was asked for makes no sense.
    Unclear(Diagnostic),
    /// The release is not verified where the edge begins. An override goes past it.
    NotVerified(Diagnostic),
}

/// What `--release` names: a release, one of its digests, or both.
struct Wanted<'a> {
    name: Option<&'a str>,
    digits: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// `NAME`, `DIGEST`, or `NAME@DIGEST`; of a digest the first digits do.
    fn of(text: &'a str, edge: &Edge) -> Self {
        let digits = |text: &'a str| text.strip_prefix("sha256:").unwrap_or(text);
        match text.split_once('@') {
            Some((name, digest)) => Self { name: Some(name), digits: Some(digits(digest)) },
            None if edge.releases.contains(text) => Self { name: Some(text), digits: None },
            None => Self { name: None, digits: Some(digits(text)) },
        }
    }
}

/// Chooses the release that moves along `edge`. `known` are the digests of all stored releases;
/// `overriding` takes what stands in `from` even if it is not verified there.
///
/// # Errors
/// [`Refusal`].
pub fn choose(
    edge: &Edge,
    wanted: Option<&str>,
    from: &EnvironmentRecord,
    to: &EnvironmentRecord,
    known: &BTreeMap<String, Vec<Digest>>,
    overriding: bool,
) -> Result<Choosing, Refusal> {
    let wanted = wanted.map_or(Wanted { name: None, digits: None }, |w| Wanted::of(w, edge));
    let candidates = match wanted.digits {
        Some(digits) => vec![named(edge, &wanted, digits, known)?],
        None => current_release(edge, &wanted, from, overriding)?,
    };
    let mut moving = Vec::new();
    let mut settled = Vec::new();
    for (release, digest) in candidates {
        let current = to.current(&release).map(|a| a.digest.clone());
        let verified = to.verified(&release).is_some_and(|v| v.digest == digest);
        if current.as_ref() == Some(&digest) && verified {
            settled.push(format!(
                "release {release} {} is verified in {} already",
                digest.short(),
                edge.to
            ));
            continue;
        }
        moving.push(candidate(edge, from, release, digest, current, overriding)?);
    }
    if moving.len() > 1 {
        let all: Vec<String> = moving.iter().map(|c| format!("`{}`", c.release)).collect();
        return Err(Refusal::Unclear(
            Diagnostic::error(format!("several releases can move along `{}`", edge.name))
                .detail(format!("{} are verified in {}.", all.join(" and "), edge.from))
                .help("name one with `--release NAME`"),
        ));
    }
    Ok(match moving.pop() {
        Some(candidate) => Choosing::Moves(candidate),
        None => Choosing::Settled(settled.join("; ")),
    })
}

/// The release that digits name.
fn named(
    edge: &Edge,
    wanted: &Wanted<'_>,
    digits: &str,
    known: &BTreeMap<String, Vec<Digest>>,
) -> Result<(String, Digest), Refusal> {
    if let Some(name) = wanted.name.filter(|name| !edge.releases.contains(*name)) {
        return Err(Refusal::Unclear(not_of_the_edge(edge, name)));
    }
    let all = known
        .iter()
        .filter(|(name, _)| edge.releases.contains(*name))
        .filter(|(name, _)| wanted.name.is_none_or(|w| w == name.as_str()))
        .flat_map(|(name, digests)| digests.iter().map(move |d| (name, d)));
    let fits: Vec<_> = all.filter(|(_, d)| d.hex().starts_with(digits)).collect();
    match fits.as_slice() {
        [(name, digest)] if digits.len() >= FEWEST => Ok(((*name).clone(), (*digest).clone())),
        [] => Err(Refusal::Unclear(
            Diagnostic::error(format!(
                "no release of `{}` has a digest that begins with `{digits}`",
                edge.name
            ))
            .help("`palisade releases` lists names and digests of releases; an image's digest is another one"),
        )),
        _ => Err(Refusal::Unclear(
            Diagnostic::error(format!("`{digits}` does not say clearly which release is meant"))
                .help(format!("give {FEWEST} digits or more, as many as `palisade releases` needs to tell them apart")),
        )),
    }
}

/// What stands where the edge begins.
fn current_release(
    edge: &Edge,
    wanted: &Wanted<'_>,
    from: &EnvironmentRecord,
    overriding: bool,
) -> Result<Vec<(String, Digest)>, Refusal> {
    let mut found = Vec::new();
    let mut unverified = Vec::new();
    for name in edge.releases.iter().filter(|n| wanted.name.is_none_or(|w| w == n.as_str())) {
        let current = from.current(name).map(|a| a.digest.clone());
        let verified = from.verified(name).map(|v| v.digest.clone());
        match (verified, current) {
            (Some(digest), _) => found.push((name.clone(), digest)),
            (None, Some(digest)) if overriding => found.push((name.clone(), digest)),
            (None, Some(digest)) => unverified.push(format!("{name} {}", digest.short())),
            (None, None) => {}
        }
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let nothing = format!("there is nothing to promote: no release is verified in `{}`", edge.from);
    let message = Diagnostic::error(nothing).at(edge.loc.clone());
    Err(Refusal::NotVerified(if unverified.is_empty() {
        message.help(format!(
            "a release gets there first: by `palisade apply` where it enters, else along the edge into `{}`",
            edge.from
        ))
    } else {
        message
            .detail(format!(
                "{} stands there and has not passed verification.",
                unverified.join(", ")
            ))
            .help(format!("`palisade verify {}` looks again", edge.from))
    }))
}

/// Why a release may leave an environment: the verification that it relies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eligibility {
    /// Since when it is verified there, or was when another took its place.
    pub verified_since: Option<Timestamp>,
    /// Since when it has been current and verified, without a break.
    pub stands_since: Option<Timestamp>,
}

/// What an environment says of a release.
#[must_use]
pub fn eligibility(from: &EnvironmentRecord, release: &str, digest: &Digest) -> Eligibility {
    let standing = from.recorded(release);
    let now = from.verified(release).filter(|v| v.digest == *digest);
    let earlier = standing.and_then(|s| s.before.iter().rev().find(|v| v.digest == *digest));
    let current = from.current(release).filter(|c| c.digest == *digest);
    Eligibility {
        verified_since: now.or(earlier).map(|v| v.since),
        stands_since: current.zip(now).map(|(c, v)| c.since.max(v.since)),
    }
}

fn candidate(
    edge: &Edge,
    from: &EnvironmentRecord,
    release: String,
    digest: Digest,
    previous: Option<Digest>,
    overriding: bool,
) -> Result<Candidate, Refusal> {
    let Eligibility { verified_since, stands_since } = eligibility(from, &release, &digest);
    if verified_since.is_none() && !overriding {
        return Err(Refusal::NotVerified(not_verified(edge, from, &release, &digest)));
    }
    let basis = PromotedOn { environment: edge.from.clone(), verified_since };
    Ok(Candidate { release, digest, previous, basis, stands_since })
}

fn not_verified(
    edge: &Edge,
    from: &EnvironmentRecord,
    release: &str,
    digest: &Digest,
) -> Diagnostic {
    let message = Diagnostic::error(format!(
        "release {release} {} is not verified in `{}`",
        digest.short(),
        edge.from
    ))
    .at(edge.loc.clone());
    let revoked = from.recorded(release).and_then(|s| s.revoked.get(digest));
    let message = match revoked {
        Some(r) => message.detail(format!("Its verification there was revoked at {:.0}.", r.at)),
        None => message
            .detail(format!("An edge cannot be skipped: it has to get to `{}` first.", edge.from)),
    };
    message.help("`--override --reason \"...\"` goes past it; the reason stays in every report")
}

fn not_of_the_edge(edge: &Edge, name: &str) -> Diagnostic {
    let all: Vec<&str> = edge.releases.iter().map(String::as_str).collect();
    Diagnostic::error(format!("`{name}` does not move along `{}`", edge.name))
        .at(edge.loc.clone())
        .help(format!("its releases are {}", all.join(", ")))
}
