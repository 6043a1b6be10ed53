//! Who of a farm is the first choice of which row.
//!
//! Up to the last sixteenth the members of the farm take rows in turns, as in Maglev (Eisenbud and others 2016, section
//! 3.4), with weights. They do so in a coarse table, of which each row stands for [`COARSE`] of the real one: the turns are
//! what takes time, above all those for the last rows, which hundreds of looks find taken.
//!
//! Then the rows of the real table choose: each its member of the coarse table, unless that one has all the rows that are
//! due to it; then the members at other places of the coarse table, which are as random as they are the same for
//! everybody. So everybody has what is due to it, to a row, and a farm that is a little different gives nearly all rows to
//! the same members.

use super::order::{Order, Rows};
use super::ring::{Member, rows};
use super::rr;
use crate::seed::Seed;

/// Rows that a row of the coarse table stands for.
const COARSE: u32 = 4;
/// Places of the coarse table that a row asks before it takes whoever is left.
const PLACES: u64 = 32;
/// A row that nobody has.
const NOBODY: u16 = u16::MAX;

/// Rows of the coarse table of one with `count` rows: a prime, as every order must visit all of them.
fn coarse_rows(count: u32) -> u32 {
    rows(count / COARSE)
}

/// The members by index, in proportion to their weights and evenly spread: as many as rows in the coarse table of one with
/// `count` rows.
pub(super) fn lots(count: u32, members: &[Member]) -> Vec<u16> {
    rr::spread(&dues(coarse_rows(count), members))
}

/// The member that each of `count` rows, a prime, has as its first choice, by index. `lots` are those of `members`; at
/// least one of them.
pub(super) fn first_choices(count: u32, members: &[Member], lots: &[u16]) -> Vec<u16> {
    let coarse = turns(coarse_rows(count), members, lots);
    let mut due = dues(count, members);
    let mut first = vec![NOBODY; count as usize];
    let mut take = |row: usize, member: u16| match due.get_mut(usize::from(member)) {
        Some(due @ 1..) => {
            *due -= 1;
            first[row] = member;
            true
        }
        _ => false,
    };
    // The place of a row in the coarse table, with 32 bits behind the point.
    let step = ((coarse.len() as u64) << 32) / u64::from(count);
    let own = |row: usize| coarse[((row as u64 * step) >> 32) as usize];
    let mut left: Vec<usize> = (0..count as usize).filter(|row| !take(*row, own(*row))).collect();
    for place in 0..PLACES {
        left.retain(|row| {
            let at = Seed::new((*row as u64) << 8 | place).below(coarse.len() as u64);
            !take(*row, coarse[at as usize])
        });
    }
    // As many as rows that are left.
    let rest = (0..).zip(due).flat_map(|(member, due)| std::iter::repeat_n(member, due as usize));
    left.into_iter().zip(rest).for_each(|(row, member)| first[row] = member);
    first
}

/// A table of `count` rows, a prime, of which the members take fifteen sixteenths in turns, in the order of `lots`.
fn turns(count: u32, members: &[Member], lots: &[u16]) -> Vec<u16> {
    let mut orders: Vec<Order> = members.iter().map(|member| Order::new(member.identity, count)).collect();
    let mut rows = Rows::new(count);
    let mut table = vec![NOBODY; count as usize];
    // The fewer rows are free, the more steps find one.
    let (easy, hard) = lots[..lots.len() - lots.len() / 16].split_at(lots.len() / 4 * 3);
    for member in easy {
        let row = orders[usize::from(*member)].take::<4>(&mut rows);
        table[row as usize] = *member;
    }
    for member in hard {
        let row = orders[usize::from(*member)].take::<8>(&mut rows);
        table[row as usize] = *member;
    }
    table
}

/// How many of `rows` rows are due to each of `members`: their share, rounded so that it adds up.
fn dues(rows: u32, members: &[Member]) -> Vec<u32> {
    let sum: u64 = members.iter().map(|member| u64::from(member.weight)).sum::<u64>().max(1);
    let share = |member: &Member| (u64::from(rows) * u64::from(member.weight) / sum) as u32;
    let rest = |member: &Member| u64::from(rows) * u64::from(member.weight) % sum;
    let mut dues: Vec<u32> = members.iter().map(share).collect();
    let missing = rows - dues.iter().sum::<u32>();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(rest(&members[*at])), *at));
    order.iter().take(missing as usize).for_each(|at| dues[*at] += 1);
    dues
}
