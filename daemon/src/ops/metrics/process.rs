//! What the kernel says about this process. Read from `/proc/self` at each scrape; what cannot be read is left
//! out (a sandbox may hide parts of `/proc`).

use std::fs;

use jiff::Timestamp;
use prometheus::core::{Collector, Desc};
use prometheus::proto;

use super::families::{
    Family, PROCESS_CPU, PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_RSS, PROCESS_START, PROCESS_THREADS,
    PROCESS_VSZ,
};
use super::unix_seconds;

/// Ticks a second in `/proc/PID/stat`. The kernel converts to this number on every architecture that we build
/// for (proc(5), `USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

const FAMILIES: [Family; 7] =
    [PROCESS_CPU, PROCESS_RSS, PROCESS_VSZ, PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_THREADS, PROCESS_START];

#[derive(Debug)]
pub(super) struct Process {
    descs: [Desc; 7],
    /// `/proc/stat`, which would tell the boot time, is hidden by `ProcSubset=pid`; metrics are made within
    /// milliseconds of the start.
    started: Timestamp,
}

impl Process {
    pub(super) fn new(started: Timestamp) -> Self {
        Self { descs: FAMILIES.map(|family| family.desc()), started }
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let values = [
            cpu_seconds(&fs::read_to_string("/proc/self/stat").unwrap_or_default()),
            kilobytes(&status, "VmRSS:"),
            kilobytes(&status, "VmSize:"),
            open_fds(),
            max_fds(&fs::read_to_string("/proc/self/limits").unwrap_or_default()),
            number(&status, "Threads:"),
            Some(unix_seconds(self.started)),
        ];
        FAMILIES
            .iter()
            .zip(values)
            .filter_map(|(family, value)| Some(family.rows([(vec![], value?)])))
            .collect()
    }
}

/// User and system time: fields 14 and 15, counted behind the command's name, which may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn number(status: &str, field: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn kilobytes(status: &str, field: &str) -> Option<f64> {
    number(status, field).map(|kilobytes| kilobytes * 1024.0)
}

fn open_fds() -> Option<f64> {
    // The listing itself holds one.
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(count.saturating_sub(1) as f64)
}

fn max_fds(limits: &str) -> Option<f64> {
    number(limits, "Max open files")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_command_name_that_looks_like_fields() {
        let stat = "7 (a) S 1) R 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("7 (cut"), None);
    }

    #[test]
    fn memory_is_told_in_bytes_and_unlimited_descriptors_are_left_out() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2_097_152.0));
        assert_eq!(
            max_fds("Max open files            1024                 524288               files\n"),
            Some(1024.0)
        );
        assert_eq!(
            max_fds("Max open files            unlimited            unlimited            files\n"),
            None
        );
    }

    #[test]
    fn this_process_has_memory_threads_and_descriptors() {
        let families = Process::new(Timestamp::UNIX_EPOCH).collect();
        assert_eq!(families.len(), FAMILIES.len(), "one of them could not be read");
        let zero: Vec<&str> = families
            .iter()
            .filter(|family| {
                !matches!(family.name(), "process_cpu_seconds_total" | "process_start_time_seconds")
            })
            .filter(|family| family.get_metric()[0].get_gauge().get_value() <= 0.0)
            .map(|family| family.name())
            .collect();
        assert!(zero.is_empty(), "{zero:?}");
    }
}
