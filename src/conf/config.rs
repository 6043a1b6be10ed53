//! The configuration as it was said: objects, their statements and their states, in saved order.
//!
//! What the statements mean together is told by [`Config::model`]; this file only keeps them.

use std::collections::BTreeMap;

use super::argument::Value;
use super::diagnostic::{Diagnostics, Severity, Source};
use super::interpret;
use super::kind::Kind;
use super::lexer::Span;
use super::model::Model;
use super::parser::{self, Mode};
use super::statement::{STATEMENTS, position};

/// Where something was said: in the text number `unit` that this configuration has read.
///
/// It is no part of what was said: all places are equal, so that configurations compare by content.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) unit: u32,
    pub(super) span: Span,
}

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for At {}

/// One statement of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Value,
    pub(super) at: At,
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    /// By position in the statement table, hence in saved order. Defaults are not kept.
    pub(super) entries: BTreeMap<usize, Entry>,
    pub(super) registered: bool,
    /// Implies `registered`.
    pub(super) enabled: bool,
    pub(super) at: At,
}

impl Object {
    /// The statement called `keyword`, which must be in the table.
    pub(super) fn entry(&self, kind: Kind, keyword: &str) -> Option<&Entry> {
        debug_assert!(position(kind, keyword).is_some(), "'{keyword}' is not in the table");
        self.entries.iter().find(|(at, _)| STATEMENTS[**at].keyword == keyword).map(|(_, entry)| entry)
    }
}

/// What identifies an object: its kind and number, 0 where there is only one.
pub(super) type Key = (Kind, u16);

/// A configuration as it was said. Two of them are equal when they say the same, wherever it was said.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub(super) objects: BTreeMap<Key, Object>,
    /// Number of the text that was read last.
    pub(super) unit: u32,
}

impl PartialEq for Config {
    fn eq(&self, other: &Self) -> bool {
        self.objects == other.objects
    }
}

impl Eq for Config {}

/// Largest text that is read as a configuration, in bytes: several times what the largest one that makes sense needs.
pub const TEXT_MAX: usize = 8 << 20;

impl Config {
    /// Reads the whole text of a file. `name` is what diagnostics call it.
    ///
    /// The configuration may be used when the diagnostics have no error; then [`Config::model`] succeeds too. With
    /// errors it holds whatever could be understood.
    pub fn parse(name: &str, text: impl AsRef<[u8]>) -> (Self, Diagnostics) {
        let mut config = Self::default();
        let mut diagnostics = Diagnostics::new(name);
        if let Some(text) = parser::readable(text.as_ref(), &mut diagnostics) {
            config.read(text, Mode::File, &mut diagnostics);
        }
        diagnostics.sort();
        (config, diagnostics)
    }

    /// Applies a line of the control language: all of it, or nothing.
    ///
    /// `Ok` carries the warnings that were not due before; `Err` the errors, and the configuration is as before.
    pub fn apply_line(&mut self, line: &str) -> Result<Diagnostics, Diagnostics> {
        let mut diagnostics = Diagnostics::new("");
        let mut changed = self.clone();
        if let Some(text) = parser::readable(line.as_bytes(), &mut diagnostics) {
            changed.read(text, Mode::Line, &mut diagnostics);
        }
        diagnostics.sort();
        if diagnostics.has_errors() {
            diagnostics.retain(|d| d.severity == Severity::Error);
            diagnostics.explain_placeless("this line would lead to that, so nothing has been changed");
            return Err(diagnostics);
        }
        let mut before = Diagnostics::new("");
        interpret::interpret(self, None, Mode::Line, &parser::Doubt::default(), &mut before);
        diagnostics.retain(|new| !before.iter().any(|old| old.message == new.message));
        *self = changed;
        Ok(diagnostics)
    }

    fn read(&mut self, text: &str, mode: Mode, diagnostics: &mut Diagnostics) {
        self.unit += 1;
        let source = Source::new(text);
        let doubt = parser::read(self, &source, mode, diagnostics);
        interpret::interpret(self, Some(&source), mode, &doubt, diagnostics);
    }

    /// The typed configuration: defaults filled in, references checked.
    ///
    /// Fails only for a configuration whose diagnostics had errors already.
    pub fn model(&self) -> Result<Model, Diagnostics> {
        let mut diagnostics = Diagnostics::new("");
        let model = interpret::interpret(self, None, Mode::Line, &parser::Doubt::default(), &mut diagnostics);
        if diagnostics.has_errors() { Err(diagnostics) } else { Ok(model) }
    }

    /// The numbers of the objects of `kind` with a name for each: its `name`, else its address, else nothing.
    pub fn numbers(&self, kind: Kind) -> impl Iterator<Item = (u16, String)> {
        self.objects.range((kind, 0)..=(kind, u16::MAX)).map(move |((_, number), object)| {
            let called = object
                .entries
                .iter()
                .find(|(at, _)| matches!(STATEMENTS[**at].keyword, "name" | "ipaddr" | "ipaddr6" | "addr"));
            let called = called.map_or(String::new(), |(_, entry)| match &entry.value {
                Value::Text(name) => name.clone(),
                value => value.to_string(),
            });
            (*number, called)
        })
    }

    /// The value of a statement as the language writes it; `None` where nothing but the default holds.
    ///
    /// `number` is 0 for kinds of which there is one.
    pub fn value(&self, kind: Kind, number: u16, keyword: &str) -> Option<String> {
        let at = position(kind, keyword)?;
        self.objects.get(&(kind, number))?.entries.get(&at).map(|entry| entry.value.to_string())
    }

    pub(super) fn object_mut(&mut self, key: Key, at: At) -> &mut Object {
        self.objects.entry(key).or_insert_with(|| Object {
            entries: BTreeMap::new(),
            registered: false,
            enabled: false,
            at,
        })
    }

    /// Stores a value, or forgets the statement when the value is its default. Returns the entry that was replaced.
    pub(super) fn set(&mut self, key: Key, statement: usize, value: Value, at: At) -> Option<Entry> {
        if STATEMENTS[statement].is_default(&value) {
            return self.unset(key, statement);
        }
        self.object_mut(key, at).entries.insert(statement, Entry { value, at })
    }

    /// Forgets a statement. Returns what it was.
    pub(super) fn unset(&mut self, key: Key, statement: usize) -> Option<Entry> {
        let object = self.objects.get_mut(&key)?;
        let old = object.entries.remove(&statement);
        // There is nothing to an empty `set`; a vrrp or a server without statements still is one.
        if object.entries.is_empty() && (matches!(key.0, Kind::Top | Kind::Set) || key.0.is_one_line()) {
            self.objects.remove(&key);
        }
        old
    }
}
