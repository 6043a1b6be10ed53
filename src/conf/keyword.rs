//! Finding the keyword that the operator means: unique prefixes, and the nearest one for "did you mean".

/// What a typed word stands for among a set of keywords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match<T> {
    /// Exactly one thing: the word is its name or the beginning of no other name.
    One(T),
    /// Nothing.
    None,
    /// Several; their names in the order in which they were offered.
    Many(Vec<&'static str>),
}

/// Looks `word` up among named things. An exact name wins; otherwise a prefix that fits only one thing is enough.
/// Two names of the same thing (`target`, `targets`) do not make a prefix ambiguous.
pub fn unique_prefix<T: PartialEq>(
    word: &str,
    names: impl IntoIterator<Item = (&'static str, T)>,
) -> Match<T> {
    let mut found: Vec<(&'static str, T)> = Vec::new();
    if word.is_empty() {
        return Match::None;
    }
    for (name, thing) in names {
        if name == word {
            return Match::One(thing);
        }
        if name.starts_with(word) && !found.iter().any(|(_, other)| *other == thing) {
            found.push((name, thing));
        }
    }
    match found.len() {
        0 => Match::None,
        1 => found.pop().map_or(Match::None, |(_, thing)| Match::One(thing)),
        _ => Match::Many(found.into_iter().map(|(name, _)| name).collect()),
    }
}

/// The name nearest to a mistyped `word`, when one is near enough to be worth a suggestion.
pub fn nearest(word: &str, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
    // Longer than any keyword: not a slip of the fingers, and the distance costs length times length.
    if word.len() > 32 {
        return None;
    }
    let word = word.to_lowercase();
    // One slip in a short word, two from six letters on, three from nine.
    let reach = (word.chars().count() / 3).clamp(1, 3);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, name), name))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `'a', 'b' or 'c'`
pub(super) fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&str, u8); 5] = [("ping", 0), ("ping6", 1), ("port", 2), ("target", 3), ("targets", 3)];

    #[test]
    fn exact_name_wins_over_a_longer_one() {
        assert_eq!(unique_prefix("ping", NAMES), Match::One(0));
        assert_eq!(unique_prefix("pin", NAMES), Match::Many(vec!["ping", "ping6"]));
    }

    #[test]
    fn singular_and_plural_are_one_thing() {
        assert_eq!(unique_prefix("t", NAMES), Match::One(3));
        assert_eq!(unique_prefix("targets", NAMES), Match::One(3));
        assert_eq!(unique_prefix("targetss", NAMES), Match::None);
        assert_eq!(unique_prefix("", NAMES), Match::None);
    }

    #[test]
    fn nearest_is_offered_only_within_reach() {
        let names = ["access", "name", "init", "threads"];
        assert_eq!(nearest("acess", names), Some("access"));
        assert_eq!(nearest("ACCESS", names), Some("access"));
        assert_eq!(nearest("nmae", names), Some("name"));
        assert_eq!(nearest("xyzzy", names), None);
        assert_eq!(nearest(&"a".repeat(100_000), names), None);
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!(alternatives(&["a"]), "'a'");
        assert_eq!(alternatives(&["a", "b", "c"]), "'a', 'b' or 'c'");
    }
}
