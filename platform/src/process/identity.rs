//! Who this process is, and becoming somebody else.

use nix::unistd::{Gid, Uid, User, getegid, geteuid, initgroups, setgid, setuid};
use std::ffi::CString;
use std::io;

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    name: CString,
    uid: Uid,
    gid: Gid,
}

/// The number of the user whose rights this process has.
pub fn own() -> u32 {
    geteuid().as_raw()
}

/// The user called `name`.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> io::Result<Identity> {
    let found = User::from_name(name)?.zip(CString::new(name).ok());
    let (user, name) = found.ok_or_else(|| io::Error::other(format!("there is no user '{name}'")))?;
    Ok(Identity { name, uid: user.uid, gid: user.gid })
}

/// Gives all rights of this process away but those of `user`, for good. To be called before there are threads.
///
/// # Errors
/// When this process may not do that, or could take its rights back.
pub fn become_user(user: &Identity) -> io::Result<()> {
    if (geteuid(), getegid()) == (user.uid, user.gid) && !geteuid().is_root() {
        return Ok(());
    }
    // In this order: who is no longer root cannot change groups.
    initgroups(&user.name, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    if !user.uid.is_root() && setuid(Uid::from_raw(0)).is_ok() {
        return Err(io::Error::other("the rights of root do not go away"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name() {
        assert!(find("root").unwrap().uid.is_root());
        assert_eq!(find("no such user").unwrap_err().to_string(), "there is no user 'no such user'");
        assert!(find("ro\0ot").is_err());
    }
}
