//! `arp-insert`: an address and a station.

use super::{Command, printable, surplus};
use crate::wire::MacAddr;
use std::net::IpAddr;

pub(super) fn parse<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    match args {
        [address, station] => {
            let no_address = || format!("'{}' is no IPv4 or IPv6 address", printable(address));
            let address: IpAddr = address.parse().map_err(|_| no_address())?;
            // The original takes IPv4 addresses in this form only: ::ffff:192.0.2.1
            let mac = mac_address(station).filter(|mac| !mac.is_multicast() && *mac != MacAddr::ZERO);
            let no_mac =
                || format!("'{}' is no station address such as 00:50:56:ab:6e:97", printable(station));
            Ok(Command::ArpInsert(address.to_canonical().into(), mac.ok_or_else(no_mac)?))
        }
        [] | [_] => Err("an address and a station address are needed".to_owned()),
        [_, _, more, ..] => Err(surplus(more)),
    }
}

fn mac_address(text: &str) -> Option<MacAddr> {
    let mut octets = [0; 6];
    let mut parts = text.split(':');
    for octet in &mut octets {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        *octet = u8::from_str_radix(part, 16).ok().filter(|_| !part.starts_with('+'))?;
    }
    parts.next().is_none().then_some(MacAddr(octets))
}
