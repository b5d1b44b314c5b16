# curl reads a maildrop: every way to log in that it has, STLS and TLS from the first byte; lists, reads, deletes.
. "$SCRIPTS/lib.sh"
bring 'the first'
bring 'the second'

pop3() { curl -sS --user "$TO:$TO_PASSWORD" "$@"; }

for mechanism in PLAIN LOGIN CRAM-MD5 +APOP; do
  pop3 --login-options "AUTH=$mechanism" "pop3://$HOST:$TO_POP3/1" >said
  must 'At four?' said
done
pop3 "pop3://$HOST:$TO_POP3/" >said
must '2 ' said
for verb in UIDL CAPA; do
  pop3 -X "$verb" "pop3://$HOST:$TO_POP3/" >said
done
# What is answered by one line: curl has to be told that nothing follows it.
for command in STAT NOOP RSET 'UIDL 1'; do
  pop3 -X "$command" --head "pop3://$HOST:$TO_POP3/" >said
done
pop3 -X 'TOP 1 0' "pop3://$HOST:$TO_POP3/" >said
must 'Subject: the first' said
pop3 --ssl-reqd --cacert "$CA" "pop3://$HOST:$TO_POP3/2" >said
must 'Subject: the second' said
pop3 --cacert "$CA" "pop3s://$HOST:$TO_POP3S/2" >said
must 'Subject: the second' said
pop3 -X DELE --head "pop3://$HOST:$TO_POP3/1" >said
pop3 "pop3://$HOST:$TO_POP3/" >said
must '1 ' said
if grep -q '^2 ' said; then echo 'it is still there' >&2; exit 1; fi
