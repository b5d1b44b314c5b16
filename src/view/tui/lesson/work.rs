//! What takes longer than a frame: judging, running what was typed, telling the story beside the page.

use super::super::talk::TalkPane;
use super::{LessonView, Over, Story, Work};
use crate::lesson::activity::Task;
use crate::lesson::judge::{self, Attempt};
use crate::lesson::{Activity, desk};
use crate::view::lesson::asked::{self, Asked, points};
use crate::view::lesson::rows::{Look, Setter};
use crate::view::lesson::{Beside, class};
use std::sync::Arc;

/// Columns that what is said is set to; it is set again to the pane's own.
pub(super) const SAID: usize = 10_000;

impl LessonView {
    /// Do what waits to be done; says whether there was anything, so that it is drawn anew.
    pub fn work(&mut self) -> bool {
        let Some(work) = self.work.take() else { return false };
        match work {
            Work::Judge(number, attempt) => self.judge(number, &attempt),
            Work::Run(order) => self.run(*order),
            Work::Call(number) => self.call(number),
            Work::Tell(number) => self.tell_story(number),
        }
        if let Some(trouble) = self.session.trouble() {
            self.news = format!("not kept: {trouble}");
        }
        true
    }

    fn judge(&mut self, number: usize, attempt: &Attempt) {
        let verdict = match self.session.attempt(number, attempt) {
            Ok(verdict) => verdict,
            Err(why) => {
                self.news = why;
                return;
            }
        };
        let mut setter = Setter::new(SAID, false);
        asked::verdict(&verdict, &mut setter);
        if let Some(activity) = self.session.activity(number).filter(|_| verdict.right) {
            for point in points(activity) {
                setter.say("  ☐ ", Look::Key, &point, Look::Plain);
            }
        }
        self.said.insert(number, setter.rows);
        self.chosen.clear();
        self.given.clear();
        self.follow = true;
        if verdict.right {
            if matches!(self.over, Over::Editor(_)) {
                self.over = Over::Nothing;
            }
            if self.session.is_page_done(self.session.page()) {
                "this step is done: → goes on".clone_into(&mut self.news);
            }
            // The line that was to be predicted may be looked at now.
            if self.story.is_none() && self.has_story(number) {
                self.work = Some(Work::Tell(number));
            }
        } else if matches!(self.over, Over::Editor(_)) {
            self.news = verdict.said.first().map(|said| said.text.clone()).unwrap_or_default();
        }
    }

    fn run(&mut self, order: crate::trace::runner::Order) {
        let told = self.session.stories().ordered(order);
        let Over::Talk(pane) = &mut self.over else { return };
        match told {
            Ok(outcome) => pane.told(outcome.records.to_vec()),
            Err(why) => {
                pane.failed(&why);
                return;
            }
        }
        let typed = pane.talk();
        let attempt = Attempt::Typed(typed.pieces().to_vec(), typed.has_hung_up());
        let Some(number) = self.at.filter(|_| !typed.pieces().is_empty()) else { return };
        let lesson = Arc::clone(self.session.lesson());
        let Some(activity) = lesson.activities.get(number) else { return };
        let right = judge::judge(self.session.stories(), &lesson, activity, &attempt);
        if right.is_ok_and(|verdict| verdict.right) && !self.session.is_done(number) {
            pane.tell(Ok("That is it: the goal is reached. esc goes back to the lesson.".to_owned()));
        }
    }

    fn call(&mut self, number: usize) {
        let lesson = Arc::clone(self.session.lesson());
        let Some(Activity { task: Task::Type(typing), .. }) = lesson.activities.get(number) else { return };
        let Some(activity) = lesson.activities.get(number) else { return };
        match class::talk(&self.session, activity, typing) {
            Ok(talk) => {
                let order = talk.order();
                self.over = Over::Talk(Box::new(TalkPane::new(talk, false)));
                self.work = Some(Work::Run(Box::new(order)));
            }
            Err(why) => self.news = why,
        }
    }

    fn tell_story(&mut self, number: usize) {
        let lesson = Arc::clone(self.session.lesson());
        let Some(activity) = lesson.activities.get(number) else { return };
        let outcome = match self.session.stories().of(&lesson, activity) {
            Ok(outcome) => outcome,
            Err(why) => {
                self.news = why;
                return;
            }
        };
        let about = match &activity.task {
            Task::Watch(stretch) => judge::stretch(&outcome, stretch),
            Task::Explain { spot, .. } | Task::Predict(spot) => {
                judge::spot(&outcome, spot).map(|step| step.number).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let told = Beside::of(&outcome.records);
        let row = about.first().and_then(|number| told.row_of(*number)).unwrap_or_default();
        self.story = Some(Story { of: number, told, about: about.into_iter().collect(), row });
    }

    pub(super) fn hint(&mut self) {
        let Some(number) = self.at else { return };
        match self.session.hint(number) {
            Some((nth, of, hint)) => {
                let mut setter = Setter::new(SAID, false);
                setter.say(&format!("hint {nth} of {of}  "), Look::Key, &hint, Look::Plain);
                if matches!(self.over, Over::Editor(_)) {
                    self.news = hint;
                }
                self.said.insert(number, setter.rows);
                self.follow = true;
            }
            None => "there is no hint here".clone_into(&mut self.news),
        }
    }

    /// How many choices there are before a line that comes.
    pub(super) fn predicted(&self) -> usize {
        self.at.map_or(0, |number| Asked::of(&self.session, number).choices.len())
    }

    /// The part of a scenario that is mended, as it was left.
    pub(super) fn shown_part(&self, number: usize) -> String {
        let done = self.session.done(number);
        if !done.answer.is_empty() {
            return done.answer;
        }
        let Some(Activity { task: Task::Repair(repair), .. }) = self.session.activity(number) else {
            return String::new();
        };
        let text = self.session.lesson().files.get(&repair.file).map(|source| source.text.as_str());
        let text = text.unwrap_or_default();
        let range = desk::part(text, &repair.part).unwrap_or(0..text.len());
        text.get(range).unwrap_or_default().to_owned()
    }
}
