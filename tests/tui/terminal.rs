//! A real terminal: a program in a pseudo-terminal, and a model of the screen that it draws.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Waits of a tenth of a second until a test gives up.
const PATIENCE: usize = 300;

fn there(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a screen has a size")
}

/// A program in a terminal of its own.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    child: Box<dyn Child + Send + Sync>,
    pub screen: vt100::Parser,
    /// Everything that was drawn.
    pub raw: Vec<u8>,
    pub folder: PathBuf,
}

fn size((columns, rows): (u16, u16)) -> PtySize {
    PtySize { cols: columns, rows, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// This program with these words, in a folder of its own.
    pub fn of(name: &str, at: (u16, u16), program: &str, words: &[&str], set: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("postroad-tui-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let pair = native_pty_system().openpty(size(at)).expect("there are pseudo-terminals");
        let mut command = CommandBuilder::new(program);
        command.args(words);
        command.cwd(&folder);
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLORFGBG", "COLUMNS"] {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm-256color");
        command.env("PS1", "$ ");
        for (variable, value) in set {
            command.env(variable, value);
        }
        let child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("it can be read");
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        let keys = pair.master.take_writer().expect("it can be written to");
        let screen = vt100::Parser::new(there(at.1), there(at.0), 0);
        Terminal { master: pair.master, keys, bytes, child, screen, raw: Vec::new(), folder }
    }

    /// postroad with these words.
    pub fn postroad(name: &str, at: (u16, u16), words: &[&str]) -> Self {
        Terminal::of(name, at, &binary(), words, &[])
    }

    /// A shell that runs this line, and says what the terminal's settings were before and are after it.
    pub fn shell(name: &str, line: &str) -> Self {
        let script = format!("stty -g >before; {line}; echo code=$?; stty -g >after; echo that is all");
        Terminal::of(name, (80, 24), "sh", &["-c", &script], &[])
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it takes keys");
        self.keys.flush().expect("it takes keys");
    }

    pub fn resize(&mut self, at: (u16, u16)) {
        self.master.resize(size(at)).expect("it can be resized");
        self.screen.screen_mut().set_size(there(at.1), there(at.0));
    }

    /// Until this stands on the screen.
    pub fn until(&mut self, text: &str) {
        self.wait(&format!("“{text}”"), |terminal| terminal.text().contains(text));
    }

    /// Until this is so.
    pub fn wait(&mut self, what: &str, is_there: impl Fn(&Terminal) -> bool) {
        for _ in 0..PATIENCE {
            while let Ok(bytes) = self.bytes.try_recv() {
                self.take(&bytes);
            }
            if is_there(self) {
                return;
            }
            if let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(100)) {
                self.take(&bytes);
            }
        }
        panic!("{what} never came; the screen is\n{}", self.text());
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Until it ends; gives its exit code.
    pub fn end(&mut self) -> u32 {
        let mut status = None;
        for _ in 0..PATIENCE {
            status = self.child.try_wait().expect("it can be asked");
            if status.is_some() {
                break;
            }
            match self.bytes.recv_timeout(Duration::from_millis(100)) {
                Ok(bytes) => self.take(&bytes),
                // The terminal is closed a moment before the program is gone.
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        let Some(status) = status else { panic!("it does not end; the screen is\n{}", self.text()) };
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(300)) {
            self.take(&bytes);
        }
        status.exit_code()
    }

    /// The terminal is as it was found.
    pub fn assert_given_back(&self) {
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the other screen is still there");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert!(!screen.bracketed_paste());
    }

    /// The terminal's settings are what they were, as the shell of [`Terminal::shell`] wrote them.
    pub fn assert_settings_kept(&self) {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).expect("the shell wrote it");
        assert_eq!(read("before"), read("after"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Where the program is.
pub fn binary() -> String {
    let path = Path::new(env!("CARGO_BIN_EXE_postroad"));
    path.to_string_lossy().into_owned()
}
