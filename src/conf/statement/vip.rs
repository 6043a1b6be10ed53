//! `vip N`

use super::{Arg, Kind, Statement};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Vip, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Vip, "ipaddr", Arg::Ipv4, "IPv4 address that the master owns"),
    Statement::new(Kind::Vip, "ipaddr6", Arg::Ipv6, "IPv6 address that the master owns"),
];
