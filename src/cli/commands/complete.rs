//! What the last word of a line may become.

use super::benchmark::BENCHMARKS;
use super::clear::CLEARS;
use super::dump::DUMPS;
use super::show::SHOWS;
use super::table::entries;
use super::{First, entry, find};
use crate::conf::{Candidate, Config, Kind, Match, complete as complete_statement, describe, unique_prefix};

/// What the last word of `line` may become; an empty word when the line ends with a blank.
pub fn complete(line: &str, config: &Config) -> Vec<Candidate> {
    let line = line.trim_start();
    let Some((first, rest)) = line.split_once(char::is_whitespace) else {
        let mut candidates: Vec<Candidate> = entries()
            .filter(|entry| entry.keyword.starts_with(line))
            .map(|entry| candidate(entry.keyword, entry.help))
            .collect();
        candidates.extend(complete_statement(line, config));
        return candidates;
    };
    let rest = rest.trim_start();
    match find(first) {
        Match::One(First::Command(at)) if !rest.contains(char::is_whitespace) => {
            let offered: Vec<Candidate> = match entry(at).keyword {
                "show" => SHOWS.iter().map(|(word, _, help)| candidate(word, help)).collect(),
                "clear" => CLEARS.iter().map(|(word, _, help)| candidate(word, help)).collect(),
                "benchmark" => BENCHMARKS.iter().map(|(word, help)| candidate(word, help)).collect(),
                "dump" => DUMPS.iter().map(|(word, help)| candidate(word, help)).collect(),
                "reload" => vec![candidate("-n", "only say what would change")],
                "load" | "source" => {
                    vec![candidate("-n", "only say what would change"), candidate("<file>", FILE)]
                }
                "check" => vec![candidate("<file>", FILE)],
                "save" => vec![
                    candidate("force", "overwrite a file with comments"),
                    candidate("<file>", FILE),
                    candidate("<Enter>", "the file that bng was started with"),
                ],
                "help" => complete("", config),
                _ => Vec::new(),
            };
            offered.into_iter().filter(|candidate| candidate.word.starts_with(rest)).collect()
        }
        Match::One(First::Command(at)) => match (entry(at).keyword, rest.split_once(char::is_whitespace)) {
            ("show", Some((word, rest))) => shown(word, rest.trim_start(), config),
            ("help", Some((kind, partial))) => Kind::ALL
                .into_iter()
                .filter(|known| known.keyword() == kind)
                .flat_map(describe)
                .filter(|statement| statement.keyword.starts_with(partial.trim_start()))
                .map(|statement| candidate(statement.keyword, statement.help))
                .collect(),
            _ => Vec::new(),
        },
        _ => complete_statement(line, config),
    }
}

/// What may follow `show WORD`: the numbers of its objects, and the form.
fn shown(word: &str, rest: &str, config: &Config) -> Vec<Candidate> {
    let what = unique_prefix(word, SHOWS.iter().map(|(word, what, _)| (*word, *what)));
    let kind = match what {
        Match::One(what) => what.kind(),
        _ => None,
    };
    let (numbers, rest) = match rest.split_once(char::is_whitespace) {
        Some((_, rest)) => (None, rest.trim_start()),
        None => (kind, rest),
    };
    let numbers = numbers.into_iter().flat_map(|kind| config.numbers(kind));
    let mut offered: Vec<Candidate> =
        numbers.map(|(number, name)| candidate(&number.to_string(), &name)).collect();
    offered.push(candidate("json", "for programs"));
    offered.into_iter().filter(|candidate| candidate.word.starts_with(rest)).collect()
}

const FILE: &str = "absolute path of a file";

fn candidate(word: &str, help: &str) -> Candidate {
    Candidate { word: word.to_owned(), help: help.to_owned() }
}
