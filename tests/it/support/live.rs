//! A provider on an embedded AWS, and the life of one object in it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use palisade::ids::AccountId;
use palisade::plan::{StoredValues, difference};
use palisade::provider::aws::{AwsOptions, AwsProvider, Embedded};
use palisade::provider::{
    AccessMode, AccountTarget, Inventory, LiveObject, Op, Permit, Provider, ProviderError,
    ProviderStep,
};
use palisade::sandbox::{self, Sandbox};
use palisade::schema::{Home, kind, kinds};
use palisade::value::{AttrPath, Attrs, Value};

use super::bodies::{References, block, context};
use super::endpoint::{self, Endpoint};

/// An embedded AWS with a provider on it.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) provider: Arc<AwsProvider>,
    pub(crate) management: AccountTarget,
    pub(crate) references: References,
}

/// One object in AWS and what is known of it.
pub(crate) struct Object {
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    pub(crate) attrs: Attrs,
    /// What state would record beside them.
    pub(crate) meta: Attrs,
    pub(crate) target: AccountTarget,
}

impl Object {
    /// The attributes as a plan sees what state recorded.
    fn recorded(&self) -> Attrs {
        let declared = self.meta.get("declared").and_then(Value::as_map).cloned();
        self.attrs.clone().into_iter().chain(declared.into_iter().flatten()).collect()
    }
}

pub(crate) fn target(handle: &str, id: Option<AccountId>, management: bool) -> AccountTarget {
    AccountTarget {
        handle: handle.parse().expect("handle"),
        id,
        management,
        access_role: "OrganizationAccountAccessRole".to_owned(),
        read_role: "OrganizationAccountAccessRole".to_owned(),
        region: "eu-west-1".parse().expect("region"),
        endpoint_url: None,
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(sandbox::Options::default()).await
    }

    pub(crate) async fn with(options: sandbox::Options) -> Self {
        let sandbox = Sandbox::in_memory(options).await;
        // The same tests by hand against a server: one at a time, on an emptied one.
        let endpoint = std::env::var("PALISADE_TEST_ENDPOINT").ok();
        let provider = AwsProvider::new(AwsOptions {
            region: "eu-west-1".to_owned(),
            embedded: endpoint.is_none().then(|| Embedded {
                http_client: sandbox.http_client(),
                credentials: sandbox.management_credentials(),
            }),
            endpoint_url: endpoint.clone(),
            backoff: Duration::from_millis(1),
            poll: Duration::from_millis(1),
            ..AwsOptions::default()
        })
        .await;
        let account = match endpoint {
            None => sandbox.management_account(),
            Some(_) => provider.caller().await.expect("the server answers").account,
        };
        let management = target("management", Some(account), true);
        Self { sandbox, provider: Arc::new(provider), management, references: References::new() }
    }

    /// A world with an organization and a member account.
    pub(crate) async fn with_member() -> (Self, AccountTarget) {
        let mut world = Self::new().await;
        world.create("organization \"acme\" {\n}", None).await;
        let member = world.member("production").await;
        (world, member)
    }

    /// Creates a member account, and waits until it can be entered.
    pub(crate) async fn member(&mut self, name: &str) -> AccountTarget {
        let text = format!("account \"{name}\" {{\n  email = \"{name}@acme.example\"\n}}");
        let account = self.create(&text, None).await;
        let id = account.attrs["id"].as_str().expect("an id").parse().expect("an account id");
        target(name, Some(id), false)
    }

    /// Plain SDK configuration inside an account: not Palisade's code path.
    pub(crate) async fn sdk(&self, target: &AccountTarget) -> SdkConfig {
        let ambient = self.provider.ambient();
        let root = match ambient.endpoint_url() {
            None => Endpoint::of(self.sandbox.clone()).management(),
            Some(_) => ambient.clone(),
        };
        if target.management {
            return root;
        }
        endpoint::enter(&root, target.id.as_ref().expect("an id").as_str()).await
    }

    /// What a block wants, in the account of `target` (the management account for `None`).
    pub(crate) fn desired(
        &self,
        text: &str,
        target: Option<&AccountTarget>,
    ) -> (ProviderStep, AccountTarget) {
        let target = target.unwrap_or(&self.management).clone();
        let (kind_name, name, body) = block(text, &self.references);
        let half = kind(&kind_name).expect("a kind");
        let id = target.id.as_ref().map(ToString::to_string).unwrap_or_default();
        let cx = context(half.schema().kind, &name, &id);
        let (mut after, _) = half.desired(&body, &cx).unwrap_or_else(|found| panic!("{found:?}"));
        let computed = half.computed(&after, &cx);
        after.extend(computed);
        let step = ProviderStep {
            op: Op::Create,
            kind: half.schema().kind,
            address: cx.address.clone(),
            before: None,
            after: Some(after),
            changed: Vec::new(),
            meta: Attrs::new(),
            target: None,
        };
        (step, target)
    }

    /// Creates what a block says, waits and attaches, and checks that nothing differs afterwards.
    pub(crate) async fn create(&mut self, text: &str, target: Option<&AccountTarget>) -> Object {
        let (mut step, target) = self.desired(text, target);
        let schema = kind(step.kind).expect("kind").schema();
        let mut attrs =
            self.provider.execute(&target, &step, &Permit::open()).await.expect("created");
        if schema.asynchronous {
            step.op = Op::Wait;
            step.target =
                Some(attrs[palisade::provider::REQUEST].as_str().expect("a request").to_owned());
            attrs = self.provider.execute(&target, &step, &Permit::open()).await.expect("through");
        }
        if let Some(attribute) = schema.attachments {
            let wanted = step.after.as_ref().and_then(|a| a.get(attribute)).cloned();
            for to in wanted.iter().filter_map(Value::elements).flatten() {
                attrs =
                    self.attach(Op::Attach, &step, &attrs, to.as_str().expect("id"), &target).await;
            }
        }
        let key = kind(step.kind).expect("kind").natural_key(&attrs).expect("a key");
        let meta = kind(step.kind).expect("kind").meta(&block(text, &self.references).2);
        let object = Object { kind: step.kind, key, attrs, meta, target };
        self.unchanged(&object, text).await;
        object
    }

    async fn attach(
        &self,
        op: Op,
        step: &ProviderStep,
        attrs: &Attrs,
        to: &str,
        target: &AccountTarget,
    ) -> Attrs {
        let step = ProviderStep {
            op,
            before: Some(attrs.clone()),
            after: step.after.clone().map(|mut a| {
                a.extend(attrs.clone());
                a
            }),
            target: Some(to.to_owned()),
            ..step.clone()
        };
        self.provider.execute(target, &step, &Permit::open()).await.expect("attached or detached")
    }

    /// Changes an object to what a block says, and checks that nothing differs afterwards.
    pub(crate) async fn update(&mut self, object: &Object, text: &str) -> Object {
        let (mut step, target) = self.desired(text, Some(&object.target));
        let half = kind(step.kind).expect("kind");
        let schema = half.schema();
        let live = self.live(object).await.expect("it is there");
        let (_, _, body) = block(text, &self.references);
        let mut after = step.after.take().expect("after");
        after.retain(|_, value| !value.is_unknown());
        let recorded = object.recorded();
        let after = half.reconcile(after, &live.attrs, &recorded, &half.meta(&body));
        let changed = difference(schema, &live.attrs, &after, StoredValues::default()).changed;
        let own =
            |path: &AttrPath| path.root() != schema.attachments && path.root() != schema.moves;
        let replaced: Vec<String> = changed
            .iter()
            .filter(|p| p.root().is_some_and(|r| schema.replaces(r)))
            .map(ToString::to_string)
            .collect();
        assert!(replaced.is_empty(), "the test asks for a replacement: {replaced:?}");
        step.before = Some(live.attrs.clone());
        step.after = Some(after.clone());
        let mut attrs = live.attrs.clone();
        // In the order in which plans have them.
        if let Some(moved) = schema.moves
            && changed.iter().any(|p| p.root() == Some(moved))
        {
            step.op = Op::Move;
            step.target = after[moved].as_str().map(str::to_owned);
            attrs = self.provider.execute(&target, &step, &Permit::open()).await.expect("moved");
            step.target = None;
        }
        step.op = Op::Update;
        step.changed = changed.iter().filter(|p| own(p)).cloned().collect();
        if !step.changed.is_empty() {
            step.before = Some(attrs);
            attrs = self.provider.execute(&target, &step, &Permit::open()).await.expect("updated");
        }
        if let Some(attribute) = schema.attachments {
            let list = |attrs: &Attrs| -> BTreeSet<String> {
                let value = attrs.get(attribute).and_then(Value::elements).unwrap_or_default();
                value.into_iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
            };
            let (is, wanted) = (list(&live.attrs), list(&after));
            for to in wanted.difference(&is) {
                attrs = self.attach(Op::Attach, &step, &attrs, to, &target).await;
            }
            for to in is.difference(&wanted) {
                attrs = self.attach(Op::Detach, &step, &attrs, to, &target).await;
            }
        }
        let key = half.natural_key(&attrs).expect("a key");
        let meta = kind(step.kind).expect("kind").meta(&block(text, &self.references).2);
        // State keeps what an update does not return.
        let mut kept = object.attrs.clone();
        kept.extend(attrs);
        let object = Object { kind: step.kind, key, attrs: kept, meta, target };
        self.unchanged(&object, text).await;
        object
    }

    /// Deletes an object; `meta` is what state knows of it beside its attributes.
    pub(crate) async fn delete(&self, object: &Object, meta: Attrs) -> Result<(), ProviderError> {
        let before = self.live(object).await.map_or_else(|| object.attrs.clone(), |o| o.attrs);
        let attachments = kind(object.kind).expect("kind").schema().attachments;
        let mut step = ProviderStep {
            op: Op::Delete,
            kind: object.kind,
            address: palisade::address::ResourceAddr::new(object.kind, "x"),
            before: Some(before.clone()),
            after: None,
            changed: Vec::new(),
            meta: Attrs::new(),
            target: None,
        };
        if let Some(targets) = attachments.and_then(|a| before.get(a)).and_then(Value::elements) {
            for to in targets {
                let to = to.as_str().expect("id").to_owned();
                step.op = Op::Detach;
                step.target = Some(to);
                self.provider.execute(&object.target, &step, &Permit::open()).await?;
            }
        }
        step.meta = meta;
        step.op = Op::Delete;
        step.before = Some(before);
        self.provider
            .execute(&object.target, &step, &Permit::open())
            .await
            .map(|left| assert!(left.is_empty()))
    }

    /// Everything in the object's place, by the bulk read.
    pub(crate) async fn inventory(&self, home: Home, target: &AccountTarget) -> Inventory {
        match home {
            Home::Organization => self
                .provider
                .read_organization(&self.management, palisade::provider::Announcements::unheard())
                .await
                .expect("read"),
            Home::Account => {
                let all: BTreeSet<&'static str> = kinds()
                    .iter()
                    .map(|k| k.schema())
                    .filter(|s| s.home == Home::Account)
                    .map(|s| s.kind)
                    .collect();
                self.provider.read_account(target, &all, "/acme/").await.expect("read")
            }
        }
    }

    /// The object as the bulk read finds it; the single read must find the same.
    pub(crate) async fn live(&self, object: &Object) -> Option<LiveObject> {
        let home = kind(object.kind).expect("kind").schema().home;
        let inventory = self.inventory(home, &object.target).await;
        assert!(inventory.unread.is_empty(), "{:?}", inventory.unread);
        assert!(inventory.complete.contains(object.kind));
        let bulk = inventory.objects.get(&(object.kind, object.key.clone())).cloned();
        for access in [AccessMode::Read, AccessMode::Write] {
            let single =
                self.provider.read_object(&object.target, access, object.kind, &object.key).await;
            assert_eq!(single.expect("read"), bulk, "{} {}", object.kind, object.key);
        }
        if let (Home::Organization, Some(id)) =
            (home, bulk.as_ref().and_then(|o| o.attrs.get("id")).and_then(Value::as_str))
        {
            let by_id =
                self.provider.read_object(&object.target, AccessMode::Read, object.kind, id).await;
            assert_eq!(by_id.expect("read"), bulk, "{} {id}", object.kind);
        }
        bulk
    }

    /// After an apply there is nothing to do: what the block wants is what is live, and what the
    /// provider returned too.
    pub(crate) async fn unchanged(&self, object: &Object, text: &str) {
        let (step, _) = self.desired(text, Some(&object.target));
        let half = kind(object.kind).expect("kind");
        let (_, _, body) = block(text, &self.references);
        let live = self.live(object).await.unwrap_or_else(|| panic!("{} is not there", object.key));
        let wanted = half.reconcile(
            step.after.expect("after").into_iter().filter(|(_, v)| !v.is_unknown()).collect(),
            &live.attrs,
            &object.recorded(),
            &half.meta(&body),
        );
        // Of a secret only state knows whether it changed.
        let wanted: Attrs = wanted.into_iter().filter(|(_, v)| !v.has_sensitive()).collect();
        let found = difference(half.schema(), &live.attrs, &wanted, StoredValues::default());
        assert!(found.is_empty(), "{}: {:#?}\nlive {:#?}", object.key, found, live.attrs);
        for (name, value) in &object.attrs {
            let one = Attrs::from([(name.clone(), value.clone())]);
            let found = difference(half.schema(), &live.attrs, &one, StoredValues::default());
            assert!(
                found.is_empty() || value.has_sensitive() || !live.attrs.contains_key(name),
                "{} returned `{name}` = {value:?}, but live is {:?}",
                object.key,
                live.attrs.get(name)
            );
        }
    }

    /// Operations that the endpoint has seen since the last call, by name.
    pub(crate) fn operations(&self) -> Vec<String> {
        let seen = self.sandbox.requests().into_iter().map(|r| r.operation).collect();
        self.sandbox.clear_requests();
        seen
    }
}
