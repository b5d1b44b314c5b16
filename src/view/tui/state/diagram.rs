//! The phases of a connection as a small state diagram: those passed, the one that holds, those that may come.
//!
//! Wide enough, every phase has its name and the way back is drawn; narrow, only the one that holds is named:
//! `●─●─[recipients]─○─○`. Brackets are the server's side; what a client has asked for and was not granted yet stands in
//! round ones, or is `◌`: the two sides are not of one mind until the reply is there.

use crate::dissect::{Kind, Protocol, Step};
use crate::view::page::Label;
use crate::view::tui::theme::Theme;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

/// A protocol's phases in their order, and the stretch that may be gone through again, with why.
struct Phases {
    names: &'static [&'static str],
    again: Option<(usize, usize, &'static str)>,
}

/// The phases of `state`'s connections; `chunks` stands in the place of `data` where a client uses BDAT (RFC 3030).
fn phases(protocol: Protocol, now: &str) -> Phases {
    const SMTP: [&str; 6] = ["connected", "greeted", "envelope", "recipients", "data", "closed"];
    const CHUNKING: [&str; 6] = ["connected", "greeted", "envelope", "recipients", "chunks", "closed"];
    let (names, again): (&'static [&'static str], _) = match protocol {
        Protocol::Smtp if now == "chunks" => (&CHUNKING, Some((1, 4, "next message"))),
        Protocol::Smtp => (&SMTP, Some((1, 4, "next message"))),
        Protocol::Pop3 => (&["connected", "authorization", "transaction", "update", "ended"], None),
        Protocol::Imap => (
            &["connected", "not authenticated", "authenticated", "selected", "logout"],
            Some((2, 3, "CLOSE")),
        ),
        _ => (&["connected", "open"], None),
    };
    Phases { names, again }
}

/// Where a connection stands: the phase that holds, and the one that the client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub protocol: Protocol,
    pub now: &'static str,
    pub asked: Option<&'static str>,
}

/// The phase that this command leads to, where it is granted (RFC 5321 §4.1.4, RFC 1939 §3, RFC 9051 §3).
pub(super) fn asked(step: &Step) -> Option<&'static str> {
    if !matches!(step.kind, Kind::Command | Kind::Data) {
        return None;
    }
    match (step.protocol, step.verb.as_str()) {
        (Protocol::Smtp, "EHLO" | "HELO" | "RSET") => Some("greeted"),
        (Protocol::Smtp, "MAIL") => Some("envelope"),
        (Protocol::Smtp, "RCPT") => Some("recipients"),
        (Protocol::Smtp, "DATA") => Some("data"),
        (Protocol::Smtp, _) if step.kind == Kind::Data => Some("greeted"),
        (Protocol::Smtp, "QUIT") => Some("closed"),
        (Protocol::Pop3, "PASS" | "APOP") => Some("transaction"),
        (Protocol::Pop3, "QUIT") => Some("update"),
        (Protocol::Imap, "LOGIN" | "AUTHENTICATE" | "CLOSE" | "UNSELECT") => Some("authenticated"),
        (Protocol::Imap, "SELECT" | "EXAMINE") => Some("selected"),
        (Protocol::Imap, "LOGOUT") => Some("logout"),
        _ => None,
    }
}

/// The diagram on at most `width` columns: one line, two where the way back is drawn.
pub(super) fn lines(standing: Standing, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Standing { protocol, now, asked } = standing;
    let phases = phases(protocol, now);
    let place = |name: &str| phases.names.iter().position(|n| *n == name);
    let at = (place(now), asked.and_then(place).filter(|asked| Some(*asked) != place(now)));
    for join in [" ─▸ ", "─▸", "▸"] {
        let (line, places) = named(&phases, at, join, theme);
        if line.width() <= width {
            let mut lines = vec![line];
            if join == " ─▸ " {
                lines.extend(way_back(&phases, &places, theme));
            }
            return lines;
        }
    }
    let line = dotted(&phases, at, now, theme);
    if line.width() <= width { vec![line] } else { vec![Line::styled(format!("[{now}]"), theme.lit())] }
}

/// Every phase by name; and where each begins and ends.
fn named(
    phases: &Phases,
    (at, asked): (Option<usize>, Option<usize>),
    join: &'static str,
    theme: &Theme,
) -> (Line<'static>, Vec<(usize, usize)>) {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let (mut places, mut x) = (Vec::new(), 0);
    for (i, name) in phases.names.iter().enumerate() {
        if i > 0 {
            spans.push(Span::styled(join, theme.style(Label::Rule)));
            x += join.width();
        }
        let (text, style) = match Some(i) {
            it if it == at => (format!("[{name}]"), theme.lit()),
            it if it == asked => (format!("({name})"), theme.style(Label::ClientLine)),
            _ => ((*name).to_owned(), theme.dim()),
        };
        places.push((x, x + text.width()));
        x += text.width();
        spans.push(Span::styled(text, style));
    }
    (Line::from(spans), places)
}

/// `╰───── next message ◂────╯` below the stretch that may be gone through again.
fn way_back(phases: &Phases, places: &[(usize, usize)], theme: &Theme) -> Option<Line<'static>> {
    let (first, last, why) = phases.again?;
    let middle = |at: usize| places.get(at).map(|(start, end)| usize::midpoint(*start, *end));
    let (from, to) = (middle(first)?, middle(last)?);
    let room = (to - from).checked_sub(why.width() + 5)?;
    let (left, right) = (room / 2, room - room / 2);
    let text = format!("{:from$}╰◂{} {why} {}╯", "", "─".repeat(left), "─".repeat(right));
    Some(Line::styled(text, theme.style(Label::Rule)))
}

/// Only the phase that holds by name.
fn dotted(
    phases: &Phases,
    (at, asked): (Option<usize>, Option<usize>),
    now: &str,
    theme: &Theme,
) -> Line<'static> {
    let mut spans = Vec::new();
    for i in 0..phases.names.len() {
        if i > 0 {
            spans.push(Span::styled("─", theme.style(Label::Rule)));
        }
        spans.push(match at {
            _ if asked == Some(i) => Span::styled("◌", theme.style(Label::ClientLine)),
            Some(at) if at == i => Span::styled(format!("[{now}]"), theme.lit()),
            Some(at) if i < at => Span::styled("●", theme.dim()),
            _ => Span::styled("○", theme.dim()),
        });
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(protocol: Protocol, now: &'static str, width: usize) -> String {
        asking(Standing { protocol, now, asked: None }, width)
    }

    fn asking(standing: Standing, width: usize) -> String {
        let lines = lines(standing, width, &Theme::mono());
        lines.iter().map(|line| line.to_string() + "\n").collect()
    }

    #[test]
    fn the_phase_that_holds_is_named_at_any_width() {
        let smtp = |width| draw(Protocol::Smtp, "recipients", width);
        assert_eq!(
            smtp(80),
            "connected ─▸ greeted ─▸ envelope ─▸ [recipients] ─▸ data ─▸ closed\n                \
             ╰◂────────── next message ───────────╯\n"
        );
        assert_eq!(smtp(60), "connected─▸greeted─▸envelope─▸[recipients]─▸data─▸closed\n");
        assert_eq!(smtp(36), "●─●─●─[recipients]─○─○\n");
        assert_eq!(smtp(3), "[recipients]\n");
        assert_eq!(draw(Protocol::Smtp, "chunks", 36), "●─●─●─●─[chunks]─○\n");
        let asks = Standing { protocol: Protocol::Smtp, now: "greeted", asked: Some("envelope") };
        assert_eq!(asking(asks, 36), "●─[greeted]─◌─○─○─○\n");
        assert_eq!(asking(asks, 60), "connected─▸[greeted]─▸(envelope)─▸recipients─▸data─▸closed\n");
        assert_eq!(draw(Protocol::Imap, "not authenticated", 36), "●─[not authenticated]─○─○─○\n");
    }
}
