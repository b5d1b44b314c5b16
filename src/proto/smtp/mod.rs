//! SMTP (RFC 5321): grammar with spans, codes, phases, server and client machines.
