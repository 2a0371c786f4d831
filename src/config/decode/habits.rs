//! What people bring along from Terraform, and what to write here instead.

/// What tells accounts and Regions apart.
pub(super) const IN_PLACE_OF_ALIASES: &str =
    "accounts take the place of provider aliases: `accounts = [account.NAME]`";

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
