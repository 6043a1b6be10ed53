//! The ports of a server.

use std::fmt;

/// Ports that a server listens on, in the order of the statement; none at all stands for any port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(Vec<u16>);

impl Ports {
    /// The ports of `list`; a list of only 0, or of nothing, is any port.
    pub fn new(list: &[u16]) -> Self {
        if list == [0] { Self::default() } else { Self(list.to_vec()) }
    }

    /// Every port is meant.
    pub fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `port` is one of them.
    pub fn contains(&self, port: u16) -> bool {
        self.is_any() || self.0.contains(&port)
    }

    /// The port, when it is exactly one.
    pub fn single(&self) -> Option<u16> {
        if let [port] = self.0[..] { Some(port) } else { None }
    }

    /// The ports one by one; 0 for any.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        let any = self.is_any().then_some(0);
        self.0.iter().copied().chain(any)
    }

    /// Whether some port belongs to both.
    pub fn overlap(&self, other: &Self) -> bool {
        self.is_any() || self.iter().any(|port| other.contains(port))
    }

    /// Whether both name one port, or both mean any.
    pub fn share(&self, other: &Self) -> bool {
        self.iter().any(|port| other.iter().any(|p| p == port))
    }

    /// The smallest and the largest port of each run of neighbouring ports, in ascending order; 0 to 65535 for any.
    pub fn runs(&self) -> Vec<(u16, u16)> {
        if self.is_any() {
            return vec![(0, u16::MAX)];
        }
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for port in sorted {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == port => *last = port,
                _ => runs.push((port, port)),
            }
        }
        runs
    }
}

/// As in the statement: `80,443,8000-8010`; `0` for any.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("0");
        }
        write(f, &self.0)
    }
}

/// Writes a list in which three or more numbers that follow one another are a range.
pub(super) fn write(f: &mut fmt::Formatter<'_>, list: &[u16]) -> fmt::Result {
    let mut rest = list;
    while let Some(first) = rest.first() {
        let run = rest.iter().zip(*first..=u16::MAX).take_while(|(n, expected)| *n == expected).count();
        let comma = if rest.len() == list.len() { "" } else { "," };
        let taken = if run > 2 {
            write!(f, "{comma}{first}-{}", rest[run - 1])?;
            run
        } else {
            write!(f, "{comma}{first}")?;
            1
        };
        rest = &rest[taken..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_nothing_are_any_port() {
        for any in [Ports::new(&[0]), Ports::new(&[])] {
            assert!(any.is_any() && any.contains(7) && any.single().is_none());
            assert_eq!((any.to_string().as_str(), any.runs()), ("0", vec![(0, 65535)]));
            assert_eq!(any.iter().collect::<Vec<_>>(), [0]);
        }
    }

    #[test]
    fn neighbours_are_one_run() {
        let ports = Ports::new(&[443, 80, 81, 82, 65535]);
        assert_eq!(ports.runs(), [(80, 82), (443, 443), (65535, 65535)]);
        assert_eq!(ports.to_string(), "443,80-82,65535");
        assert!(ports.contains(81) && !ports.contains(83) && ports.single().is_none());
        assert_eq!(Ports::new(&[22]).single(), Some(22));
    }
}
