//! Running the cases, and saying what could not be run.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;

use bng_world::sandbox;
use libtest_mimic::{Arguments, Failed, Trial};

/// The program under test.
pub(crate) const BNG: &str = env!("CARGO_BIN_EXE_bng");

/// Doors that lead to a wire.
pub(crate) const WIRE_DOORS: [&str; 2] = ["raw", "pcap"];

/// One test: its name is a sentence, its tools are programs that Debian packages bring.
pub(crate) struct Case {
    name: String,
    tools: &'static [&'static str],
    run: Box<dyn FnOnce() + Send>,
}

impl Case {
    /// A case that needs no more than `tools` and fails by panicking.
    pub(crate) fn new(
        name: impl Into<String>,
        tools: &'static [&'static str],
        run: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self { name: name.into(), tools, run: Box::new(run) }
    }

    /// The same case once for each door that leads to a wire.
    pub(crate) fn per_door(
        name: &str,
        tools: &'static [&'static str],
        run: impl Fn(&str) + Copy + Send + 'static,
    ) -> Vec<Self> {
        let case = |door: &'static str| Self::new(format!("{name} [{door}]"), tools, move || run(door));
        WIRE_DOORS.map(case).into()
    }
}

/// Runs the cases that the command line selects, in a sandbox.
pub(crate) fn run(cases: Vec<Case>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A plain look at the names needs no sandbox.
    let obstacle = if arguments.list || sandbox::is_inside() { None } else { sandbox::obstacle() };
    if obstacle.is_none() && !arguments.list && !sandbox::is_inside() {
        let Err(e) = sandbox::enter();
        eprintln!("no sandbox: {e}");
        return ExitCode::FAILURE;
    }
    // Most of a case's time is waiting for timers of protocols.
    arguments.test_threads.get_or_insert(4);

    let mut not_proved = Vec::new();
    let trials = cases
        .into_iter()
        .map(|case| {
            let missing =
                case.tools.iter().find(|t| !sandbox::has_tool(t)).map(|t| format!("no program `{t}`"));
            let reason = obstacle.clone().or(missing);
            let ignored = reason.is_some();
            if let Some(reason) = reason {
                not_proved.push(format!("{}: {reason}", case.name));
            }
            let run = case.run;
            Trial::test(case.name, move || {
                run();
                Ok::<(), Failed>(())
            })
            .with_ignored_flag(ignored)
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);

    report(&not_proved);
    conclusion.exit_code()
}

/// Lists what was not proved: in the file that `tests/run.sh` asks for, or here and now.
fn report(not_proved: &[String]) {
    if not_proved.is_empty() {
        return;
    }
    let lines: String = not_proved.iter().map(|line| format!("{line}\n")).collect();
    let wanted = std::env::var_os("BNG_NOT_PROVED");
    let told = wanted.is_some_and(|path| {
        File::options().append(true).open(path).and_then(|mut file| file.write_all(lines.as_bytes())).is_ok()
    });
    if !told {
        eprint!("not proved on this machine: {}\n{lines}", not_proved.len());
    }
}
