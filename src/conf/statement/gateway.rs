//! `gateway`

use super::{Arg, COMMAND_MAX, Kind, Statement};

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Gateway, "ipaddr", Arg::Ipv4, "IPv4 address of the next hop")
        .doc("This or 'ipaddr6' is required."),
    Statement::new(Kind::Gateway, "ipaddr6", Arg::Ipv6, "IPv6 address of the next hop"),
    Statement::new(
        Kind::Gateway,
        "ping",
        Arg::Probe,
        "echo check of 'ipaddr': interval and timeout in seconds",
    ),
    Statement::new(
        Kind::Gateway,
        "ping6",
        Arg::Probe,
        "echo check of 'ipaddr6': interval and timeout in seconds",
    ),
    Statement::new(
        Kind::Gateway,
        "arp",
        Arg::Probe,
        "ARP check of 'ipaddr': interval and timeout in seconds",
    ),
    Statement::new(
        Kind::Gateway,
        "trackval",
        Arg::Number(0, 255),
        "taken from the priority while it is down",
    )
    .default("0")
    .kept("the priority stays"),
    Statement::new(Kind::Gateway, "alert", Arg::Text(COMMAND_MAX), "script run when it goes down")
        .doc("See 'ALERTS'."),
    Statement::new(Kind::Gateway, "upalert", Arg::Text(COMMAND_MAX), "script run when it comes up")
        .doc("See 'ALERTS'."),
];
