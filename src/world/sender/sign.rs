//! Signing what a domain's own users hand in (RFC 6376 §5): at the server that knows who they are.

use super::signer;
use crate::proto::policy::dkim::Signing;
use crate::proto::policy::dmarc::author_domains;
use crate::proto::policy::letter::Letter;
use crate::proto::policy::name;
use crate::proto::smtp::server::Message;
use crate::trace::Fact;
use crate::world::hosts::{Host, World};

/// The signature for a message that one of our users hands in, where this host signs for the domain in From:.
pub fn signature(world: &World, host: &Host, message: &Message) -> Option<String> {
    message.authenticated.as_ref()?;
    let authors = author_domains(&Letter::read(&message.data));
    let [author] = authors.as_slice() else { return None };
    let domain = host.spec.sign.iter().find(|domain| name::same(domain, author))?;
    let signer = signer(&world.scenario, domain)?;
    let how = Signing { now: Some(world.clock.now().as_secs()), ..Signing::default() };
    let field = signer.sign(&message.data, &how)?;
    world.fact(
        host,
        Fact::Signed {
            field: "DKIM-Signature".to_owned(),
            domain: signer.domain.clone(),
            selector: signer.selector.clone(),
            algorithm: signer.key.algorithm().name().to_owned(),
        },
    );
    Some(field)
}
