//! Fetching by IMAP.
use super::Client;

/// Fetch.
///
/// # Errors
/// Why not, in words.
pub async fn fetch(mua: &Client) -> Result<String, String> {
    let _ = mua;
    Err("not yet".to_owned())
}
