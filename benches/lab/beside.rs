//! The lab beside Postfix and aiosmtpd: messages a second that Postfix's own `smtp-source` hands in, for an account of the
//! server's own, so that each server also puts every letter into a mailbox.
//!
//! Each server takes its turn in every round, so that what else the machine does falls on all of them. What is not installed
//! is left out, by name. Postfix must be started as root; it gets a configuration and a spool of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Sessions at once, letters in all, octets of a letter.
const LOAD: (usize, usize, usize) = (20, 2000, 4096);
const ROUNDS: usize = 5;

/// How each server is started, in a folder of its own.
type Start = fn(&Path) -> Option<Server>;

/// A server that runs, and how it is ended.
struct Server {
    port: u16,
    /// Set where it is a child of ours; Postfix puts itself into the background.
    child: Option<Child>,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        match &mut self.child {
            Some(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            None => {
                let etc = self.folder.join("etc");
                let _ = quiet(Command::new("postfix").arg("-c").arg(etc).arg("stop")).status();
            }
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Take the figures and print them.
pub fn run() {
    if quiet(&mut Command::new("smtp-source")).status().is_err() {
        println!("\nsmtp-source is not installed: no figures beside other servers");
        return;
    }
    let disk = std::env::temp_dir();
    let memory = PathBuf::from("/dev/shm");
    let servers: [(&str, Start, &Path); 6] = [
        ("lab, in memory", |_| lab(&[]), &disk),
        ("lab, Maildir with fsync", |folder| lab(&["--data", &folder.join("mail").to_string_lossy()]), &disk),
        (
            "lab, mbox with fsync",
            |folder| lab(&["--data", &folder.join("mail").to_string_lossy(), "--store", "mbox"]),
            &disk,
        ),
        ("Postfix, on disk", postfix, &disk),
        ("Postfix, on tmpfs", postfix, &memory),
        ("aiosmtpd, kept nowhere", aiosmtpd, &disk),
    ];
    let mut figures: Vec<Vec<f64>> = vec![Vec::new(); servers.len()];
    for _ in 0..ROUNDS {
        for ((name, start, place), rates) in servers.iter().zip(&mut figures) {
            let folder = place.join(format!("postroad-beside-{}", std::process::id()));
            let _ = std::fs::create_dir_all(&folder);
            match start(&folder) {
                Some(mut server) => {
                    server.folder = folder;
                    rates.push(rate(name, server.port));
                }
                None => {
                    let _ = std::fs::remove_dir_all(&folder);
                }
            }
        }
    }
    let beside = servers.iter().position(|(name, ..)| *name == "Postfix, on disk").unwrap_or_default();
    let postfix = figures.get(beside).filter(|rates| !rates.is_empty()).map(|rates| super::median(rates));
    println!("\n{:<26} {:>12} {:>10}", "20 sessions of 4 KB", "messages/s", "Postfix=1");
    for ((name, ..), rates) in servers.iter().zip(&figures) {
        match (rates.is_empty(), postfix) {
            (true, _) => println!("{name:<26} {:>12}", "not there"),
            (false, Some(postfix)) => {
                let rate = super::median(rates);
                println!("{name:<26} {rate:>12.0} {:>10.2}", rate / postfix);
            }
            (false, None) => println!("{name:<26} {:>12.0}", super::median(rates)),
        }
    }
}

fn rate(name: &str, port: u16) -> f64 {
    let (sessions, letters, octets) = LOAD;
    let begun = Instant::now();
    let sent = Command::new("smtp-source")
        .args(["-s", &sessions.to_string(), "-m", &letters.to_string(), "-l", &octets.to_string()])
        .args(["-f", "someone@example.org", "-t", "carol@example.com", &format!("127.0.0.1:{port}")])
        .status();
    assert!(sent.is_ok_and(|sent| sent.success()), "{name} did not take every letter");
    letters as f64 / begun.elapsed().as_secs_f64()
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// The lab's relay door of example.com.
fn lab(args: &[&str]) -> Option<Server> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
    command.args(["lab", "--quiet", "--port-base", "0"]).args(args);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut out = BufReader::new(child.stdout.take()?);
    let mut port = 0;
    loop {
        let mut line = String::new();
        assert!(out.read_line(&mut line).ok()? > 0, "the board is not whole");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["relay,", .., first, _] => port = first.parse().ok()?,
            ["Ctrl-C", ..] => break,
            _ => {}
        }
    }
    std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    Some(Server { port, child: Some(child), folder: PathBuf::new() })
}

/// A Postfix that delivers to a Maildir of its own, as it is when installed but for that.
fn postfix(folder: &Path) -> Option<Server> {
    let (etc, mail) = (folder.join("etc"), folder.join("mail"));
    let (spool, data) = (folder.join("spool"), folder.join("data"));
    for path in [&etc, &mail, &spool, &data] {
        std::fs::create_dir_all(path).ok()?;
    }
    let port = free_port();
    let shipped = ["/usr/share/postfix/master.cf.dist", "/etc/postfix/master.cf"];
    let master = shipped.iter().find_map(|path| std::fs::read_to_string(path).ok())?;
    let door = format!("127.0.0.1:{port} inet n - n - 100 smtpd");
    let is_smtp = |line: &str| line.starts_with("smtp ") && line.contains(" inet ");
    let lines: Vec<&str> = master.lines().map(|line| if is_smtp(line) { &door } else { line }).collect();
    std::fs::write(etc.join("master.cf"), lines.join("\n") + "\n").ok()?;
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {spool}\ndata_directory = {data}\n\
         daemon_directory = /usr/lib/postfix/sbin\ncommand_directory = /usr/sbin\nmail_owner = postfix\n\
         setgid_group = postdrop\nmyhostname = mail.example.com\nmydestination =\nalias_maps =\nalias_database =\n\
         virtual_mailbox_domains = example.com\nvirtual_mailbox_base = {mail}\nvirtual_mailbox_maps = static:carol/\n\
         virtual_minimum_uid = 100\nvirtual_uid_maps = static:65534\nvirtual_gid_maps = static:65534\n\
         inet_interfaces = loopback-only\ninet_protocols = ipv4\nsmtpd_client_connection_count_limit = 0\n\
         maillog_file = {log}\nmaillog_file_prefixes = {folder}\n",
        spool = spool.display(),
        data = data.display(),
        mail = mail.display(),
        log = folder.join("log").display(),
        folder = folder.display(),
    );
    std::fs::write(etc.join("main.cf"), main).ok()?;
    let owned = |path: &Path, who: &str| quiet(Command::new("chown").arg(who).arg(path)).status().is_ok();
    let begun = owned(&data, "postfix")
        && owned(&mail, "65534:65534")
        && quiet(Command::new("postfix").arg("-c").arg(&etc).arg("start"))
            .status()
            .is_ok_and(|s| s.success());
    let server = Server { port, child: None, folder: folder.to_owned() };
    (begun && answers(port)).then_some(server)
}

/// aiosmtpd with a handler that keeps nothing: the least that a server in Python can do.
fn aiosmtpd(_: &Path) -> Option<Server> {
    let port = free_port();
    let program = format!(
        "import asyncio\nfrom aiosmtpd.smtp import SMTP\nfrom aiosmtpd.handlers import Sink\n\
         async def main():\n    loop = asyncio.get_running_loop()\n    \
         server = await loop.create_server(lambda: SMTP(Sink()), '127.0.0.1', {port})\n    \
         await server.serve_forever()\nasyncio.run(main())"
    );
    let child = quiet(Command::new("python3").args(["-c", &program])).spawn().ok()?;
    let server = Server { port, child: Some(child), folder: PathBuf::new() };
    answers(port).then_some(server)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it has one").port()
}

/// Whether somebody answers there within ten seconds.
fn answers(port: u16) -> bool {
    (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
}
