//! The client against the simulator, which was written from the API's description alone.

use std::collections::BTreeSet;
use std::time::Duration;

use commwatch::commbox::{Answer, Client, Code, FetchError, Limits, Reaction};
use commwatch::config::{Account, Rate, SecretRef};
use commwatch::core::listing::{Listing, Page, Sweep};
use commwatch::core::message::{AuthorKind, Snapshot};
use commwatch::core::seek::{Address, Sought};
use commwatch::core::watch::Stream;
use commwatch_simulator::shape::{
    AuthorForm, ChildsAs, ChildsAt, Content, Data, DateForm, Dates, Names, Nulls,
};
use commwatch_simulator::shape::{Numbers, Order, Shape, StatusForm};
use commwatch_simulator::{Channel, Fault, FaultBody, Garbled, Post, Scope, Simulator, Times};
use secrecy::SecretString;

const STREAM: i64 = 532;
const OBJECT: i64 = 9_288_674_231_451_900;

fn client(sim: &Simulator, token: &str) -> Client {
    let account = Account {
        base_url: sim.base_url().parse().expect("an address"),
        token: SecretRef::Env("UNUSED".to_owned()),
        rate: Rate { count: 1, per: Duration::from_secs(1) },
        burst: 5,
        max_in_flight: 4,
        timeout: Duration::from_secs(2),
        console_url: None,
        bots: Vec::new(),
        streams: Vec::new(),
        proxy: None,
        ca_file: None,
    };
    let limits = Limits { body_bytes_max: 100_000 };
    Client::new(&account, SecretString::from(token), limits).expect("a client")
}

async fn ask(client: &Client) -> Result<Answer, FetchError> {
    client.conversation(&Stream::Number(STREAM), OBJECT).await
}

async fn snapshot(client: &Client) -> Result<Snapshot, FetchError> {
    ask(client).await?.decode(OBJECT, &[])
}

/// What was said, whatever it looks like.
fn facts(snapshot: &Snapshot) -> BTreeSet<(String, i64, AuthorKind, String, u64)> {
    let facts = snapshot.messages.iter().map(|message| {
        let second = message.created.expect("a time").as_second();
        (message.id.to_string(), second, message.author.kind, message.text.clone(), message.text_hash)
    });
    facts.collect()
}

fn shapes() -> Vec<Shape> {
    let shape = Shape::default;
    let forms = [(true, 6, false), (true, 3, true), (false, 0, false), (false, 1, true)];
    let dates = forms.map(|(zone, digits, space)| DateForm { zone, digits, space });
    let mut shapes = vec![Shape::oldest_first_no_zone(), Shape::oddities()];
    shapes.extend(dates.map(|form| Shape { dates: Dates::all(form), ..shape() }));
    shapes.extend(
        [ChildsAt::User, ChildsAt::Both, ChildsAt::BothUserStale]
            .map(|at| Shape { childs_at: at, ..shape() }),
    );
    shapes.extend([Names::Variants, Names::Id, Names::UpperId].map(|names| Shape { names, ..shape() }));
    shapes.extend([Nulls::Text, Nulls::Empty].map(|nulls| Shape { nulls, ..shape() }));
    let contents = [Content::Broken, Content::Nested, Content::Bare, Content::Empty, Content::Null];
    shapes.extend(contents.map(|content| Shape { content, child_content: content, ..shape() }));
    shapes.extend([
        Shape { order: Order::Shuffled(7), ..shape() },
        Shape { numbers: Numbers::Text, ..shape() },
        Shape { author: AuthorForm::OnChild, ..shape() },
        Shape { data: Data::Object, ..shape() },
        Shape { status: StatusForm::Text, ..shape() },
        Shape { sparse: true, ..shape() },
    ]);
    shapes
}

#[tokio::test]
async fn the_same_facts_are_read_from_every_shape() {
    let sim = Simulator::start().await.expect("a simulator");
    let conversation = sim.conversation(STREAM, OBJECT).customer("רות", "לדוגמה");
    conversation.customer_says("שלום 😕\nsecond line");
    conversation.agent_says("Avi Example", "a < b && \"quoted\" \\ & <3");
    conversation.customer_says("");
    conversation.set_status(8);
    conversation.assign(51_001);
    let client = client(&sim, sim.token());
    let documented = snapshot(&client).await.expect("a snapshot");
    assert_eq!((documented.messages.len(), documented.status_id), (3, Some(8)));
    for shape in shapes() {
        conversation.shape(shape.clone());
        let read = snapshot(&client).await.expect("a snapshot");
        assert_eq!(facts(&read), facts(&documented), "{shape:?}");
        let told = |read: &Snapshot| {
            (
                read.status_id,
                read.assigned_manager_id,
                read.customer_name.clone(),
                read.stream_id,
                read.children_listed,
            )
        };
        assert_eq!(told(&read), told(&documented), "{shape:?}");
        assert_eq!(read.unparsed, [], "{shape:?}");
    }
    for childs_as in [ChildsAs::Null, ChildsAs::Absent] {
        conversation.shape(Shape { childs_as, ..Shape::default() });
        assert!(!snapshot(&client).await.expect("a snapshot").children_listed);
    }
}

#[tokio::test]
async fn an_unchanged_conversation_is_known_by_its_fingerprint_and_a_changed_one_too() {
    let sim = Simulator::start().await.expect("a simulator");
    let conversation = sim.conversation(STREAM, OBJECT);
    let child = conversation.customer_says("a");
    let client = client(&sim, sim.token());
    let keys = std::hash::RandomState::new();
    let first = ask(&client).await.expect("an answer").fingerprint(&keys);
    let again = ask(&client).await.expect("an answer");
    assert!(again.server_clock().is_some(), "its time of answering differs");
    assert_eq!(again.fingerprint(&keys), first);
    conversation.edit(child, "b");
    assert_ne!(ask(&client).await.expect("an answer").fingerprint(&keys), first);
}

#[tokio::test]
async fn a_garbled_child_is_read_or_named_but_never_lost() {
    let sim = Simulator::start().await.expect("a simulator");
    let conversation = sim.conversation(STREAM, OBJECT);
    let garbled = [
        Garbled::BadTime,
        Garbled::NoTime,
        Garbled::NoId,
        Garbled::BadId,
        Garbled::BadMessage,
        Garbled::NotAnObject,
    ];
    for (n, how) in garbled.into_iter().enumerate() {
        for twin in ["one", "two"] {
            conversation.says(Post::customer(format!("{n} {twin}")).garbled(how));
        }
    }
    conversation.customer_says("fine");
    let read = snapshot(&client(&sim, sim.token())).await.expect("a snapshot");
    let mut texts: Vec<&str> = read.messages.iter().map(|message| message.text.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["0 one", "0 two", "1 one", "1 two", "2 one", "2 two", "3 one", "3 two", "fine"]);
    // Two with an id of their own; and two that are the same to the byte, which nobody could tell apart.
    assert_eq!(read.unparsed.len(), 3, "{:?}", read.unparsed);
}

#[tokio::test]
async fn every_way_to_be_let_down_has_its_reaction() {
    let sim = Simulator::start().await.expect("a simulator");
    sim.conversation(STREAM, OBJECT).customer_says("a");
    let client = client(&sim, sim.token());
    let unavailable = Reaction::Unavailable { retry_after: None };
    let html = |code| Fault::Status { code, retry_after: None, body: FaultBody::Html };
    for (fault, reaction, code) in [
        (Fault::status(400), Reaction::Gone, Code::Http(400)),
        (Fault::status(401), Reaction::Denied, Code::Http(401)),
        (html(403), Reaction::Denied, Code::Http(403)),
        (Fault::status(404), Reaction::Gone, Code::Http(404)),
        (
            Fault::retry_after(429, "17"),
            Reaction::Throttled { retry_after: Some(Duration::from_secs(17)) },
            Code::Http(429),
        ),
        (Fault::status(500), unavailable, Code::Http(500)),
        (Fault::status(501), Reaction::Gone, Code::Http(501)),
        (html(502), unavailable, Code::Http(502)),
        (html(200), Reaction::Malformed, Code::Decode),
        (
            Fault::Status { code: 200, retry_after: None, body: FaultBody::Empty },
            Reaction::Malformed,
            Code::Decode,
        ),
        (Fault::Hang, unavailable, Code::Timeout),
        (Fault::Stall(100), unavailable, Code::Timeout),
        (Fault::Truncate(100), unavailable, Code::Body),
        (Fault::Reset, unavailable, Code::Connect),
        (Fault::EnvelopeStatus(401), Reaction::Denied, Code::Envelope),
        (Fault::EnvelopeStatus(500), unavailable, Code::Envelope),
        (Fault::EmptyData, Reaction::Gone, Code::Envelope),
        (Fault::NullData, Reaction::Gone, Code::Envelope),
        (Fault::TextData, Reaction::Gone, Code::Envelope),
        (Fault::AbsentData, Reaction::Gone, Code::Envelope),
        (Fault::WrongObject, Reaction::Malformed, Code::Envelope),
        (Fault::Oversized(200_000), Reaction::Malformed, Code::Body),
        (Fault::Redirect(format!("{}/core/systemstatus", sim.base_url())), unavailable, Code::Http(302)),
        (Fault::NotJson, Reaction::Malformed, Code::Decode),
    ] {
        sim.fault(Scope::Object(OBJECT), fault.clone(), Times::Once);
        let asked = sim.total_requests();
        let error = snapshot(&client).await.expect_err("a fault");
        assert_eq!((error.reaction, error.code), (reaction, code), "{fault:?}: {error}");
        assert_eq!(sim.total_requests(), asked + 1, "one call is one request: {fault:?}");
        snapshot(&client).await.expect("all is well again");
    }
}

#[tokio::test]
async fn a_wrong_key_a_wrong_object_and_the_encrypted_stream_are_told_apart() {
    let sim = Simulator::start().await.expect("a simulator");
    sim.conversation(STREAM, OBJECT).encrypted_stream("EXAMPLE_fstreamIdAAA_bA==").customer_says("a");
    let good = client(&sim, &format!("Bearer {}\n", sim.token()));
    good.system_status().await.expect("good");
    let encrypted = Stream::Encrypted("EXAMPLE_fstreamIdAAA_bA==".to_owned());
    let answer = good.conversation(&encrypted, OBJECT).await.expect("an answer");
    assert_eq!(answer.decode(OBJECT, &[]).expect("a snapshot").stream_id, Some(STREAM));
    let gone = good.conversation(&encrypted, 1).await.expect_err("no such object");
    assert_eq!(gone.reaction, Reaction::Gone);
    let denied = snapshot(&client(&sim, "another-key")).await.expect_err("denied");
    assert_eq!(denied.reaction, Reaction::Denied);
}

async fn page(client: &Client, listing: &Listing) -> Result<Page, FetchError> {
    client.list(listing).await?.decode_page()
}

/// Follows a look to its end; gives what was found, in order, and how many questions that took.
async fn swept(client: &Client, sought: &Sought) -> (Vec<i64>, u32, bool) {
    let mut sweep = Sweep::new(sought, jiff::Timestamp::now());
    let (mut found, mut asked) = (Vec::new(), 0);
    while let Some(question) = sweep.question().cloned() {
        let page = page(client, &question).await.expect("a page");
        sweep.answered(&page, jiff::Timestamp::now());
        found.extend(page.conversations.into_iter().map(|one| one.object));
        asked += 1;
    }
    (found, asked, sweep.is_cut())
}

#[tokio::test]
async fn a_customers_conversations_are_listed_by_identity_phone_and_mail() {
    let sim = Simulator::start().await.expect("a simulator");
    let client = client(&sim, sim.token());
    let by_phone = |stream, object| {
        let conversation = sim.conversation(stream, object).customer("Dana", "Levi").identity(531_826);
        conversation.channel(Channel::WhatsApp).address("972500123456")
    };
    by_phone(5, 11).set_status(2);
    by_phone(5, 12);
    by_phone(6, 13);
    sim.conversation(7, 14).channel(Channel::Mail).address("dana@example.com").identity(531_827);
    sim.conversation(7, 15).channel(Channel::Mail);

    let listed = page(&client, &Listing::Identity(531_826)).await.expect("a page");
    let ids: Vec<i64> = listed.conversations.iter().map(|one| one.object).collect();
    assert_eq!(ids, [11, 12, 13]);
    let one = &listed.conversations[0];
    assert_eq!((one.stream.clone(), one.status, one.channel), (Stream::Number(5), Some(2), Some(16)));
    assert_eq!((one.customer_name.as_deref(), one.identity), (Some("Dana Levi"), Some(531_826)));
    assert!(one.created.is_some() && one.closed.is_some() && listed.answered_at.is_some());

    let phone = Address::phone("+972 50-012-3456").expect("a phone");
    let streams = [5, 6, 7].map(Stream::Number).into();
    let (mut found, asked, is_cut) = swept(&client, &Sought::Address { address: phone, streams }).await;
    found.sort_unstable();
    assert_eq!((found, asked, is_cut), (vec![11, 12, 13], 3, false));
    let mail = Address::email("dana@example.com").expect("a mail address");
    let streams = vec![Stream::Number(7)];
    assert_eq!(swept(&client, &Sought::Address { address: mail, streams }).await, (vec![14], 1, false));
    let nobody = page(&client, &Listing::Identity(9)).await.expect_err("nobody");
    assert_eq!((nobody.reaction, nobody.code), (Reaction::Gone, Code::Http(404)));
}

#[tokio::test]
async fn a_channels_conversations_are_listed_page_by_page_by_their_status() {
    let sim = Simulator::start().await.expect("a simulator");
    let client = client(&sim, sim.token());
    let began = jiff::Timestamp::now() - Duration::from_secs(86_400);
    for object in 1..=230_i64 {
        // Five a second, so that every page ends within one.
        let created = began + Duration::from_secs(object.unsigned_abs() / 5);
        let conversation = sim.conversation(5, object).created(created);
        if object % 10 == 0 {
            conversation.set_status(2);
        }
    }
    let sought = Sought::Channel { stream: Stream::Number(5), statuses: vec![1, 8] };
    let (found, asked, is_cut) = swept(&client, &sought).await;
    let all: BTreeSet<i64> = found.iter().copied().collect();
    assert_eq!(all, (1..=230).filter(|object| object % 10 != 0).collect());
    assert_eq!((asked, is_cut, found.first()), (3, false, Some(&229)));
}

#[tokio::test]
async fn a_list_is_read_in_every_shape_and_with_the_faults_of_any_answer() {
    let sim = Simulator::start().await.expect("a simulator");
    let client = client(&sim, sim.token());
    let conversation = sim.conversation(5, 11).customer("Dana", "Levi").identity(7);
    for shape in shapes() {
        conversation.shape(shape.clone());
        let page = page(&client, &Listing::Identity(7)).await.expect("a page");
        let [one] = &page.conversations[..] else { panic!("{page:?}") };
        assert_eq!((one.object, one.stream.clone(), page.unread), (11, Stream::Number(5), 0));
        assert!(one.created.is_some(), "{shape:?}");
    }
    for (status, expected) in [(401, Reaction::Denied), (503, Reaction::Unavailable { retry_after: None })] {
        sim.fault(Scope::Listings, Fault::status(status), Times::N(1));
        assert_eq!(page(&client, &Listing::Identity(7)).await.expect_err("a fault").reaction, expected);
    }
}
