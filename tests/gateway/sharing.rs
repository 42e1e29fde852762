//! Gateways behind one address that share a secret: a session of one is taken up by the others.

use std::sync::Arc;
use std::time::Duration;

use crmgate::gateway::Gateway;
use crmgate::model::Side;
use crmgate::simulate::{Party, TlsRange};

use crate::support::raw::Raw;
use crate::support::{World, free_address};

const ONE: &str = "q0m5vGZyJx8rC1nT4bWkL7sHdF2uPaE9iOYQ6tNVh3M=";
const TWO: &str = "Zr7kXw2Lq9TgB4nYcV1sMdJ8hPfE5uRa3oIWQ6tKy0U=";

async fn end(mut gateway: Gateway) {
    let limit = Duration::from_secs(5);
    gateway.drain(limit, std::future::pending()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_one_gateway_is_resumed_by_another_with_the_same_secret_and_after_a_restart() {
    let world = World::new();
    let side = world.side(Side::A);
    let [here, there, elsewhere] = [free_address(), free_address(), free_address()];
    let serve = async |listen, secrets: &[&str]| {
        let mut deployment = world.deployment().requests(listen, &side.endpoint(), None);
        let file = world.path().join("ssl/tickets.secret");
        std::fs::write(&file, secrets.join("\n")).expect("written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&file, private).expect("ours");
        }
        let ini = &mut deployment.gateway;
        ini.set("Sessions", "TicketSecretFile", "./ssl/tickets.secret");
        world.serve(&deployment).await
    };
    for range in [TlsRange::Only12, TlsRange::Only13] {
        let one = serve(here, &[ONE]).await;
        let other = serve(there, &[TWO, ONE]).await;
        let stranger = serve(elsewhere, &[TWO]).await;
        let crm = world.pki.peer(Party::Crm).speaking(range);
        let crm = Arc::new(crm.client().expect("a client"));
        let resumes = async |at| {
            let mut line = Raw::tls(at, &crm).await.expect("a handshake");
            let request = "GET / HTTP/1.1\r\nHost: gw\r\n\r\n";
            line.send(request.as_bytes()).await.expect("sent");
            line.answer().await.expect("an answer");
            line.resumed
        };
        assert!(!resumes(here).await);
        assert!(resumes(there).await, "{range:?}: on the other one");
        end(one).await;
        let one = serve(here, &[ONE, TWO]).await;
        assert!(resumes(here).await, "{range:?}: after a restart");
        assert!(resumes(there).await && resumes(elsewhere).await);
        end(other).await;
        end(stranger).await;
        // Nobody is left who knows the first secret only.
        end(one).await;
        let one = serve(here, &["Ab3dEf6hIj9lMn2pQr5tUv8xYz1BCd4FGh7JKl0NOpQ="]).await;
        assert!(!resumes(here).await, "{range:?}: under another secret");
        end(one).await;
    }
}
