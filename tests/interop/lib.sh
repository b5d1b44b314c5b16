# What the scripts share; the test gives the ports and accounts as variables (see round.rs).
set -eu
umask 077

# Wait until a letter with these words lies in a mailbox: arrived ACCOUNT WORDS [FOLDER]
arrived() {
  tries=0
  until grep -rqsF -- "$2" "$MAIL/$1/${3:-}new" "$MAIL/$1/${3:-}cur"; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || { echo "“$2” did not come for $1" >&2; exit 1; }
    sleep 0.05
  done
}

# Say what a command said, and end, where it lacks these words: must WORDS FILE
must() {
  grep -qF -- "$1" "$2" || { echo "“$1” is missing in:" >&2; cat "$2" >&2; exit 1; }
}

# A letter by the relay's door, as another server brings it: bring SUBJECT [BODY]
bring() {
  printf 'From: alice@example.com\r\nTo: bob@example.net\r\nSubject: %s\r\nMessage-ID: <%s@example.com>\r\nDate: Mon, 5 Jan 2026 09:00:00 +0000\r\n\r\n%s\r\n' \
    "$1" "$(echo "$1" | tr -dc 'a-z')" "${2:-At four?}" |
    curl -sS --url "smtp://$HOST:$TO_RELAY/mail.example.com" --mail-from alice@example.com --mail-rcpt "$TO" --upload-file -
  arrived "$TO" "Subject: $1"
}
