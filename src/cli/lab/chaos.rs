//! Where faults are switched on and off while the lab runs: a file that is read again when it changes, lines that somebody
//! types, a list on the full screen.
//!
//! What is on is the file's faults, and those of the ready ones (`lessons/chaos.toml`) that somebody has switched on.

use crate::base::escape;
use crate::cli::{CommandError, screen};
use crate::view::tui::faults::{Row, Switch};
use crate::world::chaos::{Commander, Order};
use crate::world::scenario::{Fault, Scenario};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The faults that lie ready.
const READY: &str = include_str!("../../../lessons/chaos.toml");
/// Between two looks at the file.
const LOOKS: Duration = Duration::from_secs(1);
/// Octets of a file of faults.
const MOST: u64 = 1 << 20;

/// A fault, or some that belong together, with a name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// What is typed.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// What a program should make of it, and where that stands.
    pub about: String,
    /// What goes wrong.
    #[serde(rename = "fault")]
    pub faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct File {
    ready: Vec<Ready>,
}

/// All that lie ready, in the order of the file.
///
/// # Errors
/// Where the program's own file is broken.
pub fn ready() -> Result<Vec<Ready>, CommandError> {
    let file: File = toml::from_str(READY).map_err(|error| {
        let message = format!("the ready faults cannot be read: {}", error.message());
        CommandError::failure(message, "that is a mistake in postroad itself")
    })?;
    Ok(file.ready)
}

/// What is on.
#[derive(Default)]
struct On {
    /// Of the file.
    file: Vec<Fault>,
    /// Of the ready ones, by number.
    switched: BTreeSet<usize>,
}

/// The place from which faults are switched.
pub struct Desk {
    commander: Commander,
    ready: Vec<Ready>,
    on: Mutex<On>,
}

impl Desk {
    /// With nothing on.
    ///
    /// # Errors
    /// As [`ready`].
    pub fn new(commander: Commander) -> Result<Arc<Self>, CommandError> {
        Ok(Arc::new(Desk { commander, ready: ready()?, on: Mutex::default() }))
    }

    fn on(&self) -> MutexGuard<'_, On> {
        self.on.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tell the lab what is on now.
    fn order(&self, on: &On) -> bool {
        let switched = on.switched.iter().filter_map(|number| self.ready.get(*number));
        let faults = on.file.iter().chain(switched.flat_map(|ready| &ready.faults)).cloned().collect();
        self.commander.give(Order::Faults(faults))
    }

    /// Switch a ready fault on, or off again; says whether it is on now; nothing where there is none of that name.
    pub fn switch(&self, name: &str) -> Option<bool> {
        let number = self.ready.iter().position(|ready| ready.name.eq_ignore_ascii_case(name))?;
        let mut on = self.on();
        let is_on = !on.switched.remove(&number);
        if is_on {
            on.switched.insert(number);
        }
        self.order(&on);
        Some(is_on)
    }

    /// Switch everything off; the file's faults too, until it changes.
    pub fn clear(&self) {
        let mut on = self.on();
        *on = On::default();
        self.order(&on);
    }

    /// All that lie ready, for the full screen.
    fn rows(&self) -> Vec<Row> {
        let on = self.on();
        let row = |(number, ready): (usize, &Ready)| Row {
            name: ready.name.clone(),
            title: ready.title.clone(),
            about: ready.about.clone(),
            is_on: on.switched.contains(&number),
        };
        self.ready.iter().enumerate().map(row).collect()
    }

    /// What the full screen asks: to switch one, or to clear all, and what there is then.
    pub fn switch_of(self: Arc<Self>) -> Switch {
        Arc::new(move |asked| {
            match asked {
                Some("") => self.clear(),
                Some(name) => {
                    self.switch(name);
                }
                None => {}
            }
            self.rows()
        })
    }

    /// Take the faults of this file now, and again whenever it changes.
    ///
    /// # Errors
    /// Where it cannot be used now. Later, the lab tells.
    pub fn watch(self: &Arc<Self>, path: &Path, scenario: &Scenario) -> Result<(), CommandError> {
        let (desk, path, scenario) = (self.clone(), path.to_owned(), scenario.clone());
        let mut stamp = stamp(&path);
        let name = escape::text(&path.display().to_string());
        let text = read(&path).map_err(|error| CommandError::file("read", &path, &error))?;
        let faults = scenario.read_faults(&text, &name);
        let faults = faults.map_err(|error| CommandError::failure(error.render(screen::colour()), ""))?;
        self.take(faults);
        let look = move || {
            loop {
                std::thread::sleep(LOOKS);
                let now = self::stamp(&path);
                if now == stamp {
                    continue;
                }
                stamp = now;
                if !desk.look(&path, &name, &scenario) {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("faults".to_owned()).spawn(look)?;
        Ok(())
    }

    fn take(&self, faults: Vec<Fault>) -> bool {
        let mut on = self.on();
        on.file = faults;
        self.order(&on)
    }

    /// Read the file again; says whether the lab is still there.
    fn look(&self, path: &Path, name: &str, scenario: &Scenario) -> bool {
        let refused = match read(path) {
            Ok(text) => match scenario.read_faults(&text, name) {
                Ok(faults) => return self.take(faults),
                Err(error) => error.first(),
            },
            Err(error) => (name.to_owned(), error.to_string()),
        };
        let (place, why) = refused;
        self.commander.give(Order::Refused { place, why })
    }

    /// Hear what somebody types: `fault NAME`, `faults`, `clear`.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn hear_keys(self: Arc<Self>) -> io::Result<()> {
        if is_in_the_background() {
            return Ok(());
        }
        let hear = move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                // It stands between the lines of what happens; where nobody can read it, nothing is lost.
                let _ = write!(io::stderr(), "{}", self.answer(&line));
            }
        };
        std::thread::Builder::new().name("typed".to_owned()).spawn(hear).map(|_| ())
    }

    /// What is done, and said, about a line.
    fn answer(&self, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => String::new(),
            ["clear"] => {
                self.clear();
                String::new()
            }
            // What is on and off is told by the lab itself.
            ["fault", name] if self.switch(name).is_some() => String::new(),
            ["faults"] => self.list(),
            ["fault", name] => {
                format!("there is no ready fault “{}”; there are:\n{}", escape::text(name), self.list())
            }
            _ => {
                "faults lists what can go wrong · fault NAME switches it on or off · clear switches all off\n"
                    .to_owned()
            }
        }
    }

    fn list(&self) -> String {
        let widest = self.ready.iter().map(|ready| ready.name.len()).max().unwrap_or_default();
        let row = |row: Row| {
            let mark = if row.is_on { "on " } else { "   " };
            format!("  {mark} {:widest$}  {}\n", row.name, row.title)
        };
        self.rows().into_iter().map(row).collect()
    }
}

/// The file's text; one that is too large is none of faults.
fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MOST {
        return Err(io::Error::other("this is too large for a file of faults"));
    }
    fs::read_to_string(path)
}

/// What changes when a file is written.
fn stamp(path: &PathBuf) -> Option<(SystemTime, u64)> {
    let about = fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// Whether the shell has this program in the background: it would be stopped when it reads what is typed.
fn is_in_the_background() -> bool {
    use std::io::IsTerminal;
    if !io::stdin().is_terminal() {
        return false;
    }
    let Ok(text) = fs::read_to_string("/proc/self/stat") else { return false };
    // Behind the name in brackets: state, parent, group, session, terminal, and the terminal's own group (proc(5)).
    let after = text.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    fields.get(2) != fields.get(5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::chaos::orders;

    #[test]
    fn every_ready_fault_fits_the_lab_and_has_a_name_of_its_own() {
        let mut lab = Scenario::builtin("lab").expect("loads");
        let all = ready().expect("the file is sound");
        let names: BTreeSet<&str> = all.iter().map(|ready| ready.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.len() >= 10);
        for one in all {
            assert!(
                !one.faults.is_empty() && !one.title.is_empty() && one.about.contains("RFC"),
                "{}",
                one.name
            );
            lab.faults = one.faults;
            assert_eq!(crate::world::scenario::check::check(&lab), Vec::new(), "{}", one.name);
        }
    }

    #[test]
    fn what_is_typed_switches_and_is_answered() {
        let (commander, _orders) = orders();
        let desk = Desk::new(commander).expect("the file is sound");
        let name = desk.ready[0].name.clone();
        assert_eq!(desk.answer(&format!("fault {name}")), "");
        assert!(desk.list().contains(&format!("on  {name}")), "{}", desk.list());
        assert_eq!(desk.answer("clear"), "");
        assert!(!desk.list().contains("on  "));
        assert!(desk.answer("fault no-such-thing").contains(&name));
        assert!(desk.answer("help").contains("clear"));
        assert_eq!(desk.answer(""), "");
    }

    #[test]
    fn a_file_that_is_no_faults_is_refused_with_its_line() {
        let lab = Scenario::builtin("lab").expect("loads");
        let wrong = "[[fault]]\nkind = \"down\"\nhost = \"mx9.example.net\"\n";
        let (place, why) = lab.read_faults(wrong, "faults.toml").expect_err("no such host").first();
        assert_eq!(place, "faults.toml:3");
        assert!(why.contains("mx9.example.net"), "{why}");
        assert!(lab.read_faults("title = \"x\"\n", "f").is_err(), "only faults");
        assert_eq!(lab.read_faults("", "f"), Ok(Vec::new()), "an empty file switches all off");
    }
}
