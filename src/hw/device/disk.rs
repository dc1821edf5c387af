//! A disk: takes requests, works on up to `depth` of them at a time in the order of their arrival,
//! and raises its line when one is done.
//!
//! Left out: the arm's position and the order of requests by it; the service time's distribution
//! stands for both.

use std::collections::VecDeque;

use crate::random::Stream;
use crate::time::{Instant, Span};

use super::{DiskSpec, MeasuredDisk};

/// A transfer that the kernel asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whatever the kernel needs to find out whom it was for.
    pub tag: u32,
    pub bytes: u64,
    pub write: bool,
    /// It also makes sure that the disk has all that was written before.
    pub flush: bool,
    /// The disk was pulled out before it was done.
    pub failed: bool,
}

#[derive(Clone, Debug)]
pub struct Disk {
    spec: DiskSpec,
    stream: Stream,
    /// The times of a real disk, which take the place of the spec's, and their own random stream.
    measured: Option<Box<(MeasuredDisk, Stream)>>,
    waiting: VecDeque<Request>,
    /// Those in work and when they are done, by the place that their completion event names.
    active: Vec<Option<(Request, Instant)>>,
    /// Finished ones that the handler hasn't fetched.
    done: VecDeque<Request>,
}

/// A request in work: when its completion is due, and its place.
pub type Started = (Instant, u16);

impl Disk {
    pub fn new(spec: DiskSpec, stream: Stream) -> Disk {
        let active = vec![None; usize::from(spec.depth.max(1))];
        Disk { spec, stream, measured: None, waiting: VecDeque::new(), active, done: VecDeque::new() }
    }

    /// Takes as long as a real disk did, from now on.
    pub fn measure(&mut self, times: MeasuredDisk, stream: Stream) {
        self.measured = Some(Box::new((times, stream)));
    }

    /// How many bytes its files can have together.
    pub const fn capacity(&self) -> Option<u64> {
        self.spec.capacity
    }

    /// Takes a request; begins with it at once if there is room.
    pub fn submit(&mut self, request: Request, now: Instant) -> Option<Started> {
        self.waiting.push_back(request);
        self.start_next(now)
    }

    /// The request at `place` is done, unless it was given up and the completion is stale; begins
    /// with the next one, if any.
    pub fn complete(&mut self, place: u16, now: Instant) -> (Option<Request>, Option<Started>) {
        let slot = &mut self.active[usize::from(place)];
        let Some((request, _)) = slot.take_if(|(_, due)| *due == now) else {
            return (None, None);
        };
        self.done.push_back(request);
        (Some(request), self.start_next(now))
    }

    /// The handler fetches one finished request.
    pub fn fetch(&mut self) -> Option<Request> {
        self.done.pop_front()
    }

    pub fn has_done(&self) -> bool {
        !self.done.is_empty()
    }

    /// A request that fails at once, because the disk isn't there.
    pub fn fail(&mut self, request: Request) {
        self.done.push_back(Request { failed: true, ..request });
    }

    /// The disk is pulled out: everything that it hadn't finished fails. How many requests that was.
    pub fn abandon(&mut self) -> usize {
        let before = self.done.len();
        let lost = self
            .active
            .iter_mut()
            .filter_map(Option::take)
            .map(|(request, _)| request)
            .chain(self.waiting.drain(..));
        self.done.extend(lost.map(|request| Request { failed: true, ..request }));
        self.done.len() - before
    }

    /// How long a real disk took for such a request, if that was measured, and for each KiB.
    fn measured_time(&mut self, request: Request) -> Option<(Span, Span)> {
        let (times, stream) = &mut **self.measured.as_mut()?;
        let quantiles = match request {
            Request { flush: true, .. } => &times.flush,
            Request { write: true, .. } => &times.write,
            Request { .. } => &times.read,
        };
        Some((quantiles.as_ref()?.draw(stream), times.per_kib))
    }

    fn start_next(&mut self, now: Instant) -> Option<Started> {
        let place = self.active.iter().position(Option::is_none)?;
        let request = self.waiting.pop_front()?;
        let (service, per_kib) = self
            .measured_time(request)
            .unwrap_or_else(|| (self.spec.service.draw(&mut self.stream), self.spec.per_kib));
        let transfer = u128::from(request.bytes) * u128::from(per_kib.as_nanos());
        let transfer = Span::from_nanos(transfer.div_ceil(1024).min(u128::from(u64::MAX)) as u64);
        let due = now + (service + transfer).max(Span::TICK);
        self.active[place] = Some((request, due));
        Some((due, place as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Duration, Quantiles};
    use super::*;
    use crate::random::Key;

    fn disk(depth: u16) -> Disk {
        let service = Duration::Fixed(Span::from_micros(100));
        let per_kib = Span::from_micros(1);
        Disk::new(DiskSpec { service, per_kib, depth, capacity: None }, Key::of_run(1).stream())
    }

    fn request(tag: u32) -> Request {
        Request { tag, bytes: 4096, write: false, flush: false, failed: false }
    }

    #[test]
    fn a_measured_disk_takes_its_own_time_for_each_kind_of_request() {
        let mut disk = disk(3);
        let micros = Span::from_micros;
        let times = MeasuredDisk {
            read: Quantiles::new(&[(0.5, micros(80))]),
            flush: Quantiles::new(&[(0.5, micros(900))]),
            per_kib: micros(2),
            ..MeasuredDisk::default()
        };
        disk.measure(times, Key::of_run(1).stream());
        let due = |disk: &mut Disk, request| disk.submit(request, Instant::START).unwrap().0.as_nanos();
        assert_eq!(due(&mut disk, request(1)), 88_000);
        assert_eq!(due(&mut disk, Request { write: true, flush: true, ..request(2) }), 908_000);
        // Writes weren't measured: 100 us, and 1 us for each KiB.
        assert_eq!(due(&mut disk, Request { write: true, ..request(3) }), 104_000);
    }

    #[test]
    fn a_second_request_waits_for_the_first() {
        let mut disk = disk(1);
        assert_eq!(disk.submit(request(1), Instant::START), Some((Instant::from_nanos(104_000), 0)));
        assert_eq!(disk.submit(request(2), Instant::START), None);
        let (done, next) = disk.complete(0, Instant::from_nanos(104_000));
        assert_eq!(done, Some(request(1)));
        assert_eq!(next, Some((Instant::from_nanos(208_000), 0)));
        assert_eq!(disk.fetch(), Some(request(1)));
        assert_eq!(disk.fetch(), None);
    }

    #[test]
    fn a_deeper_queue_works_on_several_requests_at_once() {
        let mut disk = disk(2);
        assert!(disk.submit(request(1), Instant::START).is_some());
        assert_eq!(disk.submit(request(2), Instant::START), Some((Instant::from_nanos(104_000), 1)));
    }
}
