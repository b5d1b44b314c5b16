//! What the same wishes cost over POP3 and over IMAP as the mailbox grows. The costs are counted, not timed: they are the
//! same on every machine; how long the program takes for them stands behind.
//!
//! `cargo bench --bench compare`.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::print_stdout, reason = "a bench prints its figures")]

use postroad::compare::Reading;
use postroad::view::compare::growth::{Size, write};
use postroad::world::run;
use postroad::world::scenario::{Access, Scenario};
use std::time::Instant;

fn main() {
    let story = Scenario::builtin("compare").expect("the story of the comparison loads");
    let octets = story.messages.iter().filter(|m| m.count > 1).map(|m| m.octets).max().unwrap_or_default();
    let (mut sizes, mut took) = (Vec::new(), Vec::new());
    for messages in [10, 100, 1_000, 10_000] {
        let start = Instant::now();
        let story = story.clone().scaled(messages, octets, 0);
        let told = |access| Reading::of(run(&story.clone().with_access(access), &[]).expect("it runs"));
        sizes.push(Size::of(messages, &[told(Access::Pop3), told(Access::Imap)]));
        took.push((messages, start.elapsed()));
    }
    let names = ["POP3".to_owned(), "IMAP".to_owned()];
    write(&names, &sizes, &mut std::io::stdout()).expect("it is printed");
    for (messages, took) in took {
        println!("\n  both tellings with {messages} messages: {:.2} s", took.as_secs_f64());
    }
}
