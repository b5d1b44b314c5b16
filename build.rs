//! Lists the files of the lessons, so that a new folder under `lessons/` is in the program without a change of Rust.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=lessons");
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let lessons = Path::new(&root).join("lessons");
    let mut list = String::from("&[\n");
    for name in names(&lessons)? {
        let folder = lessons.join(&name);
        if !folder.join("lesson.md").is_file() {
            continue;
        }
        for file in names(&folder)? {
            let path = folder.join(&file);
            if path.is_file() && !file.starts_with('.') {
                println!("cargo::rerun-if-changed={}", path.display());
                // A path is written as a Rust string: backslashes and quotes are escaped.
                let _ = writeln!(
                    list,
                    "    ({name:?}, {file:?}, include_bytes!({:?})),",
                    path.display().to_string()
                );
            }
        }
    }
    list.push_str("]\n");
    fs::write(Path::new(&out).join("lessons.rs"), list)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}
