//! What a simulated trace says about itself.

use crate::hw::interrupt::{LOCAL_TIMER, RESCHEDULE};
use crate::ids::{Tid, Vector};
use crate::program::Image;
use crate::program::image::MemorySpec;
use crate::time::Instant;
use crate::trace::header::{AreaEntry, Header, MemoryEntry, Source, TaskEntry, VectorEntry};
use crate::trace::kinds::KINDS;

use super::boot;

/// The header of the trace of a run of this scenario.
pub fn header(image: &Image) -> Header {
    Header {
        observes: KINDS.iter().map(|row| row.name.to_owned()).collect(),
        vectors: vectors(image),
        initial: initial(image),
        memory: memory(image),
        ..image.header(Source::Simulated)
    }
}

fn vectors(image: &Image) -> Vec<VectorEntry> {
    let system = [(RESCHEDULE, "reschedule"), (LOCAL_TIMER, "timer")];
    let system = system.map(|(vector, name)| VectorEntry { vector, name: name.to_owned(), device: None });
    let devices = image.machine.devices.iter().enumerate().map(|(number, device)| VectorEntry {
        vector: device.line.vector,
        name: device.name.clone(),
        device: Some(number.into()),
    });
    let mut vectors: Vec<VectorEntry> = system.into_iter().chain(devices).collect();
    vectors.sort_by_key(|entry| std::cmp::Reverse(entry.vector));
    vectors.retain(|entry| entry.vector != RESCHEDULE || image.machine.cpus > 1);
    vectors.retain(|entry| entry.vector != Vector(0));
    vectors
}

fn memory(image: &Image) -> MemoryEntry {
    let area = |spec: &MemorySpec| AreaEntry {
        name: image.objects.get(spec.object.index()).map(|object| object.name.clone()).unwrap_or_default(),
        page: spec.memory.base.0.into(),
        pages: spec.memory.pages.into(),
        shared: spec.backing.is_shared(),
    };
    let mut areas: Vec<AreaEntry> = image.memories.iter().map(area).collect();
    areas.sort_by_key(|area| area.page);
    MemoryEntry { frames: image.machine.frames.into(), areas }
}

/// The threads that exist at the beginning.
fn initial(image: &Image) -> Vec<TaskEntry> {
    image
        .initial()
        .enumerate()
        .map(|(number, (origin, _))| {
            let task = Tid(boot::FIRST + number as u32);
            TaskEntry {
                task,
                process: task.leads(),
                parent: Tid::INIT,
                name: origin.name(image),
                start: Instant::START,
            }
        })
        .collect()
}
