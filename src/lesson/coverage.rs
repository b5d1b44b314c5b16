//! What the course covers (`lessons/learning.toml`, and the table of misconceptions), and what of it is taught where.

use super::activity::{Activity, Question, Task};
use super::format::Lesson;
use crate::explain::misconceptions;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Something that the course covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As lessons name it.
    pub id: String,
    /// In words.
    pub text: String,
    /// The part of the course that it belongs to.
    pub group: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    group: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    title: String,
    items: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    text: String,
}

static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(|| {
    // A test holds that the file is read.
    let file: File = toml::from_str(include_str!("../../lessons/learning.toml")).unwrap_or_default();
    let listed = file.group.into_iter().flat_map(|group| {
        let title = group.title;
        group.items.into_iter().map(move |item| Item { id: item.id, text: item.text, group: title.clone() })
    });
    let rows = misconceptions().iter().map(|row| Item {
        id: format!("misconception-{}", row.number),
        text: row.people_say.clone(),
        group: "What people wrongly believe".to_owned(),
    });
    listed.chain(rows).collect()
});

/// Everything that the course covers, in the order of the file; misconceptions last.
pub fn items() -> &'static [Item] {
    &ITEMS
}

/// The ids that an activity teaches: its own, and the misconceptions that it is about.
pub fn taught(activity: &Activity) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = activity.teaches.iter().cloned().collect();
    let own = activity.misconception.into_iter().chain(named(activity));
    ids.extend(own.map(|number| format!("misconception-{number}")));
    ids
}

/// The misconceptions that its wrong answers name.
fn named(activity: &Activity) -> Vec<u8> {
    let reasons: Vec<Option<u8>> = match &activity.task {
        Task::Answer(Question::Choose { choices, .. }) => {
            choices.iter().map(|choice| choice.reason.misconception).collect()
        }
        Task::Answer(Question::Text { wrong, .. }) => {
            wrong.iter().map(|(_, reason)| reason.misconception).collect()
        }
        Task::Find { wrong, .. } => wrong.iter().map(|(_, reason)| reason.misconception).collect(),
        Task::Type(typing) => typing.wrong.iter().map(|mistake| mistake.reason.misconception).collect(),
        Task::Repair(repair) => repair.wrong.iter().map(|mistake| mistake.reason.misconception).collect(),
        Task::WhatIf { choices, .. } => choices.iter().map(|choice| choice.reason.misconception).collect(),
        Task::Answer(_) | Task::Watch(_) | Task::Predict(_) | Task::Explain { .. } => Vec::new(),
    };
    reasons.into_iter().flatten().collect()
}

/// Where each item is taught: `lesson`, or `lesson/activity`. A misconception counts only where an activity is about it.
pub fn coverage<'l>(lessons: impl IntoIterator<Item = &'l Lesson>) -> BTreeMap<&'static str, Vec<String>> {
    let mut places: BTreeMap<&'static str, Vec<String>> =
        items().iter().map(|item| (item.id.as_str(), Vec::new())).collect();
    for lesson in lessons {
        for activity in &lesson.activities {
            for id in taught(activity) {
                if let Some(places) = places.get_mut(id.as_str()) {
                    places.push(format!("{}/{}", lesson.name, activity.id));
                }
            }
        }
        for id in lesson.front.teaches.iter().filter(|id| !id.starts_with("misconception-")) {
            if let Some(places) = places.get_mut(id.as_str()) {
                places.push(lesson.name.clone());
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_is_read_and_every_id_is_there_once() {
        let ids: BTreeSet<&str> = items().iter().map(|item| item.id.as_str()).collect();
        assert_eq!(ids.len(), items().len());
        assert!(items().len() > 140, "{}", items().len());
        assert!(items().iter().all(|item| super::super::format::is_name(&item.id) && !item.text.is_empty()));
        assert!(ids.contains("smtp-rcpt") && ids.contains("misconception-32"));
    }
}
