//! Where one command ends: a line, or several while a `{` is open.

/// Whether `text` is complete: no block and no string is left open. Comments (`//` to the end of the line) count as
/// nothing. A closing brace too many is complete as well, so that it is reported at once.
pub fn complete(text: &str) -> bool {
    let mut depth = 0i64;
    for line in text.lines() {
        let mut quoted = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                _ if quoted => {}
                '/' if chars.peek() == Some(&'/') => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    depth <= 0
}

/// The words of a command line. Double quotes keep blanks together and are taken off; a missing closing quote ends
/// at the end of the line. A comment ends the line.
pub fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with("//") {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_complete_with_its_brace() {
        assert!(complete("show sessions"));
        assert!(!complete("server 1 {"));
        assert!(!complete("server 1 {\n  port 22"));
        assert!(complete("server 1 {\n  port 22\n}"));
        assert!(complete("}"));
    }

    #[test]
    fn braces_in_strings_and_comments_do_not_count() {
        assert!(complete("interface 1 init \"{\""));
        assert!(complete("port 22 // {"));
        assert!(complete(""));
    }

    #[test]
    fn words_are_split_at_blanks_and_quotes() {
        assert_eq!(words("  save  \"my file\" force // now"), ["save", "my file", "force"]);
        assert_eq!(words("save \"open"), ["save", "open"]);
        assert!(words(" // only a comment").is_empty());
    }
}
