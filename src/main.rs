//! postroad: parse, run, exit code.

/// Steps are made on one thread and let go on another (`explain::abreast`): the system's allocator makes the two wait for
/// each other, so that two threads are no faster than one. See benches/README.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    postroad::cli::run()
}
