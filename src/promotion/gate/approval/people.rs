//! How many people stand behind approvals of which some may be one person's.

use std::collections::BTreeMap;

/// So many are tried in every combination.
const EXACT: usize = 20;

/// The most of `all` of which no two are one's, by what `one` says of two, and the others, each with one of the former and
/// what it says of both. Who approves beside others never lowers their number. Each two are asked about once.
pub(super) fn most<T: Copy, W: Clone>(
    all: Vec<T>,
    one: impl Fn(&T, &T) -> Option<W>,
) -> (Vec<T>, Vec<(T, T, W)>) {
    let pairs: BTreeMap<(usize, usize), W> = all
        .iter()
        .enumerate()
        .flat_map(|(at, this)| {
            let one = &one;
            let later = all.iter().enumerate().skip(at + 1);
            later.filter_map(move |(other, that)| Some(((at, other), one(this, that)?)))
        })
        .collect();
    let meets = |a: usize, b: usize| pairs.get(&(a.min(b), a.max(b)));
    let chosen: Vec<usize> = if all.len() <= EXACT {
        let row = |a: usize| -> u32 {
            (0..all.len()).filter(|b| meets(a, *b).is_some()).map(|b| 1 << b).sum()
        };
        let rows: Vec<u32> = (0..all.len()).map(row).collect();
        let most = largest((1_u32 << all.len()) - 1, &rows);
        (0..all.len()).filter(|at| most & 1 << at != 0).collect()
    } else {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|a| (0..all.len()).filter(|b| meets(*a, *b).is_some()).count());
        let mut chosen: Vec<usize> = Vec::new();
        for at in order {
            if chosen.iter().all(|taken| meets(at, *taken).is_none()) {
                chosen.push(at);
            }
        }
        chosen.sort_unstable();
        chosen
    };
    let (mut counted, mut others) = (Vec::new(), Vec::new());
    for (at, this) in all.iter().enumerate() {
        let with = chosen.iter().find_map(|taken| Some((*all.get(*taken)?, meets(at, *taken)?)));
        match with {
            Some((taken, why)) if !chosen.contains(&at) => others.push((*this, taken, why.clone())),
            _ => counted.push(*this),
        }
    }
    (counted, others)
}

/// The largest part of `left` of which no two meet; `rows` says who meets whom.
fn largest(left: u32, rows: &[u32]) -> u32 {
    if left == 0 {
        return 0;
    }
    let first = left.trailing_zeros();
    let meets = rows.get(first as usize).copied().unwrap_or_default() & left;
    let this = 1 << first;
    let with = this | largest(left & !this & !meets, rows);
    if meets == 0 {
        return with;
    }
    let without = largest(left & !this, rows);
    if without.count_ones() > with.count_ones() { without } else { with }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most_of(names: &[&'static str], one: &[(&str, &str)]) -> Vec<&'static str> {
        let asked = std::cell::Cell::new(0);
        let met = |a: &&str, b: &&str| {
            asked.set(asked.get() + 1);
            (one.contains(&(*a, *b)) || one.contains(&(*b, *a))).then_some(())
        };
        let (counted, others) = most(names.to_vec(), met);
        assert_eq!(counted.len() + others.len(), names.len());
        assert_eq!(asked.get(), names.len() * names.len().saturating_sub(1) / 2);
        for (other, with, ()) in others {
            assert!(counted.contains(&with) && other != with, "{other} {with}");
        }
        counted
    }

    #[test]
    fn one_who_may_be_several_does_not_stand_in_for_them() {
        assert_eq!(
            most_of(&["ops", "ann", "bob"], &[("ops", "ann"), ("bob", "ops")]),
            ["ann", "bob"]
        );
        assert_eq!(most_of(&["ann", "bob"], &[]), ["ann", "bob"]);
        assert_eq!(most_of(&["ann", "bob"], &[("bob", "ann")]), ["ann"]);
        // Of a row of five that each meet the next, three.
        let row = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")];
        assert_eq!(most_of(&["a", "b", "c", "d", "e"], &row), ["a", "c", "e"]);
        assert!(most_of(&[], &[]).is_empty());
    }

    #[test]
    fn many_are_taken_in_order_of_whom_they_meet() {
        let names: Vec<&'static str> = vec!["ops"; 1]
            .into_iter()
            .chain((0..24).map(|at| &*Box::leak(format!("p{at}").into_boxed_str())))
            .collect();
        let all: Vec<(&str, &str)> = names.iter().skip(1).map(|name| ("ops", *name)).collect();
        assert_eq!(most_of(&names, &all).len(), 24);
    }
}
