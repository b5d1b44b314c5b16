//! Lines and what is read from them, by RFC section.

use super::*;
use crate::proto::smtp::codes::{Enhanced, Reply};
use crate::proto::smtp::envelope::{Body, Notify, Ret};
use proptest::prelude::*;

/// The parts of a line as `name=text`, children after their parent.
fn shown(line: &str) -> Vec<String> {
    fn walk(parts: &[Part], line: &str, out: &mut Vec<String>) {
        for part in parts {
            out.push(format!("{}={}", part.name, String::from_utf8_lossy(part.span.of(line.as_bytes()))));
            walk(&part.parts, line, out);
        }
    }
    let mut out = Vec::new();
    walk(&parse_command(line.as_bytes()).parts, line, &mut out);
    out
}

fn read(line: &str) -> (Command, Vec<&'static str>) {
    let parsed = parse_command(line.as_bytes());
    (parsed.value, parsed.findings.iter().map(|f| f.id).collect())
}

fn problem(line: &str) -> Option<Problem> {
    match read(line).0 {
        Command::Malformed { problem, .. } => Some(problem),
        _ => None,
    }
}

/// RFC 5321 §4.1.1.2.
#[test]
fn mail_has_a_reverse_path_and_parameters() {
    let want = [
        "verb=mail",
        "keyword=from:",
        "reverse-path=<\"a b\"@[192.0.2.1]>",
        "mailbox=\"a b\"@[192.0.2.1]",
        "local-part=\"a b\"",
        "address-literal=[192.0.2.1]",
        "parameter=SIZE=10",
        "parameter-keyword=SIZE",
        "parameter-value=10",
        "parameter=SMTPUTF8",
        "parameter-keyword=SMTPUTF8",
    ];
    assert_eq!(shown("mail from:<\"a b\"@[192.0.2.1]> SIZE=10 SMTPUTF8"), want);
    let (command, findings) = read("MAIL FROM:<>");
    assert_eq!(command, Command::Mail { reverse_path: Path::Null, params: vec![] });
    assert!(findings.is_empty());
}

/// RFC 5321 §4.1.1.3, §3.3, appendix C.
#[test]
fn careless_spaces_and_source_routes_are_found_and_passed_over() {
    let (command, findings) = read("RCPT TO : <@a.example,@b.example:bob@example.net> ");
    let Command::Rcpt { forward_path, params } = command else { panic!("a RCPT, not {command:?}") };
    assert_eq!((forward_path.address().as_str(), params.len()), ("bob@example.net", 0));
    assert_eq!(findings, ["space-around-colon", "space-around-colon", "source-route", "trailing-space"]);
    assert_eq!(
        read("RCPT TO:<PostMaster>").0,
        Command::Rcpt { forward_path: Path::Postmaster, params: vec![] }
    );
}

/// RFC 5321 §4.1.2.
#[test]
fn broken_paths_say_why() {
    let cases = [
        ("MAIL", Problem::MissingKeyword),
        ("MAIL FROM", Problem::MissingKeyword),
        ("MAIL FROM:", Problem::NoBrackets),
        ("MAIL FROM:a@b.example", Problem::NoBrackets),
        ("MAIL TO:<a@b.example>", Problem::MissingKeyword),
        ("MAIL FROM:<a@b.example", Problem::Unclosed),
        ("MAIL FROM:<a@b.example >", Problem::Unclosed),
        ("MAIL FROM:<a@b.example>SIZE=1", Problem::BadParameter),
        ("MAIL FROM:<a@b.example> =1", Problem::BadParameter),
        ("MAIL FROM:<a@b.example> SIZE=", Problem::BadParameter),
        ("MAIL FROM:<.a@b.example>", Problem::BadLocalPart),
        ("MAIL FROM:<a..b@b.example>", Problem::BadLocalPart),
        ("MAIL FROM:<\"a@b.example>", Problem::BadLocalPart),
        ("MAIL FROM:<@b.example>", Problem::BadLocalPart),
        ("MAIL FROM:<Postmaster>", Problem::NoDomain),
        ("RCPT TO:<bob>", Problem::NoDomain),
        ("RCPT TO:<bob@>", Problem::BadDomain),
        ("RCPT TO:<bob@-x.example>", Problem::BadDomain),
        ("RCPT TO:<bob@x..example>", Problem::BadDomain),
        ("RCPT TO:<bob@[300.1.1.1]>", Problem::BadDomain),
        ("RCPT TO:<bob@[IPv6:::g]>", Problem::BadDomain),
        ("RCPT TO:<>", Problem::NullRecipient),
        ("BDAT", Problem::BadChunk),
        ("BDAT 5 FIRST", Problem::BadChunk),
        ("BDAT 99999999999999999999999", Problem::BadChunk),
        ("AUTH", Problem::MissingArgument),
        ("AUTH PLAIN a b", Problem::BadAuth),
        ("VRFY ", Problem::MissingArgument),
        ("QUIT now", Problem::UnexpectedArgument),
    ];
    for (line, why) in cases {
        assert_eq!(problem(line), Some(why), "{line}");
    }
}

/// RFC 5321 §4.1.3; RFC 6531 §3.3.
#[test]
fn good_paths_are_taken() {
    for address in [
        "a@b",
        "o'neil+tag=x@example.com",
        "bob@[IPv6:2001:db8::1]",
        "bob@[X400:c=de]",
        "jürgen@bücher.example",
        "bob@under_score.example",
        "\"quote\\\"d\"@example.com",
        "\"\"@example.com",
    ] {
        let path = Path::from_address(address);
        assert_eq!(path.map(|p| p.address()).as_deref(), Some(address));
    }
    assert_eq!(
        Path::from_address("\"plain\"@a.example").map(|p| p.address()).as_deref(),
        Some("plain@a.example")
    );
    assert_eq!(Path::from_address("a@b.example> X=<"), None);
}

#[test]
fn what_does_not_belong_in_a_line_is_found() {
    assert_eq!(read("NOOP a\rb").1, ["bare-cr"]);
    assert_eq!(read("NOOP a\0b").1, ["nul"]);
    assert_eq!(read("EHLO under_score").1, ["hello-name"]);
    assert_eq!(read("EHLO laptop").1, ["hello-name-not-qualified"]);
    assert_eq!(read("EHLO [192.0.2.1]").1, Vec::<&str>::new());
    assert_eq!(read("").1, ["unknown-command"]);
    assert_eq!(read("GET / HTTP/1.1").0, Command::Unknown { verb: "GET".to_owned() });
}

/// RFC 1870, RFC 3461 §4, RFC 4954 §5, RFC 6152, RFC 6531.
#[test]
fn parameters_are_understood() {
    let params = |line: &str| match parse_command(line.as_bytes()).value {
        Command::Mail { params, .. } | Command::Rcpt { params, .. } => params,
        other => panic!("{other:?}"),
    };
    let line =
        "MAIL FROM:<> SIZE=5 body=8bitmime SMTPUTF8 AUTH=e+3Dmc2@example.com RET=HDRS ENVID=QQ+2B314159";
    let want = MailParams {
        size: Some(5),
        body: Some(Body::EightBit),
        smtputf8: true,
        auth: Some("e=mc2@example.com".to_owned()),
        ret: Some(Ret::Headers),
        envid: Some("QQ+314159".to_owned()),
    };
    assert_eq!(MailParams::understand(&params(line)), Ok(want));
    for (wrong, keyword) in
        [("SIZE=-1", "SIZE"), ("RET=X", "RET"), ("SMTPUTF8=1", "SMTPUTF8"), ("ENVID=+XX", "ENVID")]
    {
        let got = MailParams::understand(&params(&format!("MAIL FROM:<> {wrong}")));
        assert_eq!(got, Err(BadParam::Value(keyword.to_owned())), "{wrong}");
    }
    let twice = MailParams::understand(&params("MAIL FROM:<> SIZE=1 SIZE=2"));
    assert_eq!(twice, Err(BadParam::Value("SIZE".to_owned())));
    let rcpt = RcptParams::understand(&params(
        "RCPT TO:<a@b.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@x.example",
    ));
    let notify = Some(Notify { success: true, failure: false, delay: true });
    assert_eq!(rcpt, Ok(RcptParams { notify, orcpt: Some("rfc822;Bob@x.example".to_owned()) }));
    let never = RcptParams::understand(&params("RCPT TO:<a@b.example> NOTIFY=NEVER,FAILURE"));
    assert_eq!(never, Err(BadParam::Value("NOTIFY".to_owned())));
}

#[test]
fn a_quoted_local_part_of_backslashes_is_read_once() {
    let line = format!("MAIL FROM:<\"{}\"@a.example>", "\\\\".repeat(500));
    let (command, findings) = read(&line);
    assert_eq!(findings, ["local-part-too-long"]);
    assert_eq!(command.to_string(), line);
}

fn paths() -> impl Strategy<Value = Path> {
    let local = prop_oneof!["[a-z.\"\\\\ @ü]{1,12}", "[a-z]{1,8}"];
    let domain = prop_oneof![
        "[a-z]{1,5}(\\.[a-z0-9]{1,5}){0,3}".prop_map(Domain::Name),
        proptest::sample::select(vec!["192.0.2.7", "IPv6:2001:db8::7"])
            .prop_map(|l| Domain::Literal(l.to_owned())),
    ];
    (local, domain).prop_map(|(local_part, domain)| Path::Mailbox(Mailbox { local_part, domain }))
}

fn commands() -> impl Strategy<Value = Command> {
    let param = ("[A-Z0-9][A-Z0-9-]{0,8}", proptest::option::of("[!-<>-~]{1,12}"))
        .prop_map(|(keyword, value)| Parameter { keyword, value });
    let params = proptest::collection::vec(param, 0..4);
    prop_oneof![
        "[a-z.]{1,20}".prop_map(|name| Command::Ehlo { name }),
        (paths(), params.clone()).prop_map(|(reverse_path, params)| Command::Mail { reverse_path, params }),
        (paths(), params).prop_map(|(forward_path, params)| Command::Rcpt { forward_path, params }),
        (any::<u64>(), any::<bool>()).prop_map(|(size, last)| Command::Bdat { size, last }),
        "[!-~]([ -~]{0,20}[!-~])?".prop_map(|what| Command::Vrfy { what }),
        "([!-~]{1,9})?".prop_map(|text| Command::Noop { text }),
        ("[A-Z0-9_-]{1,20}", proptest::option::of("[!-~]{1,20}")).prop_map(|(mechanism, initial)| {
            Command::Auth { mechanism, initial: initial.map(crate::base::Secret::new) }
        }),
        proptest::sample::select(vec![Command::Data, Command::Rset, Command::Quit, Command::StartTls]),
    ]
}

/// Every part lies inside its parent, in order.
fn nested(parts: &[Part], within: Span) -> bool {
    let ordered = parts.windows(2).all(|w| w[0].span.end <= w[1].span.start);
    ordered
        && parts
            .iter()
            .all(|p| p.span.start >= within.start && p.span.end <= within.end && nested(&p.parts, p.span))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_printed_is_read_back(command in commands()) {
        let line = command.to_string();
        prop_assert_eq!(parse_command(line.as_bytes()).value, command);
    }

    #[test]
    fn xtext_goes_there_and_back(text in "[ -~ü\r\n]{0,20}") {
        prop_assert_eq!(from_xtext(&to_xtext(&text)), Some(text));
    }

    #[test]
    fn any_line_is_read_and_its_parts_nest(
        start in proptest::sample::select(vec!["", "MAIL FROM:<", "RCPT TO:<a@b> ", "AUTH ", "EHLO ", "BDAT ", "VRFY "]),
        rest in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let line = [start.as_bytes(), &rest].concat();
        let whole = Span::new(0, line.len());
        prop_assert!(nested(&parse_command(&line).parts, whole));
        prop_assert!(nested(&parse_reply_line(&line).parts, whole));
        prop_assert!(nested(&parse_ehlo_line(&line).parts, whole));
    }

    #[test]
    fn a_reply_goes_there_and_back(
        code in 200_u16..560,
        enhanced in proptest::option::of((0_u16..1000, 0_u16..1000)),
        lines in proptest::collection::vec("([a-z][a-z0-9 ]{0,20})?", 1..5),
    ) {
        let class = u8::try_from(code / 100).unwrap_or(0);
        let enhanced = enhanced.filter(|_| class != 3).map(|(s, d)| Enhanced(class, s, d));
        let reply = Reply { code, enhanced, lines };
        let wire = reply.to_wire();
        let read: Vec<ReplyLine> =
            wire.strip_suffix(b"\r\n").unwrap_or_default().split(|b| *b == b'\n')
                .map(|l| parse_reply_line(l.strip_suffix(b"\r").unwrap_or(l)).value).collect();
        let back = Reply { code, enhanced: read[0].enhanced, lines: read.iter().map(|l| l.text.clone()).collect() };
        prop_assert_eq!(&back, &reply);
        prop_assert!(read.iter().rev().skip(1).all(|l| l.more) && !read[read.len() - 1].more);
    }
}
