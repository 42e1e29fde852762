//! The relay: hands bytes on between two sockets and does nothing else, so what it costs is what
//! the system charges for two reads and two writes. No server that looks at a request can be much
//! cheaper.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::wire::Poll;

/// Relays for ever between clients of this listener and the backend.
pub fn relay(listen: SocketAddr, backend: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let mut poll = Poll::new()?;
    poll.add_input(&listener, LISTENER)?;
    // Each end beside its other end: 2n and 2n + 1.
    let mut ends: Vec<Option<TcpStream>> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut ready = Vec::new();
    loop {
        poll.wait(None, &mut ready)?;
        for &number in &ready {
            if number == LISTENER {
                accept(&listener, backend, &mut poll, &mut ends)?;
            } else if !pass_on(&ends, number, &mut buffer) {
                ends[number] = None;
                ends[number ^ 1] = None;
            }
        }
    }
}

const LISTENER: usize = usize::MAX;

fn accept(
    listener: &TcpListener,
    backend: SocketAddr,
    poll: &mut Poll,
    ends: &mut Vec<Option<TcpStream>>,
) -> std::io::Result<()> {
    while let Ok((client, _from)) = listener.accept() {
        let server = TcpStream::connect(backend)?;
        let free = (0..ends.len()).step_by(2);
        let free = free
            .into_iter()
            .find(|&at| ends[at].is_none() && ends[at + 1].is_none());
        let at = free.unwrap_or(ends.len());
        if at == ends.len() {
            ends.extend([None, None]);
        }
        for (number, end) in [(at, client), (at + 1, server)] {
            end.set_nonblocking(true)?;
            end.set_nodelay(true)?;
            poll.add_input(&end, number)?;
            ends[number] = Some(end);
        }
    }
    Ok(())
}

/// One read and what it brought. `false`: the connection is over.
fn pass_on(ends: &[Option<TcpStream>], number: usize, buffer: &mut [u8]) -> bool {
    let (Some(mut from), Some(mut to)) = (ends[number].as_ref(), ends[number ^ 1].as_ref()) else {
        return true;
    };
    let count = match from.read(buffer) {
        Ok(0) => return false,
        Ok(count) => count,
        Err(error) => return error.kind() == ErrorKind::WouldBlock,
    };
    let mut sent = 0;
    while sent < count {
        match to.write(&buffer[sent..count]) {
            Ok(more) => sent += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(_broken) => return false,
        }
    }
    true
}
