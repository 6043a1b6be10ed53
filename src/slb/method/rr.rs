//! `rr` and `random`: a schedule in which every target stands as often as its weight says, evenly spread.

use super::Ask;

/// Longest schedule: shares are met to one part in so many.
pub const LONGEST: usize = 1 << 16;

/// The target whose turn it is.
pub(super) fn in_turn(ask: &Ask<'_>) -> Option<u16> {
    let schedule = &ask.candidates.schedule;
    schedule.get((ask.turn as usize).checked_rem(schedule.len())?).copied()
}

/// Any target.
pub(super) fn at_random(ask: &Ask<'_>) -> Option<u16> {
    let schedule = &ask.candidates.schedule;
    let at = (u128::from(ask.random) * schedule.len() as u128) >> 64;
    schedule.get(at as usize).copied()
}

/// A schedule for the weights: each number as often as its weight says. Weights are taken down to their smallest
/// proportion, and approximated when that would make the schedule too long; everybody stands in it at least once.
pub fn schedule(weights: &[(u16, u32)]) -> Vec<u16> {
    let common = weights.iter().fold(0, |common, (_, weight)| gcd(common, *weight)).max(1);
    let sum: u64 = weights.iter().map(|(_, weight)| u64::from(weight / common)).sum();
    let count = |weight: u32| {
        let exact = u64::from(weight / common);
        let fitted = if sum <= LONGEST as u64 { exact } else { exact * LONGEST as u64 / sum };
        fitted.max(1) as u32
    };
    let counts: Vec<u32> = weights.iter().map(|(_, weight)| count(*weight)).collect();
    spread(&counts).into_iter().map(|at| weights[usize::from(at)].0).collect()
}

/// Each index of `counts` as often as its count says, as evenly spread as can be: in every beginning of the sequence
/// everybody has had what is due to it, give or take about one. Takes time in proportion to the length.
pub fn spread(counts: &[u32]) -> Vec<u16> {
    let total: usize = counts.iter().map(|count| *count as usize).sum();
    // The nth of `count` is due at (2n + 1) / 2 count of the whole: sorted by that, by counting.
    let due = |n: u32, count: u32| ((2 * u64::from(n) + 1) * total as u64 / (2 * u64::from(count))) as usize;
    let mut begins = vec![0u32; total + 1];
    for count in counts {
        for n in 0..*count {
            begins[due(n, *count) + 1] += 1;
        }
    }
    for at in 1..begins.len() {
        begins[at] += begins[at - 1];
    }
    let mut sequence = vec![0; total];
    for (index, count) in (0..).zip(counts) {
        for n in 0..*count {
            let begin = &mut begins[due(n, *count)];
            sequence[*begin as usize] = index;
            *begin += 1;
        }
    }
    sequence
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_targets_take_turns_in_the_order_of_the_list() {
        assert_eq!(schedule(&[(4, 7), (7, 7), (9, 7)]), [4, 7, 9]);
        assert!(schedule(&[]).is_empty());
    }

    #[test]
    fn a_heavy_target_does_not_get_all_its_turns_in_a_row() {
        let order = schedule(&[(1, 5), (2, 1), (3, 1)]);
        assert_eq!(order.len(), 7);
        assert_eq!(order.iter().filter(|target| **target == 1).count(), 5);
        let runs = order.chunk_by(|a, b| a == b).map(<[u16]>::len).max();
        assert_eq!(runs, Some(3), "{order:?}");
    }

    #[test]
    fn everybody_has_had_what_is_due_to_it_at_any_time() {
        for weights in [vec![1, 2, 3], vec![100, 1], vec![5, 5, 5, 1], (1..=40).collect::<Vec<u32>>()] {
            let numbered: Vec<(u16, u32)> = (0..).zip(weights.iter().copied()).collect();
            let (order, sum) = (schedule(&numbered), weights.iter().sum::<u32>());
            let mut had = vec![0.0; weights.len()];
            for (n, target) in order.iter().enumerate() {
                had[usize::from(*target)] += 1.0;
                for (had, weight) in had.iter().zip(&weights) {
                    let share = (n + 1) as f64 * f64::from(*weight) / f64::from(sum);
                    assert!((had - share).abs() < 2.0, "{had} of {share} after {n} of {weights:?}");
                }
            }
            assert!(had.iter().zip(&weights).all(|(had, weight)| *had == f64::from(*weight)));
        }
    }

    #[test]
    fn extreme_weights_are_met_to_one_part_in_65536() {
        let order = schedule(&[(1, 65_535), (2, 65_534), (3, 1)]);
        assert!(order.len() <= LONGEST + 3);
        let count = |target| order.iter().filter(|at| **at == target).count();
        assert!(count(1).abs_diff(count(2)) <= 1 && count(3) == 1);
    }
}
