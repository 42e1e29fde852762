//! crmgate's files.

use std::net::SocketAddr;
use std::path::Path;

use crmgate::simulate::Deployment;

use super::{Door, Plan, Sessions};
use crate::ground::{Ground, LIST};

/// Writes the ini files. A second door is a second SAP system.
pub(super) fn write(ground: &Ground, plan: &Plan, doors: &[SocketAddr]) {
    let deployment = deployment(ground, plan, doors[0]);
    let mut deployment = deployment;
    for (system, (door, listen)) in ["SAP1", "SAP2"].iter().zip(plan.doors.iter().zip(doors)) {
        let word = match door {
            Door::Required => "require",
            Door::Optional => "request",
        };
        let ssl = deployment.ssl.as_mut().expect("TLS");
        ssl.set(&format!("SSL_SERVER {system}"), "CLIENT_AUTH", word);
        if *listen != doors[0] {
            let mut more = Deployment::new(system).requests(*listen, &ground.side.endpoint(), None);
            more.system.set("Config", "TpiDllParameter", "SSL");
            let file = ground
                .world
                .path()
                .join(format!("CRMConnectorSAP_{system}.ini"));
            std::fs::write(file, more.system.to_string()).expect("written");
        }
    }
    deployment.write(ground.world.path()).expect("ini files");
}

/// The files of one system that listens here.
pub fn deployment(ground: &Ground, plan: &Plan, listen: SocketAddr) -> Deployment {
    let deployment = ground.world.deployment();
    let mut deployment = deployment.requests(listen, &ground.side.endpoint(), None);
    deployment.gateway.set("Runtime", "Watch", "yes");
    let ssl = deployment.ssl.as_mut().expect("TLS");
    let role = "SSL_SERVER_CLIENT";
    // What is tried here is what happens once an authority is dropped.
    ssl.set(role, "CA_DROP_GUARD", "0");
    match plan.sessions {
        Sessions::AsInstalled => {}
        Sessions::Cache => {
            ssl.set(role, "SESSION_TICKETS", "no");
        }
        Sessions::SharedTickets => {
            ground.put(
                "tickets.secret",
                "q0m5vGZyJx8rC1nT4bWkL7sHdF2uPaE9iOYQ6tNVh3M=",
            );
            let file = "./ssl/tickets.secret";
            deployment.gateway.set("Sessions", "TicketSecretFile", file);
        }
    }
    if plan.lists {
        ssl.set(role, "CRL_FILE", format!("./ssl/{LIST}"));
    }
    if plan.grace {
        ssl.set(role, "CRL_EXPIRED", "grace 48h");
    }
    if let Some(lifetime) = plan.lifetime {
        ssl.set(role, "SESSION_LIFETIME", format!("{lifetime}s"));
    }
    deployment
}

pub(super) fn check(dir: &Path) -> Vec<String> {
    vec![
        "check".to_owned(),
        "--config".to_owned(),
        dir.display().to_string(),
    ]
}
