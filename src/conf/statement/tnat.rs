//! `tnat N`

use super::{Arg, Kind, PROTOCOL, Statement};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Tnat, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Tnat, "server", Arg::Index(Kind::Server), "server whose address the flows get"),
    Statement::new(Kind::Tnat, "port", Arg::Number(0, 65535), "port that they come from, 0 for any")
        .default("0"),
    Statement::new(Kind::Tnat, "protocol", Arg::Choice(PROTOCOL), "protocol; any without the statement"),
    Statement::new(Kind::Tnat, "target", Arg::Indices(Kind::Target), "targets that open them")
        .plural("targets"),
];
