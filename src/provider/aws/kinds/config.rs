//! Config values as SSM parameters: the calls.
//!
//! Secrets are never read back: parameters are listed without decryption, and of a `SecureString`
//! only its type, version and key are kept.
//!
//! `PutParameter` resets what it is not given: a `SecureString` goes back under `alias/aws/ssm`, the data type
//! to `text`. So both reads ask for a parameter's metadata as well, and every write passes it on.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_ssm::types::{
    Parameter, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType,
    ResourceTypeForTagging, Tag,
};

use crate::iam::Limits;
use crate::provider::aws::actions::{ConditionalActions, KindActions, strings};
use crate::provider::aws::errors;
use crate::provider::aws::kind::{
    Bulk, BulkReader, BulkReading, BulkScope, KindProvider, OrAbsent, Wanted, WhyUnread, attrs,
    entries, live, optional, tags, texts,
};
use crate::provider::aws::session::Session;
use crate::provider::{Failure, LiveObject, ProviderError, ProviderStep};
use crate::value::{Attrs, Value};

/// Its name.
pub(in crate::provider::aws) const KIND: &str = "config";

/// The AWS half.
pub(in crate::provider::aws) struct Config;

/// Bytes that a standard parameter holds; an advanced one holds twice as many.
const STANDARD: usize = Limits::AWS.standard_parameter_size;

#[async_trait]
impl KindProvider for Config {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn bulk(&'static self) -> Bulk {
        Bulk::Account(&Config)
    }

    fn actions(&self) -> KindActions {
        KindActions {
            bulk: strings(&["ssm:DescribeParameters", "ssm:GetParametersByPath"]),
            reads: strings(&[
                "ssm:DescribeParameters",
                "ssm:GetParameter",
                "ssm:ListTagsForResource",
            ]),
            marks: strings(&[
                "ssm:DescribeParameters",
                "ssm:GetParameter",
                "ssm:ListTagsForResource",
            ]),
            changes: strings(&[
                "ssm:AddTagsToResource",
                "ssm:DeleteParameter",
                "ssm:PutParameter",
                "ssm:RemoveTagsFromResource",
            ]),
            // Systems Manager User Guide, "AWS KMS encryption for Parameter Store SecureString parameters": the key that
            // AWS manages asks for neither.
            conditional: &[ConditionalActions {
                attr: "kms_key_id",
                value: None,
                actions: &["kms:Encrypt", "kms:GenerateDataKey"],
            }],
            served_by: None,
        }
    }

    async fn create(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        put(session, step, false).await
    }

    async fn update(&self, session: &Session, step: &ProviderStep) -> Result<Attrs, ProviderError> {
        let (tags, others): (Vec<_>, Vec<_>) =
            step.changed.iter().partition(|path| path.root() == Some("tags"));
        let mut done = Wanted::new(session, step).done([]);
        if let Some(version) = step.before.as_ref().and_then(|b| b.get("version")) {
            done.insert("version".to_owned(), version.clone());
        }
        if !others.is_empty() {
            done = match put(session, step, true).await {
                // The API reference says so of every change of type; where AWS keeps to that, nothing is left but a
                // parameter that is gone for the time of one call.
                Err(error) if error.code.as_deref() == Some("HierarchyTypeMismatchException") => {
                    self.delete(session, step).await?;
                    put(session, step, false).await?
                }
                done => done?,
            };
        }
        if !tags.is_empty() {
            tag(session, step).await?;
        }
        Ok(done)
    }

    async fn delete(&self, session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
        let want = Wanted::new(session, step);
        session
            .ssm()
            .delete_parameter()
            .name(want.text("name")?)
            .send()
            .await
            .map_err(session.error("ssm", "DeleteParameter"))
            .absent()
            .map(|_| ())
    }

    async fn read(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let value = async {
            let request = session.ssm().get_parameter().name(key).with_decryption(false);
            request.send().await.map_err(session.error("ssm", "GetParameter")).absent()
        };
        let (value, metadata) = futures::join!(value, metadata(session, "Name", "Equals", key));
        let metadata = known(metadata)?.unwrap_or_default();
        Ok(value?.and_then(|a| a.parameter).and_then(|p| object(&p, metadata.get(key))))
    }

    async fn read_marked(
        &self,
        session: &Session,
        key: &str,
    ) -> Result<Option<LiveObject>, ProviderError> {
        let Some(mut found) = self.read(session, key).await? else { return Ok(None) };
        let Some(list) = tags_of(session, key).await.absent()? else { return Ok(None) };
        found.attrs.insert("tags".to_owned(), tags(list.iter().map(|t| (t.key(), t.value()))));
        Ok(Some(found))
    }
}

/// Attributes that `DescribeParameters` alone tells.
const METADATA: [&str; 6] =
    ["allowed_pattern", "data_type", "description", "kms_key_id", "policies", "tier"];

/// What SSM tells of parameters beside their values, by name.
async fn metadata(
    session: &Session,
    key: &str,
    option: &str,
    value: &str,
) -> Result<BTreeMap<String, ParameterMetadata>, ProviderError> {
    let filter = ParameterStringFilter::builder().key(key).option(option).values(value).build();
    let filter = filter.map_err(|error| {
        errors::refuse("ssm", "DescribeParameters", &session.account, error.to_string())
    })?;
    let pages = session
        .ssm()
        .describe_parameters()
        .parameter_filters(filter)
        .max_results(50)
        .into_paginator()
        .send()
        .try_collect()
        .await
        .map_err(session.error("ssm", "DescribeParameters"))?;
    let all = pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default());
    Ok(all.filter_map(|m| Some((m.name.clone()?, m))).collect())
}

/// The metadata, or nothing where an emulator has none to tell.
fn known(
    metadata: Result<BTreeMap<String, ParameterMetadata>, ProviderError>,
) -> Result<Option<BTreeMap<String, ParameterMetadata>>, ProviderError> {
    match metadata {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.failure == Failure::NotImplemented => Ok(None),
        Err(error) => Err(error),
    }
}

async fn tags_of(session: &Session, name: &str) -> Result<Vec<Tag>, ProviderError> {
    let answer = session
        .ssm()
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id(name)
        .send()
        .await
        .map_err(session.error("ssm", "ListTagsForResource"))?;
    Ok(answer.tag_list.unwrap_or_default())
}

async fn put(
    session: &Session,
    step: &ProviderStep,
    overwrite: bool,
) -> Result<Attrs, ProviderError> {
    let want = Wanted::new(session, step);
    let value = match want.after("value").reveal() {
        Value::String(text) => text.clone(),
        list @ (Value::List(_) | Value::Set(_)) => texts(list).join(","),
        _ => {
            return Err(errors::refuse(
                "ssm",
                "PutParameter",
                &session.account,
                format!("the value of `{}` is not known", step.address),
            ));
        }
    };
    let advanced = (value.len() > STANDARD).then_some("Advanced");
    let tier = advanced.map(str::to_owned);
    // Right before the write the parameter was read once more, and that read shows what a bulk read may not.
    let before = |name: &str| step.before.as_ref().and_then(|before| before.get(name)?.as_str());
    let kept = |name: &str| want.after(name).as_str().or(before(name)).map(str::to_owned);
    let tier = tier.or(kept("tier")).map(|tier| ParameterTier::from(tier.as_str()));
    let secret = want.text("type")? == "SecureString";
    let key = kept("kms_key_id").unwrap_or_else(|| "alias/aws/ssm".to_owned());
    let tags: Vec<Tag> = entries(want.after("tags"))
        .into_iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    let answer = session
        .ssm()
        .put_parameter()
        .name(want.text("name")?)
        .r#type(ParameterType::from(want.text("type")?))
        .value(value)
        .set_tier(tier)
        .set_key_id(secret.then(|| key.clone()))
        .set_data_type(kept("data_type"))
        .set_policies(kept("policies"))
        .set_description(kept("description"))
        .set_allowed_pattern(kept("allowed_pattern"))
        // SSM refuses tags together with an overwrite.
        .set_tags(Some(tags).filter(|t| !t.is_empty() && !overwrite))
        .overwrite(overwrite)
        .send()
        .await
        .map_err(session.error("ssm", "PutParameter"))?;
    let mut done = want.done([("version", answer.version().into())]);
    match secret {
        true => done.insert("kms_key_id".to_owned(), key.into()),
        false => done.remove("kms_key_id"),
    };
    Ok(done)
}

/// Makes the tags of a parameter what they shall be: SSM takes none together with an overwrite.
async fn tag(session: &Session, step: &ProviderStep) -> Result<(), ProviderError> {
    let want = Wanted::new(session, step);
    let name = want.text("name")?;
    let list = tags_of(session, name).await?;
    let wanted = entries(want.after("tags"));
    let is: BTreeMap<&str, &str> = list.iter().map(|t| (t.key(), t.value())).collect();
    let surplus: Vec<String> = is
        .keys()
        .filter(|key| !key.starts_with("aws:") && !wanted.contains_key(*key))
        .map(|key| (*key).to_owned())
        .collect();
    let missing: Vec<Tag> = wanted
        .into_iter()
        .filter(|(key, value)| is.get(key) != Some(value))
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect();
    if !surplus.is_empty() {
        session
            .ssm()
            .remove_tags_from_resource()
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(name)
            .set_tag_keys(Some(surplus))
            .send()
            .await
            .map_err(session.error("ssm", "RemoveTagsFromResource"))?;
    }
    if !missing.is_empty() {
        session
            .ssm()
            .add_tags_to_resource()
            .resource_type(ResourceTypeForTagging::Parameter)
            .resource_id(name)
            .set_tags(Some(missing))
            .send()
            .await
            .map_err(session.error("ssm", "AddTagsToResource"))?;
    }
    Ok(())
}

#[async_trait]
impl BulkReader for Config {
    /// All parameters below a path. Where their metadata cannot be read, the key of a secret is not known, and
    /// a write could move it to another: such a secret is unread.
    async fn everything(&self, session: &Session, scope: &BulkScope<'_>) -> BulkReading {
        let path = Some(scope.config_prefix.trim_end_matches('/')).filter(|p| !p.is_empty());
        let path = path.unwrap_or("/");
        let values = session
            .ssm()
            .get_parameters_by_path()
            .path(path)
            .recursive(true)
            .with_decryption(false)
            .max_results(10)
            .into_paginator()
            .send()
            .try_collect();
        let (pages, metadata) =
            futures::join!(values, metadata(session, "Path", "Recursive", path));
        let pages = pages.map_err(session.error("ssm", "GetParametersByPath"))?;
        let (metadata, unknown) = match known(metadata) {
            // A secret that was made between the two reads is looked at by the next run.
            Ok(Some(metadata)) => {
                let why = "it was made while parameters were read".to_owned();
                (metadata, Some(WhyUnread { why, advice: None }))
            }
            Ok(None) => (BTreeMap::new(), None),
            Err(error) if error.failure == Failure::AccessDenied => {
                (BTreeMap::new(), Some(WhyUnread::from(&error)))
            }
            Err(error) => return Err(error),
        };
        let (mut objects, mut unread) = (Vec::new(), BTreeMap::new());
        for parameter in pages.iter().flat_map(|page| page.parameters()) {
            let name = parameter.name().unwrap_or_default();
            let secret = parameter.r#type() == Some(&ParameterType::SecureString);
            match (metadata.get(name), &unknown) {
                (None, Some(why)) if secret => {
                    unread.insert(name.to_owned(), why.clone());
                }
                (None, Some(why)) => objects.extend(object(parameter, None).map(|object| {
                    let unread = METADATA.map(|name| (name, why.why.clone())).into();
                    LiveObject { unread, ..object }
                })),
                (metadata, _) => objects.extend(object(parameter, metadata)),
            }
        }
        Ok((objects, unread))
    }
}

/// A parameter as it is. What every parameter has by default is left out.
fn object(parameter: &Parameter, metadata: Option<&ParameterMetadata>) -> Option<LiveObject> {
    let kind = parameter.r#type().map_or("String", ParameterType::as_str);
    let mut attrs = attrs([
        ("name", optional(parameter.name())),
        ("type", kind.into()),
        ("version", parameter.version().into()),
        ("arn", optional(parameter.arn())),
    ]);
    let text = parameter.value().unwrap_or_default();
    match kind {
        "SecureString" => {}
        "StringList" => {
            attrs.insert("value".to_owned(), text.split(',').collect());
        }
        _ => {
            attrs.insert("value".to_owned(), text.into());
        }
    }
    if let Some(metadata) = metadata {
        let tier = metadata.tier().map(ParameterTier::as_str).filter(|tier| *tier != "Standard");
        let policies: Vec<&str> =
            metadata.policies().iter().filter_map(|policy| policy.policy_text()).collect();
        let policies = (!policies.is_empty()).then(|| format!("[{}]", policies.join(",")));
        let more = [
            ("kms_key_id", metadata.key_id()),
            ("tier", tier),
            ("data_type", metadata.data_type().filter(|kind| *kind != "text")),
            ("policies", policies.as_deref()),
            ("description", metadata.description().filter(|text| !text.is_empty())),
            ("allowed_pattern", metadata.allowed_pattern().filter(|text| !text.is_empty())),
        ];
        attrs.extend(more.into_iter().filter_map(|(n, v)| Some((n.to_owned(), v?.into()))));
    }
    live(KIND, attrs)
}
