//! What is legal when: the one table of SMTP's phases, for the server, the observer and drawings.
//!
//! RFC 5321 §4.1.4 "Order of Commands": EHLO or HELO first; then MAIL, one or more RCPT, DATA; "NOOP, HELP, EXPN,
//! VRFY, and RSET … can be used at any time during a session, or without previously initializing a session".

use serde::Serialize;

/// Where a session stands. Whether the client is authenticated is kept apart: it changes no order but AUTH's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Connected: the server greets or has greeted; the client has not said who it is.
    #[default]
    Connected,
    /// EHLO or HELO was accepted; no mail transaction is open.
    Greeted,
    /// MAIL was accepted: a transaction is open and has no recipient yet.
    Envelope,
    /// At least one RCPT was accepted.
    Recipients,
    /// DATA was answered by 354: everything is message until the lone dot.
    Data,
    /// At least one BDAT chunk was taken and the last is still to come. RFC 3030 §2.
    Chunks,
    /// QUIT was answered, or the server said 421: nothing more is legal.
    Closed,
}

/// A command verb of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// RFC 5321 §4.1.1.1.
    Ehlo,
    /// RFC 5321 §4.1.1.1.
    Helo,
    /// RFC 5321 §4.1.1.2.
    Mail,
    /// RFC 5321 §4.1.1.3.
    Rcpt,
    /// RFC 5321 §4.1.1.4.
    Data,
    /// A chunk that is not the last. RFC 3030 §2.
    Bdat,
    /// The end of the message: the lone dot, or the chunk marked LAST.
    #[serde(rename = ".")]
    EndOfData,
    /// RFC 5321 §4.1.1.5.
    Rset,
    /// RFC 5321 §4.1.1.6.
    Vrfy,
    /// RFC 5321 §4.1.1.7.
    Expn,
    /// RFC 5321 §4.1.1.8.
    Help,
    /// RFC 5321 §4.1.1.9.
    Noop,
    /// RFC 5321 §4.1.1.10.
    Quit,
    /// RFC 4954 §4.
    Auth,
    /// RFC 3207 §4.
    StartTls,
}

impl Verb {
    /// All of them, in the order of RFC 5321 §4.1.1, extensions last.
    pub const ALL: [Verb; 15] = [
        Verb::Ehlo,
        Verb::Helo,
        Verb::Mail,
        Verb::Rcpt,
        Verb::Data,
        Verb::Bdat,
        Verb::EndOfData,
        Verb::Rset,
        Verb::Vrfy,
        Verb::Expn,
        Verb::Help,
        Verb::Noop,
        Verb::Quit,
        Verb::Auth,
        Verb::StartTls,
    ];

    /// As it stands in commands and note ids, upper case; `.` for the end of data.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Ehlo => "EHLO",
            Verb::Helo => "HELO",
            Verb::Mail => "MAIL",
            Verb::Rcpt => "RCPT",
            Verb::Data => "DATA",
            Verb::Bdat => "BDAT",
            Verb::EndOfData => ".",
            Verb::Rset => "RSET",
            Verb::Vrfy => "VRFY",
            Verb::Expn => "EXPN",
            Verb::Help => "HELP",
            Verb::Noop => "NOOP",
            Verb::Quit => "QUIT",
            Verb::Auth => "AUTH",
            Verb::StartTls => "STARTTLS",
        }
    }

    /// The verb a command line begins with, in any case. The end of data is no command line.
    pub fn from_word(word: &[u8]) -> Option<Verb> {
        Verb::ALL
            .into_iter()
            .find(|v| *v != Verb::EndOfData && v.name().as_bytes().eq_ignore_ascii_case(word))
    }
}

/// The table's row of a phase: each legal verb, and the phase after its positive reply (354 for DATA).
fn row(phase: Phase) -> &'static [(Verb, Phase)] {
    use Phase::*;
    match phase {
        Connected => &[
            (Verb::Ehlo, Greeted),
            (Verb::Helo, Greeted),
            (Verb::Rset, Connected),
            (Verb::Vrfy, Connected),
            (Verb::Expn, Connected),
            (Verb::Help, Connected),
            (Verb::Noop, Connected),
            (Verb::Quit, Closed),
        ],
        Greeted => &[
            (Verb::Mail, Envelope),
            (Verb::Auth, Greeted),
            (Verb::StartTls, Connected),
            (Verb::Ehlo, Greeted),
            (Verb::Helo, Greeted),
            (Verb::Rset, Greeted),
            (Verb::Vrfy, Greeted),
            (Verb::Expn, Greeted),
            (Verb::Help, Greeted),
            (Verb::Noop, Greeted),
            (Verb::Quit, Closed),
        ],
        Envelope => &[
            (Verb::Rcpt, Recipients),
            (Verb::Ehlo, Greeted),
            (Verb::Helo, Greeted),
            (Verb::Rset, Greeted),
            (Verb::Vrfy, Envelope),
            (Verb::Expn, Envelope),
            (Verb::Help, Envelope),
            (Verb::Noop, Envelope),
            (Verb::Quit, Closed),
        ],
        Recipients => &[
            (Verb::Rcpt, Recipients),
            (Verb::Data, Data),
            (Verb::Bdat, Chunks),
            (Verb::Ehlo, Greeted),
            (Verb::Helo, Greeted),
            (Verb::Rset, Greeted),
            (Verb::Vrfy, Recipients),
            (Verb::Expn, Recipients),
            (Verb::Help, Recipients),
            (Verb::Noop, Recipients),
            (Verb::Quit, Closed),
        ],
        Data => &[(Verb::EndOfData, Greeted)],
        Chunks => &[
            (Verb::Bdat, Chunks),
            (Verb::EndOfData, Greeted),
            (Verb::Ehlo, Greeted),
            (Verb::Helo, Greeted),
            (Verb::Rset, Greeted),
            (Verb::Noop, Chunks),
            (Verb::Quit, Closed),
        ],
        Closed => &[],
    }
}

/// The phase after `verb` got a positive reply in `phase`; `None` where the verb is out of order there (503).
pub fn next(phase: Phase, verb: Verb) -> Option<Phase> {
    row(phase).iter().find(|(v, _)| *v == verb).map(|(_, to)| *to)
}

/// What a client may say now, the way forward first.
pub fn legal_now(phase: Phase) -> Vec<Verb> {
    row(phase).iter().map(|(verb, _)| *verb).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_goes_mail_rcpt_data_dot() {
        let mut phase = Phase::Connected;
        for verb in [Verb::Ehlo, Verb::Mail, Verb::Rcpt, Verb::Rcpt, Verb::Data, Verb::EndOfData, Verb::Quit]
        {
            phase = next(phase, verb).unwrap_or_else(|| panic!("{verb:?} is legal in {phase:?}"));
        }
        assert_eq!(phase, Phase::Closed);
    }

    #[test]
    fn out_of_order_is_out_of_order() {
        assert_eq!(next(Phase::Connected, Verb::Mail), None, "MAIL before EHLO");
        assert_eq!(next(Phase::Greeted, Verb::Rcpt), None, "RCPT before MAIL");
        assert_eq!(next(Phase::Envelope, Verb::Mail), None, "nested MAIL");
        assert_eq!(next(Phase::Envelope, Verb::Data), None, "DATA without RCPT");
        assert_eq!(next(Phase::Envelope, Verb::Auth), None, "AUTH in a transaction: RFC 4954 §4");
        assert!(legal_now(Phase::Closed).is_empty());
    }

    #[test]
    fn verbs_are_known_in_any_case() {
        assert_eq!(Verb::from_word(b"startTLS"), Some(Verb::StartTls));
        assert_eq!(Verb::from_word(b"."), None);
    }
}
