//! What surrounds an instance: its account's id, its region, the tags that it inherits.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::address::ResourceAddr;
use crate::config::Backend;
use crate::diag::{Diagnostics, Loc};
use crate::eval::evaluator::Evaluator;
use crate::eval::evaluator::node::{Node, Stored};
use crate::eval::instances::object::{ExpandedInstance, HomeFacts, InstancePlace};
use crate::ids::Partition;
use crate::schema::{AccessPart, KindContext, access_of, ownership};
use crate::value::convert::text_of;
use crate::value::{Unknown, Value};

impl<'c> Evaluator<'c> {
    /// What the pure half of a kind may know of an instance's context.
    pub(in crate::eval) fn context(
        &self,
        object: &Arc<ExpandedInstance<'c>>,
        with_tags: bool,
    ) -> Result<KindContext, Diagnostics> {
        let provider = self.provider()?;
        let mut default_tags = BTreeMap::new();
        let mut region = provider.region.to_string();
        let mut account_id = None;
        if with_tags {
            default_tags.extend(provider.default_tags.clone());
        }
        if let Some(place) = &object.place {
            let home = self.home(place, &object.decl.loc)?;
            account_id = Some(home.account_id.clone());
            if let Some(given) = &home.region {
                region.clone_from(given);
            }
            if let (true, Some(name)) = (with_tags, &place.placement.environment) {
                let (tags, _) =
                    self.recorded(|| self.environment_attr(name, "tags", &object.decl.loc));
                if let Value::Map(tags) = tags? {
                    for (key, value) in tags {
                        if let Some(text) = text_of(value.reveal()) {
                            default_tags.insert(key, text);
                        }
                    }
                }
            }
        }
        let account_id = match account_id {
            Some(id) => id,
            None => self.management_account(),
        };
        Ok(KindContext {
            address: object.address.clone(),
            default_name: self.default_name(object),
            estate: self.estate_name(),
            account_id,
            partition: Partition::of_region(&region),
            region,
            default_tags,
            limits: (*self.limits()?).clone(),
            ownership_tags: if with_tags {
                ownership::tags(&object.address, self.known.lineage())
            } else {
                BTreeMap::new()
            },
        })
    }

    /// What a place itself determines, for all instances there.
    fn home(&self, place: &InstancePlace, loc: &Loc) -> Result<Arc<HomeFacts>, Diagnostics> {
        let node = Node::Home(place.account, place.placement.environment.clone());
        let stored = self.get(node, Some(loc), || {
            let mut facts = HomeFacts { account_id: Value::Null, region: None };
            if let Some(account) = self.object(place.account) {
                facts.account_id =
                    self.identity(&account, None)?.get("id").cloned().unwrap_or_default();
                if let Value::String(text) = self.object_attr(&account, "region", loc)? {
                    facts.region = Some(text);
                }
            }
            if let Some(name) = &place.placement.environment
                && let Value::String(text) = self.environment_attr(name, "region", loc)?
            {
                facts.region = Some(text);
            }
            Ok(Stored::Home(Arc::new(facts)))
        })?;
        match stored {
            Stored::Home(facts) => Ok(facts),
            _ => Ok(Arc::default()),
        }
    }

    /// Id of the management account, as far as it is known.
    pub(in crate::eval) fn management_account(&self) -> Value {
        if let Some(id) = self.known.management_account() {
            return Value::string(id.as_str());
        }
        let Some(((kind, label), decl)) = self.organization() else {
            return Value::Unknown(Unknown::default());
        };
        let declared = access_of(kind).and_then(AccessPart::organization);
        let Some(attr) = declared.map(|organization| organization.management_account) else {
            return Value::Unknown(Unknown::default());
        };
        let literal = decl.body.get(attr).and_then(|e| e.as_literal_str());
        match literal {
            Some(id) => Value::string(id),
            None => Value::Unknown(Unknown::attr(
                ResourceAddr::new(kind.as_str(), label.as_str()),
                attr,
            )),
        }
    }

    /// `palisade { name }`.
    pub(in crate::eval) fn estate_name(&self) -> String {
        self.config.settings.name.as_ref().map(|n| n.value.clone()).unwrap_or_default()
    }

    /// The bucket of `backend "s3"`, unless an emulator has it.
    pub(in crate::eval) fn state_bucket(&self) -> Option<String> {
        match &self.config.settings.backend.as_ref()?.value {
            Backend::S3 { bucket, endpoint_url: None, .. } => Some(bucket.clone()),
            Backend::S3 { .. } | Backend::Local { .. } => None,
        }
    }

    /// The role of `backend "s3"`, unless an emulator has the bucket.
    pub(in crate::eval) fn state_role(&self) -> Option<String> {
        match &self.config.settings.backend.as_ref()?.value {
            Backend::S3 { role_arn, endpoint_url: None, .. } => role_arn.clone(),
            Backend::S3 { .. } | Backend::Local { .. } => None,
        }
    }
}
