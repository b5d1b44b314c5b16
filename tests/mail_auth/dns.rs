//! Zones that both sides ask: ours through a function, mail-auth through a socket on loopback.

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use mail_auth::MessageAuthenticator;
use postroad::proto::policy::{Answer, Data, Question, Rtype};
use postroad::trace::Transport;
use postroad::world::roles::dns::answer;
use postroad::world::scenario::Scenario;
use postroad::world::zones::Zones;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

/// A DNS with some zones.
pub struct Dns {
    zones: Arc<Zones>,
    runtime: Runtime,
    pub authenticator: MessageAuthenticator,
}

impl Dns {
    /// These zones beside those of the default journey, whose own are taken away.
    pub fn of(zones: &str) -> Dns {
        let mut scenario = Scenario::builtin("journey").expect("is there");
        let text = format!("extends = \"journey\"\n{zones}");
        let mine: toml::Table = text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"));
        scenario.zones = mine["zone"].clone().try_into().expect("zones");
        let zones = Arc::new(Zones::from(&scenario));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runs");
        let authenticator = runtime.block_on(serve(zones.clone()));
        Dns { zones, runtime, authenticator }
    }

    /// Wait for something that asks.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// What our evaluators are told.
    pub fn ask(&self, question: &Question) -> Answer {
        let rtype = match question.rtype {
            Rtype::Txt => RecordType::TXT,
            Rtype::A => RecordType::A,
            Rtype::Aaaa => RecordType::AAAA,
            Rtype::Mx => RecordType::MX,
            Rtype::Ptr => RecordType::PTR,
        };
        let Ok(mut name) = Name::from_ascii(&question.name) else { return Answer::NxDomain };
        name.set_fqdn(true);
        let mut query = Message::new(1, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(name, rtype));
        let bytes = query.to_vec().expect("is written");
        let reply = answer(&self.zones, &bytes, Transport::Tcp, 0).expect("is answered");
        let reply = Message::from_vec(&reply).expect("is read");
        let records: Vec<Data> = reply.answers.iter().filter_map(|record| data(&record.data)).collect();
        match (reply.metadata.response_code, records.is_empty()) {
            (ResponseCode::NXDomain, _) => Answer::NxDomain,
            (ResponseCode::NoError, true) => Answer::NoData,
            (ResponseCode::NoError, false) => Answer::Records(records),
            (code, _) => Answer::Failed(code.to_string()),
        }
    }
}

fn data(data: &RData) -> Option<Data> {
    Some(match data {
        RData::TXT(txt) => Data::Text(txt.txt_data.iter().flat_map(|s| s.to_vec()).collect()),
        RData::A(a) => Data::Address(a.0.into()),
        RData::AAAA(aaaa) => Data::Address(aaaa.0.into()),
        RData::MX(mx) => Data::Mx(mx.preference, mx.exchange.to_ascii()),
        RData::PTR(ptr) => Data::Name(ptr.0.to_ascii()),
        _ => return None,
    })
}

async fn serve(zones: Arc<Zones>) -> MessageAuthenticator {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let SocketAddr::V4(address) = socket.local_addr().expect("is bound") else {
        panic!("IPv4 was asked for")
    };
    tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(reply) = answer(&zones, &buffer[..length], Transport::Udp, 0) {
                let _ = socket.send_to(&reply, from).await;
            }
        }
    });
    let mut server = NameServerConfig::udp(Ipv4Addr::LOCALHOST.into());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    let config = ResolverConfig::from_name_servers(vec![server]);
    MessageAuthenticator::new(config, ResolverOpts::default()).expect("is built")
}
