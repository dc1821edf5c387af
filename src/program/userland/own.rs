//! What a process has for its own beside its threads' variables: arrays in private memory, and what its threads hand
//! one another. A child begins without.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ids::{Pid, Tid};
use crate::kernel::bytes::Bytes;
use crate::program::ArrayId;
use crate::program::image::{ArraySpec, Backing, Image, MemorySpec};

use super::{User, Userland};

/// What the threads of a process hand one another in their memory: for each stream, what its feeder is to
/// send. The programs' own locks see to it that only one thread at a time is in here.
pub(super) type Home = Arc<Mutex<Vec<VecDeque<Bytes>>>>;

impl Image {
    /// Whether each process has an array for its own: it lies in private memory.
    pub fn is_own(&self, array: &ArraySpec) -> bool {
        let inside = |spec: &&MemorySpec| {
            let first = spec.memory.base.index();
            (first..first + spec.memory.pages as usize).contains(&array.page.index())
        };
        self.memories.iter().find(inside).is_some_and(|spec| spec.backing == Backing::Private)
    }
}

impl User {
    /// A new thread of its own process shares with it what the process has in common.
    pub fn share_home(&mut self, born: &mut User, image: &Image) {
        if image.has_feeders {
            let home = Arc::clone(&self.others.get_or_insert_default().home);
            born.others.get_or_insert_default().home = home;
        }
    }

    /// What a stream's feeder is to send.
    pub(super) fn with_items<T>(&mut self, stream: u16, change: impl FnOnce(&mut VecDeque<Bytes>) -> T) -> T {
        let home = &self.others.get_or_insert_default().home;
        let mut home = home.lock().unwrap_or_else(PoisonError::into_inner);
        if home.len() <= usize::from(stream) {
            home.resize(usize::from(stream) + 1, VecDeque::new());
        }
        change(&mut home[usize::from(stream)])
    }
}

/// What all processes see of an array at the beginning; nothing if each has it for its own.
pub(super) fn shared_part(image: &Image, array: &ArraySpec) -> Box<[i64]> {
    if image.is_own(array) { Box::default() } else { array.initial.clone().into_boxed_slice() }
}

impl Userland {
    /// A thread has started another one of its process.
    pub fn share_home(&mut self, parent: Tid, born: Tid, image: &Image) {
        if let Ok([parent, born]) = self.users.get_disjoint_mut([parent.index(), born.index()]) {
            parent.share_home(born, image);
        }
    }

    /// Whether each process has this array for its own.
    pub fn is_own(&self, array: ArrayId) -> bool {
        self.arrays[array.0 as usize].is_empty()
    }

    /// The place of an element of an array that each process has for its own.
    #[cold]
    pub fn own_element(
        &mut self,
        process: Pid,
        array: ArrayId,
        index: i64,
        image: &Image,
    ) -> Option<&mut i64> {
        let length = image.arrays[array.0 as usize].initial.len();
        let own = self.own.entry((process, array)).or_insert_with(|| vec![0; length].into());
        own.get_mut(usize::try_from(index).ok()?)
    }

    /// The process begins another program: what it had for its own is gone.
    pub fn forget_own(&mut self, process: Pid) {
        self.own.retain(|(owner, _), _| *owner != process);
    }
}
