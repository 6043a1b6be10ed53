//! What the last word of a line may become.

use super::clear::CLEARS;
use super::show::SHOWS;
use super::table::COMMANDS;
use super::{First, first_words};
use crate::conf::{Candidate, Config, Match, complete as complete_statement, unique_prefix};

/// What the last word of `line` may become; an empty word when the line ends with a blank.
pub fn complete(line: &str, config: &Config) -> Vec<Candidate> {
    let line = line.trim_start();
    let Some((first, rest)) = line.split_once(char::is_whitespace) else {
        let mut candidates: Vec<Candidate> = COMMANDS
            .iter()
            .filter(|entry| entry.keyword.starts_with(line))
            .map(|entry| candidate(entry.keyword, entry.help))
            .collect();
        candidates.extend(complete_statement(line, config));
        return candidates;
    };
    let rest = rest.trim_start();
    match unique_prefix(first, first_words()) {
        Match::One(First::Command(at)) if !rest.contains(char::is_whitespace) => {
            let offered: Vec<Candidate> = match COMMANDS[at].keyword {
                "show" => SHOWS.iter().map(|(word, _, help)| candidate(word, help)).collect(),
                "clear" => CLEARS.iter().map(|(word, _, help)| candidate(word, help)).collect(),
                "reload" | "source" => vec![candidate("-n", "only say what would change")],
                "save" => vec![candidate("force", "overwrite a file with comments")],
                "help" => first_words().map(|(word, _)| candidate(word, "")).collect(),
                _ => Vec::new(),
            };
            offered.into_iter().filter(|candidate| candidate.word.starts_with(rest)).collect()
        }
        Match::One(First::Command(at)) => {
            match (COMMANDS[at].keyword, rest.split_once(char::is_whitespace)) {
                ("show", Some((_, form))) if "json".starts_with(form.trim_start()) => {
                    vec![candidate("json", "for programs")]
                }
                _ => Vec::new(),
            }
        }
        _ => complete_statement(line, config),
    }
}

fn candidate(word: &str, help: &str) -> Candidate {
    Candidate { word: word.to_owned(), help: help.to_owned() }
}
