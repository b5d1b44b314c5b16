# mbsync keeps a folder and a mailbox the same, both ways: what came, what was read, what was moved and written here.
. "$SCRIPTS/lib.sh"
bring 'the first'
bring 'the second'

sync() {
  cat >rc <<RC
IMAPAccount lab
Host localhost
User $TO
Pass $TO_PASSWORD
CertificateFile $CA
$1

IMAPStore there
Account lab

MaildirStore here
Path ./here/
Inbox ./here/INBOX
SubFolders Verbatim

Channel lab
Far :there:
Near :here:
Patterns *
Create Both
Remove Both
Expunge Both
CopyArrivalDate yes
SyncState *
RC
  mbsync -c rc -D lab >said 2>&1 || { cat said >&2; exit 1; }
}

mkdir here
sync "Port $TO_IMAP
SSLType None
AuthMechs LOGIN"
[ "$(grep -rl 'At four?' here/INBOX | wc -l)" = 2 ]
# Here: the first is read and answered, the second thrown away, and something is written in a new folder.
first=$(grep -rl 'Subject: the first' here/INBOX)
mv "$first" "here/INBOX/cur/$(basename "$first" | sed 's/:2,.*//'):2,RS"
second=$(grep -rl 'Subject: the second' here/INBOX)
rm "$second"
mkdir -p "here/Entw&APw-rfe/new" "here/Entw&APw-rfe/cur" "here/Entw&APw-rfe/tmp"
printf 'From: %s\nSubject: not yet sent\n\nAt five?\n' "$TO" >"here/Entw&APw-rfe/cur/1.1.laptop:2,D"
sync "Port $TO_IMAP
SSLType None
AuthMechs SCRAM-SHA-256"
arrived "$TO" 'Subject: not yet sent' '.Entw&APw-rfe/'
grep -qrF 'Subject: the first' "$MAIL/$TO/cur"
ls "$MAIL/$TO/cur" | grep -q ',RS$'
if grep -rqsF 'Subject: the second' "$MAIL/$TO/cur" "$MAIL/$TO/new"; then echo 'it is still there' >&2; exit 1; fi
bring 'the third'
sync "Port $TO_IMAP
SSLType STARTTLS
AuthMechs CRAM-MD5"
sync "Port $TO_IMAPS
SSLType IMAPS
AuthMechs PLAIN"
grep -rq 'Subject: the third' here/INBOX
