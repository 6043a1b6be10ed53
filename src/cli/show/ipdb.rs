//! `show ipdb`

use super::json::Json;
use super::table::{Column, render as table};

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loading {
    /// It is in force.
    Loaded,
    /// It is being read.
    Reading,
    /// It could not be read, for this reason; what was there before is in force.
    Failed(String),
}

/// One file of locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpdbRow {
    /// `ipdb` or `ipdb6`.
    pub statement: &'static str,
    /// Path.
    pub file: String,
    /// What became of it.
    pub state: Loading,
    /// When what is in force was read; `None` while nothing is.
    pub loaded: Option<String>,
    /// Ranges in force.
    pub ranges: usize,
    /// Ranges of the other family that were passed over.
    pub others: usize,
    /// Different locations in force.
    pub locations: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

impl Loading {
    const fn word(&self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Reading => "reading",
            Self::Failed(_) => "failed",
        }
    }
}

/// One row per file; the last column says when it was read, and what went wrong since.
pub fn render(rows: &[IpdbRow]) -> String {
    if rows.is_empty() {
        return "  no file of locations ('ipdb', 'ipdb6')\n".to_owned();
    }
    let columns = [
        Column::Left("ipdb"),
        Column::Left("state"),
        Column::Right(" ranges"),
        Column::Right("places"),
        Column::Right("   bytes"),
        Column::Left("file"),
    ];
    let cells = |row: &IpdbRow| {
        let mut file = vec![row.file.clone()];
        file.extend(row.loaded.as_ref().map(|at| format!("read {at}")));
        if let Loading::Failed(why) = &row.state {
            file.push(why.clone());
        }
        vec![
            row.statement.to_owned(),
            row.state.word().to_owned(),
            row.ranges.to_string(),
            row.locations.to_string(),
            row.bytes.to_string(),
            file.join("; "),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per file.
pub fn json(rows: &[IpdbRow]) -> Json {
    Json::list(rows, |row| {
        let count = |n: usize| Json::Number(n as u64);
        Json::Object(vec![
            ("ipdb", Json::text(row.statement)),
            ("state", Json::text(row.state.word())),
            ("reason", if let Loading::Failed(why) = &row.state { Json::text(why) } else { Json::Null }),
            ("file", Json::text(&row.file)),
            ("loaded", Json::maybe(row.loaded.as_ref(), Json::text)),
            ("ranges", count(row.ranges)),
            ("other_family", count(row.others)),
            ("places", count(row.locations)),
            ("bytes", count(row.bytes)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_failed_says_why_beside_what_is_in_force() {
        let row = IpdbRow {
            statement: "ipdb6",
            file: "/etc/ip.csv".to_owned(),
            state: Loading::Failed("line 7: a quote has no end".to_owned()),
            loaded: None,
            ranges: 0,
            others: 0,
            locations: 0,
            bytes: 0,
        };
        assert_eq!(
            render(std::slice::from_ref(&row)),
            "  ipdb  state   ranges places    bytes file\n  ---\n  \
             ipdb6 failed       0      0        0 /etc/ip.csv; line 7: a quote has no end\n"
        );
        let text = json(&[row]).to_string();
        assert!(
            text.contains(r#""reason":"line 7: a quote has no end","file":"/etc/ip.csv","loaded":null"#),
            "{text}"
        );
        assert_eq!(render(&[]), "  no file of locations ('ipdb', 'ipdb6')\n");
    }
}
