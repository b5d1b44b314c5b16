//! Real programs against the lab, each in a whole round trip: what they handed in must lie in the mailbox, what they read
//! must be what lies there, and every line of it must be explained.
//!
//! What a program does is in a script beside this file, named as in [`rows::ROWS`]. A program that is not installed is
//! skipped by name, unless `POSTROAD_REQUIRE_ALL=1`: then that is a failure.

#[path = "../support/lab.rs"]
mod lab;
mod lettre;
mod page;
mod printed;
mod recordings;
mod round;
mod rows;

use round::played;

macro_rules! programs {
    ($($test:ident: $script:literal),+ $(,)?) => {
        $(#[test]
        fn $test() {
            played($script);
        })+

        /// Every script is played by a test, and has its row on the page.
        #[test]
        fn every_script_is_played() {
            let mut played = vec!["lettre", $($script),+];
            let mut rows: Vec<&str> = rows::ROWS.iter().map(|row| row.script).collect();
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");
            let files = std::fs::read_dir(folder).expect("the folder is there");
            let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
            let is_script = |name: &String| [".sh", ".py", ".mjs"].iter().any(|end| name.ends_with(end));
            let helper = |name: &String| name.starts_with("lib.") || name == "terminal.py";
            let stem = |name: String| name.split('.').next().unwrap_or_default().to_owned();
            let mut scripts: Vec<String> =
                names.filter(|name| is_script(name) && !helper(name)).map(stem).collect();
            scripts.push("lettre".to_owned());
            for list in [&mut played, &mut rows] {
                list.sort_unstable();
            }
            scripts.sort_unstable();
            assert_eq!(played, rows);
            assert_eq!(rows, scripts);
        }
    };
}

programs!(
    swaks: "swaks",
    curl_hands_in: "curl-smtp",
    curl_reads_a_maildrop: "curl-pop3",
    curl_reads_a_message_store: "curl-imap",
    msmtp: "msmtp",
    mutt: "mutt",
    s_nail: "s-nail",
    fetchmail: "fetchmail",
    mpop: "mpop",
    mbsync: "mbsync",
    dig: "dig",
    python_smtplib: "python-smtplib",
    python_poplib: "python-poplib",
    python_imaplib: "python-imaplib",
    python_aiosmtplib: "python-aiosmtplib",
    python_imapclient: "python-imapclient",
    nodemailer: "nodemailer",
    imapflow: "imapflow",
);
