//! What is typed as an answer → an [`Attempt`].

use crate::lesson::activity::{Question, Task};
use crate::lesson::judge::Attempt;

/// The attempt that a line is; `None` where it is no answer to this.
pub fn attempt(task: &Task, line: &str) -> Option<Attempt> {
    let line = line.trim();
    match task {
        Task::Watch(_) | Task::Type(_) | Task::Repair(_) => None,
        Task::Predict(_) | Task::WhatIf { .. } | Task::Answer(Question::Choose { .. }) => {
            numbers(line).map(Attempt::Chosen)
        }
        Task::Answer(Question::Order { items, .. }) => {
            numbers(line).filter(|order| is_all(order, items.len())).map(Attempt::Ordered)
        }
        Task::Answer(Question::Match { .. }) => letters(line).map(Attempt::Matched),
        Task::Answer(Question::Text { .. }) | Task::Explain { .. } => {
            Some(Attempt::Written(line.to_owned())).filter(|_| !line.is_empty())
        }
        Task::Find { .. } => line.parse().ok().map(Attempt::Pointed),
    }
}

/// `1 3`, `1,3`: from 0 on.
fn numbers(line: &str) -> Option<Vec<usize>> {
    let words = line.split([' ', ',', ';']).filter(|word| !word.is_empty());
    let numbers: Option<Vec<usize>> = words.map(|word| word.parse::<usize>().ok()?.checked_sub(1)).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

/// Whether each of so many is there, once.
fn is_all(order: &[usize], count: usize) -> bool {
    order.len() == count && (0..count).all(|one| order.contains(&one))
}

/// `b a c`, `bac`, `1b 2a 3c`: from 0 on.
fn letters(line: &str) -> Option<Vec<usize>> {
    let mut found = Vec::new();
    for c in line.chars() {
        match c {
            'a'..='z' => found.push(usize::from(u8::try_from(c).ok()? - b'a')),
            'A'..='Z' => found.push(usize::from(u8::try_from(c).ok()? - b'A')),
            ' ' | ',' | ';' | '-' | '=' | '0'..='9' => {}
            _ => return None,
        }
    }
    Some(found).filter(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_letters_are_heard() {
        assert_eq!(numbers("1, 3"), Some(vec![0, 2]));
        assert_eq!(numbers("0"), None);
        assert_eq!(numbers("x"), None);
        assert!(is_all(&[1, 0], 2) && !is_all(&[0, 1, 2], 2) && !is_all(&[1, 1], 2));
        assert_eq!(letters("1b 2a"), Some(vec![1, 0]));
        assert_eq!(letters("BA"), Some(vec![1, 0]));
        assert_eq!(letters("b?"), None);
    }
}
