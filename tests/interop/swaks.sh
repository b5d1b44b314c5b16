# swaks hands letters in: three ways to log in, STARTTLS and TLS from the first byte, pipelined, and one that is refused.
. "$SCRIPTS/lib.sh"

letter() {
  subject=$1
  shift
  swaks --server "$HOST" --helo laptop.example.com --from "$FROM" --to "$TO" --auth-user "$FROM" \
    --auth-password "$FROM_PASSWORD" --header "Subject: $subject" --body 'At four?' "$@" >said 2>&1 || {
    cat said >&2
    return 1
  }
}

letter 'by PLAIN' --port "$SUBMISSION" --auth PLAIN
letter 'by LOGIN' --port "$SUBMISSION" --auth LOGIN
letter 'by CRAM-MD5' --port "$SUBMISSION" --auth CRAM-MD5
letter 'in STARTTLS' --port "$SUBMISSION" --auth PLAIN --tls --tls-verify --tls-ca-path "$CA"
letter 'in TLS' --port "$SUBMISSIONS" --auth PLAIN --tls-on-connect --tls-verify --tls-ca-path "$CA"
letter 'in one go' --port "$SUBMISSION" --auth PLAIN --pipeline
letter 'with something in it' --port "$SUBMISSION" --auth PLAIN --attach "@$SCRIPTS/swaks.sh"
for subject in 'by PLAIN' 'by LOGIN' 'by CRAM-MD5' 'in STARTTLS' 'in TLS' 'in one go' 'with something in it'; do
  arrived "$TO" "Subject: $subject"
done
# A domain that the lab does not know: swaks says 24, a recipient was refused, and the server says why.
code=0
swaks --server "$HOST:$SUBMISSION" --helo laptop.example.com --auth PLAIN --auth-user "$FROM" \
  --auth-password "$FROM_PASSWORD" --from "$FROM" --to bob@example.nett >said 2>&1 || code=$?
[ "$code" = 24 ] || { echo "swaks ended with $code" >&2; exit 1; }
must '550 5.1.2' said
