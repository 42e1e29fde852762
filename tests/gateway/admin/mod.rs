//! The operator's own listener: who may do what there, what it says while the gateway changes, and
//! that it keeps itself apart from the traffic.
#![cfg(unix)]

mod manners;
mod preflight;
mod refusals;
mod roles;
mod sessions;
mod states;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use crmgate::certs::issue::{Issued, LeafSpec};
use crmgate::model::Side;
use crmgate::simulate::{Caller, Deployment, Party, PeerTls, SimConnector};
use rustls::ClientConfig;
use serde_json::Value;

use crate::support::message::Message;
use crate::support::raw::{Door, Raw};
use crate::support::{Daemon, World, free_address, until};

/// The real program with two sides, and an admin listener on a loopback address and one that other
/// machines can reach.
struct Stage {
    world: World,
    sides: [SimConnector; 2],
    deployment: Deployment,
    listen: SocketAddr,
    /// On the loopback address, without TLS.
    local: SocketAddr,
    /// With TLS.
    remote: SocketAddr,
    daemon: Daemon,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_, _| ()).await
    }

    async fn with(differ: impl FnOnce(&World, &mut Deployment)) -> Self {
        let world = World::new();
        let sides = Side::BOTH.map(|side| world.side(side));
        let [listen, local, remote] = [free_address(), free_address(), free_address()];
        let [a, b] = sides.each_ref().map(SimConnector::endpoint);
        let mut deployment = world.deployment().requests(listen, &a, Some(&b));
        let everywhere = format!("0.0.0.0:{}", remote.port());
        deployment
            .gateway
            .set("Admin", "Listen", format!("{local},{everywhere}"))
            .set("Admin", "TokenFile", "./admin.token")
            .set("Admin", "AllowReader1", "cn=reader")
            .set("Admin", "AllowOperator1", "cn=operator")
            .set("Admin", "AllowOperator2", "cn=sap-crm");
        differ(&world, &mut deployment);
        deployment.write(world.path()).expect("ini files");
        let mut daemon = Daemon::serving(world.path()).await;
        daemon.until_said("the admin listener is open").await;
        Self {
            world,
            sides,
            deployment,
            listen,
            local,
            remote,
            daemon,
        }
    }

    fn local_door(&self) -> Door {
        Door {
            addr: self.local,
            tls: None,
        }
    }

    /// Over TLS as somebody whom the company's authority has issued.
    fn remote_door(&self, name: &str) -> Door {
        Door {
            addr: self.remote,
            tls: Some(self.client(&issued(&self.world, name))),
        }
    }

    fn client(&self, own: &Issued) -> Arc<ClientConfig> {
        let company = self.world.pki.authority(Party::Gateway).der();
        let peer = PeerTls::new(own, company, &[company]);
        Arc::new(peer.client().expect("a client"))
    }

    /// The fields of somebody who can read the token file.
    fn token(&self) -> String {
        let token = std::fs::read_to_string(self.world.path().join("admin.token"));
        format!(
            "Authorization: Bearer {}\r\n",
            token.expect("a token").trim()
        )
    }

    async fn get(&self, path: &str) -> Message {
        ask(&self.local_door(), &get(path)).await
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status(), 200, "{answer:?}");
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// An order of somebody who may give it.
    async fn order(&self, method: &str, path: &str, body: &str) -> Message {
        let fields = format!("{}Content-Type: application/json\r\n", self.token());
        ask(&self.local_door(), &request(method, path, &fields, body)).await
    }

    fn write(&self) {
        self.deployment.write(self.world.path()).expect("ini files");
    }

    /// Has it reloaded by a signal, and waits until that is done.
    async fn reload(&mut self) {
        let times = self.daemon.said().matches("reloaded:").count();
        self.daemon.signal("HUP");
        self.daemon.until_said_again("reloaded:", times).await;
    }

    fn caller(&self) -> Caller {
        let spec = self.world.crm(self.listen).caller().expect("a caller");
        Caller::new(spec, self.world.ledger.clone())
    }
}

fn issued(world: &World, name: &str) -> Issued {
    let authority = world.pki.authority(Party::Gateway);
    let spec = LeafSpec::for_name(name, world.clock.now());
    authority.issue(&spec).expect("a certificate")
}

fn get(path: &str) -> String {
    request("GET", path, "", "")
}

/// A request of HTTP/1.1 that names this machine.
fn request(method: &str, path: &str, fields: &str, body: &str) -> String {
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}{length}\r\n{body}")
}

/// One request on a connection of its own.
async fn ask(door: &Door, request: &str) -> Message {
    let mut line = door.open().await;
    say(&mut line, request).await
}

/// One request on a connection that stays.
async fn say(line: &mut Raw, request: &str) -> Message {
    line.send(request.as_bytes()).await.expect("sent");
    line.answer().await.expect("an answer")
}

/// The status of an answer whose body may go on for ever.
async fn status(door: &Door, request: &str) -> (u16, Message) {
    let mut line = door.open().await;
    line.send(request.as_bytes()).await.expect("sent");
    let head = line.answer_to(true).await.expect("an answer");
    (head.status(), head)
}

/// What a route answers has the fields that the description gives it, and no others.
#[track_caller]
fn assert_described(description: &Value, path: &str, answer: &Value) {
    let schema = &description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    assert!(schema.is_object(), "{path} is not described");
    assert_of_schema(description, schema, answer, path);
}

#[track_caller]
fn assert_of_schema(description: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointed = description.pointer(reference.trim_start_matches('#'));
        return assert_of_schema(description, pointed.expect("a schema"), value, at);
    }
    if let Some(ways) = schema["oneOf"].as_array() {
        let is_null = |way: &&Value| (way["type"] == "null") == value.is_null();
        let way = ways.iter().find(is_null).expect("a way");
        return assert_of_schema(description, way, value, at);
    }
    match value {
        Value::Object(fields) => {
            let properties = schema["properties"].as_object().expect(at);
            let known: Vec<_> = properties.keys().collect();
            let there: Vec<_> = fields.keys().collect();
            assert_eq!(there, known, "{at}");
            for (name, field) in fields {
                let at = format!("{at} {name}");
                assert_of_schema(description, &properties[name], field, &at);
            }
        }
        Value::Array(items) => {
            for item in items {
                assert_of_schema(description, &schema["items"], item, at);
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
            let kind = match value {
                Value::String(_) => "string",
                Value::Number(number) if number.is_f64() => "number",
                Value::Number(_) => "integer",
                Value::Bool(_) => "boolean",
                Value::Null | Value::Array(_) | Value::Object(_) => "null",
            };
            let is_kind = |of: &Value| of == kind || (of == "number" && kind == "integer");
            let kinds = &schema["type"];
            let is_enumerated = schema["enum"].as_array();
            let is_good = is_enumerated.is_some_and(|all| all.contains(value))
                || is_kind(kinds)
                || kinds.as_array().is_some_and(|all| all.iter().any(is_kind));
            assert!(is_good, "{at}: {value} is not of {schema}");
        }
    }
}
