//! What is said when there is no answer: above all, whether something may have arrived.

use super::receiver::{Manner, Receiver, answer};
use super::*;

/// Long enough to send something, short enough to wait for.
const SHORT: Duration = Duration::from_secs(1);

async fn post(url: &str) -> Result<Response, HttpError> {
    send(Request::post(url, "text/plain", "x"), &grant(url)).await
}

async fn post_within(url: &str, span: Duration) -> Result<Response, HttpError> {
    let (service, request) = (service(), Request::post(url, "text/plain", "x"));
    let began = Instant::now();
    let answer = service.send("test", request, &grant(url), began + span).await;
    assert!(began.elapsed() < span + Duration::from_secs(20), "it took {:?}", began.elapsed());
    answer
}

fn not_sent(answer: Result<Response, HttpError>) -> String {
    match answer {
        Err(HttpError::NotSent { why }) => why,
        other => panic!("something other than not sent: {other:?}"),
    }
}

fn no_answer(answer: Result<Response, HttpError>) -> String {
    match answer {
        Err(HttpError::NoAnswer { why }) => why,
        other => panic!("something other than no answer: {other:?}"),
    }
}

fn out_of_time(answer: Result<Response, HttpError>) {
    let why = no_answer(answer);
    assert!(why.starts_with("no whole answer within "), "{why}");
}

#[tokio::test]
async fn nothing_was_sent_where_nobody_listens() {
    // Bound, but not listening: nobody else can take the port meanwhile.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let why = not_sent(post(&format!("http://{}/", socket.local_addr().unwrap())).await);
    assert!(why.contains("Connection refused"), "{why}");
}

#[tokio::test]
async fn nothing_was_sent_to_a_name_that_does_not_exist() {
    let why = not_sent(post("http://nowhere.test/").await);
    assert!(why.contains("no such name"), "{why}");
}

#[tokio::test]
async fn nothing_was_sent_when_the_tls_handshake_fails() {
    let receiver = Receiver::start(Manner::Babbles).await;
    not_sent(post(&format!("https://127.0.0.1:{}/", receiver.port())).await);
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn nothing_was_sent_when_no_time_was_left() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/");
    not_sent(post_within(&url, Duration::ZERO).await);
    let mut request = Request::post(url.as_str(), "text/plain", "x");
    request.timeout_ms = Some(0);
    not_sent(send(request, &grant(&url)).await);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_in_doubt_whether_it_arrived() {
    for manner in [
        Manner::ResetsAtOnce,
        Manner::ReadsAndResets,
        Manner::AnswersAndCloses(Vec::new()),
        Manner::AnswersAndCloses(b"HTTP/1.1 200".to_vec()),
        Manner::AnswersAndCloses(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec()),
        Manner::AnswersAndCloses(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_vec(),
        ),
        Manner::AnswersAndCloses(b"220 mail.test ESMTP\r\n".to_vec()),
        Manner::AnswersAndCloses(answer("999 Whatever", "", "")),
    ] {
        let receiver = Receiver::start(manner).await;
        let why = no_answer(post(&receiver.url("/")).await);
        assert!(!why.is_empty() && !why.contains('\n'));
    }
}

#[tokio::test]
async fn a_silent_receiver_is_left_at_the_deadline() {
    let receiver = Receiver::start(Manner::Hangs).await;
    out_of_time(post_within(&receiver.url("/"), SHORT).await);
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn the_sooner_of_both_deadlines_counts() {
    let receiver = Receiver::start(Manner::Hangs).await;
    let url = receiver.url("/");
    let mut request = Request::post(url.as_str(), "text/plain", "x");
    request.timeout_ms = Some(1000);
    out_of_time(send(request.clone(), &grant(&url)).await);
    request.timeout_ms = Some(u64::MAX);
    let answer = service().send("test", request, &grant(&url), Instant::now() + SHORT).await;
    out_of_time(answer);
}

#[tokio::test]
async fn an_answer_that_trickles_does_not_stretch_the_deadline() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nsome".to_vec();
    let receiver = Receiver::start(Manner::Answers(head)).await;
    out_of_time(post_within(&receiver.url("/"), SHORT).await);
}
