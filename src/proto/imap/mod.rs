//! IMAP (RFC 3501, RFC 9051): framing, grammar with spans, phases, server and client machines.
