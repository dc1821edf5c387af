//! What threads do with bytes in their own memory: streams' buffers, items of queues, what was read last.

use std::collections::VecDeque;

use crate::kernel::bytes::Bytes;
use crate::program::Variable;
use crate::program::basic::digest::fnv;
use crate::program::image::Image;
use crate::program::instruction::InMemory;

use super::User;

/// How many bytes say how long an item is.
const LENGTH: u64 = 4;

impl User {
    /// Does something with bytes in its own memory.
    pub fn in_memory(&mut self, deed: InMemory, image: &Image) {
        match deed {
            InMemory::Put { stream, bytes, what, pending } => {
                let bytes = self.draw(bytes, image);
                let bytes = what.bytes(self, image, bytes);
                let buffer = self.stream_buffer_mut(stream);
                buffer.push(bytes);
                let held = buffer.len() as i64;
                self.set(Some(pending), held);
            }
            InMemory::Drop { stream, bytes: Variable(slot), pending } => {
                let written = self.variables[usize::from(slot)].max(0) as u64;
                let buffer = self.stream_buffer_mut(stream);
                buffer.take(written);
                let held = buffer.len() as i64;
                self.set(Some(pending), held);
            }
            InMemory::Word { into } => {
                let word = self.buffer().map_or(0, Bytes::first_word);
                self.set(Some(into), word as i64);
            }
            InMemory::Frame { stream, bytes, what, pending } => {
                let length = self.draw(bytes, image);
                let bytes = what.bytes(self, image, length);
                let buffer = self.stream_buffer_mut(stream);
                buffer.push(Bytes::word(LENGTH, length));
                buffer.push(bytes);
                let held = buffer.len() as i64;
                self.set(Some(pending), held);
            }
            InMemory::Hand { stream, pending } => {
                let item = std::mem::take(self.stream_buffer_mut(stream));
                self.with_items(stream, |items| items.push_back(item));
                self.set(Some(pending), 0);
            }
            InMemory::Fetch { stream, pending } => {
                let item = self.with_items(stream, VecDeque::pop_front).unwrap_or_default();
                let held = item.len() as i64;
                *self.stream_buffer_mut(stream) = item;
                self.set(Some(pending), held);
            }
            InMemory::Digest { into } => {
                let digest = fnv(self.buffer().into_iter().flat_map(Bytes::iter));
                self.set(Some(into), digest as i64);
            }
            InMemory::Pack { value, is_first } => {
                let value = self.value(value, image);
                let mut bytes = self.buffer().filter(|_| !is_first).cloned().unwrap_or_default();
                bytes.push(Bytes::word(8, value as u64));
                self.keep(bytes, false);
            }
            InMemory::Unpack { into } => {
                let mut bytes = self.buffer().cloned().unwrap_or_default();
                let value = bytes.take(8).first_word();
                self.keep(bytes, false);
                self.set(Some(into), value as i64);
            }
        }
    }

    /// A read that would have gone on is over: its file has ended, or it has failed.
    pub fn goes_on_no_more(&mut self) {
        self.others.iter_mut().for_each(|own| (own.beginning, own.buffer_grows) = ((0, 0), false));
    }
}
