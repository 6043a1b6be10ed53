//! `show arp`: neighbours of both families.

use super::json::Json;
use super::table::{Column, mac, render as table};
use std::net::IpAddr;

/// One neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArpRow {
    /// Its address.
    pub address: IpAddr,
    /// Its station address, when known.
    pub mac: Option<[u8; 6]>,
    /// `reachable`, `stale`, `asking` or `failed`.
    pub state: &'static str,
    /// Seconds since it was last heard of, `None` when never.
    pub age_s: Option<u64>,
    /// Interface number.
    pub interface: u16,
}

/// One row per neighbour.
pub fn render(rows: &[ArpRow]) -> String {
    let columns = [
        Column::Right("if"),
        Column::Left("mac"),
        Column::Left("state"),
        Column::Right(" age"),
        Column::Left("address"),
    ];
    let cells = |row: &ArpRow| {
        vec![
            row.interface.to_string(),
            row.mac.map_or_else(|| "-".to_owned(), mac),
            row.state.to_owned(),
            row.age_s.map_or_else(|| "-".to_owned(), |age| age.to_string()),
            row.address.to_string(),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per neighbour.
pub fn json(rows: &[ArpRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("interface", row.interface.into()),
            ("address", Json::text(row.address)),
            ("mac", Json::maybe(row.mac, |octets| Json::text(mac(octets)))),
            ("state", Json::text(row.state)),
            ("age_s", Json::maybe(row.age_s, Json::from)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_and_unknown_neighbours() {
        let known = ArpRow {
            address: "10.20.20.20".parse().unwrap(),
            mac: Some([2, 0, 0, 0, 0, 1]),
            state: "reachable",
            age_s: Some(3),
            interface: 2,
        };
        let asked = ArpRow {
            address: "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(),
            mac: None,
            state: "asking",
            age_s: None,
            interface: 1,
        };
        assert_eq!(
            render(&[known, asked]),
            "  if mac               state      age address
  ---
   2 02:00:00:00:00:01 reachable    3 10.20.20.20
   1 -                 asking       - 2001:db8:1111:2222:3333:4444:5555:6666
"
        );
    }
}
