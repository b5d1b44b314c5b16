//! Signatures and seals: each side accepts what the other makes, and both refuse what was changed.

use crate::dns::Dns;
use base64::Engine as _;
use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::{Canonicalization, DkimSigner};
use mail_auth::{AuthenticatedMessage, AuthenticationResults, DkimResult};
use postroad::proto::policy::Check;
use postroad::proto::policy::arc::{self, ArcResult, Sealing};
use postroad::proto::policy::dkim::keys::SigningKey;
use postroad::proto::policy::dkim::{self, Canon, Signer, Signing};
use postroad::proto::policy::letter::Letter;

const SEED: [u8; 32] = [5; 32];

/// Messages that canonicalization finds hard. (White space before a colon is not among them: it is a field of that name by
/// RFC 6376 §3.4.5, and another one for mail-auth.)
const LETTERS: [&str; 8] = [
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: Tea?\r\n\r\nAt four?\r\n",
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject:   Tea  \t on\r\n\tSunday \r\n\r\n  At  four? \t\r\n\r\nYes \r\n\r\n\r\n",
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: empty\r\n\r\n",
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: blank\r\n\r\n\r\n\r\n",
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: no end\r\n\r\nwithout a last line end",
    "FROM:Alice <alice@example.com>\r\nTO:bob@example.net\r\nSubject:case\r\n\r\n.\r\n..\r\n",
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: =?utf-8?q?T=C3=A9?=\r\n\r\nTé à quatre, \u{1f375}\r\n",
    "Received: from a by b;\r\n\tMon, 5 Jan 2026\r\nFrom: Alice <alice@example.com>\r\nTo: bob@example.net,\r\n eve@example.org\r\nSubject: x\r\nSubject: y\r\n\r\n \r\n\t\r\nz\r\n",
];

fn key(rsa: bool) -> SigningKey {
    if rsa { SigningKey::shipped_rsa(0) } else { SigningKey::ed25519(&SEED) }.expect("is a key")
}

fn dns() -> Dns {
    let split = |record: String| {
        let strings: Vec<String> = record
            .as_bytes()
            .chunks(200)
            .map(|c| format!("\\\"{}\\\"", String::from_utf8_lossy(c)))
            .collect();
        strings.join(" ")
    };
    Dns::of(&format!(
        "[[zone]]\norigin = \"example.com\"\nrecords = [\"rsa._domainkey TXT {}\", \"ed._domainkey TXT {}\"]\n",
        split(key(true).record()),
        split(key(false).record()),
    ))
}

fn selector(rsa: bool) -> &'static str {
    if rsa { "rsa" } else { "ed" }
}

fn ours(dns: &Dns, message: &str) -> Vec<bool> {
    let letter = Letter::read(message.as_bytes());
    let verdict =
        Check::new(dkim::Request { letter: &letter, now: 1_800_000_000 }).run(|question| dns.ask(question));
    verdict.signatures.iter().map(|s| s.result == dkim::DkimResult::Pass).collect()
}

fn theirs(dns: &Dns, message: &str) -> Vec<bool> {
    let message = AuthenticatedMessage::parse(message.as_bytes()).expect("parses");
    let outputs = dns.block_on(dns.authenticator.verify_dkim(&message));
    outputs.iter().map(|o| *o.result() == DkimResult::Pass).collect()
}

/// Whether one of them holds. (A field that is no signature at all, mail-auth does not list.)
fn holds(signatures: Vec<bool>) -> bool {
    signatures.contains(&true)
}

fn signed_by_us(letter: &str, rsa: bool, canon: (Canon, Canon), how: &Signing) -> String {
    let signer =
        Signer { domain: "example.com".to_owned(), selector: selector(rsa).to_owned(), key: key(rsa), canon };
    format!("{}{letter}", signer.sign(letter.as_bytes(), how).expect("signs"))
}

fn pem(text: &str) -> Vec<u8> {
    let lines: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    base64::engine::general_purpose::STANDARD.decode(lines).expect("is base64")
}

fn ed25519() -> Ed25519Key {
    let record = key(false).record();
    let public = record.rsplit_once("p=").expect("has a key").1;
    let public = base64::engine::general_purpose::STANDARD.decode(public).expect("is base64");
    Ed25519Key::from_seed_and_public_key(&SEED, &public).expect("is a key")
}

fn rsa() -> RsaKey<Sha256> {
    let der = pem(include_str!("../../src/proto/policy/dkim/keys/rsa-1.pem"));
    RsaKey::from_key_der(tokio_rustls::rustls::pki_types::PrivateKeyDer::Pkcs8(der.into())).expect("is a key")
}

fn signed_by_them(letter: &str, with_rsa: bool, canon: (Canon, Canon)) -> String {
    let theirs = |canon| match canon {
        Canon::Simple => Canonicalization::Simple,
        Canon::Relaxed => Canonicalization::Relaxed,
    };
    let (header, body) = (theirs(canon.0), theirs(canon.1));
    macro_rules! sign {
        ($key:expr) => {
            DkimSigner::from_key($key)
                .domain("example.com")
                .selector(selector(with_rsa))
                .headers(["From", "To", "Subject"])
                .header_canonicalization(header)
                .body_canonicalization(body)
                .sign(letter.as_bytes())
                .expect("signs")
                .to_header()
        };
    }
    let field = if with_rsa { sign!(rsa()) } else { sign!(ed25519()) };
    format!("{field}{letter}")
}

/// Every letter with every canonicalization and key.
fn each(mut check: impl FnMut(&str, bool, (Canon, Canon))) {
    let canons = [Canon::Simple, Canon::Relaxed];
    for letter in LETTERS {
        for rsa in [true, false] {
            for header in canons {
                for body in canons {
                    check(letter, rsa, (header, body));
                }
            }
        }
    }
}

#[test]
fn they_accept_what_we_sign_and_we_what_they_sign() {
    let dns = dns();
    let mut compared = 0;
    each(|letter, rsa, canon| {
        let message = signed_by_us(letter, rsa, canon, &Signing::default());
        assert_eq!(theirs(&dns, &message), [true], "{canon:?}\n{message}");
        assert_eq!(ours(&dns, &message), [true], "{canon:?}\n{message}");
        let message = signed_by_them(letter, rsa, canon);
        assert_eq!(ours(&dns, &message), [true], "{canon:?}\n{message}");
        compared += 2;
    });
    eprintln!("{compared} signatures exchanged");
}

#[test]
fn both_refuse_the_same_changes() {
    let dns = dns();
    let (mut compared, mut wrong) = (0, Vec::new());
    each(|letter, rsa, canon| {
        // No `l`: mail-auth takes no signature with it, which RFC 6376 §8.2 leaves to the verifier.
        for how in [
            Signing::default(),
            Signing { now: Some(1_000_000), until: Some(1_700_000_000), ..Signing::default() },
        ] {
            let message = signed_by_us(letter, rsa, canon, &how);
            for (from, to) in [
                ("Alice", "Mallory"),
                ("Subject: ", "Subject: [list] "),
                ("four", "five"),
                ("  ", " "),
                ("\r\n\r\n", "\r\nX-More: 1\r\n\r\n"),
                ("\r\nTo:", "\r\nFrom: eve@example.org\r\nTo:"),
                ("bh=", "bh=A"),
                ("d=example.com", "d=example.org"),
                ("v=1", "v=2"),
                ("h=From:", "h="),
            ] {
                let changed = message.replacen(from, to, 1);
                let (a, b) = (holds(ours(&dns, &changed)), holds(theirs(&dns, &changed)));
                compared += 1;
                if a != b {
                    wrong.push(format!("{canon:?} {how:?} {from:?} → {to:?}: {a:?} / {b:?}\n{changed}"));
                }
            }
            let longer = format!("{message}-- \r\nfooter\r\n");
            compared += 1;
            if holds(ours(&dns, &longer)) != holds(theirs(&dns, &longer)) {
                wrong.push(format!(
                    "{canon:?} {how:?} footer: {:?} / {:?}\n{longer}",
                    ours(&dns, &longer),
                    theirs(&dns, &longer)
                ));
            }
        }
    });
    eprintln!("{compared} changed messages compared");
    assert!(wrong.is_empty(), "{} differ; the first:\n{}", wrong.len(), wrong[0]);
}

#[test]
fn chains_of_arc_hold_for_both() {
    let dns = dns();
    let chain = |message: &str| {
        let letter = Letter::read(message.as_bytes());
        let ours = Check::new(arc::Request { letter: &letter }).run(|question| dns.ask(question));
        let parsed = AuthenticatedMessage::parse(message.as_bytes()).expect("parses");
        let theirs = dns.block_on(dns.authenticator.verify_arc(&parsed));
        (ours.result, *theirs.result() == DkimResult::Pass)
    };
    let by_us = |message: &str, chain, rsa| {
        let canon = (Canon::Relaxed, Canon::Relaxed);
        let signer = Signer {
            domain: "example.com".to_owned(),
            selector: selector(rsa).to_owned(),
            key: key(rsa),
            canon,
        };
        let sealing = Sealing {
            results: "mx.example.com; spf=pass smtp.mailfrom=a@example.com".to_owned(),
            chain,
            now: 1000,
        };
        format!("{}{message}", arc::seal(message.as_bytes(), &signer, &sealing).expect("seals"))
    };
    let by_them = |message: &str| {
        let parsed = AuthenticatedMessage::parse(message.as_bytes()).expect("parses");
        let before = dns.block_on(dns.authenticator.verify_arc(&parsed));
        let results = AuthenticationResults::new("mx.example.com");
        let sealer = ArcSealer::from_key(rsa()).domain("example.com").selector("rsa");
        let set = sealer.headers(["From", "To", "Subject"]).seal(&parsed, &results, &before).expect("seals");
        format!("{}{message}", set.to_header())
    };
    for letter in LETTERS {
        for rsa in [true, false] {
            let once = by_us(letter, ArcResult::None, rsa);
            assert_eq!(chain(&once), (ArcResult::Pass, true), "{once}");
            let twice = by_us(&once, ArcResult::Pass, !rsa);
            assert_eq!(chain(&twice), (ArcResult::Pass, true), "{twice}");
            let thrice = by_them(&twice);
            assert_eq!(chain(&thrice), (ArcResult::Pass, true), "{thrice}");
            let changed = thrice.replacen("Alice", "Mallory", 1);
            assert_eq!(chain(&changed), (ArcResult::Fail, false), "{changed}");
        }
        let first = by_them(letter);
        let second = by_us(&first, ArcResult::Pass, false);
        assert_eq!(chain(&second), (ArcResult::Pass, true), "{second}");
    }
}
