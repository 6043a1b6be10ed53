//! `show snapshots`

use super::json::Json;
use super::table::{Column, render as table};

/// One file that `snapshot` has written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotRow {
    /// Its path.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// One row per file, the oldest first: their names have the time.
pub fn render(rows: &[SnapshotRow]) -> String {
    if rows.is_empty() {
        return "  no snapshot\n".to_owned();
    }
    let columns = [Column::Right("bytes"), Column::Left("file")];
    let cells = |row: &SnapshotRow| vec![row.bytes.to_string(), row.path.clone()];
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per file.
pub fn json(rows: &[SnapshotRow]) -> Json {
    Json::list(rows, |row| Json::Object(vec![("file", Json::text(&row.path)), ("bytes", row.bytes.into())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_their_length() {
        let row = SnapshotRow { path: "/var/log/bng-0-20261123T065437Z.txt".into(), bytes: 12_345 };
        assert_eq!(render(&[row]), "  bytes file\n  ---\n  12345 /var/log/bng-0-20261123T065437Z.txt\n");
        assert_eq!(render(&[]), "  no snapshot\n");
    }
}
