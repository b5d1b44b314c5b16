//! The command line: one file per command. The only place besides view/plain that prints.

pub mod explain;

/// Parse, run, and give the exit code.
pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
