# curl at a message store: every way to log in that it has, STARTTLS and TLS from the first byte; lists, reads, searches,
# sets flags, moves, appends.
. "$SCRIPTS/lib.sh"
bring 'the first'
bring 'the second' 'At five?'

imap() { curl -sS --user "$TO:$TO_PASSWORD" "$@"; }
inbox="imap://$HOST:$TO_IMAP/INBOX"

for mechanism in PLAIN LOGIN CRAM-MD5; do
  imap --login-options "AUTH=$mechanism" "$inbox;MAILINDEX=1" >said
  must 'At four?' said
done
imap "imap://$HOST:$TO_IMAP/" >said
must INBOX said
imap "$inbox?SUBJECT%20second" >said
must 'SEARCH 2' said
imap "$inbox;UID=2;SECTION=TEXT" >said
must 'At five?' said
imap -X 'FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)' "$inbox" >said
imap -X 'STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE HIGHESTMODSEQ)' "imap://$HOST:$TO_IMAP/" >said
must 'MESSAGES 2' said
imap -X 'UID SEARCH RETURN (MIN MAX COUNT ALL) BODY "four"' "$inbox" >said
must 'COUNT 1' said
imap -X 'CREATE Archive' "imap://$HOST:$TO_IMAP/" >said
imap -X 'STORE 1 +FLAGS (\Flagged)' "$inbox" >said
imap -X 'MOVE 1 Archive' "$inbox" >said
imap --ssl-reqd --cacert "$CA" "imap://$HOST:$TO_IMAP/Archive;MAILINDEX=1" >said
must 'Subject: the first' said
imap --cacert "$CA" "imaps://$HOST:$TO_IMAPS/INBOX;MAILINDEX=1" >said
must 'Subject: the second' said
printf 'From: %s\r\nSubject: kept\r\n\r\nNot sent.\r\n' "$TO" >kept
imap -T kept "imap://$HOST:$TO_IMAP/Archive"
arrived "$TO" 'Subject: kept' .Archive/
