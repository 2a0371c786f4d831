//! Walls that open, or stay closed, by chains of roles.

use super::*;

#[test]
fn chains() {
    let hop =
        |account: &str, name: &str, from: Json, may: Json| role(account, name, from, Some(may));
    let assume = || allow("sts:AssumeRole", "*");
    let via = |first: Json, last: Json| {
        dev().both(hop("shared", "hub", first, assume())).both(role(
            "production",
            "deploy",
            last,
            None,
        ))
    };
    judge(vec![
        (
            "through one account",
            via(by("dev", "ci"), by("shared", "hub")),
            "dev",
            "production",
            "reachable",
        ),
        (
            "through one account whose hub may not",
            dev().both(hop("shared", "hub", by("dev", "ci"), allow("s3:*", "*"))).both(role(
                "production",
                "deploy",
                by("shared", "hub"),
                None,
            )),
            "dev",
            "production",
            "isolated",
        ),
        (
            "through three accounts",
            dev()
                .account("one", "444444444441")
                .account("two", "444444444442")
                .both(hop("shared", "hub", by("dev", "ci"), assume()))
                .both(with(
                    hop("one", "hub", by("shared", "hub"), assume()),
                    "arn",
                    json!("arn:aws:iam::444444444441:role/hub"),
                ))
                .both(with(
                    hop(
                        "two",
                        "hub",
                        trust(json!({"Principal": {"AWS": "arn:aws:iam::444444444441:role/hub"}})),
                        assume(),
                    ),
                    "arn",
                    json!("arn:aws:iam::444444444442:role/hub"),
                ))
                .both(role(
                    "production",
                    "deploy",
                    trust(json!({"Principal": {"AWS": "arn:aws:iam::444444444442:role/hub"}})),
                    None,
                )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "through the root of the account between",
            via(
                trust(json!({"Principal": {"AWS": "111111111111"}})),
                trust(json!({"Principal": {"AWS": "222222222222"}})),
            ),
            "dev",
            "production",
            "reachable",
        ),
        (
            "by a role of dev's own",
            dev().both(hop("dev", "hop", by("dev", "ci"), assume())).both(role(
                "production",
                "deploy",
                by("dev", "hop"),
                None,
            )),
            "dev",
            "production",
            "reachable",
        ),
        ("by everybody within dev, with no permission of its own",
            Fixture::new().both(lambda("dev", "ci", allow("ec2:*", "*")))
                .both(hop("dev", "hop", trust(json!({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": "111111111111"}}})), assume()))
                .both(role("production", "deploy", by("dev", "hop"), None)),
            "dev", "production", "reachable"),
        ("from an environment in the management account", {
            let mut fixture = dev().both(role("production", "OrganizationAccountAccessRole", by("dev", "ci"), None));
            for side in [&mut fixture.before, &mut fixture.after] {
                for object in side.iter_mut().filter(|o| o.kind == "organization") {
                    object.attrs.insert("management_account_id".to_owned(), Value::from_json(&json!("111111111111")));
                }
            }
            fixture
        }, "dev", "production", "reachable"),
        (
            "into a bucket",
            dev().both(hop("shared", "hub", by("dev", "ci"), allow("s3:*", "*"))).both(holding(
                json!([reads(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:role/hub"}}))]),
            )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "through the management account",
            dev()
                .account("management", "999999999999")
                .both(hop("management", "ops", by("dev", "ci"), assume()))
                .both(role(
                    "production",
                    "OrganizationAccountAccessRole",
                    by("management", "ops"),
                    None,
                )),
            "dev",
            "production",
            "reachable",
        ),
        (
            "a condition in the middle",
            {
                let mut first = by("dev", "ci");
                first["Statement"][0]["Condition"] =
                    json!({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}});
                via(first, by("shared", "hub"))
            },
            "dev",
            "production",
            "conditional",
        ),
        (
            "a role in the middle that nobody could read",
            {
                let mut hub = hop("shared", "hub", by("dev", "ci"), assume());
                hub.attrs
                    .insert("assume_role_policy".to_owned(), Value::Unknown(Unknown::default()));
                dev().both(hub).both(role("production", "deploy", by("shared", "hub"), None))
            },
            "dev",
            "production",
            "undetermined",
        ),
        (
            "a doubtful step between two others",
            {
                let mut far = hop(
                    "far",
                    "relay",
                    trust(json!({"Principal": {"AWS": "222222222222"}})),
                    assume(),
                );
                far.attrs.insert(
                    "arn".to_owned(),
                    Value::from_json(&json!("arn:aws:iam::444444444444:role/relay")),
                );
                let mut hub = hop("shared", "hub", by("dev", "ci"), allow("s3:*", "*"));
                hub.attrs.insert(
                    "managed_policies".to_owned(),
                    Value::from_json(&json!(["arn:aws:iam::222222222222:policy/unknown"])),
                );
                dev().account("far", "444444444444").both(hub).both(far).both(role(
                    "production",
                    "deploy",
                    trust(json!({"Principal": {"AWS": "arn:aws:iam::444444444444:role/relay"}})),
                    None,
                ))
            },
            "dev",
            "production",
            "undetermined",
        ),
        (
            "a doubtful step that dev has no way to",
            {
                let mut hub = hop("shared", "hub", by("shared", "else"), allow("s3:*", "*"));
                hub.attrs.insert(
                    "managed_policies".to_owned(),
                    Value::from_json(&json!(["arn:aws:iam::222222222222:policy/unknown"])),
                );
                dev().both(hub).both(role(
                    "production",
                    "deploy",
                    trust(json!({"Principal": {"AWS": "222222222222"}})),
                    None,
                ))
            },
            "dev",
            "production",
            "isolated",
        ),
    ]);
}
