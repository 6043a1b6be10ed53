//! `tnat N`

use super::{Arg, Kind, PROTOCOL, Statement};

/// What happens with flows that targets open.
const AS_THEY_ARE: &str = "flows that targets open stay as they are";

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Tnat, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Tnat, "server", Arg::Index(Kind::Server), "server whose address the flows get")
        .kept(AS_THEY_ARE),
    Statement::new(Kind::Tnat, "port", Arg::Number(0, 65535), "port that they come from, 0 for any")
        .default("0")
        .kept(AS_THEY_ARE),
    Statement::new(Kind::Tnat, "protocol", Arg::Choice(PROTOCOL), "protocol; any without the statement")
        .kept(AS_THEY_ARE),
    Statement::new(Kind::Tnat, "target", Arg::Indices(Kind::Target), "targets that open them")
        .plural("targets")
        .kept(AS_THEY_ARE),
];
