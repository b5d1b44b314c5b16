//! What can be asked about the line that the reader is at: its parts, its note, its bytes, and what holds after it.

use super::commands::Act;
use super::{Linear, holds, nowhere, say};
use crate::explain::Item;
use crate::view::page::Page;
use crate::view::tui::book::Shown;
use std::path::Path;
use std::sync::Arc;

/// Rows of bytes that `hex` says.
const HEX_ROWS: usize = 16;

impl Linear {
    fn shown_here(&mut self) -> Option<Arc<Shown>> {
        let here = self.here?;
        self.book.shown(here)
    }

    pub(super) fn about(&mut self, act: Act) -> Vec<String> {
        let Some(shown) = self.shown_here() else { return nowhere() };
        let (Item::Step(step, _), Page::Step(page)) = (&shown.item, &shown.page) else {
            return match act {
                Act::Line | Act::Note => say::page(&shown.page, self.book.steps(), false),
                _ => vec!["This is no line on a wire: say next or back to go to one.".to_owned()],
            };
        };
        match act {
            Act::Line => say::said(page, None),
            Act::Note => say::note(page).into_iter().chain(say::parts(page)).collect(),
            Act::Reference => vec![say::sources(page)],
            Act::PostOffice => vec![
                say::post_office(page)
                    .unwrap_or_else(|| "Nothing in a post office is told for this line.".to_owned()),
            ],
            Act::Hex => {
                let open = self.book.shows_secrets();
                let secret = |at: usize| !open && step.secrets.iter().any(|s| (s.start..s.end).contains(&at));
                say::hex(&step.bytes, secret, HEX_ROWS)
            }
            _ => {
                let count = page.parts.len();
                if count == 0 {
                    return vec!["This line has no parts to tell of.".to_owned()];
                }
                self.part = match (act, self.part) {
                    (Act::PartBack, part) if part > 1 => part - 1,
                    (Act::PartBack, _) => count,
                    (_, part) if part < count => part + 1,
                    _ => 1,
                };
                page.parts
                    .get(self.part - 1)
                    .map(|part| say::part(part, self.part, count))
                    .into_iter()
                    .collect()
            }
        }
    }

    pub(super) fn state(&mut self) -> Vec<String> {
        let Some(here) = self.here else { return nowhere() };
        let state = self.book.state_after(here);
        holds::sentences(&state, &self.book.cast)
    }

    /// Typing at a server is a session of its own, by a command of its own.
    pub(super) fn talk(&mut self) -> Vec<String> {
        let shown = self.here.and_then(|here| self.book.shown(here));
        let talks = match shown.as_deref().map(|shown| &shown.page) {
            Some(Page::Step(step)) => step.call.as_ref().and_then(|call| {
                let protocol = match call.port {
                    25 | 587 => "smtp",
                    110 => "pop3",
                    143 => "imap",
                    _ => return None,
                };
                Some(format!("postroad talk {protocol} {}:{} --plain", call.server, call.port))
            }),
            _ => None,
        };
        match talks {
            Some(command) => {
                vec![format!("To type at this server yourself, leave, and give the command: {command}")]
            }
            None => vec!["Go to a line of SMTP, POP3 or IMAP first: then the command is told.".to_owned()],
        }
    }

    pub(super) fn write(&mut self, file: &str) -> Vec<String> {
        let Some(export) = &self.export else { return vec!["Nothing can be written from here.".to_owned()] };
        if file.is_empty() {
            return vec!["To which file? Its ending says the format, as in: export story.html.".to_owned()];
        }
        let from = match self.here.and_then(|here| self.book.shown(here)).as_deref().map(|s| &s.page) {
            Some(Page::Step(step)) => step.number,
            _ => 1,
        };
        vec![say::sentence(&export(Path::new(file), from))]
    }
}
