//! A seed that nobody can guess.

use std::io::{self, Read};

/// Eight bytes from the system's random device.
///
/// # Errors
/// When `/dev/urandom` is missing or cannot be read.
pub fn seed() -> io::Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_seeds_differ() {
        assert_ne!(super::seed().unwrap(), super::seed().unwrap());
    }
}
