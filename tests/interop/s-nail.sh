# s-nail hands letters in, reads a maildrop, and a message store: looks, files, deletes.
. "$SCRIPTS/lib.sh"
bob=bob%40example.net
nail() {
  MAILRC=/dev/null s-nail -: / -S v15-compat -S hostname=laptop.example.com -S tls-ca-file="$CA" -S tls-ca-no-defaults \
    -S tls-verify=strict -S sendwait -S nosave -S from="$FROM" "$@"
}
letter() {
  subject=$1
  url=$2
  shift 2
  echo 'At four?' | nail -S "mta=$url" "$@" -s "$subject" "$TO"
  arrived "$TO" "Subject: $subject"
}
smtp="://alice%40example.com:$FROM_PASSWORD@localhost"
for mechanism in plain login cram-md5; do
  letter "by $mechanism" "smtp$smtp:$SUBMISSION" -S smtp-auth="$mechanism"
done
letter 'in STARTTLS' "submission$smtp:$SUBMISSION" -S smtp-use-starttls -S smtp-auth=plain
letter 'in TLS' "smtps$smtp:$SUBMISSIONS" -S smtp-auth=plain

read_from() {
  url=$1
  shift
  nail "$@" -f "$url" >said 2>&1 || { cat said >&2; exit 1; }
}
pop3="://$bob:$TO_PASSWORD@localhost"
for options in '-S pop3-auth=plain' '-S pop3-no-apop' '-S pop3-use-starttls'; do
  # shellcheck disable=SC2086
  echo 'headers
print 1
xit' | read_from "pop3$pop3:$TO_POP3" $options
  must 'At four?' said
done
echo 'print 5
delete 1
quit' | read_from "pop3s$pop3:$TO_POP3S"
must 'Subject: in TLS' said
for mechanism in login cram-md5; do
  echo 'headers
print 1
copy 1 @Archive
xit' | read_from "imap$pop3:$TO_IMAP/INBOX" -S imap-auth=$mechanism
  must 'At four?' said
done
echo 'print 1
search (subject TLS)
delete 1
quit' | read_from "imaps$pop3:$TO_IMAPS/INBOX"
echo 'print 1
xit' | read_from "imap$pop3:$TO_IMAP/INBOX" -S imap-use-starttls
must 'At four?' said
if grep -rqsF 'Subject: by login' "$MAIL/$TO/new" "$MAIL/$TO/cur"; then echo 'it is still there' >&2; exit 1; fi
