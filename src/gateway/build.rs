//! Settings and the previous snapshot to the next one. Reads certificate files, opens no socket,
//! changes nothing that is running.
//!
//! Identity by content: a part that would be built from the same bytes is not built again but
//! taken over, so health, pools and sessions outlive a reload that does not concern them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ca_guard::{self, Stage};
use super::snapshot::{Acceptors, ListenerPlan, Service, Snapshot, SystemParts};
use super::state_file::{self, Known};
use crate::certs::read_ticket_secrets;
use crate::config::TlsRoles;
use crate::config::problem::Problems;
use crate::config::settings::{
    AdminSettings, ClientRules, ClientTls, ServerTls, Settings, SystemSettings, TicketSettings,
};
use crate::events::StaticRoute;
use crate::model::{Clock, Generation, ListenAddr, SystemName};
use crate::net::Scope;
use crate::requests::SideEvents;
use crate::telemetry::Counters;
use crate::tls::authority_uses::RoleUses;
use crate::tls::{
    Acceptor, AuthorityUses, Connector, NamelessUses, ServerUses, SessionVault, TicketSource,
};

/// What a build works with and what outlives it.
pub(super) struct Workshop {
    pub(super) clock: Clock,
    pub(super) vault: Arc<SessionVault>,
    /// Which authority let in whom.
    pub(super) uses: Arc<AuthorityUses>,
    /// Where clients were served that do not say who they are.
    pub(super) nameless: Arc<NamelessUses>,
    /// What the servers showed that were called.
    pub(super) servers: Arc<ServerUses>,
    /// What the first build is for; every later one is a change.
    pub(super) stage: Stage,
    pub(super) counters: Arc<Counters>,
    /// Makes the listener to side events for a system's number.
    pub(super) side_events: Box<dyn Fn(u32) -> SideEvents + Send + Sync>,
}

impl std::fmt::Debug for Workshop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workshop")
    }
}

impl Workshop {
    /// What is known of the peers.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            uses: &self.uses,
            nameless: &self.nameless,
            servers: &self.servers,
        }
    }

    /// One for a build of which nothing runs.
    pub(super) fn of_its_own(clock: &Clock, stage: Stage) -> Self {
        Self {
            clock: clock.clone(),
            vault: Arc::default(),
            uses: Arc::default(),
            nameless: Arc::default(),
            servers: Arc::default(),
            stage,
            counters: Arc::default(),
            side_events: Box::new(|_system| Box::new(|_event| ())),
        }
    }
}

/// What became of reading a directory.
#[derive(Debug)]
pub(super) struct Draft {
    /// There if and only if no problem is an error.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) problems: Problems,
    /// Every file that was read or is named, whatever became of it.
    pub(super) files: Vec<PathBuf>,
}

/// Reads a directory and builds the generation that follows `previous`.
pub(super) fn load_and_build(
    dir: &Path,
    previous: Option<&Snapshot>,
    workshop: &Workshop,
) -> Draft {
    let loaded = crate::config::load(dir);
    let mut draft = Draft {
        snapshot: None,
        problems: loaded.problems,
        files: loaded.files,
    };
    if let Some(settings) = loaded.settings {
        if previous.is_none()
            && let Some(problem) = state_file::recall(dir, &settings, &workshop.known())
        {
            draft.problems.push(problem);
        }
        let (snapshot, more) = build(settings, previous, workshop);
        draft.problems.extend(more);
        draft.snapshot = snapshot.filter(|_| !draft.problems.has_errors());
    } else {
        for roles in &loaded.tls_roles {
            draft.problems.extend(look_into(roles, &workshop.clock));
        }
    }
    draft
}

/// What is wrong with the certificates of settings that cannot be used anyway: whoever corrects the
/// one shall know of the other.
fn look_into(roles: &TlsRoles, clock: &Clock) -> Problems {
    let mut problems = Problems::new();
    if let Some(tls) = &roles.server {
        let scope = roles.system.as_str();
        let (none, vault) = (ClientRules::default(), SessionVault::new());
        let uses = Arc::<AuthorityUses>::default().of_role(scope);
        let (_unused, found) = Acceptor::build(tls, &none, scope, clock, &vault, uses);
        problems.extend(found);
    }
    if let Some(tls) = &roles.client {
        let (_unused, found) = Connector::build(tls, clock);
        problems.extend(found);
    }
    problems
}

/// Builds one generation. `None` with at least one error among the problems, else a snapshot.
pub(super) fn build(
    settings: Settings,
    previous: Option<&Snapshot>,
    workshop: &Workshop,
) -> (Option<Snapshot>, Problems) {
    let mut build = Build {
        workshop,
        previous,
        problems: Problems::new(),
        listeners: Vec::new(),
        next_listener: previous.map_or(0, |snapshot| {
            snapshot
                .listeners
                .iter()
                .map(|plan| plan.scope.listener)
                .max()
                .map_or(0, |last| last + 1)
        }),
        next_system: previous.map_or(0, |snapshot| {
            snapshot
                .systems
                .values()
                .map(|parts| parts.id)
                .max()
                .map_or(0, |last| last + 1)
        }),
    };
    let mut systems = BTreeMap::new();
    for system in &settings.systems {
        if let Some(parts) = build.system(system) {
            systems.insert(system.name.clone(), parts);
        }
    }
    let admin = build.admin(&settings.admin);
    let tickets = build.tickets(&settings.tickets);
    let webhook = build.webhook(&settings.alarms);
    let recording = build.recording(settings.traces.as_ref());
    let (problems, listeners) = (build.problems, build.listeners);
    if problems.has_errors() {
        return (None, problems);
    }
    let generation = previous.map_or(Generation::FIRST, |snapshot| snapshot.generation.next());
    (
        Some(Snapshot {
            generation,
            settings,
            systems,
            listeners,
            admin,
            tickets,
            webhook,
            recording,
        }),
        problems,
    )
}

pub(super) struct Build<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) previous: Option<&'a Snapshot>,
    pub(super) problems: Problems,
    listeners: Vec<ListenerPlan>,
    next_listener: u32,
    next_system: u32,
}

impl Build<'_> {
    /// Where ticket keys come from.
    fn tickets(&mut self, settings: &TicketSettings) -> TicketSource {
        let secrets = settings.secret.as_ref().map(read_ticket_secrets);
        let secrets = secrets.unwrap_or_else(|| Ok(Vec::new()));
        TicketSource {
            rotation: settings.rotation,
            secrets: secrets.unwrap_or_else(|problems| {
                self.problems.extend(problems);
                Vec::new()
            }),
        }
    }

    /// What ends TLS on the admin listener. Its sessions are worth nothing anywhere else.
    fn admin(&mut self, settings: &AdminSettings) -> Option<Arc<Acceptor>> {
        const SCOPE: &str = "admin listener";
        let tls = settings.tls.as_ref()?;
        let each = settings.readers.iter().chain(&settings.operators);
        let rules = ClientRules {
            allow: each.cloned().collect(),
            deny: Vec::new(),
        };
        let same = self.previous.and_then(|snapshot| snapshot.admin.as_ref());
        let uses = self.workshop.uses.of_role(SCOPE);
        self.acceptor(tls, &rules, SCOPE, uses, same)
    }

    fn system(&mut self, settings: &SystemSettings) -> Option<SystemParts> {
        let previous = self
            .previous
            .and_then(|snapshot| snapshot.systems.get(&settings.name));
        let id = previous.map_or_else(
            || {
                let id = self.next_system;
                self.next_system = id.saturating_add(1);
                id
            },
            |parts| parts.id,
        );
        let server = settings
            .server_tls
            .as_ref()
            .map(|tls| self.acceptors(tls, settings, previous));
        let client = settings
            .client_tls
            .as_ref()
            .map(|tls| self.connector(tls, previous));
        // Both roles are looked at before giving up, so that one run reports what is wrong in each.
        let acceptors = server.map_or(Some(Acceptors::default()), |built| built)?;
        let connector = client.map_or(Some(None), |built| built.map(Some))?;
        let mut parts = SystemParts {
            id,
            acceptors,
            connector,
            sides: None,
            upstreams: Vec::new(),
            reached_by: [None, None],
            probes: Vec::new(),
        };
        if let Some(requests) = &settings.requests {
            self.requests(settings, requests, previous, &mut parts);
        }
        if let Some(events) = &settings.events {
            self.events(settings, events, previous, &mut parts);
        }
        for route in &settings.static_routes {
            let service = Service::StaticRoute(Arc::new(StaticRoute {
                system: settings.name.clone(),
                target: route.target.clone(),
                connect_timeout: route.connect_timeout,
                idle_timeout: route.idle_timeout,
            }));
            self.listen(route.listen, &settings.name, id, service, None);
        }
        Some(parts)
    }

    /// What ends TLS on the listeners of a system: requests and events have rules of their own.
    fn acceptors(
        &mut self,
        tls: &ServerTls,
        settings: &SystemSettings,
        previous: Option<&SystemParts>,
    ) -> Option<Acceptors> {
        let requests = settings.requests.as_ref();
        let requests = requests.filter(|requests| requests.mode.ends_tls());
        let events = settings.events.as_ref().filter(|events| events.tls);
        let name = settings.name.as_str();
        let uses = || self.workshop.uses.of_role(name);
        let before = previous.map(|parts| &parts.acceptors);
        let of_requests = requests.map(|requests| {
            let same = before.and_then(|before| before.requests.as_ref());
            self.acceptor(tls, &requests.clients, name, uses(), same)
        });
        // A session that one of the two has granted is worth nothing at the other.
        let scope = format!("{name} events");
        let of_events = events.map(|events| {
            let same = before.and_then(|before| before.events.as_ref());
            self.acceptor(tls, &events.clients, &scope, uses(), same)
        });
        let built = Acceptors {
            requests: of_requests.map_or(Some(None), |built| built.map(Some))?,
            events: of_events.map_or(Some(None), |built| built.map(Some))?,
        };
        self.guard_authorities(tls, &settings.name, &built);
        Some(built)
    }

    /// What is to be said of authorities that a system does not believe any more.
    fn guard_authorities(&mut self, tls: &ServerTls, system: &SystemName, built: &Acceptors) {
        let Workshop {
            clock, uses, stage, ..
        } = self.workshop;
        let stage = match self.previous {
            Some(_) => Stage::Change,
            None => *stage,
        };
        if let Some(acceptor) = built.one() {
            let found = ca_guard::judge(tls, system, acceptor, uses, clock, stage);
            self.problems.extend(found);
        }
    }

    fn acceptor(
        &mut self,
        tls: &ServerTls,
        rules: &ClientRules,
        scope: &str,
        uses: RoleUses,
        same: Option<&Arc<Acceptor>>,
    ) -> Option<Arc<Acceptor>> {
        let Workshop { clock, vault, .. } = self.workshop;
        let (built, problems) = Acceptor::build(tls, rules, scope, clock, vault, uses);
        self.problems.extend(problems);
        let built = built?;
        match same.filter(|own| own.fingerprint() == built.fingerprint()) {
            Some(own) => Some(Arc::clone(own)),
            None => Some(Arc::new(built)),
        }
    }

    fn connector(
        &mut self,
        tls: &ClientTls,
        previous: Option<&SystemParts>,
    ) -> Option<Arc<Connector>> {
        let (built, problems) = Connector::build(tls, &self.workshop.clock);
        self.problems.extend(problems);
        let built = built?;
        let same = previous.and_then(|parts| parts.connector.as_ref());
        match same.filter(|own| own.fingerprint() == built.fingerprint()) {
            Some(own) => Some(Arc::clone(own)),
            None => Some(Arc::new(built)),
        }
    }

    pub(super) fn listen(
        &mut self,
        listen: ListenAddr,
        system: &SystemName,
        system_id: u32,
        service: Service,
        acceptor: Option<Arc<Acceptor>>,
    ) {
        let own = self.previous.and_then(|snapshot| snapshot.listener(listen));
        let listener = own.map_or_else(
            || {
                let id = self.next_listener;
                self.next_listener = id.saturating_add(1);
                id
            },
            |plan| plan.scope.listener,
        );
        let scope = Scope {
            system: system_id,
            listener,
        };
        let nameless = service.nameless(acceptor.as_ref()).map(|(role, lack)| {
            let nameless = &self.workshop.nameless;
            nameless.of(system.as_str(), role, lack)
        });
        self.listeners.push(ListenerPlan {
            listen,
            scope,
            system: system.clone(),
            service,
            acceptor,
            nameless,
        });
    }
}
