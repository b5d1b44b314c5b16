//! The queue runner of an MTA: takes what is due, tries it, writes down what came of it, reports what its sender is to know.

use super::relay;
use super::smtp::keeps_mailboxes_of;
use super::{deliver, relay::Route};
use crate::base::Instant;
use crate::proto::smtp::envelope::Ret;
use crate::world::dsn::{self, Action, Report, Told};
use crate::world::hosts::{Host, World};
use crate::world::queue::{Entry, Verdict};
use crate::world::store::Unkept;
use crate::world::wishes::Wishes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How long the next message waits for the one before it, on real time. So those that find the way free arrive in the
/// order in which they came.
const PATIENCE: Duration = Duration::from_secs(1);

/// Messages that are under way at once: one that is held up must not hold up the others, and a hundred connections to one
/// host would be no kindness (RFC 5321 §4.5.4.1).
const MOST_UNDER_WAY: usize = 16;

/// Run the queue of a host for ever. In a journey one message goes after the other, so that the story is always the same;
/// on real time one that is slow goes on by itself.
pub async fn run(world: Arc<World>, host: Arc<Host>) {
    let mut under_way = JoinSet::new();
    loop {
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= MOST_UNDER_WAY {
            under_way.join_next().await;
            continue;
        }
        let Some(entry) = world.with_queue(&host, |queue| queue.take_due(world.clock.now())) else {
            wait(&world, &host, &mut under_way).await;
            continue;
        };
        let busy = world.activity.begin();
        if !world.clock.is_live() {
            attempt(&world, &host, entry).await;
            continue;
        }
        let (world, host) = (world.clone(), host.clone());
        under_way.spawn(async move {
            let _busy = busy;
            attempt(&world, &host, entry).await;
        });
        // Whichever is done makes room for the next.
        let _ = tokio::time::timeout(PATIENCE, under_way.join_next()).await;
    }
}

/// Wait for the bell, for the next entry to be due, or for one that is under way. While something is queued, the story is
/// not over.
async fn wait(world: &Arc<World>, host: &Host, under_way: &mut JoinSet<()>) {
    let next: Option<Instant> = world.with_queue(host, |queue| queue.next_due());
    let _busy = next.map(|_| world.activity.begin());
    tokio::select! {
        biased;
        () = host.bell.notified() => {}
        // It may be due again sooner than anything else.
        Some(_) = under_way.join_next() => {}
        () = async { match next {
            Some(at) => world.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }} => {}
    }
}

async fn attempt(world: &Arc<World>, host: &Arc<Host>, entry: Entry) {
    let mut verdicts = Vec::new();
    for (domain, recipients) in by_domain(&entry.waiting) {
        if keeps_mailboxes_of(world, host, &domain) {
            for recipient in recipients {
                let verdict = deliver::into_inbox(world, host, &entry, &recipient).await;
                verdicts.push((recipient, verdict));
            }
        } else {
            let route = Route { world, host, entry: &entry, domain: &domain };
            verdicts.extend(relay::attempt(&route, recipients).await);
        }
    }
    settle(world, host, &entry.id, verdicts).await;
}

/// Recipients by domain, in the order in which the domains stand in the envelope.
fn by_domain(recipients: &[String]) -> Vec<(String, Vec<String>)> {
    let mut order: Vec<(String, Vec<String>)> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    for recipient in recipients {
        let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase();
        let at = *place.entry(domain.clone()).or_insert_with(|| {
            order.push((domain, Vec::new()));
            order.len() - 1
        });
        order[at].1.push(recipient.clone());
    }
    order
}

async fn settle(world: &World, host: &Host, id: &str, verdicts: Vec<(String, Verdict)>) {
    let now = world.clock.now();
    let report = world.with_queue(host, |queue| queue.settle(id, verdicts, now));
    let reported = match report {
        Some((entry, told)) => report_to_sender(world, host, &entry, &told, now).await,
        None => Ok(()),
    };
    let left = world.with_queue(host, |queue| queue.get(id).cloned());
    if reported.is_ok() {
        // Where the disk does not take the note, or the notification before it, the message is tried once more after a
        // restart: twice rather than not at all.
        let _ = world.note(host, id, left).await;
    }
}

/// Queue the notification. It is on the disk, if there is one, before the failure is struck off there.
async fn report_to_sender(
    world: &World,
    host: &Host,
    entry: &Entry,
    told: &[Told],
    now: Instant,
) -> Result<(), Unkept> {
    let notification = notification(host, entry, told, now);
    let kept = world.spool(host, &notification).await;
    let (new, to) = (notification.id.clone(), entry.sender.clone());
    let worst = told.iter().map(|told| told.action).min().unwrap_or(Action::Failed);
    world.with_queue(host, |queue| {
        queue.accept(notification);
        queue.reported(&entry.id, &new, &to, worst);
    });
    host.bell.notify_one();
    kept
}

/// The delivery status notification: from nobody, to the envelope's sender.
fn notification(host: &Host, entry: &Entry, told: &[Told], now: Instant) -> Entry {
    let unique = host.unique();
    let report = Report {
        reporter: &host.spec.name,
        sender: &entry.sender,
        id: &entry.id,
        envid: entry.wishes.envid.as_deref(),
        full: entry.wishes.ret == Some(Ret::Full),
        arrived: entry.arrived,
        at: now,
        unique: &unique,
        told,
        message: &entry.message,
    };
    let message = dsn::write(&report);
    Entry {
        id: host.next_queue_id(),
        sender: String::new(),
        waiting: vec![entry.sender.clone()],
        wishes: Wishes::default(),
        message: message.into(),
        smtputf8: report.is_international(),
        arrived: now,
        attempts: 0,
        next: now,
    }
}
