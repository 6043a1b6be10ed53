//! Running the cases, and saying what could not be run.

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
    let obstacle = match sandbox::settle(arguments.list) {
        Ok(obstacle) => obstacle,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
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

    sandbox::report_not_proved(&not_proved);
    conclusion.exit_code()
}
