//! What takes longer than a frame, as the view sees it: it gives jobs out, and takes in what came of them.

use super::super::talk::TalkPane;
use super::job::{Done, Finished, Job};
use super::{LessonView, Over, Said, Story, Work};
use crate::lesson::activity::{Question, Task};
use crate::lesson::judge::Attempt;
use crate::lesson::session::Trial;
use crate::lesson::story::Told;
use crate::lesson::{Activity, desk};
use crate::view::lesson::asked::points;
use crate::view::talk::Talk;

impl LessonView {
    /// Whether something is to be done or under way; until it is over, keys are not heard.
    pub fn is_busy(&self) -> bool {
        self.running || !self.work.is_empty()
    }

    /// What is to be done next, where nothing is under way. What comes of it is told by [`LessonView::done`].
    pub fn job(&mut self) -> Option<Job> {
        while !self.running {
            let work = self.work.pop_front()?;
            if let Work::Call(number) = work
                && self.goes_on(number)
            {
                continue;
            }
            self.running = true;
            let typed = self.typed().filter(|_| matches!(work, Work::Run(_)));
            return Some(Job::new(&self.session, work, typed));
        }
        None
    }

    /// Do on the spot what waits to be done; says whether there was anything.
    pub fn work(&mut self) -> bool {
        let job = self.job();
        job.map(|job| self.done(job.run())).is_some()
    }

    /// A job is done.
    pub fn done(&mut self, done: Done) {
        self.running = false;
        match done.0 {
            Finished::Judged(number, trial) => self.judged(number, trial),
            Finished::Ran(told, reached) => self.ran(told, reached),
            Finished::Called(talk) => self.called(talk),
            Finished::Told(Ok(story)) => {
                // Meanwhile another exercise may have taken its place.
                if self.at == Some(story.of) {
                    self.put_beside(*story);
                }
            }
            Finished::Told(Err(why)) => self.news = why,
            Finished::Asked(asked) => self.asked.extend(asked),
        }
        if let Some(trouble) = self.session.trouble() {
            self.news = format!("not kept: {trouble}");
        }
    }

    fn put_beside(&mut self, story: Story) {
        self.story = Some(story);
        let open = self.open_rows();
        if let Some(story) = &mut self.story {
            story.row = story.row.min(open.saturating_sub(1));
        }
    }

    /// How many rows of the story may be seen: those before the first line that the page asks for.
    pub(super) fn open_rows(&self) -> usize {
        let Some(story) = &self.story else { return 0 };
        let asked = story.asked.iter().filter(|(number, _)| !self.session.is_done(*number));
        let open = asked.map(|(_, row)| *row).min().unwrap_or(story.told.rows.len());
        // What an exercise has one look at is seen.
        match self.session.activity(story.of).map(|activity| &activity.task) {
            Some(Task::Watch(_) | Task::Explain { .. }) => {
                open.max(story.about.last().map_or(0, |last| last + 1)).min(story.told.rows.len())
            }
            _ => open,
        }
    }

    /// From the story that the student made to the one before, and back.
    pub(super) fn turn_story(&mut self) {
        match &self.story {
            Some(story) if self.session.has_come(story.of) => {
                self.work.push_back(Work::Tell(story.of, !story.made));
            }
            _ => "nothing was changed in this story yet".clone_into(&mut self.news),
        }
    }

    /// What is typed at a server now.
    fn typed(&self) -> Option<(usize, Attempt)> {
        let Over::Talk(pane) = &self.over else { return None };
        let typed = pane.talk();
        let attempt = Attempt::Typed(typed.pieces().to_vec(), typed.has_hung_up());
        Some((self.at.filter(|_| !typed.pieces().is_empty())?, attempt))
    }

    fn judged(&mut self, number: usize, trial: Result<Box<Trial>, String>) {
        let verdict = match trial {
            Ok(trial) => self.session.take(*trial),
            Err(why) => {
                self.news = why;
                return;
            }
        };
        let named = self.session.activity(number).filter(|_| verdict.right).map(points).unwrap_or_default();
        self.said.insert(number, Said::Verdict(verdict.clone(), named));
        self.chosen.clear();
        self.keep_matched();
        if let Some(Task::Answer(Question::Order { shown, .. })) =
            self.session.activity(number).map(|activity| &activity.task)
        {
            self.places.judge(shown);
        }
        self.follow = true;
        if verdict.right {
            if matches!(self.over, Over::Editor(_)) {
                self.over = Over::Nothing;
            }
            if self.session.is_page_done(self.session.page()) {
                "this step is done: → goes on".clone_into(&mut self.news);
            }
        } else if matches!(self.over, Over::Editor(_)) {
            let said: Vec<&str> = verdict.said.iter().map(|said| said.text.trim()).collect();
            self.news = said.join("\n");
        }
        // What came of it may be looked at now; and the line that was to be predicted.
        let made = self.session.came(number).is_some();
        if self.has_story(number) && (made || verdict.right && self.story.is_none()) {
            self.work.push_back(Work::Tell(number, true));
        }
        if made && !matches!(self.over, Over::Editor(_)) {
            let on = if self.session.is_page_done(self.session.page()) { " · → goes on" } else { "" };
            self.news = format!("s: look at what came of it{on}");
        }
    }

    /// Pairs that are right stay as they were given; the cursor goes to the first one that is not.
    fn keep_matched(&mut self) {
        let mut given = std::mem::take(&mut self.given);
        let Some(Task::Answer(Question::Match { pairs, rights })) = self.task() else { return };
        given.retain(|left, right| pairs.get(*left).map(|pair| &pair.1) == rights.get(*right));
        let open = (0..pairs.len()).find(|left| !given.contains_key(left));
        self.cursor = open.unwrap_or(self.cursor);
        self.given = given;
    }

    fn ran(&mut self, told: Told, reached: bool) {
        let Over::Talk(pane) = &mut self.over else { return };
        match told {
            Ok(outcome) => pane.told(outcome.records.to_vec()),
            Err(why) => {
                pane.failed(&why);
                return;
            }
        }
        if reached && self.at.is_some_and(|number| !self.session.is_done(number)) {
            pane.tell(Ok("That is it: the goal is reached. esc goes back to the lesson.".to_owned()));
        }
    }

    /// Who comes back to a session goes on with it.
    fn goes_on(&mut self, number: usize) -> bool {
        let left = self.left.take_if(|(of, _)| *of == number && !self.session.is_done(number));
        let goes_on = left.is_some();
        if let Some((_, pane)) = left {
            self.over = Over::Talk(pane);
        }
        goes_on
    }

    fn called(&mut self, talk: Result<Box<Talk>, String>) {
        match talk {
            Ok(talk) => {
                let order = talk.order();
                self.over = Over::Talk(Box::new(TalkPane::new(*talk, false).judged()));
                self.work.push_back(Work::Run(Box::new(order)));
            }
            Err(why) => self.news = why,
        }
    }

    pub(super) fn hint(&mut self) {
        let Some(number) = self.at else { return };
        match self.session.hint(number) {
            Some((nth, of, hint)) => {
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
