//! Reads CBOR (RFC 8949) as far as the AWS SDK writes it (Smithy RPC v2), into JSON. Time stamps
//! become their seconds; byte strings are not used by the calls that are read here. Of its own the
//! sandbox writes refusals alone.

use serde_json::{Map, Value};

/// How deep a request may nest.
const DEPTH: usize = 32;

/// The first item; `None` where it is malformed, cut off, or nests too deep.
pub(crate) fn read(bytes: &[u8]) -> Option<Value> {
    Reader { bytes, at: 0 }.item(DEPTH)
}

/// A map of texts.
pub(crate) fn texts(entries: &[(&str, &str)]) -> Vec<u8> {
    // A map whose end is marked (RFC 8949, section 3.2.2), and texts with a length of four bytes.
    let mut out = vec![0xbf];
    for text in entries.iter().flat_map(|(name, value)| [name, value]) {
        out.push(0x7a);
        out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(text.as_bytes());
    }
    out.push(0xff);
    out
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The length of a string or collection; `None` when its end is marked instead.
type Length = Option<u64>;

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    fn length(&mut self, extra: u8) -> Option<Length> {
        Some(match extra {
            0..=23 => Some(u64::from(extra)),
            24 => Some(self.number(1)?),
            25 => Some(self.number(2)?),
            26 => Some(self.number(4)?),
            27 => Some(self.number(8)?),
            31 => None,
            _ => return None,
        })
    }

    /// Whether a collection goes on: by its length, or until its end mark, which is then consumed.
    fn goes_on(&mut self, length: &mut Length) -> Option<bool> {
        match length {
            Some(0) => Some(false),
            Some(left) => {
                *left -= 1;
                Some(true)
            }
            None if *self.bytes.get(self.at)? == 0xff => {
                self.at += 1;
                Some(false)
            }
            None => Some(true),
        }
    }

    fn text(&mut self, length: Length) -> Option<String> {
        let Some(length) = length else {
            let mut whole = String::new();
            let mut length = None;
            while self.goes_on(&mut length)? {
                whole.push_str(self.item(1)?.as_str()?);
            }
            return Some(whole);
        };
        String::from_utf8(self.take(usize::try_from(length).ok()?)?.to_vec()).ok()
    }

    fn item(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let first = *self.take(1)?.first()?;
        let (major, extra) = (first >> 5, first & 0x1f);
        if major == 7 {
            return self.simple(extra);
        }
        let mut length = self.length(extra)?;
        Some(match major {
            0 => length?.into(),
            1 => (-1 - i64::try_from(length?).ok()?).into(),
            3 => self.text(length)?.into(),
            4 => {
                let mut list = Vec::new();
                while self.goes_on(&mut length)? {
                    list.push(self.item(depth)?);
                }
                list.into()
            }
            5 => {
                let mut map = Map::new();
                while self.goes_on(&mut length)? {
                    let key = self.item(depth)?.as_str()?.to_owned();
                    map.insert(key, self.item(depth)?);
                }
                map.into()
            }
            6 => self.item(depth)?,
            _ => return None,
        })
    }

    fn simple(&mut self, extra: u8) -> Option<Value> {
        Some(match extra {
            20 => false.into(),
            21 => true.into(),
            22 | 23 => Value::Null,
            25 => half(u16::try_from(self.number(2)?).ok()?).into(),
            26 => f64::from(f32::from_bits(u32::try_from(self.number(4)?).ok()?)).into(),
            27 => f64::from_bits(self.number(8)?).into(),
            _ => return None,
        })
    }
}

/// A half-precision number (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (fraction + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_of_the_standard() {
        for (hex, value) in [
            ("00", json!(0)),
            ("1903e8", json!(1000)),
            ("3863", json!(-100)),
            ("f93e00", json!(1.5)),
            ("fb3ff199999999999a", json!(1.1)),
            ("c11a514b67b0", json!(1_363_896_240)),
            ("6449455446", json!("IETF")),
            ("7f657374726561646d696e67ff", json!("streaming")),
            ("a26161016162820203", json!({"a": 1, "b": [2, 3]})),
            ("bf61610161629f0203ffff", json!({"a": 1, "b": [2, 3]})),
            ("f6", json!(null)),
        ] {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
            assert_eq!(read(&bytes), Some(value), "{hex}");
        }
        for bad in ["", "18", "62", "a1", "9f", "fe", "a10102", "bf6161"] {
            let bytes = data_encoding::HEXLOWER.decode(bad.as_bytes()).unwrap();
            assert_eq!(read(&bytes), None, "{bad}");
        }
        assert_eq!(read(&[0x81; 100]), None);
    }

    #[test]
    fn texts_are_read_back() {
        let told = texts(&[("__type", "AccessDenied"), ("message", "für niemanden"), ("", "")]);
        let read = read(&told);
        assert_eq!(
            read,
            Some(json!({"__type": "AccessDenied", "message": "für niemanden", "": ""}))
        );
    }
}
