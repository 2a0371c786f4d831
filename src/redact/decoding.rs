//! A text as it is read: what escapes and encodings stand for, each byte with what of the text says it.
//!
//! Each decoding goes over its text once, and there are a fixed number of them, whatever the text holds.

use std::ops::Range;

/// How many bytes a line of a dump shows at most.
const DUMPED: usize = 16;

/// A text, or what is read in another one.
pub(super) struct Decoding<'t> {
    read: Read<'t>,
}

enum Read<'t> {
    /// The text itself.
    Text(&'t [u8]),
    /// Bytes that are read in another text.
    Of { text: &'t Decoding<'t>, bytes: Vec<u8>, from: Vec<Range<usize>> },
}

/// What is read in a text, while it is read.
#[derive(Default)]
struct Reading {
    bytes: Vec<u8>,
    from: Vec<Range<usize>>,
    /// Whether anything is read otherwise than it is written.
    differs: bool,
}

impl Reading {
    /// A byte as it is written.
    fn plain(&mut self, at: usize, byte: u8) {
        self.bytes.push(byte);
        self.from.push(at..at + 1);
    }

    /// Bytes that something else stands for.
    fn decoded(&mut self, from: Range<usize>, bytes: &[u8]) {
        self.differs = true;
        self.bytes.extend_from_slice(bytes);
        self.from.extend(bytes.iter().map(|_| from.clone()));
    }
}

impl<'t> Decoding<'t> {
    /// The text itself.
    pub(super) fn of(text: &'t str) -> Self {
        Self { read: Read::Text(text.as_bytes()) }
    }

    /// What is read.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.read {
            Read::Text(text) => text,
            Read::Of { bytes, .. } => bytes,
        }
    }

    /// What of the text says these bytes.
    pub(super) fn source(&self, read: Range<usize>) -> Range<usize> {
        match &self.read {
            Read::Text(_) => read,
            Read::Of { text, from, .. } => {
                let from = from.get(read).unwrap_or_default();
                let start = from.first().map_or(0, |first| first.start);
                text.source(start..from.iter().map(|each| each.end).max().unwrap_or(start))
            }
        }
    }

    /// Shows every decoding of the text in which a secret of `shortest` bytes or more may stand.
    pub(super) fn each(&self, shortest: usize, show: &mut impl FnMut(&Decoding<'_>)) {
        let once = self.read(unescape);
        // JSON within JSON, a URL within a URL.
        let twice = once.as_ref().and_then(|decoding| decoding.read(unescape));
        for decoding in [Some(self), once.as_ref(), twice.as_ref()].into_iter().flatten() {
            show(decoding);
            for bytes in
                [decoding.read(join_hexadecimal), decoding.read(join_dump)].iter().flatten()
            {
                show(bytes);
            }
            let lines = decoding.read(join_lines);
            lines.iter().for_each(&mut *show);
            let lines = lines.as_ref().unwrap_or(decoding);
            // So many characters hold the shortest secret; the text around it decides where a group of four begins.
            let shortest = (shortest * 8).div_ceil(6);
            for skipped in 0..4 {
                let read = |text: &[u8], out: &mut Reading| base64(text, skipped, shortest, out);
                let Some(decoded) = lines.read(read) else { continue };
                show(&decoded);
                decoded.read(unescape).iter().for_each(&mut *show);
            }
        }
    }

    /// The decoding that `read` finds in this one; nothing where all is read as it is written.
    fn read(&self, read: impl FnOnce(&[u8], &mut Reading)) -> Option<Decoding<'_>> {
        let mut reading = Reading::default();
        read(self.bytes(), &mut reading);
        let Reading { bytes, from, differs } = reading;
        differs.then_some(Decoding { read: Read::Of { text: self, bytes, from } })
    }
}

/// With the escapes of URLs, JSON, HTML, C and quotes undone, of whichever characters.
fn unescape(text: &[u8], out: &mut Reading) {
    if !text.iter().any(|byte| b"%\\&'\"".contains(byte)) {
        return;
    }
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        let rest = text.get(place + 1..).unwrap_or_default();
        let escape = match byte {
            b'%' => {
                number(rest, 2, 16).and_then(|n| Some((3, Meaning::Byte(u8::try_from(n).ok()?))))
            }
            b'\\' => backslash(rest),
            b'&' => html_entity(rest),
            // A quote in a quoted argument of a shell: end, quote, begin. Or doubled, as in SQL, YAML and CSV.
            b'\'' if rest.starts_with(b"\"'\"'") => Some((5, Meaning::Byte(b'\''))),
            b'\'' if rest.starts_with(b"\\''") => Some((4, Meaning::Byte(b'\''))),
            b'\'' | b'"' if rest.first() == Some(byte) => Some((2, Meaning::Byte(*byte))),
            _ => None,
        };
        match escape {
            Some((length, meaning)) => {
                let from = place..place + length;
                match meaning {
                    Meaning::Byte(byte) => out.decoded(from, &[byte]),
                    Meaning::Character(c) => {
                        out.decoded(from, c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
                place += length;
            }
            None => {
                out.plain(place, *byte);
                place += 1;
            }
        }
    }
}

/// What an escape stands for.
enum Meaning {
    Byte(u8),
    Character(char),
}

/// The number in so many digits.
fn number(text: &[u8], digits: usize, radix: u32) -> Option<u32> {
    let digits = text.get(..digits)?;
    digits.iter().try_fold(0_u32, |number, digit| {
        number.checked_mul(radix)?.checked_add(char::from(*digit).to_digit(radix)?)
    })
}

/// What an escape of JSON, C or a shell stands for, by what follows its backslash, and how long it is with it.
fn backslash(rest: &[u8]) -> Option<(usize, Meaning)> {
    let unit = |at: usize| {
        let text = rest.get(at..)?;
        text.starts_with(b"u").then(|| number(text.get(1..)?, 4, 16))?
    };
    let byte = |number: u32| u8::try_from(number).ok().map(Meaning::Byte);
    match rest.first()? {
        b'n' => Some((2, Meaning::Byte(b'\n'))),
        b'r' => Some((2, Meaning::Byte(b'\r'))),
        b't' => Some((2, Meaning::Byte(b'\t'))),
        b'x' => Some((4, byte(number(rest.get(1..)?, 2, 16)?)?)),
        b'0'..=b'3' => Some((4, byte(number(rest, 3, 8)?)?)),
        b'u' => match unit(0)? {
            high @ 0xd800..0xdc00 => {
                let low = rest.get(5).filter(|next| **next == b'\\').and_then(|_| unit(6))?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                let c = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?;
                Some((12, Meaning::Character(c)))
            }
            unit => Some((6, Meaning::Character(char::from_u32(unit)?))),
        },
        c if c.is_ascii_punctuation() || *c == b' ' => Some((2, Meaning::Byte(*c))),
        _ => None,
    }
}

/// What an entity of HTML stands for, by what follows its `&`, and how long it is with it.
fn html_entity(rest: &[u8]) -> Option<(usize, Meaning)> {
    let end = rest.iter().take(10).position(|b| *b == b';')?;
    let name = rest.get(..end)?;
    let character = match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(number(digits, digits.len(), 16)?)?,
        [b'#', digits @ ..] => char::from_u32(number(digits, digits.len(), 10)?)?,
        _ => return None,
    };
    Some((name.len() + 2, Meaning::Character(character)))
}

/// Without line breaks, as they stand in the text or escaped in it, and without the indent behind them.
fn join_lines(text: &[u8], out: &mut Reading) {
    let mut place = 0;
    let mut begins_line = false;
    while let Some(byte) = text.get(place) {
        let escaped = *byte == b'\\' && matches!(text.get(place + 1), Some(b'n' | b'r'));
        match byte {
            b'\n' | b'\r' => {
                begins_line = true;
                place += 1;
            }
            _ if escaped => {
                begins_line = true;
                place += 2;
            }
            b' ' | b'\t' if begins_line => place += 1,
            _ => {
                out.plain(place, *byte);
                begins_line = false;
                place += 1;
            }
        }
    }
    out.differs = out.bytes.len() < text.len();
}

/// Without what separates bytes in hexadecimal (`61:62`, `61 62`, `0x61, 0x62`).
fn join_hexadecimal(text: &[u8], out: &mut Reading) {
    let is_pair = |at: Option<&[u8]>| {
        at.is_some_and(|at| at.len() == 2 && at.iter().all(u8::is_ascii_hexdigit))
    };
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        if !is_separator(*byte) {
            out.plain(place, *byte);
            place += 1;
            continue;
        }
        let rest = text.get(place..).unwrap_or_default();
        let end = place + rest.iter().take_while(|byte| is_separator(**byte)).count();
        let marked = text.get(end..).is_some_and(|t| t.starts_with(b"0x") || t.starts_with(b"0X"));
        let next = if marked { end + 2 } else { end };
        let before = place.checked_sub(2).and_then(|from| text.get(from..place));
        if is_pair(before) && is_pair(text.get(next..next + 2)) {
            out.differs = true;
            place = next;
        } else {
            (place..end).zip(rest).for_each(|(at, byte)| out.plain(at, *byte));
            place = end;
        }
    }
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b":,;-".contains(&byte)
}

/// The bytes of `xxd`, `hexdump -C` and `od -tx1`, without offsets and what stands beside the bytes. A byte is said by all
/// of its line from there on, for the end of the line may show it as a character.
fn join_dump(text: &[u8], out: &mut Reading) {
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.trim_ascii_end().len();
        let before = out.bytes.len();
        dumped(line, |at, digits| out.decoded(start + at..end, digits));
        if out.bytes.len() == before {
            out.bytes.push(b'\n');
            out.from.push(start..end);
        }
        start += line.len();
    }
}

/// Finds the bytes that a line of a dump shows, at its beginning or behind something else.
fn dumped(line: &[u8], mut found: impl FnMut(usize, &[u8])) {
    let mut before = b' ';
    for (place, byte) in line.iter().enumerate() {
        if before.is_ascii_whitespace() && byte.is_ascii_hexdigit() {
            let mut any = false;
            dumped_from(line, place, |at, digits| {
                any = true;
                found(at, digits);
            });
            if any {
                return;
            }
        }
        before = *byte;
    }
}

/// The same from a place on: an offset, blanks, digits in groups with one or two blanks between.
fn dumped_from(line: &[u8], mut place: usize, mut found: impl FnMut(usize, &[u8])) {
    let count = |from: usize, is: fn(&u8) -> bool| {
        line.get(from..).unwrap_or_default().iter().take_while(|byte| is(byte)).count()
    };
    let is_blank: fn(&u8) -> bool = |byte| *byte == b' ';
    let offset = count(place, u8::is_ascii_hexdigit);
    if !(4..=16).contains(&offset) {
        return;
    }
    place += offset;
    place += usize::from(line.get(place) == Some(&b':'));
    let mut shown = 0;
    loop {
        let blanks = count(place, is_blank);
        let digits = count(place + blanks, u8::is_ascii_hexdigit);
        let ends = line.get(place + blanks + digits).is_none_or(u8::is_ascii_whitespace);
        let is_group = (1..=2).contains(&blanks) && digits > 0 && digits.is_multiple_of(2) && ends;
        if !is_group || shown + digits / 2 > DUMPED {
            return;
        }
        place += blanks;
        let group = line.get(place..place + digits).unwrap_or_default();
        for (at, digits) in group.chunks(2).enumerate() {
            found(place + at * 2, digits);
        }
        shown += digits / 2;
        place += digits;
    }
}

/// What runs of `shortest` and more characters of base64 (RFC 4648, both alphabets) hold, the first `skipped` left out.
fn base64(text: &[u8], skipped: usize, shortest: usize, out: &mut Reading) {
    let mut place = 0;
    while place < text.len() {
        let rest = text.get(place..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| sextet(**byte).is_some()).count();
        if length >= shortest {
            let (mut bits, mut held, mut from) = (0_u32, 0_u32, place);
            for (at, byte) in rest.iter().enumerate().take(length).skip(skipped) {
                let Some(sextet) = sextet(*byte) else { break };
                if held == 0 {
                    from = place + at;
                }
                (bits, held) = (((bits << 6) | u32::from(sextet)) & 0xffff, held + 6);
                if held >= 8 {
                    held -= 8;
                    let decoded = u8::try_from((bits >> held) & 0xff).unwrap_or_default();
                    out.decoded(from..place + at + 1, &[decoded]);
                    // What is left of this character begins the next byte.
                    from = place + at;
                }
            }
            // Nothing reaches from one run into the next.
            out.decoded(place + length..place + length, &[0]);
        }
        place += length.max(1);
    }
}

/// The six bits of a character of base64.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}
