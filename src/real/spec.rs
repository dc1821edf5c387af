//! What the processes of a run tell each other: which scenario it is, and where things are.

use std::os::fd::RawFd;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::os::clock::Spin;
use crate::os::file;
use crate::os::memory::Mapping;
use crate::program::image::Backing;
use crate::program::native::{Board, Size, World};
use crate::scenario::{Overrides, Scenario};

/// Where the description of the run and its board are found, in all its processes.
pub const SPEC: RawFd = 18;
pub const BOARD: RawFd = 19;

/// What the guardian tells its caller, a line of JSON each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// Everything is made; a line on standard input starts the run. The notes say in what the
    /// host differs from what the scenario asks for; memory objects begin at these pages.
    Ready { notes: Vec<String>, memories: Vec<u64> },
    /// All processes are gone; the shared arrays hold these values. The notes say why it was ended,
    /// if that wasn't the time.
    Done { how: End, arrays: Vec<Vec<i64>>, notes: Vec<String> },
    /// It wasn't possible to begin.
    Failed { text: String },
}

/// Why the run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    Finished,
    /// The time was over, or what the run may use.
    Limit,
    /// All processes waited for each other.
    Stuck,
    /// An assertion of the scenario didn't hold.
    Assertion,
    /// The caller asked for the end, or went away.
    Interrupted,
}

/// Everything that a process needs to know of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// The scenario's text, and what the command line set.
    pub name: String,
    pub text: String,
    pub directory: Option<PathBuf>,
    pub set: Vec<(String, String)>,
    pub seed: Option<u64>,
    pub until: Option<String>,
    /// At most so many processes and threads are born, with so many bytes of notes.
    pub tasks: u32,
    pub notes: u64,
    pub scratch: PathBuf,
    pub program: PathBuf,
    pub rounds_per_nano: f64,
    pub dispersion: f64,
    /// The processes run on these CPUs.
    pub cpus: Vec<usize>,
    /// The run is ended after so many milliseconds.
    pub most_millis: u64,
    /// At most so many bytes of memory objects, and of files.
    pub memory: u64,
    pub file_bytes: u64,
}

impl Spec {
    pub const fn size(&self) -> Size {
        Size { tasks: self.tasks, notes: self.notes }
    }

    pub fn scenario(&self) -> Result<Scenario, String> {
        let overrides = Overrides {
            set: self.set.clone(),
            seed: self.seed,
            until: self.until.clone(),
            ..Overrides::default()
        };
        Scenario::parse_bytes(&self.name, self.text.as_bytes(), &overrides, self.directory.as_deref())
            .map_err(|problems| problems.to_string())
    }

    /// The description that this process has inherited.
    pub fn inherited() -> Result<Spec, String> {
        let text = std::fs::read(format!("/proc/self/fd/{SPEC}"));
        let text = text.map_err(|error| format!("there is no run to be part of: {error}"))?;
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    /// Makes what the scenario's processes share, as far as it can be inherited by number: memory.
    pub fn make_memories(&self, scenario: &Scenario) -> nix::Result<()> {
        for (index, spec) in scenario.image.memories.iter().enumerate() {
            if spec.backing == Backing::Shared {
                let bytes = u64::from(spec.memory.pages) * 4096;
                let object = crate::os::memory::shared_object(&format!("trapline-{index}"), bytes)?;
                file::place(object, World::memory_descriptor(index))?;
            }
        }
        Ok(())
    }

    /// The world as this process sees it.
    pub fn world(&self, scenario: Scenario) -> nix::Result<World> {
        let board = Board::new(Mapping::inherited(BOARD, self.size().bytes())?, self.size());
        let spin = Spin { rounds_per_nano: self.rounds_per_nano, dispersion: self.dispersion };
        let mut world = World {
            image: scenario.image,
            board,
            spin,
            memories: Vec::new(),
            program: self.program.clone(),
            cpus: self.cpus.clone(),
            scratch: self.scratch.clone(),
            named: super::named::found(&self.scratch),
            most_memory: self.memory,
        };
        for (index, spec) in world.image.memories.iter().enumerate() {
            let bytes = spec.memory.pages as usize * 4096;
            let mapping = match spec.backing {
                Backing::Shared => Mapping::inherited(World::memory_descriptor(index), bytes)?,
                Backing::Private => Mapping::private(bytes)?,
                Backing::File(fd) => {
                    let file = world.image.files.iter().position(|file| file.fd == fd).unwrap_or(0);
                    Mapping::of_file(&world.path(file), bytes)?
                }
            };
            world.memories.push(mapping);
        }
        Ok(world)
    }
}
