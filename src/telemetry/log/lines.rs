//! What a line looks like, and that it stays one.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::model::Clock;
use crate::telemetry::escape::OneLine;
use crate::telemetry::sink::{LineSink, LogForm};
use crate::telemetry::stamp;
use crate::telemetry::target::Notice;

/// How lines look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) form: LogForm,
    /// Whether a line begins with its importance, where that is not the usual one: `<4>` for a warning.
    pub(super) has_priority: bool,
}

/// The numbers are those of syslog. Lines without one are taken for information.
const fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}

/// The layer that turns events into lines.
pub(super) fn layer<S>(look: Look, clock: Clock, sink: LineSink) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(move || sink.clone());
    let format = Format::default().with_timer(Stamp(clock));
    match look.form {
        LogForm::Text => layer.event_format(Safe { format, look }).boxed(),
        LogForm::Json => {
            // The list holds the current span too.
            let format: Format<Json, Stamp> =
                format.json().flatten_event(true).with_current_span(false);
            layer
                .fmt_fields(JsonFields::new())
                .event_format(Safe { format, look })
                .boxed()
        }
    }
}

/// Says at most once a second that lines are missing.
pub(super) fn notice(look: Look, clock: Clock) -> Notice {
    let priority = if look.has_priority {
        priority(Level::WARN)
    } else {
        ""
    };
    let mut told = 0;
    let mut told_at = None;
    Box::new(move |total| {
        let now = clock.since_epoch();
        if total <= told || told_at == Some(now.as_secs()) {
            return None;
        }
        let lost = total.saturating_sub(told);
        told = total;
        told_at = Some(now.as_secs());
        Some(stamp::with(now, |time| match look.form {
            LogForm::Text => {
                format!(
                    "{priority}{time}  WARN crmgate::log: lines lost lost={lost} total={total}\n"
                )
            }
            LogForm::Json => format!(
                "{priority}{{\"timestamp\":\"{time}\",\"level\":\"WARN\",\"message\":\"lines lost\",\
                 \"lost\":{lost},\"total\":{total},\"target\":\"crmgate::log\"}}\n"
            ),
        }))
    })
}

/// Wall time from the one clock.
#[derive(Debug)]
struct Stamp(Clock);

impl FormatTime for Stamp {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        stamp::with(self.0.since_epoch(), |time| out.write_str(time))
    }
}

/// Any event format, with everything escaped that would break its line.
struct Safe<F> {
    format: F,
    look: Look,
}

impl<S, N, F> FormatEvent<S, N> for Safe<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.look.has_priority {
            out.write_str(priority(*event.metadata().level()))?;
        }
        let mut line = OneLine::new(&mut out, self.look.form);
        self.format
            .format_event(context, Writer::new(&mut line), event)?;
        out.write_char('\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Look = Look {
        form: LogForm::Text,
        has_priority: false,
    };

    #[test]
    fn missing_lines_are_a_warning_for_the_journal_too() {
        let look = Look {
            has_priority: true,
            ..TEXT
        };
        let said = notice(look, Clock::system())(1).expect("news");
        assert!(said.starts_with("<4>2"), "{said}");
    }

    #[test]
    fn missing_lines_are_told_once_and_at_most_once_a_second() {
        let clock = Clock::system();
        let mut text = notice(TEXT, clock.clone());
        assert_eq!(text(0), None);
        let said = text(3).expect("news");
        assert!(
            said.ends_with("Z  WARN crmgate::log: lines lost lost=3 total=3\n"),
            "{said}"
        );
        clock.shift(10);
        assert_eq!(text(3), None);
        let said = text(5).expect("news");
        assert!(said.ends_with("lost=2 total=5\n"), "{said}");
    }

    #[test]
    fn missing_lines_are_told_in_json_too() {
        let mut json = notice(
            Look {
                form: LogForm::Json,
                has_priority: false,
            },
            Clock::system(),
        );
        let said = json(7).expect("news");
        let said: serde_json::Value = serde_json::from_str(&said).expect("json");
        assert_eq!(said["lost"], 7);
        assert_eq!(said["level"], "WARN");
    }
}
