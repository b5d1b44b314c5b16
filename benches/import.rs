//! A capture of a gigabyte from its packets to explained Steps, beside tshark on the same file; a million connections.
//!
//! `cargo bench --bench import`. It makes its captures itself, in the target folder, and removes them at the end;
//! `POSTROAD_BENCH_BYTES` scales them. Each run is a process of its own, so that each peak of memory is its own: this
//! program calls itself with `--read FILE STAGE`. Without tshark only our own figures are printed.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "import/capture.rs"]
mod capture;

use capture::{Made, Traffic};
use postroad::dissect::Dissector;
use postroad::explain::Item;
use postroad::explain::abreast::{self, Told};
use postroad::import::{self, Records};
use std::borrow::Cow;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where the captures lie while it runs.
const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--read") {
        let (file, stage) = (arguments.get(at + 1), arguments.get(at + 2));
        return read(Path::new(file.expect("--read FILE STAGE")), stage.expect("--read FILE STAGE"));
    }
    if let Some(at) = arguments.iter().position(|a| a == "--make") {
        return make(arguments.get(at + 1..).unwrap_or_default());
    }
    let size = std::env::var("POSTROAD_BENCH_BYTES").ok().and_then(|n| n.parse().ok()).unwrap_or(1 << 30);
    let runs = std::env::var("POSTROAD_BENCH_RUNS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    for (name, traffic) in [("many small sessions", Traffic::Small), ("few large bodies", Traffic::Large)] {
        compare(name, traffic, size, runs);
    }
    many_connections((size / 1000).min(1_000_000));
}

/// Leave a capture to look at or to profile with: `--make FILE small|large|open SIZE`.
fn make(arguments: &[String]) {
    let [file, traffic, size, ..] = arguments else { panic!("--make FILE small|large|open SIZE") };
    let traffic = match traffic.as_str() {
        "small" => Traffic::Small,
        "large" => Traffic::Large,
        _ => Traffic::Open,
    };
    let size = size.parse().expect("a size in octets, or in connections");
    let made = capture::write(Path::new(file), traffic, size).expect("the file can be written");
    describe(file, &made);
}

/// Both programs on one capture.
fn compare(name: &str, traffic: Traffic, size: u64, runs: usize) {
    let file = Temporary::new("traffic.pcap");
    let made = capture::write(&file.0, traffic, size).expect("the target folder takes the capture");
    describe(name, &made);
    let mut ours = None;
    for stage in ["import", "dissect", "explain"] {
        let best = best(runs, || Run::of(&mut this(&file.0, stage)));
        best.print(&format!("postroad: {stage}"), &made);
        ours = Some(best);
    }
    let Some(ours) = ours else { return };
    // A whole dissection of each packet, and as little output as there can be.
    let hierarchy = ["-q", "-z", "io,phs"];
    // The same, and what was found is printed: a line for each packet.
    let fields = ["-T", "fields", "-e", "frame.number", "-e", "_ws.col.Protocol", "-e", "_ws.col.Info"];
    for (what, options) in [("tshark -q -z io,phs", &hierarchy[..]), ("tshark -T fields", &fields[..])] {
        let tshark = || Run::of(Command::new("tshark").arg("-r").arg(&file.0).arg("-n").args(options));
        if Command::new("tshark").arg("-v").output().is_err() {
            println!("  {what}: there is no tshark here");
            continue;
        }
        let theirs = best(1, tshark);
        theirs.print(what, &made);
        println!(
            "    postroad explains at {:.1} times its throughput ({:.1} by CPU), in 1/{:.1} of its memory",
            theirs.time.as_secs_f64() / ours.time.as_secs_f64(),
            theirs.work / ours.work,
            theirs.peak / ours.peak
        );
    }
}

/// More connections, all open at once, than anybody follows.
fn many_connections(count: u64) {
    let file = Temporary::new("connections.pcap");
    let made = capture::write(&file.0, Traffic::Open, count).expect("the target folder takes the capture");
    describe("connections that stay open", &made);
    let run = Run::of(&mut this(&file.0, "explain"));
    run.print("postroad: explain", &made);
    println!("    {}", run.said);
    assert!(run.peak < 512.0, "no import may take more than 512 MiB");
}

fn describe(name: &str, made: &Made) {
    let Made { bytes, packets, sessions } = made;
    println!("{name}: {:.0} MB, {packets} packets, {sessions} sessions", *bytes as f64 / 1e6);
}

/// This program, to read a capture.
fn this(file: &Path, stage: &str) -> Command {
    let mut this = Command::new(std::env::current_exe().expect("this program has a path"));
    this.arg("--read").arg(file).arg(stage);
    this
}

fn best(runs: usize, run: impl Fn() -> Run) -> Run {
    let runs = (0..runs.max(1)).map(|_| run());
    runs.min_by_key(|run| run.time).expect("at least one run")
}

/// What a process took.
struct Run {
    time: Duration,
    /// Seconds that processors worked for it: on a machine that others use too, this says more.
    work: f64,
    /// Its peak resident size, in MiB.
    peak: f64,
    /// The last line that it printed.
    said: String,
}

impl Run {
    fn of(command: &mut Command) -> Run {
        let out = Temporary::new("output");
        let to = std::fs::File::create(&out.0).expect("the target folder takes the output");
        let start = Instant::now();
        let mut child = command.stdout(to).stderr(Stdio::null()).spawn().expect("the program starts");
        let (mut peak, mut work) = (0.0_f64, 0.0);
        let status = loop {
            // The peak is told as long as the process lives, its work until it is waited for.
            peak = peak.max(peak_mib(child.id()));
            work = worked(child.id()).unwrap_or(work);
            if let Some(status) = child.try_wait().expect("the program can be waited for") {
                break status;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let time = start.elapsed();
        assert!(status.success(), "{command:?} failed");
        let said = std::fs::read_to_string(&out.0).unwrap_or_default();
        Run { time, work, peak, said: said.lines().last().unwrap_or_default().to_owned() }
    }

    fn print(&self, what: &str, made: &Made) {
        let seconds = self.time.as_secs_f64();
        println!(
            "  {what:<20} {seconds:>7.2} s {:>7.2} s CPU {:>8.1} MB/s {:>9.0} packets/s {:>8.1} MiB",
            self.work,
            made.bytes as f64 / 1e6 / seconds,
            made.packets as f64 / seconds,
            self.peak
        );
    }
}

/// The largest resident size of a process so far, where the system tells it (Linux); else 0.
fn peak_mib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Seconds that processors have worked for a process (Linux: user and system time, in hundredths).
fn worked(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut hundredths = || fields.next()?.parse::<f64>().ok();
    Some((hundredths()? + hundredths()?) / 100.0)
}

/// A file that goes when this does.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        Temporary(Path::new(FOLDER).join(format!("postroad-{}-{name}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Read a capture as far as `stage`, keeping nothing; say what was in it.
fn read(file: &Path, stage: &str) {
    let mut records = import::open_path(file).expect("it is a capture");
    let mut steps = 0_u64;
    match stage {
        "import" => steps = records.by_ref().count() as u64,
        "dissect" => {
            let (mut dissector, mut found) = (Dissector::new(), Vec::new());
            for (index, record) in records.by_ref().enumerate() {
                dissector.take_to(index, Cow::Owned(record), &mut found);
                steps += found.drain(..).count() as u64;
            }
        }
        _ => {
            let told = abreast::tell(records.by_ref().map(Cow::Owned), &mut |told| {
                steps += u64::from(matches!(told, Told::Item(Item::Step(..), _)));
                Ok::<_, Infallible>(())
            });
            assert!(matches!(told, Ok(Some(_))), "an import begins with a head");
        }
    }
    if let Records::Capture(importer) = &records {
        let summary = importer.summary();
        println!(
            "{} packets, {} connections, {steps} steps, {} let go, {} gaps",
            summary.packets, summary.connections, summary.let_go, summary.gaps
        );
    }
}
