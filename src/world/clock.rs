//! The world's clock: virtual in a journey (tokio's paused time), real in a lab. Machines are told, never ask.

use crate::base::Instant;
use std::time::Duration;

/// Tells the time of the story: its start, plus what has passed on tokio's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    origin: tokio::time::Instant,
    is_live: bool,
}

impl Clock {
    /// A clock that shows `start` now. Must be called inside a tokio runtime.
    pub fn starting_at(start: Instant) -> Self {
        Clock { start, origin: tokio::time::Instant::now(), is_live: false }
    }

    /// A clock that shows what this machine's clock shows, for a lab. Must be called inside a tokio runtime that does not
    /// stop time. From here on it goes evenly, whatever is done to the machine's clock.
    pub fn live() -> Self {
        Clock { is_live: true, ..Clock::starting_at(real_now()) }
    }

    /// Whether it shows real time: then nobody runs the story again, and it need not be the same each time.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// The story's time now.
    pub fn now(&self) -> Instant {
        self.start + self.origin.elapsed()
    }

    /// When the story began.
    pub fn start(&self) -> Instant {
        self.start
    }

    /// What has passed since the story began.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The moment of tokio's clock at which the story's time is `at`; the past becomes now.
    pub fn tokio_instant(&self, at: Instant) -> tokio::time::Instant {
        self.origin + at.since(self.start)
    }

    /// Wait until the story's time is `at`.
    pub async fn sleep_until(&self, at: Instant) {
        tokio::time::sleep_until(self.tokio_instant(at)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the lab lives in real time; nothing else asks for it")]
pub(super) fn real_now() -> Instant {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Instant::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
