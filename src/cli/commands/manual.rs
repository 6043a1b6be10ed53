//! The command table as the manual page reads it.

use super::benchmark::BENCHMARKS;
use super::clear::CLEARS;
use super::dump::DUMPS;
use super::show::SHOWS;
use super::table::entries;

/// What there is to say about one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Article {
    /// The keyword.
    pub keyword: &'static str,
    /// What follows it, in the notation of the help: `[-n] <file>`.
    pub usage: &'static str,
    /// The text, marked up as those of statements are: quotes around words of the language.
    pub text: &'static str,
    /// The words that its first argument may be, each with what it means; empty where it is no such word.
    pub words: Vec<(&'static str, &'static str)>,
}

/// Every command, then every further name of one.
pub fn articles() -> impl Iterator<Item = Article> {
    entries().map(|entry| Article {
        keyword: entry.keyword,
        usage: entry.usage,
        text: entry.doc,
        words: match entry.keyword {
            "show" => SHOWS.iter().map(|(word, _, help)| (*word, *help)).collect(),
            "clear" => CLEARS.iter().map(|(word, _, help)| (*word, *help)).collect(),
            "benchmark" => BENCHMARKS.to_vec(),
            "dump" => DUMPS.to_vec(),
            _ => Vec::new(),
        },
    })
}
