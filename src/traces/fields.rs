//! `HeadersFile`: fields that go with each post.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::config::problem::{Place, Problem, Problems};
use crate::config::settings::FileRef;

/// Reads the file; with an error among the problems nothing may be posted. No message holds what a
/// line says, since it may be a secret.
pub(super) fn read(file: &FileRef) -> (HeaderMap, Problems) {
    let mut problems = Problems::new();
    let mut fields = HeaderMap::new();
    let text = match std::fs::read_to_string(&file.path) {
        Ok(text) => text,
        Err(cause) => {
            let what = format!("HeadersFile names a file that cannot be read: {cause}");
            let hint = "give the account that runs crmgate the right to read it, as text";
            problems.push(Problem::error(file.place.clone(), what, hint));
            return (fields, problems);
        }
    };
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match field(line) {
            Ok((name, value)) => {
                fields.append(name, value);
            }
            Err((what, hint)) => {
                let place = Place::file(&file.path).line(number);
                problems.push(Problem::error(place, what, hint));
            }
        }
    }
    (fields, problems)
}

fn field(line: &str) -> Result<(HeaderName, HeaderValue), (&'static str, &'static str)> {
    let (name, value) = line.split_once(':').ok_or((
        "a line of HeadersFile is no name: value",
        "write each field as in Authorization: Bearer ..., or begin the line with #",
    ))?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_unfit| {
        (
            "a line of HeadersFile has a name that no field can have",
            "write letters, digits and dashes in front of the colon",
        )
    })?;
    if OURS.iter().any(|own| name == *own) {
        return Err((
            "a line of HeadersFile sets a field that the gateway sets itself",
            "remove the line: Host, Content-Type, Content-Length, User-Agent and what belongs to the \
             connection are not to be written",
        ));
    }
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_unfit| {
        (
            "a line of HeadersFile has a value that no field can have",
            "write letters, digits, signs and blanks (ASCII) behind the colon",
        )
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// What follows from the post itself.
const OURS: [&str; 9] = [
    "host",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "upgrade",
    "expect",
    "user-agent",
];
