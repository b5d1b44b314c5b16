//! `postroad tap` from outside: between a client of the test and a server of the test, and between a client and a lab.

#[path = "support/lab.rs"]
mod lab;

use lab::drained::Drained;
use lab::{Lab, PATIENCE, Talk};
use postroad::trace::{CloseHow, Direction, Layer, Record, Transcript};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A tap that runs; ended when the test is.
struct Tap {
    child: Child,
    out: BufReader<Drained>,
    ports: Vec<u16>,
    home: PathBuf,
    record: PathBuf,
    board: String,
}

impl Tap {
    fn open(upstreams: &[u16], args: &[&str]) -> Tap {
        static TAPS: AtomicUsize = AtomicUsize::new(0);
        let number = TAPS.fetch_add(1, Ordering::Relaxed);
        let home = std::env::temp_dir().join(format!("postroad-tap-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&home).expect("a folder");
        let record = home.join("session.jsonl");
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
        command.args(["tap", "--plain", "--record"]).arg(&record).args(args);
        for port in upstreams {
            command.args(["--listen", "127.0.0.1:0", "--upstream", &format!("127.0.0.1:{port}")]);
        }
        command.env("XDG_DATA_HOME", &home).env_remove("CLICOLOR_FORCE");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut out = BufReader::new(Drained::from(child.stdout.take().expect("it is piped")));
        let (mut ports, mut board) = (Vec::new(), String::new());
        while !board.contains("Ctrl-C closes") {
            let mut line = String::new();
            out.read_line(&mut line).expect("it speaks");
            assert!(!line.is_empty(), "the board is not whole: {board}");
            if let Some((door, _)) = line.split_once(" → ") {
                ports.extend(door.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()));
            }
            board.push_str(&line);
        }
        Tap { child, out, ports, home, record, board }
    }

    fn call(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.ports[0])).expect("the door is open");
        stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
        stream
    }

    /// Close it as Ctrl-C does; gives what it told, and what it recorded.
    fn close(mut self) -> (String, Vec<Record>) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill is there").success());
        let mut told = String::new();
        self.out.read_to_string(&mut told).expect("it ends");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{told}");
        assert!(told.contains("The tap is closed."), "{told}");
        let bytes = std::fs::read(&self.record).expect("it was recorded");
        (told, Transcript::read(bytes.as_slice()).expect("it is a transcript").0.records)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// What one side said on a layer, by the recording.
fn said(records: &[Record], side: Direction, layer: Layer) -> Vec<u8> {
    let bytes = records.iter().filter_map(|record| match record {
        Record::Data { data, .. } if data.from == side && data.layer == layer => Some(data.bytes.clone()),
        _ => None,
    });
    bytes.flatten().collect()
}

fn closes(records: &[Record]) -> Vec<(Direction, CloseHow)> {
    let close = |record: &Record| match record {
        Record::Close { from, how, .. } => Some((*from, *how)),
        _ => None,
    };
    records.iter().filter_map(close).collect()
}

/// A server of the test that takes one call, and does this with it.
fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (u16, std::thread::JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    let thread = std::thread::spawn(move || {
        // The first call is the look whether anybody answers: it says nothing.
        drop(listener.accept().expect("the look"));
        serve(listener.accept().expect("a call").0)
    });
    (port, thread)
}

/// Bytes of every kind, not the same at any two near places.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i.wrapping_mul(31) ^ (i >> 8)) as u8).collect()
}

#[test]
fn what_both_say_is_passed_on_byte_for_byte_also_when_one_has_ended() {
    let (port, serving) = server(|mut stream| {
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("until the client has ended");
        // The client's half is closed, ours is not.
        stream.write_all(&noise(3_000_000)).expect("it listens");
        heard
    });
    let tap = Tap::open(&[port], &[]);
    let mut stream = tap.call();
    stream.write_all(b"\x00\xff\r\n.\r\nSTARTTLS\r\nno TLS at all\r\n").expect("it listens");
    stream.write_all(&noise(2_000_000)).expect("it listens");
    stream.shutdown(Shutdown::Write).expect("it ends");
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).expect("until the server has ended");
    assert!(heard == noise(3_000_000));
    let sent = serving.join().expect("it served");
    assert!(sent.ends_with(&noise(2_000_000)) && sent.starts_with(b"\x00\xff\r\n.\r\nSTARTTLS\r\nno TLS"));
    let (_, records) = tap.close();
    assert!(said(&records, Direction::Client, Layer::Wire) == sent, "all of it is recorded");
    assert!(said(&records, Direction::Server, Layer::Wire) == heard);
    assert_eq!(closes(&records), [(Direction::Client, CloseHow::Fin), (Direction::Server, CloseHow::Fin)]);
}

#[test]
fn a_server_that_takes_nothing_holds_the_client_back() {
    let (begin, begun) = std::sync::mpsc::channel();
    let (port, serving) = server(move |mut stream| {
        begun.recv().expect("until the client is held");
        let (mut total, mut buffer) = (0, vec![0; 1 << 20]);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            total += count;
        }
        total
    });
    let tap = Tap::open(&[port], &[]);
    let mut stream = tap.call();
    stream.set_write_timeout(Some(Duration::from_millis(500))).expect("it can be set");
    let piece = noise(1 << 20);
    let mut sent = 0;
    // Buffers of the system take some; a tap without bounds would take all of it.
    while let Ok(count) = stream.write(&piece) {
        sent += count;
        assert!(sent < 200 << 20, "it takes whatever comes");
    }
    begin.send(()).expect("it waits");
    stream.set_write_timeout(Some(PATIENCE)).expect("it can be set");
    stream.write_all(&piece).expect("it goes on");
    sent += piece.len();
    drop(stream);
    assert_eq!(serving.join().expect("it served"), sent);
    tap.close();
}

#[test]
fn a_connection_that_breaks_off_breaks_off_at_the_other_end_too() {
    let (port, serving) = server(|mut stream| {
        let mut first = [0; 6];
        stream.read_exact(&mut first).expect("it speaks");
        // Unread bytes in a socket that is closed reset the connection.
        std::thread::sleep(Duration::from_millis(300));
        drop(stream);
    });
    let tap = Tap::open(&[port], &[]);
    let mut stream = tap.call();
    stream.write_all(b"first\nand more that nobody reads").expect("it listens");
    let end = stream.read(&mut [0; 10]);
    assert!(end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset), "{end:?}");
    serving.join().expect("it served");
    let (_, records) = tap.close();
    assert_eq!(closes(&records), [(Direction::Server, CloseHow::Reset)]);
}

#[test]
fn a_server_that_is_away_is_told_and_so_is_a_busy_port() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("it has one").port()
    };
    let tap = Tap::open(&[port], &[]);
    let end = tap.call().read(&mut [0; 10]);
    assert!(matches!(end, Err(_) | Ok(0)), "{end:?}");
    let busy = tap.ports[0];
    let mut note = String::new();
    let mut tap = tap;
    tap.out.read_line(&mut note).expect("it speaks");
    assert!(note.contains("does not answer now"), "{note}{}", tap.board);
    let run = |listen: &str, upstream: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
        let run =
            command.args(["tap", "--listen", listen, "--upstream", upstream]).output().expect("it runs");
        (run.status.code(), String::from_utf8_lossy(&run.stderr).into_owned())
    };
    let (code, why) = run(&format!("127.0.0.1:{busy}"), "127.0.0.1:25");
    assert!(code == Some(1) && why.contains("is in use by another program"), "{why}");
    let (code, why) = run("127.0.0.1:0", "no-such-host.invalid:25");
    assert!(code == Some(1) && why.contains("no-such-host.invalid:25 cannot be found"), "{why}");
    let (_, records) = tap.close();
    assert_eq!(closes(&records), [(Direction::Server, CloseHow::Refused)]);
}

#[test]
fn a_session_with_the_lab_is_told_as_the_lab_tells_it() {
    let lab = Lab::open(&[]);
    let tap = Tap::open(&[lab.port("relay", "example.net"), lab.port("IMAP", "example.net")], &[]);
    assert_eq!(tap.ports.len(), 2);
    let mut talk = Talk::to(tap.ports[0]);
    assert!(talk.reply().starts_with("220"));
    talk.smtp("EHLO test.example.org");
    assert!(talk.smtp("MAIL FROM:<someone@example.org>").starts_with("250"));
    assert!(talk.smtp("RCPT TO:<nobody@example.net>").starts_with("550"));
    assert!(talk.smtp("QUIT").starts_with("221"));
    let mut imap = Talk::to(tap.ports[1]);
    assert!(imap.line().starts_with("* OK"));
    imap.until("a1 LOGIN bob@example.net seven-bridges", "a1 ");
    let (told, records) = tap.close();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("RCPT TO:<nobody@example.net>") && told.contains("550 5.1.1"), "{told}");
    assert!(told.contains("a1 LOGIN") && !told.contains("seven-bridges"), "no password is shown");
    assert!(records.len() > 10);
}

/// The certificates that a client of the lab's authority trusts.
fn trusting(home: &Path) -> Arc<ClientConfig> {
    let pem = home.join("postroad").join("lab").join("ca.pem");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pem).expect("it is there")).expect("a certificate");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(builder.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

fn inside(stream: TcpStream, home: &Path) -> Talk2 {
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let client = ClientConnection::new(trusting(home), name).expect("it can begin");
    BufReader::new(StreamOwned::new(client, stream))
}

type Talk2 = BufReader<StreamOwned<ClientConnection, TcpStream>>;

fn ask(talk: &mut Talk2, line: &str, last: &str) -> String {
    talk.get_mut().write_all(format!("{line}\r\n").as_bytes()).expect("it listens");
    hear(talk, last)
}

fn hear(talk: &mut Talk2, last: &str) -> String {
    let mut heard = String::new();
    loop {
        let mut line = String::new();
        talk.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "it ended after {heard}");
        heard.push_str(&line);
        if line.starts_with(last) {
            return heard;
        }
    }
}

fn opened(lab: &Lab) -> Vec<String> {
    let ca = lab.home.join("postroad").join("lab").join("ca.pem");
    ["--terminate-tls", "--upstream-ca", ca.to_str().expect("text")].map(str::to_owned).to_vec()
}

#[test]
fn tls_after_starttls_is_opened_and_told() {
    let lab = Lab::open(&[]);
    let args = opened(&lab);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let tap = Tap::open(&[lab.port("submission", "example.com")], &args);
    let mut talk = Talk::to(tap.ports[0]);
    talk.reply();
    talk.smtp("EHLO laptop.example.com");
    assert!(talk.smtp("STARTTLS").starts_with("220"));
    let mut talk = inside(talk.0.into_inner(), &tap.home);
    assert!(ask(&mut talk, "EHLO laptop.example.com", "250 ").contains("AUTH"));
    ask(&mut talk, "AUTH PLAIN AGFsaWNlQGV4YW1wbGUuY29tAHRlYS1hdC1mb3Vy", "235");
    assert!(ask(&mut talk, "MAIL FROM:<alice@example.com>", "250").starts_with("250"));
    ask(&mut talk, "QUIT", "221");
    drop(talk);
    let (told, records) = tap.close();
    let plain = String::from_utf8_lossy(&said(&records, Direction::Client, Layer::Plain)).into_owned();
    assert!(plain.starts_with("EHLO") && plain.contains("MAIL FROM:<alice@example.com>"), "{plain}");
    let plain = String::from_utf8_lossy(&said(&records, Direction::Server, Layer::Plain)).into_owned();
    assert!(plain.contains("235 "), "{plain}");
    let wire = said(&records, Direction::Client, Layer::Wire);
    let wire = String::from_utf8_lossy(&wire).into_owned();
    assert!(wire.contains("STARTTLS") && !wire.contains("MAIL FROM"), "the wire is encrypted");
    assert!(told.contains("MAIL FROM:<alice@example.com>") && !told.contains("tea-at-four"), "{told}");
}

#[test]
fn tls_from_the_first_byte_is_opened_and_a_server_that_nobody_vouches_for_is_not_talked_to() {
    let lab = Lab::open(&[]);
    let port = lab.port("IMAP in TLS", "example.net");
    let mut args = opened(&lab);
    args.extend(["--tls", "implicit"].map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let tap = Tap::open(&[port], &args);
    let mut talk = inside(tap.call(), &tap.home);
    assert!(hear(&mut talk, "* OK").contains("IMAP4"));
    ask(&mut talk, "a1 LOGOUT", "a1 OK");
    drop(talk);
    let (told, records) = tap.close();
    assert!(told.contains("a1 LOGOUT"), "{told}");
    assert!(said(&records, Direction::Client, Layer::Plain).starts_with(b"a1 LOGOUT"));

    // A tap that trusts its own authority only: the lab here has another one.
    let other = Tap::open(&[port], &["--terminate-tls", "--insecure-upstream", "--tls", "implicit"]);
    let mut talk = inside(other.call(), &other.home);
    assert!(hear(&mut talk, "* OK").contains("IMAP4"), "whatever it shows is taken");
    let own = other.home.join("postroad").join("lab").join("ca.pem");
    let own = ["--terminate-tls", "--tls", "implicit", "--upstream-ca", own.to_str().expect("text")];
    let strict = Tap::open(&[port], &own);
    let end = strict.call().read(&mut [0; 10]);
    assert!(matches!(end, Err(_) | Ok(0)), "{end:?}");
    let (told, records) = strict.close();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("goes away from 127.0.0.1"), "{told}");
    assert!(said(&records, Direction::Client, Layer::Plain).is_empty());
}

#[test]
fn without_opening_it_tls_is_passed_on_and_nobody_reads_it() {
    let lab = Lab::open(&[]);
    let tap = Tap::open(&[lab.port("submission", "example.com")], &[]);
    let mut talk = Talk::to(tap.ports[0]);
    talk.reply();
    talk.smtp("EHLO laptop.example.com");
    assert!(talk.smtp("STARTTLS").starts_with("220"));
    // The certificate is the lab's, not the tap's.
    let mut talk = inside(talk.0.into_inner(), &lab.home);
    assert!(ask(&mut talk, "EHLO laptop.example.com", "250 ").contains("AUTH"));
    drop(talk);
    let (told, records) = tap.close();
    assert!(said(&records, Direction::Client, Layer::Plain).is_empty());
    assert!(told.contains("STARTTLS") && told.contains("TLS"), "{told}");
}

#[test]
fn whom_to_trust_has_to_be_said() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
    command.args(["tap", "--listen", "0", "--upstream", "127.0.0.1:25", "--terminate-tls"]);
    let home = std::env::temp_dir().join(format!("postroad-tap-{}-trust", std::process::id()));
    let run = command.env("XDG_DATA_HOME", &home).output().expect("it runs");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    let _ = std::fs::remove_dir_all(&home);
    assert!(run.status.code() == Some(2) && said.contains("--upstream-ca"), "{said}");
}
