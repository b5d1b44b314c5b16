//! Words of a command line, quoted as in a shell.

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Without its quotes.
    pub text: String,
    quoted: bool,
}

impl Word {
    /// Whether it is this, and not in quotes.
    pub fn is_bare(&self, text: &str) -> bool {
        !self.quoted && self.text == text
    }
}

/// Words parted by blanks; `"…"` and `'…'` hold blanks together, and may stand inside a word.
pub fn split(line: &str) -> Result<Vec<Word>, String> {
    let (mut words, mut word, mut quote): (Vec<Word>, Option<Word>, Option<char>) = (Vec::new(), None, None);
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c.is_whitespace() => words.extend(word.take()),
            _ => {
                let word = word.get_or_insert_with(|| Word { text: String::new(), quoted: false });
                if quote.is_none() && (c == '"' || c == '\'') {
                    (quote, word.quoted) = (Some(c), true);
                } else {
                    word.text.push(c);
                }
            }
        }
    }
    words.extend(word);
    if quote.is_some() { Err(format!("a quote stays open in: {line}")) } else { Ok(words) }
}

/// What the program is given by a command line as people write it, where it runs the program at all.
pub fn arguments(shown: &str) -> Option<Vec<String>> {
    let words = split(shown.strip_prefix("$ ").unwrap_or(shown)).ok()?;
    let words: Vec<String> = words
        .into_iter()
        .take_while(|w| {
            !["|", ">", "<", "&&", ";"].iter().any(|end| w.is_bare(end)) && !w.text.starts_with('#')
        })
        .map(|w| w.text)
        .collect();
    match words.first()?.as_str() {
        "postroad" => Some(words[1..].to_vec()),
        "cargo" if words.get(1).is_some_and(|w| w == "run") => {
            Some(words.iter().skip_while(|w| *w != "--").skip(1).cloned().collect())
        }
        _ => None,
    }
}

#[test]
fn words_are_read_as_a_shell_reads_them() {
    let args = |line| arguments(line).map(|a| a.join("|"));
    assert_eq!(
        args("$ postroad explain \"imap UID FETCH\" | less").as_deref(),
        Some("explain|imap UID FETCH")
    );
    assert_eq!(args("cargo run --release -- journey # all").as_deref(), Some("journey"));
    assert_eq!(args("cargo test"), None);
    assert_eq!(args("postroad --body='a b'").as_deref(), Some("--body=a b"));
}
