//! [`TlsRoles`]: of settings that cannot be used, the TLS roles with which nothing is wrong so far,
//! so that their certificates are looked into in the same run.

use crate::config::problem::{Place, Problem, Problems, Severity};
use crate::config::resolve::WrittenSystem;
use crate::config::roles::Roles;
use crate::config::settings::{ClientTls, ServerTls, SystemSettings, TlsFiles, TlsParameters};
use crate::model::SystemName;

/// The TLS roles of a system, each only if it could be built as far as the ini files tell. What is
/// built of them is for what it says of the certificates, and never for use.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsRoles {
    /// The SAP system.
    pub system: SystemName,
    /// The listening role.
    pub server: Option<ServerTls>,
    /// The dialling role.
    pub client: Option<ClientTls>,
}

impl TlsRoles {
    /// The roles of a system, given every problem of the ini files.
    pub(super) fn of(
        written: &WrittenSystem,
        settings: &SystemSettings,
        roles: &mut Roles,
        problems: &Problems,
    ) -> Self {
        let server = settings.server_tls.clone();
        // What would have asked for the listening role may be what was refused.
        let server = server.or_else(|| {
            let place = &written.parameter.place;
            let refused = errors(problems).any(|error| error.place.file == written.source);
            (refused && written.parameter.ssl)
                .then(|| roles.server(&written.name, place, &mut Problems::new()))?
        });
        let client = settings.client_tls.clone();
        Self {
            system: written.name.clone(),
            server: server.filter(|tls| is_sound(&tls.files, &tls.parameters, problems)),
            client: client.filter(|tls| is_sound(&tls.files, &tls.parameters, problems)),
        }
    }
}

/// Whether nothing has been said of a role that building it would say again.
fn is_sound(files: &TlsFiles, parameters: &TlsParameters, problems: &Problems) -> bool {
    let is_faulty = |place: &Place| errors(problems).any(|error| error.place == *place);
    parameters.min <= parameters.max && !files.all().any(|file| is_faulty(&file.place))
}

fn errors(problems: &Problems) -> impl Iterator<Item = &Problem> {
    let is_error = |problem: &&Problem| problem.severity == Severity::Error;
    problems.iter().filter(is_error)
}
