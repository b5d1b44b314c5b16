//! `postroad tap`: stands between a real mail program and a real server, passes on what they say, and tells it as the lab
//! does.

use super::CommandError;
use super::lab::telling::{self, Telling};
use super::lab::{authority_in, own_folder};
use crate::base::escape;
use crate::world::ca;
use crate::world::net::loopback::{self, BindError, Bound, Door};
use crate::world::net::through::{self, Pair, Terminate, Through, Upstream};
use clap::{ArgAction, ValueHint};
use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// `postroad tap`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct TapArgs {
    /// Where the mail program calls: a port of this machine, as in 2587, or an address and a port, as in
    /// 127.0.0.1:2587; 0: any free port. May be given several times, each with its --upstream.
    #[arg(long, value_name = "ADDR", required = true, action = ArgAction::Append, help_heading = "The two ends")]
    pub listen: Vec<String>,
    /// The server that it means, as in mail.example.com:587.
    #[arg(long, value_name = "HOST:PORT", required = true, action = ArgAction::Append, value_parser = upstream,
          help_heading = "The two ends")]
    pub upstream: Vec<Upstream>,
    /// Connections at once; more wait.
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "The two ends")]
    pub connections: usize,

    /// Open TLS: the mail program sees a certificate of the lab's authority, and has to trust that; what is said inside is
    /// told. Without it TLS is passed on as it is, and nobody can read it.
    #[arg(long, help_heading = "TLS")]
    pub terminate_tls: bool,
    /// How TLS begins. [default: implicit for upstream ports 465, 993 and 995, else starttls]
    #[arg(long, value_name = "HOW", requires = "terminate_tls", help_heading = "TLS")]
    pub tls: Option<Begin>,
    /// Whom to trust to vouch for the server: certificates in PEM, as in /etc/ssl/certs/ca-certificates.crt.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "terminate_tls",
          help_heading = "TLS")]
    pub upstream_ca: Option<PathBuf>,
    /// Take whatever certificate the server shows. Whoever sits on the way can then read everything.
    #[arg(long, requires = "terminate_tls", conflicts_with = "upstream_ca", help_heading = "TLS")]
    pub insecure_upstream: bool,

    /// How it is told.
    #[command(flatten)]
    pub telling: Telling,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Begin {
    /// After STARTTLS or STLS.
    Starttls,
    /// With the first byte.
    Implicit,
}

const EXAMPLES: &str = "\
Examples:
  postroad tap --listen 2587 --upstream mail.example.com:587
      set the mail program to port 2587 of this machine: what it says to the server is told, up to STARTTLS
  postroad tap --listen 2587 --upstream mail.example.com:587 --terminate-tls \\
               --upstream-ca /etc/ssl/certs/ca-certificates.crt
      inside TLS too; the mail program has to trust the lab's authority, whose file is named at the start
  postroad tap --listen 2143 --upstream 192.0.2.25:143 --listen 2025 --upstream 192.0.2.25:25 --record session.jsonl
      two doors, and a transcript: every byte, passwords too

Only tap calls a real server, and only the one that you name. It changes nothing that is said.";

/// A server: a host and a port.
fn upstream(text: &str) -> Result<Upstream, String> {
    let form = "write HOST:PORT, as in mail.example.com:587 or [2001:db8::25]:25";
    let (host, port) = text.rsplit_once(':').ok_or(form)?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host = match bare {
        Some(six) if six.parse::<std::net::Ipv6Addr>().is_ok() => six,
        None if !host.is_empty() && !host.contains(':') => host,
        _ => return Err(form.to_owned()),
    };
    let port = port.parse().ok().filter(|port| *port != 0).ok_or("a port is a number from 1 to 65535")?;
    Ok(Upstream { host: host.to_owned(), port })
}

/// Where to listen: addresses, and a port.
fn listen(text: &str) -> Result<(Vec<IpAddr>, u16), CommandError> {
    if let Ok(port) = text.parse::<u16>() {
        return Ok((super::lab::loopback_addresses(), port));
    }
    let at: SocketAddr = text.parse().map_err(|_| {
        let form = "write a port, as in 2587, or an address and a port, as in 127.0.0.1:2587 or [::1]:2587";
        CommandError::usage(format!("--listen: “{}” is neither", escape::text(text)), form)
    })?;
    Ok((vec![at.ip()], at.port()))
}

/// Do what was asked.
pub fn run(args: &TapArgs) -> Result<(), CommandError> {
    if args.listen.len() != args.upstream.len() {
        let (doors, servers) = (args.listen.len(), args.upstream.len());
        let message = format!("there are {doors} --listen and {servers} --upstream");
        return Err(CommandError::usage(message, "each door needs one server behind it, in the same order"));
    }
    let places = args.listen.iter().map(|text| listen(text)).collect::<Result<Vec<_>, _>>()?;
    let terminate = terminate(args)?;
    let (mut pairs, mut notes) = (Vec::new(), Vec::new());
    for ((on, port), upstream) in places.into_iter().zip(&args.upstream) {
        let (pair, said) = pair(args, &on, port, upstream)?;
        pairs.push(pair);
        notes.extend(said);
    }
    not_ourselves(&pairs)?;
    let writers = args.telling.writers()?;
    let authority = terminate.as_ref().map(|(_, path)| path.clone());
    let (board, title) = board(&pairs, authority.as_deref(), &notes);
    let through = Through {
        title,
        pairs,
        connections: args.connections,
        terminate: terminate.map(|(opened, _)| opened),
    };
    args.telling.play((&board, "The tap is closed."), writers, None, |observer, closer| {
        let closing = closer.clone();
        telling::on_a_thread(move || through::run(through, observer, &closing))
    })
}

/// A door and its server, with words on what is not as usual.
fn pair(
    args: &TapArgs,
    on: &[IpAddr],
    port: u16,
    upstream: &Upstream,
) -> Result<(Pair, Vec<String>), CommandError> {
    let found = upstream.addresses().map_err(|error| {
        let message = format!("the server {} cannot be found: {error}", shown(upstream));
        CommandError::failure(message, "is its name right? an address, as in 192.0.2.25:587, needs no DNS")
    })?;
    let to =
        found.first().copied().unwrap_or_else(|| SocketAddr::new(IpAddr::from([0, 0, 0, 0]), upstream.port));
    let door = Door { name: shown(upstream), port, to, datagrams: false };
    let bound = loopback::bind(door, on).map_err(|error| refused(&error))?;
    let mut notes = Vec::new();
    if let Err(error) = upstream.answers() {
        notes.push(format!(
            "{} does not answer now ({error}): each client is turned away until it does",
            shown(upstream)
        ));
    }
    if let Some(address) = on.iter().find(|address| !address.is_loopback()) {
        notes.push(format!(
            "the door is on {address}: whoever reaches this machine there can call {} through it",
            shown(upstream)
        ));
    }
    let implicit = match args.tls {
        Some(how) => how == Begin::Implicit,
        None => matches!(upstream.port, 465 | 993 | 995),
    };
    Ok((Pair { bound, upstream: upstream.clone(), implicit }, notes))
}

fn shown(upstream: &Upstream) -> String {
    escape::text(&upstream.to_string())
}

fn refused(refused: &BindError) -> CommandError {
    let (port, address) = (refused.at.port(), refused.at.ip());
    let choose = "choose another one with --listen; 0 is any free port";
    match refused.error.kind() {
        io::ErrorKind::AddrInUse => {
            CommandError::failure(format!("port {port} on {address} is in use by another program"), choose)
        }
        io::ErrorKind::PermissionDenied => CommandError::failure(
            format!("this user may not open port {port} on {address}"),
            format!("ports below 1024 are often for administrators only; {choose}"),
        ),
        io::ErrorKind::AddrNotAvailable => CommandError::failure(
            format!("this machine does not have the address {address}"),
            "name one of its own, or only a port: then the door is on 127.0.0.1 and ::1",
        ),
        _ => CommandError::failure(
            format!("port {port} on {address} cannot be opened: {}", refused.error),
            choose,
        ),
    }
}

/// A tap that calls itself would call itself again, without end.
fn not_ourselves(pairs: &[Pair]) -> Result<(), CommandError> {
    let doors: Vec<SocketAddr> = pairs.iter().flat_map(|pair| pair.bound.addresses()).collect();
    for pair in pairs {
        let own = pair.upstream.addresses().unwrap_or_default().into_iter().find(|at| doors.contains(at));
        if let Some(at) = own {
            let message = format!("the server {at} is a door of this tap itself");
            return Err(CommandError::usage(message, "name the server's own port with --upstream"));
        }
    }
    Ok(())
}

/// How TLS is opened, and the file of the authority that clients must trust.
fn terminate(args: &TapArgs) -> Result<Option<(Terminate, PathBuf)>, CommandError> {
    if !args.terminate_tls {
        return Ok(None);
    }
    let (realm, own, file) = authority_in(&own_folder(), &[])?;
    let roots = match (&args.upstream_ca, args.insecure_upstream) {
        (Some(path), _) => ca::certificates(path).map_err(|error| {
            CommandError::failure(error.to_string(), "name a file of certificates in PEM")
        })?,
        // It is asked for its judgement, and nobody listens.
        (None, true) => vec![own],
        (None, false) => {
            let hint = "--upstream-ca /etc/ssl/certs/ca-certificates.crt is what many systems trust; for a test server of \
                        your own, name its authority, or --insecure-upstream";
            return Err(CommandError::usage("whom is the tap to trust to vouch for the server?", hint));
        }
    };
    let strict = !args.insecure_upstream;
    Ok(Some((Terminate { realm, roots, strict }, file)))
}

/// What is shown first, and the title of the story.
fn board(pairs: &[Pair], authority: Option<&std::path::Path>, notes: &[String]) -> (String, String) {
    let mut out = String::from("postroad tap\n\n");
    let mut title = Vec::new();
    for Pair { bound, upstream, implicit } in pairs {
        let doors: Vec<String> = bound.addresses().map(|at| at.to_string()).collect();
        let how = match (authority.is_some(), implicit) {
            (false, _) => "",
            (true, true) => ", TLS opened from the first byte",
            (true, false) => ", TLS opened after STARTTLS",
        };
        let _ = writeln!(out, "   {} → {}{how}", doors.join(" and "), shown(upstream));
        title.push(format!("{} → {}", Bound::port(bound), shown(upstream)));
    }
    match authority {
        Some(path) => {
            let path = escape::text(&path.display().to_string());
            let _ = writeln!(out, "\n   the mail program must trust this authority: {path}");
        }
        None => out.push_str(
            "\n   TLS is passed on as it is: nobody reads what is said inside (--terminate-tls opens it)\n",
        ),
    }
    out.push_str(
        "\n   Set the mail program to the door in place of the server. Nothing that is said is changed.\n",
    );
    out.push_str("   Ctrl-C closes the tap.\n");
    for note in notes {
        let _ = writeln!(out, "   note: {note}");
    }
    out.push('\n');
    (out, format!("Tap {}", title.join(" · ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_doors_are_read_as_people_write_them() {
        let read = |text: &str| upstream(text).map(|upstream| (upstream.host, upstream.port));
        assert_eq!(read("mail.example.com:587"), Ok(("mail.example.com".to_owned(), 587)));
        assert_eq!(read("[2001:db8::25]:25"), Ok(("2001:db8::25".to_owned(), 25)));
        for wrong in ["mail.example.com", ":25", "2001:db8::25:25", "mx:0", "mx:x", "[mx]:25"] {
            assert!(upstream(wrong).is_err(), "{wrong}");
        }
        assert!(listen("2587").is_ok_and(|(on, port)| port == 2587 && on.iter().all(IpAddr::is_loopback)));
        assert_eq!(listen("[::1]:25").expect("an address"), (vec!["::1".parse().expect("it")], 25));
        assert!(listen("mail.example.com:25").is_err());
    }

    #[test]
    fn a_tap_does_not_call_itself() {
        let here = [IpAddr::from([127, 0, 0, 1])];
        let to = "127.0.0.1:25".parse().expect("an address");
        let door = Door { name: String::new(), port: 0, to, datagrams: false };
        let bound = loopback::bind(door, &here).expect("a port");
        let upstream = Upstream { host: "127.0.0.1".to_owned(), port: bound.port() };
        let pair = Pair { bound, upstream, implicit: false };
        assert!(not_ourselves(&[pair]).is_err_and(|error| error.message.contains("itself")));
    }
}
