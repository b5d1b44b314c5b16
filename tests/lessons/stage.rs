//! A stage for tests: worlds on the spot, and the recordings of the project's folder.

use postroad::lesson::library::Library;
use postroad::lesson::progress::OfLesson;
use postroad::lesson::{Session, Stage, Stories};
use postroad::trace::runner::{News, Order, Runner, Running};
use postroad::trace::{Change, Record, Transcript};
use postroad::view::fork;
use postroad::world::scenario::Scenario;
use std::sync::Arc;

/// Runs each story before it gives the answer.
struct Worlds;

impl Runner for Worlds {
    fn start(&self, order: Order) -> Running {
        let (teller, running) = Running::pair();
        let mut scenario = Scenario::from_toml(&order.head.scenario, "x").expect("a scenario");
        scenario.seed = order.head.seed;
        let changes: Vec<postroad::world::Change> = order
            .changes
            .iter()
            .map(|change| serde_json::from_value(change.to_value()).expect("a change"))
            .collect();
        teller.tell(News::Records(postroad::world::run(&scenario, &changes).expect("runs")));
        teller.tell(News::Done);
        running
    }
}

impl Stage for Worlds {
    fn runner(&self) -> &dyn Runner {
        self
    }

    fn recording(&self, name: &str) -> Option<Arc<[Record]>> {
        let path = format!("{}/transcripts/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
        self.transcript(&std::fs::read(path).ok()?).ok()
    }

    fn transcript(&self, bytes: &[u8]) -> Result<Arc<[Record]>, String> {
        let (transcript, _) = Transcript::read(bytes).map_err(|error| error.to_string())?;
        Ok(transcript.records.into())
    }

    fn edit(&self, records: &[Record], steps: &[usize], id: &str) -> Result<Vec<Change>, String> {
        let moments = steps.iter().filter_map(|number| fork::Moment::at(records, *number).ok());
        let mut choices = moments.flat_map(|moment| fork::choices::of(&moment));
        choices.find(|choice| choice.id == id).map(|choice| choice.changes).ok_or_else(|| id.to_owned())
    }

    fn file(&self, _lesson: &str, _name: &str) -> Option<Vec<u8>> {
        None
    }
}

/// A shipped lesson, begun anew.
pub fn session(name: &str) -> Session {
    let library = Library::shipped();
    let lesson = library.get(name).expect("it is shipped").clone();
    let stories = Arc::new(Stories::new(Arc::new(Worlds)));
    Session::new(Arc::new(lesson), stories, OfLesson::default(), None)
}
