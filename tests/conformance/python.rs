//! Python's random numbers: the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998) as CPython seeds it with
//! an integer, and its `random.random()`.

const SIZE: usize = 624;
const MIDDLE: usize = 397;

pub struct Random {
    state: [u32; SIZE],
    next: usize,
}

impl Random {
    /// As after `random.seed(seed)`.
    pub fn new(seed: u64) -> Random {
        let mut state = [0; SIZE];
        state[0] = 19_650_218;
        for place in 1..SIZE {
            state[place] = spread(state[place - 1], 1_812_433_253).wrapping_add(place as u32);
        }
        let key: &[u32] = match seed >> 32 {
            0 => &[seed as u32],
            high => &[seed as u32, high as u32],
        };
        let mut place = 1;
        for turn in 0..SIZE.max(key.len()) {
            let own = key[turn % key.len()].wrapping_add((turn % key.len()) as u32);
            state[place] = (state[place] ^ spread(state[place - 1], 1_664_525)).wrapping_add(own);
            place = advance(&mut state, place);
        }
        for _ in 1..SIZE {
            state[place] =
                (state[place] ^ spread(state[place - 1], 1_566_083_941)).wrapping_sub(place as u32);
            place = advance(&mut state, place);
        }
        state[0] = 0x8000_0000;
        Random { state, next: SIZE }
    }

    fn word(&mut self) -> u32 {
        if self.next == SIZE {
            for place in 0..SIZE {
                let joined =
                    (self.state[place] & 0x8000_0000) | (self.state[(place + 1) % SIZE] & 0x7fff_ffff);
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[place] = self.state[(place + MIDDLE) % SIZE] ^ (joined >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// `random.random()`: 53 bits of two words.
    pub fn random(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `int(random.random() * below)`.
    pub fn below(&mut self, below: u64) -> u64 {
        (self.random() * below as f64) as u64
    }
}

fn spread(before: u32, factor: u32) -> u32 {
    (before ^ (before >> 30)).wrapping_mul(factor)
}

fn advance(state: &mut [u32; SIZE], place: usize) -> usize {
    if place + 1 < SIZE {
        return place + 1;
    }
    state[0] = state[SIZE - 1];
    1
}

/// What CPython 3 prints for `random.seed(n); random.random()`.
#[test]
fn these_are_pythons_numbers() {
    let mut zero = Random::new(0);
    let found = [zero.random(), zero.random(), zero.random()];
    assert_eq!(found, [0.844_421_851_525_048_1, 0.757_954_402_940_302_5, 0.420_571_580_830_845]);
    assert_eq!(Random::new(3).below(1_000_001), 237_964);
    assert_eq!(Random::new(1 << 40).random(), 0.1036394562812375);
}
