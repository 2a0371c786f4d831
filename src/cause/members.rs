//! Stands in every client and takes no answer for one that lacks what AWS always sends, or its end.
//!
//! To the SDK each member of an answer is optional: `{}` is a list of nothing, and an organization that is not there.
//! A plan would take every account and all in it for gone. AWS sends an empty list as one (`"Accounts": []`), says of
//! each page of XML whether more follows, and tells that there is no organization by an error. So do the emulators.
//!
//! The SDK reads XML up to where it ends, be it in the middle: of a listing that a proxy cut, it returns the first half
//! (`aws-smithy-xml` 0.64). JSON and CBOR it reads whole or not at all.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::de::IgnoredAny;

/// Operations, each with what its answer always holds: one of these members at least. Where two are named, an answer may
/// hold either alone: emulators leave out `IsTruncated`, and an account may have alarms of one type only.
type Operations = &'static [(&'static str, &'static [&'static str])];

/// The operations that are called, by service.
///
/// Source: the API reference of each service. moto 5.2 leaves out `IsTruncated` in some listings of IAM.
const MEMBERS: &[(&str, Operations)] = &[
    ("Account", &[("ListRegions", &["Regions"])]),
    (
        "CloudControl",
        &[
            ("GetResource", &["ResourceDescription"]),
            ("GetResourceRequestStatus", &["ProgressEvent"]),
            ("ListResourceRequests", &["ResourceRequestStatusSummaries"]),
            ("ListResources", &["ResourceDescriptions"]),
        ],
    ),
    (
        "CloudFormation",
        &[
            ("DescribeStacks", &["Stacks"]),
            ("GetTemplate", &["TemplateBody"]),
            ("ListStackResources", &["StackResourceSummaries"]),
        ],
    ),
    (
        "CloudWatch",
        &[
            ("DescribeAlarms", &["MetricAlarms", "CompositeAlarms"]),
            ("GetMetricData", &["MetricDataResults"]),
        ],
    ),
    ("DynamoDB", &[("GetResourcePolicy", &["Policy"]), ("ListTables", &["TableNames"])]),
    (
        "ECR",
        &[("DescribeRepositories", &["repositories"]), ("GetRepositoryPolicy", &["policyText"])],
    ),
    (
        "IAM",
        &[
            ("GetAccountAuthorizationDetails", &["IsTruncated"]),
            ("GetAccountPasswordPolicy", &["PasswordPolicy"]),
            ("GetOpenIDConnectProvider", &["Url"]),
            ("GetPolicy", &["Policy"]),
            ("GetPolicyVersion", &["PolicyVersion"]),
            ("GetRole", &["Role"]),
            ("GetRolePolicy", &["PolicyDocument"]),
            ("ListAccountAliases", &["IsTruncated", "AccountAliases"]),
            ("ListAttachedRolePolicies", &["IsTruncated", "AttachedPolicies"]),
            ("ListEntitiesForPolicy", &["IsTruncated", "PolicyRoles"]),
            ("ListInstanceProfilesForRole", &["IsTruncated", "InstanceProfiles"]),
            ("ListOpenIDConnectProviders", &["OpenIDConnectProviderList"]),
            ("ListOrganizationsFeatures", &["OrganizationId", "EnabledFeatures"]),
            ("ListPolicyVersions", &["IsTruncated", "Versions"]),
            ("ListRolePolicies", &["IsTruncated", "PolicyNames"]),
            ("ListRoles", &["IsTruncated", "Roles"]),
        ],
    ),
    ("KMS", &[("GetKeyPolicy", &["Policy"]), ("ListGrants", &["Grants"]), ("ListKeys", &["Keys"])]),
    ("Lambda", &[("GetPolicy", &["Policy"]), ("ListFunctions", &["Functions"])]),
    (
        "Organizations",
        &[
            ("DescribeAccount", &["Account"]),
            ("DescribeCreateAccountStatus", &["CreateAccountStatus"]),
            ("DescribeEffectivePolicy", &["EffectivePolicy"]),
            ("DescribeOrganization", &["Organization"]),
            ("DescribeOrganizationalUnit", &["OrganizationalUnit"]),
            ("DescribePolicy", &["Policy"]),
            ("DescribeResourcePolicy", &["ResourcePolicy"]),
            ("ListAWSServiceAccessForOrganization", &["EnabledServicePrincipals"]),
            ("ListAccounts", &["Accounts"]),
            ("ListAccountsForParent", &["Accounts"]),
            ("ListCreateAccountStatus", &["CreateAccountStatuses"]),
            ("ListDelegatedAdministrators", &["DelegatedAdministrators"]),
            ("ListDelegatedServicesForAccount", &["DelegatedServices"]),
            ("ListOrganizationalUnitsForParent", &["OrganizationalUnits"]),
            ("ListParents", &["Parents"]),
            ("ListPolicies", &["Policies"]),
            ("ListRoots", &["Roots"]),
            ("ListTagsForResource", &["Tags"]),
            ("ListTargetsForPolicy", &["Targets"]),
        ],
    ),
    (
        "S3",
        &[
            ("GetBucketAbac", &["AbacStatus"]),
            ("GetBucketEncryption", &["Rule"]),
            ("GetBucketLocation", &["LocationConstraint"]),
            ("GetBucketOwnershipControls", &["Rule"]),
            ("GetBucketPolicy", &["Statement"]),
            ("GetBucketTagging", &["TagSet"]),
            ("GetBucketVersioning", &["VersioningConfiguration"]),
            ("GetPublicAccessBlock", SWITCHES),
            ("ListBuckets", &["Buckets"]),
            ("ListObjectVersions", &["IsTruncated"]),
            ("ListObjectsV2", &["IsTruncated"]),
        ],
    ),
    ("S3 Control", &[("GetPublicAccessBlock", SWITCHES)]),
    ("SNS", &[("GetTopicAttributes", &["Attributes"]), ("ListTopics", &["Topics"])]),
    ("Secrets Manager", &[("GetResourcePolicy", &["ARN"]), ("ListSecrets", &["SecretList"])]),
    (
        "SSM",
        &[
            ("DescribeParameters", &["Parameters"]),
            ("GetParameter", &["Parameter"]),
            ("GetParameters", &["Parameters"]),
            ("GetParametersByPath", &["Parameters"]),
            ("ListTagsForResource", &["TagList"]),
        ],
    ),
    ("STS", &[("AssumeRole", &["Credentials"]), ("GetCallerIdentity", &["Account"])]),
];

/// Emulators give back those alone that were put.
const SWITCHES: &[&str] =
    &["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

/// Why an answer does not count.
#[derive(Debug, thiserror::Error)]
enum Lacking {
    #[error("the answer lacks what it always holds")]
    Member,
    #[error("the answer lacks its end")]
    End,
}

/// The interceptor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeAnswers;

#[dyn_dispatch_hint]
impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(operation) = config.load::<Metadata>() else { return Ok(()) };
        let members = members(operation.service(), operation.name());
        // What the SDK could not read either has its own error, which the reader may know better.
        let (true, Some(body)) =
            (context.output_or_error().is_ok(), context.response().body().bytes())
        else {
            return Ok(());
        };
        if !is_whole(body) {
            return Err(Lacking::End.into());
        }
        let is_one = match (operation.service(), members) {
            // The outermost element of every answer of the query protocol bears the operation's name.
            ("IAM" | "STS", []) => holds(body, &format!("{}Response", operation.name())),
            ("S3" | "S3 Control", []) => is_empty_or_xml(body),
            (_, members) => members.is_empty() || members.iter().any(|member| holds(body, member)),
        };
        match is_one {
            true => Ok(()),
            false => Err(Lacking::Member.into()),
        }
    }
}

/// Whether a body is what S3 answers to an operation that tells nothing: no text, or a document of its own. A page that a
/// captive portal sends with status 200 is neither, and what was asked for was not done.
fn is_empty_or_xml(body: &[u8]) -> bool {
    let body = body.trim_ascii();
    let is_page = |start: &str| {
        body.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
    };
    // moto 5.2 says `True` of a bucket's policy.
    body.is_empty()
        || body == b"True"
        || body.starts_with(b"<") && !is_page("<html") && !is_page("<!doctype")
}

/// What is asked of the answer to an operation: one of these members. Of those that change something, its form is.
fn members(service: &str, operation: &str) -> &'static [&'static str] {
    let operations = MEMBERS.iter().find(|(known, _)| *known == service).map(|(_, all)| *all);
    let known = operations.unwrap_or_default().iter().find(|(known, _)| *known == operation);
    known.map_or(&[], |(_, members)| members)
}

/// Whether a body ends with the end of its outermost element, where it is XML.
fn is_whole(body: &[u8]) -> bool {
    let mut rest = body.trim_ascii();
    for (start, end) in [("<?", "?>"), ("<!--", "-->")] {
        while rest.starts_with(start.as_bytes()) {
            let Some(behind) = after(rest, end.as_bytes()).next() else { return false };
            rest = behind.trim_ascii_start();
        }
    }
    let Some(root) = rest.strip_prefix(b"<") else { return true };
    let ends = |b: &u8| b.is_ascii_whitespace() || [b'/', b'>'].contains(b);
    let Some(name) = root.iter().position(ends).and_then(|end| root.get(..end)) else {
        return false;
    };
    // An element without content has no end of its own: `<Result xmlns="..."/>`.
    if root.iter().position(|b| *b == b'>') == Some(root.len() - 1) && root.ends_with(b"/>") {
        return true;
    }
    let last = rest.strip_suffix(b">").map(<[u8]>::trim_ascii_end);
    last.is_some_and(|last| last.ends_with(&[b"</".as_slice(), name].concat()))
}

/// The status in an answer to `GetBucketVersioning` that has another outermost element than S3's, as some compatible servers
/// send it and the SDK cannot read: empty where versions were never kept. Nothing where it is no such answer.
pub(crate) fn wrapped_versioning(answer: Option<&HttpResponse>) -> Option<String> {
    let answer = answer.filter(|answer| answer.status().is_success())?;
    let body = answer.body().bytes().filter(|body| is_whole(body))?;
    let text = String::from_utf8_lossy(body);
    let is_it = text.trim_start().starts_with('<') && text.contains("Versioning");
    let status = text.split_once("<Status>").and_then(|(_, rest)| rest.split_once("</Status>"));
    is_it.then(|| status.map(|(status, _)| status.to_owned()).unwrap_or_default())
}

/// Whether a body has a member of this name: a key of its JSON object, an element of its XML, a key of its CBOR.
fn holds(body: &[u8], member: &str) -> bool {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => serde_json::from_slice::<BTreeMap<String, Option<IgnoredAny>>>(body)
            .is_ok_and(|object| object.get(member).is_some_and(Option::is_some)),
        // Text cannot pretend to be an element: in it `<` is escaped.
        Some(b'<') => {
            let start = format!("<{member}");
            let ends = |rest: &[u8]| rest.first().is_none_or(|b| !b.is_ascii_alphanumeric());
            after(body, start.as_bytes()).any(ends)
        }
        // A text of up to 23 bytes has its length before it (RFC 8949, 3).
        Some(_) => after(body, member.as_bytes()).next().is_some(),
        None => false,
    }
}

/// What comes after each occurrence of `name`.
fn after<'a>(body: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    (0..body.len()).filter_map(move |at| body.get(at..)?.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_member_is_known_in_each_form() {
        for (body, member, there) in [
            (r#" {"Accounts": []}"#, "Accounts", true),
            (r#"{"NextToken": null}"#, "Accounts", false),
            (r#"{"Accounts": null}"#, "Accounts", false),
            (r#"{"Message": "Accounts"}"#, "Accounts", false),
            (r#"{"Page": {"Accounts": []}}"#, "Accounts", false),
            ("{}", "Accounts", false),
            ("", "Accounts", false),
            ("<R xmlns=\"x\"><Roles/></R>", "Roles", true),
            ("<R><Roles><member/></Roles></R>", "Roles", true),
            ("<R><RolesOfOthers/>&lt;Roles&gt;</R>", "Roles", false),
            ("<LocationConstraint xmlns=\"x\"/>", "LocationConstraint", true),
            ("\u{1}lMetricAlarms", "MetricAlarms", true),
            ("\u{1}", "MetricAlarms", false),
        ] {
            assert_eq!(holds(body.as_bytes(), member), there, "{member} in {body}");
        }
    }

    #[test]
    fn a_document_without_its_end_is_no_whole_one() {
        for whole in [
            "",
            "{\"a\": 1}",
            "<R/>",
            "<R xmlns=\"x\" />",
            "<R><A/></R>\n",
            "<?xml version=\"1.0\"?>\n<!-- a -->\n<R xmlns=\"x\"><A>1</A></R >",
            "<R><R></R></R>",
        ] {
            assert!(is_whole(whole.as_bytes()), "{whole}");
        }
        let all = "<?xml version=\"1.0\"?><List xmlns=\"x\"><A>1</A><B/></List>";
        for at in 1..all.len() {
            assert!(
                !is_whole(&all.as_bytes()[..at]) || !all[..at].contains("<List"),
                "{}",
                &all[..at]
            );
        }
        for cut in [
            "<",
            "<R",
            "<R>",
            "<R><A/>",
            "<R><A></A>",
            "<R></RA>",
            "<?xml version=\"1.0\"",
            "<!-- ",
        ] {
            assert!(!is_whole(cut.as_bytes()), "{cut}");
        }
    }

    /// Answers that may be empty, and why.
    const MAY_BE_EMPTY: &[(&str, &str)] = &[
        ("GetObject", "its body is what was stored"),
        ("GetQueueAttributes", "a queue without a policy has none of what is asked for"),
        ("HeadBucket", "it has no body"),
        ("ListQueues", "SQS leaves out an empty list"),
    ];

    /// `list_roles` as the SDK's clients have it, to `listroles`.
    fn reads(text: &str) -> BTreeSet<String> {
        let verbs = ["list_", "get_", "describe_", "head_"];
        let calls = text.split('.').filter_map(|rest| rest.split_once("()").map(|(name, _)| name));
        let calls = calls.filter(|name| !name.starts_with("get_or_"));
        let reads = calls.filter(|name| {
            *name == "assume_role" || verbs.iter().any(|verb| name.starts_with(verb))
        });
        let names =
            reads.filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        names.map(|name| name.replace('_', "")).collect()
    }

    fn sources(dir: &Path, all: &mut String) {
        for entry in std::fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                all.push_str(&std::fs::read_to_string(path).expect("text"));
            }
        }
    }

    #[test]
    fn of_every_read_it_is_known_what_its_answer_holds() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut text = String::new();
        for layer in ["engine", "provider", "state"] {
            sources(&src.join(layer), &mut text);
        }
        let called = reads(&text);
        let known = MEMBERS.iter().flat_map(|(_, all)| all.iter().map(|(name, _)| name));
        let known = known.chain(MAY_BE_EMPTY.iter().map(|(name, _)| name));
        let known: BTreeSet<String> = known.map(|name| name.to_ascii_lowercase()).collect();
        assert!(called.len() > 40, "{called:?}");
        assert_eq!(called, known);
    }
}
