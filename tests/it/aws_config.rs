//! AWS configuration as the AWS CLI honours it: profiles, certificates, proxies, codes. Each against an
//! endpoint that keeps what it was asked, and by whom.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tokio_rustls::rustls;

use crate::support::cli::{Program, Run};
use crate::support::front::{self, Front, Way};
use crate::support::http::{Request, Response};

const ESTATE: &str = r#"
palisade {
  name = "acme"
}
provider "aws" {
  region = "eu-west-1"
}
organization "acme" {}
"#;

/// An estate outside the sandbox, with these files of the AWS CLI.
fn program(config: &str, credentials: &str) -> Program {
    let program = Program::new(ESTATE);
    std::fs::create_dir(program.path().join(".aws")).expect("made");
    program.write(".aws/config", config);
    program.write(".aws/credentials", credentials);
    program
}

fn command(program: &Program, args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = program.command(args);
    command.env_remove("PALISADE_SANDBOX").envs(env.iter().copied());
    command
}

#[track_caller]
fn plan(program: &Program, env: &[(&str, &str)]) -> Run {
    command(program, &["plan"], env).output().expect("the program starts").into()
}

/// The keys of the management account behind an endpoint, as the credentials file has them.
fn keys(front: &Front) -> String {
    let keys = front.sandbox.management_credentials();
    format!(
        "aws_access_key_id = {}\naws_secret_access_key = {}\n",
        keys.access_key_id(),
        keys.secret_access_key()
    )
}

#[test]
fn a_profile_that_does_not_exist_stops_before_any_call() {
    let front = Front::open(Way::default());
    let program = program("", &format!("[default]\n{}[opps]\n{}", keys(&front), keys(&front)));
    let env = [
        ("AWS_PROFILE", "ops"),
        ("AWS_ENDPOINT_URL", &front.url()),
        // What the SDK would go on to.
        ("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSE"),
        ("AWS_SECRET_ACCESS_KEY", "else"),
    ];
    for env in [&env[..2], &env[..]] {
        let run = plan(&program, env).code(1);
        assert!(run.err.contains("there is no AWS profile `ops`"), "{}", run.err);
        assert!(run.err.contains("did you mean `opps`?"), "{}", run.err);
    }
    let env = [("AWS_DEFAULT_PROFILE", "ops"), env[1]];
    assert!(plan(&program, &env).code(1).err.contains("there is no AWS profile `ops`"));
    // The AWS CLI reads one with spaces in its name, the SDK does not.
    let spaced = self::program(&format!("[profile \"my ops\"]\n{}", keys(&front)), "");
    let run = plan(&spaced, &[("AWS_PROFILE", "my ops"), env[1]]).code(1);
    assert!(run.err.contains("whose name holds spaces"), "{}", run.err);
    assert!(front.seen().is_empty(), "{:?}", front.seen());
}

#[test]
fn a_profile_that_cannot_be_resolved_stops_before_any_call() {
    let front = Front::open(Way::default());
    let role = "role_arn = arn:aws:iam::111111111111:role/ops\n";
    for (config, why) in [
        (format!("[profile ops]\n{role}source_profile = base\n"), "names the source profile `base`, which does not exist"),
        (format!("[profile ops]\n{role}"), "no credentials to assume it with"),
        (format!("[profile ops]\n{role}source_profile = a\n[profile a]\n{role}source_profile = ops\n"), "ops -> a -> ops"),
        (format!("[profile ops]\n{role}source_profile = a\n[profile a]\nregion = eu-west-1\n"), "the AWS profile `a` holds no credentials"),
        (format!("[profile ops]\n{role}credential_source = Enviroment\n"), "`Enviroment`"),
        ("[profile ops]\nsso_session = corp\nsso_account_id = 111111111111\nsso_role_name = r\n".to_owned(), "names the SSO session `corp`"),
        ("[profile ops]\nsso_start_url = https://x\nsso_account_id = 111111111111\nsso_role_name = r\n".to_owned(), "no `sso_region`"),
        ("[profile ops]\naws_access_key_id = AKIAHALF\n".to_owned(), "no `aws_secret_access_key`"),
    ] {
        let program = program(&config, &format!("[default]\n{}", keys(&front)));
        let run = plan(&program, &[("AWS_PROFILE", "ops"), ("AWS_ENDPOINT_URL", &front.url())]).code(1);
        assert!(run.err.contains(why), "{config}\n{}", run.err);
    }
    let program = program("", &format!("[default]\n{}", keys(&front)));
    let run =
        plan(&program, &[("AWS_ACCESS_KEY_ID", "AKIAHALF"), ("AWS_ENDPOINT_URL", &front.url())])
            .code(1);
    assert!(run.err.contains("`AWS_SECRET_ACCESS_KEY` is not"), "{}", run.err);
    assert!(front.seen().is_empty(), "{:?}", front.seen());
}

/// A variable that is set to nothing is not set, as for the AWS CLI: the profile's endpoint counts.
#[test]
fn an_endpoint_that_is_set_to_nothing_is_not_set() {
    let front = Front::open(Way::default());
    let url = front.url();
    let program = program(
        &format!("[profile ops]\nendpoint_url = {url}\n"),
        &format!("[ops]\n{}", keys(&front)),
    );
    let profile = ("AWS_PROFILE", "ops");
    for env in [
        vec![profile, ("AWS_ENDPOINT_URL", "")],
        vec![profile, ("AWS_ENDPOINT_URL_ORGANIZATIONS", ""), ("AWS_ENDPOINT_URL_STS", "")],
        vec![profile, ("AWS_ENDPOINT_URL", url.as_str()), ("AWS_ENDPOINT_URL_IAM", "")],
    ] {
        front.forget();
        plan(&program, &env).code(0);
        assert!(!front.seen().is_empty(), "{env:?}");
    }
}

#[test]
fn the_profile_of_either_variable_is_the_one_that_calls() {
    let front = Front::open(Way::default());
    let program = program(
        "",
        &format!(
            "[ops]\n{}[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = x\n",
            keys(&front)
        ),
    );
    let url = front.url();
    for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        front.forget();
        plan(&program, &[(variable, "ops"), ("AWS_ENDPOINT_URL", &url)]).code(0);
        let key = front.sandbox.management_credentials();
        assert!(!front.seen().is_empty());
        assert!(front.seen().iter().any(|seen| seen.key() == key.access_key_id()));
        assert!(front.seen().iter().all(|seen| seen.key() != "AKIADEFAULT"), "{variable}");
    }
    let both =
        [("AWS_PROFILE", "ops"), ("AWS_DEFAULT_PROFILE", "default"), ("AWS_ENDPOINT_URL", &url)];
    let run = plan(&program, &both).code(1);
    assert!(run.err.contains("`AWS_DEFAULT_PROFILE` names `default`"), "{}", run.err);
}

#[test]
fn a_bundle_of_certificates_takes_the_place_of_the_systems() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("made");
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("versions")
    .with_no_client_auth()
    .with_single_cert(
        vec![made.cert.der().clone()],
        rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der())
            .expect("a key"),
    )
    .expect("a certificate");
    let front = Front::open(Way::default().tls(config));
    let url = format!("https://localhost:{}", front.port);
    let program = program("", &format!("[default]\n{}", keys(&front)));
    program.write("ca.pem", &made.cert.pem());
    program.write("no.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let file = |name: &str| program.path().join(name).display().to_string();

    let endpoint = ("AWS_ENDPOINT_URL", url.as_str());
    let once = ("AWS_MAX_ATTEMPTS", "1");
    plan(&program, &[endpoint, once]).code(1);
    assert!(front.seen().is_empty());
    plan(&program, &[endpoint, ("AWS_CA_BUNDLE", &file("ca.pem"))]).code(0);
    assert!(!front.seen().is_empty());
    front.forget();
    program.write(".aws/config", &format!("[default]\nca_bundle = {}\n", file("ca.pem")));
    plan(&program, &[endpoint]).code(0);
    assert!(!front.seen().is_empty());

    for (name, why) in [
        ("no.pem", "cannot be used"),
        ("main.hcl", "it holds no certificate"),
        ("none", "No such file"),
    ] {
        let run = plan(&program, &[endpoint, ("AWS_CA_BUNDLE", &file(name))]).code(1);
        assert!(run.err.contains("`AWS_CA_BUNDLE` names") && run.err.contains(why), "{}", run.err);
    }
}

/// The accounts behind know keys, not the sessions that these tests make up.
fn without_token(seen: &mut Request) -> Option<Response> {
    seen.headers.remove("x-amz-security-token");
    None
}

#[test]
fn a_console_login_of_the_cli_counts() {
    let front = Front::open(Way::default().instead(without_token));
    let session = "arn:aws:iam::111111111111:user/operator";
    let program = program(&format!("[profile console]\nlogin_session = {session}\n"), "");
    let keys = front.sandbox.management_credentials();
    let token = serde_json::json!({
        "accessToken": {
            "accessKeyId": keys.access_key_id(),
            "secretAccessKey": keys.secret_access_key(),
            "sessionToken": "token",
            "accountId": "111111111111",
            "expiresAt": "2099-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4",
        "refreshToken": "r",
        "idToken": "i",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIFDZHUzOG1Pzq+6F0mjMlOSp1syN9LRPBuHMoCFXTcXhoAoGCCqGSM49\nAwEHoUQDQgAE9qhj+KtcdHj1kVgwxWWWw++tqoh7H7UHs7oXh8jBbgF47rrYGC+t\ndjiIaHK3dBvvdE7MGj5HsepzLm3Kj91bqA==\n-----END EC PRIVATE KEY-----\n",
    });
    std::fs::create_dir_all(program.path().join(".aws/login/cache")).expect("made");
    use sha2::Digest as _;
    let name = data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(session));
    program.write(&format!(".aws/login/cache/{name}.json"), &token.to_string());
    plan(&program, &[("AWS_PROFILE", "console"), ("AWS_ENDPOINT_URL", &front.url())]).code(0);
    assert!(front.seen().iter().any(|seen| seen.key() == keys.access_key_id()));
}

#[test]
fn a_containers_credentials_are_asked_for_past_the_proxy() {
    let proxy = Front::open(Way::default().instead(without_token));
    let keys = proxy.sandbox.management_credentials();
    let given = serde_json::json!({
        "AccessKeyId": keys.access_key_id(),
        "SecretAccessKey": keys.secret_access_key(),
        "Token": "token",
        "Expiration": "2099-01-01T00:00:00Z",
    });
    let container =
        Front::open(Way::default().instead(move |_| front::answer(200, given.to_string())));
    let program = program("", "");
    plan(
        &program,
        &[
            ("HTTP_PROXY", &proxy.url()),
            ("AWS_ENDPOINT_URL", "http://aws.invalid"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/credentials", container.url())),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let-me-in"),
        ],
    )
    .code(0);
    let asked = container.seen();
    assert_eq!(asked.len(), 1, "once a run: {asked:?}");
    assert_eq!(asked[0].headers.get("authorization").map(String::as_str), Some("let-me-in"));
    assert!(proxy.seen().iter().all(|seen| !seen.uri.contains("/credentials")));
    assert!(proxy.seen().iter().any(|seen| seen.key() == keys.access_key_id()));
}

#[test]
fn a_credential_process_runs_once_a_run() {
    let front = Front::open(Way::default());
    let keys = front.sandbox.management_credentials();
    let program = program("[profile tool]\ncredential_process = sh tool.sh\n", "");
    program.write(
        "tool.sh",
        &format!(
            "echo run >> runs\necho '{{\"Version\":1,\"AccessKeyId\":\"{}\",\"SecretAccessKey\":\"{}\"}}'\n",
            keys.access_key_id(),
            keys.secret_access_key()
        ),
    );
    program.write(
        "main.hcl",
        &ESTATE.replace(
            "name = \"acme\"\n",
            "name = \"acme\"\n  backend \"s3\" {\n    bucket = \"acme-state\"\n    region = \"eu-west-1\"\n  }\n",
        ),
    );
    let env = [("AWS_PROFILE", "tool"), ("AWS_ENDPOINT_URL", &*front.url())];
    command(&program, &["init", "--create-backend"], &env).output().expect("runs");
    program.write("runs", "");
    let run: Run =
        command(&program, &["apply", "--auto-approve"], &env).output().expect("runs").into();
    run.code(0);
    let runs = std::fs::read_to_string(program.path().join("runs")).expect("it ran");
    assert_eq!(runs.lines().count(), 1, "{runs}");
}

#[test]
fn a_role_of_a_profile_needs_no_region() {
    let front = Front::open(Way::default().instead(|seen| {
        without_token(seen);
        (seen.operation() == "AssumeRole").then(|| session(seen)).flatten()
    }));
    let config =
        "[profile ops]\nrole_arn = arn:aws:iam::111111111111:role/ops\nsource_profile = base\n";
    let program = program(config, &format!("[base]\n{}", keys(&front)));
    plan(&program, &[("AWS_PROFILE", "ops"), ("AWS_ENDPOINT_URL", &front.url())]).code(0);
    let assumed = front.seen().iter().filter(|seen| seen.operation() == "AssumeRole").count();
    assert_eq!(assumed, 1, "once a run");
}

/// What STS answers. The session has the keys that it was assumed with: what counts is that it was.
fn session(seen: &Request) -> Option<Response> {
    front::answer(
        200,
        format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            seen.key()
        ),
    )
}

/// The order of botocore's `create_credential_resolver`, which the AWS CLI uses.
#[test]
fn a_web_identity_of_the_environment_goes_before_what_a_profile_holds() {
    let key = Arc::new(std::sync::OnceLock::new());
    let own = Arc::clone(&key);
    let front = Front::open(Way::default().instead(move |seen| {
        without_token(seen);
        let body = seen.text();
        let exchanged = body.contains("Action=AssumeRoleWithWebIdentity");
        let operation = if exchanged { "AssumeRoleWithWebIdentity" } else { "AssumeRole" };
        if !exchanged && seen.operation() != operation {
            return None;
        }
        let key: &String = own.get().expect("set before anything is asked");
        front::answer(
            200,
            format!(
                "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></{operation}Result></{operation}Response>"
            ),
        )
    }));
    let management = front.sandbox.management_credentials();
    key.set(management.access_key_id().to_owned()).expect("once");
    let else_ = "aws_access_key_id = AKIASOMEBODYELSE\naws_secret_access_key = x\n";
    let program = program(
        "[profile role]\nrole_arn = arn:aws:iam::111111111111:role/of-profile\nsource_profile = ops\n[profile own]\nrole_arn = arn:aws:iam::111111111111:role/own\nweb_identity_token_file = own-token\n",
        &format!("[default]\n{else_}[ops]\n{else_}"),
    );
    program.write("token", "of-environment");
    program.write("own-token", "of-profile");
    let url = front.url();
    let endpoint = ("AWS_ENDPOINT_URL", url.as_str());
    let token = ("AWS_WEB_IDENTITY_TOKEN_FILE", "token");
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/web");
    let asked = |env: &[(&str, &str)]| -> Vec<String> {
        front.forget();
        plan(&program, env).code(0);
        let seen = front.seen();
        assert!(
            seen.iter().all(|s| s.key() != "AKIASOMEBODYELSE" || s.operation() == "AssumeRole")
        );
        seen.iter().map(Request::text).filter(|body| body.contains("Action=AssumeRole")).collect()
    };
    // Before the keys of the default profile, and of one that is named.
    for env in [&[endpoint, token, role][..], &[endpoint, token, role, ("AWS_PROFILE", "ops")]] {
        let asked = asked(env);
        assert_eq!(asked.len(), 1, "{env:?} {asked:?}");
        assert!(
            asked[0].contains("role%2Fweb") && asked[0].contains("of-environment"),
            "{asked:?}"
        );
    }
    // A role that a profile assumes goes before it.
    let of_role = asked(&[endpoint, token, role, ("AWS_PROFILE", "role")]);
    assert!(of_role.len() == 1 && of_role[0].contains("role%2Fof-profile"), "{of_role:?}");
    // Each of the settings is the environment's where that has it.
    let mixed = asked(&[endpoint, token, ("AWS_PROFILE", "own")]);
    assert!(mixed[0].contains("role%2Fown") && mixed[0].contains("of-environment"), "{mixed:?}");
    let mixed = asked(&[endpoint, role, ("AWS_PROFILE", "own")]);
    assert!(mixed[0].contains("role%2Fweb") && mixed[0].contains("of-profile"), "{mixed:?}");

    front.forget();
    let half = plan(&program, &[endpoint, token]).code(1);
    assert!(half.err.contains("`AWS_ROLE_ARN` is not"), "{}", half.err);
    let none = plan(&program, &[endpoint, ("AWS_WEB_IDENTITY_TOKEN_FILE", "none"), role]).code(1);
    assert!(none.err.contains("`AWS_WEB_IDENTITY_TOKEN_FILE` names `none`"), "{}", none.err);
    assert!(front.seen().is_empty(), "{:?}", front.seen());
    // Keys in the environment go before everything.
    let keys = [
        ("AWS_ACCESS_KEY_ID", management.access_key_id()),
        ("AWS_SECRET_ACCESS_KEY", management.secret_access_key()),
    ];
    assert!(asked(&[endpoint, token, role, keys[0], keys[1]]).is_empty());
}

#[test]
fn keys_of_the_credentials_file_go_before_a_process_of_the_config_file() {
    let front = Front::open(Way::default());
    let config = "[profile ops]\ncredential_process = sh -c 'echo run >> ran; exit 1'\n[profile late]\naws_access_key_id = AKIALATE\naws_secret_access_key = x\ncredential_process = sh -c 'echo run >> ran; exit 1'\n";
    let program = program(config, &format!("[ops]\n{}", keys(&front)));
    let url = front.url();
    plan(&program, &[("AWS_PROFILE", "ops"), ("AWS_ENDPOINT_URL", &url)]).code(0);
    assert!(!program.path().join("ran").exists());
    // Those of the config file come after it.
    plan(&program, &[("AWS_PROFILE", "late"), ("AWS_ENDPOINT_URL", &url)]).code(1);
    assert!(program.path().join("ran").exists());
    assert!(front.seen().iter().all(|seen| seen.key() != "AKIALATE"));
}

/// A profile whose role asks for a code, and an endpoint whose STS takes `123456` alone.
fn guarded() -> (Program, Front) {
    let front = Front::open(Way::default().instead(|seen| {
        let body = seen.text();
        without_token(seen);
        if seen.operation() != "AssumeRole" || !body.contains("role%2Fops") {
            return None;
        }
        if !body.contains("TokenCode=123456") || !body.contains("SerialNumber=arn%3Aaws%3Aiam") {
            return front::answer(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>MultiFactorAuthentication failed with invalid MFA one time pass code.</Message></Error></ErrorResponse>");
        }
        session(seen)
    }));
    let config = "[profile ops]\nrole_arn = arn:aws:iam::111111111111:role/ops\nsource_profile = base\nmfa_serial = arn:aws:iam::111111111111:mfa/jo\n";
    let program = program(config, &format!("[base]\n{}", keys(&front)));
    (program, front)
}

#[test]
fn a_code_that_cannot_be_asked_for_is_a_sentence() {
    let (program, front) = guarded();
    let run = plan(&program, &[("AWS_PROFILE", "ops"), ("AWS_ENDPOINT_URL", &front.url())]).code(1);
    assert!(
        run.err.contains("asks for a code of `arn:aws:iam::111111111111:mfa/jo`"),
        "{}",
        run.err
    );
    assert!(run.err.contains("aws configure export-credentials --profile ops"), "{}", run.err);
    assert!(front.seen().is_empty(), "{:?}", front.seen());
}

/// Runs a command at a terminal of its own; what the terminal showed, after `typed` was typed.
fn at_a_terminal(mut command: Command, typed: &str) -> (i32, String) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("granted");
    unlockpt(&master).expect("unlocked");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let slave = || -> OwnedFd {
        let name = name.to_str().expect("text");
        std::fs::File::options().read(true).write(true).open(name).expect("opens").into()
    };
    let mut child = command
        .stdin(Stdio::from(slave()))
        .stderr(Stdio::from(slave()))
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    drop(command);
    let mut terminal = std::fs::File::from(master.as_fd().try_clone_to_owned().expect("cloned"));
    let mut shown = String::new();
    let mut answered = false;
    let mut bytes = [0; 4096];
    // The terminal ends with its last user.
    while let Ok(length) = terminal.read(&mut bytes)
        && length > 0
    {
        shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        if !answered && shown.contains("MFA code of") {
            terminal.write_all(typed.as_bytes()).expect("typed");
            answered = true;
        }
    }
    (child.wait().expect("ends").code().unwrap_or(-1), shown)
}

#[test]
fn a_code_is_asked_for_at_a_terminal_once() {
    let (program, front) = guarded();
    let env = [("AWS_PROFILE", "ops"), ("AWS_ENDPOINT_URL", &*front.url())];
    let (code, shown) = at_a_terminal(command(&program, &["plan"], &env), "123456\n");
    assert_eq!(code, 0, "{shown}");
    assert_eq!(shown.matches("MFA code of").count(), 1, "{shown}");
    let seen = front.seen();
    assert_eq!(seen.iter().filter(|s| s.text().contains("TokenCode=123456")).count(), 1);
    assert_eq!(seen[0].operation(), "AssumeRole", "the code is taken before anything is read");

    // A shared configuration file may come from anyone: what it names steers no terminal.
    front.forget();
    let file = program.path().join(".aws/config");
    let config = std::fs::read_to_string(&file).expect("written");
    std::fs::write(&file, config.replace("mfa/jo", "mfa/jo\u{1b}[2J\u{7}")).expect("written");
    let mut plain = command(&program, &["plan"], &env);
    plain.env("TERM", "dumb");
    let (_, hostile) = at_a_terminal(plain, "123456\n");
    assert!(
        hostile.contains("MFA code of arn:aws:iam::111111111111:mfa/jo\\u{1b}[2J\\u{7}"),
        "{hostile:?}"
    );
    assert!(!hostile.contains(['\u{1b}', '\u{7}']), "{hostile:?}");
    std::fs::write(&file, config).expect("written");

    front.forget();
    let (code, shown) = at_a_terminal(command(&program, &["plan"], &env), "999999\n");
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("invalid MFA one time pass code"), "{shown}");
    assert_eq!(front.seen().len(), 1, "nothing is read as somebody else");
}
