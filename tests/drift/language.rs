//! bng.conf(5) and the statement table.

use std::collections::BTreeMap;

use bng::conf::{
    Arg, Choice, Config, Effect, Kind, Origin, STATEMENTS, Standing, Verb, describe, known_names,
};

use crate::page::{Page, keywords};

const KEPT: &str = "Kept, but without effect in this version.";

fn page() -> Page {
    Page::open("man/bng.conf.5")
}

/// The heading of the statements of `kind`.
fn title(kind: Kind) -> &'static str {
    if kind == Kind::Top { "Outside of any object" } else { kind.keyword() }
}

fn choices(arg: &Arg) -> &'static [Choice] {
    match arg {
        Arg::Choice(choices) | Arg::Choices(choices) => choices,
        _ => &[],
    }
}

#[test]
fn every_statement_is_described_under_its_kind_and_nothing_else_is() {
    for kind in Kind::ALL {
        let entries = page().below("Sh", "STATEMENTS").below("Ss", title(kind)).entries();
        let described: Vec<_> = entries.iter().map(|entry| keywords(&entry.head)).collect();
        let statements: Vec<Vec<_>> = describe(kind).map(|statement| statement.names().collect()).collect();
        assert_eq!(described, statements, "{}", title(kind));
    }
}

#[test]
fn every_statement_is_described_with_its_default_its_effect_and_the_words_that_it_takes() {
    for kind in Kind::ALL {
        let entries = page().below("Sh", "STATEMENTS").below("Ss", title(kind)).entries();
        for (statement, entry) in describe(kind).zip(entries) {
            let name = format!("{} {}", title(kind), statement.keyword);
            let text = entry.body.text();
            match statement.default {
                Some(default) => {
                    let said = [" .", " ,"]
                        .iter()
                        .any(|end| text.contains(&format!("The default is .Cm {default}{end}")));
                    assert!(said, "{name}: the default is {default}");
                }
                None => assert!(!text.contains("The default is"), "{name} has no default"),
            }
            assert_eq!(text.contains(KEPT), statement.effect == Effect::Kept, "{name}: {KEPT}");
            for choice in choices(&statement.arg).iter().filter(|choice| choice.is_accepted()) {
                assert!(entry.body.keywords().contains(&choice.word), "{name} {}", choice.word);
            }
        }
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

#[test]
fn the_example_is_a_configuration_without_errors_and_warnings() {
    let example = page().below("Sh", "EXAMPLES").example();
    let (config, diagnostics) = Config::parse("example", &example);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    assert_eq!(config.model().expect("no errors").targets.len(), 2);
}
