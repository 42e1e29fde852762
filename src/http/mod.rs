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
//! | file | what it gives |
//! |---|---|
//! | `caller`, `arrival`, `server` | one accepted connection: its heads, its loop, its end |
//! | `exchange`, `collect`, `send` | one request: taken and sent |
//! | `answer_head`, `answer`, `attempt` | its answer: heard, passed on, judged |
//! | `request`, `response`, `refusal` | heads, judged and written on; why one is not |
//! | `head`, `lines`, `fields`, `target`, `text` | what heads are made of |
//! | `framing`, `copy`, `pace` | bodies: how long, on their way, how fast |
//! | `upstream`, `pool` | connections to the far end, new and kept |
//! | `error`, `fault`, `operation` | what is told to the caller and to the log |
//! | `glance` | one request of our own, for the head of its answer alone |
//! | `context`, `relay_caller` | what a thread shares; connections that are only relayed |
//! | `record` | what a trace is told of an exchange and of each try |
//!
//! hyper is not used here: this room keeps the bytes of the fields as they came, knows exactly how
//! many bytes of a request left the machine, and gives no buffer to an idle connection.
//!
//! Who may come in: the flows (`requests`, `events`) with a [`Flow`], and the gateway, which makes
//! [`Caller`]s, [`Upstream`]s and one [`Context`] a thread. What leaves: [`GatewayError`],
//! [`Delivery`] and [`TryFailed`], from which a flow decides whether another try is lawful.

mod answer;
mod answer_head;
mod arrival;
mod attempt;
mod caller;
mod collect;
mod context;
mod copy;
mod error;
mod exchange;
mod fault;
mod fields;
mod framing;
mod glance;
mod head;
mod lines;
mod operation;
mod pace;
mod pool;
mod record;
mod refusal;
mod relay_caller;
mod request;
mod response;
mod send;
mod server;
mod target;
mod text;
mod upstream;

pub use attempt::{Delivery, TryFailed, UpstreamFault};
pub use caller::{Caller, CallerFacts};
pub use context::Context;
pub use error::{Blame, GatewayError};
pub use exchange::Exchange;
pub use framing::{BadChunk, Chunk, ChunkDecoder, Framing};
pub use glance::{Glance, NoGlance, Question, glance, refusal};
pub use head::{HeadLimits, Version};
pub use pool::Pool;
pub use refusal::{BadAnswer, Refusal};
pub use relay_caller::{NoWayThrough, RelayCaller};
pub use request::{RequestHead, RequestRewrite, Soap};
pub use response::{AnswerFraming, AnswerHead};
pub use server::{Flow, Slot, serve};
pub use upstream::{ConnectError, Upstream, UpstreamSpec};

#[cfg(test)]
#[path = "../../tests/support/corpus.rs"]
#[expect(
    unreachable_pub,
    reason = "the same file is a module of the system tests"
)]
mod corpus;
#[cfg(test)]
#[path = "tests/harness.rs"]
mod harness;
#[cfg(test)]
#[path = "tests/oracle.rs"]
mod oracle;
#[cfg(test)]
#[path = "tests/peers.rs"]
mod peers;
