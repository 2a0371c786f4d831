//! What several integration tests share.

pub(crate) mod bodies;
pub(crate) mod cli;
pub(crate) mod clock;
pub(crate) mod doors;
pub(crate) mod endpoint;
pub(crate) mod estates;
pub(crate) mod evaluations;
pub(crate) mod files;
pub(crate) mod front;
pub(crate) mod host;
pub(crate) mod http;
pub(crate) mod instances;
pub(crate) mod judge;
pub(crate) mod live;
pub(crate) mod names;
pub(crate) mod outline;
pub(crate) mod page;
pub(crate) mod stage;
pub(crate) mod wire;

use std::path::Path;

/// Snapshots in the top-level directory `snapshots/`, in the folder of that name.
pub(crate) fn snapshots(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings
        .set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

/// A rendering without what differs from run to run: how many days an exception has left, digests of plans, heads of
/// audit logs.
pub(crate) fn undated(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if let Some((before, after)) = line.split_once(" days left)")
            && let Some((head, _)) = before.rsplit_once('(')
        {
            line = format!("{head}(N days left){after}");
        }
        if let Some((before, after)) = line.split_once("<br>audit head: <code>")
            && let Some((_, after)) = after.split_once("</code>")
        {
            line = format!("{before}{after}");
        }
        if line.contains("digest")
            && let Some((head, rest)) = line.split_once("sha256:")
        {
            let rest = rest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            line = format!("{head}sha256:N{rest}");
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// Text without terminal colours and links.
pub(crate) fn without_escapes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}
