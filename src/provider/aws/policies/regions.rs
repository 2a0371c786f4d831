//! The Regions that an account has enabled.

use aws_sdk_account::types::RegionOptStatus;

use crate::provider::aws::kinds::account::SERVICE;
use crate::provider::aws::session::Session;
use crate::provider::{Failure, ProviderError};

/// The action of IAM that asking for them takes.
pub(super) const ACTION: &str = "account:ListRegions";

/// The Regions that an account has enabled, as far as they are known.
pub(super) struct EnabledRegions {
    pub(super) names: Vec<String>,
    /// Where others may be, if AWS does not tell which they are.
    pub(super) beyond: Option<String>,
}

/// Asks for them (Account Management API Reference, `ListRegions`). `SecurityAudit` does not permit that
/// (version 94 of 2026-09-30); then the account's own Region stands alone.
///
/// # Errors
/// The answer did not come, for another reason than that nobody may ask or that the endpoint does not know the call.
pub(super) async fn enabled(session: &Session) -> Result<EnabledRegions, ProviderError> {
    let pages = session
        .accounts()
        .list_regions()
        .region_opt_status_contains(RegionOptStatus::Enabled)
        .region_opt_status_contains(RegionOptStatus::EnabledByDefault)
        .region_opt_status_contains(RegionOptStatus::Disabling)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error(SERVICE, "ListRegions"));
    let alone = || EnabledRegions {
        names: vec![session.region.clone()],
        beyond: Some(format!("outside {}", session.region)),
    };
    match pages {
        Ok(pages) => {
            let regions = pages.iter().flat_map(|page| page.regions());
            let names: Vec<String> =
                regions.filter_map(|region| region.region_name().map(str::to_owned)).collect();
            Ok(match names.is_empty() {
                true => alone(),
                false => EnabledRegions { names, beyond: None },
            })
        }
        Err(error) if matches!(error.failure, Failure::AccessDenied | Failure::NotImplemented) => {
            Ok(alone())
        }
        Err(error) => Err(error),
    }
}
