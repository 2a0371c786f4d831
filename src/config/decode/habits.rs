//! What people bring along from Terraform, and what to write here instead.

use crate::schema::data::data_type;
use crate::schema::{ManagedKind, kinds};

/// What tells accounts and Regions apart.
pub(super) const IN_PLACE_OF_ALIASES: &str =
    "accounts take the place of provider aliases: `accounts = [account.NAME]`";

/// Where credentials come from.
const CREDENTIALS: &str =
    "credentials come from the AWS configuration: environment variables, profiles, `aws sso login`";

/// Arguments and blocks of Terraform's: the block they stand in (any where it is empty), their name, and what to do.
const HABITS: &[(&str, &str, &str)] = &[
    ("provider", "alias", IN_PLACE_OF_ALIASES),
    ("provider", "profile", "set the environment variable `AWS_PROFILE`"),
    (
        "provider",
        "assume_role",
        "`management_role_arn` names the role for the management account, `access_role` the one in members; an account's block may name its own",
    ),
    (
        "provider",
        "allowed_account_ids",
        "`management_account_id` of the `organization` block is compared with the account that is reached",
    ),
    ("provider", "assume_role_with_web_identity", CREDENTIALS),
    ("provider", "access_key", CREDENTIALS),
    ("provider", "secret_key", CREDENTIALS),
    ("provider", "token", CREDENTIALS),
    ("provider", "shared_config_files", "set the environment variable `AWS_CONFIG_FILE`"),
    (
        "provider",
        "shared_credentials_files",
        "set the environment variable `AWS_SHARED_CREDENTIALS_FILE`",
    ),
    (
        "provider",
        "ignore_tags",
        "`lifecycle { ignore_changes = [tags[\"KEY\"]] }` leaves a tag of an object alone",
    ),
    (
        "",
        "force_detach_policies",
        "what is attached to a role is detached before the role is deleted",
    ),
    ("", "force_destroy", "what holds anything is not deleted: empty it first"),
    ("", "name_prefix", "write `name`: a generated name would differ in every plan"),
    ("", "policy_id", "statements bear names, and documents none"),
    ("iam_policy_document", "version", "it is always `2012-10-17`"),
    ("statement", "sid", "the label is the Sid: `statement \"NAME\" { ... }`"),
    ("", "provisioner", "Palisade runs nothing on machines; the gates of a promotion run programs"),
    ("", "connection", "Palisade runs nothing on machines; the gates of a promotion run programs"),
    ("", "lifecycle", "`lifecycle` belongs to blocks of managed objects"),
];

/// What to write instead of an argument or block `name` in a block of type `ty`.
pub(super) fn instead(ty: &str, name: &str) -> Option<&'static str> {
    let is_it = |(owner, habit, _): &&(&str, &str, &str)| {
        *habit == name && (owner.is_empty() || *owner == ty)
    };
    HABITS.iter().find(is_it).map(|(_, _, help)| *help)
}

/// What stands in the place of a type of Terraform's, given without its prefix.
pub(super) fn counterpart(ty: &str) -> Option<String> {
    kinds().iter().map(|kind| kind.schema()).find_map(|schema| {
        let (_, how) = schema.stands_for.iter().find(|(theirs, _)| *theirs == ty)?;
        Some(match how.is_empty() {
            true => format!("write `{} \"NAME\" {{ ... }}`", schema.kind),
            false => (*how).to_owned(),
        })
    })
}

/// The kind that is looked up in place of a type of Terraform's, given without its prefix.
pub(super) fn looked_up_as(ty: &str) -> Option<&'static str> {
    let named = |kind: &&&'static dyn ManagedKind| {
        kind.schema().stands_for.iter().any(|(theirs, how)| *theirs == ty && how.is_empty())
    };
    let kind = kinds().iter().find(named)?.schema().kind;
    data_type(kind).map(|ty| ty.name)
}

/// That a type of Terraform's has no counterpart.
pub(super) fn not_managed(ty: &str, known: &[&str]) -> String {
    if !ty.is_empty() && !ty.starts_with("aws_") {
        return "AWS is the only provider: remove this block and what needs it".to_owned();
    }
    let mut known = known.to_vec();
    known.sort_unstable();
    format!("it is not managed here; the kinds are {}", known.join(", "))
}

/// Data sources of Terraform's that look up nothing in AWS, and what to do in their place.
const LOOKUPS_ELSEWHERE: &[(&str, &str)] = &[
    (
        "terraform_remote_state",
        "give the value as a variable, or write it to a parameter and read that with `data \"ssm_parameter\"`",
    ),
    ("external http", "a plan runs nothing and fetches nothing: give the value as a variable"),
    ("local_file local_sensitive_file", "`file(\"NAME\")` reads a file of the configuration"),
    ("template_file", "`templatefile(\"NAME\", { ... })` fills in a template"),
];

/// What to do in place of a data source of Terraform's that looks up nothing in AWS.
pub(super) fn instead_of_lookup(ty: &str) -> Option<&'static str> {
    let all = LOOKUPS_ELSEWHERE.iter();
    all.copied().find(|(types, _)| types.split(' ').any(|one| one == ty)).map(|(_, help)| help)
}
