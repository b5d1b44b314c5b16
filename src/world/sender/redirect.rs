//! Sending on: a forwarding address keeps the envelope sender and changes nothing; a mailing list puts its own there,
//! a tag before the subject and a footer below the text (RFC 5321 §3.9). A forwarder may seal by ARC what it found.

use super::signer;
use crate::proto::policy::arc::{ArcResult, Sealing, seal};
use crate::proto::policy::authres::Results;
use crate::proto::policy::letter::Letter;
use crate::proto::policy::name;
use crate::trace::Fact;
use crate::world::hosts::{Host, World};
use crate::world::queue::Entry;
use crate::world::scenario::Redirect;

/// The message as it goes on, as an entry for the queue.
pub fn onward(world: &World, host: &Host, entry: &Entry, redirect: &Redirect) -> Entry {
    let is_list = !redirect.tag.is_empty() || !redirect.footer.is_empty();
    let mut message = if is_list { of_list(&entry.message, redirect) } else { entry.message.to_vec() };
    if let Some(fields) = sealed(world, host, &message, &entry.message, redirect) {
        message.splice(0..0, fields.into_bytes());
    }
    let now = world.clock.now();
    // A report about a report must not be sent, so the empty sender stays (RFC 5321 §4.5.5).
    let keeps = redirect.sender.is_empty() || entry.sender.is_empty();
    let sender = if keeps { entry.sender.clone() } else { redirect.sender.clone() };
    Entry {
        id: host.next_queue_id(),
        sender,
        waiting: redirect.to.clone(),
        message: message.into(),
        arrived: now,
        attempts: 0,
        next: now + world.handling,
        // Nothing that was asked goes on to others: a list must not (RFC 3461 §5.2.7.1), and who forwards to several
        // may not say to which.
        wishes: crate::world::wishes::Wishes::default(),
        ..entry.clone()
    }
}

/// The three ARC fields, where this forwarder seals: what it found is in its own field on top of what it took.
fn sealed(world: &World, host: &Host, message: &[u8], taken: &[u8], redirect: &Redirect) -> Option<String> {
    let signer = signer(&world.scenario, &redirect.seal)?;
    let letter = Letter::read(taken);
    let own = letter.fields.first().filter(|field| field.is("Authentication-Results"));
    let found = own.map(|field| Results::parse(field.value()).0);
    let found = found.filter(|found| name::same(&found.server, &host.spec.name));
    let found = found.unwrap_or_else(|| Results { server: host.spec.name.clone(), results: Vec::new() });
    let chain = match found.results.iter().find(|result| result.method == "arc") {
        Some(result) if result.result == "pass" => ArcResult::Pass,
        Some(_) => ArcResult::Fail,
        None => ArcResult::None,
    };
    let sealing = Sealing { results: found.payload(), chain, now: world.clock.now().as_secs() };
    let fields = seal(message, &signer, &sealing)?;
    let algorithm = signer.key.algorithm().name().to_owned();
    let (domain, selector) = (signer.domain.clone(), signer.selector.clone());
    world.fact(host, Fact::Signed { field: "ARC-Seal".to_owned(), domain, selector, algorithm });
    Some(fields)
}

/// The message as a list sends it: who it is (RFC 2919), its tag, its footer.
fn of_list(message: &[u8], redirect: &Redirect) -> Vec<u8> {
    let letter = Letter::read(message);
    let header = message.len() - letter.body.len();
    let mut out = Vec::with_capacity(message.len() + 200);
    let mut tagged = redirect.tag.is_empty();
    let mut at = 0;
    for field in &letter.fields {
        // Lines that are no fields stand between them as they are.
        out.extend_from_slice(&message[at..field.at]);
        at = field.at + field.raw.len();
        if field.is("Subject") && !tagged {
            tagged = true;
            let subject = String::from_utf8_lossy(field.value()).trim_start().to_owned();
            out.extend_from_slice(format!("Subject: {} {subject}", redirect.tag).as_bytes());
        } else {
            out.extend_from_slice(field.raw);
        }
    }
    let (local, domain) = redirect.address.rsplit_once('@').unwrap_or((&redirect.address, ""));
    out.extend_from_slice(format!("List-Id: <{local}.{domain}>\r\n").as_bytes());
    out.extend_from_slice(&message[at..header]);
    out.extend_from_slice(letter.body);
    for line in redirect.footer.lines() {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out
}
