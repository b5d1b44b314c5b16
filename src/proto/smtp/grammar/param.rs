//! Parameters of MAIL and RCPT: `keyword=value`. RFC 5321 §4.1.2; SIZE RFC 1870, BODY RFC 6152, SMTPUTF8
//! RFC 6531, AUTH RFC 4954 §5, RET, ENVID, NOTIFY and ORCPT RFC 3461 §4.

use super::{Problem, Reading};
use crate::base::{Finding, Part, Span};
use crate::proto::smtp::envelope::{Body, Notify, Ret};
use serde::Serialize;
use std::fmt;

/// `esmtp-param = esmtp-keyword ["=" esmtp-value]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// The keyword in upper case.
    pub keyword: String,
    /// The value, where one was given.
    pub value: Option<String>,
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.keyword)?;
        self.value.as_ref().map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

/// `Mail-parameters = esmtp-param *(SP esmtp-param)`, each after a space, up to the end of the line.
pub(super) fn read_parameters(r: &mut Reading) -> Result<Vec<Parameter>, Problem> {
    let mut params = Vec::new();
    loop {
        let space = r.take_while(|b| b == b' ' || b == b'\t');
        if r.done() {
            if !space.is_empty() {
                r.findings.push(Finding::hint("trailing-space", space, "white space stands before CR LF"));
            }
            return Ok(params);
        }
        if space.is_empty() {
            return Err(Problem::BadParameter);
        }
        params.push(read_parameter(r)?);
    }
}

fn read_parameter(r: &mut Reading) -> Result<Parameter, Problem> {
    let start = r.at;
    // esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
    let keyword = r.take_while(|b| b.is_ascii_alphanumeric() || b == b'-');
    let mut inner = vec![Part::leaf("parameter-keyword", keyword)];
    let mut value = None;
    let mut sound = keyword.of(r.line).first().is_some_and(u8::is_ascii_alphanumeric);
    if sound && r.take(b'=') {
        // esmtp-value = 1*(%d33-60 / %d62-126), with UTF-8 as RFC 6531 §3.3 allows.
        let span = r.take_while(|b| (33..=126).contains(&b) && b != b'=' || b >= 128);
        inner.push(Part::leaf("parameter-value", span));
        value = std::str::from_utf8(span.of(r.line)).ok().map(str::to_owned);
        sound = !span.is_empty() && value.is_some();
    }
    let whole = Span::new(start, r.at);
    r.parts.push(Part::node("parameter", whole, inner));
    let keyword = r.text(keyword).to_ascii_uppercase();
    if sound { Ok(Parameter { keyword, value }) } else { Err(Problem::BadParameter) }
}

/// What is wrong with a parameter as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadParam {
    /// No such parameter here: 555.
    Unknown(String),
    /// Known, but its value is not what its RFC says, or it came twice: 501.
    Value(String),
}

/// MAIL's parameters, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailParams {
    /// SIZE.
    pub size: Option<u64>,
    /// BODY.
    pub body: Option<Body>,
    /// SMTPUTF8.
    pub smtputf8: bool,
    /// AUTH: who submitted it first, decoded; empty for `<>`. RFC 4954 §5.
    pub auth: Option<String>,
    /// RET.
    pub ret: Option<Ret>,
    /// ENVID, decoded.
    pub envid: Option<String>,
}

/// RCPT's parameters, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RcptParams {
    /// NOTIFY.
    pub notify: Option<Notify>,
    /// ORCPT, decoded.
    pub orcpt: Option<String>,
}

/// Put a value where none was yet.
fn once<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let sound = slot.is_none() && value.is_some();
    *slot = value;
    sound
}

impl MailParams {
    /// Understand MAIL's parameters. The first that is wrong is told.
    pub fn understand(params: &[Parameter]) -> Result<MailParams, BadParam> {
        let mut out = MailParams::default();
        for param in params {
            let value = param.value.as_deref();
            let sound = match param.keyword.as_str() {
                // size-value ::= 1*20DIGIT
                "SIZE" => once(&mut out.size, value.filter(|v| is_digits(v)).and_then(|v| v.parse().ok())),
                "BODY" => once(&mut out.body, value.and_then(read_body)),
                "SMTPUTF8" => value.is_none() && !std::mem::replace(&mut out.smtputf8, true),
                "AUTH" => once(&mut out.auth, value.and_then(read_auth)),
                "RET" => once(&mut out.ret, value.and_then(read_ret)),
                // "ENVID" value: xtext of at most 100 characters.
                "ENVID" => once(&mut out.envid, value.filter(|v| v.len() <= 100).and_then(from_xtext)),
                _ => return Err(BadParam::Unknown(param.keyword.clone())),
            };
            if !sound {
                return Err(BadParam::Value(param.keyword.clone()));
            }
        }
        Ok(out)
    }
}

impl RcptParams {
    /// Understand RCPT's parameters. The first that is wrong is told.
    pub fn understand(params: &[Parameter]) -> Result<RcptParams, BadParam> {
        let mut out = RcptParams::default();
        for param in params {
            let value = param.value.as_deref();
            let sound = match param.keyword.as_str() {
                "NOTIFY" => once(&mut out.notify, value.and_then(read_notify)),
                "ORCPT" => once(&mut out.orcpt, value.filter(|v| v.len() <= 500).and_then(read_orcpt)),
                _ => return Err(BadParam::Unknown(param.keyword.clone())),
            };
            if !sound {
                return Err(BadParam::Value(param.keyword.clone()));
            }
        }
        Ok(out)
    }
}

fn is_digits(value: &str) -> bool {
    (1..=20).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit())
}

fn read_body(value: &str) -> Option<Body> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Some(Body::SevenBit),
        "8BITMIME" => Some(Body::EightBit),
        "BINARYMIME" => Some(Body::Binary),
        _ => None,
    }
}

fn read_ret(value: &str) -> Option<Ret> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Some(Ret::Full),
        "HDRS" => Some(Ret::Headers),
        _ => None,
    }
}

/// `AUTH=<>` or a mailbox in xtext. RFC 4954 §5.
fn read_auth(value: &str) -> Option<String> {
    if value == "<>" { Some(String::new()) } else { from_xtext(value) }
}

/// `"NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" )`.
fn read_notify(value: &str) -> Option<Notify> {
    let mut notify = Notify::default();
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in value.split(',') {
        match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => notify.success = true,
            "FAILURE" => notify.failure = true,
            "DELAY" => notify.delay = true,
            _ => return None,
        }
    }
    Some(notify)
}

/// `addr-type ";" xtext`.
fn read_orcpt(value: &str) -> Option<String> {
    let (kind, address) = value.split_once(';')?;
    let sound = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let address = from_xtext(address)?;
    (sound && !address.is_empty()).then(|| format!("{kind};{address}"))
}

/// `xtext = *( xchar / hexchar )`, `hexchar = "+" 2(%x30-39 / %x41-46)`. RFC 3461 §4. UTF-8 stays as it is.
pub fn from_xtext(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let decoded = match byte {
            b'+' => {
                let hex = |b: u8| (b.is_ascii_digit() || (b'A'..=b'F').contains(&b)).then(|| char::from(b));
                let high = bytes.next().and_then(hex)?.to_digit(16)?;
                let low = bytes.next().and_then(hex)?.to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'=' => return None,
            33..=126 | 128.. => byte,
            _ => return None,
        };
        out.push(decoded);
    }
    String::from_utf8(out).ok()
}

/// Text as xtext.
pub fn to_xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (33..=126).contains(&byte) && byte != b'+' && byte != b'=' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("+{byte:02X}"));
        }
    }
    out
}
