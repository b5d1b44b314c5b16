//! What is tried: one row a program and task. The page `book/src/reference/interop.md` shows these rows, and each claim in
//! one is looked for in the recording of its own run.

/// A program and what it is asked to do.
pub struct Row {
    /// Its name, for people.
    pub program: &'static str,
    /// The version that was last looked at by a person.
    pub version: &'static str,
    /// The script, without what stands behind the dot.
    pub script: &'static str,
    /// Programs, Python modules (`py:`) and Node.js packages (`npm:`) that must be there.
    pub needs: &'static [&'static str],
    /// What it does there, for people.
    pub does: &'static str,
    /// What it says to the servers: each must stand in a line that a client said. `TLS` is TLS from the first byte.
    pub speaks: &'static [&'static str],
    /// What servers refuse on the way, as `protocol VERB code`; anything else that is refused fails the test.
    pub refused: &'static [&'static str],
}

/// All of them, in the order of the page.
pub const ROWS: &[Row] = &[
    Row {
        program: "swaks",
        version: "20201014.0",
        script: "swaks",
        needs: &["swaks"],
        does: "hands letters in; is told why one is refused",
        speaks: &["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "STARTTLS", "TLS", "PIPELINING"],
        refused: &["smtp RCPT 550 5.1.2"],
    },
    Row {
        program: "curl",
        version: "7.88.1",
        script: "curl-smtp",
        needs: &["curl"],
        does: "hands letters in; asks for help and for a name",
        speaks: &["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "STARTTLS", "TLS", "SIZE=", "HELP", "VRFY"],
        refused: &["smtp RCPT 550 5.1.1"],
    },
    Row {
        program: "curl",
        version: "7.88.1",
        script: "curl-pop3",
        needs: &["curl"],
        does: "reads a maildrop and deletes",
        speaks: &["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "APOP", "STLS", "TLS", "CAPA", "UIDL", "TOP 1 0", "DELE 1"],
        refused: &[],
    },
    Row {
        program: "curl",
        version: "7.88.1",
        script: "curl-imap",
        needs: &["curl"],
        does: "reads, searches, files and appends",
        speaks: &[
            "AUTHENTICATE PLAIN", "AUTHENTICATE LOGIN", "AUTHENTICATE CRAM-MD5", "STARTTLS", "TLS", "LIST", "MOVE 1 ARCHIVE",
            "SEARCH RETURN (MIN MAX COUNT ALL)", "HIGHESTMODSEQ", "APPEND",
        ],
        refused: &[],
    },
    Row {
        program: "msmtp",
        version: "1.8.23",
        script: "msmtp",
        needs: &["msmtp"],
        does: "hands letters in; asks to be told of delivery",
        speaks: &[
            "AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH SCRAM-SHA-256", "STARTTLS", "TLS", "PIPELINING", "RET=HDRS",
            "NOTIFY=SUCCESS,FAILURE",
        ],
        refused: &[],
    },
    Row {
        program: "mutt",
        version: "2.2.12",
        script: "mutt",
        needs: &["mutt", "python3"],
        does: "hands letters in, keeps copies in a folder, reads, searches, files and deletes",
        speaks: &[
            "AUTH PLAIN", "AUTH CRAM-MD5", "AUTHENTICATE CRAM-MD5", "AUTH SCRAM-SHA-256", "AUTHENTICATE SCRAM-SHA-256",
            "STARTTLS", "TLS", "APPEND", "ENABLE QRESYNC", "VANISHED)", "UID SEARCH", "UID COPY",
            "NOTIFY=FAILURE,SUCCESS", "EXPUNGE",
        ],
        refused: &["imap STATUS NO NONEXISTENT", "imap UID COPY NO TRYCREATE"],
    },
    Row {
        program: "s-nail",
        version: "14.9.24",
        script: "s-nail",
        needs: &["s-nail"],
        does: "hands letters in; reads a maildrop and a message store, files and deletes",
        speaks: &[
            "AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "APOP", "USER", "STLS", "STARTTLS", "TLS", "DELE 1",
            "AUTHENTICATE CRAM-MD5", "UID COPY",
        ],
        refused: &["imap UID COPY NO TRYCREATE"],
    },
    Row {
        program: "fetchmail",
        version: "6.4.37",
        script: "fetchmail",
        needs: &["fetchmail", "curl"],
        does: "empties a mailbox by POP3 and by IMAP",
        speaks: &["USER", "APOP", "STLS", "LOGIN", "AUTHENTICATE CRAM-MD5", "STARTTLS", "TLS", "DELE 1", "EXPUNGE"],
        refused: &["pop3 LAST -ERR"],
    },
    Row {
        program: "mpop",
        version: "1.4.18",
        script: "mpop",
        needs: &["mpop", "curl"],
        does: "empties a maildrop, its commands in one go",
        speaks: &[
            "USER", "AUTH PLAIN", "AUTH CRAM-MD5", "AUTH SCRAM-SHA-256", "APOP", "STLS", "TLS", "UIDL", "PIPELINING", "DELE 3",
        ],
        refused: &[],
    },
    Row {
        program: "mbsync (isync)",
        version: "1.4.4",
        script: "mbsync",
        needs: &["mbsync", "curl"],
        does: "keeps a folder here and a mailbox the same, both ways",
        speaks: &[
            "LOGIN", "AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE CRAM-MD5", "AUTHENTICATE PLAIN", "STARTTLS", "TLS", "APPEND",
            "UID STORE", "CREATE", "LITERAL+",
        ],
        refused: &[],
    },
    Row {
        program: "dig",
        version: "9.18",
        script: "dig",
        needs: &["dig"],
        does: "asks for MX, A, AAAA, SOA, SRV, NS, TXT, ANY and PTR, by UDP and by TCP",
        speaks: &[],
        refused: &["dns A NXDOMAIN", "dns PTR NXDOMAIN"],
    },
    Row {
        program: "Python smtplib",
        version: "3.11",
        script: "python-smtplib",
        needs: &["python3"],
        does: "hands letters in, one to an address in UTF-8; asks to be told of delivery",
        speaks: &[
            "AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "STARTTLS", "TLS", "SMTPUTF8", "BODY=8BITMIME", "RET=HDRS", "ENVID=TEA",
            "NOTIFY=SUCCESS", "VRFY", "HELP", "NOOP", "RSET",
        ],
        refused: &["smtp RCPT 550 5.1.2"],
    },
    Row {
        program: "Python poplib",
        version: "3.11",
        script: "python-poplib",
        needs: &["python3"],
        does: "reads and empties a maildrop; is refused with a wrong password",
        speaks: &["USER", "APOP", "STLS", "TLS", "CAPA", "UIDL 2", "TOP 1 0", "RSET", "NOOP", "DELE 1"],
        refused: &["pop3 PASS -ERR AUTH"],
    },
    Row {
        program: "Python imaplib",
        version: "3.11",
        script: "python-imaplib",
        needs: &["python3"],
        does: "reads, searches, sets flags, files, appends, renames and deletes",
        speaks: &[
            "LOGIN", "AUTHENTICATE CRAM-MD5", "AUTHENTICATE PLAIN", "STARTTLS", "TLS", "NAMESPACE", "ENABLE CONDSTORE", "ID NIL",
            "UID MOVE", "APPEND", "UNSELECT", "RENAME", "LSUB",
        ],
        refused: &["imap LOGIN NO AUTHENTICATIONFAILED"],
    },
    Row {
        program: "aiosmtplib",
        version: "5.1.3",
        script: "python-aiosmtplib",
        needs: &["python3", "py:aiosmtplib"],
        does: "hands letters in, several at once; asks to be told of delivery",
        speaks: &["AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "STARTTLS", "TLS", "RET=FULL", "NOTIFY=SUCCESS,FAILURE", "VRFY"],
        refused: &[],
    },
    Row {
        program: "IMAPClient",
        version: "4.1.0",
        script: "python-imapclient",
        needs: &["python3", "py:imapclient"],
        does: "waits for a letter; reads, searches, files, appends several at once, asks for changes",
        speaks: &[
            "LOGIN", "AUTHENTICATE PLAIN", "STARTTLS", "TLS", "IDLE", "UID MOVE", "CHANGEDSINCE", "UID EXPUNGE", "LITERAL+",
            "MULTIAPPEND", "UNSELECT",
        ],
        refused: &[],
    },
    Row {
        program: "nodemailer",
        version: "10.6.0",
        script: "nodemailer",
        needs: &["node", "npm:nodemailer"],
        does: "hands letters in, one to an address in UTF-8, some by a pool; asks to be told of delivery",
        speaks: &[
            "AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "STARTTLS", "TLS", "SMTPUTF8", "RET=HDRS", "ENVID=TEA",
            "NOTIFY=SUCCESS,FAILURE", "ORCPT=",
        ],
        refused: &["smtp RCPT 550 5.1.2", "smtp DATA 554 5.5.1"],
    },
    Row {
        program: "imapflow",
        version: "2.1.2",
        script: "imapflow",
        needs: &["node", "npm:imapflow", "npm:nodemailer"],
        does: "waits for a letter; reads, searches, files, appends, asks for changes",
        speaks: &[
            "AUTHENTICATE PLAIN", "STARTTLS", "TLS", "IDLE", "ENABLE", "QRESYNC", "UID MOVE", "CHANGEDSINCE", "LIST-STATUS",
            "APPEND", "NAMESPACE", "UID EXPUNGE",
        ],
        refused: &[],
    },
    Row {
        program: "lettre",
        version: "0.11",
        script: "lettre",
        needs: &[],
        does: "hands letters in; is told why one is refused",
        speaks: &["AUTH PLAIN", "AUTH LOGIN", "STARTTLS", "TLS"],
        refused: &["smtp RCPT 550 5.1.2"],
    },
];

/// The row of a script.
pub fn row(script: &str) -> &'static Row {
    ROWS.iter().find(|row| row.script == script).unwrap_or_else(|| panic!("{script} has no row"))
}
