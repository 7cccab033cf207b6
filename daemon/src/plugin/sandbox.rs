//! What a `plugin-host` does to itself before it loads anything: it keeps one socket and no other way to the daemon.
//! Confinement by the kernel (Landlock, seccomp) belongs here as well.
#![expect(unsafe_code, reason = "system calls that std has no functions for")]

use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, RawFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;

/// Where the socket is for the rest of the process's life.
const SOCKET: RawFd = 3;
const STDIN: RawFd = 0;

/// Whether this process was spawned as a `plugin-host`: standard input is then a socket.
pub(super) fn has_socket() -> bool {
    std::fs::metadata("/proc/self/fd/0").is_ok_and(|stdin| stdin.file_type().is_socket())
}

/// Ties the process's life to that of the thread which spawned it, forbids core dumps (they would hold customers'
/// texts), and closes all but the socket, standard output and standard error.
///
/// Called once, while the process has one thread and has opened nothing.
pub(super) fn settle_in() -> io::Result<UnixStream> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain system calls; `none` and the name outlive them.
    unsafe {
        // The parent may be gone already. Then the socket is at its end, which also ends this process.
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        check(libc::prctl(libc::PR_SET_NAME, c"commwatch-plug".as_ptr()))?;
        check(libc::setrlimit(libc::RLIMIT_CORE, &none))?;
    }
    let null = std::fs::File::open("/dev/null")?;
    // SAFETY: nothing in this process owns a descriptor but std's three and `null`, which is not used after this
    // block and is closed by it (so it must not be closed again).
    unsafe {
        let null = std::mem::ManuallyDrop::new(null);
        let aside = check(libc::fcntl(STDIN, libc::F_DUPFD_CLOEXEC, SOCKET + 1))?;
        check(libc::dup2(null.as_raw_fd(), STDIN))?;
        check(libc::dup3(aside, SOCKET, libc::O_CLOEXEC))?;
        check(libc::close_range(SOCKET as u32 + 1, u32::MAX, 0))?;
        Ok(UnixStream::from_raw_fd(SOCKET))
    }
}

/// Ends the process here and now: no destructor and no exit handler of a plugin runs.
pub(super) fn end_now(status: i32) -> ! {
    // SAFETY: ends the process, whatever it is doing.
    unsafe { libc::_exit(status) }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
