//! Collects what the kernel saw while the run goes on, so that its buffers needn't hold all of it.
//!
//! A thread of the caller's waits until one of the buffers is half full, and empties it; as long as
//! none is, it doesn't run, and so doesn't disturb the run. What it keeps is bounded: what comes
//! after that is counted as lost.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::os::process;

use super::seen::{Point, Raw, Seen};

/// A buffer of the kernel's.
pub trait Source: Send + 'static {
    /// Ready to read when it is half full.
    fn ready(&self) -> BorrowedFd<'_>;

    /// Takes what is there now.
    fn drain(&mut self, batch: &mut Batch<'_>) -> io::Result<()>;

    /// The run is over: takes all that is left.
    fn finish(&mut self, batch: &mut Batch<'_>) -> io::Result<()>;
}

/// Takes in what a source has.
#[derive(Debug)]
pub struct Batch<'a> {
    kept: &'a mut Kept,
}

/// What was collected so far.
#[derive(Debug)]
struct Kept {
    events: Vec<Raw>,
    most: usize,
    lost: u64,
    /// The same for each CPU whose buffer counts itself what it lost.
    lost_on: BTreeMap<usize, u64>,
}

impl Batch<'_> {
    pub fn add(&mut self, raw: Raw) {
        if self.kept.events.len() < self.kept.most {
            self.kept.events.push(raw);
        } else {
            self.kept.lost += 1;
        }
    }

    /// So many more found no place.
    pub fn lost(&mut self, number: u64) {
        self.kept.lost += number;
    }

    /// So many found no place since the beginning, on this CPU.
    pub fn lost_in_all(&mut self, cpu: usize, number: u64) {
        self.kept.lost_on.insert(cpu, number);
    }
}

/// The thread that collects.
#[derive(Debug)]
pub struct Collector {
    thread: Option<JoinHandle<io::Result<Kept>>>,
    /// Closing it ends the thread.
    stop: Option<OwnedFd>,
    points: Vec<Point>,
}

impl Collector {
    /// Begins to collect at most so many bytes; `busy` are the run's CPUs, which the thread leaves
    /// alone if there are others.
    pub fn start<S: Source>(
        mut sources: Vec<S>,
        points: Vec<Point>,
        most_bytes: u64,
        busy: &[usize],
    ) -> io::Result<Collector> {
        let (stopped, stop) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let others: Vec<usize> = process::cpus().into_iter().filter(|cpu| !busy.contains(cpu)).collect();
        let most = usize::try_from(most_bytes).unwrap_or(usize::MAX) / size_of::<Raw>();
        let mut kept = Kept { events: Vec::new(), most, lost: 0, lost_on: BTreeMap::new() };
        let thread = std::thread::Builder::new().spawn(move || {
            if !others.is_empty() {
                let _ = process::pin(&others);
            }
            let mut watched: Vec<usize> = (0..sources.len()).collect();
            loop {
                let (full, over) = wait(&sources, &mut watched, &stopped)?;
                for source in full {
                    sources[source].drain(&mut Batch { kept: &mut kept })?;
                }
                if over {
                    break;
                }
            }
            for source in &mut sources {
                source.finish(&mut Batch { kept: &mut kept })?;
            }
            Ok(kept)
        })?;
        Ok(Collector { thread: Some(thread), stop: Some(stop), points })
    }

    /// The run is over: everything that was seen.
    pub fn finish(mut self) -> io::Result<Seen> {
        drop(self.stop.take());
        let gone = || io::Error::other("the thread that collects has gone");
        let kept = self.thread.take().ok_or_else(gone)?.join().map_err(|_| gone())??;
        let Kept { mut events, lost, lost_on, .. } = kept;
        events.sort_by_key(|event| event.at);
        Ok(Seen {
            events,
            lost: lost + lost_on.values().sum::<u64>(),
            points: std::mem::take(&mut self.points),
        })
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Which sources are half full, and whether the end has come. One whose writers have all gone isn't
/// watched any more; what it has is taken at the end.
fn wait<S: Source>(
    sources: &[S],
    watched: &mut Vec<usize>,
    stopped: &OwnedFd,
) -> io::Result<(Vec<usize>, bool)> {
    let ready = watched.iter().map(|&source| sources[source].ready()).chain([stopped.as_fd()]);
    let mut ready: Vec<PollFd<'_>> = ready.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    match poll(&mut ready, PollTimeout::NONE) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    let over = ready.pop().is_some_and(|fd| fd.any().unwrap_or(false));
    let events = ready.iter().map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
    let events: Vec<(usize, PollFlags)> = watched.iter().copied().zip(events).collect();
    watched.clear();
    watched.extend(
        events.iter().filter(|(_, events)| !events.contains(PollFlags::POLLHUP)).map(|(source, _)| source),
    );
    let full = events.into_iter().filter(|(_, events)| events.contains(PollFlags::POLLIN));
    Ok((full.map(|(source, _)| source).collect(), over))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::file;
    use std::io::{Read, Write};

    /// A pipe that stands for a buffer: each byte is an event at that time.
    struct Pipe {
        cpu: usize,
        pipe: std::fs::File,
    }

    impl Source for Pipe {
        fn ready(&self) -> BorrowedFd<'_> {
            self.pipe.as_fd()
        }

        fn drain(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
            let mut bytes = [0; 16];
            let length = self.pipe.read(&mut bytes)?;
            for &at in &bytes[..length] {
                batch.add(raw(at.into(), self.cpu));
            }
            batch.lost_in_all(self.cpu, u64::from(bytes[0]));
            Ok(())
        }

        fn finish(&mut self, batch: &mut Batch<'_>) -> io::Result<()> {
            let mut rest = Vec::new();
            self.pipe.read_to_end(&mut rest)?;
            rest.into_iter().for_each(|at| batch.add(raw(at.into(), self.cpu)));
            batch.lost(100);
            Ok(())
        }
    }

    fn raw(at: u64, cpu: usize) -> Raw {
        Raw { at, cpu, pid: 1, point: Point::Switch, values: [0; 3] }
    }

    fn pipe(cpu: usize) -> (Pipe, std::fs::File) {
        let (read, write, _) = file::pipe(4096).unwrap();
        (Pipe { cpu, pipe: read.into() }, write.into())
    }

    #[test]
    fn what_is_collected_is_in_the_order_of_time_and_losses_are_added_up() {
        let ((one, mut into_one), (two, mut into_two)) = (pipe(0), pipe(1));
        into_one.write_all(&[5, 9]).unwrap();
        into_two.write_all(&[7]).unwrap();
        // Where the writers have gone, nothing is to be waited for.
        drop((into_one, into_two));
        let bytes = 1000 * size_of::<Raw>() as u64;
        let collector = Collector::start(vec![one, two], vec![Point::Switch], bytes, &[]).unwrap();
        let seen = collector.finish().unwrap();
        assert_eq!(seen.events, [raw(5, 0), raw(7, 1), raw(9, 0)]);
        assert!(seen.sees(Point::Switch) && !seen.sees(Point::Wakeup));
        assert!([200, 205, 207, 212].contains(&seen.lost), "{}", seen.lost);
    }

    #[test]
    fn what_finds_no_place_is_counted() {
        let (one, mut into_one) = pipe(0);
        into_one.write_all(&[0; 50]).unwrap();
        drop(into_one);
        let bytes = 10 * size_of::<Raw>() as u64;
        let seen = Collector::start(vec![one], Vec::new(), bytes, &[0]).unwrap().finish().unwrap();
        assert_eq!((seen.events.len(), seen.lost), (10, 140));
    }
}
