//! `help`

use super::clear::CLEARS;
use super::show::SHOWS;
use super::table::{Entry, entries};
use super::{First, ambiguous, entry, find, first_words, statement_words, unknown};
use crate::conf::{Config, Kind, Match, complete as complete_statement, nearest};

/// The text of `help`, or of `help WORD`.
///
/// # Errors
/// When `word` is no command.
pub fn help(word: Option<&str>) -> Result<String, String> {
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
        Match::One(First::Command(at)) => {
            let entry = entry(at);
            let mut text = row(&with_usage(entry), entry.help);
            if entry.keyword == "show" {
                text.extend(SHOWS.iter().map(|(word, _, help)| row(&format!("show {word}"), help)));
                text.push_str(&row("show ... N", "only object N, or only the last N lines"));
                text.push_str(&row("show ... json", "the same for programs"));
            }
            if entry.keyword == "clear" {
                text.extend(CLEARS.iter().map(|(word, _, help)| row(&format!("clear {word}"), help)));
            }
            Ok(text)
        }
        Match::One(First::Statement(word)) => {
            // What an object has to say comes behind its number.
            let numbered = Kind::ALL.iter().any(|kind| kind.keyword() == word && kind.limit().is_some());
            let line = format!("{word} {}", if numbered { "1 " } else { "" });
            let candidates = complete_statement(&line, &Config::default());
            let about = complete_statement(word, &Config::default());
            let about = about.iter().find(|candidate| candidate.word == word);
            let mut text = row(word, about.map_or("", |candidate| &candidate.help));
            text.extend(
                candidates.iter().map(|candidate| row(&format!("  {}", candidate.word), &candidate.help)),
            );
            Ok(text)
        }
        Match::Many(names) => Err(ambiguous(word, &names)),
        Match::None => Err(unknown(word, nearest(word, first_words().map(|(word, _)| word)))),
    }
}

fn with_usage(entry: &Entry) -> String {
    format!("{} {}", entry.keyword, entry.usage).trim_end().to_owned()
}

fn row(left: &str, right: &str) -> String {
    format!("{}\n", format!("  {left:<20} {right}").trim_end())
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
