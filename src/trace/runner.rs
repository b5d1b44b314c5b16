//! [`Runner`]: how a view or a lesson has a story told again with something changed; and [`Running`], the telling that comes in.
//!
//! Neither knows a world. It hands over an [`Order`] (the head of what it shows, which holds the whole scenario, and the
//! changes in order) and takes records as they are written: the command line has the worlds. A run is on a thread of its
//! own, so nobody waits for it; who lets go of it ends it.

use super::{Change, Head, Record};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError};

/// What is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The head of a transcript that was run: its scenario and seed are run again. Its own changes are not.
    pub head: Head,
    /// All changes, in order.
    pub changes: Vec<Change>,
}

impl Order {
    /// The story of a head as it was run, with its changes.
    ///
    /// # Errors
    /// In words: it was recorded and not run, or its changes cannot be read.
    pub fn of(head: &Head) -> Result<Order, String> {
        if head.scenario.is_empty() {
            return Err(
                "this was recorded elsewhere: there is no scenario in it that could be run again".to_owned()
            );
        }
        let changes: Result<Vec<Change>, String> = head.changes.iter().map(Change::read).collect();
        let changes =
            changes.map_err(|why| format!("a change in the head of this recording cannot be read: {why}"))?;
        Ok(Order { head: head.clone(), changes })
    }
}

/// Runs stories again.
pub trait Runner: Send + Sync {
    /// Begin; what happens comes by the [`Running`].
    fn start(&self, order: Order) -> Running;
}

/// What a run tells.
#[derive(Debug)]
pub enum News {
    /// Records, in order; the first is the head.
    Records(Vec<Record>),
    /// There are no more.
    Done,
    /// It could not be run, and why, in words.
    Failed(String),
}

/// Where a run writes: the other end of a [`Running`].
#[derive(Debug)]
pub struct Teller {
    news: Sender<News>,
    stop: Arc<AtomicBool>,
}

impl Teller {
    /// Tell; says whether anybody wants more.
    pub fn tell(&self, news: News) -> bool {
        !self.is_stopped() && self.news.send(news).is_ok()
    }

    /// Whether nobody wants more.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// A run that is going on, or over. Dropping it ends the run.
#[derive(Debug)]
pub struct Running {
    news: Receiver<News>,
    stop: Arc<AtomicBool>,
    over: bool,
}

impl Running {
    /// The two ends: what is told at the one comes out of the other.
    pub fn pair() -> (Teller, Running) {
        let (sender, news) = std::sync::mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        (Teller { news: sender, stop: stop.clone() }, Running { news, stop, over: false })
    }

    /// What has come, if anything has: never waits. After `Done` or `Failed` nothing comes.
    pub fn poll(&mut self) -> Option<News> {
        if self.over {
            return None;
        }
        match self.news.try_recv() {
            Ok(news) => Some(self.heard(news)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(self.heard(broken())),
        }
    }

    /// Wait until it is over; gives all records that were not polled.
    ///
    /// # Errors
    /// Why it could not be run, in words.
    pub fn wait(mut self) -> Result<Vec<Record>, String> {
        let mut records = Vec::new();
        while !self.over {
            let news = self.news.recv().unwrap_or_else(|_| broken());
            match self.heard(news) {
                News::Records(more) => records.extend(more),
                News::Done => {}
                News::Failed(why) => return Err(why),
            }
        }
        Ok(records)
    }

    /// End it: it writes no more.
    pub fn cancel(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.over = true;
    }

    fn heard(&mut self, news: News) -> News {
        self.over = !matches!(news, News::Records(_));
        news
    }
}

fn broken() -> News {
    News::Failed("the run ended without a word".to_owned())
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;

    fn end() -> News {
        News::Records(vec![Record::End { at: Instant::default() }])
    }

    #[test]
    fn what_is_told_comes_out_and_then_nothing() {
        let (teller, mut running) = Running::pair();
        assert!(running.poll().is_none());
        assert!(teller.tell(end()) && teller.tell(News::Done));
        assert!(matches!(running.poll(), Some(News::Records(records)) if records.len() == 1));
        assert!(matches!(running.poll(), Some(News::Done)));
        assert!(running.poll().is_none());
    }

    #[test]
    fn who_lets_go_ends_the_run() {
        let (teller, running) = Running::pair();
        drop(running);
        assert!(teller.is_stopped() && !teller.tell(end()));
    }

    #[test]
    fn a_run_that_breaks_is_no_endless_wait() {
        let (teller, running) = Running::pair();
        drop(teller);
        assert!(running.wait().is_err());
    }
}
