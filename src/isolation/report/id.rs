//! The ids of paths, which are equal before and after a plan and in every run.

use sha2::{Digest, Sha256};

use super::super::crossing::{PathStep, StepSource};
use super::super::paths::{Origin, Path};

pub(super) type Key = (Origin, String, PathStep);

pub(super) fn key(path: &Path) -> Key {
    (path.from.clone(), path.to.clone(), path.last.clone())
}

pub(super) fn id(path: &Path) -> String {
    let kind = match &path.last.source {
        StepSource::Principal(_) => "principal",
        StepSource::Foreign(_) => "foreign",
        StepSource::Federated(_) => "federated",
        StepSource::Service(_) => "service",
        StepSource::Anonymous => "anonymous",
    };
    let parts = [path.from.name(), &path.to, kind, path.last.source.name(), path.last.target.arn()];
    format!("P-{}", digest(&parts))
}

pub(super) fn digest(parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("\u{0}").as_bytes());
    data_encoding::HEXLOWER.encode(hash.get(..4).unwrap_or_default())
}
