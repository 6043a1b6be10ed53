//! Every counter of a worker by name, so that a test can say exactly which ones moved.

use std::collections::BTreeMap;

use bng::stat::{Drop, MAX_SERVERS, MAX_TARGETS, Traffic, Work, WorkerStats};

/// Values by name; zeros are left out.
pub(crate) type Counters = BTreeMap<String, u64>;

/// Every counter of `stats` that is not zero.
///
/// The patterns name every field: a counter added to the library and not here does not compile.
pub(crate) fn read(stats: &WorkerStats) -> Counters {
    let mut counters = Counters::new();
    let mut add = |name: &dyn Fn() -> String, value: u64| {
        if value != 0 {
            counters.insert(name(), value);
        }
    };
    let Work {
        received,
        forwarded,
        routed,
        waiting,
        errors,
        resolved,
        echoed,
        answered,
        nxdomain,
        servfail,
        refused,
        benchmarked,
        punted,
        expired,
        evicted,
        moved,
        unstored,
        flows,
        opened,
        resumed,
        resets,
        closed,
        clashed,
        untold,
    } = &stats.work;
    for (name, counter) in [
        ("received", received),
        ("forwarded", forwarded),
        ("routed", routed),
        ("waiting", waiting),
        ("errors", errors),
        ("resolved", resolved),
        ("echoed", echoed),
        ("answered", answered),
        ("nxdomain", nxdomain),
        ("servfail", servfail),
        ("refused", refused),
        ("benchmarked", benchmarked),
        ("punted", punted),
        ("expired", expired),
        ("evicted", evicted),
        ("moved", moved),
        ("unstored", unstored),
        ("flows", flows),
        ("opened", opened),
        ("resumed", resumed),
        ("resets", resets),
        ("closed", closed),
        ("clashed", clashed),
        ("untold", untold),
    ] {
        add(&|| name.to_string(), counter.get());
    }
    for reason in Drop::ALL {
        add(&|| format!("drop.{}", reason.word()), stats.drops(reason));
    }
    let mut traffic = |what: &str, number: u16, traffic: &Traffic| {
        let Traffic { sessions, elsewhere: _, created, frames, bytes, replies, reply_bytes } = traffic;
        for (name, counter) in [
            ("sessions", sessions),
            ("created", created),
            ("frames", frames),
            ("bytes", bytes),
            ("replies", replies),
            ("reply_bytes", reply_bytes),
        ] {
            add(&|| format!("{what}{number}.{name}"), counter.get());
        }
    };
    // Number 0 collects what is out of range: it must be seen too.
    for number in 0..=MAX_SERVERS {
        traffic("server", number, stats.server(number));
    }
    for number in 0..=MAX_TARGETS {
        traffic("target", number, stats.target(number));
    }
    counters
}

/// What moved between two readings, and by how much; gauges may fall.
pub(crate) fn moved(before: &Counters, after: &Counters) -> BTreeMap<String, i64> {
    let value = |counters: &Counters, name: &String| counters.get(name).copied().unwrap_or(0) as i64;
    let names = before.keys().chain(after.keys());
    names
        .map(|name| (name.clone(), value(after, name) - value(before, name)))
        .filter(|(_, by)| *by != 0)
        .collect()
}
