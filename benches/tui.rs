//! The terminal view at a thousand, a hundred thousand and a million steps: a frame, a step, a jump, a search, a filter,
//! memory; and how long `postroad journey` takes to its first frame in a real terminal.
//!
//! `cargo bench --bench tui`. One process per size (the bench runs itself), so that each has its own memory. A frame or
//! a jump should stay under 8 ms at any size; the first frame should come within 50 ms.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use postroad::explain::StoryIndex;
use postroad::trace::Record;
use postroad::view::tui::theme::Theme;
use postroad::view::tui::{Action, Book, Model, Msg, Options, draw, update};
use postroad::world::scenario::{Scenario, What};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps that one letter, sent and fetched, has; about.
const STEPS_A_LETTER: usize = 36;
/// The screen.
const SIZE: (u16, u16) = (200, 60);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--steps") {
        let steps = arguments.get(at + 1).and_then(|n| n.parse().ok()).expect("--steps NUMBER");
        return measure(steps);
    }
    for steps in [1_000, 100_000, 1_000_000] {
        let this = std::env::current_exe().expect("this program has a path");
        let status = std::process::Command::new(this).args(["--steps", &steps.to_string()]).status();
        assert!(status.is_ok_and(|s| s.success()), "the run with {steps} steps failed");
    }
    first_frames();
}

/// Alice writes many letters, one after the other; Bob fetches all by POP3 at the end.
fn records(steps: usize) -> Arc<[Record]> {
    let letters = steps / STEPS_A_LETTER + 1;
    let mut scenario = Scenario::builtin("journey").expect("the default journey loads");
    let send = scenario.acts.iter().find(|a| matches!(a.what, What::Send(_))).cloned();
    let fetch = scenario.acts.iter().find(|a| matches!(a.what, What::FetchPop3 { .. })).cloned();
    let (send, mut fetch) = (send.expect("Alice sends"), fetch.expect("Bob fetches"));
    fetch.when = format!("+{}s", 2 * letters + 60);
    scenario.acts = vec![send; letters];
    scenario.acts.push(fetch);
    postroad::world::run(&scenario, &[]).expect("it runs").into()
}

/// A view in a screen that nobody sees.
struct View {
    model: Model,
    terminal: Terminal<TestBackend>,
}

impl View {
    fn frame(&mut self) {
        let model = &self.model;
        self.terminal.draw(|screen| draw(model, screen)).expect("it is drawn");
    }

    fn tell(&mut self, msg: Msg) {
        update(&mut self.model, msg);
    }

    fn act(&mut self, action: Action) {
        self.tell(Msg::Do(action));
        self.frame();
    }

    fn typed(&mut self, text: &str) {
        for c in text.chars() {
            let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
            self.tell(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        }
    }

    fn row(&self) -> usize {
        self.model.readings[0].row
    }

    /// Until what is looked for is found, at the pace of the screen; the longest that one turn of it took.
    fn settle(&mut self) -> Duration {
        let mut longest = Duration::ZERO;
        while self.model.scan.is_some()
            || self.model.readings[0].sieve.as_ref().is_some_and(|sieve| !sieve.is_over())
        {
            longest = longest.max(time(|| {
                self.tell(Msg::Tick(Duration::from_millis(8)));
                self.frame();
            }));
            std::thread::sleep(Duration::from_millis(8));
        }
        longest
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The median and the longest of many.
fn many(count: usize, mut work: impl FnMut(usize)) -> String {
    let mut times: Vec<Duration> = (0..count).map(|i| time(|| work(i))).collect();
    times.sort();
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    format!("{:8.2} ms in the median, {:8.2} ms at most", ms(times[count / 2]), ms(times[count - 1]))
}

fn measure(steps: usize) {
    let records = records(steps);
    let Some(Record::Head(head)) = records.first() else { panic!("a transcript begins with its head") };
    let before = resident_mib();
    let start = Instant::now();
    let index = StoryIndex::of_records(Arc::clone(&records));
    let book = Book::new("", head, index, false);
    let options = Options { theme: Theme::dark(), colour: true, exports: false };
    let mut view = View {
        model: Model::new(SIZE, options, ""),
        terminal: Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a screen"),
    };
    view.tell(Msg::Opened(Box::new(book)));
    view.frame();
    let first = start.elapsed();
    while !view.model.books[0].progress().done {
        view.tell(Msg::Tick(Duration::from_millis(20)));
        std::thread::sleep(Duration::from_millis(5));
    }
    view.tell(Msg::Tick(Duration::from_millis(20)));
    let read = start.elapsed();
    let all = view.model.books[0].steps();
    println!("── {all} steps, {} rows, {} × {}", view.model.books[0].len(), SIZE.0, SIZE.1);
    println!(
        "first frame   {:8.2} ms; all read after {:.2} s",
        first.as_secs_f64() * 1e3,
        read.as_secs_f64()
    );
    println!("frame         {}", many(200, |_| view.frame()));
    println!("step          {}", many(500, |_| view.act(Action::Step)));
    println!("back          {}", many(200, |_| view.act(Action::Back)));
    println!("next chapter  {}", many(50, |_| view.act(Action::NextChapter)));
    println!(
        "end and back  {}",
        many(20, |i| view.act(if i % 2 == 0 { Action::End } else { Action::Start }))
    );
    let mut random = fastrand::Rng::with_seed(1);
    println!(
        "any step      {}",
        many(100, |_| {
            view.typed(&format!(":{}\n", random.usize(1..=all)));
            view.frame();
        })
    );
    look(&mut view);
    println!("step, sieved  {}", many(200, |_| view.act(Action::Step)));
    let grown = (resident_mib() - before).max(0.0);
    println!(
        "memory        {grown:.1} MiB beside the records: {:.0} bytes a step",
        grown * 1_048_576.0 / all as f64
    );
}

/// A search and a filter over all of it.
fn look(view: &mut View) {
    view.act(Action::Start);
    let mut longest = Duration::ZERO;
    let found = time(|| {
        view.typed("/RETR\n");
        longest = view.settle();
    });
    let row = view.row();
    println!(
        "search        {:8.2} ms to row {row}; no turn of the screen longer than {:.2} ms",
        found.as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    );
    let sieved = time(|| {
        view.typed("fsmtp and verb RCPT and from client\n");
        longest = view.settle();
    });
    let count = view.model.readings[0].sieve.as_ref().map_or(0, |sieve| sieve.count());
    println!(
        "filter        {:8.2} ms for {count} rows; no turn of the screen longer than {:.2} ms",
        sieved.as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    );
}

/// From the start of `postroad journey` in a terminal to its first frame, and to its first step.
fn first_frames() {
    let (mut frames, mut steps): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("there are pseudo-terminals");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_postroad"));
        command.arg("journey");
        command.env("TERM", "xterm-256color");
        let mut reader = pair.master.try_clone_reader().expect("it can be read");
        let start = Instant::now();
        let mut child = pair.slave.spawn_command(command).expect("it starts");
        let (mut said, mut frame) = (Vec::new(), None);
        let mut buffer = [0; 64 << 10];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            said.extend_from_slice(&buffer[..read]);
            let has = |text: &str| said.windows(text.len()).any(|window| window == text.as_bytes());
            if frame.is_none() && has("postroad") {
                frame = Some(start.elapsed());
            }
            if has("step 1 of") {
                steps.push(start.elapsed());
                break;
            }
        }
        frames.extend(frame);
        let _ = child.kill();
        let _ = child.wait();
    }
    frames.sort();
    steps.sort();
    let ms = |times: &[Duration], at: usize| times.get(at).map_or(0.0, |d| d.as_secs_f64() * 1e3);
    println!("── postroad journey in a terminal of 80 × 24, 20 runs");
    println!("first frame   {:8.2} ms in the median, {:8.2} ms at most", ms(&frames, 10), ms(&frames, 19));
    println!("first step    {:8.2} ms in the median, {:8.2} ms at most", ms(&steps, 10), ms(&steps, 19));
}

/// The resident size now, where the system tells it (Linux); else 0.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
