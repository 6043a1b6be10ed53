//! `show pools`

use super::json::Json;
use super::table::{Column, render as table};
use std::net::IpAddr;

/// One of our addresses that translated connections come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolRow {
    /// The address.
    pub address: IpAddr,
    /// Ports of TCP in use.
    pub tcp: u32,
    /// Ports of UDP in use.
    pub udp: u32,
    /// Identifiers of echo requests in use.
    pub echo: u32,
    /// Ports of each protocol that may be taken.
    pub of: u32,
}

/// One row per address.
pub fn render(rows: &[PoolRow]) -> String {
    if rows.is_empty() {
        return "  no address that connections are translated to\n".to_owned();
    }
    let columns = [
        Column::Right("  tcp"),
        Column::Right("  udp"),
        Column::Right(" echo"),
        Column::Right("   of"),
        Column::Left("address"),
    ];
    let cells = |row: &PoolRow| {
        let PoolRow { address, tcp, udp, echo, of } = row;
        vec![tcp.to_string(), udp.to_string(), echo.to_string(), of.to_string(), address.to_string()]
    };
    table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per address.
pub fn json(rows: &[PoolRow]) -> Json {
    Json::list(rows, |row| {
        Json::Object(vec![
            ("address", Json::text(row.address)),
            ("tcp", row.tcp.into()),
            ("udp", row.udp.into()),
            ("echo", row.echo.into()),
            ("of", row.of.into()),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_in_use_beside_how_many_there_are() {
        let row = PoolRow { address: "10.1.0.1".parse().unwrap(), tcp: 1234, udp: 5, echo: 0, of: 64_512 };
        assert_eq!(
            render(&[row]),
            "    tcp   udp  echo    of address
  ---
   1234     5     0 64512 10.1.0.1
"
        );
        assert_eq!(render(&[]), "  no address that connections are translated to\n");
    }
}
