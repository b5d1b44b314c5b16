//! [`Worlds`]: the [`Runner`] that the views are given: it reads an order's scenario and changes, and runs the world.

use crate::trace::{Change, Record};
use crate::view::runner::{News, Order, Runner, Running, Teller};
use crate::world;
use crate::world::scenario::{Scenario, check};

/// Records that are told at once, at most.
const BATCH: usize = 256;

/// Runs scenarios in worlds, each on a thread of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worlds;

impl Runner for Worlds {
    fn start(&self, order: Order) -> Running {
        let (teller, running) = Running::pair();
        let run = std::thread::Builder::new().name("world".to_owned());
        // Where there is no thread, the teller is dropped with the closure, and that is heard as a broken run.
        let _ = run.spawn(move || run_told(&order, teller));
        running
    }
}

fn run_told(order: &Order, teller: Teller) {
    let (scenario, changes) = match read(order) {
        Ok(read) => read,
        Err(why) => {
            teller.tell(News::Failed(why));
            return;
        }
    };
    let teller = std::sync::Arc::new(teller);
    let last_words = teller.clone();
    let mut batch: Vec<Record> = Vec::new();
    let tell = move |record: &Record| {
        batch.push(record.clone());
        let over = matches!(record, Record::End { .. });
        if batch.len() < BATCH && !over {
            return !teller.is_stopped();
        }
        teller.tell(News::Records(std::mem::take(&mut batch)))
    };
    let last = match world::run_telling(&scenario, &changes, tell) {
        Ok(()) => News::Done,
        Err(error) => News::Failed(error.to_string()),
    };
    last_words.tell(last);
}

/// The scenario and the changes of an order, checked: whatever they name is there.
///
/// # Errors
/// What is wrong, in words.
pub fn read(order: &Order) -> Result<(Scenario, Vec<world::Change>), String> {
    let scenario = Scenario::from_toml(&order.head.scenario, "the recording's scenario");
    let mut scenario = scenario.map_err(|error| error.to_string())?;
    scenario.seed = order.head.seed;
    let typed = |change: &Change| {
        serde_json::from_value(change.to_value()).map_err(|why| format!("a change cannot be read: {why}"))
    };
    let changes: Vec<world::Change> = order.changes.iter().map(typed).collect::<Result<_, String>>()?;
    let mut broken = scenario.clone();
    for change in &changes {
        match change {
            world::Change::Fault { fault, .. } => broken.faults.push(fault.clone()),
            world::Change::Type(typing) if !scenario.hosts.iter().any(|host| host.name == typing.to) => {
                let known: Vec<&str> = scenario.hosts.iter().map(|host| host.name.as_str()).collect();
                return Err(format!(
                    "this scenario has no host {}; it has {}",
                    crate::base::escape::text(&typing.to),
                    known.join(", ")
                ));
            }
            _ => {}
        }
    }
    match check::check(&broken).first() {
        Some(complaint) => {
            let help = complaint.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            Err(format!("{}{help}", complaint.message))
        }
        None => Ok((scenario, changes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::change::Typing;
    use crate::trace::{Conn, Direction, Head};
    use serde_json::json;

    fn journey() -> Vec<Record> {
        world::run(&Scenario::builtin("journey").expect("loads"), &[]).expect("runs")
    }

    fn head(records: &[Record]) -> Head {
        let Some(Record::Head(head)) = records.first() else { panic!("no head") };
        head.clone()
    }

    #[test]
    fn an_order_without_changes_is_the_same_story() {
        let records = journey();
        let order = Order::of(&head(&records)).expect("it was run");
        assert_eq!(Worlds.start(order).wait().as_deref(), Ok(records.as_slice()));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        let mut order = Order::of(&head(&journey())).expect("it was run");
        let typing = Typing {
            after: 0,
            from: "me".to_owned(),
            to: "nowhere".to_owned(),
            port: 25,
            pieces: Vec::new(),
            hang_up: false,
        };
        for (change, word) in [
            (
                Change::Fault {
                    fault: json!({ "kind": "mailbox-full", "account": "nobody@example.net" }),
                    after: 3,
                },
                "nobody",
            ),
            (Change::Fault { fault: json!({ "kind": "frost" }), after: 0 }, "frost"),
            (Change::Type(typing), "nowhere"),
        ] {
            order.changes = vec![change];
            let why = Worlds.start(order.clone()).wait().expect_err("it makes no sense");
            assert!(why.contains(word), "{why}");
        }
        let import = Head { scenario: String::new(), ..order.head };
        assert!(Order::of(&import).is_err_and(|why| why.contains("recorded")));
    }

    #[test]
    fn a_run_that_nobody_wants_ends_early() {
        let order = Order::of(&head(&journey())).expect("it was run");
        let (scenario, changes) = read(&order).expect("it is sound");
        let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = count.clone();
        let tell = move |_: &Record| counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 9;
        world::run_telling(&scenario, &changes, tell).expect("runs");
        let told = count.load(std::sync::atomic::Ordering::Relaxed);
        assert!((10..40).contains(&told), "{told}");
    }

    #[test]
    fn a_line_can_be_changed_and_the_rest_follows() {
        let records = journey();
        let mut order = Order::of(&head(&records)).expect("it was run");
        order.changes =
            vec![Change::Cut { conn: Conn(4), side: Direction::Client, offset: 0, instead: false }];
        let forked = Worlds.start(order).wait().expect("runs");
        assert_ne!(forked.len(), records.len());
    }
}
