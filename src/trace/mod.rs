//! What was seen on the wires: Records, the tap that writes them, the transcript file, people's marks.
//!
//! A transcript holds bytes, facts and marks, never derived explanations. Everything to the right of here on the
//! road (dissect, state, explain, view) reads only this.

pub mod answers;
pub mod change;
pub mod fact;
pub mod file;
pub mod marks;
pub mod record;
pub mod runner;
pub mod tap;

pub use change::Change;
pub use fact::Fact;
pub use file::Transcript;
pub use record::{
    CloseHow, Conn, Data, Direction, Gap, Head, HostInfo, Layer, Mark, Missing, Opened, Payload, Record,
    Transport,
};
