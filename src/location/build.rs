//! From ranges that may overlap to a row of addresses from which on a location holds.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Place;

/// The addresses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u128,
    pub(super) last: u128,
    pub(super) place: Place,
}

/// The addresses at which the location changes, ascending, each with the location from there on; before the first one
/// there is none. `end` is the last address that there is. Of ranges that hold the same address the one of fewest
/// addresses wins, then the later one of `ranges`.
pub(super) fn resolve(ranges: Vec<Range>, end: u128) -> impl Iterator<Item = (u128, Place)> {
    let mut order: Vec<u32> = (0..ranges.len() as u32).collect();
    order.sort_by_key(|at| ranges[*at as usize].first);
    let mut next = order.into_iter().peekable();
    // Ranges that have begun, the best one on top; those that are over are taken out when they come up.
    let mut open: BinaryHeap<(Reverse<u128>, u32)> = BinaryHeap::new();
    let mut at = 0;
    let mut before = 0;
    let mut over = false;
    std::iter::from_fn(move || {
        while !over {
            // All that happens at `at`: ranges begin, ranges have ended.
            while let Some(begun) = next.next_if(|n| ranges[*n as usize].first <= at) {
                let range = &ranges[begun as usize];
                open.push((Reverse(range.last - range.first), begun));
            }
            while let Some((_, top)) = open.peek()
                && ranges[*top as usize].last < at
            {
                open.pop();
            }
            let best = open.peek().map(|(_, top)| &ranges[*top as usize]);
            let (here, place) = (at, best.map_or(0, |range| range.place));
            // The next place where something may happen.
            let begins = next.peek().map(|n| ranges[*n as usize].first);
            let ends = best.filter(|range| range.last < end).map(|range| range.last + 1);
            match begins.into_iter().chain(ends).min() {
                Some(event) => at = event,
                None => over = true,
            }
            if place != before {
                before = place;
                return Some((here, place));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn random_ranges_give_what_looking_at_each_of_them_gives() {
        let mut seed = Seed::new(1);
        for _ in 0..500 {
            let end = 80;
            let mut ranges = Vec::new();
            for _ in 0..seed.below(20) {
                let (a, b) = (seed.below(end + 1), seed.below(end + 1));
                let place = seed.below(4) as Place;
                ranges.push(Range { first: a.min(b).into(), last: a.max(b).into(), place });
            }
            let changes: Vec<_> = resolve(ranges.clone(), end.into()).collect();
            assert!(changes.is_sorted_by(|a, b| a.0 < b.0 && a.1 != b.1), "{changes:?}");
            for addr in 0..=u128::from(end) {
                let holding = ranges.iter().enumerate().filter(|(_, r)| (r.first..=r.last).contains(&addr));
                let best = holding.min_by_key(|(at, r)| (r.last - r.first, Reverse(*at)));
                let expected = best.map_or(0, |(_, r)| r.place);
                let got = changes.iter().rev().find(|(start, _)| *start <= addr).map_or(0, |(_, p)| *p);
                assert_eq!(got, expected, "address {addr} of {ranges:?}");
            }
        }
    }
}
