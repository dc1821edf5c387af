//! `[picture]`: which part of the simulated run its picture shows, where the whole of it is too long
//! or too dense to be read.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::de::DeTable;

use crate::program::at::{At, Time};
use crate::program::problem::{Code, Problems};
use crate::time::{Instant, Span};

use super::table::{raw_time, single};

/// `[picture]`: the part of the simulated run that its picture shows.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PictureForm {
    /// Where the picture begins, in simulated time; at the run's beginning if absent.
    pub from: Option<At<Time>>,
    /// Where the picture ends; at the run's end if absent.
    pub to: Option<At<Time>>,
}

/// The part of a run that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    pub from: Instant,
    pub to: Instant,
}

impl Picture {
    pub const ALL: Picture = Picture { from: Instant::START, to: Instant::NEVER };
}

/// Reads `[picture]`.
pub fn read(root: &DeTable<'_>, instruction: Span, problems: &mut Problems) -> Picture {
    let form: PictureForm = single(root, "picture", problems);
    let mut at = |time: Option<&At<Time>>, otherwise: Instant| {
        let time = time.and_then(|at| raw_time(&at.value.0, &at.span, instruction, problems));
        time.map_or(otherwise, |span| Instant::START + span)
    };
    let picture = Picture {
        from: at(form.from.as_ref(), Picture::ALL.from),
        to: at(form.to.as_ref(), Picture::ALL.to),
    };
    if picture.from >= picture.to
        && let Some(place) = form.to.or(form.from)
    {
        let message = "the part to show is empty: `from` must be earlier than `to`";
        problems.error(Code::OutOfRange, place.span, message);
    }
    picture
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Overrides, Picture, Scenario};
    use crate::time::Instant;

    const PROCESS: &str = "format = 1\n[process.a]\nsteps = [{ compute = \"1ms\" }]\n";

    fn load(picture: &str) -> Result<Picture, String> {
        let text = format!("{PROCESS}{picture}");
        let scenario = Scenario::parse("a.toml", &text, &Overrides::default());
        scenario.map(|scenario| scenario.picture).map_err(|problems| problems.render(false))
    }

    #[test]
    fn a_part_has_a_beginning_and_an_end_and_may_leave_out_either() {
        let at = Instant::from_nanos;
        assert_eq!(load(""), Ok(Picture::ALL));
        let part = load("[picture]\nfrom = \"10us\"\nto = \"0.5ms\"\n");
        assert_eq!(part, Ok(Picture { from: at(10_000), to: at(500_000) }));
        assert_eq!(load("[picture]\nto = \"1us\"\n"), Ok(Picture { to: at(1_000), ..Picture::ALL }));
    }

    #[test]
    fn a_part_without_time_or_unit_is_refused_at_its_place() {
        let empty = load("[picture]\nfrom = \"10us\"\nto = \"10us\"\n").expect_err("an empty part");
        assert!(empty.contains("a.toml:6:6") && empty.contains("must be earlier"), "{empty}");
        let bare = load("[picture]\nto = 10\n").expect_err("no unit");
        assert!(bare.contains("E0013"), "{bare}");
    }
}
