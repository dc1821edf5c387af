//! A terminal's keyboard: keys wait in the device until its handler fetches them.

use std::collections::VecDeque;

#[derive(Clone, Debug, Default)]
pub struct Keyboard {
    pressed: VecDeque<char>,
}

impl Keyboard {
    pub fn press(&mut self, keys: &str) {
        self.pressed.extend(keys.chars());
    }

    pub fn has_keys(&self) -> bool {
        !self.pressed.is_empty()
    }

    /// The handler fetches the oldest key.
    pub fn fetch(&mut self) -> Option<char> {
        self.pressed.pop_front()
    }
}
