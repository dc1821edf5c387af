//! The cost profile of this host: what the command line names, or what `trapline calibrate` wrote.

use std::path::{Path, PathBuf};

use anyhow::Context;
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

    /// Scenarios look for profiles beside themselves, so the whole path is needed.
    fn file(path: &Path) -> Result<Profile, Failure> {
        let whole: PathBuf = path
            .canonicalize()
            .with_context(|| format!("can't find the cost profile {}", path.display()))
            .map_err(|error| Failure::usage(format!("{error:#}")))?;
        // What is wrong with a profile, its reader says.
        let text = std::fs::read_to_string(&whole).unwrap_or_default();
        let costs = Costs::parse(&text, NAMES).ok();
        if let Some(why) = costs.as_ref().and_then(differs) {
            terminal::warning(&why);
        }
        Ok(Profile(whole.display().to_string()))
    }

    /// The overrides with this profile in the place of the scenario's.
    pub fn over(&self, overrides: &Overrides) -> Overrides {
        let mut overrides = overrides.clone();
        // As TOML, so that no character of a path means anything.
        let costs = toml::Value::String(self.0.clone()).to_string();
        overrides.set.insert(0, ("machine.costs".to_owned(), costs));
        overrides
    }
}
