//! How far a connection has come: a pure function of what was seen of it.
//!
//! ```text
//!  TCP    Opening --ACK of the initiator--> Established --FIN--> ClosingOriginal --FIN--> Closed
//!                                                       \--FIN--> ClosingReply ---FIN--/
//!         any --RST--> Closed         Closing, Closed --SYN of the initiator--> Opening
//!         Resumed --segment of the responder--> Established
//!  other  Single --packet of the responder--> Established
//! ```

use super::Direction;
use crate::wire::tcp::flags::{ACK, FIN, RST, SYN};

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// Not TCP: only the initiator was heard.
    Single = 1,
    /// TCP: taken up in the middle; the initiator says that there is a connection, and nobody else has said so yet.
    Resumed = 2,
    /// TCP: the initiator asks; nothing shows yet that it hears an answer.
    Opening = 3,
    /// Both ends hear each other.
    Established = 4,
    /// TCP: the initiator has no more to send.
    ClosingOriginal = 5,
    /// TCP: the responder has no more to send.
    ClosingReply = 6,
    /// TCP: ended by both or aborted by one.
    Closed = 7,
}

use State::{Closed, ClosingOriginal, ClosingReply, Established, Opening, Resumed, Single};

impl State {
    /// The state after the first packet, which is the initiator's. `flags` are those of [`crate::wire::tcp::flags`].
    pub const fn first(tcp: bool, flags: u8) -> Self {
        match tcp {
            false => Single,
            true if flags & RST != 0 => Closed,
            true if flags & FIN != 0 => ClosingOriginal,
            true if flags & SYN == 0 => Resumed,
            true => Opening,
        }
    }

    /// The state after one more packet. `flags` are 0 for what is not TCP.
    #[inline]
    #[must_use]
    pub const fn next(self, direction: Direction, flags: u8) -> Self {
        let original = matches!(direction, Direction::Original);
        match self {
            Single => match direction {
                Direction::Original => Single,
                Direction::Reply => Established,
            },
            _ if flags & RST != 0 => Closed,
            _ if original && asks(flags) && (self.ending() || matches!(self, Resumed)) => Opening,
            // Whoever takes up a connection has only the initiator's word for it.
            Resumed if original => Resumed,
            Resumed if flags & FIN == 0 => Established,
            _ if flags & FIN != 0 => match (self, direction) {
                (ClosingReply | Closed, Direction::Original)
                | (ClosingOriginal | Closed, Direction::Reply) => Closed,
                (_, Direction::Original) => ClosingOriginal,
                (_, Direction::Reply) => ClosingReply,
            },
            // An answer alone proves nothing: the initiator's address may be forged. Its acknowledgment does.
            Opening if original && flags & SYN == 0 => Established,
            _ => self,
        }
    }

    /// The state after one more packet of the initiator, where the responder's are never seen: then the initiator's
    /// second packet has to stand for an answer.
    #[inline]
    #[must_use]
    pub const fn next_unanswered(self, flags: u8) -> Self {
        match self {
            Single => Established,
            Resumed => Opening.next(Direction::Original, flags),
            _ => self.next(Direction::Original, flags),
        }
    }

    /// The state that two observers have seen together, each of whom may have missed packets.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (ClosingOriginal, ClosingReply) | (ClosingReply, ClosingOriginal) => Closed,
            _ => self.max(other),
        }
    }

    /// Nothing shows yet that the two ends hear each other.
    #[inline]
    pub const fn half_open(self) -> bool {
        matches!(self, Single | Resumed | Opening)
    }

    /// The end has begun: a new SYN of the initiator is a new connection.
    #[inline]
    pub const fn ending(self) -> bool {
        matches!(self, ClosingOriginal | ClosingReply | Closed)
    }

    /// What it is worth when room is needed; the smallest goes first.
    #[inline]
    pub const fn worth(self) -> u8 {
        match self {
            Single | Resumed | Opening => 0,
            ClosingOriginal | ClosingReply | Closed => 1,
            Established => 2,
        }
    }

    /// The state of this number; nothing for a number that is none.
    #[inline]
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Single,
            2 => Resumed,
            3 => Opening,
            4 => Established,
            5 => ClosingOriginal,
            6 => ClosingReply,
            7 => Closed,
            _ => return None,
        })
    }
}

/// A segment that only asks for a connection.
#[inline]
pub const fn asks(flags: u8) -> bool {
    flags & (SYN | ACK | RST | FIN) == SYN
}

/// A segment of a connection that its sender has: of its middle, or the end of its sender's half.
#[inline]
pub const fn goes_on(flags: u8) -> bool {
    flags & (SYN | ACK | RST) == ACK
}

/// A segment that ends a connection, or its sender's half of it.
#[inline]
pub const fn ends(flags: u8) -> bool {
    flags & (RST | FIN) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Direction::{Original, Reply};

    const ALL: [State; 7] = [Single, Resumed, Opening, Established, ClosingOriginal, ClosingReply, Closed];

    /// The state after a whole exchange.
    fn after(exchange: &[(Direction, u8)]) -> State {
        let (first, rest) = exchange.split_first().unwrap();
        rest.iter()
            .fold(State::first(true, first.1), |state, (direction, flags)| state.next(*direction, *flags))
    }

    const SHAKE: [(Direction, u8); 3] = [(Original, SYN), (Reply, SYN | ACK), (Original, ACK)];

    fn shake_and(rest: &[(Direction, u8)]) -> State {
        after(&[&SHAKE, rest].concat())
    }

    #[test]
    fn a_connection_is_half_open_until_the_initiator_acknowledges() {
        assert_eq!(after(&SHAKE[..1]), Opening);
        assert_eq!(after(&SHAKE[..2]), Opening);
        assert_eq!(after(&[SHAKE[0], SHAKE[0], SHAKE[1]]), Opening);
        assert_eq!(after(&SHAKE), Established);
    }

    #[test]
    fn it_closes_when_both_ends_have() {
        assert_eq!(shake_and(&[(Original, FIN | ACK)]), ClosingOriginal);
        assert_eq!(shake_and(&[(Reply, FIN | ACK)]), ClosingReply);
        assert_eq!(shake_and(&[(Reply, FIN | ACK), (Original, ACK), (Reply, ACK)]), ClosingReply);
        assert_eq!(shake_and(&[(Original, FIN | ACK), (Original, FIN | ACK)]), ClosingOriginal);
        assert_eq!(shake_and(&[(Original, FIN | ACK), (Reply, FIN | ACK), (Original, ACK)]), Closed);
        assert_eq!(shake_and(&[(Reply, FIN | ACK), (Original, FIN | ACK), (Reply, ACK)]), Closed);
    }

    #[test]
    fn a_reset_of_either_end_closes_it() {
        assert_eq!(shake_and(&[(Original, RST)]), Closed);
        assert_eq!(shake_and(&[(Reply, RST | ACK)]), Closed);
        assert_eq!(after(&[SHAKE[0], (Reply, RST | ACK)]), Closed);
    }

    #[test]
    fn a_new_syn_opens_an_ended_connection_again_and_leaves_a_living_one_alone() {
        assert_eq!(shake_and(&[(Original, RST), (Original, SYN)]), Opening);
        assert_eq!(shake_and(&[(Original, FIN | ACK), (Original, SYN)]), Opening);
        assert_eq!(shake_and(&[(Original, RST), (Reply, SYN), (Original, SYN | ACK)]), Closed);
        assert_eq!(shake_and(&[(Original, SYN)]), Established);
    }

    #[test]
    fn what_is_not_tcp_is_established_by_an_answer() {
        let first = State::first(false, 0);
        assert_eq!((first, first.next(Original, 0), first.next(Reply, 0)), (Single, Single, Established));
        assert_eq!(first.next_unanswered(0), Established);
    }

    #[test]
    fn a_connection_from_before_our_time_is_taken_as_it_is() {
        assert_eq!(after(&[(Original, ACK), (Reply, ACK)]), Established);
        assert_eq!(after(&[(Original, ACK), (Reply, FIN | ACK)]), ClosingReply);
        assert_eq!(after(&[(Original, ACK), (Reply, RST)]), Closed);
        assert_eq!(after(&[(Original, ACK), (Original, RST | ACK)]), Closed);
        assert_eq!(State::first(true, FIN | ACK), ClosingOriginal);
        assert_eq!(State::first(true, RST), Closed);
    }

    #[test]
    fn the_initiator_alone_proves_no_connection_from_before_our_time() {
        assert_eq!(after(&[(Original, ACK), (Original, ACK), (Original, FIN | ACK)]), Resumed);
        assert!(Resumed.half_open() && !Resumed.ending() && Resumed.worth() == 0);
        // Unless nobody else is ever heard.
        assert_eq!(Resumed.next_unanswered(ACK), Established);
        assert_eq!(Resumed.next_unanswered(FIN | ACK), ClosingOriginal);
        assert_eq!(Resumed.next_unanswered(RST), Closed);
        // It may ask anew instead: then an answer alone is not enough.
        assert_eq!(after(&[(Original, ACK), (Original, SYN)]), Opening);
        assert_eq!(after(&[(Original, ACK), (Original, SYN), (Reply, SYN | ACK)]), Opening);
    }

    #[test]
    fn what_goes_on_acknowledges_and_neither_begins_nor_aborts() {
        for (flags, goes) in
            [(ACK, true), (FIN | ACK, true), (SYN | ACK, false), (RST | ACK, false), (0, false), (FIN, false)]
        {
            assert_eq!(goes_on(flags), goes, "{flags:#x}");
        }
    }

    #[test]
    fn observers_agree_in_whatever_order_they_tell() {
        for a in ALL {
            assert_eq!(a.join(a), a);
            for b in ALL {
                assert_eq!(a.join(b), b.join(a));
                for c in ALL {
                    assert_eq!(a.join(b).join(c), a.join(b.join(c)), "{a:?} {b:?} {c:?}");
                }
            }
        }
        // One has seen the FIN of each end.
        let (mine, theirs) = (Established.next(Original, FIN), Established.next(Reply, FIN));
        assert_eq!(mine.join(theirs), Established.next(Original, FIN).next(Reply, FIN));
    }

    #[test]
    fn numbers_name_their_states() {
        for state in ALL {
            assert_eq!(State::from_number(state as u8), Some(state));
        }
        assert_eq!((State::from_number(0), State::from_number(8)), (None, None));
    }
}
