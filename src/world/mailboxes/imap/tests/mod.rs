//! Dialogues with the IMAP server over the real store, by RFC section. `C:` sends a line, `S:` expects one; a line
//! ending in `…` expects its beginning. `2:` in front is a second session on the same account.

mod limits;
mod login;
mod messages;
mod names;
mod properties;
mod sessions;

use super::*;
use crate::base::Secret;
use crate::proto::imap::server::{Server, ServerConfig, ServerEvent};
use crate::proto::{Machine, Output};
use crate::world::mailboxes::AccountSetup;
use std::time::Duration;

const BOB: &str = "bob@example.net";

/// Sessions over one store.
pub(super) struct Lab {
    pub store: Mailboxes,
    config: ServerConfig,
    sessions: Vec<(Server, ImapSession, Vec<u8>, bool)>,
    pub now: Instant,
}

impl Lab {
    pub fn new() -> Self {
        let mut store = Mailboxes::new();
        let setup = AccountSetup { password: Secret::new("secret"), ..AccountSetup::new(BOB, 7) };
        store.add_account(setup.with_special_use());
        Lab {
            store,
            config: ServerConfig::new("imap.example.net"),
            sessions: Vec::new(),
            now: Instant::from_secs(1_700_000_000),
        }
    }

    pub fn put(&mut self, text: &str) -> u32 {
        let bytes: Vec<u8> = text.replace('\n', "\r\n").into_bytes();
        self.store.deliver(BOB, "INBOX", bytes.into(), &[], self.now, None).unwrap()
    }

    /// With one session, logged in, its mailbox open.
    pub fn selected() -> Self {
        let mut lab = Lab::new();
        for n in 1..=4 {
            lab.put(&format!("Subject: message {n}\n\nbody {n}\n"));
        }
        lab.open(1);
        lab.exchange(1, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\n");
        lab
    }

    pub fn open(&mut self, sessions: usize) {
        while self.sessions.len() < sessions {
            self.sessions.push((Server::new(self.config.clone()), ImapSession::default(), Vec::new(), false));
            self.drain(self.sessions.len());
            self.sessions.last_mut().unwrap().2.clear();
        }
    }

    /// Send to session `n` (from 1), and take what it says.
    pub fn exchange(&mut self, n: usize, bytes: &[u8]) -> String {
        self.sessions[n - 1].0.receive(bytes, self.now);
        self.drain(n);
        self.said(n)
    }

    pub fn said(&mut self, n: usize) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.sessions[n - 1].2)).into_owned()
    }

    fn drain(&mut self, n: usize) {
        let (server, session, said, closed) = &mut self.sessions[n - 1];
        for _ in 0..1_000_000 {
            match server.poll(self.now) {
                Output::Send(bytes) => said.extend(bytes),
                Output::Event(ServerEvent::Ask(ask)) => {
                    let answer = answer_ask(&mut self.store, session, ask, self.now);
                    server.answer(answer);
                }
                Output::Event(ServerEvent::Consult { .. }) => server.proceed(),
                Output::StartTls => {}
                Output::Close => *closed = true,
                Output::Idle | Output::WakeAt(_) => return,
            }
        }
        panic!("the server does not come to rest");
    }

    pub fn notify(&mut self) {
        for n in 1..=self.sessions.len() {
            self.sessions[n - 1].0.notify();
            self.drain(n);
        }
    }

    /// Carry out a dialogue; panics at the first line that differs.
    pub fn dialogue(&mut self, script: &str) {
        let mut said: Vec<Vec<String>> = vec![Vec::new(); 9];
        for line in script.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
            let (n, rest) = match line.split_once(':') {
                Some(("C" | "S", rest)) => (1, rest),
                Some((who, rest)) => (usize::from(who.as_bytes()[0] - b'0'), rest),
                None => panic!("not a line of a dialogue: {line}"),
            };
            let sends = line.split_once(':').is_some_and(|(who, _)| who == "C" || who.ends_with('C'));
            let text = rest.strip_prefix(' ').unwrap_or(rest);
            self.open(n);
            if sends {
                assert!(said[n].is_empty(), "before {line}: unexpected {:?}", said[n]);
                let answer = self.exchange(n, format!("{text}\r\n").as_bytes());
                said[n].extend(answer.split_terminator("\r\n").map(str::to_owned));
            } else {
                let more = self.said(n);
                said[n].extend(more.split_terminator("\r\n").map(str::to_owned));
                assert!(!said[n].is_empty(), "nothing said where expected: {text}");
                let got = said[n].remove(0);
                match text.strip_suffix('…') {
                    Some(start) => assert!(got.starts_with(start), "expected {text}\n     got {got}"),
                    None => assert_eq!(got, text),
                }
            }
        }
        assert!(said.iter().all(Vec::is_empty), "left over: {said:?}");
    }
}
