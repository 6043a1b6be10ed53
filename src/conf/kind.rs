//! The kinds of object that a configuration is made of.

/// A kind of object, in the order in which `save` writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Statements outside of any object: `hostname`, `modules`.
    Top,
    /// `set`: parameters of the whole node.
    Set,
    /// `interface N`
    Interface,
    /// `vrrp`
    Vrrp,
    /// `network N`
    Network,
    /// `gateway`
    Gateway,
    /// `vip N`
    Vip,
    /// `lgrp N`
    Lgrp,
    /// `server N`
    Server,
    /// `target N`
    Target,
    /// `tnat N`
    Tnat,
}

impl Kind {
    /// Every kind, in saved order.
    pub const ALL: [Self; 11] = [
        Self::Top,
        Self::Set,
        Self::Interface,
        Self::Vrrp,
        Self::Network,
        Self::Gateway,
        Self::Vip,
        Self::Lgrp,
        Self::Server,
        Self::Target,
        Self::Tnat,
    ];

    /// The kinds that are numbered, registered and enabled.
    pub const NUMBERED: [Self; 6] =
        [Self::Interface, Self::Network, Self::Vip, Self::Server, Self::Target, Self::Tnat];

    /// The word that opens an object of this kind; empty for [`Kind::Top`].
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Set => "set",
            Self::Interface => "interface",
            Self::Vrrp => "vrrp",
            Self::Network => "network",
            Self::Gateway => "gateway",
            Self::Vip => "vip",
            Self::Lgrp => "lgrp",
            Self::Server => "server",
            Self::Target => "target",
            Self::Tnat => "tnat",
        }
    }

    /// The word for several objects of this kind, for the kinds that are registered and enabled.
    pub const fn plural(self) -> Option<&'static str> {
        match self {
            Self::Interface => Some("interfaces"),
            Self::Network => Some("networks"),
            Self::Vip => Some("vips"),
            Self::Server => Some("servers"),
            Self::Target => Some("targets"),
            Self::Tnat => Some("tnats"),
            Self::Top | Self::Set | Self::Vrrp | Self::Gateway | Self::Lgrp => None,
        }
    }

    /// The highest number of an object of this kind (the lowest is 1); `None` when there is only one, unnumbered.
    ///
    /// 512 servers and 1024 targets are limits of the original; the others are ours.
    pub const fn limit(self) -> Option<u16> {
        match self {
            Self::Interface | Self::Network | Self::Lgrp => Some(255),
            Self::Server | Self::Vip | Self::Tnat => Some(512),
            Self::Target => Some(1024),
            Self::Top | Self::Set | Self::Vrrp | Self::Gateway => None,
        }
    }

    /// Whether an object of this kind is one line, its number and one argument: `lgrp 1 de,at`. The keyword of its only
    /// statement is that of the kind.
    pub const fn is_one_line(self) -> bool {
        matches!(self, Self::Lgrp)
    }

    /// One line for the operator.
    pub const fn help(self) -> &'static str {
        match self {
            Self::Top => "statements outside of any object",
            Self::Set => "parameters of the whole node",
            Self::Interface => "a device through which frames come and go",
            Self::Vrrp => "mastership shared with a second node",
            Self::Network => "a subnet on an interface, with the node's addresses in it",
            Self::Gateway => "the default next hop",
            Self::Vip => "a further address that the master owns",
            Self::Lgrp => "a group of locations",
            Self::Server => "a virtual server: the address that clients connect to",
            Self::Target => "a real server behind virtual servers",
            Self::Tnat => "translation of flows that targets open",
        }
    }

    /// How messages call object `number` of this kind: `server 1`, `vrrp`; "the configuration" for [`Kind::Top`].
    pub fn object_name(self, number: u16) -> String {
        match (self, self.limit()) {
            (Self::Top, _) => "the configuration".to_owned(),
            (_, Some(_)) => format!("{} {number}", self.keyword()),
            (_, None) => self.keyword().to_owned(),
        }
    }
}
