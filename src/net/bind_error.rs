//! [`BindError`]: why an address cannot be had, and what to do about it.

use std::io;

use crate::model::ListenAddr;

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody listens there already.
    #[error("the address {0} is in use by another program")]
    InUse(ListenAddr),
    /// Ports below 1024 need a privilege.
    #[error("this process may not listen on {0}")]
    NotAllowed(ListenAddr),
    /// The address belongs to another machine.
    #[error("the address {0} does not belong to this machine")]
    NotOurs(ListenAddr),
    /// Anything else.
    #[error("cannot listen on {0}: {1}")]
    Other(ListenAddr, io::Error),
}

impl BindError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::InUse(listen) if cfg!(windows) => format!(
                "see who it is with: netstat -ano -p TCP | findstr :{}; stop it, or choose another port",
                listen.addr().port()
            ),
            Self::InUse(listen) => format!(
                "see who it is with: ss -ltnp 'sport = :{}'; stop it, or choose another port",
                listen.addr().port()
            ),
            Self::NotAllowed(_) if cfg!(windows) => {
                "choose another port; netsh interface ipv4 show excludedportrange protocol=tcp lists \
                 those that Windows keeps for itself"
                    .to_owned()
            }
            Self::NotAllowed(_) => {
                "choose a port above 1023, or give the service CAP_NET_BIND_SERVICE".to_owned()
            }
            Self::NotOurs(_) => {
                "use an address of this machine, or 0.0.0.0 for all of them".to_owned()
            }
            Self::Other(..) => "check the address and the limit of open files".to_owned(),
        }
    }

    pub(super) fn from_io(listen: ListenAddr, error: io::Error) -> Self {
        let kind = error.kind();
        if kind == io::ErrorKind::AddrInUse {
            Self::InUse(listen)
        } else if kind == io::ErrorKind::PermissionDenied {
            Self::NotAllowed(listen)
        } else if kind == io::ErrorKind::AddrNotAvailable {
            Self::NotOurs(listen)
        } else {
            Self::Other(listen, error)
        }
    }
}
