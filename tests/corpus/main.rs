//! The packet corpus: text cases of frames in and frames out, over the memory door.
//!
//! `case.rs` tells the language of the files beside it. `BNG_BLESS=1` writes what happened into the files in place of
//! the expectations that it does not meet; review the difference.

mod case;
#[path = "../sim/counters.rs"]
mod counters;
mod frame;
#[path = "../sim/host.rs"]
mod host;
mod nonsense;
mod random;
#[allow(dead_code, reason = "the test over real doors takes the doors out of it again")]
mod rig;

use case::{Outcome, complain, files};
use rig::Rig;

#[test]
fn every_case_comes_out_as_written() {
    #[expect(clippy::disallowed_methods, reason = "blessing is asked for by hand")]
    let bless = std::env::var("BNG_BLESS").is_ok();
    let (mut report, mut cases, mut groups, mut failed) = (String::new(), 0, 0, 0);
    let files = files();
    for file in &files {
        let mut lines: Vec<String> = file.text.lines().map(String::from).collect();
        // From the last to the first, so that line numbers of those to come stay right.
        for case in file.cases.iter().rev() {
            cases += 1;
            groups += case.groups.len();
            let mut rig = Rig::start(file);
            let outcomes: Vec<Outcome> = case.groups.iter().map(|group| rig.play(group)).collect();
            assert!(!case.groups.is_empty(), "{}:{}: a case without steps", file.name, case.line);
            for (group, outcome) in case.groups.iter().zip(&outcomes).rev() {
                if outcome.meets(&group.expected) && !group.lines.is_empty() {
                    continue;
                }
                failed += 1;
                lines.splice(group.lines.clone(), outcome.lines());
                complain(&mut report, file, case, group, outcome);
            }
        }
        if bless && lines.join("\n").trim_end() != file.text.trim_end() {
            #[expect(clippy::disallowed_methods, reason = "the corpus is made of files")]
            std::fs::write(&file.name, lines.join("\n") + "\n").expect("a writable file");
        }
    }
    println!("{} files, {cases} cases, {groups} groups of steps", files.len());
    assert!(bless || failed == 0, "{failed} groups came out otherwise\n{report}");
}

#[test]
fn every_title_is_used_once_and_every_case_says_why() {
    let mut titles = std::collections::BTreeSet::new();
    for file in files() {
        for case in &file.cases {
            assert!(titles.insert(case.title.clone()), "{}: '{}' twice", file.name, case.title);
            let after = file.text.lines().nth(case.line).unwrap_or("");
            assert!(after.trim_start().starts_with("why "), "{}:{}: why?", file.name, case.line);
        }
    }
}

/// Modes whose cases come in pairs, one of each family.
const PAIRED: [&str; 18] = [
    "dsr",
    "hc",
    "rt",
    "routed",
    "single",
    "proxy",
    "nat",
    "tnat",
    "tunnel-ipip",
    "tunnel-gue",
    "tunnel-gre",
    "sessions",
    "limits-routed",
    "limits-proxy",
    "limits-nat",
    "limits-tnat",
    "limits-dsr",
    "limits-tunnel",
];

/// Cases about what only one of the families has: routers that fragment, options in the header, ARP, broadcasts; and how
/// IPv6 refuses where IPv4 fragments.
const ALONE: [&str; 11] = [
    "rt-v4 a broadcast frame is not routed",
    "rt-v4 a broadcast in a broadcast frame stays where it is",
    "rt-v4 a fragment is cut further",
    "rt-v4 a gateway that passes its ARP check",
    "rt-v4 a packet that waited is fragmented when it leaves",
    "rt-v4 an oversized segment that may be fragmented",
    "rt-v4 datagrams to be cut by hardware, and fragmented",
    "rt-v4 larger than the way out, to be fragmented",
    "rt-v4 to be fragmented with its checksum left to hardware",
    "rt-v4 with options, to be fragmented",
    "rt-v6 a fragment larger than the way out",
];

#[test]
fn every_case_of_one_family_has_its_twin_in_the_other() {
    let files = files();
    let titles: std::collections::BTreeSet<&str> =
        files.iter().flat_map(|file| &file.cases).map(|case| case.title.as_str()).collect();
    for mode in PAIRED {
        let mut pairs = 0;
        for (mine, other) in [("v4", "v6"), ("v6", "v4")] {
            let prefix = format!("{mode}-{mine} ");
            for title in titles.iter().filter_map(|title| title.strip_prefix(prefix.as_str())) {
                if ALONE.contains(&format!("{prefix}{title}").as_str()) {
                    continue;
                }
                let twin = format!("{mode}-{other} {title}");
                assert!(titles.contains(twin.as_str()), "'{prefix}{title}' has no twin '{twin}'");
                pairs += 1;
            }
        }
        assert!(pairs > 0, "no case of {mode}");
    }
}
