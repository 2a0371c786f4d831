//! `prevent_destroy` stops every plan that would let go of what it protects, and no other.

use crate::support::cli::Program;
use crate::support::estates::two_environments;

const PROTECTED: &str = "lifecycle {\n    prevent_destroy = true\n  }";

/// An estate with something protected in it, applied.
fn with(kind: &str) -> Program {
    let estate = two_environments(
        "iam_role \"r\" {\n  accounts = [account.dev, account.production]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n}\n",
    );
    let estate = match kind {
        "organization" => estate.replace(
            "organization \"acme\" {}",
            &format!("organization \"acme\" {{\n  {PROTECTED}\n}}"),
        ),
        "account" => estate.replace(
            "email = \"production@acme.example\"",
            &format!("email = \"production@acme.example\"\n  {PROTECTED}"),
        ),
        _ => estate.replace("iam_role \"r\" {", "iam_role \"kept\" {\n  accounts = [account.production]\n  trust {\n    services = [\"ec2.amazonaws.com\"]\n  }\n  lifecycle {\n    prevent_destroy = true\n  }\n}\niam_role \"r\" {"),
    };
    let program = Program::new(&estate);
    program.run(&["apply", "--auto-approve"]).code(0);
    program
}

#[test]
fn a_protected_account_or_organization_stops_destroy() {
    for (kind, address) in
        [("account", "account.production"), ("organization", "organization.acme")]
    {
        let program = with(kind);
        let run = program.run(&["destroy", "--auto-approve"]).code(1);
        let expected = format!("the plan would forget `{address}`, which is protected");
        assert!(run.err.contains(&expected), "{}", run.err);
        // Nothing went: the state holds all that it held.
        let listed = program.run(&["state", "list"]).code(0).out;
        for left in [address, "iam_role.r@dev", "iam_role.r@production"] {
            assert!(listed.contains(left), "{listed}");
        }
    }
}

#[test]
fn what_a_destroy_leaves_alone_need_not_give_up_its_protection() {
    for (kind, kept) in [("account", "account.production"), ("role", "iam_role.kept@production")] {
        let program = with(kind);
        program.run(&["destroy", "--auto-approve", "--target", "iam_role.r"]).code(0);
        program.run(&["destroy", "--auto-approve", "--account", "dev"]).code(0);
        let listed = program.run(&["state", "list"]).code(0).out;
        assert!(listed.contains(kept), "{listed}");
        assert!(!listed.contains("iam_role.r@dev"), "{listed}");
        program.run(&["destroy", "--auto-approve"]).code(1);
    }
}
