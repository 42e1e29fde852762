//! Listening sockets that the real program is given by a service manager.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::process::Command;

use crmgate::model::Side;
use crmgate::simulate::{Caller, Deployment, Ending, SimConnector};
use tokio::net::TcpStream;

use crate::support::wire::ask;
use crate::support::{Daemon, World, free_address, until};

/// The program with sockets of somebody else's, and one side.
struct Stage {
    world: World,
    _side: SimConnector,
    deployment: Deployment,
    listen: SocketAddr,
    daemon: Daemon,
}

impl Stage {
    /// Hands over what is said, and the address of the requests under the name `requests`, so often.
    async fn new(times: usize, more: &[String], differ: impl FnOnce(&mut Deployment)) -> Self {
        let mut stage = Self::begun(times, more, differ);
        stage.daemon.until_said("serving").await;
        stage
    }

    fn begun(times: usize, more: &[String], differ: impl FnOnce(&mut Deployment)) -> Self {
        let world = World::new();
        let side = world.side(Side::A);
        let listen = free_address();
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        differ(&mut deployment);
        deployment.write(world.path()).expect("ini files");
        let mut program = Command::new("python3");
        program.arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/support/hand_over.py"
        ));
        program.args(vec![format!("requests=tcp:{listen}"); times]);
        program.args(more).arg("--");
        program.arg(env!("CARGO_BIN_EXE_crmgate"));
        let daemon = Daemon::run_with(program, world.path());
        Self {
            world,
            _side: side,
            deployment,
            listen,
            daemon,
        }
    }

    async fn answers(&self) {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        let mut caller = Caller::new(spec, self.world.ledger.clone());
        assert_eq!(caller.call().await, Ending::Answered);
    }

    async fn reload(&mut self, deployment: &Deployment, round: usize) {
        deployment.write(self.world.path()).expect("ini files");
        self.daemon.signal("HUP");
        self.daemon.until_said_again("reloaded: ", round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_a_socket_that_was_handed_over_are_served_by_all_threads() {
    let stage = Stage::new(1, &[], |_| ()).await;
    for _ in 0..8 {
        stage.answers().await;
    }
    assert!(!stage.daemon.said().contains("handed over"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_sockets_of_one_address_is_looked_after() {
    let stage = Stage::new(2, &[], |_| ()).await;
    for _ in 0..16 {
        stage.answers().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_sockets_of_one_address_than_threads_are_all_looked_after() {
    let stage = Stage::new(5, &[], |_| ()).await;
    for _ in 0..30 {
        stage.answers().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_a_reload_gives_up_and_another_takes_again_is_served_again() {
    let mut stage = Stage::new(1, &[], |_| ()).await;
    let before = stage.deployment.clone();
    let mut moved = before.clone();
    moved.system.set("Requests", "Listen", free_address());
    stage.reload(&moved, 0).await;
    // Somebody else holds it open: it could not be opened anew.
    stage.reload(&before, 1).await;
    stage.answers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_no_listener_has_are_named_and_closed() {
    let (other, datagrams) = (free_address(), free_address());
    let more = [format!("spare=tcp:{other}"), format!("odd=udp:{datagrams}")];
    let mut stage = Stage::new(1, &more, |_| ()).await;
    let unused = format!(
        "and is closed: make Listen in CRMConnectorSAP_*.ini and ListenStream= in the socket unit name the same address socket=\"spare\" local={other}"
    );
    stage.daemon.until_said(&unused).await;
    stage
        .daemon
        .until_said("a descriptor was handed over that is no TCP listener, \"odd\": ")
        .await;
    stage.answers().await;
    let sockets = || {
        let folder = format!("/proc/{}/fd", stage.daemon.pid());
        let each = std::fs::read_dir(folder).expect("it runs");
        let links = each.filter_map(|one| std::fs::read_link(one.ok()?.path()).ok());
        links
            .map(|link| link.display().to_string())
            .collect::<Vec<_>>()
    };
    let inode = inode_of(other);
    until("the socket is closed", || {
        !sockets().contains(&format!("socket:[{inode}]"))
    })
    .await;
}

/// Linux's number of the socket that listens at an address.
fn inode_of(addr: SocketAddr) -> String {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux says so");
    let here = format!("0100007F:{:04X} ", addr.port());
    let line = table.lines().find(|line| line.contains(&here));
    let mut fields = line.expect("it is open").split_whitespace();
    fields.nth(9).expect("a number").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admin_listener_takes_its_socket_too() {
    let admin = free_address();
    let more = [format!("admin=tcp:{admin}")];
    let stage = Stage::new(1, &more, |deployment| {
        deployment.gateway.set("Admin", "Listen", admin);
        deployment
            .gateway
            .set("Admin", "TokenFile", "./admin.token");
    })
    .await;
    let mut browser = TcpStream::connect(admin).await.expect("open");
    let request = format!("GET /livez HTTP/1.1\r\nHost: {admin}\r\n\r\n");
    let answer = ask(&mut browser, request.as_bytes())
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200);
    stage.answers().await;
}
