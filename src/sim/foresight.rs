//! How page replacement begins; and the run before the run by which opt and unopt know the future.

use crate::hw::mmu::PAGE_SIZE;
use crate::ids::PageNumber;
use crate::kernel::page_cache::File;
use crate::kernel::paging::{Future, Owner, Paging, Replacement};
use crate::program::Image;
use crate::random::Key;
use crate::trace::Sink;
use crate::trace::sink::Off;

use super::{Outcome, Pace, Simulator};

impl<S: Sink> Simulator<'_, S> {
    /// Sets up page replacement and the swap device, if the scenario has them.
    pub(super) fn page(&mut self, run: Key) {
        let options = &self.image.kernel.paging;
        let Some(replacement) = options.replacement else { return };
        let random = run.named("page replacement").stream();
        let mut paging = Box::new(Paging::new(replacement, options.opt_tie, random, options.chance.clone()));
        if let Some((disk, pages)) = options.swap {
            let files = &mut self.kernel.files.files;
            paging.swap_on(files.len() as u32, pages);
            let object = self.image.machine.devices[disk.index()].object;
            files.push(File::new(object, disk, u64::from(pages) * PAGE_SIZE));
        }
        for (number, file) in self.kernel.files.files.iter().enumerate() {
            for (page, frame) in file.cached.iter().enumerate() {
                if let Some(frame) = *frame {
                    paging.loaded(frame, Owner::Cache(number as u32, page as u32), false, None);
                }
            }
        }
        if replacement.foresees() {
            match accesses(self.image) {
                Ok(string) => paging.future = Some(Future::new(string)),
                Err(text) => self.outcome = Some(Outcome::Error { text }),
            }
        }
        self.kernel.paging = Some(paging);
    }

    /// Records the pages that the run accesses, in order.
    fn record(&mut self) {
        if let Some(paging) = &mut self.kernel.paging {
            paging.recorded = Some(Vec::new());
        }
    }
}

/// The pages that a run of the scenario accesses, found by running it once with another policy.
fn accesses(image: &Image) -> Result<Vec<PageNumber>, String> {
    let mut first = image.clone();
    first.kernel.paging.replacement = Some(Replacement::Fifo);
    let mut simulator = Simulator::new(&first, Off, Pace::Fast);
    simulator.record();
    simulator.run();
    let paging = simulator.kernel.paging.take();
    paging.and_then(|paging| paging.recorded).ok_or_else(|| "there is nothing to foresee".to_owned())
}
