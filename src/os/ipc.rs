//! POSIX message queues, System V message queues and semaphore sets.

use std::ffi::CString;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno as HostErrno;

use crate::errno::Errno;
use crate::signal::Signal;

/// A queue's messages and bytes of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSize {
    pub messages: u32,
    pub bytes: u64,
}

/// How a queue is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQueue {
    /// O_CREAT, with the size of a new queue.
    pub create: Option<QueueSize>,
    pub exclusive: bool,
    pub nonblock: bool,
}

fn name_of(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

/// A point in time so many nanoseconds from now, on the clock by which queues tell time limits.
fn from_now(nanos: u64) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills in the structure; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    let nanos = now.tv_nsec as u64 + nanos;
    now.tv_sec += (nanos / 1_000_000_000) as libc::time_t;
    now.tv_nsec = (nanos % 1_000_000_000) as _;
    now
}

/// A null pointer stands for no time limit.
fn pointer<T>(value: Option<&T>) -> *const T {
    value.map_or(ptr::null(), ptr::from_ref)
}

pub fn open_queue(name: &str, how: OpenQueue) -> Result<OwnedFd, Errno> {
    let name = name_of(name);
    let mut flags = libc::O_RDWR;
    for (set, flag) in [
        (how.create.is_some(), libc::O_CREAT),
        (how.exclusive, libc::O_EXCL),
        (how.nonblock, libc::O_NONBLOCK),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let size = how.create.unwrap_or(QueueSize { messages: 1, bytes: 1 });
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_maxmsg = i64::from(size.messages) as _;
    attributes.mq_msgsize = size.bytes as _;
    // SAFETY: the name ends in a zero; the attributes are only read.
    let queue = unsafe { libc::mq_open(name.as_ptr(), flags, 0o600 as libc::mode_t, &raw mut attributes) };
    let queue = HostErrno::result(queue).map_err(super::errno)?;
    // SAFETY: on Linux a queue's descriptor is an ordinary one, which nobody else has yet.
    Ok(unsafe { OwnedFd::from_raw_fd(queue) })
}

pub fn unlink_queue(name: &str) -> Result<(), Errno> {
    let name = name_of(name);
    // SAFETY: the name ends in a zero.
    HostErrno::result(unsafe { libc::mq_unlink(name.as_ptr()) }).map(|_| ()).map_err(super::errno)
}

/// Sends; waits at most `limit` nanoseconds for room, for ever without a limit.
pub fn send(queue: RawFd, bytes: &[u8], priority: u32, limit: Option<u64>) -> Result<(), Errno> {
    let until = limit.map(from_now);
    // SAFETY: the kernel reads the bytes and the time.
    let result = unsafe {
        libc::mq_timedsend(queue, bytes.as_ptr().cast(), bytes.len(), priority, pointer(until.as_ref()))
    };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// The next message's length and priority.
pub fn receive(queue: RawFd, into: &mut [u8], limit: Option<u64>) -> Result<(usize, u32), Errno> {
    let until = limit.map(from_now);
    let mut priority = 0;
    // SAFETY: the kernel writes at most the buffer's length into it, and the priority.
    let result = unsafe {
        libc::mq_timedreceive(
            queue,
            into.as_mut_ptr().cast(),
            into.len(),
            &raw mut priority,
            pointer(until.as_ref()),
        )
    };
    let bytes = HostErrno::result(result).map_err(super::errno)?;
    Ok((bytes as usize, priority))
}

/// How many messages the queue holds.
pub fn messages(queue: RawFd) -> Result<i64, Errno> {
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure.
    let result = unsafe { libc::mq_getattr(queue, &raw mut attributes) };
    HostErrno::result(result).map_err(super::errno)?;
    Ok(attributes.mq_curmsgs)
}

/// Whether calls on this descriptor fail instead of waiting.
pub fn set_nonblock(queue: RawFd, nonblock: bool) -> Result<(), Errno> {
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut attributes: libc::mq_attr = unsafe { std::mem::zeroed() };
    attributes.mq_flags = if nonblock { libc::O_NONBLOCK as _ } else { 0 };
    // SAFETY: the kernel reads the structure; nothing is asked back.
    let result = unsafe { libc::mq_setattr(queue, &raw const attributes, ptr::null_mut()) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Asks for a signal when a message arrives at the empty queue, or for none any more.
pub fn notify(queue: RawFd, signal: Option<Signal>) -> Result<(), Errno> {
    let event = signal.map(|signal| {
        // SAFETY: a structure of numbers and a pointer, for which zeros are valid.
        let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = signal as i32;
        event
    });
    // SAFETY: the kernel reads the structure.
    let result = unsafe { libc::mq_notify(queue, pointer(event.as_ref())) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// The id of the System V queue with a key.
pub fn find_typed(key: i32) -> Result<i32, Errno> {
    // SAFETY: plain numbers.
    HostErrno::result(unsafe { libc::msgget(key, 0) }).map_err(super::errno)
}

/// A new System V queue that holds so many bytes.
pub fn make_typed(key: i32, capacity: u64) -> Result<i32, Errno> {
    // SAFETY: plain numbers.
    let id = unsafe { libc::msgget(key, libc::IPC_CREAT | libc::IPC_EXCL | 0o600) };
    let id = HostErrno::result(id).map_err(super::errno)?;
    let mut state = typed_state(id)?;
    if state.msg_qbytes as u64 != capacity {
        state.msg_qbytes = capacity as _;
        // SAFETY: the kernel reads the structure, which it has filled in itself.
        let result = unsafe { libc::msgctl(id, libc::IPC_SET, &raw mut state) };
        HostErrno::result(result).map_err(super::errno)?;
    }
    Ok(id)
}

fn typed_state(id: i32) -> Result<libc::msqid_ds, Errno> {
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut state: libc::msqid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure.
    let result = unsafe { libc::msgctl(id, libc::IPC_STAT, &raw mut state) };
    HostErrno::result(result).map_err(super::errno)?;
    Ok(state)
}

/// How many messages a System V queue holds.
pub fn typed_messages(id: i32) -> Result<i64, Errno> {
    typed_state(id).map(|state| state.msg_qnum as i64)
}

pub fn remove_typed(id: i32) -> Result<(), Errno> {
    // SAFETY: this command uses no structure.
    let result = unsafe { libc::msgctl(id, libc::IPC_RMID, ptr::null_mut()) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// Where the bytes of a message for System V queues begin, behind its type.
pub const HEAD: usize = size_of::<libc::c_long>();

pub fn send_typed(id: i32, kind: i64, bytes: &[u8], nowait: bool) -> Result<(), Errno> {
    let mut message = Vec::with_capacity(HEAD + bytes.len());
    message.extend(kind.to_ne_bytes());
    message.extend(bytes);
    let flags = if nowait { libc::IPC_NOWAIT } else { 0 };
    // SAFETY: the kernel reads the type and as many bytes as follow it.
    let result = unsafe { libc::msgsnd(id, message.as_ptr().cast(), bytes.len(), flags) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// How a message is received: IPC_NOWAIT, MSG_NOERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receiving {
    pub nowait: bool,
    pub truncate: bool,
}

/// A message of a type, its length and its type; the bytes stand in the buffer from [`HEAD`] on.
pub fn receive_typed(id: i32, kind: i64, into: &mut [u8], how: Receiving) -> Result<(usize, i64), Errno> {
    let room = into.len().checked_sub(HEAD).ok_or(Errno::EINVAL)?;
    let nowait = if how.nowait { libc::IPC_NOWAIT } else { 0 };
    let flags = nowait | if how.truncate { libc::MSG_NOERROR } else { 0 };
    // SAFETY: the kernel writes the type and at most `room` bytes behind it.
    let result = unsafe { libc::msgrcv(id, into.as_mut_ptr().cast(), room, kind as libc::c_long, flags) };
    let bytes = HostErrno::result(result).map_err(super::errno)?;
    let mut kind = [0; HEAD];
    kind.copy_from_slice(&into[..HEAD]);
    Ok((bytes as usize, libc::c_long::from_ne_bytes(kind)))
}

/// The id of the semaphore set with a key.
pub fn find_semaphores(key: i32) -> Result<i32, Errno> {
    // SAFETY: plain numbers.
    HostErrno::result(unsafe { libc::semget(key, 0, 0) }).map_err(super::errno)
}

pub fn make_semaphores(key: i32, values: &[i64]) -> Result<i32, Errno> {
    // SAFETY: plain numbers.
    let id = unsafe { libc::semget(key, values.len() as i32, libc::IPC_CREAT | libc::IPC_EXCL | 0o600) };
    let id = HostErrno::result(id).map_err(super::errno)?;
    set_all_semaphores(id, values)?;
    Ok(id)
}

/// An operation on a semaphore: which, what is added, IPC_NOWAIT and SEM_UNDO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub number: u16,
    pub change: i16,
    pub nowait: bool,
    pub undo: bool,
}

/// Does all operations or none; waits at most `limit` nanoseconds, for ever without a limit.
pub fn operate(id: i32, operations: &[Operation], limit: Option<u64>) -> Result<(), Errno> {
    let mut list: Vec<libc::sembuf> = operations
        .iter()
        .map(|operation| libc::sembuf {
            sem_num: operation.number,
            sem_op: operation.change,
            sem_flg: ((if operation.nowait { libc::IPC_NOWAIT } else { 0 })
                | (if operation.undo { libc::SEM_UNDO } else { 0 })) as i16,
        })
        .collect();
    let limit = limit.map(|nanos| libc::timespec {
        tv_sec: (nanos / 1_000_000_000) as libc::time_t,
        tv_nsec: (nanos % 1_000_000_000) as _,
    });
    // SAFETY: the kernel reads as many operations as there are, and the time.
    let result = unsafe {
        libc::syscall(libc::SYS_semtimedop, id, list.as_mut_ptr(), list.len(), pointer(limit.as_ref()))
    };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

pub fn semaphore(id: i32, number: i32) -> Result<i64, Errno> {
    // SAFETY: plain numbers; this command has no further argument.
    let result = unsafe { libc::semctl(id, number, libc::GETVAL) };
    HostErrno::result(result).map(i64::from).map_err(super::errno)
}

pub fn set_semaphore(id: i32, number: i32, value: i64) -> Result<(), Errno> {
    let value = value.clamp(i32::MIN.into(), i32::MAX.into()) as libc::c_long;
    // SAFETY: plain numbers: the union's value is as wide as a long.
    let result = unsafe { libc::semctl(id, number, libc::SETVAL, value) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

/// How many semaphores a set has.
fn count(id: i32) -> Result<usize, Errno> {
    // SAFETY: a structure of numbers, for which zeros are valid.
    let mut state: libc::semid_ds = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in the structure.
    let result = unsafe { libc::semctl(id, 0, libc::IPC_STAT, &raw mut state) };
    HostErrno::result(result).map_err(super::errno)?;
    Ok(state.sem_nsems as usize)
}

pub fn all_semaphores(id: i32) -> Result<Vec<i64>, Errno> {
    let mut values = vec![0_u16; count(id)?];
    // SAFETY: the kernel writes a value for each semaphore of the set, whose number never changes.
    let result = unsafe { libc::semctl(id, 0, libc::GETALL, values.as_mut_ptr()) };
    HostErrno::result(result).map_err(super::errno)?;
    Ok(values.into_iter().map(i64::from).collect())
}

/// Sets all values; EINVAL if these aren't as many as the set has semaphores.
pub fn set_all_semaphores(id: i32, values: &[i64]) -> Result<(), Errno> {
    if count(id)? != values.len() {
        return Err(Errno::EINVAL);
    }
    // What doesn't fit is out of range as well.
    let mut values: Vec<u16> = values.iter().map(|&value| u16::try_from(value).unwrap_or(u16::MAX)).collect();
    // SAFETY: the kernel reads a value for each semaphore of the set: there are as many.
    let result = unsafe { libc::semctl(id, 0, libc::SETALL, values.as_mut_ptr()) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}

pub fn remove_semaphores(id: i32) -> Result<(), Errno> {
    // SAFETY: plain numbers; this command has no further argument.
    let result = unsafe { libc::semctl(id, 0, libc::IPC_RMID) };
    HostErrno::result(result).map(|_| ()).map_err(super::errno)
}
