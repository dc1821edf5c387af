//! Which pages each process had in memory, its page faults, and how many frames were free.
//!
//! A page that faulted is in memory from the end of its fault until it is taken away, given back, or its process is
//! over. A fork shares the parent's own pages with the child. An access to a page that is there leaves no event, so it
//! can't be seen here; nor can what a measured run doesn't tell, such as pages that its kernel takes away.

use std::collections::BTreeMap;

use crate::ids::{Pid, Tid};
use crate::time::Instant;
use crate::trace::header::AreaEntry;
use crate::trace::{Event, Fault, Header, Kind};

/// What happened to memory in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paging {
    /// In order of time.
    pub faults: Vec<PageFault>,
    /// By process, then page, then time.
    pub residences: Vec<Residence>,
    /// How many frames were free from when on; the first may be from before the window.
    pub free: Vec<(Instant, u64)>,
}

/// A page wasn't there, or not for this kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault {
    pub at: Instant,
    pub task: Tid,
    pub process: Pid,
    pub page: u64,
    pub fault: Fault,
}

/// A process has a page in memory, for as long as the window shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residence {
    pub process: Pid,
    pub page: u64,
    pub from: Instant,
    pub to: Instant,
    pub end: End,
}

/// Why a page isn't in memory any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is there still.
    Window,
    /// Its frame went to another page.
    Evicted(Evicted),
    /// The program gave it back.
    Unmapped,
    /// The process is over, or began another program.
    Over,
}

/// What became of a page's content as its frame was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// It is on its device already, or was never written.
    Dropped,
    /// It had to be written to a device first.
    Written,
}

/// [`Paging`] under construction.
#[derive(Clone, Debug, Default)]
pub struct PagingBuilder {
    paging: Paging,
    areas: Vec<AreaEntry>,
    processes: BTreeMap<Tid, Pid>,
    /// How many threads of each process aren't over.
    alive: BTreeMap<Pid, usize>,
    present: BTreeMap<Pid, BTreeMap<u64, Instant>>,
    /// The page that a thread is at, in its page fault.
    fault: BTreeMap<Tid, u64>,
    /// The page that is being taken away, and what becomes of its content.
    evicting: Option<(u64, Evicted)>,
}

impl PagingBuilder {
    pub fn new(header: &Header) -> PagingBuilder {
        let mut builder = PagingBuilder { areas: header.memory.areas.clone(), ..PagingBuilder::default() };
        for entry in header.initial.iter().filter(|entry| entry.task > Tid::INIT) {
            builder.task(entry.task, entry.process);
            *builder.alive.entry(entry.process).or_default() += 1;
        }
        builder
    }

    /// Learns which process a thread belongs to.
    pub fn task(&mut self, task: Tid, process: Pid) {
        self.processes.insert(task, process);
    }

    fn process(&self, task: Tid) -> Pid {
        self.processes.get(&task).copied().unwrap_or_else(|| task.leads())
    }

    /// Takes the next event; what was over before `from` or begins after `to` is forgotten.
    pub fn event(&mut self, event: &Event, from: Instant, to: Instant) {
        let evicting = self.evicting.take();
        match event.kind {
            Kind::PageFaultUser { page, fault } | Kind::PageFaultKernel { page, fault } => {
                self.raise(event, page, fault, from, to);
            }
            Kind::ExceptionExit => {
                if let Some(page) = self.fault.remove(&event.task) {
                    self.appear(self.process(event.task), page, event.at);
                }
            }
            Kind::PageEvicted { page, write } => {
                self.evicting = Some((page, if write { Evicted::Written } else { Evicted::Dropped }));
            }
            Kind::PagesUnmapped { task, page, pages } => {
                let end = match evicting {
                    Some((evicted, how)) if evicted == page => End::Evicted(how),
                    Some(_) | None => End::Unmapped,
                };
                // Several processes may lose the page.
                self.evicting = evicting;
                let process = self.process(task);
                let gone = self.present.get(&process).into_iter();
                let gone = gone.flat_map(|pages_here| pages_here.range(page..page.saturating_add(pages)));
                let gone: Vec<u64> = gone.map(|(&page, _)| page).collect();
                gone.into_iter().for_each(|page| self.vanish(process, page, event.at, end, from, to));
            }
            Kind::ProcessFork { child, process } => self.fork(event, child, process),
            Kind::ProcessExec { .. } => self.clear(self.process(event.task), event.at, from, to),
            Kind::ProcessExit { .. } => {
                self.fault.remove(&event.task);
                let process = self.process(event.task);
                let alive = self.alive.entry(process).or_default();
                *alive = alive.saturating_sub(1);
                if *alive == 0 {
                    self.clear(process, event.at, from, to);
                }
            }
            Kind::FramesFree { free } if event.at <= to => {
                if event.at <= from {
                    self.paging.free.clear();
                }
                self.paging.free.push((event.at, free));
            }
            _ => {}
        }
    }

    /// Closes what is there at the end of the window.
    pub fn finish(mut self, from: Instant, to: Instant) -> Paging {
        let present = std::mem::take(&mut self.present);
        for (process, pages) in present {
            for (page, since) in pages {
                self.push(Residence { process, page, from: since, to, end: End::Window }, from, to);
            }
        }
        self.paging.residences.sort_by_key(|residence| (residence.process, residence.page, residence.from));
        self.paging
    }

    fn raise(&mut self, event: &Event, page: u64, fault: Fault, from: Instant, to: Instant) {
        let process = self.process(event.task);
        if (from..=to).contains(&event.at) {
            let (at, task) = (event.at, event.task);
            self.paging.faults.push(PageFault { at, task, process, page, fault });
        }
        match (event.kind, fault) {
            (_, Fault::Protection) => {}
            // Its own faults need no end.
            (Kind::PageFaultKernel { .. }, _) => self.appear(process, page, event.at),
            (_, Fault::Minor | Fault::Major | Fault::CopyOnWrite) => {
                self.fault.insert(event.task, page);
            }
        }
    }

    fn appear(&mut self, process: Pid, page: u64, at: Instant) {
        self.present.entry(process).or_default().entry(page).or_insert(at);
    }

    fn fork(&mut self, event: &Event, child: Tid, process: Pid) {
        let parent = self.process(event.task);
        self.processes.insert(child, process);
        *self.alive.entry(process).or_default() += 1;
        if process == parent {
            return;
        }
        let areas = &self.areas;
        let shared = |page: u64| {
            areas.iter().any(|area| area.shared && (area.page..area.page + area.pages).contains(&page))
        };
        let pages = self.present.get(&parent).into_iter().flatten();
        let inherited: BTreeMap<u64, Instant> =
            pages.filter(|(page, _)| !shared(**page)).map(|(&page, _)| (page, event.at)).collect();
        if !inherited.is_empty() {
            self.present.insert(process, inherited);
        }
    }

    /// The process loses all of its pages.
    fn clear(&mut self, process: Pid, at: Instant, from: Instant, to: Instant) {
        for page in self.present.remove(&process).unwrap_or_default() {
            self.push(Residence { process, page: page.0, from: page.1, to: at, end: End::Over }, from, to);
        }
    }

    fn vanish(&mut self, process: Pid, page: u64, at: Instant, end: End, from: Instant, to: Instant) {
        if let Some(since) = self.present.get_mut(&process).and_then(|pages| pages.remove(&page)) {
            self.push(Residence { process, page, from: since, to: at, end }, from, to);
        }
    }

    /// Keeps the part that the window shows.
    fn push(&mut self, residence: Residence, from: Instant, to: Instant) {
        if residence.from > to || residence.to < from {
            return;
        }
        let end = if residence.to > to { End::Window } else { residence.end };
        let (begin, over) = (residence.from.max(from), residence.to.min(to));
        self.paging.residences.push(Residence { from: begin, to: over, end, ..residence });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::stories::Story;
    use crate::trace::{Cause, Why};

    const ONE: Tid = Tid(2);
    const OTHER: Tid = Tid(3);

    /// One process touches page 7, which another one then takes: 10-12 us fault, 30 us taken, 40-42 us fault.
    fn story() -> Story {
        let fault = |fault| Kind::PageFaultUser { page: 7, fault };
        let mut story = Story::new("pages", "", 1);
        story.process(ONE, "one").process(OTHER, "other");
        story.at(0).switch(ONE, Why::WorkArrived, 0);
        story.at(10_000).then(fault(Fault::Minor)).then(Kind::FramesFree { free: 0 });
        story.at(12_000).then(Kind::ExceptionExit);
        story.at(25_000).switch(OTHER, Why::Blocked { on: Cause::Sleep, object: None }, 0);
        story.at(28_000).then(fault(Fault::Minor));
        story.at(30_000).then(Kind::PageEvicted { page: 7, write: true });
        story.then(Kind::PagesUnmapped { task: ONE, page: 7, pages: 1 });
        story.at(32_000).then(Kind::ExceptionExit);
        story.at(50_000).then(Kind::ProcessExit { status: 0 }).then(Kind::FramesFree { free: 1 });
        story.end(60_000);
        story
    }

    fn micros(instant: Instant) -> u64 {
        instant.as_nanos() / 1_000
    }

    #[test]
    fn a_page_is_there_from_the_end_of_its_fault_until_it_is_taken() {
        let paging = story().lanes().paging;
        let shown: Vec<_> = paging
            .residences
            .iter()
            .map(|residence| (residence.process, micros(residence.from), micros(residence.to), residence.end))
            .collect();
        let taken = End::Evicted(Evicted::Written);
        assert_eq!(shown, [(ONE.leads(), 12, 30, taken), (OTHER.leads(), 32, 50, End::Over)]);
        assert_eq!(paging.faults.len(), 2);
        assert_eq!(
            paging.free.iter().map(|(at, free)| (micros(*at), *free)).collect::<Vec<_>>(),
            [(10, 0), (50, 1)]
        );
    }

    #[test]
    fn a_window_keeps_what_was_there_when_it_began() {
        let paging = story().window(15_000, 20_000).paging;
        assert_eq!(paging.faults, []);
        assert_eq!(paging.residences.len(), 1);
        assert_eq!((micros(paging.residences[0].from), micros(paging.residences[0].to)), (15, 20));
        assert_eq!(paging.residences[0].end, End::Window);
        assert_eq!(paging.free, [(Instant::from_nanos(10_000), 0)]);
    }
}
