//! Resolve and connect under one deadline.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout_at};

use crate::model::HostPort;
use crate::net::socket::Socket;

/// Why no TCP connection came about. Nothing was sent in any of these cases.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The resolver knows no address for the name, or did not say so in time.
    #[error("the name \"{host}\" does not resolve: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The host is up and nothing listens on the port (SAP: `NIECONN_REFUSED`).
    #[error("{address} refused the connection")]
    Refused {
        /// The address that was tried last.
        address: SocketAddr,
    },
    /// No answer until the deadline: host down, or a firewall that drops.
    #[error("{target} did not answer in time")]
    TimedOut {
        /// What was dialled.
        target: HostPort,
    },
    /// The network said no.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// The address that was tried last.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// This machine has run out of descriptors, ports or memory: nobody else's fault.
    #[error("this machine cannot open another connection: {reason}")]
    Exhausted {
        /// What the system said.
        reason: String,
    },
}

impl DialError {
    /// Whether the far end is to blame. A gateway that has no descriptors left must not take a
    /// healthy side for a dead one.
    pub const fn blames_target(&self) -> bool {
        !matches!(self, Self::Exhausted { .. })
    }

    /// What an operator looks at next.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unresolved { .. } => "check the name, and the resolver of this host",
            Self::Refused { .. } => {
                "the host is up but nothing listens there: start the service, or correct the port"
            }
            Self::TimedOut { .. } => "the host is down, or a firewall drops the packets",
            Self::Unreachable { .. } => "check the route and the firewall between the two hosts",
            Self::Exhausted { .. } => "raise the limit of open files, or lower MaxConnections",
        }
    }

    /// What is told when this came after the error of another address. `localhost` is often two
    /// addresses of which this machine can reach one only; that it has no way to the other says
    /// nothing against what the first has shown.
    fn after(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(earlier) if earlier.blames_target() && !self.blames_target() => earlier,
            Some(_) | None => self,
        }
    }

    fn from_io(error: &io::Error, address: SocketAddr) -> Self {
        if error.kind() == io::ErrorKind::ConnectionRefused {
            Self::Refused { address }
        } else if is_exhaustion(error) {
            Self::Exhausted {
                reason: error.to_string(),
            }
        } else {
            Self::Unreachable {
                address,
                reason: error.to_string(),
            }
        }
    }
}

/// Connects to a host; its addresses are tried in the resolver's order and share the time.
pub async fn dial(target: &HostPort, deadline: Instant) -> Result<Socket, DialError> {
    if let Some(ip) = target.ip() {
        return connect(SocketAddr::new(ip, target.port()), target, deadline).await;
    }
    let found = match timeout_at(deadline, lookup_host((target.host(), target.port()))).await {
        Err(_elapsed) => return Err(unresolved(target, NO_WORD.to_owned())),
        Ok(Err(error)) if is_exhaustion(&error) => {
            return Err(DialError::Exhausted {
                reason: error.to_string(),
            });
        }
        Ok(Err(error)) => return Err(unresolved(target, error.to_string())),
        Ok(Ok(found)) => found,
    };
    let mut left: Vec<SocketAddr> = found.collect();
    left.reverse();
    let mut failed: Option<DialError> = None;
    while let Some(address) = left.pop() {
        let now = Instant::now();
        let rest = deadline.saturating_duration_since(now);
        let share = u32::try_from(left.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        match connect(address, target, now + rest / share).await {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = Some(error.after(failed.take())),
        }
    }
    Err(failed.unwrap_or_else(|| unresolved(target, "no address".to_owned())))
}

/// Neither the host nor a firewall in front of it is to be looked at then.
const NO_WORD: &str = "the resolver did not answer in time";

/// Ports, buffers and descriptors are often short for a moment only, and nobody is served if we
/// give up at once; so there is a second attempt.
async fn connect(
    address: SocketAddr,
    target: &HostPort,
    deadline: Instant,
) -> Result<Socket, DialError> {
    match connect_once(address, target, deadline).await {
        Err(DialError::Exhausted { .. }) => {
            sleep(A_MOMENT).await;
            connect_once(address, target, deadline).await
        }
        other => other,
    }
}

const A_MOMENT: Duration = Duration::from_millis(10);

async fn connect_once(
    address: SocketAddr,
    target: &HostPort,
    deadline: Instant,
) -> Result<Socket, DialError> {
    match timeout_at(deadline, TcpStream::connect(address)).await {
        Err(_elapsed) => Err(DialError::TimedOut {
            target: target.clone(),
        }),
        Ok(Err(error)) => Err(DialError::from_io(&error, address)),
        Ok(Ok(tcp)) => Ok(Socket::new(tcp, address)),
    }
}

fn unresolved(target: &HostPort, reason: String) -> DialError {
    DialError::Unresolved {
        host: target.host().to_owned(),
        reason,
    }
}

/// Whether an error means that this machine has run out of something.
pub(super) fn is_exhaustion(error: &io::Error) -> bool {
    // The standard library has no kinds for most of these; the numbers are the system's own.
    #[cfg(unix)]
    const EXHAUSTED: [i32; 2] = [
        rustix::io::Errno::NOBUFS.raw_os_error(),
        rustix::io::Errno::NOMEM.raw_os_error(),
    ];
    // WSAENOBUFS.
    #[cfg(windows)]
    const EXHAUSTED: [i32; 1] = [10055];
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::OutOfMemory
        || is_out_of_descriptors(error)
        || is_one_of(error, &EXHAUSTED)
}

/// Whether an error means that this process, or the machine, may open no more files.
pub(super) fn is_out_of_descriptors(error: &io::Error) -> bool {
    #[cfg(unix)]
    const DESCRIPTORS: [i32; 2] = [
        rustix::io::Errno::MFILE.raw_os_error(),
        rustix::io::Errno::NFILE.raw_os_error(),
    ];
    // WSAEMFILE.
    #[cfg(windows)]
    const DESCRIPTORS: [i32; 1] = [10024];
    is_one_of(error, &DESCRIPTORS)
}

fn is_one_of(error: &io::Error, codes: &[i32]) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[tokio::test]
    async fn a_name_is_resolved_and_connected() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let port = listener.local_addr().expect("bound").port();
        let target = HostPort::new("localhost", port).expect("valid");
        let socket = dial(&target, soon()).await.expect("connected");
        assert_eq!(socket.peer().port(), port);
    }

    #[tokio::test]
    async fn a_refused_connection_is_the_targets_fault() {
        // Bound and not listening: nobody else can take the port meanwhile.
        let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        held.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .expect("loopback");
        let address = held
            .local_addr()
            .expect("bound")
            .as_socket()
            .expect("an address");
        let target = HostPort::from_addr(address);
        let error = dial(&target, soon()).await.expect_err("nothing listens");
        assert!(matches!(error, DialError::Refused { .. }), "{error}");
        assert!(error.blames_target());
    }

    #[tokio::test]
    async fn a_name_that_nobody_knows_is_named_in_the_error() {
        let target = HostPort::new("no-such-host.invalid", 1).expect("valid");
        let error = dial(&target, soon()).await.expect_err("unknown");
        assert!(
            error.to_string().contains("no-such-host.invalid"),
            "{error}"
        );
    }

    #[test]
    fn a_resolver_that_does_not_answer_in_time_is_told_as_such() {
        // The resolver's only thread is taken for as long as the test looks.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .expect("a runtime");
        let (end, taken) = std::sync::mpsc::channel::<()>();
        let error = runtime.block_on(async {
            let _thread = tokio::task::spawn_blocking(move || taken.recv());
            let target = HostPort::new("side-a.example", 1).expect("valid");
            let deadline = Instant::now() + Duration::from_millis(20);
            dial(&target, deadline).await.expect_err("no time")
        });
        drop(end);
        assert_eq!(
            error.to_string(),
            "the name \"side-a.example\" does not resolve: the resolver did not answer in time"
        );
        assert_eq!(
            error.hint(),
            "check the name, and the resolver of this host"
        );
    }

    #[test]
    fn of_two_addresses_that_failed_the_one_tells_that_blames_the_target() {
        let refused = DialError::Refused {
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
        };
        let exhausted = DialError::Exhausted {
            reason: "no address of ours for ::1".to_owned(),
        };
        for (earlier, later, told) in [
            (None, &refused, &refused),
            (None, &exhausted, &exhausted),
            (Some(&refused), &exhausted, &refused),
            (Some(&exhausted), &refused, &refused),
        ] {
            assert_eq!(later.clone().after(earlier.cloned()), *told);
        }
    }

    #[test]
    fn running_out_of_descriptors_blames_this_machine() {
        #[cfg(unix)]
        {
            let error = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
            let address = SocketAddr::from(([127, 0, 0, 1], 1));
            assert!(!DialError::from_io(&error, address).blames_target());
        }
    }
}
