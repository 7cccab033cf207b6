//! The Rust mirror of `include/commwatch_plugin.h`, which is the definition; a test compares the two with a C
//! compiler. Names are the header's without `cw_` and `_v1`. Authors in Rust need nothing of this module.
#![expect(unsafe_code, reason = "the boundary: raw pointers become slices here, and nowhere else")]
#![expect(missing_docs, reason = "the header documents each field")]

use std::ffi::c_void;
use std::ptr::{null, null_mut};

pub const ABI_V1: u32 = 1;
/// The ELF section that holds the manifest.
pub const PLUGIN_SECTION: &str = ".commwatch.plugin";
/// The exported symbol, NUL-ended as the dynamic loader wants it.
pub const ENTRY_SYMBOL: &std::ffi::CStr = c"cw_plugin_entry_v1";
pub const MANIFEST_BYTES_MAX: u32 = 262_144;
pub const HTTP_REQUEST_BODY_MAX: u32 = 1_048_576;
pub const HTTP_RESPONSE_BODY_MAX: u32 = 65_536;
pub const LOG_LINE_MAX: u32 = 8_192;

pub const LOG_ERROR: u32 = 1;
pub const LOG_WARN: u32 = 2;
pub const LOG_INFO: u32 = 3;
pub const LOG_DEBUG: u32 = 4;

pub const HTTP_ANSWER: u32 = 0;
pub const HTTP_NOT_SENT: u32 = 1;
pub const HTTP_NO_ANSWER: u32 = 2;
pub const HTTP_REFUSED: u32 = 3;

pub const OUTCOME_UNKNOWN: u32 = 0;
pub const OUTCOME_DELIVERED: u32 = 1;
pub const OUTCOME_RETRY: u32 = 2;
pub const OUTCOME_REJECT: u32 = 3;
pub const OUTCOME_BROKEN: u32 = 4;
/// `retry_after_ms` of [`OUTCOME_BROKEN`]: not to be tried again before a reload.
pub const UNTIL_RELOAD: u64 = u64::MAX;

/// Borrowed bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Bytes {
    pub ptr: *const u8,
    pub len: u64,
}

impl Bytes {
    pub const EMPTY: Self = Self { ptr: null(), len: 0 };

    /// Lends a slice; the borrow is not tracked past this call.
    pub const fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() as u64 }
    }

    /// What was lent.
    ///
    /// # Safety
    /// `ptr` must be null or point to `len` readable bytes that nobody changes during `'a`.
    pub unsafe fn as_slice<'a>(self) -> &'a [u8] {
        if self.ptr.is_null() || self.len == 0 {
            return &[];
        }
        // SAFETY: the caller promises `len` readable bytes at a non-null pointer.
        unsafe { std::slice::from_raw_parts(self.ptr, self.len as usize) }
    }

    /// What was lent, as text of its own; bad UTF-8 is replaced.
    ///
    /// # Safety
    /// As [`as_slice`](Self::as_slice).
    pub unsafe fn to_text(self) -> String {
        // SAFETY: the same promise, handed on.
        String::from_utf8_lossy(unsafe { self.as_slice() }).into_owned()
    }
}

/// Room for text, owned by the caller.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Space {
    pub ptr: *mut u8,
    pub capacity: u64,
    pub len: u64,
}

impl Space {
    /// Lends a buffer to be written to; the borrow is not tracked past this call.
    pub fn of(room: &mut [u8]) -> Self {
        Self { ptr: room.as_mut_ptr(), capacity: room.len() as u64, len: 0 }
    }

    /// Writes as much of `text` as fits, ending between two characters.
    ///
    /// # Safety
    /// `ptr` must be null or point to `capacity` writable bytes.
    pub unsafe fn write(&mut self, text: &str) {
        let room = usize::try_from(self.capacity).unwrap_or(usize::MAX);
        let len = if self.ptr.is_null() { 0 } else { text.floor_char_boundary(room) };
        if len > 0 {
            // SAFETY: `len` is at most `capacity`, and a caller's buffer cannot overlap a Rust `&str`.
            unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), self.ptr, len) };
        }
        self.len = len as u64;
    }
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpRequest {
    pub size: u32,
    pub reserved: u32,
    pub description: Bytes,
    pub body: Bytes,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HttpResponse {
    pub size: u32,
    pub status: u32,
    pub headers: Bytes,
    pub body: Bytes,
    pub error: Bytes,
}

impl HttpResponse {
    /// Nothing yet.
    pub const EMPTY: Self = Self {
        size: size_of::<Self>() as u32,
        status: 0,
        headers: Bytes::EMPTY,
        body: Bytes::EMPTY,
        error: Bytes::EMPTY,
    };
}

/// The host's table.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct HostTable {
    pub size: u32,
    pub abi: u32,
    pub host: *mut c_void,
    pub log: Option<unsafe extern "C" fn(host: *mut c_void, level: u32, line: Bytes)>,
    pub http: Option<
        unsafe extern "C" fn(
            host: *mut c_void,
            request: *const HttpRequest,
            response: *mut HttpResponse,
        ) -> u32,
    >,
    pub get_extension: Option<unsafe extern "C" fn(host: *mut c_void, name: Bytes) -> *const c_void>,
}

// SAFETY: the header lets `log` and `get_extension` be called on any thread, and `http` on each that delivers.
unsafe impl Send for HostTable {}
// SAFETY: as above; the table itself never changes.
unsafe impl Sync for HostTable {}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Delivery {
    pub size: u32,
    pub attempt: u32,
    pub replay: u32,
    pub reserved: u32,
    pub remaining_ms: u64,
    pub notification: Bytes,
    pub receipt: Bytes,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct OutcomeOut {
    pub size: u32,
    pub kind: u32,
    pub retry_after_ms: u64,
    pub text: Space,
}

/// The plugin's table.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct PluginTable {
    pub size: u32,
    pub abi: u32,
    pub manifest: Bytes,
    pub create:
        Option<unsafe extern "C" fn(host: *const HostTable, config: Bytes, error: *mut Space) -> *mut c_void>,
    pub destroy: Option<unsafe extern "C" fn(instance: *mut c_void)>,
    pub deliver: Option<
        unsafe extern "C" fn(instance: *mut c_void, delivery: *const Delivery, outcome: *mut OutcomeOut),
    >,
    pub get_extension: Option<unsafe extern "C" fn(name: Bytes) -> *const c_void>,
}

// SAFETY: a table is constant data and functions that the header lets the host call from its threads.
unsafe impl Send for PluginTable {}
// SAFETY: as above.
unsafe impl Sync for PluginTable {}

/// The type of [`ENTRY_SYMBOL`].
pub type Entry = unsafe extern "C" fn() -> *const PluginTable;

/// A struct of the ABI that begins with its own size.
///
/// # Safety
/// `repr(C)`, all bytes zero is a valid value, and the first field is the size as `u32`.
pub unsafe trait Sized32: Copy {}
// SAFETY: plain numbers, raw pointers and optional functions, with the size first.
unsafe impl Sized32 for HttpRequest {}
// SAFETY: as above.
unsafe impl Sized32 for HostTable {}
// SAFETY: as above.
unsafe impl Sized32 for Delivery {}
// SAFETY: as above.
unsafe impl Sized32 for PluginTable {}

/// Copies what the other side's struct covers; fields that it does not know of are zero.
///
/// # Safety
/// `theirs` must point to a struct of this kind, of any version, with `size` readable bytes.
pub unsafe fn read_sized<T: Sized32>(theirs: *const T) -> T {
    // SAFETY: `Sized32` promises that zero is a value of T.
    let mut ours: T = unsafe { std::mem::zeroed() };
    // SAFETY: every version of the struct begins with its size.
    let size = unsafe { theirs.cast::<u32>().read() } as usize;
    let len = size.min(size_of::<T>());
    // SAFETY: `len` bytes are readable there, and fit here; the two do not overlap, `ours` being a local.
    unsafe { std::ptr::copy_nonoverlapping(theirs.cast::<u8>(), (&raw mut ours).cast::<u8>(), len) };
    ours
}

/// The answer's fields that the other side's `size` covers, written one by one.
///
/// # Safety
/// `theirs` must point to `size` writable bytes, `size` being its first field.
pub unsafe fn write_sized(theirs: *mut HttpResponse, ours: &HttpResponse) {
    // SAFETY: every version of the struct begins with its size.
    let size = unsafe { theirs.cast::<u32>().read() } as usize;
    let len = size.min(size_of::<HttpResponse>());
    let skip = size_of::<u32>();
    if len > skip {
        // SAFETY: bytes `skip..len` are writable there and readable here; `ours` is a reference to another struct.
        unsafe {
            let from = std::ptr::from_ref(ours).cast::<u8>().add(skip);
            std::ptr::copy_nonoverlapping(from, theirs.cast::<u8>().add(skip), len - skip);
        }
    }
}

impl PluginTable {
    /// A table without functions.
    pub const EMPTY: Self = Self {
        size: size_of::<Self>() as u32,
        abi: ABI_V1,
        manifest: Bytes::EMPTY,
        create: None,
        destroy: None,
        deliver: None,
        get_extension: None,
    };
}

impl OutcomeOut {
    /// An outcome that nobody has set yet, with room for its text.
    pub fn unset(room: &mut [u8]) -> Self {
        let text =
            if room.is_empty() { Space { ptr: null_mut(), capacity: 0, len: 0 } } else { Space::of(room) };
        Self { size: size_of::<Self>() as u32, kind: OUTCOME_UNKNOWN, retry_after_ms: 0, text }
    }
}
