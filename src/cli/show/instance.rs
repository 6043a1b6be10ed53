//! `show instance`

use super::json::Json;
use super::table::fields;

/// The process and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// Number.
    pub number: u8,
    /// Process id.
    pub pid: u32,
    /// Local time of the start, as ctime(3) prints it.
    pub started: String,
    /// Configuration file.
    pub conffile: String,
    /// PID file.
    pub pidfile: String,
    /// Control socket.
    pub socket: String,
    /// Where `snapshot` writes.
    pub snapshots: String,
}

/// One line per fact.
pub fn render(view: &InstanceView) -> String {
    fields(&[
        ("instance", view.number.to_string()),
        ("pid", view.pid.to_string()),
        ("started", view.started.clone()),
        ("conffile", view.conffile.clone()),
        ("pidfile", view.pidfile.clone()),
        ("socket", view.socket.clone()),
        ("snapshots", view.snapshots.clone()),
    ])
}

/// The same as one object.
pub fn json(view: &InstanceView) -> Json {
    Json::Object(vec![
        ("instance", view.number.into()),
        ("pid", view.pid.into()),
        ("started", Json::text(&view.started)),
        ("conffile", Json::text(&view.conffile)),
        ("pidfile", Json::text(&view.pidfile)),
        ("socket", Json::text(&view.socket)),
        ("snapshots", Json::text(&view.snapshots)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_beside_number_and_pid() {
        let view = InstanceView {
            number: 41,
            pid: 7914,
            started: "Sun Jan 19 21:28:59 2020".into(),
            conffile: "/etc/bng.conf.41".into(),
            pidfile: "/run/bng/41.pid".into(),
            socket: "/run/bng/41.sock".into(),
            snapshots: "/var/log".into(),
        };
        assert_eq!(
            render(&view),
            "  instance  : 41
  pid       : 7914
  started   : Sun Jan 19 21:28:59 2020
  conffile  : /etc/bng.conf.41
  pidfile   : /run/bng/41.pid
  socket    : /run/bng/41.sock
  snapshots : /var/log
"
        );
    }
}
