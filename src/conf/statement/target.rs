//! `target N`

use super::{Arg, COMMAND_MAX, Choice, Kind, PROTOCOL, Statement};

const TUNNEL: &[Choice] = &[
    Choice::new("ipip", "IP in IP"),
    Choice::new("gue", "generic UDP encapsulation, port 6080"),
    Choice::new("gre", "generic routing encapsulation"),
];

const STATE: &[Choice] = &[
    Choice::new("active", "it does"),
    Choice::new("drain", "it keeps its sessions and gets no new ones"),
    Choice::new("maintenance", "the same, and it is reported apart"),
];

/// What happens with a check that this version does not do.
const PASSED: &str = "the check counts as passed";

/// Where the address of a target may lie.
const IN_A_NETWORK: &str = "With direct server return it must lie in one of the networks.";

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Target, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Target, "ipaddr", Arg::Ipv4, "IPv4 address of the real server")
        .doc(IN_A_NETWORK),
    Statement::new(Kind::Target, "ipaddr6", Arg::Ipv6, "IPv6 address of the real server")
        .doc(IN_A_NETWORK),
    Statement::new(Kind::Target, "via", Arg::Host, "next hop on the way to it, IPv4 or IPv6"),
    Statement::new(Kind::Target, "port", Arg::Number(0, 65535), "port, 0 for the port of the server")
        .default("0")
        .doc("With 'dsr enable' it cannot differ from the port of the server."),
    Statement::new(Kind::Target, "protocol", Arg::Choice(PROTOCOL), "protocol; without it that of the server")
        .doc("It must be that of the server."),
    Statement::new(Kind::Target, "tcpopen", Arg::PortProbe, "TCP connect check of 'ipaddr'")
        .kept(PASSED),
    Statement::new(Kind::Target, "tcpopen6", Arg::PortProbe, "TCP connect check of 'ipaddr6'")
        .kept(PASSED),
    Statement::new(Kind::Target, "ping", Arg::Probe, "echo check of 'ipaddr'")
        .doc("See 'HEALTH CHECKS'."),
    Statement::new(Kind::Target, "ping6", Arg::Probe, "echo check of 'ipaddr6'")
        .doc("See 'HEALTH CHECKS'."),
    Statement::new(Kind::Target, "agent", Arg::PortProbe, "ask the agent at 'ipaddr' for its load")
        .kept(PASSED),
    Statement::new(Kind::Target, "agent6", Arg::PortProbe, "ask the agent at 'ipaddr6' for its load")
        .kept(PASSED),
    Statement::new(Kind::Target, "ascale", Arg::Decimal, "factor of the load that the agent reports")
        .default("1")
        .kept("no load is known"),
    Statement::new(Kind::Target, "aoffset", Arg::Decimal, "added to the load that the agent reports")
        .default("0")
        .kept("no load is known"),
    Statement::new(Kind::Target, "script", Arg::Script, "check by a command")
        .kept(PASSED)
        .doc("A command with blanks stands in double quotes: 'script \"/usr/local/bin/check -v\",10,30'."),
    Statement::new(Kind::Target, "dsr", Arg::Switch, "direct server return: answers bypass the balancer")
        .default("disable")
        .doc("The target must hold the server's address and must not answer ARP for it; see 'FORWARDING' and bng-dsr(7)."),
    Statement::new(Kind::Target, "tunnel", Arg::Choice(TUNNEL), "direct server return through a tunnel")
        .doc(
            "For targets behind routers. The target takes the packet out of the tunnel and answers the client by \
             itself, so it needs the server's address on its loopback interface.",
        )
        .ours(),
    Statement::new(Kind::Target, "weight", Arg::Number(1, 65535), "share of new sessions among the targets")
        .default("1")
        .doc("There is no weight 0: 'state drain' takes new sessions away.")
        ,
    Statement::new(Kind::Target, "state", Arg::Choice(STATE), "whether it takes new sessions when it is enabled")
        .default("active")
        .doc("See 'STATES OF TARGETS'.")
        .ours(),
    Statement::new(Kind::Target, "slowstart", Arg::Number(0, 86_400), "seconds in which its share grows once it is up, 0 for none")
        .default("0")
        .doc("See 'STATES OF TARGETS'.")
        .ours(),
    Statement::new(Kind::Target, "lgrp", Arg::Indices(Kind::Lgrp), "location groups that it takes clients of")
        .doc(
            "Clients whose location is in one of these groups are sent to this target and others with such a group; \
             all other clients to targets without 'lgrp'. See 'LOCATION' for what happens when they are down.",
        ),
    Statement::new(Kind::Target, "maxsessions", Arg::Number(0, u32::MAX), "most sessions, 0 for no limit")
        .default("0")
        .doc("It gets no new sessions while it has so many. See 'METHODS'."),
    Statement::new(Kind::Target, "maxgrpsessions", Arg::Number(0, u32::MAX), "most sessions of a group, 0 for no limit")
        .default("0")
        .kept("there is no limit"),
    Statement::new(Kind::Target, "autodisable", Arg::Number(0, 65535), "failures after which it is disabled, 0 for never")
        .default("0")
        .doc("It stays disabled until 'disable' and 'enable' are said. See 'STATES OF TARGETS'."),
    Statement::new(Kind::Target, "trackval", Arg::Number(0, 255), "taken from the priority while it is down")
        .default("0")
        .kept("the priority stays"),
    Statement::new(Kind::Target, "alert", Arg::Text(COMMAND_MAX), "script run when it goes down")
        .kept("no script is run"),
    Statement::new(Kind::Target, "upalert", Arg::Text(COMMAND_MAX), "script run when it comes up")
        .kept("no script is run"),
];
