# mutt hands a letter in and keeps a copy; then it reads, with SCRAM-SHA-256, and comes again to ask what is new.
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

settings plain "$SUBMISSION" "$TO_IMAP" scram-sha-256 >rc
letter 'Tea on Sunday?'
press '<first-entry><display-message><exit><flag-message><sync-mailbox>'
bring 'Biscuits'
press '<limit>=b four<enter><limit>all<enter><first-entry><display-message><exit><save-message>=Archive<enter><sync-mailbox>'
arrived "$TO" 'Subject: Biscuits' .Archive/
