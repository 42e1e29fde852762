//! [`Parts`]: what an acceptor is made of, and how it is put together.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use tokio_rustls::TlsAcceptor;

use super::{Acceptor, Door};
use crate::certs::{Digest, Identity, RevocationLists, TrustStore};
use crate::config::settings::{OcspSettings, ServerTls};
use crate::model::Clock;
use crate::tls::admission::Admission;
use crate::tls::authority_uses::RoleUses;
use crate::tls::clock::ClockTime;
use crate::tls::face::Face;
use crate::tls::judge::{Believed, ClientJudge};
use crate::tls::ocsp::Responder;
use crate::tls::own;
use crate::tls::policy::TlsPolicy;
use crate::tls::rules::Rules;
use crate::tls::sessions::{PolicyId, SessionVault, UniverseId, mode_word};
use crate::tls::turns::Turns;

/// What an acceptor is made of, all of it proven.
pub(super) struct Parts {
    pub(super) policy: TlsPolicy,
    pub(super) own: Turns<Identity>,
    pub(super) trust: TrustStore,
    pub(super) revocation: Option<Arc<RevocationLists>>,
    pub(super) rules: Rules,
    pub(super) uses: RoleUses,
}

impl Parts {
    /// `None` if the TLS library does not take them.
    pub(super) fn assemble(
        self,
        settings: &ServerTls,
        scope: &str,
        clock: &Clock,
        vault: &SessionVault,
    ) -> Option<Acceptor> {
        let fingerprint = self.fingerprint(settings, scope);
        let Self {
            policy,
            own,
            trust,
            revocation,
            rules,
            uses,
        } = self;
        let now = clock.now();
        let mode = settings.client_auth;
        let policy_id = PolicyId::of(&trust, &rules, mode);
        let ask = |ocsp: &OcspSettings| {
            let said = vault.said_by(&ocsp.responder);
            let lists = revocation.clone();
            Arc::new(Responder::new(ocsp.clone(), clock.clone(), said, lists))
        };
        let by = Believed {
            trust,
            revocation: revocation.clone(),
            rules,
            responder: settings.ocsp.as_ref().map(ask),
        };
        let judge = ClientJudge::new(by, mode, &policy.provider(), uses, now);
        let judge = Arc::new(judge);
        let faces = own.try_map(|identity| {
            let universe = UniverseId::of(mode, identity.leaf(), scope);
            let admission = Arc::new(Admission {
                universe: vault.universe(universe),
                judge: Arc::clone(&judge),
                mode,
                policy: policy_id,
                settings: settings.session.clone(),
                clock: clock.clone(),
            });
            let acceptor = tls_acceptor(&policy, identity, &judge, admission)?;
            let door = Door { acceptor, universe };
            Some(Face::new(identity, door))
        })?;
        Some(Acceptor {
            faces,
            judge,
            mode,
            clock: clock.clone(),
            policy_id,
            lifetime: settings.session.lifetime,
            policy,
            revocation,
            fingerprint,
        })
    }

    fn fingerprint(&self, settings: &ServerTls, scope: &str) -> [u8; 32] {
        let session = &settings.session;
        let cache_size = u64::try_from(session.cache_size).unwrap_or(u64::MAX);
        let lists = self.revocation.as_deref().map(RevocationLists::digest);
        Digest::new("acceptor")
            .part(scope.as_bytes())
            .part(mode_word(settings.client_auth))
            .part(&self.policy.digest())
            .part(&own::digest(&self.own))
            .part(&self.trust.digest())
            .part(&session.lifetime.as_secs().to_be_bytes())
            .part(&cache_size.to_be_bytes())
            .part(&[u8::from(session.tickets)])
            .part(&self.rules.digest())
            .part(format!("{:?}", settings.ocsp).as_bytes())
            .digests(lists.as_slice())
            .finish()
    }
}

/// TLS under one own certificate.
fn tls_acceptor(
    policy: &TlsPolicy,
    identity: &Identity,
    judge: &Arc<ClientJudge>,
    admission: Arc<Admission>,
) -> Option<TlsAcceptor> {
    let time = Arc::new(ClockTime(admission.clock.clone()));
    let verifier: Arc<ClientJudge> = Arc::clone(judge);
    let session = admission.settings.clone();
    let mut config = ServerConfig::builder_with_details(policy.provider(), time)
        .with_protocol_versions(&policy.versions())
        .ok()?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
    // No ALPN protocol is set, so whatever a client offers, or nothing, is accepted.
    config.ignore_client_order = policy.order_matters();
    // A stateless ticket may be used again and again; a stateful one is spent at once, and a
    // client that opens two connections needs two.
    config.send_tls13_tickets = if session.tickets { 1 } else { 2 };
    config.ticketer = Arc::<Admission>::clone(&admission);
    config.session_storage = admission;
    if session.cache_size == 0 && !session.tickets {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    Some(TlsAcceptor::from(Arc::new(config)))
}
