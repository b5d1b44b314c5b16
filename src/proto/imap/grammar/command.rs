//! Commands: `command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF` (RFC 9051 §9).

use super::cursor::{Cursor, Read, Stop, is_astring_char, is_list_char};
use super::items::{
    date_time, flag_list, id_params, is_binary, mailbox, mailbox_name, sequence_set, status_item,
    words_to_end,
};
use super::{Dialect, fetch, search};
use crate::base::{Finding, Part, Secret, Span};
use crate::proto::imap::types::{
    AppendMessage, Command, CommandBody, ListCommand, ListReturn, Parsed, Qresync, StatusItem,
};
use std::sync::Arc;

/// Reads a whole framed command.
pub(super) fn command(bytes: &[u8], dialect: Dialect) -> Parsed<Command> {
    let mut c = Cursor::new(bytes, dialect);
    let mut tag = String::new();
    let mut name = String::new();
    let body = match head(&mut c, &mut tag, &mut name) {
        Ok(()) => body(&mut c, &name),
        Err(stop) => Err(stop),
    };
    let body = body.unwrap_or_else(|stop| malformed(&mut c, name, stop));
    c.judge_line_end();
    let Cursor { parts, findings, secrets, .. } = c;
    Parsed { value: Command { tag, body }, parts, findings, secrets }
}

/// `tag SP command-name`; "UID" and the word behind it are one name.
fn head(c: &mut Cursor<'_>, tag: &mut String, name: &mut String) -> Read<()> {
    let span = c.word(|b| is_astring_char(b) && b != b'+', "a tag")?;
    c.leaf("tag", span);
    *tag = c.text_of(span);
    c.sp()?;
    let start = c.at;
    let word = c.atom("the name of a command")?;
    *name = c.upper(word);
    if name == "UID" && c.eat(b' ') {
        let second = c.atom("the name of a command behind UID")?;
        *name = format!("UID {}", c.upper(second));
    }
    let span = c.since(start);
    c.leaf("command-name", span);
    Ok(())
}

/// The arguments, to the end of the line.
fn body(c: &mut Cursor<'_>, name: &str) -> Read<CommandBody> {
    let Some(body) = arguments(c, name)? else {
        let span = c.parts.last().map_or(Span::default(), |part| part.span);
        let shown = name.get(..60.min(name.len())).unwrap_or_default();
        c.findings.push(Finding::error(
            "unknown-command",
            span,
            format!("{shown} is no command of IMAP known here"),
        ));
        return Ok(CommandBody::Unknown { name: name.to_owned() });
    };
    c.crlf()?;
    Ok(body)
}

fn arguments(c: &mut Cursor<'_>, name: &str) -> Read<Option<CommandBody>> {
    let body = match name {
        "CAPABILITY" => CommandBody::Capability,
        "NOOP" => CommandBody::Noop,
        "LOGOUT" => CommandBody::Logout,
        "STARTTLS" => CommandBody::StartTls,
        "NAMESPACE" => CommandBody::Namespace,
        "IDLE" => CommandBody::Idle,
        "CHECK" => CommandBody::Check,
        "CLOSE" => CommandBody::Close,
        "UNSELECT" => CommandBody::Unselect,
        "EXPUNGE" => CommandBody::Expunge { uids: None },
        "UID EXPUNGE" => {
            c.sp()?;
            CommandBody::Expunge { uids: Some(sequence_set(c)?) }
        }
        "SELECT" => select(c, false)?,
        "EXAMINE" => select(c, true)?,
        "FETCH" => fetch::fetch(c, false)?,
        "UID FETCH" => fetch::fetch(c, true)?,
        "STORE" => fetch::store(c, false)?,
        "UID STORE" => fetch::store(c, true)?,
        "SEARCH" => search::search(c, false)?,
        "UID SEARCH" => search::search(c, true)?,
        "COPY" | "UID COPY" | "MOVE" | "UID MOVE" => copy_or_move(c, name)?,
        "LOGIN" => login(c)?,
        "AUTHENTICATE" => authenticate(c)?,
        "APPEND" => append(c)?,
        "LIST" => list(c)?,
        _ => return mailbox_arguments(c, name),
    };
    Ok(Some(body))
}

fn mailbox_arguments(c: &mut Cursor<'_>, name: &str) -> Read<Option<CommandBody>> {
    let body = match name {
        "ENABLE" => {
            let capabilities = words_to_end(c, "capability")?;
            if capabilities.is_empty() {
                return c.stop("one space and a capability");
            }
            CommandBody::Enable { capabilities }
        }
        "DELETE" => CommandBody::Delete { mailbox: sp_mailbox(c)? },
        "SUBSCRIBE" => CommandBody::Subscribe { mailbox: sp_mailbox(c)? },
        "UNSUBSCRIBE" => CommandBody::Unsubscribe { mailbox: sp_mailbox(c)? },
        "RENAME" => CommandBody::Rename { from: sp_mailbox(c)?, to: sp_mailbox(c)? },
        "CREATE" => create(c)?,
        "LSUB" => {
            let reference = sp_mailbox(c)?;
            c.sp()?;
            CommandBody::Lsub { reference, pattern: list_mailbox(c)? }
        }
        "STATUS" => {
            let mailbox = sp_mailbox(c)?;
            c.sp()?;
            CommandBody::Status { mailbox, items: status_items(c)? }
        }
        "ID" => {
            c.sp()?;
            CommandBody::Id { params: id_params(c)? }
        }
        _ => return Ok(None),
    };
    Ok(Some(body))
}

/// What is left when the arguments do not follow the grammar.
fn malformed(c: &mut Cursor<'_>, name: String, stop: Stop) -> CommandBody {
    let rest = c.bytes.get(stop.at..).unwrap_or_default();
    let line = rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |at| at);
    let line = rest.get(..line).unwrap_or_default();
    let len = line.strip_suffix(b"\r").unwrap_or(line).len();
    let span = Span::new(stop.at, stop.at + len);
    let reason = format!("expected {} at octet {}", stop.expected, stop.at);
    hide_credentials(c, &name);
    if !c.cut {
        c.findings.push(Finding::error("bad-syntax", span, reason.clone()));
    }
    CommandBody::Malformed { name, reason }
}

/// Whoever mistypes LOGIN or AUTHENTICATE has typed a password too: all behind the user or the mechanism is secret.
fn hide_credentials(c: &mut Cursor<'_>, name: &str) {
    let public = match name {
        "LOGIN" => "userid",
        "AUTHENTICATE" => "auth-type",
        _ => return,
    };
    let known = |name: &str| c.parts.iter().find(|part| part.name == name).map(|part| part.span.end);
    let start = known(public).or_else(|| known("command-name")).unwrap_or(0);
    let line = super::super::framing::without_terminator(c.bytes);
    let secret = Span::new(start, line.len());
    c.secrets = if secret.is_empty() { Vec::new() } else { vec![secret] };
}

/// "In all cases, SP refers to exactly one space" (RFC 9051 §9); where programs of today write more, it is taken and said.
fn extra_space(span: Span) -> Finding {
    Finding::error("extra-space", span, "one space, no more, may stand here")
}

fn sp_mailbox(c: &mut Cursor<'_>) -> Read<String> {
    c.sp()?;
    mailbox(c)
}

/// "login = "LOGIN" SP userid SP password"
fn login(c: &mut Cursor<'_>) -> Read<CommandBody> {
    c.sp()?;
    let user = c.astring_part("userid")?;
    c.sp()?;
    let text = c.astring()?;
    c.text_part("password", &text);
    if !text.inner.is_empty() {
        c.secrets.push(text.inner);
    }
    let password = Secret::new(c.utf8(&text));
    Ok(CommandBody::Login { user, password })
}

/// "authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp] *(CRLF base64)"
fn authenticate(c: &mut Cursor<'_>) -> Read<CommandBody> {
    c.sp()?;
    let span = c.atom("a SASL mechanism")?;
    c.leaf("auth-type", span);
    let mechanism = c.upper(span);
    let mut initial = None;
    let space = c.at;
    if c.eat(b' ') && c.at_end() {
        // mutt announces a response that it does not have.
        c.findings.push(extra_space(c.since(space)));
    } else if c.at > space {
        let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
        let span = c.word(is_base64, "base64, or \"=\" for nothing")?;
        c.leaf("initial-resp", span);
        c.secrets.push(span);
        initial = Some(Secret::new(c.text_of(span)));
    }
    Ok(CommandBody::Authenticate { mechanism, initial })
}

/// `("SELECT" / "EXAMINE") SP mailbox [SP "(" select-param *(SP select-param) ")"]`
fn select(c: &mut Cursor<'_>, read_only: bool) -> Read<CommandBody> {
    let mailbox = sp_mailbox(c)?;
    let (mut condstore, mut qresync) = (false, None);
    if c.eat(b' ') {
        c.node("select-params", |c| {
            c.list1(|c| {
                if c.eat_word("CONDSTORE") {
                    condstore = true;
                } else if c.eat_word("QRESYNC ") {
                    qresync = Some(qresync_param(c)?);
                } else {
                    return c.stop("CONDSTORE or QRESYNC");
                }
                Ok(())
            })
        })?;
    }
    Ok(CommandBody::Select { mailbox, read_only, condstore, qresync })
}

/// `"(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"` (RFC 7162 §7)
fn qresync_param(c: &mut Cursor<'_>) -> Read<Qresync> {
    c.node("select-param-qresync", |c| {
        c.need(b'(', "\"(\"")?;
        let uidvalidity = c.nz_number()?;
        c.sp()?;
        let modseq = fetch::mod_sequence(c)?;
        let (mut known_uids, mut seq_match) = (None, None);
        if c.peek() == Some(b' ') && !c.rest().starts_with(b" (") {
            c.sp()?;
            known_uids = Some(sequence_set(c)?);
        }
        if c.eat(b' ') {
            c.need(b'(', "\"(\"")?;
            let numbers = sequence_set(c)?;
            c.sp()?;
            seq_match = Some((numbers, sequence_set(c)?));
            c.need(b')', "\")\"")?;
        }
        c.need(b')', "\")\"")?;
        Ok(Qresync { uidvalidity, modseq, known_uids, seq_match })
    })
}

/// `"CREATE" SP mailbox [SP "(" "USE" SP "(" … ")" ")"]` (RFC 6154 §3)
fn create(c: &mut Cursor<'_>) -> Read<CommandBody> {
    let mailbox = sp_mailbox(c)?;
    let mut special_use = Vec::new();
    if c.eat(b' ') {
        c.node("create-params", |c| {
            c.need(b'(', "\"(\"")?;
            if !c.eat_word("USE ") {
                return c.stop("USE");
            }
            special_use = c.list(|c| {
                let at = c.at;
                c.need(b'\\', "an attribute such as \\Sent")?;
                c.atom("an attribute such as \\Sent")?;
                let span = c.since(at);
                c.leaf("use-attr", span);
                Ok(c.text_of(span))
            })?;
            c.need(b')', "\")\"")
        })?;
    }
    Ok(CommandBody::Create { mailbox, special_use })
}

fn copy_or_move(c: &mut Cursor<'_>, name: &str) -> Read<CommandBody> {
    c.sp()?;
    let set = sequence_set(c)?;
    let mailbox = sp_mailbox(c)?;
    let uid = name.starts_with("UID ");
    Ok(if name.ends_with("COPY") {
        CommandBody::Copy { uid, set, mailbox }
    } else {
        CommandBody::Move { uid, set, mailbox }
    })
}

fn status_items(c: &mut Cursor<'_>) -> Read<Vec<StatusItem>> {
    c.node("status-atts", |c| c.list1(status_item))
}

/// "list-mailbox = 1*list-char / string"
fn list_mailbox(c: &mut Cursor<'_>) -> Read<String> {
    let text = c.string_or(is_list_char, "a mailbox pattern")?;
    Ok(mailbox_name(c, "list-mailbox", &text))
}

/// `list = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat [SP list-return-opts]`
fn list(c: &mut Cursor<'_>) -> Read<CommandBody> {
    let mut list = ListCommand::default();
    c.sp()?;
    if c.peek() == Some(b'(') {
        list.extended = true;
        list.selection = c.node("list-select-opts", |c| c.list(|c| option(c, "list-select-opt")))?;
        c.sp()?;
    }
    list.reference = mailbox(c)?;
    c.sp()?;
    if c.peek() == Some(b'(') {
        list.extended = true;
        list.patterns = c.node("patterns", |c| c.list1(list_mailbox))?;
    } else {
        list.patterns = vec![list_mailbox(c)?];
    }
    if c.eat(b' ') {
        list.extended = true;
        if !c.eat_word("RETURN ") {
            return c.stop("RETURN");
        }
        list.returns = c.node("list-return-opts", |c| c.list(list_return))?;
    }
    Ok(CommandBody::List(list))
}

fn option(c: &mut Cursor<'_>, part: &'static str) -> Read<String> {
    let span = c.atom("an option")?;
    c.leaf(part, span);
    Ok(c.upper(span))
}

fn list_return(c: &mut Cursor<'_>) -> Read<ListReturn> {
    let name = option(c, "return-option")?;
    if name == "STATUS" {
        c.sp()?;
        return Ok(ListReturn::Status(status_items(c)?));
    }
    Ok(ListReturn::Option(name))
}

/// `append = "APPEND" SP mailbox 1*append-message`, with
/// "append-message = append-opts SP append-data" and "append-opts = [SP flag-list] [SP date-time]" (RFC 3502).
fn append(c: &mut Cursor<'_>) -> Read<CommandBody> {
    let mailbox = sp_mailbox(c)?;
    let mut messages = vec![append_message(c)?];
    while !c.at_end() {
        messages.push(append_message(c)?);
    }
    Ok(CommandBody::Append { mailbox, messages })
}

fn append_message(c: &mut Cursor<'_>) -> Read<AppendMessage> {
    c.node("append-message", |c| {
        c.sp()?;
        let more = c.run(|b| b == b' ');
        if !more.is_empty() {
            // IMAPClient writes two between the messages of one APPEND.
            c.findings.push(extra_space(more));
        }
        let mut flags = Vec::new();
        if c.peek() == Some(b'(') {
            flags = flag_list(c)?;
            c.sp()?;
        }
        let mut date = None;
        if c.peek() == Some(b'"') {
            date = Some(date_time(c)?);
            c.sp()?;
        }
        let text = c.literal().map_err(|stop| Stop { expected: "flags, a date, or a literal", ..stop })?;
        let size = Part::leaf("literal-size", Span::new(text.span.start, text.inner.start));
        let message = Part::node("message", text.inner, super::message_parts(c.bytes, text.inner));
        c.parts.push(Part::node("append-data", text.span, vec![size, message]));
        Ok(AppendMessage { flags, date, binary: is_binary(&text), message: Arc::from(text.value) })
    })
}
