//! `show networks`

use super::json::Json;
use super::table::{Column, mac, render as table};
use std::net::{Ipv4Addr, Ipv6Addr};

/// One network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRow {
    /// Number.
    pub number: u16,
    /// Description.
    pub name: Option<String>,
    /// Interface number.
    pub interface: u16,
    /// Registered, enabled, and its interface open.
    pub active: bool,
    /// IPv4 network address and prefix length.
    pub subnet4: Option<(Ipv4Addr, u8)>,
    /// The node's own IPv4 address.
    pub real: Option<Ipv4Addr>,
    /// IPv4 address of the master.
    pub virt: Option<Ipv4Addr>,
    /// IPv6 prefix length.
    pub mask6: Option<u8>,
    /// The node's own IPv6 address.
    pub real6: Option<Ipv6Addr>,
    /// IPv6 address of the master.
    pub virt6: Option<Ipv6Addr>,
    /// Station address of `real` and `real6`.
    pub mac: Option<[u8; 6]>,
}

/// One row per network, addresses in the words of the configuration.
pub fn render(rows: &[NetworkRow]) -> String {
    let columns = [
        Column::Right("net"),
        Column::Right("if"),
        Column::Left("state"),
        Column::Left("mac"),
        Column::Left("addresses"),
    ];
    let cells = |row: &NetworkRow| {
        let mut words = Vec::new();
        words.extend(row.subnet4.map(|(address, prefix)| format!("{address}/{prefix}")));
        words.extend(row.real.map(|address| format!("real {address}")));
        words.extend(row.virt.map(|address| format!("virt {address}")));
        words.extend(row.mask6.map(|prefix| format!("mask6 {prefix}")));
        words.extend(row.real6.map(|address| format!("real6 {address}")));
        words.extend(row.virt6.map(|address| format!("virt6 {address}")));
        words.extend(row.name.as_ref().map(|name| format!("\"{name}\"")));
        vec![
            row.number.to_string(),
            row.interface.to_string(),
            if row.active { "active" } else { "inactive" }.to_owned(),
            row.mac.map_or_else(|| "-".to_owned(), mac),
            words.join(" "),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per network.
pub fn json(rows: &[NetworkRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("network", row.number.into()),
            ("name", Json::maybe(row.name.as_ref(), Json::text)),
            ("interface", row.interface.into()),
            ("active", Json::Bool(row.active)),
            ("addr", Json::maybe(row.subnet4, |(address, _)| Json::text(address))),
            ("prefix", Json::maybe(row.subnet4, |(_, prefix)| prefix.into())),
            ("real", Json::maybe(row.real, Json::text)),
            ("virt", Json::maybe(row.virt, Json::text)),
            ("mask6", Json::maybe(row.mask6, Json::from)),
            ("real6", Json::maybe(row.real6, Json::text)),
            ("virt6", Json::maybe(row.virt6, Json::text)),
            ("mac", Json::maybe(row.mac, |octets| Json::text(mac(octets)))),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_of_a_network() {
        let four = NetworkRow {
            number: 1,
            name: None,
            interface: 1,
            active: true,
            subnet4: Some(([172, 17, 2, 0].into(), 24)),
            real: Some([172, 17, 2, 55].into()),
            virt: Some([172, 17, 2, 56].into()),
            mask6: None,
            real6: None,
            virt6: None,
            mac: Some([6, 0, 0xac, 0x11, 2, 55]),
        };
        let six = NetworkRow {
            number: 2,
            name: Some("inside".into()),
            active: false,
            mask6: Some(64),
            real6: Some("2001:db8:1111:2222::55".parse().unwrap()),
            virt6: Some("2001:db8:1111:2222::56".parse().unwrap()),
            mac: None,
            ..four.clone()
        };
        assert_eq!(
            render(&[four, six]),
            "  net if state    mac               addresses
  ---
    1  1 active   06:00:ac:11:02:37 172.17.2.0/24 real 172.17.2.55 virt
                                    172.17.2.56
    2  1 inactive -                 172.17.2.0/24 real 172.17.2.55 virt
                                    172.17.2.56 mask6 64 real6
                                    2001:db8:1111:2222::55 virt6
                                    2001:db8:1111:2222::56 \"inside\"
"
        );
    }
}
