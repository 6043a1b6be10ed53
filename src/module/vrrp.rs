//! `vrrp`: validates advertisements (RFC 3768, section 7.1) and hands the good ones to the director, which holds
//! the election in the [`machine`].

pub mod machine;

use crate::pass::{Pass, bits};
use crate::stat::Drop;
use crate::wire::{Malformed, vrrp};

/// Advertisement interval that we send and accept, in seconds.
pub const ADVERT_SECONDS: u8 = 1;

/// Takes every VRRP packet when this node takes part in an election.
pub fn run(pass: &mut Pass<'_, '_>) {
    let Some((vrid, port)) = pass.snapshot.vrrp else { return };
    for i in bits(pass.vrrp()) {
        let info = pass.info(i);
        match check(info.l4(pass.frames[i].bytes()), info.is_v6, info.ttl, vrid) {
            Err(reason) => pass.drop(i, reason),
            Ok(()) if port != pass.port => pass.drop(i, Drop::VrrpVrid),
            // The shared station address says nothing about the sender; its IP address does.
            Ok(()) if pass.snapshot.own.get(info.src).is_some() => pass.drop(i, Drop::OwnFrame),
            Ok(()) => pass.punt(i),
        }
    }
}

/// The checks of RFC 3768 section 7.1, in its order.
fn check(packet: &[u8], v6: bool, ttl: u8, vrid: u8) -> Result<(), Drop> {
    if ttl != 255 {
        return Err(Drop::VrrpTtl);
    }
    if v6 {
        return Err(Drop::VrrpVersion);
    }
    let advert = vrrp::Packet::new(packet).map_err(|why| match why {
        Malformed::BadVersion | Malformed::BadType => Drop::VrrpVersion,
        _ => Drop::VrrpLength,
    })?;
    if !advert.verify_checksum() {
        return Err(Drop::VrrpChecksum);
    }
    if advert.vrid() != vrid {
        return Err(Drop::VrrpVrid);
    }
    if advert.auth_type() != 0 {
        return Err(Drop::VrrpAuth);
    }
    if advert.interval() != ADVERT_SECONDS {
        return Err(Drop::VrrpInterval);
    }
    Ok(())
}
