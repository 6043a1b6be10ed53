//! What bng.conf(5) says by hand about the statement table.

use std::collections::BTreeMap;

use bng::conf::{Arg, Choice, Kind, Origin, STATEMENTS, Standing, Verb, known_names};

use crate::page::{Page, keywords};

fn page() -> Page {
    Page::open("man/bng.conf.5")
}

fn choices(arg: &Arg) -> &'static [Choice] {
    match arg {
        Arg::Choice(choices) | Arg::Choices(choices) => choices,
        _ => &[],
    }
}

#[test]
fn every_verb_is_described_and_nothing_else_is() {
    let entries = page().below("Sh", "STATEMENTS").below("Ss", "Verbs").entries();
    let described: Vec<_> = entries.iter().flat_map(|entry| keywords(&entry.head)).collect();
    assert_eq!(described, Verb::ALL.map(Verb::keyword));
}

#[test]
fn our_own_statements_are_named_as_additions() {
    let additions = page().below("Sh", "ADDITIONS TO THE ORIGINAL LANGUAGE");
    for statement in STATEMENTS.iter().filter(|statement| statement.origin == Origin::Ours) {
        assert!(additions.keywords().contains(&statement.keyword), "{}", statement.keyword);
    }
}

#[test]
fn the_names_that_are_not_implemented_are_those_that_the_parser_knows() {
    let section = page().below("Sh", "NAMES NOT IMPLEMENTED");
    let listed = |part: &str| -> BTreeMap<String, Vec<String>> {
        let entries = section.below("Ss", part).entries();
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        entries.iter().map(|e| (keywords(&e.head).concat(), words(&e.body.keywords()))).collect()
    };
    let word = |kind: Kind| if kind == Kind::Top { "top" } else { kind.keyword() };
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let statements: BTreeMap<_, _> = Kind::ALL
        .iter()
        .map(|kind| (word(*kind).to_owned(), names(known_names(*kind))))
        .filter(|(_, names)| !names.is_empty())
        .collect();
    assert_eq!(listed("Statements"), statements);

    let words = |wanted: fn(&Choice) -> bool| -> BTreeMap<String, Vec<String>> {
        let of =
            |arg| choices(arg).iter().filter(|choice| wanted(choice)).map(|choice| choice.word.to_owned());
        STATEMENTS
            .iter()
            .map(|statement| (statement.keyword.to_owned(), of(&statement.arg).collect::<Vec<_>>()))
            .filter(|(_, words)| !words.is_empty())
            .collect()
    };
    assert_eq!(listed("Arguments"), words(|choice| !choice.is_accepted()));
    let without_effect = words(|choice| matches!(choice.standing, Standing::Kept(_)));
    assert_eq!(listed("Words without effect"), without_effect);
}
