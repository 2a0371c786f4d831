//! Everything that the emulated accounts hold, as tables.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::cloudcontrol::{Resource, ResourceRequest};
use super::cloudformation::Stack;
use super::cloudwatch::Snapshot;
use super::iam::model::{
    AccessKey, IamSettings, Identity, InstanceProfile, ManagedPolicy, OidcProvider,
};
use super::metrics::Datum;
use super::organizations::model::{Account, CreateStatus, OrgPolicy, Organization, Unit};
use super::s3::model::{Blob, Bucket, PublicAccess, Version};
use super::ssm::model::Parameter;
use super::store::Change;
use super::store::table::Table;

pub(crate) use super::tags::Tags;

macro_rules! state {
    ($($(#[$doc:meta])* $field:ident: $row:ty,)*) => {
        /// All rows of all services and accounts.
        #[derive(Debug, Default)]
        pub(crate) struct SandboxState {
            $($(#[$doc])* pub(crate) $field: Table<$row>,)*
        }

        impl SandboxState {
            /// The changes since the last drain.
            pub(crate) fn drain(&mut self) -> Vec<Change> {
                let mut out = Vec::new();
                $(self.$field.drain(stringify!($field), &mut out);)*
                out
            }

            /// Every row.
            pub(crate) fn dump(&self) -> Vec<Change> {
                let mut out = Vec::new();
                $(self.$field.dump(stringify!($field), &mut out);)*
                out
            }

            /// Forgets everything.
            pub(crate) fn clear(&mut self) {
                $(self.$field.clear();)*
            }

            /// Takes over changes read from the store; says which row does not fit.
            pub(crate) fn load(&mut self, changes: Vec<Change>) -> Result<BTreeSet<String>, String> {
                let mut touched = BTreeSet::new();
                for (table, key, value) in changes {
                    let loaded = match table.as_str() {
                        $(stringify!($field) => self.$field.load(key.clone(), value),)*
                        _ => return Err(format!("it has an unknown table `{table}`")),
                    };
                    loaded.map_err(|e| format!("row `{key}` of table `{table}`: {e}"))?;
                    touched.insert(table);
                }
                Ok(touched)
            }
        }
    };
}

state! {
    /// `seed`, `secret`, `management`: settled when the store is made.
    meta: String,
    /// How often an id was made for a natural key, so that ids do not depend on the order of parallel calls.
    minted: u64,
    /// `org` once the organization exists.
    organization: Organization,
    /// Every account that exists, the management account too, by id.
    accounts: Account,
    /// Organizational units by id.
    units: Unit,
    /// Customer-managed organization policies by id.
    org_policies: OrgPolicy,
    /// `TARGET/POLICY`.
    attachments: bool,
    /// CreateAccount requests by id.
    create_status: CreateStatus,
    /// `ACCOUNT/role|user|group/name` in lower case.
    identities: Identity,
    /// `ACCOUNT/name` in lower case.
    managed_policies: ManagedPolicy,
    /// `ACCOUNT/url`.
    oidc_providers: OidcProvider,
    /// `ACCOUNT/name` in lower case.
    instance_profiles: InstanceProfile,
    /// By account.
    iam_settings: IamSettings,
    /// By access key id.
    access_keys: AccessKey,
    /// By name: they are unique over all accounts.
    buckets: Bucket,
    /// `BUCKET NUL KEY NUL ORDER`, the newest first.
    versions: Version,
    /// The bodies of `versions`, by the same key.
    blobs: Blob,
    /// Account-wide public access blocks, by account.
    public_access: PublicAccess,
    /// `ACCOUNT NUL REGION NUL NAME`.
    parameters: Parameter,
    /// `ACCOUNT/REGION`.
    cloudwatch: Snapshot,
    /// `ACCOUNT/REGION/NUMBER`.
    metrics: Datum,
    /// `ACCOUNT/REGION/NAME`.
    stacks: Stack,
    /// `ACCOUNT NUL REGION NUL TYPE NUL IDENTIFIER`.
    resources: Resource,
    /// Requests of Cloud Control by token.
    resource_requests: ResourceRequest,
    /// `KEY ARN NUL GRANT ID`.
    grants: Opaque,
    /// Monotonic numbers by name.
    counters: u64,
}

/// The alphabets of AWS's ids.
pub(crate) const LOWER: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
pub(crate) const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
pub(crate) const DIGITS: &[u8] = b"0123456789";

impl SandboxState {
    /// The text that a store keeps under `meta`, or nothing.
    pub(crate) fn meta(&self, name: &str) -> &str {
        self.meta.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The next number of a sequence, from 1.
    pub(crate) fn next(&mut self, name: &str) -> u64 {
        let next = self.counters.get(name).copied().unwrap_or(0) + 1;
        self.counters.insert(name, next);
        next
    }

    /// An id's variable part: deterministic from the seed, the kind, the natural key, and how often that key was used.
    pub(crate) fn mint(
        &mut self,
        kind: &str,
        natural: &str,
        alphabet: &[u8],
        length: usize,
    ) -> String {
        let key = format!("{kind}/{natural}");
        let times = self.minted.get(&key).copied().unwrap_or(0) + 1;
        self.minted.insert(key.clone(), times);
        derive(&format!("{}/{key}/{times}", self.meta("seed")), alphabet, length)
    }
}

/// `length` characters of `alphabet`, decided by `text`.
pub(crate) fn derive(text: &str, alphabet: &[u8], length: usize) -> String {
    let mut out = String::with_capacity(length);
    let mut block = 0_u32;
    while out.len() < length {
        let digest = Sha256::new().chain_update(text).chain_update(block.to_be_bytes()).finalize();
        for byte in digest {
            if out.len() < length
                && let Some(c) = alphabet.get(usize::from(byte) % alphabet.len().max(1))
            {
                out.push(char::from(*c));
            }
        }
        block += 1;
    }
    out
}

/// A row that only its service's own code reads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Opaque(pub(crate) Value);
