//! A reader that goes away (`| head -1`) stops nothing and hides nothing.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Stdio;

use crate::support::cli::Program;

const ROLES: usize = 40;

fn estate() -> String {
    format!(
        r#"
palisade {{
  name = "acme"
}}
organization "acme" {{}}
account "dev" {{
  name  = "acme-dev"
  email = "dev@acme.example"
}}
variable "text" {{
  default = "one"
}}
iam_role "r" {{
  count       = {ROLES}
  accounts    = [account.dev]
  description = var.text
  trust {{
    services = ["ec2.amazonaws.com"]
  }}
}}
"#
    )
}

/// Runs the program as `2>&1 | head` does: one pipe for both streams, of which a byte is read.
fn headed(p: &Program, args: &[&str]) -> i32 {
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let mut command = p.command(args);
    command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
    let mut child = command.stdin(Stdio::null()).spawn().expect("the program starts");
    drop(command);
    reader.read_exact(&mut [0]).expect("something is written");
    drop(reader);
    child.wait().expect("it ends").code().expect("a code")
}

#[test]
fn an_apply_goes_on_without_its_reader_and_ends_as_it_went() {
    let p = Program::new(&estate());
    assert_eq!(headed(&p, &["apply", "--auto-approve"]), 0);
    let applied = p.run(&["state", "list"]).code(0).out;
    assert_eq!(applied.lines().count(), ROLES + 2, "{applied}");
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    // What fails, fails without a reader too.
    p.write("main.hcl", &estate().replace("\"acme-dev\"", "\"acme-deu\""));
    assert_eq!(headed(&p, &["destroy", "--auto-approve", "--target", "iam_role.nowhere"]), 1);
    p.write("main.hcl", &estate());
    assert_eq!(headed(&p, &["apply", "--auto-approve", "--var", "text=two"]), 0);
    p.run(&["plan", "--detailed-exitcode", "--var", "text=two"]).code(0);
}

#[test]
fn a_code_that_tells_of_changes_needs_no_reader() {
    let p = Program::new(&estate());
    assert_eq!(headed(&p, &["plan", "--detailed-exitcode"]), 2);
    assert_eq!(headed(&p, &["plan", "--json", "--detailed-exitcode"]), 2);
    assert_eq!(headed(&p, &["plan"]), 0);
    let more = "iam_role \"x\" {\n  accounts = [account.dev]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n";
    p.write("main.hcl", &format!("{}{more}", estate()));
    p.run(&["apply", "--auto-approve"]).code(0);
    p.run(&["state", "rm", "iam_role.x@dev"]).code(0);
    p.write("main.hcl", &estate());
    assert_eq!(headed(&p, &["drift"]), 2);
    assert_eq!(headed(&p, &["drift", "--json"]), 2);
}

/// Runs the program with a standard output and error of this kind.
fn onto(p: &Program, args: &[&str], out: impl Into<OwnedFd>) -> i32 {
    let out: OwnedFd = out.into();
    let mut command = p.command(args);
    command.stdout(out.try_clone().expect("a copy")).stderr(out);
    command.status().expect("the program starts").code().expect("a code")
}

/// A terminal that has hung up: whoever held its other end has gone.
fn hung_up() -> std::fs::File {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).expect("granted");
    unlockpt(&master).expect("unlocked");
    let name = ptsname(&master, Vec::new()).expect("a name");
    let mut slave = std::fs::File::options();
    slave.read(true).write(true).open(name.to_str().expect("text")).expect("opens")
}

/// A connection that the other side has reset: it closes with something unread.
fn reset() -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let mut here = TcpStream::connect(listener.local_addr().expect("an address")).expect("opens");
    let (there, _) = listener.accept().expect("accepted");
    here.write_all(b"unread").expect("sent");
    while there.peek(&mut [0]).expect("looked") == 0 {}
    drop(there);
    here
}

#[test]
fn a_terminal_that_hung_up_and_a_reset_connection_are_readers_that_went_away() {
    let p = Program::new(&estate());
    assert_eq!(onto(&p, &["plan", "--detailed-exitcode"], hung_up()), 2);
    assert_eq!(onto(&p, &["plan", "--detailed-exitcode"], reset()), 2);
    assert_eq!(onto(&p, &["apply", "--auto-approve"], hung_up()), 0);
    p.run(&["plan", "--detailed-exitcode"]).code(0);
    let two = ["apply", "--auto-approve", "--var", "text=two"];
    assert_eq!(onto(&p, &two, reset()), 0);
    p.run(&["plan", "--detailed-exitcode", "--var", "text=two"]).code(0);
}

#[test]
fn events_that_found_no_room_are_told_at_the_end() {
    const BLOCK: u64 = 512;
    const LIMIT: u64 = 8192 * BLOCK;
    let p = Program::new(&estate());
    // There is room for the plan and for a few events. (No file of this process may grow beyond the limit; what
    // the sandbox and the state write is far smaller.)
    let path = p.path().join("events.json");
    std::fs::File::create(&path).expect("made").set_len(LIMIT - 6000).expect("grown");
    let events = std::fs::File::options().append(true).open(&path).expect("opens");
    let command = p.command(&[]);
    let program = command.get_program().to_owned();
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", &format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", LIMIT / BLOCK), "sh"])
        .arg(program)
        .args(["apply", "--auto-approve", "--json"])
        .current_dir(p.path())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .stdout(events)
        .stderr(Stdio::piped());
    let ended = limited.output().expect("the shell starts");
    let err = String::from_utf8(ended.stderr).expect("UTF-8");
    assert_eq!(ended.status.code(), Some(0), "{err}");
    assert!(err.contains("events of `--json` could not be written"), "{err}");
    assert!(err.contains("File too large"), "{err}");
    p.run(&["plan", "--detailed-exitcode"]).code(0);
}
