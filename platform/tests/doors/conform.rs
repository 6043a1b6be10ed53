//! The conformance suite: each function proves one sentence of the contract for the door it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use bng_platform::{Access, Csum, DoorStats, Meta, OpenError, Port, PortSpec};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::world::{SILENCE, World, eventually, open, plain, run};

type Tests = &'static [(&'static str, fn(Access))];

pub(crate) const EVERY_DOOR: Tests = &[
    ("frames_of_every_size_cross_unchanged", every_size),
    ("jumbo_frames_cross_unchanged", jumbo),
    ("vlan_tags_stay_in_the_frame", vlan_tags),
    ("frames_that_do_not_fit_are_refused_and_counted", refusals),
    ("only_frames_of_the_mask_are_sent", mask),
    ("a_kernels_partial_checksum_is_answered_right", partial_checksum),
    ("own_frames_are_not_received", own_frames),
    ("a_sleeping_worker_is_woken", waking),
    ("a_link_goes_down_and_comes_back", link_down_up),
    ("a_removed_interface_is_an_error", removal),
    ("errors_tell_the_operator_what_to_do", open_errors),
];

pub(crate) const SHARED_INTERFACE: Tests = &[
    ("a_host_on_the_same_interface_is_filtered", accept),
    ("a_client_meets_one_queue", fanout),
    ("all_queues_learn_of_a_removed_interface", removal_of_several),
];

/// For doors whose system tells what it has dropped.
pub(crate) const COUNTING: Tests = &[("lost_frames_are_counted", overrun)];

pub(crate) const RAW: Tests = &[("an_interface_that_is_down_is_opened", opened_down)];

pub(crate) const TAP: Tests = &[
    ("the_device_goes_with_the_port", tap_disappears),
    ("a_name_in_use_is_refused", tap_name_in_use),
    ("bad_names_and_several_queues_are_refused", tap_bad_requests),
];

fn every_size(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    for lengths in (15..=1514).collect::<Vec<_>>().chunks(100) {
        for &length in lengths {
            tester.send(&plain(length));
        }
        let received = world.receive(lengths.len(), |batch, tx| {
            let all = batch.all();
            assert_eq!(tx.send(batch, all).unwrap(), all);
            batch.frames().iter().map(|frame| (frame.bytes().to_vec(), frame.meta)).collect()
        });
        let returned = tester.expect(lengths.len());
        for (at, &length) in lengths.iter().enumerate() {
            assert_eq!(received[at], (plain(length), Meta::default()), "received, {length} bytes");
            assert_eq!(returned[at], plain(length), "sent, {length} bytes");
        }
    }
    let expected = DoorStats { received: 1500, ..DoorStats::default() };
    assert_eq!(world.rx.stats(), expected);
    assert_eq!(world.tx.stats(), DoorStats { sent: 1500, ..DoorStats::default() });
}

fn jumbo(access: Access) {
    let mut world = World::with_mtu(access, 9000);
    let mut tester = world.tester();
    for length in [1515, 2000, 4096, 8999, 9014] {
        tester.send(&plain(length));
        let received = world.receive(1, |batch, tx| {
            let all = batch.all();
            assert_eq!(tx.send(batch, all).unwrap(), all);
            batch.frames().iter().map(|frame| frame.bytes().to_vec()).collect()
        });
        assert_eq!(received, [plain(length)]);
        assert_eq!(tester.expect(1), [plain(length)]);
    }
}

fn vlan_tags(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    let tagged = |tags: &[u8], length: usize| {
        let mut frame = plain(length);
        frame.splice(12..12, tags.iter().copied());
        frame
    };
    let one = [0x81, 0x00, 0xa0, 0x07];
    let two = [0x88, 0xa8, 0x00, 0x64, 0x81, 0x00, 0x2f, 0xff];
    let priority_only = [0x81, 0x00, 0xe0, 0x00];
    for tags in [&one[..], &two, &priority_only] {
        // Linux lets one tag of 802.1Q exceed the MTU, and counts others as payload.
        for length in [60, 61, if tags.len() == 4 { 1514 } else { 1506 }] {
            let frame = tagged(tags, length);
            tester.send(&frame);
            let received = world.receive(1, |batch, tx| {
                let all = batch.all();
                assert_eq!(tx.send(batch, all).unwrap(), all);
                batch.frames().iter().map(|frame| frame.bytes().to_vec()).collect()
            });
            assert_eq!(received, std::slice::from_ref(&frame), "received");
            assert_eq!(tester.expect(1), [frame], "sent");
        }
    }
    assert!(world.tx.send_bytes(&tagged(&one, 1514)).unwrap());
    assert_eq!(tester.expect(1), [tagged(&one, 1514)]);
}

fn refusals(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    for length in [1, 13, 1515, 9000] {
        assert!(!world.tx.send_bytes(&vec![6; length]).unwrap(), "{length} bytes");
    }
    // A refused frame in the middle of a batch does not cost the others their place.
    for length in [60, 61, 62] {
        tester.send(&plain(length));
    }
    let mut nonsense = plain(63);
    let mut frames: Vec<_> = [60, 1515, 61, 62].map(plain).into();
    let mut batch = bng_platform::Batch::new();
    for frame in &mut frames {
        batch.push(bng_platform::Frame::new(frame, Meta::default()));
    }
    let outside = Csum::Partial { start: 100, offset: 16 };
    batch.push(bng_platform::Frame::new(&mut nonsense, Meta { csum: outside, gso: None }));
    assert_eq!(world.tx.send(&mut batch, u64::MAX).unwrap(), 0b01101);
    assert_eq!(tester.expect(3), [plain(60), plain(61), plain(62)]);
    assert_eq!(world.tx.stats(), DoorStats { sent: 3, refused: 6, ..DoorStats::default() });
    assert_eq!(world.rx.recv().unwrap().len(), 3);
}

fn mask(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    for length in 60..124 {
        tester.send(&plain(length));
    }
    let wanted = 0x8000_0000_0000_0421u64;
    let mut got = 0;
    eventually("64 frames", || {
        let mut batch = world.rx.recv().unwrap();
        // The bits of this batch within the 64 frames.
        let part = (wanted >> got) & batch.all();
        assert_eq!(world.tx.send(&mut batch, wanted >> got).unwrap(), part);
        got += batch.len();
        got == 64
    });
    assert_eq!(tester.expect(4), [60, 65, 70, 123].map(plain));
    std::thread::sleep(SILENCE);
    assert!(tester.arrived().is_empty());
}

/// A UDP socket at the far end and a neighbour there that does not exist: the door answers for it.
fn udp_peer(world: &World) -> UdpSocket {
    world.ip_there(&format!("addr add 10.9.0.2/24 dev {}", world.far));
    world.ip_there(&format!("neigh add 10.9.0.1 lladdr 06:00:00:00:00:01 dev {}", world.far));
    world.there(|| {
        let socket = UdpSocket::bind("10.9.0.2:7000").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket
    })
}

fn partial_checksum(access: Access) {
    let mut world = World::new(access);
    let socket = udp_peer(&world);
    for length in [1, 2, 333, 1472] {
        let payload: Vec<u8> = (0..length).map(|n| (n * 3) as u8).collect();
        socket.send_to(&payload, "10.9.0.1:7001").unwrap();
        world.receive(1, |batch, tx| {
            let mut mask = 0;
            let mut seen = Vec::new();
            for (index, frame) in batch.frames_mut().iter_mut().enumerate() {
                if frame.bytes()[12..14] != [8, 0] || frame.bytes()[23] != 17 {
                    continue;
                }
                // Over veth the sender's kernel leaves the checksum; TAP was asked not to.
                let start = Csum::Partial { start: 34, offset: 6 };
                assert_eq!(frame.meta.csum, if access == Access::Tap { Csum::Complete } else { start });
                // Back to the sender: swapping keeps every checksum as it is.
                let bytes = frame.bytes_mut();
                for (a, b, n) in [(0, 6, 6), (26, 30, 4), (34, 36, 2)] {
                    for i in 0..n {
                        bytes.swap(a + i, b + i);
                    }
                }
                mask |= 1 << index;
                seen.push(());
            }
            assert_eq!(tx.send(batch, mask).unwrap(), mask);
            seen
        });
        let mut answer = [0; 2000];
        let (got, from) = socket.recv_from(&mut answer).expect("the kernel dropped the answer");
        assert_eq!((&answer[..got], from), (&payload[..], "10.9.0.1:7001".parse().unwrap()));
    }
}

fn own_frames(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    for length in 60..160 {
        assert!(world.tx.send_bytes(&plain(length)).unwrap());
    }
    assert_eq!(tester.expect(100).len(), 100);
    assert!(world.rx.recv().unwrap().is_empty());
    assert_eq!(world.rx.stats(), DoorStats::default());
}

/// Whether a frame or an error wakes a sleeper within `timeout` milliseconds.
fn woken(world: &World, timeout: u16) -> bool {
    let fd = world.rx.wait_fd().expect("descriptor");
    poll(&mut [PollFd::new(fd, PollFlags::POLLIN)], PollTimeout::from(timeout)).unwrap() > 0
}

fn waking(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    for _ in 0..3 {
        while !world.rx.recv().unwrap().is_empty() {}
        assert!(!woken(&world, 20), "nothing there");
        tester.send(&plain(60));
        assert!(woken(&world, 1000), "a frame is there");
    }
}

fn link_down_up(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    for _ in 0..2 {
        run(&format!("ip link set {} down", world.near));
        eventually("link down", || !world.port.link_up());
        for _ in 0..1000 {
            assert!(world.rx.recv().expect("a link that is down is no error").is_empty());
        }
        // The error that told of it was fetched: a worker sleeps again instead of spinning.
        assert!(!woken(&world, 20));
        assert!(!world.tx.send_bytes(&plain(60)).expect("a link that is down is no error"));
        run(&format!("ip link set {} up", world.near));
        eventually("link up", || world.port.link_up());
        if access == Access::Tap {
            // The far end is the same interface; libpcap at the far end may need its socket again.
            tester = world.tester();
        }
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            tester.send(&plain(60));
            std::thread::sleep(Duration::from_millis(2));
            if !world.rx.recv().unwrap().is_empty() {
                break;
            }
            assert!(Instant::now() < end, "no frame after the link came back");
        }
        while !world.rx.recv().unwrap().is_empty() {}
        tester.arrived();
        assert!(world.tx.send_bytes(&plain(61)).unwrap());
        assert_eq!(tester.expect(1), [plain(61)]);
    }
}

fn removal(access: Access) {
    let mut world = World::new(access);
    run(&format!("ip link del {}", world.near));
    eventually("an error from recv", || world.rx.recv().is_err());
    eventually("an error from send", || world.tx.send_bytes(&plain(60)).is_err());
    let text = world.rx.recv().unwrap_err().to_string();
    assert!(text.contains(&world.near) && text.contains("removed"), "{text}");
    assert!(!world.port.link_up());
}

fn refusal(name: &str, access: Access, queues: usize) -> OpenError {
    match open(&PortSpec { name: name.into(), access, queues }) {
        Ok(_) => panic!("{name} was opened"),
        Err(error) => error,
    }
}

fn open_errors(access: Access) {
    if access != Access::Tap {
        let error = refusal("nowhere0", access, 1);
        assert!(
            matches!(&error, OpenError::NotFound { existing, .. } if existing.contains(&"lo".into())),
            "{error}"
        );
        let error = refusal("lo", access, 1).to_string();
        assert!(access == Access::Pcap || error.contains("not an Ethernet interface"), "{error}");
    }
    if access == Access::Tap {
        let error = refusal("several0", access, 2).to_string();
        assert!(error.contains("one receive queue"), "{error}");
    }
    // Another thread of this process gives its privileges up; the kernel asks each thread for its own.
    let world = (access != Access::Tap).then(|| World::new(access));
    let name = world.as_ref().map_or("forbidden0", |world| &world.near);
    let error = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            drop_privileges();
            refusal(name, access, 1)
        });
        thread.join().unwrap()
    });
    assert!(matches!(error, OpenError::NotPermitted { .. }), "{error}");
    assert!(error.to_string().contains("run bng as root"), "{error}");
}

fn drop_privileges() {
    // SAFETY: the plain system call, which unlike the function of libc changes this thread only.
    let result = unsafe { nix::libc::syscall(nix::libc::SYS_setresuid, 65534, 65534, 65534) };
    assert_eq!(result, 0);
}

fn overrun(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    const SENT: u64 = 12_000;
    let frame = plain(60);
    for _ in 0..SENT {
        tester.send(&frame);
    }
    let mut received = 0;
    loop {
        let batch = world.rx.recv().unwrap();
        if batch.is_empty() {
            break;
        }
        received += batch.len() as u64;
    }
    let stats = world.rx.stats();
    assert!(received < SENT, "the door held everything: send more");
    assert_eq!(stats, DoorStats { received, overrun: SENT - received, ..DoorStats::default() });
    // And on it goes.
    tester.send(&plain(99));
    let next =
        world.receive(1, |batch, _| batch.frames().iter().map(|frame| frame.bytes().to_vec()).collect());
    assert_eq!(next, [plain(99)]);
}

fn accept(access: Access) {
    let mut world = World::new(access);
    let mut tester = world.tester();
    let to = |mac: [u8; 6]| {
        let mut frame = plain(60);
        frame[..6].copy_from_slice(&mac);
        frame
    };
    let (ours, hosts) = ([6, 0, 1, 2, 3, 4], [2, 0, 0, 0, 0, 9]);
    world.rx.accept(&[[0, 0, 0x5e, 0, 1, 1], ours]).unwrap();
    for mac in [hosts, ours, [0xff; 6], hosts, [1, 0, 0x5e, 0, 0, 18], [0, 0, 0x5e, 0, 1, 1]] {
        tester.send(&to(mac));
    }
    let got =
        world.receive(4, |batch, _| batch.frames().iter().map(|frame| frame.bytes()[..6].to_vec()).collect());
    assert_eq!(got, [&ours[..], &[0xff; 6], &[1, 0, 0x5e, 0, 0, 18], &[0, 0, 0x5e, 0, 1, 1]]);
    // Another list takes the place of the first.
    world.rx.accept(&[hosts]).unwrap();
    tester.send(&to(ours));
    tester.send(&to(hosts));
    let got =
        world.receive(1, |batch, _| batch.frames().iter().map(|frame| frame.bytes()[..6].to_vec()).collect());
    assert_eq!(got, [&hosts[..]]);
}

fn fanout(access: Access) {
    let world = World::new(access);
    let spec = PortSpec { name: world.near.clone(), access, queues: 2 };
    let mut port = open(&spec).unwrap();
    let mut queues = port.take_rx();
    assert_eq!((queues.len(), port.caps().queues), (2, 2));
    let mut tester = world.tester();
    for round in 0..3u8 {
        for client in 0..100u8 {
            for v6 in [false, true] {
                let mut frame = plain(100);
                if v6 {
                    frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
                    frame[22..38].fill(client);
                } else {
                    frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
                    frame[26..30].copy_from_slice(&[10, 1, 1, client]);
                }
                frame[60..].fill(round);
                tester.send(&frame);
            }
        }
        tester.send(&plain(64));
    }
    // ICMP errors of one router about packets to the clients.
    for client in 0..100u8 {
        for v6 in [false, true] {
            let mut frame = plain(120);
            if v6 {
                frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
                frame[20] = 58;
                frame[22..38].fill(0xee);
                frame[54..62].copy_from_slice(&[2, 0, 0, 0, 0, 0, 5, 120]);
                frame[86..102].fill(client);
            } else {
                frame[12..15].copy_from_slice(&[0x08, 0x00, 0x45]);
                frame[20..24].copy_from_slice(&[0x40, 0, 64, 1]);
                frame[26..30].copy_from_slice(&[10, 9, 9, 9]);
                frame[34..42].copy_from_slice(&[3, 4, 0, 0, 0, 0, 5, 120]);
                frame[58..62].copy_from_slice(&[10, 1, 1, client]);
            }
            tester.send(&frame);
        }
    }
    let mut met = BTreeMap::<Vec<u8>, BTreeSet<usize>>::new();
    let mut seen = [0; 2];
    eventually("all frames", || {
        for (number, queue) in queues.iter_mut().enumerate() {
            for frame in queue.recv().unwrap().frames() {
                seen[number] += 1;
                let bytes = frame.bytes();
                let key = match (bytes[12], bytes[13], bytes.len()) {
                    (0x08, 0x00, 120) => bytes[58..62].to_vec(),
                    (0x86, 0xdd, 120) => bytes[86..102].to_vec(),
                    (0x08, 0x00, _) => bytes[26..30].to_vec(),
                    (0x86, 0xdd, _) => bytes[22..38].to_vec(),
                    _ => Vec::new(),
                };
                met.entry(key).or_default().insert(number);
            }
        }
        seen.iter().sum::<usize>() == 803
    });
    assert_eq!(met.len(), 201);
    assert!(met.values().all(|queues| queues.len() == 1), "a client, or an error about it, met two queues");
    assert_eq!(met[&Vec::new()], BTreeSet::from([0]), "everything but IP is for queue 0");
    assert!(seen.iter().all(|&frames| frames > 200), "{seen:?}");
}

fn removal_of_several(access: Access) {
    let world = World::new(access);
    let mut port = open(&PortSpec { name: world.near.clone(), access, queues: 2 }).unwrap();
    let mut queues = port.take_rx();
    run(&format!("ip link del {}", world.near));
    for queue in &mut queues {
        eventually("an error from recv", || queue.recv().is_err());
        let text = queue.recv().unwrap_err().to_string();
        assert!(text.contains(&world.near) && text.contains("removed"), "{text}");
    }
}

fn opened_down(access: Access) {
    let world = World::new(access);
    run(&format!("ip link set {} down", world.near));
    let mut port = open(&PortSpec { name: world.near.clone(), access, queues: 1 }).unwrap();
    let mut rx = port.take_rx().remove(0);
    assert!(!port.link_up());
    assert!(rx.recv().unwrap().is_empty());
    run(&format!("ip link set {} up", world.near));
    eventually("link up", || port.link_up());
    world.tester().send(&plain(60));
    eventually("a frame", || !rx.recv().unwrap().is_empty());
}

fn exists(name: &str) -> bool {
    bng_platform::interface_names().iter().any(|existing| existing == name)
}

fn tap_disappears(access: Access) {
    let World { mut port, rx, tx, near, .. } = World::new(access);
    assert!(exists(&near));
    assert_ne!(port.caps().mac, [0; 6]);
    assert!(port.take_rx().is_empty());
    drop(port);
    drop(rx);
    assert!(exists(&near), "a queue is still open");
    drop(tx);
    eventually("removal", || !exists(&near));
}

fn tap_name_in_use(access: Access) {
    let world = World::new(access);
    for name in [&world.near, "lo"] {
        let error = refusal(name, access, 1);
        assert!(matches!(error, OpenError::NameInUse { .. }), "{error}");
        assert!(error.to_string().contains(&format!("interface {name} already exists")), "{error}");
    }
    // A device that outlives its maker is in use as well.
    run("ip tuntap add lasting0 mode tap");
    assert!(matches!(refusal("lasting0", access, 1), OpenError::NameInUse { .. }));
    run("ip link del lasting0");
}

fn tap_bad_requests(access: Access) {
    for name in ["", "sixteen-chars-xx", "a/b", "tap%d", "a b"] {
        let error = refusal(name, access, 1);
        assert!(matches!(error, OpenError::Unsupported { .. }), "{name}: {error}");
    }
    let longest = "fifteen-chars-x";
    let port: Box<dyn Port> = open(&PortSpec { name: longest.into(), access, queues: 1 }).unwrap();
    assert!(exists(longest) && !port.link_up());
}
