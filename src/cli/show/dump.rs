//! `show dump`

use super::json::Json;

/// One dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpView {
    /// The file that is written.
    pub file: String,
    /// Why it ended; `None` while it runs.
    pub ended: Option<String>,
    /// Frames written.
    pub written: u64,
    /// Frames that came faster than they could be written.
    pub lost: u64,
    /// Most files.
    pub files: u32,
    /// Most bytes of each.
    pub bytes: u64,
    /// How often a new file was begun.
    pub rotations: u64,
}

/// The last dump.
pub fn render(view: Option<&DumpView>) -> String {
    let Some(view) = view else { return "  no dump was started\n".to_owned() };
    let state = view.ended.as_deref().unwrap_or("running");
    format!(
        "  dump {state}:
    file            : {}
    packets written : {}
    packets lost    : {}
    rotations       : {}
    limit           : {} files of {} bytes\n",
        view.file, view.written, view.lost, view.rotations, view.files, view.bytes
    )
}

/// The same as one object; its state tells when there was none.
pub fn json(view: Option<&DumpView>) -> Json {
    let none = Json::Object(vec![("state", Json::text("none"))]);
    view.map_or(none, |view| {
        Json::Object(vec![
            ("state", Json::text(if view.ended.is_none() { "running" } else { "ended" })),
            ("file", Json::text(&view.file)),
            ("ended", Json::maybe(view.ended.as_ref(), Json::text)),
            ("packets_written", view.written.into()),
            ("packets_lost", view.lost.into()),
            ("rotations", view.rotations.into()),
            ("files", view.files.into()),
            ("bytes", view.bytes.into()),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(ended: Option<&str>) -> DumpView {
        DumpView {
            file: "/tmp/x".into(),
            ended: ended.map(str::to_owned),
            written: 12,
            lost: 3,
            files: 4,
            bytes: 10_000_000,
            rotations: 2,
        }
    }

    #[test]
    fn state_and_figures() {
        assert_eq!(
            render(Some(&view(None))),
            "  dump running:
    file            : /tmp/x
    packets written : 12
    packets lost    : 3
    rotations       : 2
    limit           : 4 files of 10000000 bytes
"
        );
        assert!(render(Some(&view(Some("stopped")))).starts_with("  dump stopped:\n"));
        assert_eq!(render(None), "  no dump was started\n");
    }

    #[test]
    fn programs_see_whether_it_runs() {
        assert!(json(Some(&view(None))).to_string().starts_with("{\"state\":\"running\""));
        assert!(json(Some(&view(Some("x")))).to_string().contains("\"ended\":\"x\""));
        assert_eq!(json(None).to_string(), "{\"state\":\"none\"}");
    }
}
