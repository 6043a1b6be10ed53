//! libdlpi(3LIB): its functions, and a link that was opened with them.
//!
//! The functions are a table, so that the same code that runs over the library of Solaris and illumos runs over
//! another one in tests. Names and numbers are those of `<libdlpi.h>` and `<sys/dlpi.h>`.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_uint, c_void};
use std::fmt;
use std::os::fd::BorrowedFd;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;

use crate::process::{Interest, PollSet};

/// `DLPI_PHYSADDR_MAX`
pub const PHYSADDR_MAX: usize = 64;
/// `DLPI_LINKNAME_MAX`, with the zero at the end.
pub const LINKNAME_MAX: usize = 32;
/// `DLPI_ANY_SAP`
pub const ANY_SAP: c_uint = c_uint::MAX;

/// Flags of `dlpi_open`.
pub mod flags {
    use std::ffi::c_uint;
    /// `DLPI_PASSIVE`: beside other users of the link, such as an aggregation.
    pub const PASSIVE: c_uint = 0x0002;
    /// `DLPI_RAW`: whole frames, link-layer header included.
    pub const RAW: c_uint = 0x0004;
}

/// Levels of `dlpi_promiscon`.
pub mod promisc {
    use std::ffi::c_uint;
    /// `DL_PROMISC_PHYS`: whatever the destination.
    pub const PHYS: c_uint = 1;
    /// `DL_PROMISC_SAP`: whatever the protocol.
    pub const SAP: c_uint = 2;
    /// `DL_PROMISC_RX_ONLY`: not what this system itself sends. illumos; Solaris does not know it.
    pub const RX_ONLY: c_uint = 4;
}

/// Notifications of `dlpi_enabnotify`.
pub mod note {
    use std::ffi::c_uint;
    /// `DL_NOTE_LINK_DOWN`
    pub const LINK_DOWN: c_uint = 0x0008;
    /// `DL_NOTE_LINK_UP`
    pub const LINK_UP: c_uint = 0x0010;
}

/// What the functions return.
pub mod code {
    use std::ffi::c_int;
    /// `DL_SYSERR`: see `errno`.
    pub const SYSERR: c_int = 4;
    /// `DLPI_SUCCESS`
    pub const SUCCESS: c_int = 10_000;
    /// `DLPI_ELINKNAMEINVAL`
    pub const LINKNAME_INVALID: c_int = 10_002;
    /// `DLPI_ENOLINK`
    pub const NO_LINK: c_int = 10_003;
    /// `DLPI_ETIMEDOUT`
    pub const TIMED_OUT: c_int = 10_006;
    /// `DLPI_ERAWNOTSUP`
    pub const NO_RAW_MODE: c_int = 10_013;
}

/// `DL_ETHER` of `<sys/dlpi.h>`
pub const ETHERNET: c_uint = 4;
/// `DL_CURR_PHYS_ADDR` of `<sys/dlpi.h>`
pub const CURRENT_ADDRESS: c_uint = 2;

/// Most notifications that are taken at once.
const NOTES_MAX: u32 = 32;

/// `dlpi_handle_t`
pub type Handle = *mut c_void;

/// `dlpi_info_t`
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named as in libdlpi.h")]
pub struct Info {
    pub opts: c_uint,
    pub max_sdu: c_uint,
    pub min_sdu: c_uint,
    pub state: c_uint,
    pub mactype: c_uint,
    pub linkname: [c_char; LINKNAME_MAX],
    pub physaddr: [c_uchar; PHYSADDR_MAX],
    pub physaddrlen: c_uchar,
    pub bcastaddr: [c_uchar; PHYSADDR_MAX],
    pub bcastaddrlen: c_uchar,
    pub sap: c_uint,
    pub timeout: c_int,
    /// `di_qos_sel` and `di_qos_range`, which nobody needs, and room for what a newer library adds at the end.
    pub qos: [u32; 64],
}

/// `dlpi_recvinfo_t`
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named as in libdlpi.h")]
pub struct RecvInfo {
    pub destaddr: [c_uchar; PHYSADDR_MAX],
    pub destaddrlen: c_uchar,
    pub destaddrtype: c_uint,
    pub totmsglen: usize,
}

/// `dlpi_notifyinfo_t`
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named as in libdlpi.h")]
pub struct NotifyInfo {
    pub note: c_uint,
    /// A union of speed, size and an address with its length.
    pub data: [c_uint; 17],
}

/// `dlpi_notifyfunc_t`
pub type NotifyFunction = unsafe extern "C" fn(Handle, *mut NotifyInfo, *mut c_void);

/// The functions of libdlpi that bng calls, each with the meaning of its page in section 3DLPI.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named as in libdlpi.h")]
pub struct Libdlpi {
    pub open: unsafe extern "C" fn(*const c_char, *mut Handle, c_uint) -> c_int,
    pub close: unsafe extern "C" fn(Handle),
    pub info: unsafe extern "C" fn(Handle, *mut Info, c_uint) -> c_int,
    pub bind: unsafe extern "C" fn(Handle, c_uint, *mut c_uint) -> c_int,
    pub promiscon: unsafe extern "C" fn(Handle, c_uint) -> c_int,
    pub get_physaddr: unsafe extern "C" fn(Handle, c_uint, *mut c_void, *mut usize) -> c_int,
    pub send:
        unsafe extern "C" fn(Handle, *const c_void, usize, *const c_void, usize, *const c_void) -> c_int,
    pub recv: unsafe extern "C" fn(
        Handle,
        *mut c_void,
        *mut usize,
        *mut c_void,
        *mut usize,
        c_int,
        *mut RecvInfo,
    ) -> c_int,
    pub enabnotify:
        unsafe extern "C" fn(Handle, c_uint, NotifyFunction, *mut c_void, *mut *mut c_void) -> c_int,
    pub fd: unsafe extern "C" fn(Handle) -> c_int,
    pub strerror: unsafe extern "C" fn(c_int) -> *const c_char,
}

/// A refusal: what the function returned and, for [`code::SYSERR`], the system's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One of [`code`], or a `DL_` error of `<sys/dlpi.h>`.
    pub code: c_int,
    /// The system's reason; meaningful for [`code::SYSERR`] only.
    pub errno: Errno,
    text: String,
}

impl Refusal {
    /// True when the system refused for this reason.
    pub fn is(&self, errno: Errno) -> bool {
        self.code == code::SYSERR && self.errno == errno
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Refusal> for std::io::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.code {
            code::SYSERR => refusal.errno.into(),
            _ => Self::other(refusal.text),
        }
    }
}

/// What a link told about itself.
#[derive(Debug, Default)]
struct Told {
    up: Cell<Option<bool>>,
}

/// An open link (`dlpi_handle_t`), for one thread at a time.
#[derive(Debug)]
pub struct Link {
    library: &'static Libdlpi,
    handle: Handle,
    /// Filled by [`hear`]; owned by this link, and null before [`Link::watch`].
    told: *mut Told,
}

// SAFETY: libdlpi ties a handle to no thread, and `Link` is not `Sync`, so only one thread at a time has it. `told` is
// reached through the link only, the callback included: the library calls back inside calls on this handle.
unsafe impl Send for Link {}

/// A received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes in the buffer.
    pub length: usize,
    /// Bytes of the message; more than `length` when it did not fit.
    pub total: usize,
}

unsafe extern "C" fn hear(_: Handle, info: *mut NotifyInfo, told: *mut c_void) {
    // SAFETY: the library calls with a notification that lives during the call, and with the pointer that `watch` gave
    // it, which lives as long as the handle.
    let (note, told) = unsafe { ((*info).note, &*told.cast::<Told>()) };
    match note {
        note::LINK_UP => told.up.set(Some(true)),
        note::LINK_DOWN => told.up.set(Some(false)),
        _ => {}
    }
}

impl Link {
    /// Opens link `name`.
    ///
    /// # Errors
    /// `NO_LINK` when there is none, `SYSERR` with `EACCES` without the privilege, and others.
    pub fn open(library: &'static Libdlpi, name: &str, flags: c_uint) -> Result<Self, Refusal> {
        let mut handle = ptr::null_mut();
        // A name with a zero byte names no link.
        let name = CString::new(name).unwrap_or_default();
        // SAFETY: `name` is terminated, `handle` is valid for writing; the function keeps neither.
        let result = unsafe { (library.open)(name.as_ptr(), &mut handle, flags) };
        verdict(library, result)?;
        Ok(Self { library, handle, told: ptr::null_mut() })
    }

    /// What the link is, with its largest packet.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub fn info(&self) -> Result<Info, Refusal> {
        // SAFETY: all-zero bytes are a value of every field.
        let mut info: Info = unsafe { std::mem::zeroed() };
        // SAFETY: the handle is open and `info` valid for writing; the last argument has to be 0.
        let result = unsafe { (self.library.info)(self.handle, &mut info, 0) };
        verdict(self.library, result).map(|()| info)
    }

    /// The current hardware address; `None` when it does not have six bytes.
    ///
    /// # Errors
    /// When the driver does not answer.
    pub fn mac(&self) -> Result<Option<[u8; 6]>, Refusal> {
        let mut bytes = [0_u8; PHYSADDR_MAX];
        let mut length = bytes.len();
        // SAFETY: the handle is open, and `bytes` has the `length` that the function is told.
        let result = unsafe {
            (self.library.get_physaddr)(self.handle, CURRENT_ADDRESS, bytes.as_mut_ptr().cast(), &mut length)
        };
        verdict(self.library, result)?;
        Ok(bytes.get(..length).and_then(|bytes| bytes.try_into().ok()))
    }

    /// Binds the link to a protocol, which lets it send; it receives the frames of that protocol.
    ///
    /// # Errors
    /// When the driver refuses.
    pub fn bind(&self, sap: c_uint) -> Result<(), Refusal> {
        let mut bound = 0;
        // SAFETY: the handle is open and `bound` valid for writing.
        let result = unsafe { (self.library.bind)(self.handle, sap, &mut bound) };
        verdict(self.library, result)
    }

    /// Asks for more frames; see [`promisc`].
    ///
    /// # Errors
    /// When the driver refuses, or does not know the level.
    pub fn promiscon(&self, level: c_uint) -> Result<(), Refusal> {
        // SAFETY: the handle is open.
        let result = unsafe { (self.library.promiscon)(self.handle, level) };
        verdict(self.library, result)
    }

    /// Sends one frame, header included; for links in raw mode.
    ///
    /// # Errors
    /// When the system does not take it.
    pub fn send(&self, frame: &[u8]) -> Result<(), Refusal> {
        // SAFETY: the handle is open and `frame` valid for reading; in raw mode the function wants no address.
        let result = unsafe {
            (self.library.send)(self.handle, ptr::null(), 0, frame.as_ptr().cast(), frame.len(), ptr::null())
        };
        verdict(self.library, result)
    }

    /// Takes the next frame that has arrived, without waiting; for links in raw mode. `None`: there is none.
    ///
    /// # Errors
    /// When the link is unusable.
    pub fn recv(&self, buffer: &mut [u8]) -> Result<Option<Received>, Refusal> {
        let mut length = buffer.len();
        let mut info =
            RecvInfo { destaddr: [0; PHYSADDR_MAX], destaddrlen: 0, destaddrtype: 0, totmsglen: 0 };
        Errno::clear();
        // SAFETY: the handle is open, `buffer` has the `length` that the function is told, and `info` is valid for
        // writing. Nobody wants the sender's address.
        let result = unsafe {
            (self.library.recv)(
                self.handle,
                ptr::null_mut(),
                ptr::null_mut(),
                buffer.as_mut_ptr().cast(),
                &mut length,
                0,
                &mut info,
            )
        };
        Ok(received(self.library, result)?.then_some(Received { length, total: info.totmsglen.max(length) }))
    }

    /// Asks for news of the link, for [`Link::up`].
    ///
    /// # Errors
    /// When the driver has none.
    pub fn watch(&mut self) -> Result<(), Refusal> {
        if self.told.is_null() {
            self.told = Box::into_raw(Box::default());
        }
        let mut id = ptr::null_mut();
        let notes = note::LINK_UP | note::LINK_DOWN;
        // SAFETY: the handle is open, `id` valid for writing, and `told` lives until the handle is closed.
        let result =
            unsafe { (self.library.enabnotify)(self.handle, notes, hear, self.told.cast(), &mut id) };
        verdict(self.library, result)
    }

    /// The last news of the link; `None` when nothing was ever told.
    ///
    /// # Errors
    /// When the link is unusable.
    pub fn up(&self) -> Result<Option<bool>, Refusal> {
        // One call hands out one notification, and returns the same whether there was one or not.
        for _ in 0..NOTES_MAX {
            if !self.readable() {
                break;
            }
            Errno::clear();
            let null = ptr::null_mut;
            // SAFETY: the handle is open; without any buffer the function only hands out notifications.
            let result = unsafe {
                (self.library.recv)(
                    self.handle,
                    null(),
                    ptr::null_mut(),
                    null(),
                    ptr::null_mut(),
                    0,
                    ptr::null_mut(),
                )
            };
            received(self.library, result)?;
        }
        // SAFETY: `told` is null, or was made by `watch` and lives as long as we do.
        Ok(unsafe { self.told.as_ref() }.and_then(|told| told.up.get()))
    }

    fn readable(&self) -> bool {
        let mut set = PollSet::new();
        let place = set.add(self.fd(), Interest::Read);
        set.wait(Some(Duration::ZERO)).is_ok() && set.readable(place)
    }

    /// The descriptor of the link, which becomes readable when frames arrive.
    pub fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor is that of an open handle, and is closed with it.
        unsafe { BorrowedFd::borrow_raw((self.library.fd)(self.handle)) }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and nobody uses it afterwards.
        unsafe { (self.library.close)(self.handle) };
        if !self.told.is_null() {
            // SAFETY: made by `Box::into_raw`, freed once, and the callback that knew it went with the handle.
            drop(unsafe { Box::from_raw(self.told) });
        }
    }
}

/// `false`: nothing has arrived.
fn received(library: &Libdlpi, result: c_int) -> Result<bool, Refusal> {
    if result == code::TIMED_OUT {
        return Ok(false);
    }
    match verdict(library, result) {
        Ok(()) => Ok(true),
        // A signal, or somebody else was faster.
        Err(refusal) if refusal.is(Errno::EINTR) || refusal.is(Errno::EAGAIN) => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

fn verdict(library: &Libdlpi, result: c_int) -> Result<(), Refusal> {
    if result == code::SUCCESS {
        return Ok(());
    }
    let errno = Errno::last();
    // SAFETY: the function returns a constant string for every number; it may be null in no case, but that is cheap.
    let text = unsafe {
        let text = (library.strerror)(result);
        if text.is_null() {
            "unknown DLPI error".into()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    };
    Err(Refusal { code: result, errno, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structures_have_the_layout_of_the_header_on_64_bit_systems() {
        // libdlpi.h: five words, a name, two addresses with a length byte each, padded to the next word.
        assert_eq!(offset_of!(Info, linkname), 20);
        assert_eq!(offset_of!(Info, physaddr), 52);
        assert_eq!(offset_of!(Info, bcastaddr), 117);
        assert_eq!(offset_of!(Info, sap), 184);
        assert_eq!(offset_of!(Info, qos), 192);
        // dl_qos_cl_sel1_t has five words, dl_qos_cl_range1_t eight.
        assert!(size_of::<Info>() >= 192 + (5 + 8) * 4);
        assert_eq!(offset_of!(RecvInfo, destaddrtype), 68);
        assert_eq!((offset_of!(RecvInfo, totmsglen), size_of::<RecvInfo>()), (72, 80));
        // The union's longest member is an address with its length byte.
        assert_eq!(size_of::<NotifyInfo>(), 4 + (PHYSADDR_MAX + 1).next_multiple_of(4));
    }
}
