# curl hands letters in: every way to log in that it has, STARTTLS and TLS from the first byte; and asks for a name.
. "$SCRIPTS/lib.sh"

letter() {
  subject=$1
  url=$2
  shift 2
  printf 'From: %s\r\nTo: %s\r\nSubject: %s\r\n\r\n.At four?\r\n' "$FROM" "$TO" "$subject" |
    curl -sS --url "$url/laptop.example.com" --user "$FROM:$FROM_PASSWORD" --mail-from "$FROM" --mail-rcpt "$TO" "$@" \
      --upload-file -
  arrived "$TO" "Subject: $subject"
}

for mechanism in PLAIN LOGIN CRAM-MD5; do
  letter "by $mechanism" "smtp://$HOST:$SUBMISSION" --login-options "AUTH=$mechanism"
done
letter 'best of all' "smtp://$HOST:$SUBMISSION"
letter 'at once' "smtp://$HOST:$SUBMISSION" --login-options AUTH=PLAIN --sasl-ir
letter 'in STARTTLS' "smtp://$HOST:$SUBMISSION" --ssl-reqd --cacert "$CA"
letter 'in TLS' "smtps://$HOST:$SUBMISSIONS" --cacert "$CA"
# Two recipients, one of whom is not there.
printf 'From: %s\r\nSubject: to one of two\r\n\r\nAt four?\r\n' "$FROM" |
  curl -sS --url "smtp://$HOST:$TO_RELAY/mail.example.com" --mail-from "$FROM" --mail-rcpt nobody@example.net \
    --mail-rcpt "$TO" --mail-rcpt-allowfails --upload-file -
arrived "$TO" 'Subject: to one of two'
# HELP, and VRFY, which tells strangers nothing (RFC 5321 section 3.5.3).
curl -sS --url "smtp://$HOST:$SUBMISSION/laptop.example.com" --user "$FROM:$FROM_PASSWORD" -X HELP >said
curl -sS --url "smtp://$HOST:$SUBMISSION/laptop.example.com" --user "$FROM:$FROM_PASSWORD" --mail-rcpt carol@example.com >said
must 252 said
