//! Errors and warnings for the operator: what, where, why, and what to do.
//!
//! ```text
//! bng.conf:12:11: error: unknown statement 'acess' in interface 1
//!   |           acess raw
//!   |           ^^^^^
//!   = did you mean 'access'?
//! ```

use std::fmt;

use super::argument::place_of_number;
use super::lexer::Span;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but probably not as meant.
    Warning,
}

/// Where a diagnostic points, with the line it points into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What to print of the line: shortened, and safe for a terminal.
    pub excerpt: String,
    /// Characters of `excerpt` before the marked part.
    pub mark: usize,
    /// Length of the marked part in characters, at least 1.
    pub length: usize,
}

/// One error or warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is; `None` when what is to blame was said earlier, outside of the text at hand.
    pub place: Option<Place>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Most diagnostics of one severity that are kept; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 50;

/// What came out of reading a text: errors and warnings in the order of the text. `Display` prints all of them, one
/// after the other, each line ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    name: String,
    list: Vec<Diagnostic>,
    errors: usize,
    warnings: usize,
}

impl Diagnostics {
    /// Nothing to say about the text called `name`; an empty name is a typed line.
    pub(super) fn new(name: &str) -> Self {
        Self { name: printable(name), ..Self::default() }
    }

    /// Whether there is an error, so that the text must not be used.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Number of errors, those that were not kept included.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Number of warnings, those that were not kept included.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.errors + self.warnings == 0
    }

    /// Those that were kept, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    fn kept(&self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.errors.min(DIAGNOSTICS_MAX),
            Severity::Warning => self.warnings.min(DIAGNOSTICS_MAX),
        }
    }

    /// Whether the next diagnostic of this severity is only counted.
    pub(super) fn is_full(&self, severity: Severity) -> bool {
        self.kept(severity) == DIAGNOSTICS_MAX
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let full = self.is_full(diagnostic.severity);
        match diagnostic.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
        }
        if !full {
            self.list.push(diagnostic);
        }
    }

    /// Keeps only the diagnostics that `keep` accepts.
    pub(super) fn retain(&mut self, keep: impl Fn(&Diagnostic) -> bool) {
        self.list.retain(keep);
        self.errors = self.list.iter().filter(|d| d.severity == Severity::Error).count();
        self.warnings = self.list.len() - self.errors;
    }

    /// Gives a hint to the diagnostics that have neither a place nor a hint.
    pub(super) fn explain_placeless(&mut self, hint: &str) {
        for diagnostic in self.list.iter_mut().filter(|d| d.place.is_none() && d.hint.is_none()) {
            diagnostic.hint = Some(hint.to_owned());
        }
    }

    /// Brings the diagnostics into the order of the text; those without a place come last.
    pub(super) fn sort(&mut self) {
        self.list.sort_by_key(|d| match &d.place {
            Some(place) => (0, place.line, place.column),
            None => (1, 0, 0),
        });
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.list {
            match (&diagnostic.place, self.name.as_str()) {
                (_, "") => {}
                (None, name) => write!(f, "{name}: ")?,
                (Some(place), name) => write!(f, "{name}:{}:{}: ", place.line, place.column)?,
            }
            writeln!(f, "{diagnostic}")?;
            if let Some(place) = &diagnostic.place {
                writeln!(f, "  | {}", place.excerpt)?;
                writeln!(f, "  | {}{}", " ".repeat(place.mark), "^".repeat(place.length))?;
            }
            if let Some(hint) = &diagnostic.hint {
                writeln!(f, "  = {hint}")?;
            }
        }
        let count = |n: usize, what: &str| format!("{n} more {what}{}", if n == 1 { "" } else { "s" });
        for (severity, total, what) in
            [(Severity::Error, self.errors, "error"), (Severity::Warning, self.warnings, "warning")]
        {
            let left = total - self.kept(severity);
            if left > 0 {
                let name = if self.name.is_empty() { String::new() } else { format!("{}: ", self.name) };
                writeln!(f, "{name}{}", count(left, what))?;
            }
        }
        Ok(())
    }
}

/// The first line only: `error: unknown statement 'acess' in interface 1`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)
    }
}

impl std::error::Error for Diagnostics {}

/// Lines of up to this many characters are shown whole.
const WIDTH: usize = 120;

/// A text being read, and where its lines begin.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The line number of byte `at`, from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at).max(1)
    }

    /// The number of bytes between the beginning of its line and `at`.
    pub(super) fn indent_of(&self, at: usize) -> usize {
        at - self.lines.get(self.line_of(at) - 1).copied().unwrap_or(0)
    }

    /// Where `number` stands in the list that ends the statement at `span`.
    pub(super) fn number_in(&self, span: Span, number: u16) -> Option<Span> {
        let statement = self.text.get(span.start..span.end)?;
        let list = statement.rsplit(char::is_whitespace).next()?;
        let start = span.end - list.len();
        let part = place_of_number(list, number)?;
        Some(Span { start: start + part.start, end: start + part.end })
    }

    pub(super) fn place(&self, span: Span) -> Place {
        let line = self.line_of(span.start);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let whole = self.text[start..].lines().next().unwrap_or("");
        let (before, rest) = whole.split_at((span.start - start).min(whole.len()));
        let (marked, after) = rest.split_at(span.end.saturating_sub(span.start).min(rest.len()));
        let column = before.chars().count() + 1;

        // A line of a megabyte is cut around the mark so that it stays readable; what comes before the mark
        // (indentation and keyword) tells more than what follows.
        let fits = whole.chars().nth(WIDTH).is_none();
        let [before_max, marked_max, after_max] = if fits { [WIDTH; 3] } else { [60, 60, 40] };
        let (mut excerpt, hidden) = tail(before, before_max);
        if hidden {
            excerpt.insert_str(0, "...");
        }
        let mark = excerpt.chars().count();
        let (marked, cut) = head(marked, marked_max);
        let length = marked.chars().count().max(1);
        excerpt.push_str(&marked);
        let (after, cut) = if cut { (String::new(), true) } else { head(after, after_max) };
        excerpt.push_str(&after);
        if cut {
            excerpt.push_str("...");
        }
        let excerpt = excerpt.trim_end().to_owned();
        Place { line, column, excerpt, mark, length }
    }
}

/// The first `max` characters of `text`, made safe, and whether there were more.
fn head(text: &str, max: usize) -> (String, bool) {
    match text.char_indices().nth(max) {
        None => (printable(text), false),
        Some((end, _)) => (printable(&text[..end]), true),
    }
}

/// The last `max` characters of `text`, made safe, and whether there were more.
fn tail(text: &str, max: usize) -> (String, bool) {
    match text.char_indices().rev().nth(max) {
        None => (printable(text), false),
        Some((at, c)) => (printable(&text[at + c.len_utf8()..]), true),
    }
}

/// Whether a terminal would act on `c`, or hide it, instead of showing it.
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// `text` with every character that a terminal would act on replaced, one for one; a tab becomes a blank.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\r' => ' ',
            c if misleads(c) => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A word as messages show it: in quotes, shortened, safe for a terminal.
pub(super) fn shown(word: &str) -> String {
    match head(word, 40) {
        (all, false) => format!("'{all}'"),
        (some, true) => format!("'{some}...'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, word: &str) -> Place {
        let start = text.find(word).expect("word stands in text");
        Source::new(text).place(Span { start, end: start + word.len() })
    }

    #[test]
    fn columns_count_characters() {
        let found = place("a\n  ü \tword", "word");
        assert_eq!((found.line, found.column, found.mark, found.length), (2, 6, 5, 4));
        assert_eq!(found.excerpt, "  ü  word");
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let text = format!("{} word {}", "x".repeat(1_000_000), "y".repeat(1_000_000));
        let found = place(&text, "word");
        assert_eq!(found.column, 1_000_002);
        assert_eq!(found.excerpt.len(), 3 + 60 + 4 + 40 + 3);
        assert_eq!(&found.excerpt[found.mark..found.mark + found.length], "word");
    }

    #[test]
    fn what_a_terminal_would_act_on_is_replaced() {
        let found = place("\u{1b}[31mred\u{202e}x word", "word");
        assert_eq!(found.excerpt, "\u{fffd}[31mred\u{fffd}x word");
        assert_eq!(shown("a\u{7}\u{1b}"), "'a\u{fffd}\u{fffd}'");
        assert_eq!(shown(&"a".repeat(41)), format!("'{}...'", "a".repeat(40)));
    }

    #[test]
    fn end_of_text_has_a_place() {
        let source = Source::new("a\n");
        assert_eq!(source.place(Span { start: 2, end: 2 }).line, 2);
        assert_eq!(Source::new("").place(Span { start: 0, end: 0 }).column, 1);
    }

    #[test]
    fn more_than_the_cap_is_counted() {
        let mut all = Diagnostics::new("f");
        for _ in 0..DIAGNOSTICS_MAX + 1 {
            let message = "wrong".to_owned();
            all.push(Diagnostic { severity: Severity::Error, place: None, message, hint: None });
        }
        assert_eq!(all.errors(), 51);
        assert_eq!(all.iter().count(), 50);
        assert!(all.to_string().ends_with("f: error: wrong\nf: 1 more error\n"));
    }
}
