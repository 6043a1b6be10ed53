//! The order in which a member of a farm takes the rows of a table (Eisenbud and others 2016, section 3.4), and how the
//! next free row of it is found quickly.
//!
//! An order begins somewhere and goes on by equal strides, modulo the number of rows, which is a prime: so it visits all
//! of them. Most rows are found by looking at a few steps at once, because a processor that cannot foresee which one is
//! free waits longer for its mistake than for the looks. When few rows are left, most steps would find nothing: then each
//! of these rows is asked how many steps away it is.

use crate::seed::Seed;

/// Steps that are looked at together, at most.
const AHEAD: usize = 8;

/// Rows of a table, those that are taken marked.
#[derive(Debug)]
pub(super) struct Rows {
    count: u32,
    /// One bit for each row.
    taken: Vec<u64>,
}

impl Rows {
    /// `count` free rows.
    pub(super) fn new(count: u32) -> Self {
        Self { count, taken: vec![0; count as usize / 64 + 1] }
    }

    fn is_taken(&self, row: u32) -> bool {
        self.taken[row as usize / 64] >> (row % 64) & 1 != 0
    }

    fn take(&mut self, row: u32) {
        self.taken[row as usize / 64] |= 1 << (row % 64);
    }

    /// Those that are free.
    pub(super) fn left(&self) -> Vec<u32> {
        (0..self.count).filter(|row| !self.is_taken(*row)).collect()
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

    /// Takes the row that comes first among `left`, the only free ones; at least one.
    pub(super) fn take_of(&mut self, left: &mut Vec<u32>) -> u32 {
        let inverse = u64::from(inverse(self.stride(), self.rows));
        let steps = |row: u32| {
            let away = self.within(row + self.rows - self.next);
            u64::from(away) * inverse % u64::from(self.rows)
        };
        let nearest = (0..left.len()).min_by_key(|at| steps(left[*at])).unwrap_or_default();
        let row = left.swap_remove(nearest);
        self.next = self.within(row + self.stride());
        row
    }
}

/// What `number` times this is 1 modulo `prime` (Euclid's algorithm, extended).
fn inverse(number: u32, prime: u32) -> u32 {
    let (mut rest, mut divisor) = (i64::from(prime), i64::from(number));
    let (mut before, mut factor) = (0, 1);
    while divisor != 0 {
        let quotient = rest / divisor;
        (rest, divisor) = (divisor, rest - quotient * divisor);
        (before, factor) = (factor, before - quotient * factor);
    }
    before.rem_euclid(i64::from(prime)) as u32
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
                let mut rows = Rows::new(count);
                let mut order = Order::new(identity, count);
                let half = count / 2;
                let mut mixed: Vec<u32> = (0..half).map(|_| order.take::<8>(&mut rows)).collect();
                let mut left = rows.left();
                mixed.extend((half..count).map(|_| order.take_of(&mut left)));
                assert_eq!(mixed, steps);
            }
        }
    }

    #[test]
    fn two_who_take_turns_get_the_same_rows_by_every_way_of_looking() {
        const COUNT: u32 = 1009;
        let taken = |looks: usize, few: u32| {
            let mut rows = Rows::new(COUNT);
            let mut orders = [Order::new(7, COUNT), Order::new(8, COUNT), Order::new(9, COUNT)];
            let mut got = Vec::new();
            for turn in 0..COUNT - few {
                let order = &mut orders[turn as usize % 3];
                got.push(match looks {
                    1 => order.take::<1>(&mut rows),
                    4 => order.take::<4>(&mut rows),
                    _ => order.take::<8>(&mut rows),
                });
            }
            let mut left = rows.left();
            got.extend((COUNT - few..COUNT).map(|turn| orders[turn as usize % 3].take_of(&mut left)));
            got
        };
        let plain = taken(1, 0);
        for (looks, few) in [(4, 0), (8, 0), (1, 200), (4, 17), (8, COUNT)] {
            assert_eq!(taken(looks, few), plain, "{looks} {few}");
        }
    }

    #[test]
    fn a_number_times_its_inverse_is_one() {
        for prime in [2, 3, 7, 65_537, 5_000_011] {
            for number in [1, 2, 3, prime / 2, prime - 1].into_iter().filter(|n| (1..prime).contains(n)) {
                let product = u64::from(number) * u64::from(inverse(number, prime)) % u64::from(prime);
                assert_eq!(product, 1, "{number} modulo {prime}");
            }
        }
    }
}
