//! Random steps that synchronise: kinds of mutexes, locks for readers and writers, conditions, barriers, flags,
//! queues, futexes with time limits.
//!
//! Nobody cares whether what they do makes sense: that both paces agree is all that is asked.

use super::Generator;

impl Generator {
    pub(super) fn synchronisers(&mut self) {
        let kind = self.pick(&["normal", "recursive", "error-checking"]);
        let protocol = self.pick(&[
            "protocol = \"none\"",
            "protocol = \"inherit\"",
            "protocol = \"ceiling\"\nceiling = 4",
        ]);
        self.line(&format!("[mutex.kind]\nkind = \"{kind}\"\n{protocol}"));
        self.line("[mutex.pi]\nprotocol = \"inherit\"\nrobust = true");
        let prefer = self.pick(&["readers", "writers"]);
        self.line(&format!("[rwlock.rw]\nprefer = \"{prefer}\""));
        self.line("[condition.bound]\nmutex = \"m0\"\n[condition.free]");
        self.line("[barrier.b]\nparties = 2\n[event-flag.e]\n[once.o]\n[spinlock.l]");
        let lock = self.pick(&["true", "false"]);
        self.line(&format!("[value.v]\nlock = {lock}"));
        self.line("[thread-queue.q]\ncapacity = 2\n[float-channel.c]\nlength = 700");
        self.line("[queue.fed]\nmax-items = 3\n[queue.plain]\nfeeder = false\ncapacity = \"4KiB\"");
        let after = self.time() * 5;
        self.line(&format!("[timer.late]\nafter = \"{after}ns\"\nprogram = \"t\""));
    }

    /// Nothing waits for ever here but what others end often enough; the rest has a time limit.
    pub(super) fn synchronising(&mut self) -> String {
        let (time, limit) = (self.time(), self.time() * 4);
        let mutex = self.pick(&["m0", "kind", "pi"]);
        let timed = format!("timeout = \"{limit}ns\", result = \"r\"");
        match self.number(0, 20) {
            0 => format!(
                "{{ lock = \"{mutex}\", {timed} }}, {{ compute = \"{time}ns\" }}, {{ unlock = \"{mutex}\", result = \"r\" }}"
            ),
            1 | 2 => format!(
                "{{ lock = \"pi\", result = \"r\" }}, {{ compute = \"{time}ns\" }}, {{ unlock = \"pi\", result = \"r\" }}"
            ),
            3 => format!(
                "{{ lock = \"kind\", {timed} }}, {{ lock = \"kind\", {timed} }}, {{ unlock = \"kind\", result = \"r\" }}"
            ),
            4 => format!(
                "{{ try-lock = \"{mutex}\", result = \"r\" }}, {{ if = \"r == 0\", then = [ {{ compute = \"{time}ns\" }}, {{ unlock = \"{mutex}\", result = \"r\" }} ] }}"
            ),
            5 | 6 => format!(
                "{{ read-lock = \"rw\", {timed} }}, {{ if = \"r == 0\", then = [ {{ compute = \"{time}ns\" }}, {{ rw-unlock = \"rw\" }} ] }}"
            ),
            7 => format!(
                "{{ write-lock = \"rw\", {timed} }}, {{ if = \"r == 0\", then = [ {{ compute = \"{time}ns\" }}, {{ rw-unlock = \"rw\" }} ] }}"
            ),
            8 | 9 => {
                let condition = self.pick(&["bound", "free"]);
                format!(
                    "{{ lock = \"m0\" }}, {{ cond-wait = \"{condition}\", mutex = \"m0\", {timed} }}, {{ unlock = \"m0\" }}"
                )
            }
            10 => {
                let condition = self.pick(&["bound", "free"]);
                let verb = self.pick(&["cond-signal", "cond-broadcast"]);
                format!("{{ {verb} = \"{condition}\" }}")
            }
            11 => "{ barrier-wait = \"b\", last = \"r\" }".to_owned(),
            12 => format!("{{ event-wait = \"e\", {timed} }}"),
            13 => {
                let verb = self.pick(&["event-set", "event-clear"]);
                format!("{{ {verb} = \"e\" }}")
            }
            14 => format!("{{ once = \"o\", do = [ {{ compute = \"{time}ns\" }} ] }}"),
            15 => format!(
                "{{ spin-lock = \"l\", pause = \"{time}ns\", yield = true }}, {{ compute = \"{time}ns\" }}, {{ spin-unlock = \"l\" }}"
            ),
            16 => "{ value-add = \"v\", by = 3 }, { value-get = \"v\", into = \"x\" }".to_owned(),
            17 => {
                let queue = self.pick(&["enqueue = \"q\", value = 1", "dequeue = \"q\", into = \"x\""]);
                let channel = self.pick(&["channel-send = \"c\"", "channel-receive = \"c\""]);
                let either = self.pick(&["q", "c"]);
                format!("{{ {} }}", if either == "q" { queue } else { channel })
            }
            18 => format!(
                "{{ timer-start = \"late\", result = \"r\" }}, {{ compute = \"{time}ns\" }}, {{ timer-cancel = \"late\" }}"
            ),
            19 => {
                let (queue, bytes) = (self.pick(&["fed", "plain"]), self.number(1, 700));
                let way = self.pick(&["nonblock = true, result = \"r\"", &timed]).to_owned();
                match self.number(0, 5) {
                    0 => "{ queue-close = \"fed\" }".to_owned(),
                    1 => format!("{{ queue-get = \"{queue}\", into = \"x\", {way} }}"),
                    2 => format!("{{ queue-put = \"{queue}\", value = \"{bytes}\", {way} }}"),
                    _ => format!(
                        "{{ queue-put = \"{queue}\", bytes = \"{bytes}B\", {way} }}, {{ queue-get = \"{queue}\", {way} }}"
                    ),
                }
            }
            _ => {
                let expected = self.number(0, 1);
                format!(
                    "{{ futex-wait = \"cells.x\", expected = {expected}, timeout = \"{limit}ns\", result = \"r\", on-error = \"continue\" }}, \
                     {{ futex-requeue = \"cells.x\", to = \"cells.y\", wake = 1, move = 1 }}, {{ futex-wake = \"cells.y\" }}"
                )
            }
        }
    }
}
