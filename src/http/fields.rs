//! [`FieldKind`]: what a header field means to a gateway.
//!
//! Names are compared without case and with `_` read as `-`, because the servers behind us do so
//! too: `SSL_CLIENT_CERT`, `Ssl-Client-Cert` and `ssl-client_cert` are one name to them.

/// What a header field means to a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldKind {
    /// Which host the caller means.
    Host,
    /// How long the body is.
    ContentLength,
    /// That the body is chunked.
    TransferEncoding,
    /// Which fields are for this hop only, and whether the connection stays.
    Connection,
    /// For this hop only; never sent on.
    HopByHop,
    /// Asks for another protocol.
    Upgrade,
    /// `Expect`.
    Expect,
    /// A claim about who the caller is, which only the gateway may make; never sent on.
    IdentityClaim,
    /// A look-alike of a framing field: `Content_Length`, `Transfer_Encoding`.
    LookAlike,
    /// `Content-Type`.
    ContentType,
    /// `SOAPAction`.
    SoapAction,
    /// `traceparent`: to which trace the request belongs.
    TraceParent,
    /// `tracestate`: what systems of tracing have to say of it.
    TraceState,
    /// The end's own business: sent on untouched.
    EndToEnd,
}

/// Names that are exactly one of these, in lower case and with dashes.
const EXACT: &[(&[u8], FieldKind)] = &[
    (b"host", FieldKind::Host),
    (b"connection", FieldKind::Connection),
    (b"content-length", FieldKind::ContentLength),
    (b"content-type", FieldKind::ContentType),
    (b"soapaction", FieldKind::SoapAction),
    (b"transfer-encoding", FieldKind::TransferEncoding),
    (b"expect", FieldKind::Expect),
    (b"traceparent", FieldKind::TraceParent),
    (b"tracestate", FieldKind::TraceState),
    (b"upgrade", FieldKind::Upgrade),
    (b"http2-settings", FieldKind::Upgrade),
    (b"keep-alive", FieldKind::HopByHop),
    (b"te", FieldKind::HopByHop),
    (b"trailer", FieldKind::HopByHop),
    (b"trailers", FieldKind::HopByHop),
    (b"via", FieldKind::IdentityClaim),
    (b"forwarded", FieldKind::IdentityClaim),
    (b"clientprotocol", FieldKind::IdentityClaim),
    (b"client-protocol", FieldKind::IdentityClaim),
    (b"x-client-protocol", FieldKind::IdentityClaim),
    (b"x-real-ip", FieldKind::IdentityClaim),
    (b"x-remote-user", FieldKind::IdentityClaim),
    (b"remote-user", FieldKind::IdentityClaim),
    (b"x-client-dn", FieldKind::IdentityClaim),
    (b"x-client-verify", FieldKind::IdentityClaim),
    (b"x-arr-clientcert", FieldKind::IdentityClaim),
    (b"x-arr-ssl", FieldKind::IdentityClaim),
    (b"front-end-https", FieldKind::IdentityClaim),
    (b"l5d-client-id", FieldKind::IdentityClaim),
];

/// Names that begin with one of these. `ssl-` covers `SSL_CLIENT_CERT`, its chain and the cipher
/// fields of ICM, and Apache's whole `SSL_*` family.
const PREFIXES: &[(&[u8], FieldKind)] = &[
    (b"ssl-", FieldKind::IdentityClaim),
    (b"x-ssl-", FieldKind::IdentityClaim),
    (b"x-tls-", FieldKind::IdentityClaim),
    (b"client-cert", FieldKind::IdentityClaim),
    (b"x-client-cert", FieldKind::IdentityClaim),
    (b"x-forwarded-", FieldKind::IdentityClaim),
    (b"x-amzn-mtls-", FieldKind::IdentityClaim),
    (b"proxy-", FieldKind::HopByHop),
];

/// Classifies a field by its name.
pub(super) fn classify(name: &[u8]) -> FieldKind {
    let kind = EXACT
        .iter()
        .find(|(known, _)| name.len() == known.len() && folds_to(name, known))
        .or_else(|| {
            PREFIXES.iter().find(|(prefix, _)| {
                name.get(..prefix.len())
                    .is_some_and(|start| folds_to(start, prefix))
            })
        })
        .map_or(FieldKind::EndToEnd, |(_, kind)| *kind);
    let framing = matches!(
        kind,
        FieldKind::ContentLength | FieldKind::TransferEncoding | FieldKind::Upgrade
    );
    if framing && name.contains(&b'_') {
        FieldKind::LookAlike
    } else {
        kind
    }
}

/// Whether two field names are one name to the servers behind us.
pub(super) fn same_name(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| fold(*a) == fold(*b))
}

fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    name.iter().zip(folded).all(|(a, b)| fold(*a) == *b)
}

const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' => b'-',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_claim_is_known_in_every_spelling() {
        for name in [
            "SSL_CLIENT_CERT",
            "ssl-client-cert",
            "Ssl_Client-Cert_Chain_1",
            "SSL_CIPHER_SUITE",
            "Client-Cert",
            "client_cert_chain",
            "X-Forwarded-For",
            "x_forwarded_client_cert",
            "X-SSL-Client-DN",
            "Forwarded",
            "Via",
            "ClientProtocol",
        ] {
            assert_eq!(
                classify(name.as_bytes()),
                FieldKind::IdentityClaim,
                "{name}"
            );
        }
    }

    #[test]
    fn a_look_alike_of_a_framing_field_is_no_ordinary_field() {
        for name in ["Content_Length", "transfer_encoding", "TRANSFER_ENCODING"] {
            assert_eq!(classify(name.as_bytes()), FieldKind::LookAlike, "{name}");
        }
        assert_eq!(classify(b"Content-Length"), FieldKind::ContentLength);
        assert_eq!(classify(b"tRANSFER-eNCODING"), FieldKind::TransferEncoding);
    }

    #[test]
    fn what_only_resembles_a_known_name_is_the_ends_own_business() {
        for name in [
            "SSL",
            "Clientele",
            "X-Forwarded",
            "Hosts",
            "sap-contextid",
            "Cookie",
            "Viable",
        ] {
            assert_eq!(classify(name.as_bytes()), FieldKind::EndToEnd, "{name}");
        }
    }

    #[test]
    fn fields_for_this_hop_are_known() {
        for name in [
            "Keep-Alive",
            "TE",
            "Trailer",
            "Proxy-Connection",
            "Proxy-Authorization",
        ] {
            assert_eq!(classify(name.as_bytes()), FieldKind::HopByHop, "{name}");
        }
    }
}
