//! Exact-match lookup by IP address, built once per snapshot and read per frame.

use crate::hash::HashKey;
use crate::seed::Seed;
use crate::wire::Addr;

/// An immutable map from addresses, open-addressed and at most half full, so that a miss costs one or two probes.
#[derive(Debug, Clone)]
pub struct AddrMap<V> {
    slots: Vec<Option<(Addr, V)>>,
    key: HashKey,
}

impl<V: Clone> AddrMap<V> {
    /// A map of `entries`; of two entries with one address the first stays.
    pub fn build(entries: &[(Addr, V)]) -> Self {
        let size = (entries.len() * 2).next_power_of_two().max(4);
        // The keys come from the configuration, not from the wire: a fixed key is enough.
        let mut map = Self { slots: vec![None; size], key: HashKey::new(&mut Seed::new(0)) };
        for (addr, value) in entries {
            let at = map.probe(*addr);
            if map.slots[at].is_none() {
                map.slots[at] = Some((*addr, value.clone()));
            }
        }
        map
    }
}

impl<V> AddrMap<V> {
    /// The value of `addr`.
    #[inline]
    pub fn get(&self, addr: Addr) -> Option<&V> {
        self.slots[self.probe(addr)].as_ref().map(|(_, value)| value)
    }

    /// All entries, in no particular but reproducible order.
    pub fn iter(&self) -> impl Iterator<Item = &(Addr, V)> {
        self.slots.iter().flatten()
    }

    /// Where `addr` is, or the free slot where it would be. The map is never full, so the walk ends.
    #[inline]
    fn probe(&self, addr: Addr) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = self.key.hash(addr.to_bits(), 0) as usize & mask;
        while let Some((found, _)) = &self.slots[at] {
            if *found == addr {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let entries: Vec<_> = (0..1_500u128).map(|i| (Addr::from_bits(i * 7), i)).collect();
        let map = AddrMap::build(&entries);
        for i in 0..10_500u128 {
            assert_eq!(map.get(Addr::from_bits(i)).copied(), (i % 7 == 0).then_some(i / 7));
        }
        assert_eq!(map.iter().count(), 1_500);
    }

    #[test]
    fn an_empty_map_finds_nothing() {
        assert!(AddrMap::<u8>::build(&[]).get(Addr::from_bits(0)).is_none());
    }

    #[test]
    fn the_first_of_two_entries_with_one_address_stays() {
        let one = Addr::from_bits(1);
        assert_eq!(AddrMap::build(&[(one, 'a'), (one, 'b')]).get(one), Some(&'a'));
    }
}
