//! Why a frame went no further: one variant per reason, none without a counter.

macro_rules! drops {
    ($( $(#[doc = $doc:literal])+ $name:ident = $word:literal, )+) => {
        /// Reason for dropping a frame. The doc line is what `show drops` prints.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Drop {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Drop {
            /// Number of reasons.
            pub const COUNT: usize = [$( Self::$name ),+].len();
            /// Every reason, in the order in which a frame can meet them.
            pub const ALL: [Self; Self::COUNT] = [$( Self::$name ),+];

            /// The word that names the reason in tables and exports.
            pub const fn word(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// One line for the operator.
            pub const fn meaning(self) -> &'static str {
                match self { $( Self::$name => concat!($($doc),+).trim_ascii(), )+ }
            }
        }
    };
}

drops! {
    /// frame or packet shorter than its headers say
    Truncated = "truncated",
    /// IP version, header length or total length that cannot be
    Malformed = "malformed",
    /// wrong IPv4 header checksum
    Checksum = "checksum",
    /// neither ARP, IPv4 nor IPv6
    EtherType = "ethertype",
    /// several UDP datagrams in one frame, and 'access pcap' does not tell where each of them ends
    Merged = "merged",
    /// VLAN tag on an interface whose networks are untagged
    Vlan = "vlan",
    /// sent by ourselves and seen again
    OwnFrame = "own-frame",
    /// addressed to another station
    OtherStation = "other-station",
    /// broadcast or multicast that no module wanted
    Multicast = "multicast",
    /// VRRP advertisement of a length that cannot be
    VrrpLength = "vrrp-length",
    /// VRRP advertisement with a TTL other than 255
    VrrpTtl = "vrrp-ttl",
    /// VRRP advertisement of a version or type other than VRRPv2 advertisement
    VrrpVersion = "vrrp-version",
    /// VRRP advertisement with a wrong checksum
    VrrpChecksum = "vrrp-checksum",
    /// VRRP advertisement of another virtual router, or on another network
    VrrpVrid = "vrrp-vrid",
    /// VRRP advertisement with authentication, which VRRPv2 (RFC 3768) no longer has
    VrrpAuth = "vrrp-auth",
    /// VRRP advertisement with another advertisement interval
    VrrpInterval = "vrrp-interval",
    /// ARP packet that is not Ethernet/IPv4 request or reply
    ArpMalformed = "arp-malformed",
    /// ARP or neighbour discovery about addresses that are not ours
    NeighborOther = "neighbor-other",
    /// neighbour discovery with wrong hop limit, checksum or options, or in fragments
    NdMalformed = "nd-malformed",
    /// ICMP message with a wrong checksum
    IcmpChecksum = "icmp-checksum",
    /// answer to a health check with a wrong checksum, or in fragments
    CheckAnswer = "check-answer",
    /// for virtual addresses, but this node is backup
    NotMaster = "not-master",
    /// source address is one of ours: local host or loop, never a client
    OwnSource = "own-source",
    /// fragment whose first part did not come in time, or found no room to wait for it; a ping of us in fragments
    Fragment = "fragment",
    /// first fragment that contradicts another one of the same packet
    FragmentForged = "fragment-forged",
    /// virtual address, but no server on this protocol and port
    NoServer = "no-server",
    /// server is not enabled
    ServerDisabled = "server-disabled",
    /// server has no target that can take the session
    NoTarget = "no-target",
    /// DNS query in fragments, which no query needs
    DnsFragment = "dns-fragment",
    /// DNS query shorter than its header, with a wrong checksum, or from port 0
    DnsMalformed = "dns-malformed",
    /// DNS response, sent to a server that answers queries
    DnsResponse = "dns-response",
    /// every target of the server has as many sessions as it may have
    Full = "full",
    /// source or destination address that no router forwards, or of a client that cannot be one host
    Martian = "martian",
    /// no network and no gateway that is up leads to the destination
    NoRoute = "no-route",
    /// has passed as many routers as its sender allows
    TtlExpired = "ttl-expired",
    /// larger than the way out allows, and not to be fragmented
    TooBig = "too-big",
    /// waited in vain for the hardware address of the next hop, or had to make room
    NeighborWait = "neighbor-wait",
    /// ICMP error about nothing that is known here, or that claims an MTU that cannot be
    IcmpError = "icmp-error",
    /// rest of a translated connection that is not known here
    NoFlow = "no-flow",
    /// translated connection that would look like another one that lives
    FlowClash = "flow-clash",
    /// rest of a connection by 'nat' or 'tnat' that is not known here, and whose port is not free
    PortTaken = "port-taken",
    /// all ports of the address that connections are translated to are in use
    PortsExhausted = "ports-exhausted",
    /// new connection above 'set synrate' that would have to be remembered
    SynRate = "syn-rate",
    /// addressed to us, but no module took it
    NotServed = "not-served",
    /// not addressed to us, and nothing routes it
    NotRouted = "not-routed",
    /// ring from worker to director full
    PuntFull = "punt-full",
    /// reply buffer of the batch full
    ReplyFull = "reply-full",
    /// transmit queue of the egress interface full, or interface not open
    TxRefused = "tx-refused",
}
