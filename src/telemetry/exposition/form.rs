//! [`Form`]: which of the two texts a reader wants.

/// A form of exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Prometheus text, version 0.0.4: what every reader understands.
    Text,
    /// `OpenMetrics` 1.0.0, for readers that ask for it.
    OpenMetrics,
}

impl Form {
    /// The form that the value of an `Accept` field asks for. `OpenMetrics` has to be named, and not
    /// to be wanted less than plain text.
    pub fn accepted(accept: Option<&str>) -> Self {
        let mut open = 0;
        let mut plain = 0;
        for range in accept.into_iter().flat_map(|accept| accept.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let mut weight = 1_000;
            let mut version = "1.0.0";
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                if name.trim().eq_ignore_ascii_case("q") {
                    weight = thousandths(value.trim());
                } else if name.trim().eq_ignore_ascii_case("version") {
                    version = value.trim().trim_matches('"');
                }
            }
            if media.eq_ignore_ascii_case("application/openmetrics-text") && version == "1.0.0" {
                open = open.max(weight);
            } else if media.eq_ignore_ascii_case("text/plain") {
                plain = plain.max(weight);
            }
        }
        if open > 0 && open >= plain {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    /// The value of `Content-Type` for it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A weight such as `0.75`; what is none counts as nothing, and the form that all read is taken.
fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    let padded = part.chars().chain("000".chars()).take(3);
    let part: Option<u32> = padded.collect::<String>().parse().ok();
    match (whole, part) {
        ("1", _) => 1_000,
        ("0", Some(part)) => part,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_goes_to_those_who_name_it_and_want_it_no_less_than_plain_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,\
             application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,\
             */*;q=0.1";
        for (accept, form) in [
            (Some(prometheus), Form::OpenMetrics),
            (Some("application/openmetrics-text"), Form::OpenMetrics),
            (
                Some("text/plain;q=0.5, Application/OpenMetrics-Text; version=\"1.0.0\"; q=0.5"),
                Form::OpenMetrics,
            ),
            (
                Some("text/plain, application/openmetrics-text;q=0.9"),
                Form::Text,
            ),
            (Some("application/openmetrics-text;q=0"), Form::Text),
            (Some("application/openmetrics-text;q=x"), Form::Text),
            (
                Some("application/openmetrics-text;version=2.0.0"),
                Form::Text,
            ),
            (Some("text/html, */*"), Form::Text),
            (Some(",;=;q"), Form::Text),
            (Some(""), Form::Text),
            (None, Form::Text),
        ] {
            assert_eq!(Form::accepted(accept), form, "{accept:?}");
        }
    }
}
