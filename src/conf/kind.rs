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
    /// `server N`
    Server,
    /// `target N`
    Target,
}

impl Kind {
    /// Every kind, in saved order.
    pub const ALL: [Self; 8] = [
        Self::Top,
        Self::Set,
        Self::Interface,
        Self::Vrrp,
        Self::Network,
        Self::Gateway,
        Self::Server,
        Self::Target,
    ];

    /// The kinds that are numbered, registered and enabled.
    pub const NUMBERED: [Self; 4] = [Self::Interface, Self::Network, Self::Server, Self::Target];

    /// The word that opens an object of this kind; empty for [`Kind::Top`].
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Set => "set",
            Self::Interface => "interface",
            Self::Vrrp => "vrrp",
            Self::Network => "network",
            Self::Gateway => "gateway",
            Self::Server => "server",
            Self::Target => "target",
        }
    }

    /// The word for several objects of this kind, for the kinds that are numbered.
    pub const fn plural(self) -> Option<&'static str> {
        match self {
            Self::Interface => Some("interfaces"),
            Self::Network => Some("networks"),
            Self::Server => Some("servers"),
            Self::Target => Some("targets"),
            Self::Top | Self::Set | Self::Vrrp | Self::Gateway => None,
        }
    }

    /// The highest number of an object of this kind (the lowest is 1); `None` when there is only one, unnumbered.
    ///
    /// 512 servers and 1024 targets are limits of the original; those of interfaces and networks are ours.
    pub const fn limit(self) -> Option<u16> {
        match self {
            Self::Interface | Self::Network => Some(255),
            Self::Server => Some(512),
            Self::Target => Some(1024),
            Self::Top | Self::Set | Self::Vrrp | Self::Gateway => None,
        }
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
            Self::Server => "a virtual server: the address that clients connect to",
            Self::Target => "a real server behind virtual servers",
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
