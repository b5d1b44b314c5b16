//! DNS over TCP: a query after its length in two octets, and the answer likewise (RFC 1035 §4.2.2).

use crate::world::net::{BoxFuture, Connection, Listener, Responder};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Ask one question on a connection that is being opened, and close it.
///
/// # Errors
/// What the connection says.
pub async fn ask(connecting: BoxFuture<io::Result<Connection>>, query: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut stream = connecting.await?.stream;
    stream.write_all(&framed(&query)).await?;
    let answer = read_message(&mut stream).await?;
    stream.shutdown().await?;
    answer.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Answer questions on every connection that comes.
pub async fn serve(mut listener: Listener, responder: Responder) {
    while let Some(connection) = listener.recv().await {
        let responder = responder.clone();
        tokio::spawn(async move {
            let mut stream = connection.stream;
            while let Ok(Some(query)) = read_message(&mut stream).await {
                let Some(answer) = responder(&query) else { break };
                if stream.write_all(&framed(&answer)).await.is_err() {
                    break;
                }
            }
            let _ = stream.shutdown().await;
        });
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), &message[..usize::from(length)]].concat()
}

/// The next message, or `None` at the end of the stream.
async fn read_message(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let Ok(length) = stream.read_u16().await else { return Ok(None) };
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}
