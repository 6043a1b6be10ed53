//! `show lgrp`

use super::json::Json;
use super::table::{Column, render as table};

/// One group of locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LgrpRow {
    /// Number.
    pub number: u16,
    /// Codes of its locations, as the language writes them.
    pub locations: String,
}

/// One row per group.
pub fn render(rows: &[LgrpRow]) -> String {
    if rows.is_empty() {
        return "  no group of locations\n".to_owned();
    }
    let columns = [Column::Right("lgrp"), Column::Left("locations")];
    // A list of the language has no blanks to wrap at.
    let cells = |row: &LgrpRow| vec![row.number.to_string(), row.locations.replace(',', ", ")];
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per group.
pub fn json(rows: &[LgrpRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("lgrp", row.number.into()),
            ("locations", Json::list(row.locations.split(','), Json::text)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_its_codes() {
        let row = LgrpRow { number: 1, locations: "de,at,ch".into() };
        assert_eq!(render(std::slice::from_ref(&row)), "  lgrp locations\n  ---\n     1 de, at, ch\n");
        let expected = r#"[{"lgrp":1,"locations":["de","at","ch"]}]"#;
        assert_eq!(json(&[row]).to_string(), expected);
        assert_eq!(render(&[]), "  no group of locations\n");
    }
}
