//! The files of a folder of dumps, as the `aws` command line and Palisade write them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::access::ResourceType;
use crate::diag::{Diagnostic, Diagnostics};
use crate::iam::KeyGrant;
use crate::ids::AccountId;
use crate::review::{PolicyText, json};
use crate::workers::each;

/// What a folder holds: an organization, and accounts by id. What is absent was not read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dumps {
    /// `organization.json`.
    pub(crate) organization: Option<OrganizationDump>,
    /// `accounts/ID`.
    pub(crate) accounts: BTreeMap<AccountId, AccountDump>,
}

/// What is known of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountDump {
    /// `account-authorization-details.json`.
    pub(crate) details: Option<AuthorizationDetails>,
    /// `buckets.json`.
    pub(crate) buckets: Option<Buckets>,
    /// `resource-policies.json`.
    pub(crate) resource_policies: Option<ResourcePolicies>,
    /// `unread.json`: why other files are absent.
    pub(crate) unread: UnreadParts,
}

impl AccountDump {
    /// One that could not be read, and why.
    pub(crate) fn unread(why: String) -> Self {
        Self { unread: UnreadParts { reasons: vec![why] }, ..Self::default() }
    }
}

pub(super) const ORGANIZATION: &str = "organization.json";
const ACCOUNTS: &str = "accounts";
pub(super) const DETAILS: &str = "account-authorization-details.json";
const BUCKETS: &str = "buckets.json";
pub(super) const RESOURCE_POLICIES: &str = "resource-policies.json";
const UNREAD: &str = "unread.json";

impl Dumps {
    /// Reads a folder. What is wrong with a file is said, and the file counts as absent.
    pub(super) fn load(dir: &Path, diagnostics: &mut Diagnostics) -> Self {
        let organization = json::file(&dir.join(ORGANIZATION), diagnostics);
        let folders = account_folders(&dir.join(ACCOUNTS), diagnostics);
        let account = |folder: &Path, diagnostics: &mut Diagnostics| AccountDump {
            details: json::file(&folder.join(DETAILS), diagnostics),
            buckets: json::file(&folder.join(BUCKETS), diagnostics),
            resource_policies: json::file(&folder.join(RESOURCE_POLICIES), diagnostics),
            unread: json::file(&folder.join(UNREAD), diagnostics).unwrap_or_default(),
        };
        let read = each(&folders, |(id, folder)| {
            let mut own = Diagnostics::new();
            let account = account(folder, &mut own);
            (id.clone(), account, own)
        });
        let mut accounts = BTreeMap::new();
        for (id, account, own) in read {
            diagnostics.extend(own);
            accounts.insert(id, account);
        }
        Self { organization, accounts }
    }

    /// What could not be read, a phrase each.
    pub(crate) fn unread(&self) -> Vec<String> {
        let organization = self.organization.iter().flat_map(|dump| &dump.unread);
        let organization = organization.map(|why| format!("organization: {why}"));
        let accounts = self.accounts.iter().flat_map(|(id, account)| {
            let buckets = account.buckets.iter().flat_map(|dump| &dump.buckets);
            let buckets = buckets.filter_map(move |bucket| {
                Some(format!(
                    "{id}: the policy of bucket `{}`: {}",
                    bucket.name,
                    bucket.unread.as_ref()?
                ))
            });
            let policies = account.resource_policies.iter().flat_map(ResourcePolicies::not_read);
            let policies = policies.map(move |what| format!("{id}: {what}"));
            let account = account.unread.reasons.iter().map(move |why| format!("{id}: {why}"));
            account.chain(buckets).chain(policies)
        });
        organization.chain(accounts).collect()
    }

    /// Refuses a folder that holds something: files of an earlier dump would count as this one's.
    ///
    /// # Errors
    /// It does, or cannot be read.
    pub(crate) fn refuse_used(dir: &Path) -> Result<(), Diagnostic> {
        match fs::read_dir(dir).map(|mut entries| entries.next().is_some()) {
            Ok(true) => {
                let what = format!("`{}` is not empty", dir.display());
                let help = "name a new folder: files of an earlier dump would count as this one's";
                Err(Diagnostic::error(what).help(help))
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Diagnostic::error(format!("cannot read `{}`: {error}", dir.display())))
            }
            Ok(false) | Err(_) => Ok(()),
        }
    }

    /// Writes a folder that [`Self::load`] reads.
    ///
    /// # Errors
    /// The folder holds something already, or cannot be written.
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Diagnostic> {
        let failed = |path: &Path, error: &io::Error| {
            Diagnostic::error(format!("cannot write `{}`: {error}", path.display()))
        };
        Self::refuse_used(dir)?;
        let accounts = dir.join(ACCOUNTS);
        fs::create_dir_all(&accounts).map_err(|error| failed(&accounts, &error))?;
        let file = |path: PathBuf, content: serde_json::Result<Vec<u8>>| {
            let written = content.map_err(io::Error::from).and_then(|text| fs::write(&path, text));
            written.map_err(|error| failed(&path, &error))
        };
        if let Some(organization) = &self.organization {
            file(dir.join(ORGANIZATION), serde_json::to_vec_pretty(organization))?;
        }
        for (id, account) in &self.accounts {
            let folder = accounts.join(id.as_str());
            fs::create_dir_all(&folder).map_err(|error| failed(&folder, &error))?;
            if let Some(details) = &account.details {
                file(folder.join(DETAILS), serde_json::to_vec_pretty(details))?;
            }
            if let Some(buckets) = &account.buckets {
                file(folder.join(BUCKETS), serde_json::to_vec_pretty(buckets))?;
            }
            if let Some(policies) = &account.resource_policies {
                file(folder.join(RESOURCE_POLICIES), serde_json::to_vec_pretty(policies))?;
            }
            if !account.unread.reasons.is_empty() {
                file(folder.join(UNREAD), serde_json::to_vec_pretty(&account.unread))?;
            }
        }
        Ok(())
    }
}

/// The folders of accounts, by the ids that are their names.
fn account_folders(dir: &Path, diagnostics: &mut Diagnostics) -> Vec<(AccountId, PathBuf)> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            diagnostics
                .push(Diagnostic::error(format!("cannot read `{}`: {error}", dir.display())));
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|p| p.is_dir()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        match name.parse::<AccountId>() {
            Ok(id) => all.push((id, path.clone())),
            Err(error) => diagnostics.push(
                Diagnostic::error(format!(
                    "`{}` is no folder of an account: {error}",
                    path.display()
                ))
                .help("name each folder below `accounts` by its account's id"),
            ),
        }
    }
    all.sort();
    all
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AuthorizationDetails {
    pub(crate) user_detail_list: Vec<UserDetail>,
    pub(crate) group_detail_list: Vec<GroupDetail>,
    pub(crate) role_detail_list: Vec<RoleDetail>,
    pub(crate) policies: Vec<PolicyDetail>,
    #[serde(default)]
    pub(crate) is_truncated: bool,
    /// What the command line prints of a listing that `--max-items` cuts off (AWS CLI User Guide, "Using the pagination
    /// options"); the API calls it `Marker`.
    #[serde(alias = "Marker", skip_serializing)]
    pub(crate) next_token: Option<Json>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RoleDetail {
    pub(crate) arn: String,
    pub(crate) role_name: String,
    pub(crate) role_id: Option<String>,
    pub(crate) assume_role_policy_document: PolicyText,
    #[serde(default)]
    pub(crate) role_policy_list: Vec<InlinePolicy>,
    #[serde(default)]
    pub(crate) attached_managed_policies: Vec<AttachedPolicy>,
    pub(crate) permissions_boundary: Option<Boundary>,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UserDetail {
    pub(crate) arn: String,
    pub(crate) user_name: String,
    pub(crate) user_id: Option<String>,
    #[serde(default)]
    pub(crate) user_policy_list: Vec<InlinePolicy>,
    #[serde(default)]
    pub(crate) group_list: BTreeSet<String>,
    #[serde(default)]
    pub(crate) attached_managed_policies: Vec<AttachedPolicy>,
    pub(crate) permissions_boundary: Option<Boundary>,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GroupDetail {
    pub(crate) arn: String,
    pub(crate) group_name: String,
    #[serde(default)]
    pub(crate) group_policy_list: Vec<InlinePolicy>,
    #[serde(default)]
    pub(crate) attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InlinePolicy {
    pub(crate) policy_name: String,
    pub(crate) policy_document: PolicyText,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttachedPolicy {
    pub(crate) policy_arn: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Boundary {
    pub(crate) permissions_boundary_arn: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyDetail {
    pub(crate) arn: String,
    #[serde(default)]
    pub(crate) policy_version_list: Vec<PolicyVersion>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyVersion {
    /// As AWS prints it of each: where it is not there, the list may lack others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version_id: Option<String>,
    pub(crate) document: Option<PolicyText>,
    #[serde(default)]
    pub(crate) is_default_version: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Buckets {
    pub(crate) account_public_access_block: Option<PublicAccessBlock>,
    pub(crate) buckets: Vec<BucketDump>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct BucketDump {
    pub(crate) name: String,
    /// `null` says that it has none; where it is not there, nobody looked.
    #[serde(default, deserialize_with = "present")]
    pub(crate) policy: Option<Option<Json>>,
    pub(crate) public_access_block: Option<PublicAccessBlock>,
    /// Who owns its objects, in S3's words; where it is not there, nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ownership: Option<String>,
    /// Why its policy is not here although it may have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unread: Option<String>,
}

/// What a key says that is there, `null` too.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// In the words of either API: S3 writes `RestrictPublicBuckets`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct PublicAccessBlock {
    #[serde(default, alias = "RestrictPublicBuckets")]
    pub(crate) restrict_public_buckets: bool,
    #[serde(default, alias = "IgnorePublicAcls")]
    pub(crate) ignore_public_acls: bool,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct ResourcePolicies {
    pub(crate) resources: Vec<ResourceDump>,
    /// The types that it lists, by their CloudFormation names, each with where it leaves off (`outside eu-west-1`); `null` where it
    /// lists all of the account. Without it, the file lists every type that docs/review.md names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) types: Option<BTreeMap<String, Option<String>>>,
    /// Types that could not be read, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) unread: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct ResourceDump {
    pub(crate) arn: String,
    pub(crate) policy: Option<Json>,
    /// Why its policy is not here although it may have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unread: Option<String>,
    /// The grants on a KMS key, as `aws kms list-grants` prints them; where they are not there, nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grants: Option<Vec<KeyGrant>>,
    /// Why its grants are not here although nobody left them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grants_unread: Option<String>,
}

impl ResourcePolicies {
    /// What could not be read, a phrase for each type: an account may have thousands of keys.
    pub(crate) fn not_read(&self) -> impl Iterator<Item = String> {
        type Unread<'p> = ([&'static str; 2], &'p str);
        let mut single: BTreeMap<Unread<'_>, (usize, &str)> = BTreeMap::new();
        for resource in &self.resources {
            let of = ResourceType::of_arn(&resource.arn).map_or("resource", |of| of.name);
            let policy = (["the policy of one", "the policies of"], &resource.unread);
            let grants = (["the grants on one", "the grants on"], &resource.grants_unread);
            for (what, why) in [policy, grants] {
                if let Some(why) = why {
                    single.entry((what, of)).or_insert((0, why)).0 += 1;
                }
            }
        }
        let types = self.unread.iter();
        let types =
            types.map(|(of, why)| format!("the policies of `{of}` could not be read: {why}"));
        let single = single.into_iter().map(|(([one, several], of), (count, why))| match count {
            1 => format!("{one} `{of}` could not be read: {why}"),
            many => format!("{several} {many} `{of}` could not be read, of the first one: {why}"),
        });
        types.chain(single)
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct OrganizationDump {
    pub(crate) organization: Option<OrganizationIds>,
    pub(crate) root: Option<RootDump>,
    #[serde(default)]
    pub(crate) units: Vec<UnitDump>,
    #[serde(default)]
    pub(crate) accounts: Vec<MemberDump>,
    /// Services with trusted access; where it is not there, nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trusted_services: Option<BTreeSet<String>>,
    pub(crate) scps: Option<Vec<PolicyDump>>,
    pub(crate) rcps: Option<Vec<PolicyDump>>,
    /// What could not be read of it, a phrase each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unread: Vec<String>,
}

impl OrganizationDump {
    /// One that could not be read, and why: whether there is one is not known either.
    pub(crate) fn unread(why: String) -> Self {
        Self { unread: vec![why], ..Self::default() }
    }
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct OrganizationIds {
    pub(crate) id: String,
    pub(crate) management_account: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct RootDump {
    pub(crate) id: String,
    pub(crate) policy_types: Option<Vec<PolicyTypeDump>>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PolicyTypeDump {
    pub(crate) r#type: String,
    pub(crate) status: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct UnitDump {
    pub(crate) id: String,
    pub(crate) parent: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct MemberDump {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) parent: String,
    /// As Organizations sends it since 2025.
    #[serde(alias = "State")]
    pub(crate) state: Option<String>,
    /// As it was sent before.
    #[serde(alias = "Status")]
    pub(crate) status: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct PolicyDump {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) content: Json,
    pub(crate) targets: BTreeSet<String>,
}

/// What could not be read of an account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct UnreadParts {
    /// A phrase each.
    #[serde(rename = "unread")]
    pub(crate) reasons: Vec<String>,
}
