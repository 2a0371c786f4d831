//! `data "iam_policy_document"`: statements of a block and of other documents, put together as Terraform does. It
//! looks nothing up; what its statements wait for, the document waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::address::ResourceAddr;
use crate::config::DataDecl;
use crate::diag::{Diagnostic, Diagnostics, Loc};
use crate::eval::evaluator::Evaluator;
use crate::eval::expr::meter::Meter;
use crate::eval::functions::weight;
use crate::iam::Text;
use crate::iam::json::parse_text;
use crate::ids::Partition;
use crate::schema::{Body, KindContext, Spanned, document_of_statements};
use crate::value::{Attrs, Unknown, Value};

/// The attributes that list other documents: whose statements come first, and whose replace.
const SOURCES: [&str; 2] = ["source_policy_documents", "override_policy_documents"];

/// The statements of documents, or what it is unknown for.
type Statements = Result<Vec<(Value, Loc)>, Unknown>;

impl Evaluator<'_> {
    /// The statements of the source documents, those of the block, and those that override them.
    pub(super) fn policy_document(
        &self,
        body: &Body,
        decl: &DataDecl,
    ) -> Result<Value, Diagnostics> {
        let region = self.provider()?.region.to_string();
        let context = KindContext {
            address: ResourceAddr::new(decl.ty.name, decl.label.value.as_str()),
            default_name: decl.label.value.clone(),
            estate: self.estate_name(),
            account_id: self.management_account(),
            partition: Partition::of_region(&region),
            region,
            default_tags: BTreeMap::new(),
            limits: (*self.limits()?).clone(),
            ownership_tags: BTreeMap::new(),
        };
        let own = document_of_statements(body, &context)?;
        let given = || SOURCES.iter().filter_map(|name| body.get(name));
        let hidden = own.has_sensitive() || given().any(|given| given.value.has_sensitive());
        let hide = |value: Value| if hidden { value.sensitive() } else { value };
        let (sources, overrides) =
            match (self.statements_in(body, SOURCES[0])?, self.statements_in(body, SOURCES[1])?) {
                (Ok(sources), Ok(overrides)) => (sources, overrides),
                (one, other) => {
                    let unknowns = [one.err(), other.err()];
                    let unknown = Unknown::opaque(unknowns.iter().flatten());
                    return Ok(hide(Value::Unknown(unknown)));
                }
            };
        let own = statements_of(own.reveal()).unwrap_or_default();
        let mut all = Vec::new();
        let mut by_sid: HashMap<String, usize> = HashMap::new();
        for (statement, loc) in sources {
            if let Some(sid) = sid(&statement)
                && by_sid.insert(sid.to_owned(), all.len()).is_some()
            {
                return Err(Diagnostic::error(format!(
                    "two source documents have the `Sid` `{sid}`"
                ))
                .at(loc)
                .help("rename one, or put its document under `override_policy_documents`")
                .into());
            }
            all.push(statement);
        }
        // Statements of the block replace those of source documents, and not each other.
        let mut of_block = BTreeSet::new();
        for sid in own.iter().filter_map(sid) {
            if !of_block.insert(sid.to_owned()) {
                return Err(Diagnostic::error(format!("two statements have the `Sid` `{sid}`"))
                    .at(decl.loc.clone())
                    .help("give each statement a label of its own")
                    .into());
            }
        }
        for statement in own.into_iter().chain(overrides.into_iter().map(|(s, _)| s)) {
            let same = sid(&statement).and_then(|sid| by_sid.get(sid).copied());
            match same.and_then(|at| all.get_mut(at)) {
                Some(place) => *place = statement,
                None => {
                    if let Some(sid) = sid(&statement) {
                        by_sid.insert(sid.to_owned(), all.len());
                    }
                    all.push(statement);
                }
            }
        }
        let document = Attrs::from([
            ("Statement".to_owned(), Value::List(all.into_iter().collect())),
            ("Version".to_owned(), "2012-10-17".into()),
        ]);
        Ok(hide(Value::Map(document)))
    }

    /// The statements of the documents that an attribute lists. What they weigh counts as what functions look at.
    fn statements_in(&self, body: &Body, name: &str) -> Result<Statements, Diagnostics> {
        let mut all = Vec::new();
        let Some(given) = body.get(name) else { return Ok(Ok(all)) };
        let too_much = |exceeded: crate::eval::expr::meter::Exceeded| {
            Diagnostics::from(Diagnostic::error(exceeded.summary()).at(given.loc.clone()))
        };
        let meter = Meter::default();
        let bytes = u64::try_from(weight(&given.value)).unwrap_or(u64::MAX);
        meter.work(bytes, Some(&self.work)).map_err(too_much)?;
        // How many there are may not be known either: then nothing of the document is.
        let unknowns = given.value.unknowns();
        if !unknowns.is_empty() {
            return Ok(Err(Unknown::opaque(unknowns)));
        }
        for text in given.value.elements().unwrap_or_default() {
            match text.reveal() {
                Value::String(text) if !text.is_empty() => {
                    let statements = read(text, name, given)?;
                    all.extend(statements.into_iter().map(|s| (s, given.loc.clone())));
                }
                _ => {}
            }
        }
        Ok(Ok(all))
    }
}

/// The statements of one document. It is read as IAM reads it, so that a key that stands twice is an error: which of
/// the two counts, readers of JSON do not agree on.
fn read(text: &str, name: &str, given: &Spanned<Value>) -> Result<Vec<Value>, Diagnostics> {
    let is_hidden = given.value.has_sensitive();
    let mut found = Diagnostics::new();
    let node = parse_text(&Text::from(text), &mut found);
    let errors = match node {
        Ok(_) => found.into_iter().filter(Diagnostic::is_error).collect::<Vec<_>>(),
        Err(error) => vec![error],
    };
    if let Some(error) = errors.into_iter().next() {
        let said = if is_hidden { String::new() } else { format!(": {}", error.summary) };
        return Err(Diagnostic::error(format!("a document of `{name}` cannot be read{said}"))
            .at(given.loc.clone())
            .help("pass JSON text, such as `data.iam_policy_document.base.json`")
            .into());
    }
    let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    statements_of(&Value::from_json(&document)).ok_or_else(|| {
        Diagnostic::error(format!("a document of `{name}` is no policy document"))
            .at(given.loc.clone())
            .detail("beside `Version` and `Id` it has a `Statement`, an object or a list of objects, and nothing else")
            .help("pass a policy document, such as `data.iam_policy_document.base.json`")
            .into()
    })
}

fn sid(statement: &Value) -> Option<&str> {
    statement.as_map()?.get("Sid")?.as_str().filter(|sid| !sid.is_empty())
}

/// The statements of a document; `None` where it is no policy document, of which none may be lost.
fn statements_of(document: &Value) -> Option<Vec<Value>> {
    let document = document.as_map()?;
    if document.keys().any(|key| !["Id", "Statement", "Version"].contains(&key.as_str())) {
        return None;
    }
    let all = match document.get("Statement") {
        Some(Value::List(list)) => list.to_vec(),
        Some(one @ Value::Map(_)) => vec![one.clone()],
        Some(_) => return None,
        None => Vec::new(),
    };
    all.iter().all(|statement| statement.as_map().is_some()).then_some(all)
}
