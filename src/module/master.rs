//! `master`: the gate. On a backup node nothing passes to the modules behind it.

use crate::pass::{Pass, bits, left_over};
use crate::stat::Drop;

/// Drops every pending frame unless this node is master.
pub fn run(pass: &mut Pass<'_, '_>) {
    if pass.snapshot.master {
        return;
    }
    for i in bits(pass.pending()) {
        let reason = if pass.ethernet(i).dst.is_multicast() { left_over(pass, i) } else { Drop::NotMaster };
        pass.drop(i, reason);
    }
}
