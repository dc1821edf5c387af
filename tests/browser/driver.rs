//! A headless Chromium, driven by the WebDriver protocol: as much of a client as these tests need.
//!
//! The driver chooses a free port. Driver and browser are ended by their numbers when the test ends, however it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

const DRIVER: &str = "/usr/bin/chromedriver";
const BROWSER: &str = "/usr/bin/chromium";
/// No answer takes longer, also while others use the machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    browser: Option<u64>,
    profile: TempDir,
    said: Option<BufReader<ChildStdout>>,
}

impl Browser {
    /// None, and says so, where there is no browser.
    pub fn start(wide: u32, high: u32) -> Option<Browser> {
        if !Path::new(DRIVER).exists() || !Path::new(BROWSER).exists() {
            eprintln!(
                "SKIPPED: neither {BROWSER} nor {DRIVER}? Then nothing of the report is tested in a browser"
            );
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        let driver = Command::new(DRIVER)
            .arg("--port=0")
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut browser =
            Browser { driver, port: 0, session: String::new(), browser: None, profile, said: None };
        browser.port = browser.port();
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--window-size={wide},{high}"));
        arguments.push(format!("--user-data-dir={}", browser.profile.path().join("profile").display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": arguments, "binary": BROWSER },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let made = browser.ask("POST", "/session", &wanted);
        browser.session = made["sessionId"].as_str().unwrap().to_owned();
        browser.browser = made["capabilities"]["goog:processID"].as_u64();
        browser.command("timeouts", &json!({ "script": PATIENCE.as_millis() as u64 }));
        Some(browser)
    }

    /// The port that the driver says it listens on.
    fn port(&mut self) -> u16 {
        // The reader stays open: a driver that can't write ends.
        let said = self.said.insert(BufReader::new(self.driver.stdout.take().unwrap()));
        let line =
            said.lines().map(Result::unwrap).find(|line| line.contains("successfully on port")).unwrap();
        let digits = line.rsplit("on port ").next().unwrap().trim_end_matches('.');
        digits.parse().unwrap_or_else(|_| panic!("no port in {line:?}"))
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, value) = self.request(method, path, body).unwrap();
        assert!(status == 200, "{method} {path}: {value}");
        value["value"].clone()
    }

    /// One request on a connection of its own.
    fn request(&self, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let port = self.port;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut length = 0;
        loop {
            line.clear();
            answer.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut bytes = vec![0; length];
        answer.read_exact(&mut bytes)?;
        Ok((status, serde_json::from_slice(&bytes)?))
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{name}", self.session), body)
    }

    /// Opens a file, with a fragment, and waits until the report has drawn itself.
    pub fn open(&self, path: &Path, fragment: &str) {
        // A page that differs in the fragment alone wouldn't be loaded again.
        self.command("url", &json!({ "url": "about:blank" }));
        self.command("url", &json!({ "url": format!("file://{}{fragment}", path.display()) }));
        self.until("document.documentElement.dataset.ready");
    }

    /// What an expression of the page's script is worth.
    pub fn value(&self, expression: &str) -> Value {
        let value =
            self.command("execute/sync", &json!({ "script": format!("return {expression};"), "args": [] }));
        // Whether a line may be broken at a gap is nothing that tests care about.
        serde_json::from_str(&value.to_string().replace('\u{a0}', " ")).unwrap()
    }

    pub fn text(&self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("no text: {expression}")).to_owned()
    }

    /// The visible text of the first element that fits.
    pub fn inner(&self, selector: &str) -> String {
        self.text(&format!("document.querySelector({selector:?}).innerText"))
    }

    /// Runs statements that end with a call of `done`.
    pub fn eventually(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.command("execute/async", &json!({ "script": script, "args": [] }))
    }

    /// Waits until the page, looked at whenever it draws a frame, is as said.
    pub fn until(&self, condition: &str) {
        let script = format!(
            "const end = performance.now() + 60000; const look = () => {{ \
             let met = false; try {{ met = Boolean({condition}); }} catch {{}} \
             if (met || performance.now() > end) done(met); else requestAnimationFrame(look); }}; look();"
        );
        let met = self.eventually(&script);
        assert!(
            met == json!(true),
            "never: {condition}\n{}\n{:?}",
            self.text("document.body.innerText"),
            self.log()
        );
    }

    fn act(&self, sources: &Value) {
        self.command("actions", &json!({ "actions": sources }));
    }

    /// Presses keys one after the other; WebDriver's private characters stand for those without a letter.
    pub fn press(&self, keys: &str) {
        let actions: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        self.act(&json!([{ "type": "key", "id": "keys", "actions": actions }]));
    }

    /// Moves the mouse, with the button down between the first and the last place; one place is a click.
    pub fn drag(&self, places: &[(i64, i64)], with: Option<char>) {
        let at = |&(x, y): &(i64, i64)| json!({ "type": "pointerMove", "x": x, "y": y, "duration": 0 });
        let mut actions = vec![at(&places[0]), json!({ "type": "pointerDown", "button": 0 })];
        actions.extend(places[1..].iter().map(at));
        actions.push(json!({ "type": "pointerUp", "button": 0 }));
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.with_key(with, mouse, places.len() + 2);
    }

    pub fn click(&self, place: (i64, i64)) {
        self.drag(&[place], None);
    }

    /// Clicks in the middle of an element.
    pub fn click_on(&self, selector: &str) {
        let script = format!(
            "(() => {{ const element = document.querySelector({selector:?}); element.scrollIntoView({{ block: 'nearest' }}); \
             const box = element.getClientRects()[0]; \
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]; }})()"
        );
        let place = self.value(&script);
        self.click((place[0].as_i64().unwrap(), place[1].as_i64().unwrap()));
    }

    pub fn wheel(&self, (x, y): (i64, i64), by: i64, with: Option<char>) {
        let scroll = json!({ "type": "scroll", "x": x, "y": y, "deltaX": 0, "deltaY": by, "duration": 0, "origin": "viewport" });
        self.with_key(with, json!({ "type": "wheel", "id": "wheel", "actions": [scroll] }), 1);
    }

    /// Actions of one source while a key is held down.
    fn with_key(&self, key: Option<char>, mut source: Value, count: usize) {
        let Some(key) = key else {
            self.act(&json!([source]));
            return;
        };
        let pause = json!({ "type": "pause", "duration": 0 });
        let actions = source["actions"].as_array_mut().unwrap();
        actions.insert(0, pause.clone());
        actions.push(pause.clone());
        let mut keys = vec![json!({ "type": "keyDown", "value": key.to_string() })];
        keys.extend(vec![pause; count]);
        keys.push(json!({ "type": "keyUp", "value": key.to_string() }));
        self.act(&json!([{ "type": "key", "id": "keys", "actions": keys }, source]));
    }

    /// Everything that the page or the browser complained about since the last call.
    pub fn log(&self) -> Vec<String> {
        let entries = self.command("se/log", &json!({ "type": "browser" }));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// Keeps a picture of what is shown, for people: target/browser/NAME.png.
    pub fn picture(&self, name: &str) -> PathBuf {
        self.eventually("requestAnimationFrame(() => requestAnimationFrame(done))");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("browser");
        fs::create_dir_all(&folder).unwrap();
        let shot = self.ask("GET", &format!("/session/{}/screenshot", self.session), &Value::Null);
        let path = folder.join(format!("{name}.png"));
        fs::write(&path, unbase64(shot.as_str().unwrap())).unwrap();
        path
    }

    /// Pretends that the system is set to dark or light, or that the page is printed.
    pub fn emulate(&self, media: &Value) {
        let body = json!({ "cmd": "Emulation.setEmulatedMedia", "params": media });
        self.command("goog/cdp/execute", &body);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            drop(self.request("DELETE", &format!("/session/{}", self.session), &Value::Null));
        }
        if let Some(browser) = self.browser {
            // It has ended with its session, unless something went wrong.
            drop(Command::new("kill").args(["-9", &browser.to_string()]).stderr(Stdio::null()).status());
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte: u8| DIGITS.iter().position(|&digit| digit == byte);
    let digits: Vec<usize> = text.bytes().filter_map(digit).collect();
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for four in digits.chunks(4) {
        let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
        bytes.extend(&(bits as u32).to_be_bytes()[1..four.len()]);
    }
    bytes
}
