//! A manual page in mdoc as far as the tests look into it: sections, and entries of lists.

use std::env;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// The lines of a page or of a part of it.
#[derive(Debug)]
pub(crate) struct Page(Vec<String>);

/// One entry of a list.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its first line, without the macro `.It`.
    pub(crate) head: String,
    /// What follows, lists inside it included.
    pub(crate) body: Page,
}

/// The paths of all manual pages, in alphabetical order.
pub(crate) fn manuals() -> Vec<String> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("man")).expect("man/");
    let names = entries.map(|entry| entry.expect("man/").file_name().to_string_lossy().into_owned());
    let mut paths: Vec<String> = names.map(|name| format!("man/{name}")).collect();
    paths.sort_unstable();
    paths
}

/// Tells whoever runs all tests what could not be proved on this machine, and why.
pub(crate) fn not_proved(what: &str, why: &str) {
    eprintln!("not proved: {what}: {why}");
    if let Some(collected) = env::var_os("BNG_NOT_PROVED") {
        let file = File::options().append(true).create(true).open(collected);
        file.and_then(|mut file| writeln!(file, "{what}: {why}")).expect("BNG_NOT_PROVED");
    }
}

/// The text of a file of the source tree.
pub(crate) fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The words that macro `Cm` marks in one line, such as `.Cm a , b` or `Cm target Ns | Ns Cm targets Ar list`.
pub(crate) fn keywords(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut marked = false;
    for word in line.split_whitespace() {
        match word {
            "Cm" | ".Cm" => marked = true,
            "Ar" | "Ns" | "No" | "Op" => marked = false,
            "," | "." | ";" | "|" | ":" => {}
            word if marked => words.push(word),
            _ => {}
        }
    }
    words
}

impl Page {
    pub(crate) fn open(path: &str) -> Self {
        Self(read(path).lines().map(str::to_owned).collect())
    }

    /// The part below the heading `title`, which is made by macro `Sh` (section) or `Ss` (subsection).
    pub(crate) fn below(&self, heading: &str, title: &str) -> Self {
        let start = self.0.iter().position(|line| *line == format!(".{heading} {title}"));
        let start = start.unwrap_or_else(|| panic!("no .{heading} {title}")) + 1;
        let ends = |line: &&String| line.starts_with(".Sh ") || heading == "Ss" && line.starts_with(".Ss ");
        Self(self.0[start..].iter().take_while(|line| !ends(line)).cloned().collect())
    }

    /// The headings of one level.
    pub(crate) fn headings(&self, heading: &str) -> Vec<String> {
        let prefix = format!(".{heading} ");
        self.0.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    }

    /// The entries of the lists, not those of lists inside entries.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut depth = 0;
        for line in &self.0 {
            match line.strip_prefix(".It") {
                Some(head) if depth == 1 => {
                    entries.push(Entry { head: head.trim().to_owned(), body: Self(Vec::new()) });
                }
                _ => {
                    depth -= usize::from(line == ".El");
                    if let Some(entry) = entries.last_mut().filter(|_| depth > 0) {
                        entry.body.0.push(line.clone());
                    }
                    depth += usize::from(line.starts_with(".Bl "));
                }
            }
        }
        entries
    }

    /// Every word that is marked as a keyword, in order.
    pub(crate) fn keywords(&self) -> Vec<&str> {
        let entries = self.0.iter().map(|line| line.strip_prefix(".It ").unwrap_or(line));
        entries.flat_map(keywords).collect()
    }
}
