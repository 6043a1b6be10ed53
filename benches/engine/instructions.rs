//! Instructions per frame of every way, counted by valgrind's callgrind.
//!
//! This program runs itself under callgrind: twice with the engine and twice without, first few frames and then many. What
//! the many take more than the few is the frames' alone, and what the engine takes more than the door is the engine's.

use std::process::{Command, exit};

use crate::rig::Rig;
use crate::scene::{Family, Way};

/// Argument of a run that is counted, before the way, the family, whether with the engine, and the number of frames.
pub(crate) const COUNTED: &str = "counted";

const CLIENTS: u32 = 1_000;
const BATCH: usize = 64;
/// Enough for every client to have its session.
const FEW: usize = 20 * BATCH;
const MANY: usize = FEW + 500 * BATCH;

/// Prints a line for every way.
pub(crate) fn print() {
    println!(
        "engine, 64-byte UDP, {CLIENTS} clients, batches of {BATCH}, instructions per frame, known sessions"
    );
    println!("{:>16} {:>8} {:>8}", "way", Family::ALL[0].0, Family::ALL[1].0);
    for (name, _) in Way::ALL {
        let counts = Family::ALL.map(|(family, _)| {
            let [engine, door] = [true, false].map(|with_engine| {
                let [few, many] = [FEW, MANY].map(|frames| count(name, family, with_engine, frames));
                (many - few) as f64 / (MANY - FEW) as f64
            });
            engine - door
        });
        println!("{name:>16} {:>8.1} {:>8.1}", counts[0], counts[1]);
    }
}

/// Instructions of one run.
fn count(way: &str, family: &str, with_engine: bool, frames: usize) -> u64 {
    let own = std::env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(own)
        .args([COUNTED, way, family, &with_engine.to_string(), &frames.to_string()])
        .output()
        .unwrap_or_else(|e| fail(&format!("cannot start valgrind (package valgrind of Debian): {e}")));
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .filter(|_| output.status.success())
        .find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
        .unwrap_or_else(|| fail(&format!("callgrind did not count {way}, {family}: {said}")))
}

fn fail(why: &str) -> ! {
    eprintln!("{why}");
    exit(1)
}

/// The run that is counted.
pub(crate) fn counted(way: &str, family: &str, with_engine: &str, frames: &str) {
    let (_, way) = Way::ALL.into_iter().find(|(name, _)| *name == way).expect("a way");
    let (_, family) = Family::ALL.into_iter().find(|(name, _)| *name == family).expect("a family");
    let mut rig = Rig::new(way, family, CLIENTS, BATCH);
    rig.run(frames.parse().expect("a number"), with_engine == "true");
    if with_engine == "true" {
        rig.check();
    }
}
