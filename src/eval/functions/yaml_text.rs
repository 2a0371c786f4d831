//! How `yamlencode` writes text: in double quotes, folded where it is long, or as a literal block, as libyaml does it
//! for Terraform.

use std::fmt::Write as _;

/// The column behind which the next space may become a line break.
const WIDTH: usize = 80;

/// Text after a key or a dash.
pub(super) fn scalar(text: &str, out: &mut String, indent: usize) {
    let indent = indent.max(2);
    let literal = text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && text.chars().all(|c| matches!(c, '\n' | '\t') || is_plain(c))
        && !text.lines().any(|line| line.ends_with(' ') || line.ends_with('\t'));
    if !literal {
        double_quoted(text, out, Some(indent));
        return;
    }
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        out.push('\n');
        if !line.is_empty() {
            out.extend(std::iter::repeat_n(' ', indent));
            out.push_str(line);
        }
    }
    out.push('\n');
}

/// A key, which stays on its line.
pub(super) fn key(text: &str, out: &mut String) {
    double_quoted(text, out, None);
}

/// Whether a character stands for itself: libyaml writes what lies beyond the first plane as an escape.
fn is_plain(c: char) -> bool {
    let breaks = matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    let printable = matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}');
    printable && !breaks && c != '\u{feff}'
}

/// In double quotes; a long text goes on at `fold` spaces of the next line.
fn double_quoted(text: &str, out: &mut String, fold: Option<usize>) {
    let start = out.rfind('\n').map_or(0, |at| at + 1);
    let mut column = out.get(start..).map_or(0, |line| line.chars().count());
    out.push('"');
    column += 1;
    let mut spaced = false;
    let mut chars = text.chars().enumerate().peekable();
    while let Some((index, c)) = chars.next() {
        let before = out.len();
        match (c, fold) {
            (' ', Some(indent))
                if !spaced && column > WIDTH && index > 0 && chars.peek().is_some() =>
            {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
                column = indent;
                if matches!(chars.peek(), Some((_, ' '))) {
                    out.push('\\');
                    column += 1;
                }
                spaced = true;
                continue;
            }
            ('"' | '\\', _) => {
                out.push('\\');
                out.push(c);
            }
            (c, _) if is_plain(c) => out.push(c),
            (c, _) => escaped(c, out),
        }
        column += out.get(before..).map_or(0, |written| written.chars().count());
        spaced = c == ' ';
    }
    out.push('"');
}

fn escaped(c: char, out: &mut String) {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '\u{85}' => 'N',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(c);
            // Writing to a string cannot fail.
            let _ = match code {
                0..=0xff => write!(out, "\\x{code:02X}"),
                0x100..=0xffff => write!(out, "\\u{code:04X}"),
                _ => write!(out, "\\U{code:08X}"),
            };
            return;
        }
    };
    out.push('\\');
    out.push(short);
}
