//! What a program that runs for a test tells, taken from its pipe at once: a pipe that nobody reads fills up, and then the
//! program waits for its reader, and everything that waits for the program with it.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::ChildStdout;
use std::sync::mpsc::{Receiver, channel};

/// The output of a child, kept until the test asks for it.
pub struct Drained {
    pieces: Receiver<Vec<u8>>,
    /// What came and was not yet asked for.
    rest: VecDeque<u8>,
}

impl Drained {
    /// Read this from now on, on a thread that ends with the child.
    pub fn from(mut out: ChildStdout) -> Self {
        let (told, pieces) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(count @ 1..) = out.read(&mut buffer) {
                if told.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Drained { pieces, rest: VecDeque::new() }
    }
}

impl Read for Drained {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            // No more comes where the sender is gone: the child has ended.
            self.rest.extend(self.pieces.recv().unwrap_or_default());
        }
        self.rest.read(into)
    }
}
