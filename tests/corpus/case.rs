//! The language of the case files.
//!
//! ```text
//! # comment
//! config                    what bng.conf says, up to `end`
//!     ...
//! end
//! host IF IP MAC            somebody who answers ARP, neighbour solicitations and echo before the cases begin
//! mtu IF BYTES              largest packet of an interface, 1500 if nothing is said
//! room N                    connections that a worker has room for, of each family
//! name WORD VALUE           stands for VALUE in the frames that come in
//! start                     steps before every case, of which nothing is said
//!     after 5s
//!
//! case TITLE
//! why ONE LINE
//!     in IF FRAME           a frame comes in, in the words of `frame.rs`; frames in a row are one batch
//!     answer IF N FRAME     a frame comes in that answers the Nth of those that left last; `@port`, `@seq`, `@ack` and
//!                           `@id` in it stand for what that one has, or a packet in it: its source port, its TCP
//!                           sequence number and the one behind it, the first two bytes of a datagram
//!     after TIME            time passes: 5s, 20ms, 1us
//!     link IF up|down
//!     apply LINE            the operator types a line of the control language
//!     out IF TEXT           what leaves, as `Display` of the wire formats; `*` stands for any word
//!     nothing               nothing leaves
//!     says TEXT             the operator is told
//!     count NAME N ...      counters that moved, by how much, and no others
//!     drop REASON N         frames dropped for this reason
//! ```
//! Steps and the expectations behind them are a group; a case has one or more. After the text of an `out` stands in
//! brackets what the text does not show: `[same]` when nothing but the stations differs from a frame that came in,
//! `[ttl N]` when it is not 64, `[bad checksum]`, and notes to hardware.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use bng::stat::Drop;
use bng::time::Duration;
use bng_platform::Meta;

use crate::frame;

/// A frame on its way in.
#[derive(Debug, Clone)]
pub(crate) struct Incoming {
    pub(crate) port: u8,
    pub(crate) bytes: Vec<u8>,
    pub(crate) meta: Meta,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    In(Vec<Incoming>),
    /// Interface, number of the frame that is answered, from 1, and the words of the answer.
    Answer(u8, usize, String),
    After(Duration),
    Link(u8, bool),
    Apply(String),
}

/// What a group of steps came to, or shall come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) out: Vec<(u8, String)>,
    pub(crate) says: Vec<String>,
    pub(crate) counts: BTreeMap<String, i64>,
    pub(crate) drops: BTreeMap<String, i64>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) steps: Vec<Step>,
    pub(crate) expected: Outcome,
    /// Lines of the file with the expectations, counted from 0; empty when there are none yet.
    pub(crate) lines: std::ops::Range<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(crate) title: String,
    /// Line of the title, counted from 1.
    pub(crate) line: usize,
    pub(crate) groups: Vec<Group>,
}

/// A file: one network, many cases.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) config: String,
    /// Interface, address, station.
    pub(crate) hosts: Vec<(u8, String, String)>,
    /// Largest packets by interface.
    pub(crate) mtus: BTreeMap<u8, u16>,
    /// Room of a worker for connections of each family, if something is said of it.
    pub(crate) room: Option<usize>,
    pub(crate) start: Vec<Step>,
    pub(crate) cases: Vec<Case>,
}

/// All case files by name.
pub(crate) fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let entries = std::fs::read_dir(&folder).expect("the corpus is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "case"));
    paths.sort();
    assert!(!paths.is_empty(), "no case files in {}", folder.display());
    let read = |path: &std::path::PathBuf| {
        #[expect(clippy::disallowed_methods, reason = "the corpus is made of files")]
        let text = std::fs::read_to_string(path).expect("a readable file");
        let name = path.to_string_lossy();
        File::parse(&name, &text).unwrap_or_else(|why| panic!("{why}"))
    };
    paths.iter().map(read).collect()
}

impl File {
    /// Reads a case file.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut file = Self { name: name.into(), text: text.into(), ..Self::default() };
        let mut names = BTreeMap::new();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let (word, rest) = split(line);
            let fail = |why: String| format!("{name}:{}: {why}: {}", at + 1, line.trim());
            match word {
                "" | "#" | "start" => {}
                "config" => {
                    for (_, line) in lines.by_ref().take_while(|(_, line)| line.trim() != "end") {
                        file.config.push_str(line);
                        file.config.push('\n');
                    }
                }
                "host" => {
                    let words: Vec<&str> = rest.split_whitespace().collect();
                    let [port, ip, mac] = words[..] else { return Err(fail("host IF IP MAC".into())) };
                    let port = port.parse().map_err(|_| fail("no interface".into()))?;
                    file.hosts.push((port, ip.into(), mac.into()));
                }
                "mtu" => {
                    let (port, bytes) = split(rest);
                    let number = |_| fail("mtu IF BYTES".into());
                    file.mtus.insert(port.parse().map_err(number)?, bytes.parse().map_err(number)?);
                }
                "room" => file.room = Some(rest.trim().parse().map_err(|_| fail("room N".into()))?),
                "name" => {
                    let (name, value) = split(rest);
                    names.insert(name.to_string(), value.to_string());
                }
                "case" => {
                    file.cases.push(Case { title: rest.into(), line: at + 1, ..Case::default() });
                }
                "why" if rest.is_empty() => return Err(fail("why?".into())),
                "why" => {}
                "in" | "answer" | "after" | "link" | "apply" => {
                    let step = step(word, rest, &names).map_err(fail)?;
                    let steps = match file.cases.last_mut() {
                        None => &mut file.start,
                        Some(case) => case.open_group(at),
                    };
                    match (steps.last_mut(), step) {
                        (Some(Step::In(batch)), Step::In(more)) => batch.extend(more),
                        (_, step) => steps.push(step),
                    }
                }
                "out" | "nothing" | "says" | "count" | "drop" => {
                    let group = file.cases.last_mut().and_then(|case| case.groups.last_mut());
                    let group = group.ok_or_else(|| fail("no step to expect something of".into()))?;
                    group.expect(word, rest).map_err(fail)?;
                    let first = if group.lines.is_empty() { at } else { group.lines.start };
                    group.lines = first..at + 1;
                }
                _ => return Err(fail("unknown word".into())),
            }
        }
        Ok(file)
    }
}

impl Case {
    /// The steps of the group that line `at` belongs to: a step behind expectations begins a new one.
    fn open_group(&mut self, at: usize) -> &mut Vec<Step> {
        if self.groups.last().is_none_or(|group| !group.lines.is_empty()) {
            self.groups.push(Group::default());
        }
        let group = self.groups.last_mut().expect("just pushed");
        group.lines = at + 1..at + 1;
        &mut group.steps
    }
}

impl Group {
    fn expect(&mut self, word: &str, rest: &str) -> Result<(), String> {
        let expected = &mut self.expected;
        match word {
            "out" => {
                let (port, text) = split(rest);
                expected.out.push((port.parse().map_err(|_| "no interface")?, text.into()));
            }
            "says" => expected.says.push(rest.into()),
            "count" | "drop" => {
                let words: Vec<&str> = rest.split_whitespace().collect();
                for pair in words.chunks(2) {
                    let [name, by] = pair else { return Err("a counter and a number".into()) };
                    let by = by.parse().map_err(|_| format!("'{by}' is no number"))?;
                    let counters = if word == "count" { &mut expected.counts } else { &mut expected.drops };
                    counters.insert((*name).into(), by);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Outcome {
    /// The outcome as lines of a case file.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.out.is_empty() {
            lines.push("    nothing".to_string());
        }
        lines.extend(self.out.iter().map(|(port, text)| format!("    out {port} {text}")));
        lines.extend(self.says.iter().map(|text| format!("    says {text}")));
        if !self.counts.is_empty() {
            let counts: Vec<_> = self.counts.iter().map(|(name, by)| format!("{name} {by}")).collect();
            lines.push(format!("    count {}", counts.join(" ")));
        }
        lines.extend(self.drops.iter().map(|(reason, n)| format!("    drop {reason} {n}")));
        lines
    }

    /// Whether this is what was expected; `*` in an expected text stands for any word.
    pub(crate) fn meets(&self, expected: &Self) -> bool {
        let fits = |got: &str, wanted: &str| {
            let (got, wanted): (Vec<_>, Vec<_>) = (got.split(' ').collect(), wanted.split(' ').collect());
            got.len() == wanted.len() && got.iter().zip(&wanted).all(|(g, w)| g == w || *w == "*")
        };
        self.out.len() == expected.out.len()
            && self.out.iter().zip(&expected.out).all(|(got, want)| got.0 == want.0 && fits(&got.1, &want.1))
            && self.says.len() == expected.says.len()
            && self.says.iter().zip(&expected.says).all(|(got, want)| fits(got, want))
            && self.counts == expected.counts
            && self.drops == expected.drops
    }
}

/// Adds to `report` what came of a group of steps instead of what was expected.
pub(crate) fn complain(report: &mut String, file: &File, case: &Case, group: &Group, got: &Outcome) {
    let mut say = |text: String| writeln!(report, "{text}").expect("memory");
    say(format!("\n{}:{}: {} (line {})", file.name, case.line, case.title, group.lines.start + 1));
    if group.lines.is_empty() {
        say("  expected: nothing is said of what comes of these steps".into());
    } else {
        say("  expected:".into());
        group.expected.lines().into_iter().for_each(&mut say);
    }
    say("  got:".into());
    got.lines().into_iter().for_each(&mut say);
    for reason in Drop::ALL.iter().filter(|reason| got.drops.contains_key(reason.word())) {
        say(format!("  {:<16} {}", reason.word(), reason.meaning()));
    }
}

fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if word.starts_with('#') { ("#", "") } else { (word, rest.trim()) }
}

fn step(word: &str, rest: &str, names: &BTreeMap<String, String>) -> Result<Step, String> {
    let (first, other) = split(rest);
    let port = || first.parse().map_err(|_| format!("'{first}' is no interface"));
    let named = |text: &str| {
        let words = text.split_whitespace().map(|w| names.get(w).map_or(w, String::as_str));
        words.collect::<Vec<_>>().join(" ")
    };
    Ok(match word {
        "in" => {
            let (bytes, meta) = frame::build(&named(other))?;
            Step::In(vec![Incoming { port: port()?, bytes, meta }])
        }
        "answer" => {
            let (which, words) = split(other);
            let which = which.parse().map_err(|_| format!("'{which}' is no number of a frame"))?;
            Step::Answer(port()?, which, named(words))
        }
        "after" => Step::After(duration(first)?),
        "link" => Step::Link(port()?, other == "up"),
        _ => Step::Apply(rest.into()),
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: u64 = number.parse().map_err(|_| format!("'{text}' is no time"))?;
    match unit {
        "s" => Ok(Duration::from_secs(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "us" => Ok(Duration::from_micros(number)),
        _ => Err(format!("'{text}' has no unit: s, ms or us")),
    }
}
