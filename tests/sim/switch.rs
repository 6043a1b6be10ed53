//! A learning switch: it remembers behind which cable a station was last heard, and floods what it does not know.

use std::collections::BTreeMap;

use bng::wire::MacAddr;

/// Number of a cable of the world.
pub(crate) type Cable = usize;

#[derive(Default)]
pub(crate) struct Switch {
    stations: BTreeMap<MacAddr, Cable>,
}

impl Switch {
    /// Where a frame goes that came in by `from`, out of `cables`.
    pub(crate) fn pass(&mut self, from: Cable, cables: usize, frame: &[u8]) -> Vec<Cable> {
        let (dst, rest) = frame.split_first_chunk::<6>().expect("a frame has stations");
        let (src, _) = rest.split_first_chunk::<6>().expect("a frame has stations");
        self.stations.insert(MacAddr(*src), from);
        match self.whereabouts(MacAddr(*dst)).filter(|_| !MacAddr(*dst).is_multicast()) {
            Some(cable) if cable == from => Vec::new(),
            Some(cable) => vec![cable],
            None => (0..cables).filter(|cable| *cable != from).collect(),
        }
    }

    /// The cable behind which `station` was last heard.
    pub(crate) fn whereabouts(&self, station: MacAddr) -> Option<Cable> {
        self.stations.get(&station).copied()
    }
}
