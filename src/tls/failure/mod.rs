//! [`HandshakeFailure`]: why a TLS connection did not come about, in the operator's words.
//!
//! The TLS library's own texts are for those who write TLS libraries. Here every cause has a
//! stable code, a sentence that says who refused whom and over which certificate, the alert that
//! was sent or received, what SAP shows for it, and what to do next. No byte of the peer's gets
//! into a text unescaped.

mod advice;
mod cause;
mod reading;

use std::fmt;
use std::io;

use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError, Error};

pub use crate::tls::failure::cause::Cause;

use crate::certs::CertificateFacts;
use crate::certs::path::{Reason, Refusal};

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer called us: it is the client.
    Inbound,
    /// We called the peer: it is the server.
    Outbound,
}

impl Direction {
    /// What the peer is.
    pub const fn peer(self) -> &'static str {
        match self {
            Self::Inbound => "client",
            Self::Outbound => "server",
        }
    }
}

/// The alert that ended a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    /// We told the peer.
    Sent(AlertDescription),
    /// The peer told us.
    Received(AlertDescription),
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, alert) = match self {
            Self::Sent(alert) => ("sent", alert),
            Self::Received(alert) => ("received", alert),
        };
        write!(
            f,
            "{verb} alert {} ({})",
            cause::alert_name(*alert),
            u8::from(*alert)
        )
    }
}

/// Why a TLS connection did not come about.
///
/// Displays as one line; [`HandshakeFailure::hint`] and [`HandshakeFailure::seen_in_sap`] go with
/// it where there is room.
#[derive(Debug, Clone, PartialEq)]
pub struct HandshakeFailure(Box<Details>);

#[derive(Debug, Clone, PartialEq)]
struct Details {
    direction: Direction,
    cause: Cause,
    alert: Option<Alert>,
    certificate: Option<CertificateFacts>,
    refusal: Option<Refusal>,
}

impl HandshakeFailure {
    /// A failure with a cause that is known already.
    pub fn new(direction: Direction, cause: Cause) -> Self {
        Self(Box::new(Details {
            direction,
            cause,
            alert: None,
            certificate: None,
            refusal: None,
        }))
    }

    /// Reads the cause out of what the stream returned.
    ///
    /// Also for errors of the first read: in TLS 1.3 a client has finished its handshake before
    /// the server looks at its certificate, so the refusal arrives there.
    pub fn from_io(error: &io::Error, direction: Direction) -> Self {
        let library = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Error>());
        match library {
            Some(error) => Self::from_tls(error, direction),
            None => Self::new(direction, Cause::of_io(error)),
        }
    }

    /// What the peer's TLS had to say, if a read of our own connection broke because of that and
    /// not because of the network.
    pub fn in_stream(error: &io::Error) -> Option<Self> {
        let library = error.get_ref()?.downcast_ref::<Error>()?;
        Some(Self::from_tls(library, Direction::Outbound))
    }

    /// Reads the cause out of the TLS library's error.
    pub fn from_tls(error: &Error, direction: Direction) -> Self {
        let mut failure = Self::new(direction, Cause::of_tls(error));
        failure.0.alert = alert_of(error);
        failure
    }

    /// Reads the cause out of a judgement outside of a handshake: the peer is told nothing.
    pub(super) fn of_judgement(error: &Error, direction: Direction) -> Self {
        Self::new(direction, Cause::of_tls(error))
    }

    /// The handshake took longer than the caller allowed.
    pub fn timed_out(direction: Direction) -> Self {
        Self::new(direction, Cause::TimedOut)
    }

    /// Adds the certificate that the peer had shown.
    #[must_use]
    pub(super) fn over(mut self, shown: Option<&CertificateDer<'_>>) -> Self {
        self.0.certificate = shown.and_then(|der| CertificateFacts::of(der).ok());
        if let (Cause::NameMismatch { expected, .. }, Some(facts)) =
            (&self.0.cause, &self.0.certificate)
            && !facts.has_alternative_names
        {
            self.0.cause = Cause::NoAlternativeName {
                expected: expected.clone(),
                common_name: facts.common_name().map(str::to_owned),
            };
        }
        self
    }

    /// Adds why the peer's chain was refused, if that is what this failure is about.
    #[must_use]
    pub(super) fn because(mut self, refusal: Option<Refusal>) -> Self {
        let is_about_names = matches!(
            self.0.cause,
            Cause::NameMismatch { .. } | Cause::NoAlternativeName { .. }
        );
        if matches!(self.0.alert, Some(Alert::Sent(_))) && !is_about_names {
            self.0.refusal = refusal;
        }
        self
    }

    /// What the sentence does not say yet: another certificate than the peer's own is to blame, or
    /// there is more to say about that one.
    fn details(&self) -> Option<&Refusal> {
        let refusal = self.0.refusal.as_ref()?;
        let leaf = self.0.certificate.as_ref().map(|facts| &facts.subject);
        let is_told = matches!(
            refusal.reason,
            Reason::UnknownIssuer
                | Reason::Expired { .. }
                | Reason::NotYetValid { .. }
                | Reason::WrongPurpose(_)
                | Reason::AuthorityAsLeaf
        );
        (!is_told || leaf != Some(&refusal.subject)).then_some(refusal)
    }

    /// Who called whom.
    pub fn direction(&self) -> Direction {
        self.0.direction
    }

    /// The cause.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Whether a session was taken up whose certificate is not accepted any more: the next attempt
    /// is a full handshake.
    pub fn is_of_a_stale_session(&self) -> bool {
        self.0.cause == Cause::StaleSession
    }

    /// The alert that was sent or received, if one was.
    pub fn alert(&self) -> Option<Alert> {
        self.0.alert
    }

    /// The certificate the peer had shown, if it came to that.
    pub fn certificate(&self) -> Option<&CertificateFacts> {
        self.0.certificate.as_ref()
    }

    /// A stable short code for log fields and metrics.
    pub fn code(&self) -> &'static str {
        self.0.cause.code()
    }

    /// What to do next.
    pub fn hint(&self) -> &'static str {
        advice::hint(&self.0.cause, self.0.direction)
    }

    /// What the administrator sees in SAP when SAP is the peer.
    pub fn seen_in_sap(&self) -> Option<&'static str> {
        advice::seen_in_sap(&self.0.cause, self.0.direction)
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.cause.describe(self.0.direction.peer(), f)?;
        if let Some(facts) = &self.0.certificate {
            write!(
                f,
                "; certificate of \"{}\", serial {}, issued by \"{}\", valid {} to {}",
                facts.subject, facts.serial, facts.issuer, facts.not_before, facts.not_after
            )?;
        }
        if let Some(refusal) = self.details() {
            write!(f, "; {refusal}")?;
        }
        match &self.0.alert {
            Some(alert) => write!(f, "; {alert}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for HandshakeFailure {}

/// The alert that the TLS library sends, or has received, with an error.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list is open; what it sends for the rest is its own affair"
)]
fn alert_of(error: &Error) -> Option<Alert> {
    match error {
        Error::AlertReceived(alert) => Some(Alert::Received(*alert)),
        Error::InvalidCertificate(refused) => Some(Alert::Sent(sent_for(refused))),
        Error::NoCertificatesPresented => Some(Alert::Sent(AlertDescription::CertificateRequired)),
        Error::InvalidMessage(malformed) => Some(Alert::Sent((*malformed).into())),
        _ => None,
    }
}

fn sent_for(refused: &CertificateError) -> AlertDescription {
    refused.clone().into()
}

#[cfg(test)]
mod tests;
