//! Loads a plugin's library and calls it: the one place where a plugin's code runs, and only in a `plugin-host`.
//! Checks in order: the manifest's ABI number, the table's ABI number, its size, its functions, its manifest.
#![expect(unsafe_code, reason = "the loader: calls into code that the compiler has never seen")]

use std::cell::RefCell;
use std::error::Error as _;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::ptr::{NonNull, null};

use commwatch_plugin_api::abi::{self, Bytes, HostTable, HttpRequest, HttpResponse, PluginTable, Space};
use commwatch_plugin_api::{HttpError, Level, Outcome};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::child::Job;
use super::frame::{HttpEnd, level, outcome};
use super::manifest::{self, Manifest};
use super::pins;
use super::refusal::Why;

/// Room for the text of an error or an outcome.
const TEXT_BYTES_MAX: usize = 4096;
/// The size of the table in the first version of the ABI: no plugin has a smaller one.
const TABLE_BYTES_MIN: u32 =
    (std::mem::offset_of!(PluginTable, get_extension) + size_of::<*const ()>()) as u32;

/// What the plugin may ask of this process. Called from the plugin's threads.
pub(super) trait Services: Send + Sync {
    fn log(&self, level: Level, line: &[u8]);
    /// Sends a request for the delivery of the calling thread.
    fn http(&self, description: &[u8], body: &[u8]) -> HttpEnd;
}

/// A loaded plugin with its notifier.
pub(super) struct Loaded {
    instance: Instance, // Dropped first: its code lives in the library.
    pub(super) manifest: Manifest,
    /// Never closed: threads of the plugin may be running in it until the process ends.
    _library: ManuallyDrop<Library>,
}

/// What `create` made.
struct Instance {
    pointer: NonNull<c_void>,
    table: PluginTable,
}

// SAFETY: the header lets the host call `deliver` from several threads at once, and `destroy` from any.
unsafe impl Send for Instance {}
// SAFETY: as above.
unsafe impl Sync for Instance {}

impl Loaded {
    /// Loads `file` and makes its notifier of `config` (JSON). Runs the plugin's code. Where a hash is `pinned`, what is
    /// loaded is what was hashed: the open file, not whatever lies at its path by then.
    pub(super) fn start(
        file: &Path,
        pinned: Option<&str>,
        config: &[u8],
        services: Box<dyn Services>,
    ) -> Result<Self, Why> {
        let opened = pinned.map(|pinned| pins::verified(file, pinned)).transpose()?;
        let opened_at = opened.as_ref().map(|opened| format!("/proc/self/fd/{}", opened.as_raw_fd()));
        let file = opened_at.as_ref().map_or(file, Path::new);
        let section = manifest::section(file)?;
        let manifest = Manifest::parse(&section)?;
        // SAFETY: this runs whatever the library's constructors do. That it is the operator's choice, and that this
        // process exists for nothing else, is the design.
        let library = unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|error| Why::Load(reason(&error)))?;
        let library = ManuallyDrop::new(library);
        let table = table(&library)?;
        same_manifest(&table, &section)?;
        let instance = Instance::create(table, config, services)?;
        Ok(Self { instance, manifest, _library: library })
    }

    /// Delivers one notification. Blocks.
    pub(super) fn deliver(&self, job: &Job) -> Outcome {
        self.instance.deliver(job)
    }
}

/// What the dynamic loader says; the error itself only says that it said something.
fn reason(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

fn table(library: &Library) -> Result<PluginTable, Why> {
    // SAFETY: the symbol's name says what type it has; a library that lies crashes this process and no other.
    let table = unsafe {
        let entry =
            library.get::<abi::Entry>(abi::ENTRY_SYMBOL).map_err(|error| Why::NoEntry(reason(&error)))?;
        entry()
    };
    if table.is_null() {
        return Err(Why::NoTable);
    }
    // SAFETY: every version of the table begins with its size and its ABI number.
    let (size, theirs) = unsafe { ((&raw const (*table).size).read(), (&raw const (*table).abi).read()) };
    if theirs != abi::ABI_V1 {
        return Err(Why::Abi { theirs: theirs.into(), ours: abi::ABI_V1 });
    }
    if size < TABLE_BYTES_MIN {
        return Err(Why::TableTooSmall { theirs: size, ours: TABLE_BYTES_MIN });
    }
    // SAFETY: a table of version 1, with `size` readable bytes.
    Ok(unsafe { abi::read_sized(table) })
}

fn same_manifest(table: &PluginTable, section: &[u8]) -> Result<(), Why> {
    if table.manifest.len > abi::MANIFEST_BYTES_MAX.into() {
        return Err(Why::ManifestTooLong { bytes: table.manifest.len });
    }
    // SAFETY: the header lets the table's manifest be read for as long as the process lives.
    let theirs = manifest::without_padding(unsafe { table.manifest.as_slice() });
    let ours = manifest::without_padding(section);
    if theirs == ours {
        return Ok(());
    }
    let begin = |json: &[u8]| String::from_utf8_lossy(&json[..json.len().min(60)]).into_owned();
    Err(Why::OtherManifest { theirs: begin(theirs), ours: begin(ours) })
}

impl Instance {
    fn create(table: PluginTable, config: &[u8], services: Box<dyn Services>) -> Result<Self, Why> {
        let create = table.create.ok_or(Why::NoFunction("create"))?;
        if table.deliver.is_none() {
            return Err(Why::NoFunction("deliver"));
        }
        let host = Box::leak(Box::new(host_table(services))); // Lives as long as the process, as the header says.
        let mut room = vec![0; TEXT_BYTES_MAX];
        let mut error = Space::of(&mut room);
        // SAFETY: the table's functions are what the header says, and all that is lent outlives the call.
        let pointer = unsafe { create(host, Bytes::of(config), &mut error) };
        let Some(pointer) = NonNull::new(pointer) else {
            let why = text(&room, error.len);
            return Err(Why::Create(if why.is_empty() { "it gave no reason".to_owned() } else { why }));
        };
        Ok(Self { pointer, table })
    }

    fn deliver(&self, job: &Job) -> Outcome {
        let delivery = abi::Delivery {
            size: size_of::<abi::Delivery>() as u32,
            attempt: job.attempt,
            replay: job.replay.into(),
            reserved: 0,
            remaining_ms: job.remaining_ms,
            notification: Bytes::of(&job.notification),
            receipt: Bytes::of(job.receipt.as_bytes()),
        };
        let mut room = vec![0; TEXT_BYTES_MAX];
        let mut out = abi::OutcomeOut::unset(&mut room);
        let deliver = self.table.deliver.expect("`create` checked it");
        // SAFETY: the instance is not destroyed while `self` is borrowed, and all that is lent outlives the call.
        unsafe { deliver(self.pointer.as_ptr(), &delivery, &mut out) };
        LAST_ANSWER.take();
        outcome(out.kind, out.retry_after_ms, text(&room, out.text.len))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(destroy) = self.table.destroy {
            // SAFETY: nobody borrows the instance, so no delivery is running, and this runs once.
            unsafe { destroy(self.pointer.as_ptr()) };
        }
    }
}

/// What was written into `room`; a plugin may claim more than there was room for.
fn text(room: &[u8], len: u64) -> String {
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(room.len());
    String::from_utf8_lossy(&room[..len]).into_owned()
}

fn host_table(services: Box<dyn Services>) -> HostTable {
    HostTable {
        size: size_of::<HostTable>() as u32,
        abi: abi::ABI_V1,
        host: Box::into_raw(Box::new(services)).cast(),
        log: Some(host_log),
        http: Some(host_http),
        get_extension: Some(host_extension),
    }
}

thread_local! {
    /// The answer whose buffers this thread's plugin code may still be reading.
    static LAST_ANSWER: RefCell<Option<HttpEnd>> = const { RefCell::new(None) };
}

/// # Safety
/// `host` is the one in the table that was given to the plugin.
unsafe fn services<'a>(host: *mut c_void) -> &'a dyn Services {
    // SAFETY: it came from `host_table`, and is never freed.
    unsafe { &**host.cast::<Box<dyn Services>>() }
}

unsafe extern "C" fn host_log(host: *mut c_void, number: u32, line: Bytes) {
    // SAFETY: the plugin hands back its table's `host`, and a line that it lends.
    let (services, line) = unsafe { (services(host), line.as_slice()) };
    services.log(level(number), line);
}

unsafe extern "C" fn host_http(
    host: *mut c_void,
    request: *const HttpRequest,
    response: *mut HttpResponse,
) -> u32 {
    // SAFETY: the plugin hands back its table's `host`, and lends the request with both its buffers.
    let end = unsafe {
        let request = abi::read_sized(request);
        services(host).http(request.description.as_slice(), request.body.as_slice())
    };
    LAST_ANSWER.with_borrow_mut(|last| {
        let mut out = HttpResponse::EMPTY;
        let kind = match last.insert(end) {
            HttpEnd::Answer { status, headers, body } => {
                out.status = (*status).into();
                out.headers = Bytes::of(headers);
                out.body = Bytes::of(body);
                abi::HTTP_ANSWER
            }
            HttpEnd::Fault(error) => {
                let (kind, why) = match error {
                    HttpError::NotSent { why } => (abi::HTTP_NOT_SENT, why),
                    HttpError::NoAnswer { why } => (abi::HTTP_NO_ANSWER, why),
                    HttpError::Refused { why } => (abi::HTTP_REFUSED, why),
                };
                out.error = Bytes::of(why.as_bytes());
                kind
            }
        };
        // SAFETY: the plugin lends a response whose size it has set.
        unsafe { abi::write_sized(response, &out) };
        kind
    })
}

/// This version of the host has no extension.
unsafe extern "C" fn host_extension(_host: *mut c_void, _name: Bytes) -> *const c_void {
    null()
}
