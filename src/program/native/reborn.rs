//! What an exec passes on to the program that it becomes.

use crate::ids::{Fd, ObjectId, Tid};
use crate::kernel::ipc::socket::SocketKind;
use crate::os::process;
use crate::program::ProgramId;
use crate::signal::Signal;

use super::{Channel, ChannelKind, Native};

/// Who a process is after an exec, from its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reborn {
    pub task: Tid,
    pub program: ProgramId,
    /// The variable `index`, which stays.
    pub index: i64,
    /// The seed of its random streams.
    pub key: u64,
    /// Whether it ignores SIGPIPE: an exec leaves that as it is, but Rust's own start doesn't.
    pub ignores_pipe: bool,
    /// The variables that it begins with.
    pub passed: Vec<(String, i64)>,
    /// The scenario's channels that stand for something else, by `dup2`.
    pub redirected: Vec<(Fd, Channel)>,
}

impl Reborn {
    /// The command line of the program that a thread becomes.
    pub fn arguments(
        native: &Native,
        program: ProgramId,
        index: i64,
        passed: &[(String, i64)],
    ) -> Vec<String> {
        let name = &native.world.image.programs[usize::from(program.0)].name;
        let numbers = [
            native.task.0.to_string(),
            program.0.to_string(),
            index.to_string(),
            native.user.key.named(name).seed().to_string(),
            process::is_ignored(Signal::SIGPIPE).to_string(),
            written(&native.redirected()),
        ];
        let words = ["trapline".to_owned(), super::REBORN_COMMAND.to_owned()];
        let passed = passed.iter().map(|(name, value)| format!("{name}={value}"));
        words.into_iter().chain(numbers).chain(passed).collect()
    }

    /// Reads the command line; none if it isn't one of ours.
    pub fn from_arguments(arguments: &[String]) -> Option<Reborn> {
        let [task, program, index, key, ignores_pipe, redirected, passed @ ..] = arguments else {
            return None;
        };
        let passed = passed.iter().map(|word| {
            let (name, value) = word.split_once('=')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Some(Reborn {
            task: Tid(task.parse().ok()?),
            program: ProgramId(program.parse().ok()?),
            index: index.parse().ok()?,
            key: key.parse().ok()?,
            ignores_pipe: ignores_pipe.parse().ok()?,
            passed: passed.collect::<Option<_>>()?,
            redirected: read(redirected)?,
        })
    }
}

/// The kinds of channels in a command line, by their places.
const KINDS: [ChannelKind; 9] = [
    ChannelKind::Pipe,
    ChannelKind::File,
    ChannelKind::Terminal,
    ChannelKind::Events,
    ChannelKind::Socket(SocketKind::UnixStream),
    ChannelKind::Socket(SocketKind::UnixDatagram),
    ChannelKind::Socket(SocketKind::UnixSeqpacket),
    ChannelKind::Socket(SocketKind::Tcp),
    ChannelKind::Socket(SocketKind::Udp),
];

/// Redirections as a word: descriptor, kind and object of each.
fn written(redirected: &[(Fd, Channel)]) -> String {
    let one = |(fd, channel): &(Fd, Channel)| {
        let kind = KINDS.iter().position(|kind| *kind == channel.kind).unwrap_or(0);
        let object = channel.object.map_or(-1, |object| i64::from(object.0));
        format!("{}:{kind}:{object}", fd.0)
    };
    redirected.iter().map(one).collect::<Vec<_>>().join(",")
}

fn read(word: &str) -> Option<Vec<(Fd, Channel)>> {
    let one = |entry: &str| {
        let mut parts = entry.split(':');
        let (fd, kind, object) = (parts.next()?, parts.next()?, parts.next()?);
        let kind = *KINDS.get(kind.parse::<usize>().ok()?)?;
        let object =
            u32::try_from(object.parse::<i64>().ok()?).ok().map(|number| ObjectId::from(number as usize));
        Some((Fd(fd.parse().ok()?), Channel { object, kind }))
    };
    word.split(',').filter(|entry| !entry.is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_come_out_of_the_command_line_as_they_went_in() {
        let named = Channel { object: Some(ObjectId(7)), kind: ChannelKind::File };
        let unnamed = Channel { object: None, kind: ChannelKind::Pipe };
        let redirected = vec![(Fd(1), named), (Fd(4), unnamed)];
        assert_eq!(read(&written(&redirected)), Some(redirected));
        assert_eq!(read(""), Some(Vec::new()));
        assert_eq!(read("1:9:0"), None, "no such kind");
    }
}
