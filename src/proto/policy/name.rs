//! Domain names as policies compare and check them.

/// The most octets of a name in text (RFC 1035 §2.3.4: 255 on the wire).
pub const LONGEST_NAME: usize = 253;
/// The most octets of a label (RFC 1035 §2.3.4).
pub const LONGEST_LABEL: usize = 63;

/// The name without the dot at its end.
pub fn bare(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether the DNS can be asked for it: no empty label, none that is too long.
pub fn is_askable(name: &str) -> bool {
    let name = bare(name);
    let fits = |label: &str| !label.is_empty() && label.len() <= LONGEST_LABEL && label.is_ascii();
    name.len() <= LONGEST_NAME && name.split('.').all(fits)
}

/// Whether it is a domain of several labels that the DNS can be asked for ("fully qualified", RFC 7208 §4.3).
pub fn is_qualified(name: &str) -> bool {
    is_askable(name) && bare(name).contains('.') && !name.starts_with('[')
}

/// Whether two names are the same; case and the dot at the end do not matter.
pub fn same(a: &str, b: &str) -> bool {
    bare(a).eq_ignore_ascii_case(bare(b))
}

/// Whether `name` is `parent` or stands below it.
pub fn is_within(name: &str, parent: &str) -> bool {
    let (name, parent) = (bare(name), bare(parent));
    if same(name, parent) {
        return true;
    }
    let Some(cut) = name.len().checked_sub(parent.len()).filter(|_| !parent.is_empty()) else { return false };
    name.get(cut..).is_some_and(|tail| same(tail, parent))
        && name.get(..cut).is_some_and(|head| head.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_as_the_dns_does() {
        assert!(same("Example.COM.", "example.com"));
        assert!(is_within("mail.example.com", "EXAMPLE.com"));
        assert!(is_within("example.com", "example.com"));
        assert!(!is_within("badexample.com", "example.com"));
        assert!(!is_within("com", "example.com"));
        assert!(!is_within("é.com", "x.com"));
        assert!(is_qualified("a.b") && !is_qualified("a") && !is_qualified("[1.2.3.4]"));
        assert!(!is_askable("a..b") && !is_askable(&format!("{}.b", "x".repeat(64))));
    }
}
