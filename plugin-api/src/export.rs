//! Makes a shared library of a [`Notifier`]: [`export_plugin!`](crate::export_plugin) and the functions behind it.
//! No panic leaves any of them.
#![expect(unsafe_code, reason = "the boundary: the other side's pointers arrive here")]

use std::any::Any;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;

use crate::abi::{self, Bytes, Delivery, HostTable, OutcomeOut, PluginTable, Space, read_sized};
pub use crate::manifest::Manifest;
use crate::{Host, HostFunctions, HttpError, Level, Notification, Notifier, Outcome, Request, Response};

/// Exports a [`Notifier`] as the plugin that this crate is. Once for each crate, whose type is
/// `crate-type = ["cdylib", "rlib"]` and whose version becomes the plugin's.
///
/// ```
/// # use commwatch_plugin_api::{Host, Notification, Notifier, Outcome};
/// struct Quiet;
/// impl Notifier for Quiet {
///     type Config = serde_json::Map<String, serde_json::Value>;
///     fn start(_: Self::Config, _: &Host) -> Result<Self, String> {
///         Ok(Self)
///     }
///     fn deliver(&self, _: &Notification, _: &Host) -> Outcome {
///         Outcome::delivered()
///     }
/// }
///
/// commwatch_plugin_api::export_plugin! {
///     notifier: Quiet,
///     name: "quiet",
///     description: "Accepts everything and tells nobody",
///     concurrency: 1,
///     notification_bytes_max: 65_536,
///     // receipts: true, to be handed what its receiver said of the notification before
///     // repeat_seconds: 60, to be handed again what is open, where its receiver forgets
///     config_schema: r#"{"type": "object", "additionalProperties": false}"#, // or include_str!("../schema.json")
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_plugin {
    (
        notifier: $notifier:ty,
        name: $name:expr,
        description: $description:expr,
        concurrency: $concurrency:expr,
        notification_bytes_max: $notification_bytes_max:expr,
        $(receipts: $receipts:expr,)?
        $(repeat_seconds: $repeat_seconds:expr,)?
        config_schema: $config_schema:expr $(,)?
    ) => {
        #[allow(
            unsafe_code,
            reason = "a symbol and a section of a fixed name, exported once in this library"
        )]
        const _: () = {
            const MANIFEST: $crate::export::Manifest = $crate::export::Manifest {
                name: $name,
                version: env!("CARGO_PKG_VERSION"),
                description: $description,
                concurrency: $concurrency,
                notification_bytes_max: $notification_bytes_max,
                receipts: [$($receipts,)? false][0],
                repeat_seconds: [$($repeat_seconds,)? 0][0],
                config_schema: $config_schema,
            };
            const LEN: usize = {
                MANIFEST.check();
                MANIFEST.json_len()
            };

            #[used]
            #[unsafe(link_section = ".commwatch.plugin")]
            static SECTION: [u8; LEN] = MANIFEST.json();

            static TABLE: $crate::abi::PluginTable = $crate::export::table::<$notifier>(&SECTION);

            #[unsafe(no_mangle)]
            extern "C" fn cw_plugin_entry_v1() -> *const $crate::abi::PluginTable {
                &TABLE
            }
        };
    };
}

/// The table of a plugin whose manifest is `manifest`.
pub const fn table<N: Notifier>(manifest: &'static [u8]) -> PluginTable {
    PluginTable {
        manifest: Bytes::of(manifest),
        create: Some(create::<N>),
        destroy: Some(destroy::<N>),
        deliver: Some(deliver::<N>),
        ..PluginTable::EMPTY
    }
}

/// Reads a configuration; an error names the path of what is wrong in it.
pub(crate) fn read_config<N: Notifier>(json: &[u8]) -> Result<N::Config, String> {
    let mut from = serde_json::Deserializer::from_slice(json);
    serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { "config".to_owned() } else { format!("config.{path}") };
        let why = error.into_inner().to_string();
        // The position is one in JSON that the operator has never seen.
        let why = why.rsplit_once(" at line ").map_or(why.as_str(), |(why, _)| why);
        format!("{place}: {why}")
    })
}

/// What `instance` points to.
struct Instance<N> {
    notifier: N,
    host: Host,
}

unsafe extern "C" fn create<N: Notifier>(
    host: *const HostTable,
    config: Bytes,
    error: *mut Space,
) -> *mut c_void {
    // SAFETY: the header promises a table that lives as long as the process, and a readable config.
    let (table, config) = unsafe { (read_sized(host), config.as_slice()) };
    let made = catch_unwind(AssertUnwindSafe(|| {
        let config = read_config::<N>(config)?;
        // Leaked, since the notifier's threads may use it until the process ends; there is one.
        let host = Host::new(Box::leak(Box::new(AbiHost(table))));
        let notifier = N::start(config, &host)?;
        Ok(Box::into_raw(Box::new(Instance { notifier, host })).cast())
    }));
    match made.unwrap_or_else(|panic| Err(format!("panic: {}", text_of(panic)))) {
        Ok(instance) => instance,
        Err(why) => {
            // SAFETY: the header promises room to write to.
            unsafe { (*error).write(&why) };
            null_mut()
        }
    }
}

unsafe extern "C" fn destroy<N: Notifier>(instance: *mut c_void) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: it came from `create`, is destroyed once, and no delivery is using it.
        drop(unsafe { Box::from_raw(instance.cast::<Instance<N>>()) });
    }));
    let _ = ended.map_err(text_of);
}

unsafe extern "C" fn deliver<N: Notifier>(
    instance: *mut c_void,
    delivery: *const Delivery,
    outcome: *mut OutcomeOut,
) {
    // SAFETY: it came from `create` and is not destroyed before this returns; only shared references are made.
    let instance = unsafe { &*instance.cast::<Instance<N>>() };
    // SAFETY: the header promises a delivery that is readable during this call.
    let (delivery, json, receipt) = unsafe {
        let delivery = read_sized(delivery);
        (delivery, delivery.notification.as_slice(), delivery.receipt.to_text())
    };
    let receipt = Some(receipt).filter(|receipt| !receipt.is_empty());
    let ended = catch_unwind(AssertUnwindSafe(|| match read_notification(&delivery, json, receipt) {
        Ok(notification) => instance.notifier.deliver(&notification, &instance.host),
        Err(why) => Outcome::reject(format!("the plugin cannot read this notification: {why}")),
    }));
    let ended = ended.unwrap_or_else(|panic| Outcome::unknown(format!("panic: {}", text_of(panic))));
    // SAFETY: the header promises an outcome to write to, and room for its text.
    unsafe { write_outcome(&mut *outcome, &ended) };
}

/// The host hands over what is the same at every attempt as bytes, and the rest as numbers beside it.
fn read_notification(
    delivery: &Delivery,
    json: &[u8],
    receipt: Option<String>,
) -> Result<Notification, String> {
    let json = std::str::from_utf8(json).map_err(|error| error.to_string())?;
    let fields = json.trim_start().strip_prefix('{').ok_or("not a JSON object")?;
    let Delivery { attempt, remaining_ms, .. } = delivery;
    let replay = delivery.replay != 0;
    let whole = format!(r#"{{"attempt":{attempt},"replay":{replay},"remaining_ms":{remaining_ms},{fields}"#);
    let notification: Notification = serde_json::from_str(&whole).map_err(|error| error.to_string())?;
    Ok(Notification { receipt, ..notification })
}

/// # Safety
/// `out.text` must be room that may be written to.
unsafe fn write_outcome(out: &mut OutcomeOut, outcome: &Outcome) {
    const RECEIPT_BYTES_MAX: usize = 255;
    let (kind, text) = match outcome {
        Outcome::Delivered { receipt } => {
            let receipt = receipt.as_deref().unwrap_or("");
            (abi::OUTCOME_DELIVERED, &receipt[..receipt.floor_char_boundary(RECEIPT_BYTES_MAX)])
        }
        Outcome::Retry { after, why } => {
            let after = after.map_or(0, |after| after.as_millis().try_into().unwrap_or(u64::MAX));
            out.retry_after_ms = after;
            (abi::OUTCOME_RETRY, why.as_str())
        }
        Outcome::Reject { why } => (abi::OUTCOME_REJECT, why.as_str()),
        Outcome::Unknown { why } => (abi::OUTCOME_UNKNOWN, why.as_str()),
        Outcome::Broken { until_reload, why } => {
            out.retry_after_ms = if *until_reload { abi::UNTIL_RELOAD } else { 0 };
            (abi::OUTCOME_BROKEN, why.as_str())
        }
    };
    out.kind = kind;
    // SAFETY: promised by the caller.
    unsafe { out.text.write(text) };
}

fn text_of(panic: Box<dyn Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "(without a text)".to_owned());
    // A payload may panic once more when dropped, and that would leave the library.
    std::mem::forget(panic);
    text
}

/// The host's table as [`HostFunctions`].
struct AbiHost(HostTable);

impl HostFunctions for AbiHost {
    fn http(&self, request: &Request) -> Result<Response, HttpError> {
        let refused = |why: &str| HttpError::Refused { why: why.to_owned() };
        let http = self.0.http.ok_or_else(|| refused("this host has no HTTP"))?;
        let description = serde_json::to_vec(request).map_err(|error| refused(&error.to_string()))?;
        let request = abi::HttpRequest {
            size: size_of::<abi::HttpRequest>() as u32,
            reserved: 0,
            description: Bytes::of(&description),
            body: Bytes::of(&request.body.0),
        };
        let mut response = abi::HttpResponse::EMPTY;
        // SAFETY: the table came from the host, and both structs outlive the call.
        let kind = unsafe { http(self.0.host, &request, &mut response) };
        // SAFETY: the host's buffers stay valid until the next `http` on this thread; they are copied here.
        let (headers, body, error) = unsafe {
            (response.headers.as_slice(), response.body.as_slice().to_vec(), response.error.to_text())
        };
        match kind {
            abi::HTTP_ANSWER => Ok(Response {
                status: response.status.try_into().unwrap_or_default(),
                headers: serde_json::from_slice(headers).unwrap_or_default(),
                body,
            }),
            abi::HTTP_NOT_SENT => Err(HttpError::NotSent { why: error }),
            abi::HTTP_REFUSED => Err(HttpError::Refused { why: error }),
            _ => Err(HttpError::NoAnswer { why: error }),
        }
    }

    fn log(&self, level: Level, message: &str) {
        let Some(log) = self.0.log else { return };
        let level = match level {
            Level::Error => abi::LOG_ERROR,
            Level::Warn => abi::LOG_WARN,
            Level::Info => abi::LOG_INFO,
            Level::Debug => abi::LOG_DEBUG,
        };
        // SAFETY: the table came from the host, and the line outlives the call.
        unsafe { log(self.0.host, level, Bytes::of(message.as_bytes())) };
    }
}
