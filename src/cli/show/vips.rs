//! `show vips`

use super::json::Json;
use super::table::{Column, mac, or_dash, render as table};
use std::net::IpAddr;

/// One virtual address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipRow {
    /// The address.
    pub address: IpAddr,
    /// What has it: `virt` of a network, `server`, `vip`, or `prx` of a server.
    pub owner: &'static str,
    /// Interface of the network that it lies in; `None` when it lies in none.
    pub interface: Option<u16>,
    /// Station that answers for it.
    pub mac: [u8; 6],
    /// This node answers for it now.
    pub answered: bool,
}

/// One row per address.
pub fn render(rows: &[VipRow]) -> String {
    if rows.is_empty() {
        return "  no virtual address\n".to_owned();
    }
    let columns = [
        Column::Right("if"),
        Column::Left("mac"),
        Column::Left("owner"),
        Column::Left("answered"),
        Column::Left("address"),
    ];
    let cells = |row: &VipRow| {
        vec![
            or_dash(row.interface),
            mac(row.mac),
            row.owner.to_owned(),
            if row.answered { "yes" } else { "no" }.to_owned(),
            row.address.to_string(),
        ]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per address.
pub fn json(rows: &[VipRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("address", Json::text(row.address)),
            ("owner", Json::text(row.owner)),
            ("interface", Json::maybe(row.interface, Json::from)),
            ("mac", Json::text(mac(row.mac))),
            ("answered", Json::Bool(row.answered)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_here_and_elsewhere() {
        let virt = VipRow {
            address: "10.1.0.2".parse().unwrap(),
            owner: "virt",
            interface: Some(1),
            mac: [0, 0, 0x5e, 0, 1, 79],
            answered: true,
        };
        let server = VipRow {
            address: "2001:db8::2:4".parse().unwrap(),
            owner: "server",
            interface: None,
            answered: false,
            ..virt.clone()
        };
        assert_eq!(
            render(&[virt, server]),
            "  if mac               owner  answered address
  ---
   1 00:00:5e:00:01:4f virt   yes      10.1.0.2
   - 00:00:5e:00:01:4f server no       2001:db8::2:4
"
        );
        assert_eq!(render(&[]), "  no virtual address\n");
    }
}
