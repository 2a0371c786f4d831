//! Advice fits the cause: each kind of trouble between here and AWS is told as what it is, with the next
//! step, whether the state or the estate meets it.

use std::process::Command;
use std::sync::Arc;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::support::cli::Program;
use crate::support::wire::{Act, Wire};

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-south-2"
}
organization "acme" {}
account "dev" {
  name  = "acme-dev"
  email = "dev@acme.example"
}
environment "dev" {
  accounts = [account.dev]
  config "app" {
    values = {
      a = "1"
    }
  }
}
config_schema "app" {
  key "a" {}
}
"#;

/// The same with its state in S3.
fn in_s3() -> String {
    ESTATE.replace(
        "name = \"acme\"\n}\nprovider",
        "name = \"acme\"\n  backend \"s3\" {\n    bucket = \"acme-state\"\n    prefix = \"estate\"\n    region = \"eu-west-1\"\n  }\n}\nprovider",
    )
}

/// What the program says, which ends without success and prints nothing for developers.
#[track_caller]
fn told(command: &mut Command) -> String {
    let run = command
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("PALISADE_REQUEST_TIMEOUT", "6s")
        .output()
        .expect("the program starts");
    let all =
        format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(matches!(run.status.code(), Some(1 | 6)), "{all}");
    let of_developers = [
        "DispatchFailure",
        "ServiceError",
        "ConnectorError",
        "Unhandled",
        "service error",
        "what was applied",
    ];
    for word in of_developers {
        assert!(!all.contains(word), "`{word}`: {all}");
    }
    // Folded lines are one sentence.
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(all: &str, parts: &[&str]) {
    for part in parts {
        assert!(all.contains(part), "`{part}` is not said: {all}");
    }
}

#[test]
fn what_an_answer_says_is_told_with_the_next_step() {
    let date = "Mon, 01 Jan 2001 00:00:00 GMT".to_owned();
    let skewed = match Act::s3(
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ) {
        Act::Say { status, mut headers, body } => {
            headers.push(("date", date));
            Act::Say { status, headers, body }
        }
        act => act,
    };
    // Some portals answer everything with a page, and with what a cache wants to know of it.
    let tagged = match Act::html(200, "Sign in to the guest network") {
        Act::Say { status, mut headers, body } => {
            headers.push(("etag", "\"5d8c72a5edda8\"".to_owned()));
            Act::Say { status, headers, body }
        }
        act => act,
    };
    let moved =
        "The bucket you are attempting to access must be addressed using the specified endpoint.";
    let elsewhere = match Act::s3(301, "PermanentRedirect", moved) {
        Act::Say { status, mut headers, body } => {
            headers.push(("x-amz-bucket-region", "eu-central-1".to_owned()));
            Act::Say { status, headers, body }
        }
        act => act,
    };
    let malformed = Act::Say {
        status: 400,
        headers: vec![("content-type", "application/xml".to_owned())],
        body: "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; \
               the region 'eu-west-1' is wrong; expecting 'ap-south-1'</Message><Region>ap-south-1</Region></Error>"
            .to_owned(),
    };
    let away = Act::Say {
        status: 302,
        headers: vec![("location", "https://login.corp.example/?token=secret".to_owned())],
        body: String::new(),
    };
    let nothing = Act::Say { status: 404, headers: vec![], body: String::new() };
    let garbled = Act::Say { status: 200, headers: vec![], body: "no answer of AWS".to_owned() };
    let says_so = |status: u16, kind: &str, body: &str| Act::Say {
        status,
        headers: vec![("content-type", kind.to_owned())],
        body: body.to_owned(),
    };
    let strict = "<?xml version=\"1.0\"?>\n<!-- a -->\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\">\n<html><head><title>Access Denied</title></head></html>";
    let cases: Vec<(&'static str, Act, &[&str])> = vec![
        (
            "s3",
            says_so(403, "text/html", strict),
            &["a web page came in place of an answer (\"Access Denied\"), with status 403"],
        ),
        (
            "s3",
            says_so(403, "text/plain", "RBAC: access denied"),
            &["answered with status 403 and no error of AWS's", "captive portal"],
        ),
        (
            "sts",
            says_so(403, "application/json", "{\"message\":\"Forbidden\"}"),
            &["answered with status 403 and no error of AWS's", "captive portal"],
        ),
        (
            "s3",
            skewed,
            &[
                "this machine's clock says 2",
                "and the server's says 2001-01-01T00:00:00Z",
                "set the clock",
            ],
        ),
        (
            "s3",
            Act::html(403, "Blocked by policy"),
            &[
                "a web page came in place of an answer (\"Blocked by policy\"), with status 403",
                "a proxy or a captive portal",
            ],
        ),
        ("s3", tagged, &["(\"Sign in to the guest network\"), with status 200", "captive portal"]),
        ("s3", Act::html(407, "Who are you"), &["the proxy wants its own credentials"]),
        (
            "s3",
            away.clone(),
            &["answered with a redirect to `login.corp.example` (status 302)", "captive portal"],
        ),
        ("s3", nothing.clone(), &["cannot be understood", "no proxy changes its answers"]),
        (
            "sts",
            away.clone(),
            &["answered with a redirect to `login.corp.example` (status 302)", "captive portal"],
        ),
        ("sts", nothing, &["cannot be understood", "check that the endpoint"]),
        (
            "organizations",
            away,
            &["answered with a redirect to `login.corp.example` (status 302)", "captive portal"],
        ),
        (
            "s3",
            elsewhere,
            &[
                "the bucket lies in the Region `eu-central-1`, not in `eu-west-1`",
                "set `region` of the `backend` block to `eu-central-1`",
            ],
        ),
        (
            "s3",
            malformed,
            &[
                "the bucket lies in the Region `ap-south-1`",
                "set `region` of the `backend` block to `ap-south-1`",
            ],
        ),
        (
            "s3",
            Act::s3(503, "SlowDown", "Please reduce your request rate."),
            &["throttled: Please reduce your request rate.", "--parallelism"],
        ),
        (
            "s3",
            Act::s3(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist.",
            ),
            &["does not exist", "check the access key", "`eu-west-1` is enabled in every account"],
        ),
        (
            "s3",
            Act::s3(400, "ExpiredToken", "The provided token has expired."),
            &["the session of the credentials has expired", "aws sso login"],
        ),
        (
            "s3",
            Act::s3(403, "AccountProblem", "There is a problem with your AWS account."),
            &["the account is closed or suspended", "AWS Support"],
        ),
        (
            "s3",
            Act::s3(501, "NotImplemented", "not here"),
            &["does not implement this", "is an emulator without this operation"],
        ),
        (
            "organizations",
            Act::json(400, "TooManyRequestsException", "too many requests"),
            &["throttled: too many requests"],
        ),
        (
            "organizations",
            Act::html(200, "Sign in to the guest network"),
            &["(\"Sign in to the guest network\"), with status 200", "captive portal"],
        ),
        ("organizations", garbled.clone(), &["cannot be understood", "AWS_ENDPOINT_URL"]),
        (
            "organizations",
            Act::json(
                400,
                "InvalidSignatureException",
                "Signature expired: 20010101T000000Z is now earlier than 20010101T000500Z",
            ),
            &["this machine's clock says", "set the clock"],
        ),
        ("organizations", Act::json(501, "NotImplemented", ""), &["does not implement this"]),
        (
            "ssm",
            Act::json(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            &["the Region `eu-south-2` may not be enabled in the account"],
        ),
        (
            "sts",
            Act::xml(403, "ExpiredToken", "The security token included in the request is expired"),
            &["the session of the credentials has expired"],
        ),
    ];
    let (wire, p) = (Wire::new(), Program::new(&in_s3()));
    wire.run(&p, &["init", "--create-backend"]).code(0);
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    for (service, act, parts) in cases {
        let what = format!("{service}: {act:?}");
        wire.rule(move |a| if a.service == service { act.clone() } else { Act::Pass });
        let all = told(&mut wire.command(&p, &["drift"]));
        for part in parts {
            assert!(all.contains(part), "{what}: `{part}` is not said: {all}");
        }
        assert!(!all.contains("trust the caller"), "{what}: {all}");
        assert!(!all.contains("token=secret"), "{what}: {all}");
        if service == "s3" {
            for word in ["needs s3:GetObject", "is damaged", "``"] {
                assert!(!all.contains(word), "{what}: `{word}`: {all}");
            }
        }
    }
}

#[test]
fn what_keeps_a_connection_from_coming_about_is_told() {
    let wire = Wire::new();
    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        socket.local_addr().expect("an address")
    };
    for estate in [in_s3(), ESTATE.to_owned()] {
        let p = Program::new(&estate);
        let at = |url: &str| told(wire.command(&p, &["plan"]).env("AWS_ENDPOINT_URL", url));
        let refused = at(&format!("http://{nobody}"));
        says(
            &refused,
            &[&format!("nothing listens at `{nobody}` (connection refused)"), "start the emulator"],
        );
        let unknown = at("http://palisade-no-such-host.invalid:4566");
        says(&unknown, &["the name `palisade-no-such-host.invalid:4566` cannot be resolved"]);
        let proxy = Inspecting::start();
        let inspected = at(&format!("https://{}", proxy.address));
        says(&inspected, &["is not trusted here", "a proxy that inspects TLS", "AWS_CA_BUNDLE"]);
    }
}

#[test]
fn a_proxy_that_is_not_there_is_told_as_the_one_that_refuses() {
    let nobody = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
        socket.local_addr().expect("an address").to_string()
    };
    let wire = Wire::new();
    for (estate, host) in [
        (in_s3(), "acme-state.s3.eu-west-1.amazonaws.com"),
        (ESTATE.to_owned(), "organizations.us-east-1.amazonaws.com"),
    ] {
        let p = Program::new(&estate);
        let behind = |proxy: &str| {
            let mut command = wire.command(&p, &["plan"]);
            told(command.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", proxy))
        };
        let dead = behind(&format!("http://user:secret@{nobody}"));
        let refuses = format!("nothing listens at the proxy `{nobody}` (connection refused)");
        says(&dead, &[&refuses, &format!("before `{host}`"), "correct `HTTPS_PROXY`"]);
        says(&dead, &[&format!("`NO_PROXY={host}`")]);
        assert!(!dead.contains("emulator") && !dead.contains("secret"), "{dead}");
        let unknown = behind("http://palisade-no-such-proxy.invalid:3128");
        says(&unknown, &["the name `palisade-no-such-proxy.invalid:3128` cannot be resolved"]);
        says(&unknown, &["it is the proxy's"]);
        // A proxy that takes no tunnels; this one answers 501 to `CONNECT`.
        let closed = behind(&wire.url);
        let address = wire.url.trim_start_matches("http://");
        says(&closed, &[&format!("the proxy `{address}` opens no way to `{host}`"), "`NO_PROXY`"]);
    }
}

#[test]
fn an_endpoint_without_a_scheme_is_refused_before_any_call() {
    let wire = Wire::new();
    let help = "an endpoint must begin with http:// or https://";
    for estate in [in_s3(), ESTATE.to_owned()] {
        let p = Program::new(&estate);
        for service in ["", "_S3", "_IAM", "_ACCOUNT", "_SIGNIN"] {
            let variable = &format!("AWS_ENDPOINT_URL{service}");
            for url in ["localhost:4566", "::::", "http://"] {
                let refused = told(wire.command(&p, &["plan"]).env(variable, url));
                says(&refused, &[&format!("`{variable}` is `{url}`"), help]);
            }
        }
        std::fs::create_dir_all(p.path().join(".aws")).expect("made");
        p.write(".aws/config", "[default]\nendpoint_url = localhost:4566\n");
        let refused = told(&mut wire.command(&p, &["plan"]));
        says(&refused, &["`endpoint_url` of the AWS profile `default` is `localhost:4566`", help]);
        p.write(
            ".aws/config",
            "[default]\nservices = near\n[services near]\niam =\n  endpoint_url = localhost:4566\n",
        );
        let refused = told(&mut wire.command(&p, &["plan"]));
        says(&refused, &["of `iam` in the AWS services `near` is `localhost:4566`", help]);
    }
    assert!(wire.arrived().is_empty(), "{:?}", wire.arrived());
}

/// A server with a certificate that nobody has signed but itself.
struct Inspecting {
    address: std::net::SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Inspecting {
    fn start() -> Self {
        let certificate = CertificateDer::from(
            include_bytes!("../fixtures/tls/proxy-certificate.der").as_slice(),
        );
        let key =
            PrivatePkcs8KeyDer::from(include_bytes!("../fixtures/tls/proxy-key.der").as_slice());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key.into())
            .expect("a certificate");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a socket");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move { acceptor.accept(socket).await.map(drop) });
            }
        });
        Self { address, _runtime: runtime }
    }
}

/// A program without keys, and with this AWS configuration file.
fn without_keys(wire: &Wire, p: &Program, config: &str) -> Command {
    std::fs::create_dir_all(p.path().join(".aws")).expect("made");
    p.write(".aws/config", config);
    let mut command = wire.command(p, &["plan"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command
}

#[test]
fn why_there_are_no_credentials_is_told_alike_for_state_and_estate() {
    let wire = Wire::new();
    let sso = "[profile dev]\nsso_session = acme\nsso_account_id = 111111111111\nsso_role_name = Dev\nregion = eu-west-1\n\
               [sso-session acme]\nsso_region = eu-west-1\nsso_start_url = https://acme.awsapps.com/start\nsso_registration_scopes = sso:account:access\n";
    for estate in [in_s3(), ESTATE.to_owned()] {
        let p = Program::new(&estate);
        let none = told(&mut without_keys(&wire, &p, ""));
        says(&none, &["no AWS credentials were found", "`--sandbox`"]);
        let ended = told(without_keys(&wire, &p, sso).env("AWS_PROFILE", "dev"));
        says(&ended, &["the SSO session has expired or was never begun", "`aws sso login`"]);
    }
}

/// A session that is in date here may have ended at the portal, or may not have the role.
#[test]
fn what_the_sso_portal_refuses_is_told() {
    let wire = Wire::new();
    let sso = "[profile dev]\nsso_session = acme\nsso_account_id = 111111111111\nsso_role_name = Dev\nregion = eu-west-1\n\
               [sso-session acme]\nsso_region = eu-west-1\nsso_start_url = https://acme.awsapps.com/start\nsso_registration_scopes = sso:account:access\n";
    for (status, code, wanted) in [
        (401, "UnauthorizedException", ["the SSO session has expired", "`aws sso login`"]),
        (
            403,
            "ForbiddenException",
            ["gives no credentials", "to be assigned in IAM Identity Center"],
        ),
    ] {
        wire.rule(move |a| match a.path.contains("federation/credentials") {
            true => Act::json(status, code, "No access"),
            false => Act::Pass,
        });
        let p = Program::new(ESTATE);
        let mut command = without_keys(&wire, &p, sso);
        // By the SHA-1 of the session's name, as the AWS CLI keeps them.
        std::fs::create_dir_all(p.path().join(".aws/sso/cache")).expect("made");
        p.write(
            ".aws/sso/cache/293abb6b76d7791c0732cc517d38c4b5c734b87f.json",
            r#"{"accessToken": "t", "expiresAt": "2099-01-01T00:00:00Z", "region": "eu-west-1", "startUrl": "https://acme.awsapps.com/start"}"#,
        );
        let ended = told(command.env("AWS_PROFILE", "dev"));
        says(&ended, &wanted);
        assert!(!ended.contains("Error {"), "{ended}");
    }
}

/// In the words of nobody's library.
#[test]
fn what_a_credential_process_did_is_told() {
    let wire = Wire::new();
    for (process, wanted) in [
        ("echo nothing", ["did not print credentials as JSON", "`Version` (1), `AccessKeyId`"]),
        (
            "sh -c 'echo no such vault >&2; exit 3'",
            ["ended with exit status: 3 and said `no such vault`", "`credential_process` names"],
        ),
    ] {
        for estate in [in_s3(), ESTATE.to_owned()] {
            let p = Program::new(&estate);
            let config =
                format!("[profile dev]\ncredential_process = {process}\nregion = eu-west-1\n");
            let failed = told(without_keys(&wire, &p, &config).env("AWS_PROFILE", "dev"));
            says(&failed, &wanted);
            assert!(!failed.contains("Error retrieving"), "{failed}");
        }
    }
}

#[test]
fn a_source_of_credentials_that_hangs_is_named() {
    let wire = Wire::new();
    wire.rule(|_| Act::Silent);
    let process = "[profile dev]\ncredential_process = /bin/sleep 100\nregion = eu-west-1\n";
    let over = "[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/x\nsource_profile = base\nregion = eu-west-1\n[profile base]\ncredential_process = /bin/sleep 100\n";
    for estate in [in_s3(), ESTATE.to_owned()] {
        let p = Program::new(&estate);
        let hung = told(without_keys(&wire, &p, process).env("AWS_PROFILE", "dev"));
        says(
            &hung,
            &["the credential process of the AWS profile `dev` gave no credentials in time"],
        );
        assert!(!hung.contains("check the network"), "{hung}");
        let hung = told(without_keys(&wire, &p, over).env("AWS_PROFILE", "dev"));
        says(
            &hung,
            &["the credential process of the AWS profile `base` gave no credentials in time"],
        );
        let endpoint = format!("{}/credentials", wire.url);
        let mut command = without_keys(&wire, &p, "");
        let hung = told(command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint));
        says(&hung, &["the credentials endpoint of the container gave no credentials in time"]);
        let mut command = without_keys(&wire, &p, "");
        command.env("AWS_EC2_METADATA_DISABLED", "false");
        let hung = told(command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &wire.url));
        says(&hung, &["the metadata service of the EC2 instance gave no credentials in time"]);
        assert!(!hung.contains("no AWS credentials were found"), "{hung}");
        p.write("token", "a token");
        let mut command = without_keys(&wire, &p, "");
        command.env("AWS_WEB_IDENTITY_TOKEN_FILE", p.path().join("token"));
        let hung = told(command.env("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/x"));
        says(
            &hung,
            &["STS for the web identity of `AWS_WEB_IDENTITY_TOKEN_FILE` gave no credentials"],
        );
    }
}

#[test]
fn a_file_that_credentials_rest_on_is_named_where_it_is_missing() {
    let wire = Wire::new();
    let web = "[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/x\nweb_identity_token_file = /palisade/token\nregion = eu-west-1\n\
               [profile over]\nrole_arn = arn:aws:iam::111111111111:role/y\nsource_profile = dev\nregion = eu-west-1\n";
    let login =
        "[profile dev]\nlogin_session = arn:aws:iam::111111111111:user/me\nregion = eu-west-1\n";
    for estate in [in_s3(), ESTATE.to_owned()] {
        let p = Program::new(&estate);
        for profile in ["dev", "over"] {
            let gone = told(without_keys(&wire, &p, web).env("AWS_PROFILE", profile));
            says(
                &gone,
                &["of the AWS profile `dev` names `/palisade/token`, which cannot be read"],
            );
        }
        let gone = told(without_keys(&wire, &p, login).env("AWS_PROFILE", "dev"));
        let kept = p.path().join(".aws/login/cache");
        says(&gone, &["the login session of the AWS profile `dev`", &kept.display().to_string()]);
        says(&gone, &[".json`, which cannot be read", "`aws login --profile dev` begins one"]);
        let mut command = without_keys(&wire, &p, "");
        command.env("AWS_WEB_IDENTITY_TOKEN_FILE", "/palisade/token");
        let gone = told(command.env("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/x"));
        says(&gone, &["`AWS_WEB_IDENTITY_TOKEN_FILE` names `/palisade/token`"]);
    }
    // With keys in the environment nobody asks for the token.
    let p = Program::new(ESTATE);
    let mut command = wire.command(&p, &["plan"]);
    command.env("AWS_WEB_IDENTITY_TOKEN_FILE", "/palisade/token");
    command.env("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/x");
    assert!(command.output().expect("starts").status.success());
}

/// What STS refuses of a web identity is said in STS's words, not in those that the SDK prints for its developers.
#[test]
fn what_sts_refuses_of_a_web_identity_is_told() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    let message = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    wire.rule(|_| Act::xml(403, "AccessDenied", message));
    p.write("token", "a token");
    let mut command = without_keys(&wire, &p, "");
    command.env("AWS_WEB_IDENTITY_TOKEN_FILE", p.path().join("token"));
    let refused = told(command.env("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/x"));
    says(&refused, &[&format!("{message} (AccessDenied)")]);
    assert!(!refused.contains("Error {"), "{refused}");
}

#[test]
fn requests_that_are_held_back_for_throttling_say_so() {
    let (wire, p) = (Wire::new(), Program::new(ESTATE));
    wire.run(&p, &["apply", "--auto-approve"]).code(0);
    wire.rule(|a| match a.service == "iam" {
        true => Act::xml(400, "Throttling", "Rate exceeded"),
        false => Act::Pass,
    });
    let mut command = wire.command(&p, &["drift"]);
    let run = command.env("PALISADE_REQUEST_TIMEOUT", "6s").output().expect("the program starts");
    let all =
        format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    let all = all.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(matches!(run.status.code(), Some(1 | 6)), "{all}");
    says(&all, &["throttled", "--parallelism"]);
    assert!(!all.contains("gave no answer in time"), "{all}");
}
