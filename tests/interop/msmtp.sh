# msmtp hands letters in: four ways to log in, STARTTLS and TLS from the first byte, and what the sender wants to be told.
. "$SCRIPTS/lib.sh"

account() {
  cat >"rc" <<RC
account lab
host localhost
domain laptop.example.com
from $FROM
user $FROM
password $FROM_PASSWORD
tls_trust_file $CA
$1
RC
}
letter() {
  subject=$1
  shift
  printf 'From: %s\nTo: %s\nSubject: %s\n\n.At four?\n' "$FROM" "$TO" "$subject" | msmtp -C rc -a lab "$@" "$TO"
  arrived "$TO" "Subject: $subject"
}

for mechanism in plain login cram-md5 scram-sha-256; do
  account "port $SUBMISSION
auth $mechanism
tls off"
  letter "by $mechanism"
done
account "port $SUBMISSION
auth on
tls on
tls_starttls on"
letter 'in STARTTLS'
msmtp -C rc -a lab --serverinfo >said
must 'STARTTLS' said
account "port $SUBMISSIONS
auth on
tls on
tls_starttls off"
letter 'in TLS' --dsn-notify=success,failure --dsn-return=hdrs
arrived "$FROM" 'multipart/report'
