//! postroad: parse, run, exit code.

fn main() -> std::process::ExitCode {
    postroad::cli::run()
}
