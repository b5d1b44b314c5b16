//! LIST patterns (RFC 9051 §6.3.9): `*` matches anything, `%` anything but the hierarchy delimiter.
//!
//! Matched by keeping the set of places in the pattern where one can be (no backtracking), so a hostile pattern
//! costs pattern times name and no more.

/// Whether a mailbox name matches a pattern; the delimiter is `/`. INBOX matches in any case.
pub fn matches(pattern: &str, name: &str) -> bool {
    let inbox = name == "INBOX";
    let pattern = simplified(pattern);
    // Every character that is no wildcard must be found in the name.
    if pattern.iter().filter(|c| !matches!(c, '*' | '%')).count() > name.chars().count() {
        return false;
    }
    // places[i]: the first i characters of the pattern match what was read of the name.
    let mut places = vec![false; pattern.len() + 1];
    places[0] = true;
    skip_wildcards(&pattern, &mut places);
    for c in name.chars() {
        for i in (0..pattern.len()).rev() {
            let here = places[i];
            places[i + 1] &=
                matches!(pattern.get(i + 1), Some('*')) || pattern.get(i + 1) == Some(&'%') && c != '/';
            let same = pattern[i] == c || inbox && pattern[i].eq_ignore_ascii_case(&c);
            if here && same && !matches!(pattern[i], '*' | '%') {
                places[i + 1] = true;
            }
        }
        places[0] &= matches!(pattern.first(), Some('*')) || pattern.first() == Some(&'%') && c != '/';
        skip_wildcards(&pattern, &mut places);
    }
    places[pattern.len()]
}

/// A wildcard may match nothing: who stands before one stands after it too.
fn skip_wildcards(pattern: &[char], places: &mut [bool]) {
    for i in 0..pattern.len() {
        if places[i] && matches!(pattern[i], '*' | '%') {
            places[i + 1] = true;
        }
    }
}

/// Runs of wildcards say no more than one of them: `*` if there is one among them.
fn simplified(pattern: &str) -> Vec<char> {
    let mut out: Vec<char> = Vec::new();
    for c in pattern.chars() {
        match (out.last_mut(), c) {
            (Some(last @ ('*' | '%')), '*' | '%') => {
                if c == '*' {
                    *last = '*';
                }
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_as_the_rfc_has_them() {
        for (pattern, name, want) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("%/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("a/*", "a/b/c", true),
            ("a*c", "a/b/c", true),
            ("a%c", "abbc", true),
            ("a%c", "a/c", false),
            ("inbox", "INBOX", true),
            ("in%", "INBOX", true),
            ("inbox", "Inbox2", false),
            ("", "a", false),
            ("a", "ab", false),
            ("%*%b", "xx/yb", true),
            ("a", "A", false),
            ("", "", true),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn agrees_with_a_plain_matcher() {
        fn plain(p: &[char], n: &[char]) -> bool {
            match (p, n) {
                ([], []) => true,
                (['*', rest @ ..], _) if plain(rest, n) => true,
                (['%', rest @ ..], _) if plain(rest, n) => true,
                (['*', ..], [_, more @ ..]) => plain(p, more),
                (['%', ..], [c, more @ ..]) if *c != '/' => plain(p, more),
                ([a, rest @ ..], [b, more @ ..]) if a == b && !"*%".contains(*a) => plain(rest, more),
                _ => false,
            }
        }
        let mut rng = crate::base::random::stream(1, "test", "imap", "patterns");
        for _ in 0..20_000 {
            let mut word = |letters: &[u8]| -> String {
                (0..rng.usize(..7)).map(|_| char::from(letters[rng.usize(..letters.len())])).collect()
            };
            let (pattern, name) = (word(b"ab/*%"), word(b"ab/"));
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            assert_eq!(matches(&pattern, &name), plain(&chars(&pattern), &chars(&name)), "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let pattern = "*a".repeat(20_000);
        assert!(!matches(&pattern, &"a".repeat(999)));
        assert!(!matches(&format!("{}b", "%a".repeat(400)), &"a".repeat(900)));
    }
}
