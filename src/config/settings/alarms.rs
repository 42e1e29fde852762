//! Who is told when something is about to end.

use std::fmt;
use std::time::Duration;

use crate::config::problem::Place;
use crate::config::settings::FileRef;
use crate::model::{HostPort, Scheme, Secret};

/// `[Alarms]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlarmSettings {
    /// Where alarms are posted to; `None`: the log alone tells.
    pub webhook: Option<WebhookSettings>,
}

/// `Webhook` and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// `Webhook`.
    pub url: WebhookUrl,
    /// `WebhookCaFile`; `None`: the authorities of the machine.
    pub ca: Option<FileRef>,
    /// `WebhookTimeout`: for one post, from the dial to the answer.
    pub timeout: Duration,
    /// The key `Webhook`, for messages.
    pub place: Place,
}

/// Where alarms are posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookUrl {
    /// Plain or in TLS.
    pub scheme: Scheme,
    /// The host and its port.
    pub target: HostPort,
    /// What is posted to there, with its first slash. Many put a secret there.
    pub path: Secret<String>,
}

impl fmt::Display for WebhookUrl {
    /// Without the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}/...", self.target)
    }
}
