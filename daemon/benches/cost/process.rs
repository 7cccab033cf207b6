//! What the kernel knows of a process: the processor time that it used, and the memory that it has.

use std::fs;
use std::time::Duration;

use super::Fault;

/// The kernel's clock for `/proc/PID/stat`, the same on every machine.
const TICKS_PER_SECOND: u64 = 100;

/// Memory in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Everything of it that is in memory, also what it shares with others: the program's own code above all.
    pub(crate) resident: u64,
    /// What nobody else has: what ending the process would free.
    pub(crate) private: u64,
    /// The most that was ever resident.
    pub(crate) peak: u64,
}

/// The processor time that a process and its children have used so far.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Fault> {
    children(pid)?.into_iter().chain([pid]).map(own_cpu).sum()
}

/// In nanoseconds from the scheduler where the kernel offers that, else in ticks of 10 ms. Threads that have ended
/// are not in the former; those measured here live as long as their process.
fn own_cpu(pid: u32) -> Result<Duration, Fault> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        // A thread may end between the two.
        let Ok(text) = fs::read_to_string(path) else { continue };
        nanos += text.split_whitespace().next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or(0);
    }
    if nanos > 0 {
        return Ok(Duration::from_nanos(nanos));
    }
    let stat = stat(pid)?;
    let ticks: u64 = stat.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

pub(crate) fn memory(pid: u32) -> Result<Memory, Fault> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    Ok(Memory {
        resident: kib(&status, "VmRSS:")?,
        private: kib(&rollup, "Private_Clean:")? + kib(&rollup, "Private_Dirty:")?,
        peak: kib(&status, "VmHWM:")?,
    })
}

/// The processes that a process has started and that live.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>, Fault> {
    let numbers = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let of_it = |other: &u32| stat(*other).is_ok_and(|stat| stat.get(1) == Some(&pid.to_string()));
    Ok(numbers.filter(of_it).collect())
}

/// The name with which a process was started, and its first arguments.
pub(crate) fn command(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// The fields of `/proc/PID/stat` behind the name, which may hold anything.
fn stat(pid: u32) -> Result<Vec<String>, Fault> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').ok_or("no stat")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn kib(text: &str, name: &str) -> Result<u64, Fault> {
    let line = text.lines().find(|line| line.starts_with(name)).ok_or_else(|| format!("no {name}"))?;
    Ok(line.split_whitespace().nth(1).unwrap_or_default().parse()?)
}
