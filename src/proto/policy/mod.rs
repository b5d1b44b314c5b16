//! Who may say that they are Alice: SPF, DKIM, DMARC and ARC, evaluated rule by rule.
//!
//! # How an evaluation asks
//! An evaluator is a plain function of what it is given and of what the DNS has answered so far ([`Known`]). Where it
//! needs an answer that is not there it stops with the [`Question`]; [`Check`] hands the question out, takes the
//! answer, and runs the function again from its start. So each evaluation reads from top to bottom as its RFC does,
//! owns no socket and no clock, and gives the same [`Rule`](crate::base::Rule)s whatever the DNS took to answer.
//!
//! Everything is bounded: what each RFC limits as it says, and the rest (questions, signatures, records) here.

pub mod arc;
pub mod authres;
pub mod dkim;
pub mod dmarc;
pub mod letter;
pub mod name;
pub mod spf;
pub mod tags;

use crate::base::{Asked, escape};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The most questions that one check may ask. SPF alone can need ten terms of one question and ten addresses each.
pub const MOST_QUESTIONS: usize = 256;
/// The most records of an answer that are looked at.
pub const MOST_RECORDS: usize = 100;
/// The longest text record that is read, octets.
pub const LONGEST_TEXT: usize = 8192;

/// The types that checks ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rtype {
    /// Text.
    Txt,
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// A mail exchanger.
    Mx,
    /// The name of an address.
    Ptr,
}

impl Rtype {
    /// Its name in the DNS.
    pub fn name(self) -> &'static str {
        match self {
            Rtype::Txt => "TXT",
            Rtype::A => "A",
            Rtype::Aaaa => "AAAA",
            Rtype::Mx => "MX",
            Rtype::Ptr => "PTR",
        }
    }
}

/// What the DNS should be asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The name, without a dot at its end.
    pub name: String,
    /// The type.
    pub rtype: Rtype,
}

/// One record's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// The strings of a TXT record, put together without anything between them (RFC 7208 §3.3, RFC 6376 §3.6.2.2).
    Text(Vec<u8>),
    /// An address.
    Address(IpAddr),
    /// A mail exchanger: preference and host.
    Mx(u16, String),
    /// A name that an address has.
    Name(String),
}

/// What the DNS said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Records of the type; aliases are followed already.
    Records(Vec<Data>),
    /// The name exists without such records.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// No usable answer, and why: it may come later.
    Failed(String),
}

impl Answer {
    /// Its records; none where there are none.
    pub fn records(&self) -> &[Data] {
        match self {
            Answer::Records(records) => &records[..records.len().min(MOST_RECORDS)],
            _ => &[],
        }
    }

    /// The texts among them.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.records().iter().filter_map(|data| match data {
            Data::Text(text) => Some(&text[..text.len().min(LONGEST_TEXT)]),
            _ => None,
        })
    }

    /// Whether nothing is there: no such name, or no such records (a "void lookup", RFC 7208 §4.6.4).
    pub fn is_void(&self) -> bool {
        match self {
            Answer::Records(records) => records.is_empty(),
            Answer::NoData | Answer::NxDomain => true,
            Answer::Failed(_) => false,
        }
    }

    /// In words.
    pub fn in_words(&self) -> String {
        match self {
            Answer::Records(records) => {
                let words: Vec<String> = records.iter().take(MOST_RECORDS).map(Data::in_words).collect();
                words.join(", ")
            }
            Answer::NoData => "no data".to_owned(),
            Answer::NxDomain => "NXDOMAIN".to_owned(),
            Answer::Failed(why) => why.clone(),
        }
    }
}

impl Data {
    fn in_words(&self) -> String {
        match self {
            Data::Text(text) => escape::text(&String::from_utf8_lossy(&text[..text.len().min(LONGEST_TEXT)])),
            Data::Address(address) => address.to_string(),
            Data::Mx(preference, host) => format!("{preference} {}", escape::text(host)),
            Data::Name(name) => escape::text(name),
        }
    }
}

/// What the DNS has answered so far.
#[derive(Clone, Debug, Default)]
pub struct Known {
    answers: BTreeMap<Question, Answer>,
}

impl Known {
    /// The answer, or the question that must be asked first.
    pub fn get(&self, name: &str, rtype: Rtype) -> Result<&Answer, Question> {
        static TOO_MANY: std::sync::LazyLock<Answer> =
            std::sync::LazyLock::new(|| Answer::Failed("too many questions for one check".to_owned()));
        let question = Question { name: name.to_ascii_lowercase(), rtype };
        match self.answers.get(&question) {
            Some(answer) => Ok(answer),
            None if self.answers.len() >= MOST_QUESTIONS => Ok(&TOO_MANY),
            None => Err(Question { name: name.to_owned(), rtype }),
        }
    }

    /// Keep an answer.
    pub fn put(&mut self, question: &Question, answer: Answer) {
        let question = Question { name: question.name.to_ascii_lowercase(), rtype: question.rtype };
        self.answers.insert(question, answer);
    }
}

/// Something that is evaluated against what the DNS says.
pub trait Inquiry {
    /// What comes of it.
    type Verdict;

    /// Evaluate with what is known; `Err` is what must be asked first.
    fn evaluate(&self, known: &Known) -> Result<Self::Verdict, Question>;
}

/// What a [`Check`] wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<V> {
    /// Ask the DNS this, and give the answer to [`Check::answer`].
    Ask(Question),
    /// It is decided.
    Done(V),
}

/// One evaluation on its way.
#[derive(Clone, Debug)]
pub struct Check<I> {
    inquiry: I,
    known: Known,
    waiting: Option<Question>,
}

impl<I: Inquiry> Check<I> {
    /// Begin.
    pub fn new(inquiry: I) -> Self {
        Check { inquiry, known: Known::default(), waiting: None }
    }

    /// What to do next.
    pub fn poll(&mut self) -> Next<I::Verdict> {
        match self.inquiry.evaluate(&self.known) {
            Ok(verdict) => Next::Done(verdict),
            Err(question) => {
                self.waiting = Some(question.clone());
                Next::Ask(question)
            }
        }
    }

    /// The answer to the last question; without a question it is left alone.
    pub fn answer(&mut self, answer: Answer) {
        if let Some(question) = self.waiting.take() {
            self.known.put(&question, answer);
        }
    }

    /// Run to its end with a DNS that answers at once.
    pub fn run(mut self, mut dns: impl FnMut(&Question) -> Answer) -> I::Verdict {
        loop {
            match self.poll() {
                Next::Ask(question) => {
                    let answer = dns(&question);
                    self.answer(answer);
                }
                Next::Done(verdict) => return verdict,
            }
        }
    }
}

/// A question and its answer, for a rule's list.
pub(crate) fn asked(name: &str, rtype: Rtype, answer: &Answer) -> Asked {
    Asked { name: escape::text(name), rtype: rtype.name().to_owned(), answer: answer.in_words() }
}
