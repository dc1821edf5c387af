//! The cost profile of this host: what the command line names, or what `trapline calibrate` wrote.

use std::path::Path;

use trapline::kernel::cost::{BUILT_IN, Costs};
use trapline::program::syscall::NAMES;
use trapline::real::calibrate::differs;
use trapline::scenario::Overrides;

use super::exit::Failure;
use super::terminal;

/// Where a profile of this host is looked for.
const PLACES: [&str; 2] = ["profile.toml", "output/profile.toml"];
/// What is taken without one.
const STAND_IN: &str = "linux-x86";

/// A profile, as scenarios name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile(String);

impl Profile {
    /// The one that is named, else this host's, else the built-in one that is nearest.
    pub fn choose(named: Option<&str>) -> Result<Profile, Failure> {
        if let Some(named) = named {
            let built_in = BUILT_IN.iter().any(|(name, _)| *name == named);
            return if built_in { Ok(Profile(named.to_owned())) } else { Profile::file(Path::new(named)) };
        }
        if let Some(place) = PLACES.iter().map(Path::new).find(|place| place.is_file()) {
            return Profile::file(place);
        }
        terminal::warning(&format!(
            "there is no profile of this machine, so {STAND_IN} is taken, which was measured on another; \
             `trapline calibrate` measures this one"
        ));
        Ok(Profile(STAND_IN.to_owned()))
    }

    fn file(path: &Path) -> Result<Profile, Failure> {
        let text = std::fs::read_to_string(path);
        let text =
            text.map_err(|error| Failure::usage(format!("the cost profile {}: {error}", path.display())))?;
        // What is wrong with a profile, its reader says.
        if let Some(why) = Costs::parse(&text, NAMES).ok().as_ref().and_then(differs) {
            terminal::warning(&why);
        }
        Ok(Profile(path.display().to_string()))
    }

    /// The overrides with this profile in the place of the scenario's.
    pub fn over(&self, overrides: &Overrides) -> Overrides {
        Overrides { costs: Some(self.0.clone()), ..overrides.clone() }
    }
}
