//! The web console: the files that a browser gets, as they stand in the program.
//!
//! They hold no data, so anybody may have them who reaches the listener; what they show they fetch
//! from the routes beside, each with its own role. They are no part of what can be asked by
//! programs, so they stand in this table and not in that of the routes.
//!
//! The pages are written by hand, as browsers understand them: there is no build step, and nothing
//! comes from elsewhere. `console.js` is where they begin.

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

use super::bodies::{Answer, typed};
use crate::certs::digest::sha256;
use crate::model::Fingerprint;

/// One file of the console.
#[derive(Debug)]
pub(super) struct Asset {
    /// Where a browser asks for it.
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! asset {
    ($path:literal, $kind:expr, $file:literal) => {
        Asset {
            path: $path,
            kind: $kind,
            text: include_str!($file),
        }
    };
}

/// The files.
const ASSETS: &[Asset] = &[
    asset!("/", HTML, "index.html"),
    asset!("/assets/console.css", STYLE, "console.css"),
    asset!("/assets/icon.svg", PICTURE, "icon.svg"),
    asset!("/assets/console.js", SCRIPT, "console.js"),
    asset!("/assets/certificates.js", SCRIPT, "certificates.js"),
    asset!("/assets/charts.js", SCRIPT, "charts.js"),
    asset!("/assets/configuration.js", SCRIPT, "configuration.js"),
    asset!("/assets/exposition.js", SCRIPT, "exposition.js"),
    asset!("/assets/generations.js", SCRIPT, "generations.js"),
    asset!("/assets/german.js", SCRIPT, "german.js"),
    asset!("/assets/history.js", SCRIPT, "history.js"),
    asset!("/assets/latency.js", SCRIPT, "latency.js"),
    asset!("/assets/live.js", SCRIPT, "live.js"),
    asset!("/assets/orders.js", SCRIPT, "orders.js"),
    asset!("/assets/page.js", SCRIPT, "page.js"),
    asset!("/assets/preflight.js", SCRIPT, "preflight.js"),
    asset!("/assets/refusals.js", SCRIPT, "refusals.js"),
    asset!("/assets/sessions.js", SCRIPT, "sessions.js"),
    asset!("/assets/sides.js", SCRIPT, "sides.js"),
    asset!("/assets/topology.js", SCRIPT, "topology.js"),
    asset!("/assets/words.js", SCRIPT, "words.js"),
];

/// The file at a path.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The file, or that a browser has it already. It asks each time: after an update of the
    /// gateway, old files and new ones would not go together.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Answer {
        let tag = format!("\"{}\"", Fingerprint(sha256(self.text.as_bytes())));
        let known = headers.get_all(IF_NONE_MATCH).iter();
        let mut known = known.filter_map(|value| value.to_str().ok());
        let is_known = known.any(|known| known.split(',').any(|one| one.trim() == tag));
        let mut answer = if is_known {
            typed(StatusCode::NOT_MODIFIED, self.kind, "")
        } else {
            typed(StatusCode::OK, self.kind, self.text)
        };
        let headers = answer.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        answer
    }
}

#[cfg(test)]
mod tests;
