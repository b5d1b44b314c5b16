//! postroad: parse, run, exit code.

/// Explaining makes many small things and soon lets them go, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    postroad::cli::run()
}
