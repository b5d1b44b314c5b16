//! Flags of messages (RFC 9051 §2.3.2), and how STORE changes them.

use serde::Serialize;
use std::fmt;

/// A message flag (RFC 9051 §2.3.2). System flags are recognised in any case and written in the RFC's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Flag {
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Seen`
    Seen,
    /// `\Draft`
    Draft,
    /// `\Recent` (RFC 3501): no client can set it.
    Recent,
    /// `\*` in PERMANENTFLAGS: new keywords can be made.
    Wildcard,
    /// Another flag that begins with `\`; with the backslash.
    Extension(String),
    /// A keyword, as written: `$Forwarded`. Keywords are the same in any case; the store decides which one stays.
    Keyword(String),
}

impl Flag {
    /// The flag of that name, system flags in any case.
    pub fn from_name(name: &str) -> Flag {
        const SYSTEM: [Flag; 7] = [
            Flag::Answered,
            Flag::Flagged,
            Flag::Deleted,
            Flag::Seen,
            Flag::Draft,
            Flag::Recent,
            Flag::Wildcard,
        ];
        if !name.starts_with('\\') {
            return Flag::Keyword(name.to_owned());
        }
        SYSTEM
            .into_iter()
            .find(|flag| flag.name().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Flag::Extension(name.to_owned()))
    }

    /// As it is written on the wire.
    pub fn name(&self) -> &str {
        match self {
            Flag::Answered => "\\Answered",
            Flag::Flagged => "\\Flagged",
            Flag::Deleted => "\\Deleted",
            Flag::Seen => "\\Seen",
            Flag::Draft => "\\Draft",
            Flag::Recent => "\\Recent",
            Flag::Wildcard => "\\*",
            Flag::Extension(name) | Flag::Keyword(name) => name,
        }
    }

    /// Whether both are the same flag: names do not depend on case.
    pub fn same(&self, other: &Flag) -> bool {
        self.name().eq_ignore_ascii_case(other.name())
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Flag> for String {
    fn from(flag: Flag) -> String {
        flag.name().to_owned()
    }
}

/// How STORE changes flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreOp {
    /// `FLAGS`: these and no others.
    Set,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}
