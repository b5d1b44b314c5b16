# mpop empties a maildrop: five ways to log in, STLS and TLS from the first byte; commands in one go.
. "$SCRIPTS/lib.sh"
for subject in one two three; do bring "letter $subject"; done

fetch() {
  rm -rf here
  mkdir -p here/new here/cur here/tmp
  cat >rc <<RC
account lab
host localhost
user $TO
password $TO_PASSWORD
uidls_file $PWD/uidls-$1
delivery maildir $PWD/here
tls_trust_file $CA
$2
RC
  mpop -C rc -d lab >said 2>&1 || { cat said >&2; exit 1; }
  [ "$(grep -l 'At four?' here/new/* | wc -l)" = 3 ] || { cat said >&2; ls here/new >&2; exit 1; }
}

for mechanism in user plain cram-md5 scram-sha-256 apop; do
  fetch "$mechanism" "port $TO_POP3
auth $mechanism
tls off
keep on"
done
fetch stls "port $TO_POP3
auth on
tls on
tls_starttls on
keep on"
fetch tls "port $TO_POP3S
auth on
tls on
tls_starttls off
keep off"
if grep -rqs Subject "$MAIL/$TO/new" "$MAIL/$TO/cur"; then echo 'something is left' >&2; exit 1; fi
