//! `palisade review`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use crate::cli::args::{FailOnArg, VarArgs};
use crate::cli::context::Context;
use crate::cli::error::Exit;
use crate::cli::stack_args::StackArgs;
use crate::diag::Diagnostic;
use crate::engine::review::{self, LiveRequest, ReviewRequest};
use crate::ids::AccountId;
use crate::render;

/// What says how the accounts stand now.
const BEFORE: &str = "before";

/// Flags of `review`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new(BEFORE).multiple(true))]
#[command(
    after_help = "Needs no state, and no configuration but that of --estate; writes nothing but the folder of --dump. Dumps need no \
                        credentials; --read-role, --management-role and --dump read the accounts as they are.\n\
                        Exits with code 3 when a path crosses between environments after the change, or a wall cannot \
                        be decided.\n\n\
                        Examples:\n  palisade review --accounts dumps \\\n    -e dev=111111111111 -e production=222222222222\n  \
                        palisade review --accounts dumps --terraform-plan plan.json \\\n    \
                        -e dev=111111111111 -e production=222222222222 \\\n    \
                        --format markdown > comment.md\n  \
                        palisade review --read-role SecurityAudit --terraform-plan plan.json \\\n    \
                        -e dev=111111111111 -e production=222222222222\n  \
                        palisade review --accounts dumps --cloudformation release.yaml \\\n    \
                        --stack release=222222222222/eu-west-1 --deployed deployed \\\n    \
                        -e dev=111111111111 -e production=222222222222\n  \
                        palisade review --terraform-state network.tfstate \\\n    \
                        --terraform-state s3://acme-state/apps.tfstate \\\n    \
                        --terraform-plan plan.json -e dev=111111111111 -e production=222222222222\n  \
                        palisade review --accounts dumps --terraform-plan plan.json --estate walls\n  \
                        palisade review --read-role SecurityAudit --dump dumps"
)]
pub struct ReviewArgs {
    /// Folder with dumps of the accounts as they are
    #[arg(long, value_name = "DIR", group = BEFORE)]
    accounts: Option<PathBuf>,
    /// Terraform state as what stands: `terraform.tfstate`, the output of `terraform state pull` or that of `terraform show
    /// -json`, or `s3://BUCKET/KEY`. Several are read together; dumps and live accounts take precedence over them
    #[arg(long, value_name = "FILE", group = BEFORE, conflicts_with_all = ["dump", "since"])]
    terraform_state: Vec<String>,
    /// Role to assume in each account to read it as it is; `OrganizationAccountAccessRole` where only --management-role or
    /// --dump is given
    #[arg(long, value_name = "NAME", group = BEFORE, conflicts_with = "accounts")]
    read_role: Option<String>,
    /// Role that stands in for the management account; without it the caller reads the organization
    #[arg(long, value_name = "ARN", group = BEFORE, conflicts_with = "accounts")]
    management_role: Option<String>,
    /// Write what is read of the accounts into this new folder, for reviews with --accounts, and judge nothing
    #[arg(long, value_name = "DIR", conflicts_with_all = ["accounts", "since", "terraform_plan", "cloudformation", "policy", "format", "json"])]
    dump: Option<PathBuf>,
    /// Folder with earlier dumps: says what has opened and closed from then until those of --accounts
    #[arg(long, value_name = "DIR", requires = BEFORE, conflicts_with_all = ["terraform_plan", "cloudformation"])]
    since: Option<PathBuf>,
    /// Output of `terraform show -json PLANFILE`; several of one change are judged together
    #[arg(long, value_name = "FILE")]
    terraform_plan: Vec<PathBuf>,
    /// Directory with the `.tf` files that a plan was made from, by which files and lines are named; without it, the directory
    /// that the plan lies in
    #[arg(long, value_name = "DIR", requires = "terraform_plan")]
    configuration: Vec<PathBuf>,
    #[command(flatten)]
    stacks: StackArgs,
    /// File with one policy, judged on its own: an SCP or RCP, or a policy of a principal or a resource
    #[arg(long, value_name = "FILE", requires_all = ["target", BEFORE], conflicts_with = "since")]
    policy: Option<PathBuf>,
    /// What --policy is tried on: a root, unit, account or policy of the organization by its id, which it is attached to or
    /// takes the place of; or the ARN of a role, user, group, managed policy or resource
    #[arg(long, value_name = "TARGET", requires = "policy")]
    target: Vec<String>,
    /// An environment and its accounts, as in `production=222222222222,333333333333`
    #[arg(long, short = 'e', value_name = "NAME=ID,...", value_parser = environment, required_unless_present_any = ["dump", "estate"])]
    environment: Vec<(String, Vec<AccountId>)>,
    /// Directory with a Palisade configuration, whose `account`, `environment` and `isolation` blocks say which walls there
    /// are, in place of --environment; other blocks are not judged
    #[arg(long, value_name = "DIR", conflicts_with = "environment")]
    estate: Option<PathBuf>,
    /// Values for variables of the configuration.
    #[command(flatten)]
    vars: VarArgs,
    /// The account of a provider where the plan or the state does not tell it, as in `aws.prod=222222222222`
    #[arg(long, value_name = "KEY=ID", value_parser = provider)]
    provider: Vec<(String, AccountId)>,
    /// What makes the review fail with exit code 3
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOnArg::Violation)]
    fail_on: FailOnArg,
    /// Output format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReviewFormat::Text, conflicts_with = "json")]
    format: ReviewFormat,
    /// The same as --format json
    #[arg(long)]
    json: bool,
}

/// How many accounts are read at once.
const AT_ONCE: usize = 10;

/// Formats of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReviewFormat {
    /// For people at a terminal.
    Text,
    /// For tools.
    Json,
    /// For pull requests.
    Markdown,
    /// SARIF, for code scanning.
    Sarif,
    /// A page that stands alone.
    Html,
}

/// Judges a change and prints what it does to the walls.
///
/// # Errors
/// Whatever keeps it from being judged, and a wall that does not hold.
pub async fn run(args: &ReviewArgs, context: &Context) -> Result<(), Exit> {
    let mut request = ReviewRequest {
        accounts: args.accounts.clone(),
        since: args.since.clone(),
        terraform_plans: args.terraform_plan.clone(),
        configurations: args.configuration.clone(),
        stacks: args.stacks.requests()?,
        policy: args.policy.clone().map(|file| (file, args.target.clone())),
        providers: args.provider.iter().cloned().collect(),
        today: context.now().chars().take(10).collect(),
        ..ReviewRequest::default()
    };
    for (name, ids) in &args.environment {
        request.environments.entry(name.clone()).or_default().extend(ids.iter().cloned());
    }
    let mut live = LiveRequest {
        management_role: args.management_role.clone(),
        read_role: args.read_role.clone(),
        parallelism: AT_ONCE,
        ..LiveRequest::default()
    };
    let is_live = args.read_role.is_some() || args.management_role.is_some();
    match &args.estate {
        Some(dir) => {
            let workspace = match is_live || args.dump.is_some() {
                true => context.workspace()?,
                false => context.offline(),
            };
            let declared = review::declared(&workspace, dir, &args.vars.variables())?;
            live = live.completed_by(&declared);
            request.declared = Some(declared);
        }
        None if !args.vars.0.is_empty() => {
            return Err(Diagnostic::error("`--var` and `--var-file` need `--estate`")
                .help("values of a stack's parameters are given with `--parameter`")
                .into());
        }
        None => {}
    }
    if !args.terraform_state.is_empty() {
        let is_remote = args.terraform_state.iter().any(|name| name.starts_with("s3://"));
        let workspace = if is_remote { context.workspace()? } else { context.offline() };
        request.terraform_states =
            review::terraform_states(&workspace, &args.terraform_state).await?;
    }
    if let Some(dir) = &args.dump {
        let named = request.accounts_named();
        let outcome = review::dump(&context.workspace()?, &live, &named, dir).await?;
        let mut out = context.stdout();
        render::review::dumped(&outcome, dir, &mut out)?;
        return Ok(out.flush()?);
    }
    let outcome = match is_live {
        true => review::run_live(&context.workspace()?, &request, &live).await?,
        false => review::run(&request)?,
    };
    let mut out = context.stdout();
    match args.format {
        _ if args.json => render::json::write(&outcome, &mut out)?,
        ReviewFormat::Json => render::json::write(&outcome, &mut out)?,
        ReviewFormat::Text => render::review::text(&outcome, context.style(), &mut out)?,
        ReviewFormat::Markdown => render::review::markdown(&outcome, &mut out)?,
        ReviewFormat::Sarif => {
            render::sarif::review(&outcome, &context.env.below_repository(), &mut out)?;
        }
        ReviewFormat::Html => render::html::review::page(&outcome, &mut out)?,
    }
    out.flush()?;
    Ok(review::require_isolation(&outcome, args.fail_on.fail_on())?)
}

/// `NAME=ID,ID`.
fn environment(text: &str) -> Result<(String, Vec<AccountId>), String> {
    let (name, ids) =
        text.split_once('=').ok_or("write NAME=ID, as in `production=222222222222`")?;
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || !name.chars().all(valid) {
        return Err(format!(
            "`{name}` is no name of an environment: use letters, digits, `_` and `-`"
        ));
    }
    let ids =
        ids.split(',').map(|id| id.trim().parse().map_err(|e: crate::ids::IdError| e.to_string()));
    Ok((name.to_owned(), ids.collect::<Result<_, _>>()?))
}

/// `KEY=ID`.
fn provider(text: &str) -> Result<(String, AccountId), String> {
    let (key, id) = text.rsplit_once('=').ok_or("write KEY=ID, as in `aws.prod=222222222222`")?;
    Ok((key.to_owned(), id.parse().map_err(|e: crate::ids::IdError| e.to_string())?))
}
