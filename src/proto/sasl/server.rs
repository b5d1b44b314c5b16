//! A server's side of one exchange, whatever protocol carries it. SMTP: RFC 4954 §4; POP3: RFC 5034 §4; IMAP: RFC 9051
//! §6.2.2, RFC 4959.
//!
//! Give it what the client sent ([`Exchange::respond`]), or begin without an initial response ([`Exchange::ask`]), and do
//! what the [`Turn`] says. A lone `*` is the protocol's own matter: it drops the exchange.

use super::login::{LOGIN_PASSWORD, LOGIN_USERNAME, decode_name, decode_password};
use super::scram::{self, ClientFirst};
use super::{Keys, Mechanism, Nonces, Proof, cram_md5, decode, encode, plain};
use crate::base::Instant;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send this, which is in base64 already, and wait for a response. It may be empty.
    Challenge(String),
    /// Ask the owner for this user's keys, and give them to [`Exchange::keys`].
    Keys {
        /// Who wants to log in.
        user: String,
    },
    /// The exchange is over: may this be? Ask the owner.
    Judge(Login),
    /// The exchange is over: the proof is wrong.
    Failed,
    /// The exchange is over: that was no message of this mechanism. In words for the reply.
    Wrong(&'static str),
}

/// What an exchange came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// Whom to act as; empty: the same as `authcid`.
    pub authzid: String,
    /// Who it is.
    pub authcid: String,
    /// The proof of it.
    pub proof: Proof,
}

impl Login {
    /// Whom it would act as.
    pub fn acts_as(&self) -> &str {
        if self.authzid.is_empty() { &self.authcid } else { &self.authzid }
    }

    /// Whether it acts as itself. Nobody here may act for others.
    pub fn is_for_oneself(&self) -> bool {
        self.authzid.is_empty() || self.authzid.eq_ignore_ascii_case(&self.authcid)
    }
}

/// How far an exchange is.
#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword {
        user: String,
    },
    Cram {
        challenge: String,
    },
    ScramFirst {
        nonce: String,
    },
    ScramKeys {
        first: Box<ClientFirst>,
        nonce: String,
    },
    ScramProof(Box<scram::Server>),
    /// The server's signature is out; an empty response is awaited.
    ScramEnd {
        authzid: String,
        authcid: String,
    },
    Over,
}

/// One exchange.
#[derive(Debug)]
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
}

impl Exchange {
    /// Begin. What it needs of randomness it takes from `nonces`; `hostname` and `now` stand in CRAM-MD5's challenge.
    /// A mechanism that needs nonces ([`Mechanism::needs_nonces`]) answers everything with [`Turn::Wrong`] where there
    /// are none: it must not have been offered.
    pub fn begin(mechanism: Mechanism, hostname: &str, nonces: Option<&mut Nonces>, now: Instant) -> Self {
        let state = match (mechanism, nonces) {
            (Mechanism::Plain, _) => State::Plain,
            (Mechanism::Login, _) => State::LoginName,
            (Mechanism::CramMd5, Some(nonces)) => {
                State::Cram { challenge: cram_md5::challenge(&nonces.digits(), now, hostname) }
            }
            (Mechanism::ScramSha256, Some(nonces)) => State::ScramFirst { nonce: nonces.nonce() },
            (Mechanism::CramMd5 | Mechanism::ScramSha256, None) => State::Over,
        };
        Exchange { mechanism, state }
    }

    /// The client gave no initial response: the first challenge.
    pub fn ask(&self) -> Turn {
        Turn::Challenge(match &self.state {
            State::LoginName => LOGIN_USERNAME.to_owned(),
            State::Cram { challenge } => encode(challenge.as_bytes()),
            _ => String::new(),
        })
    }

    /// The initial response, as it stands in the command. RFC 4954 §4: "=" stands for an empty one, and a mechanism in
    /// which the server speaks first has none.
    pub fn initial(&mut self, base64: &[u8]) -> Turn {
        match self.mechanism {
            Mechanism::CramMd5 => self.wrong("In CRAM-MD5 the server speaks first: no initial response"),
            _ if base64 == b"=" => self.respond(b""),
            _ => self.respond(base64),
        }
    }

    /// A response came, in base64.
    pub fn respond(&mut self, base64: &[u8]) -> Turn {
        let Some(message) = decode(base64) else { return self.wrong("The response is not base64") };
        match std::mem::replace(&mut self.state, State::Over) {
            State::Plain => match plain::decode_plain(&message) {
                Some(plain) => self.judge(plain.authzid, plain.authcid, Proof::Password(plain.password)),
                None => Turn::Wrong("PLAIN is authzid NUL authcid NUL password, in base64"),
            },
            State::LoginName => match decode_name(message) {
                Some(user) => {
                    self.state = State::LoginPassword { user };
                    Turn::Challenge(LOGIN_PASSWORD.to_owned())
                }
                None => Turn::Wrong("The user name is empty, too long or not UTF-8"),
            },
            State::LoginPassword { user } => match decode_password(message) {
                Some(password) => self.judge(String::new(), user, Proof::Password(password)),
                None => Turn::Wrong("The password is too long or not UTF-8"),
            },
            State::Cram { challenge } => match cram_md5::decode_answer(&message) {
                Some(cram_md5::Answer { user, digest }) => {
                    self.judge(String::new(), user, Proof::CramMd5 { challenge, digest })
                }
                None => Turn::Wrong("CRAM-MD5 is answered with name, space, 32 hexadecimal digits"),
            },
            State::ScramFirst { nonce } => match ClientFirst::read(&message) {
                Ok(first) => {
                    let user = first.user.clone();
                    self.state = State::ScramKeys { first: Box::new(first), nonce };
                    Turn::Keys { user }
                }
                Err(wrong) => Turn::Wrong(wrong),
            },
            State::ScramProof(server) => self.scram_proof(&server, &message),
            State::ScramEnd { authzid, authcid } if message.is_empty() => {
                self.judge(authzid, authcid, Proof::Verified)
            }
            State::ScramEnd { .. } => Turn::Wrong("The server's signature is answered with an empty line"),
            State::ScramKeys { .. } | State::Over => Turn::Wrong("Nothing was asked"),
        }
    }

    /// The owner's answer to [`Turn::Keys`].
    pub fn keys(&mut self, keys: Keys) -> Turn {
        match std::mem::replace(&mut self.state, State::Over) {
            State::ScramKeys { first, nonce } => {
                let (server, said) = scram::Server::answer(*first, &nonce, keys);
                self.state = State::ScramProof(Box::new(server));
                Turn::Challenge(encode(said.as_bytes()))
            }
            _ => Turn::Wrong("Nothing was asked"),
        }
    }

    fn scram_proof(&mut self, server: &scram::Server, message: &[u8]) -> Turn {
        match server.check(message) {
            Ok(Some(signature)) => {
                let ClientFirst { authzid, user, .. } = server.first().clone();
                self.state = State::ScramEnd { authzid, authcid: user };
                Turn::Challenge(encode(signature.as_bytes()))
            }
            Ok(None) => Turn::Failed,
            Err(wrong) => Turn::Wrong(wrong),
        }
    }

    fn judge(&self, authzid: String, authcid: String, proof: Proof) -> Turn {
        Turn::Judge(Login { mechanism: self.mechanism, authzid, authcid, proof })
    }

    fn wrong(&mut self, why: &'static str) -> Turn {
        self.state = State::Over;
        Turn::Wrong(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::proto::sasl::client;
    use crate::proto::sasl::scram::ITERATIONS;

    fn begin(mechanism: Mechanism) -> Exchange {
        let mut nonces = Nonces::new([1; 32]);
        Exchange::begin(mechanism, "mail.example.com", Some(&mut nonces), Instant::from_secs(60))
    }

    /// Client and server talk until the server knows; `password` is the client's, `pencil` the right one.
    fn talk(mechanism: Mechanism, password: &str) -> Turn {
        let mut server = begin(mechanism);
        let credentials = client::Credentials {
            mechanism,
            user: "user".to_owned(),
            password: Secret::new(password),
            nonce: "fyko+d2lbbFgONRv9qkxdawL".to_owned(),
        };
        let (mut client, initial) = client::Exchange::begin(&credentials);
        let mut turn = match initial {
            Some(initial) => server.initial(initial.expose().as_bytes()),
            None => server.ask(),
        };
        loop {
            turn = match turn {
                Turn::Challenge(base64) => {
                    let said = client.answer(base64.as_bytes()).expect("an answer");
                    server.respond(said.expose().as_bytes())
                }
                Turn::Keys { user } => {
                    assert_eq!(user, "user");
                    server.keys(Keys::derive(&Secret::new("pencil"), b"salt", ITERATIONS))
                }
                over => return over,
            };
        }
    }

    #[test]
    fn client_and_server_agree_in_every_mechanism() {
        for mechanism in Mechanism::ALL {
            let Turn::Judge(login) = talk(mechanism, "pencil") else { panic!("{mechanism:?}") };
            assert_eq!((login.acts_as(), login.mechanism), ("user", mechanism));
            assert!(login.is_for_oneself() && login.proof.fits(&Secret::new("pencil")), "{mechanism:?}");
        }
    }

    #[test]
    fn a_wrong_password_is_seen_in_every_mechanism() {
        for mechanism in Mechanism::ALL {
            match talk(mechanism, "pen") {
                Turn::Judge(login) => assert!(!login.proof.fits(&Secret::new("pencil")), "{mechanism:?}"),
                turn => assert_eq!((turn, mechanism), (Turn::Failed, Mechanism::ScramSha256)),
            }
        }
    }

    #[test]
    fn each_exchange_has_a_challenge_of_its_own() {
        let mut nonces = Nonces::new([1; 32]);
        let mut challenge = || {
            let now = Instant::from_secs(60);
            Exchange::begin(Mechanism::CramMd5, "mail.example.com", Some(&mut nonces), now).ask()
        };
        assert_ne!(challenge(), challenge());
    }

    #[test]
    fn what_comes_at_the_wrong_time_or_in_no_base64_ends_it() {
        assert!(matches!(begin(Mechanism::Plain).respond(b"%"), Turn::Wrong(_)));
        assert!(matches!(begin(Mechanism::CramMd5).initial(b"dXNlcg=="), Turn::Wrong(_)));
        assert!(matches!(begin(Mechanism::Login).initial(b"="), Turn::Wrong(_)), "an empty name");
        let mut scram = begin(Mechanism::ScramSha256);
        assert!(matches!(scram.respond(b"biwsbj11c2VyLHI9YWJj"), Turn::Keys { .. }));
        assert!(matches!(scram.respond(b""), Turn::Wrong(_)), "while the owner thinks");
        assert!(matches!(scram.keys(Keys::derive(&Secret::new("x"), b"s", 1)), Turn::Wrong(_)));
    }
}
