//! What a manager's server does with its objects: the steps of each method.
//!
//! `OBJECT` stands for the object's name and `SIZE` for its capacity. A method finds the request in `key`,
//! `value` and `client` (the number of the connection) and leaves what came of it in `status` and `answer`.
//! Whatever isn't a single instruction is done under the object's mutex. Who must wait does so in the
//! client's own thread.

/// A kind of object.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub has_capacity: bool,
    /// What it begins with, if that can be said.
    pub initial: Option<i64>,
    /// The tables that it needs in the server's memory.
    pub tables: &'static str,
    /// Whether a mutex, `OBJECT-mutex`, is held during its methods.
    pub is_locked: bool,
    pub methods: &'static [Method],
}

/// Something that the server does with an object.
#[derive(Debug)]
pub struct Method {
    pub name: &'static str,
    pub has_key: bool,
    pub has_value: bool,
    pub steps: &'static str,
}

const fn method(name: &'static str, has_key: bool, has_value: bool, steps: &'static str) -> Method {
    Method { name, has_key, has_value, steps }
}

/// Looks for a key: `found` is its place, or -1; `free` is the first place for a new one, or -1. A place is
/// empty (0), taken (1), or was taken once (2); an empty one ends the search (open addressing).
macro_rules! search {
    ($($rest:literal)*) => {
        concat!(
            r#"{ set = "slot", to = "(key % SIZE + SIZE) % SIZE" }, { set = "tries", to = SIZE },
               { set = "found", to = -1 }, { set = "free", to = -1 },
               { while = "tries > 0", do = [
                 { load = "state", from = "OBJECT.states[slot]" },
                 { if = "state != 1 and free < 0", then = [ { set = "free", to = "slot" } ] },
                 { load = "there", from = "OBJECT.keys[slot]" },
                 { if = "state == 1 and there == key", then = [ { set = "found", to = "slot" } ] },
                 { if = "state == 0 or found >= 0", then = [ { set = "tries", to = 0 } ], else = [
                   { set = "slot", to = "(slot + 1) % SIZE" }, { set = "tries", to = "tries - 1" } ] } ] },"#,
            $($rest),*
        )
    };
}

/// Waits until nobody has the lock, and takes it for `client`.
macro_rules! acquire {
    ($($rest:literal)*) => {
        concat!(
            r#"{ load = "owner", from = "OBJECT.owner" },
               { while = "owner != 0", do = [
                 { cond-wait = "OBJECT-free", mutex = "OBJECT-mutex" }, { load = "owner", from = "OBJECT.owner" } ] },
               { store = "OBJECT.owner", value = "client" },"#,
            $($rest),*
        )
    };
}

const LENGTH: &str = r#"{ load = "answer", from = "OBJECT.length" },"#;

pub const KINDS: &[Kind] = &[
    Kind {
        name: "dict",
        has_capacity: true,
        initial: None,
        tables: "[shm.OBJECT]\ncells = { length = 0 }\narrays = { states = { length = SIZE }, keys = { length = SIZE }, values = { length = SIZE } }\n[mutex.OBJECT-mutex]\n",
        is_locked: true,
        methods: &[
            method(
                "get",
                true,
                false,
                search!(
                    r#"{ if = "found >= 0", then = [ { load = "answer", from = "OBJECT.values[found]" } ],
                         else = [ { set = "status", to = -2 } ] },"#
                ),
            ),
            method(
                "set",
                true,
                true,
                search!(
                    r#"{ if = "found >= 0", then = [ { store = "OBJECT.values[found]", value = "value" } ], else = [
                         { if = "free < 0", then = [ { set = "status", to = -12 } ], else = [
                           { store = "OBJECT.states[free]", value = 1 }, { store = "OBJECT.keys[free]", value = "key" },
                           { store = "OBJECT.values[free]", value = "value" },
                           { load = "length", from = "OBJECT.length" },
                           { store = "OBJECT.length", value = "length + 1" } ] } ] },"#
                ),
            ),
            method("contains", true, false, search!(r#"{ set = "answer", to = "found >= 0" },"#)),
            method(
                "remove",
                true,
                false,
                search!(
                    r#"{ if = "found >= 0", then = [ { load = "answer", from = "OBJECT.values[found]" },
                           { store = "OBJECT.states[found]", value = 2 },
                           { load = "length", from = "OBJECT.length" },
                           { store = "OBJECT.length", value = "length - 1" } ],
                         else = [ { set = "status", to = -2 } ] },"#
                ),
            ),
            method("length", false, false, LENGTH),
        ],
    },
    Kind {
        name: "list",
        has_capacity: true,
        initial: None,
        tables: "[shm.OBJECT]\ncells = { length = 0 }\narrays = { items = { length = SIZE } }\n[mutex.OBJECT-mutex]\n",
        is_locked: true,
        methods: &[
            method(
                "append",
                false,
                true,
                r#"{ load = "length", from = "OBJECT.length" },
                   { if = "length < SIZE", then = [ { store = "OBJECT.items[length]", value = "value" },
                       { store = "OBJECT.length", value = "length + 1" } ], else = [ { set = "status", to = -12 } ] },"#,
            ),
            method(
                "get",
                true,
                false,
                r#"{ load = "length", from = "OBJECT.length" },
                   { if = "key >= 0 and key < length", then = [ { load = "answer", from = "OBJECT.items[key]" } ],
                     else = [ { set = "status", to = -34 } ] },"#,
            ),
            method(
                "set",
                true,
                true,
                r#"{ load = "length", from = "OBJECT.length" },
                   { if = "key >= 0 and key < length", then = [ { store = "OBJECT.items[key]", value = "value" } ],
                     else = [ { set = "status", to = -34 } ] },"#,
            ),
            method(
                "pop",
                false,
                false,
                r#"{ load = "length", from = "OBJECT.length" },
                   { if = "length > 0", then = [ { load = "answer", from = "OBJECT.items[length - 1]" },
                       { store = "OBJECT.length", value = "length - 1" } ], else = [ { set = "status", to = -34 } ] },"#,
            ),
            method("length", false, false, LENGTH),
        ],
    },
    Kind {
        name: "value",
        has_capacity: false,
        initial: Some(0),
        tables: "[shm.OBJECT]\ncells = { value = INITIAL }\n",
        is_locked: false,
        methods: &[
            method("get", false, false, r#"{ load = "answer", from = "OBJECT.value" },"#),
            method("set", false, true, r#"{ store = "OBJECT.value", value = "value" },"#),
            method(
                "add",
                false,
                true,
                r#"{ atomic-add = "OBJECT.value", value = "value", old = "before" },
                   { set = "answer", to = "before + value" },"#,
            ),
        ],
    },
    Kind {
        name: "lock",
        has_capacity: false,
        initial: None,
        tables: "[shm.OBJECT]\ncells = { owner = 0 }\n[mutex.OBJECT-mutex]\n[condition.OBJECT-free]\nmutex = \"OBJECT-mutex\"\n",
        is_locked: true,
        methods: &[
            method("acquire", false, false, acquire!()),
            method(
                "release",
                false,
                false,
                r#"{ load = "owner", from = "OBJECT.owner" },
                   { if = "owner == 0", then = [ { set = "status", to = -1 } ], else = [
                     { store = "OBJECT.owner", value = 0 }, { cond-signal = "OBJECT-free" } ] },"#,
            ),
        ],
    },
    Kind {
        name: "semaphore",
        has_capacity: false,
        initial: Some(1),
        tables: "[shm.OBJECT]\ncells = { count = INITIAL }\n[mutex.OBJECT-mutex]\n[condition.OBJECT-free]\nmutex = \"OBJECT-mutex\"\n",
        is_locked: true,
        methods: &[
            method(
                "acquire",
                false,
                false,
                r#"{ load = "count", from = "OBJECT.count" },
                   { while = "count == 0", do = [
                     { cond-wait = "OBJECT-free", mutex = "OBJECT-mutex" }, { load = "count", from = "OBJECT.count" } ] },
                   { store = "OBJECT.count", value = "count - 1" },"#,
            ),
            method(
                "release",
                false,
                false,
                r#"{ load = "count", from = "OBJECT.count" }, { store = "OBJECT.count", value = "count + 1" },
                   { cond-signal = "OBJECT-free" },"#,
            ),
        ],
    },
    // Who waits takes a ticket, so that exactly those are woken who waited before, the first first.
    Kind {
        name: "condition",
        has_capacity: false,
        initial: None,
        tables: "[shm.OBJECT]\ncells = { owner = 0, tickets = 0, served = 0 }\n[mutex.OBJECT-mutex]\n[condition.OBJECT-free]\nmutex = \"OBJECT-mutex\"\n[condition.OBJECT-notified]\nmutex = \"OBJECT-mutex\"\n",
        is_locked: true,
        methods: &[
            method("acquire", false, false, acquire!()),
            method(
                "release",
                false,
                false,
                r#"{ load = "owner", from = "OBJECT.owner" },
                   { if = "owner != client", then = [ { set = "status", to = -1 } ], else = [
                     { store = "OBJECT.owner", value = 0 }, { cond-signal = "OBJECT-free" } ] },"#,
            ),
            method(
                "wait",
                false,
                false,
                concat!(
                    r#"{ load = "owner", from = "OBJECT.owner" },
                       { if = "owner != client", then = [ { set = "status", to = -1 } ], else = [
                         { load = "ticket", from = "OBJECT.tickets" },
                         { store = "OBJECT.tickets", value = "ticket + 1" },
                         { store = "OBJECT.owner", value = 0 }, { cond-signal = "OBJECT-free" },
                         { load = "served", from = "OBJECT.served" },
                         { while = "served <= ticket", do = [
                           { cond-wait = "OBJECT-notified", mutex = "OBJECT-mutex" },
                           { load = "served", from = "OBJECT.served" } ] },"#,
                    acquire!(),
                    "] },"
                ),
            ),
            method(
                "notify",
                false,
                false,
                r#"{ load = "owner", from = "OBJECT.owner" },
                   { if = "owner != client", then = [ { set = "status", to = -1 } ], else = [
                     { load = "ticket", from = "OBJECT.tickets" }, { load = "served", from = "OBJECT.served" },
                     { if = "served < ticket", then = [ { store = "OBJECT.served", value = "served + 1" },
                       { cond-broadcast = "OBJECT-notified" } ] } ] },"#,
            ),
            method(
                "notify-all",
                false,
                false,
                r#"{ load = "owner", from = "OBJECT.owner" },
                   { if = "owner != client", then = [ { set = "status", to = -1 } ], else = [
                     { load = "ticket", from = "OBJECT.tickets" }, { store = "OBJECT.served", value = "ticket" },
                     { cond-broadcast = "OBJECT-notified" } ] },"#,
            ),
        ],
    },
    // It counts how often it was set: who waits goes on even if it is cleared at once.
    Kind {
        name: "event",
        has_capacity: false,
        initial: None,
        tables: "[shm.OBJECT]\ncells = { flag = 0, sets = 0 }\n[mutex.OBJECT-mutex]\n[condition.OBJECT-set]\nmutex = \"OBJECT-mutex\"\n",
        is_locked: true,
        methods: &[
            method(
                "set",
                false,
                false,
                r#"{ store = "OBJECT.flag", value = 1 }, { load = "sets", from = "OBJECT.sets" },
                   { store = "OBJECT.sets", value = "sets + 1" }, { cond-broadcast = "OBJECT-set" },"#,
            ),
            method("clear", false, false, r#"{ store = "OBJECT.flag", value = 0 },"#),
            method(
                "wait",
                false,
                false,
                r#"{ load = "flag", from = "OBJECT.flag" }, { load = "before", from = "OBJECT.sets" },
                   { set = "sets", to = "before" },
                   { while = "flag == 0 and sets == before", do = [
                     { cond-wait = "OBJECT-set", mutex = "OBJECT-mutex" }, { load = "sets", from = "OBJECT.sets" } ] },"#,
            ),
            method("is-set", false, false, r#"{ load = "answer", from = "OBJECT.flag" },"#),
        ],
    },
    Kind {
        name: "queue",
        has_capacity: true,
        initial: None,
        tables: "[thread-queue.OBJECT]\ncapacity = SIZE\n",
        is_locked: false,
        methods: &[
            method("put", false, true, r#"{ enqueue = "OBJECT", value = "value" },"#),
            method("get", false, false, r#"{ dequeue = "OBJECT", into = "answer" },"#),
        ],
    },
];
