//! A lesson that works, for an author to change: `postroad lesson new`.

/// The files of a new lesson of this name.
pub fn files(name: &str) -> [(&'static str, String); 2] {
    let title = name.replace('-', " ");
    let lesson = include_str!("../../lessons/template.md").replace("{title}", &title);
    [("lesson.md", lesson), ("lost.toml", include_str!("../../lessons/template.toml").to_owned())]
}
