//! A reader that goes away (`| head -1`) stops nothing and hides nothing.

use std::io::Read as _;
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
