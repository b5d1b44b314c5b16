//! What one server said to another, found in a line of prose: the host, the command, the code and the words.

use serde::Serialize;

/// A reply that a log line quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Who said it, as it is written: `mx1.example.net[198.51.100.25]`; empty where nobody is named.
    pub by: String,
    /// The reply code, as in `450`; empty where it has none.
    pub code: String,
    /// The enhanced status code, as in `4.2.0`; empty where it has none.
    pub enhanced: String,
    /// To what, as in `RCPT TO`; empty where that is not told.
    pub to: String,
    /// Its words, code and all.
    pub text: String,
}

/// Find a reply in these words: "host mx[192.0.2.1] said: 450 4.2.0 … (in reply to RCPT TO command)".
pub fn find(words: &str) -> Option<Said> {
    let words = words.trim();
    let by = words.strip_prefix("host ").map(|rest| rest.split([' ', ':']).next().unwrap_or_default());
    let said =
        ["said: ", "refused to talk to me: "].iter().find_map(|w| words.split_once(w).map(|(_, rest)| rest));
    let text = said.unwrap_or(words);
    let (text, to) = match text.rsplit_once("(in reply to ") {
        Some((text, to)) => (text.trim(), to.trim_end_matches([')', ' ']).trim_end_matches(" command")),
        None => (text, ""),
    };
    let (code, rest) = code(text)?;
    let enhanced = rest.split(' ').next().filter(|w| is_enhanced(w)).unwrap_or_default();
    Some(Said {
        by: by.unwrap_or_default().to_owned(),
        code: code.to_owned(),
        enhanced: enhanced.to_owned(),
        to: to.to_owned(),
        text: text.to_owned(),
    })
}

/// The code in front, and what follows it.
fn code(text: &str) -> Option<(&str, &str)> {
    let code = text
        .get(..3)
        .filter(|c| c.bytes().all(|b| b.is_ascii_digit()) && c.starts_with(['2', '3', '4', '5']))?;
    let rest = text.get(3..)?;
    (rest.is_empty() || rest.starts_with([' ', '-'])).then(|| (code, rest.trim_start_matches([' ', '-'])))
}

/// "status-code = class "." subject "." detail" (RFC 3463 §2).
pub fn is_enhanced(word: &str) -> bool {
    let mut numbers = word.split('.');
    let class = numbers.next().is_some_and(|c| matches!(c, "2" | "4" | "5"));
    let number = |n: Option<&str>| {
        n.is_some_and(|n| (1..=3).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit()))
    };
    class && number(numbers.next()) && number(numbers.next()) && numbers.next().is_none()
}
