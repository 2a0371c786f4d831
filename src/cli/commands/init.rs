//! `palisade init`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::VarArgs;
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::config::Backend;
use crate::diag::Diagnostic;
use crate::engine::open::{self, Store};
use crate::engine::{backend, load};
use crate::state::bootstrap::{self, Bucket};
use crate::state::{StateError, StoreFailure};

/// Flags of `init`.
#[derive(Debug, Args)]
#[command(
    after_help = "Changes nothing unless a flag asks for it. Palisade never manages the bucket of its own state.\n\n\
                        Examples:\n  palisade init\n  palisade init --create-backend\n  palisade init --migrate-state"
)]
pub struct InitArgs {
    /// Values for variables.
    #[command(flatten)]
    vars: VarArgs,
    /// Make the state bucket: versioned, encrypted, not public, TLS only
    #[arg(long)]
    create_backend: bool,
    /// Copy the state from where it was: from .palisade/state to the configured bucket, or from --from
    #[arg(long)]
    migrate_state: bool,
    /// Where the state is now: s3://BUCKET/PREFIX, or a directory
    #[arg(long, value_name = "BACKEND", requires = "migrate_state")]
    from: Option<String>,
}

/// Checks configuration and backend, and prepares the backend where it is asked to.
///
/// # Errors
/// The configuration is wrong, or the backend cannot be used.
pub async fn run(args: &InitArgs, context: &Context) -> Result<(), Exit> {
    let workspace = context.workspace()?;
    let configuration = load::configuration(&workspace, &args.vars.variables())?;
    let store = open::open(&workspace, backend::configured(&configuration.settings)).await?;
    let mut out = context.stdout();
    let modules = configuration.modules.len().saturating_sub(1);
    let modules = crate::render::style::count(modules, "module", "modules");
    writeln!(out, "configuration: {modules}")?;
    if args.create_backend {
        create(&store, context).await?;
    }
    check(&store, context).await?;
    writeln!(out, "state: {}", store.ledger.store().location())?;
    if args.migrate_state {
        let mut from = old_backend(args, &store)?;
        context.interruptible(locate(&mut from, &store)).await?;
        let old = open::open(&workspace, from).await?;
        let copied = context.interruptible(old.ledger.migrate(&store.ledger)).await??;
        let objects = crate::render::style::count(copied, "state object", "state objects");
        writeln!(
            out,
            "copied {objects} from {}, which stays as it is",
            old.ledger.store().location()
        )?;
    }
    writeln!(out, "ready: `palisade plan` shows what would change")?;
    Ok(out.flush()?)
}

async fn create(store: &Store, context: &Context) -> Result<(), Exit> {
    let Backend::S3 { bucket, prefix, region, kms_key_id, endpoint_url, .. } = &store.backend
    else {
        context.say("the backend is a local directory: there is nothing to create");
        return Ok(());
    };
    let client = backend::s3_client(&store.backend, &store.connection).await;
    let region = region
        .clone()
        .or_else(|| client.config().region().map(ToString::to_string))
        .unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = endpoint_url.as_deref().or(store.connection.sdk.endpoint_url());
    let plain_http = store.connection.sandbox.is_none()
        && endpoint.is_some_and(|url| url.starts_with("http://"));
    // The sandbox knows the condition keys for conditional writes; other servers may not.
    let known = store.connection.sandbox.is_some()
        || (endpoint_url.is_none() && store.connection.sdk.endpoint_url().is_none());
    let bucket = Bucket {
        name: bucket.clone(),
        partition: crate::ids::Partition::of_region(&region).to_string(),
        region,
        prefix: prefix.clone(),
        kms_key: kms_key_id.clone(),
        require_conditional_writes: known,
        plain_http,
    };
    bootstrap::create_backend(&client, &bucket).await?;
    context.say(&format!("the bucket `{}` is ready for state", bucket.name));
    Ok(())
}

async fn check(store: &Store, context: &Context) -> Result<(), Exit> {
    let read = context.interruptible(store.ledger.read_root()).await?;
    read?;
    match store.ledger.store().versioning().await {
        Err(error) if error.failure == StoreFailure::Missing => {
            let mut exit = *StateError::from(error).diagnostic;
            exit.help = Some("`palisade init --create-backend` makes the bucket".to_owned());
            Err(exit.into())
        }
        Err(error) => Err(StateError::from(error).into()),
        Ok(_) => Ok(store.ledger.require_versions().await?),
    }
}

/// Looks up the region of a bucket that was named without one. What cannot be told is left to the first
/// read, which says why.
async fn locate(backend: &mut Backend, store: &Store) {
    const EVERYWHERE: &str = "us-east-1";
    let mut asked = backend.clone();
    let (Backend::S3 { region: unknown @ None, .. }, Backend::S3 { bucket, region, .. }) =
        (backend, &mut asked)
    else {
        return;
    };
    let bucket = bucket.clone();
    // `GetBucketLocation` is answered there for the buckets of all regions.
    *region = Some(EVERYWHERE.to_owned());
    let client = backend::s3_client(&asked, &store.connection).await;
    if let Ok(found) = client.get_bucket_location().bucket(bucket).send().await {
        // Of the first regions, two are told in the old way.
        *unknown = Some(match found.location_constraint().map(|c| c.as_str()) {
            None | Some("") => EVERYWHERE.to_owned(),
            Some("EU") => "eu-west-1".to_owned(),
            Some(region) => region.to_owned(),
        });
    }
}

fn old_backend(args: &InitArgs, store: &Store) -> Result<Backend, Exit> {
    let Some(from) = &args.from else {
        return match &store.backend {
            Backend::S3 { .. } => Ok(backend::default_backend()),
            Backend::Local { .. } => Err(Diagnostic::error("where is the state now?")
                .help("name it with `--from s3://BUCKET/PREFIX` or `--from DIRECTORY`")
                .into()),
        };
    };
    let Some(rest) = from.strip_prefix("s3://") else {
        return Ok(Backend::Local { path: PathBuf::from(from) });
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(Diagnostic::error(format!("`{from}` names no bucket")).into());
    }
    let prefix = match prefix.trim_end_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    Ok(Backend::S3 {
        bucket: bucket.to_owned(),
        prefix,
        region: None,
        kms_key_id: None,
        role_arn: None,
        endpoint_url: None,
    })
}
