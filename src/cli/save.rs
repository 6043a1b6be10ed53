//! What `save` would destroy.

/// Beginnings of the comments that a saved configuration has.
const WRITTEN: [&str; 5] = ["configuration taken", "end of configuration", "BalanceNG ", "bng ", "INLAB "];

/// The first comment in `text` that somebody wrote by hand, with its line number from 1. Writing the configuration
/// over this text would lose it.
pub fn own_comment(text: &str) -> Option<(usize, &str)> {
    text.lines().enumerate().find_map(|(i, line)| {
        let comment = comment(line)?.trim();
        let written = comment.is_empty() || WRITTEN.iter().any(|start| comment.starts_with(start));
        (!written).then_some((i + 1, comment))
    })
}

/// What stands behind `//` outside of a string.
fn comment(line: &str) -> Option<&str> {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '/' if !quoted && line[at..].starts_with("//") => return Some(&line[at + 2..]),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_of_a_saved_file_may_go() {
        let text = "//        configuration taken Sun Jan 19 21:28:59 2020
//        BalanceNG 3.373 (created 2013/11/07)
//        INLAB 0123456789abcdef0123456789abcdef
hostname  a
interface 1 { init \"echo // no comment\" }
//
//        end of configuration
";
        assert_eq!(own_comment(text), None);
    }

    #[test]
    fn a_comment_of_the_operator_is_found_with_its_line() {
        assert_eq!(own_comment("hostname a\nset localdsr 1 // for the tap\n"), Some((2, "for the tap")));
    }
}
