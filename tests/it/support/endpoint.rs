//! What an embedded AWS holds, listed and changed with plain SDK clients: not Palisade's code path.

use std::collections::BTreeSet;
use std::path::Path;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_iam::types::PolicyScopeType;
use aws_sdk_organizations::types::PolicyType;
use palisade::sandbox::{self, Sandbox};

/// The way into an embedded AWS.
pub(crate) struct Endpoint {
    sandbox: Sandbox,
}

/// An account as Organizations lists it.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    /// Name of its unit, or `root`.
    pub(crate) parent: String,
}

/// A session in a member account, through the role that Organizations makes.
pub(crate) async fn enter(root: &SdkConfig, id: &str) -> SdkConfig {
    let answer = aws_sdk_sts::Client::new(root)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole"))
        .role_session_name("test")
        .send()
        .await
        .expect("assumed");
    let given = answer.credentials().expect("credentials");
    let token = Some(given.session_token().to_owned());
    let credentials =
        Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "test");
    root.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
}

/// S3 addressed by path, as no bucket has a host name here.
pub(crate) fn s3(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

impl Endpoint {
    pub(crate) fn of(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }

    /// The accounts that the program keeps under a directory.
    pub(crate) async fn open(dir: &Path) -> Self {
        Self::of(Sandbox::open(dir, sandbox::Options::default()).await.expect("opens"))
    }

    /// Puts an account into a state, as AWS does by itself.
    pub(crate) async fn set_account_state(&self, id: &str, state: &str) {
        self.sandbox.set_account_state(id, state).await.expect("written");
    }

    fn with(&self, credentials: Credentials) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .http_client(self.sandbox.http_client())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    pub(crate) fn management(&self) -> SdkConfig {
        self.with(self.sandbox.management_credentials())
    }

    /// In an account of the organization, or in an emulated one (which knows callers by its id).
    pub(crate) async fn account(&self, id: &str) -> SdkConfig {
        if id == self.sandbox.management_account().as_str() {
            self.management()
        } else if id == "000000000000" {
            self.with(Credentials::new(id, "palisade", None, None, "emulated"))
        } else {
            enter(&self.management(), id).await
        }
    }

    /// Every account of the organization.
    pub(crate) async fn accounts(&self) -> Vec<Account> {
        let client = aws_sdk_organizations::Client::new(&self.management());
        let pages = client.list_accounts().into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.expect("listed");
        let mut all = Vec::new();
        for account in pages.iter().flat_map(|page| page.accounts()) {
            let id = account.id().expect("an id").to_owned();
            let parents = client.list_parents().child_id(&id).send().await.expect("parents");
            let parent = parents.parents()[0].id().expect("an id").to_owned();
            let parent = if parent.starts_with("r-") {
                "root".to_owned()
            } else {
                let unit = client.describe_organizational_unit().organizational_unit_id(parent);
                let unit = unit.send().await.expect("a unit");
                unit.organizational_unit().and_then(|u| u.name()).expect("a name").to_owned()
            };
            all.push(Account {
                id,
                name: account.name().expect("a name").to_owned(),
                status: account.state().expect("a state").as_str().to_owned(),
                parent,
            });
        }
        all
    }

    /// A line for everything that somebody made, in the organization and in `emulated` accounts
    /// beside it: what AWS itself puts into an account is left out.
    pub(crate) async fn holds(&self, emulated: &[&str]) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let client = aws_sdk_organizations::Client::new(&self.management());
        for (what, ty) in [
            ("service control policy", PolicyType::ServiceControlPolicy),
            ("resource control policy", PolicyType::ResourceControlPolicy),
        ] {
            let listed = client.list_policies().filter(ty).into_paginator().send();
            for page in listed.collect::<Result<Vec<_>, _>>().await.expect("listed") {
                let own = page.policies().iter().filter(|p| !p.aws_managed());
                all.extend(own.map(|p| format!("{what} {}", p.name().expect("a name"))));
            }
        }
        let roots = client.list_roots().send().await.expect("listed");
        let mut parents: Vec<String> =
            roots.roots().iter().map(|r| r.id().expect("an id").to_owned()).collect();
        while let Some(parent) = parents.pop() {
            let units = client.list_organizational_units_for_parent().parent_id(parent);
            for unit in units.send().await.expect("listed").organizational_units() {
                all.insert(format!("unit {}", unit.name().expect("a name")));
                parents.push(unit.id().expect("an id").to_owned());
            }
        }
        for account in self.accounts().await {
            all.insert(format!(
                "account {} {} in {}",
                account.name, account.status, account.parent
            ));
            if account.status == "ACTIVE" {
                self.inside(&account.id, &mut all).await;
            }
        }
        for id in emulated {
            self.inside(id, &mut all).await;
        }
        all
    }

    /// What one account holds.
    async fn inside(&self, id: &str, all: &mut BTreeSet<String>) {
        let sdk = self.account(id).await;
        let iam = aws_sdk_iam::Client::new(&sdk);
        let roles = iam.list_roles().into_paginator().items().send();
        for role in roles.collect::<Result<Vec<_>, _>>().await.expect("listed") {
            let of_aws = role.path().starts_with("/aws-service-role/")
                || role.role_name() == "OrganizationAccountAccessRole";
            if !of_aws {
                all.insert(format!("{id} role {}", role.role_name()));
            }
        }
        let policies = iam.list_policies().scope(PolicyScopeType::Local).into_paginator();
        for policy in policies.items().send().collect::<Result<Vec<_>, _>>().await.expect("listed")
        {
            all.insert(format!("{id} policy {}", policy.policy_name().expect("a name")));
        }
        let providers = iam.list_open_id_connect_providers().send().await.expect("listed");
        for provider in providers.open_id_connect_provider_list() {
            all.insert(format!("{id} provider {}", provider.arn().expect("an ARN")));
        }
        let aliases = iam.list_account_aliases().send().await.expect("listed");
        all.extend(aliases.account_aliases().iter().map(|alias| format!("{id} alias {alias}")));
        if iam.get_account_password_policy().send().await.is_ok() {
            all.insert(format!("{id} password policy"));
        }
        let ssm = aws_sdk_ssm::Client::new(&sdk);
        let pages = ssm.get_parameters_by_path().path("/").recursive(true).into_paginator();
        let pages = pages.send().collect::<Result<Vec<_>, _>>().await.expect("listed");
        for parameter in pages.iter().flat_map(|page| page.parameters()) {
            all.insert(format!("{id} parameter {}", parameter.name().expect("a name")));
        }
        for bucket in s3(&sdk).list_buckets().send().await.expect("listed").buckets() {
            all.insert(format!("{id} bucket {}", bucket.name().expect("a name")));
        }
    }
}
