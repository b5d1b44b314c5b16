# A letter by msmtp with STARTTLS, then fetchmail fetches it by APOP, and again by POP3 as it was in 1993 (LAST).
. "$SCRIPTS/lib.sh"
cat >rc <<RC
account lab
host localhost
port $SUBMISSION
domain laptop.example.com
from $FROM
auth scram-sha-256
user $FROM
password $FROM_PASSWORD
tls on
tls_trust_file $CA
RC
printf 'From: %s\nTo: %s\nSubject: Tea on Sunday?\nMessage-ID: <tea-2@laptop.example.com>\n\nAt four?\n' "$FROM" "$TO" |
  msmtp -C rc -a lab --dsn-notify=success --dsn-return=hdrs "$TO"
arrived "$TO" 'Subject: Tea on Sunday?'
arrived "$FROM" 'multipart/report'
fetch() {
  cat >rc <<RC
poll localhost service $TO_POP3 protocol $1
  user "$TO" password "$TO_PASSWORD" sslproto '' $2 mda "cat >>$PWD/got"
RC
  FETCHMAILHOME=$PWD fetchmail --pidfile "$PWD/fetchmail.pid" --nosyslog --nodetach -f rc >said 2>&1
}
fetch 'POP3 auth password' keep
fetch APOP fetchall
must 'At four?' got
