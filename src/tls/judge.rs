//! The judgement of a peer, for both directions: its chain, and who it is.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::certs::inspect::{CertificateFacts, Claims, holder};
use crate::certs::path::{Certificate, Purpose};
use crate::certs::{RevocationLists, TrustStore};
use crate::config::settings::ClientAuth;
use crate::model::{Denial, WallTime};
use crate::tls::attempt::{Attempt, Standing};
use crate::tls::authority_uses::{Authority, AuthorityKey, RoleUses};
use crate::tls::handshake_signature::{verify_tls12, verify_tls13};
use crate::tls::ocsp::{Responder, Subject};
use crate::tls::path::{Paths, wall};
use crate::tls::rules::Rules;
use crate::tls::verdicts::{Client, Span, Verdict, Verdicts, key_of};

/// Judges clients that come to our listeners.
#[derive(Debug)]
pub(super) struct ClientJudge {
    paths: Paths,
    algorithms: WebPkiSupportedAlgorithms,
    mode: ClientAuth,
    rules: Rules,
    hints: Vec<DistinguishedName>,
    responder: Option<Arc<Responder>>,
    verdicts: Verdicts,
    uses: RoleUses,
    /// Whose uses are noted, by their certificates.
    authorities: HashMap<CertificateDer<'static>, Authority>,
}

/// By what clients are judged.
#[derive(Debug)]
pub(super) struct Believed {
    /// Who vouches for them.
    pub(super) trust: TrustStore,
    /// Who has withdrawn them.
    pub(super) revocation: Option<Arc<RevocationLists>>,
    /// Who of them may come in.
    pub(super) rules: Rules,
    /// Who is asked about them besides.
    pub(super) responder: Option<Arc<Responder>>,
}

impl ClientJudge {
    /// A judge by these authorities, lists and rules, who notes the uses of each authority.
    pub(super) fn new(
        by: Believed,
        mode: ClientAuth,
        provider: &CryptoProvider,
        uses: RoleUses,
        now: WallTime,
    ) -> Self {
        let Believed {
            trust,
            revocation,
            rules,
            responder,
        } = by;
        let hints = trust.names_at(now);
        Self {
            authorities: authorities(&trust),
            paths: Paths::new(trust, revocation, Purpose::Client),
            algorithms: provider.signature_verification_algorithms,
            mode,
            rules,
            hints,
            responder,
            verdicts: Verdicts::default(),
            uses,
        }
    }

    /// Whom it believes.
    pub(super) fn trust(&self) -> &TrustStore {
        self.paths.trust()
    }

    /// Says who the holder of a chain is and what the rules say of him, or why the chain is not
    /// accepted now.
    ///
    /// Only the leaf of the path that was proven tells who somebody is. What else a client sends
    /// along helps to find the path and says nothing.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Result<Verdict, Error> {
        if let Some(verdict) = self.remembered(leaf, others, now)? {
            return Ok(verdict);
        }
        let verdict = self.judge_anew(leaf, others, now)?;
        self.remember(&verdict);
        Ok(verdict)
    }

    /// Who vouches for the holder of a chain now, whatever the rules say of him.
    pub(super) fn vouching(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Option<Authority> {
        let proven = self.paths.prove(leaf, others, now).ok()?;
        self.authorities.get(proven.anchor.der()).cloned()
    }

    /// What was found before. A chain that is longer than any that leads somewhere is refused, so
    /// that nobody has to keep it.
    fn remembered(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Result<Option<Verdict>, Error> {
        let bytes: usize = others.iter().map(|other| other.len()).sum();
        if others.len() > MOST_OTHERS || bytes.saturating_add(leaf.len()) > MOST_BYTES {
            return Err(CertificateError::BadEncoding.into());
        }
        Ok(self.verdicts.get(&key_of(leaf, others), now))
    }

    /// Remembers a good chain, once whoever showed it has shown that it is his: anybody can send the
    /// certificate of somebody else, with whatever he likes behind it.
    pub(super) fn remember(&self, verdict: &Verdict) {
        if let Some((leaf, others)) = verdict.client.chain.split_first() {
            self.verdicts.put(key_of(leaf, others), verdict.clone());
        }
    }

    fn judge_anew(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: WallTime,
    ) -> Result<Verdict, Error> {
        let proven = self.paths.prove(leaf, others, now)?;
        // A name that two readers may read in two ways is refused whatever the rules say.
        let principal = holder(leaf).map_err(|_no_holder| CertificateError::BadEncoding)?;
        let denial = if self.rules.is_empty() {
            None
        } else {
            let claims = Claims::of(leaf).map_err(|_not_one| CertificateError::BadEncoding)?;
            self.rules.judge(Some(&claims))
        };
        let principal = Arc::new(principal);
        // Whom the rules do not admit loses nothing with the authority.
        let uses = if denial.is_none() {
            let authority = self.authorities.get(proven.anchor.der());
            authority.map(|authority| self.uses.of(authority, &principal))
        } else {
            None
        };
        let subject = self.responder.as_ref().and_then(|_| Subject::of(&proven));
        let client = Client::new(principal, leaf, others).asked_about_as(subject);
        let verdict = Verdict {
            uses,
            client: Arc::new(client),
            span: Span {
                from: now,
                until: proven.until,
            },
            denial,
        };
        Ok(verdict)
    }

    /// Asks whether a client has been withdrawn, where somebody is to be asked about it; says how
    /// long it may be served without asking again, or why not at all.
    pub(super) async fn confirm(&self, client: &Client) -> Result<Span, Denial> {
        match (&self.responder, &client.subject) {
            (Some(responder), Some(subject)) => responder.ask(subject).await.into(),
            _ => Ok(Span::ALWAYS),
        }
    }

    /// Whether anybody is asked at all.
    pub(super) const fn has_responder(&self) -> bool {
        self.responder.is_some()
    }

    /// Whether a client is known to have been withdrawn, without asking.
    pub(super) fn is_known_withdrawn(&self, client: &Client) -> bool {
        let known = self.responder.as_ref().zip(client.subject.as_ref());
        let known = known.and_then(|(responder, subject)| responder.known(subject));
        known.is_some_and(|known| Result::from(known).is_err())
    }

    /// Whether there are rules at all.
    pub(super) const fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }

    /// What the rules say of a client that shows no certificate.
    pub(super) fn judge_nobody(&self) -> Option<Denial> {
        self.rules.judge(None)
    }
}

impl ClientCertVerifier for ClientJudge {
    fn offer_client_auth(&self) -> bool {
        self.mode != ClientAuth::None
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mode == ClientAuth::Require
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Attempt::note_shown(end_entity);
        let since = wall(now);
        // Whoever the rules do not admit gets through the handshake all the same: only behind it
        // can he be told why.
        let verdict = match self.remembered(end_entity, intermediates, since)? {
            Some(verdict) => verdict,
            None => self.judge_anew(end_entity, intermediates, since)?,
        };
        Attempt::note_standing(Standing {
            since,
            verdict: Some(verdict),
        });
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Each certificate that is believed, as the authority that it is remembered as.
fn authorities(trust: &TrustStore) -> HashMap<CertificateDer<'static>, Authority> {
    let anchors = trust.anchors().iter();
    let each = anchors.map(|anchor| {
        let facts = anchor.facts();
        let authority = Authority {
            key: AuthorityKey(facts.spki),
            name: facts.subject.clone(),
            not_after: facts.not_after,
        };
        (anchor.certificate().der().clone(), authority)
    });
    each.collect()
}

/// Judges the servers we connect to.
#[derive(Debug)]
pub(super) struct ServerJudge {
    paths: Paths,
    algorithms: WebPkiSupportedAlgorithms,
    legacy_cn_match: bool,
}

impl ServerJudge {
    /// A judge over these anchors and lists.
    pub(super) fn new(
        trust: TrustStore,
        revocation: Option<Arc<RevocationLists>>,
        legacy_cn_match: bool,
        provider: &CryptoProvider,
    ) -> Self {
        Self {
            paths: Paths::new(trust, revocation, Purpose::Server).by_common_name(legacy_cn_match),
            algorithms: provider.signature_verification_algorithms,
            legacy_cn_match,
        }
    }

    /// Whom it believes.
    pub(super) fn trust(&self) -> &TrustStore {
        self.paths.trust()
    }

    /// Judges a chain and whether it is the host's.
    pub(super) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: WallTime,
    ) -> Result<(), Error> {
        let proven = self.paths.prove(leaf, others, now)?;
        // The name is looked at last, so a mismatch means that the chain itself is good.
        let own = proven.path.first();
        if own.is_some_and(|own| own.is_for_host(host))
            || (self.legacy_cn_match && common_name_is(leaf, host))
        {
            return Ok(());
        }
        let mismatch = CertificateError::NotValidForNameContext {
            expected: host.to_owned(),
            presented: own.map(Certificate::hosts).unwrap_or_default(),
        };
        Err(mismatch.into())
    }
}

impl ServerCertVerifier for ServerJudge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Attempt::note_shown(end_entity);
        self.judge(end_entity, intermediates, server_name, wall(now))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The rule of SAP's older API: the common name is the host's, if there is no other name at all.
fn common_name_is(leaf: &CertificateDer<'_>, host: &ServerName<'_>) -> bool {
    let Ok(facts) = CertificateFacts::of(leaf) else {
        return false;
    };
    let host = host.to_str();
    let same = |name: &str| name.eq_ignore_ascii_case(&host);
    !facts.has_alternative_names && facts.common_name().is_some_and(same)
}

/// More certificates than any chain needs: six intermediates, their root, and some that a careless
/// administrator has put in besides.
const MOST_OTHERS: usize = 16;

/// So many certificates of the usual size, and a few of the largest.
const MOST_BYTES: usize = 32 * 1024;
