//! Facts in words: the catalogue's `fact.*` sentences, filled.

use super::catalogue::catalogue;
use super::template::Vars;
use crate::base::Instant;
use crate::trace::Fact;
use std::time::Duration;

/// What a host stated, as one line: `queued at mail.example.com as 1A, for bob@example.net`.
pub fn text(at: Instant, host: &str, fact: &Fact) -> String {
    let mut vars = Vars::default();
    vars.set("host", host);
    let id = fill(at, fact, &mut vars);
    let own = match fact {
        Fact::RuleApplied { rule, .. } => format!("fact.rule.{}", rule.id),
        Fact::SenderChecked { check, result, .. } => format!("fact.sender-checked.{check}.{result}"),
        Fact::SenderJudged { decision, .. } => format!("fact.sender-judged.{decision}"),
        _ => String::new(),
    };
    let found = catalogue().first(&[own, format!("fact.{id}"), "fact.generic".to_owned()]);
    found.map(|entry| vars.fill(&entry.summary).into_owned()).unwrap_or_default()
}

/// Whether it says that a letter was not delivered: given up, or put off.
pub fn is_undelivered(fact: &Fact) -> bool {
    matches!(fact, Fact::Failed { .. } | Fact::RetryAt { .. })
}

/// The fact's id in the catalogue, without `fact.`, with its values set.
fn fill(at: Instant, fact: &Fact, vars: &mut Vars) -> &'static str {
    match fact {
        Fact::IntentBegins { who, intent, detail } => {
            vars.set("person", who).set("intent", intent).set("detail", detail);
            if detail.is_empty() { "intent-begins" } else { "intent-begins.detail" }
        }
        Fact::IntentEnds { who, intent, ok, detail, instead } => {
            vars.set("person", who).set("intent", intent).set("detail", detail);
            if !instead.is_empty() {
                vars.set("this", instead);
                return "intent-instead";
            }
            match (ok, detail.is_empty()) {
                (true, true) => "intent-ends",
                (true, false) => "intent-ends.detail",
                (false, true) => "intent-fails",
                (false, false) => "intent-fails.detail",
            }
        }
        Fact::Queued { id, sender, recipients, size } => {
            vars.set("id", id).set("sender", sender).set("recipients", list(recipients)).count("size", *size);
            if sender.is_empty() { "queued.null-sender" } else { "queued" }
        }
        Fact::RetryAt { id, recipients, at: again, attempt, reason } => {
            vars.set("id", id).set("recipients", list(recipients)).set("reason", reason);
            vars.set("wait", duration(Instant::from_micros(*again).since(at)))
                .count("number", u64::from(*attempt));
            "retry-at"
        }
        Fact::Relayed { id, recipients, to, reply } => {
            vars.set("id", id).set("recipients", list(recipients)).set("to", to).set("this", reply);
            "relayed"
        }
        Fact::Failed { id, recipients, status, reason } => {
            vars.set("id", id)
                .set("recipients", list(recipients))
                .set("status", status)
                .set("reason", reason);
            "failed"
        }
        Fact::Bounced { id, notification, to, action } => {
            vars.set("id", id).set("notification", notification).set("to", to);
            match action.as_str() {
                "delayed" => "bounced.delayed",
                "relayed" => "bounced.relayed",
                "delivered" => "bounced.delivered",
                _ => "bounced",
            }
        }
        Fact::Dequeued { id } => {
            vars.set("id", id);
            "dequeued"
        }
        Fact::RuleApplied { .. }
        | Fact::SenderChecked { .. }
        | Fact::SenderJudged { .. }
        | Fact::Signed { .. }
        | Fact::Forwarded { .. } => senders(fact, vars),
        _ => mailboxes(at, fact, vars),
    }
}

/// Facts about who sent a message, and where it goes on.
fn senders(fact: &Fact, vars: &mut Vars) -> &'static str {
    match fact {
        Fact::RuleApplied { check, rule } => {
            vars.set("type", check.to_ascii_uppercase());
            let what = if rule.text.is_empty() { "nothing" } else { rule.text.as_str() };
            vars.set("this", shortened(what)).set("status", rule.outcome.as_ref()).set("reason", &rule.why);
            vars.set("detail", if rule.depth > 0 { "in the included record, " } else { "" });
            "rule"
        }
        Fact::SenderChecked { domain, result, .. } => {
            vars.set("domain", domain).set("status", result);
            "generic"
        }
        Fact::SenderJudged { why, .. } => {
            vars.set("reason", why);
            "generic"
        }
        Fact::Signed { field, domain, selector, algorithm } => {
            vars.set("domain", domain).set("name", selector).set("type", algorithm);
            if field == "ARC-Seal" { "signed.arc" } else { "signed.dkim" }
        }
        Fact::Forwarded { id, onward, to, sender, recipient } => {
            vars.set("id", id).set("notification", onward).set("recipients", list(to));
            vars.set("sender", sender).set("recipient", recipient);
            if is_rewritten(sender, recipient) { "forwarded.rewritten" } else { "forwarded" }
        }
        _ => "generic",
    }
}

/// Whether what goes on has an envelope sender in the forwarder's own domain: a list's, and not the one it came with.
fn is_rewritten(sender: &str, recipient: &str) -> bool {
    let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    domain(sender).is_some() && domain(sender) == domain(recipient)
}

/// A record or a tag, not longer than a reader of one line takes in.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 160;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Facts of mailboxes.
fn mailboxes(at: Instant, fact: &Fact, vars: &mut Vars) -> &'static str {
    match fact {
        Fact::Delivered { account, mailbox, uid, size, .. } => {
            place(vars, account, mailbox, *uid).count("size", *size);
            "delivered"
        }
        Fact::FlagsSet { account, mailbox, uid, flags } => {
            place(vars, account, mailbox, *uid);
            if flags.is_empty() {
                return "flags-cleared";
            }
            vars.set("flags", flags.join(" "));
            "flags-set"
        }
        Fact::Removed { account, mailbox, uid } => {
            place(vars, account, mailbox, *uid);
            "removed"
        }
        Fact::MailboxCreated { account, mailbox, uidvalidity } => {
            place(vars, account, mailbox, *uidvalidity);
            "mailbox-created"
        }
        Fact::MailboxDeleted { account, mailbox } => {
            vars.set("account", account).set("mailbox", mailbox);
            "mailbox-deleted"
        }
        Fact::MailboxRenamed { account, from, to } => {
            vars.set("account", account).set("mailbox", from).set("to", to);
            "mailbox-renamed"
        }
        _ => keeping(at, fact, vars),
    }
}

/// Facts of maildrops, clients, resolvers and services.
fn keeping(at: Instant, fact: &Fact, vars: &mut Vars) -> &'static str {
    match fact {
        Fact::MaildropLocked { account } => {
            vars.set("account", account);
            "maildrop-locked"
        }
        Fact::MaildropUnlocked { account, updated } => {
            vars.set("account", account);
            if *updated { "maildrop-unlocked.updated" } else { "maildrop-unlocked" }
        }
        Fact::ClientCopyKept { .. }
        | Fact::ClientCopyRemoved { .. }
        | Fact::ClientFlagsSet { .. }
        | Fact::ClientFiled { .. }
        | Fact::ClientIdsKnown { .. }
        | Fact::ClientMailboxKnown { .. }
        | Fact::ClientStoreLost { .. } => client(fact, vars),
        Fact::ResolverCached { name, rtype, answer, until } => {
            vars.set("name", name).set("type", rtype).set("answer", answer);
            vars.set("wait", duration(Instant::from_micros(*until).since(at)));
            "resolver-cached"
        }
        Fact::ResolverHit { name, rtype } => {
            vars.set("name", name).set("type", rtype);
            "resolver-hit"
        }
        Fact::ServiceDown { service } => {
            vars.set("service", service);
            if service == "all" { "service-down.all" } else { "service-down" }
        }
        Fact::ServiceUp { service } => {
            vars.set("service", service);
            if service == "all" { "service-up.all" } else { "service-up" }
        }
        Fact::FaultBegins { detail, .. } => {
            vars.set("this", detail);
            "fault-begins"
        }
        Fact::FaultEnds { detail, .. } => {
            vars.set("this", detail);
            "fault-ends"
        }
        Fact::FaultsRefused { place, why } => {
            vars.set("name", place).set("reason", why);
            "faults-refused"
        }
        Fact::Tls { .. } => tls(fact, vars),
        _ => "generic",
    }
}

/// How a handshake came out.
fn tls(fact: &Fact, vars: &mut Vars) -> &'static str {
    let Fact::Tls { server, version, cipher, wrong, goes_on, .. } = fact else { return "generic" };
    vars.set("server", server).set("detail", version).set("mechanism", cipher).set("reason", wrong);
    match (wrong.is_empty(), *goes_on) {
        (true, _) => "tls",
        (false, true) => "tls.goes-on",
        (false, false) => "tls.gives-up",
    }
}

/// Facts of a client's own disk.
fn client(fact: &Fact, vars: &mut Vars) -> &'static str {
    match fact {
        Fact::ClientCopyKept { account, key, size, subject, part, .. } => {
            vars.set("account", account).set("id", key).set("this", subject).count("size", *size);
            match (part.as_str(), subject.is_empty()) {
                ("header", _) => "client-copy-kept.header",
                ("lines", _) => "client-copy-kept.lines",
                ("file", _) => "client-copy-kept.file",
                (_, true) => "client-copy-kept",
                (_, false) => "client-copy-kept.subject",
            }
        }
        Fact::ClientCopyRemoved { account, key } => {
            vars.set("account", account).set("id", key);
            "client-copy-removed"
        }
        Fact::ClientFlagsSet { account, key, flags } => {
            vars.set("account", account).set("id", key);
            if flags.is_empty() {
                return "client-flags-cleared";
            }
            vars.set("flags", flags.join(" "));
            "client-flags-set"
        }
        Fact::ClientFiled { account, key, folder } => {
            vars.set("account", account).set("id", key);
            vars.set("mailbox", if folder.is_empty() { "its inbox" } else { folder.as_str() });
            "client-filed"
        }
        Fact::ClientIdsKnown { account, ids } => {
            vars.set("account", account).count("number", *ids);
            "client-ids-known"
        }
        Fact::ClientMailboxKnown { account, mailbox, uidvalidity, uidnext } => {
            place(vars, account, mailbox, *uidnext).count("id", u64::from(*uidvalidity));
            "client-mailbox-known"
        }
        Fact::ClientStoreLost { account } => {
            vars.set("account", account);
            "client-store-lost"
        }
        _ => "generic",
    }
}

fn place<'v, 's>(vars: &'v mut Vars<'s>, account: &str, mailbox: &str, uid: u32) -> &'v mut Vars<'s> {
    vars.set("account", account).set("mailbox", mailbox).count("number", u64::from(uid))
}

/// Several answers that one resolver keeps, or remembers, as one line; `None` where they are not of one kind: `mail.example.com remembers both answers, for 60 minutes`.
pub fn together(host: &str, facts: &[(Instant, &Fact)]) -> Option<String> {
    let mut vars = Vars::default();
    vars.set("host", host).count("number", facts.len() as u64);
    let (mut waits, mut names) = (Vec::new(), Vec::new());
    let (mut kept, mut each) = (0, Vec::new());
    for (at, fact) in facts {
        match fact {
            Fact::ResolverCached { rtype, until, .. } => {
                kept += 1;
                let wait = duration(Instant::from_micros(*until).since(*at));
                each.push(format!("{rtype} for {wait}"));
                waits.push(wait);
            }
            Fact::ResolverHit { name, rtype } => names.push(format!("{name} {rtype}")),
            _ => return None,
        }
    }
    waits.dedup();
    let id = match (kept, facts.len(), waits.as_slice()) {
        (1, 1, [_]) => "resolver-cached.one",
        (2, 2, [_]) => "resolver-cached.both",
        (n, all, [_]) if n == all => "resolver-cached.several",
        (n, all, _) if n == all => "resolver-cached.each",
        (0, _, _) if !names.is_empty() => "resolver-hit.several",
        _ => return None,
    };
    vars.set("wait", waits.first().map_or("", String::as_str))
        .set("answer", list(if kept > 0 { &each } else { &names }));
    catalogue().get(&format!("fact.{id}")).map(|entry| vars.fill(&entry.summary).into_owned())
}

/// The first three of a list, and how many more.
fn list(all: &[String]) -> String {
    match all {
        [] => "nobody".to_owned(),
        all if all.len() <= 3 => all.join(", "),
        all => format!("{} and {} more", all[..2].join(", "), all.len() - 2),
    }
}

/// `40 ms`, `15 minutes`, `2 h 30 min`: whole units, rounded, as people say them.
pub fn duration(time: Duration) -> String {
    // An answer that came 40 ms ago and is kept for an hour is kept for an hour.
    let seconds = if time.as_secs() == 0 { 0 } else { (time + Duration::from_millis(500)).as_secs() };
    let plural = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=119 => plural(seconds, "second"),
        120..=7169 => plural((seconds + 30) / 60, "minute"),
        7170..=7199 => plural(2, "hour"),
        7200..=172_799 if seconds % 3600 < 60 => plural(seconds / 3600, "hour"),
        7200..=172_799 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => plural(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queued_letter_reads_as_a_sentence() {
        let fact = Fact::Queued {
            id: "1A".to_owned(),
            sender: "alice@example.com".to_owned(),
            recipients: vec!["bob@example.net".to_owned()],
            size: 700,
        };
        let text = text(Instant::default(), "mail.example.com", &fact);
        assert_eq!(text, "queued at mail.example.com as 1A, for bob@example.net");
    }

    #[test]
    fn a_retry_says_how_long_it_waits() {
        let fact = Fact::RetryAt {
            id: "1A".to_owned(),
            recipients: vec!["bob@example.net".to_owned()],
            at: 900_000_000,
            attempt: 1,
            reason: "451 4.7.1 come back later".to_owned(),
        };
        let text = text(Instant::default(), "mail.example.com", &fact);
        assert!(text.contains("15 minutes") && text.contains("come back later"), "{text}");
    }

    #[test]
    fn answers_that_are_kept_alike_are_told_together() {
        let kept = |at: u64| Fact::ResolverCached {
            name: "mx1.example.net".to_owned(),
            rtype: "A".to_owned(),
            answer: "203.0.113.25".to_owned(),
            until: 3_600_000_000 + at as i64,
        };
        let at = Instant::from_micros;
        let (first, second) = (kept(0), kept(20_000));
        // The first of two answers has waited 20 ms for the second.
        let told = together("mail.example.com", &[(at(20_000), &first), (at(20_000), &second)]);
        assert_eq!(told.as_deref(), Some("mail.example.com remembers both answers for 60 minutes"));
        let short = Fact::ResolverCached {
            name: "x".to_owned(),
            rtype: "A".to_owned(),
            answer: "no data".to_owned(),
            until: 300_000_000,
        };
        let told = together("h", &[(at(0), &short), (at(0), &first)]);
        assert_eq!(told.as_deref(), Some("h remembers these answers: A for 5 minutes, A for 60 minutes"));
        let hit = |name: &str| Fact::ResolverHit { name: name.to_owned(), rtype: "MX".to_owned() };
        let told = together("h", &[(at(0), &hit("a.example")), (at(0), &hit("b.example"))]).unwrap();
        assert!(told.contains("a.example MX, b.example MX"), "{told}");
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said = [0, 1, 90, 900, 7200, 9000, 400_000].map(|s| duration(Duration::from_secs(s)));
        assert_eq!(said, ["0 ms", "1 second", "90 seconds", "15 minutes", "2 hours", "2 h 30 min", "4 days"]);
    }
}
