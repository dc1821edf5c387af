//! A pipe as fs/pipe.c of Linux has it, one buffer after the other, to compare [`Pipe`] with.

use super::*;
use crate::random::Key;

/// `struct pipe_inode_info`, as far as it matters: buffers with an offset and a length.
struct Reference {
    buffers: Vec<(u64, u64)>,
    most: usize,
}

impl Reference {
    fn full(&self) -> bool {
        self.buffers.len() >= self.most
    }

    /// `pipe_write` up to where it would wait; whether it is at its beginning decides about merging.
    fn write(&mut self, count: u64, begins: bool) -> u64 {
        let mut written = 0;
        let chars = count % 4096;
        if begins
            && chars > 0
            && let Some((offset, length)) = self.buffers.last_mut()
            && *offset + *length + chars <= 4096
        {
            *length += chars;
            written += chars;
        }
        while written < count && !self.full() {
            let part = (count - written).min(4096);
            self.buffers.push((0, part));
            written += part;
        }
        written
    }

    /// `pipe_read`: the bytes, and whether it wakes a writer.
    fn read(&mut self, count: u64) -> (u64, bool) {
        let (mut taken, mut wakes) = (0, false);
        while taken < count && !self.buffers.is_empty() {
            let (offset, length) = &mut self.buffers[0];
            let part = (*length).min(count - taken);
            *offset += part;
            *length -= part;
            taken += part;
            if *length == 0 {
                wakes |= self.full();
                self.buffers.remove(0);
            }
        }
        (taken, wakes)
    }
}

#[test]
fn a_pipe_does_what_linux_does_whatever_is_written_and_read() {
    for seed in 0..300 {
        let mut random = Key::of_run(seed).named("pipe").stream();
        let slots = 1_usize << random.uniform(0, 4);
        let mut pipe = Pipe::new(None, slots as u64 * SLOT);
        let mut reference = Reference { buffers: Vec::new(), most: slots };
        for step in 0..300 {
            let sizes = [1, 8, 100, 1000, 3000, 4095, 4096, 4097, 9000, 70_000];
            let bytes = sizes[random.uniform(0, 9) as usize] + random.uniform(0, 3);
            if random.uniform(0, 1) == 0 {
                let has_waited = random.uniform(0, 3) == 0;
                let accepted = pipe.accepts(bytes, has_waited);
                let expected = pipe.slots_with(accepted);
                pipe.put_zeros(accepted);
                assert_eq!(accepted.bytes, reference.write(bytes, !has_waited), "seed {seed}, step {step}");
                assert_eq!(pipe.slots_in_use(), expected, "seed {seed}, step {step}");
            } else {
                let expected = pipe.slots_without(bytes.min(pipe.used()));
                let (taken, _, makes_room) = pipe.take_word(bytes);
                assert_eq!((taken, makes_room), reference.read(bytes), "seed {seed}, step {step}");
                assert_eq!(pipe.slots_in_use(), expected, "seed {seed}, step {step}");
            }
            assert_eq!(pipe.slots_in_use(), reference.buffers.len());
            assert_eq!(pipe.used(), reference.buffers.iter().map(|(_, length)| length).sum::<u64>());
        }
    }
}
