//! The grammar, for files and for typed lines alike.
//!
//! ```text
//! text      := { line }
//! line      := [ TOP argument | "set" body | object body | verb ]
//! object    := ("interface" | "network" | "server" | "target") NUMBER | "vrrp" | "gateway"
//! body      := { KEYWORD argument } | "{" { KEYWORD argument } "}"
//! verb      := ("register" | "unregister" | "enable" | "disable") KIND LIST
//!            | "no" (TOP | "set" [KEYWORD] | object [KEYWORD [LIST]])
//!            | "license" anything
//! ```
//!
//! An argument is exactly one word, so several statements may share a line. After an error, reading goes on behind the
//! statement, the line or the block that the error is in, and what depends on it is not judged.

use std::collections::{BTreeMap, BTreeSet};

use super::argument::{Arg, Refusal, Value, index, indices};
use super::config::{At, Config, Key};
use super::diagnostic::{Diagnostic, Diagnostics, Severity, Source, shown};
use super::interpret::DEFAULT_MODULES;
use super::keyword::{Match, alternatives, nearest, unique_prefix};
use super::kind::Kind;
use super::lexer::{Lexeme, Lexer, Span, Token};
use super::statement::{
    Effect, First, STATEMENTS, Verb, find, first_names, known_names, numbered_kind_names, position,
    statement_names,
};

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
    };
    parser.text();
    parser.settle_wishes();
    parser.doubt
}

/// What `register`, `enable` and their opposites ask for one object. It takes effect at the end of the text, because
/// they may stand before the object.
#[derive(Clone, Copy)]
struct Wish {
    verb: Verb,
    span: Span,
    registered: Option<bool>,
    enabled: Option<bool>,
}

struct Parser<'a, 'c> {
    lexer: Lexer<'a>,
    config: &'c mut Config,
    source: &'c Source<'a>,
    mode: Mode,
    diagnostics: &'c mut Diagnostics,
    /// By kind, then by number.
    wishes: BTreeMap<Kind, Vec<Option<Wish>>>,
    doubt: Doubt,
    /// Names that a warning has been given for.
    warned: BTreeSet<(Kind, &'static str)>,
}

/// How the reading of one statement ended.
enum Read {
    /// Behind the statement, on its line.
    Done,
    /// An error was reported; the rest of the line means nothing.
    Lost,
}

impl<'a> Parser<'a, '_> {
    fn next(&mut self) -> Token<'a> {
        self.lexer.next()
    }

    fn peek(&self) -> Token<'a> {
        self.lexer.clone().next()
    }

    fn at(&self, span: Span) -> At {
        At { unit: self.config.unit, span }
    }

    fn say(&mut self, severity: Severity, span: Span, message: String, hint: Option<String>) {
        // Nothing is spent on what is only counted: a file may be nonsense from end to end.
        let place = (!self.diagnostics.is_full(severity)).then(|| self.source.place(span));
        self.diagnostics.push(Diagnostic { severity, place, message, hint });
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.say(Severity::Error, span, message.into(), None);
    }

    fn error_with_hint(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.say(Severity::Error, span, message.into(), Some(hint.into()));
    }

    /// An error about a word that is none of `names`.
    fn unknown(
        &mut self,
        span: Span,
        message: String,
        word: &str,
        names: impl IntoIterator<Item = &'static str>,
    ) {
        let near = if self.diagnostics.is_full(Severity::Error) { None } else { nearest(word, names) };
        self.say(Severity::Error, span, message, near.map(|name| format!("did you mean '{name}'?")));
    }

    fn ambiguous(&mut self, span: Span, word: &str, names: &[&str]) {
        self.error_with_hint(
            span,
            format!("{} is ambiguous", shown(word)),
            format!("it could be {}", alternatives(names)),
        );
    }

    /// A refusal of the argument `token`, marking the part that is to blame.
    fn refuse(&mut self, token: &Token<'_>, refusal: Refusal) {
        let span = match (&token.lexeme, refusal.part) {
            (Lexeme::Word(_), Some(part)) => {
                Span { start: token.span.start + part.start, end: token.span.start + part.end }
            }
            _ => token.span,
        };
        self.say(Severity::Error, span, refusal.message, refusal.hint);
    }

    /// Says once per name that it is known but not implemented. Typed by hand it is an error.
    fn not_implemented(&mut self, span: Span, kind: Kind, name: &'static str) {
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
    fn skip_line(&mut self) {
        loop {
            let token = self.peek();
            if token.ends_statement() {
                return;
            }
            self.next();
            if token.lexeme == Lexeme::Open {
                self.skip_block(token.span);
            }
        }
    }

    /// Goes behind the brace that closes a block that has been opened.
    fn skip_block(&mut self, opened: Span) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next().lexeme {
                Lexeme::Open => depth += 1,
                Lexeme::Close => depth -= 1,
                Lexeme::End => {
                    self.error(opened, "the block that opens here is not closed");
                    return;
                }
                _ => {}
            }
        }
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
                    self.skip_block(token.span);
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
            self.skip_block(token.span);
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
    fn number_of(&mut self, kind: Kind, head: Span, may_create: bool) -> Option<u16> {
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
                    self.skip_block(token.span);
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
    fn skip_argument(&mut self) {
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
        let token = self.peek();
        let word = match &token.lexeme {
            Lexeme::Word(word) => *word,
            Lexeme::Quoted(text) => text.as_str(),
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
        };
        self.next();
        let after = self.peek();
        if after.span.start == token.span.end && matches!(after.lexeme, Lexeme::Word(_) | Lexeme::Quoted(_)) {
            self.error(after.span, "a blank is missing before or after the string");
            return Read::Lost;
        }
        let value = match what.arg.parse(word) {
            Ok(value) => value,
            Err(refusal) if refusal.known && self.mode == Mode::File => {
                self.say(
                    Severity::Warning,
                    token.span,
                    refusal.message,
                    Some(format!("the statement '{}' is skipped and will not be saved", what.keyword)),
                );
                return Read::Done;
            }
            Err(refusal) => {
                self.refuse(&token, refusal);
                return Read::Lost;
            }
        };
        if what.effect == Effect::Kept && self.warned.insert((what.kind, what.keyword)) {
            self.say(
                Severity::Warning,
                keyword,
                format!("'{}' of {} has no effect in this version", what.keyword, what.kind.keyword()),
                Some("it is kept and saved".to_owned()),
            );
        }
        self.store(key, statement, value, adds, Span { start: keyword.start, end: token.span.end });
        Read::Done
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

    /// `register servers 1,2` and its like; the cursor is behind the verb.
    fn state(&mut self, verb: Verb, head: Span) -> Read {
        let token = self.next();
        let Lexeme::Word(word) = token.lexeme else {
            return self.state_needs_more(verb, head);
        };
        let kind = match unique_prefix(word, numbered_kind_names()) {
            Match::One(kind) => kind,
            Match::Many(names) => {
                self.ambiguous(token.span, word, &names);
                return Read::Lost;
            }
            Match::None => {
                if let Some(name) = known_names(Kind::Top).iter().find(|name| **name == word) {
                    self.not_implemented(token.span, Kind::Top, name);
                    self.skip_argument();
                    return Read::Done;
                }
                let message =
                    format!("{} is not a kind of object that is registered and enabled", shown(word));
                self.unknown(token.span, message, word, numbered_kind_names().map(|(name, _)| name));
                return Read::Lost;
            }
        };
        let token = self.next();
        let Lexeme::Word(word) = token.lexeme else {
            return self.state_needs_more(verb, head);
        };
        match indices(word, kind) {
            Ok(list) => {
                let slots = usize::from(kind.limit().unwrap_or(0)) + 1;
                let wishes = self.wishes.entry(kind).or_insert_with(|| vec![None; slots]);
                for number in list {
                    if let Some(slot) = wishes.get_mut(usize::from(number)) {
                        *slot = Some(wish(*slot, verb, token.span));
                    }
                }
                Read::Done
            }
            Err(refusal) => {
                self.refuse(&token, refusal);
                Read::Lost
            }
        }
    }

    fn state_needs_more(&mut self, verb: Verb, head: Span) -> Read {
        self.error_with_hint(
            head,
            format!("'{}' needs a kind of object and numbers", verb.keyword()),
            format!("for example: {} servers 1,2", verb.keyword()),
        );
        Read::Lost
    }

    /// Carries out what was wished for.
    fn settle_wishes(&mut self) {
        for (kind, wishes) in std::mem::take(&mut self.wishes) {
            for (number, wish) in (0..).zip(wishes) {
                if let Some(wish) = wish {
                    self.settle((kind, number), wish);
                }
            }
        }
        // Enabled means nothing without registered. The two lines may stand in any order, so this comes at the end.
        let unit = self.config.unit;
        let mut registered = Vec::new();
        for (key, object) in &mut self.config.objects {
            if object.enabled && !object.registered {
                object.registered = true;
                registered.push((*key, object.at));
            }
        }
        for (key, at) in registered {
            let message =
                format!("{} was not registered and is now, because it is enabled", key.0.object_name(key.1));
            let place = (at.unit == unit && !self.diagnostics.is_full(Severity::Warning))
                .then(|| self.source.place(at.span));
            self.diagnostics.push(Diagnostic { severity: Severity::Warning, place, message, hint: None });
        }
    }

    fn settle(&mut self, key: Key, wish: Wish) {
        let name = key.0.object_name(key.1);
        let Some(object) = self.config.objects.get_mut(&key) else {
            if !self.doubt.missing {
                self.error(wish.span, format!("cannot {} {name}: it does not exist", wish.verb.keyword()));
            }
            return;
        };
        let was_enabled = object.enabled;
        object.registered = wish.registered.unwrap_or(object.registered);
        object.enabled = wish.enabled.unwrap_or(object.enabled && object.registered);
        if was_enabled && wish.enabled.is_none() && !object.enabled {
            self.say(
                Severity::Warning,
                wish.span,
                format!("{name} was enabled and is now disabled too"),
                None,
            );
        }
    }

    /// `no server 1`, `no server 1 name`, `no set localdsr`; the cursor is behind the verb.
    fn no(&mut self, head: Span) -> Read {
        let token = self.next();
        let Lexeme::Word(word) = token.lexeme else {
            self.error_with_hint(head, "'no' needs what to remove", "for example: no server 1");
            return Read::Lost;
        };
        match unique_prefix(word, first_names()) {
            Match::One(First::Statement(statement)) => {
                self.no_statement((Kind::Top, 0), statement, token.span)
            }
            Match::One(First::Object(kind)) => self.no_object(kind, token.span),
            Match::One(First::Verb(verb)) => {
                let opposite = match verb {
                    Verb::Register => "unregister",
                    Verb::Unregister => "register",
                    Verb::Enable => "disable",
                    Verb::Disable => "enable",
                    Verb::License | Verb::No => {
                        self.error(token.span, format!("there is no '{}' to remove", verb.keyword()));
                        return Read::Lost;
                    }
                };
                self.error_with_hint(
                    token.span,
                    format!("'{}' cannot be removed", verb.keyword()),
                    format!("its opposite is '{opposite}'"),
                );
                Read::Lost
            }
            Match::Many(names) => {
                self.ambiguous(token.span, word, &names);
                Read::Lost
            }
            Match::None => {
                let names = first_names().map(|(name, _)| name);
                self.unknown(token.span, format!("unknown statement {}", shown(word)), word, names);
                Read::Lost
            }
        }
    }

    fn no_object(&mut self, kind: Kind, span: Span) -> Read {
        let Some(number) = self.number_of(kind, span, false) else {
            return Read::Lost;
        };
        let key = (kind, number);
        let name = kind.object_name(number);
        let Some(object) = self.config.objects.get(&key) else {
            if kind == Kind::Set {
                // Parameters that are not set have their defaults: there is nothing to remove, and nothing wrong.
                self.skip_line();
                return Read::Done;
            }
            self.error(span, format!("{name} does not exist"));
            return Read::Lost;
        };
        let state = match (object.registered, object.enabled) {
            (_, true) => Some("enabled"),
            (true, false) => Some("registered"),
            (false, false) => None,
        };
        let token = self.peek();
        let Lexeme::Word(word) = token.lexeme else {
            if let Some(state) = state {
                self.say(Severity::Warning, span, format!("{name} was {state} and is removed"), None);
            }
            self.config.objects.remove(&key);
            return Read::Done;
        };
        self.next();
        match find(kind, word) {
            Match::One(statement) => self.no_statement(key, statement, token.span),
            Match::Many(names) => {
                self.ambiguous(token.span, word, &names);
                Read::Lost
            }
            Match::None => {
                let message = format!("unknown statement {} in {name}", shown(word));
                self.unknown(token.span, message, word, statement_names(kind).map(|(name, _)| name));
                Read::Lost
            }
        }
    }

    /// Removes a statement, or the elements of its list that follow.
    fn no_statement(&mut self, key: Key, statement: usize, span: Span) -> Read {
        let what = &STATEMENTS[statement];
        let token = self.peek();
        let Lexeme::Word(word) = token.lexeme else {
            self.config.unset(key, statement);
            return Read::Done;
        };
        if !matches!(what.arg, Arg::Indices(_) | Arg::Choices(_)) {
            // What follows is too much: the end of the line says so.
            self.config.unset(key, statement);
            return Read::Done;
        }
        self.next();
        let old = self.config.objects.get(&key).and_then(|object| object.entries.get(&statement));
        let old = match (old.map(|entry| entry.value.clone()), what.arg) {
            (Some(value), _) => value,
            (None, Arg::Choices(_)) => {
                Value::Choices(DEFAULT_MODULES.iter().map(|(word, _)| *word).collect())
            }
            (None, _) => Value::Indices(Vec::new()),
        };
        let (left, missing) = match (what.arg.parse(word), old) {
            (Err(refusal), _) => {
                self.refuse(&token, refusal);
                return Read::Lost;
            }
            (Ok(Value::Indices(gone)), Value::Indices(mut list)) => {
                let missing = gone.iter().find(|n| !list.contains(n)).map(u16::to_string);
                list.retain(|n| !gone.contains(n));
                ((!list.is_empty()).then_some(Value::Indices(list)), missing)
            }
            (Ok(Value::Choices(gone)), Value::Choices(mut list)) => {
                let missing = gone.iter().find(|word| !list.contains(word)).map(|word| (*word).to_owned());
                list.retain(|word| !gone.contains(word));
                if list.is_empty() {
                    self.error(token.span, "at least one module must remain");
                    return Read::Lost;
                }
                (Some(Value::Choices(list)), missing)
            }
            // The two are of the type of the statement.
            (Ok(_), old) => (Some(old), None),
        };
        if let Some(missing) = missing {
            self.error(token.span, format!("'{missing}' is not in the list"));
            return Read::Lost;
        }
        let at = self.at(Span { start: span.start, end: token.span.end });
        match left {
            Some(value) => drop(self.config.set(key, statement, value, at)),
            None => drop(self.config.unset(key, statement)),
        }
        Read::Done
    }
}

/// What holds for an object when `verb` follows on what was wished before.
fn wish(before: Option<Wish>, verb: Verb, span: Span) -> Wish {
    let mut wish = before.unwrap_or(Wish { verb, span, registered: None, enabled: None });
    match verb {
        Verb::Register => wish.registered = Some(true),
        Verb::Unregister => (wish.registered, wish.enabled) = (Some(false), None),
        Verb::Enable => wish.enabled = Some(true),
        Verb::Disable => wish.enabled = Some(false),
        Verb::No | Verb::License => {}
    }
    Wish { verb, span, ..wish }
}
