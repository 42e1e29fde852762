//! Events over HTTP: a fixed CRM, or the forward-proxy form with an allow list.

use std::sync::Arc;

use crate::config::settings::FaultStyle;
use crate::http::{Delivery, Exchange, Flow, GatewayError, RequestRewrite, Upstream};
use crate::model::{HostPort, SystemName};
use crate::telemetry;

/// Where the events of one SAP system go. The same for all threads.
#[derive(Debug)]
pub struct EventRoute {
    /// The SAP system.
    pub system: SystemName,
    /// The fixed target; `None` leaves only the forward-proxy form.
    pub crm: Option<Arc<Upstream>>,
    /// What the forward-proxy form may name.
    pub allowed: Vec<Arc<Upstream>>,
    /// How faults look.
    pub fault: FaultStyle,
    /// Whether ICM is told when the connector's leg had another scheme.
    pub client_protocol: bool,
}

impl EventRoute {
    fn find(&self, target: (&str, u16)) -> Option<&Arc<Upstream>> {
        self.crm
            .iter()
            .chain(&self.allowed)
            .find(|upstream| upstream.spec().target.is(target))
    }
}

/// The flow of an events listener.
#[derive(Debug, Clone)]
pub struct EventFlow {
    route: Arc<EventRoute>,
}

impl EventFlow {
    /// A flow over this route.
    pub const fn new(route: Arc<EventRoute>) -> Self {
        Self { route }
    }

    /// The target that a request means: what its absolute target names, else the fixed CRM.
    fn target(&self, exchange: &mut Exchange<'_>) -> Option<&Arc<Upstream>> {
        let request = exchange.request();
        match request.authority() {
            None => self.route.crm.as_ref(),
            Some(authority) => {
                // The event address is data inside the connector, which writes http:// because its
                // own leg is plain; which port that means without one is known from the target.
                let default_port = request.default_port();
                let text = std::str::from_utf8(authority).ok()?;
                let target = HostPort::read(text, default_port).ok()?;
                self.route.find(target)
            }
        }
    }
}

impl Flow for EventFlow {
    fn fault_style(&self) -> FaultStyle {
        self.route.fault
    }

    fn kind(&self) -> telemetry::Flow {
        telemetry::Flow::Event
    }

    fn system(&self) -> &SystemName {
        &self.route.system
    }

    async fn handle(&self, exchange: &mut Exchange<'_>) -> Result<Delivery, GatewayError> {
        let upstream = self
            .target(exchange)
            .ok_or(GatewayError::TargetNotAllowed)?;
        let upstream = Arc::clone(upstream);
        let changes_scheme = exchange.caller_uses_tls() != upstream.spec().tls.is_some();
        let caller_scheme = if exchange.caller_uses_tls() {
            "https"
        } else {
            "http"
        };
        let rewrite = RequestRewrite {
            // The connector knows this gateway's address only; ICM makes URLs out of `Host`.
            host: Some(upstream.host()),
            client_protocol: (self.route.client_protocol && changes_scheme)
                .then_some(caller_scheme),
            ..RequestRewrite::default()
        };
        exchange
            .forward(&upstream, None, &rewrite)
            .await
            .map_err(|failed| failed.error)
    }
}
