//! [`Tree`]: the branches of a story: what was forked from what, where it parts, and which one is looked at.
//!
//! A branch that is given up goes with all that was forked from it. There are at most [`MOST`].

use super::parting::{self, Parting};
use crate::trace::{Change, Record};
use std::sync::Arc;

/// Branches that are kept, the root among them.
pub const MOST: usize = 64;

/// How far a branch has come.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It is being run.
    Running,
    /// It could not be run, and why.
    Failed(String),
    /// It is told to its end.
    Told(Arc<[Record]>),
}

/// One telling of the story.
#[derive(Clone, Debug)]
pub struct Branch {
    /// What people know it by; never given twice in one tree.
    pub id: usize,
    /// What it was forked from; the root has none.
    pub parent: Option<usize>,
    /// What is otherwise in it, in a few words.
    pub name: String,
    /// All its changes, in order.
    pub changes: Vec<Change>,
    /// How far it has come.
    pub fate: Fate,
    /// Where it parts from its parent, and how it ends otherwise; once it is told.
    pub parting: Option<Parting>,
}

/// A branch's place in the drawing of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which branch.
    pub id: usize,
    /// How deep it stands; the root at 0.
    pub depth: usize,
    /// What is drawn in front of it: `├─ `, `│  └─ `; empty for the root.
    pub lead: String,
}

/// The branches of one story.
#[derive(Clone, Debug)]
pub struct Tree {
    branches: Vec<Branch>,
    current: usize,
    next: usize,
}

impl Tree {
    /// A tree of which only the root is there: the story as it was.
    pub fn new(name: &str, changes: Vec<Change>, records: Arc<[Record]>) -> Self {
        let fate = Fate::Told(records);
        let root = Branch { id: 0, parent: None, name: name.to_owned(), changes, fate, parting: None };
        Tree { branches: vec![root], current: 0, next: 1 }
    }

    /// A new branch off `parent`, being run; gives its id, and it is looked at from now on.
    ///
    /// # Errors
    /// In words: there are too many, or the parent is not there.
    pub fn grow(&mut self, parent: usize, name: &str, changes: Vec<Change>) -> Result<usize, String> {
        if self.get(parent).is_none() {
            return Err("the branch that this was to be forked from is gone".to_owned());
        }
        if self.branches.len() >= MOST {
            return Err(format!("there are {MOST} branches already: give one up first"));
        }
        let id = self.next;
        self.next += 1;
        let (parent, name) = (Some(parent), name.to_owned());
        self.branches.push(Branch { id, parent, name, changes, fate: Fate::Running, parting: None });
        self.current = id;
        Ok(id)
    }

    /// A branch was run to its end.
    pub fn told(&mut self, id: usize, records: Arc<[Record]>) {
        let parent = self.get(id).and_then(|branch| branch.parent).and_then(|parent| self.records(parent));
        let parting = parent.map(|parent| parting::of(&parent, &records));
        if let Some(branch) = self.branches.iter_mut().find(|b| b.id == id) {
            branch.parting = parting;
            branch.fate = Fate::Told(records);
        }
    }

    /// A branch could not be run.
    pub fn failed(&mut self, id: usize, why: String) {
        if let Some(branch) = self.branches.iter_mut().find(|b| b.id == id) {
            branch.fate = Fate::Failed(why);
        }
    }

    /// Look at this branch, if it is there; says so.
    pub fn switch(&mut self, id: usize) -> bool {
        let there = self.get(id).is_some();
        if there {
            self.current = id;
        }
        there
    }

    /// Give a branch up, with all that was forked from it; the root stays. Gives which ones are gone. Whoever looked
    /// at one of them looks at its parent now.
    pub fn give_up(&mut self, id: usize) -> Vec<usize> {
        let Some(parent) = self.get(id).and_then(|branch| branch.parent) else { return Vec::new() };
        let mut gone = vec![id];
        // A branch stands behind its parent always, so one pass finds all.
        for branch in &self.branches {
            if branch.parent.is_some_and(|parent| gone.contains(&parent)) {
                gone.push(branch.id);
            }
        }
        self.branches.retain(|branch| !gone.contains(&branch.id));
        if gone.contains(&self.current) {
            self.current = parent;
        }
        gone
    }

    /// The branch that is looked at.
    pub fn current(&self) -> &Branch {
        // The root is never given up, and `current` is always there.
        self.get(self.current).unwrap_or(&self.branches[0])
    }

    /// The branch of that id.
    pub fn get(&self, id: usize) -> Option<&Branch> {
        self.branches.iter().find(|branch| branch.id == id)
    }

    /// A branch's records, once it is told.
    pub fn records(&self, id: usize) -> Option<Arc<[Record]>> {
        match &self.get(id)?.fate {
            Fate::Told(records) => Some(records.clone()),
            _ => None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.branches.len()
    }

    /// Never so: the root is there.
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// All branches as they are drawn: each below its parent, older ones first.
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::with_capacity(self.branches.len());
        let mut open: Vec<(usize, usize, String, String)> = vec![(0, 0, String::new(), String::new())];
        while let Some((id, depth, lead, below)) = open.pop() {
            rows.push(Row { id, depth, lead });
            let children: Vec<usize> =
                self.branches.iter().filter(|b| b.parent == Some(id)).map(|b| b.id).collect();
            let last = children.last().copied();
            for child in children.into_iter().rev() {
                let (tee, bar) = if Some(child) == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                open.push((child, depth + 1, format!("{below}{tee}"), format!("{below}{bar}")));
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::new("as it was", Vec::new(), Arc::from(Vec::new()));
        for (parent, name) in [(0, "mailbox full"), (1, "greylist"), (0, "no login"), (1, "cut")] {
            tree.grow(parent, name, Vec::new()).expect("there is room");
        }
        tree
    }

    #[test]
    fn branches_are_drawn_below_their_parents() {
        let tree = tree();
        let drawn: Vec<String> = tree
            .rows()
            .iter()
            .map(|row| format!("{}{}", row.lead, tree.get(row.id).map_or("", |b| b.name.as_str())))
            .collect();
        assert_eq!(drawn, ["as it was", "├─ mailbox full", "│  ├─ greylist", "│  └─ cut", "└─ no login"]);
    }

    #[test]
    fn who_is_given_up_takes_its_forks_along() {
        let mut tree = tree();
        assert_eq!(tree.current().name, "cut");
        assert_eq!(tree.give_up(1), [1, 2, 4]);
        assert_eq!((tree.current().id, tree.len()), (0, 2));
        assert!(tree.give_up(0).is_empty(), "the story itself stays");
        assert!(!tree.switch(2) && tree.switch(3));
        assert_eq!(tree.grow(2, "x", Vec::new()).map_err(|e| e.contains("gone")), Err(true));
        assert_eq!(tree.grow(3, "x", Vec::new()), Ok(5), "no id is given twice");
    }

    #[test]
    fn there_is_an_end_to_branching() {
        let mut tree = tree();
        while tree.len() < MOST {
            tree.grow(0, "one more", Vec::new()).expect("there is room");
        }
        assert!(tree.grow(0, "too many", Vec::new()).is_err());
    }
}
