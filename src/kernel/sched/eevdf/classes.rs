//! What a policy needs that has other classes of threads beside these.

use crate::ids::Tid;
use crate::kernel::sched::policy::{Policy, Ready, Thread};
use crate::kernel::sched::weight::virtual_time;
use crate::time::Span;

use super::Eevdf;
use super::entity::Place;

impl Eevdf {
    /// Puts a thread into the queue that has this weight, whatever its niceness.
    pub fn enqueue_weighted(&mut self, thread: Thread<'_>, weight: i64, why: Ready) {
        let id = thread.id;
        let slice = thread.parameters.slice.unwrap_or(self.slice);
        self.differ |= slice != self.slice;
        let entity = self.entity(id);
        (entity.weight, entity.slice) = (weight, slice.max(Span::TICK));
        match why {
            Ready::SliceEnd | Ready::Preempted | Ready::Yielded if self.current == Some(id) => {
                if why == Ready::Yielded && self.has_company() && self.is_eligible(id) {
                    let entity = self.entity(id);
                    // The rest of its slice is forfeited.
                    entity.vruntime = entity.deadline;
                    entity.deadline += virtual_time(entity.slice, entity.weight);
                }
                self.current = None;
                self.put_back = Some(id);
                self.put(id, Place::Queued);
            }
            _ if self.entities[id.index()].place == Place::Delayed => self.rouse(id),
            _ => self.place(id, why == Ready::New),
        }
    }

    /// Somebody runs who isn't in this queue: whoever ran last has no claim to go on any more.
    pub fn pass_over(&mut self) {
        self.put_back = None;
    }

    /// The running thread loses its right to complete its slice.
    pub fn unprotect(&mut self, id: Tid) {
        let entity = self.entity(id);
        entity.protected = entity.vruntime;
    }

    /// A thread leaves for good, wherever it is.
    pub fn withdraw(&mut self, id: Tid) {
        if self.current == Some(id) {
            self.left(id, true);
        } else if self.holds(id) {
            self.take(id);
        } else {
            self.remove(id);
        }
    }

    /// Whether nobody wants the CPU here, nor has it.
    pub fn is_deserted(&self) -> bool {
        self.current.is_none() && self.queue.len() == self.delayed
    }
}
