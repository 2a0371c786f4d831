//! Stacks within stacks, and the folders that `cdk synth` writes.

use palisade::engine::review::{ReviewOutcome, StackRequest, cloud_assembly};
use palisade::isolation::WallVerdict::{Isolated, Reachable, Undetermined};
use serde_json::{Value, json};

use super::lab::{DEV, Lab, PRODUCTION, root, trust, wall};

const ROLE: &str = "
Parameters:
  Trusted: {Type: String, Default: '222222222222'}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: inner
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - {Effect: Allow, Action: 'sts:AssumeRole', Principal: {AWS: !Ref Trusted}}
Outputs:
  Arn: {Value: !GetAtt Role.Arn}
";

fn outer(trusted: &str) -> String {
    format!(
        "
Parameters:
  Made: {{Type: String, Default: 'yes'}}
Conditions:
  IsMade: !Equals [!Ref Made, 'yes']
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Condition: IsMade
    Properties:
      TemplateURL: parts/role.yaml
      Parameters: {{Trusted: {trusted}}}
"
    )
}

fn stack(lab: &Lab, text: &str) -> StackRequest {
    lab.write_text("app.yaml", text);
    StackRequest {
        name: "app".to_owned(),
        template: lab.folder().join("app.yaml"),
        account: Some(PRODUCTION.parse().expect("an id")),
        region: Some("us-east-1".to_owned()),
        is_new: true,
        ..StackRequest::default()
    }
}

fn review(mut lab: Lab, stack: StackRequest) -> ReviewOutcome {
    lab.stacks.push(stack);
    lab.review().unwrap_or_else(|error| panic!("{:?}", error.diagnostics()))
}

/// What the stack around it passes on counts, and what opens the wall is named with file and line.
#[test]
fn a_stack_within_a_stack_is_judged() {
    for (trusted, verdict) in [
        ("'111111111111'", Reachable),
        ("!Ref AWS::AccountId", Isolated),
        ("!ImportValue x", Undetermined),
    ] {
        let lab = Lab::new();
        lab.write_text("parts/role.yaml", ROLE);
        let request = stack(&lab, &outer(trusted));
        let outcome = review(lab, request);
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, verdict), "{trusted}");
        if verdict == Reachable {
            let paths = outcome.isolation.changes.iter();
            let path = paths.clone().find(|path| path.from.environment == "dev").expect("a path");
            assert_eq!(path.caused_by, ["app/Inner/Role"]);
            let at = path.locations.as_ref().expect("places")["app/Inner/Role"].clone();
            assert!(at.ends_with("parts/role.yaml:5"), "{at}");
        }
    }
}

/// One that its condition leaves out makes nothing.
#[test]
fn a_stack_that_a_condition_leaves_out_makes_nothing() {
    let lab = Lab::new();
    lab.write_text("parts/role.yaml", ROLE);
    let mut request = stack(&lab, &outer("'111111111111'"));
    request.parameters.insert("Made".to_owned(), "no".to_owned());
    let outcome = review(lab, request);
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Isolated));
}

/// Outputs of one are parameters of the next, and values of the stack around both.
#[test]
fn outputs_lead_from_stack_to_stack() {
    let lab = Lab::new();
    let trusted = "Resources: {Vpc: {Type: AWS::EC2::VPC}}
Outputs: {Id: {Value: '111111111111'}, Bucket: {Value: acme-ledger}}";
    lab.write_text("trusted.yaml", trusted);
    lab.write_text("role.yaml", ROLE);
    let text = "
Resources:
  Last:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: role.yaml
      Parameters: {Trusted: !GetAtt First.Outputs.Id}
  First:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: trusted.yaml}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !GetAtt First.Outputs.Bucket
      PolicyDocument:
        Statement: {Effect: Allow, Principal: {AWS: !GetAtt Last.Outputs.Arn}, Action: 's3:*', Resource: '*'}
";
    let request = stack(&lab, text);
    let outcome = review(lab, request);
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable));
    let causes: Vec<_> = outcome.isolation.changes.iter().flat_map(|p| &p.caused_by).collect();
    assert!(causes.iter().any(|cause| *cause == "app/Last/Role"), "{causes:?}");
    assert_eq!(outcome.change.not_judged, Vec::<String>::new());
}

/// A template that lies in S3 alone, or outside of the files that templates are in, is not guessed.
#[test]
fn a_template_that_is_not_at_hand_is_told_with_its_place() {
    for (url, why) in [
        ("https://s3.amazonaws.com/acme-templates/role.yaml", "no path of a file"),
        ("missing.yaml", "there is no file"),
        ("/etc/passwd", "not the relative path"),
        ("../credentials", "not the relative path"),
    ] {
        let lab = Lab::new();
        let text = format!(
            "Resources:\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: {{TemplateURL: '{url}'}}\n"
        );
        let request = stack(&lab, &text);
        let outcome = review(lab, request);
        assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Undetermined), "{url}");
        let said = outcome.change.not_judged.join("\n");
        assert!(
            said.contains("`app/Inner` (") && said.contains("app.yaml:2") && said.contains(why),
            "{said}"
        );
        assert!(said.contains("before `aws cloudformation package`"), "{said}");
    }
}

/// What is deployed of a stack within another one lies in a folder of its name.
fn deployed(lab: &Lab, inner: Option<&str>) -> std::path::PathBuf {
    let text = outer("'111111111111'");
    let body = |text: &str| json!({"TemplateBody": text});
    lab.write("deployed/template.json", &body(&text));
    let arn = |name: &str| format!("arn:aws:cloudformation:us-east-1:{PRODUCTION}:stack/{name}/1");
    let resources = |stack: &str, id: &str, physical: &str| json!({"StackResources": [{"StackId": arn(stack), "LogicalResourceId": id, "PhysicalResourceId": physical, "ResourceStatus": "CREATE_COMPLETE"}]});
    lab.write("deployed/resources.json", &resources("app", "Inner", &arn("app-Inner-1")));
    let made = json!([{"ParameterKey": "Made", "ParameterValue": "yes"}]);
    lab.write(
        "deployed/stack.json",
        &json!({"Stacks": [{"StackId": arn("app"), "Parameters": made}]}),
    );
    if let Some(inner) = inner {
        lab.write("deployed/Inner/template.json", &body(inner));
        lab.write("deployed/Inner/resources.json", &resources("app-Inner-1", "Role", "settle"));
    }
    lab.folder().join("deployed")
}

#[test]
fn a_deployed_stack_within_a_stack_is_compared() {
    let opened = || {
        let lab = Lab::new();
        lab.edit_role(PRODUCTION, "settle", |settle| {
            settle["AssumeRolePolicyDocument"] = trust(&root(DEV));
        });
        lab.write_text("parts/role.yaml", &ROLE.replace("RoleName: inner", "RoleName: settle"));
        lab
    };
    let review = |inner: Option<&str>, text: &str| {
        let lab = opened();
        let deployed = deployed(&lab, inner);
        let request = StackRequest { is_new: false, deployed: vec![deployed], ..stack(&lab, text) };
        review(lab, request)
    };
    let old = ROLE.replace("RoleName: inner", "RoleName: settle");
    let shut = outer("!Ref AWS::AccountId");
    let outcome = review(Some(&old), &shut);
    assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Isolated));
    assert_eq!(outcome.change.not_judged, Vec::<String>::new());
    // Dropped with all that it holds, or by its condition.
    let nothing = "Resources: {Vpc: {Type: AWS::EC2::VPC}}";
    let left_out = outer("x").replace("!Equals [!Ref Made, 'yes']", "!Equals [a, b]");
    for text in [nothing.to_owned(), left_out] {
        let outcome = review(Some(&old), &text);
        assert_eq!(wall(&outcome, "dev", "production"), (Reachable, Isolated), "{text}");
    }
    // Of which nothing is known.
    for text in [shut.as_str(), nothing] {
        let outcome = review(None, text);
        // What stands open is not taken to be closed.
        assert_ne!(wall(&outcome, "dev", "production").1, Isolated, "{text}");
        let said = outcome.change.not_judged.join("\n");
        assert!(said.contains("`app/Inner`") && said.contains("the folder `Inner`"), "{said}");
    }
}

fn role(principal: &str) -> Value {
    json!({"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(principal)}})
}

/// As `cdk synth` writes it: a stack with a stack within it, and a stage with one of the same name.
fn assembly(lab: &Lab) {
    let template = |resources: Value| json!({"Resources": resources});
    let url = json!({"Fn::Join": ["", ["https://s3.us-east-1.", {"Ref": "AWS::URLSuffix"}, "/cdk-assets/0a.json"]]});
    let inner = json!({"Inner": {
        "Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url},
        "Metadata": {"aws:asset:path": "AppInner0A.nested.template.json", "aws:asset:property": "TemplateURL"}
    }});
    lab.write("cdk.out/App.template.json", &template(inner));
    lab.write(
        "cdk.out/AppInner0A.nested.template.json",
        &template(json!({"Role": role(&root(DEV))})),
    );
    lab.write(
        "cdk.out/assembly-Dev/DevApp.template.json",
        &template(json!({"Role": role("ec2.amazonaws.com")})),
    );
    let stack = |file: &str, account: &str| {
        json!({
            "type": "aws:cloudformation:stack", "environment": format!("aws://{account}/us-east-1"),
            "properties": {"templateFile": file, "stackName": "app"}
        })
    };
    lab.write(
        "cdk.out/manifest.json",
        &json!({"version": "36.0.0", "artifacts": {
            "App.assets": {"type": "cdk:asset-manifest", "properties": {"file": "App.assets.json"}},
            "App": stack("App.template.json", PRODUCTION),
            "assembly-Dev": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Dev"}},
            "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}
        }}),
    );
    lab.write(
        "cdk.out/assembly-Dev/manifest.json",
        &json!({"version": "36.0.0", "artifacts": {"DevApp": stack("DevApp.template.json", DEV)}}),
    );
}

#[test]
fn a_folder_of_the_cdk_is_all_its_stacks() {
    let mut lab = Lab::new();
    assembly(&lab);
    let mut stacks = cloud_assembly(&lab.folder().join("cdk.out")).expect("a folder");
    let names: Vec<(String, Option<String>)> =
        stacks.iter().map(|stack| (stack.name.clone(), stack.name_in_aws.clone())).collect();
    let app = Some("app".to_owned());
    assert_eq!(names, [("App".to_owned(), app.clone()), ("DevApp".to_owned(), app)]);
    stacks.iter_mut().for_each(|stack| stack.is_new = true);
    lab.stacks = stacks;
    let outcome = lab.review().expect("a review");
    assert_eq!(outcome.change.not_judged, Vec::<String>::new());
    assert_eq!(wall(&outcome, "dev", "production"), (Isolated, Reachable));
    let path = outcome.isolation.changes.iter().find(|path| path.from.environment == "dev");
    assert_eq!(path.expect("a path").caused_by, ["App/Inner/Role"]);
}

#[test]
fn a_folder_that_is_none_of_the_cdk_is_refused() {
    let lab = Lab::new();
    lab.write("empty/manifest.json", &json!({"artifacts": {}}));
    lab.write(
        "leads/manifest.json",
        &json!({"artifacts": {"A": {
            "type": "aws:cloudformation:stack", "properties": {"templateFile": "../secret.json"}
        }}}),
    );
    lab.write_text("forged/manifest.json", "{\"artifacts\": \"s3cr3t\"}");
    for (folder, says) in [
        ("accounts", "manifest.json"),
        ("empty", "holds no stack"),
        ("leads", "`../secret.json`, which is not in its folder"),
        ("forged", "no manifest"),
    ] {
        let error = cloud_assembly(&lab.folder().join(folder)).expect_err(folder);
        let said = format!("{error:?}");
        assert!(
            said.contains(says) && said.contains("cdk synth") && !said.contains("s3cr3t"),
            "{said}"
        );
    }
}
