//! Reading a query-protocol request: flat keys such as `Tags.member.1.Key`.

use std::collections::BTreeMap;

use super::wire::{Refusal, form};

/// The parameters of one request.
#[derive(Debug)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self(form(&String::from_utf8_lossy(body)))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A parameter that the API requires.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).filter(|text| !text.is_empty()).ok_or_else(|| {
            Refusal::new(
                400,
                "ValidationError",
                format!(
                    "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                    lower_first(name)
                ),
            )
        })
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).map(|text| text == "true")
    }

    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Refusal::new(400, "ValidationError", format!("{name} is not a number: {text}"))
                })
            })
            .transpose()
    }

    /// `NAME.member.1`, `NAME.member.2`, ...; `None` when the list was not sent at all.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let items: Vec<&str> =
            (1..).map_while(|n| self.get(&format!("{name}.member.{n}"))).collect();
        if items.is_empty() && !self.0.contains_key(name) { None } else { Some(items) }
    }

    /// `NAME.member.N.Key` and `.Value`, in the order in which they were sent.
    pub(crate) fn pairs(&self, name: &str) -> Vec<(&str, &str)> {
        (1..)
            .map_while(|n| {
                let key = self.get(&format!("{name}.member.{n}.Key"))?;
                Some((key, self.get(&format!("{name}.member.{n}.Value")).unwrap_or_default()))
            })
            .collect()
    }
}

/// `RoleName` as AWS's validation messages write it: `roleName`.
pub(crate) fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
