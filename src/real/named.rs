//! Objects of the host that have a name or key and outlive their processes: message queues and
//! semaphore sets.
//!
//! A list of them stands in the run's folder, so that whoever tidies up can remove them, whoever was
//! ended at whatever moment: a name is written down before the object is made, and the folder goes
//! after its objects. Names carry the folder's name. A key is the run's own: it isn't written down
//! unless nobody has it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use sha2::Digest;

use crate::errno::Errno;
use crate::os::ipc::{self, OpenQueue, QueueSize};
use crate::program::image::Image;
use crate::program::native::Named;

/// The list in the run's folder.
const LIST: &str = "objects";
/// So many keys are tried for an object before the host counts as full.
const TRIES: u32 = 100;

/// An object that may exist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    Queue(String),
    TypedQueue(i32),
    Semaphores(i32),
}

impl Object {
    fn line(&self) -> String {
        match self {
            Object::Queue(name) => format!("mqueue {name}\n"),
            Object::TypedQueue(key) => format!("queue {key}\n"),
            Object::Semaphores(key) => format!("semaphores {key}\n"),
        }
    }

    fn from_line(line: &str) -> Option<Object> {
        let (kind, name) = line.split_once(' ')?;
        match kind {
            "mqueue" => Some(Object::Queue(name.to_owned())),
            "queue" => name.parse().ok().map(Object::TypedQueue),
            "semaphores" => name.parse().ok().map(Object::Semaphores),
            _ => None,
        }
    }

    /// Whether the host has it.
    pub fn exists(&self) -> bool {
        let found = match self {
            Object::Queue(name) => {
                let how = OpenQueue { create: None, exclusive: false, nonblock: false };
                ipc::open_queue(name, how).map(drop)
            }
            Object::TypedQueue(key) => ipc::find_typed(*key).map(drop),
            Object::Semaphores(key) => ipc::find_semaphores(*key).map(drop),
        };
        found != Err(Errno::ENOENT)
    }

    /// Removes it if it exists; false if that isn't possible.
    fn remove(&self) -> bool {
        let result = match self {
            Object::Queue(name) => ipc::unlink_queue(name),
            Object::TypedQueue(key) => ipc::find_typed(*key).and_then(ipc::remove_typed),
            Object::Semaphores(key) => ipc::find_semaphores(*key).and_then(ipc::remove_semaphores),
        };
        matches!(result, Ok(()) | Err(Errno::ENOENT | Errno::EINVAL | Errno::EIDRM))
    }
}

/// The objects that a run's folder tells of.
pub fn listed(folder: &Path) -> Vec<Object> {
    let text = std::fs::read_to_string(folder.join(LIST)).unwrap_or_default();
    // A line that was cut off tells of an object that wasn't made.
    text.split_inclusive('\n').filter_map(|line| Object::from_line(line.strip_suffix('\n')?)).collect()
}

/// Removes the objects of a run; false if some couldn't be removed.
pub fn remove(folder: &Path) -> bool {
    remove_all(&listed(folder))
}

pub fn remove_all(objects: &[Object]) -> bool {
    objects.iter().filter(|object| !object.remove()).count() == 0
}

/// Makes the objects that a scenario declares. What was made is given back even if something failed.
pub fn make(folder: &Path, image: &Image) -> (Vec<Object>, Result<(), String>) {
    let mut made = Vec::new();
    if image.ipc.is_empty() {
        return (made, Ok(()));
    }
    let result = make_each(folder, image, &mut made);
    (made, result)
}

fn make_each(folder: &Path, image: &Image, made: &mut Vec<Object>) -> Result<(), String> {
    let list = File::create(folder.join(LIST));
    let mut list = list.map_err(|error| format!("the list of objects: {error}"))?;
    let run = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = |object: crate::ids::ObjectId| &image.objects[object.index()].name;
    for (number, spec) in image.ipc.queues.iter().enumerate() {
        let object = format!("/{run}-{number}");
        note(&mut list, made, Object::Queue(object.clone()))?;
        if spec.fd.is_some() {
            let create = Some(QueueSize { messages: spec.max_messages, bytes: spec.message_size });
            let how = OpenQueue { create, exclusive: true, nonblock: false };
            ipc::open_queue(&object, how).map_err(|errno| {
                let (messages, bytes) = (spec.max_messages, spec.message_size);
                format!(
                    "the host refuses the message queue `{}` of {messages} messages of {bytes} bytes: {}; its limits are in /proc/sys/fs/mqueue, and `ulimit -q`",
                    name(spec.object),
                    errno.name()
                )
            })?;
        }
    }
    for (number, spec) in image.ipc.typed.iter().enumerate() {
        let key = free_key(&run, "queue", number, ipc::find_typed)?;
        note(&mut list, made, Object::TypedQueue(key))?;
        ipc::make_typed(key, spec.capacity).map_err(|errno| {
            let (name, capacity) = (name(spec.object), spec.capacity);
            format!("the host refuses the System V queue `{name}` of {capacity} bytes: {}; its limits are in /proc/sys/kernel/msgmnb and msgmni", errno.name())
        })?;
    }
    for (number, spec) in image.ipc.semaphores.iter().enumerate() {
        let key = free_key(&run, "semaphores", number, ipc::find_semaphores)?;
        note(&mut list, made, Object::Semaphores(key))?;
        ipc::make_semaphores(key, &spec.values).map_err(|errno| {
            let name = name(spec.object);
            format!(
                "the host refuses the semaphore set `{name}`: {}; its limits are in /proc/sys/kernel/sem",
                errno.name()
            )
        })?;
    }
    Ok(())
}

fn note(list: &mut File, made: &mut Vec<Object>, object: Object) -> Result<(), String> {
    // At one go, so that a line is whole or isn't there.
    list.write_all(object.line().as_bytes()).map_err(|error| format!("the list of objects: {error}"))?;
    made.push(object);
    Ok(())
}

/// A key that nobody has.
fn free_key(
    run: &str,
    kind: &str,
    number: usize,
    find: impl Fn(i32) -> Result<i32, Errno>,
) -> Result<i32, String> {
    for attempt in 0..TRIES {
        let digest = sha2::Sha256::digest(format!("{run} {kind} {number} {attempt}"));
        let key = i32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
        // Zero asks for an object without a key.
        if key != 0 && find(key) == Err(Errno::ENOENT) {
            return Ok(key);
        }
    }
    Err("no key is free for a System V object".to_owned())
}

/// How the processes of a run find its objects.
pub fn found(folder: &Path) -> Named {
    let mut named = Named::default();
    for object in listed(folder) {
        match object {
            Object::Queue(name) => named.queues.push(name),
            // One that was removed meanwhile has no id any more: no call finds it.
            Object::TypedQueue(key) => named.typed.push(ipc::find_typed(key).unwrap_or(-1)),
            Object::Semaphores(key) => named.semaphores.push(ipc::find_semaphores(key).unwrap_or(-1)),
        }
    }
    named
}
