//! The other end of the control socket: `bng control`, `bng cmdctl`, and single commands.

use super::configuration;
use super::exit::{Exit, Failure};
use super::instance::Instance;
use super::{print, say};
use crate::cli::commands::{self, Command};
use crate::cli::input;
use crate::cli::protocol::{PREFIX, REPLY_MAX, REQUEST_MAX, Reply, decode, encode};
use crate::conf::{Config, wrapped};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// A connection to a running daemon.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    /// The configuration file of the instance, as far as we know.
    config: PathBuf,
}

impl Client {
    /// Connects to `instance`.
    ///
    /// # Errors
    /// [`Exit::NotRunning`] or [`Exit::Privilege`]
    pub fn connect(instance: &Instance) -> Result<Self, Failure> {
        match UnixStream::connect(instance.socket()) {
            Ok(stream) => Ok(Self { stream, config: instance.config.clone() }),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Err(Failure::new(Exit::NotRunning, format!("{}not running", instance.label())))
            }
            Err(e) => {
                let exit =
                    if e.kind() == ErrorKind::PermissionDenied { Exit::Privilege } else { Exit::Failed };
                Err(Failure::new(exit, format!("cannot connect to {}: {e}", instance.socket().display())))
            }
        }
    }

    /// Asks, and waits for the reply.
    ///
    /// # Errors
    /// When the connection breaks, or the reply is none.
    pub fn request(&mut self, line: &str) -> Result<Reply, Failure> {
        if line.len() > REQUEST_MAX {
            return Ok(Reply::failed(format!(
                "command of {} bytes, at most {REQUEST_MAX} are allowed",
                line.len()
            )));
        }
        let broken = |e: io::Error| Failure::new(Exit::Failed, format!("connection to the daemon lost: {e}"));
        // A daemon that refuses us has answered and closed before we could ask: read first, complain later.
        let sent = self.stream.write_all(&encode(line));
        let mut bytes = vec![0; PREFIX];
        match self.stream.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(e) => return Err(broken(sent.err().unwrap_or(e))),
        }
        let announced = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        // No more than what really comes is allocated.
        (&mut self.stream).take(announced.min(REPLY_MAX) as u64).read_to_end(&mut bytes).map_err(broken)?;
        let nonsense =
            |what: String| Failure::new(Exit::Failed, format!("the daemon answers nonsense: {what}"));
        match decode(&bytes, REPLY_MAX) {
            Ok(Some((text, _))) => Reply::from_text(text).map_err(|e| nonsense(e.to_string())),
            Ok(None) => Err(broken(ErrorKind::UnexpectedEof.into())),
            Err(e) => Err(nonsense(e.to_string())),
        }
    }

    /// As [`Client::request`], but a `save` that the daemon has no right to do is done here, with our rights: a daemon
    /// that does without root cannot write its configuration file, and whoever controls it mostly can.
    fn command(&mut self, line: &str) -> Result<Reply, Failure> {
        let reply = self.request(line)?;
        let Ok(Command::Save { file, force }) = commands::parse(line) else { return Ok(reply) };
        let Reply::Error { status, text } = &reply else { return Ok(reply) };
        let path = file.map_or_else(|| self.config.clone(), PathBuf::from);
        // A file that we, not the daemon, know by its name: nobody makes root write elsewhere.
        if *status != Exit::Privilege.code() || !text.contains(&format!("cannot write {}: ", path.display()))
        {
            return Ok(reply);
        }
        let Reply::Ok(running) = self.request("show configuration")? else { return Ok(reply) };
        let (config, diagnostics) = Config::parse("running configuration", running);
        if diagnostics.has_errors() {
            let text = "the daemon's configuration has statements that this program does not know; restart the daemon";
            return Ok(Reply::failed(text));
        }
        Ok(match configuration::save(&path, &config, force) {
            Ok(()) => Reply::Ok(String::new()),
            Err(Failure { exit, text }) => Reply::Error { status: exit.code(), text },
        })
    }

    /// PID and node name of the daemon.
    fn hello(&mut self) -> Result<(String, String), Failure> {
        self.greet("hello")
    }

    fn greet(&mut self, greeting: &str) -> Result<(String, String), Failure> {
        match self.request(greeting)? {
            Reply::Ok(text) => {
                let mut words = text.split_whitespace().map(str::to_owned);
                Ok((words.next().unwrap_or_default(), words.next().unwrap_or_else(|| "bng".to_owned())))
            }
            Reply::Error { status, text } => Err(Failure::new(Exit::from_code(Some(status.into())), text)),
        }
    }
}

/// Which of the interactive sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// `control`, of which there is one.
    Only,
    /// `auxctl`, of which there are any number.
    Auxiliary,
}

/// What a command line did to the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Refused(Exit),
    Quit,
}

/// Runs one complete command and prints its output; refusals go to `refused`.
fn run(client: &mut Client, line: &str, refused: impl Fn(&str)) -> Result<Outcome, Failure> {
    let stopping = match commands::parse(line) {
        Ok(Command::Nothing) => return Ok(Outcome::Done),
        Ok(Command::Quit) => return Ok(Outcome::Quit),
        Ok(command) => command == Command::Stop,
        // The daemon may be newer than this client: let it decide.
        Err(_) => false,
    };
    match client.command(line)? {
        Reply::Ok(text) => {
            print(&text);
            Ok(if stopping { Outcome::Quit } else { Outcome::Done })
        }
        Reply::Error { status, text } => {
            refused(&text);
            Ok(Outcome::Refused(Exit::from_code(Some(status.into()))))
        }
    }
}

/// One command; its output on standard output.
///
/// # Errors
/// When it is refused, with the status of that, or when the connection breaks.
pub fn once(mut client: Client, line: &str) -> Result<Exit, Failure> {
    match client.command(line)? {
        Reply::Ok(text) => {
            print(&text);
            Ok(Exit::Success)
        }
        Reply::Error { status, text } => Err(Failure::new(Exit::from_code(Some(status.into())), text)),
    }
}

/// `bng cmdctl`: commands from standard input, no prompt. The status says whether all of them were done; with
/// `stop_at_error` it is that of the first one that was not.
///
/// # Errors
/// When the connection breaks.
pub fn cmdctl(mut client: Client, stop_at_error: bool) -> Result<Exit, Failure> {
    client.hello()?;
    script(client, stop_at_error)
}

fn script(mut client: Client, stop_at_error: bool) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    let mut pending = String::new();
    let mut lines = io::stdin().lock().lines();
    loop {
        let line = lines.next().transpose().map_err(|e| format!("standard input: {e}"))?;
        let end = line.is_none();
        pending.push_str(&line.unwrap_or_default());
        if !end && !input::complete(&pending) && pending.len() <= REQUEST_MAX {
            pending.push('\n');
            continue;
        }
        match run(&mut client, &std::mem::take(&mut pending), super::complain)? {
            Outcome::Done => {}
            Outcome::Quit => return Ok(exit),
            // Of several that failed no status tells which: then 1 just says that some did.
            Outcome::Refused(status) => exit = if stop_at_error { status } else { Exit::Failed },
        }
        if end || (stop_at_error && exit != Exit::Success) {
            return Ok(exit);
        }
    }
}

/// `bng control`: greeting, then commands with prompt and line editing; without a terminal, plain lines.
///
/// # Errors
/// When somebody else has the session, or the connection breaks.
pub fn control(
    mut client: Client,
    instance: &Instance,
    session: Session,
    stop_at_error: bool,
) -> Result<Exit, Failure> {
    let (pid, _) = match session {
        Session::Only => client.greet(&format!("hello {}", who()))?,
        Session::Auxiliary => client.hello()?,
    };
    say(&format!("BalanceNG: connected to {}PID {pid}", instance.label()));
    if io::stdin().is_terminal() { interactive(client) } else { script(client, stop_at_error) }
}

/// Who we are, for whoever finds the session taken: `root, process 4711, from 192.0.2.9`.
fn who() -> String {
    let named = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(named);
    let mut who =
        vec![user.unwrap_or_else(|| "somebody".to_owned()), format!("process {}", std::process::id())];
    let from = named("SSH_CLIENT").and_then(|client| client.split_whitespace().next().map(str::to_owned));
    who.extend(from.map(|from| format!("from {from}")));
    who.join(", ")
}

/// Takes what has been typed apart at a question mark at its end: the lines before, and the last line without it.
fn question(typed: &str) -> Option<(&str, &str)> {
    let asked = typed.trim_end().strip_suffix('?')?;
    Some(asked.split_at(asked.rfind('\n').map_or(0, |at| at + 1)))
}

/// Prints what may follow `line`.
fn explain(client: &mut Client, line: &str) -> Result<(), Failure> {
    if let Reply::Ok(text) = client.request(&format!("complete {line}"))? {
        let rows = text.lines().map(|row| row.split_once('\t').unwrap_or((row, "")));
        let row = |(word, help)| wrapped(&format!("  {word:<20} "), &" ".repeat(23), help);
        let text: String = rows.map(row).collect();
        print(if text.is_empty() { "  nothing is known that could follow here\n" } else { &text });
    }
    Ok(())
}

/// Without line editing: the terminal's own.
#[cfg(not(feature = "editing"))]
fn interactive(mut client: Client) -> Result<Exit, Failure> {
    let mut pending = String::new();
    loop {
        let (_, name) = client.hello()?;
        print(&if pending.is_empty() { format!("{name}# ") } else { "> ".to_owned() });
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).map_err(|e| format!("terminal: {e}"))? == 0 {
            say("");
            return Ok(Exit::Success);
        }
        pending.push_str(&line);
        if let Some((before, line)) = question(&pending) {
            explain(&mut client, &format!("{before}{line}"))?;
            pending.truncate(before.len());
        } else if input::complete(&pending) {
            let line = std::mem::take(&mut pending);
            if run(&mut client, line.trim_end(), say)? == Outcome::Quit {
                return Ok(Exit::Success);
            }
        }
    }
}

#[cfg(feature = "editing")]
use editing::interactive;

/// Line editing, history and Tab.
#[cfg(feature = "editing")]
mod editing {
    use super::{Client, Exit, Failure, Outcome, explain, input, question, run};
    use crate::cli::protocol::Reply;
    use crate::daemon::say;
    use rustyline::completion::{Completer, Pair};
    use rustyline::error::ReadlineError;
    use rustyline::highlight::Highlighter;
    use rustyline::hint::Hinter;
    use rustyline::history::FileHistory;
    use rustyline::validate::Validator;
    use rustyline::{CompletionType, Config, Context, Editor, Helper};
    use std::cell::RefCell;
    use std::path::PathBuf;

    /// Lines kept in the history file.
    const HISTORY: usize = 500;

    /// Asks the daemon what a line may become.
    struct Asking {
        client: RefCell<Client>,
        /// The lines of an open block that have been typed before.
        before: String,
    }

    impl Completer for Asking {
        type Candidate = Pair;

        fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
            let typed = &line[..pos];
            // Completion that fails is no completion; the next command tells what is wrong.
            let reply = self.client.borrow_mut().request(&format!("complete {}{typed}", self.before));
            let Ok(Reply::Ok(text)) = reply else { return Ok((pos, Vec::new())) };
            let words = text.lines().map(|row| row.split_once('\t').map_or(row, |(word, _)| word));
            let words = words.filter(|word| !word.starts_with('<'));
            let pairs = words.map(|word| Pair { display: word.to_owned(), replacement: format!("{word} ") });
            // The words for a list carry the elements before the last one.
            Ok((typed.rfind([' ', '\t', '{']).map_or(0, |at| at + 1), pairs.collect()))
        }
    }

    impl Hinter for Asking {
        type Hint = String;
    }

    impl Highlighter for Asking {}
    impl Validator for Asking {}
    impl Helper for Asking {}

    /// Commands from a terminal until the operator has enough.
    pub(super) fn interactive(client: Client) -> Result<Exit, Failure> {
        let told = |e: ReadlineError| Failure::from(format!("terminal: {e}"));
        let config = Config::builder().completion_type(CompletionType::List).max_history_size(HISTORY);
        let config = config.and_then(|config| config.history_ignore_dups(true)).map_err(told)?;
        let config = config.auto_add_history(false).history_ignore_space(true).build();
        let mut editor: Editor<Asking, FileHistory> = Editor::with_config(config).map_err(told)?;
        editor.set_helper(Some(Asking { client: RefCell::new(client), before: String::new() }));
        let history = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".bng_history"));
        if let Some(history) = &history {
            // None yet, or none that can be read: we begin with an empty one.
            let _ = editor.load_history(history);
        }
        let exit = converse(&mut editor, told);
        if let Some(history) = &history {
            let _ = editor.append_history(history);
        }
        exit
    }

    fn converse(
        editor: &mut Editor<Asking, FileHistory>,
        told: impl Fn(ReadlineError) -> Failure,
    ) -> Result<Exit, Failure> {
        let mut pending = String::new();
        // The line that a question was about, to go on from there.
        let mut asked = String::new();
        loop {
            let (_, name) = asking(editor, Client::hello)?;
            let prompt = if pending.is_empty() { format!("{name}# ") } else { "> ".to_owned() };
            if let Some(helper) = editor.helper_mut() {
                helper.before.clone_from(&pending);
            }
            match editor.readline_with_initial(&prompt, (&std::mem::take(&mut asked), "")) {
                Ok(line) => {
                    pending.push_str(&line);
                    pending.push('\n');
                }
                // Ctrl-C gives up the line, Ctrl-D the session.
                Err(ReadlineError::Interrupted) => {
                    pending.clear();
                    continue;
                }
                Err(ReadlineError::Eof) => return Ok(Exit::Success),
                Err(e) => return Err(told(e)),
            }
            if let Some((before, line)) = question(&pending) {
                asked = line.to_owned();
                let before = before.to_owned();
                asking(editor, |client| explain(client, &format!("{before}{asked}")))?;
                pending = before;
            } else if input::complete(&pending) {
                let line = std::mem::take(&mut pending);
                let line = line.trim_end();
                let _ = editor.add_history_entry(line);
                if asking(editor, |client| run(client, line, say))? == Outcome::Quit {
                    return Ok(Exit::Success);
                }
            }
        }
    }

    fn asking<T>(
        editor: &mut Editor<Asking, FileHistory>,
        ask: impl FnOnce(&mut Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match editor.helper_mut() {
            Some(helper) => ask(helper.client.get_mut()),
            None => Err(Failure::from("no connection".to_owned())),
        }
    }
}
