//! [`Surroundings`]: what a filter asks that no single item knows: which chapter is this, whose connection, after which
//! Step? It goes along with the story; everybody who filters (command line, terminal view) asks it.

use super::{Item, facts};
use crate::base::Shelf;
use crate::dissect::filter::{Context, Filter, Subject};
use crate::trace::{Conn, Head, Opened};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Connections whose ends are remembered: a capture may have any number, and the oldest are forgotten.
pub const MOST_CONNS: usize = 1 << 16;

/// See the head of this file. Cheap to copy, whatever it knows.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    hosts: Arc<BTreeMap<IpAddr, String>>,
    conns: Shelf<Conn, Opened>,
    /// The number of the last Step.
    step: usize,
    /// What the present chapter is known by.
    chapter: Arc<Vec<String>>,
}

impl Surroundings {
    /// Take who is who from the head.
    pub fn learn_head(&mut self, head: &Head) {
        let named = head.hosts.iter().flat_map(|h| h.addresses.iter().map(|a| (*a, h.name.clone())));
        Arc::make_mut(&mut self.hosts).extend(named);
    }

    /// Take between whom a connection is.
    pub fn learn_open(&mut self, open: &Opened) {
        self.conns.insert(open.conn, open.clone());
        if self.conns.len() > MOST_CONNS {
            self.conns.pop_first();
        }
    }

    /// Take the connections that another one knows, keeping the place in the story.
    pub fn learn_more(&mut self, other: &Surroundings) {
        self.know(&other.conns);
    }

    /// Know these connections, and those that it knew by itself no more.
    pub fn know(&mut self, conns: &Shelf<Conn, Opened>) {
        self.conns = conns.clone();
    }

    /// The host that is called on this connection, where the head names it.
    pub fn server_of(&self, conn: Conn) -> Option<&str> {
        self.hosts.get(&self.conns.get(&conn)?.server.ip()).map(String::as_str)
    }

    /// The number of the last Step that the story came to.
    pub fn step(&self) -> usize {
        self.step
    }

    /// The story comes to this item.
    pub fn enter(&mut self, item: &Item) {
        match item {
            Item::Chapter(chapter) => {
                let names = vec![chapter.id.clone(), chapter.title.clone(), chapter.number.to_string()];
                self.chapter = Arc::new(names);
            }
            Item::Step(step, _) => self.step = step.number,
            Item::Mark(mark) if mark.kind == "chapter" => {
                let names = Arc::make_mut(&mut self.chapter);
                names.truncate(3);
                names.push(mark.text.clone());
            }
            _ => {}
        }
    }

    /// Whether this filter lets the item pass, which was [entered](Self::enter) last; a chapter never passes by itself.
    pub fn let_pass(&self, filter: &Filter, item: &Item) -> bool {
        let (subject, conn) = match item {
            Item::Step(step, _) => (Subject::Step(step), Some(step.conn)),
            Item::Fact { host, text, fact, .. } => {
                (Subject::Fact { host, text, undelivered: facts::is_undelivered(fact) }, None)
            }
            Item::Outcome(outcome) => {
                let (text, undelivered) = (outcome.text.as_str(), outcome.is_undelivered());
                (Subject::Outcome { conn: outcome.conn, text, undelivered }, Some(outcome.conn))
            }
            Item::Mark(mark) => (Subject::Mark(mark), mark.conn),
            Item::Chapter(_) => return false,
        };
        let open = conn.and_then(|conn| self.conns.get(&conn));
        let ends: Vec<IpAddr> = open.map(|o| vec![o.client.ip(), o.server.ip()]).unwrap_or_default();
        let mut hosts: Vec<String> = ends.iter().map(IpAddr::to_string).collect();
        hosts.extend(ends.iter().filter_map(|end| self.hosts.get(end).cloned()));
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let chapter: Vec<&str> = self.chapter.iter().map(String::as_str).collect();
        let context = Context {
            subject,
            hosts: &hosts,
            port: open.map_or(0, |o| o.server.port()),
            step: self.step,
            chapter: &chapter,
        };
        filter.matches(&context)
    }
}
