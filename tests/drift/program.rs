//! bng(8) and what the program does.

use bng::cli::commands::{self, Command, complete};
use bng::conf::Config;
use bng::daemon::exit::Exit;
use bng::stat::Drop;

use crate::page::{Page, keywords};

fn section(title: &str) -> Page {
    Page::open("man/bng.8").below("Sh", title)
}

/// What may follow `line`, in alphabetical order.
fn offered(line: &str) -> Vec<String> {
    let mut words: Vec<_> = complete(line, &Config::default()).into_iter().map(|c| c.word).collect();
    words.sort_unstable();
    words
}

#[test]
fn every_control_command_is_described_and_nothing_else_is() {
    let is_statement = |word: &String| matches!(commands::parse(word), Ok(Command::Configure(_)));
    let commands: Vec<_> = offered("").into_iter().filter(|word| !is_statement(word)).collect();
    let entries = section("CONTROL COMMANDS").entries();
    // Words in brackets, such as `force` of `save`, are arguments.
    let names = entries.iter().map(|entry| entry.head.split(" Oo ").next().unwrap_or_default());
    let mut described: Vec<_> = names.flat_map(keywords).collect();
    described.sort_unstable();
    assert_eq!(described, commands);
}

#[test]
fn everything_that_can_be_shown_is_described_and_nothing_else_is() {
    let entries = section("CONTROL COMMANDS").entries();
    let show = entries.iter().find(|entry| keywords(&entry.head) == ["show"]).expect("show");
    let described: Vec<_> = show.body.entries().iter().map(|e| keywords(&e.head).concat()).collect();
    assert_eq!(described, offered("show "));
}

#[test]
fn every_reason_for_dropping_a_frame_is_described_in_the_words_of_the_program() {
    let entries = section("DROPPED FRAMES").entries();
    let described: Vec<_> = entries.iter().map(|e| (keywords(&e.head).concat(), e.body.text())).collect();
    let reasons = Drop::ALL.map(|reason| (reason.word().to_owned(), sentence(reason.meaning())));
    assert_eq!(described, reasons);
}

/// A line of the program as a sentence of the manual.
fn sentence(line: &str) -> String {
    let (first, rest) = line.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}

#[test]
fn every_exit_status_is_described_and_nothing_else_is() {
    let described: Vec<_> = section("EXIT STATUS").entries().iter().map(|e| e.head.clone()).collect();
    assert_eq!(described, Exit::ALL.map(|exit| exit.code().to_string()));
}
