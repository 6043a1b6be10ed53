//! What a configuration says without effect in this version.

use std::fmt;

use super::argument::{Arg, Choice, Standing, Value};
use super::config::Config;
use super::kind::Kind;
use super::statement::{Effect, STATEMENTS, Statement};

/// A statement, or a part of its argument, that is accepted, kept and saved, but has no effect in this version.
///
/// `Display` gives one line: `server 1: method hash: 'hash' has no effect, round robin is used`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Kind of the object it belongs to.
    pub kind: Kind,
    /// Number of the object, 0 where there is only one.
    pub number: u16,
    /// Keyword of the statement in the table.
    pub keyword: &'static str,
    /// The statement as `save` writes it in its object: `method random`.
    pub written: String,
    /// The part of its argument that has no effect; `None` for all of it.
    pub part: Option<String>,
    /// What happens instead: lower case, no full stop.
    pub instead: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.kind.object_name(self.number), self.written)?;
        if let Some(part) = &self.part {
            write!(f, "'{part}' has ")?;
        }
        write!(f, "no effect, {}", self.instead)
    }
}

impl Config {
    /// Everything that has been said and is not yet effective, in saved order.
    pub fn kept(&self) -> Vec<Kept> {
        let entries =
            self.objects.iter().flat_map(|(key, object)| object.entries.iter().map(move |e| (key, e)));
        entries
            .flat_map(|((kind, number), (at, entry))| {
                let statement = &STATEMENTS[*at];
                shortfalls(statement, &entry.value).into_iter().map(|shortfall| Kept {
                    kind: *kind,
                    number: *number,
                    keyword: statement.keyword,
                    written: if kind.is_one_line() {
                        entry.value.to_string()
                    } else {
                        format!("{} {}", statement.keyword_for(&entry.value), entry.value)
                    },
                    part: shortfall.part,
                    instead: shortfall.instead,
                })
            })
            .collect()
    }
}

/// What of a statement with this value has no effect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shortfall {
    /// A word or elements of a list; `None` for the statement as a whole.
    pub(super) part: Option<String>,
    /// What the word means, for messages; empty where there is nothing to say.
    pub(super) meaning: &'static str,
    /// What happens instead.
    pub(super) instead: String,
}

/// Tells what of `statement` has no effect with this value. A default is never said, so nothing follows from it.
pub(super) fn shortfalls(statement: &Statement, value: &Value) -> Vec<Shortfall> {
    if statement.is_default(value) {
        return Vec::new();
    }
    if statement.effect == Effect::Kept {
        return vec![Shortfall { part: None, meaning: "", instead: statement.instead.to_owned() }];
    }
    match (value, statement.arg) {
        (Value::Choice(word), Arg::Choice(choices)) => word_shortfalls(&[word], choices),
        (Value::Choices(words), Arg::Choices(choices)) => word_shortfalls(words, choices),
        (Value::Indices(list), _) if statement.effect == Effect::First => match list.as_slice() {
            [first, rest @ ..] if !rest.is_empty() => {
                let rest: Vec<_> = rest.iter().map(u16::to_string).collect();
                let instead = format!("{} {first} is used", statement.keyword);
                vec![Shortfall { part: Some(rest.join(",")), meaning: "", instead }]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn word_shortfalls(words: &[&str], choices: &[Choice]) -> Vec<Shortfall> {
    let said = words.iter().filter_map(|word| choices.iter().find(|choice| choice.word == *word));
    said.filter_map(|choice| match choice.standing {
        Standing::Kept(instead) => Some(Shortfall {
            part: Some(choice.word.to_owned()),
            meaning: choice.help,
            instead: instead.to_owned(),
        }),
        Standing::Works | Standing::Known => None,
    })
    .collect()
}
