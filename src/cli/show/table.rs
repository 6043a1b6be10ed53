//! The layout that all tables share: two blanks, a header, a rule line, and at most 80 columns.

/// Widest line of a table.
pub const WIDTH: usize = 80;

/// A column: its header and how its values stand under it. The header's leading blanks give the least width.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// Numbers.
    Right(&'static str),
    /// Words.
    Left(&'static str),
}

impl Column {
    fn header(self) -> &'static str {
        match self {
            Self::Right(header) | Self::Left(header) => header,
        }
    }

    fn pad(self, value: &str, width: usize) -> String {
        match self {
            Self::Right(_) => format!("{value:>width$}"),
            Self::Left(_) => format!("{value:<width$}"),
        }
    }
}

/// Lays out `rows` under `columns`. The last column may hold a sentence: it is wrapped at words where the line is
/// full. A row with fewer values than columns leaves the rest empty.
pub fn render(columns: &[Column], rows: &[Vec<String>]) -> String {
    let Some((tail, fixed)) = columns.split_last() else {
        return String::new();
    };
    let cell = |row: &Vec<String>, i: usize| row.get(i).cloned().unwrap_or_default();
    let widths: Vec<usize> = fixed
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let widest = rows.iter().map(|row| cell(row, i).chars().count()).max().unwrap_or(0);
            widest.max(column.header().chars().count())
        })
        .collect();
    let line = |cells: &dyn Fn(usize) -> String| -> String {
        let mut line = String::from(" ");
        for (i, column) in fixed.iter().enumerate() {
            line.push(' ');
            line.push_str(&column.pad(&cells(i), widths[i]));
        }
        line
    };
    let mut text = line(&|i| columns[i].header().to_owned());
    text = format!("{text} {}", tail.header()).trim_end().to_owned();
    text.push_str("\n  ---\n");
    for row in rows {
        let start = line(&|i| cell(row, i));
        text.push_str(&wrap(&start, &cell(row, fixed.len())));
    }
    text
}

/// `start`, a blank and `sentence`, wrapped at words and aligned under its first word. A word that is wider than the
/// room stands alone on a line further left.
fn wrap(start: &str, sentence: &str) -> String {
    let indent = start.chars().count() + 1;
    let mut text = String::new();
    let mut line = start.to_owned();
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        let blank = !line.trim().is_empty() || line.chars().count() < indent;
        if line.chars().count() + usize::from(blank) + length > WIDTH && !line.trim().is_empty() {
            text.push_str(line.trim_end());
            text.push('\n');
            line = " ".repeat(indent.min(WIDTH.saturating_sub(length)));
        } else if blank {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(line.trim_end());
    text.push('\n');
    text
}

/// `label : value` lines, labels padded to the same width.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    fields.iter().map(|(label, value)| wrap(&format!("  {label:<width$} :"), value)).collect()
}

/// A count in at most six columns: exact below 100,000, then three digits and a decimal unit.
pub fn count(n: u64) -> String {
    if n < 100_000 {
        return n.to_string();
    }
    let mut unit = 1u64;
    for name in ["k", "M", "G", "T", "P", "E"] {
        unit = unit.saturating_mul(1000);
        // Rounding must not turn 999.6k into 1000k.
        let hundredths = u128::from(n) * 100 / u128::from(unit);
        match hundredths {
            0..1_000 => return format!("{}.{:02}{name}", hundredths / 100, hundredths % 100),
            1_000..10_000 => return format!("{}.{}{name}", hundredths / 100, hundredths % 100 / 10),
            10_000..100_000 => return format!("{}{name}", hundredths / 100),
            _ => {}
        }
    }
    n.to_string()
}

/// Translated answers of a server or target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// Packets.
    pub packets: u64,
    /// Bytes, Ethernet headers included.
    pub bytes: u64,
}

impl Answers {
    /// Packets and bytes as a part of a sentence; nothing when there were none.
    pub fn describe(self) -> Option<String> {
        (self.packets > 0).then(|| format!("answered {} ({})", count(self.packets), count(self.bytes)))
    }
}

/// A value or `-`.
pub fn or_dash<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Six octets as `00:00:5e:00:01:4f`.
pub fn mac(octets: [u8; 6]) -> String {
    octets.map(|octet| format!("{octet:02x}")).join(":")
}

/// `address:port`, with brackets around an IPv6 address.
pub fn endpoint(address: std::net::IpAddr, port: impl std::fmt::Display) -> String {
    if address.is_ipv6() { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_with_their_values_and_no_line_ends_in_blanks() {
        let columns = [Column::Right("no"), Column::Left("name"), Column::Left("rest")];
        let rows = [vec!["1".into(), "a".into()], vec!["1000".into(), "longer".into(), "x y".into()]];
        assert_eq!(render(&columns, &rows), "    no name   rest\n  ---\n     1 a\n  1000 longer x y\n");
    }

    #[test]
    fn a_sentence_is_wrapped_under_itself() {
        let columns = [Column::Right("count"), Column::Left("meaning")];
        let text = render(&columns, &[vec!["7".into(), "word ".repeat(30)]]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 5);
        assert!(text.lines().skip(3).all(|line| line.starts_with("        word")), "{text}");
    }

    #[test]
    fn a_word_that_does_not_fit_moves_left() {
        let columns = [Column::Left("a"), Column::Left("b")];
        let text = render(&columns, &[vec!["x".repeat(60), "y".repeat(40)]]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn counts_are_exact_or_three_digits() {
        for (n, text) in [
            (0, "0"),
            (99_999, "99999"),
            (100_000, "100k"),
            (999_999, "999k"),
            (1_000_000, "1.00M"),
            (12_345_678, "12.3M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(n), text);
        }
    }

    #[test]
    fn endpoints_of_either_family() {
        assert_eq!(endpoint("172.17.2.92".parse().unwrap(), 0), "172.17.2.92:0");
        assert_eq!(endpoint("2001:db8::1".parse().unwrap(), 443), "[2001:db8::1]:443");
    }
}
