//! Ctrl-C, SIGTERM and SIGHUP: the first one closes the lab in good order, the second one ends it at once.

use crate::world::live::Closer;
use std::io::{self, Write};

/// What a shell says of a program that Ctrl-C ended: 128 and the signal's number.
const ENDED: i32 = 130;

/// Listen on a thread of its own, so that it is heard whatever the lab is doing. From here on the signals end nothing by
/// themselves.
///
/// # Errors
/// Where the system lets nobody listen.
pub fn on_signals(closer: Closer) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let listen = move || {
        runtime.block_on(async {
            let mut before = false;
            while signals.next().await {
                if std::mem::replace(&mut before, true) {
                    std::process::exit(ENDED);
                }
                let _ = writeln!(io::stderr(), "closing: every session is told (once more ends it at once)");
                closer.close();
            }
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(|_| ())
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let [int, term, hup] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Signals([signal(int)?, signal(term)?, signal(hup)?]))
    }

    /// Whether one came.
    async fn next(&mut self) -> bool {
        let [int, term, hup] = &mut self.0;
        tokio::select! {
            biased;
            came = int.recv() => came.is_some(),
            came = term.recv() => came.is_some(),
            came = hup.recv() => came.is_some(),
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals)
    }

    /// Whether one came.
    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
