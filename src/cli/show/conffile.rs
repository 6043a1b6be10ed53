//! `show conffile`

use super::json::Json;
use super::table::fields;

/// How the file compares with the running configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// They say the same.
    Same,
    /// So many differences.
    Differs(usize),
    /// There is no file.
    Missing,
    /// It cannot be read, or has errors.
    Unusable(String),
}

/// The configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConffileView {
    /// Its path.
    pub path: String,
    /// When it was last read by this process; `None` when there was none.
    pub loaded: Option<String>,
    /// When this process last wrote it.
    pub saved: Option<String>,
    /// Whether it is what runs.
    pub state: State,
}

/// One line per fact.
pub fn render(view: &ConffileView) -> String {
    let state = match &view.state {
        State::Same => "is what runs".to_owned(),
        State::Differs(1) => "1 difference to what runs, see 'reload -n'; 'save' writes what runs".to_owned(),
        State::Differs(n) => {
            format!("{n} differences to what runs, see 'reload -n'; 'save' writes what runs")
        }
        State::Missing => "does not exist; 'save' writes it".to_owned(),
        State::Unusable(why) => format!("cannot be used: {why}"),
    };
    let never = |time: &Option<String>| time.clone().unwrap_or_else(|| "never".to_owned());
    fields(&[
        ("file", view.path.clone()),
        ("last loaded", never(&view.loaded)),
        ("last saved", never(&view.saved)),
        ("state", state),
    ])
}

/// The same as one object.
pub fn json(view: &ConffileView) -> Json {
    let (word, differences, why) = match &view.state {
        State::Same => ("same", Some(0), None),
        State::Differs(n) => ("differs", Some(*n as u64), None),
        State::Missing => ("missing", None, None),
        State::Unusable(why) => ("unusable", None, Some(why)),
    };
    Json::Object(vec![
        ("file", Json::text(&view.path)),
        ("loaded", Json::maybe(view.loaded.as_ref(), Json::text)),
        ("saved", Json::maybe(view.saved.as_ref(), Json::text)),
        ("state", Json::text(word)),
        ("differences", Json::maybe(differences, Json::Number)),
        ("reason", Json::maybe(why, Json::text)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_behind() {
        let view = ConffileView {
            path: "/etc/bng.conf".into(),
            loaded: Some("Sun Jan 19 21:28:59 2020".into()),
            saved: None,
            state: State::Differs(2),
        };
        assert_eq!(
            render(&view),
            "  file        : /etc/bng.conf
  last loaded : Sun Jan 19 21:28:59 2020
  last saved  : never
  state       : 2 differences to what runs, see 'reload -n'; 'save' writes what
                runs
"
        );
        let same = ConffileView { state: State::Same, ..view };
        assert!(render(&same).ends_with(": is what runs\n"));
    }
}
