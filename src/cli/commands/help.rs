//! `help`

use super::benchmark::BENCHMARKS;
use super::clear::CLEARS;
use super::dump::DUMPS;
use super::show::SHOWS;
use super::table::{Entry, entries};
use super::{First, ambiguous, entry, find, first_words, printable, statement_words, unknown};
use crate::conf::{
    Config, Kind, Match, STATEMENTS, Verb, complete as complete_statement, describe, nearest,
    statement_called, wrapped as paragraph,
};

/// The text of `help`, of `help WORD`, or of `help KIND STATEMENT`.
///
/// # Errors
/// When `word` is no command, or `statement` is none of the kind that `word` means.
pub fn help(word: Option<&str>, statement: Option<&str>) -> Result<String, String> {
    let Some(word) = word else {
        let mut text: String = entries().map(|entry| row(&with_usage(entry), entry.help)).collect();
        text.push_str("\n  Configuration statements change the running configuration at once:\n");
        for line in wrapped(statement_words()) {
            text.push_str(&format!("    {line}\n"));
        }
        text.push_str("\n  Keywords may be abbreviated. Tab completes; '?' at the end of a line lists.\n");
        return Ok(text);
    };
    match find(word) {
        Match::One(First::Statement(word)) if statement.is_some() => {
            about(word, statement.unwrap_or_default())
        }
        Match::One(First::Command(at)) if statement.is_some() => {
            Err(format!("'{}' is no statement, 'help {0}' tells all about it", entry(at).keyword))
        }
        Match::One(First::Command(at)) => {
            let entry = entry(at);
            let mut text = row(&with_usage(entry), entry.help);
            text.push_str(&paragraph("    ", "    ", entry.doc));
            if entry.keyword == "show" {
                text.extend(SHOWS.iter().map(|(word, _, help)| row(&format!("show {word}"), help)));
                text.push_str(&row("show ... N", "only object N, or only the last N lines"));
                text.push_str(&row("show ... json", "the same for programs"));
            }
            if entry.keyword == "clear" {
                text.extend(CLEARS.iter().map(|(word, _, help)| row(&format!("clear {word}"), help)));
            }
            if entry.keyword == "benchmark" {
                text.extend(BENCHMARKS.iter().map(|(word, help)| row(&format!("benchmark {word}"), help)));
            }
            if entry.keyword == "dump" {
                text.extend(DUMPS.iter().map(|(word, help)| row(&format!("dump {word}"), help)));
            }
            Ok(text)
        }
        Match::One(First::Statement(word)) => {
            if let Match::One(statement) = statement_called(Kind::Top, word) {
                return Ok(statement.manual());
            }
            let about = complete_statement(word, &Config::default());
            let about = about.iter().find(|candidate| candidate.word == word);
            let mut text = row(word, about.map_or("", |candidate| &candidate.help));
            if let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.keyword() == word) {
                text.push_str(&row("", verb.usage()));
            }
            if let Some(kind) = kind_called(word) {
                text.extend(describe(kind).map(|s| row(&format!("  {}", s.keyword), s.help)));
                text.push_str(&format!("\n  'help {word} STATEMENT' tells more about one of them.\n"));
            }
            Ok(text)
        }
        Match::Many(names) => Err(ambiguous(word, &names)),
        Match::None => Err(unknown(word, nearest(word, first_words().map(|(word, _)| word)), "help")),
    }
}

/// The text of `help KIND STATEMENT`; `word` is the kind.
fn about(word: &str, statement: &str) -> Result<String, String> {
    let Some(kind) = kind_called(word) else {
        return Err(format!("'{word}' has no statements of its own, try 'help {word}'"));
    };
    match statement_called(kind, statement) {
        Match::One(statement) => Ok(statement.manual()),
        Match::Many(names) => Err(ambiguous(statement, &names)),
        Match::None => {
            let elsewhere = STATEMENTS.iter().find(|other| other.names().any(|name| name == statement));
            let near = nearest(statement, describe(kind).flat_map(|statement| statement.names()));
            let hint = match (elsewhere, near) {
                (Some(other), _) => format!("it is one of '{}'", other.kind.keyword()),
                (None, Some(near)) => format!("did you mean '{near}'?"),
                (None, None) => format!("try 'help {word}'"),
            };
            Err(format!("'{word}' has no statement '{}', {hint}", printable(statement)))
        }
    }
}

/// The kind with exactly this keyword.
fn kind_called(word: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.keyword() == word && !word.is_empty())
}

fn with_usage(entry: &Entry) -> String {
    format!("{} {}", entry.keyword, entry.usage).trim_end().to_owned()
}

fn row(left: &str, right: &str) -> String {
    paragraph(&format!("  {left:<20} "), &" ".repeat(23), right)
}

/// Words in lines of at most 72 characters.
fn wrapped(words: impl Iterator<Item = &'static str>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= 72 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
