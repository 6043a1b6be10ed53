//! `server N`

use super::{Arg, Choice, IDLE_MAX, Kind, PROTOCOL, Statement};

const METHOD: &[Choice] = &[
    Choice::new("rr", "round robin: targets take turns, as often as their weights say"),
    Choice::new("random", "at random, by weight"),
    Choice::new("hash", "by a consistent hash of the client's network, see 'set hashbits'"),
    Choice::new("maglev", "by a consistent hash of what tells sessions apart"),
    Choice::new("first", "the first target of the list that is up"),
    Choice::new("session", "the target with the fewest sessions for its weight"),
    Choice::new("bw", "the target with the least traffic for its weight"),
    Choice::new("agent", "the target whose agent reports the lowest load for its weight"),
    Choice::new("rndagent", "at random, the less the more load is reported"),
    Choice::new("rndsession", "at random, the less the more sessions"),
    Choice::new("rndbw", "at random, the less the more traffic"),
];

/// Most names that one server answers DNS queries for.
const GSLB_NAMES_MAX: usize = 64;
/// Most name servers of a zone.
const GSLB_NS_MAX: usize = 4;

/// Most addresses that one server sends from.
const PROXIES_MAX: usize = 16;

const SESSIONID: &[Choice] = &[
    Choice::new("src", "client address"),
    Choice::new("src+port", "client address and port"),
    Choice::new("dst", "destination address: all its clients share a session"),
    Choice::new("both", "client and destination address"),
    Choice::new("both+port", "client address and port, and destination address"),
    Choice::kept("sip", "SIP call", "src is used"),
    Choice::kept("at", "SIP user", "src is used"),
];

pub(super) const STATEMENTS: &[Statement] = &[
    Statement::new(Kind::Server, "name", Arg::Text(255), "description"),
    Statement::new(Kind::Server, "ipaddr", Arg::Ipv4, "IPv4 address that clients connect to"),
    Statement::new(Kind::Server, "ipaddr6", Arg::Ipv6, "IPv6 address that clients connect to"),
    Statement::new(Kind::Server, "sessionid", Arg::Choice(SESSIONID), "what tells sessions apart")
        .default("src")
        .doc("See 'SESSIONS'. The original may not accept 'dst', 'both' and 'both+port'."),
    Statement::new(Kind::Server, "port", Arg::Ports, "port that clients connect to, 0 for any")
        .plural("ports")
        .default("0")
        .doc("Several ports share their sessions: a client that comes to two of them is sent to one target."),
    Statement::new(Kind::Server, "protocol", Arg::Choice(PROTOCOL), "protocol; any without the statement"),
    Statement::new(Kind::Server, "method", Arg::Choice(METHOD), "how a new session is given to a target")
        .default("rr")
        .doc("See 'METHODS'. The original may not accept 'maglev', 'rndsession' and 'rndbw'."),
    Statement::new(Kind::Server, "stimeout", Arg::Number(1, IDLE_MAX), "idle seconds until a session ends")
        .default("600")
        .doc("A session keeps the value with which it was created."),
    Statement::new(
        Kind::Server,
        "ftimeout",
        Arg::Number(0, IDLE_MAX),
        "idle seconds until a closed session ends, 0 for no difference",
    )
    .default("0")
    .doc(
        "A session has been closed when FIN or RST was seen from both sides, with 'dsr enable' from the client. With 0 \
         'stimeout' holds for closed sessions too.",
    ),
    Statement::new(Kind::Server, "onepacket", Arg::Switch, "each datagram of UDP gets a target of its own")
        .default("disable")
        .doc(
            "No session is kept for UDP. It is for protocols of one question and one answer, such as DNS. A datagram in \
             fragments goes to the target that follows from the client alone.",
        )
        .ours(),
    Statement::new(
        Kind::Server,
        "proxy",
        Arg::Switch,
        "send as this node, so that answers come back through it",
    )
    .default("disable")
    .doc("Targets need no route to the clients; they see the proxy's address. Not for targets with 'dsr' or 'tunnel'."),
    Statement::new(Kind::Server, "prx", Arg::Ipv4s(PROXIES_MAX), "IPv4 addresses that it sends from, not 'ipaddr'")
        .doc(
            "The 'virt' address of the targets' network is the usual choice. With several addresses the next one is \
             used when all ports of one are taken; the original takes one only.",
        ),
    Statement::new(Kind::Server, "prx6", Arg::Ipv6s(PROXIES_MAX), "IPv6 addresses that it sends from, not 'ipaddr6'"),
    Statement::new(Kind::Server, "snat", Arg::Switch, "older name of 'proxy'")
        .default("disable"),
    Statement::new(Kind::Server, "gslb", Arg::Switch, "answer DNS queries with the address of a target")
        .default("disable")
        .doc(
            "The server answers DNS over UDP by itself, and forwards nothing; see 'GSLB'. 'port 53' and 'protocol udp' \
             belong to it. Its targets are the addresses that are handed out.",
        ),
    Statement::new(
        Kind::Server,
        "gslbttl",
        Arg::Number(0, 2_147_483_647),
        "seconds that such an answer holds",
    )
    .default("10")
    .doc("Negative answers, and those about the zone itself, hold as long."),
    Statement::new(Kind::Server, "gslbname", Arg::Domains(GSLB_NAMES_MAX), "names that are answered with a target")
        .doc("Without one, every query is refused. Each name is a zone of its own unless there is a 'gslbzone'.")
        .ours(),
    Statement::new(Kind::Server, "gslbzone", Arg::Domains(1), "zone that its names lie in")
        .doc("The name that is delegated to this server. All of 'gslbname' must be it, or lie below it.")
        .ours(),
    Statement::new(Kind::Server, "gslbns", Arg::Domains(GSLB_NS_MAX), "names of the zone's name servers")
        .doc(
            "As the zone above delegates to them, which also has their addresses: they must not lie in a zone that is \
             answered here. Without the statement, the zone has one name server, 'ns' below the zone, with the \
             addresses of this server.",
        )
        .ours(),
    Statement::new(Kind::Server, "target", Arg::Indices(Kind::Target), "targets that share the load")
        .plural("targets"),
    Statement::new(
        Kind::Server,
        "backup",
        Arg::Indices(Kind::Target),
        "targets for when all others are down",
    )
    .plural("backups")
    .doc("None of them can be in 'targets'. See 'METHODS'."),
];
