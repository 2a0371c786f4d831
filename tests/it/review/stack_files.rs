//! Templates and their files: YAML and its tags, parameters, functions, several stacks, places, secrets, hostile files.

use std::collections::BTreeMap;

use palisade::engine::review::{ReviewOutcome, StackRequest};
use palisade::isolation::WallVerdict::{Isolated, Reachable, Undetermined};
use palisade::render;
use serde_json::json;

use super::lab::{DEV, Lab, PRODUCTION, trust, wall};

fn request(lab: &Lab, name: &str, text: &str) -> StackRequest {
    let file = format!("{name}.yaml");
    lab.write_text(&file, text);
    StackRequest {
        name: name.to_owned(),
        template: lab.folder().join(file),
        account: Some(PRODUCTION.parse().expect("an id")),
        region: Some("us-east-1".to_owned()),
        is_new: true,
        ..StackRequest::default()
    }
}

fn review(text: &str, edit: impl FnOnce(&mut StackRequest)) -> ReviewOutcome {
    let mut lab = Lab::new();
    let mut stack = request(&lab, "app", text);
    edit(&mut stack);
    lab.stacks.push(stack);
    lab.review().unwrap_or_else(|error| panic!("{:?}", error.diagnostics()))
}

fn refusal(text: &str, edit: impl FnOnce(&mut StackRequest)) -> String {
    let mut lab = Lab::new();
    let mut stack = request(&lab, "app", text);
    edit(&mut stack);
    lab.stacks.push(stack);
    lab.refusal()
}

const ROLE: &str = "
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Trusted: {Type: String, Default: '222222222222'}
  Opened: {Type: String, Default: 'no', AllowedValues: ['yes', 'no']}
Mappings:
  Accounts:
    dev: {Id: '111111111111'}
    production: {Id: '222222222222'}
Conditions:
  IsOpen: !Equals [!Ref Opened, 'yes']
  IsShut: !Not [!Condition IsOpen]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Action: sts:AssumeRole
            Principal:
              AWS: PRINCIPAL
";

#[test]
fn functions_and_parameters_are_evaluated() {
    for (principal, open) in [
        ("!Sub 'arn:${AWS::Partition}:iam::111111111111:root'", true),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:root'", false),
        ("!Sub ['arn:aws:iam::${Id}:root', {Id: '111111111111'}]", true),
        ("!Join ['', ['arn:aws:iam::', !FindInMap [Accounts, dev, Id], ':root']]", true),
        ("!Join ['', ['arn:aws:iam::', !FindInMap [Accounts, production, Id], ':root']]", false),
        ("!Select [1, !Split ['|', '222222222222|111111111111']]", true),
        ("!If [IsOpen, '111111111111', !Ref Trusted]", false),
        ("!If [IsShut, '111111111111', !Ref AWS::NoValue]", true),
        ("{'Fn::Sub': '111111111111'}", true),
        ("111111111111", true),
    ] {
        let outcome = review(&ROLE.replace("PRINCIPAL", principal), |_| {});
        let expected = if open { Reachable } else { Isolated };
        assert_eq!(wall(&outcome, "dev", "production").1, expected, "{principal}");
    }
    let by_parameter = ROLE.replace("PRINCIPAL", "!Ref Trusted");
    let outcome = review(&by_parameter, |stack| {
        stack.parameters.insert("Trusted".to_owned(), DEV.to_owned());
    });
    assert_eq!(wall(&outcome, "dev", "production").1, Reachable);
    // Values that are decided elsewhere are unknown, and the reason names them.
    for (principal, says) in [
        ("!ImportValue trusted", "`trusted` is exported by a stack that is not part of the review"),
        ("'{{resolve:ssm:/trusted:1}}'", "{{resolve:ssm:/trusted:1}}"),
        ("!GetAtt Made.Account", "app/Made.Account"),
    ] {
        let mut text = ROLE.replace("PRINCIPAL", principal);
        text.push_str("  Made: {Type: 'Custom::Made', Properties: {ServiceToken: x}}\n");
        if !principal.contains("Made") {
            text = text.replace("Custom::Made", "AWS::EC2::VPC");
        }
        let outcome = review(&text, |_| {});
        assert_eq!(wall(&outcome, "dev", "production").1, Undetermined, "{principal}");
        let report = serde_json::to_string(&outcome).expect("JSON");
        assert!(report.contains(says), "{says}: {report}");
    }
}

#[test]
fn loops_are_expanded_under_their_transform() {
    let text = "
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Roles:
    - Id
    - ['111111111111', '222222222222']
    - Role${Id}:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument:
            Statement: {Effect: Allow, Action: 'sts:AssumeRole', Principal: {AWS: !Ref Id}}
";
    let outcome = review(text, |_| {});
    assert_eq!(wall(&outcome, "dev", "production").1, Reachable);
    assert_eq!(outcome.change.judged, 2);
}

/// A stack imports what another stack of the same review exports.
#[test]
fn stacks_of_one_review_share_exports() {
    let mut lab = Lab::new();
    let exports = "
Resources: {Vpc: {Type: AWS::EC2::VPC}}
Outputs: {Trusted: {Value: '111111111111', Export: {Name: trusted}}}
";
    let imports = ROLE.replace("PRINCIPAL", "!ImportValue trusted");
    lab.stacks = vec![request(&lab, "app", &imports), request(&lab, "base", exports)];
    let outcome = lab.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Reachable);
}

/// Causes and statements have their lines in the template.
#[test]
fn causes_have_their_lines() {
    let outcome = review(&ROLE.replace("PRINCIPAL", "111111111111"), |_| {});
    let added = outcome.isolation.changes.iter().find(|path| path.from.environment == "dev");
    let path = added.expect("a path");
    assert_eq!(path.caused_by, ["app/Role"]);
    let place = path.locations.as_ref().and_then(|all| all.get("app/Role")).expect("a place");
    assert!(place.ends_with("app.yaml:14"), "{place}");
    let statements: Vec<&String> = path
        .via
        .iter()
        .flat_map(|hop| &hop.granted_by)
        .filter_map(|g| g.location.as_ref())
        .collect();
    assert!(statements.iter().any(|place| place.ends_with("app.yaml:20")), "{statements:?}");
}

#[test]
fn secrets_are_in_no_output() {
    const SECRET: &str = "s3cr3t-of-the-stack";
    let text = "
Parameters:
  Password: {Type: String, NoEcho: true, Default: s3cr3t-of-the-stack-1}
  Given: {Type: String, NoEcho: 'true'}
Conditions:
  IsSet: !Not [!Equals [!Ref Given, '']]
Resources:
  Role:
    Type: AWS::IAM::Role
    Condition: IsSet
    Properties:
      RoleName: !Sub 'app'
      Description: !Ref Password
      AssumeRolePolicyDocument:
        Statement:
          Effect: Allow
          Action: sts:AssumeRole
          Principal: {AWS: '111111111111'}
          Condition: {StringEquals: {'sts:ExternalId': !Ref Given}}
";
    let mut lab = Lab::new();
    let mut stack = request(&lab, "app", text);
    lab.write(
        "p.json",
        &json!([{"ParameterKey": "Given", "ParameterValue": format!("{SECRET}-2")}]),
    );
    stack.parameter_files.push(lab.folder().join("p.json"));
    lab.stacks.push(stack);
    let outcome = lab.review().expect("a review");
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    let mut out = Vec::new();
    render::json::write(&outcome, &mut out).expect("written");
    render::review::markdown(&outcome, &mut out).expect("written");
    render::html::review::page(&outcome, &mut out).expect("written");
    render::sarif::review(&outcome, "", &mut out).expect("written");
    let out = String::from_utf8(out).expect("text");
    assert!(!out.contains(SECRET), "{out}");
    // Nor in errors about the template or its parameters.
    let wrong = text.replace("!Sub 'app'", "!Ref Nobody");
    let given = |stack: &mut StackRequest| {
        stack.parameters = BTreeMap::from([("Given".to_owned(), SECRET.to_owned())]);
    };
    for text in [
        wrong,
        text.replace(
            "Type: String, NoEcho: 'true'",
            "AllowedValues: [a], NoEcho: true, Default: s3cr3t-of-the-stack",
        ),
        format!("{text}  x: {{"),
    ] {
        let mut lab = Lab::new();
        let mut stack = request(&lab, "app", &text);
        given(&mut stack);
        lab.stacks.push(stack);
        let error = lab.review().expect_err("refused");
        let all = error.diagnostics().expect("a reason");
        let shown: Vec<String> = all
            .iter()
            .map(|d| format!("{d:?} {}", d.loc.as_ref().map_or("", |loc| loc.source().text())))
            .collect();
        assert!(!shown.join("").contains(SECRET), "{shown:?}");
    }
}

#[test]
fn hostile_templates_end_with_an_error() {
    let role = |name: &str| {
        ROLE.replace("PRINCIPAL", "111111111111")
            .replace("    Properties:", &format!("    Properties:\n      RoleName: {name}"))
    };
    for (text, says) in [
        (role("!Ref Role"), "form a circle"),
        (role("!Ref Nobody"), "no parameter or resource named `Nobody`"),
        (role("!GetAtt Nobody.Arn"), "no resource named `Nobody`"),
        (role("!Sub '${AWS::Region'"), "`${` is not closed"),
        (role("!Select [9, [a]]"), "has no element 9"),
        (role("!FindInMap [No, a, b]"), "has no entry for these keys"),
        (role("!If [No, a, b]"), "there is no condition `No`"),
        (role("{'Fn::Joyn': [a, b]}"), "did you mean `Fn::Join`"),
        (
            role("x")
                .replace("!Not [!Condition IsOpen]", "!Not [!Condition IsShut]")
                .replace("RoleName: x", "RoleName: !If [IsShut, a, b]"),
            "depends on itself",
        ),
        ("Resources: {}".to_owned(), "has no `Resources`"),
        ("Resources: {A: {Properties: {}}}".to_owned(), "has no `Type`"),
        ("[]".to_owned(), "has no `Resources`"),
        ("\u{0}".to_owned(), "app.yaml"),
    ] {
        let said = refusal(&text, |_| {});
        assert!(said.contains(says), "{says}: {said}");
    }
    let said = refusal(&ROLE.replace("PRINCIPAL", "x"), |stack| {
        stack.parameters.insert("Trust".to_owned(), "x".to_owned());
    });
    assert!(said.contains("did you mean `Trusted`?"), "{said}");
    let said = refusal(&ROLE.replace("PRINCIPAL", "x"), |stack| {
        stack.parameters.insert("Opened".to_owned(), "maybe".to_owned());
    });
    assert!(said.contains("use one of `yes`, `no`"), "{said}");
    // A chain of references that doubles with each link.
    let mut chain = "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {}\n      RoleName: !Ref R0\n".to_owned();
    for n in 0..40 {
        let next = n + 1;
        chain.push_str(&format!("  R{n}:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: !Sub '${{R{next}.TopicName}}${{R{next}.TopicName}}'\n"));
    }
    chain.push_str("  R40: {Type: AWS::SNS::Topic, Properties: {TopicName: x}}\n");
    let said = refusal(&chain, |_| {});
    assert!(
        said.contains("too many steps")
            || said.contains("too long")
            || said.contains("nested too deeply"),
        "{said}"
    );
}

/// An unknown condition makes only the resources that depend on it unknown.
#[test]
fn an_unknown_condition_affects_only_its_resources() {
    let text = |condition: &str| {
        format!(
            "
Parameters: {{Stage: {{Type: String}}}}
Conditions: {{IsLive: !Equals [!Ref Stage, live]}}
Resources:
  Role:
    Type: AWS::IAM::Role
    {condition}
    Properties: {{AssumeRolePolicyDocument: {}}}
  Vpc: {{Type: AWS::EC2::VPC, Condition: IsLive}}
",
            trust("ec2.amazonaws.com")
        )
    };
    let outcome = review(&text(""), |_| {});
    assert_eq!(wall(&outcome, "dev", "production").1, Isolated);
    let outcome = review(&text("Condition: IsLive"), |_| {});
    assert_eq!(wall(&outcome, "dev", "production").1, Undetermined);
    let said = outcome.change.not_judged.join("\n");
    assert!(said.contains("app/Role") && said.contains("`Stage`"), "{said}");
}
