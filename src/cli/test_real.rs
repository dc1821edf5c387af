//! `trapline test --real`: runs scenarios on this machine's own kernel and judges them.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use anyhow::Context;
use trapline::analysis::naming::{count, time};
use trapline::real::{self, RealError, Route, Settings, observe};
use trapline::scenario::{Outcome, Overrides, Scenario};
use trapline::time::{Instant, Span};
use trapline::trace::file::FileSink;

use super::digest::digest;
use super::exit::Failure;
use super::judge_real::judge;
use super::real::{choose_cpus, measure};
use super::test::{Verdict, judgeable};

/// A run that should end by itself may take so long, on a loaded host as well.
const MOST_TIME: Span = Span::from_millis(60_000);
const MOST_BYTES: u64 = 512 << 20;
const MOST_TASKS: u32 = 4000;

/// Runs one scenario and judges it.
pub fn verdict(path: &Path, folder: &Path) -> Result<Verdict, Failure> {
    let scenario = match judgeable(path)? {
        Ok(scenario) => scenario,
        Err(verdict) => return Ok(verdict),
    };
    if let Some(why) = &scenario.simulated_only {
        return Ok(Verdict::Skipped(format!("can't run for real: {why}")));
    }
    let Scenario { image, expect, .. } = &scenario;
    let scratch = real::run::scratch(&std::env::temp_dir());
    let scratch = scratch.context("can't make a folder for the scenario's files").map_err(Failure::host)?;
    let settings = Settings {
        program: std::env::current_exe().context("can't find my own program").map_err(Failure::host)?,
        scratch: scratch.path().to_owned(),
        cpus: choose_cpus(None, usize::from(image.machine.cpus))?,
        most_time: most_time(&scenario),
        tasks: MOST_TASKS,
        notes: MOST_BYTES,
        memory: MOST_BYTES,
        file_bytes: MOST_BYTES,
        route: Route::Notes,
    };
    let measured = match measure(&scenario, path, &Overrides::default(), &settings) {
        Ok(measured) => measured,
        Err(Failure::Error { error, .. })
            if matches!(error.downcast_ref::<RealError>(), Some(RealError::Impossible(_))) =>
        {
            return Ok(Verdict::Skipped(error.to_string()));
        }
        Err(failure) => return Err(failure),
    };
    if measured.how == real::guardian::End::Interrupted {
        return Err(Failure::Interrupted);
    }
    let trace = folder.join("real.bin");
    let mut sink = FileSink::create(&trace, &observe::header(image, &measured)).map_err(Failure::host)?;
    let (end, outcome) = observe::replay(image, &measured, &mut sink);
    sink.finish(end, outcome, measured.lost()).map_err(Failure::host)?;
    let digest = digest(&trace, &AtomicU64::new(0))?;
    let judgement = judge(expect, image, &measured, &digest);
    if !judgement.mismatches.is_empty() {
        return Ok(Verdict::Failed(judgement.mismatches));
    }
    let mut how = format!("{} real, {} events", time(digest.summary.wall), count(digest.footer.events));
    if !judgement.not_judged.is_empty() {
        let _ = write!(how, "; not judged: {}", judgement.not_judged.join(", "));
    }
    let left_out = real::run::left_out(image).len() as u64;
    if left_out > 0 {
        let _ = write!(how, "; left out: {} events from outside", count(left_out));
    }
    Ok(Verdict::Passed(how))
}

/// A scenario that is to be ended by its limit is ended there in the real world as well.
fn most_time(scenario: &Scenario) -> Span {
    let until = scenario.image.run.until.since(Instant::START);
    match scenario.expect.outcome {
        Some(Outcome::Limit) => until.clamp(Span::from_millis(100), MOST_TIME),
        _ => MOST_TIME,
    }
}
