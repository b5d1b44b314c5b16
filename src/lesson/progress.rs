//! [`Progress`]: what a student has done, in one readable file that a kill in mid-write cannot hurt.
//!
//! The file is written beside itself, synced, and then put in its place, so at every moment there is a whole one. One
//! that cannot be read (torn by another program, of a later version) is put aside under another name, and named.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The version that is written.
pub const VERSION: u32 = 1;
/// Octets of the largest file that is read.
const LARGEST: u64 = 16 << 20;

/// What stands at the head of the file.
const HEAD: &str = "\
# What you have done in postroad's lessons. `postroad lesson` reads and writes it; `postroad lesson --report` tells it.
# tries: how often you answered; hints: how many you took; misconceptions: the numbers of those that a wrong answer named.

";

/// See the head of this file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// [`VERSION`].
    pub version: u32,
    /// Each lesson that was begun.
    #[serde(default, rename = "lesson")]
    pub lessons: BTreeMap<String, OfLesson>,
}

impl Default for Progress {
    fn default() -> Self {
        Progress { version: VERSION, lessons: BTreeMap::new() }
    }
}

/// What was done in a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfLesson {
    /// The step that was open last, from 1; 0: none.
    #[serde(default)]
    pub step: usize,
    /// Each activity that was begun.
    #[serde(default, rename = "activity")]
    pub activities: BTreeMap<String, OfActivity>,
}

/// What was done in an activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfActivity {
    /// Whether it was done right once.
    #[serde(default)]
    pub done: bool,
    /// How often it was tried.
    #[serde(default)]
    pub tries: u32,
    /// How many hints were taken.
    #[serde(default)]
    pub hints: usize,
    /// The last answer, in words.
    #[serde(default)]
    pub answer: String,
    /// The misconceptions that wrong answers named, by their numbers.
    #[serde(default)]
    pub misconceptions: Vec<u8>,
}

impl OfLesson {
    /// What was done in an activity.
    pub fn of(&self, id: &str) -> OfActivity {
        self.activities.get(id).cloned().unwrap_or_default()
    }

    /// Whether an activity is done.
    pub fn is_done(&self, id: &str) -> bool {
        self.activities.get(id).is_some_and(|activity| activity.done)
    }
}

impl Progress {
    /// Read the file; where there is none, nothing was done yet. The second value says what is wrong with it, and where
    /// it is kept.
    ///
    /// # Errors
    /// It cannot be read or put aside.
    pub fn load(path: &Path) -> io::Result<(Progress, Option<String>)> {
        let mut bytes = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(LARGEST).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Progress::default(), None)),
            Err(error) => return Err(error),
        };
        match read(&bytes) {
            Ok(progress) => Ok((progress, None)),
            Err(why) => {
                let aside = put_aside(path)?;
                let what = format!(
                    "{} cannot be read: {why}. It is kept as {}, and a new one is begun.",
                    path.display(),
                    aside.display()
                );
                Ok((Progress::default(), Some(what)))
            }
        }
    }

    /// Write the file: whole, or not at all.
    ///
    /// # Errors
    /// It cannot be written; the old one is there still.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            fs::create_dir_all(folder)?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let new = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(HEAD.as_bytes())?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        if let Err(error) = written.and_then(|()| fs::rename(&new, path)) {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        sync_folder(folder)
    }

    /// Keep what was done in one lesson, beside what another program has written meanwhile.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn keep(path: &Path, lesson: &str, done: &OfLesson) -> io::Result<()> {
        let (mut progress, _) = Progress::load(path)?;
        if *done == OfLesson::default() {
            progress.lessons.remove(lesson);
        } else {
            progress.lessons.insert(lesson.to_owned(), done.clone());
        }
        progress.save(path)
    }
}

/// The name in its folder is on the disk too.
#[cfg(unix)]
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: Option<&Path>) -> io::Result<()> {
    Ok(())
}

fn read(bytes: &[u8]) -> Result<Progress, String> {
    #[derive(Deserialize)]
    struct Any {
        version: Option<u32>,
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
    let any: Any = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    match any.version {
        Some(VERSION) => toml::from_str(text).map_err(|error| error.message().to_owned()),
        Some(version) => Err(format!("it has version {version}, and this program knows version {VERSION}")),
        None => Err("it has no version".to_owned()),
    }
}

/// Give a file another name, one that nothing has.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let free = (1..1000).map(|n| path.with_file_name(format!("{name}.kept-{n}"))).find(|path| !path.exists());
    let aside = free.ok_or_else(|| io::Error::other("there is no free name to put the old file aside"))?;
    fs::rename(path, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> OfLesson {
        let done = OfActivity {
            done: true,
            tries: 2,
            hints: 1,
            answer: "RCPT \"TO\"\nλ".into(),
            misconceptions: vec![3],
        };
        OfLesson { step: 4, activities: [("who-decides".to_owned(), done)].into() }
    }

    #[test]
    fn what_is_kept_is_read_back_and_other_lessons_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/progress.toml");
        assert_eq!(Progress::load(&path).unwrap(), (Progress::default(), None));
        Progress::keep(&path, "one", &some()).unwrap();
        Progress::keep(&path, "two", &some()).unwrap();
        let (progress, trouble) = Progress::load(&path).unwrap();
        assert_eq!((progress.lessons.len(), trouble), (2, None));
        assert_eq!(progress.lessons["one"], some());
        Progress::keep(&path, "one", &OfLesson::default()).unwrap();
        assert_eq!(Progress::load(&path).unwrap().0.lessons.len(), 1);
        let names = fs::read_dir(folder.path().join("deep")).unwrap().count();
        assert_eq!(names, 1, "nothing is left beside it");
    }

    #[test]
    fn wherever_the_writing_is_broken_off_the_old_file_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.toml");
        Progress::keep(&path, "one", &some()).unwrap();
        let whole = fs::read(&path).unwrap();
        // A kill leaves a part of the new file beside it, of any length.
        for end in 0..whole.len() {
            fs::write(folder.path().join(".progress.toml.1.new"), &whole[..end]).unwrap();
            assert_eq!(Progress::load(&path).unwrap().0.lessons["one"], some());
        }
    }

    #[test]
    fn a_torn_or_later_file_is_named_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("progress.toml");
        for (nth, (text, words)) in [
            ("version = 1\n[lesson.one]\nstep = ", "cannot be read"),
            ("version = 7\nnew = true\n", "version 7"),
            ("", "no version"),
            ("version = 1\nlesson = 3\n", "cannot be read"),
        ]
        .into_iter()
        .enumerate()
        {
            fs::write(&path, text).unwrap();
            let (progress, trouble) = Progress::load(&path).unwrap();
            let trouble = trouble.unwrap();
            assert_eq!(progress, Progress::default());
            assert!(trouble.contains(words) && trouble.contains("kept-"), "{trouble}");
            let kept = folder.path().join(format!("progress.toml.kept-{}", nth + 1));
            assert_eq!(fs::read_to_string(kept).unwrap(), text);
        }
    }

    #[test]
    fn nothing_panics_on_any_bytes() {
        let text =
            toml::to_string(&Progress { lessons: [("a".to_owned(), some())].into(), ..Progress::default() })
                .unwrap();
        for end in 0..text.len() {
            let _ = read(&text.as_bytes()[..end]);
        }
        assert!(read(b"\xff\xfe").is_err());
    }
}
