//! Random connections through every kind of translation, while news between the workers gets lost or comes late: nobody
//! ever gets a packet of somebody else's connection, there and back is the identity, and every checksum is right.

use std::collections::BTreeMap;

use bng::seed::Seed;
use bng::time::{Duration, Instant};
use bng::wire::{L3, dissect, protocol, tcp};

use crate::case::files;
use crate::rig::{Post, Rig, checksums_hold};
use crate::{frame, nonsense};

/// Steps for each mode and way of the news.
const STEPS: usize = 4_000;
/// A connection of the configurations lives at least so long after its last packet.
const LIFE: Duration = Duration::from_secs(4);

/// Addresses and ports as a packet shows them.
type Ends = (String, u16, String, u16);

/// What the test believes of a connection.
struct Known {
    translated: Ends,
    used: Instant,
    ended: bool,
}

/// Where connections begin and where their answers come from: interface, and stations of a frame that comes in.
struct Mode {
    file: &'static str,
    asks: (u8, &'static str),
    answers: (u8, &'static str),
    /// Hosts that ask, by family, without their number.
    hosts: [&'static str; 2],
    /// Whom they ask.
    asked: [&'static str; 2],
}

const ROUTER: &str = "02:00:00:00:01:fe 06:00:ac:11:02:37";
const WEB: &str = "02:00:00:00:02:01 06:00:0a:01:01:fd";

const MODES: [Mode; 4] = [
    served("routed.case", (2, WEB)),
    served("single.case", (1, WEB)),
    served("proxy.case", (2, WEB)),
    Mode {
        file: "/nat.case",
        asks: (2, WEB),
        answers: (1, ROUTER),
        hosts: ["10.1.1.", "2001:db8:1::"],
        asked: ["8.8.8.8", "2001:4860::8888"],
    },
];

const fn served(file: &'static str, answers: (u8, &'static str)) -> Mode {
    Mode {
        file,
        asks: (1, ROUTER),
        answers,
        hosts: ["10.0.0.", "2001:db8:9::"],
        asked: ["172.17.2.90", "2001:db8:2::90"],
    }
}

/// The TCP segments that go on when the one with these `ends` comes in on `port`. A reset in the name of whom it is for
/// goes back to its sender alone, who has gone on with what it has not begun.
fn exchange(rig: &mut Rig, port: u8, stations: &str, ends: &Ends, flags: &str) -> Vec<Ends> {
    let (src, sport, dst, dport) = ends;
    let ip = if src.contains(':') { "ipv6" } else { "ipv4" };
    let text = format!("eth {stations} {ip} {src} {dst} tcp {sport} {dport} {flags} payload 7");
    let (bytes, meta) = frame::build(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
    let mut segments = Vec::new();
    for bytes in rig.exchange(port, bytes, meta) {
        let L3::Ip(info) = dissect(&bytes).expect("a frame").l3 else { continue };
        if info.proto != protocol::TCP {
            continue;
        }
        assert!(checksums_hold(&bytes), "after {text}: {info:?}");
        let shown = (info.src.to_string(), info.sport, info.dst.to_string(), info.dport);
        if info.tcp_flags == tcp::flags::RST && info.ttl == 64 {
            assert_eq!((&shown, flags.contains(['S', 'R'])), (&reversed(ends), false), "after {text}");
            continue;
        }
        assert_eq!(info.ttl, 63, "after {text}");
        segments.push(shown);
    }
    segments
}

fn reversed((src, sport, dst, dport): &Ends) -> Ends {
    (dst.clone(), *dport, src.clone(), *sport)
}

/// Random connections in `mode`; of 100 letters `lost` do not arrive and `late` come behind the frames that they were
/// written before. Returns how many answers found their way.
fn run(mode: &Mode, lost: u64, late: u64, dice: &mut Seed) -> usize {
    let file = files().into_iter().find(|file| file.name.ends_with(mode.file)).expect("the file");
    let mut rig = Rig::start(&file);
    let base = rig.counters();
    rig.disturb(Post::new(lost, late, dice.fork()));
    let mut known: BTreeMap<Ends, Known> = BTreeMap::new();
    let mut answered = 0;
    for _ in 0..STEPS {
        let family = dice.below(2) as usize;
        let (host, port) = (10 + dice.below(40), 40_000 + dice.below(3) as u16);
        let dport = if mode.file == "/nat.case" { 443 } else { 80 };
        let original = (format!("{}{host}", mode.hosts[family]), port, mode.asked[family].to_string(), dport);
        let flags = ["S", "S", ".", ".", "P.", "F.", "R."][dice.below(7) as usize];
        let segments = exchange(&mut rig, mode.asks.0, mode.asks.1, &original, flags);
        assert!(segments.len() <= 1, "one segment in, {segments:?} out");
        if let Some(translated) = segments.into_iter().next() {
            for (other, theirs) in &known {
                let lives = !theirs.ended && rig.now().since(theirs.used) < LIFE;
                assert!(
                    *other == original || !lives || theirs.translated != translated,
                    "{original:?} and {other:?} both look like {translated:?}"
                );
            }
            let ended = flags == "F." || flags == "R.";
            known.insert(original.clone(), Known { translated, used: rig.now(), ended });
        }
        // Somebody's answer, perhaps long after.
        let at = dice.below(known.len().max(1) as u64) as usize;
        if let Some((original, theirs)) = known.iter_mut().nth(at) {
            let reply = reversed(&theirs.translated);
            let segments = exchange(&mut rig, mode.answers.0, mode.answers.1, &reply, ".");
            let lives = !theirs.ended && rig.now().since(theirs.used) < LIFE;
            if lives {
                for segment in &segments {
                    assert_eq!(*segment, reversed(original), "the answer to {:?}", theirs.translated);
                }
                assert!(lost + late > 0 || segments.len() == 1, "the answer to {original:?} is lost");
                answered += segments.len();
            }
        }
        if dice.below(20) == 0 {
            // Some twenty seconds in all: stations are asked for again after thirty, and nobody would answer.
            rig.age(Duration::from_millis(100));
        }
    }
    let moved = crate::counters::moved(&base, &rig.counters());
    let moved = moved.into_iter().map(|(name, by)| (name, u64::try_from(by).unwrap_or(0))).collect();
    nonsense::check_conservation(&moved, 0, mode.file);
    answered
}

#[test]
fn nobody_gets_what_is_somebody_elses() {
    let mut dice = Seed::new(2027);
    for mode in &MODES {
        for (lost, late) in [(0, 0), (30, 0), (0, 20), (15, 20)] {
            let answered = run(mode, lost, late, &mut dice);
            let news = format!("{lost} % of the news lost and {late} % late");
            assert!(answered > STEPS / 10, "{}: only {answered} answers with {news}", mode.file);
        }
    }
}
