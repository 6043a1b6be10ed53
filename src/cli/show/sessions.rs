//! `show sessions`

use super::json::Json;
use super::table::{Column, endpoint, render as table};
use std::net::IpAddr;

/// Whether the peer node knows a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// There is no peer.
    NoPeer,
    /// Not yet acknowledged.
    No,
    /// Acknowledged.
    Yes,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Server number.
    pub server: u16,
    /// Target number.
    pub target: u16,
    /// Seconds since it was created.
    pub age_s: u64,
    /// Idle seconds until it is removed.
    pub timeout_s: u64,
    /// The same after the end of the connection was seen; 0 is off.
    pub ftimeout_s: u64,
    /// State of its replication.
    pub sync: Sync,
    /// Address of the identity.
    pub address: IpAddr,
    /// Port of the identity, 0 when it is not part of it.
    pub port: u16,
    /// Why it went to its target: the method, `moved` or `consistent`.
    pub why: &'static str,
}

/// The count, and a table when there is something to list. Behind the id stands why a session is where it is, unless round
/// robin is why.
pub fn render(rows: &[SessionRow]) -> String {
    let heading = match rows.len() {
        1 => "1 session\n".to_owned(),
        n => format!("{n} sessions\n"),
    };
    if rows.is_empty() {
        return heading;
    }
    let columns = [
        Column::Right("srv"),
        Column::Right("tgt"),
        Column::Right(" age"),
        Column::Right("timeout"),
        Column::Right("ftimeout"),
        Column::Right("SYNC"),
        Column::Left("session-id"),
    ];
    let cells = |row: &SessionRow| {
        let sync = match row.sync {
            Sync::NoPeer => "-",
            Sync::No => "no",
            Sync::Yes => "yes",
        };
        let why = if row.why == "rr" { String::new() } else { format!(" ({})", row.why) };
        vec![
            row.server.to_string(),
            row.target.to_string(),
            row.age_s.to_string(),
            row.timeout_s.to_string(),
            row.ftimeout_s.to_string(),
            sync.to_owned(),
            endpoint(row.address, row.port) + &why,
        ]
    };
    heading + &table(&columns, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// The same as one object per session.
pub fn json(rows: &[SessionRow]) -> Json {
    Json::list(rows, |row| {
        let sync = match row.sync {
            Sync::NoPeer => Json::Null,
            Sync::No => Json::Bool(false),
            Sync::Yes => Json::Bool(true),
        };
        Json::Object(vec![
            ("server", row.server.into()),
            ("target", row.target.into()),
            ("age_s", row.age_s.into()),
            ("timeout_s", row.timeout_s.into()),
            ("ftimeout_s", row.ftimeout_s.into()),
            ("sync", sync),
            ("address", Json::text(row.address)),
            ("port", row.port.into()),
            ("why", Json::text(row.why)),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> SessionRow {
        SessionRow {
            server: 1,
            target: 1,
            age_s: 62,
            timeout_s: 600,
            ftimeout_s: 0,
            sync: Sync::NoPeer,
            address: "172.17.2.92".parse().unwrap(),
            port: 0,
            why: "rr",
        }
    }

    #[test]
    fn no_session_is_one_line() {
        assert_eq!(render(&[]), "0 sessions\n");
    }

    #[test]
    fn one_session_has_the_known_header() {
        assert_eq!(
            render(&[row()]),
            "1 session
  srv tgt  age timeout ftimeout SYNC session-id
  ---
    1   1   62     600        0    - 172.17.2.92:0
"
        );
    }

    #[test]
    fn behind_the_id_stands_why_a_session_is_where_it_is() {
        let rows = [SessionRow { why: "moved", ..row() }, SessionRow { why: "maglev", ..row() }];
        let text = render(&rows);
        assert!(text.contains("172.17.2.92:0 (moved)") && text.contains("172.17.2.92:0 (maglev)"), "{text}");
    }

    #[test]
    fn the_largest_values_fit_the_screen() {
        let long = SessionRow {
            server: 512,
            target: 1024,
            age_s: 99_999_999,
            timeout_s: 86_400,
            ftimeout_s: 86_400,
            sync: Sync::Yes,
            address: "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(),
            port: 65535,
            why: "rr",
        };
        assert_eq!(
            render(&[row(), long]),
            "2 sessions
  srv  tgt      age timeout ftimeout SYNC session-id
  ---
    1    1       62     600        0    - 172.17.2.92:0
  512 1024 99999999   86400    86400  yes
                                  [2001:db8:1111:2222:3333:4444:5555:6666]:65535
"
        );
    }
}
