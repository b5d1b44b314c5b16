//! Our span walker over DNS messages (RFC 1035 §4).
