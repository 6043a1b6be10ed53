//! Replays the corpora of the fuzzer, and seeded damage to every input in them, as ordinary tests.
#![allow(clippy::disallowed_methods, reason = "a test reads its inputs from files")]

mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bng::conf::{Arg, Kind, STATEMENTS, Verb};
use bng::seed::Seed;

/// Damaged frames that a replay tries, each input of the corpus as often as any other.
const FRAMES: u64 = 50_000;

/// Damaged texts that a replay tries; a text takes the time of many frames.
const TEXTS: u64 = 10_000;

/// Calls `target` with every file of the corpus and with `copies` damaged copies of them in all. A failure names the
/// input by its bytes.
fn replay(corpus: &str, copies: u64, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(corpus);
    let mut files: Vec<_> =
        fs::read_dir(&folder).expect("corpus").map(|entry| entry.expect("corpus entry").path()).collect();
    // The order of a directory is not the same on every machine, the seed is.
    files.sort();
    assert!(!files.is_empty(), "no inputs in {}", folder.display());
    let inputs: Vec<_> = files.iter().map(|file| fs::read(file).expect("corpus file")).collect();
    let mut seed = Seed::new(1);
    for (file, input) in files.iter().zip(&inputs) {
        run(file, input, target);
        for _ in 0..copies.div_ceil(inputs.len() as u64) {
            run(file, &damaged(&mut seed, input, &inputs), target);
        }
    }
}

/// Runs `target` and, if it panics, prints the input in a form that can go into the corpus.
fn run(file: &Path, input: &[u8], target: fn(&[u8])) {
    if let Err(panic) = std::panic::catch_unwind(|| target(input)) {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!("failing input, made from {}:\n{hex}", file.display());
        std::panic::resume_unwind(panic);
    }
}

/// A copy of `input` with one to four damages: a changed bit or byte, a byte at its limit, a cut, bytes put in or taken out,
/// a tail taken from another input.
fn damaged(seed: &mut Seed, input: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=seed.below(4) {
        let at = seed.below(bytes.len() as u64) as usize;
        match seed.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << seed.below(8),
            1 if !bytes.is_empty() => bytes[at] = seed.next_u64() as u8,
            2 if !bytes.is_empty() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][seed.below(5) as usize],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, seed.next_u64() as u8),
            5 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => {
                let other = &others[seed.below(others.len() as u64) as usize];
                bytes.truncate(at);
                bytes.extend(other.get(at..).unwrap_or_default());
            }
        }
    }
    bytes
}

#[test]
fn damaged_frames_never_panic() {
    replay("fuzz/corpus/frame", FRAMES, targets::frame);
}

#[test]
fn damaged_queries_never_panic() {
    replay("fuzz/corpus/query", FRAMES, targets::query);
}

#[test]
fn damaged_files_of_locations_never_panic() {
    replay("fuzz/corpus/location", TEXTS, targets::location);
}

#[test]
fn damaged_configurations_never_panic() {
    replay("fuzz/corpus/conf", TEXTS, targets::conf);
    replay("conf/examples", TEXTS, targets::conf);
}

#[test]
fn damaged_lines_never_panic() {
    replay("fuzz/corpus/line", TEXTS, targets::line);
}

#[test]
fn damaged_control_messages_never_panic() {
    replay("fuzz/corpus/control", TEXTS, targets::control);
}

#[test]
fn damaged_datagrams_of_agents_never_panic() {
    replay("fuzz/corpus/agent", FRAMES, targets::agent);
}

/// Every word of the language, one a line as the fuzzer's `-dict=` takes them, with an argument of each form.
fn dictionary() -> String {
    let mut words: BTreeSet<&str> = Verb::ALL.map(Verb::keyword).into();
    words.extend(Kind::ALL.iter().flat_map(|kind| [kind.keyword(), kind.plural().unwrap_or_default()]));
    for statement in STATEMENTS {
        words.extend(statement.names());
        words.extend(statement.default);
        if let Arg::Choice(choices) | Arg::Choices(choices) = statement.arg {
            words.extend(choices.iter().map(|choice| choice.word));
        }
    }
    // The control language, and arguments that are no words.
    words.extend([
        "show",
        "save force",
        "source -n ",
        "reload -n",
        "check",
        "clear",
        "help",
        "complete ",
        "hello ",
    ]);
    words.extend([
        "json",
        "1-3",
        "1,2",
        "3,10",
        "80,3,10",
        "x,3,10",
        "10.0.0.1",
        "255.255.255.0",
        "2001:db8::1",
    ]);
    words.extend([
        "0",
        "4294967295",
        "4294967296",
        "-0.5",
        "{",
        "}",
        "//",
        "\\\"",
        "\\\\",
        "\\x0a",
        "\\x00\\x00\\x00",
    ]);
    let lines = words.iter().filter(|word| !word.is_empty()).map(|word| format!("\"{word}\"\n"));
    lines.collect()
}

#[test]
fn the_dictionary_of_the_fuzzer_has_every_word_of_the_language() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/language.dict");
    if std::env::var_os("BNG_BLESS").is_some() {
        fs::write(&path, dictionary()).expect("the dictionary can be written");
    }
    let kept = fs::read_to_string(&path).expect("dictionary");
    assert_eq!(kept, dictionary(), "BNG_BLESS=1 cargo test --test fuzz writes it anew");
}
