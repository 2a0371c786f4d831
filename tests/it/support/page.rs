//! What a person sees of an HTML page before anything on it is opened: its text, with enough of the structure
//! to tell headings, rows and colours apart.

/// The visible text of a page of Palisade's. `#` stands before a heading, `|` between the cells of a row, `-`
/// before an item, `>` before what can be opened, a colour's class in brackets before what it colours; what is
/// folded is counted in lines, and times are not told.
pub(crate) fn visible(page: &str) -> String {
    let mut seen = Seen::default();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        seen.text(&rest[..start]);
        let end = start + rest[start..].find('>').expect("a tag ends");
        seen.tag(&rest[start + 1..end]);
        rest = &rest[end + 1..];
    }
    seen.text(rest);
    let lines = seen.out.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.map(|line| format!("{}\n", undated(line))).collect()
}

/// A line without its times, each `TIME`, and without how long something took (`| 3s`), `| TOOK`.
fn undated(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let is_time = word.len() == "2026-01-01T00:00:00Z".len()
            && word.ends_with('Z')
            && word.chars().filter(char::is_ascii_digit).count() == 14;
        let seconds = word.strip_suffix('s').unwrap_or_default();
        let is_span = !seconds.is_empty() && seconds.chars().all(|c| c.is_ascii_digit());
        match (is_time, is_span) {
            (true, _) => "TIME",
            (_, true) => "TOOK",
            _ => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[derive(Default)]
struct Seen {
    out: String,
    /// Inside the head of the document.
    in_head: bool,
    in_pre: bool,
    in_summary: bool,
    /// Of each `details` around, whether it is open.
    details: Vec<bool>,
    /// Lines inside closed ones.
    folded: usize,
}

impl Seen {
    fn is_hidden(&self) -> bool {
        let around = self.details.len() - usize::from(self.in_summary);
        self.in_head || self.details[..around].contains(&false)
    }

    fn text(&mut self, text: &str) {
        let text = unescaped(text);
        if self.is_hidden() {
            self.folded +=
                usize::from(!self.in_head) * text.lines().filter(|l| !l.trim().is_empty()).count();
        } else if self.in_pre {
            self.out.push_str(&text);
        } else {
            let spaced = text.starts_with(char::is_whitespace) && !self.out.ends_with([' ', '\n']);
            let words: Vec<&str> = text.split_whitespace().collect();
            if spaced {
                self.out.push(' ');
            }
            self.out.push_str(&words.join(" "));
            if text.ends_with(char::is_whitespace) && !self.out.ends_with([' ', '\n']) {
                self.out.push(' ');
            }
        }
    }

    fn tag(&mut self, tag: &str) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name {
            "head" => self.in_head = true,
            "/head" => self.in_head = false,
            "pre" => self.in_pre = true,
            "/pre" => self.in_pre = false,
            "details" => {
                self.details.push(tag.ends_with(" open"));
                return;
            }
            "/details" => {
                let was_open = self.details.pop().expect("it was opened");
                if !was_open && !self.is_hidden() {
                    self.out.push_str(&format!(" ({} lines folded)\n", self.folded));
                    self.folded = 0;
                }
                return;
            }
            "summary" => self.in_summary = true,
            "/summary" => {
                self.in_summary = false;
                return;
            }
            _ => {}
        }
        if self.is_hidden() {
            return;
        }
        let mark = match name {
            "h1" => "\n# ",
            "h2" => "\n## ",
            "h3" => "\n### ",
            "h4" => "\n#### ",
            "summary" => "\n> ",
            "li" | "dt" => "\n- ",
            "dd" => ": ",
            "th" | "td" => "| ",
            "p" | "div" | "tr" | "br" | "main" | "nav" | "header" | "pre" | "table" => "\n",
            _ => "",
        };
        self.out.push_str(mark);
        let class = tag.split_once("class=\"").and_then(|(_, rest)| rest.split_once('"'));
        let classes = class.map_or("", |(class, _)| class).split(' ');
        for colour in classes.filter(|class| ["good", "bad", "warn"].contains(class)) {
            self.out.push_str(&format!("[{colour}] "));
        }
        if name == "/td" || name == "/th" {
            self.out.push(' ');
        }
    }
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#8594;", "->"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain))
}

#[test]
fn a_page_is_seen_as_it_stands() {
    let page = "<!doctype html>\n<html><head><title>x</title><style>p{a:b}</style></head><body>\
        <h1>One &amp; <code>two</code></h1>\n<p class=\"banner bad\">No</p>\
        <p>Planned 2026-11-28T17:07:44Z by Palisade</p>\
        <table><tr><td>2026-11-28T17:07:44Z</td><td>12s</td></tr></table>\
        <details><summary>Wall <span class=\"good\">shut</span></summary><div>a\nb</div></details>\
        <details open><summary>Few</summary><pre>+ x\n  + y</pre></details>\
        <table><tr><th>k</th><td class=\"warn\">v</td></tr></table></body></html>";
    let expected = "# One & two\n[bad] No\nPlanned TIME by Palisade\n| TIME | TOOK\n> Wall [good] shut (2 lines folded)\n\
        > Few\n+ x\n  + y\n| k | [warn] v\n";
    assert_eq!(visible(page), expected);
}
