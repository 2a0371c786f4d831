//! How fast the judge is: one line of `simulate`, policies and all, and one request against policies
//! that are compiled already. The target is 20,000 lines a second on one core.

#![allow(missing_docs, reason = "the criterion macros make public functions")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use palisade::iam::{Document, Policies, Policy, Principal, Request, Use, evaluate, simulate_line};
use serde_json::json;

fn line() -> String {
    let full = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    json!({"id": 1, "request": {
        "principal": "arn:aws:sts::111122223333:assumed-role/ci/run",
        "principal_organization": {"id": "o-abcdefghij", "management_account": false},
        "action": "s3:GetObject", "resource": "arn:aws:s3:::data/team/x", "resource_account": "444455556666",
        "resource_organization": {"id": "o-abcdefghij", "management_account": false},
        "context": {"aws:SourceIp": "203.0.113.7", "aws:SecureTransport": "true", "aws:PrincipalTag/team": "team"}},
        "identity_policies": [{"name": "read", "document": {"Version": "2012-10-17", "Statement": [
            {"Sid": "own", "Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "arn:aws:s3:::data/${aws:PrincipalTag/team}/*"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}}],
        "permissions_boundary": full, "session_policies": [],
        "service_control_policies": [
            {"target": "root", "policies": [{"name": "FullAWSAccess", "document": full}]},
            {"target": "unit", "policies": [{"name": "FullAWSAccess", "document": full}, {"name": "region", "document": {"Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*", "Condition": {"StringNotEqualsIfExists": {"aws:RequestedRegion": "eu-west-1"}}}]}}]}],
        "resource_control_policies": [], "vpc_endpoint_policy": null,
        "resource_policy": {"Version": "2012-10-17", "Statement": [{"Sid": "ci", "Effect": "Allow", "Principal": {"AWS": "111122223333"},
            "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]}})
    .to_string()
}

fn compiled() -> (Request, Policies) {
    let read = |value: serde_json::Value, role: Use| match Document::from_json(&value, role) {
        Ok((document, _)) => Arc::new(Policy::new("p", &document)),
        Err(_) => Arc::new(Policy::new("p", &Document::default())),
    };
    let identity = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "arn:aws:s3:::data/${aws:PrincipalTag/team}/*"}]});
    let resource = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}]});
    let policies = Policies {
        identity: vec![read(identity, Use::Identity)],
        resource: Some(read(resource, Use::Resource("s3".into()))),
        ..Policies::default()
    };
    let principal = Principal::Arn("arn:aws:iam::111122223333:role/ci".into());
    let mut request = Request::new(principal, "s3:GetObject", "arn:aws:s3:::data/team/x");
    request.resource_account = Some("444455556666".into());
    request.context.set("aws:PrincipalTag/team", "team");
    (request, policies)
}

fn judge(c: &mut Criterion) {
    let mut group = c.benchmark_group("judge");
    group.throughput(Throughput::Elements(1));
    let line = line();
    group.bench_function("simulate_line", |b| b.iter(|| simulate_line(black_box(&line), false)));
    let (request, policies) = compiled();
    group.bench_function("evaluate", |b| b.iter(|| evaluate(black_box(&request), &policies)));
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
