//! What happens in the lab, told as it happens: lines for people, a transcript for later.
//!
//! Records come from the world's thread through a channel that holds [`WAITING`] of them: where nobody reads, or a disk is
//! slow, the lab waits too, and nothing is lost and nothing grows.

use crate::cli::CommandError;
use crate::explain::index::Feeder;
use crate::explain::{Item, Story};
use crate::trace::file::Writer;
use crate::trace::tap::Observer;
use crate::trace::{Head, Record};
use crate::view::otlp::Otlp;
use crate::view::pcapng::Live;
use crate::view::plain::{Options, Plain};
use crate::view::{Cast, Renderer};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// Records that may wait to be told.
const WAITING: usize = 1024;
/// Records after which everything is written out, where there is never a pause.
const AT_MOST: usize = 512;

/// Octets that are written to a file at once.
const BUFFER: usize = 64 << 10;
/// How long more is waited for once something happens again. Where there is much to tell, the world need not wake us for each
/// record, nor a file be written for each; nobody sees the difference.
const GATHER: Duration = Duration::from_millis(2);

/// What takes records from the world, and where they come out.
pub fn channel() -> (Observer, Receiver<Record>) {
    let (to, from): (SyncSender<Record>, _) = sync_channel(WAITING);
    let observer: Observer = Box::new(move |record: &Record| {
        // Who no longer listens has said why.
        let _ = to.send(record.clone());
    });
    (observer, from)
}

/// Takes what happens.
pub trait Listener {
    /// The next record.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn hear(&mut self, record: &Record) -> Result<(), CommandError>;

    /// Nothing comes for the moment: what was heard is to be seen.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn settle(&mut self) -> Result<(), CommandError>;

    /// Nothing comes any more.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn end(&mut self) -> Result<(), CommandError>;
}

/// Tell records until there are no more.
///
/// # Errors
/// Where somebody who listens cannot write.
pub fn tell(records: &Receiver<Record>, listeners: &mut [Box<dyn Listener>]) -> Result<(), CommandError> {
    let mut since = 0;
    loop {
        let record = match records.try_recv() {
            Ok(record) => Some(record),
            Err(TryRecvError::Empty) => {
                listeners.iter_mut().try_for_each(|listener| listener.settle())?;
                since = 0;
                let next = records.recv().ok();
                std::thread::sleep(GATHER);
                next
            }
            Err(TryRecvError::Disconnected) => None,
        };
        let Some(record) = record else { break };
        listeners.iter_mut().try_for_each(|listener| listener.hear(&record))?;
        since += 1;
        if since >= AT_MOST {
            listeners.iter_mut().try_for_each(|listener| listener.settle())?;
            since = 0;
        }
    }
    listeners.iter_mut().try_for_each(|listener| listener.end())
}

/// Writes the transcript as it grows.
pub struct Recorder {
    writer: Writer<BufWriter<File>>,
    path: PathBuf,
}

impl Recorder {
    /// Into this file, which is written anew.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(path: &Path) -> Result<Self, CommandError> {
        let file = File::create(path).map_err(|error| CommandError::file("write", path, &error))?;
        Ok(Recorder { writer: Writer::new(BufWriter::with_capacity(BUFFER, file)), path: path.to_owned() })
    }
}

impl Listener for Recorder {
    fn hear(&mut self, record: &Record) -> Result<(), CommandError> {
        self.writer.write(record).map_err(|error| CommandError::file("write", &self.path, &error))
    }

    fn settle(&mut self) -> Result<(), CommandError> {
        self.writer.flush().map_err(|error| CommandError::file("write", &self.path, &error))
    }

    fn end(&mut self) -> Result<(), CommandError> {
        self.settle()
    }
}

/// Writes a capture as it grows.
pub struct Packets {
    file: Option<BufWriter<File>>,
    live: Option<Live<BufWriter<File>>>,
    show_secrets: bool,
    path: PathBuf,
}

impl Packets {
    /// Into this file, which is written anew.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(path: &Path, show_secrets: bool) -> Result<Self, CommandError> {
        let file = File::create(path).map_err(|error| CommandError::file("write", path, &error))?;
        let file = Some(BufWriter::new(file));
        Ok(Packets { file, live: None, show_secrets, path: path.to_owned() })
    }

    fn with(
        &mut self,
        act: impl FnOnce(&mut Live<BufWriter<File>>) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        let done = self.live.as_mut().map_or(Ok(()), act);
        done.map_err(|error| CommandError::file("write", &self.path, &error))
    }
}

impl Listener for Packets {
    fn hear(&mut self, record: &Record) -> Result<(), CommandError> {
        if let (Record::Head(head), Some(file)) = (record, self.file.take()) {
            let live = Live::new(file, head, self.show_secrets);
            self.live = Some(live.map_err(|error| CommandError::file("write", &self.path, &error))?);
        }
        self.with(|live| live.push(record))
    }

    fn settle(&mut self) -> Result<(), CommandError> {
        self.with(Live::flush)
    }

    fn end(&mut self) -> Result<(), CommandError> {
        self.with(Live::finish)
    }
}

/// Hands records to a view that tells them on a screen.
pub struct Feed(pub Feeder);

impl Listener for Feed {
    fn hear(&mut self, record: &Record) -> Result<(), CommandError> {
        // Whoever has left the screen hears no more, and the rest goes on.
        self.0.push(record.clone());
        Ok(())
    }

    fn settle(&mut self) -> Result<(), CommandError> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), CommandError> {
        Ok(())
    }
}

/// The standard output, which the view writes to and a pause flushes.
#[derive(Clone)]
pub struct Out(Rc<RefCell<BufWriter<StdoutLock<'static>>>>);

impl Out {
    /// This program's.
    pub fn standard() -> Self {
        Out(Rc::new(RefCell::new(crate::cli::screen::out())))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush()
    }
}

/// Tells the story in lines.
pub struct Lines {
    view: Plain<Out>,
    out: Out,
    cast: Cast,
    story: Story,
    told: usize,
}

impl Lines {
    /// Onto the standard output.
    pub fn new(out: Out, options: Options) -> Self {
        let story = Story::default();
        Lines { view: Plain::new(out.clone(), options), out, cast: Cast::default(), story, told: 0 }
    }

    fn begin(&mut self, head: &Head) {
        self.story = Story::new(head);
    }
}

impl Listener for Lines {
    fn hear(&mut self, record: &Record) -> Result<(), CommandError> {
        if let Record::Head(head) = record {
            self.begin(head);
        }
        self.cast.learn(record);
        for item in self.story.push(self.told, record) {
            self.view.item(&self.cast, &item)?;
        }
        self.told += 1;
        Ok(())
    }

    fn settle(&mut self) -> Result<(), CommandError> {
        self.view.settle(&self.cast)?;
        Ok(self.out.flush()?)
    }

    fn end(&mut self) -> Result<(), CommandError> {
        for item in self.story.finish() {
            self.view.item(&self.cast, &item)?;
        }
        self.settle()
    }
}

/// Writes each message's trace when it is done.
pub struct Traces {
    view: Otlp<BufWriter<File>>,
    cast: Cast,
    story: Story,
    told: usize,
    path: PathBuf,
}

impl Traces {
    /// Into this file, which is written anew.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(path: &Path) -> Result<Self, CommandError> {
        let file = File::create(path).map_err(|error| CommandError::file("write", path, &error))?;
        let view = Otlp::new(BufWriter::new(file));
        Ok(Traces { view, cast: Cast::default(), story: Story::default(), told: 0, path: path.to_owned() })
    }

    fn tell(&mut self, items: Vec<Item>) -> Result<(), CommandError> {
        let told = items.iter().try_for_each(|item| self.view.item(&self.cast, item));
        told.map_err(|error| CommandError::file("write", &self.path, &error))
    }
}

impl Listener for Traces {
    fn hear(&mut self, record: &Record) -> Result<(), CommandError> {
        if let Record::Head(head) = record {
            self.story = Story::new(head).without_notes();
        }
        self.cast.learn(record);
        let items = self.story.push(self.told, record);
        self.told += 1;
        self.tell(items)
    }

    fn settle(&mut self) -> Result<(), CommandError> {
        self.view.flush().map_err(|error| CommandError::file("write", &self.path, &error))
    }

    fn end(&mut self) -> Result<(), CommandError> {
        let items = self.story.finish();
        self.tell(items)?;
        self.view.finish().map_err(|error| CommandError::file("write", &self.path, &error))
    }
}
