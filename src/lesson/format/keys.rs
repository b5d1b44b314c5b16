//! Which keys belong to which kind of activity.

use super::super::entry::{At, COMMON, Entry};
use super::super::goal::Complaints;
use super::super::problem::choose;

/// Kinds of activities with their own keys.
const KINDS: [(&str, &[&str]); 8] = [
    ("watch", &["filter", "steps", "chapter"]),
    ("predict", &["at", "nth"]),
    ("answer", &["kind", "choice", "keep-order", "accept", "wrong", "item", "pair", "extra"]),
    ("find", &["right", "wrong"]),
    ("explain", &["at", "nth", "model", "points"]),
    ("type", &["protocol", "host", "port", "others", "model", "goal", "wrong"]),
    ("repair", &["from", "until", "goal", "model", "wrong"]),
    ("what-if", &["goal", "choice"]),
];

/// Kinds of answers with their own keys.
const ANSWERS: [(&str, &[&str]); 5] = [
    ("one", &["choice", "keep-order"]),
    ("several", &["choice", "keep-order"]),
    ("text", &["accept", "wrong"]),
    ("order", &["item"]),
    ("match", &["pair", "extra"]),
];

/// Tell every key that does not belong to this kind of activity.
pub fn belong(entry: &Entry, complaints: &mut Complaints<'_, '_>) {
    let Some((_, own)) = KINDS.iter().find(|(name, _)| *name == entry.act) else {
        let help = choose(&entry.act, KINDS.iter().map(|(name, _)| *name));
        let message = format!("there is no activity `{}`", entry.act.escape_debug());
        let problem = complaints.places.problem(&[At::Key("do")], message).help(help);
        complaints.problems.push(problem);
        return;
    };
    let of_kind = entry.kind.as_deref().and_then(|kind| ANSWERS.iter().find(|(name, _)| *name == kind));
    for key in complaints.places.keys() {
        let key = key.as_str();
        if COMMON.contains(&key) {
            continue;
        }
        let (belongs, whose, others) = match of_kind.filter(|_| entry.act == "answer") {
            Some((kind, keys)) => (key == "kind" || keys.contains(&key), *kind, *keys),
            None => (own.contains(&key), entry.act.as_str(), *own),
        };
        if !belongs {
            let message = format!("`{key}` does not belong to `{whose}`");
            let help = format!("its keys are `{}`", others.join("`, `"));
            let problem = complaints.places.problem(&[At::Key(key)], message).help(help);
            complaints.problems.push(problem);
        }
    }
}

/// The kinds of answers.
pub fn answers() -> impl Iterator<Item = &'static str> {
    ANSWERS.iter().map(|(name, _)| *name)
}
