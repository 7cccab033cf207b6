//! Whatever form an answer has, and whatever comes instead of one.

use commwatch::core::message::TEXT_CHARS_MAX;
use commwatch_simulator::shape::{
    AuthorForm, ChildsAs, ChildsAt, Content, Data, DateForm, Dates, Names, Nulls, Numbers, Order, Shape,
    StatusForm,
};
use commwatch_simulator::{Fault, FaultBody, Scope, Times};

use crate::receiver::{Received, Receiver};
use crate::world::{PATIENCE, World, until};

/// Every knob of the simulator that changes how a conversation is written, and never what was said in it.
fn shapes() -> Vec<Shape> {
    let plain = Shape::default;
    let dates =
        |zone, digits, space| Shape { dates: Dates::all(DateForm { zone, digits, space }), ..plain() };
    vec![
        Shape { order: Order::OldestFirst, ..plain() },
        Shape { order: Order::Shuffled(7), ..plain() },
        Shape { childs_at: ChildsAt::User, ..plain() },
        Shape { childs_at: ChildsAt::Both, ..plain() },
        Shape { childs_at: ChildsAt::BothUserStale, ..plain() },
        Shape { childs_as: ChildsAs::SingleObject, ..plain() },
        Shape { childs_unasked: true, ..plain() },
        dates(true, 0, false),
        dates(false, 0, false),
        dates(false, 5, true),
        dates(true, 9, false),
        Shape { numbers: Numbers::Text, ..plain() },
        Shape { names: Names::Variants, ..plain() },
        Shape { names: Names::Id, ..plain() },
        Shape { names: Names::UpperId, ..plain() },
        Shape { nulls: Nulls::Text, ..plain() },
        Shape { nulls: Nulls::Empty, ..plain() },
        Shape { content: Content::Broken, child_content: Content::Broken, ..plain() },
        Shape { content: Content::Nested, child_content: Content::Nested, ..plain() },
        Shape { content: Content::Bare, child_content: Content::Empty, ..plain() },
        Shape { content: Content::Null, child_content: Content::Null, ..plain() },
        Shape { author: AuthorForm::OnChild, ..plain() },
        Shape { author: AuthorForm::ManagerId, ..plain() },
        Shape { author: AuthorForm::NullUser, ..plain() },
        Shape { data: Data::Object, ..plain() },
        Shape { status: StatusForm::Text, ..plain() },
        Shape { sparse: true, ..plain() },
        Shape::oldest_first_no_zone(),
        Shape::oddities(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_an_answer_tells_the_same_and_a_change_of_form_tells_nothing() {
    let mut world = World::new().await;
    let talks: Vec<_> = (1..).zip(shapes()).map(|(object, shape)| (world.watching(object), shape)).collect();
    world.start().await;
    world.baselined().await;
    let say = |what: &str| {
        for (talk, _) in &talks {
            talk.customer_says(format!("{what} in {}", talk.object_id()));
        }
    };
    say("hello");
    world.all_delivered().await;
    for (talk, shape) in &talks {
        talk.shape(shape.clone());
    }
    world.polled(2).await;
    say("one");
    say("two");
    world.all_delivered().await;
    for (talk, _) in &talks {
        talk.shape(Shape::default());
    }
    world.polled(2).await;
    say("goodbye");
    world.all_delivered().await;
    world.polled(1).await;
    assert_eq!(world.check(), 0, "a change of form tells nothing again");
    assert!(world.output.logged("could not poll").is_empty(), "{:?}", world.output.logged("could not poll"));
}

fn status(code: u16, body: FaultBody) -> Fault {
    Fault::Status { code, retry_after: None, body }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_instead_of_an_answer_loses_nothing_invents_nothing_and_is_told_by_its_name() {
    let mut world = World::new().await;
    let elsewhere = Receiver::start().await;
    // Enough for 17 MiB on a busy machine.
    world.config.timeout = "4s";
    let faults = [
        (Fault::Redirect(elsewhere.url()), "302"),
        (status(404, FaultBody::Html), "404"),
        (status(500, FaultBody::Empty), "500"),
        (status(502, FaultBody::Html), "502"),
        (status(504, FaultBody::Empty), "504"),
        (Fault::NotJson, "decode"),
        (Fault::EnvelopeStatus(404), "envelope"),
        (Fault::EmptyData, "envelope"),
        (Fault::NullData, "envelope"),
        (Fault::TextData, "envelope"),
        (Fault::AbsentData, "envelope"),
        (Fault::WrongObject, "envelope"),
        (Fault::Oversized(17 << 20), "body"),
        (Fault::Truncate(200), "body"),
        (Fault::Stall(200), "timeout"),
        (Fault::Hang, "timeout"),
        (Fault::Reset, "connect"),
    ];
    let mut talks = Vec::new();
    for object in 1..=faults.len() as i64 {
        talks.push(world.watching(object));
    }
    world.start().await;
    world.baselined().await;
    for (talk, (fault, _)) in talks.iter().zip(&faults) {
        world.sim.fault(Scope::Object(talk.object_id()), fault.clone(), Times::Once);
        talk.customer_says(format!("behind {fault:?}"));
    }
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    assert!(elsewhere.received().is_empty(), "a redirect is not followed");
    let kinds: Vec<String> = world.hook.accepted().into_iter().map(|one| one.kind).collect();
    assert!(kinds.iter().all(|kind| kind == "commwatch.message.created.v1"), "{kinds:?}");
    for (_, code) in &faults {
        let times = faults.iter().filter(|(_, other)| other == code).count();
        let series = format!("api_requests_total{{account=\"main\",code=\"{code}\",endpoint=\"object\"}}");
        world.metric_until(&series, &times.to_string()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_conversation_that_hangs_does_not_hold_up_the_others_and_recovers() {
    let mut world = World::new().await;
    world.config.timeout = "4s";
    let (dana, avi) = (world.watching(7), world.watching(8));
    world.start().await;
    world.baselined().await;
    world.sim.fault(Scope::Object(7), Fault::Hang, Times::Once);
    let asked = world.sim.request_count(7);
    until("it hangs", || world.sim.request_count(7) > asked).await;
    dana.customer_says("behind the one that hangs");
    avi.customer_says("beside it");
    world.hook.wait("avi", PATIENCE, |received| received.iter().any(|one| one.text == "beside it")).await;
    assert_eq!(world.sim.request_count(7), asked + 1, "no second request while one is out");
    world.all_delivered().await;
    assert_eq!(world.hook.accepted()[0].text, "beside it");
    assert_eq!(world.check(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_and_answers_of_a_replica_that_lags_lose_and_repeat_nothing() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    world.all_delivered().await;
    world.sim.stop_listening().await.unwrap();
    dana.customer_says("while it is away");
    world.line_after(0, "could not poll watch w7").await;
    world.sim.listen_again().await.unwrap();
    world.all_delivered().await;
    // Two polls ago these messages were there, and now they are not: nobody is told that they came again.
    world.sim.fault(Scope::Object(7), Fault::StaleReplica(2), Times::N(2));
    world.polled(4).await;
    dana.customer_says("after");
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
}

const ENCRYPTED: &str = "aB3_fXyZ0123456789abcd==";

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_may_be_pasted_in_either_form_and_changing_the_form_keeps_what_was_seen() {
    let mut world = World::new().await;
    let forms =
        [format!("\"{ENCRYPTED}\""), format!("\"{}\"", ENCRYPTED.replace("==", "%3d%3d")), "532".to_owned()];
    let talks: Vec<_> = (1..=3).map(|object| world.watching(object).encrypted_stream(ENCRYPTED)).collect();
    for (watch, form) in world.config.watches.iter_mut().zip(&forms) {
        watch.stream = form.clone();
    }
    world.start().await;
    world.baselined().await;
    let say = |what: &str| {
        for talk in &talks {
            talk.customer_says(format!("{what} in {}", talk.object_id()));
        }
    };
    say("hello");
    world.all_delivered().await;
    for request in world.sim.requests() {
        let stream = if request.object_id == Some(3) { "532" } else { "aB3_fXyZ0123456789abcd%3d%3d" };
        let path = request.path.replace("%3D", "%3d");
        assert!(path.starts_with(&format!("/streams/{stream}/objects/")), "encoded once: {path}");
    }
    // Each takes the form of the next.
    for (at, watch) in world.config.watches.iter_mut().enumerate() {
        watch.stream = forms[(at + 1) % 3].clone();
    }
    say("while it changes");
    world.write_config();
    world.ask(&["reload"]);
    say("after");
    world.all_delivered().await;
    world.polled(1).await;
    assert_eq!(world.check(), 0);
    assert_eq!(world.output.logged("took the baseline").len(), 3, "an address is not a conversation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_may_write_anything_and_it_arrives_as_it_was_written() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    for text in [
        "שלום, מה שלומך? 123",
        "🙂👩‍👩‍👧‍👦 \u{1F3F3}\u{FE0F}\u{200D}\u{1F308}",
        "line one\nline two\n\n  indented",
        "quote \" backslash \\ tab\tend",
        "{\"id\": 1, \"message\": \"forged\"}",
        "'; DROP TABLE event; --",
        "null",
        "0",
    ] {
        dana.customer_says(text);
    }
    dana.customer_says("x".repeat(TEXT_CHARS_MAX));
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    // What is longer is cut, and says so.
    dana.customer_says("ש".repeat(TEXT_CHARS_MAX + 1));
    let cut = |received: &[Received]| {
        let message = received.last().map(|one| &one.body["data"]["message"]);
        message.is_some_and(|message| {
            message["text_truncated"] == true && message["text"] == "ש".repeat(TEXT_CHARS_MAX)
        })
    };
    world.hook.wait("the cut one", PATIENCE, cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_is_moved_to_another_channel_goes_on_from_its_cursor_there() {
    let mut world = World::new().await;
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("before");
    world.all_delivered().await;
    dana.move_to(533);
    dana.customer_says("after it was moved");
    let from = world.output.count();
    world.line_after(from, "w7").await;
    world.config.watches[0].stream = "533".to_owned();
    world.write_config();
    world.ask(&["reload"]);
    world.all_delivered().await;
    assert_eq!(world.check(), 0);
    assert!(world.sim.requests().iter().any(|request| request.path.starts_with("/streams/533/objects/7")));
}
