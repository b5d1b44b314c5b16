//! [`Aside`]: a nameless file for bytes that nobody looks at for now, so that memory does not fill with them; and a file
//! read and written at a place, by several at once.
//!
//! Beside the road: the dissector lays bodies of letters there that are still coming, an index its records.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Octets of what is laid aside at once.
pub const BLOCK: usize = 16 << 10;

/// Where blocks are laid aside. The file is made with the first of them; copies share it.
#[derive(Clone, Debug, Default)]
pub struct Aside(Arc<Blocks>);

#[derive(Debug, Default)]
struct Blocks {
    /// `None` inside where it could not be made.
    file: OnceLock<Option<File>>,
    room: Mutex<Room>,
}

/// Which places of the file are taken.
#[derive(Debug, Default)]
struct Room {
    /// Behind the last block ever laid down.
    end: u64,
    /// Places before it that are free again.
    free: Vec<u64>,
}

impl Blocks {
    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aside {
    /// Lay down a block of [`BLOCK`] octets. `None` where the system has no room for it, or it is no such block.
    pub fn lay(&self, block: &[u8]) -> Option<Laid> {
        let file = self.0.file.get_or_init(|| nameless().ok()).as_ref().filter(|_| block.len() == BLOCK)?;
        let at = {
            let mut room = self.0.room();
            room.free.pop().unwrap_or_else(|| {
                room.end += BLOCK as u64;
                room.end - BLOCK as u64
            })
        };
        let laid = Laid { blocks: Arc::clone(&self.0), at };
        write_at(file, block, at).is_ok().then_some(laid)
    }
}

/// A block that was laid aside; its place is free when this goes.
#[derive(Debug)]
pub struct Laid {
    blocks: Arc<Blocks>,
    at: u64,
}

impl Laid {
    /// Append the block's octets to `out`.
    ///
    /// # Errors
    /// Where the file cannot be read; then `out` is as it was.
    pub fn fetch(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let before = out.len();
        let mut read = || {
            let file = self.blocks.file.get().and_then(Option::as_ref).ok_or(io::ErrorKind::NotFound)?;
            out.resize(before + BLOCK, 0);
            let mut rest = out.get_mut(before..).unwrap_or_default();
            let mut at = self.at;
            while !rest.is_empty() {
                let read = read_at(file, rest, at)?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                rest = rest.get_mut(read..).unwrap_or_default();
                at += read as u64;
            }
            Ok(())
        };
        let read = read();
        if read.is_err() {
            out.truncate(before);
        }
        read
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        self.blocks.room().free.push(self.at);
    }
}

/// An empty file for what is too much for memory. It is the user's alone, and goes when it is closed.
///
/// # Errors
/// Where it cannot be made.
pub fn nameless() -> io::Result<File> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("postroad-spool-{}-{number}", std::process::id()));
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(windows)]
    {
        /// The system removes the file when its last handle is closed (CreateFileW, FILE_FLAG_DELETE_ON_CLOSE).
        const DELETE_ON_CLOSE: u32 = 0x0400_0000;
        std::os::windows::fs::OpenOptionsExt::custom_flags(&mut options, DELETE_ON_CLOSE);
    }
    let file = options.open(&path)?;
    // Where the system lets an open file lose its name.
    #[cfg(unix)]
    let _ = std::fs::remove_file(&path);
    Ok(file)
}

/// Read as much as comes at once from a place of a file.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, at)
}

/// Read as much as comes at once from a place of a file.
///
/// # Errors
/// What the system says.
#[cfg(windows)]
pub fn read_at(file: &File, into: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, into, at)
}

/// Lay bytes down at a place of a file.
///
/// # Errors
/// What the system says.
#[cfg(unix)]
pub fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

/// Lay bytes down at a place of a file.
///
/// # Errors
/// What the system says.
#[cfg(windows)]
pub fn write_at(file: &File, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = std::os::windows::fs::FileExt::seek_write(file, bytes, at)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = bytes.get(written..).unwrap_or_default();
        at += written as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_laid_aside_comes_back_and_its_place_is_used_again() {
        let aside = Aside::default();
        let block = |octet: u8| vec![octet; BLOCK];
        let (first, second) = (aside.lay(&block(1)).unwrap(), aside.lay(&block(2)).unwrap());
        let mut out = vec![0];
        second.fetch(&mut out).unwrap();
        first.fetch(&mut out).unwrap();
        assert!(out == [vec![0], block(2), block(1)].concat());
        drop(first);
        let third = aside.clone().lay(&block(3)).unwrap();
        assert_eq!((third.at, aside.0.room().end), (0, 2 * BLOCK as u64));
        out.clear();
        third.fetch(&mut out).unwrap();
        assert!(out == block(3));
        assert!(aside.lay(b"less than a block").is_none());
    }

    #[test]
    fn two_nameless_files_are_two() {
        let (one, other) = (nameless().unwrap(), nameless().unwrap());
        write_at(&one, b"one", 0).unwrap();
        assert_eq!(other.metadata().unwrap().len(), 0);
    }
}
