//! The keys of `[process.NAME]` that say when it has a job to do.

use std::ops::Range;
use std::sync::Arc;

use crate::kernel::releases::{Rhythm, Times};
use crate::program::at::{At, Time};
use crate::program::problem::{Code, Problem, Problems};
use crate::time::{Instant, Span};

use super::machine::choice;
use super::processes::ProcessForm;
use super::table::{time, whole};

/// The longest period, and the longest time to a deadline: a day.
const LONGEST: Span = Span::from_millis(86_400_000);

/// A process's jobs.
#[derive(Debug, Default)]
pub struct Jobs {
    /// When the first one is released; none if that isn't said here.
    pub first: Option<Instant>,
    pub period: Option<Span>,
    pub deadline: Option<Span>,
    pub rhythm: Option<Arc<Rhythm>>,
}

/// A time that is more than nothing and no longer than a day.
fn length(at: Option<&At<Time>>, key: &str, instruction: Span, problems: &mut Problems) -> Option<Span> {
    let at = at?;
    let length = time(at, instruction, problems)?;
    if length.is_zero() || length > LONGEST {
        let message = format!("`{key}` must be longer than nothing, and a day at most");
        problems.error(Code::OutOfRange, at.span.clone(), message);
        return None;
    }
    Some(length)
}

fn missing(span: &Range<usize>, message: &str, help: &str, problems: &mut Problems) {
    let problem = Problem::error(Code::MissingKey, span.clone(), message);
    problems.push(problem.help(help));
}

/// Reads them.
pub fn read(form: &ProcessForm, instruction: Span, problems: &mut Problems) -> Jobs {
    let jobs = form.jobs.as_ref();
    let jobs = jobs.and_then(|at| whole::<i64>(at, "`jobs`", 1..=1_000_000_000, problems));
    let period = length(form.period.as_ref(), "period", instruction, problems);
    let deadline = length(form.deadline.as_ref(), "deadline", instruction, problems);
    let gap = form.gap.as_ref().and_then(|at| choice(at, "a gap", instruction, problems));
    let releases = form.releases.as_ref().and_then(|at| listed(form, at, period, instruction, problems));
    let mut all = Jobs { first: None, period, deadline: deadline.or(period), rhythm: None };
    if let (Some(at), Some(_)) = (&form.gap, &form.releases) {
        let message = "`gap` comes after each period, and `releases` says when jobs are released";
        let problem = Problem::error(Code::UnknownKey, at.span.clone(), message);
        problems.push(problem.help("keep one of them"));
    }
    let times = match (releases, period) {
        (Some((first, times)), _) => {
            all.first = Some(first);
            Times::Listed(times)
        }
        (None, Some(period)) => Times::Periodic { period, gap },
        (None, None) => {
            if form.period.is_none() && form.releases.is_none() {
                needs_jobs(form, problems);
            }
            return all;
        }
    };
    let Some(deadline) = all.deadline else {
        if let (None, None, Some(at)) = (&form.period, &form.deadline, &form.releases) {
            let message = "jobs that are released at given times need a deadline";
            missing(&at.span, message, "say by when they must end: `deadline = \"5ms\"`", problems);
        }
        return all;
    };
    all.rhythm = Some(Arc::new(Rhythm {
        times,
        deadline,
        jobs: jobs.map(|jobs| jobs as u64),
        on_miss: form.on_miss.as_ref().map(|at| at.value).unwrap_or_default(),
    }));
    all
}

/// Keys that say nothing of a process without jobs.
fn needs_jobs(form: &ProcessForm, problems: &mut Problems) {
    let given = [
        form.jobs.as_ref().map(|at| ("jobs", &at.span)),
        form.on_miss.as_ref().map(|at| ("on-miss", &at.span)),
        form.gap.as_ref().map(|at| ("gap", &at.span)),
    ];
    for (key, span) in given.into_iter().flatten() {
        let message = format!("`{key}` is for a process that has a job in each period");
        missing(span, &message, "say how often: `period = \"10ms\"`", problems);
    }
}

/// The times of releases, counted from the first, and the first; one after the other, and a period apart
/// at least if there is one.
fn listed(
    form: &ProcessForm,
    at: &At<Vec<At<Time>>>,
    period: Option<Span>,
    instruction: Span,
    problems: &mut Problems,
) -> Option<(Instant, Arc<[Span]>)> {
    if let Some(start) = &form.start {
        let message = "the first of its `releases` is when the process begins to exist";
        let problem = Problem::error(Code::UnknownKey, start.span.clone(), message);
        problems.push(problem.help("leave out `start`"));
    }
    let mut times: Vec<Span> = Vec::new();
    for at in &at.value {
        let release = time(at, instruction, problems)?;
        let earliest = times.last().map(|&last| last + period.unwrap_or(Span::TICK));
        if let Some(earliest) = earliest.filter(|&earliest| release < earliest) {
            let message = match period {
                Some(_) => {
                    format!("a release is a period after the one before at least: not before {earliest}")
                }
                None => "releases are listed in the order in which they come".to_owned(),
            };
            problems.error(Code::OutOfRange, at.span.clone(), message);
            return None;
        }
        times.push(release);
    }
    let Some(&first) = times.first() else {
        problems.error(Code::OutOfRange, at.span.clone(), "`releases` is an empty list");
        return None;
    };
    Some((Instant::START + first, times.iter().map(|&time| time - first).collect()))
}
