//! One TCP stream through two doors that pass every frame on, with the default offloads of the kernel: partial
//! checksums and segments of 64 KiB on one side, whatever the other door makes of them on the other.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bng_platform::{Access, RxQueue, TxQueue};

use crate::world::{PATIENCE, World};

/// Bytes of one stream.
const LENGTH: usize = 100 << 20;

pub(crate) const STREAMS: &[(&str, fn())] = &[
    ("segments_cross_from_raw_to_raw_uncut", raw_to_raw),
    ("segments_are_cut_from_raw_to_pcap_and_back", || cut(Access::Raw, Access::Pcap)),
    ("segments_are_guessed_and_cut_from_pcap_to_pcap", || cut(Access::Pcap, Access::Pcap)),
    ("segments_are_cut_from_raw_to_a_tap_device", || cut(Access::Raw, Access::Tap)),
    ("segments_are_cut_from_pcap_to_a_tap_device", || cut(Access::Pcap, Access::Tap)),
];

fn raw_to_raw() {
    let seen = stream(Access::Raw, Access::Raw);
    assert!(seen.segments > 100, "the kernel sent no oversized segments: nothing was proved ({seen:?})");
    assert!(seen.longest > 30_000, "{seen:?}");
}

fn cut(client: Access, server: Access) {
    let seen = stream(client, server);
    assert!(seen.segments > 10, "the kernel sent no oversized segments: nothing was proved ({seen:?})");
}

#[derive(Debug, Default)]
struct Seen {
    frames: u64,
    segments: u64,
    longest: usize,
}

/// Passes on what has arrived; returns whether anything had.
fn pass(rx: &mut dyn RxQueue, tx: &mut dyn TxQueue, seen: &mut Seen) -> bool {
    let mut batch = rx.recv().expect("recv");
    for frame in batch.frames() {
        seen.frames += 1;
        seen.segments += u64::from(frame.meta.gso.is_some());
        seen.longest = seen.longest.max(frame.len());
    }
    let all = batch.all();
    // What is refused is lost, as on any wire; TCP repeats it.
    tx.send(&mut batch, all).expect("send");
    !batch.is_empty()
}

fn byte(at: usize) -> u8 {
    (at ^ at >> 8 ^ at >> 16) as u8
}

/// Downloads [`LENGTH`] bytes from the far end of one door to that of the other, and a tenth back.
fn stream(client: Access, server: Access) -> Seen {
    let (mut client, mut server) = (World::new(client), World::new(server));
    client.ip_there(&format!("addr add 10.8.0.1/24 dev {}", client.far));
    server.ip_there(&format!("addr add 10.8.0.2/24 dev {}", server.far));
    let listener = server.there(|| TcpListener::bind("10.8.0.2:80").unwrap());
    let done = AtomicBool::new(false);
    let (seen, took) = std::thread::scope(|scope| {
        let (a, b) = (&mut client, &mut server);
        let (rx_a, tx_a, rx_b, tx_b) = (&mut a.rx, &mut a.tx, &mut b.rx, &mut b.tx);
        let done = &done;
        let forwarder = scope.spawn(move || {
            let mut seen = Seen::default();
            let end = Instant::now() + Duration::from_secs(60);
            while !done.load(Ordering::Relaxed) && Instant::now() < end {
                let moved =
                    pass(&mut **rx_a, &mut **tx_b, &mut seen) | pass(&mut **rx_b, &mut **tx_a, &mut seen);
                if !moved {
                    std::thread::yield_now();
                }
            }
            seen
        });
        let serving = scope.spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut chunk = vec![0; 1 << 18];
            for start in (0..LENGTH).step_by(chunk.len()) {
                for (at, place) in chunk.iter_mut().enumerate() {
                    *place = byte(start + at);
                }
                socket.write_all(&chunk).unwrap();
            }
            let mut back = Vec::new();
            socket.read_to_end(&mut back).unwrap();
            assert_eq!(back.len(), LENGTH / 10);
            assert!(back.iter().enumerate().all(|(at, &got)| got == byte(at)), "the upload was changed");
        });
        let namespace = &a.namespace.as_ref().expect("the client's namespace").0;
        let took = crate::world::inside(namespace, || {
            let mut socket = TcpStream::connect("10.8.0.2:80").expect("connect");
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            let begin = Instant::now();
            let mut chunk = vec![0; 1 << 18];
            let mut got = 0;
            while got < LENGTH {
                let count = socket.read(&mut chunk).expect("the download stopped");
                assert!(count > 0, "the download ended after {got} bytes");
                assert!(
                    chunk[..count].iter().enumerate().all(|(at, &b)| b == byte(got + at)),
                    "changed at {got}"
                );
                got += count;
            }
            let took = begin.elapsed();
            let upload: Vec<u8> = (0..LENGTH / 10).map(byte).collect();
            socket.write_all(&upload).expect("upload");
            took
        });
        serving.join().unwrap();
        done.store(true, Ordering::Relaxed);
        (forwarder.join().unwrap(), took)
    });
    let gigabits = LENGTH as f64 * 8.0 / took.as_secs_f64() / 1e9;
    println!(
        "  {gigabits:.1} Gbit/s, {seen:?}, client door {:?} {:?}, server door {:?} {:?}",
        client.rx.stats(),
        client.tx.stats(),
        server.rx.stats(),
        server.tx.stats()
    );
    seen
}
