//! Playing the cases twice, over the doors and over memory, and comparing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use bng::net::PortId;
use bng_platform::memory::MemoryFrame;
use bng_platform::offload::{self, Cut};
use bng_platform::{Access, GsoKind};
use bng_world::sandbox;
use libtest_mimic::{Arguments, Trial};

use crate::case::{Case, File, Group, Incoming, Outcome, Step, complain, files};
use crate::rig::{Plug, Rig, interfaces};
use crate::wire::{Cable, Cables};

/// Of all cases at most so many may be left out at one door.
const LEFT_OUT_MAX: usize = 10;
/// Largest packet in bytes of a wire for frames that are longer than their interface sends.
const WIDE: u16 = 9000;

pub(crate) fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Frames stay in order as long as one processor carries them.
    arguments.test_threads = Some(1);
    let obstacle = match sandbox::settle(arguments.list) {
        Ok(obstacle) => obstacle,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
    let doors = [("raw", Access::Raw), ("pcap", Access::Pcap)];
    let mut tests: Vec<Trial> = doors
        .into_iter()
        .map(|(door, access)| {
            Trial::test(format!("{door}::every_case_comes_out_as_written"), move || {
                every_case(door, access);
                Ok(())
            })
        })
        .collect();
    if let Some(reason) = obstacle {
        tests = tests.into_iter().map(|test| test.with_ignored_flag(true)).collect();
        let lines: Vec<_> =
            tests.iter().map(|test| format!("corpus over {}: {reason}", test.name())).collect();
        sandbox::report_not_proved(&lines);
    }
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// Keeps this thread, and with it the frames it sends, on one processor.
fn stay_on_one_processor() {
    let this = nix::unistd::Pid::from_raw(0);
    let allowed = nix::sched::sched_getaffinity(this).expect("the processors of this thread");
    let first = (0..nix::sched::CpuSet::count()).find(|cpu| allowed.is_set(*cpu) == Ok(true));
    let mut set = nix::sched::CpuSet::new();
    set.set(first.expect("a processor")).expect("a processor of the set");
    nix::sched::sched_setaffinity(this, &set).expect("a processor that may be used");
}

fn every_case(door: &str, access: Access) {
    stay_on_one_processor();
    let mut cables = Cables::new(access);
    let (mut report, mut cases, mut failed) = (String::new(), 0, 0);
    let mut left_out: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in &files() {
        for case in &file.cases {
            if let Some(reason) = impossible(case, access) {
                left_out
                    .entry(reason)
                    .or_default()
                    .push(format!("{}:{}: {}", file.name, case.line, case.title));
                continue;
            }
            cases += 1;
            let wider = has_long_frames(file, case).then_some(WIDE);
            let plugs = cables.take(file, wider);
            let played = catch_unwind(AssertUnwindSafe(|| play(file, case, (access, wider), plugs)));
            match played {
                Ok((complaints, plugs)) => {
                    failed += usize::from(!complaints.is_empty());
                    report.push_str(&complaints);
                    cables.give(plugs);
                }
                // The harness has printed why.
                Err(_) => {
                    failed += 1;
                    writeln!(report, "\n{}:{}: {} panicked, see above", file.name, case.line, case.title)
                        .expect("memory");
                }
            }
        }
    }
    let count: usize = left_out.values().map(Vec::len).sum();
    println!("{door}: {cases} cases, {count} left out");
    for (reason, titles) in &left_out {
        println!("  {}: {reason}", titles.len());
        titles.iter().for_each(|title| println!("    {title}"));
    }
    assert!(failed == 0, "{failed} of {cases} cases came out otherwise\n{report}");
    assert!(cases > 0 && count <= LEFT_OUT_MAX, "{count} cases left out");
}

/// All frames that come in.
fn frames(case: &Case) -> impl Iterator<Item = &Incoming> {
    let steps = case.groups.iter().flat_map(|group| &group.steps);
    steps.flat_map(|step| if let Step::In(batch) = step { &batch[..] } else { &[] })
}

/// Whether frames come in that are longer than their interface sends: their wire has to take more.
fn has_long_frames(file: &File, case: &Case) -> bool {
    let interfaces = interfaces(file);
    frames(case).any(|frame| {
        let (_, mtu, _) = interfaces.iter().find(|(id, ..)| *id == frame.port).expect("an interface");
        frame.meta.gso.is_none() && !offload::fits(&frame.bytes, usize::from(*mtu))
    })
}

/// Why `case` cannot be played over `access`, if so.
fn impossible(case: &Case, access: Access) -> Option<&'static str> {
    frames(case).find_map(|Incoming { bytes, meta, .. }| {
        let cut = meta.gso.map(|gso| gso.kind);
        if bytes.len() < offload::ETHERNET_HEADER {
            Some("Linux sends no frame without a whole Ethernet header")
        } else if bytes[12..14] == [0x81, 0] && bytes.len() < offload::ETHERNET_HEADER + offload::VLAN_TAG {
            Some("Linux drops a frame whose VLAN tag is cut short before any door sees it")
        } else if access == Access::Pcap && cut == Some(GsoKind::Udp) {
            Some("libpcap does not tell where UDP is to be cut, and the door refuses it")
        } else {
            None
        }
    })
}

/// Plays `case` over `plugs` and over memory and returns what is otherwise than it should be, with the doors; `door` is
/// how they were opened.
fn play(
    file: &File,
    case: &Case,
    door: (Access, Option<u16>),
    plugs: BTreeMap<PortId, Plug<Cable>>,
) -> (String, BTreeMap<PortId, Plug<Cable>>) {
    let mut report = String::new();
    let mut real = Rig::start_on(file, plugs);
    let mut twin = Rig::start(file);
    for group in &case.groups {
        let (outcome, got) = real.play_frames(group);
        let (_, expected) = twin.play_frames(&told(file, group, door));
        if !same_words(&outcome, &group.expected) {
            complain(&mut report, file, case, group, &outcome);
        } else if let Some(difference) = difference(&finished(&got), &finished(&expected)) {
            complain(&mut report, file, case, group, &outcome);
            writeln!(report, "  {difference}").expect("memory");
        }
    }
    (report, real.unplug())
}

/// Whether everything but the frames is as expected: their text shows notes that a door does not have to carry.
fn same_words(got: &Outcome, expected: &Outcome) -> bool {
    let expected = Outcome { out: Vec::new(), ..expected.clone() };
    Outcome { out: Vec::new(), ..got.clone() }.meets(&expected)
}

/// `group` with the notes on its frames that the door can know: libpcap tells none, they are guessed.
fn told(file: &File, group: &Group, (access, wider): (Access, Option<u16>)) -> Group {
    let mut group = group.clone();
    if access != Access::Pcap {
        return group;
    }
    let interfaces = interfaces(file);
    for step in &mut group.steps {
        let Step::In(batch) = step else { continue };
        for frame in batch {
            let (_, mtu, tap) = *interfaces.iter().find(|(id, ..)| *id == frame.port).expect("an interface");
            if !tap {
                frame.meta = offload::guess(&mut frame.bytes, wider.unwrap_or(mtu).into());
            }
        }
    }
    group
}

/// `frames` by interface as they would be on a cable: checksums complete, segments cut.
fn finished(frames: &[(PortId, MemoryFrame)]) -> BTreeMap<PortId, Vec<Vec<u8>>> {
    let mut by_port: BTreeMap<PortId, Vec<Vec<u8>>> = BTreeMap::new();
    for (port, MemoryFrame { bytes, meta }) in frames {
        let pieces = by_port.entry(*port).or_default();
        let mut bytes = bytes.clone();
        match meta.gso {
            None => {
                assert!(offload::complete(&mut bytes, meta), "notes that do not fit: {meta:?}");
                pieces.push(bytes);
            }
            Some(gso) => {
                let cut = offload::segment(&bytes, &gso, meta.csum, &mut Vec::new(), |piece| {
                    pieces.push(piece.to_vec());
                    true
                });
                assert!(matches!(cut, Cut::All(_)), "{meta:?}: {cut:?}");
            }
        }
    }
    by_port
}

/// The first difference between the frames that left and those that should have.
fn difference(
    got: &BTreeMap<PortId, Vec<Vec<u8>>>,
    expected: &BTreeMap<PortId, Vec<Vec<u8>>>,
) -> Option<String> {
    let hex = |frame: Option<&Vec<u8>>| match frame {
        Some(frame) => frame.iter().map(|byte| format!("{byte:02x}")).collect(),
        None => "nothing".to_string(),
    };
    let ports: std::collections::BTreeSet<_> = got.keys().chain(expected.keys()).collect();
    for port in ports {
        let (got, expected) = (got.get(port), expected.get(port));
        let count = got.map_or(0, Vec::len).max(expected.map_or(0, Vec::len));
        for at in 0..count {
            let (got, expected) = (got.and_then(|f| f.get(at)), expected.and_then(|f| f.get(at)));
            if got != expected {
                return Some(format!(
                    "frame {at} on {port}:\n    got      {}\n    expected {}",
                    hex(got),
                    hex(expected)
                ));
            }
        }
    }
    None
}
