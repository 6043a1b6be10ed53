//! `bng`: see [`bng::daemon`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bng::daemon::main(std::env::args_os().skip(1)).into()
}
