//! Reports of small traces: what is in them, read back, and that nothing in a trace can change the page.

use serde_json::Value as Json;

use super::columns::reading::{ints, uints};
use super::{Builder, Ending, Options, Side, Wanted, write};
use crate::analysis::stories::{self, Story};
use crate::ids::NameId;
use crate::time::Instant;
use crate::trace::header::TaskEntry;
use crate::trace::{Footer, Kind, Outcome, Record};

fn options() -> Options {
    Options { from: Instant::START, to: Instant::NEVER, most: 1_000, name: "trace.bin".to_owned() }
}

fn side(story: &Story, options: Options) -> Side {
    let mut builder = Builder::new(&story.header, options);
    for (task, process, parent, name) in &story.tasks {
        let (task, process, parent, name, start) = (*task, *process, *parent, name.clone(), Instant::START);
        builder.record(&Record::Task(TaskEntry { task, process, parent, start, name }));
    }
    for (number, name) in story.names.iter().enumerate() {
        builder.record(&Record::Name(NameId::from(number), name.clone()));
    }
    story.events.iter().all(|&event| builder.record(&Record::Event(event)) == Wanted::More);
    let footer =
        Footer { events: story.events.len() as u64, end: story.end, outcome: Outcome::Finished, lost: 0 };
    builder.finish(&story.summary(), &Ending { footer, damage: None })
}

fn page(sides: &[Side]) -> String {
    let mut out = Vec::new();
    write(&mut out, sides, None).unwrap();
    String::from_utf8(out).unwrap()
}

/// The text of an element.
fn element<'a>(page: &'a str, id: &str) -> &'a str {
    let begin = page.find(&format!("id=\"{id}\">")).unwrap_or_else(|| panic!("no element {id}"));
    let begin = begin + id.len() + "id=\"\">".len();
    &page[begin..begin + page[begin..].find("</script>").unwrap()]
}

fn data(page: &str) -> Json {
    serde_json::from_str(element(page, "data")).unwrap()
}

fn times(page: &str, id: &str) -> Vec<i64> {
    let add = |sum: &mut i64, difference| {
        *sum += difference;
        Some(*sum)
    };
    ints(element(page, id)).into_iter().scan(0, add).collect()
}

#[test]
fn every_event_comes_back_from_its_columns() {
    let story = stories::ping_pong(2);
    let page = page(&[side(&story, options())]);
    let data = data(&page);
    let expected: Vec<i64> = story.events.iter().map(|event| event.at.as_nanos() as i64).collect();
    assert_eq!(times(&page, "0-at"), expected);
    let kinds = &data["sides"][0]["about"]["dictionary"]["kinds"];
    let names: Vec<String> = uints(element(&page, "0-kind"))
        .into_iter()
        .map(|kind| kinds[kind as usize]["name"].as_str().unwrap().to_owned())
        .collect();
    let told: Vec<&str> = story.events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, told);
    // As many fields are written as the dictionary promises, or the page would read on at a wrong place.
    let promised: usize = uints(element(&page, "0-kind"))
        .into_iter()
        .map(|kind| kinds[kind as usize]["fields"].as_array().unwrap().len())
        .sum();
    assert_eq!(uints(element(&page, "0-fields")).len(), promised);
    let counts = data["sides"][0]["counts"].as_array().unwrap();
    assert!(counts.iter().all(|pair| {
        let (name, count) = (pair[0].as_str().unwrap(), pair[1].as_u64().unwrap());
        uints(element(&page, &format!("0-{name}"))).len() as u64 == count
    }));
}

#[test]
fn every_kind_keeps_the_promised_number_of_fields() {
    for kind in crate::trace::kinds::samples::kinds() {
        let mut story = stories::free();
        story.events.truncate(0);
        story.at(1).then(kind);
        let page = page(&[side(&story, options())]);
        let data = data(&page);
        let fields =
            data["sides"][0]["about"]["dictionary"]["kinds"][0]["fields"].as_array().unwrap().clone();
        assert_eq!(uints(element(&page, "0-fields")).len(), fields.len(), "{}", kind.name());
        assert!(fields.iter().all(|field| field["doc"].as_str().is_some_and(|doc| doc.len() > 5)));
    }
}

#[test]
fn spans_of_all_lanes_have_their_places_and_lengths() {
    let story = stories::page_fault();
    let page = page(&[side(&story, options())]);
    let lanes = story.lanes();
    let counts: Vec<u64> = lanes.threads.iter().map(|lane| lane.spans.len() as u64).collect();
    assert_eq!(uints(element(&page, "0-lane-count")), counts);
    let lengths: Vec<u64> = lanes
        .threads
        .iter()
        .flat_map(|lane| &lane.spans)
        .map(|span| span.to.since(span.from).as_nanos())
        .collect();
    assert_eq!(uints(element(&page, "0-span-len")), lengths);
    assert_eq!(uints(element(&page, "0-span-gap")).iter().sum::<u64>(), 0, "threads exist without a break");
    assert_eq!(times(&page, "0-wake-at"), [47_000]);
    let by = uints(element(&page, "0-wake-by"))[0];
    assert_eq!(by % 2, 1, "a handler woke it");
    let state = &data(&page)["sides"][0]["about"]["states"][by as usize / 2];
    assert_eq!((state["handler"].as_str(), state["vector"].as_u64()), (Some("irq"), Some(46)));
}

#[test]
fn names_that_look_like_markup_stay_texts() {
    let evil = "</script><img src=x onerror=alert(1)>&\u{2028}";
    let mut story = stories::page_fault();
    story.header.scenario = evil.to_owned();
    story.header.question = evil.to_owned();
    story.header.objects[2].name = evil.to_owned();
    story.header.initial[0].name = evil.to_owned();
    story.names[0] = evil.to_owned();
    let plain = page(&[side(&stories::page_fault(), options())]);
    let page = page(&[side(&story, options())]);
    assert!(!page.contains("<img"), "no element was made of a name");
    assert_eq!(page.matches("<script").count(), plain.matches("<script").count());
    assert_eq!(page.matches("</script").count(), plain.matches("</script").count());
    let about = &data(&page)["sides"][0]["about"];
    for place in [&about["scenario"], &about["question"], &about["texts"][0], &about["objects"][2]["name"]] {
        assert_eq!(place.as_str(), Some(evil));
    }
}

#[test]
fn a_window_and_a_limit_leave_out_the_rest_and_say_so() {
    let story = stories::ping_pong(5);
    let about = |options: Options| data(&page(&[side(&story, options)]))["sides"][0].clone();
    let events = |side: &Json| side["counts"][0][1].as_u64().unwrap();
    let all = about(options());
    assert_eq!((events(&all), all["about"]["shortened"].as_bool()), (story.events.len() as u64, Some(false)));

    let few = about(Options { most: 10, ..options() });
    assert_eq!((events(&few), few["about"]["shortened"].as_bool()), (10, Some(true)));
    let next = story.events[10].at.as_nanos();
    assert_eq!(few["about"]["to"].as_u64(), Some(next), "the part ends where the next event would be");
    assert_eq!(few["about"]["all-events"].as_u64(), Some(story.events.len() as u64));

    let (from, to) = (Instant::from_nanos(10_000), Instant::from_nanos(20_000));
    let window = about(Options { from, to, ..options() });
    let within = story.events.iter().filter(|event| (from..=to).contains(&event.at)).count();
    assert_eq!((events(&window), window["about"]["shortened"].as_bool()), (within as u64, Some(false)));
    assert_eq!(window["about"]["from"].as_u64(), Some(10_000));
}

#[test]
fn an_empty_trace_and_a_damaged_one_have_a_page() {
    let mut story = stories::free();
    story.events.clear();
    let empty = data(&page(&[side(&story, options())]));
    assert_eq!(empty["sides"][0]["counts"][0][1].as_u64(), Some(0));

    let story = stories::ping_pong(1);
    let mut builder = Builder::new(&story.header, options());
    builder.record(&Record::Event(story.events[0]));
    let footer = Footer { events: 1, end: Instant::from_nanos(5), outcome: Outcome::Interrupted, lost: 3 };
    let damage = Some("the trace is cut off after 1 events".to_owned());
    let side = builder.finish(&story.summary(), &Ending { footer, damage });
    let about = data(&page(&[side]))["sides"][0]["about"].clone();
    assert_eq!(about["damage"].as_str(), Some("the trace is cut off after 1 events"));
    assert_eq!((about["lost"].as_u64(), about["outcome"]["how"].as_str()), (Some(3), Some("interrupted")));
}

#[test]
fn the_same_trace_gives_the_same_bytes() {
    let story = stories::busy_few();
    let sides = || [side(&story, options()), side(&stories::reschedule(), options())];
    assert_eq!(page(&sides()), page(&sides()));
}

#[test]
fn a_reason_that_has_an_object_differs_from_one_that_has_none() {
    use crate::ids::{ObjectId, Tid};
    use crate::trace::{Cause, Why};
    let last_fields = |object| {
        let mut story = stories::free();
        story.events.clear();
        let why = Why::Blocked { on: Cause::Lock, object };
        story.then(Kind::SchedSwitch { prev: Tid(2), next: Tid(3), why });
        let page = page(&[side(&story, options())]);
        uints(element(&page, "0-fields"))[3..].to_vec()
    };
    // Of the cause "lock", of the object, and of who pre-empted: 0 is nothing, others are one more.
    assert_eq!(last_fields(Some(ObjectId(4))), [2, 5, 0]);
    assert_eq!(last_fields(None), [2, 0, 0]);
}

/// docs/REPORT.md has the same keys in the same words as the page's own help.
#[test]
fn the_documentation_has_every_key() {
    let script = include_str!("page/keys.js");
    let begin = script.find("const KEYS = [").unwrap();
    let list = &script[begin..begin + script[begin..].find("];").unwrap()];
    let rows = list.lines().filter_map(|line| line.trim().strip_prefix("[\"")?.strip_suffix("\"],"));
    let table: String = rows
        .map(|row| row.split_once("\", \"").unwrap())
        .map(|(key, what)| format!("| {key} | {what} |\n"))
        .collect();
    assert!(table.lines().count() > 10);
    assert!(include_str!("../../docs/REPORT.md").contains(&table), "docs/REPORT.md should have:\n{table}");
}
