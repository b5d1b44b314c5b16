//! Command sessions: the program is run as a person runs it, in a folder of its own.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// A folder of its own, gone when the session ends.
pub struct Session {
    folder: PathBuf,
}

/// What a command said, and how it ended.
pub struct Said {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl Session {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("postroad-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        Session { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).expect("a file can be written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// Run postroad here with these words.
    pub fn run(&self, words: &[&str]) -> Said {
        let mut command = Command::cargo_bin("postroad").expect("the binary is built");
        for name in ["CLICOLOR_FORCE", "NO_COLOR", "CLICOLOR", "COLUMNS"] {
            command.env_remove(name);
        }
        let output = command.current_dir(&self.folder).args(words).output().expect("it runs");
        Said {
            out: String::from_utf8(output.stdout).expect("the output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("errors are UTF-8"),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// The output of a command that succeeds.
    pub fn ok(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, 0, "{words:?}: {}{}", said.out, said.err);
        said.out
    }

    /// What a command complains about that was asked for in the wrong way (2), or failed (1).
    pub fn error(&self, words: &[&str], code: i32) -> String {
        let said = self.run(words);
        assert_eq!(said.code, code, "{words:?}: {}{}", said.out, said.err);
        said.err
    }

    /// The steps of a replay as JSON.
    pub fn steps(&self, words: &[&str]) -> Vec<serde_json::Value> {
        self.lines(words).into_iter().filter(|line| line["type"] == "step").collect()
    }

    /// The lines of a replay as JSON.
    pub fn lines(&self, words: &[&str]) -> Vec<serde_json::Value> {
        let told = self.ok(&[&["replay", "--json"], words].concat());
        told.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.folder));
    }
}
