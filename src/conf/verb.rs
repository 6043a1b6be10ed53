//! Verbs: `register`, `unregister`, `enable`, `disable` and `no`.

use super::argument::{Arg, Refusal, Value, indices, place_of_number};
use super::config::Key;
use super::diagnostic::{Diagnostic, Severity, shown};
use super::interpret::DEFAULT_MODULES;
use super::keyword::{Match, unique_prefix};
use super::kind::Kind;
use super::lexer::{Lexeme, Span};
use super::parser::{Parser, Read, part_of};
use super::statement::{
    First, STATEMENTS, Verb, find, first_names, numbered_kind_names, position, statement_names,
};

/// What `register`, `enable` and their opposites ask for one object. It takes effect at the end of the text, because
/// they may stand before the object.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    verb: Verb,
    span: Span,
    registered: Option<bool>,
    enabled: Option<bool>,
}

impl<'a> Parser<'a, '_> {
    /// `register servers 1,2` and its like; the cursor is behind the verb.
    pub(super) fn state(&mut self, verb: Verb, head: Span) -> Read {
        let token = self.peek();
        let Lexeme::Word(word) = token.lexeme else {
            return self.state_needs_more(verb, head);
        };
        self.next();
        let kind = match unique_prefix(word, numbered_kind_names()) {
            Match::One(kind) => kind,
            Match::Many(names) => {
                self.ambiguous(token.span, word, &names);
                return Read::Lost;
            }
            Match::None => {
                let message =
                    format!("{} is not a kind of object that is registered and enabled", shown(word));
                self.unknown(token.span, message, word, numbered_kind_names().map(|(name, _)| name));
                return Read::Lost;
            }
        };
        let token = self.peek();
        let Lexeme::Word(word) = token.lexeme else {
            return self.state_needs_more(verb, head);
        };
        self.next();
        match self.numbers_in(word, kind) {
            Ok(list) => {
                let slots = usize::from(kind.limit().unwrap_or(0)) + 1;
                let wishes = self.wishes.entry(kind).or_insert_with(|| vec![None; slots]);
                for number in list {
                    if let Some(slot) = wishes.get_mut(usize::from(number)) {
                        let span = part_of(&token, place_of_number(word, number));
                        *slot = Some(wish(*slot, verb, span));
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

    /// The numbers in a list; interfaces may be named by their devices too.
    fn numbers_in(&self, word: &str, kind: Kind) -> Result<Vec<u16>, Refusal> {
        let named = |element: &str| element.starts_with(|c: char| !c.is_ascii_digit() && c != '-');
        if kind != Kind::Interface || !word.split(',').any(named) {
            return indices(word, kind);
        }
        let number = |element: &str| {
            if !named(element) {
                return Ok(element.to_owned());
            }
            let found = self.config.numbers(kind).find(|(_, name)| name == element);
            let none = || Refusal::new(format!("there is no interface called {}", shown(element)));
            found.map(|(number, _)| number.to_string()).ok_or_else(none)
        };
        let list: Vec<String> = word.split(',').map(number).collect::<Result<_, _>>()?;
        // The places in this list are not those in the text.
        indices(&list.join(","), kind).map_err(|refusal| Refusal { part: None, ..refusal })
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
    pub(super) fn settle_wishes(&mut self) {
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
    pub(super) fn no(&mut self, head: Span) -> Read {
        let token = self.peek();
        let Lexeme::Word(word) = token.lexeme else {
            self.error_with_hint(head, "'no' needs what to remove", "for example: no server 1");
            return Read::Lost;
        };
        self.next();
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
        if let Some(statement) = kind.is_one_line().then(|| position(kind, kind.keyword())).flatten() {
            return self.no_statement(key, statement, span);
        }
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
        let is_list = matches!(
            what.arg,
            Arg::Indices(_)
                | Arg::Choices(_)
                | Arg::Ports
                | Arg::Names(_)
                | Arg::Domains(2..)
                | Arg::Ipv4s(_)
                | Arg::Ipv6s(_)
        );
        if !is_list {
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
            (None, Arg::Ports) => Value::Ports(Vec::new()),
            (None, Arg::Names(_) | Arg::Domains(_)) => Value::Names(Vec::new()),
            (None, Arg::Ipv4s(_) | Arg::Ipv6s(_)) => Value::Hosts(Vec::new()),
            (None, _) => Value::Indices(Vec::new()),
        };
        let (left, missing) = match (what.arg.parse(word), old) {
            (Err(refusal), _) => {
                self.refuse(&token, refusal);
                return Read::Lost;
            }
            (Ok(Value::Indices(gone)), Value::Indices(list)) => {
                let (left, missing) = without(list, &gone);
                (left.map(Value::Indices), missing)
            }
            (Ok(Value::Ports(gone)), Value::Ports(list)) => {
                let (left, missing) = without(list, &gone);
                (left.map(Value::Ports), missing)
            }
            (Ok(Value::Hosts(gone)), Value::Hosts(list)) => {
                let (left, missing) = without(list, &gone);
                (left.map(Value::Hosts), missing)
            }
            (Ok(Value::Names(gone)), Value::Names(list)) => {
                let (left, missing) = without(list, &gone);
                (left.map(Value::Names), missing)
            }
            (Ok(Value::Choices(gone)), Value::Choices(list)) => {
                let (left, missing) = without(list, &gone);
                if left.is_none() {
                    self.error(token.span, "at least one module must remain");
                    return Read::Lost;
                }
                (left.map(Value::Choices), missing)
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

/// What is left of a list without the elements that are gone, if anything, and one of these that was not in it.
fn without<T: PartialEq + ToString>(mut list: Vec<T>, gone: &[T]) -> (Option<Vec<T>>, Option<String>) {
    let missing = gone.iter().find(|element| !list.contains(element)).map(T::to_string);
    list.retain(|element| !gone.contains(element));
    ((!list.is_empty()).then_some(list), missing)
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
