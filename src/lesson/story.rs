//! [`Stories`]: a lesson's stories, run when they are asked for: the story beside it, the one in which a student types,
//! the one that a change makes. Each is run once.

use super::activity::{Activity, Change as Chosen, Others, Repair, StoryName, Task, Typing};
use super::format::Lesson;
use super::outcome::{DESK, Outcome};
use crate::base::{Instant, Secret};
use crate::trace::change::Typing as Typed;
use crate::trace::runner::{Order, Runner};
use crate::trace::{Change, Head, Record};
use crate::world::scenario::terms::nearest;
use crate::world::scenario::{Act, Scenario, What, builtin, builtin_names, story_names};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Stories that are kept.
const MOST_KEPT: usize = 64;

/// What a lesson needs of the world outside: the command line hands it in.
pub trait Stage: Send + Sync {
    /// Runs stories.
    fn runner(&self) -> &dyn Runner;
    /// A recording that comes with the program.
    fn recording(&self, name: &str) -> Option<Arc<[Record]>>;
    /// The records of a transcript's bytes.
    ///
    /// # Errors
    /// Why it is none, in words.
    fn transcript(&self, bytes: &[u8]) -> Result<Arc<[Record]>, String>;
    /// The changes of a choice of `lessons/whatif.toml`, at the first of these Steps that it fits.
    ///
    /// # Errors
    /// There is none of this name, or it fits none of them.
    fn edit(&self, records: &[Record], steps: &[usize], id: &str) -> Result<Vec<Change>, String>;
    /// A file of a lesson that is no text.
    fn file(&self, lesson: &str, name: &str) -> Option<Vec<u8>>;
}

/// See the head of this file.
pub struct Stories {
    stage: Arc<dyn Stage>,
    kept: Mutex<BTreeMap<String, Arc<Outcome>>>,
}

/// Where a student sits down to type.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The story before anything is typed.
    pub order: Order,
    /// After how many of its records the call is made.
    pub after: u64,
    /// Whose mail is kept by the host that is called, each with the password.
    pub logins: Vec<(String, Secret)>,
}

/// A story, or why there is none.
pub type Told = Result<Arc<Outcome>, String>;

impl Stories {
    /// Nothing was run yet.
    pub fn new(stage: Arc<dyn Stage>) -> Self {
        Stories { stage, kept: Mutex::default() }
    }

    /// Who runs them.
    pub fn stage(&self) -> &Arc<dyn Stage> {
        &self.stage
    }

    /// The story of an activity as it is.
    ///
    /// # Errors
    /// There is none, or it does not run; in words.
    pub fn of(&self, lesson: &Lesson, activity: &Activity) -> Told {
        match &activity.task {
            Task::Type(typing) => self.run(&self.before_typing(lesson, activity, typing)?, Vec::new()),
            Task::Repair(repair) => self.repaired(lesson, repair, text_of(lesson, &repair.file)?),
            _ => {
                let name =
                    lesson.story_of(activity).ok_or("neither the lesson nor this activity has a story")?;
                self.named(lesson, &name)
            }
        }
    }

    /// A story by its name.
    ///
    /// # Errors
    /// As [`Stories::of`].
    pub fn named(&self, lesson: &Lesson, name: &StoryName) -> Told {
        match name {
            StoryName::Scenario(_) => self.run(&scenario(lesson, name)?, Vec::new()),
            StoryName::Transcript(file) => {
                let key = format!("{}/{file}", lesson.name);
                if let Some(kept) = self.kept().get(&key) {
                    return Ok(Arc::clone(kept));
                }
                let records = if file.ends_with(".jsonl") {
                    let missing = || format!("there is no file `{file}` in this lesson");
                    let bytes = self.stage.file(&lesson.name, file).ok_or_else(missing)?;
                    self.stage.transcript(&bytes)?
                } else {
                    self.stage.recording(file).ok_or_else(|| {
                        format!("there is no recording `{file}`; `postroad transcripts` lists them")
                    })?
                };
                Ok(self.keep(key, Outcome::of(records)))
            }
        }
    }

    /// Where a student sits down to type.
    ///
    /// # Errors
    /// As [`Stories::of`].
    pub fn seat(&self, lesson: &Lesson, activity: &Activity, typing: &Typing) -> Result<Seat, String> {
        let scenario = self.before_typing(lesson, activity, typing)?;
        if !scenario.hosts.iter().any(|host| host.name == typing.host) {
            let known: Vec<&str> = scenario.hosts.iter().map(|host| host.name.as_str()).collect();
            return Err(format!(
                "there is no host {} in this scenario; it has {}",
                typing.host,
                known.join(", ")
            ));
        }
        let before = self.run(&scenario, Vec::new())?;
        // The call is made when all the rest has happened; the end is written behind it.
        let after = before.records.len().saturating_sub(1) as u64;
        let kept = scenario.accounts.iter().filter(|account| account.host == typing.host);
        let logins = kept.map(|account| (account.address.clone(), account.password.clone())).collect();
        Ok(Seat { order: order(&scenario, Vec::new()), after, logins })
    }

    /// The scenario in which a student types.
    ///
    /// # Errors
    /// As [`Stories::of`].
    pub fn before_typing(
        &self,
        lesson: &Lesson,
        activity: &Activity,
        typing: &Typing,
    ) -> Result<Scenario, String> {
        let name = lesson.story_of(activity);
        let name = name.unwrap_or_else(|| StoryName::Scenario("journey".to_owned()));
        let mut scenario = scenario(lesson, &name)?;
        let sends = |act: &Act| matches!(act.what, What::Send(_) | What::SendDirect { .. });
        match typing.others {
            Others::Nobody => scenario.acts.clear(),
            Others::Letters => scenario.acts.retain(sends),
            Others::All => {}
        }
        Ok(scenario)
    }

    /// The story with a session that was typed.
    ///
    /// # Errors
    /// As [`Stories::of`].
    pub fn typed(
        &self,
        lesson: &Lesson,
        activity: &Activity,
        typing: &Typing,
        (pieces, hang_up): (Vec<String>, bool),
    ) -> Told {
        let Seat { order, after, .. } = self.seat(lesson, activity, typing)?;
        let (from, to, port) = (DESK.to_owned(), typing.host.clone(), typing.port);
        let change = Change::Type(Typed { after, from, to, port, pieces, hang_up });
        self.ordered(Order { changes: vec![change], ..order })
    }

    /// The story of a scenario that was mended: its whole text.
    ///
    /// # Errors
    /// It is no scenario: the place is shown. Or it does not run.
    pub fn repaired(&self, lesson: &Lesson, repair: &Repair, text: &str) -> Told {
        let shown = lesson.files.get(&repair.file).map_or(repair.file.as_str(), |source| &source.name);
        let scenario = Scenario::from_toml(text, shown).map_err(|error| error.to_string())?;
        self.run(&scenario, Vec::new())
    }

    /// The story with a change that was chosen.
    ///
    /// # Errors
    /// As [`Stories::of`]; or the change does not fit.
    pub fn changed(&self, lesson: &Lesson, activity: &Activity, chosen: &Chosen) -> Told {
        let name = match &chosen.scenario {
            Some(name) => StoryName::Scenario(name.clone()),
            None => lesson.story_of(activity).ok_or("neither the lesson nor this activity has a story")?,
        };
        let mut scenario = match &name {
            StoryName::Scenario(_) => scenario(lesson, &name)?,
            StoryName::Transcript(_) => {
                let outcome = self.named(lesson, &name)?;
                let Some(Record::Head(head)) = outcome.records.first() else {
                    return Err("this recording has no head".to_owned());
                };
                Scenario::from_toml(&head.scenario, "the recording's scenario").map_err(|e| e.to_string())?
            }
        };
        for preset in &chosen.breaks {
            scenario.add_faults_of(preset).map_err(|error| error.to_string())?;
        }
        let faults = chosen.faults.iter().map(|fault| Change::Fault { fault: fault.clone(), after: 0 });
        let mut changes: Vec<Change> = faults.collect();
        if let Some((id, at)) = &chosen.edit {
            let base = self.run(&scenario, Vec::new())?;
            let steps: Vec<usize> = match at {
                Some(filter) => base.steps(filter).iter().map(|step| step.number).collect(),
                None => base.numbers().collect(),
            };
            if steps.is_empty() {
                return Err("no Step passes the filter of `at`".to_owned());
            }
            changes.extend(self.stage.edit(&base.records, &steps, id)?);
        }
        self.run(&scenario, changes)
    }

    fn run(&self, scenario: &Scenario, changes: Vec<Change>) -> Told {
        self.ordered(order(scenario, changes))
    }

    /// A story that was ordered elsewhere: what is typed at a server, piece by piece.
    ///
    /// # Errors
    /// It does not run.
    pub fn ordered(&self, order: Order) -> Told {
        let changes: Vec<String> = order.changes.iter().map(|change| change.to_value().to_string()).collect();
        let key = format!("{}\n{}", order.head.scenario, changes.join("\n"));
        if let Some(kept) = self.kept().get(&key) {
            return Ok(Arc::clone(kept));
        }
        let records = self.stage.runner().start(order).wait()?;
        Ok(self.keep(key, Outcome::of(records.into())))
    }

    fn keep(&self, key: String, outcome: Outcome) -> Arc<Outcome> {
        let outcome = Arc::new(outcome);
        let mut kept = self.kept();
        if kept.len() >= MOST_KEPT {
            kept.pop_first();
        }
        kept.insert(key, Arc::clone(&outcome));
        outcome
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Outcome>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text of a file of a lesson's folder.
fn text_of<'l>(lesson: &'l Lesson, file: &str) -> Result<&'l str, String> {
    let source = lesson.files.get(file).ok_or_else(|| format!("there is no file `{file}` in this lesson"))?;
    Ok(&source.text)
}

/// A scenario of the lesson's folder, or one that comes with the program.
///
/// # Errors
/// There is none of this name, or it is wrong: the place is shown.
pub fn scenario(lesson: &Lesson, name: &StoryName) -> Result<Scenario, String> {
    let StoryName::Scenario(name) = name else {
        return Err("a recording cannot be changed: name a scenario".to_owned());
    };
    let scenario = if name.ends_with(".toml") {
        let text = text_of(lesson, name)?;
        let shown = lesson.files.get(name).map_or(name.as_str(), |source| &source.name);
        Scenario::from_toml(text, shown)
    } else {
        if builtin(name).is_none() {
            let near = nearest(name, builtin_names().chain(story_names()))
                .map(|near| format!("; did you mean `{near}`?"));
            let near = near.unwrap_or_default();
            return Err(format!("there is no scenario `{name}`; one of this folder ends in .toml{near}"));
        }
        Scenario::builtin(name)
    };
    scenario.map_err(|error| error.to_string())
}

/// A scenario to be run.
fn order(scenario: &Scenario, changes: Vec<Change>) -> Order {
    let head = Head {
        version: 1,
        generator: String::new(),
        title: scenario.title.clone(),
        start: Instant::default(),
        hosts: Vec::new(),
        scenario: scenario.to_toml(),
        seed: scenario.seed,
        changes: Vec::new(),
    };
    Order { head, changes }
}
