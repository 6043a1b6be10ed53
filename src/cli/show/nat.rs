//! `show nat`

use super::json::Json;
use super::table::{Column, endpoint, render as table};
use std::net::IpAddr;

/// One end of a connection.
pub type End = (IpAddr, u16);

/// A translated connection as one worker knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRow {
    /// Interface of the worker.
    pub interface: u16,
    /// The worker has opened it and decides about its end; else it has a copy, because answers come in here.
    pub owned: bool,
    /// `dnat`, `proxy`, `snat` or `tnat`.
    pub kind: &'static str,
    /// Layer-4 protocol.
    pub protocol: u8,
    /// How far the connection has come, in a word.
    pub state: &'static str,
    /// Server number, 0 for none.
    pub server: u16,
    /// Target number, 0 for none.
    pub target: u16,
    /// Seconds since its last packet.
    pub idle_s: u64,
    /// Seconds since its first packet.
    pub age_s: u64,
    /// Idle seconds after which it ends.
    pub timeout_s: u64,
    /// Who has sent the first packet.
    pub initiator: End,
    /// Whom it was sent to.
    pub responder: End,
    /// Whom it came from when it left us.
    pub from: End,
    /// Whom it went to.
    pub to: End,
}

/// The usual name of a protocol, else its number.
fn protocol(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        58 => "icmp6".to_owned(),
        number => number.to_string(),
    }
}

/// The number of connections, and a row for each in every table that has it.
pub fn render(rows: &[FlowRow]) -> String {
    let owned = rows.iter().filter(|row| row.owned).count();
    let connections = if owned == 1 { "connection" } else { "connections" };
    let heading = format!("{owned} translated {connections}\n");
    if rows.is_empty() {
        return heading;
    }
    let columns = [
        Column::Right("if"),
        Column::Left("has"),
        Column::Left("kind"),
        Column::Left("prot"),
        Column::Left("state"),
        Column::Right("srv"),
        Column::Right("tgt"),
        Column::Right("idle"),
        Column::Right("age"),
        Column::Left("from >to = as it is sent on"),
    ];
    let dash = |number: u16| if number == 0 { "-".to_owned() } else { number.to_string() };
    let end = |(address, port): End| endpoint(address, port);
    let cells = |row: &FlowRow| {
        vec![
            row.interface.to_string(),
            if row.owned { "own" } else { "copy" }.to_owned(),
            row.kind.to_owned(),
            protocol(row.protocol),
            row.state.to_owned(),
            dash(row.server),
            dash(row.target),
            row.idle_s.to_string(),
            row.age_s.to_string(),
            format!("{} >{} ={} >{}", end(row.initiator), end(row.responder), end(row.from), end(row.to)),
        ]
    };
    heading + &table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per row.
pub fn json(rows: &[FlowRow]) -> Json {
    let end =
        |(address, port): End| Json::Object(vec![("address", Json::text(address)), ("port", port.into())]);
    Json::list(rows, |row| {
        Json::Object(vec![
            ("interface", row.interface.into()),
            ("owned", Json::Bool(row.owned)),
            ("kind", Json::text(row.kind)),
            ("protocol", row.protocol.into()),
            ("state", Json::text(row.state)),
            ("server", Json::maybe((row.server != 0).then_some(row.server), Json::from)),
            ("target", Json::maybe((row.target != 0).then_some(row.target), Json::from)),
            ("idle_s", row.idle_s.into()),
            ("age_s", row.age_s.into()),
            ("timeout_s", row.timeout_s.into()),
            ("initiator", end(row.initiator)),
            ("responder", end(row.responder)),
            ("from", end(row.from)),
            ("to", end(row.to)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::super::table::WIDTH;
    use super::*;

    fn end(address: &str, port: u16) -> End {
        (address.parse().unwrap(), port)
    }

    fn row() -> FlowRow {
        FlowRow {
            interface: 1,
            owned: true,
            kind: "dnat",
            protocol: 6,
            state: "open",
            server: 1,
            target: 2,
            idle_s: 3,
            age_s: 62,
            timeout_s: 600,
            initiator: end("192.0.2.7", 40000),
            responder: end("10.0.0.100", 80),
            from: end("192.0.2.7", 40000),
            to: end("10.1.0.12", 8080),
        }
    }

    #[test]
    fn a_connection_with_its_copy_counts_once() {
        assert_eq!(render(&[]), "0 translated connections\n");
        let copy = FlowRow { interface: 2, owned: false, ..row() };
        assert_eq!(
            render(&[row(), copy]),
            "1 translated connection
  if has  kind prot state srv tgt idle age from >to = as it is sent on
  ---
   1 own  dnat tcp  open    1   2    3  62 192.0.2.7:40000 >10.0.0.100:80
                                           =192.0.2.7:40000 >10.1.0.12:8080
   2 copy dnat tcp  open    1   2    3  62 192.0.2.7:40000 >10.0.0.100:80
                                           =192.0.2.7:40000 >10.1.0.12:8080
"
        );
    }

    #[test]
    fn the_longest_addresses_fit_the_screen() {
        let long = end("2001:db8:1111:2222:3333:4444:5555:6666", 65535);
        let row = FlowRow {
            kind: "snat",
            protocol: 17,
            server: 0,
            target: 0,
            age_s: 99_999_999,
            initiator: long,
            responder: long,
            from: long,
            to: long,
            ..row()
        };
        let text = render(&[row]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn programs_get_the_ends_apart() {
        let text = json(&[FlowRow { server: 0, ..row() }]).to_string();
        assert!(text.contains(r#""server":null,"target":2"#), "{text}");
        assert!(text.contains(r#""to":{"address":"10.1.0.12","port":8080}"#), "{text}");
    }
}
