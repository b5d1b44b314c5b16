//! POP3 (RFC 1939): grammar with spans, phases, server and client machines.
