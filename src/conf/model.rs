//! The typed configuration: what the statements mean, defaults filled in, references checked.
//!
//! The engine and the director read only this; they never see words or tokens.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub use super::ports::Ports;
use crate::wire::dns::OwnedName;

/// One stage of the packet chain, a word of the `modules` statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Module {
    /// VRRP advertisements.
    Vrrp,
    /// ARP and neighbour discovery.
    Arp,
    /// ICMP echo to our own addresses.
    Ping,
    /// Answers to health checks.
    Hc,
    /// Gate: nothing passes on a backup node.
    Master,
    /// Server load balancing.
    Slb,
    /// Flows opened by targets.
    Tnat,
    /// Source NAT from inside to outside.
    Nat,
    /// Routing between networks.
    Rt,
    /// Takes the frames of a benchmark.
    Benchmark,
}

/// How the frames of an interface are read and written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// The best door that the interface offers.
    #[default]
    Auto,
    /// AF_PACKET rings on Linux, libpcap or libdlpi on Solaris and illumos.
    Raw,
    /// A TAP device that bng makes, or what the system has in its place.
    Tap,
    /// libpcap.
    Pcap,
    /// libdlpi.
    Dlpi,
}

/// `interface N`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Device name.
    pub name: String,
    /// Door.
    pub access: Access,
    /// Shell command run when the device exists.
    pub init: Option<String>,
    /// Worker threads, at least 1.
    pub threads: u16,
    /// Run when its link is lost and comes back.
    pub alerts: Alerts,
    /// Registered and enabled: the interface is opened.
    pub active: bool,
}

/// Commands that are run when something goes down or comes up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alerts {
    /// `alert`
    pub down: Option<String>,
    /// `upalert`
    pub up: Option<String>,
}

/// An IPv4 subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet4 {
    /// Network address (`addr`).
    pub addr: Ipv4Addr,
    /// Prefix length of `mask`, 0 to 32.
    pub prefix: u8,
}

/// `network N`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Description.
    pub name: Option<String>,
    /// `addr` and `mask`, when both are there.
    pub subnet4: Option<Subnet4>,
    /// The node's own IPv4 address.
    pub real: Option<Ipv4Addr>,
    /// IPv4 address owned by the master.
    pub virt: Option<Ipv4Addr>,
    /// Prefix length of the IPv6 network, which `real6` or `virt6` lies in; 0 to 128.
    pub mask6: Option<u8>,
    /// The node's own IPv6 address.
    pub real6: Option<Ipv6Addr>,
    /// IPv6 address owned by the master.
    pub virt6: Option<Ipv6Addr>,
    /// Role in address translation.
    pub nat: Option<Side>,
    /// Interface number.
    pub interface: u16,
    /// Registered and enabled, and so is its interface.
    pub active: bool,
}

/// `vrrp`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vrrp {
    /// Virtual router id, 1 to 255.
    pub vrid: u8,
    /// Priority, 1 to 255; 255 owns the addresses.
    pub priority: u8,
    /// Network that carries the advertisements.
    pub network: u16,
}

/// A check repeated every `interval` that fails after `timeout` without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Time between probes.
    pub interval: Duration,
    /// Time without an answer after which the object is down.
    pub timeout: Duration,
}

/// A check by HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// Port.
    pub port: u16,
    /// Interval and timeout.
    pub probe: Probe,
    /// What is asked for, from the first slash on.
    pub path: String,
    /// Host that is asked for; the address without.
    pub host: Option<String>,
    /// Status codes of a good answer.
    pub status: Ports,
}

/// A check by a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Udp {
    /// Port.
    pub port: u16,
    /// Interval and timeout.
    pub probe: Probe,
    /// What is sent.
    pub send: Vec<u8>,
    /// What a good answer contains.
    pub expect: Vec<u8>,
}

/// A check of a name server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dns {
    /// Port.
    pub port: u16,
    /// Interval and timeout.
    pub probe: Probe,
    /// Name that is asked for, labels of at most 63 bytes.
    pub name: String,
    /// Type of record.
    pub kind: u16,
    /// Response code of a good answer; `None` for any.
    pub rcode: Option<u8>,
}

/// Side of a network in address translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Its hosts are translated when they send to an outside network.
    Inside,
    /// Its address is what they are translated to.
    Outside,
}

/// `gateway`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gateway {
    /// IPv4 next hop.
    pub ipaddr: Option<Ipv4Addr>,
    /// IPv6 next hop.
    pub ipaddr6: Option<Ipv6Addr>,
    /// ICMP echo check of `ipaddr`.
    pub ping: Option<Probe>,
    /// ICMPv6 echo check of `ipaddr6`.
    pub ping6: Option<Probe>,
    /// ARP check of `ipaddr`.
    pub arp: Option<Probe>,
    /// Run when it goes down and comes up.
    pub alerts: Alerts,
}

/// Protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// How a new session is given to a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// Round robin, by weight.
    #[default]
    Rr,
    /// At random, by weight.
    Random,
    /// By a consistent hash of the client's network.
    Hash,
    /// By a consistent hash of what tells sessions apart.
    Maglev,
    /// The first of the list.
    First,
    /// The fewest sessions for its weight.
    Session,
    /// The least traffic for its weight.
    Bw,
    /// The lowest load for its weight, as agents tell it.
    Agent,
    /// At random, the less the more loaded.
    RndAgent,
    /// At random, the less the more sessions.
    RndSession,
    /// At random, the less the more traffic.
    RndBw,
}

impl Method {
    /// Every method with its word.
    pub const ALL: [(&'static str, Self); 11] = [
        ("rr", Self::Rr),
        ("random", Self::Random),
        ("hash", Self::Hash),
        ("maglev", Self::Maglev),
        ("first", Self::First),
        ("session", Self::Session),
        ("bw", Self::Bw),
        ("agent", Self::Agent),
        ("rndagent", Self::RndAgent),
        ("rndsession", Self::RndSession),
        ("rndbw", Self::RndBw),
    ];

    /// It compares what targets have to do.
    pub fn compares_loads(self) -> bool {
        match self {
            Self::Rr | Self::Random | Self::Hash | Self::Maglev | Self::First => false,
            Self::Session | Self::Bw | Self::Agent | Self::RndAgent | Self::RndSession | Self::RndBw => true,
        }
    }
}

/// Whether an enabled target takes new sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// It does.
    #[default]
    Active,
    /// It keeps its sessions and gets no new ones.
    Drain,
    /// The same, because somebody works on it.
    Maintenance,
}

/// What identifies a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionId {
    /// Client address.
    #[default]
    Src,
    /// Client address and port.
    SrcPort,
    /// Destination address.
    Dst,
    /// Client and destination address.
    Both,
    /// Client address and port, destination address.
    BothPort,
}

/// Source addresses that a server sends to its targets from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxy {
    /// IPv4, at least one when the server has an IPv4 address.
    pub v4: Vec<Ipv4Addr>,
    /// IPv6, at least one when the server has an IPv6 address.
    pub v6: Vec<Ipv6Addr>,
}

/// `server N`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// Description.
    pub name: Option<String>,
    /// Virtual IPv4 address.
    pub ipaddr: Option<Ipv4Addr>,
    /// Virtual IPv6 address.
    pub ipaddr6: Option<Ipv6Addr>,
    /// Ports; sessions are shared among them.
    pub ports: Ports,
    /// Protocol, `None` for any.
    pub protocol: Option<Protocol>,
    /// Target numbers in the order given.
    pub targets: Vec<u16>,
    /// Targets that are used when none of the others can take a session, in the order given.
    pub backups: Vec<u16>,
    /// Distribution method.
    pub method: Method,
    /// Session identity.
    pub sessionid: SessionId,
    /// Idle time after which a session is removed.
    pub stimeout: Duration,
    /// The same once a session was closed; `None` when that makes no difference.
    pub ftimeout: Option<Duration>,
    /// Every datagram of UDP gets a target of its own; no session is kept.
    pub onepacket: bool,
    /// Both addresses of a packet are translated: answers come back here.
    pub proxy: Option<Proxy>,
    /// It answers DNS queries by itself.
    pub gslb: Option<Gslb>,
    /// Registered: its addresses are answered.
    pub registered: bool,
    /// Registered and enabled: it takes traffic.
    pub active: bool,
}

/// What a server answers DNS queries with: addresses of its targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gslb {
    /// Seconds that an answer holds.
    pub ttl: u32,
    /// Names that have the address of a target.
    pub names: Vec<OwnedName>,
    /// The zone of all of them; without it, each is its own.
    pub zone: Option<OwnedName>,
    /// Name servers of the zone; when empty, this server under the name `ns` below the zone.
    pub ns: Vec<OwnedName>,
}

impl Gslb {
    /// Label of the name server below a zone without `gslbns`.
    pub const NS: &'static str = "ns";
}

/// How packets reach a target behind routers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tunnel {
    /// IP in IP (RFC 2003, RFC 2473, RFC 4213).
    Ipip,
    /// Generic UDP encapsulation (draft-ietf-intarea-gue), variant 0.
    Gue,
    /// Generic routing encapsulation (RFC 2784).
    Gre,
}

/// `target N`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Description.
    pub name: Option<String>,
    /// IPv4 address.
    pub ipaddr: Option<Ipv4Addr>,
    /// IPv6 address.
    pub ipaddr6: Option<Ipv6Addr>,
    /// Port, 0 for the server's.
    pub port: u16,
    /// Protocol, `None` for the server's.
    pub protocol: Option<Protocol>,
    /// ICMP echo check of `ipaddr`.
    pub ping: Option<Probe>,
    /// ICMPv6 echo check of `ipaddr6`.
    pub ping6: Option<Probe>,
    /// TCP connect check of `ipaddr`: port and times.
    pub tcpopen: Option<(u16, Probe)>,
    /// Check by a command: its text and times.
    pub script: Option<(String, Probe)>,
    /// Run when it goes down and comes up.
    pub alerts: Alerts,
    /// TCP connect check of `ipaddr6`.
    pub tcpopen6: Option<(u16, Probe)>,
    /// The agent at `ipaddr`.
    pub agent: Option<(u16, Probe)>,
    /// The agent at `ipaddr6`.
    pub agent6: Option<(u16, Probe)>,
    /// Factor of the load that the agent tells, in thousandths.
    pub ascale: i64,
    /// Added to that load, in thousandths.
    pub aoffset: i64,
    /// Check by HTTP of each address.
    pub http: Option<Http>,
    /// Check by a datagram of each address.
    pub udp: Option<Udp>,
    /// Check of a name server at each address.
    pub dns: Option<Dns>,
    /// Whether checks go through the addresses of servers too; where direct server return is used if it is not said.
    pub check_vip: Option<bool>,
    /// Good answers in a row that bring it up again, at least 1.
    pub rise: u32,
    /// Failed probes in a row without which it does not go down, at least 1.
    pub fall: u32,
    /// Secret shared with the agent: requests and replies are authenticated.
    pub agentkey: Option<String>,
    /// Direct server return.
    pub dsr: bool,
    /// Direct server return through a tunnel.
    pub tunnel: Option<Tunnel>,
    /// Next hop on the way to it, where the networks and the gateway do not tell.
    pub via: Option<IpAddr>,
    /// Location groups whose clients it takes; when empty, those of no group that matters.
    pub lgrps: Vec<u16>,
    /// Share of new sessions among the targets of a server, at least 1; 0 in a target that was not read from text stands
    /// for 1.
    pub weight: u32,
    /// Most sessions, 0 for no limit.
    pub maxsessions: u32,
    /// Failures after which it is disabled, 0 for never.
    pub autodisable: u32,
    /// Time in which its share grows after it has come up; zero for all of it at once.
    pub slowstart: Duration,
    /// Whether it takes new sessions when it is enabled.
    pub state: State,
    /// Registered: checks run.
    pub registered: bool,
    /// Registered and enabled: it takes new sessions.
    pub active: bool,
}

/// `vip N`: an address of the master that is no server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vip {
    /// IPv4 address.
    pub ipaddr: Option<Ipv4Addr>,
    /// IPv6 address.
    pub ipaddr6: Option<Ipv6Addr>,
    /// Registered and enabled: it is answered for.
    pub active: bool,
}

/// `tnat N`: flows that targets open leave with the address of their server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tnat {
    /// Server whose identity they get.
    pub server: u16,
    /// Source port of such flows, 0 for any.
    pub port: u16,
    /// Protocol, `None` for any.
    pub protocol: Option<Protocol>,
    /// Targets that open them.
    pub targets: Vec<u16>,
    /// Registered and enabled.
    pub active: bool,
}

/// Parameters of the packet path: `set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tuning {
    /// Most sessions, and most translated connections, of one worker and family.
    pub maxsessions: u32,
    /// New sessions per second of one worker above which no more are stored; 0 for no limit.
    pub synrate: u32,
    /// Segments of connections through a tunnel are kept small enough for it.
    pub mssclamp: bool,
    /// Source addresses of IPv4 tunnels, one per flow; the node's own when empty.
    pub tunnelsrc: Vec<Ipv4Addr>,
    /// Source addresses of IPv6 tunnels.
    pub tunnelsrc6: Vec<Ipv6Addr>,
    /// Rows of the tables of consistent choices; the next prime is used.
    pub maglevsize: u32,
    /// Leading bits of the client address for `method hash`, 0 to 128.
    pub hashbits: u8,
    /// Ports of our addresses that translated connections of TCP and UDP come from, none below 1024.
    pub natports: Ports,
    /// Idle time of a translation.
    pub gnatdefaultto: Duration,
    /// Idle time of the translation of a DNS query.
    pub gnatdnsto: Duration,
}

/// What holds without any `set` statement.
impl Default for Tuning {
    fn default() -> Self {
        Self {
            maxsessions: 1 << 20,
            synrate: 0,
            mssclamp: false,
            tunnelsrc: Vec::new(),
            tunnelsrc6: Vec::new(),
            maglevsize: 65_537,
            hashbits: 24,
            natports: Ports::default(),
            gnatdefaultto: Duration::from_secs(600),
            gnatdnsto: Duration::from_secs(15),
        }
    }
}

/// Facility of messages to syslog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Facility {
    /// System daemons.
    #[default]
    Daemon,
    /// Programs of users.
    User,
    /// Local use, 0 to 7.
    Local(u8),
}

/// Limits of a packet dump, where `dump start` does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DumpLimits {
    /// `set dumprotation`: files, at least 1.
    pub files: u32,
    /// `set dumprotsiz`: size of each in megabytes of 1,000,000 bytes, at least 1.
    pub megabytes: u32,
}

impl Default for DumpLimits {
    fn default() -> Self {
        Self { files: 4, megabytes: 10 }
    }
}

/// What a benchmark is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchmarkPlan {
    /// `set bmduration`: how long frames are sent, whole seconds.
    pub duration: Duration,
    /// `set bmpsize`: length of a frame in bytes without FCS, 60 to 9014.
    pub packet_size: u16,
    /// `set bmwsize`: most frames under way at a time, at least 1.
    pub window: u16,
}

impl Default for BenchmarkPlan {
    fn default() -> Self {
        Self { duration: Duration::from_secs(300), packet_size: 1514, window: 16 }
    }
}

/// The whole configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Node name; replaces `bng` in the prompt.
    pub hostname: Option<String>,
    /// Packet chain in processing order.
    pub modules: Vec<Module>,
    /// `set localdsr`
    pub localdsr: bool,
    /// `set ipforwarding`
    pub ipforwarding: bool,
    /// `set backupalerts`
    pub backupalerts: bool,
    /// Parameters of the packet path.
    pub tuning: Tuning,
    /// `set syslogfacility`
    pub syslogfacility: Facility,
    /// `set dumprotation` and `set dumprotsiz`
    pub dump: DumpLimits,
    /// `set bmduration`, `set bmpsize` and `set bmwsize`
    pub benchmark: BenchmarkPlan,
    /// File that tells the location of IPv4 addresses.
    pub ipdb: Option<String>,
    /// The same of IPv6 addresses.
    pub ipdb6: Option<String>,
    /// Location groups by number: codes in small letters.
    pub lgrps: BTreeMap<u16, Vec<String>>,
    /// Interfaces by number.
    pub interfaces: BTreeMap<u16, Interface>,
    /// Networks by number.
    pub networks: BTreeMap<u16, Network>,
    /// VRRP; `None` means this node is always master.
    pub vrrp: Option<Vrrp>,
    /// Default next hop.
    pub gateway: Option<Gateway>,
    /// Servers by number, 1 to 512.
    pub servers: BTreeMap<u16, Server>,
    /// Targets by number, 1 to 1024.
    pub targets: BTreeMap<u16, Target>,
    /// Addresses without a server, by number.
    pub vips: BTreeMap<u16, Vip>,
    /// Translations of flows that targets open, by number.
    pub tnats: BTreeMap<u16, Tnat>,
}

impl Server {
    /// Its targets, then its backups.
    pub fn members(&self) -> impl Iterator<Item = u16> {
        self.targets.iter().chain(&self.backups).copied()
    }

    /// Its virtual addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        both(self.ipaddr, self.ipaddr6)
    }
}

/// Of the families that there are, IPv4 first.
fn both(v4: Option<Ipv4Addr>, v6: Option<Ipv6Addr>) -> impl Iterator<Item = IpAddr> {
    [v4.map(IpAddr::from), v6.map(IpAddr::from)].into_iter().flatten()
}

impl Vip {
    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        both(self.ipaddr, self.ipaddr6)
    }
}

impl Proxy {
    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let v4 = self.v4.iter().copied().map(IpAddr::from);
        v4.chain(self.v6.iter().copied().map(IpAddr::from))
    }
}

impl Target {
    /// Its checks: statement and times.
    pub fn probes(&self) -> Vec<(&'static str, Probe)> {
        let of = |check: Option<(u16, Probe)>| check.map(|(_, probe)| probe);
        let all = [
            ("ping", self.ping),
            ("ping6", self.ping6),
            ("tcpopen", of(self.tcpopen)),
            ("tcpopen6", of(self.tcpopen6)),
            ("agent", of(self.agent)),
            ("agent6", of(self.agent6)),
            ("http", self.http.as_ref().map(|http| http.probe)),
            ("udp", self.udp.as_ref().map(|udp| udp.probe)),
            ("dns", self.dns.as_ref().map(|dns| dns.probe)),
        ];
        all.into_iter().filter_map(|(word, probe)| Some((word, probe?))).collect()
    }

    /// Whether its answers bypass the balancer.
    pub fn answers_by_itself(&self) -> bool {
        self.dsr || self.tunnel.is_some()
    }

    /// Whether checks go through the addresses of its servers as well.
    pub fn checks_virtual(&self) -> bool {
        self.answers_by_itself() && self.check_vip != Some(false)
    }

    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        both(self.ipaddr, self.ipaddr6)
    }
}

impl Gateway {
    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        both(self.ipaddr, self.ipaddr6)
    }
}

impl Network {
    /// Whether `addr` lies in this network's IPv4 or IPv6 subnet.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(a) => self.subnet4.is_some_and(|s| {
                let mask = u32::MAX.checked_shl(32 - u32::from(s.prefix)).unwrap_or(0);
                (u32::from(a) ^ u32::from(s.addr)) & mask == 0
            }),
            IpAddr::V6(a) => self.mask6.zip(self.real6.or(self.virt6)).is_some_and(|(prefix, base)| {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                (u128::from(a) ^ u128::from(base)) & mask == 0
            }),
        }
    }
}
