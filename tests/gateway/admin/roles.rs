//! Who may do what: every route of the description, tried by everybody.

use serde_json::Value;

use super::{Stage, ask, get, request, status};
use crate::support::raw::Door;

/// One thing that can be asked, from the listener's own description.
struct Route {
    id: String,
    method: String,
    path: String,
    role: String,
}

async fn routes(stage: &Stage) -> Vec<Route> {
    let described = stage.json("/api/v1/openapi.json").await;
    let paths = described["paths"].as_object().expect("paths");
    let mut routes = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            let text = |name: &str| operation[name].as_str().expect("a text").to_owned();
            routes.push(Route {
                id: text("operationId"),
                method: method.to_uppercase(),
                path: path.replace("{system}", "SAP1").replace("{side}", "B"),
                role: text("x-role"),
            });
        }
    }
    // An end is an end: whoever may order it does so last.
    routes.sort_by_key(|route| route.id == "stop");
    assert!(routes.len() >= 22);
    routes
}

impl Route {
    /// What is sent with it. A new order needs a line here.
    fn body(&self) -> &'static str {
        match self.id.as_str() {
            "preflight" | "reload" | "stop" => "{}",
            "setLogLevel" => "{\"level\":\"info\"}",
            "switch" => "{\"side\":\"A\",\"dry_run\":true}",
            "drain" | "undrain" => "{\"dry_run\":true}",
            other => panic!("what is sent with {other}?"),
        }
    }

    async fn tried(&self, door: &Door, fields: &str) -> (u16, Value) {
        let order = if self.method == "GET" {
            request("GET", &self.path, fields, "")
        } else {
            let fields = format!("{fields}Content-Type: application/json\r\n");
            request(&self.method, &self.path, &fields, self.body())
        };
        let (code, _) = status(door, &order).await;
        // Of a refusal the body counts as well.
        if code < 400 || code == 503 {
            return (code, Value::Null);
        }
        let answer = ask(door, &order).await;
        (code, serde_json::from_slice(&answer.body).expect("JSON"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_answers_each_role_as_its_description_says() {
    let mut stage = Stage::new().await;
    let local = stage.local_door();
    let token = stage.token();
    let doors = ["stranger", "reader", "operator"].map(|name| stage.remote_door(name));
    let [stranger, reader, operator] = &doors;
    for route in routes(&stage).await {
        let who = [
            ("nobody by TLS", stranger, "", 0),
            ("reader by TLS", reader, "", 1),
            ("reader on this machine", &local, "", 1),
            ("operator by TLS", operator, "", 2),
            ("operator on this machine", &local, token.as_str(), 2),
        ];
        let needed = match route.role.as_str() {
            "anybody" => 0,
            "reader" => 1,
            "operator" => 2,
            other => panic!("{other}"),
        };
        for (name, door, fields, rank) in who {
            if route.id == "stop" && (rank, name) == (2, "operator by TLS") {
                continue;
            }
            let (code, fault) = route.tried(door, fields).await;
            let what = format!("{} {} by {name}: {code} {fault}", route.method, route.path);
            match (rank >= needed, rank) {
                (true, _) if needed == 0 => assert!(matches!(code, 200 | 503), "{what}"),
                (true, _) => assert_eq!(code, 200, "{what}"),
                (false, 0) => assert_eq!(
                    (code, &fault["code"]),
                    (403, &"not-admitted".into()),
                    "{what}"
                ),
                (false, _) => assert_eq!((code, &fault["code"]), (403, &"role".into()), "{what}"),
            }
            if code == 403 {
                assert!(
                    fault["hint"].as_str().is_some_and(|hint| !hint.is_empty()),
                    "{what}"
                );
            }
        }
    }
    assert_eq!(stage.daemon.ended().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_counts_on_this_machine_only_and_a_wrong_one_opens_nothing() {
    let stage = Stage::new().await;
    for wrong in [
        "Authorization: Bearer 0123\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Basic YTpi\r\n",
        &stage.token().repeat(2),
    ] {
        let answer = ask(
            &stage.local_door(),
            &request("GET", "/api/v1/status", wrong, ""),
        )
        .await;
        assert_eq!(answer.status(), 401, "{wrong}: {answer:?}");
        assert!(answer.text().contains("admin.token"), "{answer:?}");
    }
    // Whoever got hold of it elsewhere is still only who his certificate says.
    let fields = format!("{}Content-Type: application/json\r\n", stage.token());
    let reload = request("POST", "/api/v1/reload", &fields, "{}");
    let answer = ask(&stage.remote_door("reader"), &reload).await;
    assert_eq!(answer.status(), 403, "{answer:?}");
    let who = ask(&stage.remote_door("operator"), &get("/api/v1/whoami")).await;
    assert!(who.text().contains("\"name\": \"CN=operator\""), "{who:?}");
}
