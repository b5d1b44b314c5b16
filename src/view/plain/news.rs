//! What hosts state and people do, between the lines of the wire: `● queued at mail.example.com as 1A`.

use super::{Detail, Plain};
use crate::base::Instant;
use crate::explain::{Item, facts};
use crate::trace::Fact;
use crate::view::Cast;
use crate::view::clock;
use crate::view::page::{Label, prose};
use std::io::{self, Write};
use std::time::Duration;

/// So many statements are told as one.
const MAX_KEPT: usize = 16;

/// A statement that waits for others like it: when, which host, what, and in words.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    at: Instant,
    host: String,
    fact: Fact,
    text: String,
}

impl<W: Write> Plain<W> {
    /// A fact or an act in its row.
    pub(super) fn news(&mut self, label: Label, elapsed: Option<Duration>, text: &str) -> io::Result<()> {
        let mark = if label == Label::Intent { "☞" } else { "●" };
        let time = elapsed.map_or(String::new(), clock::elapsed);
        let margin = self.layout.timed("", &time, (label, mark));
        // A person's act is a line of the story; a host's statement is read in passing.
        self.prose(&margin, if label == Label::Intent { Label::Pause } else { Label::Note }, text)
    }

    /// What stood there before the story began, and in brief what another line has told: left out.
    pub(super) fn is_furniture(&self, cast: &Cast, item: &Item) -> bool {
        let Item::Fact { at, fact, .. } = item else { return false };
        match fact {
            Fact::MailboxCreated { .. } => self.options.detail != Detail::Full && *at == cast.start,
            // The letter was handed on, delivered or given up in the line before.
            Fact::Dequeued { .. } => self.options.detail == Detail::Brief,
            _ => false,
        }
    }

    /// In brief, what a resolver remembers is told in one line for several answers: keep it until all are there.
    pub(super) fn keep(&mut self, cast: &Cast, item: &Item) -> bool {
        let Item::Fact { at, host, fact, text } = item else { return false };
        let same = |first: &Kept| {
            first.host == cast.called(&prose(host))
                && std::mem::discriminant(&first.fact) == std::mem::discriminant(fact)
        };
        let resolver = matches!(fact, Fact::ResolverCached { .. } | Fact::ResolverHit { .. });
        let fits = self.kept.first().is_none_or(same) && self.kept.len() < MAX_KEPT;
        if self.options.detail != Detail::Brief || !resolver || !fits || self.waiting.is_some() && !self.kept.is_empty() {
            return false;
        }
        let host = cast.called(&prose(host)).to_owned();
        self.kept.push(Kept { at: *at, host, fact: fact.clone(), text: text.clone() });
        true
    }

    /// Tell what was kept.
    pub(super) fn tell_kept(&mut self, cast: &Cast) -> io::Result<()> {
        let kept = std::mem::take(&mut self.kept);
        let Some(first) = kept.first() else { return Ok(()) };
        self.pause(first.at.since(cast.start))?;
        self.chapter()?;
        let facts: Vec<(Instant, &Fact)> = kept.iter().map(|k| (k.at, &k.fact)).collect();
        if let Some(text) = facts::together(&first.host, &facts) {
            return self.news(Label::Fact, Some(first.at.since(cast.start)), &prose(&text));
        }
        for one in &kept {
            let alone = facts::together(&one.host, &[(one.at, &one.fact)]).filter(|_| kept.len() == 1);
            let text = prose(alone.as_deref().unwrap_or(&one.text));
            self.news(Label::Fact, Some(one.at.since(cast.start)), &text)?;
        }
        Ok(())
    }
}
