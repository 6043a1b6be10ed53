//! `show commandlog`

use super::json::Json;
use super::table::{Column, render as table};

/// One command that changed the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// Local time, as in a log line.
    pub time: String,
    /// Who gave it.
    pub who: String,
    /// The command in one line.
    pub command: String,
}

/// One row per command, the oldest first.
pub fn render(rows: &[CommandRow]) -> String {
    if rows.is_empty() {
        return "  no change of the configuration by command\n".to_owned();
    }
    let columns = [Column::Left("time"), Column::Left("who"), Column::Left("command")];
    let cells = |row: &CommandRow| vec![row.time.clone(), row.who.clone(), row.command.clone()];
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per command.
pub fn json(rows: &[CommandRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("time", Json::text(&row.time)),
            ("who", Json::text(&row.who)),
            ("command", Json::text(&row.command)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_what_and_when() {
        let row = CommandRow {
            time: "2026-11-23 06:54:37".into(),
            who: "uid 0".into(),
            command: "server 7 { name \"the web farm\" ipaddr 192.0.2.7 port 80 }".into(),
        };
        assert_eq!(
            render(&[row]),
            "  time                who   command
  ---
  2026-11-23 06:54:37 uid 0 server 7 { name \"the web farm\" ipaddr 192.0.2.7 port
                            80 }
"
        );
        assert_eq!(render(&[]), "  no change of the configuration by command\n");
    }
}
