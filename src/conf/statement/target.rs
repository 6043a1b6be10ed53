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

const TCPOPEN: &str = "Opens a connection and resets it. See 'HEALTH CHECKS'.";

const AGENT: &str = "See bngagent(8) and 'HEALTH CHECKS'.";

const BYTES: &str = "In it '\\xHH' is the byte with the hexadecimal number HH, and '\\r', '\\n', '\\t' and '\\0' are as in C; \
                     a backslash itself is '\\x5c'.";

const DNS_TYPES: &[Choice] = &[
    Choice::new("a", "IPv4 address"),
    Choice::new("aaaa", "IPv6 address"),
    Choice::new("ns", "name servers of a zone"),
    Choice::new("soa", "start of a zone"),
    Choice::new("mx", "mail servers"),
    Choice::new("txt", "text"),
    Choice::new("srv", "service"),
];

const DNS_ANSWERS: &[Choice] = &[
    Choice::new("noerror", "the name exists"),
    Choice::new("nxdomain", "the name does not exist"),
    Choice::new("any", "whatever it says"),
];

const CHECK: &[Choice] = &[
    Choice::new("own", "to the target's own address only"),
    Choice::new("vip", "to the addresses of its servers as well"),
];

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
        .doc(TCPOPEN),
    Statement::new(Kind::Target, "tcpopen6", Arg::PortProbe, "TCP connect check of 'ipaddr6'")
        .doc(TCPOPEN),
    Statement::new(Kind::Target, "ping", Arg::Probe, "echo check of 'ipaddr'")
        .doc("See 'HEALTH CHECKS'."),
    Statement::new(Kind::Target, "ping6", Arg::Probe, "echo check of 'ipaddr6'")
        .doc("See 'HEALTH CHECKS'."),
    Statement::new(Kind::Target, "agent", Arg::PortProbe, "ask the agent at 'ipaddr' for its load")
        .doc(AGENT),
    Statement::new(Kind::Target, "agent6", Arg::PortProbe, "ask the agent at 'ipaddr6' for its load")
        .doc(AGENT),
    Statement::new(Kind::Target, "agentkey", Arg::Text(255), "secret that it shares with its agent")
        .doc(
            "At least 16 bytes; the agent reads the same from a file, see bngagent(8). Requests and replies are \
             authenticated with it: an agent without it, or with another one, counts as silent. It stands in the \
             configuration, and in what 'show' prints of that, as it is: keep the file readable for root only.",
        )
        .ours(),
    Statement::new(Kind::Target, "ascale", Arg::Decimal, "factor of the load that the agent reports")
        .default("1")
        .doc("A load below 0 counts as 0."),
    Statement::new(Kind::Target, "aoffset", Arg::Decimal, "added to the load that the agent reports")
        .default("0")
        .doc("It is added behind the factor."),
    Statement::new(Kind::Target, "http", Arg::PortProbe, "HTTP check of its addresses")
        .doc(
            "Asks for 'httppath' and takes a status code of 'httpstatus' for a good answer. Each address of the \
             target is checked. See 'HEALTH CHECKS'.",
        )
        .ours(),
    Statement::new(Kind::Target, "httppath", Arg::Text(512), "what the HTTP check asks for")
        .default("/")
        .doc("It begins with a slash and has no blanks.")
        .ours(),
    Statement::new(Kind::Target, "httphost", Arg::Text(255), "host that the HTTP check asks for")
        .doc("Without it the address and port that are asked.")
        .ours(),
    Statement::new(Kind::Target, "httpstatus", Arg::Codes, "status codes of a good answer to the HTTP check")
        .default("200-399")
        .ours(),
    Statement::new(Kind::Target, "udp", Arg::PortProbe, "datagram check of its addresses")
        .doc(
            "Sends 'udpsend' and takes an answer that contains 'udpexpect' for a good one. Each address of the target \
             is checked. See 'HEALTH CHECKS'.",
        )
        .ours(),
    Statement::new(Kind::Target, "udpsend", Arg::Text(512), "what the datagram check sends")
        .doc("Nothing without it: an empty datagram.")
        .doc(BYTES)
        .ours(),
    Statement::new(Kind::Target, "udpexpect", Arg::Text(512), "what a good answer to the datagram check contains")
        .doc("Without it every answer is good.")
        .doc(BYTES)
        .ours(),
    Statement::new(Kind::Target, "dns", Arg::PortProbe, "name server check of its addresses")
        .doc(
            "Asks for 'dnsname'. Each address of the target is checked, by UDP. See 'HEALTH CHECKS'.",
        )
        .ours(),
    Statement::new(Kind::Target, "dnsname", Arg::Text(253), "name that the name server check asks for")
        .doc("It is needed with 'dns'; '.' is the root.")
        .ours(),
    Statement::new(Kind::Target, "dnstype", Arg::Choice(DNS_TYPES), "type of record that the name server check asks for")
        .default("a")
        .ours(),
    Statement::new(Kind::Target, "dnsanswer", Arg::Choice(DNS_ANSWERS), "what a good answer to the name server check says")
        .default("noerror")
        .ours(),
    Statement::new(Kind::Target, "check", Arg::Choice(CHECK), "where checks go with direct server return")
        .doc(
            "Only with 'dsr enable' or a tunnel. Without it 'tcpopen', 'http', 'udp' and 'dns' go both ways. See \
             'HEALTH CHECKS'.",
        )
        .ours(),
    Statement::new(Kind::Target, "rise", Arg::Number(1, 1000), "good answers in a row that bring it up again")
        .default("1")
        .doc("Of each check. The first answer of all is always enough.")
        .ours(),
    Statement::new(Kind::Target, "fall", Arg::Number(1, 1000), "failed probes in a row without which it does not go down")
        .default("1")
        .doc("Of each check, beside its timeout.")
        .ours(),
    Statement::new(Kind::Target, "script", Arg::Script, "check by a command")
        .doc(
            "A command with blanks stands in double quotes: 'script \"/usr/local/bin/check -v\",10,30'. The address of \
             the target is its last argument, exit status 0 means healthy; see 'HEALTH CHECKS'.",
        ),
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
        .doc("See 'ALERTS'."),
    Statement::new(Kind::Target, "upalert", Arg::Text(COMMAND_MAX), "script run when it comes up")
        .doc("See 'ALERTS'."),
];
