//! [`Page`]: a page in a Chromium without a screen, driven over the pipe of its developer tools.
//!
//! A pipe needs neither a port nor a library: messages are JSON with a zero byte behind each. The
//! browser ends when its end of the pipe is closed, so nothing is left over, whatever a test does.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::soon;

/// Names of it, the one of Debian first.
const BROWSERS: [&str; 2] = ["chromium", "google-chrome"];

/// The pipe stands at the descriptors 3 and 4 of the browser.
const PIPED: &str = "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// It asks nobody for anything by itself. The sandbox does not work for root, and what is shown here
/// is our own.
const FLAGS: [&str; 10] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
];

/// What the page itself tells of what its policy has refused.
const WATCH: &str = "window.refused = []; addEventListener('securitypolicyviolation', \
                     (event) => refused.push(`${event.violatedDirective} ${event.blockedURI}`));";

/// A browser with one page. Dropping it ends it.
pub(crate) struct Page {
    child: Child,
    input: Option<ChildStdin>,
    said: mpsc::UnboundedReceiver<Value>,
    /// Events that came, in their order.
    heard: Vec<Value>,
    last: u64,
    session: Option<String>,
    _profile: TempDir,
}

impl Page {
    /// An empty page of 1280 by 900.
    pub(crate) async fn empty() -> Self {
        let program = BROWSERS.into_iter().find(|name| is_there(name));
        let program =
            program.expect("no browser: install the package \"chromium\", as .ci/run does");
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", PIPED, "sh", program])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let (sender, said) = mpsc::unbounded_channel();
        let output = child.stdout.take().expect("piped");
        std::thread::spawn(move || listen(output, &sender));
        let mut page = Self {
            input: child.stdin.take(),
            child,
            said,
            heard: Vec::new(),
            last: 0,
            session: None,
            _profile: profile,
        };
        let target = page
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", target).await;
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page.call(
            "Emulation.setFocusEmulationEnabled",
            json!({"enabled": true}),
        )
        .await;
        let watch = json!({"source": WATCH});
        page.call("Page.addScriptToEvaluateOnNewDocument", watch)
            .await;
        page.resize(1280, 900).await;
        page
    }

    /// A page that shows an address, once the gateway is drawn on it.
    pub(crate) async fn open(url: &str) -> Self {
        let mut page = Self::empty().await;
        page.go(url).await;
        page
    }

    /// Goes to an address, and waits until the gateway is drawn.
    pub(crate) async fn go(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
        self.until(
            "the gateway is drawn",
            "document.querySelector('.topology .side')",
        )
        .await;
    }

    /// Another size of the window.
    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// What the person in front of it prefers, such as `prefers-color-scheme: dark`.
    pub(crate) async fn prefer(&mut self, what: &str, value: &str) {
        let features = json!({"features": [{"name": what, "value": value}]});
        self.call("Emulation.setEmulatedMedia", features).await;
    }

    /// What a script in the page comes to.
    pub(crate) async fn evaluate(&mut self, script: &str) -> Value {
        let asked = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let done = self.call("Runtime.evaluate", asked).await;
        let failed = &done["exceptionDetails"];
        assert!(failed.is_null(), "{script}: {failed:#}");
        done["result"]["value"].clone()
    }

    /// The same as text.
    pub(crate) async fn text(&mut self, script: &str) -> String {
        let value = self.evaluate(script).await;
        value.as_str().expect("text").to_owned()
    }

    /// Waits until a script in the page comes to something.
    pub(crate) async fn until(&mut self, what: &str, script: &str) {
        let waited = self
            .evaluate(&format!(
                "new Promise((done) => {{\
                   const end = performance.now() + 15000;\
                   const look = () => {{\
                     let is = false;\
                     try {{ is = Boolean({script}); }} catch {{ is = false; }}\
                     if (is || performance.now() > end) done(is); else setTimeout(look, 10);\
                   }};\
                   look();\
                 }})"
            ))
            .await;
        if waited != json!(true) {
            let shown = "(document.querySelector('dialog[open]') ?? document.body).innerText.slice(0, 1500)";
            let shown = self.text(shown).await;
            panic!("waited in vain until {what}:\n{shown}");
        }
    }

    /// Clicks at what a selector finds.
    pub(crate) async fn click(&mut self, selector: &str) {
        let found = format!("document.querySelector(`{selector}`)");
        self.until(&format!("there is {selector}"), &found).await;
        self.evaluate(&format!("{found}.click()")).await;
    }

    /// Presses a key: `Tab`, `Enter` or `Escape`.
    pub(crate) async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            other => panic!("no key {other}"),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Types a text where the focus is.
    pub(crate) async fn type_in(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Goes on with the tabulator until a script says that the focus is where it should be.
    pub(crate) async fn tab_to(&mut self, what: &str, script: &str) {
        for _ in 0..60 {
            if self.evaluate(&format!("Boolean({script})")).await == json!(true) {
                return;
            }
            self.press("Tab").await;
        }
        panic!("the tabulator does not lead to {what}");
    }

    /// Leaves a picture of the page: of what is in the window, or of all of it.
    pub(crate) async fn picture(&mut self, name: &str, whole: bool) {
        let asked = json!({"format": "png", "captureBeyondViewport": whole});
        let taken = self.call("Page.captureScreenshot", asked).await;
        let bytes = from_base64(taken["data"].as_str().expect("a picture"));
        assert!(bytes.starts_with(b"\x89PNG"), "a picture");
        let folder = folder();
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("written");
    }

    /// Every address that the page has asked for.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        let sent = self
            .heard
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = sent.filter_map(|event| event["params"]["request"]["url"].as_str());
        urls.map(str::to_owned).collect()
    }

    /// What the browser has to say against the page: errors, warnings, and what its policy refused.
    pub(crate) async fn complaints(&mut self) -> Vec<String> {
        let refused = self.evaluate("window.refused").await;
        let mut all: Vec<_> = refused
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        for event in &self.heard {
            let params = &event["params"];
            match event["method"].as_str() {
                Some("Log.entryAdded") => all.push(params["entry"].to_string()),
                Some("Runtime.exceptionThrown") => all.push(params["exceptionDetails"].to_string()),
                Some("Runtime.consoleAPICalled") => all.push(params["args"].to_string()),
                _ => {}
            }
        }
        all
    }

    /// Everything in the page with its role and its name, as assistive programs get it.
    pub(crate) async fn accessible(&mut self) -> Vec<(String, String)> {
        let tree = self.call("Accessibility.getFullAXTree", json!({})).await;
        let nodes = tree["nodes"].as_array().expect("nodes").iter();
        let word = |part: &Value| part["value"].as_str().unwrap_or_default().to_owned();
        nodes
            .filter(|node| node["ignored"] == json!(false))
            .map(|node| (word(&node["role"]), word(&node["name"])))
            .collect()
    }

    /// Calls a method of the developer tools.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let input = self.input.as_mut().expect("open");
        input.write_all(&bytes).expect("the browser listens");
        loop {
            let said = soon(self.said.recv()).await.expect("the browser runs");
            if said["id"] == json!(self.last) {
                assert!(said["error"].is_null(), "{method}: {}", said["error"]);
                return said["result"].clone();
            }
            self.heard.push(said);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        drop(self.input.take());
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Where pictures are left.
pub(crate) fn folder() -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    temporary
        .parent()
        .expect("the target folder")
        .join("console")
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Hands each message on, until the browser ends.
fn listen(mut output: ChildStdout, sender: &mpsc::UnboundedSender<Value>) {
    let (mut rest, mut more) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(count @ 1..) = output.read(&mut more) {
        rest.extend_from_slice(&more[..count]);
        while let Some(end) = rest.iter().position(|byte| *byte == 0) {
            let message: Vec<u8> = rest.drain(..=end).collect();
            let value = serde_json::from_slice(&message[..end]).expect("JSON");
            if sender.send(value).is_err() {
                return;
            }
        }
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for char in text.bytes().filter(|char| *char != b'=') {
        let place = alphabet
            .iter()
            .position(|own| *own == char)
            .expect("Base64");
        bits = (bits << 6) | u32::try_from(place).expect("small");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).expect("a byte"));
        }
    }
    bytes
}

#[test]
fn a_picture_is_read_back_as_it_was_written() {
    assert_eq!(from_base64("iVBORw=="), b"\x89PNG");
    assert_eq!(from_base64("TWFu"), b"Man");
}
