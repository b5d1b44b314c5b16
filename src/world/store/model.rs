//! A file system in memory for the store's tests: any operation can fail, or be the last before the machine stops.
//!
//! It keeps two views of everything: what programs see, and what is synced. `kill -9` leaves the first, a power cut
//! the second. The operation that stops the machine is half done.

use super::files::Files;
use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happens at an operation that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// This one fails.
    Once(usize),
    /// This one fails, and so do all that follow.
    From(usize),
    /// This one is half done, and then nothing is done any more.
    Stop(usize),
}

/// What the machine finds when it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The program was killed: all that it wrote.
    Seen,
    /// The power went: what was synced.
    Synced,
}

#[derive(Clone, Debug)]
enum Node {
    File { seen: Vec<u8>, synced: Vec<u8> },
    Dir { seen: BTreeMap<String, usize>, synced: BTreeMap<String, usize> },
}

struct State {
    nodes: Vec<Node>,
    done: usize,
    trouble: Trouble,
}

/// See the module.
pub struct Model(Mutex<State>);

/// What an operation is to do.
enum Turn {
    Whole,
    Half,
    Nothing,
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn names(path: &Path) -> Vec<String> {
    let normal = |c: Component<'_>| match c {
        Component::Normal(name) => name.to_str().map(str::to_owned),
        _ => None,
    };
    path.components().filter_map(normal).collect()
}

impl State {
    fn find(&self, path: &Path) -> io::Result<usize> {
        names(path).iter().try_fold(0, |at, name| match &self.nodes[at] {
            Node::Dir { seen, .. } => seen.get(name).copied().ok_or_else(missing),
            Node::File { .. } => Err(missing()),
        })
    }

    fn dir(&mut self, path: &Path) -> io::Result<&mut BTreeMap<String, usize>> {
        let at = self.find(path)?;
        match &mut self.nodes[at] {
            Node::Dir { seen, .. } => Ok(seen),
            Node::File { .. } => Err(missing()),
        }
    }

    fn entry(&mut self, path: &Path) -> io::Result<(&mut BTreeMap<String, usize>, String)> {
        let name = names(path).pop().ok_or_else(missing)?;
        Ok((self.dir(path.parent().ok_or_else(missing)?)?, name))
    }

    fn file(&mut self, path: &Path) -> io::Result<usize> {
        if let Ok(at) = self.find(path) {
            return Ok(at);
        }
        self.nodes.push(Node::File { seen: Vec::new(), synced: Vec::new() });
        let at = self.nodes.len() - 1;
        let (dir, name) = self.entry(path)?;
        dir.insert(name, at);
        Ok(at)
    }

    /// Counts a change, and says what comes of it.
    fn turn(&mut self) -> Turn {
        let at = self.done;
        self.done += 1;
        match self.trouble {
            Trouble::Once(n) if at == n => Turn::Half,
            Trouble::From(n) | Trouble::Stop(n) if at == n => Turn::Half,
            Trouble::From(n) | Trouble::Stop(n) if at > n => Turn::Nothing,
            _ => Turn::Whole,
        }
    }
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl Default for Model {
    fn default() -> Self {
        let root = Node::Dir { seen: BTreeMap::new(), synced: BTreeMap::new() };
        Model(Mutex::new(State { nodes: vec![root], done: 0, trouble: Trouble::None }))
    }
}

impl Model {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on, this happens; counting begins anew.
    pub fn trouble(&self, trouble: Trouble) {
        let mut state = self.state();
        (state.done, state.trouble) = (0, trouble);
    }

    /// How many changes there were since.
    pub fn done(&self) -> usize {
        self.state().done
    }

    /// The machine starts again.
    pub fn restart(&self, left: Left) {
        let mut state = self.state();
        state.trouble = Trouble::None;
        for node in &mut state.nodes {
            match (node, left) {
                (_, Left::Seen) => {}
                (Node::File { seen, synced }, Left::Synced) => seen.clone_from(synced),
                (Node::Dir { seen, synced }, Left::Synced) => seen.clone_from(synced),
            }
        }
    }

    /// What an operation writes, half of it where it fails there.
    fn written(&self, path: &Path, bytes: &[u8], anew: bool) -> io::Result<()> {
        let mut state = self.state();
        let turn = state.turn();
        let part = match turn {
            Turn::Whole => bytes,
            Turn::Half => &bytes[..bytes.len() / 2],
            Turn::Nothing => return Err(full()),
        };
        let at = state.file(path)?;
        let Node::File { seen, synced } = &mut state.nodes[at] else { return Err(missing()) };
        if anew {
            seen.clear();
        }
        seen.extend_from_slice(part);
        if matches!(turn, Turn::Half) {
            return Err(full());
        }
        synced.clone_from(seen);
        Ok(())
    }

    /// An operation that is done or not: half of the time it was done when it failed.
    fn whole(&self, act: impl FnOnce(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state();
        match state.turn() {
            Turn::Whole => act(&mut state),
            Turn::Half => {
                if matches!(state.trouble, Trouble::Stop(n) if n % 2 == 0) {
                    act(&mut state)?;
                }
                Err(full())
            }
            Turn::Nothing => Err(full()),
        }
    }
}

impl Files for Model {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state();
        match &state.nodes[state.find(path)?] {
            Node::File { seen, .. } => Ok(seen.clone()),
            Node::Dir { .. } => Err(missing()),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Ok(self.state().dir(path)?.keys().cloned().collect())
    }

    fn is_dir(&self, path: &Path) -> bool {
        self.state().dir(path).is_ok()
    }

    fn len(&self, path: &Path) -> io::Result<u64> {
        Ok(self.read(path)?.len() as u64)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        if self.is_dir(path) {
            return Ok(());
        }
        self.whole(|state| {
            let mut at = 0;
            for name in names(path) {
                let fresh = state.nodes.len();
                let Node::Dir { seen, .. } = &mut state.nodes[at] else { return Err(missing()) };
                at = *seen.entry(name).or_insert(fresh);
                if at == fresh {
                    state.nodes.push(Node::Dir { seen: BTreeMap::new(), synced: BTreeMap::new() });
                }
            }
            Ok(())
        })
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.written(path, bytes, true)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.written(path, bytes, false)
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).expect("a short file");
        self.whole(|state| {
            let at = state.find(path)?;
            let Node::File { seen, synced } = &mut state.nodes[at] else { return Err(missing()) };
            seen.resize(len, 0);
            synced.clone_from(seen);
            Ok(())
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().find(from)?;
        self.whole(|state| {
            let (dir, name) = state.entry(from)?;
            let node = dir.remove(&name).ok_or_else(missing)?;
            let (dir, name) = state.entry(to)?;
            dir.insert(name, node);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.state().find(path)?;
        self.whole(|state| {
            let (dir, name) = state.entry(path)?;
            dir.remove(&name).map(|_| ()).ok_or_else(missing)
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.whole(|state| {
            let at = state.find(path)?;
            let Node::Dir { seen, synced } = &mut state.nodes[at] else { return Err(missing()) };
            synced.clone_from(seen);
            Ok(())
        })
    }
}
