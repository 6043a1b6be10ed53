//! `show license`

use super::json::Json;
use crate::conf::Kind;

/// Highest number of an instance, and one for instance 0.
const INSTANCES: u16 = 128;

fn limit(kind: Kind) -> u16 {
    kind.limit().unwrap_or(1)
}

/// That there is none, and the limits that hold for everyone.
pub fn render(_: &()) -> String {
    format!(
        "  no license is needed; limits: {INSTANCES} instances, each {} servers, {} targets\n",
        limit(Kind::Server),
        limit(Kind::Target)
    )
}

/// The same as one object.
pub fn json(_: &()) -> Json {
    Json::Object(vec![
        ("needed", Json::Bool(false)),
        ("instances", INSTANCES.into()),
        ("servers", limit(Kind::Server).into()),
        ("targets", limit(Kind::Target).into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_are_those_of_the_language() {
        assert_eq!(
            render(&()),
            "  no license is needed; limits: 128 instances, each 512 servers, 1024 targets\n"
        );
    }
}
