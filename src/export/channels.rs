//! Which bytes of a channel belong to which message: the first that went in come out first.

use std::collections::VecDeque;

use crate::ids::ObjectId;
use crate::trace::Header;

/// So many messages are followed in one channel; the eldest are forgotten first.
const FOLLOWED: usize = 64;

/// Kinds of objects from which nothing is taken by reading.
const STORES: [&str; 4] = ["file", "disk", "memory", "terminal"];

#[derive(Default)]
struct Channel {
    /// The arrow of each message that isn't wholly received, and how many bytes of it are left.
    sent: VecDeque<(u64, u64)>,
    /// All bytes that lie in it, those of forgotten messages as well.
    bytes: u64,
}

/// All channels, by object; none for what stores.
pub struct Channels(Vec<Option<Channel>>);

impl Channels {
    pub fn new(header: &Header) -> Channels {
        let stores = |kind: &str| STORES.contains(&kind);
        Channels(header.objects.iter().map(|object| (!stores(&object.kind)).then(Channel::default)).collect())
    }

    fn of(&mut self, object: ObjectId) -> Option<&mut Channel> {
        self.0.get_mut(object.index())?.as_mut()
    }

    /// Takes note of a message; returns how many bytes lie in the channel then.
    pub fn send(&mut self, object: ObjectId, bytes: u64, arrow: u64) -> Option<u64> {
        let channel = self.of(object)?;
        if channel.sent.len() == FOLLOWED {
            channel.sent.pop_front();
        }
        channel.sent.push_back((arrow, bytes));
        channel.bytes = channel.bytes.saturating_add(bytes);
        Some(channel.bytes)
    }

    /// Takes bytes out; `ends` gets the arrows of the messages that they belong to.
    pub fn receive(&mut self, object: ObjectId, bytes: u64, ends: &mut Vec<u64>) -> Option<u64> {
        let channel = self.of(object)?;
        // What was forgotten lies before what is followed.
        let followed = channel.sent.iter().fold(0u64, |sum, (_, size)| sum.saturating_add(*size));
        let mut rest = bytes.saturating_sub(channel.bytes.saturating_sub(followed));
        while let Some((arrow, size)) = channel.sent.front_mut().filter(|_| rest > 0) {
            ends.push(*arrow);
            let part = rest.min(*size);
            (rest, *size) = (rest - part, *size - part);
            if *size == 0 {
                channel.sent.pop_front();
            }
        }
        channel.bytes = channel.bytes.saturating_sub(bytes);
        Some(channel.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn messages_are_received_in_order_and_in_parts() {
        let mut channels = Channels::new(&samples::trace().header);
        let pipe = ObjectId(0);
        assert_eq!(channels.send(pipe, 10, 1), Some(10));
        assert_eq!(channels.send(pipe, 5, 2), Some(15));
        let mut ends = Vec::new();
        assert_eq!(channels.receive(pipe, 4, &mut ends), Some(11));
        assert_eq!(channels.receive(pipe, 8, &mut ends), Some(3));
        assert_eq!(ends, [1, 1, 2]);
        assert_eq!(channels.send(ObjectId(99), 1, 3), None);
    }

    #[test]
    fn forgotten_messages_keep_their_place() {
        let mut channels = Channels::new(&samples::trace().header);
        let pipe = ObjectId(0);
        for arrow in 1..=FOLLOWED as u64 + 2 {
            channels.send(pipe, 1, arrow);
        }
        let mut ends = Vec::new();
        channels.receive(pipe, 2, &mut ends);
        assert!(ends.is_empty(), "the first two are forgotten");
        channels.receive(pipe, 1, &mut ends);
        assert_eq!(ends, [3]);
    }
}
