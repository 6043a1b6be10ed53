//! libdlpi as the system has it.

use std::ffi::{c_char, c_int, c_uint, c_void};

use super::libdlpi::{Handle, Info, Libdlpi, NotifyFunction, RecvInfo};

#[link(name = "dlpi")]
unsafe extern "C" {
    fn dlpi_open(name: *const c_char, handle: *mut Handle, flags: c_uint) -> c_int;
    fn dlpi_close(handle: Handle);
    fn dlpi_info(handle: Handle, info: *mut Info, options: c_uint) -> c_int;
    fn dlpi_bind(handle: Handle, sap: c_uint, bound: *mut c_uint) -> c_int;
    fn dlpi_promiscon(handle: Handle, level: c_uint) -> c_int;
    fn dlpi_get_physaddr(handle: Handle, kind: c_uint, address: *mut c_void, length: *mut usize) -> c_int;
    fn dlpi_send(
        handle: Handle,
        to: *const c_void,
        to_length: usize,
        message: *const c_void,
        length: usize,
        info: *const c_void,
    ) -> c_int;
    fn dlpi_recv(
        handle: Handle,
        from: *mut c_void,
        from_length: *mut usize,
        message: *mut c_void,
        length: *mut usize,
        milliseconds: c_int,
        info: *mut RecvInfo,
    ) -> c_int;
    fn dlpi_enabnotify(
        handle: Handle,
        notes: c_uint,
        function: NotifyFunction,
        argument: *mut c_void,
        id: *mut *mut c_void,
    ) -> c_int;
    fn dlpi_fd(handle: Handle) -> c_int;
    fn dlpi_strerror(code: c_int) -> *const c_char;
}

/// The library that this process is linked with.
pub(crate) static LIBDLPI: Libdlpi = Libdlpi {
    open: dlpi_open,
    close: dlpi_close,
    info: dlpi_info,
    bind: dlpi_bind,
    promiscon: dlpi_promiscon,
    get_physaddr: dlpi_get_physaddr,
    send: dlpi_send,
    recv: dlpi_recv,
    enabnotify: dlpi_enabnotify,
    fd: dlpi_fd,
    strerror: dlpi_strerror,
};
