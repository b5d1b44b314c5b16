//! SPF, DKIM, DMARC and ARC against another implementation: mail-auth, which asks our DNS server on loopback.
//!
//! Verdicts must be the same over grids of records and messages, and each must accept what the other signs.

#![allow(clippy::print_stderr, reason = "how many verdicts were compared is worth a line")]

mod dns;
mod signatures;

use dns::Dns;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DmarcResult, SpfResult};
use postroad::proto::policy::dkim::keys::SigningKey;
use postroad::proto::policy::dkim::{self, Canon, Signer, Signing};
use postroad::proto::policy::dmarc::{self, Identifier};
use postroad::proto::policy::letter::Letter;
use postroad::proto::policy::{Check, spf};
use std::net::IpAddr;

/// Terms of which records are made, and the names that they lead to.
const TERMS: [&str; 24] = [
    "ip4:192.0.2.0/24",
    "-ip4:192.0.2.7",
    "ip4:192.0.2.7/31",
    "ip6:2001:db8::/32",
    "?ip6:2001:db8::7",
    "a",
    "a/28",
    "a:www.example.com",
    "-a:www.example.com//64",
    "mx",
    "~mx/24",
    "mx:example.org",
    "include:pass.example.org",
    "include:fail.example.org",
    "-include:soft.example.org",
    "include:none.example.org",
    "include:broken.example.org",
    "exists:%{ir}.list.example.org",
    "exists:%{l}.users.example.org",
    "a:%{d}",
    "all",
    "redirect=pass.example.org",
    "redirect=none.example.org",
    "what=ever",
];

const ZONES: &str = r#"
[[zone]]
origin = "example.com"
records = [
  "@ A 192.0.2.7", "@ AAAA 2001:db8::7", "@ MX 10 mail.example.com.", "mail A 198.51.100.25", "mail AAAA 2001:db8:5::25",
  "www A 203.0.113.1", "www AAAA 2001:db8:9::1", RECORD,
]
[[zone]]
origin = "example.org"
records = [
  "@ MX 5 mx.example.org.", "mx A 203.0.113.1", "mx AAAA 2001:db8:9::2", "pass TXT \"v=spf1 ip4:203.0.113.0/24 ip6:2001:db8:9::/48 -all\"",
  "fail TXT \"v=spf1 -ip4:192.0.2.0/25 ?all\"", "soft TXT \"v=spf1 a:mx.example.org ~all\"", "none TXT \"nothing here\"",
  "broken TXT \"v=spf1 ip4:1.2.3 -all\"", "7.2.0.192.list A 127.0.0.2", "alice.users A 127.0.0.2",
]
"#;

const ADDRESSES: [&str; 6] =
    ["192.0.2.7", "192.0.2.200", "198.51.100.25", "203.0.113.1", "2001:db8::7", "2001:db8:9::1"];

fn spf_name(result: SpfResult) -> &'static str {
    match result {
        SpfResult::Pass => "pass",
        SpfResult::Fail => "fail",
        SpfResult::SoftFail => "softfail",
        SpfResult::Neutral => "neutral",
        SpfResult::TempError => "temperror",
        SpfResult::PermError => "permerror",
        SpfResult::None => "none",
    }
}

/// Every pair of terms, in either order, and what they fall back on.
fn records() -> Vec<String> {
    let mut all = Vec::new();
    for (at, first) in TERMS.iter().enumerate() {
        for (step, second) in TERMS.iter().enumerate() {
            if at != step && (at * 7 + step) % 5 == 0 {
                let end = ["-all", "~all", ""][(at + step) % 3];
                all.push(format!("v=spf1 {first} {second} {end}"));
            }
        }
    }
    all
}

#[test]
fn spf_verdicts_are_the_same() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for record in records() {
        let zones = ZONES.replace("RECORD", &format!("\"@ TXT \\\"{record}\\\"\""));
        let dns = Dns::of(&zones);
        for (number, address) in ADDRESSES.iter().enumerate() {
            let ip: IpAddr = address.parse().expect("an address");
            let sender = ["alice@example.com", "bob@example.com"][number % 2];
            let request = spf::Request {
                ip,
                helo: "client.example.org".to_owned(),
                sender: sender.to_owned(),
                receiver: "mx1.example.net".to_owned(),
                now: 0,
            };
            let ours = Check::new(request).run(|question| dns.ask(question));
            let params = SpfParameters::verify_mail_from(ip, "client.example.org", "mx1.example.net", sender);
            let theirs = dns.block_on(dns.authenticator.verify_spf(params));
            compared += 1;
            if ours.result.name() != spf_name(theirs.result()) {
                wrong.push(format!(
                    "{record} from {address}: {} / {:?}",
                    ours.result.name(),
                    theirs.result()
                ));
            }
        }
    }
    eprintln!("{compared} verdicts of SPF compared");
    assert!(compared > 500 && wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

/// What one message gave, by both: result and what its domain's owner asks for it.
fn dmarc_of(dns: &Dns, author: &str, spf_domain: &str, dkim_domain: &str) -> [(bool, &'static str); 2] {
    let letter = format!("From: Alice <alice@{author}>\r\nTo: bob@example.net\r\nSubject: x\r\n\r\nHi\r\n");
    let key = SigningKey::ed25519(&[9; 32]).expect("is a key");
    let canon = (Canon::Relaxed, Canon::Relaxed);
    let signer = Signer { domain: dkim_domain.to_owned(), selector: "s".to_owned(), key, canon };
    let signed = format!("{}{letter}", signer.sign(letter.as_bytes(), &Signing::default()).expect("signs"));
    let ip: IpAddr = "192.0.2.7".parse().expect("an address");
    let sender = format!("alice@{spf_domain}");

    let parsed = Letter::read(signed.as_bytes());
    let request = spf::Request {
        ip,
        helo: "client.example.org".to_owned(),
        sender: sender.clone(),
        receiver: String::new(),
        now: 0,
    };
    let by_spf = Check::new(request).run(|question| dns.ask(question));
    let by_dkim = Check::new(dkim::Request { letter: &parsed, now: 0 }).run(|question| dns.ask(question));
    let mut identifiers = Vec::new();
    if by_spf.result == spf::SpfResult::Pass {
        identifiers.push(Identifier { method: "spf", domain: by_spf.domain.clone(), passed: true });
    }
    for signature in by_dkim.signatures.iter().filter(|s| s.result == dkim::DkimResult::Pass) {
        identifiers.push(Identifier { method: "dkim", domain: signature.domain.clone(), passed: true });
    }
    let request = dmarc::Request { authors: dmarc::author_domains(&parsed), identifiers };
    let ours = Check::new(request).run(|question| dns.ask(question));

    let message = AuthenticatedMessage::parse(signed.as_bytes()).expect("parses");
    let theirs = dns.block_on(async {
        let dkim = dns.authenticator.verify_dkim(&message).await;
        let spf = SpfParameters::verify_mail_from(ip, "client.example.org", "", &sender);
        let spf = dns.authenticator.verify_spf(spf).await;
        dns.authenticator.verify_dmarc(DmarcParameters::new(&message, &dkim, spf_domain, &spf)).await
    });
    let passed = *theirs.dkim_result() == DmarcResult::Pass || *theirs.spf_result() == DmarcResult::Pass;
    let policy = match theirs.policy() {
        _ if passed => "none",
        Policy::Reject => "reject",
        Policy::Quarantine => "quarantine",
        Policy::None | Policy::Unspecified => "none",
    };
    [(ours.result == dmarc::DmarcResult::Pass, ours.disposition().name()), (passed, policy)]
}

#[test]
fn dmarc_verdicts_are_the_same() {
    let spf = "\\\"v=spf1 ip4:192.0.2.7 -all\\\"";
    let key = SigningKey::ed25519(&[9; 32]).expect("is a key").record();
    let (mut compared, mut wrong) = (0, Vec::new());
    for record in [
        "v=DMARC1; p=reject",
        "v=DMARC1; p=reject; aspf=s; adkim=s",
        "v=DMARC1; p=quarantine; sp=reject; adkim=s",
        "v=DMARC1; p=none; np=reject; aspf=s",
        "v=DMARC1; p=reject; sp=none; t=y",
        "v=DMARC1; p=quarantine; psd=n",
        "v=DMARC1; rua=mailto:x@example.com",
        "v=DMARC1",
        "v=DMARC1; p=nonsense",
        "p=reject",
    ] {
        let mut zones = String::new();
        for (origin, extra) in [
            (
                "example.com",
                format!(
                    "\"_dmarc TXT \\\"{record}\\\"\", \"_dmarc.own TXT \\\"v=DMARC1; p=none; psd=n\\\"\","
                ),
            ),
            ("example.org", String::new()),
        ] {
            let mut lines = String::new();
            for name in ["@", "sub", "own", "a.own"] {
                let under = if name == "@" { String::new() } else { format!(".{name}") };
                lines.push_str(&format!("\"{name} TXT {spf}\", \"s._domainkey{under} TXT \\\"{key}\\\"\", "));
            }
            zones.push_str(&format!("[[zone]]\norigin = \"{origin}\"\nrecords = [{lines}{extra}]\n"));
        }
        let dns = Dns::of(&zones);
        for author in
            ["example.com", "sub.example.com", "gone.example.com", "a.own.example.com", "example.org"]
        {
            for spf_domain in
                ["example.com", "sub.example.com", "own.example.com", "example.org", "gone.example.com"]
            {
                for dkim_domain in ["example.com", "own.example.com", "example.org", "nokey.example.org"] {
                    let [ours, theirs] = dmarc_of(&dns, author, spf_domain, dkim_domain);
                    compared += 1;
                    if ours != theirs {
                        wrong.push(format!(
                            "{record}: {author} spf {spf_domain} dkim {dkim_domain}: {ours:?} / {theirs:?}"
                        ));
                    }
                }
            }
        }
    }
    eprintln!("{compared} verdicts of DMARC compared");
    assert!(compared == 1000 && wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
