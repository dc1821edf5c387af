//! `class` of a process: Linux's scheduling classes, and the keys that each needs.

use std::ops::Range;

use crate::kernel::options::Scheduler;
use crate::kernel::sched::Class;
use crate::program::at::At;
use crate::program::problem::{Code, Problem, Problems};
use crate::program::start::Start;
use crate::time::Span;

/// A process's class; the default one if it names none.
pub fn read(
    given: Option<&At<Class>>,
    priority: Option<i64>,
    budget: Option<Span>,
    period: Option<Span>,
    deadline: Option<Span>,
    problems: &mut Problems,
) -> Class {
    let Some(at) = given else { return Class::default() };
    let (class, name) = (at.value, at.value.name());
    if class.is_real_time() && !priority.is_some_and(|priority| (1..=99).contains(&priority)) {
        let message = format!("the class `{name}` needs a `priority` from 1 to 99");
        problems.error(Code::MissingKey, at.span.clone(), message);
    }
    if class != Class::Deadline {
        return class;
    }
    let (Some(budget), Some(period)) = (budget, period) else {
        let message = "the class `deadline` needs `budget` and `period`";
        let problem = Problem::error(Code::MissingKey, at.span.clone(), message);
        problems.push(problem.help("for example `budget = \"2ms\"` and `period = \"10ms\"`"));
        return class;
    };
    let deadline = deadline.unwrap_or(period);
    if budget.is_zero() || budget > deadline || deadline > period {
        let message = "a `budget` of the class `deadline` is longer than nothing, and no longer than the \
                       `deadline`, which is no longer than the `period`";
        problems.error(Code::OutOfRange, at.span.clone(), message);
    }
    class
}

/// Under Linux's classes a priority is for those that go by it; a policy that seats threads leaves no choice
/// of the CPU.
pub fn check(scheduler: &Scheduler, starts: &[Start], places: &[Range<usize>], problems: &mut Problems) {
    for (start, place) in starts.iter().zip(places) {
        let (class, priority) = (start.parameters.class, start.parameters.priority);
        if scheduler.policy == "linux" && priority != 0 && !class.is_real_time() {
            let message = format!("`{}` has a priority, but is of the class `{}`", start.name, class.name());
            let problem = Problem::error(Code::MissingKey, place.clone(), message);
            problems.push(
                problem.help("give it `class = \"fifo\"` or `\"rr\"`, or `nice` in place of `priority`"),
            );
        }
        if scheduler.policy == "gang" && start.cpu.is_some() {
            let message = format!(
                "the policy `gang` says itself which CPU `{}` runs on: it can't have a `cpu`",
                start.name
            );
            problems.error(Code::UnknownChoice, place.clone(), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Overrides, Scenario};

    fn problems(kernel: &str, process: &str) -> String {
        let text = format!(
            "format = 1\n[kernel]\n{kernel}\n[process.a]\n{process}\nsteps = [{{ compute = \"1us\" }}]\n"
        );
        let read = Scenario::parse("test", &text, &Overrides::default());
        read.map_or_else(|diagnostics| diagnostics.to_string(), |_| String::new())
    }

    #[test]
    fn a_class_without_the_keys_that_it_needs_is_an_error() {
        let linux = "scheduler = \"linux\"";
        for (process, wanted) in [
            ("class = \"fifo\"", "the class `fifo` needs a `priority` from 1 to 99"),
            ("class = \"rr\"\npriority = 100", "the class `rr` needs a `priority` from 1 to 99"),
            ("class = \"deadline\"\nperiod = \"10ms\"", "the class `deadline` needs `budget` and `period`"),
            (
                "class = \"deadline\"\nperiod = \"10ms\"\nbudget = \"6ms\"\ndeadline = \"5ms\"",
                "no longer than the `deadline`",
            ),
            (
                "class = \"deadline\"\nperiod = \"10ms\"\nbudget = \"6ms\"\ndeadline = \"15ms\"",
                "no longer than the `period`",
            ),
            ("priority = 5", "`a` has a priority, but is of the class `other`"),
            ("class = \"real\"", "real"),
        ] {
            let text = problems(linux, process);
            assert!(text.contains(wanted), "{process}: {text}");
        }
        assert_eq!(problems(linux, "class = \"rr\"\npriority = 99"), "");
        assert_eq!(problems("scheduler = \"priority\"", "priority = 5"), "");
    }

    #[test]
    fn gang_needs_the_queue_for_all_cpus_and_decides_on_them() {
        assert!(problems("scheduler = \"gang\"", "").contains("decides for all CPUs at once"));
        let global = "scheduler = \"gang\"\nqueues = \"global\"";
        assert!(problems(global, "cpu = 0").contains("says itself which CPU"));
        assert_eq!(problems(global, ""), "");
        let linux = problems("scheduler = \"linux\"\nqueues = \"global\"", "");
        assert!(linux.contains("can't serve several CPUs"), "{linux}");
    }
}
