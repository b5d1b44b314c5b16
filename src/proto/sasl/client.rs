//! A client's side of one exchange, whatever protocol carries it.

use super::login::{LOGIN_PASSWORD, LOGIN_USERNAME};
use super::{Mechanism, cram_md5, decode, encode, plain, scram};
use crate::base::Secret;

/// Who logs in, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// By which mechanism.
    pub mechanism: Mechanism,
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
    /// For SCRAM: printable characters without a comma that nobody can foretell. Drawn by the owner.
    pub nonce: String,
}

impl Credentials {
    /// Name and password in one message.
    pub fn plain(user: impl Into<String>, password: Secret) -> Self {
        let (mechanism, user) = (Mechanism::Plain, user.into());
        Credentials { mechanism, user, password, nonce: String::new() }
    }
}

/// What the client has said and what it waits for.
#[derive(Clone, Debug)]
enum State {
    /// Everything is said.
    Done,
    LoginName,
    LoginPassword,
    Cram,
    ScramFirst(scram::Client),
    ScramProof(scram::Client),
}

/// One exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    credentials: Credentials,
    state: State,
    /// An initial response that could not go with the command: it answers the empty challenge.
    held: Option<Secret>,
}

impl Exchange {
    /// Begin. Gives the initial response in base64; `None` where the server speaks first.
    pub fn begin(credentials: &Credentials) -> (Self, Option<Secret>) {
        let credentials = credentials.clone();
        let (state, initial) = match credentials.mechanism {
            Mechanism::Plain => {
                (State::Done, Some(plain::encode_plain(&credentials.user, &credentials.password)))
            }
            // An initial response with LOGIN is not taken by every server: it is asked for.
            Mechanism::Login => (State::LoginName, None),
            Mechanism::CramMd5 => (State::Cram, None),
            Mechanism::ScramSha256 => {
                let (client, said) = scram::Client::begin(&credentials.user, &credentials.nonce);
                (State::ScramFirst(client), Some(base64(&said)))
            }
        };
        (Exchange { credentials, state, held: None }, initial)
    }

    /// The initial response cannot go with the command: it is kept until the server asks for it.
    pub fn hold(&mut self, initial: Option<Secret>) {
        self.held = initial;
    }

    /// Answer a challenge in base64: the line to send, without its line end. It is `*`, which ends the exchange, where
    /// the challenge cannot be answered; and why.
    pub fn line(&mut self, challenge: &[u8]) -> (Secret, Option<String>) {
        match self.answer(challenge) {
            Ok(answer) => (answer, None),
            Err(why) => (Secret::new("*"), Some(why)),
        }
    }

    /// Answer a challenge in base64.
    ///
    /// # Errors
    /// Why it is not answered: send `*` to end the exchange.
    pub fn answer(&mut self, challenge: &[u8]) -> Result<Secret, String> {
        if let Some(held) = self.held.take_if(|_| challenge.is_empty()) {
            return Ok(held);
        }
        let message = decode(challenge).ok_or("the server's challenge is not base64")?;
        let Credentials { user, password, .. } = &self.credentials;
        let (state, said) = match std::mem::replace(&mut self.state, State::Done) {
            State::LoginName if challenge_is(challenge, LOGIN_USERNAME) => {
                (State::LoginPassword, base64(user))
            }
            State::LoginPassword if challenge_is(challenge, LOGIN_PASSWORD) => {
                (State::Done, base64(password.expose()))
            }
            State::Cram => {
                let challenge =
                    String::from_utf8(message).map_err(|_| "the server's challenge is not text")?;
                let answer = cram_md5::answer(user, password, &challenge).ok_or("no digest can be made")?;
                (State::Done, base64(&answer))
            }
            State::ScramFirst(mut client) => {
                let said = client.prove(password, &message)?;
                (State::ScramProof(client), base64(&said))
            }
            State::ScramProof(client) => {
                client.check(&message)?;
                (State::Done, Secret::new(""))
            }
            _ => return Err("the server asks for more than the mechanism has".to_owned()),
        };
        self.state = state;
        Ok(said)
    }

    /// The server says that the login succeeded: whether that may be believed.
    ///
    /// # Errors
    /// SCRAM: the server has not shown that it knows the password. "the client ... MUST consider the authentication
    /// exchange to have failed" where the signature is wrong or missing (RFC 5802 §5).
    pub fn succeeded(&self) -> Result<(), String> {
        match self.state {
            State::ScramFirst(_) | State::ScramProof(_) => {
                Err("the server says yes without having shown that it knows the password".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn base64(text: &str) -> Secret {
    Secret::new(encode(text.as_bytes()))
}

/// LOGIN's questions are recognised in any case and wording that begins alike, as `User Name` does.
fn challenge_is(challenge: &[u8], usual: &str) -> bool {
    let first = |text: &[u8]| decode(text).and_then(|t| t.first().map(u8::to_ascii_lowercase));
    first(challenge).is_none() || first(challenge) == first(usual.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(mechanism: Mechanism) -> (Exchange, Option<Secret>) {
        let credentials = Credentials {
            mechanism,
            nonce: "abc".to_owned(),
            ..Credentials::plain("tim", Secret::new("pw"))
        };
        Exchange::begin(&credentials)
    }

    #[test]
    fn who_says_yes_before_proving_itself_is_not_believed() {
        let (mut client, _) = begin(Mechanism::ScramSha256);
        assert!(client.succeeded().is_err());
        let first = encode(b"r=abcdef,s=QQ==,i=4096");
        assert!(client.answer(first.as_bytes()).is_ok());
        assert!(client.succeeded().is_err());
        assert!(client.answer(encode(b"v=AAAA").as_bytes()).is_err());
        assert!(begin(Mechanism::Plain).0.succeeded().is_ok());
    }

    #[test]
    fn a_server_that_asks_for_more_is_not_answered() {
        let (mut client, initial) = begin(Mechanism::Plain);
        assert!(initial.is_some());
        assert!(client.answer(b"").is_err());
        let (mut client, initial) = begin(Mechanism::Login);
        assert_eq!(initial, None);
        assert_eq!(client.answer(encode(b"User Name\0").as_bytes()), Ok(Secret::new("dGlt")));
        assert_eq!(client.answer(LOGIN_PASSWORD.as_bytes()), Ok(Secret::new("cHc=")));
        assert!(client.answer(LOGIN_PASSWORD.as_bytes()).is_err(), "the password is not said twice");
        assert!(begin(Mechanism::CramMd5).0.answer(b"%").is_err());
    }
}
