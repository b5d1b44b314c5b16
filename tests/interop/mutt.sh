# mutt hands letters in, keeps copies in a folder of the server, and reads: looks, flags, files, searches, moves, deletes.
. "$SCRIPTS/lib.sh"

settings() { # settings SCHEME SUBMISSION IMAP MECHANISM
  cat <<RC
set hostname = laptop.example.com
set use_from = yes
set smtp_authenticators = "$4"
set imap_authenticators = "$4"
set certificate_file = "$CA"
set ssl_ca_certificates_file = "$CA"
set imap_check_subscribed = no
set imap_condstore = yes
set imap_qresync = yes
set header_cache = "$PWD/cache"
set confirmappend = no confirmcreate = no wait_key = no quit = yes move = no delete = yes auto_tag = no resolve = no beep = no mark_old = no
set sleep_time = 0
set pager_index_lines = 5
set dsn_notify = "failure,success" dsn_return = hdrs
RC
  tls=no
  [ "$1" = plain ] || tls=yes
  echo "set ssl_starttls = $tls"
  echo "set ssl_force_tls = $tls"
  s=
  [ "$1" != tls ] || s=s
  echo "set smtp_url = \"smtp$s://alice%40example.com@localhost:$2/\""
  echo "set imap_user = \"$TO\" imap_pass = \"$TO_PASSWORD\" smtp_pass = \"$FROM_PASSWORD\""
  echo "set folder = \"imap$s://bob%40example.net@localhost:$3/\""
  echo 'set spoolfile = "+INBOX" record = "+Sent" postponed = "+Drafts" from = alice@example.com'
}
letter() { # letter SUBJECT: batch mode needs no terminal
  echo 'At four?' | mutt -F rc -s "$1" -- "$TO"
  arrived "$TO" "Subject: $1"
  arrived "$TO" "Subject: $1" .Sent/
}
press() { # what a person presses, from the index of the inbox on
  python3 "$SCRIPTS/terminal.py" mutt -F rc -e "push '$1<quit>'" >screen 2>&1 </dev/null || { cat screen >&2; exit 1; }
}

settings plain "$SUBMISSION" "$TO_IMAP" plain >rc
letter 'by PLAIN'
settings plain "$SUBMISSION" "$TO_IMAP" cram-md5 >rc
letter 'by CRAM-MD5'
settings starttls "$SUBMISSION" "$TO_IMAP" scram-sha-256 >rc
letter 'by SCRAM in STARTTLS'
settings tls "$SUBMISSIONS" "$TO_IMAPS" plain >rc
letter 'in TLS'
settings plain "$SUBMISSION" "$TO_IMAP" login >rc
press '<first-entry><display-message><exit><flag-message><save-message>=Archive<enter><sync-mailbox>'
arrived "$TO" 'Subject: by PLAIN' .Archive/
press '<limit>=b four<enter><limit>all<enter><first-entry><display-message><exit><delete-message><sync-mailbox>'
press '<change-folder>=Archive<enter><search>=s PLAIN<enter><display-message><exit><save-message>=INBOX<enter><sync-mailbox>'
arrived "$TO" 'Subject: by PLAIN'
if grep -rqsF 'Subject: by CRAM-MD5' "$MAIL/$TO/new" "$MAIL/$TO/cur"; then echo 'it is still there' >&2; exit 1; fi
# Answers are told apart from letters: the notifications that were asked for.
arrived "$FROM" 'multipart/report'
