//! The report in a real browser, opened from the disk: what its readers do, and what they see then.
//!
//! Skipped loudly where no Chromium is installed. Pictures of what was seen are left in target/browser/.

#![allow(clippy::unwrap_used)]

#[path = "browser/driver.rs"]
mod driver;
#[path = "browser/story.rs"]
mod story;

use std::path::{Path, PathBuf};
use std::process::Command;

use driver::Browser;
use serde_json::json;
use tempfile::TempDir;

const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const SHIFT: char = '\u{e008}';
const CONTROL: char = '\u{e009}';
const LEFT: char = '\u{e012}';
const UP: char = '\u{e013}';
const RIGHT: char = '\u{e014}';
const TAB: char = '\u{e004}';

/// A folder with reports in it, and a browser.
struct Desk {
    folder: TempDir,
    browser: Browser,
}

impl Desk {
    fn new() -> Option<Desk> {
        Some(Desk { browser: Browser::start(1400, 900)?, folder: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A report of what was written as a trace.
    fn report(&self, write: impl Fn(&Path), more: &[&str]) -> PathBuf {
        write(&self.path("trace.bin"));
        trapline(self.folder.path(), &[&["report", "trace.bin"], more].concat());
        self.path("report.html")
    }

    /// Where the pointer must be so that the tip says this.
    fn place(&self, tip: &str) -> (i64, i64) {
        let script = format!(
            "(() => {{ for (const canvas of document.querySelectorAll('.timeline canvas')) {{ \
             const box = canvas.getBoundingClientRect(); \
             for (let y = box.top + 30; y < box.bottom; y += 4) for (let x = box.left + 60; x < box.right; x += 3) {{ \
             canvas.dispatchEvent(new PointerEvent('pointermove', {{ clientX: x, clientY: y }})); \
             const tip = document.getElementById('tip'); \
             if (!tip.hidden && tip.textContent.includes({tip:?})) return [Math.round(x), Math.round(y)]; \
             }} }} return null; }})()"
        );
        let place = self.browser.value(&script);
        assert!(place.is_array(), "no place where the tip says {tip}");
        (place[0].as_i64().unwrap(), place[1].as_i64().unwrap())
    }

    fn fragment(&self) -> String {
        self.browser.text("location.hash")
    }

    /// The lines of the chain of causes.
    fn chain(&self) -> Vec<String> {
        let lines = self
            .browser
            .value("[...document.querySelectorAll('#pane .chain li')].map((line) => line.innerText)");
        lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    fn no_complaints(&self) {
        let mut log = self.browser.log();
        // These tests read pixels, which the page itself never does.
        log.retain(|line| !line.contains("willReadFrequently"));
        assert!(log.is_empty(), "{} complaints: {:?}", log.len(), &log[..log.len().min(3)]);
    }
}

fn trapline(folder: &Path, arguments: &[&str]) {
    let out =
        Command::new(env!("CARGO_BIN_EXE_trapline")).args(arguments).current_dir(folder).output().unwrap();
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn a_wait_leads_back_to_its_cause() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "");
    browser.picture("overview");
    browser.click(desk.place("b waits for data (pipe x)"));
    browser.until("document.querySelector('#pane .chain')");
    let expected = [
        "b waited 110 µs for data (pipe x) 12 µs – 122 µs",
        "a woke it by write 122 µs, line 10: { write = \"x\", bytes = \"1B\" }",
        "a waited 82 µs for disk sda 22 µs – 104 µs",
        "the disk interrupt on CPU 0 woke it 104 µs",
        "disk sda had been asked for 4 KiB by a, and took 82 µs 21 µs",
    ];
    assert_eq!(desk.chain(), expected);
    let told = browser.inner("#pane");
    assert!(told.contains("b blocked (pipe-read: pipe x), and a got the CPU"), "{told}");
    assert!(told.contains("line 21 of the scenario"), "{told}");
    browser.picture("why");
    desk.no_complaints();
}

#[test]
fn a_running_span_tells_the_switch_and_the_rule_that_gave_it_the_cpu() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "#s=0.task.3.135000");
    browser.until("document.querySelector('#pane .why')");
    let told = browser.inner("#pane");
    for part in [
        "b runs in user mode",
        "a ended, and b got the CPU",
        "exited – The previous thread has ended and never runs again.",
        "The policy chose b by its rule “level”, number 3",
        "level – The highest level that has a ready thread; 0 is the lowest.",
        "It began with sys_exit",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // While nobody runs, the last switch tells why.
    browser.open(&desk.path("report.html"), "#s=0.cpu.0.23000");
    let told = browser.inner("#pane");
    assert!(
        told.contains("CPU 0 is idle") && told.contains("a blocked (disk: disk sda), and the CPU idles"),
        "{told}"
    );
    desk.no_complaints();
}

#[test]
fn wheel_and_keys_move_the_window_and_the_address_says_so() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    let report = desk.report(story::write_story, &[]);
    browser.open(&report, "");
    let blank = "(() => { const canvas = document.querySelector('.timeline canvas'); \
                 const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); \
                 return new Set(new Uint32Array(data.buffer)).size; })()";
    assert!(browser.value(blank).as_u64().unwrap() > 20, "the canvas has many colours");
    let middle = (700, 330);
    browser.wheel(middle, -400, Some(CONTROL));
    browser.until("/t=\\d+-\\d+/.test(location.hash)");
    let window = |text: &str| -> (u64, u64) {
        let range = text.split("t=").nth(1).unwrap().split('&').next().unwrap();
        let (from, to) = range.split_once('-').unwrap();
        (from.parse().unwrap(), to.parse().unwrap())
    };
    let (from, to) = window(&desk.fragment());
    assert!(from > 0 && to < 152_000 && to - from < 100_000, "{from} to {to}");
    let before = desk.fragment();
    browser.press("d");
    browser.until(&format!("location.hash !== {before:?}"));
    let later = window(&desk.fragment());
    assert!(later.0 > from && (later.1 - later.0).abs_diff(to - from) <= 1, "{later:?}");
    browser.drag(&[(600, 330), (700, 330), (800, 330)], None);
    browser.until(&format!("location.hash !== '#t={}-{}'", later.0, later.1));
    assert!(window(&desk.fragment()).0 < later.0, "dragged to the right, an earlier part is shown");
    browser.press("0");
    browser.until("location.hash === ''");
    browser.press("+");
    browser.until("/t=/.test(location.hash)");
    desk.no_complaints();
}

#[test]
fn an_address_brings_everything_back() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    let report = desk.report(story::write_story, &[]);
    let fragment = "#t=90000-140000&s=0.task.3.122000&q=pipe&m=100000-120000&hide=0.2&kinds=print&show=path";
    browser.open(&report, fragment);
    browser.until("document.querySelector('#pane h3').innerText.includes('ready')");
    let told = browser.inner("#pane h3");
    assert_eq!(told, "b is ready, without a CPU");
    let expected = [
        "b was ready for 10 µs, without a CPU 122 µs – 132 µs",
        "a had woken it 122 µs",
        "a had CPU 0 for 10 µs",
        "then a ended, and b got the CPU 132 µs",
    ];
    assert_eq!(desk.chain(), expected);
    assert_eq!(browser.text("document.getElementById('search').value"), "pipe");
    assert!(browser.inner("#hits").contains("hit"), "{}", browser.inner("#hits"));
    assert_eq!(browser.text("document.getElementById('show-path').getAttribute('aria-pressed')"), "true");
    assert_eq!(browser.text("document.getElementById('show-wakes').getAttribute('aria-pressed')"), "false");
    browser.picture("address");
    let parts = "(hash) => [...new URLSearchParams(hash.slice(1))].sort().join()";
    browser.until(&format!("({parts})(location.hash) === ({parts})({fragment:?})"));
    // The same page, told to go elsewhere.
    browser.value("location.hash = '#tab=tables'");
    browser.until("document.getElementById('tab-tables').getAttribute('aria-selected') === 'true'");
    assert!(browser.inner("#pane").contains("System calls"));
    // What isn't there does no harm.
    browser.open(&report, "#t=7-x&s=9.task.77.1&tab=nonsense&hide=0.99&m=&kinds=none");
    assert!(browser.inner("#pane").contains("Click a bar"));
    desk.no_complaints();
}

#[test]
fn a_message_is_followed_from_its_sender_to_its_receiver_and_back() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "");
    browser.value("document.getElementById('search').focus()");
    browser.press("message_send");
    browser.until("document.getElementById('hits').innerText === '1 hit'");
    browser.press(&ENTER.to_string());
    browser.until("document.querySelector('#pane h3')?.innerText === 'message_send'");
    let told = browser.inner("#pane");
    assert!(told.contains("→ received by b at 134 µs: 1 B through pipe x, 12 µs under way"), "{told}");
    browser.press(&format!("{ESCAPE}g"));
    browser.until("document.querySelector('#pane h3')?.innerText === 'message_receive'");
    assert!(browser.inner("#pane").contains("← sent by a at 122 µs"), "{}", browser.inner("#pane"));
    browser.picture("message");
    let sender =
        "[...document.querySelectorAll('#pane .link')].find((link) => link.innerText === '← sent by a')";
    browser.value(&format!("{sender}.focus()"));
    browser.press(&ENTER.to_string());
    browser.until("document.querySelector('#pane h3')?.innerText === 'message_send'");
    desk.no_complaints();
}

#[test]
fn search_finds_names_steps_kinds_and_what_was_printed() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "");
    let find = |text: &str, hits: &str| {
        browser.click_on("#search");
        browser.value("document.getElementById('search').select()");
        browser.press(text);
        browser.until(&format!("document.getElementById('hits').innerText === {hits:?}"));
    };
    find("got the", "1 hit");
    find("irq_handler", "2 hits");
    // Two fields name the disk itself, one the wait for it.
    find("sda", "3 hits");
    find("nowhere to be found", "nothing found");
    find("write = ", "5 hits");
    browser.press(&ENTER.to_string());
    browser.until("document.getElementById('hits').innerText === '1 of 5'");
    browser.press(&ENTER.to_string());
    browser.until("document.getElementById('hits').innerText === '2 of 5'");
    browser.press(&ESCAPE.to_string());
    browser.press("N");
    browser.until("document.getElementById('hits').innerText === '1 of 5'");
    assert!(browser.inner("#pane").contains("line 10 of the scenario"), "{}", browser.inner("#pane"));
    desk.no_complaints();
}

#[test]
fn a_measured_piece_tells_its_length_and_what_happened_in_it() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    let report = desk.report(story::write_story, &[]);
    browser.open(&report, "#m=100000-120000&tab=measure");
    browser.until("document.querySelector('#pane h3')");
    assert_eq!(browser.inner("#pane h3"), "Measured: 20 µs");
    let rows = browser.value("[...document.querySelectorAll('#pane table')].map((t) => [...t.rows].map((r) => [...r.cells].map((c) => c.innerText).join(' ')))");
    let tables = rows.as_array().unwrap();
    let has = |table: usize, row: &str| tables[table].as_array().unwrap().contains(&json!(row));
    // From 100 up to 120: raised, recognised, handler entry, block complete, waking, wakeup, handler exit, switch,
    // its end, the end of the read and the beginning of the write.
    assert!(has(0, "all 11") && has(0, "sys_enter 1") && has(0, "sched_switch 1"), "{rows}");
    // A: blocked 100-104, ready 104-106, switch 106-107, kernel 107-109, user 109-120.
    assert!(
        tables[1].as_array().unwrap().iter().any(|row| row.as_str().unwrap().starts_with("a 11 µs 2 µs")),
        "{rows}"
    );
    browser.open(&report, "");
    browser.drag(&[(300, 330), (500, 330), (700, 330)], Some(SHIFT));
    browser.until("/m=\\d+-\\d+/.test(location.hash)");
    browser.until("document.querySelector('#pane h3')?.innerText.startsWith('Measured')");
    browser.picture("measure");
    // By keys: from the selection to another.
    browser.press(&format!("{ESCAPE}"));
    browser.until("!/m=/.test(location.hash)");
    desk.no_complaints();
}

#[test]
fn the_critical_path_is_told_and_drawn() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "#tab=path");
    browser.press("c");
    browser.until("/show=.*path/.test(location.hash)");
    // From B's end at 151 back: B to 122, where A woke it, and A to its beginning; the disk's time is A's wait.
    let told = browser.inner("#pane");
    assert!(told.contains("Critical path: 151 µs"), "{told}");
    let row = |name: &str| {
        browser.text(&format!("[...document.querySelectorAll('#pane tr')].find((row) => row.cells[0].innerText === {name:?}).innerText"))
    };
    assert_eq!(row("blocked"), "blocked\t82 µs\t54 %");
    assert_eq!(row("a"), "a\t122 µs\t81 %");
    assert_eq!(row("b"), "b\t29 µs\t19 %");
    browser.picture("critical-path");
    desk.no_complaints();
}

#[test]
fn names_that_look_like_markup_are_texts_and_nothing_else() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    let report = desk.report(story::write_evil, &[]);
    for fragment in
        ["", "#tab=path", "#tab=tables", "#tab=events", "#tab=filter", "#s=0.task.3.12000", "#s=0.event.3"]
    {
        browser.open(&report, fragment);
        assert_eq!(browser.value("document.images.length"), json!(0), "{fragment}");
        assert_eq!(browser.value("document.querySelectorAll('#pane script').length"), json!(0));
        assert!(browser.text("document.title").contains("</script><img"), "the title is the name, as text");
    }
    browser.open(&report, "#s=0.task.3.12000");
    let told = browser.inner("body");
    for place in ["name", "question", "pipe", "a"] {
        assert!(
            told.contains(&format!("<img src=x onerror=\"document.title='{place}'\">{place}")),
            "{place}: {told}"
        );
    }
    browser.picture("markup");
    desk.no_complaints();
}

#[test]
fn all_can_be_done_with_the_keyboard_alone() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "");
    let focused = || browser.text("document.activeElement.id || document.activeElement.tagName");
    let mut reached = Vec::new();
    for _ in 0..16 {
        browser.press(&TAB.to_string());
        reached.push(focused());
    }
    for place in ["theme", "search", "in", "show-path", "CANVAS", "splitter", "tab-details"] {
        assert!(reached.iter().any(|id| id == place), "{place} isn't among {reached:?}");
    }
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_ne!(browser.text(outline), "none", "what has the keyboard is seen");
    browser.value("document.querySelector('.timeline canvas').focus()");
    browser.press(&ENTER.to_string());
    let spoken = "document.getElementById('status').textContent";
    browser.until(&format!("{spoken}.startsWith('a waits for disk sda')"));
    browser.press(&RIGHT.to_string());
    browser.until(&format!("{spoken}.startsWith('a is ready')"));
    browser.press(&LEFT.to_string());
    browser.press(&UP.to_string());
    browser.until(&format!("{spoken}.startsWith('CPU 0 is idle')"));
    browser.press("]");
    browser.until("document.querySelector('#pane h3')");
    browser.press("?");
    browser.until("document.getElementById('help').open");
    browser.picture("help");
    browser.press(&ESCAPE.to_string());
    browser.until("!document.getElementById('help').open");
    desk.no_complaints();
}

#[test]
fn two_traces_share_one_time_axis_and_each_has_its_details() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    story::write_story(&desk.path("other.bin"));
    let report = desk.report(story::write_story, &["--against", "other.bin"]);
    browser.open(&report, "#s=1.task.3.12000");
    assert_eq!(browser.value("document.querySelectorAll('.timeline canvas').length"), json!(2));
    browser.until("document.querySelector('#pane .chain')");
    assert_eq!(desk.chain().len(), 5);
    browser.press("+");
    browser.until("/t=/.test(location.hash) && /s=1\\.task/.test(location.hash)");
    browser.picture("two-traces");
    browser.open(&report, "#tab=tables");
    let headings = browser.inner("#pane");
    assert!(headings.matches("Processes (simulated)").count() == 2, "{headings}");
    desk.no_complaints();
}

#[test]
fn the_page_is_dark_where_the_system_is_and_can_be_switched() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    let report = desk.report(story::write_story, &[]);
    browser.emulate(&json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }));
    browser.open(&report, "#s=0.task.3.12000");
    let background = "getComputedStyle(document.documentElement).backgroundColor";
    assert_eq!(browser.text(background), "rgb(20, 24, 30)");
    let corner = "[...document.querySelector('.timeline canvas').getContext('2d').getImageData(3, 3, 1, 1).data].join()";
    assert_eq!(browser.text(corner), "20,24,30,255");
    browser.picture("dark");
    browser.press("t");
    browser.until(&format!("{background} === 'rgb(255, 255, 255)'"));
    browser.until(&format!("{corner} === '255,255,255,255'"));
    desk.no_complaints();
}

#[test]
fn tables_are_sorted_by_the_column_whose_head_is_pressed() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "#tab=tables");
    let names = "[...document.querySelector('#pane table').tBodies[0].rows].map((row) => row.cells[0].innerText).join()";
    assert_eq!(browser.text(names), "a,b");
    let head = "[...document.querySelectorAll('#pane table:first-of-type th button')].find((head) => head.innerText.startsWith('user'))";
    browser.value(&format!("{head}.focus()"));
    browser.press(&ENTER.to_string());
    // B runs for 9 + 15 us of its own, A for 7 + 11 + 6: as long, so their order stays.
    let order = "[...document.querySelectorAll('#pane th[aria-sort]')].map((head) => head.getAttribute('aria-sort')).join()";
    browser.until(&format!("{order} === 'descending'"));
    browser.press(&ENTER.to_string());
    browser.until(&format!("{order} === 'ascending'"));
    assert_eq!(browser.text(names), "a,b");
    let ready = "[...document.querySelectorAll('#pane table:first-of-type th button')].find((head) => head.innerText.startsWith('ready'))";
    browser.value(&format!("{ready}.click()"));
    // A was ready for 12 + 2 us, B for 10.
    browser.until(&format!("{names} === 'a,b' && {order} === 'descending'"));
    browser.value(&format!("{ready}.click()"));
    browser.until(&format!("{names} === 'b,a' && {order} === 'ascending'"));
    desk.no_complaints();
}

#[test]
fn what_is_hidden_is_neither_drawn_nor_found() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    browser.open(&desk.report(story::write_story, &[]), "#tab=filter&q=sys_enter");
    browser.until("document.getElementById('hits').innerText === '5 hits'");
    let toggle = |label: &str| {
        browser.value(&format!(
            "[...document.querySelectorAll('#pane label')].find((label) => label.innerText.trim() === {label:?}).click()"
        ));
    };
    toggle("a");
    browser.until("document.getElementById('hits').innerText === '2 hits'");
    browser.until("/hide=0\\.2/.test(location.hash)");
    toggle("sys_enter 5");
    browser.until("document.getElementById('hits').innerText === 'nothing found'");
    browser.until("/kinds=sys_enter/.test(location.hash)");
    toggle("a");
    toggle("sys_enter 5");
    browser.until("document.getElementById('hits').innerText === '5 hits'");
    browser.until("!/hide|kinds/.test(location.hash)");
    desk.no_complaints();
}

#[test]
fn an_empty_trace_and_a_cut_one_are_shown_as_far_as_there_is_anything() {
    let Some(desk) = Desk::new() else { return };
    let browser = &desk.browser;
    let report = desk.report(story::write_empty, &[]);
    for fragment in ["", "#tab=path", "#tab=tables", "#tab=events", "#tab=filter", "#tab=measure"] {
        browser.open(&report, fragment);
        browser.press("w0");
        desk.no_complaints();
    }
    let whole = desk.path("whole.bin");
    story::write_story(&whole);
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(desk.path("cut.bin"), &bytes[..bytes.len() - 20]).unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_trapline"))
        .args(["report", "cut.bin"])
        .current_dir(desk.folder.path())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2), "the damage is told");
    browser.open(&desk.path("report.html"), "");
    let notes = browser.inner("#notes");
    assert!(
        notes.contains("cut off after") && notes.contains("What is shown is what could be read"),
        "{notes}"
    );
    desk.no_complaints();
}

/// Writes a trace of many events with the simulator, and returns the report.
fn long_report(desk: &Desk, events: u64) -> PathBuf {
    let scenario = desk.path("long.toml");
    std::fs::write(&scenario, story::LONG).unwrap();
    let until = format!("{}us", events * 8 / 10 + 2_000);
    let run = ["run", "long.toml", "-o", "long", "-q", "--until", &until];
    trapline(desk.folder.path(), &run);
    let most = events.to_string();
    trapline(desk.folder.path(), &["report", "long", "-o", "report.html", "--most-events", &most]);
    desk.path("report.html")
}

/// Moves the window in each of 120 frames: frames a second, and the page's own work for one, in milliseconds.
const PAN: &str = "const canvas = document.querySelector('.timeline canvas'); canvas.focus(); \
    const work = []; let began = 0; let from = 0; \
    const before = () => { began = performance.now(); from ||= began; }; \
    const after = () => { if (began) work.push(performance.now() - began); \
      if (work.length === 120) { const fps = 119000 / (performance.now() - from); work.sort((a, b) => a - b); \
        done({ fps, median: work[60], p95: work[114] }); return; } \
      requestAnimationFrame(before); \
      const key = work.length % 40 < 20 ? 'd' : 'a'; \
      canvas.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })); \
      requestAnimationFrame(after); }; \
    requestAnimationFrame(after);";

/// Opens a long report and moves about in it. With TRAPLINE_EVENTS=1000000, and --nocapture, it tells the figures of
/// docs/PERFORMANCE.md; else it only sees that a long report works.
#[test]
fn a_long_report_is_soon_there_and_moves_smoothly() {
    let Some(desk) = Desk::new() else { return };
    let asked = std::env::var("TRAPLINE_EVENTS").ok().map(|events| events.parse().unwrap());
    let events: u64 = asked.unwrap_or(30_000);
    let report = long_report(&desk, events);
    let browser = &desk.browser;
    browser.open(&report, "");
    let heading = browser.inner("#notes");
    assert!(heading.contains("For the rest: trapline report"), "{heading}");
    let paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime";
    let first = browser.value(paint).as_f64().unwrap();
    let ready = browser.text("document.documentElement.dataset.ready");
    browser.picture("long");
    eprintln!(
        "{events} events, {} bytes: first paint {first:.0} ms, timeline {ready} ms",
        report.metadata().unwrap().len()
    );
    for (name, fragment) in
        [("all", ""), ("a tenth", "#t=100000000-200000000"), ("a millisecond", "#t=5000000-6000000")]
    {
        browser.open(&report, fragment);
        browser.press("w");
        let told = browser.eventually(PAN);
        let figure = |name: &str| told[name].as_f64().unwrap();
        let (fps, median, p95) = (figure("fps"), figure("median"), figure("p95"));
        eprintln!(
            "panning over {name}: {fps:.0} frames a second, {median:.1} ms of work each, 95 % within {p95:.1} ms"
        );
        assert!(median < 1_000.0, "even a loaded machine draws a frame within a second");
    }
    desk.no_complaints();
}
