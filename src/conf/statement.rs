//! The statement table: every statement of the language, in the order in which `save` writes them.
//!
//! The parser, the writer, completion, help and the man page read this table. A new statement is one entry in the file of
//! its kind and one use in `interpret.rs`.

mod gateway;
mod interface;
mod lgrp;
mod network;
mod server;
mod set;
mod target;
mod tnat;
mod top;
mod vip;
mod vrrp;

use super::argument::{Arg, COMMAND_MAX, Choice, SECONDS_MAX, Value};
use super::keyword::{Match, unique_prefix};
use super::kind::Kind;

/// Where a statement comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The original has it.
    Original,
    /// Our addition, which the original would not accept.
    Ours,
}

/// What this version does with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// What its help says.
    Acts,
    /// What its help says, for the first element of its list; the others are kept and saved, and a warning says so.
    First,
    /// It is read, kept and saved, but nothing follows from it yet; a warning says so.
    Kept,
}

/// One statement. Its line is `keyword argument`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// The kind of object it belongs to.
    pub kind: Kind,
    /// The keyword.
    pub keyword: &'static str,
    /// The keyword when the argument is a list of several elements.
    pub plural: Option<&'static str>,
    /// Type of the argument.
    pub arg: Arg,
    /// The value that holds without the statement, in the notation of the language. Such a value is never saved.
    pub default: Option<&'static str>,
    /// May stand several times in one object; all of them are kept.
    pub repeats: bool,
    /// One line for the operator.
    pub help: &'static str,
    /// More about it in sentences, for `help` and the manual page; may be empty. Words of the language stand in
    /// quotes, as in [`super::manual`].
    pub doc: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// What this version does with it.
    pub effect: Effect,
    /// What happens instead while it is only [kept](Effect::Kept); empty for others.
    pub instead: &'static str,
}

impl Statement {
    const fn new(kind: Kind, keyword: &'static str, arg: Arg, help: &'static str) -> Self {
        Self {
            kind,
            keyword,
            plural: None,
            arg,
            default: None,
            repeats: false,
            help,
            doc: "",
            origin: Origin::Original,
            effect: Effect::Acts,
            instead: "",
        }
    }

    const fn plural(mut self, plural: &'static str) -> Self {
        self.plural = Some(plural);
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    const fn repeats(mut self) -> Self {
        self.repeats = true;
        self
    }

    const fn ours(mut self) -> Self {
        self.origin = Origin::Ours;
        self
    }

    const fn first_only(mut self) -> Self {
        self.effect = Effect::First;
        self
    }

    const fn kept(mut self, instead: &'static str) -> Self {
        self.effect = Effect::Kept;
        self.instead = instead;
        self
    }

    /// Keyword and argument in the notation of the help: `port <0-65535>`.
    pub fn usage(&self) -> String {
        let keyword = self.plural.unwrap_or(self.keyword);
        if self.kind.is_one_line() {
            return format!("{keyword} <number> {}", self.arg.usage());
        }
        format!("{keyword} {}", self.arg.usage())
    }

    /// The keyword that fits the value: the plural for several elements.
    pub(super) fn keyword_for(&self, value: &Value) -> &'static str {
        match (self.plural, self.kind) {
            // `module NAME` would add to the default chain instead of setting it.
            (Some(plural), Kind::Top) => plural,
            (Some(plural), _) if value.is_plural() => plural,
            _ => self.keyword,
        }
    }

    /// Whether the value is the one that holds without the statement.
    pub(super) fn is_default(&self, value: &Value) -> bool {
        self.default.is_some_and(|default| value.to_string() == default)
    }

    /// The name or names of the statement.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.keyword).chain(self.plural)
    }
}

/// Longest idle time of a session: thirty days in seconds.
const IDLE_MAX: u32 = 2_592_000;
const PROTOCOL: &[Choice] = &[Choice::new("tcp", "TCP"), Choice::new("udp", "UDP")];

/// The tables of all kinds, in saved order.
const TABLES: [&[Statement]; 11] = [
    top::STATEMENTS,
    set::STATEMENTS,
    interface::STATEMENTS,
    vrrp::STATEMENTS,
    network::STATEMENTS,
    gateway::STATEMENTS,
    vip::STATEMENTS,
    lgrp::STATEMENTS,
    server::STATEMENTS,
    target::STATEMENTS,
    tnat::STATEMENTS,
];

const COUNT: usize = {
    let (mut count, mut table) = (0, 0);
    while table < TABLES.len() {
        count += TABLES[table].len();
        table += 1;
    }
    count
};

static ALL: [Statement; COUNT] = {
    let mut all = [TABLES[0][0]; COUNT];
    let (mut at, mut table) = (0, 0);
    while table < TABLES.len() {
        let mut row = 0;
        while row < TABLES[table].len() {
            all[at] = TABLES[table][row];
            at += 1;
            row += 1;
        }
        table += 1;
    }
    all
};

/// Every statement, in saved order.
pub static STATEMENTS: &[Statement] = &ALL;

/// A word that does something to objects instead of describing one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `register KIND LIST`
    Register,
    /// `unregister KIND LIST`
    Unregister,
    /// `enable KIND LIST`
    Enable,
    /// `disable KIND LIST`
    Disable,
    /// `no OBJECT [STATEMENT]`
    No,
    /// `license ...`
    License,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 6] =
        [Self::Register, Self::Unregister, Self::Enable, Self::Disable, Self::No, Self::License];

    /// The keyword.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Unregister => "unregister",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::No => "no",
            Self::License => "license",
        }
    }

    /// One line for the operator.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Register => "check objects and put them to work",
            Self::Unregister => "take objects out of work",
            Self::Enable => "let registered objects take traffic",
            Self::Disable => "keep objects registered, but without new traffic",
            Self::No => "remove an object or a statement",
            Self::License => "accepted for compatibility and ignored",
        }
    }

    /// Its arguments in the notation of the help.
    pub const fn usage(self) -> &'static str {
        match self {
            Self::Register => "register <kind> <number>[,<number>...]",
            Self::Unregister => "unregister <kind> <number>[,<number>...]",
            Self::Enable => "enable <kind> <number>[,<number>...]",
            Self::Disable => "disable <kind> <number>[,<number>...]",
            Self::No => "no <object> [<statement>]",
            Self::License => "license ...",
        }
    }
}

/// What a line can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Statement(usize),
    Object(Kind),
    Verb(Verb),
}

/// Names of the original of which no more than the name is known. In a file they are skipped with one warning per name;
/// typed by hand they are refused.
static KNOWN: &[(Kind, &[&str])] = &[
    (Kind::Top, &["macro", "log", "snmp", "location", "alert"]),
    (Kind::Server, &["plugin"]),
    (Kind::Target, &["router"]),
];

/// The statements of one kind of object, in saved order.
pub fn describe(kind: Kind) -> impl Iterator<Item = &'static Statement> {
    STATEMENTS.iter().filter(move |statement| statement.kind == kind)
}

/// The statement of `kind` that `word` means.
pub fn statement_called(kind: Kind, word: &str) -> Match<&'static Statement> {
    let names = describe(kind).flat_map(|statement| statement.names().map(move |name| (name, statement)));
    unique_prefix(word, names.collect::<Vec<_>>())
}

/// The names of the original that belong to `kind` and that this version does not implement.
pub fn known_names(kind: Kind) -> &'static [&'static str] {
    KNOWN.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, names)| names)
}

/// The names of the statements of `kind`, each with its position in the table.
pub(super) fn statement_names(kind: Kind) -> impl Iterator<Item = (&'static str, usize)> + Clone {
    STATEMENTS
        .iter()
        .enumerate()
        .filter(move |(_, statement)| statement.kind == kind)
        .flat_map(|(position, statement)| [(Some(statement.keyword), position), (statement.plural, position)])
        .filter_map(|(name, position)| name.map(|name| (name, position)))
}

/// The position of the statement called exactly `keyword`.
pub(super) fn position(kind: Kind, keyword: &str) -> Option<usize> {
    STATEMENTS.iter().position(|statement| statement.kind == kind && statement.keyword == keyword)
}

/// Everything that a line can begin with.
pub(super) fn first_names() -> impl Iterator<Item = (&'static str, First)> + Clone {
    let statements = statement_names(Kind::Top).map(|(name, position)| (name, First::Statement(position)));
    let objects = Kind::ALL
        .into_iter()
        .filter(|kind| *kind != Kind::Top)
        .map(|kind| (kind.keyword(), First::Object(kind)));
    let verbs = Verb::ALL.into_iter().map(|verb| (verb.keyword(), First::Verb(verb)));
    statements.chain(objects).chain(verbs)
}

/// The names of the kinds that are registered and enabled, singular and plural.
pub(super) fn numbered_kind_names() -> impl Iterator<Item = (&'static str, Kind)> + Clone {
    Kind::NUMBERED
        .into_iter()
        .flat_map(|kind| [Some((kind.keyword(), kind)), kind.plural().map(|plural| (plural, kind))])
        .flatten()
}

/// The statement of `kind` that `word` means.
pub(super) fn find(kind: Kind, word: &str) -> Match<usize> {
    unique_prefix(word, statement_names(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_within_their_kind() {
        for kind in Kind::ALL {
            let mut seen = BTreeSet::new();
            for name in statement_names(kind).map(|(name, _)| name).chain(known_names(kind).iter().copied()) {
                assert!(seen.insert(name), "'{name}' twice in {kind:?}");
            }
        }
        let first: Vec<_> = first_names().map(|(name, _)| name).collect();
        assert_eq!(first.len(), first.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn table_is_in_saved_order_and_says_what_each_statement_is_for() {
        assert!(STATEMENTS.is_sorted_by_key(|statement| statement.kind));
        for statement in STATEMENTS {
            assert!(!statement.help.is_empty() && statement.help.len() <= 70, "{}", statement.keyword);
            assert!(!statement.help.ends_with('.'), "{}", statement.keyword);
            assert!(statement.doc.is_empty() || statement.doc.ends_with('.'), "{}", statement.keyword);
            let is_kept = statement.effect == Effect::Kept;
            assert_eq!(is_kept, !statement.instead.is_empty(), "{}", statement.keyword);
        }
    }

    #[test]
    fn defaults_are_values_in_their_own_notation() {
        for statement in STATEMENTS {
            if let Some(default) = statement.default {
                let value = statement.arg.parse(default).expect(statement.keyword);
                assert_eq!(value.to_string(), default, "{}", statement.keyword);
            }
        }
    }
}
