# A letter by swaks, with CRAM-MD5; one to a domain that is not there; then mpop fetches, with SCRAM-SHA-256.
. "$SCRIPTS/lib.sh"
letter() {
  timeout 30 swaks --server "$HOST:$SUBMISSION" --helo laptop.example.com --auth CRAM-MD5 --auth-user "$FROM" \
    --auth-password "$FROM_PASSWORD" --from "$FROM" --to "$1" --header 'Message-Id: <tea-1@laptop.example.com>' \
    --header 'Subject: Tea on Sunday?' --body 'At four?' >said 2>&1
}
letter "$TO"
arrived "$TO" 'Subject: Tea on Sunday?'
if letter bob@example.nett; then exit 1; fi
mkdir -p here/new here/cur here/tmp
cat >rc <<RC
account lab
host localhost
port $TO_POP3
user $TO
password $TO_PASSWORD
auth scram-sha-256
tls off
keep off
uidls_file $PWD/uidls
delivery maildir $PWD/here
RC
mpop -C rc -d lab >said 2>&1
grep -q 'At four?' here/new/*
