//! Files: what they hold, what waits for the disk and when, and what is lost with it.

#[path = "common/paces.rs"]
mod paces;

use proptest::prelude::*;
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

use paces::{lines, run};

/// When requests went to the disk, in nanoseconds, and how many bytes each had.
fn issued(trace: &Memory) -> Vec<(u64, u64)> {
    let issues = trace.events.iter().filter_map(|event| match event.kind {
        Kind::BlockRqIssue { bytes, .. } => Some((event.at.as_nanos(), bytes)),
        _ => None,
    });
    issues.collect()
}

fn lost(trace: &Memory) -> u64 {
    let lost = trace.events.iter().map(|event| match event.kind {
        Kind::DataLost { bytes, .. } => bytes,
        _ => 0,
    });
    lost.sum()
}

const READER: &str = r#"
format = 1
[machine]
costs = "textbook"
[device.disk]
service = "100us"
per-kib = "0ns"
[file.data]
size = "64KiB"
[process.a]
steps = [ { repeat = 16, do = [{ read = "data", bytes = "4KiB" }] } ]
"#;

#[test]
fn a_file_that_is_read_in_order_is_fetched_in_growing_windows() {
    // The first read misses page 0 after 1200 ns: the switch to the process, entry and body. Its window
    // is four pages. The disk takes 100 us, its handler 1 us, waking 100 ns, and the switch 1 us: 103300. The copy takes 4096,
    // the exit 100. The second read comes to the mark at page 1, and takes effect another 200 + 4096
    // later: 111792, when the next eight pages are asked for. It, and two more reads, need only the
    // cache: 100 + 2 * 4396. The fifth misses page 4 after 200 ns, which is on its way, and comes to
    // the second mark: the rest of the file, four pages.
    let trace = run(READER);
    assert_eq!(issued(&trace), [(1_200, 16_384), (111_792, 32_768), (120_884, 16_384)]);
}

#[test]
fn without_read_ahead_each_miss_is_a_request_of_its_own() {
    let trace = run(&format!("{READER}[kernel]\nread-ahead = \"0B\"\n"));
    let issued = issued(&trace);
    assert_eq!(issued.len(), 16);
    // From one to the next: 100 us and 1 us of the handler, 100 ns of waking, 1 us of switching, the
    // copy, the exit, and the next read's entry and body.
    assert_eq!(issued[1].0 - issued[0].0, 100_000 + 1_000 + 100 + 1_000 + 4_096 + 100 + 200);
}

#[test]
fn a_read_elsewhere_fetches_only_what_it_asks_for() {
    let trace = run(&READER.replace(
        "repeat = 16, do = [{ read = \"data\", bytes = \"4KiB\" }]",
        "pread = \"data\", offset = 20480, bytes = \"4KiB\"",
    ));
    assert_eq!(issued(&trace), [(1_200, 4096)]);
}

const WRITER: &str = r#"
format = 1
[machine]
costs = "textbook"
[device.stick]
kind = "usb"
service = "100us"
per-kib = "0ns"
[file.data]
[kernel]
writeback = { after = "2ms", every = "5ms" }
"#;

#[test]
fn dirty_pages_go_to_the_disk_when_the_flusher_finds_them_old_enough() {
    // Written at 1200 + 4096, old at 2005296, found at the next multiple of 5 ms.
    let steps = "{ write = \"data\", bytes = \"4KiB\" }, { sleep = \"10ms\" }, { fsync = \"data\" }";
    let trace = run(&format!("{WRITER}[process.a]\nsteps = [{steps}]\n"));
    assert_eq!(issued(&trace), [(5_000_000, 4096)]);
    // Written at 6 ms and more, old at 8 ms and more: 10 ms, although the first look was at 5 ms.
    let steps = format!("{{ sleep = \"6ms\" }}, {steps}");
    let trace = run(&format!("{WRITER}[process.a]\nsteps = [{steps}]\n"));
    assert_eq!(issued(&trace), [(10_000_000, 4096)]);
}

#[test]
fn an_fsync_waits_for_what_the_flusher_has_sent_off() {
    // The flusher's request is under way from 5 ms to 5.1 ms; nothing is dirty any more.
    let steps = "{ write = \"data\", bytes = \"4KiB\" }, { compute = \"5.01ms\" }, { fsync = \"data\" }, { print = \"safe\" }";
    let trace = run(&format!("{WRITER}[process.a]\nsteps = [{steps}]\n"));
    assert_eq!(issued(&trace), [(5_000_000, 4096)]);
    let printed = trace.events.iter().find(|event| matches!(event.kind, Kind::Print { .. }));
    // The handler ends at 5101000; waking, switching, the exit.
    assert_eq!(printed.map(|event| event.at.as_nanos()), Some(5_101_000 + 100 + 1_000 + 100));
}

#[test]
fn a_failed_write_back_is_what_the_next_fsync_says_once() {
    let steps = "{ write = \"data\", bytes = \"100B\" }, { sleep = \"6ms\" }, \
        { fsync = \"data\", result = \"e\", on-error = \"continue\" }, { print = \"{e}\" }, \
        { fsync = \"data\", result = \"e\", on-error = \"continue\" }, { print = \"{e}\" }";
    let event = "[[event]]\nat = \"5.05ms\"\nunplug = \"stick\"\n";
    let trace = run(&format!("{WRITER}[process.a]\nsteps = [{steps}]\n{event}"));
    assert_eq!(lines(&trace), ["-5", "0"]);
    assert_eq!(lost(&trace), 100, "it was on its way");
}

#[test]
fn a_full_disk_takes_what_fits_and_then_says_so() {
    let text = r#"
format = 1
[device.disk]
capacity = "10000B"
[file.a]
size = "6000B"
[file.b]
[process.p]
steps = [
  { write = "b", bytes = "5000B", result = "n" },
  { print = "{n}" },
  { write = "b", bytes = "1B", result = "n", on-error = "continue" },
  { print = "{n}" },
  { ftruncate = "a", size = "5999B" },
  { write = "b", bytes = "7B", result = "n" },
  { print = "{n}" },
  { pwrite = "b", offset = 68719476736, value = 1, result = "n", on-error = "continue" },
  { print = "{n}" },
]
"#;
    // ENOSPC is 28, EFBIG 27: no file has more than 64 GiB.
    assert_eq!(lines(&run(text)), ["4000", "-28", "1", "-27"]);
}

#[test]
fn direct_transfers_that_are_not_whole_sectors_are_refused() {
    let text = r#"
format = 1
[device.disk]
service = "100us"
[file.a]
size = "4KiB"
[process.p]
steps = [
  { open = "a", flags = ["read", "write", "direct"], into = "fd" },
  { read = "@fd", bytes = "100B", result = "e", on-error = "continue" },
  { print = "{e}" },
  { pwrite = "@fd", offset = 100, bytes = "512B", result = "e", on-error = "continue" },
  { print = "{e}" },
  { read = "@fd", bytes = "512B", result = "e" },
  { print = "{e}" },
]
"#;
    let trace = run(text);
    assert_eq!(lines(&trace), ["-22", "-22", "512"]);
    assert_eq!(issued(&trace).len(), 1);
}

#[test]
fn clean_pages_are_given_up_when_no_frame_is_free() {
    // Four frames for a file of eight pages: each page finds a frame, and the last four stay.
    let text = r#"
format = 1
[machine]
memory = "16KiB"
[device.disk]
service = "100us"
[file.data]
size = "32KiB"
[kernel]
read-ahead = "0B"
[process.a]
steps = [
  { repeat = 8, do = [{ read = "data", bytes = "4KiB" }] },
  { pread = "data", offset = 28672, bytes = "4KiB" },
  { pread = "data", offset = 0, bytes = "4KiB" },
]
"#;
    assert_eq!(issued(&run(text)).len(), 9, "page 7 is still there, page 0 isn't");
}

/// What a program does with a file.
#[derive(Clone, Debug)]
enum Deed {
    Seek(u64),
    Write(u8),
    Append(u8),
    Place(u64, u8),
    Truncate(u64),
    Read,
    Sync,
    Reopen,
}

fn deed() -> impl Strategy<Value = Deed> {
    let place = || prop_oneof![0..200_u64, 4000..4200_u64, 0..9000_u64];
    prop_oneof![
        place().prop_map(Deed::Seek),
        (1..120_u8).prop_map(Deed::Write),
        (1..120_u8).prop_map(Deed::Append),
        (place(), 1..120_u8).prop_map(|(at, value)| Deed::Place(at, value)),
        place().prop_map(Deed::Truncate),
        Just(Deed::Read),
        Just(Deed::Sync),
        Just(Deed::Reopen),
    ]
}

/// The file as a plain row of bytes, which of them are only in the cache, and what is printed.
#[derive(Default)]
struct Model {
    bytes: Vec<u8>,
    unsafe_bytes: Vec<bool>,
    place: usize,
    steps: Vec<String>,
    lines: Vec<String>,
}

impl Model {
    fn put(&mut self, at: usize, value: u8) {
        let end = at + 8;
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.unsafe_bytes.resize(end, false);
        }
        self.bytes[at..end].copy_from_slice(&i64::from(value).to_le_bytes());
        self.unsafe_bytes[at..end].fill(true);
    }

    fn apply(&mut self, deed: &Deed) {
        match *deed {
            Deed::Seek(to) => {
                self.place = to as usize;
                self.steps.push(format!("{{ lseek = \"@fd\", offset = {to} }}"));
            }
            Deed::Write(value) => {
                self.put(self.place, value);
                self.place += 8;
                self.steps.push(format!("{{ write = \"@fd\", value = {value} }}"));
            }
            Deed::Append(value) => {
                self.put(self.bytes.len(), value);
                self.steps.push(format!("{{ write = \"@end\", value = {value} }}"));
            }
            Deed::Place(at, value) => {
                self.put(at as usize, value);
                self.steps.push(format!("{{ pwrite = \"@fd\", offset = {at}, value = {value} }}"));
            }
            Deed::Truncate(size) => {
                self.bytes.resize(size as usize, 0);
                self.unsafe_bytes.resize(size as usize, false);
                self.steps.push(format!("{{ ftruncate = \"@fd\", size = \"{size}B\" }}"));
            }
            Deed::Read => {
                let from = self.place.min(self.bytes.len());
                let end = (self.place + 8).min(self.bytes.len()).max(from);
                let mut word = [0; 8];
                word[..end - from].copy_from_slice(&self.bytes[from..end]);
                let taken = end - from;
                self.place += taken;
                self.steps.push("{ set = \"x\", to = 0 }".to_owned());
                self.steps
                    .push("{ read = \"@fd\", bytes = \"8B\", into = \"x\", result = \"n\" }".to_owned());
                self.steps.push("{ print = \"{n} {x}\" }".to_owned());
                self.lines.push(format!("{taken} {}", i64::from_le_bytes(word)));
            }
            Deed::Sync => {
                self.unsafe_bytes.fill(false);
                self.steps.push("{ fsync = \"@fd\" }".to_owned());
            }
            Deed::Reopen => {
                self.place = 0;
                self.steps.push("{ close = \"@fd\" }".to_owned());
                self.steps
                    .push("{ open = \"data\", flags = [\"read\", \"write\"], into = \"fd\" }".to_owned());
            }
        }
    }

    /// A program that does all that, then waits until its disk is pulled out.
    fn scenario(&self) -> String {
        format!(
            r#"
format = 1
[machine]
costs = "textbook"
[device.stick]
kind = "usb"
service = "1us"
[file.data]
[kernel]
writeback = "never"
[process.a]
steps = [
  {{ open = "data", flags = ["read", "write"], into = "fd" }},
  {{ open = "data", flags = ["write", "append"], into = "end" }},
  {},
  {{ sleep = "1s" }},
]
[[event]]
at = "500ms"
unplug = "stick"
"#,
            self.steps.join(",\n  ")
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a file holds is what a row of bytes would hold; and when the disk is pulled out, exactly
    /// those bytes are lost that were acknowledged since the last fsync: what that one has
    /// acknowledged survives.
    #[test]
    fn files_do_what_rows_of_bytes_do_and_lose_only_what_no_fsync_has_acknowledged(
        deeds in proptest::collection::vec(deed(), 1..30),
    ) {
        let mut model = Model::default();
        for deed in &deeds {
            model.apply(deed);
        }
        let trace = run(&model.scenario());
        prop_assert_eq!(lines(&trace), model.lines);
        let unsafe_bytes = model.unsafe_bytes.iter().filter(|&&is_unsafe| is_unsafe).count();
        prop_assert_eq!(lost(&trace), unsafe_bytes as u64);
    }
}
