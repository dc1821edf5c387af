//! Circles of waits that nobody can open.

use std::collections::{BTreeMap, VecDeque};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::{Party, WaitGraph, outside};

impl WaitGraph {
    /// Who can run again, by position: who waits for nothing, for the world outside, or for somebody who can.
    fn open(&self) -> Vec<bool> {
        let is_open = |party: &Party| party.wait.as_ref().is_none_or(|wait| outside(wait.on).is_some());
        let mut open: Vec<bool> = self.threads.iter().map(is_open).collect();
        let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); open.len()];
        for (place, party) in self.threads.iter().enumerate() {
            let helpers = party.wait.iter().flat_map(|wait| &wait.helpers);
            helpers.for_each(|&(helper, _)| waiters[helper].push(place));
        }
        let mut ahead: Vec<usize> = (0..open.len()).filter(|&place| open[place]).collect();
        while let Some(place) = ahead.pop() {
            for &waiter in &waiters[place] {
                if !std::mem::replace(&mut open[waiter], true) {
                    ahead.push(waiter);
                }
            }
        }
        open
    }

    pub(super) fn find_circles(&mut self) {
        let open = self.open();
        let mut graph: DiGraphMap<usize, ()> = DiGraphMap::new();
        for (place, party) in self.threads.iter().enumerate() {
            for (helper, _) in party.wait.iter().flat_map(|wait| &wait.helpers) {
                graph.add_edge(place, *helper, ());
            }
        }
        for component in tarjan_scc(&graph) {
            if component.len() > 1 || graph.contains_edge(component[0], component[0]) {
                // Whoever is reached from one that is stuck is stuck too.
                component.iter().for_each(|&place| self.threads[place].in_circle = !open[place]);
            }
        }
        let start = self.threads.iter().position(|party| party.in_circle);
        self.circle = start.map_or_else(Vec::new, |start| self.circle_through(start));
    }

    /// The shortest way from a thread back to itself.
    fn circle_through(&self, start: usize) -> Vec<usize> {
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut ahead = VecDeque::from([start]);
        while let Some(here) = ahead.pop_front() {
            for &(next, _) in self.threads[here].wait.iter().flat_map(|wait| &wait.helpers) {
                if next == start {
                    let mut path: Vec<usize> =
                        std::iter::successors(Some(here), |at| came_from.get(at).copied()).collect();
                    path.reverse();
                    return path;
                }
                if let std::collections::btree_map::Entry::Vacant(entry) = came_from.entry(next) {
                    entry.insert(here);
                    ahead.push_back(next);
                }
            }
        }
        Vec::new()
    }
}
