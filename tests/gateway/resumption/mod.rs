//! Sessions are taken up where they were granted and as long as they would be granted again, by
//! clients of rustls and of OpenSSL, in both versions of TLS, from the cache and by ticket.

mod any_course;
mod revoked;
mod sessions;
