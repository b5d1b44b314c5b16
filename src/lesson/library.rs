//! [`Library`]: the lessons that there are: those that come with the program, and an instructor's own.
//!
//! The program's lessons are in the binary; `build.rs` lists the folders under `lessons/`.

use super::format::{Lesson, is_name};
use super::problem::{Problem, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

/// Lesson, file and bytes of everything that comes with the program.
const SHIPPED: &[(&str, &str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/lessons.rs"));

/// Octets of the largest file of a lesson that is read.
const LARGEST: u64 = 16 << 20;
/// Files of a lesson that are read.
const MOST_FILES: usize = 1000;

/// A lesson's folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// The lesson's name.
    pub name: String,
    /// The folder as it is shown: `lessons/envelope-and-letter`.
    pub shown: String,
    /// Its files.
    pub files: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Folder {
    /// Read a folder of the disk.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> io::Result<Folder> {
        // The name is the folder's own, also where it was given as `.`.
        let whole = path.canonicalize()?;
        let name = whole.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(path)?.take(MOST_FILES) {
            let entry = entry?;
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.starts_with('.') || !entry.path().is_file() {
                continue;
            }
            let mut bytes = Vec::new();
            std::fs::File::open(entry.path())?.take(LARGEST).read_to_end(&mut bytes)?;
            files.insert(file, Cow::Owned(bytes));
        }
        let shown = path.strip_prefix(".").ok().filter(|rest| !rest.as_os_str().is_empty()).unwrap_or(path);
        Ok(Folder { name, shown: shown.display().to_string(), files })
    }

    /// Its files that are text.
    pub fn texts(&self) -> BTreeMap<String, Arc<Source>> {
        let text = |(file, bytes): (&String, &Cow<'static, [u8]>)| {
            let text = std::str::from_utf8(bytes).ok()?.to_owned();
            let name = format!("{}/{file}", self.shown);
            Some((file.clone(), Arc::new(Source { name, text })))
        };
        self.files.iter().filter_map(text).collect()
    }
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub struct Library {
    lessons: Vec<Lesson>,
    /// What is wrong with lessons that could not be read, by their names.
    pub problems: BTreeMap<String, Vec<Problem>>,
    /// Files of each lesson, for stories that lie beside them.
    folders: BTreeMap<String, Folder>,
}

impl Library {
    /// The lessons that come with the program.
    pub fn shipped() -> Library {
        let mut folders: BTreeMap<&str, Folder> = BTreeMap::new();
        for (name, file, bytes) in SHIPPED {
            let folder = folders.entry(name).or_insert_with(|| Folder {
                name: (*name).to_owned(),
                shown: format!("lessons/{name}"),
                files: BTreeMap::new(),
            });
            folder.files.insert((*file).to_owned(), Cow::Borrowed(bytes));
        }
        let mut library = Library::default();
        folders.into_values().for_each(|folder| library.add(folder));
        library
    }

    /// Add the lessons of a folder of the disk: those in it, or the one that it is. One of a name that is there already
    /// takes its place. Gives how many there were.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn add_folder(&mut self, path: &Path) -> io::Result<usize> {
        let folders = folders_of(path)?;
        let count = folders.len();
        folders.into_iter().for_each(|folder| self.add(folder));
        Ok(count)
    }

    /// Add a lesson; one that cannot be read is told in [`Library::problems`].
    pub fn add(&mut self, folder: Folder) {
        self.lessons.retain(|lesson| lesson.name != folder.name);
        self.problems.remove(&folder.name);
        let read = Lesson::read(&folder).and_then(|lesson| {
            let message = "a lesson's folder is named in small letters, digits and hyphens";
            let problem = || Problem::of(&lesson.source, message).help("as in `envelope-and-letter`");
            if is_name(&lesson.name) { Ok(lesson) } else { Err(vec![problem()]) }
        });
        match read {
            Ok(lesson) => self.lessons.push(lesson),
            Err(problems) => {
                self.problems.insert(folder.name.clone(), problems);
            }
        }
        self.folders.insert(folder.name.clone(), folder);
        self.lessons.sort_by(|a, b| (a.front.order, &a.name).cmp(&(b.front.order, &b.name)));
    }

    /// All lessons, in the order of the course.
    pub fn lessons(&self) -> &[Lesson] {
        &self.lessons
    }

    /// The lesson of this name.
    pub fn get(&self, name: &str) -> Option<&Lesson> {
        self.lessons.iter().find(|lesson| lesson.name == name)
    }

    /// A file beside a lesson, or of another one.
    pub fn file(&self, lesson: &str, file: &str) -> Option<&[u8]> {
        self.folders.get(lesson)?.files.get(file).map(|bytes| &**bytes)
    }

    /// The names of all lessons, also of those that could not be read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.folders.keys().map(String::as_str)
    }
}

/// The lesson folders in a folder of the disk, or the one that it is.
///
/// # Errors
/// A folder cannot be read.
pub fn folders_of(path: &Path) -> io::Result<Vec<Folder>> {
    if path.join("lesson.md").is_file() {
        return Ok(vec![Folder::read(path)?]);
    }
    let mut inner = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.join("lesson.md").is_file() {
            inner.push(entry);
        }
    }
    inner.sort();
    inner.iter().map(|path| Folder::read(path)).collect()
}
