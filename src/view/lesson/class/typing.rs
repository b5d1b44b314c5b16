//! Typing at a server in a dialogue: a line in, what the server says out, until the goal of the exercise holds.

use super::{Class, Doing, SAY_OUTCOME};
use crate::base::escape;
use crate::lesson::activity::Typing;
use crate::lesson::judge::{self, Attempt};
use crate::lesson::outcome::{DESK, SENDER};
use crate::lesson::{Activity, Lesson, Stories};
use crate::view::linear::say;
use crate::view::page::{self, Choice, Page};
use crate::view::talk::{Desk, Login, Mode, Talk, Ways};
use crate::view::wire::Amount;
use std::sync::Arc;

/// How much of a line is told, and that no password is.
const CHOICE: Choice = Choice { amount: Amount::Brief, show_secrets: false };

impl Class {
    /// Run the world with everything that was typed, and tell what is new.
    pub(super) fn run(&mut self, mut talk: Box<Talk>) -> (Box<Talk>, Vec<String>) {
        match self.session.stories().ordered(talk.order()) {
            Ok(outcome) => {
                talk.told(outcome.records.to_vec());
                let news = talk.news().iter().filter(|item| talk.is_own(item));
                let mut out: Vec<String> = Vec::new();
                for item in news {
                    if let Page::Step(step) = page::of(item, talk.cast(), CHOICE) {
                        out.extend(say::said(&step, Some((12, ""))));
                    }
                }
                (talk, out)
            }
            Err(why) => {
                talk.undo();
                (talk, vec![say::sentence(&why)])
            }
        }
    }

    pub(super) fn type_line(&mut self, mut talk: Box<Talk>, line: &str) -> Vec<String> {
        let mut out = Vec::new();
        match line.trim_end() {
            ":stop" | ":quit" => {
                out.push("The session is left; say start to begin it anew.".to_owned());
                return out;
            }
            ":hint" => out.extend(self.hint()),
            ":outcome" => out.extend(self.outcome("")),
            ":check" => {
                if self.goal_reached(&talk, true, &mut out) {
                    return out;
                }
                // A word without its colon would go to the server.
                for line in out.iter_mut().filter(|line| *line == SAY_OUTCOME) {
                    *line = SAY_OUTCOME.replace("outcome", ":outcome");
                }
            }
            ":show" => match talk.show() {
                Some(shown) => {
                    out.extend(shown.lines.iter().map(|line| escape::text(line)));
                    out.push(shown.why);
                }
                None => out.push(talk.over(Ways::WORDS)),
            },
            ":undo" => match talk.undo() {
                Some((_, sent)) => {
                    out.push("The last line is taken back.".to_owned());
                    if sent {
                        (talk, _) = self.run(talk);
                    }
                }
                None => out.push("Nothing was typed yet.".to_owned()),
            },
            word @ (":again" | ":hang-up") => {
                talk = self.begin_or_end(talk, word == ":again", &mut out);
                if self.goal_reached(&talk, false, &mut out) {
                    return out;
                }
            }
            command if command.starts_with(':') && talk.mode() != Mode::Message => {
                out.push("For the lesson: :check, :hint, :show, :undo, :again, :hang-up, :stop.".to_owned());
            }
            _ => match talk.enter(line) {
                Ok(true) => {
                    let told;
                    (talk, told) = self.run(talk);
                    out.extend(told);
                    if self.goal_reached(&talk, false, &mut out) {
                        return out;
                    }
                    out.extend(talk.hint(Ways::WORDS).map(|hint| format!("Hint: {hint}")));
                    if talk.mode() == Mode::Over {
                        let _ = self.goal_reached(&talk, true, &mut out);
                        out.push("The connection is over: say :again, or :undo.".to_owned());
                    }
                }
                Ok(false) => {}
                Err(why) => out.push(say::sentence(&why)),
            },
        }
        self.doing = Doing::Typing(talk);
        out
    }

    /// Begin anew, or hang up.
    fn begin_or_end(&mut self, mut talk: Box<Talk>, anew: bool, out: &mut Vec<String>) -> Box<Talk> {
        if anew {
            talk.again();
        } else if let Err(why) = talk.hang_up() {
            out.push(say::sentence(&why));
        }
        let (talk, told) = self.run(talk);
        out.extend(told);
        talk
    }

    /// Whether the goal is reached; an attempt counts where it is, or where somebody asks.
    fn goal_reached(&mut self, talk: &Talk, asked: bool, out: &mut Vec<String>) -> bool {
        let Some((number, activity)) = self.current() else { return false };
        let attempt = Attempt::Typed(talk.pieces().to_vec(), talk.has_hung_up());
        let lesson = Arc::clone(self.session.lesson());
        let right = match judge::judge(self.session.stories(), &lesson, &activity, &attempt) {
            Ok(verdict) => verdict.right,
            Err(why) => {
                out.push(say::sentence(&why));
                return false;
            }
        };
        if right || asked {
            out.extend(self.attempt(number, &attempt));
        }
        self.has_typed = right;
        right
    }
}

/// A talk with the server of an activity; nobody has called yet.
///
/// # Errors
/// Its story does not run, in words.
pub fn talk(
    stories: &Stories,
    lesson: &Lesson,
    activity: &Activity,
    typing: &Typing,
) -> Result<Talk, String> {
    let seat = stories.seat(lesson, activity, typing)?;
    let logins: Vec<Login> =
        seat.logins.into_iter().map(|(account, password)| Login { account, password }).collect();
    let own = logins.first().filter(|_| typing.port == 587).map(|login| login.account.clone());
    let place = Desk {
        protocol: typing.protocol,
        from: DESK.to_owned(),
        to: typing.host.clone(),
        port: typing.port,
        after: seat.after,
        sender: own.unwrap_or_else(|| SENDER.to_owned()),
        logins,
    };
    Ok(Talk::new(seat.order, place))
}
