//! The SMTP client against servers that refuse, hang up, fall silent or talk nonsense: no message is lost, and none is
//! doubled but where the protocol itself leaves it open.
//!
//! "If the connection is lost after the end of data and before the reply, the client cannot know whether the message
//! was taken": then it comes again, and the receiver may have it twice (RFC 5321 §6.1, RFC 1047).

use crate::queue::{mx_is, submit};
use crate::talk::{MX1, Talk, Wire, facts, in_scenario, scenario};
use postroad::trace::Fact;
use postroad::world::scenario::{Fault, Scenario};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const VERBS: [&str; 7] = ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"];
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A world whose only MX of example.net is mx1, with this going wrong there.
fn with_fault(fault: impl FnOnce(String) -> Fault) -> Scenario {
    scenario(|s| {
        s.faults = mx_is(&["@ MX 10 mx1.example.net."]);
        s.faults.push(fault(MX1.to_owned()));
    })
}

/// How many copies Bob has, and how many notifications Alice, after ten days.
fn after_ten_days(scenario: &Scenario) -> (usize, usize) {
    let mut arrived = (0, 0);
    in_scenario(scenario, async |talk| {
        submit(talk, "alice@example.com", &["bob@example.net"], "Subject: once\n\nand only once").await;
        talk.wait(10 * DAY).await;
        arrived = (talk.inbox("bob@example.net").len(), talk.inbox("alice@example.com").len());
        for host in talk.world.hosts.values() {
            assert!(talk.world.with_queue(host, |q| q.is_empty()), "nothing is left in a queue");
        }
    });
    arrived
}

/// RFC 5321 §4.2.1: 4yz at any verb means later; the message arrives once.
/// RFC 5321 §4.2.5 MUST NOT: what the server refused at the end of data it does not deliver.
#[test]
fn not_now_at_each_verb() {
    for verb in VERBS {
        for reply in ["451 4.3.0 Not now", "421 4.3.2 Going away"] {
            let scenario = with_fault(|host| Fault::Reply {
                host,
                service: "mta".to_owned(),
                verb: verb.to_owned(),
                reply: reply.to_owned(),
                times: 1,
            });
            assert_eq!(after_ten_days(&scenario), (1, 0), "{reply} at {verb}");
        }
    }
}

/// RFC 5321 §4.2.1: 5yz to MAIL, RCPT, DATA or the message means never: the sender is told, once.
/// RFC 5321 §3.2: 5yz to EHLO means HELO; to the connection, that this host is out of service: later, or another host.
#[test]
fn never_at_each_verb() {
    for (verb, arrived) in [
        ("CONNECT", (1, 0)),
        ("EHLO", (1, 0)),
        ("MAIL", (0, 1)),
        ("RCPT", (0, 1)),
        ("DATA", (0, 1)),
        (".", (0, 1)),
        ("QUIT", (1, 0)),
    ] {
        let scenario = with_fault(|host| Fault::Reply {
            host,
            service: "mta".to_owned(),
            verb: verb.to_owned(),
            reply: "554 5.3.0 Never".to_owned(),
            times: 1,
        });
        assert_eq!(after_ten_days(&scenario), arrived, "554 at {verb}");
    }
}

/// RFC 5321 §3.8 SHOULD: a connection that is lost is a 451 to what was under way: it is tried again, and comes once.
#[test]
fn dropped_at_each_verb() {
    for verb in VERBS {
        for times in [1, 3] {
            let scenario = with_fault(|host| Fault::Drop {
                host,
                service: "mta".to_owned(),
                verb: verb.to_owned(),
                times,
            });
            assert_eq!(after_ten_days(&scenario), (1, 0), "dropped {times} times at {verb}");
        }
    }
}

/// A server that answers by a list: the first entry whose verb fits and that is not used up.
struct Fake {
    /// Verb (`CONNECT` and `.` too), reply (`drop`: hang up; `silent`: say nothing more), how often.
    answers: Mutex<Vec<(&'static str, String, usize)>>,
    /// What clients said, line by line; `--` where one came or went.
    heard: Mutex<Vec<String>>,
    /// Messages that ended with a lone dot.
    messages: Mutex<Vec<String>>,
}

impl Fake {
    fn new(answers: &[(&'static str, &str, usize)]) -> Arc<Self> {
        let answers =
            answers.iter().map(|(verb, reply, times)| (*verb, (*reply).to_owned(), *times)).collect();
        Arc::new(Fake { answers: Mutex::new(answers), heard: Mutex::default(), messages: Mutex::default() })
    }

    fn answer(&self, verb: &str) -> String {
        let mut answers = self.answers.lock().unwrap();
        if let Some((_, reply, left)) = answers.iter_mut().find(|(v, _, left)| *v == verb && *left > 0) {
            *left -= 1;
            return reply.clone();
        }
        match verb {
            "CONNECT" => "220 fake.example.net",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 fine",
        }
        .to_owned()
    }

    /// Serve one client to its end.
    async fn serve(self: Arc<Self>, mut wire: Wire) {
        self.heard.lock().unwrap().push("--".to_owned());
        let mut verb = "CONNECT".to_owned();
        loop {
            let reply = self.answer(&verb);
            match reply.as_str() {
                "drop" => return,
                "silent" => {
                    wire.rest().await;
                    std::future::pending::<()>().await;
                }
                _ => wire.send(format!("{reply}\r\n").as_bytes()).await,
            }
            if verb == "DATA" && reply.starts_with("354") {
                let mut text = String::new();
                loop {
                    let Some(line) = wire.line(DAY).await else { return };
                    if line == "." {
                        break;
                    }
                    text += &line;
                    text += "\n";
                }
                self.messages.lock().unwrap().push(text);
                ".".clone_into(&mut verb);
                continue;
            }
            if verb == "QUIT" {
                return;
            }
            let Some(line) = wire.line(DAY).await else { return };
            verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            self.heard.lock().unwrap().push(line);
        }
    }

    /// Take mx1's place.
    fn replace_mx1(self: &Arc<Self>, talk: &Talk) {
        for address in talk.world.hosts[MX1].spec.addresses.clone() {
            let mut listener = talk.world.net.listen(SocketAddr::new(address, 25));
            let fake = self.clone();
            tokio::spawn(async move {
                while let Some(connection) = listener.recv().await {
                    tokio::spawn(fake.clone().serve(Wire::new(connection.stream)));
                }
            });
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }
}

/// A message to two at example.net, whose only MX is this; gives the facts' kinds that matter.
fn against(fake: &Arc<Fake>, text: &str) -> (Vec<String>, Vec<String>) {
    let scenario = scenario(|s| s.faults = mx_is(&["@ MX 10 mx1.example.net."]));
    let records = in_scenario(&scenario, async |talk| {
        fake.replace_mx1(talk);
        submit(talk, "alice@example.com", &["bob@example.net", "dave@example.net"], text).await;
        talk.wait(10 * DAY).await;
        for host in talk.world.hosts.values() {
            assert!(talk.world.with_queue(host, |q| q.is_empty()), "nothing is left in a queue");
        }
    });
    let (mut relayed, mut failed) = (Vec::new(), Vec::new());
    for fact in facts(&records) {
        match fact {
            Fact::Relayed { recipients, .. } => relayed.extend(recipients.clone()),
            Fact::Failed { recipients, .. } => failed.extend(recipients.clone()),
            _ => {}
        }
    }
    (relayed, failed)
}

const BOTH: [&str; 2] = ["bob@example.net", "dave@example.net"];

/// RFC 5321 §3.3 MUST NOT: no message without a 354.
/// RFC 5321 §4.1.1.10 MUST: the client says QUIT before it closes.
/// RFC 5321 §2.3.5 MUST: EHLO gives the host's own name.
/// RFC 5321 §4.1.1.3 MUST NOT: no parameter is sent that was not offered.
/// RFC 5321 §4.5.2 MUST: dots at line starts are doubled.
#[test]
fn a_plain_server_without_extensions() {
    let fake = Fake::new(&[]);
    assert_eq!(against(&fake, "Subject: dots\n\n..\n..."), (BOTH.map(str::to_owned).to_vec(), vec![]));
    let heard = fake.heard();
    assert_eq!(
        heard,
        [
            "--",
            "EHLO mail.example.com",
            "MAIL FROM:<alice@example.com>",
            "RCPT TO:<bob@example.net>",
            "RCPT TO:<dave@example.net>",
            "DATA",
            "QUIT"
        ]
    );
    // What Alice's client stuffed was unstuffed on the way in, and is stuffed again on the way out.
    assert!(fake.messages()[0].ends_with("Subject: dots\n\n..\n...\n"), "{:?}", fake.messages());
}

/// RFC 5321 §2.3.11 MUST: nobody but the domain's own host reads anything into a local part: it is passed on as it is.
/// RFC 5321 §2.4 MUST: its case too.
/// RFC 5321 §3.6.1 MUST NOT: the client makes no source routes.
#[test]
fn local_parts_are_passed_on_as_they_are() {
    let fake = Fake::new(&[]);
    let scenario = scenario(|s| s.faults = mx_is(&["@ MX 10 mx1.example.net."]));
    in_scenario(&scenario, async |talk| {
        fake.replace_mx1(talk);
        let to =
            ["BoB@Example.NET", "\"b.  o\\\"b\"@example.net", "@a.example,@b.example:dave+x/y@example.net"];
        submit(talk, "Al.Ice@example.com", &to, "Subject: x\n\nx").await;
        talk.wait(DAY).await;
    });
    let heard = fake.heard();
    assert_eq!(heard[2], "MAIL FROM:<Al.Ice@example.com>");
    let local: Vec<&str> = heard[3..6]
        .iter()
        .filter_map(|l| l.strip_prefix("RCPT TO:<")?.rsplit_once('@'))
        .map(|(l, _)| l)
        .collect();
    assert_eq!(local, ["BoB", "\"b.  o\\\"b\"", "dave+x/y"], "{heard:?}");
}

/// RFC 5321 §4.3.1 MUST: the client waits for the greeting. RFC 2920 §3.1: it pipelines only where that is offered.
/// RFC 5321 §4.1.1.1 MUST: keywords of EHLO mean the same in any case.
#[test]
fn pipelining_is_used_where_it_is_offered() {
    let fake = Fake::new(&[("EHLO", "250-fake.example.net\r\n250-pipelining\r\n250 size 1000000", 9)]);
    assert_eq!(against(&fake, "Subject: x\n\nx").0, BOTH);
    assert!(fake.heard()[2].starts_with("MAIL FROM:<alice@example.com> SIZE="), "{:?}", fake.heard());
}

/// RFC 5321 §4.3.2 MUST: a code that is not known counts by its first digit.
/// RFC 5321 §4.2.1 MUST: a reply without text, or with odd text, will do.
#[test]
fn codes_count_by_their_first_digit() {
    let odd = Fake::new(&[
        ("CONNECT", "299", 9),
        ("EHLO", "250-\r\n250", 9),
        ("MAIL", "259 hm", 9),
        ("RCPT", "251 will forward", 9),
        ("DATA", "399", 9),
        (".", "200", 9),
    ]);
    // §3.3 asks for 354 before the message, §4.3.2 for the first digit only: 399 is read as 354.
    assert_eq!(against(&odd, "Subject: x\n\nx"), (BOTH.map(str::to_owned).to_vec(), vec![]));
    let later = Fake::new(&[("RCPT", "499 not today", 2)]);
    assert_eq!(against(&later, "Subject: x\n\nx"), (BOTH.map(str::to_owned).to_vec(), vec![]));
    let never = Fake::new(&[("RCPT", "599", 1)]);
    assert_eq!(against(&never, "Subject: x\n\nx"), (vec![BOTH[1].to_owned()], vec![BOTH[0].to_owned()]));
}

/// RFC 5321 §3.3 MUST NOT: a server that says 250 to DATA gets no message.
#[test]
fn nonsense_is_not_taken_for_success() {
    for (verb, reply) in [
        ("CONNECT", "HTTP/1.1 200 OK"),
        ("EHLO", "250-one\r\n550 two"),
        ("MAIL", "gibberish"),
        ("DATA", "250 why not"),
        (".", "354 more"),
        (".", "25"),
    ] {
        let fake = Fake::new(&[(verb, reply, 1)]);
        let (relayed, failed) = against(&fake, "Subject: x\n\nx");
        assert!(failed.is_empty() && relayed == BOTH, "{reply} at {verb}: {relayed:?} {failed:?}");
        let sent = fake.messages().len();
        assert!(sent == 1 || verb == "." && sent == 2, "{reply} at {verb}: sent {sent} times");
    }
}

/// RFC 5321 §4.5.3.2 MUST: there is a timeout for each command; what is not answered is tried again.
#[test]
fn a_silent_server_is_left_after_its_time() {
    for verb in VERBS {
        let fake = Fake::new(&[(verb, "silent", 1)]);
        let (relayed, failed) = against(&fake, "Subject: x\n\nx");
        assert!(failed.is_empty() && relayed == BOTH, "silent at {verb}: {relayed:?} {failed:?}");
    }
}

/// RFC 5321 §6.1: the reply to the end of data is lost, and nobody can know: the message comes twice rather than never.
#[test]
fn the_one_place_where_a_message_may_come_twice() {
    let fake = Fake::new(&[(".", "drop", 1)]);
    assert_eq!(against(&fake, "Subject: x\n\nx").0, BOTH);
    assert_eq!(fake.messages().len(), 2, "never lost; doubled here, and only here");
    // Lost after the 250 was heard, it is not sent again.
    let fake = Fake::new(&[("QUIT", "drop", 9)]);
    assert_eq!(against(&fake, "Subject: x\n\nx").0, BOTH);
    assert_eq!(fake.messages().len(), 1);
}

/// A reply without end costs the client no memory, and the message its patience only.
#[test]
fn an_endless_reply_is_cut_off() {
    let lines = "250-more\r\n".repeat(5000) + "250 end";
    let line = format!("250 {}", "x".repeat(100_000));
    for reply in [lines, line] {
        let fake = Fake::new(&[("EHLO", &reply, 1)]);
        assert_eq!(against(&fake, "Subject: x\n\nx").0, BOTH);
    }
}

/// One recipient is put off and one taken: only the first is tried again, and nobody gets two.
#[test]
fn recipients_go_their_own_ways() {
    let fake = Fake::new(&[("RCPT", "450 4.2.1 Busy", 1)]);
    assert_eq!(against(&fake, "Subject: x\n\nx"), (vec![BOTH[1].to_owned(), BOTH[0].to_owned()], vec![]));
    let asked: Vec<String> = fake.heard().into_iter().filter(|l| l.starts_with("RCPT")).collect();
    assert_eq!(
        asked,
        ["RCPT TO:<bob@example.net>", "RCPT TO:<dave@example.net>", "RCPT TO:<bob@example.net>"]
    );
}
