//! `postroad replay FILE|NAME`: tell the story of a recording, in its own time or at once; or check it.

use super::args::Detail;
use super::fullscreen::{self, Service};
use super::open::{self, Source};
use super::select::{self, Selection};
use super::{CommandError, check, linear, screen};
use crate::base::{Instant, escape};
use crate::dissect::filter::StepRange;
use crate::explain::{Item, Placing, Story};
use crate::trace::{Mark, Record};
use crate::view::json::Json;
use crate::view::plain::{Options, Plain};
use crate::view::{Cast, Closing, Renderer, Tally, clock};
use std::cell::RefCell;
use std::io::{self, BufRead, IsTerminal, Write};
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

/// No wait is longer than this, however long the story waited.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// `postroad replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// A transcript or a capture: a file, the name of a recording of the library (`postroad transcripts`), or `-`.
    #[arg(value_name = "FILE|NAME", value_hint = clap::ValueHint::FilePath)]
    pub what: String,
    /// How fast: `1x` is as it happened, `4x` four times as fast, `max` at once. No wait is longer than two seconds.
    /// [default: 1x on a terminal, else max]
    #[arg(long, value_name = "SPEED", help_heading = "What is played")]
    pub speed: Option<Speed>,
    /// Only these steps, as in 14..20, 14.. or ..20.
    #[arg(long, value_name = "A..B", help_heading = "What is played")]
    pub steps: Option<StepRange>,
    /// Only chapters of this number, with this id, or with these words in the title.
    #[arg(long, value_name = "NAME", help_heading = "What is played")]
    pub chapter: Option<String>,
    /// Only what this filter lets pass, as in `smtp and host mx1.example.net and code 4xx`.
    #[arg(long, value_name = "EXPR", help_heading = "What is played")]
    pub filter: Option<String>,
    /// Wait for Enter at pauses and questions; the answer comes after it. On a terminal only.
    #[arg(long, help_heading = "What is played")]
    pub pause_at_notes: bool,
    /// Play nothing: derive everything again, run the scenario that it came from again, and report the first difference.
    #[arg(long, help_heading = "Checking", conflicts_with_all =
        ["speed", "steps", "chapter", "filter", "pause_at_notes", "json"])]
    pub check: bool,

    /// Tell it as text from beginning to end, where a terminal would be given the full screen.
    #[arg(long, help_heading = "The telling")]
    pub plain: bool,
    /// Walk it by typed commands, told in plain sentences: for screen readers, simple terminals and pipes.
    #[arg(long, help_heading = "The telling", conflicts_with_all =
        ["json", "detail", "width", "speed", "steps", "chapter", "pause_at_notes", "check"])]
    pub interactive: bool,
    /// How much is told, as text. [default: brief]
    #[arg(long, value_name = "HOW", help_heading = "The telling")]
    pub detail: Option<Detail>,
    /// Tell it as JSON, one object a line, for other programs.
    #[arg(long, help_heading = "The telling")]
    pub json: bool,
    /// Show passwords.
    #[arg(long, help_heading = "The telling")]
    pub show_secrets: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000),
          help_heading = "The telling")]
    pub width: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  postroad replay imap-idle --speed 4x
      a recording of the library, four times as fast as it happened
  postroad replay journey --chapter 4 --detail full
      one chapter, with everything that is known about each line
  postroad replay pipelining --filter 'smtp and (code 4xx or code 5xx)'
      only the refusals
  postroad replay class.jsonl --pause-at-notes
      in front of a class: Enter goes on at each question
  postroad replay old.jsonl --check
      does the scenario still give the same bytes?

A filter joins terms by `and` (or a space), `or`, `not` and parentheses:
  smtp pop3 imap dns tls finding fact mark, host NAME, conn N, step A..B, verb WORD,
  code 4xx, from client|server, chapter \"…\", text \"…\"";

/// How fast a story is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// At once.
    Max,
    /// So many times as fast as it happened.
    Times(f64),
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "a speed is max, or a number from 0.01 to 1000 with an x: 1x, 4x, 0.5x";
        if text.eq_ignore_ascii_case("max") {
            return Ok(Speed::Max);
        }
        let times: f64 = text.trim_end_matches(['x', 'X']).parse().map_err(|_| FORM)?;
        if (0.01..=1000.0).contains(&times) { Ok(Speed::Times(times)) } else { Err(FORM) }
    }
}

impl Speed {
    /// How long to wait where the story waited `time`.
    fn wait(self, time: Duration) -> Duration {
        match self {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => Duration::try_from_secs_f64(time.as_secs_f64() / times)
                .unwrap_or(LONGEST_WAIT)
                .min(LONGEST_WAIT),
        }
    }
}

/// Do what was asked.
pub fn run(args: &Replay) -> Result<(), CommandError> {
    let source = Source::find(&args.what)?;
    if args.check {
        return check::run(&source);
    }
    let filter = args.filter.as_deref().map(|text| select::filter(text, screen::colour())).transpose()?;
    if args.interactive {
        return talk(args, &source);
    }
    if is_walked(args, &source) {
        return walk(args, source);
    }
    let selection = Selection::new(filter, args.steps, args.chapter.as_deref());
    let out = Shared(Rc::new(RefCell::new(screen::out())));
    let pace = Pace::new(args, out.clone());
    if args.json {
        return play(&source, Json::new(out, args.show_secrets), selection, pace);
    }
    let options = Options {
        detail: args.detail.unwrap_or_default().into(),
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
    };
    play(&source, Plain::new(out, options), selection, pace)
}

/// Whether it is walked on the full screen: somebody sits before a terminal, and asked for nothing that only a telling
/// has. What comes by a pipe leaves no terminal to press keys on.
fn is_walked(args: &Replay, source: &Source) -> bool {
    let chosen =
        args.steps.is_some() || args.chapter.is_some() || args.speed.is_some() || args.pause_at_notes;
    let told = args.plain || args.json || args.detail.is_some() || args.width.is_some();
    !chosen && !told && *source != Source::Stdin && fullscreen::is_possible()
}

/// Walk it by typed commands.
fn talk(args: &Replay, source: &Source) -> Result<(), CommandError> {
    if *source == Source::Stdin {
        let hint =
            "give the recording by its file or its name: the standard input is where commands are read from";
        return Err(CommandError::usage(
            "a recording cannot be walked while it is read from the standard input",
            hint,
        ));
    }
    let (transcript, troubles) = source.load()?;
    open::tell_troubles(source, &troubles);
    let view = linear::view(&source.name(), transcript.records.into(), args.show_secrets)?;
    linear::run(view, args.filter.as_deref())
}

/// Walk it on the full screen, with the filter that was asked for.
fn walk(args: &Replay, source: Source) -> Result<(), CommandError> {
    let (name, secrets) = (source.name(), args.show_secrets);
    let export = fullscreen::export_of(source.clone(), secrets);
    let opener = fullscreen::opener(source, secrets);
    let service = Service { export: Some(export), keeper: None, switch: None, show_secrets: secrets };
    fullscreen::run(&format!("reading {name}"), opener, args.filter.as_deref(), &service)
}

/// Tell the story, record by record: a long one need not fit into memory.
fn play<V: Renderer>(source: &Source, view: V, selection: Selection, pace: Pace) -> Result<(), CommandError> {
    let mut records = source.records()?;
    let first = records.next();
    let Some(Record::Head(head)) = &first else {
        return Err(CommandError::failure(format!("{} has no head", source.name()), ""));
    };
    let mut story = Story::new(head);
    let mut player = Player {
        view,
        selection,
        pace,
        cast: Cast::default(),
        tally: Tally::default(),
        shown: 0,
        chapters: Vec::new(),
    };
    let mut placing = Placing::default();
    for (index, record) in first.clone().into_iter().chain(records.by_ref()).enumerate() {
        player.show(placing.before(&record))?;
        if player.selection.is_over() {
            break;
        }
        player.learn(index, &record)?;
        let items = story.push(index, &record);
        if *source == Source::Stdin {
            // Somebody may still be writing it: nothing waits for what may come.
            player.show(items)?;
        } else {
            placing.take(items);
        }
    }
    player.show(placing.finish())?;
    if !player.selection.is_over() {
        player.show(story.finish())?;
    }
    let Player { mut view, cast, tally, shown, chapters, .. } = player;
    if shown == 0 {
        let name = source.name();
        let steps = clock::count(tally.traffic.steps, "step");
        let _ = writeln!(
            io::stderr(),
            "note: nothing of {name} is as asked for; it has {steps}, in these chapters:"
        );
        for chapter in chapters {
            let _ = writeln!(io::stderr(), "  {chapter}");
        }
    }
    let deeper = format!("postroad replay {} --detail full", source.name());
    let next = [deeper, "postroad transcripts".to_owned(), "postroad explain RCPT".to_owned()];
    view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &next })?;
    open::tell_troubles(source, &records.troubles());
    Ok(())
}

/// A story being told.
struct Player<V> {
    view: V,
    selection: Selection,
    pace: Pace,
    cast: Cast,
    tally: Tally,
    shown: usize,
    /// What the story's chapters are called, for those who ask for one that is not there.
    chapters: Vec<String>,
}

/// So many chapters are named.
const NAMED: usize = 20;

impl<V: Renderer> Player<V> {
    fn learn(&mut self, index: usize, record: &Record) -> Result<(), CommandError> {
        self.cast.learn(record);
        self.selection.learn(record);
        if index == 0 {
            self.view.begin(&self.cast)?;
        }
        Ok(())
    }

    fn show(&mut self, items: Vec<Item>) -> Result<(), CommandError> {
        for item in items {
            if let Item::Chapter(chapter) = &item
                && self.chapters.len() < NAMED
            {
                self.chapters.push(format!("{} · {}", chapter.number, escape::text(&chapter.title)));
            }
            let admitted = self.selection.admit(&item);
            if self.selection.is_over() {
                return Ok(());
            }
            self.tally.see(&item, self.cast.start);
            for item in admitted {
                self.shown += 1;
                self.pace.wait_for(&item)?;
                self.view.item(&self.cast, &item)?;
                self.pace.pause_at(&item)?;
            }
        }
        Ok(())
    }
}

/// Keeps the time of a telling.
struct Pace {
    speed: Speed,
    pauses: bool,
    out: Shared,
    last: Option<Instant>,
}

impl Pace {
    fn new(args: &Replay, out: Shared) -> Self {
        let usual = if screen::is_watched() && !args.json { Speed::Times(1.0) } else { Speed::Max };
        let speed = args.speed.unwrap_or(usual);
        let say = |text: &str| {
            let _ = writeln!(io::stderr(), "note: {text}");
        };
        if args.speed.is_none() && speed != Speed::Max {
            say("told as it happened, but no wait is longer than two seconds; --speed max tells it at once");
        }
        let pauses = args.pause_at_notes && screen::is_watched() && io::stdin().is_terminal();
        if args.pause_at_notes && !pauses {
            say("this is no terminal, so --pause-at-notes does not wait");
        }
        Pace { speed, pauses, out, last: None }
    }

    /// Wait as the story did before this item.
    fn wait_for(&mut self, item: &Item) -> io::Result<()> {
        let at = match item {
            Item::Step(step, _) => step.at,
            Item::Fact { at, .. } => *at,
            Item::Outcome(outcome) => outcome.at,
            Item::Chapter(_) | Item::Mark(_) => return Ok(()),
        };
        let before = self.last.replace(at);
        let wait = before.map_or(Duration::ZERO, |before| self.speed.wait(at.since(before)));
        if wait > Duration::ZERO {
            self.out.flush()?;
            std::thread::sleep(wait);
        }
        Ok(())
    }

    /// At a pause or a question wait for Enter; then the answer comes.
    fn pause_at(&mut self, item: &Item) -> io::Result<()> {
        let Item::Mark(mark) = item else { return Ok(()) };
        if !self.pauses || !matches!(mark.kind.as_str(), "pause" | "question") {
            return Ok(());
        }
        write!(self.out, "      ⏎  ")?;
        self.out.flush()?;
        io::stdin().lock().read_line(&mut String::new())?;
        match answer(mark) {
            Some(answer) => writeln!(self.out, "      {answer}\n"),
            None => Ok(()),
        }
    }
}

/// What is said when a class has thought about a question.
fn answer(mark: &Mark) -> Option<String> {
    (!mark.answer.is_empty()).then(|| format!("The answer: {}", escape::text(&mark.answer)))
}

/// The standard output, which the view writes to and the pace flushes.
#[derive(Clone)]
struct Shared(Rc<RefCell<io::BufWriter<io::StdoutLock<'static>>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_shortened_and_never_long() {
        let quarter = Duration::from_millis(250);
        assert_eq!(Speed::Times(1.0).wait(quarter), quarter);
        assert_eq!(Speed::Times(4.0).wait(Duration::from_secs(1)), quarter);
        assert_eq!(Speed::Times(0.01).wait(Duration::from_secs(1)), LONGEST_WAIT);
        assert_eq!(Speed::Times(1.0).wait(Duration::from_secs(900)), LONGEST_WAIT);
        assert_eq!(Speed::Max.wait(Duration::from_secs(900)), Duration::ZERO);
    }

    #[test]
    fn a_speed_is_read() {
        assert_eq!("4x".parse(), Ok(Speed::Times(4.0)));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        assert_eq!("MAX".parse(), Ok(Speed::Max));
        for wrong in ["", "x", "0x", "-1x", "NaN", "infx", "fast", "1e9x"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }
}
