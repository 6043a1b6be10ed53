//! `network N`

use super::{Arg, Choice, Kind, Statement};

const NAT: &[Choice] =
    &[Choice::new("inside", "addresses to be translated"), Choice::new("outside", "addresses translated to")];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Network, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Network, "addr", Arg::Ipv4Network, "IPv4 network address").doc("Needs 'mask'."),
    Statement::new(Kind::Network, "mask", Arg::Mask, "IPv4 network mask, such as 255.255.255.0")
        .doc("Needed by 'addr'."),
    Statement::new(Kind::Network, "real", Arg::Ipv4, "this node's own IPv4 address")
        .doc("Health checks and advertisements are sent from it. Each node of a pair has its own."),
    Statement::new(Kind::Network, "virt", Arg::Ipv4, "IPv4 address that the master owns")
        .doc("The same on both nodes of a pair."),
    Statement::new(Kind::Network, "mask6", Arg::Number(0, 128), "IPv6 prefix length")
        .doc("The IPv6 network is the one that 'real6', or else 'virt6', lies in."),
    Statement::new(Kind::Network, "real6", Arg::Ipv6, "this node's own IPv6 address")
        .doc("Health checks are sent from it. Each node of a pair has its own."),
    Statement::new(Kind::Network, "virt6", Arg::Ipv6, "IPv6 address that the master owns")
        .doc("The same on both nodes of a pair."),
    Statement::new(Kind::Network, "nat", Arg::Choice(NAT), "side of address translation")
        .doc(
            "What hosts of inside networks send to hosts that are reached through an outside network leaves with the \
             'virt' address of the outside network, or with 'real' where there is no 'virt'. Servers and their targets \
             need no such statement.",
        ),
    Statement::new(Kind::Network, "syncpeer", Arg::Ipv4, "'real' of the node that shares our sessions")
        .kept("sessions are not told to it"),
    Statement::new(Kind::Network, "syncpeer6", Arg::Ipv6, "'real6' of the node that shares our sessions")
        .kept("sessions are not told to it"),
    Statement::new(Kind::Network, "interface", Arg::Indices(Kind::Interface), "interface the network is on")
        .plural("interfaces")
        .first_only()
        .doc("Required. Several networks may share one interface."),
];
