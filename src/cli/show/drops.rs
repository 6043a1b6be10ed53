//! `show drops`

use super::json::Json;
use super::table::{Column, count, render as table};

/// One reason for dropping frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropRow {
    /// Its word.
    pub reason: &'static str,
    /// Frames since the start.
    pub frames: u64,
    /// One line for the operator.
    pub meaning: &'static str,
}

/// The reasons that occurred, most frequent first.
pub fn render(rows: &[DropRow]) -> String {
    let mut rows: Vec<&DropRow> = rows.iter().filter(|row| row.frames > 0).collect();
    if rows.is_empty() {
        return "  no frame dropped\n".to_owned();
    }
    rows.sort_by(|a, b| b.frames.cmp(&a.frames).then(a.reason.cmp(b.reason)));
    let columns = [Column::Right("frames"), Column::Left("reason"), Column::Left("meaning")];
    let cells = |row: &&DropRow| vec![count(row.frames), row.reason.to_owned(), row.meaning.to_owned()];
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// Every reason as one object, those that never occurred included.
pub fn json(rows: &[DropRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("reason", Json::text(row.reason)),
            ("frames", row.frames.into()),
            ("meaning", Json::text(row.meaning)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reason_comes_first_and_zero_not_at_all() {
        let row = |reason, frames, meaning| DropRow { reason, frames, meaning };
        let auth = "VRRP advertisement with authentication, which VRRPv2 (RFC 3768) no longer has";
        let rows = [
            row("vlan", 0, "tagged"),
            row("vrrp-auth", 2, auth),
            row("other-station", 70, "addressed to another station"),
        ];
        assert_eq!(
            render(&rows),
            "  frames reason        meaning
  ---
      70 other-station addressed to another station
       2 vrrp-auth     VRRP advertisement with authentication, which VRRPv2 (RFC
                       3768) no longer has
"
        );
        assert_eq!(render(&rows[..1]), "  no frame dropped\n");
    }
}
