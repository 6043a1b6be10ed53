//! The files that tell where clients are: read by a thread of their own, so that nobody waits for them.
//!
//! A file that cannot be read, or in which a line is wrong, changes nothing: what was known before stays. Only when the
//! statement is taken out is it forgotten.

use super::configuration;
use crate::cli::show::ipdb::{IpdbRow, Loading};
use crate::conf::model::Model;
use crate::location::{Builder, LINE_MAX, Locations, Table};
use crate::note::{Note, Object};
use bng_platform::process::Waker;
use bng_platform::process::localtime::LocalTime;
use std::fs::Metadata;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::SystemTime;

/// The statements, IPv4 first.
const KEYWORDS: [&str; 2] = ["ipdb", "ipdb6"];

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let file = (metadata.dev(), metadata.ino());
        Self { file, size: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// What a thread has to say at its end.
#[derive(Debug)]
struct Done {
    family: usize,
    path: String,
    stamp: Option<Stamp>,
    table: Result<Table, String>,
}

/// The file of one family.
#[derive(Debug, Default)]
struct Source {
    /// What the statement says.
    path: Option<String>,
    /// A thread is reading; when it is done, it may have to begin anew.
    reading: bool,
    again: bool,
    /// The file as it was last read, well or not.
    read: Option<(String, Option<Stamp>)>,
    /// What went wrong then.
    failed: Option<String>,
    table: Option<Arc<Table>>,
    /// When the table was read, and from which file.
    loaded: Option<(String, String)>,
}

/// What there is of both families.
#[derive(Debug)]
pub struct Ipdb {
    sources: [Source; 2],
    sender: Sender<Done>,
    done: Receiver<Done>,
    waker: Arc<Waker>,
}

impl Ipdb {
    /// Nothing yet. `waker` tells that [`Ipdb::hear`] has something to do.
    pub fn new(waker: Arc<Waker>) -> Self {
        let (sender, done) = mpsc::channel();
        Self { sources: Default::default(), sender, done, waker }
    }

    /// Does what `model` says: begins to read files that are named anew, and forgets what no file is named for. True
    /// when something was forgotten.
    pub fn follow(&mut self, model: &Model) -> bool {
        let mut forgotten = false;
        for (family, path) in [&model.ipdb, &model.ipdb6].into_iter().enumerate() {
            let source = &mut self.sources[family];
            if source.path == *path {
                continue;
            }
            source.path.clone_from(path);
            if path.is_some() {
                self.read(family);
            } else {
                forgotten |= source.table.take().is_some();
                (source.read, source.failed, source.loaded) = (None, None, None);
            }
        }
        forgotten
    }

    /// Begins to read again what has changed since it was read, or with `always` everything. The names of the files.
    pub fn reload(&mut self, always: bool) -> Vec<String> {
        let mut begun = Vec::new();
        for family in 0..self.sources.len() {
            let source = &self.sources[family];
            let Some(path) = source.path.clone() else { continue };
            let now = Some((path.clone(), std::fs::metadata(&path).ok().as_ref().map(Stamp::of)));
            if always || source.read != now {
                self.read(family);
                begun.push(path);
            }
        }
        begun.dedup();
        begun
    }

    /// Begins to read, or to read once more what is being read now.
    fn read(&mut self, family: usize) {
        let source = &mut self.sources[family];
        source.again = source.reading;
        let Some(path) = source.path.clone().filter(|_| !source.reading) else { return };
        let (sender, waker, file) = (self.sender.clone(), self.waker.clone(), path.clone());
        let body = move || {
            let (stamp, table) = load(Path::new(&file), family == 1);
            // Nobody listens when the daemon ends.
            let _ = sender.send(Done { family, path: file, stamp, table });
            waker.wake();
        };
        match std::thread::Builder::new().name(format!("bng-{}", KEYWORDS[family])).spawn(body) {
            Ok(_) => source.reading = true,
            Err(e) => {
                let why = format!("no thread to read it: {e}");
                source.failed = Some(why.clone());
                source.read = Some((path.clone(), None));
                say(Note::error(Object::Configuration, complaint(family, &path, &why, source)));
            }
        }
    }

    /// Takes what threads have read. What is known from now on, if that has changed.
    pub fn hear(&mut self) -> Option<Locations> {
        let mut news = false;
        while let Ok(Done { family, path, stamp, table }) = self.done.try_recv() {
            let source = &mut self.sources[family];
            source.reading = false;
            let wanted = source.path.as_deref() == Some(&path);
            if wanted {
                source.read = Some((path.clone(), stamp));
                match table {
                    Ok(table) => {
                        let text = format!(
                            "{} {path}: {} ranges in {} locations, {} bytes",
                            KEYWORDS[family],
                            table.ranges(),
                            table.codes().count(),
                            table.bytes()
                        );
                        say(Note::notice(Object::Configuration, text));
                        source.loaded = Some((path, LocalTime::now().ctime()));
                        source.table = Some(Arc::new(table));
                        source.failed = None;
                        news = true;
                    }
                    Err(why) => {
                        let text = complaint(family, &path, &why, source);
                        source.failed = Some(why);
                        say(Note::error(Object::Configuration, text));
                    }
                }
            }
            if std::mem::take(&mut source.again) || !wanted && source.path.is_some() {
                self.read(family);
            }
        }
        news.then(|| self.locations())
    }

    /// What is known.
    pub fn locations(&self) -> Locations {
        let [v4, v6] = &self.sources;
        Locations { v4: v4.table.clone(), v6: v6.table.clone() }
    }

    /// Rows of `show ipdb`.
    pub fn rows(&self) -> Vec<IpdbRow> {
        let named = self.sources.iter().enumerate().filter(|(_, source)| source.path.is_some());
        let row = |(family, source): (usize, &Source)| IpdbRow {
            statement: KEYWORDS[family],
            file: source.path.clone().unwrap_or_default(),
            state: match (source.reading, &source.failed) {
                (true, _) => Loading::Reading,
                (false, Some(why)) => Loading::Failed(why.clone()),
                (false, None) => Loading::Loaded,
            },
            loaded: source.loaded.clone().map(|(_, at)| at),
            ranges: source.table.as_ref().map_or(0, |table| table.ranges()),
            others: source.table.as_ref().map_or(0, |table| table.others()),
            locations: source.table.as_ref().map_or(0, |table| table.codes().count()),
            bytes: source.table.as_ref().map_or(0, |table| table.bytes()),
        };
        named.map(row).collect()
    }
}

fn say(note: Note) {
    super::log::say(note);
}

fn complaint(family: usize, path: &str, why: &str, source: &Source) -> String {
    let stays = match &source.loaded {
        Some((file, at)) => format!("what was read from {file} on {at} stays"),
        None => "no location is known".to_owned(),
    };
    format!("{} {path}: {why}; {stays}", KEYWORDS[family])
}

/// Reads a file, with its state before that.
fn load(path: &Path, v6: bool) -> (Option<Stamp>, Result<Table, String>) {
    let file = match configuration::open(path) {
        Ok(file) => file,
        Err(e) => return (None, Err(format!("cannot read it: {e}"))),
    };
    let stamp = file.metadata().ok().as_ref().map(Stamp::of);
    (stamp, parse(BufReader::with_capacity(1 << 16, file), v6))
}

/// Reads lines without ever holding more than one of them, or more of one than a line may have.
fn parse(mut reader: impl BufRead, v6: bool) -> Result<Table, String> {
    let mut builder = Builder::new(v6);
    let mut line = Vec::with_capacity(LINE_MAX + 1);
    let mut number = 0_u64;
    loop {
        line.clear();
        let told = |e: io::Error| format!("cannot read it: {e}");
        let read = reader.by_ref().take(LINE_MAX as u64 + 2).read_until(b'\n', &mut line).map_err(told)?;
        if read == 0 {
            return builder.finish();
        }
        number += 1;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        builder.line(text).map_err(|why| format!("line {number}: {why}"))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_bounded() {
        let parse = |text: &[u8]| super::parse(text, false);
        assert_eq!(parse(b"10.0.0.0/8,de\n\n10.0.0.0/8,at").expect("fine").ranges(), 2);
        assert_eq!(
            parse(b"\n10.0.0.0/8,de\nnonsense\n").unwrap_err(),
            "line 3: expected first,last,code or prefix,code, found 1 fields"
        );
        // As long as it likes, without an end.
        let endless = io::repeat(b'x').take(1 << 30);
        let why = super::parse(BufReader::new(endless), false).unwrap_err();
        assert_eq!(why, "line 1: the line is longer than 4096 bytes");
    }
}
