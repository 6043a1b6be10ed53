//! `access tap`: a new virtual interface between bng and its host.
//!
//! There are no TAP devices here. An etherstub, which is a switch without a wire, joins two virtual network cards: the
//! one with the configured name is the host's, the other one bng opens as it opens any interface. All three exist
//! until the next start of the system at the longest, and are removed when bng closes the interface. What a bng that
//! was killed has left behind is recognised by its name and made anew.
//!
//! dladm(8) and ipadm(8) do the work, as child processes: their library is not a public interface.

use std::io;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::process::shell::{Ended, Ran, run_shell};
use crate::{Batch, Caps, DoorStats, OpenError, Port, RxQueue, TxQueue};

/// Longest name of a link (`MAXLINKNAMELEN` less the zero behind it).
const NAME_MAX: usize = 31;
/// Longest time that one command may take.
const LIMIT: Duration = Duration::from_secs(30);
/// What the shell says when there is no such command.
const NO_COMMAND: Ended = Ended::Status(127);
/// What making links needs, for the operator.
const PRIVILEGE: &str = "making virtual network cards needs the privileges sys_dl_config and sys_ip_config; run bng as \
                         root or give it those privileges";

/// The links behind one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The host's card, as configured.
    pub host: String,
    /// Our card.
    pub ours: String,
    /// The switch between them.
    pub stub: String,
}

impl Names {
    /// Names for `host`; `None` when that is no name for a link. Links are called by letters, digits, underscores and
    /// dots, with a letter in front and a number at the end (dladm(8)).
    pub fn of(host: &str) -> Option<Self> {
        let base = host.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = &host[base.len()..];
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let good = base.starts_with(|c: char| c.is_ascii_alphabetic())
            && base.chars().all(plain)
            && number.parse::<u32>().is_ok()
            && (number == "0" || !number.starts_with('0'));
        let names = Self {
            host: host.to_owned(),
            ours: format!("{base}_b{number}"),
            stub: format!("{base}_s{number}"),
        };
        (good && names.ours.len() <= NAME_MAX).then_some(names)
    }

    /// Whose the name is.
    fn owner(&self) -> String {
        format!("/usr/sbin/dladm show-vnic -p -o over {}", self.host)
    }

    /// Whether there is such a link.
    fn exists(&self) -> String {
        format!("/usr/sbin/dladm show-link -p -o link {}", self.host)
    }

    /// Makes all three, in this order.
    fn making(&self) -> [String; 3] {
        let Self { host, ours, stub } = self;
        [
            format!("/usr/sbin/dladm create-etherstub -t {stub}"),
            format!("/usr/sbin/dladm create-vnic -t -l {stub} {ours}"),
            format!("/usr/sbin/dladm create-vnic -t -l {stub} {host}"),
        ]
    }

    /// Removes all three, and the addresses of the host's card; what is not there is not missed.
    fn removing(&self) -> String {
        let Self { host, ours, stub } = self;
        format!(
            "/usr/sbin/ipadm delete-if {host}; /usr/sbin/dladm delete-vnic -t {host}; \
             /usr/sbin/dladm delete-vnic -t {ours}; /usr/sbin/dladm delete-etherstub -t {stub}"
        )
    }
}

/// How commands are run: to their end, and without waiting for it.
#[derive(Debug, Clone, Copy)]
pub struct Shell {
    /// Runs a command and waits for it.
    pub run: fn(&str) -> io::Result<Ran>,
    /// Starts a command that outlives this process.
    pub leave: fn(&str),
}

impl Shell {
    /// `/bin/sh`
    pub const SYSTEM: Self = Self { run: |command| run_shell(command, LIMIT), leave };
}

/// A worker that closes its queue must not wait, and a process that ends does not.
fn leave(command: &str) {
    let child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = child {
        // Somebody has to fetch its status.
        let _ = std::thread::Builder::new().name("bng-vnic".into()).spawn(move || child.wait());
    }
}

/// Links that exist as long as this does.
#[derive(Debug)]
struct Links {
    names: Names,
    shell: Shell,
}

impl Drop for Links {
    fn drop(&mut self) {
        (self.shell.leave)(&self.names.removing());
    }
}

impl Links {
    fn make(names: Names, shell: Shell) -> Result<Self, OpenError> {
        let name = || names.host.clone();
        let run = |command: &str| {
            let ran = (shell.run)(command).map_err(|error| OpenError::system(&names.host, "dladm", error))?;
            match ran.ended {
                NO_COMMAND => Err(OpenError::unsupported(
                    &names.host,
                    "there is no dladm; access tap needs Solaris 11 or illumos",
                )),
                _ => Ok(ran),
            }
        };
        let owner = run(&names.owner())?;
        let left_over = owner.success() && owner.output.trim() == names.stub;
        if !left_over && run(&names.exists())?.success() {
            return Err(OpenError::NameInUse { name: name() });
        }
        // Even without the host's card there may be something of the last time.
        run(&names.removing())?;
        if left_over && run(&names.exists())?.success() {
            let why = "it is left over from a bng that was killed and cannot be removed, because somebody uses it: \
                       another bng, or an address (ipadm show-addr)";
            return Err(OpenError::unsupported(&names.host, why));
        }
        // From here on, whatever was made is removed again.
        let links = Self { names: names.clone(), shell };
        for command in names.making() {
            let ran = run(&command)?;
            if !ran.success() {
                return Err(refusal(&names.host, &command, &ran));
            }
        }
        Ok(links)
    }
}

fn refusal(name: &str, command: &str, ran: &Ran) -> OpenError {
    let output = ran.output.to_lowercase();
    if ["permission", "privilege"].iter().any(|word| output.contains(word)) {
        return OpenError::NotPermitted { name: name.to_owned(), need: PRIVILEGE };
    }
    let said = if ran.output.is_empty() { "it printed nothing" } else { ran.output.as_str() };
    OpenError::unsupported(name, format!("{command} failed: {said}"))
}

/// Makes the card `name` and opens its other end with `open`. `mac_of` asks for the address of the host's card.
///
/// # Errors
/// See [`OpenError`]; [`OpenError::NameInUse`] when a link has the name.
pub fn open(
    name: &str,
    queues: usize,
    shell: Shell,
    open: impl FnOnce(&str) -> Result<Box<dyn Port>, OpenError>,
    mac_of: impl FnOnce(&str) -> Result<[u8; 6], OpenError>,
) -> Result<Box<dyn Port>, OpenError> {
    if queues != 1 {
        return Err(OpenError::unsupported(
            name,
            "a tap device has one receive queue; set threads to 1 for it",
        ));
    }
    let Some(names) = Names::of(name) else {
        let why = format!(
            "the name of a virtual network card has letters in front and a number at its end, at most {} \
             characters, such as bng0",
            NAME_MAX - 2
        );
        return Err(OpenError::unsupported(name, why));
    };
    let links = Links::make(names, shell)?;
    let port = open(&links.names.ours)?;
    let caps = Caps { access: "tap", mac: mac_of(&links.names.host)?, ..port.caps() };
    Ok(Box::new(VnicPort { port, caps, links: Arc::new(links) }))
}

/// Our end. In this and the queues, the links are dropped last: nothing may be open on them when they go.
struct VnicPort {
    port: Box<dyn Port>,
    caps: Caps,
    links: Arc<Links>,
}

impl Port for VnicPort {
    fn caps(&self) -> Caps {
        self.caps
    }

    fn take_rx(&mut self) -> Vec<Box<dyn RxQueue>> {
        let queues = self.port.take_rx().into_iter();
        queues
            .map(|queue| Box::new(VnicRx { queue, _links: self.links.clone() }) as Box<dyn RxQueue>)
            .collect()
    }

    fn open_tx(&self) -> io::Result<Box<dyn TxQueue>> {
        Ok(Box::new(VnicTx { queue: self.port.open_tx()?, _links: self.links.clone() }))
    }

    fn link_up(&self) -> bool {
        self.port.link_up()
    }
}

struct VnicRx {
    queue: Box<dyn RxQueue>,
    _links: Arc<Links>,
}

impl RxQueue for VnicRx {
    fn recv(&mut self) -> io::Result<Batch<'_>> {
        self.queue.recv()
    }

    fn wait_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.queue.wait_fd()
    }

    fn stats(&mut self) -> DoorStats {
        self.queue.stats()
    }

    fn accept(&mut self, macs: &[[u8; 6]]) -> io::Result<()> {
        self.queue.accept(macs)
    }
}

struct VnicTx {
    queue: Box<dyn TxQueue>,
    _links: Arc<Links>,
}

impl TxQueue for VnicTx {
    fn send(&mut self, batch: &mut Batch<'_>, mask: u64) -> io::Result<u64> {
        self.queue.send(batch, mask)
    }

    fn send_bytes(&mut self, frame: &[u8]) -> io::Result<bool> {
        self.queue.send_bytes(frame)
    }

    fn stats(&self) -> DoorStats {
        self.queue.stats()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory;
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    const MAC: [u8; 6] = [2, 8, 0x20, 0, 0, 1];

    /// The links of a system: what each is over.
    #[derive(Default)]
    struct System {
        links: BTreeMap<String, String>,
        /// Links that cannot be removed.
        busy: Vec<&'static str>,
        /// What `dladm` says instead of doing anything.
        refuses: Option<&'static str>,
        log: Vec<String>,
    }

    thread_local! {
        static SYSTEM: RefCell<System> = RefCell::default();
    }

    fn with<T>(work: impl FnOnce(&mut System) -> T) -> T {
        SYSTEM.with_borrow_mut(work)
    }

    fn ran(status: i32, output: &str) -> Ran {
        Ran { ended: Ended::Status(status), output: output.into() }
    }

    impl System {
        /// What a small dladm would do.
        fn one(&mut self, command: &str) -> Ran {
            let words: Vec<_> = command.split_whitespace().collect();
            let last = words.last().copied().unwrap_or_default();
            match words[..] {
                ["/usr/sbin/dladm", "show-vnic", "-p", "-o", "over", _] => match self.links.get(last) {
                    Some(over) if !over.is_empty() => ran(0, over),
                    _ => ran(1, "dladm: invalid vnic name: object not found"),
                },
                ["/usr/sbin/dladm", "show-link", "-p", "-o", "link", _] => {
                    match self.links.contains_key(last) {
                        true => ran(0, last),
                        false => ran(1, "dladm: invalid link: object not found"),
                    }
                }
                ["/usr/sbin/dladm", what, ..] if what.starts_with("create") => {
                    if let Some(said) = self.refuses {
                        return ran(1, said);
                    }
                    let over = if words[2..4] == ["-t", "-l"] { words[4] } else { "" };
                    if !over.is_empty() && !self.links.contains_key(over) {
                        return ran(1, "dladm: invalid link name");
                    }
                    match self.links.insert(last.into(), over.into()) {
                        None => ran(0, ""),
                        Some(_) => ran(1, "dladm: vnic creation failed: object already exists"),
                    }
                }
                ["/usr/sbin/dladm", what, "-t", _] if what.starts_with("delete") => {
                    let used = self.links.values().any(|over| over == last);
                    if used || self.busy.contains(&last) {
                        return ran(1, "dladm: deletion failed: link busy");
                    }
                    self.links.remove(last).map_or(ran(1, "dladm: object not found"), |_| ran(0, ""))
                }
                ["/usr/sbin/ipadm", "delete-if", _] => ran(0, ""),
                _ => panic!("unknown command {command}"),
            }
        }
    }

    fn run(command: &str) -> io::Result<Ran> {
        with(|system| {
            system.log.push(command.to_owned());
            let mut last = ran(0, "");
            for command in command.split("; ") {
                last = system.one(command);
            }
            Ok(last)
        })
    }

    const SHELL: Shell = Shell {
        run,
        leave: |command| {
            let _ = run(command);
        },
    };

    fn opened(name: &str) -> Result<Box<dyn Port>, OpenError> {
        let caps = Caps { mtu: 9000, access: "dlpi", mac: [2; 6], queues: 1 };
        let other_end = |ours: &str| {
            assert!(with(|system| system.links.contains_key(ours)));
            Ok(Box::new(memory::port(caps).0) as Box<dyn Port>)
        };
        open(name, 1, SHELL, other_end, |host| {
            assert!(with(|system| system.links.contains_key(host)));
            Ok(MAC)
        })
    }

    fn links() -> Vec<String> {
        with(|system| system.links.keys().cloned().collect())
    }

    #[test]
    fn the_links_exist_as_long_as_anything_is_open() {
        let mut port = opened("bng0").unwrap();
        assert_eq!(port.caps(), Caps { mtu: 9000, access: "tap", mac: MAC, queues: 1 });
        assert_eq!(links(), ["bng0", "bng_b0", "bng_s0"]);
        let rx = port.take_rx();
        let tx = port.open_tx().unwrap();
        drop(port);
        drop(rx);
        assert_eq!(links().len(), 3);
        drop(tx);
        assert!(links().is_empty());
    }

    #[test]
    fn a_name_in_use_is_told_and_not_touched() {
        with(|system| system.links.insert("net0".into(), String::new()));
        assert!(matches!(opened("net0"), Err(OpenError::NameInUse { .. })));
        // A card over something else is somebody else's.
        with(|system| system.links.insert("web0".into(), "net0".into()));
        assert!(matches!(opened("web0"), Err(OpenError::NameInUse { .. })));
        assert_eq!(links(), ["net0", "web0"]);
        assert!(with(|system| system.log.iter().all(|command| command.contains("show-"))));
    }

    #[test]
    fn what_a_killed_bng_has_left_is_made_anew() {
        for left in [&["bng0", "bng_b0", "bng_s0"][..], &["bng_b0", "bng_s0"], &["bng_s0"]] {
            for link in left {
                let over = if *link == "bng_s0" { "" } else { "bng_s0" };
                with(|system| system.links.insert((*link).into(), over.into()));
            }
            let port = opened("bng0").unwrap();
            assert_eq!(links().len(), 3);
            drop(port);
            assert!(links().is_empty());
        }
    }

    #[test]
    fn what_another_bng_has_open_is_left_alone_and_told() {
        let first = opened("bng0").unwrap();
        with(|system| system.busy = vec!["bng_b0", "bng0"]);
        let text = opened("bng0").err().unwrap().to_string();
        assert!(
            text.starts_with("cannot open interface bng0: it is left over from a bng that was killed"),
            "{text}"
        );
        assert_eq!(links().len(), 3);
        with(|system| system.busy.clear());
        drop(first);
        assert!(links().is_empty());
    }

    #[test]
    fn a_refusal_is_told_and_leaves_nothing_behind() {
        with(|system| {
            system.refuses = Some("dladm: vnic creation over bng_s0 failed: insufficient privileges")
        });
        let text = opened("bng0").err().unwrap().to_string();
        assert!(text.contains("needs the privileges sys_dl_config"), "{text}");
        with(|system| system.refuses = Some("dladm: no more memory"));
        let text = opened("bng0").err().unwrap().to_string();
        let expected = "cannot open interface bng0: /usr/sbin/dladm create-etherstub -t bng_s0 failed: dladm: no more memory";
        assert_eq!(text, expected);
        with(|system| system.refuses = None);
        let port = open("bng0", 1, SHELL, |_| Err(OpenError::unsupported("bng_b0", "no")), |_| Ok(MAC));
        assert!(port.is_err() && links().is_empty());
    }

    #[test]
    fn names_that_are_none_never_reach_a_shell() {
        let names = |host| Names::of(host).map(|names| (names.ours, names.stub));
        assert_eq!(names("bng0"), Some(("bng_b0".into(), "bng_s0".into())));
        assert_eq!(names("my.lan_12"), Some(("my.lan__b12".into(), "my.lan__s12".into())));
        for bad in [
            "",
            "bng",
            "0",
            "7bng0",
            "bng01",
            "a b0",
            "a;b0",
            "a/b0",
            "$x0",
            "bng-0",
            "bng0 ",
            "a99999999999",
        ] {
            assert_eq!(names(bad), None, "{bad}");
            if !bad.is_empty() {
                assert!(matches!(opened(bad), Err(OpenError::Unsupported { .. })), "{bad}");
            }
        }
        let longest = format!("{}1", "x".repeat(28));
        assert_eq!(Names::of(&longest).unwrap().stub.len(), NAME_MAX);
        assert!(Names::of(&format!("x{longest}")).is_none());
        assert!(with(|system| system.log.is_empty()));
    }

    #[test]
    fn a_system_without_dladm_is_told() {
        let shell = Shell { run: |_| Ok(ran(127, "sh: dladm: not found")), leave: |_| {} };
        let port = open("bng0", 1, shell, |_| unreachable!(), |_| unreachable!());
        assert!(port.err().unwrap().to_string().contains("there is no dladm"));
    }
}
