//! HTTP/1 on the wire: ours, strict, and one straight line. It knows nothing of sides or SAP.
//!
//! ```text
//! caller.next_head -> request (judged) -> flow.handle
//!                                            |  exchange.forward(upstream)
//!                                            |    pool or connect, send head and body
//!                                            |    receive: head (judged), body
//!                                            v
//!                                       access line, next head
//! ```
//!
//! hyper is not used here: this room keeps the bytes of the fields as they came, knows exactly how
//! many bytes of a request left the machine, and gives no buffer to an idle connection.
//!
//! Who may come in: the flows (`requests`, `events`) with a [`Flow`], and the gateway, which makes
//! [`Caller`]s, [`Upstream`]s and one [`Context`] a thread. What leaves: [`GatewayError`],
//! [`Delivery`] and [`TryFailed`], from which a flow decides whether another try is lawful.

mod answer;
mod caller;
mod context;
mod copy;
mod error;
mod exchange;
mod fault;
mod fields;
mod framing;
mod head;
mod operation;
mod pool;
mod refusal;
mod relay_caller;
mod request;
mod response;
mod server;
mod upstream;

pub use caller::{Caller, CallerFacts};
pub use context::Context;
pub use error::{Blame, GatewayError};
pub use exchange::{Delivery, Exchange, TryFailed, UpstreamFault};
pub use framing::Framing;
pub use head::{HeadLimits, Version};
pub use pool::Pool;
pub use refusal::{BadAnswer, Refusal};
pub use relay_caller::RelayCaller;
pub use request::{RequestHead, RequestRewrite, Soap};
pub use response::{AnswerFraming, AnswerHead};
pub use server::{Flow, Slot, serve};
pub use upstream::{ConnectError, Upstream, UpstreamSpec};
