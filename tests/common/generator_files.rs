//! What random programs do with files: opening, moving about, reading ahead, writing back, and
//! requests that are under way while the program goes on.

use super::Generator;

impl Generator {
    /// Keys of `[kernel]` about files.
    pub(super) fn files_of_kernel(&mut self) {
        if self.chance(50) {
            let (after, every) = (self.number(500, 9_000), self.number(300, 3_000));
            self.line(&format!("writeback = {{ after = \"{after}ns\", every = \"{every}ns\" }}"));
        }
        let ahead = self.pick(&["0B", "8KiB", "128KiB"]);
        self.line(&format!("read-ahead = \"{ahead}\""));
    }

    pub(super) fn files(&mut self) {
        self.line("[file.new]\ndisk = \"disk\"\nexists = false");
        self.line("[stream.out]\nover = \"data\"\nbuffer = \"64B\"");
    }

    /// Steps that leave no descriptor open.
    pub(super) fn file_step(&mut self) -> String {
        let time = self.time();
        let size = self.pick(&["8B", "512B", "4KiB", "9KiB"]);
        let offset = self.number(0, 12) * 4096;
        match self.number(0, 10) {
            0 => {
                let way = self.pick(&["\"append\"", "\"sync\"", "\"truncate\"", "\"sync\", \"append\""]);
                format!(
                    "{{ open = \"new\", flags = [\"read\", \"write\", \"create\", {way}], into = \"fd\" }}, \
                     {{ write = \"@fd\", bytes = \"{size}\" }}, {{ lseek = \"@fd\", offset = 3 }}, \
                     {{ read = \"@fd\", bytes = \"{size}\", into = \"x\" }}, {{ close = \"@fd\" }}"
                )
            }
            1 => format!("{{ pread = \"data\", offset = {offset}, bytes = \"{size}\", into = \"x\" }}"),
            2 => format!("{{ pwrite = \"data\", offset = {offset}, bytes = \"{size}\" }}"),
            3 => format!("{{ repeat = 5, do = [{{ read = \"data\", bytes = \"{size}\" }}] }}"),
            4 => {
                "{ unlink = \"new\", on-error = \"continue\" }, { fdatasync = \"data\" }, { fstat = \"data\", size = \"x\" }".to_owned()
            }
            5 => format!(
                "{{ aio-read = \"data\", offset = {offset}, bytes = \"{size}\", request = \"r\" }}, \
                 {{ compute = \"{time}ns\" }}, {{ aio-suspend = \"r\" }}, {{ aio-return = \"r\", into = \"x\" }}"
            ),
            6 => format!(
                "{{ aio-write = \"data\", offset = {offset}, bytes = \"{size}\", request = \"r\" }}, \
                 {{ aio-read = \"data\", offset = 0, bytes = \"{size}\", request = \"q\" }}, \
                 {{ aio-suspend = \"q\", timeout = \"{time}ns\", on-error = \"continue\" }}, \
                 {{ aio-error = \"r\", into = \"x\" }}"
            ),
            7 => "{ fwrite = \"out\", bytes = \"50B\" }, { fwrite = \"out\", value = 3 }".to_owned(),
            8 | 9 => self.ring_steps(),
            _ => format!("{{ ftruncate = \"data\", size = \"{size}\" }}, {{ fflush = \"out\" }}"),
        }
    }

    /// A ring that gets some requests at once, is entered, and goes with or without its completions.
    fn ring_steps(&mut self) -> String {
        let (entries, time) = (self.pick(&["2", "4", "8"]), self.time());
        let places = self.pick(&["", ", completions = 2", ", completions = 8"]);
        let mut steps = format!(
            "{{ uring-setup = \"ring\", entries = {entries}{places}, on-error = \"continue\", result = \"made\" }}"
        );
        let mut inner = String::new();
        for data in 0..self.number(1, 5) {
            let offset = self.number(0, 12) * 4096;
            let size = self.pick(&["8B", "512B", "4KiB", "9KiB"]);
            let request = match self.number(0, 5) {
                0 => "uring-nop = \"@ring\"".to_owned(),
                1 => {
                    format!("uring-write = \"@ring\", file = \"data\", offset = {offset}, bytes = \"{size}\"")
                }
                2 => "uring-fsync = \"@ring\", file = \"data\"".to_owned(),
                3 => "uring-poll = \"@ring\", on = \"data\"".to_owned(),
                _ => {
                    format!("uring-read = \"@ring\", file = \"data\", offset = {offset}, bytes = \"{size}\"")
                }
            };
            inner += &format!("{{ {request}, data = {data}, queued = \"fits\" }}, ");
        }
        let wait = self.pick(&["", ", wait = 0", ", wait = 1"]);
        inner += &format!(
            "{{ uring-enter = \"@ring\"{wait}, on-error = \"continue\" }}, {{ compute = \"{time}ns\" }}, "
        );
        let reap = "{ uring-reap = \"@ring\", outcome = \"x\", data = \"d\", into = \"y\" }";
        inner += &format!("{{ repeat = {}, do = [{reap}] }}, ", self.number(0, 4));
        if self.chance(30) {
            inner += "{ poll = [{ on = \"@ring\" }], timeout = \"900ns\", on-error = \"continue\" }, ";
        }
        steps += &format!(", {{ if = \"made >= 0\", then = [{inner}{{ close = \"@ring\" }}] }}");
        steps
    }
}
