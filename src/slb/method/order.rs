//! The order in which a member of a farm takes the rows of a table (Eisenbud and others 2016, section 3.4), and how the
//! next free row of it is found quickly.
//!
//! An order begins somewhere and goes on by equal strides, modulo the number of rows, which is a prime: so it visits all
//! of them. A row is found by looking at a few steps at once, because a processor that cannot foresee which one is free
//! waits longer for its mistake than for the looks.

use crate::seed::Seed;

/// Steps that are looked at together, at most.
const AHEAD: usize = 8;

/// Rows of a table, a bit for each, set when it is taken.
#[derive(Debug)]
pub(super) struct Rows(Vec<u64>);

impl Rows {
    /// `count` free rows.
    pub(super) fn new(count: u32) -> Self {
        Self(vec![0; count as usize / 64 + 1])
    }

    fn is_taken(&self, row: u32) -> bool {
        self.0[row as usize / 64] >> (row % 64) & 1 != 0
    }

    fn take(&mut self, row: u32) {
        self.0[row as usize / 64] |= 1 << (row % 64);
    }
}

/// The order of one member.
#[derive(Debug)]
pub(super) struct Order {
    rows: u32,
    /// The row that comes next, free or not.
    next: u32,
    /// How far that is away after 0, 1, 2, ... steps.
    ahead: [u32; AHEAD],
}

impl Order {
    /// The order of the member with `identity` among `rows` rows, a prime.
    pub(super) fn new(identity: u64, rows: u32) -> Self {
        let mut seed = Seed::new(identity);
        let next = seed.below(rows.into()) as u32;
        let stride = 1 + seed.below(u64::from(rows) - 1) as u32;
        let mut order = Self { rows, next, ahead: [0; AHEAD] };
        for at in 1..AHEAD {
            order.ahead[at] = order.within(order.ahead[at - 1] + stride);
        }
        order
    }

    /// `row`, which is less than twice the number of rows, modulo that; without a branch.
    fn within(&self, row: u32) -> u32 {
        row.min(row.wrapping_sub(self.rows))
    }

    fn stride(&self) -> u32 {
        self.ahead[1]
    }

    /// Takes the next free row; there must be one. `LOOKS` steps are looked at together, at most [`AHEAD`].
    pub(super) fn take<const LOOKS: usize>(&mut self, rows: &mut Rows) -> u32 {
        loop {
            let looks = self.ahead[..LOOKS].iter().map(|ahead| self.within(self.next + ahead));
            let free =
                looks.enumerate().fold(0_u32, |free, (at, row)| free | u32::from(!rows.is_taken(row)) << at);
            let found = free.trailing_zeros() as usize;
            let row = self.within(self.next + self.ahead[found.min(LOOKS - 1)]);
            self.next = self.within(row + self.stride());
            if free != 0 {
                rows.take(row);
                return row;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_visits_every_row_once_however_it_is_asked() {
        for count in [2, 3, 5, 7, 13, 257, 1009] {
            for identity in 0..20 {
                // Step by step.
                let order = Order::new(identity, count);
                let steps = (0..count).scan(order.next, |row, _| {
                    let here = *row;
                    *row = (*row + order.stride()) % count;
                    Some(here)
                });
                let steps: Vec<u32> = steps.collect();
                let mut once = steps.clone();
                once.sort_unstable();
                assert_eq!(once, (0..count).collect::<Vec<_>>());

                let mut rows = Rows::new(count);
                let mut order = Order::new(identity, count);
                let by_one: Vec<u32> = (0..count).map(|_| order.take::<1>(&mut rows)).collect();
                assert_eq!(by_one, steps);
            }
        }
    }

    #[test]
    fn those_who_take_turns_get_the_same_rows_by_every_way_of_looking() {
        const COUNT: u32 = 1009;
        let taken = |looks: usize| {
            let mut rows = Rows::new(COUNT);
            let mut orders = [Order::new(7, COUNT), Order::new(8, COUNT), Order::new(9, COUNT)];
            let take = |turn: u32| {
                let order = &mut orders[turn as usize % 3];
                match looks {
                    1 => order.take::<1>(&mut rows),
                    4 => order.take::<4>(&mut rows),
                    _ => order.take::<8>(&mut rows),
                }
            };
            (0..COUNT).map(take).collect::<Vec<u32>>()
        };
        let plain = taken(1);
        assert_eq!((taken(4), taken(8)), (plain.clone(), plain));
    }
}
