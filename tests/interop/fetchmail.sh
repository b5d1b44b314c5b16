# fetchmail empties a mailbox by POP3 and by IMAP: four ways to log in, STARTTLS and TLS from the first byte.
. "$SCRIPTS/lib.sh"

fetch() {
  protocol=$1
  port=$2
  shift 2
  rm -f got
  cat >rc <<RC
poll localhost service $port protocol $protocol
  user "$TO" password "$TO_PASSWORD" $* mda "cat >>$PWD/got"
RC
  FETCHMAILHOME=$PWD fetchmail --pidfile "$PWD/fetchmail.pid" --nosyslog --nodetach -v -v -f rc >said 2>&1 || { cat said >&2; exit 1; }
  must 'At four?' got
}
safe="sslproto 'TLS1.2+' sslcertck sslcertfile '$CA'"

bring 'by POP3'
# Without fetchall it asks which message was the last one that was read, as POP3 had it until RFC 1460.
fetch 'POP3 auth password' "$TO_POP3" "sslproto '' keep"
fetch APOP "$TO_POP3" "sslproto '' keep fetchall"
fetch POP3 "$TO_POP3" "$safe keep fetchall"
fetch POP3 "$TO_POP3S" "ssl $safe fetchall"
bring 'by IMAP'
fetch 'IMAP auth password' "$TO_IMAP" "sslproto '' keep"
fetch 'IMAP auth cram-md5' "$TO_IMAP" "sslproto '' keep fetchall"
fetch IMAP "$TO_IMAP" "$safe keep fetchall"
fetch IMAP "$TO_IMAPS" "ssl $safe fetchall"
for folder in new cur; do
  if grep -rqs Subject "$MAIL/$TO/$folder"; then echo 'something is left' >&2; exit 1; fi
done
