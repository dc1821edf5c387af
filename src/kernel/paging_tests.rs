//! Replacement policies against reference strings of which the results are known.

use super::*;
use crate::random::Key;

/// Plays a reference string: `H` for each hit and `M` for each miss, and the victims in order.
fn play(replacement: Replacement, tie: OptTie, frames: usize, string: &[u32]) -> (String, Vec<u32>) {
    let mut paging = Paging::new(replacement, tie, Key::of_run(1).stream(), Chance::default());
    if replacement.foresees() {
        paging.future = Some(Future::new(string.iter().map(|&page| PageNumber(page)).collect()));
    }
    play_on(&mut paging, frames, string)
}

fn play_on(paging: &mut Paging, frames: usize, string: &[u32]) -> (String, Vec<u32>) {
    let (mut held, mut hits, mut victims) =
        (Vec::<(FrameNumber, PageNumber)>::new(), String::new(), Vec::new());
    for &page in string {
        let page = PageNumber(page);
        let found = held.iter().find(|(_, holds)| *holds == page).map(|(frame, _)| *frame);
        hits.push(if found.is_some() { 'H' } else { 'M' });
        let frame = found.unwrap_or_else(|| {
            let frame = if held.len() < frames {
                FrameNumber::from(held.len())
            } else {
                let victim = paging.choose(&held, None).expect("a victim");
                let place = held.iter().position(|(frame, _)| *frame == victim).expect("it is held");
                victims.push(held.remove(place).1.0);
                victim
            };
            paging.loaded(frame, Owner::Private(page), false, None);
            held.push((frame, page));
            held.sort_by_key(|(frame, _)| *frame);
            frame
        });
        paging.used(page, frame, false);
    }
    assert!(paging.future.as_ref().is_none_or(|future| !future.astray));
    (hits, victims)
}

/// Places are counted in the order of loading, and what is hit keeps its place.
#[test]
fn listed_draws_say_which_page_goes() {
    let drawn = |replacement, draws: &[u64], most, string: &[u32]| {
        let chance = Chance { draws: draws.to_vec(), most };
        let mut paging = Paging::new(replacement, OptTie::Newest, Key::of_run(1).stream(), chance);
        play_on(&mut paging, 3, string)
    };
    // 2 goes of 1, 2, 3; then the last of 1, 3, 4; then, modulo 3, the first of 1, 3, 5.
    let (hits, victims) = drawn(Replacement::Random, &[1, 2, 3], 2, &[1, 2, 3, 1, 4, 5, 2]);
    assert_eq!((hits.as_str(), victims.as_slice()), ("MMMHMMM", &[2, 4, 1][..]));
    // 1 has two chances, the others have one: two draws take those of 1, the third takes it.
    let (_, victims) = drawn(Replacement::RandomChances, &[0], 2, &[1, 2, 3, 1, 4]);
    assert_eq!(victims, [1]);
    let (_, victims) = drawn(Replacement::RandomChances, &[0, 0, 1, 1], 2, &[1, 2, 3, 1, 4]);
    assert_eq!(victims, [2]);
}

fn check(replacement: Replacement, frames: usize, string: &[u32], hits: &str, victims: &[u32]) {
    let (found, went) = play(replacement, OptTie::Newest, frames, string);
    assert_eq!((found.as_str(), went.as_slice()), (hits, victims), "{replacement:?} with {frames} frames");
}

const BELADY: &[u32] = &[1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];
const TEXTBOOK: &[u32] = &[7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
const LOOP: &[u32] = &[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4];

#[test]
fn mru_takes_the_page_that_was_accessed_last() {
    check(Replacement::Mru, 3, BELADY, "MMMMHHMHMMHH", &[3, 2, 1, 2]);
    check(Replacement::Mru, 4, LOOP, "MMMMMHHHMHHHMHH", &[3, 2, 1]);
}

#[test]
fn unopt_takes_the_page_that_is_needed_soonest() {
    // Whatever goes is needed at once, as under first in, first out.
    let (hits, victims) = play(Replacement::Unopt, OptTie::Oldest, 4, BELADY);
    assert_eq!((hits.as_str(), victims.as_slice()), ("MMMMHHMMMMMM", &[1, 2, 3, 4, 5, 1][..]));
    // Nothing comes after the 4: the tie decides.
    assert_eq!(play(Replacement::Unopt, OptTie::Oldest, 3, &[1, 2, 3, 4]).1, [1]);
    assert_eq!(play(Replacement::Unopt, OptTie::Newest, 3, &[1, 2, 3, 4]).1, [3]);
}

#[test]
fn fifo_takes_the_page_that_was_loaded_first() {
    check(Replacement::Fifo, 3, BELADY, "MMMMMMMHHMMH", &[1, 2, 3, 4, 1, 2]);
    check(Replacement::Fifo, 4, BELADY, "MMMMHHMMMMMM", &[1, 2, 3, 4, 5, 1]);
    check(Replacement::Fifo, 3, &[9, 9, 0, 0, 8, 7, 6, 3, 6, 6], "MHMHMMMMHH", &[9, 0, 8]);
    check(Replacement::Fifo, 3, &[1, 8, 7, 2, 4, 4, 6, 7, 0, 0], "MMMMMHMMMH", &[1, 8, 7, 2, 4]);
}

#[test]
fn lru_takes_the_page_whose_last_access_lies_longest_back() {
    let victims = [7, 1, 2, 3, 0, 4, 0, 3, 2];
    check(Replacement::Lru, 3, TEXTBOOK, "MMMMHMHMMMMHHMHMHMHH", &victims);
    let victims = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0];
    check(Replacement::Lru, 4, LOOP, "MMMMMMMMMMMMMMM", &victims);
    check(Replacement::Lru, 3, &[8, 7, 4, 2, 5, 4, 7, 3, 4, 5], "MMMMMHMMHM", &[8, 7, 2, 5, 7]);
}

#[test]
fn opt_takes_the_page_whose_next_access_lies_farthest_ahead() {
    check(Replacement::Opt, 3, BELADY, "MMMMHHMHHMMH", &[3, 4, 2, 3]);
    check(Replacement::Opt, 3, TEXTBOOK, "MMMMHMHMHHMHHMHHHMHH", &[7, 1, 0, 4, 3, 2]);
    check(Replacement::Opt, 4, LOOP, "MMMMMHHHMHHHMHH", &[3, 2, 1]);
    check(Replacement::Opt, 3, &[9, 9, 0, 0, 8, 7, 6, 3, 6, 6], "MHMHMMMMHH", &[8, 7, 0]);
}

#[test]
fn what_opt_takes_of_pages_that_never_come_again_is_a_rule() {
    let string = [9, 9, 0, 0, 8, 7, 6, 3, 6, 6];
    assert_eq!(play(Replacement::Opt, OptTie::Oldest, 3, &string).1, [9, 0, 8]);
}

#[test]
fn the_clock_gives_a_page_that_was_accessed_a_second_chance() {
    // 1, 2, 3 are loaded with their bits set; 4 makes the hand clear all three and take 1 in frame 0.
    // 2 is accessed and so spared by the hand at frame 1 when 5 comes: 3 goes. 1 finds the hand at
    // frame 0: 4's bit is cleared, then 2's isn't set any more: 2 goes.
    check(Replacement::Clock, 3, &[1, 2, 3, 4, 2, 5, 1], "MMMMHMM", &[1, 3, 2]);
    check(Replacement::Clock, 3, BELADY, "MMMMMMMHHMMH", &[1, 2, 3, 4, 1, 2]);
}

#[test]
fn an_access_that_wasnt_foreseen_is_noticed() {
    let mut future = Future::new(vec![PageNumber(1), PageNumber(2)]);
    future.comes(PageNumber(1));
    assert!(!future.astray);
    assert_eq!((future.next(PageNumber(2)), future.next(PageNumber(1))), (1, u32::MAX));
    future.comes(PageNumber(7));
    assert!(future.astray);
}

#[test]
fn a_place_on_the_swap_device_is_used_again_when_nobody_refers_to_it() {
    let mut paging =
        Paging::new(Replacement::Fifo, OptTie::Newest, Key::of_run(1).stream(), Chance::default());
    assert_eq!(paging.take_slot(), None, "there is no device");
    paging.swap_on(0, 1);
    assert_eq!((paging.take_slot(), paging.take_slot()), (Some(0), None));
    paging.share_slot(0);
    paging.release_slot(0);
    assert!(!paging.has_slot());
    paging.release_slot(0);
    assert_eq!(paging.take_slot(), Some(0));
}
