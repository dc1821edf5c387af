//! Shared memory objects with names: POSIX objects, which lie in /dev/shm, and System V segments. They
//! outlive processes, so each bears a mark by which it is found when its run is gone: a POSIX object its
//! run's name, a segment a key of ours and the number of the process that made it.

use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno as HostErrno;
use nix::fcntl::OFlag;
use nix::sys::mman::{shm_open, shm_unlink};
use nix::sys::stat::Mode;
use nix::unistd::ftruncate;

use crate::errno::Errno;

/// What the names of POSIX objects begin with; the name of the run's folder follows.
pub const PREFIX: &str = "trapline-shm-";
/// Where Linux has POSIX objects.
const FOLDER: &str = "/dev/shm";
/// The upper half of all our keys.
const KEY: i32 = 0x544c_0000;

/// The name of a run's POSIX object with this number.
pub fn name(scratch: &Path, number: usize) -> String {
    let run = scratch.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("/{PREFIX}{run}.{number}")
}

/// A new POSIX object of so many bytes, all zero.
pub fn create(name: &str, bytes: u64) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_RDWR;
    let object = shm_open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    ftruncate(&object, bytes as i64)?;
    Ok(object)
}

/// A POSIX object that somebody has made.
pub fn open(name: &str) -> Result<OwnedFd, Errno> {
    shm_open(name, OFlag::O_RDWR, Mode::empty()).map_err(super::errno)
}

/// Takes a POSIX object's name away; it goes when nobody has it mapped any more.
pub fn unlink(name: &str) -> Result<(), Errno> {
    shm_unlink(name).map_err(super::errno)
}

/// A new System V segment of so many bytes, all zero: its number.
pub fn segment(bytes: usize) -> nix::Result<i32> {
    let flags = libc::IPC_CREAT | libc::IPC_EXCL | 0o600;
    let mut last = HostErrno::EEXIST;
    for number in 0..0x1_0000 {
        // SAFETY: plain numbers.
        match HostErrno::result(unsafe { libc::shmget(KEY | number, bytes, flags) }) {
            Err(HostErrno::EEXIST) => last = HostErrno::EEXIST,
            other => return other,
        }
    }
    Err(last)
}

/// Marks a segment for removal; it goes when nobody has it attached any more.
pub fn remove_segment(segment: i32) -> bool {
    // SAFETY: plain numbers; this command needs no buffer.
    unsafe { libc::shmctl(segment, libc::IPC_RMID, std::ptr::null_mut()) == 0 }
}

/// The POSIX objects whose names begin with the prefix and then fulfil this.
pub fn objects(is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.strip_prefix(PREFIX).is_some_and(&is_meant)).collect()
}

/// Removes a POSIX object by the name of its file.
pub fn remove_object(file: &str) -> bool {
    unlink(&format!("/{file}")).is_ok()
}

/// The segments with keys of ours whose makers have these numbers.
pub fn segments(is_meant: impl Fn(i32) -> bool) -> Vec<i32> {
    let list = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    list.lines().filter_map(|line| listed(line, &is_meant)).collect()
}

/// A line of the kernel's list: key, number, rights, size, maker ...
fn listed(line: &str, is_meant: &impl Fn(i32) -> bool) -> Option<i32> {
    let mut words = line.split_whitespace();
    let key: i32 = words.next()?.parse().ok()?;
    let number: i32 = words.next()?.parse().ok()?;
    let maker: i32 = words.nth(2)?.parse().ok()?;
    (key & !0xffff == KEY && is_meant(maker)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_tells_which_segments_are_ours() {
        let ours = format!("{:>10} 7 600 4096 4711 4711 1 0 0 0 0 0 0 0 0 0", KEY | 3);
        assert_eq!(listed(&ours, &|maker| maker == 4711), Some(7));
        assert_eq!(listed(&ours, &|maker| maker == 1), None);
        assert_eq!(listed("1 7 600 4096 4711 4711 1 0 0 0 0", &|_| true), None);
        assert_eq!(listed("key shmid perms size cpid", &|_| true), None);
    }

    #[test]
    fn an_object_is_found_by_its_name_and_can_be_removed_once() {
        let scratch = Path::new("/nowhere").join(format!("trapline-test-{}", std::process::id()));
        let name = name(&scratch, 3);
        drop(create(&name, 4096).unwrap());
        assert!(create(&name, 4096).is_err(), "it exists");
        let ours = objects(|rest| rest.starts_with(&format!("trapline-test-{}.", std::process::id())));
        assert_eq!(ours, [name[1..].to_owned()]);
        assert!(remove_object(&ours[0]));
        assert_eq!(unlink(&name), Err(Errno::ENOENT));
        assert_eq!(open(&name).err(), Some(Errno::ENOENT));
    }
}
