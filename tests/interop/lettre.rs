//! lettre, a library for Rust, hands letters in.

use crate::round::{Round, are_there};
use crate::rows::row;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Message, SmtpTransport, Transport};
use std::time::Duration;

fn letter(to: &str, subject: &str) -> Message {
    let mailbox = |address: &str| address.parse::<Mailbox>().expect("an address");
    Message::builder()
        .from(mailbox("alice@example.com"))
        .to(mailbox(to))
        .subject(subject)
        .body("At four?".to_owned())
        .expect("a letter")
}

#[test]
fn lettre_hands_letters_in() {
    if !are_there("lettre", &[]) {
        return;
    }
    let round = Round::begin();
    let authority = std::fs::read(round.path("data/ca.pem")).expect("the lab has an authority");
    let authority = Certificate::from_pem(&authority).expect("it is a certificate");
    let parameters = TlsParameters::builder("localhost".to_owned()).add_root_certificate(authority);
    let parameters = parameters.build().expect("TLS can be set up");
    let post = |service: &str, tls: Tls, mechanism: Mechanism| {
        SmtpTransport::builder_dangerous("localhost")
            .port(round.lab.port(service, "example.com"))
            .hello_name(ClientId::Domain("laptop.example.com".to_owned()))
            .timeout(Some(Duration::from_secs(60)))
            .tls(tls)
            .authentication(vec![mechanism])
            .credentials(Credentials::new("alice@example.com".to_owned(), "tea-at-four".to_owned()))
            .build()
    };
    for (subject, service, tls, mechanism) in [
        ("by PLAIN", "submission", Tls::None, Mechanism::Plain),
        ("by LOGIN", "submission", Tls::None, Mechanism::Login),
        ("in STARTTLS", "submission", Tls::Required(parameters.clone()), Mechanism::Plain),
        ("in TLS", "submission in TLS", Tls::Wrapper(parameters), Mechanism::Plain),
    ] {
        let post = post(service, tls, mechanism);
        assert!(post.test_connection().expect("it is reached"), "{subject}");
        post.send(&letter("bob@example.net", subject)).expect(subject);
        round.arrived("bob@example.net", &format!("Subject: {subject}"));
    }
    let refused = post("submission", Tls::None, Mechanism::Plain).send(&letter("bob@example.nett", "lost"));
    let refused = refused.expect_err("there is no such domain here").to_string();
    assert!(refused.contains("5.1.2") && refused.contains("example.nett"), "{refused}");
    round.end(row("lettre"));
}
