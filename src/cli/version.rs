//! Who we are: version, platform, usage.

use super::show::json::Json;

/// `<major>.<three digits>`
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

/// Day of this release. Set by hand with the version, so that the same sources always give the same program.
pub const DATE: &str = "2026/11/23";

/// Operating system and processor, for instance `Linux-x86_64`.
pub fn platform() -> String {
    let os = match std::env::consts::OS {
        "linux" => "Linux",
        "solaris" => "Solaris",
        other => other,
    };
    format!("{os}-{}", std::env::consts::ARCH)
}

/// `This is bng 0.100 Linux-x86_64 (2026/11/23)`
pub fn banner() -> String {
    format!("This is bng {VERSION} {} ({DATE})", platform())
}

/// `show version json`
pub fn json() -> Json {
    Json::Object(vec![
        ("version", Json::text(VERSION)),
        ("platform", Json::text(platform())),
        ("date", Json::text(DATE)),
    ])
}

/// What `bng` prints without arguments.
pub fn usage() -> String {
    format!(
        "{}
A packet-level load balancer that reads BalanceNG V3 configurations.

usage: bng [-df] [-c file] start|stop|restart|status [instance]
       bng [-n] reload [instance]
       bng [-W] [-c file] check [file]
       bng [-e] control|auxctl|cmdctl [instance]
       bng [-i instance] command ...
       bng -V

  -c file  configuration file instead of /etc/bng.conf or /etc/bng.conf.N
  -i n     instance 0 to 127, the same as the trailing argument
  -d       log debug messages
  -f       stay in the foreground and log to standard error
  -e       stop at the first command that fails
  -n       only say what a reload would change
  -W       warnings of a check are a failure
  -V       print the version

See bng(8).
",
        banner()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_has_three_digits_after_the_point() {
        let (major, minor) = VERSION.split_once('.').unwrap();
        assert!(major.parse::<u32>().is_ok());
        assert!(minor.len() == 3 && minor.parse::<u32>().is_ok());
        assert!(banner().starts_with("This is bng "));
    }

    #[test]
    fn the_date_is_year_month_day() {
        let parts: Vec<&str> = DATE.split('/').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [4, 2, 2]);
    }
}
