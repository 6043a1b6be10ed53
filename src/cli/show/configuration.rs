//! `show configuration json`: every statement of the running configuration, for programs.

use super::json::Json;
use crate::conf::{Config, Kind, describe};

/// One object per object of the configuration, with its statements in saved order and their values as the language
/// writes them. Outside of any object the kind is empty; where there is only one of a kind the number is null.
pub fn json(config: &Config) -> Json {
    let objects =
        Kind::ALL.into_iter().flat_map(|kind| config.numbers(kind).map(move |(number, _)| (kind, number)));
    Json::list(objects, |(kind, number)| {
        let statements = describe(kind).filter_map(|statement| {
            let value = config.value(kind, number, statement.keyword)?;
            Some((statement.keyword, Json::Text(value)))
        });
        Json::Object(vec![
            ("kind", Json::text(kind.keyword())),
            ("number", Json::maybe(kind.limit(), |_| number.into())),
            ("statements", Json::Object(statements.collect())),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stand_under_their_objects() {
        let (config, _) =
            Config::parse("f", "hostname nodea\nserver 7 { ipaddr 192.0.2.1 port 80 }\nset localdsr 1\n");
        let read: serde_json::Value = serde_json::from_str(&json(&config).to_string()).unwrap();
        let expected = serde_json::json!([
            { "kind": "", "number": null, "statements": { "hostname": "nodea" } },
            { "kind": "set", "number": null, "statements": { "localdsr": "1" } },
            { "kind": "server", "number": 7, "statements": { "ipaddr": "192.0.2.1", "port": "80" } },
        ]);
        assert_eq!(read, expected);
    }
}
