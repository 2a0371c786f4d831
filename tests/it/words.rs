//! The glossary binds: names that it gives up are not used for new definitions, and the pages that
//! state the rules of language keep them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::iter::repeat;
use std::path::{Path, PathBuf};

use syn::buffer::{Cursor, TokenBuffer};
use syn::visit::{self, Visit};

use crate::support::names::{is_test_file as is_test, texts};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The last column of the table under "Names in code".
fn given_up() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let table = text.split("## Names in code").nth(1).expect("its last section");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    // A row whose last cell is empty gives nothing up.
    let cells =
        rows.map(|row| row.trim_end().trim_end_matches('|').rsplit('|').next().expect("a cell"));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| !name.contains(':')).map(str::to_owned).collect()
}

/// Every file of `src/`, by its path below the checkout.
fn sources() -> BTreeMap<String, String> {
    texts("src").into_iter().collect()
}

/// A type, variant, function, field, module or constant that a file names.
struct Named {
    name: String,
    is_variant: bool,
    /// Whether it is a type that other files can name.
    leaves_its_file: bool,
}

/// What a file names outside of its tests. Parameters and locals are not among them: they are read beside what
/// they are for.
#[derive(Default)]
struct Names(Vec<Named>);

impl Names {
    fn of(text: &str) -> Vec<Named> {
        let mut names = Self::default();
        names.visit_file(&syn::parse_file(text).expect("a file that compiles"));
        names.0
    }

    fn add(&mut self, ident: &syn::Ident) {
        self.0.push(Named { name: ident.to_string(), is_variant: false, leaves_its_file: false });
    }

    fn add_type(&mut self, ident: &syn::Ident, visibility: &syn::Visibility) {
        let leaves_its_file = !matches!(visibility, syn::Visibility::Inherited);
        self.0.push(Named { name: ident.to_string(), is_variant: false, leaves_its_file });
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            self.add(&item.ident);
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.add_type(&item.ident, &item.vis);
        visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.add_type(&item.ident, &item.vis);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        let name = variant.ident.to_string();
        self.0.push(Named { name, is_variant: true, leaves_its_file: false });
        visit::visit_variant(self, variant);
    }

    fn visit_trait_item_type(&mut self, item: &'ast syn::TraitItemType) {
        self.add(&item.ident);
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        field.ident.iter().for_each(|ident| self.add(ident));
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.add(&signature.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.add(&item.ident);
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.add(&item.ident);
    }
}

#[test]
fn names_that_the_glossary_gives_up_do_not_come_back() {
    let names = given_up();
    assert!(names.contains("World") && names.contains("found"), "the table was read: {names:?}");
    let mut uses = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test(file)) {
        let path = file.trim_start_matches("src/").trim_end_matches(".rs").split('/');
        uses.extend(
            path.filter(|part| names.contains(*part)).map(|part| format!("{file}: {part}")),
        );
        // A variant is read with its enum's name.
        let defined = Names::of(text).into_iter();
        let defined = defined.filter(|named| !named.is_variant && names.contains(&named.name));
        uses.extend(defined.map(|named| format!("{file}: {}", named.name)));
    }
    assert!(uses.is_empty(), "names that docs/glossary.md gives up:\n{}", uses.join("\n"));
}

/// Words of the last columns that name another thing in code, and which. What is no longer needed has to go.
const ALSO_MEANS: &[(&str, &str)] = &[
    ("answer", "what comes back to a request, of a server or of a person"),
    ("basis", "what a write or a comparison starts from"),
    ("blank", "text of spaces alone"),
    ("bucket", "a bucket of S3"),
    ("build", "to put together"),
    ("child", "a program that another one has started; a module in another one"),
    ("choice", "one of the values that a key can have"),
    ("context", "what a pure function is given; the request context of IAM"),
    ("crossing", "the analysis of one step across a wall"),
    ("decision", "the decision about one request or object"),
    ("doubt", "in *in-doubt operation*"),
    ("evaluator", "what evaluates expressions"),
    ("fence", "a fencing token, and what asks for it"),
    ("found", "in `NotFound`, which AWS's errors say"),
    ("held", "of a lease or a value that the process has"),
    ("hidden", "what is not shown, for whatever reason"),
    ("holder", "who holds a lease or a right"),
    ("identity", "identity-based, identity provider: IAM's words"),
    ("job", "one operation on its way to a worker"),
    ("judge", "to decide about a request, a wall or a gate"),
    ("known", "the opposite of unknown"),
    ("left", "what remains"),
    ("limit", "a number that is not exceeded"),
    ("line", "a line of text"),
    ("look", "to look something up"),
    ("mark", "to set a mark"),
    ("move", "a release move, a `moved` block, the AWS call"),
    ("old", "what was before"),
    ("open", "the opposite of closed"),
    ("org", "in ids and paths, as AWS writes them (`aws:PrincipalOrgPaths`)"),
    ("outcome", "how an operation, a gate or a use case ended"),
    ("own", "what belongs to the thing itself"),
    ("path", "a path across a wall, of a file, of an attribute"),
    ("permit", "what an attempt has to have; what a policy permits"),
    ("place", "where something stands"),
    ("problem", "what is wrong with one value, before it is a diagnostic"),
    ("program", "a gate's program"),
    ("recorded", "what state or a record holds"),
    ("region", "an AWS Region"),
    ("resource", "what a policy statement names; the state file's word for an object"),
    ("resource_type", "a type of resource with a policy"),
    (
        "return",
        "what a call returns; a stored format's word for a rollback after a failed verification",
    ),
    ("right", "the right to an action"),
    ("room", "space on the screen, or for more work"),
    ("rule", "an isolation rule; a rule for a text"),
    ("seal", "to seal: a state with its checksum"),
    ("seen", "what a plan or a gate saw"),
    ("session", "a role session"),
    ("space", "a space of keys"),
    (
        "status",
        "the command, and how an object, a release or an account is, in AWS's or our output",
    ),
    ("step", "a step of a path or of an apply"),
    ("subject", "what a gate judges; a claim of a token"),
    ("text", "a text"),
    ("top", "the outermost level"),
    ("verdict", "the verdict about a wall"),
    ("version", "a version of an object, a policy, a format"),
    ("view", "a value that the renderer prints"),
    ("wanted", "what a step has to bring about"),
    ("who", "`who-can`, and who did what"),
    ("word", "a word of a text"),
];

/// Where a word of the last columns stays, and why: the word, the file or folder, the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("actor", "src/isolation/", "who uses a power, in the search for what powers lead to"),
    ("cap", "src/iam/symbolic/question.rs", "what limits a session on top of its role"),
    ("cut", "src/engine/", "`PALISADE_SANDBOX_CUT`: the crash that tests ask for"),
    ("cut", "src/cli/environment.rs", "the same"),
    ("cut", "src/iam/symbolic/resources.rs", "a pattern is cut at its first wildcard"),
    ("cut", "src/promotion/gate/command.rs", "a long output is cut"),
    ("cut", "src/render/markdown.rs", "a long comment is cut"),
    ("cut", "src/state/s3.rs", "an answer is cut in the middle"),
    ("folder", "src/review/dumps/files.rs", "a folder of files"),
    ("folder", "src/state/local.rs", "a folder of files"),
    ("foreign", "src/isolation/crossing/", "an account outside of the estate"),
    ("gift", "src/isolation/rights/giving.rs", "what a principal may give to another one"),
    ("home", "src/eval/", "the account and environment of an instance, as its kind sees them"),
    ("home", "src/isolation/", "the account of a principal, beside that of a resource"),
    ("home", "src/render/sarif.rs", "the home page of the program, SARIF's word"),
    (
        "home",
        "src/schema/kind_schema.rs",
        "whether a kind lives in the organization or in an account",
    ),
    ("outsider", "src/isolation/crossing", "callers from outside of the estate"),
    ("stage", "src/state/local.rs", "a file is staged beside its place"),
    ("standing", "src/isolation/", "a path or power that was there before and after: JSON's word"),
    ("standing", "src/render/", "the same"),
    ("vault", "src/access/resource.rs", "AWS Backup's word for what holds recovery points"),
    ("way", "src/engine/promotion/status.rs", "a move that is under way"),
    ("way", "src/iam/passing.rs", "the ways to pass a role"),
    ("way", "src/isolation/power", "a way to use a power"),
    ("way", "src/plan/model/operation.rs", "an operation that is under way"),
    ("way", "src/promotion/record.rs", "a move that is under way"),
    ("way", "src/render/events.rs", "what is under way"),
];

/// The words of a name, in small letters, between underscores: `_data_path_` of `DataPath` and of `DATA_PATH`.
fn words_of(name: &str) -> String {
    let mut words = String::from("_");
    let mut before = '_';
    for c in name.chars() {
        if c.is_uppercase() && (before.is_lowercase() || before.is_numeric()) {
            words.push('_');
        }
        words.extend(c.to_lowercase().filter(|c| c.is_alphanumeric() || *c == '_'));
        before = c;
    }
    words.push('_');
    words
}

/// Every word of the last columns of all tables. What stands in brackets says where a word holds.
fn words_given_up() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| term"));
    let mut words = BTreeSet::new();
    for row in rows.filter(|row| !row.starts_with("| meaning")) {
        let cell = row.trim_end().trim_end_matches('|').rsplit('|').next().expect("a cell");
        let mut plain = String::new();
        let mut depth = 0;
        for c in cell.chars() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ if depth == 0 => plain.push(c),
                _ => {}
            }
        }
        for word in plain.split(',') {
            let word = word.replace('`', "").replace("'s", "");
            let word = words_of(&word.trim().replace([' ', '-', ':'], "_"));
            let word = word.trim_matches('_');
            // A variant of an enum, or a phrase that is no name: the other test has the one, nobody writes the other.
            if !word.is_empty() && !cell.contains("::") {
                words.insert(word.to_owned());
            }
        }
    }
    words
}

/// Whether a name has a word in it, in the singular or the plural.
fn has_word(name: &str, word: &str) -> bool {
    let words = words_of(name);
    words.contains(&format!("_{word}_")) || words.contains(&format!("_{word}s_"))
}

#[test]
fn words_that_the_glossary_gives_up_are_in_no_name() {
    let words = words_given_up();
    assert!(words.len() > 150 && words.contains("picture"), "the tables were read: {words:?}");
    let free: BTreeSet<&str> = ALSO_MEANS.iter().map(|(word, _)| *word).collect();
    let (mut wrong, mut used, mut also) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (file, text) in sources().iter().filter(|(file, _)| !is_test(file)) {
        let path = file.trim_start_matches("src/").trim_end_matches(".rs").split('/');
        let names = Names::of(text).into_iter().map(|named| named.name);
        for name in path.map(str::to_owned).chain(names) {
            for word in words.iter().filter(|word| has_word(&name, word)) {
                if free.contains(word.as_str()) {
                    also.insert(word.clone());
                    continue;
                }
                match EXCEPTIONS.iter().find(|(of, at, _)| of == word && file.starts_with(at)) {
                    Some((of, at, _)) => {
                        used.insert((*of, *at));
                    }
                    None => {
                        wrong.insert(format!("{file}: {name} ({word})"));
                    }
                }
            }
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "docs/glossary.md gives these words up:\n{}", wrong.join("\n"));
    let listed: BTreeSet<_> = EXCEPTIONS.iter().map(|(word, at, _)| (*word, *at)).collect();
    assert_eq!(listed, used, "exceptions that nothing needs");
    let idle: Vec<_> = free.iter().filter(|word| !also.contains(**word)).collect();
    assert!(idle.is_empty(), "words with another meaning that no name has: {idle:?}");
}

#[test]
fn a_word_is_found_in_whatever_name_it_stands() {
    for name in ["picture", "Picture", "PICTURES", "last_picture", "PictureOfAll", "asPicture2"] {
        assert_eq!(has_word(name, "picture"), name != "asPicture2", "{name}");
    }
    assert!(has_word("WayBack", "way_back") && has_word("the_way_back", "way_back"));
    assert!(!has_word("always", "way") && !has_word("depicture", "picture"));
}

#[test]
fn the_search_sees_types_functions_fields_and_modules() {
    let text = "//! A file.\nmod puts {}\npub struct World { told: u8 }\nenum Dice { A { found: u8 } }\n\
                impl World { fn look(&self, keeper: u8) { fn survey() {} } }\ntrait Eyes { fn homes(); }\n\
                #[cfg(test)]\nmod tests { struct Shelf; }\n";
    let seen: Vec<String> = Names::of(text).into_iter().map(|named| named.name).collect();
    let wanted = ["puts", "World", "told", "Dice", "A", "found", "look", "survey", "Eyes", "homes"];
    assert_eq!(seen, wanted);
}

/// Where types that other files can name may share a name, and why.
const MAY_SHARE: &[(&str, &str)] = &[
    ("src/cli/", "arguments of commands: the command says which"),
    ("src/sandbox/", "the emulation's own model of what AWS holds"),
    ("src/provider/aws/kinds/", "the other half of a kind"),
    ("src/schema/kinds/", "a half of a kind, named as the kind is"),
];

#[test]
fn a_name_stands_for_one_type() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in sources() {
        if is_test(&file) || MAY_SHARE.iter().any(|(place, _)| file.starts_with(place)) {
            continue;
        }
        for named in Names::of(&text).into_iter().filter(|named| named.leaves_its_file) {
            places.entry(named.name).or_default().push(file.clone());
        }
    }
    assert!(places.len() > 500, "the sources were read: {}", places.len());
    let shared: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(shared.is_empty(), "one name, several types: {shared:#?}");
}

/// The column "say" of the table under "Names in code".
fn said() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).expect("the glossary");
    let table = text.split("## Names in code").nth(1).expect("its last section");
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cells = rows.filter_map(|row| row.split(" | ").nth(1));
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(|name| name.trim_end_matches("<T>").to_owned()).collect()
}

#[test]
fn names_that_the_glossary_gives_are_in_the_code() {
    let names = said();
    assert!(names.contains("PlanInputs") && names.contains("Versioned"), "read: {names:?}");
    let mut words = BTreeSet::new();
    for text in sources().values() {
        let all = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.extend(all.map(str::to_owned));
    }
    let missing: Vec<_> = names.iter().filter(|name| !words.contains(*name)).collect();
    assert!(missing.is_empty(), "docs/glossary.md gives names that the code has not: {missing:?}");
}

/// The names of the items that a line defines.
fn defines(line: &str) -> impl Iterator<Item = &str> {
    const KEYWORDS: [&str; 8] = ["struct", "enum", "trait", "type", "mod", "fn", "const", "static"];
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
    let words: Vec<&str> = words.collect();
    let pairs = words.windows(2).filter(|pair| KEYWORDS.contains(&pair[0])).map(|pair| pair[1]);
    pairs.collect::<Vec<_>>().into_iter()
}

#[test]
fn no_type_has_a_name_that_says_nothing() {
    const NAMES: [&str; 9] =
        ["Step", "Answer", "Outcome", "Target", "Place", "Verdict", "Kind", "Problem", "Part"];
    const TYPES: [&str; 4] = ["struct ", "enum ", "trait ", "type "];
    let mut uses = Vec::new();
    for (file, text) in sources() {
        for (at, line) in text.lines().enumerate() {
            // The associated type of `Deref` is not named here.
            if line.trim_start().starts_with("type Target = ") && line.starts_with(' ') {
                continue;
            }
            let is_type = TYPES.iter().any(|keyword| {
                let line = line.trim_start().trim_start_matches("pub").trim_start();
                let line = match line.strip_prefix('(') {
                    Some(scope) => scope.split_once(") ").map_or("", |(_, rest)| rest),
                    None => line,
                };
                line.starts_with(keyword)
            });
            let names = defines(line).filter(|name| is_type && NAMES.contains(name));
            uses.extend(names.map(|name| format!("{file}:{}: {name}", at + 1)));
        }
    }
    assert!(uses.is_empty(), "types whose name fits everything:\n{}", uses.join("\n"));
}

/// Pages that say how text is written here; their tables of bad examples excepted.
#[test]
fn the_pages_about_language_keep_its_rules() {
    const BANNED: [&str; 7] =
        ["whoever", "nobody", "somebody", "is none", " told", "of what no ", "in what follows"];
    for page in [
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/README.md",
        "docs/glossary.md",
        "findings/README.md",
    ] {
        let text = fs::read_to_string(root().join(page)).expect("readable");
        let prose =
            text.lines().filter(|line| !line.starts_with('|')).collect::<Vec<_>>().join(" ");
        let prose = prose.to_lowercase();
        for word in BANNED {
            assert!(!prose.contains(word), "{page} says `{}`", word.trim());
        }
    }
}

/// Words of the last columns that mean nothing else in a sentence either: who reads output or a page meets the
/// glossary's term instead.
const IN_NO_SENTENCE: &[&str] = &[
    "allowance",
    "careful write",
    "circumstance",
    "climbing",
    "dangling",
    "detour",
    "diary",
    "dice",
    "fate",
    "gift",
    "let go",
    "lifter",
    "mending",
    "open end",
    "oracle",
    "outlook",
    "outsider",
    "payer",
    "picture",
    "planfile",
    "prospect",
    "ripening",
    "shelf",
    "shove",
    "shut out",
    "stranger",
    "stray",
    "surrounding",
    "survey",
    "theatre",
    "torn",
    "trouble",
    "unseen",
    "vault",
    "way back",
    "weather",
    "wield",
];

/// Where one of them stays, and why: the word, the file or folder, the reason.
const IN_SENTENCES: &[(&str, &str, &str)] = &[
    ("dangling", "src/render/event_lines.rs", "JSON's word for operations in doubt"),
    ("payer", "src/sandbox/s3/", "S3's word"),
    ("region", "src/sandbox/", "messages of AWS's own"),
    ("region", "src/render/html/table.rs", "a role of ARIA's"),
    ("region", "src/render/isolation/html.rs", "the same"),
    ("vault", "src/access/resource.rs", "AWS Backup's word for what holds recovery points"),
    ("vault", "src/review/terraform/resources.rs", "the same"),
    ("vault", "src/sandbox/cloudcontrol/names.rs", "the same"),
];

/// What a text says, without code in it: what stands in backquotes, and the holes of a format.
fn prose(text: &str) -> String {
    let mut said = String::new();
    let (mut is_code, mut hole) = (false, 0);
    for c in text.chars() {
        match c {
            '`' => is_code = !is_code,
            '{' => hole += 1,
            '}' => hole -= 1,
            _ if is_code || hole > 0 => {}
            c => said.push(c),
        }
    }
    said
}

/// The words of a text that no sentence has; a Region of AWS's is written as AWS writes it.
fn wrong_words(text: &str) -> Vec<&'static str> {
    let prose = prose(text);
    let words = |text: &str| {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        format!(" {} ", words.collect::<Vec<_>>().join(" "))
    };
    let (as_written, small) = (words(&prose), words(&prose.to_lowercase()));
    let has = |text: &str, word: &str| {
        text.contains(&format!(" {word} ")) || text.contains(&format!(" {word}s "))
    };
    let mut wrong: Vec<_> =
        IN_NO_SENTENCE.iter().copied().filter(|word| has(&small, word)).collect();
    // (A word alone is the name of an attribute.)
    let is_sentence = prose.trim().contains(' ');
    wrong.extend(Some("region").filter(|word| is_sentence && has(&as_written, word)));
    wrong
}

/// The texts of a file's code: every string in it, and of the command line what its comments document, for that is
/// its help.
fn texts_of(text: &str, with_docs: bool) -> Vec<String> {
    fn walk(mut at: Cursor<'_>, with_docs: bool, into: &mut Vec<String>) {
        while !at.eof() {
            if let Some((group, _, _, next)) = at.any_group() {
                let is_doc = group.ident().is_some_and(|(ident, _)| ident == "doc");
                if with_docs || !is_doc {
                    walk(group, with_docs, into);
                }
                at = next;
            } else if let Some((literal, next)) = at.literal() {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                into.extend(text.map(|text| text.value()));
                at = next;
            } else {
                let Some((_, next)) = at.token_tree() else { break };
                at = next;
            }
        }
    }
    let code = text.split("#[cfg(test)]\nmod tests {").next().expect("a text");
    let tokens = TokenBuffer::new2(code.parse().expect("a file that compiles"));
    let mut texts = Vec::new();
    walk(tokens.begin(), with_docs, &mut texts);
    texts
}

/// The pages of a folder and below it, but for the glossary, which names the words, and the log of what has changed.
fn pages(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                pages(&path, into);
            }
        } else if name.ends_with(".md") && !["glossary.md", "CHANGELOG.md"].contains(&&*name) {
            into.push(path);
        }
    }
}

#[test]
fn words_that_the_glossary_gives_up_are_in_no_text_for_people() {
    let given_up = words_given_up();
    for word in IN_NO_SENTENCE {
        let name = word.replace(' ', "_");
        let is_given_up = given_up.contains(&name) || given_up.contains(&format!("{name}s"));
        assert!(is_given_up, "the glossary gives `{word}` up no more");
    }
    let mut wrong = Vec::new();
    for (file, text) in sources().iter().filter(|(file, _)| !is_test(file)) {
        let texts = texts_of(text, file.starts_with("src/cli/"));
        let found = texts.iter().flat_map(|text| wrong_words(text).into_iter().zip(repeat(text)));
        let found = found.filter(|(word, _)| {
            !IN_SENTENCES.iter().any(|(of, at, _)| of == word && file.starts_with(at))
        });
        wrong.extend(found.map(|(word, text)| format!("{file}: {word}: {text:?}")));
    }
    let mut all = Vec::new();
    pages(&root(), &mut all);
    assert!(all.len() > 20, "the pages were read: {all:?}");
    for page in all {
        let text = fs::read_to_string(&page).expect("readable");
        // Code stands between fences.
        let prose: String = text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n");
        for line in prose.lines() {
            let found = wrong_words(line).into_iter();
            wrong.extend(found.map(|word| format!("{}: {word}: {line}", page.display())));
        }
    }
    assert!(wrong.is_empty(), "docs/glossary.md gives these words up:\n{}", wrong.join("\n"));
}

#[test]
fn a_word_is_found_in_whatever_text_it_stands() {
    let text = "//! A picture.\n/// A picture.\nfn f() {\n    say!(\"the {picture} `stray`\", g(\"a Way-back\"));\n\
                const A: &str = \"unseen \\\n        things\";\n}\n#[cfg(test)]\nmod tests {\n    const B: &str = \"dice\";\n}\n";
    let wrong = |docs| texts_of(text, docs).iter().flat_map(|t| wrong_words(t)).collect::<Vec<_>>();
    assert_eq!(wrong(false), ["way back", "unseen"]);
    assert_eq!(wrong(true), ["picture", "picture", "way back", "unseen"]);
    assert_eq!(wrong_words("the region, AWS Regions, `region`"), ["region"]);
}
