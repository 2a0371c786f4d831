//! Thousands of mutants of the corpus through the loader, the evaluator, the formatter and the policy
//! reader: what `fuzz/` does for hours, in seconds, and always the same ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

#[path = "../../fuzz/properties.rs"]
mod properties;

/// No input of a few kilobytes takes longer, not even unoptimised on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look like chance: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n.max(1) as u64).expect("below usize")
    }

    /// A range of `text` on character boundaries.
    fn range(&mut self, text: &str, longest: usize) -> std::ops::Range<usize> {
        let start = text.floor_char_boundary(self.below(text.len() + 1));
        let end = text.floor_char_boundary((start + self.below(longest)).min(text.len()));
        start..end.max(start)
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Texts below `dir` whose names end so, short enough to be mutated by the thousand.
fn corpus(dir: &Path, endings: &[&str], into: &mut Vec<String>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            corpus(&path, endings, into);
        } else if endings.iter().any(|e| path.to_string_lossy().ends_with(e))
            && let Ok(text) = fs::read_to_string(&path)
            && text.len() < 6_000
        {
            into.push(text);
        }
    }
}

/// The tokens of the fuzzers' dictionary: `"token"`, one a line.
fn dictionary() -> Vec<String> {
    let text = fs::read_to_string(top().join("fuzz/hcl.dict")).expect("the dictionary");
    let quoted = text.lines().filter_map(|l| l.trim().strip_prefix('"')?.strip_suffix('"'));
    quoted.map(|t| t.replace("\\\"", "\"").replace("\\x0a", "\n").replace("\\\\", "\\")).collect()
}

/// A seed with one to four changes.
fn mutant(dice: &mut Dice, seeds: &[String], tokens: &[String]) -> String {
    let mut text = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let range = dice.range(&text, 60);
        match dice.below(6) {
            0 => text.replace_range(range, ""),
            1 => {
                let copy = text[range.clone()].to_owned();
                text.insert_str(range.end, &copy);
            }
            2 => text.insert_str(range.start, &tokens[dice.below(tokens.len())]),
            3 => {
                let other = &seeds[dice.below(seeds.len())];
                let part = other[dice.range(other, 120)].to_owned();
                text.replace_range(range, &part);
            }
            4 => {
                let odd = ['\0', '"', '{', '}', '$', '%', '\\', '\n', '\u{feff}', 'ß', '9', '-'];
                let odd = odd[dice.below(odd.len())];
                text.insert(range.start, odd);
            }
            _ => text.truncate(range.end),
        }
    }
    text
}

/// Feeds `count` mutants, `PALISADE_MUTANTS` times as many of a row of their own where that is a number;
/// names the one that takes too long or panics.
fn feed(count: usize, seeds: Vec<String>, property: fn(&str)) {
    let times = std::env::var("PALISADE_MUTANTS").ok().and_then(|n| n.parse().ok());
    let (count, first) = times.map_or((count, 1), |n: usize| (count * n, n as u64));
    let tokens = dictionary();
    assert!(seeds.len() > 2 && tokens.len() > 10, "{} seeds, {} tokens", seeds.len(), tokens.len());
    let (told, hear) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let mut dice = Dice(first);
        for _ in 0..count {
            let text = mutant(&mut dice, &seeds, &tokens);
            told.send(text.clone()).expect("somebody listens");
            property(&text);
        }
    });
    let mut last = String::new();
    loop {
        match hear.recv_timeout(PATIENCE) {
            Ok(text) => last = text,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it takes for ever:\n{last}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    assert!(worker.join().is_ok(), "a mutant breaks it:\n{last}");
}

#[test]
fn no_mutant_of_a_configuration_breaks_anything() {
    let mut seeds = Vec::new();
    for dir in ["tests/bad", "examples", "modules"] {
        corpus(&top().join(dir), &[".hcl"], &mut seeds);
    }
    feed(4_000, seeds, properties::configuration);
}

#[test]
fn no_mutant_of_a_policy_breaks_anything() {
    let mut seeds = Vec::new();
    corpus(&top().join("examples"), &[".json", ".json.tftpl"], &mut seeds);
    seeds.extend([
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::444455556666:role/x"],"Service":"ec2.amazonaws.com"},"Action":["s3:Get*","s3:PutObject"],"Resource":"arn:aws:s3:::b/${aws:username}/*","Condition":{"StringLike":{"aws:PrincipalTag/team":["a*","b"]},"Bool":{"aws:SecureTransport":"true"}}}]}"#.to_owned(),
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":"*"},"NotAction":"iam:*","NotResource":["*"],"Condition":{"ForAllValues:StringEqualsIfExists":{"aws:TagKeys":[]},"NumericLessThan":{"s3:max-keys":10},"IpAddress":{"aws:SourceIp":["10.0.0.0/8","2001:db8::/32"]},"Null":{"aws:MultiFactorAuthAge":true}}}}"#.to_owned(),
        r#"{"Version":"2008-10-17","Id":"x","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main"},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}}}]}"#.to_owned(),
    ]);
    feed(12_000, seeds, properties::policy);
}
