//! How long disks had anything to do, from requests issued and completed.

use std::collections::BTreeMap;

use crate::ids::ObjectId;
use crate::time::{Instant, Span};

/// The requests under way.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// How many each object has, and since when it has had any.
    under_way: BTreeMap<ObjectId, (u64, Instant)>,
    /// Since when there has been any at all.
    since: Option<Instant>,
    /// How long there was any at all.
    pub busy: Span,
}

impl Requests {
    pub fn issue(&mut self, object: ObjectId, at: Instant) {
        self.since.get_or_insert(at);
        let (number, _) = self.under_way.entry(object).or_insert((0, at));
        *number += 1;
    }

    /// How long the object had requests, if this was its last. One that was never issued, as in a trace
    /// that lost events, changes nothing.
    pub fn complete(&mut self, object: ObjectId, at: Instant) -> Span {
        let Some((number, since)) = self.under_way.get_mut(&object) else { return Span::ZERO };
        *number -= 1;
        if *number > 0 {
            return Span::ZERO;
        }
        let busy = at.since(*since);
        self.under_way.remove(&object);
        if self.under_way.is_empty() {
            self.busy += self.since.take().map(|since| at.since(since)).unwrap_or_default();
        }
        busy
    }

    /// How long each object had those that are still under way at the end of the run.
    pub fn finish(&mut self, end: Instant) -> Vec<(ObjectId, Span)> {
        self.busy += self.since.take().map(|since| end.since(since)).unwrap_or_default();
        let under_way = std::mem::take(&mut self.under_way);
        under_way.into_iter().map(|(object, (_, since))| (object, end.since(since))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_requests_count_once() {
        let (one, other) = (ObjectId(0), ObjectId(1));
        let at = Instant::from_nanos;
        let mut requests = Requests::default();
        requests.issue(one, at(10));
        requests.issue(one, at(15));
        requests.issue(other, at(18));
        assert_eq!(requests.complete(one, at(20)), Span::ZERO);
        assert_eq!(requests.complete(one, at(25)), Span::from_nanos(15));
        assert_eq!(requests.complete(other, at(30)), Span::from_nanos(12));
        assert_eq!(requests.complete(other, at(31)), Span::ZERO);
        assert_eq!(requests.busy, Span::from_nanos(20));
        requests.issue(other, at(40));
        assert_eq!(requests.finish(at(45)), [(other, Span::from_nanos(5))]);
        assert_eq!(requests.busy, Span::from_nanos(25));
    }
}
