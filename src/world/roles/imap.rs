//! The IMAP server of a host.
use crate::world::faults::Faults;
use crate::world::hosts::{Host, World};
use crate::world::net::Connection;
use std::sync::Arc;

/// Serve one connection.
pub async fn serve(world: Arc<World>, host: Arc<Host>, faults: Arc<Faults>, connection: Connection) {
    let _ = (world, host, faults, connection);
}
