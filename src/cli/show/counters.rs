//! `show counters`

use super::json::Json;
use super::table::{Column, count, render as table};

/// One counter, summed over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterRow {
    /// Its word.
    pub counter: &'static str,
    /// Its value.
    pub value: u64,
    /// One line for the operator.
    pub meaning: &'static str,
}

/// One row per counter, zeros included: what does not move says something, too.
pub fn render(rows: &[CounterRow]) -> String {
    let columns = [Column::Right(" value"), Column::Left("counter"), Column::Left("meaning")];
    let cells = |row: &CounterRow| vec![count(row.value), row.counter.to_owned(), row.meaning.to_owned()];
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per counter.
pub fn json(rows: &[CounterRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("counter", Json::text(row.counter)),
            ("value", row.value.into()),
            ("meaning", Json::text(row.meaning)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_that_never_moved_are_shown_too() {
        let row = |counter, value| CounterRow { counter, value, meaning: "frames" };
        assert_eq!(
            render(&[row("received", 1_234_567), row("routed", 0)]),
            "   value counter  meaning
  ---
   1.23M received frames
       0 routed   frames
"
        );
    }
}
