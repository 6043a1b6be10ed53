//! `ping`: an address, and how many requests.

use super::{Command, printable, surplus};
use crate::director::ping::{COUNT, COUNT_USUAL};
use std::net::IpAddr;

pub(super) fn parse<'a>(args: &[&'a str]) -> Result<Command<'a>, String> {
    let (address, count) = match args {
        [] => return Err("which address?".to_owned()),
        [address] => (address, COUNT_USUAL),
        [address, count] => {
            let valid = count.parse().ok().filter(|count| COUNT.contains(count));
            let wrong =
                || format!("'{}' is no number from {} to {}", printable(count), COUNT.start(), COUNT.end());
            (address, valid.ok_or_else(wrong)?)
        }
        [_, _, more, ..] => return Err(surplus(more)),
    };
    let to: IpAddr =
        address.parse().map_err(|_| format!("'{}' is no IPv4 or IPv6 address", printable(address)))?;
    Ok(Command::Ping { to: to.to_canonical(), count })
}
