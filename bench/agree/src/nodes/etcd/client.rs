//! The little of etcd's gRPC interface that is needed here, as its `rpc.proto` has it.

use prost::Message;
use tonic::Request;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

const PUT: PathAndQuery = PathAndQuery::from_static("/etcdserverpb.KV/Put");
const STATUS: PathAndQuery = PathAndQuery::from_static("/etcdserverpb.Maintenance/Status");

/// One connection to one node.
pub struct EtcdClient {
    grpc: Grpc<Channel>,
}

#[derive(Clone, PartialEq, Message)]
struct PutRequest {
    #[prost(bytes, tag = "1")]
    key: Vec<u8>,
    #[prost(bytes, tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct PutResponse {
    #[prost(message, tag = "1")]
    header: Option<ResponseHeader>,
}

#[derive(Clone, PartialEq, Message)]
struct StatusRequest {}

#[derive(Clone, PartialEq, Message)]
struct StatusResponse {
    #[prost(message, tag = "1")]
    header: Option<ResponseHeader>,
    #[prost(uint64, tag = "4")]
    leader: u64,
}

#[derive(Clone, PartialEq, Message)]
struct ResponseHeader {
    #[prost(uint64, tag = "2")]
    member_id: u64,
}

impl EtcdClient {
    pub async fn connect(url: &str) -> Self {
        let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
        EtcdClient { grpc: Grpc::new(endpoint.connect().await.expect("etcd takes clients")) }
    }

    /// Puts a value under a key, and waits until it is acknowledged.
    pub async fn put(&mut self, key: &[u8], value: &[u8]) {
        let request = PutRequest { key: key.to_vec(), value: value.to_vec() };
        let _header: PutResponse = self.call(PUT, request).await;
    }

    /// Whether the node leads.
    pub async fn leads(&mut self) -> bool {
        let StatusResponse { header, leader } = self.call(STATUS, StatusRequest {}).await;
        header.is_some_and(|header| header.member_id == leader)
    }

    async fn call<Q, A>(&mut self, path: PathAndQuery, request: Q) -> A
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.grpc.ready().await.expect("etcd is there");
        let codec = ProstCodec::<Q, A>::default();
        self.grpc.unary(Request::new(request), path, codec).await.expect("etcd answers").into_inner()
    }
}
