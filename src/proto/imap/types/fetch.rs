//! What FETCH asks (RFC 9051 §6.4.5): data items, sections, parts of them.

/// A data item of FETCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// ENVELOPE
    Envelope,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// RFC822: the message; sets `\Seen` (RFC 3501).
    Rfc822,
    /// RFC822.HEADER: the header; does not set `\Seen`.
    Rfc822Header,
    /// RFC822.SIZE
    Rfc822Size,
    /// RFC822.TEXT: the body; sets `\Seen`.
    Rfc822Text,
    /// BODY without brackets: the structure without extension data.
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// UID
    Uid,
    /// MODSEQ (RFC 7162)
    ModSeq,
    /// `BODY[section]<partial>`, `BODY.PEEK[…]`
    Section {
        /// `.PEEK`: does not set `\Seen`.
        peek: bool,
        /// What.
        section: Section,
        /// Which octets of it.
        partial: Option<Partial>,
    },
    /// `BINARY[part]<partial>`, `BINARY.PEEK[…]` (RFC 3516)
    Binary {
        /// `.PEEK`
        peek: bool,
        /// Which part; empty for all.
        part: Vec<u32>,
        /// Which octets.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[part]`
    BinarySize {
        /// Which part.
        part: Vec<u32>,
    },
    /// EMAILID (RFC 8474)
    EmailId,
    /// THREADID (RFC 8474)
    ThreadId,
    /// PREVIEW (RFC 8970)
    Preview {
        /// `(LAZY)`
        lazy: bool,
    },
}

/// What stands between the brackets of `BODY[…]`. Both empty: the whole message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Section {
    /// Part numbers, as in `1.2`.
    pub part: Vec<u32>,
    /// Which text of it.
    pub text: Option<SectionText>,
}

/// `section-text`: which text of a message or part.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SectionText {
    /// HEADER
    Header,
    /// HEADER.FIELDS, HEADER.FIELDS.NOT
    HeaderFields {
        /// All but these.
        not: bool,
        /// Field names, as written.
        fields: Vec<String>,
    },
    /// TEXT
    Text,
    /// MIME: the part's own MIME header; only after a part number.
    Mime,
}

/// `<offset.length>`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Partial {
    /// First octet, from 0.
    pub offset: u64,
    /// How many at most; not 0.
    pub length: u64,
}
