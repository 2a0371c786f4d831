//! The rows of object storage.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::sandbox::clock::Instant;
use crate::sandbox::tags::Tags;
use crate::sandbox::xml::{Xml, inner_of, text_of};

/// The namespace of S3's answers.
pub(crate) const XMLNS: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) created: Instant,
    /// `Enabled`, `Suspended`, or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) versioning: Option<String>,
    /// Configurations by the name of their sub-resource, as they were put.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) config: BTreeMap<String, String>,
}

impl Bucket {
    /// Whether policies may ask for its tags.
    pub(crate) fn tags_count(&self) -> bool {
        let status = self.config.get("abac").and_then(|text| text_of(text, "Status"));
        status.as_deref() == Some("Enabled")
    }

    /// Its tags.
    pub(crate) fn tags(&self) -> Tags {
        let text = self.config.get("tagging").map_or("", String::as_str);
        let pair = |tag: &String| Some((text_of(tag, "Key")?, text_of(tag, "Value")?));
        inner_of(text, "Tag").iter().filter_map(pair).collect()
    }

    /// Replaces its tags.
    pub(crate) fn put_tags(&mut self, tags: &Tags) {
        let set = tags.iter().fold(Xml::new(), |set, (key, value)| {
            set.node("Tag", Xml::new().text("Key", key).text("Value", value))
        });
        let document = Xml::new().node("TagSet", set).document("Tagging", XMLNS);
        self.config.insert("tagging".to_owned(), document);
    }
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) key: String,
    /// `null` where it was written without versioning.
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) marker: bool,
    pub(crate) etag: String,
    pub(crate) size: u64,
    pub(crate) modified: Instant,
    /// Headers that come back as they were sent: content type, metadata, encryption.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub(crate) tags: Tags,
}

/// A body; base64 in the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blob(pub(crate) Bytes);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(|bytes| Self(bytes.into())).map_err(serde::de::Error::custom)
    }
}

/// A public access block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicAccess {
    pub(crate) block_acls: bool,
    pub(crate) ignore_acls: bool,
    pub(crate) block_policy: bool,
    pub(crate) restrict_buckets: bool,
}
