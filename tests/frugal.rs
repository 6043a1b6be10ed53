//! The fast path takes nothing from the allocator: what it needs it has from the start, or since it was first needed.

#[path = "../benches/engine/rig.rs"]
mod rig;
#[path = "../benches/engine/scene.rs"]
#[allow(dead_code, reason = "the benchmark needs more of it")]
mod scene;

use allocation_counter::measure;
use rig::Rig;
use scene::{Family, Way};

const CLIENTS: u32 = 20_000;

/// Every way for both families.
fn ways() -> impl Iterator<Item = (Way, Family, String)> {
    Way::ALL.into_iter().flat_map(|(way_name, way)| {
        Family::ALL.map(|(family_name, family)| (way, family, format!("{way_name}, {family_name}")))
    })
}

#[test]
fn packets_of_known_clients_are_forwarded_without_an_allocation() {
    for batch in [64, 7, 1] {
        for (way, family, name) in ways() {
            let mut rig = Rig::new(way, family, 1_000, batch);
            rig.run(1_000 + 64, true);
            let taken = measure(|| {
                rig.run(10_000, true);
            });
            assert_eq!(taken.count_total, 0, "{name} in batches of {batch}: {taken:?}");
            rig.check();
        }
    }
}

/// Lists grow with what is in them, by doubling: that is a handful of times for any number of connections.
#[test]
fn new_clients_cost_allocations_by_doublings_only() {
    for (way, family, name) in ways() {
        let mut rig = Rig::new(way, family, CLIENTS, 64);
        rig.run(64, true);
        let taken = measure(|| {
            rig.run(CLIENTS as usize, true);
        });
        assert!(taken.count_total <= 16, "{name}: {CLIENTS} new clients, {taken:?}");
        rig.check();
    }
}

#[test]
fn what_is_counted_here_are_allocations() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}
