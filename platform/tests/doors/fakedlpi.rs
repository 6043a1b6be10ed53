//! A libdlpi for Linux, with the C interface of the real one: links are network interfaces, reached by libpcap.
//!
//! It is strict where the real one is: a link sends only when it is bound, receives frames of other protocols and for
//! other stations only when it was asked for them, and hands notifications out one at a time inside other calls.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::os::fd::AsRawFd;

use bng_platform::solaris::libdlpi::{
    CURRENT_ADDRESS, ETHERNET, Handle, Info, Libdlpi, NotifyFunction, NotifyInfo, PHYSADDR_MAX, RecvInfo,
    code, flags, note, promisc,
};
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use pcap::{Active, Capture, Direction, Linktype};

/// `DL_OUTSTATE` of `<sys/dlpi.h>`: this is not the time for that.
const OUTSTATE: c_int = 3;
/// `DL_NOTSUPPORTED` of `<sys/dlpi.h>`
const NOT_SUPPORTED: c_int = 0x12;

/// The library.
pub(crate) static FAKE: Libdlpi =
    Libdlpi { open, close, info, bind, promiscon, get_physaddr, send, recv, enabnotify, fd, strerror };

struct Open {
    name: String,
    capture: Capture<Active>,
    flags: c_uint,
    bound: bool,
    phys: bool,
    sap: bool,
    listener: Option<(NotifyFunction, *mut c_void)>,
    /// The link state that the listener knows.
    told: Cell<Option<bool>>,
}

/// # Safety
/// The handle is open.
unsafe fn of<'h>(handle: Handle) -> &'h mut Open {
    // SAFETY: made by `open`, and the caller says that it was not closed.
    unsafe { &mut *handle.cast::<Open>() }
}

fn failed(errno: Errno) -> c_int {
    errno.set();
    code::SYSERR
}

fn is_up(name: &str) -> Option<bool> {
    let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
    getifaddrs().unwrap().find(|entry| entry.interface_name == name).map(|entry| entry.flags.contains(up))
}

nix::ioctl_read_bad!(get_mtu, nix::libc::SIOCGIFMTU, nix::libc::ifreq);

fn mtu(name: &str) -> Option<c_uint> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // SAFETY: `ifreq` is plain old data, for which all zeros is a value.
    let mut request: nix::libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as c_char;
    }
    // SAFETY: the descriptor is open, and `request` is what SIOCGIFMTU reads and writes.
    unsafe { get_mtu(socket.as_raw_fd(), &mut request) }.ok()?;
    // SAFETY: SIOCGIFMTU succeeded, so this is the member of the union that is set.
    c_uint::try_from(unsafe { request.ifr_ifru.ifru_mtu }).ok()
}

unsafe extern "C" fn open(name: *const c_char, handle: *mut Handle, flags: c_uint) -> c_int {
    // SAFETY: the caller gives a terminated name.
    let name = unsafe { CStr::from_ptr(name) }.to_str().unwrap().to_owned();
    if name.is_empty() || name.contains(':') {
        return code::LINKNAME_INVALID;
    }
    if if_nametoindex(name.as_str()).is_err() {
        return code::NO_LINK;
    }
    let capture = Capture::from_device(name.as_str())
        .and_then(|capture| {
            capture.promisc(true).immediate_mode(true).snaplen(16_000).buffer_size(16 << 20).open()
        })
        .and_then(Capture::setnonblock);
    let mut capture = match capture {
        Ok(capture) => capture,
        Err(error) if error.to_string().to_lowercase().contains("permi") => return failed(Errno::EACCES),
        Err(error) => panic!("{error}"),
    };
    // Nothing is received before it is asked for.
    capture.filter("less 1", true).unwrap();
    let open = Open {
        name,
        capture,
        flags,
        bound: false,
        phys: false,
        sap: false,
        listener: None,
        told: Cell::new(None),
    };
    // SAFETY: the caller gives a valid place.
    unsafe { *handle = Box::into_raw(Box::new(open)).cast() };
    code::SUCCESS
}

unsafe extern "C" fn close(handle: Handle) {
    // SAFETY: made by `open`, closed once.
    drop(unsafe { Box::from_raw(handle.cast::<Open>()) });
}

unsafe extern "C" fn info(handle: Handle, info: *mut Info, options: c_uint) -> c_int {
    assert_eq!(options, 0);
    // SAFETY: the caller has an open handle and a valid place.
    let (open, info) = unsafe { (of(handle), &mut *info) };
    let Some(mtu) = mtu(&open.name) else { return failed(Errno::ENXIO) };
    info.max_sdu = mtu;
    let ethernet = open.capture.get_datalink() == Linktype::ETHERNET && open.name != "lo";
    // DL_LOOP
    info.mactype = if ethernet { ETHERNET } else { 0x0d };
    code::SUCCESS
}

unsafe extern "C" fn get_physaddr(
    handle: Handle,
    kind: c_uint,
    place: *mut c_void,
    length: *mut usize,
) -> c_int {
    assert_eq!(kind, CURRENT_ADDRESS);
    // SAFETY: the caller has an open handle and a valid place.
    let (open, length) = unsafe { (of(handle), &mut *length) };
    if *length < PHYSADDR_MAX {
        return NOT_SUPPORTED;
    }
    let mut entries = getifaddrs().unwrap().filter(|entry| entry.interface_name == open.name);
    let Some(bytes) = entries.find_map(|entry| entry.address?.as_link_addr()?.addr()) else {
        return failed(Errno::ENXIO);
    };
    // SAFETY: the place has 64 bytes, as was asked above.
    unsafe { place.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    *length = bytes.len();
    code::SUCCESS
}

unsafe extern "C" fn bind(handle: Handle, _sap: c_uint, bound: *mut c_uint) -> c_int {
    // SAFETY: the caller has an open handle and a valid place.
    unsafe {
        *bound = 0;
        of(handle).bound = true;
    }
    code::SUCCESS
}

unsafe extern "C" fn promiscon(handle: Handle, level: c_uint) -> c_int {
    // SAFETY: the caller has an open handle.
    let open = unsafe { of(handle) };
    match level {
        promisc::PHYS => open.phys = true,
        promisc::SAP => open.sap = true,
        promisc::RX_ONLY => open.capture.direction(Direction::In).unwrap(),
        _ => return NOT_SUPPORTED,
    }
    if open.bound && open.phys && open.sap {
        open.capture.filter("", true).unwrap();
    }
    code::SUCCESS
}

unsafe extern "C" fn send(
    handle: Handle,
    to: *const c_void,
    to_length: usize,
    message: *const c_void,
    length: usize,
    info: *const c_void,
) -> c_int {
    // SAFETY: the caller has an open handle and a message of that length.
    let (open, frame) = unsafe { (of(handle), std::slice::from_raw_parts(message.cast::<u8>(), length)) };
    assert!(to.is_null() && to_length == 0 && info.is_null() && open.flags & flags::RAW != 0);
    if !open.bound {
        return OUTSTATE;
    }
    let first = open.capture.sendpacket(frame);
    // What is refused first may be old news of a link that was down in the meantime.
    match first.or_else(|_| open.capture.sendpacket(frame)) {
        Ok(()) => code::SUCCESS,
        Err(_) if if_nametoindex(open.name.as_str()).is_err() => failed(Errno::ENXIO),
        Err(_) => failed(Errno::EAGAIN),
    }
}

unsafe extern "C" fn recv(
    handle: Handle,
    from: *mut c_void,
    from_length: *mut usize,
    message: *mut c_void,
    length: *mut usize,
    milliseconds: c_int,
    info: *mut RecvInfo,
) -> c_int {
    assert!(from.is_null() && from_length.is_null() && milliseconds == 0);
    // SAFETY: the caller has an open handle.
    let open = unsafe { of(handle) };
    if if_nametoindex(open.name.as_str()).is_err() {
        return failed(Errno::ENXIO);
    }
    if let Some((function, argument)) = open.listener {
        notify(handle, open, function, argument);
    }
    if message.is_null() {
        assert!(length.is_null() && info.is_null());
        return code::TIMED_OUT;
    }
    // SAFETY: the caller gives a buffer, its length, and a place for what is known of the message.
    let (buffer, length, info) =
        unsafe { (std::slice::from_raw_parts_mut(message.cast::<u8>(), *length), &mut *length, &mut *info) };
    let mut got = false;
    let result = open.capture.dispatch(Some(1), |packet| {
        got = true;
        info.totmsglen = packet.data.len();
        *length = packet.data.len().min(buffer.len());
        buffer[..*length].copy_from_slice(&packet.data[..*length]);
    });
    match result {
        Ok(_) if got => code::SUCCESS,
        // A link that went down is no error of a stream.
        _ => code::TIMED_OUT,
    }
}

fn notify(handle: Handle, open: &Open, function: NotifyFunction, argument: *mut c_void) {
    let now = is_up(&open.name);
    if now.is_some() && now != open.told.get() {
        open.told.set(now);
        let note = if now == Some(true) { note::LINK_UP } else { note::LINK_DOWN };
        let mut info = NotifyInfo { note, data: [0; 17] };
        // SAFETY: function and argument are those that the listener gave, for as long as the handle is open.
        unsafe { function(handle, &mut info, argument) };
    }
}

unsafe extern "C" fn enabnotify(
    handle: Handle,
    notes: c_uint,
    function: NotifyFunction,
    argument: *mut c_void,
    id: *mut *mut c_void,
) -> c_int {
    assert_eq!(notes, note::LINK_UP | note::LINK_DOWN);
    // SAFETY: the caller has an open handle and a valid place.
    unsafe {
        *id = handle;
        of(handle).listener = Some((function, argument));
    }
    code::SUCCESS
}

unsafe extern "C" fn fd(handle: Handle) -> c_int {
    // SAFETY: the caller has an open handle.
    unsafe { of(handle) }.capture.as_raw_fd()
}

unsafe extern "C" fn strerror(code: c_int) -> *const c_char {
    let text = match code {
        code::NO_LINK => c"DLPI link does not exist",
        OUTSTATE => c"primitive issued in improper state",
        _ => c"another error",
    };
    text.as_ptr()
}
