//! What takes longer than a frame: judging, running what was typed, telling the story beside the page.

use super::super::talk::TalkPane;
use super::{LessonView, Over, Said, Story, Work};
use crate::lesson::activity::Task;
use crate::lesson::judge::{self, Attempt};
use crate::lesson::{Activity, desk};
use crate::view::lesson::asked::points;
use crate::view::lesson::{Beside, class};
use std::collections::BTreeSet;
use std::sync::Arc;

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
        let named = self.session.activity(number).filter(|_| verdict.right).map(points).unwrap_or_default();
        self.said.insert(number, Said::Verdict(verdict.clone(), named));
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
        // Who comes back to a session goes on with it.
        if let Some((_, pane)) = self.left.take_if(|(of, _)| *of == number && !self.session.is_done(number)) {
            self.over = Over::Talk(pane);
            return;
        }
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
        let told = Beside::of(&outcome.records);
        let about: BTreeSet<usize> = match &activity.task {
            Task::Watch(stretch) => {
                let places = judge::stretch(&outcome, stretch);
                places.into_iter().filter_map(|place| told.row_at(place)).collect()
            }
            Task::Explain { spot, .. } | Task::Predict(spot) => {
                let step = judge::spot(&outcome, spot);
                step.and_then(|step| told.row_of(step.number)).into_iter().collect()
            }
            _ => BTreeSet::new(),
        };
        let row = about.first().copied().unwrap_or_default();
        self.story = Some(Story { of: number, told, about, row });
    }

    pub(super) fn hint(&mut self) {
        let Some(number) = self.at else { return };
        match self.session.hint(number) {
            Some((nth, of, hint)) => {
                if matches!(self.over, Over::Editor(_)) {
                    self.news.clone_from(&hint);
                }
                self.said.insert(number, Said::Hint(nth, of, hint));
                self.follow = true;
            }
            None => "there is no hint here".clone_into(&mut self.news),
        }
    }

    /// How many choices there are before a line that comes.
    pub(super) fn predicted(&self) -> usize {
        self.at.and_then(|number| self.asked.get(&number)).map_or(0, |asked| asked.choices.len())
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
