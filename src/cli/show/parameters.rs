//! `show parameters`: what `set` can set.

use super::json::Json;
use super::table::{Column, or_dash, render as table};
use crate::conf::{Config, Effect, Kind, Statement, describe};

struct Row {
    statement: &'static Statement,
    /// What the configuration says; `None` where the default holds.
    set: Option<String>,
}

impl Row {
    fn value(&self) -> Option<&str> {
        self.set.as_deref().or(self.statement.default)
    }

    fn acts(&self) -> bool {
        self.statement.effect == Effect::Acts
    }
}

fn rows(config: &Config) -> impl Iterator<Item = Row> {
    describe(Kind::Set).map(|statement| Row { statement, set: config.value(Kind::Set, 0, statement.keyword) })
}

/// One row per parameter. A star marks a value that is not the default.
pub fn render(config: &Config) -> String {
    let columns = [
        Column::Left("parameter"),
        Column::Right(" value"),
        Column::Left(" "),
        Column::Right("default"),
        Column::Left("effect"),
    ];
    let cells = |row: Row| {
        let effect = if row.acts() {
            row.statement.help.to_owned()
        } else {
            format!("none yet: {}", row.statement.instead)
        };
        vec![
            row.statement.keyword.to_owned(),
            or_dash(row.value()),
            if row.set.is_some() { "*" } else { "" }.to_owned(),
            or_dash(row.statement.default),
            effect,
        ]
    };
    table(&columns, &rows(config).map(cells).collect::<Vec<_>>())
}

/// The same as one object per parameter.
pub fn json(config: &Config) -> Json {
    Json::list(rows(config), |row| {
        Json::Object(vec![
            ("parameter", Json::text(row.statement.keyword)),
            ("value", Json::maybe(row.value(), Json::text)),
            ("default", Json::maybe(row.statement.default, Json::text)),
            ("effective", Json::Bool(row.acts())),
            ("meaning", Json::text(row.statement.help)),
            ("instead", Json::maybe((!row.acts()).then_some(row.statement.instead), Json::text)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_and_default_values_with_their_effect() {
        let (config, _) = Config::parse("f", "set localdsr 1\n");
        let text = render(&config);
        let row = |word: &str| text.lines().find(|line| line.trim_start().starts_with(word)).unwrap();
        assert_eq!(
            row("localdsr").split_whitespace().take(4).collect::<Vec<_>>(),
            ["localdsr", "1", "*", "0"]
        );
        assert_eq!(row("multithreading").split_whitespace().nth(1), Some("0"));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches('*').count(), 1, "{text}");
        let read: serde_json::Value = serde_json::from_str(&json(&config).to_string()).unwrap();
        assert_eq!(read.as_array().unwrap().len(), describe(Kind::Set).count());
    }
}
