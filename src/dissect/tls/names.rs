//! What the numbers of TLS are called, by the registries of IANA (RFC 8446 §11, RFC 8447).

/// A version: `TLS 1.2`.
pub(super) fn version(bytes: &[u8]) -> String {
    match bytes {
        [3, 0] => "SSL 3.0".to_owned(),
        [3, minor @ 1..=4] => format!("TLS 1.{}", minor - 1),
        [high, low] => format!("version {high}.{low}"),
        _ => "an unknown version".to_owned(),
    }
}

/// A handshake message, as a Step's verb (RFC 8446 §4, RFC 5246 §7.4).
pub(super) fn handshake(kind: u8) -> &'static str {
    match kind {
        0 => "HELLO-REQUEST",
        1 => "CLIENT-HELLO",
        2 => "SERVER-HELLO",
        4 => "NEW-SESSION-TICKET",
        11 => "CERTIFICATE",
        12 => "SERVER-KEY-EXCHANGE",
        13 => "CERTIFICATE-REQUEST",
        14 => "SERVER-HELLO-DONE",
        15 => "CERTIFICATE-VERIFY",
        16 => "CLIENT-KEY-EXCHANGE",
        20 => "FINISHED",
        22 => "CERTIFICATE-STATUS",
        _ => "HANDSHAKE",
    }
}

/// An extension's part.
pub(super) fn extension(kind: usize) -> &'static str {
    match kind {
        0 => "server-name",
        10 => "supported-groups",
        13 => "signature-algorithms",
        16 => "alpn",
        35 => "session-ticket",
        43 => "supported-versions",
        51 => "key-share",
        _ => "extension",
    }
}

/// An alert, as RFC 8446 §6 spells it.
pub(super) fn alert(what: u8) -> String {
    let name = match what {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        other => return format!("alert {other}"),
    };
    name.to_owned()
}

/// A cipher suite: those that mail servers and clients of the last fifteen years choose; others by number.
pub(super) fn suite(bytes: &[u8]) -> String {
    let &[high, low] = bytes else { return "an unknown suite".to_owned() };
    let name = match (high, low) {
        (0x13, 0x01) => "TLS_AES_128_GCM_SHA256",
        (0x13, 0x02) => "TLS_AES_256_GCM_SHA384",
        (0x13, 0x03) => "TLS_CHACHA20_POLY1305_SHA256",
        (0x00, 0x04) => "TLS_RSA_WITH_RC4_128_MD5",
        (0x00, 0x05) => "TLS_RSA_WITH_RC4_128_SHA",
        (0x00, 0x0a) => "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        (0x00, 0x2f) => "TLS_RSA_WITH_AES_128_CBC_SHA",
        (0x00, 0x33) => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
        (0x00, 0x35) => "TLS_RSA_WITH_AES_256_CBC_SHA",
        (0x00, 0x39) => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
        (0x00, 0x3c) => "TLS_RSA_WITH_AES_128_CBC_SHA256",
        (0x00, 0x3d) => "TLS_RSA_WITH_AES_256_CBC_SHA256",
        (0x00, 0x88) => "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA",
        (0x00, 0x9c) => "TLS_RSA_WITH_AES_128_GCM_SHA256",
        (0x00, 0x9d) => "TLS_RSA_WITH_AES_256_GCM_SHA384",
        (0x00, 0x9e) => "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
        (0x00, 0x9f) => "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
        (0xc0, 0x09) => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        (0xc0, 0x0a) => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        (0xc0, 0x13) => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        (0xc0, 0x14) => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        (0xc0, 0x27) => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
        (0xc0, 0x28) => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
        (0xc0, 0x2b) => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        (0xc0, 0x2c) => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        (0xc0, 0x2f) => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        (0xc0, 0x30) => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        (0xcc, 0xa8) => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        (0xcc, 0xa9) => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        _ => return format!("suite {high:#04x} {low:#04x}"),
    };
    name.to_owned()
}
