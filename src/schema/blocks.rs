//! Blocks that are not managed objects: settings, environments, schemas of config values, rules.
//!
//! `variable`, `locals`, `output`, `module`, `check`, `moved`, `import` and `removed` belong to the
//! language itself and are decoded field by field; their schemas are here too, so that the loader
//! checks them like all others and the docs can list them.

use super::block_schema::{Attr, BlockSchema, Nested, Ty};
use super::gates::{GATE, VERIFY, gate};
use super::kinds::account;
use crate::address::CONFIG_KIND;

/// How a top-level block is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Part of the language: decoded into its own declaration.
    Language,
    /// `palisade`, `provider`: at most one of a label in the configuration, literals where it says so.
    Setting,
    /// `environment`, `config_schema`.
    Environment,
    /// Kept as it is for the engine that reads it: `isolation`, `release`, `promotion`.
    Declaration,
}

/// A top-level block that is not a managed kind.
#[derive(Clone, Copy, Debug)]
pub struct TopLevel {
    /// Its type.
    pub name: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// How it is treated.
    pub role: Role,
    /// Whether only the root module may hold it.
    pub root_only: bool,
    /// What it holds.
    pub block: &'static BlockSchema,
    /// One sentence for the docs.
    pub doc: &'static str,
}

/// Every top-level block that is not a managed kind.
#[must_use]
pub fn top_level() -> &'static [TopLevel] {
    &TOP_LEVEL
}

/// What a nested block holds. A `gate` holds what its type says; any other what its parent's
/// schema says. `None` when its name or its gate type is unknown.
#[must_use]
pub fn nested_schema(nested: &Nested, label: Option<&str>) -> Option<&'static BlockSchema> {
    if nested.name == "gate" {
        return gate(label?).map(|g| g.block);
    }
    if nested.name == "backend"
        && let Some(block) = label.and_then(backend)
    {
        return Some(block);
    }
    Some(nested.block)
}

/// The block that looks something up ([`super::data`]).
pub const DATA: &str = "data";

const STRING: Ty = Ty::String;
const STRINGS: Ty = Ty::Set(&Ty::String);
const REFS: Ty = Ty::List(&Ty::Raw);
const ENVIRONMENT: Ty = Ty::Ref { kinds: &["environment"], text: false };
/// Where an `isolation` rule starts or ends: an environment, or a pseudo-origin such as `"$external"`.
const SIDE: Ty = Ty::Ref { kinds: &["environment"], text: true };
const TAGS: Ty = Ty::Map(&Ty::String);

/// Attributes without blocks.
const fn flat(attrs: &'static [Attr]) -> BlockSchema {
    BlockSchema { attrs, blocks: &[] }
}

static TOP_LEVEL: [TopLevel; 17] = [
    TopLevel {
        name: "palisade",
        labels: &[],
        role: Role::Setting,
        root_only: true,
        block: &PALISADE,
        doc: "Name of the estate, versions of Palisade that may read it, where its state lives.",
    },
    TopLevel {
        name: "provider",
        labels: &["name"],
        role: Role::Setting,
        root_only: true,
        block: &PROVIDER,
        doc: "How AWS is reached: Region, roles to assume, default tags.",
    },
    TopLevel {
        name: "walls",
        labels: &[],
        role: Role::Setting,
        root_only: true,
        block: &WALLS,
        doc: "Which policies on resources are read, by which walls are judged.",
    },
    TopLevel {
        name: "variable",
        labels: &["name"],
        role: Role::Language,
        root_only: false,
        block: &VARIABLE,
        doc: "An input of the module.",
    },
    TopLevel {
        name: "locals",
        labels: &[],
        role: Role::Language,
        root_only: false,
        block: &LOCALS,
        doc: "Named values.",
    },
    TopLevel {
        name: "output",
        labels: &["name"],
        role: Role::Language,
        root_only: false,
        block: &OUTPUT,
        doc: "A result of the module.",
    },
    TopLevel {
        name: "module",
        labels: &["name"],
        role: Role::Language,
        root_only: false,
        block: &MODULE,
        doc: "A call of another module.",
    },
    TopLevel {
        name: "check",
        labels: &["name"],
        role: Role::Language,
        root_only: false,
        block: &CHECK,
        doc: "Assertions about the whole; a failed one is a warning.",
    },
    TopLevel {
        name: DATA,
        labels: &["type", "name"],
        role: Role::Language,
        root_only: false,
        block: &flat(&[]),
        doc: "Something that is looked up and not managed; what it takes depends on its type.",
    },
    TopLevel {
        name: "moved",
        labels: &[],
        role: Role::Language,
        root_only: false,
        block: &MOVED,
        doc: "An object has a new address.",
    },
    TopLevel {
        name: "import",
        labels: &[],
        role: Role::Language,
        root_only: true,
        block: &IMPORT,
        doc: "An existing object comes under management.",
    },
    TopLevel {
        name: "removed",
        labels: &[],
        role: Role::Language,
        root_only: true,
        block: &REMOVED,
        doc: "An object is forgotten and stays as it is.",
    },
    TopLevel {
        name: "environment",
        labels: &["name"],
        role: Role::Environment,
        root_only: true,
        block: &ENVIRONMENT_BLOCK,
        doc: "An environment: its accounts, its config values, what makes a release count as verified.",
    },
    TopLevel {
        name: "config_schema",
        labels: &["name"],
        role: Role::Environment,
        root_only: true,
        block: &CONFIG_SCHEMA,
        doc: "The keys that config values of one name have, with their types and limits.",
    },
    TopLevel {
        name: "isolation",
        labels: &["name"],
        role: Role::Declaration,
        root_only: true,
        block: &ISOLATION,
        doc: "Between which environments nothing may cross, and which exceptions hold.",
    },
    TopLevel {
        name: "release",
        labels: &["name"],
        role: Role::Declaration,
        root_only: true,
        block: &RELEASE,
        doc: "A set of values that moves along promotion edges.",
    },
    TopLevel {
        name: "promotion",
        labels: &["name"],
        role: Role::Declaration,
        root_only: true,
        block: &PROMOTION,
        doc: "An edge along which releases move, and its gates.",
    },
];

static PALISADE: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "required_version",
            STRING,
            "Versions of Palisade that may read the configuration, such as `>= 0.1`.",
        ),
        Attr::optional(
            "name",
            STRING,
            "The estate's name; first path element of its config parameters.",
        ),
    ],
    blocks: &[Nested {
        name: "backend",
        labels: &["type"],
        min: 0,
        max: 1,
        block: &BACKEND_ANY,
        doc: "Where state lives: `local` or `s3`.",
    }],
};

static WALLS: BlockSchema = flat(&[Attr::required(
    "types",
    STRINGS,
    "Resource types whose policies are read in every Region that an account has enabled; without the block keys, secrets, queues, topics, functions, tables and repositories of images. What is not read is an assumption in the rows of the walls.",
)]);

/// Resource types, by their CloudFormation names, whose policies are read where the configuration says nothing: those that hold
/// data or power most often.
pub static POLICIES_READ: [&str; 7] = [
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::Lambda::Function",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
];

/// All attributes of all backends, for an unknown type; [`backend`] says what a known one holds.
static BACKEND_ANY: BlockSchema = flat(&[
    Attr::optional("path", STRING, "`local`: the directory, relative to the configuration."),
    Attr::optional("bucket", STRING, "`s3`: the bucket."),
    Attr::optional("prefix", STRING, "`s3`: what keys start with."),
    Attr::optional("region", STRING, "`s3`: the bucket's Region."),
    Attr::optional("kms_key_id", STRING, "`s3`: KMS key under which every write is encrypted."),
    Attr::optional("encryption", STRING, "`s3`: `AES256` or `aws:kms`."),
    Attr::optional("role_arn", STRING, "`s3`: role to assume for state."),
    Attr::optional("endpoint_url", STRING, "`s3`: endpoint of an emulator."),
]);

/// What `backend "s3"` and `backend "local"` hold; `None` for another type.
#[must_use]
pub fn backend(ty: &str) -> Option<&'static BlockSchema> {
    static LOCAL: BlockSchema =
        flat(&[Attr::optional("path", STRING, "The directory, relative to the configuration.")]);
    static S3: BlockSchema = flat(&[
        Attr::required("bucket", STRING, "The bucket."),
        Attr::optional("prefix", STRING, "What keys start with."),
        Attr::optional("region", STRING, "The bucket's Region."),
        Attr::optional(
            "kms_key_id",
            STRING,
            "KMS key under which every write is encrypted; the bucket's default when absent.",
        ),
        Attr::optional(
            "encryption",
            STRING,
            "What every write says of its encryption: `AES256` or `aws:kms` (the default with `kms_key_id`); nothing without either.",
        ),
        Attr::optional("role_arn", STRING, "Role to assume for state."),
        Attr::optional("endpoint_url", STRING, "Endpoint of an emulator."),
    ]);
    match ty {
        "local" => Some(&LOCAL),
        "s3" => Some(&S3),
        _ => None,
    }
}

static PROVIDER: BlockSchema = flat(&[
    Attr::optional("region", STRING, "Default Region."),
    Attr::optional(
        "read_role",
        STRING,
        "Role assumed in member accounts by plan and drift; `access_role` when absent.",
    ),
    Attr::optional("access_role", STRING, "Role assumed in member accounts by apply."),
    Attr::optional(
        "management_role_arn",
        STRING,
        "Role through which the management account is reached.",
    ),
    Attr::optional("endpoint_url", STRING, "Endpoint of an emulator."),
    Attr::optional("default_tags", TAGS, "Tags on everything that takes tags."),
]);

static CONDITION: BlockSchema = flat(&[
    Attr::required("condition", Ty::Bool, "What must be true."),
    Attr::required("error_message", STRING, "What to say otherwise."),
]);

const fn condition(name: &'static str, min: usize, doc: &'static str) -> Nested {
    Nested { name, labels: &[], min, max: 0, block: &CONDITION, doc }
}

static VARIABLE: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional("type", Ty::Raw, "Its type constraint."),
        Attr::optional(
            "default",
            Ty::Any,
            "Its value when none is given; without one it is required.",
        ),
        Attr::optional("description", STRING, "What it is for."),
        Attr::optional("sensitive", Ty::Bool, "Whether its value is never shown."),
        Attr::optional("nullable", Ty::Bool, "Whether null is a value of its own (default true)."),
    ],
    blocks: &[condition("validation", 0, "A rule that its value must keep.")],
};

/// Any attribute; the loader does not look names up here.
static LOCALS: BlockSchema = flat(&[]);

static OUTPUT: BlockSchema = BlockSchema {
    attrs: &[
        Attr::required("value", Ty::Any, "Its value."),
        Attr::optional("description", STRING, "What it is for."),
        Attr::optional("sensitive", Ty::Bool, "Whether its value is never shown."),
        Attr::optional("depends_on", REFS, "Blocks that must be there first."),
    ],
    blocks: &[condition("precondition", 0, "What must hold before it is given out.")],
};

/// `source` and the meta-arguments; everything else is an argument of the called module.
static MODULE: BlockSchema = flat(&[
    Attr::required(
        "source",
        STRING,
        "The module's directory, relative to this one: `./path` or `../path`.",
    ),
    Attr::optional("for_each", Ty::Any, "One instance for each element."),
    Attr::optional("count", Ty::Number, "That many instances."),
    Attr::optional("depends_on", REFS, "Blocks that must be there first."),
]);

static CHECK: BlockSchema =
    BlockSchema { attrs: &[], blocks: &[condition("assert", 1, "What should be true.")] };

static MOVED: BlockSchema = flat(&[
    Attr::required("from", Ty::Raw, "Its old address."),
    Attr::required("to", Ty::Raw, "Its new address."),
]);

static IMPORT: BlockSchema = flat(&[
    Attr::optional("for_each", Ty::Raw, "One import for each element, named by `each`."),
    Attr::required("to", Ty::Raw, "The instance that takes it over."),
    Attr::required("id", STRING, "The object's AWS id, name or ARN."),
]);

static REMOVED: BlockSchema = BlockSchema {
    attrs: &[Attr::required("from", Ty::Raw, "What is forgotten.")],
    blocks: &[Nested {
        name: "lifecycle",
        labels: &[],
        min: 0,
        max: 1,
        block: &REMOVED_LIFECYCLE,
        doc: "As Terraform writes it.",
    }],
};

static REMOVED_LIFECYCLE: BlockSchema = flat(&[Attr::required(
    "destroy",
    Ty::Bool,
    "`false`: a removed object stays. Without a `removed` block it is deleted.",
)]);

/// The `lifecycle` block of every managed kind.
pub static LIFECYCLE: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional("prevent_destroy", Ty::Bool, "Refuse any plan that deletes the object."),
        Attr::optional(
            "create_before_destroy",
            Ty::Bool,
            "On replacement, create the new object first.",
        ),
        Attr::optional(
            "ignore_changes",
            Ty::Raw,
            "Attributes whose differences are no change, or `all`.",
        ),
        Attr::optional("replace_triggered_by", REFS, "Blocks whose change replaces the object."),
    ],
    blocks: &[
        condition("precondition", 0, "What must hold before the object is created or changed."),
        condition("postcondition", 0, "What must hold afterwards; `self` is the object."),
    ],
};

static ENVIRONMENT_BLOCK: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional("description", STRING, "What it is for."),
        Attr::required(
            "accounts",
            Ty::Set(&Ty::Ref { kinds: &[account::KIND], text: false }),
            "The accounts that it consists of.",
        ),
        Attr::optional(
            "like",
            ENVIRONMENT,
            "The environment whose config keys and values it must have.",
        ),
        Attr::optional(
            "allowed_differences",
            STRINGS,
            "Config keys (`schema/key`) whose values may differ from those of `like`.",
        ),
        Attr::optional("region", STRING, "Its Region, when it differs from the provider's."),
        Attr::optional(
            "kms_key_id",
            STRING,
            "KMS key (id, ARN or alias) of its secrets; a secret keeps the key that it has where none is given.",
        ),
        Attr::optional("tags", TAGS, "Tags on everything that is placed in it."),
    ],
    blocks: &[
        Nested {
            name: CONFIG_KIND,
            labels: &["schema"],
            min: 0,
            max: 0,
            block: &CONFIG,
            doc: "Values for the keys of a `config_schema`.",
        },
        Nested {
            name: "verify",
            labels: &[],
            min: 0,
            max: 1,
            block: &VERIFY,
            doc: "Gates that make a release count as verified here.",
        },
    ],
};

static CONFIG: BlockSchema = flat(&[
    Attr::required("values", Ty::Map(&Ty::Any), "Values by key; a key may hold slashes."),
    Attr::optional(
        "kms_key_id",
        STRING,
        "KMS key (id, ARN or alias) of the secrets; that of the key's `config_schema` or of the environment by default.",
    ),
]);

static CONFIG_SCHEMA: BlockSchema = BlockSchema {
    attrs: &[Attr::optional("description", STRING, "What the values are for.")],
    blocks: &[Nested {
        name: "key",
        labels: &["key"],
        min: 1,
        max: 0,
        block: &CONFIG_KEY,
        doc: "A key and what it may hold.",
    }],
};

static CONFIG_KEY: BlockSchema = flat(&[
    Attr::optional("type", Ty::Raw, "Its type constraint (default string)."),
    Attr::optional("description", STRING, "What it is for."),
    Attr::optional(
        "default",
        Ty::Any,
        "Its value where an environment gives none; without one it is required.",
    ),
    Attr::optional(
        "required",
        Ty::Bool,
        "Whether every environment must give it (default: when there is no `default`).",
    ),
    Attr::optional("secret", Ty::Bool, "Whether it holds a secret, given by `secret(...)`."),
    Attr::optional(
        "kms_key_id",
        STRING,
        "KMS key (id, ARN or alias) of the secret in every environment.",
    ),
    Attr::optional("allowed", Ty::List(&Ty::Any), "The values that it may have."),
    Attr::optional("pattern", STRING, "A regular expression that the whole value must match."),
    Attr::optional("min", Ty::Number, "Least number, or shortest text or list."),
    Attr::optional("max", Ty::Number, "Greatest number, or longest text or list."),
]);

static ISOLATION: BlockSchema = BlockSchema {
    attrs: &[
        Attr::optional(
            "between",
            Ty::List(&ENVIRONMENT),
            "Environments of which no two may reach each other.",
        ),
        Attr::optional(
            "from",
            Ty::List(&SIDE),
            "Environments or pseudo-origins that may not reach `to`.",
        ),
        Attr::optional("to", Ty::List(&SIDE), "Environments that may not be reached from `from`."),
        Attr::optional("on_violation", STRING, "`error` (default) or `warn`."),
        Attr::optional(
            "undetermined",
            STRING,
            "`error` (default) or `warn`: what an undecided boundary counts as.",
        ),
        Attr::optional(
            "assumptions",
            STRING,
            "`warn` (default) or `error`: what a boundary counts as whose proof rests on something that was not looked at.",
        ),
        Attr::optional("grades", STRINGS, "Grades of paths that count: `A` and `B` by default."),
        Attr::optional("description", STRING, "What it is for."),
    ],
    blocks: &[Nested {
        name: "allow",
        labels: &["name"],
        min: 0,
        max: 0,
        block: &ALLOW,
        doc: "An exception, with its reason and its end.",
    }],
};

static ALLOW: BlockSchema = flat(&[
    Attr::required("from", SIDE, "Where the request comes from."),
    Attr::required("to", SIDE, "Which environment it enters."),
    Attr::optional("principals", Ty::List(&STRING), "ARNs or ARN patterns of who may cross."),
    Attr::required("actions", Ty::List(&STRING), "Actions that may cross."),
    Attr::required(
        "resources",
        Ty::List(&STRING),
        "ARNs or ARN patterns of what may be reached; not `*` alone.",
    ),
    Attr::required("reason", STRING, "Why it is allowed."),
    Attr::optional("expires", STRING, "The last day on which it counts, `YYYY-MM-DD`."),
    Attr::optional("owner", STRING, "Who answers for it and sees to its end."),
    Attr::optional("approved_by", STRING, "Who has approved it."),
]);

static RELEASE: BlockSchema = flat(&[
    Attr::required(
        "entry",
        ENVIRONMENT,
        "The environment that takes the values from configuration.",
    ),
    Attr::required("values", Ty::Map(&Ty::Any), "What the release consists of."),
    Attr::optional("description", STRING, "What it is for."),
]);

static PROMOTION: BlockSchema = BlockSchema {
    attrs: &[
        Attr::required("from", ENVIRONMENT, "Where a release must be verified."),
        Attr::required("to", ENVIRONMENT, "Where it goes."),
        Attr::required(
            "releases",
            Ty::List(&Ty::Ref { kinds: &["release"], text: false }),
            "Which releases move along this edge.",
        ),
        Attr::optional(
            "on_failure",
            STRING,
            "`rollback` (default) or `hold`: what happens when verification fails.",
        ),
        Attr::optional("description", STRING, "What it is for."),
    ],
    blocks: &[Nested {
        name: "gate",
        labels: &["type", "name"],
        min: 0,
        max: 0,
        block: &GATE,
        doc: "What must pass before a release moves.",
    }],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_docs_are_whole() {
        fn check(path: &str, block: &BlockSchema) {
            for attr in block.attrs {
                assert!(attr.doc.ends_with('.'), "{path}.{}", attr.name);
            }
            for nested in block.blocks {
                assert!(nested.doc.ends_with('.'), "{path}.{}", nested.name);
                check(&format!("{path}.{}", nested.name), nested.block);
            }
        }
        for top in top_level() {
            assert!(top.doc.ends_with('.'), "{}", top.name);
            check(top.name, top.block);
            assert!(super::super::kind(top.name).is_none(), "{} is a kind", top.name);
        }
    }
}
