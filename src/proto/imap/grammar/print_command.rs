//! Commands as a client puts them on the wire: the reverse of [`super::parse_command`].

use super::Dialect;
use super::print::{self, Literals};
use crate::proto::imap::types::{
    AppendMessage, Command, CommandBody, FetchItem, Flag, ListCommand, ListReturn, Partial, Qresync,
    SearchKey, Section, SectionText, StatusItem, StoreOp,
};

/// The whole command, its literals and final CRLF included. Where literals are synchronising, whoever sends it must
/// stop at each announcement until `+` comes: see [`super::super::framing::Scanner`].
pub fn print_command(command: &Command, dialect: Dialect, literals: Literals) -> Vec<u8> {
    let mut printer = Printer { out: Vec::new(), dialect, literals };
    printer.word(&command.tag);
    printer.word(" ");
    printer.word(command.body.name());
    printer.body(&command.body);
    printer.word("\r\n");
    printer.out
}

struct Printer {
    out: Vec<u8>,
    dialect: Dialect,
    literals: Literals,
}

impl Printer {
    fn word(&mut self, word: &str) {
        self.out.extend_from_slice(word.as_bytes());
    }

    fn sp(&mut self, word: impl std::fmt::Display) {
        self.word(&format!(" {word}"));
    }

    fn mailbox(&mut self, name: &str) {
        self.word(" ");
        print::mailbox(&mut self.out, name, self.dialect, self.literals);
    }

    /// A pattern: the wildcards stand as they are, so that a pattern without blanks needs no quotes.
    fn pattern(&mut self, pattern: &str) {
        let encoded = super::super::utf7::encode(pattern);
        let text = if self.dialect == Dialect::Rev1 { encoded.as_str() } else { pattern };
        print::string(&mut self.out, text.as_bytes(), self.literals);
    }

    fn astring(&mut self, text: &str) {
        print::astring(&mut self.out, text.as_bytes(), self.literals);
    }

    fn list<T>(&mut self, items: &[T], mut print: impl FnMut(&mut Self, &T)) {
        self.word("(");
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.word(" ");
            }
            print(self, item);
        }
        self.word(")");
    }

    fn words(&mut self, words: &[String]) {
        self.list(words, |p, word| p.word(word));
    }

    fn flags(&mut self, flags: &[Flag]) {
        self.list(flags, |p, flag| p.word(flag.name()));
    }

    fn body(&mut self, body: &CommandBody) {
        match body {
            CommandBody::Authenticate { mechanism, initial } => {
                self.sp(mechanism);
                if let Some(initial) = initial {
                    self.sp(initial.expose());
                }
            }
            CommandBody::Login { user, password } => {
                self.word(" ");
                self.astring(user);
                self.word(" ");
                // A password is always quoted: then nobody wonders whether it may be an atom.
                print::string(&mut self.out, password.expose().as_bytes(), self.literals);
            }
            CommandBody::Enable { capabilities } => capabilities.iter().for_each(|name| self.sp(name)),
            CommandBody::Expunge { uids: Some(set) } => self.sp(set),
            CommandBody::Id { params } => self.id(params.as_deref()),
            CommandBody::Fetch { .. } | CommandBody::Store { .. } | CommandBody::Search { .. } => {
                self.messages(body)
            }
            CommandBody::Copy { set, mailbox, .. } | CommandBody::Move { set, mailbox, .. } => {
                self.sp(set);
                self.mailbox(mailbox);
            }
            _ => self.mailboxes(body),
        }
    }

    fn id(&mut self, params: Option<&[(String, Option<String>)]>) {
        self.word(" ");
        let Some(params) = params else { return self.word("NIL") };
        self.list(params, |p, (name, value)| {
            print::string(&mut p.out, name.as_bytes(), p.literals);
            p.word(" ");
            match value {
                Some(value) => print::string(&mut p.out, value.as_bytes(), p.literals),
                None => p.word("NIL"),
            }
        });
    }

    fn mailboxes(&mut self, body: &CommandBody) {
        match body {
            CommandBody::Select { mailbox, condstore, qresync, .. } => {
                self.mailbox(mailbox);
                self.select_params(*condstore, qresync.as_ref());
            }
            CommandBody::Create { mailbox, special_use } => {
                self.mailbox(mailbox);
                if !special_use.is_empty() {
                    self.word(" (USE ");
                    self.words(special_use);
                    self.word(")");
                }
            }
            CommandBody::Delete { mailbox }
            | CommandBody::Subscribe { mailbox }
            | CommandBody::Unsubscribe { mailbox } => self.mailbox(mailbox),
            CommandBody::Rename { from, to } => {
                self.mailbox(from);
                self.mailbox(to);
            }
            CommandBody::List(list) => self.list_command(list),
            CommandBody::Lsub { reference, pattern } => {
                self.mailbox(reference);
                self.word(" ");
                self.pattern(pattern);
            }
            CommandBody::Status { mailbox, items } => {
                self.mailbox(mailbox);
                self.word(" ");
                self.status_items(items);
            }
            CommandBody::Append { mailbox, messages } => {
                self.mailbox(mailbox);
                messages.iter().for_each(|message| self.append(message));
            }
            // The others have no argument; Unknown and Malformed are nothing to print.
            _ => {}
        }
    }

    fn status_items(&mut self, items: &[StatusItem]) {
        self.list(items, |p, item| p.word(item.name()));
    }

    fn select_params(&mut self, condstore: bool, qresync: Option<&Qresync>) {
        if condstore {
            self.word(" (CONDSTORE");
        }
        if let Some(q) = qresync {
            self.word(if condstore { " " } else { " (" });
            self.word(&format!("QRESYNC ({} {}", q.uidvalidity, q.modseq));
            if let Some(uids) = &q.known_uids {
                self.sp(uids);
            }
            if let Some((numbers, uids)) = &q.seq_match {
                self.word(&format!(" ({numbers} {uids})"));
            }
            self.word(")");
        }
        if condstore || qresync.is_some() {
            self.word(")");
        }
    }

    fn list_command(&mut self, list: &ListCommand) {
        if !list.selection.is_empty() {
            self.word(" ");
            self.words(&list.selection);
        }
        self.mailbox(&list.reference);
        self.word(" ");
        match list.patterns.as_slice() {
            [one] => self.pattern(one),
            many => self.list(many, |p, pattern| p.pattern(pattern)),
        }
        if !list.returns.is_empty() {
            self.word(" RETURN ");
            self.list(&list.returns, |p, item| match item {
                ListReturn::Option(name) => p.word(name),
                ListReturn::Status(items) => {
                    p.word("STATUS ");
                    p.status_items(items);
                }
            });
        }
    }

    fn append(&mut self, message: &AppendMessage) {
        if !message.flags.is_empty() {
            self.word(" ");
            self.flags(&message.flags);
        }
        if let Some(date) = &message.date {
            self.word(&format!(" \"{date}\""));
        }
        self.word(if message.binary { " ~" } else { " " });
        print::literal(&mut self.out, &message.message, self.literals);
    }

    fn messages(&mut self, body: &CommandBody) {
        match body {
            CommandBody::Fetch { set, items, changed_since, vanished, .. } => {
                self.sp(set);
                self.word(" ");
                match items.as_slice() {
                    [one] => self.fetch_item(one),
                    many => self.list(many, Self::fetch_item),
                }
                if let Some(modseq) = changed_since {
                    let vanished = if *vanished { " VANISHED" } else { "" };
                    self.word(&format!(" (CHANGEDSINCE {modseq}{vanished})"));
                }
            }
            CommandBody::Store { set, op, silent, flags, unchanged_since, .. } => {
                self.sp(set);
                if let Some(modseq) = unchanged_since {
                    self.word(&format!(" (UNCHANGEDSINCE {modseq})"));
                }
                self.word(match op {
                    StoreOp::Set => " FLAGS",
                    StoreOp::Add => " +FLAGS",
                    StoreOp::Remove => " -FLAGS",
                });
                self.word(if *silent { ".SILENT " } else { " " });
                self.flags(flags);
            }
            CommandBody::Search { returns, charset, key, .. } => {
                if let Some(returns) = returns {
                    self.word(" RETURN ");
                    self.list(returns, |p, item| p.word(item.name()));
                }
                if let Some(charset) = charset {
                    self.word(" CHARSET ");
                    self.astring(charset);
                }
                match key {
                    SearchKey::And(keys) => keys.iter().for_each(|key| {
                        self.word(" ");
                        self.search_key(key);
                    }),
                    key => {
                        self.word(" ");
                        self.search_key(key);
                    }
                }
            }
            _ => {}
        }
    }

    fn fetch_item(&mut self, item: &FetchItem) {
        match item {
            FetchItem::Section { peek, section, partial } => {
                self.word(if *peek { "BODY.PEEK[" } else { "BODY[" });
                self.section(section);
                self.word("]");
                self.partial(*partial);
            }
            FetchItem::Binary { peek, part, partial } => {
                self.word(if *peek { "BINARY.PEEK[" } else { "BINARY[" });
                self.word(&dotted(part));
                self.word("]");
                self.partial(*partial);
            }
            FetchItem::BinarySize { part } => self.word(&format!("BINARY.SIZE[{}]", dotted(part))),
            FetchItem::Envelope => self.word("ENVELOPE"),
            FetchItem::Flags => self.word("FLAGS"),
            FetchItem::InternalDate => self.word("INTERNALDATE"),
            FetchItem::Rfc822 => self.word("RFC822"),
            FetchItem::Rfc822Header => self.word("RFC822.HEADER"),
            FetchItem::Rfc822Size => self.word("RFC822.SIZE"),
            FetchItem::Rfc822Text => self.word("RFC822.TEXT"),
            FetchItem::Body => self.word("BODY"),
            FetchItem::BodyStructure => self.word("BODYSTRUCTURE"),
            FetchItem::Uid => self.word("UID"),
            FetchItem::ModSeq => self.word("MODSEQ"),
            FetchItem::EmailId => self.word("EMAILID"),
            FetchItem::ThreadId => self.word("THREADID"),
            FetchItem::Preview { lazy } => self.word(if *lazy { "PREVIEW (LAZY)" } else { "PREVIEW" }),
        }
    }

    /// What stands between the brackets.
    fn section(&mut self, section: &Section) {
        self.word(&dotted(&section.part));
        let Some(text) = &section.text else { return };
        if !section.part.is_empty() {
            self.word(".");
        }
        match text {
            SectionText::Header => self.word("HEADER"),
            SectionText::Text => self.word("TEXT"),
            SectionText::Mime => self.word("MIME"),
            SectionText::HeaderFields { not, fields } => {
                self.word(if *not { "HEADER.FIELDS.NOT " } else { "HEADER.FIELDS " });
                self.list(fields, |p, field| p.astring(field));
            }
        }
    }

    fn partial(&mut self, partial: Option<Partial>) {
        if let Some(Partial { offset, length }) = partial {
            self.word(&format!("<{offset}.{length}>"));
        }
    }

    fn search_key(&mut self, key: &SearchKey) {
        match key {
            SearchKey::And(keys) => self.list(keys, Self::search_key),
            SearchKey::Or(one, other) => {
                self.word("OR ");
                self.search_key(one);
                self.word(" ");
                self.search_key(other);
            }
            SearchKey::Not(inner) => {
                self.word("NOT ");
                self.search_key(inner);
            }
            SearchKey::All => self.word("ALL"),
            SearchKey::New => self.word("NEW"),
            SearchKey::Flag(flag) => self.flag_key("", flag),
            SearchKey::NotFlag(Flag::Recent) => self.word("OLD"),
            SearchKey::NotFlag(flag) => self.flag_key("UN", flag),
            SearchKey::Bcc(text) => self.text_key("BCC", text),
            SearchKey::Cc(text) => self.text_key("CC", text),
            SearchKey::From(text) => self.text_key("FROM", text),
            SearchKey::To(text) => self.text_key("TO", text),
            SearchKey::Subject(text) => self.text_key("SUBJECT", text),
            SearchKey::Body(text) => self.text_key("BODY", text),
            SearchKey::Text(text) => self.text_key("TEXT", text),
            SearchKey::EmailId(id) => self.text_key("EMAILID", id),
            SearchKey::ThreadId(id) => self.text_key("THREADID", id),
            SearchKey::Header(field, text) => {
                self.text_key("HEADER", field);
                self.word(" ");
                self.astring(text);
            }
            SearchKey::Before(date) => self.word(&format!("BEFORE {date}")),
            SearchKey::On(date) => self.word(&format!("ON {date}")),
            SearchKey::Since(date) => self.word(&format!("SINCE {date}")),
            SearchKey::SentBefore(date) => self.word(&format!("SENTBEFORE {date}")),
            SearchKey::SentOn(date) => self.word(&format!("SENTON {date}")),
            SearchKey::SentSince(date) => self.word(&format!("SENTSINCE {date}")),
            SearchKey::Larger(octets) => self.word(&format!("LARGER {octets}")),
            SearchKey::Smaller(octets) => self.word(&format!("SMALLER {octets}")),
            SearchKey::Older(seconds) => self.word(&format!("OLDER {seconds}")),
            SearchKey::Younger(seconds) => self.word(&format!("YOUNGER {seconds}")),
            SearchKey::Uid(set) => self.word(&format!("UID {set}")),
            SearchKey::Sequence(set) => self.word(&set.to_string()),
            SearchKey::ModSeq(modseq) => self.word(&format!("MODSEQ {modseq}")),
        }
    }

    fn text_key(&mut self, name: &str, text: &str) {
        self.word(name);
        self.word(" ");
        self.astring(text);
    }

    fn flag_key(&mut self, un: &str, flag: &Flag) {
        let name = flag.name();
        let word = match name.strip_prefix('\\') {
            Some(system) => format!("{un}{}", system.to_ascii_uppercase()),
            None => format!("{un}KEYWORD {name}"),
        };
        self.word(&word);
    }
}

fn dotted(part: &[u32]) -> String {
    part.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
