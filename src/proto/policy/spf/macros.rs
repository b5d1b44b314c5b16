//! Macros of SPF: `%{d}`, `%{ir}.%{v}` (RFC 7208 §7). Parsing here, values from whoever evaluates.

/// A piece of a macro string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Literal(String),
    /// `%{…}`.
    Expand(Expand),
}

/// `%{` letter, transformers, delimiters `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expand {
    /// Which macro, in lower case.
    pub letter: char,
    /// Written in upper case: its value is escaped as in a URL (RFC 7208 §7.3).
    pub escaped: bool,
    /// How many parts from the right are kept; 0: all.
    pub keep: usize,
    /// Whether the parts are put in reverse order.
    pub reverse: bool,
    /// What parts are split at; empty: the dot.
    pub delimiters: String,
}

/// A macro string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MacroString {
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
}

/// Why a text is no macro string.
pub type Wrong = String;

impl MacroString {
    /// Read a text; `explanation` allows `c`, `r`, `t` and spaces (RFC 7208 §7.2: "only allowed in "exp" text").
    pub fn parse(text: &str, explanation: bool) -> Result<Self, Wrong> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c != '%' {
                if !(c.is_ascii_graphic() || (c == ' ' && explanation)) {
                    return Err(format!("{:?} may not stand here", c));
                }
                literal.push(c);
                continue;
            }
            let next = rest.chars().next();
            if next == Some('{') {
                let end = rest.find('}').ok_or("`%{` is never closed by `}`")?;
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Expand(Expand::parse(&rest[1..end], explanation)?));
                rest = &rest[end + 1..];
                continue;
            }
            literal.push_str(match next {
                Some('%') => "%",
                Some('_') => " ",
                Some('-') => "%20",
                _ => return Err("after `%` comes `{`, `%`, `_` or `-`".to_owned()),
            });
            rest = &rest[1..];
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(MacroString { pieces })
    }

    /// The text with every macro's value in place; `value` gives it by the macro's letter.
    pub fn expand<E>(&self, mut value: impl FnMut(char) -> Result<String, E>) -> Result<String, E> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Expand(expand) => out.push_str(&expand.apply(&value(expand.letter)?)),
            }
        }
        Ok(out)
    }

    /// Whether any macro stands in it.
    pub fn has_macros(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Expand(_)))
    }
}

impl Expand {
    /// What stands between `%{` and `}`.
    fn parse(text: &str, explanation: bool) -> Result<Self, Wrong> {
        let mut chars = text.chars().peekable();
        let written = chars.next().ok_or("`%{}` names no macro")?;
        let letter = written.to_ascii_lowercase();
        let allowed = if explanation { "slodiphvcrt" } else { "slodiphv" };
        if !allowed.contains(letter) {
            return Err(match "crt".contains(letter) {
                true => format!("the macro `{letter}` may stand in an explanation only"),
                false => format!("there is no macro {:?}", written),
            });
        }
        let mut digits = String::new();
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let keep = match digits.as_str() {
            "" => 0,
            // More than a name has labels keeps all; the number itself may be of any length.
            digits => digits.parse::<usize>().unwrap_or(usize::MAX),
        };
        if keep == 0 && !digits.is_empty() {
            return Err("the number of parts to keep must not be zero".to_owned());
        }
        let reverse = chars.next_if(|c| c.eq_ignore_ascii_case(&'r')).is_some();
        let delimiters: String = chars.collect();
        if let Some(wrong) = delimiters.chars().find(|c| !".-+,/_=".contains(*c)) {
            return Err(format!("{wrong:?} is no delimiter of a macro"));
        }
        Ok(Expand { letter, escaped: written.is_ascii_uppercase(), keep, reverse, delimiters })
    }

    fn apply(&self, value: &str) -> String {
        let splits =
            |c: char| if self.delimiters.is_empty() { c == '.' } else { self.delimiters.contains(c) };
        let untouched = self.keep == 0 && !self.reverse && self.delimiters.is_empty();
        let text = if untouched {
            value.to_owned()
        } else {
            let mut parts: Vec<&str> = value.split(splits).collect();
            if self.reverse {
                parts.reverse();
            }
            let from = if self.keep == 0 { 0 } else { parts.len().saturating_sub(self.keep) };
            parts[from..].join(".")
        };
        if self.escaped { url_escaped(&text) } else { text }
    }
}

/// Whatever is not "unreserved" (RFC 3986 §2.3) as `%` and two hexadecimal digits.
fn url_escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of RFC 7208 §7.4.
    fn value(letter: char) -> Result<String, ()> {
        Ok(match letter {
            's' => "strong-bad@email.example.com",
            'o' | 'd' => "email.example.com",
            'l' => "strong-bad",
            'i' => "192.0.2.3",
            'v' => "in-addr",
            _ => "unknown",
        }
        .to_owned())
    }

    #[test]
    fn examples_of_rfc_7208_section_7_4() {
        for (text, expanded) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr}", "strong-bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
            ("%%%_%-", "% %20"),
            ("%{S}", "strong-bad%40email.example.com"),
        ] {
            let parsed = MacroString::parse(text, false).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(parsed.expand(value).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn what_is_no_macro_says_why() {
        for (text, why) in [
            ("%", "after `%`"),
            ("%x", "after `%`"),
            ("%{d", "never closed"),
            ("%{}", "names no macro"),
            ("%{x}", "no macro 'x'"),
            ("%{c}", "explanation only"),
            ("%{d0}", "must not be zero"),
            ("%{dr*}", "no delimiter"),
            ("a b", "may not stand here"),
            ("é", "may not stand here"),
        ] {
            let error = MacroString::parse(text, false).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(MacroString::parse("%{c} %{r} %{t}", true).is_ok());
    }
}
