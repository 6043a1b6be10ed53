//! `show gateway`

use super::json::Json;
use super::table::{Column, mac, render as table};
use std::net::IpAddr;

/// The default next hop of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayRow {
    /// Its address.
    pub address: IpAddr,
    /// `up`, `down` or `waiting`.
    pub state: &'static str,
    /// Why it is not up.
    pub reason: Option<String>,
    /// Interface behind which it is, when its network is in use.
    pub interface: Option<u16>,
    /// Its station address, when known.
    pub mac: Option<[u8; 6]>,
    /// Seconds since its state changed.
    pub since: u64,
}

/// One row per gateway.
pub fn render(rows: &[GatewayRow]) -> String {
    let columns = [
        Column::Left("address"),
        Column::Left("state"),
        Column::Right("since"),
        Column::Right("if"),
        Column::Left("mac"),
        Column::Left("reason"),
    ];
    let cells = |row: &GatewayRow| {
        vec![
            row.address.to_string(),
            row.state.to_owned(),
            format!("{} s", row.since),
            row.interface.map_or_else(|| "-".to_owned(), |n| n.to_string()),
            row.mac.map_or_else(|| "-".to_owned(), mac),
            row.reason.clone().unwrap_or_default(),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per gateway.
pub fn json(rows: &[GatewayRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("address", Json::text(row.address)),
            ("state", Json::text(row.state)),
            ("reason", Json::maybe(row.reason.as_ref(), Json::text)),
            ("since_seconds", row.since.into()),
            ("interface", Json::maybe(row.interface, Json::from)),
            ("mac", Json::maybe(row.mac, |octets| Json::text(mac(octets)))),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_row() {
        let up = GatewayRow {
            address: "10.1.0.254".parse().unwrap(),
            state: "up",
            reason: None,
            interface: Some(2),
            mac: Some([2, 0, 0, 0, 0, 1]),
            since: 17,
        };
        let down = GatewayRow {
            address: "2001:db8::fe".parse().unwrap(),
            state: "down",
            reason: Some("no answer to its check".into()),
            interface: None,
            mac: None,
            since: 3,
        };
        assert_eq!(
            render(&[up.clone(), down.clone()]),
            "  address      state since if mac               reason
  ---
  10.1.0.254   up     17 s  2 02:00:00:00:00:01
  2001:db8::fe down    3 s  - -                 no answer to its check
"
        );
        let text = json(&[up, down]).to_string();
        assert!(text.contains("\"reason\":null") && text.contains("\"interface\":null"), "{text}");
    }
}
