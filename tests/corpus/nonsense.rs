//! Frames of the corpus, cut and bitten: nothing panics, and every frame is accounted for once.

use bng::seed::Seed;
use bng::time::Duration;
use bng_platform::Meta;

use crate::case::files;
use crate::case::{File, Incoming, Step};
use crate::counters::Counters;
use crate::frame;
use crate::rig::Rig;

/// Frames with a bitten byte, for every frame of the corpus.
const BITES: usize = 500;

fn frames(file: &File) -> impl Iterator<Item = &Incoming> {
    let groups = file.cases.iter().flat_map(|case| &case.groups);
    groups.flat_map(|g| &g.steps).flat_map(|s| if let Step::In(batch) = s { &batch[..] } else { &[] })
}

/// Files whose connections are translated. Of a batch first all known flows are carried, which ends some and frees their
/// ports, then new ones are opened: so it can have another port than it had if its frames had come one by one, and answers
/// for a certain port find another flow or none. Behind a frame that opens a flow others of its batch still meet the
/// modules, which look at more than flows do. Where tables are full, another one has to go; and of two connections of one
/// client that a target would take for one, the second gets another port.
const TRANSLATING: [&str; 6] =
    ["routed.case", "single.case", "proxy.case", "/nat.case", "tnat.case", "limits.case"];

/// What a frame comes to before anybody asks for flows and ports.
const FORMAL: [&str; 8] = [
    "received",
    "drop.truncated",
    "drop.malformed",
    "drop.checksum",
    "drop.ethertype",
    "drop.vlan",
    "drop.other-station",
    "drop.fragment-forged",
];

/// Longer than any frame waits for another one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything shorter than `frame`, then the frame with one to three bytes changed.
fn nonsense(frame: &[u8], dice: &mut Seed) -> Vec<Vec<u8>> {
    // Behind the headers all bytes are alike: of a long frame only its first and last lengths are interesting.
    let lengths = (0..frame.len()).filter(|len| *len < 256 || *len + 16 > frame.len());
    let mut all: Vec<Vec<u8>> = lengths.map(|len| frame[..len].to_vec()).collect();
    for _ in 0..BITES {
        let mut bitten = frame.to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bitten.len().min(256) as u64) as usize;
            bitten[at] = dice.next_u64() as u8;
        }
        all.push(bitten);
    }
    all
}

fn sum(counters: &Counters, wanted: impl Fn(&str) -> bool) -> u64 {
    counters.iter().filter(|(name, _)| wanted(name)).map(|(_, value)| value).sum()
}

/// Every frame received was forwarded, answered, punted or dropped. `copies` were answered and punted.
pub(crate) fn check_conservation(counters: &Counters, copies: u64, name: &str) {
    let received = sum(counters, |name| name == "received");
    let done = sum(counters, |name| {
        ["forwarded", "routed", "waiting", "resolved", "echoed", "punted"].contains(&name)
            || ["answered", "nxdomain", "servfail", "refused"].contains(&name)
            || name.starts_with("drop.")
    });
    assert_eq!(received + copies, done, "{name}: {counters:?}");
}

#[test]
fn cut_and_bitten_frames_never_panic_and_are_all_accounted_for() {
    let (mut dice, mut count, mut copied) = (Seed::new(2026), 0, 0);
    for file in files() {
        let mut single = Rig::start(&file);
        let mut batched = Rig::start(&file);
        // What the start moved is in both.
        let mut copies = 0;
        let base = single.counters();
        for incoming in frames(&file) {
            let all: Vec<(Vec<u8>, Meta)> = nonsense(&incoming.bytes, &mut dice)
                .into_iter()
                .map(|bytes| (bytes, incoming.meta))
                .collect();
            count += all.len();
            for (bytes, meta) in &all {
                copies += u64::from(single.poke(incoming.port, bytes, *meta));
            }
            batched.poke_batches(incoming.port, &all);
            // Fragments that wait for others find room again: a batch needs more of it than its frames one by one.
            single.age(PATIENCE);
            batched.age(PATIENCE);
        }
        // Until everything that is over has been swept, in whatever order.
        for _ in 0..20 {
            single.age(Duration::from_millis(100));
            batched.age(Duration::from_millis(100));
        }
        for rig in [&single, &batched] {
            let moved = rig.counters().into_iter().map(|(name, value)| {
                let before = base.get(&name).copied().unwrap_or(0);
                (name, value - before)
            });
            let moved = moved.filter(|(name, _)| !name.contains("sessions")).collect();
            check_conservation(&moved, copies, &file.name);
        }
        let translates = TRANSLATING.iter().any(|name| file.name.ends_with(name));
        let comparable = |rig: &Rig| -> Counters {
            rig.counters()
                .into_iter()
                .filter(|(name, _)| !translates || FORMAL.contains(&name.as_str()))
                .collect()
        };
        assert_eq!(
            comparable(&single),
            comparable(&batched),
            "{}: a batch counts like its frames",
            file.name
        );
        copied += copies;
    }
    println!("{count} frames of nonsense, {copied} of them answered and learnt from");
    assert!(copied > 0, "frames that are answered and learnt from are part of the corpus");
}

#[test]
fn a_segment_that_ends_early_is_never_forwarded() {
    let file = files().into_iter().find(|f| f.name.ends_with("dsr.case")).expect("dsr.case");
    for text in [
        "eth 02:00:00:00:00:c1 00:00:5e:00:01:4f ipv4 10.0.0.1 172.17.2.90 tcp 40000 80 S",
        "eth 02:00:00:00:00:c1 00:00:5e:00:02:4f ipv6 2001:db8:9::1 2001:db8:2::90 tcp 40000 80 S",
    ] {
        let mut rig = Rig::start(&file);
        let before = rig.counters();
        let (whole, meta) = frame::build(text).expect("a frame");
        for len in 0..whole.len() {
            rig.poke(1, &whole[..len], meta);
        }
        let moved = crate::counters::moved(&before, &rig.counters());
        let drops = ["drop.truncated", "drop.malformed"].map(|name| moved.get(name).copied().unwrap_or(0));
        assert_eq!(moved["received"], whole.len() as i64);
        assert_eq!(drops.iter().sum::<i64>(), whole.len() as i64, "{moved:?}");
        // Ethernet and IP header cut short, then the length that IP promises.
        let header = if whole[12] == 0x08 { 34 } else { 54 };
        assert_eq!(drops[0], header, "{moved:?}");
        rig.poke(1, &whole, meta);
        assert_eq!(rig.counters()["forwarded"], 1);
    }
}

#[test]
fn merged_datagrams_are_dropped_in_every_mode() {
    for (name, texts) in [
        (
            "dsr.case",
            [
                "00:00:5e:00:01:4f ipv4 10.0.0.1 172.17.2.90",
                "00:00:5e:00:02:4f ipv6 2001:db8:9::1 2001:db8:2::90",
            ],
        ),
        (
            "routed.case",
            [
                "06:00:ac:11:02:37 ipv4 10.0.0.1 172.17.2.91",
                "06:00:ac:11:02:37 ipv6 2001:db8:9::1 2001:db8:2::91",
            ],
        ),
    ] {
        let file = files().into_iter().find(|f| f.name.ends_with(name)).expect("the file");
        for text in texts {
            let mut rig = Rig::start(&file);
            let text = format!("eth 02:00:00:00:01:fe {text} udp 4000 53 payload 4000 partial gso");
            let (bytes, meta) = frame::build(&format!("{text} 1000")).expect("a frame");
            let (_, unknown) = frame::build(&format!("{text} 0")).expect("a frame");
            assert_eq!(rig.exchange(1, bytes.clone(), meta).len(), 1, "{text}");
            assert_eq!(rig.exchange(1, bytes, unknown), Vec::<Vec<u8>>::new(), "{text}");
            assert_eq!(rig.counters()["drop.merged"], 1);
        }
    }
}
