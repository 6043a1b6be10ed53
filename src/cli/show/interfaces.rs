//! `show interfaces`

use super::json::Json;
use super::table::{Column, count, mac, or_dash, render as table};

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceRow {
    /// Number.
    pub number: u16,
    /// Device name.
    pub name: String,
    /// Door named in the configuration, `None` when bng chose.
    pub requested: Option<&'static str>,
    /// Door in use, `None` when the interface is not open.
    pub effective: Option<&'static str>,
    /// Link state, `None` when the interface is not open.
    pub link: Option<bool>,
    /// The device's own hardware address.
    pub mac: Option<[u8; 6]>,
    /// Largest packet in bytes.
    pub mtu: Option<usize>,
    /// Frames received.
    pub received: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames lost on the way in: overruns and frames too long for the door.
    pub lost: u64,
    /// Frames that the system refused to send.
    pub refused: u64,
}

/// One row per interface. A door that bng chose itself has a star.
pub fn render(rows: &[InterfaceRow]) -> String {
    let columns = [
        Column::Right("if"),
        Column::Left("access"),
        Column::Left("link"),
        Column::Left("mac"),
        Column::Right("mtu"),
        Column::Right("    rx"),
        Column::Right("    tx"),
        Column::Right("rx-lost"),
        Column::Right("tx-lost"),
        Column::Left("name"),
    ];
    let cells = |row: &InterfaceRow| {
        let access = match (row.requested, row.effective) {
            (None, Some(effective)) => format!("{effective}*"),
            (_, Some(effective)) => effective.to_owned(),
            (_, None) => "-".to_owned(),
        };
        vec![
            row.number.to_string(),
            access,
            or_dash(row.link.map(|up| if up { "up" } else { "down" })),
            row.mac.map_or_else(|| "-".to_owned(), mac),
            or_dash(row.mtu),
            count(row.received),
            count(row.sent),
            count(row.lost),
            count(row.refused),
            row.name.clone(),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per interface.
pub fn json(rows: &[InterfaceRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("interface", row.number.into()),
            ("name", Json::text(&row.name)),
            ("access_requested", Json::maybe(row.requested, Json::text)),
            ("access", Json::maybe(row.effective, Json::text)),
            ("link", Json::maybe(row.link, Json::Bool)),
            ("mac", Json::maybe(row.mac, |octets| Json::text(mac(octets)))),
            ("mtu", Json::maybe(row.mtu, |bytes| Json::Number(bytes as u64))),
            ("received", row.received.into()),
            ("sent", row.sent.into()),
            ("rx_lost", row.lost.into()),
            ("tx_lost", row.refused.into()),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_chosen_and_closed_interfaces() {
        let raw = InterfaceRow {
            number: 1,
            name: "eth0".into(),
            requested: Some("raw"),
            effective: Some("raw"),
            link: Some(true),
            mac: Some([2, 0, 0, 0, 0, 1]),
            mtu: Some(1500),
            received: 1_234_567,
            sent: 0,
            lost: 3,
            refused: 0,
        };
        let chosen =
            InterfaceRow { number: 2, name: "enp0s31f6-long15".into(), requested: None, ..raw.clone() };
        let closed = InterfaceRow {
            number: 3,
            name: "eth9".into(),
            effective: None,
            link: None,
            mac: None,
            mtu: None,
            received: 0,
            lost: 0,
            ..raw.clone()
        };
        assert_eq!(
            render(&[raw, chosen, closed]),
            "  if access link mac                mtu     rx     tx rx-lost tx-lost name
  ---
   1 raw    up   02:00:00:00:00:01 1500  1.23M      0       3       0 eth0
   2 raw*   up   02:00:00:00:00:01 1500  1.23M      0       3       0
                                                                enp0s31f6-long15
   3 -      -    -                    -      0      0       0       0 eth9
"
        );
    }
}
