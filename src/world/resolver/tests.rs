//! The resolver asking a server of the world over a network that a test controls, in virtual time.

use super::*;
use crate::trace::Transport;
use crate::world::roles::dns;
use crate::world::scenario::Scenario;
use crate::world::zones::Zones;
use std::io;
use std::pin::Pin;

/// What was sent, and how.
type Log = Vec<(Transport, Vec<u8>)>;

/// A network of one server, 20 ms away; what crossed it is written down.
#[derive(Clone)]
struct Network {
    zones: Arc<Zones>,
    log: Arc<Mutex<Log>>,
    started: tokio::time::Instant,
}

impl Exchange for Network {
    fn exchange(
        &self,
        _: SocketAddr,
        transport: Transport,
        query: Vec<u8>,
        timeout: Duration,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<u8>>> + Send>> {
        let me = self.clone();
        Box::pin(async move {
            me.log.lock().expect("not poisoned").push((transport, query.clone()));
            match dns::answer(&me.zones, &query, transport, me.started.elapsed().as_secs()) {
                Some(answer) => {
                    tokio::time::sleep(Duration::from_millis(40)).await;
                    Ok(answer)
                }
                None => {
                    tokio::time::sleep(timeout).await;
                    Err(io::ErrorKind::TimedOut.into())
                }
            }
        })
    }
}

struct World {
    network: Network,
    resolver: Resolver<Network>,
}

const START: i64 = 1_000_000_000;

impl World {
    fn of(scenario: &Scenario) -> World {
        let started = tokio::time::Instant::now();
        let network = Network { zones: Arc::new(Zones::from(scenario)), log: Arc::default(), started };
        let clock: Clock = Arc::new(move || Instant::from_secs(START) + started.elapsed());
        let server = "192.0.2.53:53".parse().expect("an address");
        let resolver = Resolver::new(network.clone(), server, clock, scenario.seed, "mail.example.com");
        World { network, resolver }
    }

    fn builtin(name: &str) -> World {
        World::of(&Scenario::builtin(name).expect("loads"))
    }

    fn with_records(records: &[&str]) -> World {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.zones[1].records.extend(records.iter().map(|r| (*r).to_owned()));
        World::of(&scenario)
    }

    fn sent(&self) -> usize {
        self.network.log.lock().expect("not poisoned").len()
    }
}

/// Run in virtual time.
fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(future)
}

fn mx(pairs: &[(u16, &str)]) -> MxLookup {
    MxLookup::Records(pairs.iter().map(|(preference, host)| (*preference, (*host).to_owned())).collect())
}

#[test]
fn each_outcome_of_mx_is_kept_apart() {
    run(async {
        let ask =
            |scenario: &'static str| async move { World::builtin(scenario).resolver.mx("example.net").await };
        assert_eq!(ask("journey").await, mx(&[(10, "mx1.example.net"), (20, "mx2.example.net")]));
        assert_eq!(ask("no-mx").await, MxLookup::NoMx);
        assert_eq!(ask("null-mx").await, MxLookup::Null);
        assert_eq!(ask("nxdomain").await, MxLookup::NxDomain);
        assert_eq!(ask("dns-timeout").await, MxLookup::Failed("the DNS server did not answer".to_owned()));
        let mut scenario = Scenario::builtin("dns-timeout").expect("loads");
        if let Some(crate::world::scenario::Fault::Dns { how, .. }) = scenario.faults.first_mut() {
            "servfail".clone_into(how);
        }
        let failed = World::of(&scenario).resolver.mx("example.net").await;
        assert_eq!(failed, MxLookup::Failed("the DNS server said SERVFAIL".to_owned()));
        let bad = World::builtin("journey").resolver.mx("bad..name").await;
        assert!(matches!(bad, MxLookup::Failed(_)), "{bad:?}");
    });
}

#[test]
fn silence_takes_two_tries_of_five_seconds() {
    run(async {
        let world = World::builtin("dns-timeout");
        let before = tokio::time::Instant::now();
        assert!(matches!(world.resolver.mx("example.net").await, MxLookup::Failed(_)));
        assert_eq!(before.elapsed().as_secs(), 10);
        assert_eq!(world.sent(), 2);
        {
            let log = world.network.log.lock().expect("not poisoned");
            assert_ne!(log[0].1[..2], log[1].1[..2], "each try has an id of its own");
        }
        tokio::time::sleep(Duration::from_secs(1790)).await;
        assert!(matches!(world.resolver.mx("example.net").await, MxLookup::Records(_)));
    });
}

#[test]
fn what_was_learnt_is_kept_as_long_as_its_ttl() {
    run(async {
        let World { network, resolver } = World::builtin("no-mx");
        let sent = || network.log.lock().expect("not poisoned").len();
        let first = resolver.addresses("mx1.example.net").await;
        let want = ["2001:db8:2::25", "203.0.113.25"].map(|a| a.parse().expect("an address"));
        assert_eq!(first, AddressLookup::Records(want.to_vec()), "IPv6 first");
        assert_eq!(sent(), 2);
        let until = (START + 3600) * 1_000_000;
        let kept = |rtype: &str, answer: &str, ms: i64| Fact::ResolverCached {
            name: "mx1.example.net".to_owned(),
            rtype: rtype.to_owned(),
            answer: answer.to_owned(),
            until: until + ms * 1000,
        };
        assert_eq!(
            resolver.take_facts(),
            [kept("AAAA", "2001:db8:2::25", 40), kept("A", "203.0.113.25", 80)]
        );
        assert_eq!(resolver.addresses("MX1.example.net.").await, first);
        assert_eq!(sent(), 2, "nothing crossed the wire");
        assert_eq!(resolver.take_facts().len(), 2);
        tokio::time::sleep(Duration::from_secs(3601)).await;
        assert_eq!(resolver.addresses("mx1.example.net").await, first);
        assert_eq!(sent(), 4);
        // That there is nothing is kept for the SOA's minimum.
        assert_eq!(resolver.mx("example.net").await, MxLookup::NoMx);
        tokio::time::sleep(Duration::from_secs(299)).await;
        assert_eq!(resolver.mx("example.net").await, MxLookup::NoMx);
        assert_eq!(sent(), 5);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(resolver.mx("example.net").await, MxLookup::NoMx);
        assert_eq!(sent(), 6);
        // A name that does not exist has no type at all.
        assert_eq!(resolver.mx("nobody.example.net").await, MxLookup::NxDomain);
        assert_eq!(resolver.addresses("nobody.example.net").await, AddressLookup::NxDomain);
        assert_eq!(sent(), 7);
    });
}

#[test]
fn addresses_of_every_sort_of_host() {
    run(async {
        let world =
            World::with_records(&["pop CNAME mx2", "empty TXT nothing", "far CNAME www.example.edu."]);
        let ask = |host: &'static str| world.resolver.addresses(host);
        let one = |a: &str| AddressLookup::Records(vec![a.parse().expect("an address")]);
        assert_eq!(ask("mx2.example.net").await, one("203.0.113.26"));
        assert_eq!(ask("pop.example.net").await, one("203.0.113.26"));
        assert_eq!(ask("empty.example.net").await, AddressLookup::None);
        assert_eq!(ask("far.example.net").await, AddressLookup::NxDomain);
        let sent = world.sent();
        assert_eq!(ask("192.0.2.7").await, one("192.0.2.7"));
        assert_eq!(world.sent(), sent, "an address needs no question");
    });
}

#[test]
fn services_are_found_by_srv() {
    run(async {
        let world = World::with_records(&[
            "_pop3s._tcp SRV 0 0 0 .",
            "_imaps._tcp SRV 0 1 993 elsewhere.example.edu.",
        ]);
        let srv = |service: &'static str, domain: &'static str| world.resolver.srv(service, domain);
        let server = |port, target: &str| Srv { priority: 0, weight: 1, port, target: target.to_owned() };
        let found = srv("_submission._tcp", "example.com").await;
        assert_eq!(found, SrvLookup::Records(vec![server(587, "mail.example.com")]));
        assert_eq!(srv("_submissions._tcp", "example.net").await, SrvLookup::None);
        assert_eq!(srv("_pop3s._tcp", "example.net").await, SrvLookup::NotOffered);
        let found = srv("_imaps._tcp", "example.net").await;
        assert_eq!(found, SrvLookup::Records(vec![server(993, "elsewhere.example.edu")]));
        assert_eq!(world.sent(), 4);
    });
}

#[test]
fn equals_come_in_a_drawn_order_that_the_seed_decides() {
    run(async {
        let records = ["m MX 5 a", "m MX 5 b", "m MX 5 c", "m MX 5 d", "m MX 1 z"];
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.zones[1].records.extend(records.map(str::to_owned));
        let mut orders = std::collections::BTreeSet::new();
        for seed in 0..8 {
            scenario.seed = seed;
            let ask = || async { World::of(&scenario).resolver.mx("m.example.net").await };
            let MxLookup::Records(order) = ask().await else { panic!("records") };
            assert_eq!(order[0], (1, "z.example.net".to_owned()), "the preferred one is always first");
            assert_eq!(ask().await, MxLookup::Records(order.clone()), "the same seed, the same order");
            orders.insert(order);
        }
        assert!(orders.len() > 2, "{orders:?}");
    });
}

#[test]
fn a_cut_answer_is_asked_for_by_tcp_and_the_next_question_by_udp() {
    run(async {
        let many: Vec<String> =
            (0..60).map(|i| format!("big MX {i} host-number-{i}-with-a-long-name")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let world = World::with_records(&many);
        let MxLookup::Records(hosts) = world.resolver.mx("big.example.net").await else { panic!("records") };
        assert_eq!(hosts.len(), 60);
        world.resolver.mx("example.net").await;
        let log = world.network.log.lock().expect("not poisoned");
        let transports: Vec<Transport> = log.iter().map(|(transport, _)| *transport).collect();
        assert_eq!(transports, [Transport::Udp, Transport::Tcp, Transport::Udp]);
    });
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let bytes = || {
        run(async {
            let world = World::builtin("journey");
            world.resolver.mx("example.net").await;
            world.resolver.addresses("mx1.example.net").await;
            world.network.log.lock().expect("not poisoned").clone()
        })
    };
    assert_eq!(bytes(), bytes());
}
