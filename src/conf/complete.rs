//! Completion of a line that is being typed.

use std::collections::BTreeSet;

use super::argument::{Arg, Choice, Standing};
use super::config::Config;
use super::keyword::{Match, unique_prefix};
use super::kind::Kind;
use super::lexer::{Lexeme, Lexer, Span};
use super::statement::{
    Effect, First, STATEMENTS, Statement, Verb, describe, find, first_names, numbered_kind_names,
};

/// A word that the last word of a line may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The whole word, to replace the one at the end of the line. In angle brackets when it only says what belongs here,
    /// such as `<ipv4>`.
    pub word: String,
    /// One line for the operator.
    pub help: String,
}

impl Candidate {
    fn new(word: impl Into<String>, help: impl Into<String>) -> Self {
        Self { word: word.into(), help: help.into() }
    }

    /// Whether `word` describes what belongs here and cannot be inserted.
    pub fn is_placeholder(&self) -> bool {
        self.word.starts_with('<')
    }
}

/// Every word that a configuration line can begin with.
pub fn first_words() -> impl Iterator<Item = Candidate> {
    first_names().map(|(name, first)| match first {
        First::Statement(at) => Candidate::new(name, purpose(&STATEMENTS[at])),
        First::Object(kind) => Candidate::new(name, kind.help()),
        First::Verb(verb) => Candidate::new(name, verb.help()),
    })
}

/// What the last word of `line` may become; an empty word when the line ends with a blank. Earlier words may be unique
/// prefixes. A block that is still open may have begun some lines before. Nothing is offered behind words that are not
/// understood.
pub fn complete(line: &str, config: &Config) -> Vec<Candidate> {
    let (words, partial) = split(line);
    let Some(words) = words else { return Vec::new() };
    let mut candidates = candidates(&words, partial, config);
    candidates.retain(|candidate| {
        candidate.is_placeholder() && partial.is_empty() || candidate.word.starts_with(partial)
    });
    candidates
}

/// The complete words of the last line, and the last one as far as it is typed; the lines of an open block are one.
/// `None` when the line is past understanding, or ends inside a string.
fn split(line: &str) -> (Option<Vec<&str>>, &str) {
    let mut lexer = Lexer::new(line);
    let mut words = Vec::new();
    let mut string = None;
    let mut in_block = false;
    loop {
        let token = lexer.next();
        match token.lexeme {
            // What follows a string without a blank belongs to it.
            Lexeme::Word(_) if string.is_some_and(|string: Span| string.end == token.span.start) => {
                words.pop();
                words.push(&line[string.map_or(0, |string| string.start)..token.span.end]);
            }
            Lexeme::Word(word) if token.span.end == line.len() => return (Some(words), word),
            Lexeme::Word(_) | Lexeme::Quoted(_) | Lexeme::Open | Lexeme::Close => {
                in_block = token.lexeme == Lexeme::Open || in_block && token.lexeme != Lexeme::Close;
                words.push(&line[token.span.start..token.span.end]);
            }
            Lexeme::End => return (Some(words), ""),
            // The block of an object may begin on the next line.
            Lexeme::Newline if in_block || lexer.clone().next().lexeme == Lexeme::Open => {}
            Lexeme::Newline => words.clear(),
            Lexeme::Bad(_) => return (None, ""),
        }
        string = matches!(token.lexeme, Lexeme::Quoted(_)).then_some(token.span);
    }
}

fn candidates(words: &[&str], partial: &str, config: &Config) -> Vec<Candidate> {
    let Some((first, rest)) = words.split_first() else {
        return first_words().collect();
    };
    match unique_prefix(first, first_names()) {
        Match::One(First::Statement(at)) => match rest {
            [] => argument(&STATEMENTS[at], partial, config),
            [_] => vec![enter()],
            _ => Vec::new(),
        },
        Match::One(First::Object(kind)) => object(kind, rest, partial, config),
        Match::One(First::Verb(Verb::No)) => removal(rest, partial, config),
        Match::One(First::Verb(Verb::License)) => vec![enter()],
        Match::One(First::Verb(_)) => match rest {
            [] => numbered_kind_names().map(|(name, kind)| Candidate::new(name, kind.help())).collect(),
            [kind] => match unique_prefix(kind, numbered_kind_names()) {
                Match::One(kind) => indices(kind, partial, config),
                _ => Vec::new(),
            },
            [_, _] => vec![enter()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The line may end here.
fn enter() -> Candidate {
    Candidate::new("<Enter>", "the line is complete")
}

fn object(kind: Kind, words: &[&str], partial: &str, config: &Config) -> Vec<Candidate> {
    let mut words = words;
    if kind.limit().is_some() {
        let Some((_, rest)) = words.split_first() else {
            let new = format!("<1-{}>", kind.limit().unwrap_or(0));
            let mut candidates = numbers(kind, config);
            candidates
                .push(Candidate::new(new, format!("number of the {}, new or existing", kind.keyword())));
            return candidates;
        };
        words = rest;
    }
    if let (true, Some(only)) = (kind.is_one_line(), describe(kind).next()) {
        return match words {
            [] => argument(only, partial, config),
            [_] => vec![enter()],
            _ => Vec::new(),
        };
    }
    let mut in_block = false;
    if let Some((&"{", rest)) = words.split_first() {
        in_block = true;
        words = rest;
    }
    if let (true, Some((&"}", _))) = (in_block, words.split_last()) {
        return vec![enter()];
    }
    // From here on keyword and argument alternate.
    if let (true, Some(keyword)) = (words.len() % 2 == 1, words.last()) {
        return match find(kind, keyword) {
            Match::One(at) => argument(&STATEMENTS[at], partial, config),
            _ => Vec::new(),
        };
    }
    let used: BTreeSet<usize> = words
        .iter()
        .step_by(2)
        .filter_map(|word| if let Match::One(at) = find(kind, word) { Some(at) } else { None })
        .collect();
    let mut candidates: Vec<Candidate> = STATEMENTS
        .iter()
        .enumerate()
        .filter(|(at, statement)| statement.kind == kind && !used.contains(at))
        .flat_map(|(_, statement)| statement.names().map(|name| Candidate::new(name, purpose(statement))))
        .collect();
    if in_block {
        candidates.push(Candidate::new("}", "end of the block"));
    } else if words.is_empty() {
        candidates.push(Candidate::new("{", "several statements on lines of their own, up to '}'"));
    } else {
        candidates.push(enter());
    }
    candidates
}

fn removal(words: &[&str], partial: &str, config: &Config) -> Vec<Candidate> {
    let statements = |kind| {
        describe(kind).map(|statement| Candidate::new(statement.keyword, purpose(statement))).collect()
    };
    let Some((first, rest)) = words.split_first() else {
        let verbs: Vec<_> = Verb::ALL.iter().map(|verb| verb.keyword()).collect();
        return first_words().filter(|candidate| !verbs.contains(&candidate.word.as_str())).collect();
    };
    let Match::One(First::Object(kind)) = unique_prefix(first, first_names()) else { return Vec::new() };
    match (kind.limit().is_some(), rest) {
        (true, []) => numbers(kind, config),
        (true, [_]) if kind.is_one_line() => vec![enter()],
        (true, [_]) | (false, []) => {
            let whole = Candidate::new("<Enter>", format!("all of the {}", kind.keyword()));
            let mut candidates: Vec<_> = statements(kind);
            candidates.push(whole);
            candidates
        }
        (true, [_, keyword]) | (false, [keyword]) => match find(kind, keyword) {
            Match::One(at) if matches!(STATEMENTS[at].arg, Arg::Indices(_)) => {
                let mut candidates = argument(&STATEMENTS[at], partial, config);
                candidates.push(Candidate::new("<Enter>", "all of the list"));
                candidates
            }
            Match::One(_) => vec![enter()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The objects of `kind` that exist.
fn numbers(kind: Kind, config: &Config) -> Vec<Candidate> {
    let told = |number, name: String| if name.is_empty() { kind.object_name(number) } else { name };
    config
        .numbers(kind)
        .map(|(number, name)| Candidate::new(number.to_string(), told(number, name)))
        .collect()
}

/// The last element of the list behind `register` and its like.
fn indices(kind: Kind, partial: &str, config: &Config) -> Vec<Candidate> {
    let mut candidates = list(numbers(kind, config), partial);
    let arg = Arg::Indices(kind);
    candidates.push(Candidate::new(arg.usage(), explained("one number or several", arg)));
    candidates
}

/// What a statement is for, and whether something comes of it.
fn purpose(statement: &Statement) -> String {
    let suffix = if statement.effect == Effect::Kept { UNUSED } else { "" };
    format!("{}{suffix}", statement.help)
}

/// Said of what is kept and saved, but does nothing yet.
const UNUSED: &str = " (no effect in this version)";

/// `help` with an example of the argument.
fn explained(help: &str, arg: Arg) -> String {
    match arg.example() {
        // Some statements have an example that fits better.
        Some(example) if !help.contains("such as") => format!("{help}, such as {example}"),
        _ => help.to_owned(),
    }
}

/// What may stand as the argument of `statement`.
fn argument(statement: &Statement, partial: &str, config: &Config) -> Vec<Candidate> {
    let word = |word: &'static str, help: &str| {
        let holds = if statement.default == Some(word) { " (the default)" } else { "" };
        Candidate::new(word, format!("{help}{holds}"))
    };
    let words = |choices: &'static [Choice]| {
        let said = |choice: &Choice| match choice.standing {
            Standing::Kept(_) => Candidate::new(choice.word, format!("{}{UNUSED}", choice.help)),
            Standing::Works | Standing::Known => word(choice.word, choice.help),
        };
        choices.iter().filter(|choice| choice.is_accepted()).map(said).collect::<Vec<_>>()
    };
    // What has to be made up, and what it looks like.
    let made_up = || {
        let default = statement.default.map_or(String::new(), |default| format!(" (default {default})"));
        Candidate::new(
            statement.arg.usage(),
            format!("{}{default}", explained(statement.help, statement.arg)),
        )
    };
    let mut candidates = match statement.arg {
        Arg::Flag => return vec![word("0", "no"), word("1", "yes")],
        Arg::Switch => return vec![word("enable", "yes"), word("disable", "no")],
        Arg::Choice(choices) => return words(choices),
        Arg::Choices(choices) => list(words(choices), partial),
        Arg::Index(kind) => numbers(kind, config),
        Arg::Indices(kind) => list(numbers(kind, config), partial),
        _ => Vec::new(),
    };
    candidates.push(made_up());
    candidates
}

/// Completes the last element of a list: the candidates carry the elements before it, and those are not offered again.
fn list(elements: Vec<Candidate>, partial: &str) -> Vec<Candidate> {
    let (before, _) = partial.split_at(partial.rfind(',').map_or(0, |comma| comma + 1));
    let used: BTreeSet<&str> = before.split(',').collect();
    elements
        .into_iter()
        .filter(|candidate| !used.contains(candidate.word.as_str()))
        .map(|candidate| Candidate::new(format!("{before}{}", candidate.word), candidate.help))
        .collect()
}
