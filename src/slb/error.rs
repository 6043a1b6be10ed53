//! ICMP errors about answers that bypass us: the target must hear of them, and only its session says which one it is.

use super::choose::Chooser;
use super::session::{Key, Key4, Key6, Table};
use super::{key, send_unchanged, service};
use crate::flow::Tuple;
use crate::pass::Pass;
use crate::snapshot::{Mode, Server, Snapshot};
use crate::stat::Drop;
use crate::time::Instant;

/// Sends ICMP error `i` on if it is about an answer of a virtual server whose targets answer by themselves.
pub(super) fn carry(
    v4: &Table<Key4>,
    v6: &Table<Key6>,
    chooser: &Chooser,
    pass: &mut Pass<'_, '_>,
    i: usize,
    buffers: &mut [Vec<u8>; 2],
) {
    let (info, snapshot) = (pass.info(i), pass.snapshot);
    let Some(services) = snapshot.services.get(info.dst) else { return };
    let Some(quoted) = pass.quoted(i).filter(|quoted| quoted.src == info.dst) else {
        pass.drop(i, Drop::IcmpError);
        return;
    };
    // The request that the quoted packet answers.
    let request = Tuple {
        src: quoted.dst,
        dst: quoted.src,
        sport: quoted.dport,
        dport: quoted.sport,
        proto: quoted.proto,
    };
    let found = service(services, quoted.proto, quoted.sport).and_then(|number| {
        let server = snapshot.server(number).filter(|server| server.active)?;
        let target = if info.is_v6 {
            target(v6, pass.now, server, number, &request)
        } else {
            target(v4, pass.now, server, number, &request)
        };
        let reach = reach(snapshot, target?, info.is_v6)?;
        Some((number, target?, reach))
    });
    match found {
        Some((number, target, reach)) if pass.icmp_checksum_holds(i) && !pass.claims_impossible_mtu(i) => {
            send_unchanged(pass, i, (number, target), reach, chooser, buffers);
        }
        _ => pass.drop(i, Drop::IcmpError),
    }
}

/// The target of the session that `request` belongs to.
fn target<K: Key>(
    table: &Table<K>,
    now: Instant,
    server: &Server,
    number: u16,
    request: &Tuple,
) -> Option<u16> {
    let key = key::<K>(server.sessionid, number, request);
    table.find(now, table.locate(&key), &key).map(|place| table.get(place).target)
}

/// How unchanged packets get to `target`. Translated connections have flows, and an error without one is about nothing.
fn reach(snapshot: &Snapshot, target: u16, is_v6: bool) -> Option<&crate::snapshot::Reach> {
    snapshot.reach(target, is_v6).filter(|reach| reach.mode != Mode::Nat)
}
