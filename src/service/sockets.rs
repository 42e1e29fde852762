//! Listening sockets that a service manager has opened and hands over at the start.

use crate::net::HandedSocket;

/// Takes what was handed over, and says of each descriptor that is none of use what it is instead.
///
/// To be called once and before there are other threads: what was handed over is taken out of the
/// environment, so that no process started by this one takes it for its own.
#[cfg(target_os = "linux")]
pub fn handed_over() -> (Vec<HandedSocket>, Vec<String>) {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut descriptors = listenfd::ListenFd::from_env();
    let (mut sockets, mut useless) = (Vec::new(), Vec::new());
    for index in 0..descriptors.len() {
        let name = names.next().unwrap_or_default().to_owned();
        let taken = descriptors.take_tcp_listener(index);
        match taken.and_then(|socket| {
            socket
                .map(|socket| HandedSocket::new(name.clone(), socket))
                .transpose()
        }) {
            Ok(Some(socket)) => sockets.push(socket),
            Ok(None) => {}
            Err(error) => useless.push(format!("\"{name}\": {error}")),
        }
    }
    (sockets, useless)
}

/// No system but Linux hands any over.
#[cfg(not(target_os = "linux"))]
pub fn handed_over() -> (Vec<HandedSocket>, Vec<String>) {
    (Vec::new(), Vec::new())
}
