//! Who is sent what became of exchanges, in the form of OpenTelemetry.

use std::time::Duration;

use crate::config::problem::Place;
use crate::config::settings::{FileRef, WebhookUrl};
use crate::model::SampleRatio;

/// `[Traces]`, where there is an `Endpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// `Endpoint`: where spans are posted to.
    pub endpoint: WebhookUrl,
    /// `SampleRatio`: the part of the traces that begin here.
    pub ratio: SampleRatio,
    /// `ServiceName`: under which name spans are sent.
    pub service: String,
    /// `CaFile`; `None`: the authorities of the machine.
    pub ca: Option<FileRef>,
    /// `HeadersFile`: fields that go with each post; one may be a secret.
    pub headers: Option<FileRef>,
    /// `Timeout`: for one post, from the dial to the answer.
    pub timeout: Duration,
    /// The key `Endpoint`, for messages.
    pub place: Place,
}
