//! Sessions in the shapes that programs give them, each as a dialogue of who said what.

use super::*;
use crate::trace::{Data, Record};
use proptest::prelude::*;

/// Who said what: `C: …`, `S: …`, `c: …` and `s: …` where it was guessed; inside TLS with a `~` behind.
fn told(text: &str) -> Vec<String> {
    let Some(pasted) = read(text.as_bytes(), Limits::default()) else { return Vec::new() };
    let said = pasted.records.iter().filter_map(|record| match record {
        Record::Data { data, .. } => Some(data),
        _ => None,
    });
    let mut lines = pasted.lines.iter().filter(|line| line.role == Role::Said);
    said.map(|data| {
        let guessed = lines
            .clone()
            .find(|line| (line.conn, line.from, line.layer) == (Some(data.conn), Some(data.from), data.layer))
            .is_some_and(|_| lines.next().is_some_and(|line| line.guessed));
        shown(data, guessed)
    })
    .collect()
}

fn shown(data: &Data, guessed: bool) -> String {
    let side = match (data.from, guessed) {
        (Direction::Client, false) => "C",
        (Direction::Server, false) => "S",
        (Direction::Client, true) => "c",
        (Direction::Server, true) => "s",
    };
    let secure = if data.layer == Layer::Plain { "~" } else { "" };
    let text = String::from_utf8_lossy(&data.bytes);
    format!("{side}{secure}: {}", text.trim_end_matches("\r\n"))
}

fn shape(text: &str) -> Option<Shape> {
    read(text.as_bytes(), Limits::default()).map(|pasted| pasted.shape)
}

#[test]
fn labels() {
    let text = "Server: 220 mail.example.net\nClient: EHLO a.example\nServer: 250-mail.example.net\nServer: 250 SIZE\nClient: QUIT\n";
    assert_eq!(shape(text), Some(Shape::Labels));
    let want =
        ["S: 220 mail.example.net", "C: EHLO a.example", "S: 250-mail.example.net", "S: 250 SIZE", "C: QUIT"];
    assert_eq!(told(text), want);
}

#[test]
fn swaks_and_its_tls() {
    let text = "=== Trying mail.example.net:25...\n=== Connected to mail.example.net.\n<-  220 mail ESMTP\n -> EHLO a\n\
                <-  250-mail\n<-  250 STARTTLS\n -> STARTTLS\n<-  220 go\n=== TLS started with cipher x\n ~> EHLO a\n\
                <~  250 SIZE\n ~> MAIL FROM:<a@b.example>\n<~* 450 4.2.0 later\n=== Connection closed\n";
    assert_eq!(shape(text), Some(Shape::Arrows));
    let want = [
        "S: 220 mail ESMTP",
        "C: EHLO a",
        "S: 250-mail",
        "S: 250 STARTTLS",
        "C: STARTTLS",
        "S: 220 go",
        "C~: EHLO a",
        "S~: 250 SIZE",
        "C~: MAIL FROM:<a@b.example>",
        "S~: 450 4.2.0 later",
    ];
    assert_eq!(told(text), want);
}

#[test]
fn curl_with_bodies_that_it_does_not_mark() {
    let text = "*   Trying 192.0.2.2:110...\n* Connected to pop.example (192.0.2.2) port 110\n< +OK ready\n> CAPA\n< +OK\n\
                < UIDL\n< .\n> RETR 1\n< +OK 20 octets\nSubject: x\n\nhello\n> QUIT\n";
    let said = told(text);
    assert_eq!(said[..5], ["S: +OK ready", "C: CAPA", "S: +OK", "S: UIDL", "S: ."]);
    assert!(said.contains(&"s: Subject: x".to_owned()) && said.contains(&"s: hello".to_owned()), "{said:?}");
}

#[test]
fn a_daemons_own_view_is_turned_round() {
    let text = "Jan  1 10:00:00 mx postfix/smtpd[7]: > a.example[192.0.2.1]: 220 mx ESMTP\n\
                Jan  1 10:00:00 mx postfix/smtpd[7]: < a.example[192.0.2.1]: EHLO a.example\n\
                Jan  1 10:00:00 mx postfix/smtpd[7]: > a.example[192.0.2.1]: 250 mx\n";
    assert_eq!(shape(text), Some(Shape::Postfix));
    assert_eq!(told(text), ["S: 220 mx ESMTP", "C: EHLO a.example", "S: 250 mx"]);
    let ruby =
        "-> \"220 mx ESMTP\\n\"\n<- \"EHLO a\\n\"\n-> \"250 mx\\n\"\n<- \"QUIT\\n\"\n-> \"221 bye\\n\"\n";
    assert_eq!(told(ruby), ["S: 220 mx ESMTP", "C: EHLO a", "S: 250 mx", "C: QUIT", "S: 221 bye"]);
}

#[test]
fn python() {
    let smtplib = "connect: to ('mail.example.net', 25) None\nreply: b'220 mail ESMTP\\r\\n'\n\
                   reply: retcode (220); Msg: b'mail ESMTP'\nconnect: b'mail ESMTP'\nsend: 'ehlo [192.0.2.1]\\r\\n'\n\
                   reply: b'250-mail\\r\\n'\nreply: b'250 SIZE\\r\\n'\nsend: 'data\\r\\n'\nreply: b'354 go\\r\\n'\n\
                   data: (354, b'go')\nsend: b'Subject: x\\r\\n\\r\\nhi\\r\\n.\\r\\n'\nreply: b'250 ok\\r\\n'\n";
    assert_eq!(shape(smtplib), Some(Shape::Python));
    let want = [
        "S: 220 mail ESMTP",
        "C: ehlo [192.0.2.1]",
        "S: 250-mail",
        "S: 250 SIZE",
        "C: data",
        "S: 354 go",
        "C: Subject: x",
        "C: ",
        "C: hi",
        "C: .",
        "S: 250 ok",
    ];
    assert_eq!(told(smtplib), want);
    let imaplib = "  58:35.09 new IMAP4 connection, tag=b'PGLF'\n  58:35.10 < b'* OK ready'\n\
                   \x20 58:35.10 > b'PGLF0 CAPABILITY'\n  58:35.11 < b'* CAPABILITY IMAP4rev1'\n\
                   \x20 58:35.11 < b'PGLF0 OK done'\n";
    let want = ["S: * OK ready", "C: PGLF0 CAPABILITY", "S: * CAPABILITY IMAP4rev1", "S: PGLF0 OK done"];
    assert_eq!(told(imaplib), want);
    let poplib = "*cmd* 'USER bob'\n*resp* b'+OK'\n*cmd* 'PASS x'\n*resp* b'-ERR no'\n";
    assert_eq!(told(poplib), ["C: USER bob", "S: +OK", "C: PASS x", "S: -ERR no"]);
}

#[test]
fn logs_of_programs() {
    let mailkit = "Connected to smtp://mail.example.net:587/?starttls=always\nS: 220 mail ESMTP\nC: EHLO a\nS: 250 mail\n";
    assert_eq!(told(mailkit), ["S: 220 mail ESMTP", "C: EHLO a", "S: 250 mail"]);
    let dated = "2024-01-01T10:00:00.000Z S: * OK ready\n2024-01-01T10:00:00.100Z C: A1 NOOP\n2024-01-01T10:00:00.200Z S: A1 OK\n";
    assert_eq!(shape(dated), Some(Shape::Logged));
    assert_eq!(told(dated), ["S: * OK ready", "C: A1 NOOP", "S: A1 OK"]);
    let thunderbird = "[Parent 12: Main Thread]: D/SMTP SMTP Response: 220 mail\n[Parent 12: Main Thread]: D/SMTP SMTP Send: EHLO [192.0.2.1]\n\
                       [Parent 12: Main Thread]: D/SMTP SMTP Response: 250 SIZE\n";
    assert_eq!(told(thunderbird), ["S: 220 mail", "C: EHLO [192.0.2.1]", "S: 250 SIZE"]);
    let mutt = "[2024-01-01 10:00:00] 4< * OK ready\n[2024-01-01 10:00:00] 4> a0000 CAPABILITY\n[2024-01-01 10:00:00] 4< a0000 OK\n";
    assert_eq!(shape(mutt), Some(Shape::Numbered));
    assert_eq!(told(mutt), ["S: * OK ready", "C: a0000 CAPABILITY", "S: a0000 OK"]);
    let phpmailer =
        "2024-01-01 10:00:00\tSERVER -> CLIENT: 220 mail\n2024-01-01 10:00:00\tCLIENT -> SERVER: EHLO a\n";
    assert_eq!(told(phpmailer), ["S: 220 mail", "C: EHLO a"]);
    let exchange = "#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n\
                    2024-01-01T10:00:00.000Z,EX\\In,08D,0,192.0.2.2:25,192.0.2.1:4000,+,,\n\
                    2024-01-01T10:00:00.000Z,EX\\In,08D,1,192.0.2.2:25,192.0.2.1:4000,>,220 mail,\n\
                    2024-01-01T10:00:00.000Z,EX\\In,08D,2,192.0.2.2:25,192.0.2.1:4000,<,EHLO a,\n";
    assert_eq!(shape(exchange), Some(Shape::Exchange));
    assert_eq!(told(exchange), ["S: 220 mail", "C: EHLO a"]);
}

#[test]
fn logs_of_servers_that_quote_or_stamp() {
    let fetchmail = "fetchmail: POP3< +OK ready\nfetchmail: POP3> RETR 1\nfetchmail: POP3< +OK 20 octets\n\
                     fetchmail: SMTP< 220 localhost\nfetchmail: SMTP> DATA\nfetchmail: SMTP< 354 go\nfetchmail: SMTP>. (EOM)\n\
                     fetchmail: SMTP< 250 ok\nfetchmail: POP3> DELE 1\nfetchmail: POP3< +OK\n";
    let want = ["S: +OK ready", "C: RETR 1", "S: +OK 20 octets", "C: DELE 1", "S: +OK"];
    assert_eq!(told(fetchmail)[..5], want);
    assert_eq!(told(fetchmail)[5..], ["S: 220 localhost", "C: DATA", "S: 354 go", "C: .", "S: 250 ok"]);
    let haraka = "[PROTOCOL] [8D1B] [core] S: 220 mx\n[PROTOCOL] [8D1B] [core] C: EHLO a.example state=1\n\
                  [PROTOCOL] [8D1B] [core] S: 250 mx\n";
    assert_eq!(told(haraka), ["S: 220 mx", "C: EHLO a.example", "S: 250 mx"]);
    let stalwart = "TRACE Raw SMTP output sent (smtp.raw-output) remotePort = 4, contents = \"220 mx\\r\\n\"\n\
                    TRACE Raw SMTP input received (smtp.raw-input) remotePort = 4, contents = \"EHLO a\\r\\n\"\n\
                    TRACE Raw SMTP output sent (smtp.raw-output) remotePort = 4, contents = \"250-mx\\r\\n250 SIZE\\r\\n\"\n";
    assert_eq!(told(stalwart), ["S: 220 mx", "C: EHLO a", "S: 250-mx", "S: 250 SIZE"]);
    let mox = "l=trace m=\"LS: 220 mx\\r\\n\" pkg=smtpserver cid=1\nl=trace m=\"RC: EHLO a\\r\\n\" pkg=smtpserver cid=1\n\
               l=debug m=\"smtp command result\" cmd=ehlo cid=1\n";
    assert_eq!(told(mox), ["S: 220 mx", "C: EHLO a"]);
    let rawlog = "1700000000.123456 * OK ready\n1700000000.223456 1 NOOP\n1700000000.323456 1 OK done\n";
    assert_eq!(told(rawlog), ["s: * OK ready", "c: 1 NOOP", "s: 1 OK done"]);
    let both = "1700000000.1 I: 1 NOOP\n1700000000.2 O: * 1 EXISTS\n1700000000.3 O: 1 OK done\n";
    assert_eq!(told(both), ["C: 1 NOOP", "S: * 1 EXISTS", "S: 1 OK done"]);
}

#[test]
fn a_reply_of_which_only_the_first_line_is_marked() {
    let go = "2024/01/01 10:00:00 S: 220 mx\n2024/01/01 10:00:00 C: EHLO a\n2024/01/01 10:00:00 S: 250-mx\n250-SIZE\n250 DSN\n\
              2024/01/01 10:00:00 C: QUIT\n";
    assert_eq!(told(go), ["S: 220 mx", "C: EHLO a", "S: 250-mx", "S: 250-SIZE", "S: 250 DSN", "C: QUIT"]);
    let php = "10:00:00\tSERVER -> CLIENT: 250-mx\n                              250 AUTH\n10:00:00\tCLIENT -> SERVER: QUIT\n";
    assert_eq!(told(php), ["S: 250-mx", "S: 250 AUTH", "C: QUIT"]);
}

/// Programs seldom log the letter: what follows it is no part of it.
#[test]
fn what_the_text_leaves_out_is_a_gap() {
    let gaps = |text: &str| {
        let records = read(text.as_bytes(), Limits::default()).into_iter().flat_map(|p| p.records);
        let told = records.filter_map(|record| match record {
            Record::Gap { gap, .. } => Some((gap.from, gap.len)),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    let smtp = "S: 220 a\nC: DATA\nS: 354 End with <CR><LF>.<CR><LF>\nS: 250 ok\nC: QUIT\nS: 221 bye\n";
    assert_eq!(gaps(smtp), [(Direction::Client, None)]);
    assert_eq!(told(smtp)[2], "S: 354 End with <CR><LF>.<CR><LF>", "its own words, not the text's");
    let ruby = "-> \"220 a\\r\\n\"\n<- \"DATA\\r\\n\"\n-> \"354 go\\r\\n\"\nwriting message from String\nwrote 80 bytes\n\
                -> \"250 ok\\r\\n\"\n<- \"QUIT\\r\\n\"\n-> \"221 bye\\r\\n\"\n";
    assert_eq!(gaps(ruby), [(Direction::Client, None)]);
    assert_eq!(told(ruby), ["S: 220 a", "C: DATA", "S: 354 go", "S: 250 ok", "C: QUIT", "S: 221 bye"]);
    let pop3 = "S: +OK a\nC: RETR 1\nS: +OK 20 octets\nC: QUIT\nS: +OK bye\n";
    assert_eq!(gaps(pop3), [(Direction::Server, None)]);
    assert_eq!(gaps("S: 220 a\nC: DATA\nS: 354 go\nC: a: b\nC: .\nS: 250 ok\n"), []);
}

#[test]
fn a_list_that_nobody_asked_for_in_the_text_is_the_servers() {
    let list = "+OK Capability list follows\nUSER\nRESP-CODES\n.\n";
    assert_eq!(told(list), ["s: +OK Capability list follows", "s: USER", "s: RESP-CODES", "s: ."]);
    let telnet = "+OK ready\nCAPA\n+OK\nUSER\n.\nQUIT\n+OK bye\n";
    assert_eq!(
        told(telnet),
        ["s: +OK ready", "c: CAPA", "s: +OK", "s: USER", "s: .", "c: QUIT", "s: +OK bye"]
    );
}

#[test]
fn what_is_readable_on_a_port_of_implicit_tls_was_inside() {
    let text = "Connected to smtps://mx.example:465/\nS: 220 a\nC: QUIT\nS: 221 bye\n";
    assert_eq!(told(text), ["S~: 220 a", "C~: QUIT", "S~: 221 bye"]);
}

#[test]
fn a_program_that_marks_the_clients_lines_only_says_the_rest_itself() {
    let sendmail = "bob@b.example... Connecting to mx.b.example. via esmtp...\n220 mx ESMTP\n>>> EHLO a\n250 mx\n>>> QUIT\n221 bye\n\
                    bob@b.example... Sent (ok)\n";
    assert_eq!(told(sendmail), ["s: 220 mx ESMTP", "C: EHLO a", "s: 250 mx", "C: QUIT", "s: 221 bye"]);
    let marks = read(sendmail.as_bytes(), Limits::default()).into_iter().flat_map(|p| p.records);
    let marks = marks.filter(|r| matches!(r, Record::Mark(m) if m.kind == "guess"));
    assert_eq!(marks.count(), 1, "one mark for all of the server's");
    let mbsync = "* OK ready\n>>> 1 LOGIN <user> <pass>\n1 OK done\n>>> 2 SELECT INBOX\n* 1 EXISTS\n* FLAGS (\\Seen)\n2 OK done\n";
    let want =
        ["s: * OK ready", "C: 1 LOGIN <user> <pass>", "s: 1 OK done", "C: 2 SELECT INBOX", "s: * 1 EXISTS"];
    assert_eq!(told(mbsync)[..5], want);
}

#[test]
fn dumps_in_pieces() {
    let cyrus = "---------- bob Tue Nov 14 22:13:20 2023\n\n<1699999999<A1 SELECT INBOX\n>1699999999>* 2 EXISTS\n* 0 RECENT\n\
                 A1 OK done\n<1700000000<A2 LOGOUT\n>1700000000>* BYE\nA2 OK done\n";
    assert_eq!(shape(cyrus), Some(Shape::Dump));
    let want = [
        "C: A1 SELECT INBOX",
        "S: * 2 EXISTS",
        "S: * 0 RECENT",
        "S: A1 OK done",
        "C: A2 LOGOUT",
        "S: * BYE",
        "S: A2 OK done",
    ];
    assert_eq!(told(cyrus), want);
    let follow = "Follow: tcp,ascii\nFilter: tcp.stream eq 0\nNode 0: 192.0.2.1:4000\nNode 1: 192.0.2.2:25\n\t8\n220 mx\n\n6\nQUIT\n\n";
    assert_eq!(told(follow), ["S: 220 mx", "C: QUIT"]);
}

#[test]
fn telnet_has_no_marks_and_everything_is_a_guess() {
    let text = "$ telnet mail.example.net 25\nTrying 192.0.2.2...\nConnected to mail.example.net.\nEscape character is '^]'.\n\
                220 mail ESMTP\nhelo me\n250 mail\nMAIL FROM:<a@b.example>\n250 ok\nFOO\n500 what\nDATA\n354 go\n\
                Subject: 250 reasons\n\n250 is a number\n.\n250 queued\nQUIT\n221 bye\nConnection closed by foreign host.\n";
    assert_eq!(shape(text), Some(Shape::Bare));
    let want = [
        "s: 220 mail ESMTP",
        "c: helo me",
        "s: 250 mail",
        "c: MAIL FROM:<a@b.example>",
        "s: 250 ok",
        "c: FOO",
        "s: 500 what",
        "c: DATA",
        "s: 354 go",
        "c: Subject: 250 reasons",
        "c: ",
        "c: 250 is a number",
        "c: .",
        "s: 250 queued",
        "c: QUIT",
        "s: 221 bye",
    ];
    assert_eq!(told(text), want);
    let guesses = read(text.as_bytes(), Limits::default()).into_iter().flat_map(|p| p.records);
    let marks: Vec<_> = guesses
        .filter_map(|r| if let Record::Mark(m) = r { Some((m.kind, m.range)) } else { None })
        .collect();
    assert_eq!(marks, [("guess".to_owned(), None)], "one mark for all of it");
}

#[test]
fn openssl_is_inside_tls_from_the_start() {
    let text = "$ openssl s_client -connect mail.example.net:993 -crlf\nCONNECTED(00000003)\ndepth=0 CN = mail.example.net\n---\n\
                SSL handshake has read 3000 bytes\n---\n* OK ready\na LOGIN bob secret\na OK done\n---\n\
                Post-Handshake New Session Ticket arrived:\nSSL-Session:\n    Protocol  : TLSv1.3\n---\nread R BLOCK\nb NOOP\nb OK\nDONE\n";
    assert_eq!(
        told(text),
        ["s~: * OK ready", "c~: a LOGIN bob secret", "s~: a OK done", "c~: b NOOP", "s~: b OK"]
    );
    let open =
        read(text.as_bytes(), Limits::default()).into_iter().flat_map(|p| p.records).find_map(|r| match r {
            Record::Open { open, .. } => Some(open.server.port()),
            _ => None,
        });
    assert_eq!(open, Some(993));
}

#[test]
fn one_sided_arrows_leave_the_other_side_to_be_guessed() {
    let text = "220 mail ESMTP\n>>> EHLO a\n250-mail\n250 SIZE\n>>> QUIT\n221 bye\n";
    assert_eq!(
        told(text),
        ["s: 220 mail ESMTP", "C: EHLO a", "s: 250-mail", "s: 250 SIZE", "C: QUIT", "s: 221 bye"]
    );
}

#[test]
fn two_sessions_in_one_text_are_two() {
    let text = "S: 220 a\nC: QUIT\nS: 221 bye\nS: 220 b\nC: QUIT\nS: 221 bye\n";
    let opens = read(text.as_bytes(), Limits::default()).into_iter().flat_map(|p| p.records);
    assert_eq!(opens.filter(|r| matches!(r, Record::Open { .. })).count(), 2);
}

#[test]
fn a_count_that_does_not_fit_is_put_right_and_one_that_fits_is_left() {
    let wrong = told("C: A APPEND x {99}\nS: + go\nC: Subject: x\nC:\nS: A OK\n");
    assert_eq!(wrong[0], "C: A APPEND x {12}");
    let right = told("C: A LOGIN {3}\nS: + go\nC: bob {2}\nS: + go\nC: pw\nS: A OK\n");
    assert_eq!(right[0], "C: A LOGIN {3}");
    assert_eq!(told("C: BDAT 5 LAST\nC: abc\nS: 250 ok\n")[0], "C: BDAT 5 LAST");
    assert_eq!(told("C: BDAT 900 LAST\nC: abc\nS: 250 ok\n")[0], "C: BDAT 5 LAST");
}

#[test]
fn utf_16_of_a_windows_console_is_read() {
    let mut bytes = vec![0xFF, 0xFE];
    bytes.extend("C: EHLO ä\r\nS: 250 ok\r\n".encode_utf16().flat_map(u16::to_le_bytes));
    let lines = read(&bytes, Limits::default()).map(|p| p.lines.len());
    assert_eq!(lines, Some(2));
}

#[test]
fn prose_is_no_session() {
    assert_eq!(shape("Dear Bob,\nthe weather is fine.\n\nAlice\n"), None);
    assert_eq!(shape(""), None);
    assert_eq!(shape("\0\0\0"), None);
}

#[test]
fn limits_hold() {
    let limits = Limits { octets: 1 << 20, lines: 100, sessions: 3, marks: 5 };
    let many = "S: 220 a\nC: QUIT\nS: 221 bye\n".repeat(1000);
    let pasted = read(many.as_bytes(), limits).expect("is a session");
    assert_eq!(pasted.lines.len(), 100);
    assert!(pasted.records.iter().filter(|r| matches!(r, Record::Open { .. })).count() <= 3);
    assert!(pasted.records.iter().filter(|r| matches!(r, Record::Mark(_))).count() <= 6);
    let long = [b"C: EHLO ".as_slice(), &vec![b'x'; 10 << 20], b"\nS: 250 ok\n"].concat();
    let size = |limits| read(&long, limits).map(|p| p.lines.len());
    assert_eq!(size(Limits::default()), Some(2));
    assert_eq!(size(limits), Some(1), "what is beyond the limit is left out");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Every line is somewhere, in order, and the ranges of what was said are those of the records.
    #[test]
    fn nothing_panics_and_no_line_is_lost(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "C: ", "S: ", "> ", "< ", "220 a", "354 go", ".", "* OK {5}", "a1 FETCH 1 {3}", "{9999999999999}", "+ ", "+OK",
                "RETR 1", "BDAT 7", "send: b'x\\r\\n'", "reply: b'250 a\\r\\n'", "\u{1b}[2J\u{202e}", "\0", "  wrapped", "...",
                "(aside", "C: a AUTHENTICATE PLAIN", "S: +", "C: BDAT 18446744073709551615", "S: * 1 FETCH (X {2}", "C: STARTTLS",
                "S: 220 go", "=== Trying x", "\"", "-connect ", "Jan  1 1 x postfix/smtpd[1]: > [", "a,b,c,d,e,f,>,\"x", "C: DATA", "S: 354",
            ]),
            0..40,
        ),
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut text = lines.join("\n").into_bytes();
        text.push(b'\n');
        text.extend(noise);
        let Some(pasted) = read(&text, Limits::default()) else { return Ok(()) };
        let count = bytes::lines(&text).count();
        let mut numbers: Vec<usize> = pasted.lines.iter().map(|l| l.number).collect();
        numbers.dedup();
        prop_assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
        let said: usize = pasted.records.iter().map(|r| if let Record::Data { data, .. } = r { data.bytes.len() } else { 0 }).sum();
        let ranges: u64 = pasted.lines.iter().filter(|l| l.role == Role::Said).map(|l| l.range.end - l.range.start).sum();
        prop_assert_eq!(said as u64, ranges);
        let mut dissector = crate::trace::file::Writer::new(Vec::new());
        for record in &pasted.records {
            prop_assert!(dissector.write(record).is_ok());
        }
    }

    #[test]
    fn random_bytes_do_not_panic(text in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&text, Limits::default());
    }
}
