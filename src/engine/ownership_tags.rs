//! Ownership tags of objects that a block is about to take over, where bulk reads show no tags (parameters): each
//! object is asked for its own. In a plan that takes nothing over there are none.

use futures::{StreamExt as _, stream};

use crate::address::ResourceAddr;
use crate::diag::{Diagnostic, Diagnostics};
use crate::eval::estate::Estate;
use crate::live::{Live, Targets};
use crate::provider::{AccessMode, Provider};
use crate::schema::{RecoveryMethod, kinds};
use crate::state::model::Resources;

/// Reads the tags of objects that exist, that no state records and that a block names.
pub(super) async fn read(
    provider: &dyn Provider,
    targets: &Targets,
    estate: &Estate,
    prior: &Resources,
    live: &mut Live,
    parallelism: usize,
) -> Diagnostics {
    let wanted: Vec<_> = unmarked(estate, prior, live)
        .into_iter()
        .filter_map(|(address, kind, key)| {
            let target = targets.of_address(kinds::kind(kind)?.schema().home, &address)?;
            Some((address, kind, key, target))
        })
        .collect();
    let reads = wanted.into_iter().map(|(address, kind, key, target)| async move {
        let found = provider.read_marked(target, AccessMode::Read, kind, &key).await;
        (address, kind, key, found)
    });
    let mut answers = stream::iter(reads).buffered(parallelism.max(1));
    let mut diagnostics = Diagnostics::new();
    while let Some((address, kind, key, found)) = answers.next().await {
        match found {
            Ok(Some(object)) => live.mark(&address, kind, &key, &object.attrs),
            // It went away a moment ago: what is carried out looks again.
            Ok(None) => {}
            Err(error) => diagnostics.push(
                Diagnostic::warning(format!("the tags of `{key}` could not be read"))
                    .detail(format!("{error}; whether another estate manages it is not known"))
                    .help("let the read role call ssm:ListTagsForResource"),
            ),
        }
    }
    diagnostics
}

fn unmarked(
    estate: &Estate,
    prior: &Resources,
    live: &Live,
) -> Vec<(ResourceAddr, &'static str, String)> {
    let missing = estate.instances.iter().filter(|(address, _)| !prior.contains_key(*address));
    missing
        .filter_map(|(address, instance)| {
            let kind = kinds::kind(&address.kind)?;
            let schema = kind.schema();
            let tagged =
                schema.recovery == RecoveryMethod::Tags && instance.desired.contains_key("tags");
            let key = kind.natural_key(&instance.desired).filter(|_| tagged)?;
            let object = live.by_key(schema, address, &key).object()?;
            (!object.attrs.contains_key("tags")).then(|| (address.clone(), schema.kind, key))
        })
        .collect()
}
