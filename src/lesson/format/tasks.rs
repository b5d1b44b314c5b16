//! An activity's own keys → its [`Task`].

use super::super::activity::{
    Change, Choice, Mistake, Others, Question, Reason, Repair, Spot, Stretch, Task, Typing,
};
use super::super::entry::{At, ChoiceEntry, Entry, Replacement, WrongEntry};
use super::super::goal::{Complaints, Goal};
use super::super::problem::{Source, choose};
use super::keys;
use crate::base::random;
use crate::dissect::Protocol;
use crate::dissect::filter::Filter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// At most so many choices: each has a digit to be chosen by.
const MOST: usize = 9;

type Tell<'c, 'p, 't> = &'c mut Complaints<'p, 't>;

/// What is done; `None` where something is wrong, which was told.
pub fn task(entry: &Entry, files: &BTreeMap<String, Arc<Source>>, tell: Tell<'_, '_, '_>) -> Option<Task> {
    match entry.act.as_str() {
        "watch" => Some(Task::Watch(stretch(entry, tell)?)),
        "predict" => Some(Task::Predict(spot(entry, tell)?)),
        "answer" => Some(Task::Answer(question(entry, tell)?)),
        "find" => find(entry, tell),
        "explain" => {
            let spot = spot(entry, tell)?;
            let Some(toml::Value::String(model)) = entry.model.clone().filter(|model| !is_empty(model))
            else {
                tell.tell_at("model", "what does a good explanation say? `model` is a text");
                return None;
            };
            Some(Task::Explain { spot, model, points: entry.points.clone().unwrap_or_default() })
        }
        "type" => Some(Task::Type(Box::new(typing(entry, tell)?))),
        "repair" => Some(Task::Repair(Box::new(repair(entry, files, tell)?))),
        "what-if" => what_if(entry, tell),
        _ => None,
    }
}

fn is_empty(value: &toml::Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A key that must be there.
fn needed<'e>(key: &str, value: Option<&'e str>, tell: Tell<'_, '_, '_>) -> Option<&'e str> {
    if value.is_none() {
        tell.tell_at("do", format!("the key `{key}` is missing"));
    }
    value
}

fn stretch(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Stretch> {
    match (&entry.filter, &entry.steps, &entry.chapter) {
        (Some(filter), None, None) => Some(Stretch::Filter(tell.filter(&[At::Key("filter")], filter)?)),
        (None, Some(steps), None) => match steps.parse() {
            Ok(range) => Some(Stretch::Steps(range)),
            Err(why) => {
                tell.tell_at("steps", why);
                None
            }
        },
        (None, None, Some(chapter)) => {
            let quoted = chapter.replace('\\', "\\\\").replace('"', "\\\"");
            let filter = tell.filter(&[At::Key("chapter")], &format!("chapter \"{quoted}\""))?;
            Some(Stretch::Filter(filter))
        }
        _ => {
            tell.tell_at("do", "what is to be watched? One of `filter`, `steps`, `chapter` says it");
            None
        }
    }
}

fn spot(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Spot> {
    let at = needed("at", entry.at.as_deref(), tell)?;
    let at = tell.filter(&[At::Key("at")], at)?;
    let nth = entry.nth.unwrap_or(1);
    if nth == 0 {
        tell.tell_at("nth", "the first one is 1");
        return None;
    }
    Some(Spot { at, nth })
}

/// A reason must say something; `or` may say it for all.
fn reason(why: &str, misconception: Option<u8>, path: &[At<'_>], or: &str, tell: Tell<'_, '_, '_>) -> Reason {
    if why.trim().is_empty() && or.trim().is_empty() {
        tell.tell_in(path, "why? Each of these has a `why`");
    }
    let place: Vec<At<'_>> = path.iter().copied().chain([At::Key("misconception")]).collect();
    tell.misconception(&place, misconception);
    Reason { why: why.to_owned(), misconception }
}

fn amount(key: &str, count: usize, tell: Tell<'_, '_, '_>) -> Option<()> {
    if (2..=MOST).contains(&count) {
        return Some(());
    }
    tell.tell_at(
        if count == 0 { "do" } else { key },
        format!("there are {count} `[[{key}]]`; between 2 and {MOST} are needed"),
    );
    None
}

fn question(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Question> {
    let kind = needed("kind", entry.kind.as_deref(), tell)?;
    match kind {
        "one" | "several" => choose_of(entry, kind == "several", tell),
        "text" => text(entry, tell),
        "order" => {
            amount("item", entry.item.len(), tell)?;
            let items: Vec<(String, String)> =
                entry.item.iter().map(|item| (item.text.clone(), item.why.clone())).collect();
            for (nth, item) in entry.item.iter().enumerate() {
                reason(&item.why, None, &[At::Key("item"), At::Nth(nth)], &entry.why, tell);
            }
            let shown = shuffled(items.len(), &entry.id);
            Some(Question::Order { items, shown })
        }
        "match" => {
            amount("pair", entry.pair.len(), tell)?;
            for (nth, pair) in entry.pair.iter().enumerate() {
                reason(&pair.why, None, &[At::Key("pair"), At::Nth(nth)], &entry.why, tell);
            }
            let pairs: Vec<_> =
                entry.pair.iter().map(|p| (p.left.clone(), p.right.clone(), p.why.clone())).collect();
            let mut rights: Vec<String> = entry.pair.iter().map(|pair| pair.right.clone()).collect();
            rights.extend(entry.extra.iter().flatten().cloned());
            // One right text may belong to several left ones, and is shown once.
            rights.sort();
            rights.dedup();
            let order = shuffled(rights.len(), &entry.id);
            let rights = order.iter().filter_map(|place| rights.get(*place).cloned()).collect();
            Some(Question::Match { pairs, rights })
        }
        other => {
            let help = choose(other, keys::answers());
            let message = format!("there is no kind of answer `{}`", other.escape_debug());
            let problem = tell.places.problem(&[At::Key("kind")], message).help(help);
            tell.problems.push(problem);
            None
        }
    }
}

/// An order that does not tell, the same each time; never the one that things have already.
fn shuffled(count: usize, id: &str) -> Vec<usize> {
    let mut random = random::stream(1, id, "lesson", "order");
    let mut order: Vec<usize> = (0..count).collect();
    random.shuffle(&mut order);
    if order.iter().enumerate().all(|(at, place)| at == *place) {
        order.rotate_left(1.min(count));
    }
    order
}

fn choose_of(entry: &Entry, several: bool, tell: Tell<'_, '_, '_>) -> Option<Question> {
    amount("choice", entry.choice.len(), tell)?;
    let mut choices = Vec::new();
    for (nth, choice) in entry.choice.iter().enumerate() {
        let path = [At::Key("choice"), At::Nth(nth)];
        if choice.text.trim().is_empty() {
            tell.tell_in(&path, "this choice has no `text`");
        }
        if changes_the_world(choice) {
            tell.tell_in(&path, "only the choices of a `what-if` change the story");
        }
        let or = if choice.right { entry.why.as_str() } else { "" };
        let reason = reason(&choice.why, choice.misconception, &path, or, tell);
        choices.push(Choice { text: choice.text.clone(), right: choice.right, reason });
    }
    let right = choices.iter().filter(|choice| choice.right).count();
    if right == 0 || right > 1 && !several {
        let message = match several {
            true => "no choice is right",
            false => "exactly one choice is right in a question of this kind",
        };
        tell.tell_at("choice", message);
    }
    if !entry.keep_order.unwrap_or(false) {
        let order = shuffled(choices.len(), &entry.id);
        choices = order.iter().filter_map(|place| choices.get(*place).cloned()).collect();
    }
    Some(Question::Choose { choices, several })
}

fn changes_the_world(choice: &ChoiceEntry) -> bool {
    !choice.breaks.is_empty()
        || !choice.fault.is_empty()
        || choice.edit.is_some()
        || choice.at.is_some()
        || choice.scenario.is_some()
}

fn text(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Question> {
    let accept = entry.accept.clone().unwrap_or_default();
    if accept.iter().all(|text| text.trim().is_empty()) {
        tell.tell_at("do", "which answers are right? `accept` lists them");
        return None;
    }
    if entry.why.trim().is_empty() {
        tell.tell_at("accept", "why is that right? The key `why` says it");
    }
    if entry.wrong.is_empty() {
        tell.tell_at(
            "accept",
            "which wrong answers do people give? At least one `[[wrong]]`, with its reason",
        );
    }
    let mut wrong = Vec::new();
    for (nth, one) in entry.wrong.iter().enumerate() {
        let path = [At::Key("wrong"), At::Nth(nth)];
        only(one, "text", &path, tell);
        let Some(text) = &one.text else {
            tell.tell_in(&path, "this wrong answer has no `text`");
            continue;
        };
        wrong.push((text.clone(), reason(&one.why, one.misconception, &path, "", tell)));
    }
    Some(Question::Text { accept, wrong })
}

/// A wrong one has the key of its kind, and none of the other kinds.
fn only(wrong: &WrongEntry, key: &str, path: &[At<'_>], tell: Tell<'_, '_, '_>) {
    let has = [
        ("text", wrong.text.is_some()),
        ("filter", wrong.filter.is_some()),
        ("lines", wrong.lines.is_some()),
        ("model", wrong.model.is_some()),
        ("when", wrong.when.is_some()),
    ];
    let runs = matches!(key, "lines" | "model");
    for (name, _) in has.iter().filter(|(name, has)| *has && *name != key && !(runs && *name == "when")) {
        let place: Vec<At<'_>> = path.iter().copied().chain([At::Key(name)]).collect();
        tell.tell_in(&place, format!("`{name}` does not belong here; this one has `{key}`"));
    }
}

fn find(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Task> {
    let right = needed("right", entry.right.as_deref(), tell)?;
    let right = tell.filter(&[At::Key("right")], right)?;
    if entry.why.trim().is_empty() {
        tell.tell_at("right", "why is that right? The key `why` says it");
    }
    if entry.wrong.is_empty() {
        tell.tell_at("right", "what do people take for it? At least one `[[wrong]]`, with its reason");
    }
    let mut wrong: Vec<(Filter, Reason)> = Vec::new();
    for (nth, one) in entry.wrong.iter().enumerate() {
        let path = [At::Key("wrong"), At::Nth(nth)];
        only(one, "filter", &path, tell);
        let place = [At::Key("wrong"), At::Nth(nth), At::Key("filter")];
        let Some(filter) = one.filter.as_deref() else {
            tell.tell_in(&path, "which Steps? `filter` says it");
            continue;
        };
        let reason = reason(&one.why, one.misconception, &path, "", tell);
        wrong.extend(tell.filter(&place, filter).map(|filter| (filter, reason)));
    }
    Some(Task::Find { right, wrong })
}

fn goal(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Goal> {
    let Some(goal) = &entry.goal else {
        tell.tell_at("do", "what is to hold in the end? `[goal]` says it");
        return None;
    };
    goal.read(&[At::Key("goal")], tell)
}

/// A list of texts, told where it is something else.
fn lines(value: Option<&toml::Value>, tell: Tell<'_, '_, '_>) -> Option<Vec<String>> {
    let texts = value.and_then(|value| value.as_array()).map(|list| {
        list.iter().map(|line| line.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
    });
    match texts.flatten() {
        Some(lines) if !lines.is_empty() => Some(lines),
        _ => {
            tell.tell_at("model", "`model` is the lines of a session, each a text");
            None
        }
    }
}

fn typing(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Typing> {
    let protocol = match needed("protocol", entry.protocol.as_deref(), tell)? {
        "smtp" => Protocol::Smtp,
        "pop3" => Protocol::Pop3,
        "imap" => Protocol::Imap,
        other => {
            let problem = tell.places.problem(&[At::Key("protocol")], "smtp, pop3 and imap are typed");
            tell.problems.push(problem.help(choose(other, ["smtp", "pop3", "imap"])));
            return None;
        }
    };
    let usual = match protocol {
        Protocol::Pop3 => 110,
        Protocol::Imap => 143,
        _ => 25,
    };
    let others = match entry.others.as_deref() {
        Some("nobody") => Others::Nobody,
        Some("letters") => Others::Letters,
        Some("all") => Others::All,
        None if protocol == Protocol::Smtp => Others::Nobody,
        None => Others::Letters,
        Some(_) => {
            tell.tell_at("others", "who else acts? `nobody`, `letters` or `all`");
            return None;
        }
    };
    let host = needed("host", entry.host.as_deref(), tell)?.to_owned();
    let model = lines(entry.model.as_ref(), tell)?;
    let goal = goal(entry, tell)?;
    let wrong = mistakes(entry, "lines", |wrong| wrong.lines.clone(), tell);
    Some(Typing { protocol, host, port: entry.port.unwrap_or(usual), others, model, goal, wrong })
}

/// The wrong ways: at least one.
fn mistakes<T>(
    entry: &Entry,
    key: &str,
    way: impl Fn(&WrongEntry) -> Option<T>,
    tell: Tell<'_, '_, '_>,
) -> Vec<Mistake<T>> {
    if entry.wrong.is_empty() {
        tell.tell_at("model", format!("what do people do wrong? At least one `[[wrong]]`, with `{key}`"));
    }
    let mut mistakes = Vec::new();
    for (nth, wrong) in entry.wrong.iter().enumerate() {
        let path = [At::Key("wrong"), At::Nth(nth)];
        only(wrong, key, &path, tell);
        let Some(way) = way(wrong) else {
            tell.tell_in(&path, format!("what is done? `{key}` says it"));
            continue;
        };
        let place = [At::Key("wrong"), At::Nth(nth), At::Key("when")];
        let when = wrong.when.as_ref().and_then(|when| when.read(&place, tell));
        mistakes.push(Mistake {
            way,
            when,
            reason: reason(&wrong.why, wrong.misconception, &path, "", tell),
        });
    }
    mistakes
}

fn repair(entry: &Entry, files: &BTreeMap<String, Arc<Source>>, tell: Tell<'_, '_, '_>) -> Option<Repair> {
    let file = needed("scenario", entry.scenario.as_deref(), tell)?.to_owned();
    let Some(source) = files.get(&file) else {
        let known = files.keys().filter(|name| name.ends_with(".toml")).map(String::as_str);
        let message = "what is repaired is a scenario of this folder";
        let problem = tell.places.problem(&[At::Key("scenario")], message).help(choose(&file, known));
        tell.problems.push(problem);
        return None;
    };
    let part = (entry.from.clone(), entry.until.clone());
    if super::super::desk::part(&source.text, &part).is_none() {
        let key = if entry.from.is_some() { "from" } else { "until" };
        tell.tell_at(key, format!("`{file}` has no such part: no line has these words"));
        return None;
    }
    let model = entry.model.clone().and_then(|model| model.try_into::<Vec<Replacement>>().ok());
    let Some(model) = model.filter(|model| !model.is_empty()) else {
        tell.tell_at("model", "`model` is the repair: [{ replace = \"…\", with = \"…\" }]");
        return None;
    };
    fits(&source.text, &model, &[At::Key("model")], tell);
    let goal = goal(entry, tell)?;
    let wrong = mistakes(entry, "model", |wrong| wrong.model.clone(), tell);
    for (nth, mistake) in wrong.iter().enumerate() {
        fits(&source.text, &mistake.way, &[At::Key("wrong"), At::Nth(nth), At::Key("model")], tell);
    }
    Some(Repair { file, part, goal, model, wrong })
}

/// What is replaced stands there once.
fn fits(text: &str, model: &[Replacement], path: &[At<'_>], tell: Tell<'_, '_, '_>) {
    let mut text = text.to_owned();
    for (nth, edit) in model.iter().enumerate() {
        let count = text.matches(edit.replace.as_str()).count();
        if count != 1 || edit.replace.is_empty() {
            let place: Vec<At<'_>> = path.iter().copied().chain([At::Nth(nth), At::Key("replace")]).collect();
            tell.tell_in(
                &place,
                format!("this stands {count} times in the scenario, and should stand there once"),
            );
        }
        text = text.replacen(&edit.replace, &edit.with, 1);
    }
}

fn what_if(entry: &Entry, tell: Tell<'_, '_, '_>) -> Option<Task> {
    amount("choice", entry.choice.len(), tell)?;
    let goal = goal(entry, tell)?;
    let mut choices = Vec::new();
    for (nth, choice) in entry.choice.iter().enumerate() {
        choices.extend(change(nth, choice, &entry.why, tell));
    }
    if !choices.iter().any(|choice| choice.right) {
        tell.tell_at("choice", "no choice is right");
    }
    Some(Task::WhatIf { goal, choices })
}

fn change(nth: usize, choice: &ChoiceEntry, why: &str, tell: Tell<'_, '_, '_>) -> Option<Change> {
    let path = [At::Key("choice"), At::Nth(nth)];
    if choice.text.trim().is_empty() {
        tell.tell_in(&path, "this choice has no `text`");
    }
    let or = if choice.right { why } else { "" };
    let reason = reason(&choice.why, choice.misconception, &path, or, tell);
    if choice.edit.is_none() && choice.at.is_some() {
        let place = [At::Key("choice"), At::Nth(nth), At::Key("at")];
        tell.tell_in(&place, "`at` says where an `edit` is made, and there is none");
    }
    let edit = match (&choice.edit, &choice.at) {
        (Some(edit), Some(at)) => {
            let place = [At::Key("choice"), At::Nth(nth), At::Key("at")];
            Some((edit.clone(), Some(tell.filter(&place, at)?)))
        }
        (Some(edit), None) => Some((edit.clone(), None)),
        (None, _) => None,
    };
    let faults = choice.fault.iter().map(|fault| serde_json::to_value(fault).unwrap_or_default());
    Some(Change {
        text: choice.text.clone(),
        right: choice.right,
        reason,
        breaks: choice.breaks.clone(),
        faults: faults.collect(),
        edit,
        scenario: choice.scenario.clone(),
    })
}
