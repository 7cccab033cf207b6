//! The header, its Rust mirror and the layout that was once released are the same thing.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use commwatch_plugin_api::abi;

fn here(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The golden file is the ABI as released for 64-bit machines: lines may be added to it, never changed.
fn golden() -> String {
    std::fs::read_to_string(here("tests/abi/layout-64.txt")).unwrap()
}

/// What a C compiler makes of the header.
fn header() -> String {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("layout");
    let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled = Command::new(cc)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
        .arg(here("include"))
        .arg(here("tests/abi/layout.c"))
        .arg("-o")
        .arg(&program)
        .output()
        .expect("a C compiler is present wherever Rust links");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    String::from_utf8(Command::new(program).output().unwrap().stdout).unwrap()
}

fn size_of_field<T, F>(_: impl Fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// What the Rust compiler makes of the mirror, in the words of the C program.
fn mirror() -> String {
    let mut out = String::new();
    macro_rules! number {
        ($($rust:ident = $c:literal)*) => {
            $(writeln!(out, concat!($c, " = {}"), abi::$rust).unwrap();)*
        };
    }
    macro_rules! layout {
        ($rust:ident = $c:literal { $($field:ident),* }) => {
            writeln!(
                out, concat!($c, " size {} align {}"),
                size_of::<abi::$rust>(), align_of::<abi::$rust>()
            ).unwrap();
            $(writeln!(
                out, concat!($c, ".", stringify!($field), " offset {} size {}"),
                offset_of!(abi::$rust, $field),
                size_of_field(|whole: &abi::$rust| &whole.$field),
            ).unwrap();)*
        };
    }
    number! {
        ABI_V1 = "CW_ABI_V1"
        MANIFEST_BYTES_MAX = "CW_MANIFEST_BYTES_MAX"
        HTTP_REQUEST_BODY_MAX = "CW_HTTP_REQUEST_BODY_MAX"
        HTTP_RESPONSE_BODY_MAX = "CW_HTTP_RESPONSE_BODY_MAX"
        LOG_LINE_MAX = "CW_LOG_LINE_MAX"
        LOG_ERROR = "CW_LOG_ERROR"
        LOG_WARN = "CW_LOG_WARN"
        LOG_INFO = "CW_LOG_INFO"
        LOG_DEBUG = "CW_LOG_DEBUG"
        HTTP_ANSWER = "CW_HTTP_ANSWER"
        HTTP_NOT_SENT = "CW_HTTP_NOT_SENT"
        HTTP_NO_ANSWER = "CW_HTTP_NO_ANSWER"
        HTTP_REFUSED = "CW_HTTP_REFUSED"
        OUTCOME_UNKNOWN = "CW_OUTCOME_UNKNOWN"
        OUTCOME_DELIVERED = "CW_OUTCOME_DELIVERED"
        OUTCOME_RETRY = "CW_OUTCOME_RETRY"
        OUTCOME_REJECT = "CW_OUTCOME_REJECT"
        OUTCOME_BROKEN = "CW_OUTCOME_BROKEN"
        UNTIL_RELOAD = "CW_UNTIL_RELOAD"
        PLUGIN_SECTION = "CW_PLUGIN_SECTION"
    }
    layout!(Bytes = "cw_bytes" { ptr, len });
    layout!(Space = "cw_space" { ptr, capacity, len });
    layout!(HttpRequest = "cw_http_request_v1" { size, reserved, description, body });
    layout!(HttpResponse = "cw_http_response_v1" { size, status, headers, body, error });
    layout!(HostTable = "cw_host_v1" { size, abi, host, log, http, get_extension });
    layout!(Delivery = "cw_delivery_v1" {
        size, attempt, replay, reserved, remaining_ms, notification, receipt
    });
    layout!(OutcomeOut = "cw_outcome_v1" { size, kind, retry_after_ms, text });
    layout!(PluginTable = "cw_plugin_v1" { size, abi, manifest, create, destroy, deliver, get_extension });
    out
}

#[test]
fn the_rust_mirror_has_the_layout_of_the_header() {
    assert_eq!(mirror(), header());
}

#[test]
fn the_layout_is_the_one_that_was_released() {
    assert_eq!(mirror(), golden(), "a released layout may be appended to, never changed");
}

#[test]
fn every_name_of_the_header_is_compared() {
    let text = std::fs::read_to_string(here("include/commwatch_plugin.h")).unwrap();
    let compared = mirror();
    let constants = text
        .lines()
        .filter_map(|line| line.strip_prefix("#define CW_"))
        .map(|rest| format!("CW_{} =", rest.split_whitespace().next().unwrap()));
    let structs = text
        .lines()
        .filter_map(|line| line.strip_prefix("typedef struct "))
        .map(|rest| format!("{} size", rest.trim_end_matches(" {")));
    let missing: Vec<_> = constants.chain(structs).filter(|name| !compared.contains(name)).collect();
    assert_eq!(missing, Vec::<String>::new());
    let fields = text
        .lines()
        .filter(|line| {
            line.starts_with("    ") && line.contains(';') && !line.trim_start().starts_with(['*', '/'])
        })
        .count();
    assert_eq!(compared.matches(" offset ").count(), fields, "a field of the header is not compared");
}

#[test]
fn the_header_is_plain_c_of_every_age() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("empty.c");
    std::fs::write(&source, "#include \"commwatch_plugin.h\"\nint unused;\n").unwrap();
    for standard in ["-std=c99", "-std=c17"] {
        let cc = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let checked = Command::new(cc)
            .args([standard, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I"])
            .arg(here("include"))
            .arg(&source)
            .output()
            .unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}
