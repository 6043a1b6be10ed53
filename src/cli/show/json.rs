//! JSON (RFC 8259), as `show ... json` prints it. Names are the headers' words in snake case; what is not known is
//! `null`, numbers are exact.

use std::fmt;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// Not known, or not there.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A count.
    Number(u64),
    /// Text of any kind.
    Text(String),
    /// Several values.
    List(Vec<Json>),
    /// Named values, in this order.
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    /// A value as text, in its usual notation.
    pub fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    /// One value for each item.
    pub fn list<T>(items: impl IntoIterator<Item = T>, value: impl FnMut(T) -> Self) -> Self {
        Self::List(items.into_iter().map(value).collect())
    }

    /// `null` for nothing.
    pub fn maybe<T>(item: Option<T>, value: impl FnOnce(T) -> Self) -> Self {
        item.map_or(Self::Null, value)
    }
}

impl<T: Into<u64>> From<T> for Json {
    fn from(number: T) -> Self {
        Self::Number(number.into())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(yes) => write!(f, "{yes}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => quote(text, f),
            Self::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    write!(f, "{item}")?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (i, (name, value)) in members.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    quote(name, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

/// `text` in quotes, with the escapes of RFC 8259 section 7.
fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => {
                // Of two units for the few beyond the first plane, which are none of these.
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(f, "\\u{unit:04x}")?;
                }
            }
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_is_what_another_reader_makes_of_it() {
        let all = Json::Object(vec![
            ("nothing", Json::Null),
            ("yes", Json::Bool(true)),
            ("most", u64::MAX.into()),
            ("list", Json::List(vec![Json::from(1_u16), Json::List(vec![])])),
            ("empty", Json::Object(vec![])),
        ]);
        let read: serde_json::Value = serde_json::from_str(&all.to_string()).unwrap();
        let expected = serde_json::json!({
            "nothing": null, "yes": true, "most": u64::MAX, "list": [1, []], "empty": {}
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn any_text_comes_back() {
        let every: String = (0..0x3000).chain(0x1_f000..0x1_f100).filter_map(char::from_u32).collect();
        for text in ["", "\"\\/\u{8}\u{7f}\u{2028}", &every] {
            let read: String = serde_json::from_str(&Json::text(text).to_string()).unwrap();
            assert_eq!(read, text);
        }
    }
}
