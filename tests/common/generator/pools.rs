//! Random steps that hand tasks to pools: of processes and of threads, with and without call-backs, too many of
//! them, to pools that aren't there yet or no more.

use super::Generator;

impl Generator {
    pub(super) fn pools(&mut self) {
        let time = self.time();
        let workers = self.number(1, 3);
        self.line(&format!(
            "[pool.w]\nworkers = {workers}\ntasks = 6\nsteps = [ {{ compute = \"{time}ns\" }}, {{ set = \"answer\", to = \"argument + 1\" }} ]"
        ));
        self.line(&format!(
            "[pool.th]\nkind = \"threads\"\nworkers = {workers}\nsteps = [ {{ repeat = \"argument\", do = [ {{ compute = \"{time}ns\" }} ] }}, {{ atomic-add = \"cells.x\", value = 1 }} ]"
        ));
        self.line("[program.back]\nsteps = [ { compute = \"13ns\" }, { print = \"back\" } ]");
    }

    pub(super) fn pooling(&mut self) -> String {
        let pool = self.pick(&["w", "th"]);
        let (first, limit, chunk) = (self.number(0, 3), self.time() * 4, self.number(1, 3));
        let many = self.number(1, 7);
        let last = self.pick(&["pool-close", "pool-join", "pool-start"]);
        let task = match self.number(0, 3) {
            0 => format!("{{ pool-apply = \"{pool}\", argument = {first}, into = \"x\", result = \"r\" }}"),
            1 => format!("{{ pool-map = \"{pool}\", count = {many}, chunk = {chunk}, result = \"r\" }}"),
            2 => format!(
                "{{ pool-apply-async = \"{pool}\", argument = {first}, call-back = \"back\", result = \"r\" }}"
            ),
            _ => format!(
                "{{ pool-apply-async = \"{pool}\", argument = {first}, ticket = \"x\", result = \"r\" }}, \
                 {{ pool-get = \"{pool}\", ticket = \"x\", into = \"x\", timeout = \"{limit}ns\", result = \"r\" }}"
            ),
        };
        format!(
            "{{ pool-start = \"{pool}\", result = \"r\" }}, {task}, {{ {last} = \"{pool}\", result = \"r\" }}"
        )
    }
}
