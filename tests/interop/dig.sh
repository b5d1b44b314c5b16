# dig asks the lab's DNS: by UDP and TCP, with and without EDNS, for what is there and what is not.
. "$SCRIPTS/lib.sh"
ask() { dig -p "$DNS" "@$HOST" +tries=1 "$@" >said; }

ask +short example.net MX
must '10 mx1.example.net.' said
ask +short +tcp mx1.example.net A
must 203.0.113.25 said
ask +short mx1.example.net AAAA
must 2001:db8:2::25 said
ask +noedns example.com SOA
must 'hostmaster.example.com.' said
ask +short _imap._tcp.example.com SRV
must 'mail.example.com.' said
ask +dnssec +nsid example.com NS
must 'ns.example.org.' said
ask example.com TXT
must 'status: NOERROR' said
ask nowhere.example.com A
must 'status: NXDOMAIN' said
ask example.com ANY
ask www.example.edu A
ask -x 192.0.2.25
