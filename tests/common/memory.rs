//! Random scenarios' memory: small machines with page replacement and swap, and what processes map,
//! unmap and protect.

use super::generator::Generator;

impl Generator {
    /// Keys of `[machine]`: some machines have few frames.
    pub fn frames(&mut self) {
        if self.chance(50) {
            let kib = self.number(4, 12) * 4;
            self.line(&format!("memory = \"{kib}KiB\""));
        }
    }

    /// Keys of `[kernel]`, the last ones: page replacement.
    pub fn paging(&mut self) {
        self.replaces = self.chance(80);
        if self.replaces {
            let policy = self.pick(&["fifo", "lru", "clock", "random"]);
            self.line(&format!("replacement = \"{policy}\""));
            if self.chance(30) {
                let kib = self.number(1, 8) * 4;
                self.line(&format!("swap = \"swap\"\nswap-size = \"{kib}KiB\""));
            }
        }
        let service = self.time() * 3;
        self.line(&format!("[device.swap]\nkind = \"disk\"\nservice = \"{service}ns\"\nper-kib = \"7ns\""));
    }

    /// A key of `[process.NAME]`: a limit of its own.
    pub fn own_frames(&mut self) {
        if self.replaces && self.chance(30) {
            let frames = self.number(2, 6);
            self.line(&format!("frames = {frames}"));
        }
    }

    pub fn memories(&mut self) {
        self.line("[memory.view]\nsize = \"32KiB\"\nfile = \"data\"\nshared = true\nmapped = false");
        self.line("[memory.break]\nsize = \"32KiB\"\nheap = true");
        self.line("[shm.board]\nkind = \"posix\"\narrays = { a = { type = \"d\", length = 600 } }");
        self.line("[shm.segment]\nkind = \"sysv\"\ncells = { n = 0 }\nmapped = false");
    }

    pub fn memory_step(&mut self) -> String {
        let first = self.number(0, 4);
        let mode = self.pick(&["read", "write"]);
        match self.number(0, 8) {
            0 => format!("{{ mmap = \"view\", on-error = \"continue\" }}, {{ touch = \"view\", first = {first}, pages = 2, mode = \"{mode}\" }}, {{ msync = \"view\", on-error = \"continue\" }}"),
            1 => format!("{{ munmap = \"heap\", first = {first}, pages = 2 }}, {{ mmap = \"heap\" }}"),
            2 => format!("{{ mprotect = \"heap\", mode = \"none\" }}, {{ mprotect = \"heap\", mode = \"write\" }}, {{ touch = \"heap\", first = {first}, pages = 2, mode = \"{mode}\" }}"),
            3 => {
                let pages = self.number(1, 8);
                format!("{{ brk = \"break\", bytes = \"{}KiB\" }}, {{ touch = \"break\", pages = 1 }}", pages * 4)
            }
            4 => "{ shmat = \"segment\", on-error = \"continue\" }, { atomic-add = \"segment.n\", value = 1 }, { shmdt = \"segment\" }".to_owned(),
            5 => "{ store = \"board.a[index * 550]\", value = 81 }, { print = \"{board.a[0]}\" }".to_owned(),
            6 => "{ munmap = \"view\" }, { msync = \"view\", on-error = \"continue\" }".to_owned(),
            _ => format!("{{ touch = \"heap\", mode = \"{mode}\" }}"),
        }
    }
}
