//! The reasons of a scheduling decision as data.

use crate::trace::event::Why;

/// What there is to know of one reason to switch.
#[derive(Clone, Copy, Debug)]
pub struct WhyRow {
    /// The number that stands for it in a trace file. It is never given to another reason.
    pub code: WhyCode,
    pub name: &'static str,
    pub meaning: &'static str,
}

macro_rules! whys {
    ($($variant:ident = $code:literal, $name:literal, $meaning:literal;)*) => {
        /// A reason's number in a trace file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum WhyCode { $($variant = $code,)* }

        impl WhyCode {
            /// The reason with this number.
            #[inline]
            pub const fn from_u8(code: u8) -> Option<WhyCode> {
                match code {
                    $($code => Some(WhyCode::$variant),)*
                    _ => None,
                }
            }
        }

        impl Why {
            /// The number that stands for it in a trace file.
            #[inline]
            pub const fn code(&self) -> WhyCode {
                match self { $(Why::$variant { .. } => WhyCode::$variant,)* }
            }
        }

        /// Every reason to switch, in the order of their codes.
        pub static WHYS: &[WhyRow] = &[
            $(WhyRow { code: WhyCode::$variant, name: $name, meaning: $meaning },)*
        ];
    };
}

whys! {
    Blocked = 1, "blocked",
        "The previous thread waits for something, such as data in a pipe; it can't go on until it is woken.";
    SliceEnd = 2, "slice-end",
        "The previous thread has used up its time slice and others wait; it stays ready.";
    Preempted = 3, "preempted",
        "A thread that the policy prefers became ready and takes the CPU at once; the previous thread stays ready.";
    Yielded = 4, "yielded",
        "The previous thread asked to step back; it stays ready.";
    Exited = 5, "exited",
        "The previous thread has ended and never runs again.";
    WorkArrived = 6, "work-arrived",
        "The CPU was idle and a thread became ready. If it wasn't idle, the one that runs goes on, but was saved and loaded (`reschedule = \"reloads\"`).";
}

impl Why {
    /// The reason's documentation.
    pub fn row(&self) -> &'static WhyRow {
        &WHYS[self.code() as usize - 1]
    }

    /// The reason's name, such as `slice-end`.
    pub fn name(&self) -> &'static str {
        self.row().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::kinds::samples;

    #[test]
    fn every_reason_has_the_row_that_its_code_names() {
        let whys = samples::whys();
        for why in &whys {
            assert_eq!(why.row().code, why.code());
            assert_eq!(WhyCode::from_u8(why.code() as u8), Some(why.code()));
        }
        for (index, row) in WHYS.iter().enumerate() {
            assert_eq!(row.code as usize, index + 1, "{}", row.name);
            assert!(whys.iter().any(|why| why.name() == row.name), "{} has a sample", row.name);
            assert!(row.meaning.ends_with('.'));
        }
        assert_eq!(WhyCode::from_u8(0), None);
        assert_eq!(WhyCode::from_u8(7), None);
    }
}
