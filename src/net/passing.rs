//! Listening sockets, from one process to another over a socket between the two.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Gives a socket to the process at the other end; both have it then.
pub fn pass(channel: &UnixStream, socket: &TcpListener) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets = [socket.as_fd()];
    if !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    // It needs a byte to travel with.
    sendmsg(
        channel,
        &[IoSlice::new(&[0])],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Takes one that was given.
pub fn take(channel: &UnixStream) -> io::Result<TcpListener> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut into = [IoSliceMut::new(&mut byte)];
    recvmsg(channel, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets = control.drain().filter_map(|message| {
        if let RecvAncillaryMessage::ScmRights(mut sockets) = message {
            sockets.next()
        } else {
            None
        }
    });
    let socket: OwnedFd = sockets.next().ok_or(io::ErrorKind::InvalidData)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn a_socket_that_was_passed_accepts_whoever_called_before() {
        let (here, there) = UnixStream::pair().expect("a pair");
        let socket = TcpListener::bind("127.0.0.1:0").expect("free");
        let mut caller = TcpStream::connect(socket.local_addr().expect("bound")).expect("open");
        pass(&here, &socket).expect("passed");
        drop(socket);
        let passed = take(&there).expect("a socket");
        let (mut accepted, _) = passed.accept().expect("the caller");
        caller.write_all(b"hello").expect("written");
        let mut heard = [0; 5];
        accepted.read_exact(&mut heard).expect("read");
        assert_eq!(&heard, b"hello");
    }

    #[test]
    fn several_keep_their_order_among_other_bytes() {
        let (mut here, mut there) = UnixStream::pair().expect("a pair");
        let sockets = [0, 1, 2].map(|_| TcpListener::bind("127.0.0.1:0").expect("free"));
        for socket in &sockets {
            here.write_all(b"one").expect("written");
            pass(&here, socket).expect("passed");
        }
        for socket in &sockets {
            let mut word = [0; 3];
            there.read_exact(&mut word).expect("read");
            assert_eq!(&word, b"one");
            let passed = take(&there).expect("a socket");
            let same = (passed.local_addr().ok(), socket.local_addr().ok());
            assert_eq!(same.0, same.1);
        }
    }

    #[test]
    fn a_byte_without_a_socket_is_an_error() {
        let (mut here, there) = UnixStream::pair().expect("a pair");
        here.write_all(b"x").expect("written");
        let error = take(&there).expect_err("nothing in it");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
