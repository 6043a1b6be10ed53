//! The typed configuration: what the statements mean, defaults filled in, references checked.
//!
//! The engine and the director read only this; they never see words or tokens.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

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
    /// AF_PACKET rings on Linux, DLPI or BPF on Solaris.
    Raw,
    /// A TAP device that bng makes.
    Tap,
    /// libpcap.
    Pcap,
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
    /// Registered and enabled: the interface is opened.
    pub active: bool,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// `gateway`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// IPv4 next hop.
    pub ipaddr: Option<Ipv4Addr>,
    /// ICMP echo check.
    pub ping: Option<Probe>,
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
    /// Round robin.
    #[default]
    Rr,
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

/// `server N`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Description.
    pub name: Option<String>,
    /// Virtual IPv4 address.
    pub ipaddr: Option<Ipv4Addr>,
    /// Virtual IPv6 address.
    pub ipaddr6: Option<Ipv6Addr>,
    /// Port, 0 for any.
    pub port: u16,
    /// Protocol, `None` for any.
    pub protocol: Option<Protocol>,
    /// Target numbers in the order given.
    pub targets: Vec<u16>,
    /// Distribution method.
    pub method: Method,
    /// Session identity.
    pub sessionid: SessionId,
    /// Idle time after which a session is removed.
    pub stimeout: Duration,
    /// Registered: its addresses are answered.
    pub registered: bool,
    /// Registered and enabled: it takes traffic.
    pub active: bool,
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
    /// TCP connect check: port and times.
    pub tcpopen: Option<(u16, Probe)>,
    /// Direct server return.
    pub dsr: bool,
    /// Registered: checks run.
    pub registered: bool,
    /// Registered and enabled: it takes new sessions.
    pub active: bool,
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
    /// `set dumprotation` and `set dumprotsiz`
    pub dump: DumpLimits,
    /// `set bmduration`, `set bmpsize` and `set bmwsize`
    pub benchmark: BenchmarkPlan,
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
}

impl Server {
    /// Its virtual addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        [self.ipaddr.map(IpAddr::from), self.ipaddr6.map(IpAddr::from)].into_iter().flatten()
    }
}

impl Target {
    /// Its addresses, IPv4 first.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        [self.ipaddr.map(IpAddr::from), self.ipaddr6.map(IpAddr::from)].into_iter().flatten()
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
