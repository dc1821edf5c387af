//! Which processes there are, from when on, and what the scheduler is told about them.

use std::sync::Arc;

use crate::ids::CpuId;
use crate::kernel::releases::Rhythm;
use crate::kernel::sched::Parameters;
use crate::time::Instant;

use super::image::ProgramId;

/// Processes that exist from the beginning, or come to exist at a time.
#[derive(Clone, Debug)]
pub struct Start {
    pub name: String,
    pub program: ProgramId,
    pub at: Instant,
    pub count: u32,
    /// What the scheduling policy is told about each of them.
    pub parameters: Arc<Parameters>,
    /// It has something to do in each period.
    pub rhythm: Option<Arc<Rhythm>>,
    /// The only CPU that it may run on.
    pub cpu: Option<CpuId>,
    /// At most so many pages of it are in memory.
    pub frames: Option<u32>,
}
