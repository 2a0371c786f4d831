//! `command` and `http`: programs that really run and a server that really answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use palisade::promotion::gate::GateOutcome;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::stage::{DIGEST, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_program_opens_the_gate_by_its_exit_code() {
    let mut stage = Stage::new(
        r#"
  gate "command" "smoke" {
    command     = ["./check.sh", "a b", "$HOME; exit 9"]
    environment = { PASSWORD_OF_TEST = sensitive("hunter2-battery"), PLAIN = "seen" }
    timeout     = "5m"
  }
  gate "command" "absent" {
    command = ["./no-such-program"]
  }
  gate "command" "slow" {
    command = ["sh", "-c", "sleep 300 & echo $!; sleep 300"]
    timeout = "1s"
  }
  gate "command" "leaves" {
    command = ["sh", "-c", "sleep 300 & echo $!"]
  }
"#,
    )
    .await;
    let script = stage.program.path().join("check.sh");
    let write = |text: &str| {
        std::fs::write(&script, format!("#!/bin/sh\n{text}\n")).expect("written");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, executable).expect("executable");
    };
    stage.vars.insert("PALISADE_VAR_secret".to_owned(), "not for others".to_owned());
    stage.vars.insert("API_TOKEN".to_owned(), "tok-1234567890".to_owned());

    write(
        "echo \"$1|$2|$PLAIN|$PALISADE_TO|$PALISADE_VAR_secret|$API_TOKEN|$PASSWORD_OF_TEST\" >&2\n\
         echo \"{\\\"digest\\\": \\\"$PALISADE_RELEASE_DIGEST\\\", \\\"values\\\": $PALISADE_RELEASE_VALUES}\"",
    );
    let passed = stage.ask("command.smoke").await;
    assert_eq!(passed.outcome, GateOutcome::Passed, "{}", passed.summary);
    // No shell has touched the arguments, and no secret is kept.
    assert_eq!(
        passed.detail["stderr_tail"],
        "a b|$HOME; exit 9|seen|production||(hidden)|(hidden)\n"
    );
    assert_eq!(passed.detail["stdout_json"]["digest"], DIGEST);
    assert_eq!(passed.detail["stdout_json"]["values"]["image"], "app@sha256:1");

    write("echo broken; exit 3");
    let failed = stage.ask("command.smoke").await;
    assert_eq!(failed.outcome, GateOutcome::Failed);
    assert_eq!(failed.detail["exit_code"], 3);
    assert_eq!(failed.detail["stdout_tail"], "broken\n");

    let absent = stage.ask("command.absent").await;
    assert_eq!(absent.outcome, GateOutcome::Unknown);
    assert!(absent.summary.contains("cannot be started"), "{}", absent.summary);

    let slow = stage.ask("command.slow").await;
    assert_eq!(slow.outcome, GateOutcome::Failed);
    assert!(slow.summary.contains("did not end within 1s and was killed"), "{}", slow.summary);
    gone(slow.detail["stdout_tail"].as_str().expect("a process id"));

    let leaves = stage.ask("command.leaves").await;
    assert_eq!(leaves.outcome, GateOutcome::Passed);
    gone(leaves.detail["stdout_tail"].as_str().expect("a process id"));
}

/// A process that was killed is gone, or waits for somebody to read how it ended. The signal is sent
/// by then; the kernel may need a moment to carry it out.
#[track_caller]
fn gone(pid: &str) {
    let path = format!("/proc/{}/stat", pid.trim());
    let alive = || {
        let stat = std::fs::read_to_string(&path);
        stat.is_ok_and(|s| !s.rsplit(')').next().unwrap_or_default().trim().starts_with('Z'))
    };
    for _ in 0..500 {
        if !alive() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("process {pid} still runs");
}

/// Answers with the status that is set, and counts requests.
struct Server {
    port: u16,
    status: Arc<AtomicU16>,
    requests: Arc<AtomicUsize>,
}

async fn server(body: &'static str) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (status, requests) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicUsize::new(0)));
    let (set, count) = (Arc::clone(&status), Arc::clone(&requests));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let status = match set.load(Ordering::SeqCst) {
                // A server that fails every third time.
                1 if number % 3 == 0 => 500,
                1 => 200,
                // One that takes the request and says nothing.
                0 => {
                    tokio::spawn(async move {
                        std::future::pending::<()>().await;
                        drop(stream);
                    });
                    continue;
                }
                status => status,
            };
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let location = if status == 302 { "Location: /elsewhere\r\n" } else { "" };
            let answer = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{location}Connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Server { port, status, requests }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_opens_the_gate_by_what_it_answers() {
    let server = server("{\"status\": \"up\", \"version\": 7}").await;
    let url = format!("http://127.0.0.1:{}/health", server.port);
    let mut stage = Stage::new(&format!(
        r#"
gate "http" "up" {{
  url      = "{url}"
  body     = "\"version\": 7"
  count    = 4
  interval = "10s"
  timeout  = "2m"
}}
gate "http" "other_body" {{
  url     = "{url}"
  body    = "\"version\": 8"
  timeout = "1s"
}}
gate "http" "moved" {{
  url     = "{url}"
  status  = 302
  timeout = "1s"
}}
gate "http" "nobody" {{
  url     = "http://127.0.0.1:9/"
  timeout = "1s"
}}
"#
    ))
    .await;
    // No proxy stands between this machine and itself.
    stage.vars.insert("http_proxy".to_owned(), "http://127.0.0.1:9".to_owned());

    let up = stage.ask("http.up").await;
    assert_eq!(up.outcome, GateOutcome::Passed, "{}", up.summary);
    assert_eq!(
        (up.detail["in_a_row"].as_u64(), up.detail["status"].as_u64()),
        (Some(4), Some(200))
    );
    assert_eq!(server.requests.swap(0, Ordering::SeqCst), 4);

    // Two in a row are not four, however often: it tries until its time is over.
    server.status.store(1, Ordering::SeqCst);
    let flaky = stage.ask("http.up").await;
    assert_eq!(flaky.outcome, GateOutcome::Failed, "{}", flaky.summary);
    assert_eq!(server.requests.swap(0, Ordering::SeqCst), 12);

    server.status.store(503, Ordering::SeqCst);
    let down = stage.ask("http.up").await;
    assert_eq!(down.outcome, GateOutcome::Failed);
    assert!(down.summary.contains("within 2m: 503"), "{}", down.summary);

    server.status.store(200, Ordering::SeqCst);
    let body = stage.ask("http.other_body").await;
    assert_eq!(body.outcome, GateOutcome::Failed);
    assert!(body.summary.contains("does not match"), "{}", body.summary);

    // The answer of the URL itself counts, not that of where it sends to.
    assert_eq!(stage.ask("http.moved").await.outcome, GateOutcome::Failed);
    server.status.store(302, Ordering::SeqCst);
    assert_eq!(stage.ask("http.moved").await.outcome, GateOutcome::Passed);

    server.status.store(0, Ordering::SeqCst);
    let silent = stage.ask("http.moved").await;
    assert_eq!(silent.outcome, GateOutcome::Failed);
    assert!(silent.summary.contains("no answer in time"), "{}", silent.summary);
    let nobody = stage.ask("http.nobody").await;
    assert_eq!(nobody.outcome, GateOutcome::Failed);
    assert!(nobody.summary.to_lowercase().contains("refused"), "{}", nobody.summary);
}
