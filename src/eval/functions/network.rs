//! Address ranges, in IPv4 and IPv6, and ARNs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::args::FunctionResult;
use super::function::{Call, Copes, Function};
use crate::diag::Diagnostic;
use crate::value::Value;

pub(super) const TABLE: &[Function] = &[
    Function {
        name: "arn_build",
        params: &["partition", "service", "region", "account_id", "resource"],
        about: "An ARN of its parts.",
        copes: Copes::UNKNOWN,
        run: arn_build,
    },
    Function {
        name: "arn_parse",
        params: &["arn"],
        about: "The parts of an ARN: `partition`, `service`, `region`, `account_id`, `resource`.",
        copes: Copes::NOTHING,
        run: arn_parse,
    },
    Function {
        name: "cidrcontains",
        params: &["prefix", "address_or_prefix"],
        about: "Whether an address range contains an address or all of another range.",
        copes: Copes::NOTHING,
        run: cidrcontains,
    },
    Function {
        name: "cidrhost",
        params: &["prefix", "number"],
        about: "The address with this number in a range; negative numbers count from its end.",
        copes: Copes::NOTHING,
        run: cidrhost,
    },
    Function {
        name: "cidrnetmask",
        params: &["prefix"],
        about: "The network mask of an IPv4 range.",
        copes: Copes::NOTHING,
        run: cidrnetmask,
    },
    Function {
        name: "cidrsubnet",
        params: &["prefix", "new_bits", "number"],
        about: "The subnet with this number, its prefix longer by so many bits.",
        copes: Copes::NOTHING,
        run: cidrsubnet,
    },
    Function {
        name: "cidrsubnets",
        params: &["prefix", "new_bits..."],
        about: "Consecutive subnets, each longer by so many bits.",
        copes: Copes::NOTHING,
        run: cidrsubnets,
    },
];

/// A range: its first address as a number, its prefix length, and 32 or 128 bits in all.
#[derive(Clone, Copy)]
struct Prefix {
    base: u128,
    length: u32,
    bits: u32,
}

impl Prefix {
    fn host_bits(self) -> u32 {
        self.bits - self.length
    }

    /// The number of addresses less one.
    fn host_mask(self) -> u128 {
        u128::MAX.checked_shr(128 - self.host_bits()).unwrap_or(0)
    }

    fn show(self) -> String {
        format!("{}/{}", address(self.base, self.bits), self.length)
    }
}

fn address(number: u128, bits: u32) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if bits == 32 => IpAddr::V4(Ipv4Addr::from(number)),
        _ => IpAddr::V6(Ipv6Addr::from(number)),
    }
}

fn number(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    }
}

/// An address; the numbers of an IPv4 address may have leading zeros, and are decimal all the same.
fn ip(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let plain = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let parts: Vec<String> = text.split('.').map(plain).collect();
    parts.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

fn parse(text: &str) -> Option<Prefix> {
    let (address, length) = text.split_once('/')?;
    let (given, bits) = number(ip(address)?);
    let plain = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length: u32 = length.parse().ok().filter(|l| plain && *l <= bits)?;
    let prefix = Prefix { base: given, length, bits };
    Some(Prefix { base: given & !prefix.host_mask(), ..prefix })
}

fn prefix(call: &Call<'_>, index: usize) -> Result<Prefix, Diagnostic> {
    let text = call.text(index)?;
    parse(&text).ok_or_else(|| {
        call.bad(index, format_args!("`{text}` is not an address range")).help(
            "a range is an address, a slash and the length of its prefix, as in `10.0.0.0/16`",
        )
    })
}

fn cidrcontains(call: &Call<'_>) -> FunctionResult {
    let outer = prefix(call, 0)?;
    let text = call.text(1)?;
    let inner = match (parse(&text), ip(&text)) {
        (Some(inner), _) => inner,
        (None, Some(ip)) => {
            let (base, bits) = number(ip);
            Prefix { base, length: bits, bits }
        }
        (None, None) => {
            return Err(call.bad(1, format_args!("`{text}` is neither an address nor a range")));
        }
    };
    if inner.bits != outer.bits {
        return Err(call.bad(1, "an IPv4 range and an IPv6 range cannot be compared"));
    }
    Ok((inner.length >= outer.length && inner.base & !outer.host_mask() == outer.base).into())
}

fn cidrhost(call: &Call<'_>) -> FunctionResult {
    let range = prefix(call, 0)?;
    let wanted = call.int(1)?;
    let most = range.host_mask();
    let offset = if wanted < 0 {
        most.checked_sub(u128::from(wanted.unsigned_abs()) - 1)
    } else {
        u128::try_from(wanted).ok().filter(|w| *w <= most)
    };
    match offset {
        Some(offset) => Ok(address(range.base | offset, range.bits).to_string().into()),
        None => Err(call.bad(1, format_args!("`{}` has no address number {wanted}", range.show()))),
    }
}

fn cidrnetmask(call: &Call<'_>) -> FunctionResult {
    let range = prefix(call, 0)?;
    if range.bits != 32 {
        return Err(call.bad(0, "only IPv4 ranges have a network mask"));
    }
    let mask = u128::from(u32::MAX) & !range.host_mask();
    Ok(address(mask, 32).to_string().into())
}

fn longer(call: &Call<'_>, index: usize, range: Prefix) -> Result<(u32, u32), Diagnostic> {
    let new_bits = call.int(index)?;
    let bits = u32::try_from(new_bits)
        .map_err(|_| call.bad(index, "the number of bits must not be negative"))?;
    if bits > range.host_bits() {
        return Err(call.bad(
            index,
            format_args!(
                "`{}` has {} bits left, and {bits} are asked for",
                range.show(),
                range.host_bits()
            ),
        ));
    }
    Ok((bits, range.length + bits))
}

fn cidrsubnet(call: &Call<'_>) -> FunctionResult {
    let range = prefix(call, 0)?;
    let (bits, length) = longer(call, 1, range)?;
    let wanted = call.int(2)?;
    let most = u128::MAX.checked_shr(128 - bits).unwrap_or(0);
    let offset = u128::try_from(wanted).ok().filter(|w| *w <= most).ok_or_else(|| {
        call.bad(
            2,
            format_args!(
                "{bits} bits tell {} subnets apart, from 0 to {most}; there is no number {wanted}",
                most.saturating_add(1)
            ),
        )
    })?;
    let shift = range.bits - length;
    let base = range.base | offset.checked_shl(shift).unwrap_or(0);
    Ok(Prefix { base, length, bits: range.bits }.show().into())
}

fn cidrsubnets(call: &Call<'_>) -> FunctionResult {
    let range = prefix(call, 0)?;
    let mut next = range.base;
    let last = range.base | range.host_mask();
    let mut full = false;
    let mut subnets = Vec::new();
    for index in 1..call.args.len() {
        let (bits, length) = longer(call, index, range)?;
        if bits == 0 {
            return Err(call.bad(index, "a subnet needs at least one more bit"));
        }
        let subnet = Prefix { base: 0, length, bits: range.bits };
        let mask = subnet.host_mask();
        // A smaller subnet before may have left the next one unaligned.
        let base = next.checked_add(mask).map(|b| b & !mask);
        let fits = base.filter(|b| !full && *b >= range.base && *b <= last && last - *b >= mask);
        let Some(base) = fits else {
            return Err(call.bad(
                index,
                format_args!(
                    "`{}` has no room left for a subnet of prefix length {length}",
                    range.show()
                ),
            ));
        };
        subnets.push(Value::from(Prefix { base, ..subnet }.show()));
        match (base + mask).checked_add(1) {
            Some(after) => next = after,
            None => full = true,
        }
    }
    Ok(Value::list(subnets))
}

fn arn_parse(call: &Call<'_>) -> FunctionResult {
    let text = call.text(0)?;
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().map(str::to_owned);
    match (next(), next(), next(), next(), next(), next()) {
        (
            Some(arn),
            Some(partition),
            Some(service),
            Some(region),
            Some(account),
            Some(resource),
        ) if arn == "arn" => {
            let named = [
                ("partition", partition),
                ("service", service),
                ("region", region),
                ("account_id", account),
                ("resource", resource),
            ];
            Ok(Value::Map(named.into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect()))
        }
        _ => Err(call
            .bad(0, format_args!("`{text}` is not an ARN"))
            .help("an ARN is `arn:partition:service:region:account:resource`")),
    }
}

fn arn_build(call: &Call<'_>) -> FunctionResult {
    let mut pieces = super::args::TextPieces::default();
    pieces.push_str("arn");
    for index in 0..5 {
        pieces.push_str(":");
        match call.arg(index) {
            Value::Unknown(unknown) => pieces.push_unknown(unknown, str::to_owned),
            _ => pieces.push_str(&call.text(index)?),
        }
    }
    Ok(pieces.finish())
}
