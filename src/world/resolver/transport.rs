//! How questions travel: hickory's connections over the simulated network, through the [`Exchange`] trait.
//!
//! hickory keeps its statistics by the real clock and would choose between UDP and TCP by them. So it is shown one
//! connection only, and time-outs, second tries and the way from UDP to TCP are ours, in virtual time.

use crate::trace::Transport;
use futures_util::{Stream, stream::once};
use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::DnsHandle;
use hickory_resolver::proto::op::{DnsRequest, DnsResponse, Message};
use hickory_resolver::{ConnectionProvider, PoolContext};
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long one question waits for its answer: "the minimum retransmission interval should be 2-5 seconds"
/// (RFC 1035 §4.2.1).
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a question is sent before the server is held to be silent.
pub const TRIES: usize = 2;

/// Sends one DNS message and waits for one back. Over TCP the implementor adds and removes the two length octets.
pub trait Exchange: Clone + Send + Sync + 'static {
    /// The answer's bytes; an error of kind `TimedOut` where none came within `timeout`.
    fn exchange(
        &self,
        server: SocketAddr,
        transport: Transport,
        query: Vec<u8>,
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send>>;
}

/// Gives hickory its connections.
#[derive(Clone)]
pub(super) struct Provider<E> {
    pub(super) exchange: E,
    pub(super) server: SocketAddr,
    /// Query ids, drawn in the order that questions are sent.
    pub(super) ids: Arc<Mutex<fastrand::Rng>>,
    pub(super) runtime: TokioRuntimeProvider,
}

impl<E: Exchange + Unpin> ConnectionProvider for Provider<E> {
    type Conn = Connection<E>;
    type FutureConn = Ready<Result<Connection<E>, NetError>>;
    type RuntimeProvider = TokioRuntimeProvider;

    fn new_connection(
        &self,
        _: IpAddr,
        _: &ConnectionConfig,
        _: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        Ok(ready(Ok(Connection(self.clone()))))
    }

    fn runtime_provider(&self) -> &TokioRuntimeProvider {
        &self.runtime
    }
}

/// A server that can be asked.
#[derive(Clone)]
pub(super) struct Connection<E>(Provider<E>);

impl<E: Exchange + Unpin> DnsHandle for Connection<E> {
    type Response = Pin<Box<dyn Stream<Item = Result<DnsResponse, NetError>> + Send>>;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let provider = self.0.clone();
        let (message, _) = request.into_parts();
        Box::pin(once(provider.ask(message)))
    }
}

impl<E: Exchange> Provider<E> {
    /// Ask by UDP, again where nothing comes, and by TCP where the answer was cut.
    async fn ask(self, mut message: Message) -> Result<DnsResponse, NetError> {
        let mut failure = NetError::Timeout;
        for _ in 0..TRIES {
            match self.once(&mut message, Transport::Udp).await {
                Ok(response) if response.metadata.truncation => {
                    return self.once(&mut message, Transport::Tcp).await;
                }
                Ok(response) => return Ok(response),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Send the question once, under an id of its own, so that a late answer to an earlier try is not believed.
    async fn once(&self, message: &mut Message, transport: Transport) -> Result<DnsResponse, NetError> {
        message.metadata.id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).u16(..);
        let sent = self.exchange.exchange(self.server, transport, message.to_vec()?, TIMEOUT);
        let bytes = tokio::time::timeout(TIMEOUT, sent).await.map_err(|_| NetError::Timeout)??;
        let response = DnsResponse::from_buffer(bytes)?;
        // An answer to another question, or none at all, is not ours (RFC 5452 §9.1).
        let ours = response.metadata.id == message.metadata.id
            && (response.queries.is_empty() || response.queries == message.queries);
        if ours { Ok(response) } else { Err(NetError::Message("the answer belongs to another question")) }
    }
}
