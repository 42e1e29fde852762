//! The families of how things stand: sides, certificates, sessions, generations, the process.

use super::families::{Detail, SYSTEM};
use super::scrape::Authentic;
use super::text::{Samples, Shape};
use crate::model::WallTime;

const SIDE: (&str, &str) = ("side", "`A` or `B`");

pub(super) const STATES: &[Detail] = &[
    Detail {
        name: "crmgate_side_state",
        shape: Shape::Gauge,
        help: "1 for the state that a side is in, 0 for the others.",
        labels: &[SYSTEM, SIDE, ("state", "`up`, `down` or `untested`")],
        read: |scrape, out| {
            for own in &scrape.sides {
                for state in ["up", "down", "untested"] {
                    out.push(&[&own.system, &own.side, &state], own.state == state);
                }
            }
        },
    },
    Detail {
        name: "crmgate_side_active",
        shape: Shape::Gauge,
        help: "1 for the side that requests go to.",
        labels: &[SYSTEM, SIDE],
        read: |scrape, out| {
            for own in &scrape.sides {
                out.push(&[&own.system, &own.side], own.is_active);
            }
        },
    },
    Detail {
        name: "crmgate_side_drained",
        shape: Shape::Gauge,
        help: "1 for a side that an operator has taken out of service.",
        labels: &[SYSTEM, SIDE],
        read: |scrape, out| {
            for own in &scrape.sides {
                out.push(&[&own.system, &own.side], own.is_drained);
            }
        },
    },
    Detail {
        name: "crmgate_certificate_not_after_timestamp_seconds",
        shape: Shape::Gauge,
        help: "The last second in which a certificate is good.",
        labels: &[
            (
                "role",
                "`listener`, `connector` and `admin`: our own; `authority`: from CA_FILE; `server`: shown by \
                 a side or the CRM; `client`: shown by the 100 clients of each authority that were \
                 there last, within a week",
            ),
            SYSTEM,
            ("name", "the subject"),
            ("serial", "the serial number in hexadecimal"),
        ],
        read: |scrape, out| {
            for (
                Authentic {
                    role,
                    system,
                    name,
                    serial,
                },
                until,
            ) in &scrape.certificates
            {
                out.push(&[role, system, name, serial], *until);
            }
        },
    },
    Detail {
        name: "crmgate_crl_next_update_timestamp_seconds",
        shape: Shape::Gauge,
        help: "When a revocation list is to be followed by the next one; a list that names no end is not there.",
        labels: &[
            ("role", "`listener`, `connector` or `admin`: who goes by it"),
            SYSTEM,
            ("name", "the issuer of the list"),
        ],
        read: |scrape, out| {
            for (
                Authentic {
                    role, system, name, ..
                },
                until,
            ) in &scrape.lists
            {
                out.push(&[role, system, name], *until);
            }
        },
    },
    Detail {
        name: "crmgate_tls_sessions_kept",
        shape: Shape::Gauge,
        help: "TLS sessions kept here for clients that name theirs by id; a ticket is kept by its client.",
        labels: &[],
        read: |scrape, out| out.push(&[], scrape.sessions.kept),
    },
    Detail {
        name: "crmgate_tls_session_lookups_total",
        shape: Shape::Counter,
        help: "TLS sessions that clients wanted to take up again.",
        labels: &[(
            "result",
            "`found`; `unknown`, also of a ticket that no key opens any more; `refused`: known, and \
             its client would not be let in now",
        )],
        read: |scrape, out| {
            let own = &scrape.sessions;
            out.push(&[&"found"], own.found);
            out.push(&[&"unknown"], own.unknown);
            out.push(&[&"refused"], own.refused);
        },
    },
    Detail {
        name: "crmgate_ticket_key_age_seconds",
        shape: Shape::Gauge,
        help: "How old the key was that sealed the latest session ticket, when it did; the highest of all listeners.",
        labels: &[],
        read: |scrape, out| out.push(&[], scrape.sessions.key_age.as_secs()),
    },
    Detail {
        name: "crmgate_ticket_key_rotation_seconds",
        shape: Shape::Gauge,
        help: "How long a key is to seal session tickets: TicketRotation.",
        labels: &[],
        read: |scrape, out| out.push(&[], scrape.sessions.key_rotation.as_secs()),
    },
    Detail {
        name: "crmgate_ocsp_queries_total",
        shape: Shape::Counter,
        help: "Questions to OCSP responders about clients.",
        labels: &[(
            "result",
            "`good`, `withdrawn`, `unknown`, or `failed`: no answer that can be believed",
        )],
        read: |scrape, out| {
            let own = &scrape.responders;
            out.push(&[&"good"], own.good);
            out.push(&[&"withdrawn"], own.withdrawn);
            out.push(&[&"unknown"], own.unknown);
            out.push(&[&"failed"], own.failed);
        },
    },
    Detail {
        name: "crmgate_config_generation",
        shape: Shape::Gauge,
        help: "The generation of the configuration that is in force: 1 at the start, one more with each reload that succeeded.",
        labels: &[],
        read: |scrape, out| {
            maybe(out, scrape.generation.map(|generation| generation.0));
        },
    },
    Detail {
        name: "crmgate_config_last_reload_successful",
        shape: Shape::Gauge,
        help: "1 if what was read last is in force, 0 if it was refused.",
        labels: &[],
        read: |scrape, out| {
            maybe(out, scrape.last_reload.map(|reload| reload.succeeded));
        },
    },
    Detail {
        name: "crmgate_config_last_reload_timestamp_seconds",
        shape: Shape::Gauge,
        help: "When the configuration was read last, whatever came of it.",
        labels: &[],
        read: |scrape, out| {
            maybe(out, scrape.last_reload.map(|reload| reload.at));
        },
    },
    Detail {
        name: "crmgate_config_published_timestamp_seconds",
        shape: Shape::Gauge,
        help: "When the generation that is in force was put in force.",
        labels: &[],
        read: |scrape, out| {
            maybe(
                out,
                scrape.last_reload.and_then(|reload| reload.published_at),
            );
        },
    },
    Detail {
        name: "crmgate_preflight_findings",
        shape: Shape::Gauge,
        help: "What the last preflight found that was ordered of the running gateway; not there before the first.",
        labels: &[(
            "severity",
            "`error`: does not work; `warning`: works, and will not for long or not for everybody",
        )],
        read: |scrape, out| {
            if let Some(own) = &scrape.preflight {
                out.push(&[&"error"], own.errors);
                out.push(&[&"warning"], own.warnings);
            }
        },
    },
    Detail {
        name: "crmgate_preflight_timestamp_seconds",
        shape: Shape::Gauge,
        help: "When the last preflight began that was ordered of the running gateway.",
        labels: &[],
        read: |scrape, out| maybe(out, scrape.preflight.map(|own| own.at)),
    },
    Detail {
        name: "crmgate_build_info",
        shape: Shape::Info,
        help: "Which program this is.",
        labels: &[("version", "its version")],
        read: |scrape, out| out.push(&[&scrape.version], 1),
    },
    Detail {
        name: "process_cpu_seconds_total",
        shape: Shape::Counter,
        help: "Processor time of the process; Linux only.",
        labels: &[],
        read: |scrape, out| maybe(out, scrape.process.cpu_seconds),
    },
    Detail {
        name: "process_resident_memory_bytes",
        shape: Shape::Gauge,
        help: "Memory of the process that is not swapped out; Linux only.",
        labels: &[],
        read: |scrape, out| maybe(out, scrape.process.resident_bytes),
    },
    Detail {
        name: "process_open_fds",
        shape: Shape::Gauge,
        help: "Files and sockets that the process has open; Linux only.",
        labels: &[],
        read: |scrape, out| maybe(out, scrape.process.open_fds),
    },
    Detail {
        name: "process_max_fds",
        shape: Shape::Gauge,
        help: "How many files and sockets the process may have open; Linux only.",
        labels: &[],
        read: |scrape, out| maybe(out, scrape.process.max_fds),
    },
    Detail {
        name: "process_start_time_seconds",
        shape: Shape::Gauge,
        help: "When the process began.",
        labels: &[],
        read: |scrape, out| maybe::<WallTime>(out, scrape.process.started_at),
    },
];

/// What the operating system may not have said.
fn maybe<T: Into<super::text::Value>>(out: &mut Samples<'_>, value: Option<T>) {
    if let Some(value) = value {
        out.push(&[], value);
    }
}
