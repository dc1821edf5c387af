//! Periodic tasks under real-time policies: SimSo.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trapline::trace::Kind;

use super::run::{Ran, TICK, compare_number, compare_values, mean, run};

/// One of its tasks, in cycles. A cycle is a tick here.
struct Task {
    name: String,
    wcet: f64,
    period: Option<f64>,
    deadline: f64,
    offset: f64,
    releases: Option<Vec<f64>>,
    priority: i64,
    cpu: Option<usize>,
}

/// A job's way through its life, in cycles.
#[derive(Clone, Debug, Default)]
pub struct Job {
    pub release: f64,
    begun: Option<f64>,
    pub end: Option<f64>,
    /// When it ran, and on which CPU.
    pub stretches: Vec<Stretch>,
}

#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    cpu: usize,
    from: f64,
    to: f64,
}

/// Who ran on a CPU: from when to when, which task, which of its jobs.
pub type Lane = Vec<(Stretch, usize, usize)>;

/// Parts of a cycle by which a deadline is late here, so that a job that ends at its deadline has met it
/// even if a message between CPUs has cost a nanosecond.
const SLACK: u64 = TICK / 5;

pub fn number(value: &Value) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("{value} isn't a number"))
}

pub fn list(value: &Value) -> Result<&[Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("{value} isn't a list"))
}

/// What a change of jobs costs, in cycles.
struct Overheads {
    save: f64,
    decide: f64,
    load: f64,
}

impl Overheads {
    fn of(input: &Value) -> Self {
        let cycles = |key: &str| input[key].as_f64().unwrap_or(0.0);
        Self {
            save: cycles("ctx_save_cycles"),
            decide: cycles("sched_cycles"),
            load: cycles("ctx_load_cycles"),
        }
    }

    fn any(&self) -> bool {
        self.save + self.decide + self.load > 0.0
    }

    /// What happens while the CPU is between two jobs counts there for the decision that is being made, or
    /// for another one before the load; here for the next switch. And each of several events of one instant
    /// has a decision of its own there.
    ///
    /// If all is well, how many loads more and calls less there are because the run ends between two jobs.
    fn check(&self, ran: &Ran, jobs: &[BTreeMap<usize, Job>], until: f64) -> Result<(u64, u64), String> {
        if !self.any() {
            return Ok((0, 0));
        }
        let mut begun = Vec::new();
        let mut events = Vec::new();
        for jobs in jobs {
            let mut free = Some(0.0);
            for job in jobs.values() {
                let start = free.map_or(f64::INFINITY, |free: f64| free.max(job.release));
                begun.push(start);
                events.extend([Some(start), job.end].into_iter().flatten());
                free = job.end;
            }
        }
        events.retain(|&at| at <= until);
        events.sort_by(f64::total_cmp);
        if self.decide > 0.0 && events.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("not translated: sched_cycles with several events at an instant".to_owned());
        }
        // A process begins by another event than releases, which costs another switch.
        let first = jobs.iter().filter_map(|jobs| jobs.get(&1)).map(|job| job.release);
        let shared = |at: f64| at > 0.0 && events.iter().filter(|&&other| other == at).count() > 1;
        if first.into_iter().any(shared) {
            return Err("not translated: overheads with an offset at another event".to_owned());
        }
        let mut switches = Vec::new();
        let mut open = None;
        for event in &ran.trace.events {
            let at = (event.at.as_nanos() as f64 / TICK as f64).round();
            match event.kind {
                Kind::SchedSwitch { prev, next, .. } => open = Some((at, ran.job(prev), ran.job(next))),
                Kind::SchedExit => switches.extend(open.take().map(|(from, ..)| (from, at))),
                _ => {}
            }
        }
        let unfinished = open.filter(|&(from, ..)| from <= until);
        switches.extend(unfinished.map(|(from, ..)| (from, until)));
        let within = |&(from, to): &(f64, f64)| begun.iter().any(|&begun| from < begun && begun <= to);
        if switches.iter().any(within) {
            return Err("not translated: overheads with a release between two jobs".to_owned());
        }
        let Some((from, before, after)) = unfinished else { return Ok((0, 0)) };
        let decides = from + before.map_or(0.0, |_| self.save);
        let loads = u64::from(after.is_some() && decides + self.decide <= until);
        let undecided = events.iter().filter(|&&at| at == from && decides > until).count() as u64;
        Ok((loads, undecided))
    }
}

/// What of a case's input can't be said in a scenario.
fn untranslated(input: &Value) -> Option<String> {
    let costs =
        ["activate_cycles", "terminate_cycles", "penalty_preemption_cycles", "penalty_migration_cycles"];
    let costly = costs.into_iter().find(|key| input[key].as_f64().is_some_and(|cycles| cycles != 0.0));
    let slow = || {
        let speeds = input["speeds"].as_array()?;
        speeds.iter().any(|speed| speed.as_f64() != Some(1.0)).then_some("speeds")
    };
    // CPUs wait for each other there before they decide.
    let several = || {
        let one = input["cpus"].as_u64().unwrap_or(1) == 1;
        Overheads::of(input).any().then_some("overheads on several CPUs").filter(|_| !one)
    };
    let aborts = || (input["abort_on_miss"] == Value::Bool(true)).then_some("abort_on_miss");
    costly.or_else(slow).or_else(several).or_else(aborts).map(|key| format!("not translated: {key}"))
}

fn tasks(input: &Value, cycles: f64) -> Result<Vec<Task>, String> {
    let task = |task: &Value| {
        let scaled = |key: &str| number(&task[key]).map(|time| time * cycles);
        let releases = match &task["sporadic"] {
            Value::Array(times) => {
                let times = times.iter().map(|time| number(time).map(|time| (time * cycles).trunc()));
                Some(times.collect::<Result<Vec<f64>, String>>()?)
            }
            _ => None,
        };
        Ok(Task {
            name: task["name"].as_str().unwrap_or_default().to_owned(),
            wcet: scaled("wcet")?.trunc(),
            period: scaled("period").ok().map(f64::trunc),
            deadline: scaled("deadline").or_else(|_| scaled("period"))?,
            offset: scaled("offset").unwrap_or(0.0).trunc(),
            releases,
            priority: task["priority"].as_i64().unwrap_or(0),
            cpu: None,
        })
    };
    list(&input["tasks"])?.iter().map(task).collect()
}

/// First fit of the tasks in the order of their utilisation, the greatest first.
fn first_fit(tasks: &mut [Task], cpus: usize) -> Result<(), String> {
    let load = |task: &Task| task.wcet / task.period.unwrap_or(task.deadline);
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    order.sort_by(|&one, &other| load(&tasks[other]).total_cmp(&load(&tasks[one])));
    let mut loads = vec![0.0; cpus];
    for task in order {
        let period = tasks[task].period.unwrap_or(tasks[task].deadline);
        let fits = |&cpu: &usize| loads[cpu] * period + tasks[task].wcet <= period;
        let cpu = (0..cpus).find(fits).ok_or("the tasks don't fit")?;
        loads[cpu] += load(&tasks[task]);
        tasks[task].cpu = Some(cpu);
    }
    Ok(())
}

/// Each task on the CPU with the least load so far.
fn least_loaded(tasks: &mut [Task], cpus: usize) {
    let mut loads = vec![0.0; cpus];
    for task in tasks {
        let least = (0..cpus).fold(0, |least, cpu| if loads[cpu] < loads[least] { cpu } else { least });
        loads[least] += task.wcet / task.period.unwrap_or(task.deadline);
        task.cpu = Some(least);
    }
}

pub fn nanos(cycles: f64) -> u64 {
    (cycles * TICK as f64).round() as u64
}

/// The end of a job is a system call whose way into the kernel is the job's last nanosecond: what is
/// released just then is seen before the next one is chosen, and doesn't take the CPU from the job.
fn scenario(input: &Value, tasks: &[Task], until: f64) -> Result<String, String> {
    let cpus = input["cpus"].as_u64().unwrap_or(1);
    let (policy, partitioned) = match input["scheduler"].as_str() {
        Some("EDF") => ("{ policy = \"edf\", ties = \"order\" }", false),
        Some("EDF_mono") => ("\"edf\"", true),
        Some("P_EDF") => ("\"edf\"", true),
        Some("RM") => ("{ policy = \"rm\", ties = \"tail\" }", false),
        Some("RM_mono" | "P_RM") => ("\"rm\"", true),
        Some("DM") => ("{ policy = \"dm\", ties = \"tail\" }", false),
        Some("FP") => ("{ policy = \"priority\", preempted = \"tail\" }", false),
        _ => return Err(format!("not translated: scheduler {}", input["scheduler"])),
    };
    // Tasks are in the order of the list wherever nothing else decides. Where it is jobs that are in a list,
    // those come first of one instant whose tasks have waited the longest for it: since the release before.
    let mut order: Vec<usize> = (0..tasks.len()).collect();
    if partitioned {
        let waited = |task: usize| tasks[task].period.unwrap_or(f64::INFINITY);
        order.sort_by(|&one, &other| waited(other).total_cmp(&waited(one)));
    }
    let place = |task: usize| order.iter().position(|&other| other == task).unwrap_or(task);
    let by_priority = input["scheduler"] == "FP";
    let queues = if partitioned || cpus == 1 { "per-cpu" } else { "global" };
    let overheads = Overheads::of(input);
    // Each event there is one of the scheduler, for which the running job is saved and loaded.
    let (parts, reloads) = if overheads.any() {
        let Overheads { save, decide, load } = overheads;
        let [save, decide, load] = [save, decide, load].map(nanos);
        let parts = format!(
            ", switch-save = \"{save}ns\", switch-decide = \"{decide}ns\", switch-load = \"{load}ns\""
        );
        (parts, "reschedule = \"reloads\"\n")
    } else {
        (String::new(), "")
    };
    let mut text = format!(
        "format = 1\n[machine]\ncpus = {cpus}\ncosts = {{ base = \"free\", syscall-entry = \"1ns\"{parts} }}\n\
         [kernel]\npreemption = \"none\"\nbalance = \"none\"\nqueues = \"{queues}\"\nscheduler = {policy}\n{reloads}\
         [run]\nuntil = \"{}ns\"\n",
        nanos(until) + TICK / 2
    );
    for (index, task) in tasks.iter().enumerate() {
        let times = match &task.releases {
            Some(releases) => {
                let times: Vec<String> =
                    releases.iter().map(|&release| format!("\"{}ns\"", nanos(release))).collect();
                if times.is_empty() {
                    continue;
                }
                format!("releases = [{}]", times.join(", "))
            }
            None => format!("start = \"{}ns\"", nanos(task.offset)),
        };
        // A sporadic task's period is no promise there, and says only how urgent it is.
        let period =
            task.period.map(nanos).map_or(String::new(), |period| format!("period = \"{period}ns\"\n"));
        let mut gaps =
            task.releases.iter().flat_map(|releases| releases.windows(2)).map(|pair| pair[1] - pair[0]);
        if task.period.is_some_and(|period| gaps.any(|gap| gap < period)) {
            return Err("not translated: sporadic closer than the period".to_owned());
        }
        let cpu = match (task.cpu, partitioned) {
            (Some(cpu), _) => format!("cpu = {cpu}\n"),
            (None, true) => "cpu = 0\n".to_owned(),
            (None, false) => String::new(),
        };
        text += &format!(
            "[process.job{index}]\n{times}\n{period}{cpu}deadline = \"{}ns\"\npriority = {}\n\
             steps = [{{ compute = \"{}ns\" }}]\n",
            nanos(task.deadline) + SLACK,
            if by_priority { task.priority } else { -(place(index) as i64) },
            nanos(task.wcet).saturating_sub(1),
        );
    }
    Ok(text)
}

/// What became of each task's jobs, and who ran on each CPU.
pub fn follow(ran: &Ran, tasks: usize, cpus: usize, until: f64) -> (Vec<BTreeMap<usize, Job>>, Vec<Lane>) {
    let mut jobs: Vec<BTreeMap<usize, Job>> = vec![BTreeMap::new(); tasks];
    let mut current = vec![0; tasks];
    let mut running: Vec<Option<(f64, usize, usize)>> = vec![None; cpus];
    // Whose CPU it is, also between the end of a job and the beginning of the next.
    let mut holder: Vec<Option<usize>> = vec![None; cpus];
    let mut lanes: Vec<Lane> = vec![Vec::new(); cpus];
    // A job that goes on behind the end of the trace is there until then.
    let mut stop = |running: &mut Option<(f64, usize, usize)>, cpu: usize, at: f64| {
        if let Some((from, task, job)) = running.take() {
            lanes[cpu].push((Stretch { cpu, from, to: at }, task, job));
        }
    };
    for event in &ran.trace.events {
        let at = (event.at.as_nanos() as f64 / TICK as f64).round();
        let cpu = event.cpu.map_or(0, |cpu| cpu.index());
        match event.kind {
            Kind::JobRelease { task, number, release, .. } => {
                let Some(task) = ran.job(task) else { continue };
                let number = number as usize;
                let release = (release as f64 / TICK as f64).round();
                jobs[task].insert(number, Job { release, begun: Some(at), ..Job::default() });
                current[task] = number;
                if holder[cpu] == Some(task) {
                    stop(&mut running[cpu], cpu, at);
                    running[cpu] = Some((at, task, number));
                }
            }
            Kind::JobEnd { task, number } => {
                let Some(task) = ran.job(task) else { continue };
                if let Some(job) = jobs[task].get_mut(&(number as usize)) {
                    job.end = Some(at);
                }
                if let Some(place) = running.iter().position(|here| here.is_some_and(|here| here.1 == task)) {
                    stop(&mut running[place], place, at);
                }
            }
            Kind::SchedSwitch { next, .. } => {
                stop(&mut running[cpu], cpu, at);
                holder[cpu] = ran.job(next);
            }
            // Until then the switch went on.
            Kind::SchedExit => {
                stop(&mut running[cpu], cpu, at);
                running[cpu] = holder[cpu].map(|task| (at, task, current[task]));
            }
            _ => {}
        }
    }
    for (cpu, here) in running.iter_mut().enumerate() {
        stop(here, cpu, until + 1.0);
    }
    for &(stretch, task, job) in lanes.iter().flatten() {
        let Some(job) = jobs[task].get_mut(&job) else { continue };
        if job.end.is_some_and(|end| stretch.from >= end && end > job.release) {
            continue;
        }
        match job.stretches.last_mut() {
            Some(last) if last.cpu == stretch.cpu && last.to == stretch.from => last.to = stretch.to,
            _ => job.stretches.push(stretch),
        }
    }
    for jobs in &mut jobs {
        for job in jobs.values_mut() {
            job.stretches.retain(|stretch| stretch.from < stretch.to);
            job.stretches.sort_by(|one, other| one.from.total_cmp(&other.from));
        }
    }
    (jobs, lanes)
}

/// The CPU that deals with a task's next job at some time: the one where it was put last.
fn home(jobs: &BTreeMap<usize, Job>, task: &Task, at: f64) -> usize {
    let before = jobs.values().flat_map(|job| &job.stretches).filter(|stretch| stretch.from < at);
    let last = before.max_by(|one, other| one.from.total_cmp(&other.from));
    task.cpu.unwrap_or_else(|| last.map_or(0, |stretch| stretch.cpu))
}

/// How a job's way was broken up.
struct Interruptions {
    /// It went on where it was, after whatever the scheduler had to do.
    events: u64,
    /// Others ran there in between.
    inter: u64,
    /// It went on elsewhere.
    migrations: u64,
}

/// Everything in `expected` is compared.
pub fn compare(input: &Value, expected: &Value) -> Result<Vec<String>, String> {
    if let Some(reason) = untranslated(input) {
        return Err(reason);
    }
    let cycles = number(&input["cycles_per_ms"])?;
    let until = number(&input["duration_ms"])? * cycles;
    let cpus = input["cpus"].as_u64().unwrap_or(1) as usize;
    let mut tasks = tasks(input, cycles)?;
    match input["scheduler"].as_str() {
        Some("P_EDF") => first_fit(&mut tasks, cpus)?,
        Some("P_RM") => least_loaded(&mut tasks, cpus),
        _ => {}
    }
    let ran = run(&scenario(input, &tasks, until)?, tasks.len())?;
    let (jobs, lanes) = follow(&ran, tasks.len(), cpus, until);
    let overheads = Overheads::of(input);
    let (begun_loads, undecided) = overheads.check(&ran, &jobs, until)?;
    // At these times each CPU was told of a job that had become active.
    let mut told: Vec<Vec<f64>> = vec![Vec::new(); cpus];
    for (task, jobs_of) in jobs.iter().enumerate() {
        for begun in jobs_of.values().filter_map(|job| job.begun) {
            told[home(jobs_of, &tasks[task], begun)].push(begun);
        }
    }
    for times in &mut told {
        times.sort_by(f64::total_cmp);
        times.dedup();
    }
    let interruptions = |task: usize, number: usize, job: &Job| {
        let mut all = Interruptions { events: 0, inter: 0, migrations: 0 };
        for stretch in &job.stretches {
            let within = |&&at: &&f64| stretch.from < at && at < stretch.to && at <= until;
            all.events += told[stretch.cpu].iter().filter(within).count() as u64;
        }
        for pair in job.stretches.windows(2) {
            if pair[0].cpu != pair[1].cpu {
                all.migrations += 1;
                continue;
            }
            all.events += 1;
            let between = |(other, its, theirs): &(Stretch, usize, usize)| {
                (*its, *theirs) != (task, number) && other.from >= pair[0].to && other.from < pair[1].from
            };
            all.inter += u64::from(lanes[pair[0].cpu].iter().any(between));
        }
        all
    };
    let ms = |time: f64| time / cycles;
    let mut differences = Vec::new();
    let mut found = Vec::new();
    let (mut loads, mut running, mut calls) = (0, 0, 0);
    for (task, spec) in tasks.iter().enumerate() {
        let releases = released(spec, until);
        for (place, &release) in releases.iter().enumerate() {
            let job = jobs[task].get(&(place + 1)).cloned().unwrap_or_default();
            let broken = interruptions(task, place + 1, &job);
            let executed = job.stretches.len() as u64;
            let resumed = job.stretches.windows(2).filter(|pair| pair[0].cpu == pair[1].cpu).count() as u64;
            loads += executed + broken.events - resumed;
            running += u64::from(job.stretches.last().is_some_and(|last| last.to > until));
            calls += u64::from(job.begun.is_some()) + u64::from(job.end.is_some());
            let response = job.end.map(|end| ms(end - release));
            let miss = job.end.map(|end| end > release + spec.deadline);
            found.push(json!({
                "task": spec.name, "k": place + 1, "release": ms(release), "end": job.end.map(ms),
                "response": response, "miss": miss, "preempt_events": broken.events,
                "preempt_inter": broken.inter, "migrations": broken.migrations,
            }));
        }
        let ended: Vec<&Job> = jobs[task].values().filter(|job| job.end.is_some()).collect();
        let wanted = &expected["per_task"][&spec.name];
        let what = |kind: &str| format!("{}'s {kind}", spec.name);
        let responses: Vec<f64> = ended.iter().map(|job| ms(job.end.unwrap_or(0.0) - job.release)).collect();
        let misses = ended.iter().filter(|job| job.end.is_some_and(|end| end > job.release + spec.deadline));
        compare_number(&what("jobs"), ended.len() as f64, &wanted["jobs_finished"], &mut differences);
        compare_number(&what("misses"), misses.count() as f64, &wanted["misses"], &mut differences);
        if !responses.is_empty() {
            let longest = responses.iter().copied().fold(0.0, f64::max);
            compare_number(&what("longest response"), longest, &wanted["max_response"], &mut differences);
            let average = mean(responses.iter().copied());
            compare_number(&what("mean response"), average, &wanted["avg_response"], &mut differences);
        }
    }
    let segments: Value = lanes.iter().map(|lane| segments(lane, &tasks, until, cycles)).collect();
    let counts = json!({
        "ctx_loads": loads + begun_loads,
        "ctx_saves": loads - running,
        "schedule_calls": calls - undecided,
    });
    let wanted = &expected["overhead_counts"];
    if is_global(input) {
        compare_jobs(&found, &expected["jobs"], OF_PLACES, &mut differences)?;
        let (ours, theirs) = (at_once(&segments)?, at_once(&expected["cpu_segments_ms"])?);
        compare_values("who runs when", &json!(ours), &json!(theirs), &mut differences);
        compare_values("calls", &counts["schedule_calls"], &wanted["schedule_calls"], &mut differences);
    } else if overheads.any() {
        compare_jobs(&found, &expected["jobs"], &[], &mut differences)?;
        // What stands for the time between two jobs isn't a matter of the schedule.
        let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
        let theirs = of_jobs(&expected["cpu_segments_ms"], &names)?;
        compare_values("segments", &of_jobs(&segments, &names)?, &theirs, &mut differences);
        compare_values("counts", &counts, wanted, &mut differences);
    } else {
        compare_jobs(&found, &expected["jobs"], &[], &mut differences)?;
        compare_values("segments", &segments, &expected["cpu_segments_ms"], &mut differences);
        compare_values("counts", &counts, wanted, &mut differences);
    }
    Ok(differences)
}

/// When a task's jobs are released up to the end.
fn released(task: &Task, until: f64) -> Vec<f64> {
    match (&task.releases, task.period) {
        (Some(times), _) => times.iter().copied().filter(|&time| time <= until).collect(),
        (None, Some(period)) => {
            (0..).map(|job| task.offset + f64::from(job) * period).take_while(|&time| time <= until).collect()
        }
        (None, None) => Vec::new(),
    }
}

/// What is counted differently if another of two equal CPUs takes a job.
const OF_PLACES: &[&str] = &["preempt_events", "preempt_inter", "migrations"];

/// One scheduler for several CPUs. Which of two CPUs that are free at the same instant takes which job is
/// said by no rule of SimSo's, but by the order of events inside of it; docs/CONFORMANCE.md has more.
fn is_global(input: &Value) -> bool {
    let one_for_all = matches!(input["scheduler"].as_str(), Some("EDF" | "RM" | "FP" | "DM"));
    one_for_all && input["cpus"].as_u64().is_some_and(|cpus| cpus > 1)
}

/// Those pieces of the CPUs' times in which jobs run.
fn of_jobs(segments: &Value, tasks: &[&str]) -> Result<Value, String> {
    let is_job = |piece: &&Value| {
        let name = piece[2].as_str().and_then(|name| name.rsplit_once('_'));
        name.is_some_and(|(task, number)| tasks.contains(&task) && number.parse::<usize>().is_ok())
    };
    let lanes = list(segments)?
        .iter()
        .map(|lane| list(lane).map(|pieces| Value::Array(pieces.iter().filter(is_job).cloned().collect())));
    lanes.collect()
}

/// Which jobs run at each time, whichever CPUs they are on: the times at which that changes.
fn at_once(segments: &Value) -> Result<Vec<Value>, String> {
    let mut pieces = Vec::new();
    for piece in list(segments)?.iter().map(list).collect::<Result<Vec<_>, _>>()?.concat() {
        if let Some(name) = piece[2].as_str() {
            pieces.push((number(&piece[0])?, number(&piece[1])?, name.to_owned()));
        }
    }
    let mut times: Vec<f64> = pieces.iter().flat_map(|piece| [piece.0, piece.1]).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let running = |at: f64| {
        let mut names: Vec<&str> = pieces
            .iter()
            .filter(|piece| piece.0 <= at && at < piece.1)
            .map(|piece| piece.2.as_str())
            .collect();
        names.sort_unstable();
        json!([at, names])
    };
    let mut all: Vec<Value> = times.into_iter().map(running).collect();
    all.dedup_by(|one, other| one[1] == other[1]);
    Ok(all)
}

fn compare_jobs(
    found: &[Value],
    expected: &Value,
    but: &[&str],
    differences: &mut Vec<String>,
) -> Result<(), String> {
    let expected = list(expected)?;
    compare_values("number of jobs", &json!(found.len()), &json!(expected.len()), differences);
    for (found, expected) in found.iter().zip(expected) {
        let name = format!("{} {}", expected["task"], expected["k"]);
        for (key, wanted) in expected.as_object().into_iter().flatten() {
            if but.contains(&key.as_str()) {
                continue;
            }
            let what = format!("{name}: {key}");
            match (found[key].as_f64(), wanted.as_f64()) {
                (Some(number), Some(_)) => compare_number(&what, number, wanted, differences),
                _ => compare_values(&what, &found[key], wanted, differences),
            }
        }
    }
    Ok(())
}

/// What a CPU did from the beginning to the end, in milliseconds.
fn segments(lane: &Lane, tasks: &[Task], until: f64, cycles: f64) -> Value {
    let mut all: Vec<(f64, f64, Value)> = Vec::new();
    let mut add = |from: f64, to: f64, label: Value| match all.last_mut() {
        _ if from >= to => {}
        Some(last) if last.1 == from && last.2 == label => last.1 = to,
        _ => all.push((from, to, label)),
    };
    let mut at = 0.0;
    for &(stretch, task, job) in lane {
        let to = stretch.to.min(until);
        add(at, stretch.from.min(until), Value::Null);
        add(stretch.from, to, json!(format!("{}_{job}", tasks[task].name)));
        at = to.max(at);
    }
    add(at, until, Value::Null);
    all.into_iter().map(|(from, to, label)| json!([from / cycles, to / cycles, label])).collect()
}

/// SimSo's own results for sets of tasks with costs, beside those that `cases.json` has without.
#[test]
fn overheads_are_as_simso_has_them() {
    let file: Value = serde_json::from_str(include_str!("overheads.json")).unwrap();
    for case in list(&file["cases"]).unwrap() {
        let differences = compare(&case["input"], &case["expected"]);
        assert_eq!(differences, Ok(Vec::new()), "{}", case["id"]);
    }
}
