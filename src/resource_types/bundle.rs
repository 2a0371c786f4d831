//! The bundled schemas: an index of all types, and the schemas of a service, unpacked at first use.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{LazyLock, OnceLock};

use super::resource_type::{Handlers, TypeSchema};

static INDEX: &str = include_str!("data/index.txt");
static SCHEMAS: &[u8] = include_bytes!("data/schemas.bin");

/// A type, as the index knows it.
#[derive(Debug)]
pub struct TypeEntry {
    /// Its name: `AWS::Logs::LogGroup`.
    pub name: String,
    /// Which handlers it has.
    pub handlers: Handlers,
    service: usize,
}

struct Service {
    stream: &'static [u8],
    types: OnceLock<BTreeMap<String, TypeSchema>>,
}

struct Index {
    services: Vec<Service>,
    /// In order of name.
    entries: Vec<TypeEntry>,
}

static BUNDLE: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { services: Vec::new(), entries: Vec::new() };
    let mut rest = SCHEMAS;
    for line in INDEX.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some(service), Some(bytes)) = (words.next(), words.next()) else { continue };
        let bytes = bytes.parse().unwrap_or(0);
        let Some((stream, after)) = rest.split_at_checked(bytes) else { break };
        rest = after;
        let at = index.services.len();
        index.services.push(Service { stream, types: OnceLock::new() });
        let types = words.filter_map(|word| word.split_once(':'));
        index.entries.extend(types.map(|(name, letters)| TypeEntry {
            name: format!("AWS::{service}::{name}"),
            handlers: Handlers::of(letters),
            service: at,
        }));
    }
    index.entries.sort_by(|one, other| one.name.cmp(&other.name));
    index
});

impl Service {
    /// Its types by name; none where the data were damaged, which a test would find.
    fn types(&self) -> &BTreeMap<String, TypeSchema> {
        self.types.get_or_init(|| {
            let mut text = Vec::new();
            let unpacked = flate2::read::GzDecoder::new(self.stream).read_to_end(&mut text);
            unpacked.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
        })
    }
}

/// The day of the schemas: `2026-10-20`.
#[must_use]
pub fn date() -> &'static str {
    let first = INDEX.lines().next().unwrap_or_default();
    first.split([' ', ',']).find(|word| word.len() == 10 && word.contains('-')).unwrap_or_default()
}

/// All types in order of name.
#[must_use]
pub fn entries() -> &'static [TypeEntry] {
    &BUNDLE.entries
}

/// The type of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static TypeEntry> {
    let at = BUNDLE.entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
    BUNDLE.entries.get(at)
}

impl TypeEntry {
    /// Its schema.
    #[must_use]
    pub fn load(&self) -> Option<&'static TypeSchema> {
        BUNDLE.services.get(self.service)?.types().get(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::resource_type::Handler;
    use super::*;

    #[test]
    fn every_type_of_the_index_has_its_schema() {
        assert_eq!(date().len(), 10);
        let mut all = 0;
        for entry in entries() {
            let found = entry.load().unwrap_or_else(|| panic!("{}", entry.name));
            assert_eq!(found.name, entry.name);
            for handler in
                [Handler::Create, Handler::Read, Handler::Update, Handler::Delete, Handler::List]
            {
                assert_eq!(
                    entry.handlers.has(handler),
                    found.handlers.contains_key(&handler),
                    "{}",
                    entry.name
                );
            }
            all += usize::from(entry.handlers == Handlers::of("crudl"));
        }
        assert!(entries().len() > 1_800, "{}", entries().len());
        assert!(all > 1_500, "{all}");
        assert!(find("AWS::Logs::LogGroup").is_some() && find("AWS::Logs::Nothing").is_none());
    }

    #[test]
    fn every_schema_can_be_checked_and_every_path_leads_somewhere() {
        let mut wrong = Vec::new();
        for kind in entries().iter().filter_map(TypeEntry::load) {
            if let Err(error) = kind.validator() {
                wrong.push(format!("{}: {error}", kind.name));
            }
            let lists = [
                &kind.identifier,
                &kind.read_only,
                &kind.create_only,
                &kind.write_only,
                &kind.may_replace,
            ];
            for path in
                lists.into_iter().flatten().chain(kind.additional_identifiers.iter().flatten())
            {
                if kind.shape().at(&path.0).is_none() {
                    wrong.push(format!("{}: {path} leads nowhere", kind.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
