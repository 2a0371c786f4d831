//! The `palisade` and `provider` blocks.

use std::path::PathBuf;

use hcl::edit::Span;
use hcl::edit::expr::Expression;

use super::super::model::{Backend, Settings, WallsSettings};
use super::super::raw::RawNested;
use super::habits::IN_PLACE_OF_ALIASES;
use super::{DecodeTarget, Decoder, Parts};
use crate::diag::{Diagnostic, did_you_mean};
use crate::schema::Spanned;
use crate::schema::blocks::{POLICIES_READ, TopLevel, backend};
use crate::schema::endpoint::{ENDPOINT, is_endpoint};

/// The block that says what walls are judged by.
const WALLS: &str = "walls";

impl Decoder<'_> {
    /// A `palisade` or `provider` block.
    pub(super) fn setting(&mut self, top: &TopLevel, parts: Parts, to: &mut DecodeTarget<'_>) {
        if top.name == "provider" {
            if let Some(label) = parts.labels.first()
                && label.value != "aws"
            {
                self.error(
                    Diagnostic::error(format!("there is no provider `{}`", label.value))
                        .at(label.loc.clone())
                        .help("AWS is the only provider: remove this block and what needs it"),
                );
                return;
            }
            let block = self.block(parts, top.block);
            match &to.provider {
                Some(first) => {
                    let first = first.loc.clone();
                    self.error(
                        Diagnostic::error("`provider \"aws\"` is declared twice")
                            .at(block.loc)
                            .detail("declared again here")
                            .related(first, "first declared here")
                            .help(format!("keep one: {IN_PLACE_OF_ALIASES}")),
                    );
                }
                None => *to.provider = Some(block),
            }
            return;
        }
        if top.name == WALLS {
            if let Some(first) = &to.settings.walls {
                let first = first.loc.clone();
                self.twice("`walls`", parts.loc, &first);
                return;
            }
            to.settings.walls = self.walls(top, parts);
            return;
        }
        if let Some(first) = to.settings.loc.clone() {
            self.twice("`palisade`", parts.loc, &first);
            return;
        }
        let walls = to.settings.walls.take();
        *to.settings = Settings { walls, ..self.palisade(top, parts) };
    }

    fn walls(&mut self, top: &TopLevel, parts: Parts) -> Option<WallsSettings> {
        let block = self.block(parts, top.block);
        let attr = block.body.attrs.get("types")?;
        let Expression::Array(array) = attr.value.node() else {
            self.error(
                Diagnostic::error("`types` must be a list of resource types in quotes")
                    .at(attr.value.loc())
                    .help("write `types = [\"AWS::KMS::Key\"]`"),
            );
            return None;
        };
        let mut types = Vec::new();
        for element in array {
            let loc = attr.value.loc_at(element.span().unwrap_or(0..0));
            let Some(name) = element.as_str() else {
                self.error(
                    Diagnostic::error("it must be a resource type in quotes")
                        .at(loc)
                        .help("write `types = [\"AWS::KMS::Key\"]`"),
                );
                continue;
            };
            match POLICIES_READ.iter().find(|known| **known == name) {
                Some(known) => types.push(*known),
                None => {
                    let help = did_you_mean(name, POLICIES_READ).unwrap_or_else(|| {
                        format!("those of {} can be read", POLICIES_READ.join(", "))
                    });
                    self.error(
                        Diagnostic::error(format!("policies of `{name}` cannot be read"))
                            .at(loc)
                            .help(help),
                    );
                }
            }
        }
        Some(WallsSettings { loc: block.loc, types })
    }

    fn palisade(&mut self, top: &TopLevel, parts: Parts) -> Settings {
        let mut settings = Settings { loc: Some(parts.loc.clone()), ..Settings::default() };
        let block = self.block(parts, top.block);
        let why = "settings are read before anything is evaluated";
        if let Some(attr) = block.body.attrs.get("required_version")
            && let Some(text) = self.literal_string("required_version", attr, why)
        {
            match version_requirement(&text.value) {
                Ok(value) => {
                    settings.required_version = Some(Spanned { value, loc: text.loc });
                }
                Err(reason) => self.error(
                    Diagnostic::error(format!("`{}` is no version requirement", text.value))
                        .at(text.loc)
                        .detail(reason)
                        .help("write `\">= 0.1\"`, `\"~> 0.1\"` or `\">= 0.1, < 0.3\"`"),
                ),
            }
        }
        if let Some(attr) = block.body.attrs.get("name")
            && let Some(name) = self.literal_string("name", attr, why)
        {
            self.estate_name(&name);
            settings.name = Some(name);
        }
        for nested in &block.body.blocks {
            match nested {
                RawNested::Block(inner) => settings.backend = self.backend(inner),
                RawNested::Dynamic(dynamic) => self.error(
                    Diagnostic::error("`backend` cannot be made by `dynamic`")
                        .at(dynamic.loc.clone())
                        .help(why),
                ),
            }
        }
        settings
    }

    /// SSM: a path's elements hold letters, digits and `.-_`; `aws` and `ssm` are reserved.
    fn estate_name(&mut self, name: &Spanned<String>) {
        let text = &name.value;
        let lower = text.to_ascii_lowercase();
        let rule = if !(1..=64).contains(&text.len()) {
            "it must have 1 to 64 characters"
        } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            "it may hold letters, digits, `.`, `-` and `_`"
        } else if lower.starts_with("aws") || lower.starts_with("ssm") {
            "it may not start with `aws` or `ssm`"
        } else {
            return;
        };
        self.error(
            Diagnostic::error(format!("`{text}` cannot be an estate's name"))
                .at(name.loc.clone())
                .detail(rule)
                .help("it becomes the first part of the names of config parameters"),
        );
    }

    fn backend(&mut self, block: &super::super::RawBlock) -> Option<Spanned<Backend>> {
        let label = block.labels.first()?;
        if backend(&label.value).is_none() {
            let help = did_you_mean(&label.value, ["local", "s3"])
                .unwrap_or_else(|| "known are `local` and `s3`".to_owned());
            self.error(
                Diagnostic::error(format!("unknown backend `{}`", label.value))
                    .at(label.loc.clone())
                    .help(help),
            );
            return None;
        }
        let mut values = std::collections::BTreeMap::new();
        for (name, attr) in &block.body.attrs {
            let why = "the backend is needed before anything is evaluated; another value goes into \
                       another configuration";
            match self.literal_string(name, attr, why) {
                Some(text) if text.value.is_empty() && name != "prefix" => {
                    self.error(
                        Diagnostic::error(format!("`{name}` is empty")).at(text.loc).help_opt(None),
                    );
                }
                Some(text) => {
                    values.insert(name.as_str(), text);
                }
                None => {}
            }
        }
        let (algorithm, key) = (values.get("encryption"), values.contains_key("kms_key_id"));
        match algorithm.map(|a| (a.value.as_str(), a.loc.clone())) {
            None | Some(("aws:kms", _)) => {}
            Some(("AES256", _)) if !key => {}
            Some(("AES256", loc)) => self.error(
                Diagnostic::error("`encryption` is `AES256`, and `kms_key_id` names a KMS key")
                    .at(loc)
                    .help("keep one of them"),
            ),
            Some((other, loc)) => self.error(
                Diagnostic::error(format!("unknown encryption `{other}`"))
                    .at(loc)
                    .help("write `AES256` or `aws:kms`"),
            ),
        }
        if let Some(url) = values.get("endpoint_url").filter(|url| !is_endpoint(&url.value)) {
            self.error(
                Diagnostic::error(format!("`{}` is no endpoint", url.value))
                    .at(url.loc.clone())
                    .help(ENDPOINT),
            );
        }
        let mut take = |name: &str| values.remove(name).map(|t| t.value);
        let value = if label.value == "local" {
            Backend::Local {
                path: take("path").map_or(PathBuf::from(".palisade/state"), Into::into),
            }
        } else {
            let mut prefix = take("prefix").unwrap_or_default();
            if !prefix.is_empty() && !prefix.ends_with('/') {
                prefix.push('/');
            }
            Backend::S3 {
                bucket: take("bucket")?,
                prefix,
                region: take("region"),
                kms_key_id: take("kms_key_id"),
                encryption: take("encryption"),
                role_arn: take("role_arn"),
                endpoint_url: take("endpoint_url"),
            }
        };
        Some(Spanned { value, loc: block.loc.clone() })
    }
}

/// Cargo's requirements, and Terraform's `~>`.
fn version_requirement(text: &str) -> Result<semver::VersionReq, String> {
    let mut parts = Vec::new();
    for part in text.split(',').map(str::trim) {
        let Some(version) = part.strip_prefix("~>") else {
            parts.push(part.to_owned());
            continue;
        };
        let version = version.trim();
        let numbers: Vec<u64> = version
            .split('.')
            .map(|n| n.parse().map_err(|_| format!("`{version}` is no version")))
            .collect::<Result<_, _>>()?;
        let below = match numbers.as_slice() {
            [major] | [major, _] => format!("<{}", major.saturating_add(1)),
            [major, minor, _] => format!("<{major}.{}", minor.saturating_add(1)),
            _ => return Err(format!("`{version}` is no version")),
        };
        parts.push(format!(">={version}"));
        parts.push(below);
    }
    let all = parts.join(", ");
    semver::VersionReq::parse(&all).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_requirements_of_both_tools_are_read() {
        let fits = |requirement: &str, version: &str| {
            version_requirement(requirement)
                .expect(requirement)
                .matches(&version.parse().expect("v"))
        };
        assert!(fits(">= 0.1", "0.1.0"));
        assert!(fits("~> 0.1", "0.9.3"));
        assert!(!fits("~> 0.1", "1.0.0"));
        assert!(fits("~> 1.2.3", "1.2.9"));
        assert!(!fits("~> 1.2.3", "1.3.0"));
        assert!(version_requirement("latest").is_err());
    }
}
