//! Profiles of small traces: every column is as long as its table says, and times add up.

use super::super::samples;
use super::*;
use crate::trace::{Reader, Why};

fn exported(bytes: &[u8]) -> (Json, bool) {
    let mut out = Vec::new();
    let whole = write(&mut Reader::new(bytes).unwrap().boxed(), &mut out).is_ok();
    let profile: Json = serde_json::from_slice(&out).unwrap();
    let tables = |owner: &Json, names: &[&str]| {
        for name in names {
            let table = owner[name].as_object().unwrap();
            for (column, list) in table.iter().filter(|(_, list)| list.is_array()) {
                assert_eq!(list.as_array().unwrap().len() as u64, table["length"], "{name}.{column}");
            }
        }
    };
    for thread in profile["threads"].as_array().unwrap() {
        tables(thread, &["markers", "samples", "stackTable", "frameTable", "funcTable"]);
    }
    profile["counters"].as_array().unwrap().iter().for_each(|counter| tables(counter, &["samples"]));
    (profile, whole)
}

fn thread<'a>(profile: &'a Json, name: &str) -> &'a Json {
    profile["threads"].as_array().unwrap().iter().find(|thread| thread["name"] == name).unwrap()
}

fn text(profile: &Json, number: &Json) -> String {
    profile["shared"]["stringArray"][number.as_u64().unwrap() as usize].as_str().unwrap().to_owned()
}

/// The names of a sample's frames, outermost first, and its weight.
fn stacks(profile: &Json, thread: &Json) -> Vec<(Vec<String>, f64)> {
    let samples = &thread["samples"];
    let all = samples["stack"].as_array().unwrap().iter().zip(samples["weight"].as_array().unwrap());
    all.map(|(stack, weight)| {
        let (mut names, mut at) = (Vec::new(), stack.as_u64());
        while let Some(stack) = at {
            let frame = thread["stackTable"]["frame"][stack as usize].as_u64().unwrap();
            let function = thread["frameTable"]["func"][frame as usize].as_u64().unwrap();
            names.insert(0, text(profile, &thread["funcTable"]["name"][function as usize]));
            at = thread["stackTable"]["prefix"][stack as usize].as_u64();
        }
        (names, weight.as_f64().unwrap())
    })
    .collect()
}

/// The markers of a name: start, end and data of each.
fn markers<'a>(profile: &Json, thread: &'a Json, name: &str) -> Vec<(&'a Json, &'a Json, &'a Json)> {
    let table = &thread["markers"];
    let numbers = table["name"].as_array().unwrap().iter().enumerate();
    let found = numbers.filter(|(_, number)| text(profile, number) == name);
    found.map(|(at, _)| (&table["startTime"][at], &table["endTime"][at], &table["data"][at])).collect()
}

#[test]
fn a_threads_stacks_lead_from_user_mode_to_what_it_waits_for() {
    let (profile, whole) = exported(&samples::bytes());
    assert!(whole);
    let process = thread(&profile, "say \"hi\"");
    let stacks = stacks(&profile, process);
    let waits = ["user mode", "read", "waits: pipe-read ping"].map(str::to_owned);
    let waited: f64 =
        stacks.iter().filter(|(names, _)| names.ends_with(&waits[2..])).map(|(_, weight)| weight).sum();
    assert!(stacks.iter().any(|(names, _)| *names == waits), "{stacks:?}");
    assert!((waited - 0.0048).abs() < 1e-12, "{waited}");
    let (start, end, data) = markers(&profile, process, "waits: pipe-read ping")[0];
    assert_eq!((start, end, &data["type"]), (&json!(0.0002), &json!(0.005), &json!("state")));
}

#[test]
fn markers_carry_fields_steps_and_results() {
    let (profile, _) = exported(&samples::bytes());
    let process = thread(&profile, "say \"hi\"");
    let (_, _, read) = markers(&profile, process, "read")[0];
    assert_eq!(
        (&read["step"], &read["line"], &read["result"]),
        (&json!("{ read = \"ping\" }"), &json!(12), &json!(-32))
    );
    let (at, end, print) = markers(&profile, process, "print")[0];
    assert_eq!((at, end), (&json!(0.0009), &Json::Null));
    assert_eq!(print["text"], "line one\nline \"two\", and more");
    let switch = markers(&profile, thread(&profile, "CPU 0"), "switch: blocked")[0].2;
    assert_eq!((&switch["on"], &switch["object"]), (&json!("pipe-read"), &json!("ping")));
    let schema = &profile["meta"]["markerSchema"][0]["fields"];
    let result = schema.as_array().unwrap().iter().find(|field| field["key"] == "result").unwrap();
    assert_eq!(result["format"], "integer");
}

#[test]
fn the_samples_of_a_cpu_are_the_whole_run() {
    let (profile, _) = exported(&samples::bytes());
    for name in ["CPU 0", "CPU 1"] {
        let sum: f64 = stacks(&profile, thread(&profile, name)).iter().map(|(_, weight)| weight).sum();
        assert!((sum - 0.005).abs() < 1e-12, "{name}: {sum}");
        // The CPU time is that of the samples that aren't idle; the one of 0..200 ns has been left at 200.
        let used = thread(&profile, name)["samples"]["threadCPUDelta"].as_array().unwrap().iter();
        let idle = stacks(&profile, thread(&profile, name))
            .iter()
            .filter(|(names, _)| names == &["idle"])
            .map(|(_, weight)| weight)
            .sum::<f64>();
        let used: u64 = used.map(|used| used.as_u64().unwrap()).sum();
        assert!((used as f64 / 1e6 + idle - 0.005).abs() < 1e-12, "{name}: {used} of {idle}");
    }
    assert_eq!(profile["counters"][0]["name"], "bytes in ping");
    assert_eq!(profile["counters"][0]["samples"]["count"], json!([7]));
}

#[test]
fn the_time_that_a_thread_ran_is_counted_until_it_ends() {
    let mut trace = samples::trace();
    let (idle, run) = (Tid::IDLE, Tid(2));
    let event = |at, task, kind| Event {
        at: Instant::from_nanos(at),
        cpu: Some(CpuId(0)),
        task,
        step: StepId::NONE,
        kind,
    };
    let switch = |prev, next, why| Kind::SchedSwitch { prev, next, why };
    trace.events = vec![
        event(0, idle, switch(idle, run, Why::WorkArrived)),
        event(0, run, Kind::SchedExit),
        event(700, run, Kind::ProcessExit { status: 0 }),
        event(900, run, switch(run, idle, Why::Exited)),
        event(900, idle, Kind::SchedExit),
    ];
    let (profile, _) = exported(&trace.write(Vec::new()).unwrap());
    let used = |name: &str| -> u64 {
        let used = thread(&profile, name)["samples"]["threadCPUDelta"].as_array().unwrap();
        used.iter().map(|used| used.as_u64().unwrap()).sum()
    };
    assert_eq!((used("say \"hi\""), used("CPU 0"), used("CPU 1")), (900, 900, 0));
}

#[test]
fn a_cut_trace_is_still_a_profile() {
    let bytes = samples::bytes();
    let (profile, whole) = exported(&bytes[..bytes.len() - 20]);
    assert!(!whole);
    assert_eq!(markers(&profile, thread(&profile, "say \"hi\""), "print").len(), 1);
}
