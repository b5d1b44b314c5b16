//! A short SMTP session as a story, made by hand: Alice's laptop hands a letter to her server.

use postroad::base::{Finding, Instant, Part, Span};
use postroad::dissect::{Kind, Meaning, Protocol, Step, Verdict};
use postroad::explain::{Chapter, Item, Note, PartNote};
use postroad::state::{Mailbox, Message, State};
use postroad::trace::{CloseHow, Conn, Direction, Fact, Head, HostInfo, Layer, Opened, Record, Transport};
use postroad::view::{Cast, Closing, Renderer, Tally};
use std::sync::Arc;
use std::time::Duration;

/// When the story begins: 2026-01-05 09:00 UTC.
pub const START: Instant = Instant::from_secs(1_767_603_600);

/// Builds a story item by item.
pub struct Telling {
    pub items: Vec<Item>,
    now: Instant,
    conn: Conn,
}

impl Telling {
    pub fn new() -> Self {
        Telling { items: Vec::new(), now: START, conn: Conn(1) }
    }

    pub fn wait(&mut self, millis: u64) -> &mut Self {
        self.now = self.now + Duration::from_millis(millis);
        self
    }

    pub fn chapter(&mut self, number: usize, title: &str, intro: &str) -> &mut Self {
        let (id, title, intro) = ("submission".to_owned(), title.to_owned(), intro.to_owned());
        self.items.push(Item::Chapter(Chapter { number, id, title, intro }));
        self
    }

    pub fn fact(&mut self, host: &str, fact: Fact, text: &str) -> &mut Self {
        let (host, text) = (host.to_owned(), text.to_owned());
        self.items.push(Item::Fact { at: self.now, host, fact, text });
        self
    }

    pub fn step(&mut self, from: Direction, kind: Kind, bytes: &[u8], note: (&str, &str)) -> &mut Self {
        self.now = self.now + Duration::from_millis(20);
        let number = 1 + self.items.iter().filter(|i| matches!(i, Item::Step(..))).count();
        let step = Step {
            number,
            conn: self.conn,
            layer: Layer::Wire,
            from,
            range: 0..bytes.len() as u64,
            at: self.now,
            record: number,
            protocol: Protocol::Smtp,
            kind,
            verb: String::new().into(),
            code: String::new().into(),
            verdict: (kind == Kind::Reply).then_some(Verdict::Positive),
            bytes: bytes.to_vec(),
            parts: Vec::new(),
            secrets: Vec::new(),
            findings: Vec::new(),
            meaning: if kind == Kind::Close { Meaning::Close(CloseHow::Fin) } else { Meaning::None },
        };
        let note = Note {
            id: note.0.to_owned().into(),
            summary: note.1.to_owned().into(),
            detail: "".into(),
            why: "".into(),
            next: "".into(),
            post_office: "".into(),
            mistake: "".into(),
            misconception: None,
            source: vec!["RFC 5321 §4.1.1".to_owned()].into(),
            parts: Vec::new(),
            findings: Vec::new(),
        };
        self.items.push(Item::Step(Box::new(step), Box::new(note)));
        self
    }

    pub fn client(&mut self, line: &str, note: (&str, &str)) -> &mut Self {
        self.step(Direction::Client, Kind::Command, line.as_bytes(), note)
    }

    pub fn server(&mut self, line: &str, note: (&str, &str)) -> &mut Self {
        self.step(Direction::Server, Kind::Reply, line.as_bytes(), note)
    }

    /// The last Step and its note.
    pub fn last(&mut self, change: impl FnOnce(&mut Step, &mut Note)) -> &mut Self {
        if let Some(Item::Step(step, note)) = self.items.last_mut() {
            change(step, note);
        }
        self
    }

    /// What the text `part` means in the last Step.
    pub fn part(&mut self, name: &'static str, part: &str, text: &str) -> &mut Self {
        self.last(|step, note| {
            let at = String::from_utf8_lossy(&step.bytes).find(part).expect("the part stands in the line");
            let span = Span::new(at, at + part.len());
            step.parts.push(Part::leaf(name, span));
            note.parts.push(PartNote { name, span, text: text.to_owned().into() });
        })
    }

    pub fn secret(&mut self, secret: &str) -> &mut Self {
        self.last(|step, _| {
            let at =
                String::from_utf8_lossy(&step.bytes).find(secret).expect("the secret stands in the line");
            step.secrets.push(Span::new(at, at + secret.len()));
        })
    }

    pub fn finding(&mut self, id: &'static str, text: &str) -> &mut Self {
        self.last(|step, note| {
            let finding = Finding::error(id, Span::new(0, step.bytes.len()), text);
            step.findings.push(finding.clone());
            note.findings.push((finding, text.to_owned()));
        })
    }
}

/// Who is who in it.
pub fn cast() -> Cast {
    let host = |name: &str, address: &str| HostInfo {
        name: name.to_owned(),
        addresses: vec![address.parse().expect("an address")],
        roles: Vec::new(),
    };
    let head = Head {
        version: 1,
        generator: "by hand".to_owned(),
        title: "Alice writes to Bob".to_owned(),
        start: START,
        hosts: vec![host("alice-laptop", "192.0.2.10"), host("mail.example.com", "192.0.2.25")],
        scenario: "title = 'x'".to_owned(),
        seed: 1,
        changes: Vec::new(),
    };
    let open = Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.10:49152".parse().expect("an address"),
        server: "192.0.2.25:587".parse().expect("an address"),
    };
    Cast::of(&[Record::Head(head), Record::Open { at: START, open }])
}

/// What holds at its end.
pub fn state() -> State {
    let mut mailbox = Mailbox { uidvalidity: 1, ..Mailbox::default() };
    mailbox.messages.insert(1, Message { flags: vec!["\\Seen".to_owned()], size: 700 });
    let mut state = State::default();
    let inbox = state.mailboxes.entry("bob@example.net".to_owned()).or_default();
    inbox.insert("INBOX".to_owned(), Arc::new(mailbox));
    state
}

/// A short session with something of everything.
pub fn session() -> Vec<Item> {
    let mut t = Telling::new();
    let intent = Fact::IntentBegins { who: "Alice".into(), intent: "send".into(), detail: String::new() };
    t.fact("alice-laptop", intent, "Alice presses Send");
    t.chapter(
        1,
        "Alice's client hands the letter in",
        "The pillar box: from here on, Alice's own post office is responsible.",
    );
    t.step(
        Direction::Client,
        Kind::Open,
        b"",
        ("tcp.open.587", "port 587 takes letters from the server's own users"),
    );
    t.server(
        "220 mail.example.com ESMTP ready\r\n",
        ("smtp.220", "service ready: in SMTP the server speaks first"),
    );
    t.part("code", "220", "the code: 2 means yes");
    t.part("domain", "mail.example.com", "the name by which the server calls itself");
    t.client("EHLO alice-laptop.example.com\r\n", ("smtp.EHLO", "hello, and which extensions do you have?"));
    t.part("verb", "EHLO", "extended hello");
    t.part("domain", "alice-laptop.example.com", "the name that the client gives itself");
    t.server(
        "250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 10485760\r\n250 AUTH PLAIN LOGIN\r\n",
        ("smtp.EHLO.250", "250-… more to come, 250␣ the last line; each line but the first is one extension"),
    );
    t.part("domain", "mail.example.com", "the server's name");
    t.part("keyword", "PIPELINING", "several commands may be sent without waiting for each answer");
    t.part("keyword", "SIZE 10485760", "no message larger than 10 MiB is taken");
    t.part("keyword", "AUTH PLAIN LOGIN", "how the client may prove who it is");
    t.client("AUTH PLAIN AGFsaWNlAGh1bnRlcjI=\r\n", ("smtp.AUTH", "who I am, and the proof"));
    t.part("mechanism", "PLAIN", "the mechanism: name and password as they are");
    t.part("initial-response", "AGFsaWNlAGh1bnRlcjI=", "base64: an encoding, not encryption");
    t.secret("AGFsaWNlAGh1bnRlcjI=");
    t.server("235 2.7.0 Accepted\r\n", ("smtp.AUTH.235", "the server believes it"));
    envelope(&mut t);
    letter(&mut t);
    t.items
}

fn envelope(t: &mut Telling) {
    t.client(
        "MAIL FROM:<alice@example.com>\r\n",
        ("smtp.MAIL", "a new transaction: reports of failure go to this address"),
    );
    t.server("250 2.1.0 Ok\r\n", ("smtp.MAIL.250", "the sender is taken"));
    t.client(
        "RCPT TO:<bob@example.net>\r\n",
        ("smtp.RCPT", "the envelope: this address decides where the mail goes, not the To: line inside"),
    );
    t.part("verb", "RCPT TO:", "names one recipient");
    t.part("forward-path", "<bob@example.net>", "the forward-path");
    t.last(|_, note| {
        note.detail = "Each RCPT names one recipient. The server answers for each of them alone.".into();
        note.why = "The sender is accepted.".into();
        note.next = "Another RCPT, or DATA.".into();
        note.post_office = "The address on the envelope.".into();
        note.mistake = "To: and Bcc: decide delivery. They do not: RCPT TO decides.".into();
    });
    t.server("250 2.1.5 Ok\r\n", ("smtp.RCPT.250", "this recipient is taken"));
    t.client(
        "RCPT TO:<carol@example.net>\r\n",
        ("smtp.RCPT", "the envelope: this address decides where the mail goes, not the To: line inside"),
    );
    t.server(
        "550 5.1.1 No such user here\r\n",
        ("smtp.RCPT.550", "nobody of that name: the others are still served"),
    );
    t.last(|step, _| step.verdict = Some(Verdict::Negative));
}

fn letter(t: &mut Telling) {
    t.client("DATA\n", ("smtp.DATA", "here comes the letter"));
    t.finding("bare-lf", "A line ends with LF alone. Only CR LF ends a line.");
    t.server("354 End data with <CR><LF>.<CR><LF>\r\n", ("smtp.DATA.354", "go on, a lone dot ends it"));
    let mut letter =
        "From: Alice <alice@example.com>\r\nTo: Bob <bob@example.net>\r\nSubject: A long one\r\n\r\n"
            .to_owned();
    for i in 1..=40 {
        letter += &format!("This is line {i} of the letter.\r\n");
    }
    letter += ".\r\n";
    t.step(
        Direction::Client,
        Kind::Data,
        letter.as_bytes(),
        ("smtp.data", "the letter itself: headers, an empty line, the body"),
    );
    t.part(
        "from",
        "From: Alice <alice@example.com>",
        "what the reader sees; no server checks it against the envelope",
    );
    t.server("250 2.0.0 Ok: queued as 1A\r\n", ("smtp.data.250", "taken: the server is responsible now"));
    t.last(|step, _| step.verb = ".".into());
    let queued = Fact::Queued {
        id: "1A".into(),
        sender: "alice@example.com".into(),
        recipients: vec!["bob@example.net".into()],
        size: 700,
    };
    t.fact("mail.example.com", queued, "queued at mail.example.com as 1A, for bob@example.net");
    t.step(Direction::Client, Kind::Close, b"", ("tcp.close.fin", "the client has no more to say"));
    t.wait(900_000);
    let delivered = Fact::Delivered {
        account: "bob@example.net".into(),
        mailbox: "INBOX".into(),
        uid: 1,
        size: 700,
        flags: vec![],
        id: None,
    };
    t.fact("mx1.example.net", delivered, "delivered into the INBOX of bob@example.net");
}

/// A story, told.
pub fn tell(renderer: &mut impl Renderer, items: &[Item]) {
    let (cast, state) = (cast(), state());
    let mut tally = Tally::default();
    renderer.begin(&cast).expect("memory can be written");
    for item in items {
        tally.see(item, cast.start);
        renderer.item(&cast, item).expect("memory can be written");
    }
    let next = ["postroad journey --break mx1-down", "postroad explain RCPT"].map(str::to_owned);
    let closing = Closing { state: &state, real: Some(Duration::from_millis(4)), next: &next };
    renderer.end(&cast, &tally, &closing).expect("memory can be written");
}
