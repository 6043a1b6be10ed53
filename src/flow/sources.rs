//! The addresses of our own that flows are translated from: a few for many flows, so a record holds a number.

use std::collections::BTreeMap;

/// Interned addresses. Number 0 is none of them.
#[derive(Debug)]
pub(super) struct Sources<A> {
    /// Address of number `n + 1`, and how many flows use it.
    used: Vec<(A, u32)>,
    numbers: BTreeMap<A, u16>,
}

impl<A> Default for Sources<A> {
    fn default() -> Self {
        Self { used: Vec::new(), numbers: BTreeMap::new() }
    }
}

impl<A: Copy + Ord> Sources<A> {
    /// Most addresses at a time.
    pub(super) const MOST: usize = u16::MAX as usize;

    /// The number of `addr`, for one flow more. `None` when too many others are in use.
    ///
    /// An address keeps its number when no flow uses it any more, because what served one flow soon serves the next;
    /// the number is given away only when there are no new ones left.
    pub(super) fn claim(&mut self, addr: A) -> Option<u16> {
        if let Some(number) = self.numbers.get(&addr) {
            self.used[usize::from(*number) - 1].1 += 1;
            return Some(*number);
        }
        let number = if self.used.len() < Self::MOST {
            self.used.push((addr, 1));
            self.used.len() as u16
        } else {
            let at = self.used.iter().position(|(_, flows)| *flows == 0)?;
            self.numbers.remove(&self.used[at].0);
            self.used[at] = (addr, 1);
            at as u16 + 1
        };
        self.numbers.insert(addr, number);
        Some(number)
    }

    /// One flow less uses `number`.
    pub(super) fn release(&mut self, number: u16) {
        if let Some(at) = usize::from(number).checked_sub(1) {
            self.used[at].1 -= 1;
        }
    }

    /// The address of `number`; `None` for 0.
    #[inline]
    pub(super) fn get(&self, number: u16) -> Option<A> {
        self.used.get(usize::from(number).wrapping_sub(1)).map(|(addr, _)| *addr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_number_for_all_its_flows() {
        let mut sources = Sources::default();
        let a = sources.claim(7u32).unwrap();
        assert_eq!(sources.claim(7), Some(a));
        assert_ne!(sources.claim(8), Some(a));
        sources.release(a);
        assert_eq!((sources.get(a), sources.get(0), sources.get(999)), (Some(7), None, None));
    }

    #[test]
    fn numbers_of_unused_addresses_are_given_away_when_there_are_no_others() {
        let mut sources = Sources::default();
        let numbers: Vec<u16> = (0..Sources::<u32>::MOST as u32).map(|a| sources.claim(a).unwrap()).collect();
        assert_eq!(sources.claim(1 << 20), None);
        sources.release(numbers[500]);
        assert_eq!(sources.claim(1 << 20), Some(numbers[500]));
        assert_eq!((sources.get(numbers[500]), sources.claim(500)), (Some(1 << 20), None));
    }
}
