//! The grammar, for files and for typed lines alike.
//!
//! ```text
//! text      := { line }
//! line      := [ TOP argument | "set" body | object body | "lgrp" NUMBER argument | verb ]
//! object    := ("interface" | "network" | "vip" | "server" | "target" | "tnat") NUMBER | "vrrp" | "gateway"
//! body      := { KEYWORD argument } | "{" { KEYWORD argument } "}"
//! verb      := ("register" | "unregister" | "enable" | "disable") KIND LIST
//!            | "no" (TOP | "set" [KEYWORD] | object [KEYWORD [LIST]])
//!            | "license" anything
//! ```
//!
//! An argument is exactly one word (a string that is followed by a comma goes on to the next blank), so several statements may share a line. After an error, reading goes on behind the
//! statement, the line or the block that the error is in, and what depends on it is not judged.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::argument::{Arg, Refusal, Value, index, place_of_part};
use super::config::{At, Config, Key};
use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source, shown};
use super::interpret::DEFAULT_MODULES;
use super::kept::{Shortfall, shortfalls};
use super::keyword::{Match, alternatives, nearest, unique_prefix};
use super::kind::Kind;
use super::lexer::{Lexeme, Lexer, Span, Token};
use super::statement::{
    Effect, First, STATEMENTS, Statement, Verb, find, first_names, known_names, position, statement_names,
};
use super::verb::Wish;

/// How strict the reader is about names that are known but not implemented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// A file, perhaps from the original: such names are skipped with a warning.
    File,
    /// A typed line: they are refused.
    Line,
}

/// What later checks must not complain about, because an error has been reported that may be the cause.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// Objects with an error in their body.
    pub(super) objects: BTreeSet<Key>,
    /// A line was not understood: any object might have been defined by it.
    pub(super) missing: bool,
}

/// The bytes as text, or `None` with an error where they cannot be a configuration.
pub(super) fn readable<'a>(bytes: &'a [u8], diagnostics: &mut Diagnostics) -> Option<&'a str> {
    let mut refuse = |message: String, at: Option<(&str, Span)>| {
        let place = at.map(|(text, span)| Source::new(text).place(span));
        let hint = Some("a configuration is a text file in UTF-8".to_owned());
        diagnostics.push(Diagnostic { severity: Severity::Error, place, message, hint });
        None
    };
    if bytes.len() > super::config::TEXT_MAX {
        return refuse(
            format!("the text has {} bytes, at most {} are read", bytes.len(), super::config::TEXT_MAX),
            None,
        );
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let good = error.valid_up_to();
            let bad = bytes.get(good).copied().unwrap_or(0);
            // A line that ends where the text stops being readable.
            let text = std::str::from_utf8(&bytes[..good]).unwrap_or("");
            return refuse(
                format!("byte 0x{bad:02x} is not UTF-8"),
                Some((text, Span { start: good, end: good })),
            );
        }
    };
    match text.find('\0') {
        Some(at) => refuse(
            "there is a NUL byte in the text".to_owned(),
            Some((text, Span { start: at, end: at + 1 })),
        ),
        None => Some(text),
    }
}

/// Reads the text of `source` into `config`.
pub(super) fn read(
    config: &mut Config,
    source: &Source<'_>,
    mode: Mode,
    diagnostics: &mut Diagnostics,
) -> Doubt {
    let mut parser = Parser {
        lexer: Lexer::new(source.text()),
        config,
        source,
        mode,
        diagnostics,
        wishes: BTreeMap::new(),
        doubt: Doubt::default(),
        warned: BTreeSet::new(),
        warned_of: BTreeSet::new(),
    };
    parser.text();
    parser.settle_wishes();
    parser.doubt
}

/// A reader in the middle of a text.
pub(super) struct Parser<'a, 'c> {
    lexer: Lexer<'a>,
    pub(super) config: &'c mut Config,
    pub(super) source: &'c Source<'a>,
    pub(super) mode: Mode,
    pub(super) diagnostics: &'c mut Diagnostics,
    /// By kind, then by number.
    pub(super) wishes: BTreeMap<Kind, Vec<Option<Wish>>>,
    pub(super) doubt: Doubt,
    /// Names that are skipped and that a warning has been given for.
    warned: BTreeSet<(Kind, &'static str)>,
    /// Keywords without effect that a warning has been given for, with the word of their argument that it is about.
    warned_of: BTreeSet<(Kind, &'static str, String)>,
}

/// How the reading of one statement ended.
pub(super) enum Read {
    /// Behind the statement, on its line.
    Done,
    /// An error was reported; the rest of the line means nothing.
    Lost,
}

impl<'a> Parser<'a, '_> {
    pub(super) fn next(&mut self) -> Token<'a> {
        self.lexer.next()
    }

    pub(super) fn peek(&self) -> Token<'a> {
        self.lexer.clone().next()
    }

    pub(super) fn at(&self, span: Span) -> At {
        At { unit: self.config.unit, span }
    }

    pub(super) fn say(&mut self, severity: Severity, span: Span, message: String, hint: Option<String>) {
        // Nothing is spent on what is only counted: a file may be nonsense from end to end.
        let place = (!self.diagnostics.is_full(severity)).then(|| self.source.place(span));
        self.diagnostics.push(Diagnostic { severity, place, message, hint });
    }

    pub(super) fn error(&mut self, span: Span, message: impl Into<String>) {
        self.say(Severity::Error, span, message.into(), None);
    }

    pub(super) fn error_with_hint(
        &mut self,
        span: Span,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.say(Severity::Error, span, message.into(), Some(hint.into()));
    }

    /// An error about a word that is none of `names`.
    pub(super) fn unknown(
        &mut self,
        span: Span,
        message: String,
        word: &str,
        names: impl IntoIterator<Item = &'static str>,
    ) {
        let near = if self.diagnostics.is_full(Severity::Error) { None } else { nearest(word, names) };
        self.say(Severity::Error, span, message, near.map(|name| format!("did you mean '{name}'?")));
    }

    pub(super) fn ambiguous(&mut self, span: Span, word: &str, names: &[&str]) {
        self.error_with_hint(
            span,
            format!("{} is ambiguous", shown(word)),
            format!("it could be {}", alternatives(names)),
        );
    }

    /// A refusal of the argument `token`, marking the part that is to blame.
    pub(super) fn refuse(&mut self, token: &Token<'_>, refusal: Refusal) {
        let span = part_of(token, refusal.part);
        self.say(Severity::Error, span, refusal.message, refusal.hint);
    }

    /// Says once per name that it is known but not implemented. Typed by hand it is an error.
    pub(super) fn not_implemented(&mut self, span: Span, kind: Kind, name: &'static str) {
        let message = match kind {
            Kind::Top => format!("'{name}' is not implemented in this version"),
            _ => format!("'{name}' of {} is not implemented in this version", kind.keyword()),
        };
        match self.mode {
            Mode::Line => self.error(span, message),
            Mode::File if self.warned.insert((kind, name)) => {
                self.say(
                    Severity::Warning,
                    span,
                    message,
                    Some("it is skipped and will not be saved".to_owned()),
                );
            }
            Mode::File => {}
        }
    }

    /// Goes to the end of the line, or to the brace that closes the block; a block that opens on the way is passed over.
    pub(super) fn skip_line(&mut self) {
        loop {
            let token = self.peek();
            if token.ends_statement() {
                return;
            }
            self.next();
            if token.lexeme == Lexeme::Open && !self.skip_block() {
                self.error(token.span, "the block that opens here is not closed");
            }
        }
    }

    /// Goes behind the brace that closes a block that has been opened; `false` when there is none.
    fn skip_block(&mut self) -> bool {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next().lexeme {
                Lexeme::Open => depth += 1,
                Lexeme::Close => depth -= 1,
                Lexeme::End => return false,
                _ => {}
            }
        }
        true
    }

    /// What to do at the top level when the rest of a line means nothing: braces in it belong to nobody either.
    fn give_up_line(&mut self) {
        loop {
            self.skip_line();
            if self.peek().lexeme != Lexeme::Close {
                return;
            }
            self.next();
        }
    }

    fn text(&mut self) {
        loop {
            let token = self.next();
            match token.lexeme {
                Lexeme::End => return,
                Lexeme::Newline => {}
                Lexeme::Word(word) => {
                    if let Read::Lost = self.line(word, token.span) {
                        self.give_up_line();
                    }
                }
                Lexeme::Quoted(_) => {
                    self.error(token.span, "a line cannot begin with a string");
                    self.give_up_line();
                }
                Lexeme::Open => {
                    self.doubt.missing = true;
                    self.error_with_hint(
                        token.span,
                        "'{' does not belong to anything",
                        "a block begins with its object, such as: server 1 {",
                    );
                    self.skip_block();
                }
                Lexeme::Close => self.error(token.span, "'}' without a '{' before it"),
                Lexeme::Bad(why) => {
                    self.error(token.span, why);
                    self.give_up_line();
                }
            }
        }
    }

    fn line(&mut self, word: &'a str, span: Span) -> Read {
        match unique_prefix(word, first_names()) {
            Match::One(First::Statement(statement)) => {
                let adds = word == STATEMENTS[statement].keyword;
                match self.argument((Kind::Top, 0), statement, adds, span) {
                    Read::Done => self.end_of_line(),
                    Read::Lost => Read::Lost,
                }
            }
            Match::One(First::Object(kind)) => self.object(kind, span),
            Match::One(First::Verb(Verb::License)) => {
                self.skip_line();
                Read::Done
            }
            Match::One(First::Verb(Verb::No)) => match self.no(span) {
                Read::Done => self.end_of_line(),
                Read::Lost => Read::Lost,
            },
            Match::One(First::Verb(verb)) => match self.state(verb, span) {
                Read::Done => self.end_of_line(),
                Read::Lost => Read::Lost,
            },
            Match::Many(names) => {
                self.doubt.missing = true;
                self.ambiguous(span, word, &names);
                Read::Lost
            }
            Match::None => {
                if let Some(name) = known_names(Kind::Top).iter().find(|name| **name == word) {
                    self.not_implemented(span, Kind::Top, name);
                    self.skip_line();
                    return Read::Done;
                }
                self.doubt.missing = true;
                let names = first_names().map(|(name, _)| name);
                self.unknown(span, format!("unknown statement {}", shown(word)), word, names);
                Read::Lost
            }
        }
    }

    fn end_of_line(&mut self) -> Read {
        let token = self.peek();
        if matches!(token.lexeme, Lexeme::Newline | Lexeme::End) {
            return Read::Done;
        }
        self.next();
        let opens = token.lexeme == Lexeme::Open;
        let message = match token.lexeme {
            Lexeme::Word(word) => format!("{} is too much here", shown(word)),
            Lexeme::Bad(why) => why,
            _ => "the line should end here".to_owned(),
        };
        self.error_with_hint(
            token.span,
            message,
            "lists have commas and no blanks, texts with blanks stand in double quotes",
        );
        if opens {
            self.skip_block();
        }
        Read::Lost
    }

    /// An object and its body; the cursor is behind its keyword.
    fn object(&mut self, kind: Kind, head: Span) -> Read {
        let number = match self.number_of(kind, head, true) {
            Some(number) => number,
            None => {
                self.doubt.missing = true;
                return Read::Lost;
            }
        };
        let key = (kind, number);
        if let Some(statement) = kind.is_one_line().then(|| position(kind, kind.keyword())).flatten() {
            return match self.argument(key, statement, false, head) {
                Read::Done => self.end_of_line(),
                Read::Lost => Read::Lost,
            };
        }
        let mut body = self.lexer.clone();
        let mut token = body.next();
        while token.lexeme == Lexeme::Newline {
            token = body.next();
        }
        if token.lexeme == Lexeme::Open {
            if kind != Kind::Set {
                let at = self.at(head);
                self.config.object_mut(key, at);
            }
            self.lexer = body;
            self.block(key, head, token.span);
            return Read::Done;
        }
        if kind == Kind::Set && self.peek().ends_statement() {
            self.error_with_hint(head, "'set' needs a parameter", "for example: set localdsr 1");
            return Read::Lost;
        }
        if kind != Kind::Set {
            let at = self.at(head);
            self.config.object_mut(key, at);
        }
        loop {
            let token = self.peek();
            match token.lexeme {
                Lexeme::Newline | Lexeme::End => return Read::Done,
                Lexeme::Word(word) => {
                    self.next();
                    if let Read::Lost = self.statement(key, word, token.span) {
                        return Read::Lost;
                    }
                }
                _ => {
                    self.doubt.objects.insert(key);
                    return self.end_of_line();
                }
            }
        }
    }

    /// The number of an object behind its keyword; 0 where there is only one.
    pub(super) fn number_of(&mut self, kind: Kind, head: Span, may_create: bool) -> Option<u16> {
        if kind.limit().is_none() {
            return Some(0);
        }
        let token = self.peek();
        let Lexeme::Word(word) = token.lexeme else {
            let keyword = kind.keyword();
            self.error_with_hint(
                head,
                format!("'{keyword}' needs a number"),
                format!("for example: {keyword} 1"),
            );
            return None;
        };
        self.next();
        if kind == Kind::Interface && !word.starts_with(|c: char| c.is_ascii_digit()) {
            return self.interface_named(word, &token, may_create);
        }
        match index(word, kind) {
            Ok(number) => Some(number),
            Err(refusal) => {
                self.refuse(&token, refusal);
                None
            }
        }
    }

    /// The interface called `word`: the one that has this name, else the first free number gets it.
    fn interface_named(&mut self, word: &str, token: &Token<'_>, may_create: bool) -> Option<u16> {
        let named = self.config.numbers(Kind::Interface).find(|(_, name)| name == word);
        if let Some((number, _)) = named {
            return Some(number);
        }
        if !may_create {
            self.error(token.span, format!("there is no interface called {}", shown(word)));
            return None;
        }
        let statement = position(Kind::Interface, "name")?;
        let value = match STATEMENTS[statement].arg.parse(word) {
            Ok(value) => value,
            Err(refusal) => {
                self.refuse(token, refusal);
                return None;
            }
        };
        let free = (1..=Kind::Interface.limit().unwrap_or(1))
            .find(|number| !self.config.objects.contains_key(&(Kind::Interface, *number)));
        let Some(number) = free else {
            self.error(token.span, "all interface numbers are in use");
            return None;
        };
        let at = self.at(token.span);
        self.config.set((Kind::Interface, number), statement, value, at);
        Some(number)
    }

    /// The statements of a block, up to and including its closing brace.
    fn block(&mut self, key: Key, head: Span, opened: Span) {
        let mut line_begins = false;
        loop {
            let before = self.lexer.clone();
            let token = self.next();
            match token.lexeme {
                Lexeme::Close => return,
                Lexeme::Newline => {
                    line_begins = true;
                    continue;
                }
                Lexeme::End => {
                    self.doubt.objects.insert(key);
                    self.error(opened, format!("the block of {} is not closed", key.0.object_name(key.1)));
                    return;
                }
                Lexeme::Word(word) if line_begins && self.begins_next_object(key, word, token.span, head) => {
                    self.doubt.objects.insert(key);
                    self.error_with_hint(
                        token.span,
                        format!("the block of {} is not closed before this line", key.0.object_name(key.1)),
                        "add a line with '}' above",
                    );
                    self.lexer = before;
                    return;
                }
                Lexeme::Word(word) => {
                    if let Read::Lost = self.statement(key, word, token.span) {
                        self.skip_line();
                    }
                }
                Lexeme::Open => {
                    self.doubt.objects.insert(key);
                    self.error(token.span, "a block cannot stand inside a block");
                    self.skip_block();
                }
                Lexeme::Quoted(_) => {
                    self.doubt.objects.insert(key);
                    self.error(token.span, "a statement cannot begin with a string");
                    self.skip_line();
                }
                Lexeme::Bad(why) => {
                    self.doubt.objects.insert(key);
                    self.error(token.span, why);
                    self.skip_line();
                }
            }
            line_begins = false;
        }
    }

    /// Whether a line inside a block looks like the next object, so that the closing brace was probably forgotten:
    /// not indented, a keyword of the top level, and either foreign to this block or opening a block itself.
    fn begins_next_object(&self, key: Key, word: &str, span: Span, head: Span) -> bool {
        if self.source.indent_of(span.start) > self.source.indent_of(head.start)
            || !first_names().any(|(name, _)| name == word)
        {
            return false;
        }
        let mut ahead = self.lexer.clone();
        let mut opens = || matches!(ahead.next().lexeme, Lexeme::Open);
        find(key.0, word) == Match::None || opens() || opens()
    }

    /// One statement of an object; the cursor is behind its keyword.
    fn statement(&mut self, key: Key, word: &str, span: Span) -> Read {
        let (kind, number) = key;
        match find(kind, word) {
            Match::One(statement) => {
                let adds = word == STATEMENTS[statement].keyword;
                let read = self.argument(key, statement, adds, span);
                if let Read::Lost = read {
                    self.doubt.objects.insert(key);
                }
                read
            }
            Match::Many(names) => {
                self.doubt.objects.insert(key);
                self.ambiguous(span, word, &names);
                Read::Lost
            }
            Match::None => {
                if let Some(name) = known_names(kind).iter().find(|name| **name == word) {
                    self.not_implemented(span, kind, name);
                    self.skip_argument();
                    return Read::Done;
                }
                self.doubt.objects.insert(key);
                let message = match kind {
                    Kind::Set => format!("unknown parameter {} of 'set'", shown(word)),
                    _ => format!("unknown statement {} in {}", shown(word), kind.object_name(number)),
                };
                self.unknown(span, message, word, statement_names(kind).map(|(name, _)| name));
                Read::Lost
            }
        }
    }

    /// Passes over one argument: words and strings up to the next blank.
    pub(super) fn skip_argument(&mut self) {
        let mut end = None;
        loop {
            let token = self.peek();
            let is_part = matches!(token.lexeme, Lexeme::Word(_) | Lexeme::Quoted(_));
            if !is_part || end.is_some_and(|end| end != token.span.start) {
                return;
            }
            end = Some(token.span.end);
            self.next();
        }
    }

    /// The argument of a statement, and what the statement does; the cursor is behind its keyword.
    fn argument(&mut self, key: Key, statement: usize, adds: bool, keyword: Span) -> Read {
        let what = &STATEMENTS[statement];
        let mut token = self.peek();
        match &token.lexeme {
            Lexeme::Word(_) | Lexeme::Quoted(_) => {}
            Lexeme::Bad(why) => {
                self.next();
                let why = why.clone();
                self.error(token.span, why);
                return Read::Lost;
            }
            _ => {
                self.error_with_hint(
                    keyword,
                    format!("'{}' needs an argument", what.keyword),
                    format!("write: {}", what.usage()),
                );
                return Read::Lost;
            }
        }
        self.next();
        let after = self.peek();
        if after.span.start == token.span.end && matches!(after.lexeme, Lexeme::Word(_) | Lexeme::Quoted(_)) {
            match (&mut token.lexeme, &after.lexeme) {
                // "a command",10,30
                (Lexeme::Quoted(text), Lexeme::Word(rest))
                    if what.arg == Arg::Script && rest.starts_with(',') =>
                {
                    text.push_str(rest);
                    token.span.end = after.span.end;
                    self.next();
                }
                _ => {
                    self.error(after.span, "a blank is missing before or after the string");
                    return Read::Lost;
                }
            }
        }
        let word = match &token.lexeme {
            Lexeme::Quoted(text) => text.as_str(),
            Lexeme::Word(word) => word,
            _ => "",
        };
        let value = match what.arg.parse(word) {
            Ok(value) => value,
            Err(Refusal { message, part, known: Some(known), .. }) if self.mode == Mode::File => {
                if self.warned.insert((key.0, known.word)) {
                    let what = if known.rest.is_some() { "it" } else { "the statement" };
                    let hint = Some(format!("{what} is skipped and will not be saved"));
                    self.say(Severity::Warning, part_of(&token, part), message, hint);
                }
                match known.rest {
                    Some(rest) => rest,
                    None => return Read::Done,
                }
            }
            Err(refusal) => {
                self.refuse(&token, refusal);
                return Read::Lost;
            }
        };
        self.warn_of_shortfalls(what, &value, keyword, |part| part_of(&token, place_of_part(word, part)));
        self.store(key, statement, value, adds, Span { start: keyword.start, end: token.span.end });
        Read::Done
    }

    /// Says once per keyword, and once per word that a keyword takes, that it has no effect.
    fn warn_of_shortfalls(
        &mut self,
        what: &'static Statement,
        value: &Value,
        keyword: Span,
        place: impl Fn(&str) -> Span,
    ) {
        let of = match what.kind {
            Kind::Top => String::new(),
            kind if kind.is_one_line() => String::new(),
            kind => format!(" of {}", kind.keyword()),
        };
        for Shortfall { part, meaning, instead } in shortfalls(what, value) {
            // Different numbers of one list are one thing to say.
            let said = part.clone().filter(|_| what.effect != Effect::First).unwrap_or_default();
            if !self.warned_of.insert((what.kind, what.keyword, said)) {
                continue;
            }
            let (span, message) = match part {
                None => (keyword, format!("'{}'{of} has no effect in this version", what.keyword)),
                Some(part) if meaning.is_empty() => (
                    place(&part),
                    format!(
                        "{} of '{}'{of} has no effect in this version",
                        shown(&part),
                        what.keyword_for(value)
                    ),
                ),
                Some(part) => (place(&part), format!("'{part}' ({meaning}) has no effect in this version")),
            };
            self.say(Severity::Warning, span, message, Some(format!("it is kept and saved; {instead}")));
        }
    }

    fn store(&mut self, key: Key, statement: usize, value: Value, adds: bool, span: Span) {
        let what = &STATEMENTS[statement];
        let at = self.at(span);
        let old = self.config.objects.get(&key).and_then(|object| object.entries.get(&statement));
        let old_value = old.map(|entry| entry.value.clone());
        let value = match (value, old_value) {
            // Remarks pile up.
            (Value::Text(text), Some(Value::Texts(mut texts))) if what.repeats => {
                texts.push(text);
                self.config.set(key, statement, Value::Texts(texts), at);
                return;
            }
            (Value::Text(text), _) if what.repeats => Value::Texts(vec![text]),
            // `module NAME` adds to the chain that holds, `modules LIST` sets it.
            (Value::Choices(words), old) if adds && matches!(what.arg, Arg::Choices(_)) => {
                let mut chain = match old {
                    Some(Value::Choices(chain)) => chain,
                    _ => DEFAULT_MODULES.iter().map(|(word, _)| *word).collect(),
                };
                let new: Vec<_> = words.into_iter().filter(|word| !chain.contains(word)).collect();
                chain.extend(new);
                self.config.set(key, statement, Value::Choices(chain), at);
                return;
            }
            (value, _) => value,
        };
        let written = value.to_string();
        if let Some(old) = self.config.set(key, statement, value, at) {
            // Within one text that is more likely a slip than a change of mind.
            if old.at.unit == at.unit {
                let line = self.source.line_of(old.at.span.start);
                let object = key.0.object_name(key.1);
                self.say(
                    Severity::Warning,
                    span,
                    format!("'{}' of {object} is given again", what.keyword),
                    Some(format!(
                        "{} counts, {} in line {line} does not",
                        shown(&written),
                        shown(&old.value.to_string())
                    )),
                );
            }
        }
    }
}

/// Where `part` of a token stands. Bytes of a string are not bytes of the text, so a string is taken as a whole.
pub(super) fn part_of(token: &Token<'_>, part: Option<Range<usize>>) -> Span {
    match (&token.lexeme, part) {
        (Lexeme::Word(_), Some(part)) => {
            Span { start: token.span.start + part.start, end: token.span.start + part.end }
        }
        _ => token.span,
    }
}
