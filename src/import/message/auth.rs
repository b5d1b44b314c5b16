//! What servers say that they checked: Authentication-Results (RFC 8601 §2.2), Received-SPF (RFC 7208 §9.1), and the
//! signatures that are there (DKIM-Signature, RFC 6376 §3.5).

use super::Field;
use super::hops::domain;
use serde::Serialize;

/// One method's result, or a signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// `spf`, `dkim`, `dmarc`, `arc`, `auth`, …
    pub method: String,
    /// `pass`, `fail`, `softfail`, `none`, …; `signature` for one that is only there.
    pub result: String,
    /// What it is about: `smtp.mailfrom=example.com`, `header.d=example.com`.
    pub properties: Vec<String>,
}

/// A field with results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthResult {
    /// The field's name.
    pub field: String,
    /// Who says so ("authserv-id"); empty where nobody is named.
    pub by: String,
    /// The server that says so is of the domain of the server that delivered: else anybody could have written it.
    pub own: bool,
    /// What it says.
    pub claims: Vec<Claim>,
}

/// All of them; `home` is the domain of the server that delivered.
pub fn read(fields: &[Field], home: &str, limit: usize) -> Vec<AuthResult> {
    let mut out = Vec::new();
    for field in fields {
        let read = match field.name.to_ascii_lowercase().as_str() {
            "authentication-results" | "arc-authentication-results" => results(field),
            "received-spf" => Some(spf(field)),
            "dkim-signature" => Some(signature(field)),
            _ => None,
        };
        if let Some(mut read) = read.filter(|_| out.len() < limit) {
            read.own = !home.is_empty()
                && domain(&read.by) == home
                && field.name.len() == "Authentication-Results".len();
            out.push(read);
        }
    }
    out
}

/// `authserv-id *( ";" method "=" result *( property "=" value ) )`, comments taken out.
fn results(field: &Field) -> Option<AuthResult> {
    let text = without_comments(&field.body);
    let mut sections = text.split(';').map(str::trim);
    let mut by = sections.next()?.to_owned();
    if by.starts_with("i=") {
        // ARC-Authentication-Results has its instance first (RFC 8617 §4.1.1).
        by = sections.next()?.to_owned();
    }
    let by = by.split_ascii_whitespace().next().unwrap_or_default().to_owned();
    let claim = |section: &str| {
        let mut words = section.split_ascii_whitespace();
        let (method, result) = words.next()?.split_once('=')?;
        let properties = words.filter(|w| w.contains('=')).take(10).map(str::to_owned).collect();
        Some(Claim { method: method.to_ascii_lowercase(), result: result.to_ascii_lowercase(), properties })
    };
    let claims = sections.filter_map(claim).take(50).collect();
    Some(AuthResult { field: field.name.clone(), by, own: false, claims })
}

fn spf(field: &Field) -> AuthResult {
    let result = field.body.split([' ', '(']).next().unwrap_or_default().to_ascii_lowercase();
    let text = without_comments(&field.body);
    let pairs = text.split([';', ' ']).map(str::trim).filter(|w| w.contains('='));
    let properties: Vec<String> = pairs.take(10).map(str::to_owned).collect();
    let by = properties.iter().find_map(|p| p.strip_prefix("receiver=")).unwrap_or_default().to_owned();
    let claims = vec![Claim { method: "spf".to_owned(), result, properties }];
    AuthResult { field: field.name.clone(), by, own: false, claims }
}

fn signature(field: &Field) -> AuthResult {
    let tags = field.body.split(';').map(str::trim);
    let wanted = tags.filter(|tag| ["d=", "s=", "a=", "h="].iter().any(|name| tag.starts_with(name)));
    let properties: Vec<String> = wanted.map(|tag| tag.split_whitespace().collect()).collect();
    let by = properties.iter().find_map(|p| p.strip_prefix("d=")).unwrap_or_default().to_owned();
    let claims = vec![Claim { method: "dkim".to_owned(), result: "signature".to_owned(), properties }];
    AuthResult { field: field.name.clone(), by, own: false, claims }
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}
