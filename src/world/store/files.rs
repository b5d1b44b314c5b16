//! What the store asks of a file system, as one small trait: so that tests can let any of it fail, or stop the machine
//! between any two operations, and look at what is left.
//!
//! What is written counts only once it is synced: the octets by the file's own sync, the name by its folder's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// The operations on files. Each can fail; none leaves a file open.
pub trait Files: Send + Sync {
    /// All octets of a file.
    ///
    /// # Errors
    /// `NotFound` and what else the system says.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The names in a folder, sorted; those that are no UTF-8 are left out.
    ///
    /// # Errors
    /// `NotFound` and what else the system says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Whether there is a folder.
    fn is_dir(&self, path: &Path) -> bool;

    /// How long a file is.
    ///
    /// # Errors
    /// `NotFound` and what else the system says.
    fn len(&self, path: &Path) -> io::Result<u64>;

    /// Make a folder and those above it; one that exists is fine.
    ///
    /// # Errors
    /// What the system says.
    fn make_dir(&self, path: &Path) -> io::Result<()>;

    /// Write a file anew, and sync its octets. Its name is not synced.
    ///
    /// # Errors
    /// What the system says; part of it may be there then.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Write at the end of a file, which is made where it is missing, and sync its octets.
    ///
    /// # Errors
    /// What the system says; part of it may be there then.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Cut a file to a length, and sync it.
    ///
    /// # Errors
    /// What the system says.
    fn cut(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Rename a file or folder; a file of the new name is replaced.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Remove a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Remove a folder with all in it.
    ///
    /// # Errors
    /// What the system says.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Sync the names in a folder.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    fn is_dir(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(bytes)?;
        // The length is part of what is needed to read the octets again, and is synced with them.
        file.sync_data()
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    #[cfg(unix)]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Elsewhere a folder cannot be opened as a file; its names are the file system's care.
    #[cfg(not(unix))]
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is there whole or not at all, and stays: written beside its place, synced, renamed, its folder synced.
///
/// # Errors
/// What the system says. Where only the last sync failed, the new file may be in place already.
pub fn replace(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
    let beside = folder.join(format!("{name}.new"));
    let written = files.write(&beside, bytes).and_then(|()| files.rename(&beside, path));
    if written.is_err() {
        // Nothing depends on it being gone: the next writer writes over it.
        let _ = files.remove(&beside);
    }
    written?;
    files.sync_dir(folder)
}
