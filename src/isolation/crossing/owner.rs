//! What services keep for the account that a resource is in.

/// Actions, in lower case, that a service refuses to identities of other accounts than the resource's, whatever policies
/// say.
///
/// Source: S3 API Reference, `PutBucketPolicy`, `GetBucketPolicy`, `DeleteBucketPolicy` (405); KMS API Reference, the
/// operations that say "Cross-account use: No"; SQS Developer Guide, "Limitations of Amazon SQS custom policies".
pub(super) const OF_THE_OWNER: [(&str, &[&str]); 3] = [
    ("s3", &["s3:deletebucketpolicy", "s3:getbucketpolicy", "s3:putbucketpolicy"]),
    (
        "kms",
        &[
            "kms:cancelkeydeletion",
            "kms:createalias",
            "kms:deletealias",
            "kms:deleteimportedkeymaterial",
            "kms:disablekey",
            "kms:disablekeyrotation",
            "kms:enablekey",
            "kms:enablekeyrotation",
            "kms:getkeylastusage",
            "kms:getkeypolicy",
            "kms:getparametersforimport",
            "kms:importkeymaterial",
            "kms:listkeypolicies",
            "kms:listkeyrotations",
            "kms:listresourcetags",
            "kms:putkeypolicy",
            "kms:replicatekey",
            "kms:rotatekeyondemand",
            "kms:schedulekeydeletion",
            "kms:tagresource",
            "kms:untagresource",
            "kms:updatealias",
            "kms:updatekeydescription",
            "kms:updateprimaryregion",
        ],
    ),
    (
        "sqs",
        &[
            "sqs:addpermission",
            "sqs:cancelmessagemovetask",
            "sqs:createqueue",
            "sqs:deletequeue",
            "sqs:listmessagemovetasks",
            "sqs:listqueues",
            "sqs:listqueuetags",
            "sqs:removepermission",
            "sqs:setqueueattributes",
            "sqs:startmessagemovetask",
            "sqs:tagqueue",
            "sqs:untagqueue",
        ],
    ),
];
