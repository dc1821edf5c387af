//! Sockets keep what they promise: bytes come in order, messages stay apart, nobody is forgotten, and
//! everything costs what the profile says.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use trapline::scenario::{Overrides, Scenario};
use trapline::sim::{Outcome, Pace, Simulator};
use trapline::time::Span;
use trapline::trace::Kind;
use trapline::trace::sink::Memory;

/// A run: its outcome, its length, and what it has printed and lost.
struct Run {
    outcome: Outcome,
    length: Span,
    lines: Vec<String>,
    dropped: usize,
}

fn run(text: &str) -> Run {
    let scenario = match Scenario::parse("sockets.toml", text, &Overrides::default()) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{text}\n{}", diagnostics.render(false)),
    };
    let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
    let outcome = simulator.run();
    let length = simulator.end().since(trapline::time::Instant::START);
    let trace = simulator.kernel.sink;
    let lines = trace.events.iter().filter_map(|event| match event.kind {
        Kind::Print { text } => Some(trace.names[text.index()].clone()),
        _ => None,
    });
    let dropped = trace.events.iter().filter(|event| matches!(event.kind, Kind::PacketDropped { .. }));
    Run { outcome, length, lines: lines.collect(), dropped: dropped.count() }
}

/// How much longer the steps take than none.
fn cost_of(objects: &str, steps: &str) -> u64 {
    let of = |steps: &str| {
        let text =
            format!("format = 1\n[machine]\ncosts = \"textbook\"\n{objects}\n[process.a]\nsteps = [{steps}]");
        let run = run(&text);
        assert_eq!(run.outcome, Outcome::Finished, "{text}");
        run.length.as_nanos()
    };
    of(&format!("{{ compute = \"1ns\" }}, {steps}")) - of("{ compute = \"1ns\" }")
}

#[test]
fn a_pair_costs_its_calls_its_copies_and_the_sockets_own_work() {
    // Each call: 100 ns in, 100 ns out. The pair itself 2 us; a transfer 100 ns, 1 ns a byte, and
    // 100 ns for the socket.
    let pair = 200 + 2000;
    let transfer = 200 + 100 + 8 + 100;
    let steps = "{ socketpair = [\"a\", \"b\"] }, { send = \"@a\", value = 1 }, { recv = \"@b\" }";
    assert_eq!(cost_of("", steps), pair + 2 * transfer);
    let steps = "{ socketpair = [\"a\", \"b\"] }, { write = \"@a\", value = 1 }, { read = \"@b\" }";
    assert_eq!(cost_of("", steps), pair + 2 * transfer, "read and write cost the same");
    let steps = "{ socketpair = [\"a\", \"b\"], kind = \"unix-datagram\" }, { send = \"@a\", value = 1 }, { recv = \"@b\" }";
    assert_eq!(cost_of("", steps), pair + 2 * transfer);
}

#[test]
fn tcp_and_udp_pay_for_the_way_through_the_network_when_they_send() {
    let (made, bound, listening, connected, accepted) = (1200, 700, 700, 2200, 1200);
    let transfer = 200 + 100 + 8 + 100;
    let loopback = 500;
    let steps = "{ listen = \"web\", into = \"w\" }, { connect = \"web\", into = \"c\" }, \
                 { accept = \"@w\", into = \"d\" }, { send = \"@c\", value = 1 }, { recv = \"@d\" }";
    let expected = made + bound + listening + made + connected + accepted + 2 * transfer + loopback;
    assert_eq!(cost_of("[socket.web]\nkind = \"tcp\"", steps), expected);
    let steps = "{ bind = \"web\", into = \"s\" }, { socket = \"web\", into = \"c\" }, \
                 { sendto = \"@c\", to = \"web\", value = 1 }, { recv = \"@s\" }";
    let expected = made + bound + made + 2 * transfer + loopback;
    assert_eq!(cost_of("[socket.web]\nkind = \"udp\"", steps), expected);
}

#[test]
fn udp_drops_what_finds_no_room_and_tells_nobody() {
    let run = run(
        "format = 1\n[socket.u]\nkind = \"udp\"\nreceive-buffer = \"20B\"\n[process.a]\nsteps = [\n\
        { bind = \"u\", into = \"s\" }, { socket = \"u\", into = \"c\" },\n\
        { repeat = 5, do = [ { sendto = \"@c\", to = \"u\", value = 1, result = \"r\" }, { add = \"sum\", value = \"r\" } ] },\n\
        { recv = \"@s\" }, { recv = \"@s\" },\n\
        { recv = \"@s\", dontwait = true, result = \"r\", on-error = \"continue\" }, { print = \"{sum} {r}\" } ]",
    );
    assert_eq!((run.lines, run.dropped), (vec!["40 -11".to_owned()], 3));
}

#[test]
fn a_tcp_connect_without_waiting_is_let_in_when_somebody_is_accepted() {
    let run = run("format = 1\n[socket.t]\nkind = \"tcp\"\n[process.a]\nsteps = [\n\
        { listen = \"t\", into = \"w\", backlog = 0 }, { connect = \"t\", into = \"a\" },\n\
        { connect = \"t\", into = \"b\", nonblock = true, result = \"r\", on-error = \"continue\" }, { print = \"{r}\" },\n\
        { connect = \"@b\", to = \"t\", result = \"r\", on-error = \"continue\" }, { print = \"{r}\" },\n\
        { accept = \"@w\", into = \"c\" },\n\
        { connect = \"@b\", to = \"t\", result = \"r\" }, { print = \"{r}\" },\n\
        { accept = \"@w\", into = \"c\" }, { send = \"@b\", value = 3 }, { recv = \"@c\", into = \"x\" }, { print = \"{x}\" } ]");
    assert_eq!(run.lines, ["-115", "-114", "0", "3"]);
}

#[test]
fn a_connect_waits_for_room_and_is_refused_when_the_listener_goes() {
    for (kind, last) in [
        ("unix-stream", "{ accept = \"@w\", into = \"c\" }, { wait = \"late\", status = \"s\" }"),
        ("unix-stream", "{ close = \"@w\" }, { wait = \"late\", status = \"s\" }"),
        ("tcp", "{ accept = \"@w\", into = \"c\" }, { wait = \"late\", status = \"s\" }"),
        ("tcp", "{ close = \"@w\" }, { wait = \"late\", status = \"s\" }"),
    ] {
        let run = run(&format!(
            "format = 1\n[socket.t]\nkind = \"{kind}\"\n[process.a]\nsteps = [\n\
            {{ listen = \"t\", into = \"w\", backlog = 0 }}, {{ connect = \"t\", into = \"a\" }},\n\
            {{ fork = \"late\" }}, {{ sleep = \"1ms\" }}, {last}, {{ print = \"{{s}}\" }} ]\n\
            [program.late]\nsteps = [ {{ close = \"@w\" }}, {{ connect = \"t\", into = \"b\", result = \"r\", on-error = \"continue\" }}, {{ exit = \"0 - r\" }} ]"
        ));
        let expected = if last.contains("accept") { "0" } else { "111" };
        assert_eq!(
            (run.outcome, run.lines),
            (Outcome::Finished, vec![expected.to_owned()]),
            "{kind}: {last}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// However small the buffer, and whoever is how fast: words come whole, in order, all of them.
    #[test]
    fn a_streams_bytes_come_in_the_order_in_which_they_were_sent(
        tcp in any::<bool>(), buffer in 1_u32..200, words in 1_u32..40, cpus in 1_u32..4,
        slow in 0_u32..3000, slower in 0_u32..3000, dontwait in any::<bool>(),
    ) {
        let kind = if tcp { "tcp" } else { "unix-stream" };
        let receive = if tcp { format!("receive-buffer = \"{buffer}B\"\n") } else { String::new() };
        // A word's first byte is its number, and the others are zeros, wherever it is cut.
        let (send, rest) = if dontwait {
            let send = "{ send = \"@c\", bytes = \"1B\", value = \"i\", dontwait = true, result = \"r\", on-error = \"continue\" }";
            (format!("{{ set = \"r\", to = -1 }}, {{ while = \"r < 0\", do = [ {send}, {{ compute = \"100ns\" }} ] }}"), 0)
        } else {
            ("{ send = \"@c\", value = \"i\" }".to_owned(), 7)
        };
        let receive_word = format!("{{ recv = \"@s\", bytes = \"1B\", into = \"b\" }}, {{ add = \"k\", value = 1 }}, {{ assert = \"b == k\" }},\n\
            {{ repeat = {rest}, do = [ {{ recv = \"@s\", bytes = \"1B\", into = \"b\" }}, {{ assert = \"b == 0\" }} ] }}");
        let text = format!("format = 1\n[machine]\ncpus = {cpus}\n[socket.t]\nkind = \"{kind}\"\nsend-buffer = \"{buffer}B\"\n{receive}\
            [process.server]\nsteps = [ {{ listen = \"t\", into = \"w\" }}, {{ fork = \"client\" }}, {{ accept = \"@w\", into = \"s\" }},\n\
            {{ repeat = {words}, do = [ {receive_word}, {{ compute = \"{slow}ns\" }} ] }},\n\
            {{ recv = \"@s\", result = \"end\" }}, {{ print = \"{{end}}\" }}, {{ wait = \"client\" }} ]\n\
            [program.client]\nsteps = [ {{ connect = \"t\", into = \"c\" }}, {{ set = \"i\", to = 1 }},\n\
            {{ repeat = {words}, do = [ {send}, {{ add = \"i\", value = 1 }}, {{ compute = \"{slower}ns\" }} ] }} ]");
        let run = run(&text);
        prop_assert_eq!(run.outcome, Outcome::Finished, "{}", text);
        prop_assert_eq!(run.lines, ["0"], "{}", text);
    }

    /// Text cut anywhere is the same text: what an echo gives back is what was sent.
    #[test]
    fn an_echo_gives_back_what_was_sent(
        tcp in any::<bool>(), buffer in 8_u32..64, chunk in 1_u32..20, text in "[a-z]{1,60}", cpus in 1_u32..4,
    ) {
        let kind = if tcp { "tcp" } else { "unix-stream" };
        let length = text.len();
        let scenario = format!("format = 1\n[machine]\ncpus = {cpus}\n[socket.t]\nkind = \"{kind}\"\nsend-buffer = \"{buffer}B\"\n\
            [process.server]\nsteps = [ {{ listen = \"t\", into = \"w\" }}, {{ fork = \"client\" }}, {{ accept = \"@w\", into = \"s\" }}, {{ set = \"n\", to = 1 }},\n\
            {{ while = \"n > 0\", do = [ {{ recv = \"@s\", bytes = \"{chunk}B\", result = \"n\" }}, {{ if = \"n > 0\", then = [ {{ send = \"@s\", buffer = true }} ] }} ] }},\n\
            {{ close = \"@s\" }}, {{ wait = \"client\" }} ]\n\
            [program.client]\nsteps = [ {{ connect = \"t\", into = \"c\" }}, {{ thread = \"sends\" }},\n\
            {{ recv = \"@c\", bytes = \"{length}B\", all = true }}, {{ write = \"terminal\", buffer = true }},\n\
            {{ socketpair = [\"x\", \"y\"], kind = \"unix-datagram\" }}, {{ send = \"@x\", buffer = true }}, {{ recv = \"@y\", bytes = \"99B\", into = \"first\", result = \"n\" }},\n\
            {{ socketpair = [\"x\", \"y\"], kind = \"unix-datagram\" }}, {{ send = \"@x\", text = \"{text}\" }}, {{ recv = \"@y\", bytes = \"99B\", into = \"second\" }},\n\
            {{ print = \"{{n}} {{first == second}}\" }}, {{ join = \"all\" }} ]\n\
            [program.sends]\nsteps = [ {{ send = \"@c\", text = \"{text}\" }}, {{ shutdown = \"@c\", how = \"write\" }} ]");
        let run = run(&scenario);
        prop_assert_eq!(run.outcome, Outcome::Finished, "{}", scenario);
        let expected = format!("{length} 1");
        prop_assert!(run.lines.contains(&expected), "{:?}\n{}", run.lines, scenario);
    }

    /// Several senders and several receivers share one address: each message is received once, whole,
    /// and nobody waits for ever.
    #[test]
    fn messages_stay_apart_and_each_is_received_once(
        senders in 1_u32..4, receivers in 1_u32..4, each in 1_u32..30, buffer in 48_u32..400, cpus in 1_u32..4,
        slow in 0_u32..5000, preemption in prop_oneof![Just("none"), Just("full")],
    ) {
        let each = each * receivers;
        let share = senders * each / receivers;
        let text = format!("format = 1\n[machine]\ncpus = {cpus}\n[kernel]\npreemption = \"{preemption}\"\n\
            [socket.d]\nkind = \"unix-datagram\"\nsend-buffer = \"{buffer}B\"\n[shm.sum]\ncells = {{ bytes = 0, values = 0 }}\n\
            [process.a]\nsteps = [ {{ bind = \"d\", into = \"s\" }}, {{ fork = \"sender\", count = {senders} }}, {{ thread = \"receiver\", count = {receivers} }},\n\
            {{ join = \"all\" }}, {{ wait = \"all\" }}, {{ load = \"b\", from = \"sum.bytes\" }}, {{ load = \"v\", from = \"sum.values\" }}, {{ print = \"{{b}} {{v}}\" }} ]\n\
            [program.receiver]\nsteps = [ {{ repeat = {share}, do = [ {{ recv = \"@s\", bytes = \"64B\", into = \"v\", result = \"n\" }},\n\
            {{ assert = \"n == 8 + v % 5\" }}, {{ atomic-add = \"sum.bytes\", value = \"n\" }}, {{ atomic-add = \"sum.values\", value = \"v\" }}, {{ compute = \"{slow}ns\" }} ] }} ]\n\
            [program.sender]\nsteps = [ {{ socket = \"d\", into = \"c\" }}, {{ set = \"i\", to = 0 }},\n\
            {{ repeat = {each}, do = [ {{ sendto = \"@c\", to = \"d\", bytes = {{ value = \"8 + i % 5\", unit = \"B\" }}, value = \"i\" }}, {{ add = \"i\", value = 1 }} ] }} ]");
        let run = run(&text);
        prop_assert_eq!(run.outcome, Outcome::Finished, "{}", text);
        let bytes: u32 = (0..each).map(|i| 8 + i % 5).sum::<u32>() * senders;
        let values: u32 = (0..each).sum::<u32>() * senders;
        prop_assert_eq!(run.lines, [format!("{bytes} {values}")], "{}", text);
    }
}

/// Five packets at once, and two while the deferred half is at work: with a budget of two they take one interrupt and
/// four turns of the deferred half; without, those that come meanwhile interrupt it.
#[test]
fn a_card_with_a_budget_is_polled_and_interrupts_once() {
    let packet = "packet = \"eth\"\nto = \"u\"\ntext = \"\\u0001\"\n";
    let at_once = format!("[[event]]\nat = \"10us\"\n{packet}").repeat(5);
    let handled = |budget: &str| {
        let text = format!(
            "format = 1\n[machine]\ncosts = \"free\"\n[device.eth]\nkind = \"network\"\nhandler = \"1us\"\ndeferred = \"1us\"\n{budget}\n\
             [socket.u]\nkind = \"udp\"\n[process.a]\nsteps = [ {{ bind = \"u\", into = \"s\" }},\n\
             {{ repeat = 7, do = [ {{ recv = \"@s\", into = \"x\" }}, {{ add = \"sum\", value = \"x\" }} ] }}, {{ print = \"{{sum}}\" }} ]\n\
             {at_once}[[event]]\nat = \"11500ns\"\nevery = \"100ns\"\ncount = 2\npacket = \"eth\"\nto = \"u\"\ntext = \"\\u0001\"\n"
        );
        let scenario = Scenario::parse("card.toml", &text, &Overrides::default());
        let scenario = scenario.unwrap_or_else(|wrong| panic!("{}", wrong.render(false)));
        let mut simulator = Simulator::new(&scenario.image, Memory::new(), Pace::Fast);
        simulator.run();
        let trace = simulator.kernel.sink;
        let times = |wanted: fn(&Kind) -> bool| {
            let those = trace.events.iter().filter(|event| wanted(&event.kind));
            those.map(|event| event.at.as_nanos()).collect::<Vec<_>>()
        };
        let interrupts = times(|kind| matches!(kind, Kind::IrqHandlerEntry { .. }));
        let deferred = times(|kind| matches!(kind, Kind::SoftirqExit { .. }));
        assert_eq!(trace.names.last().unwrap(), "7");
        (interrupts, deferred)
    };
    assert_eq!(handled("budget = 2"), (vec![10_000], vec![12_000, 13_000, 14_000, 15_000]));
    let (interrupts, deferred) = handled("");
    assert!(interrupts.len() > 1 && deferred.len() < 4, "{interrupts:?} {deferred:?}");
}
