//! One conversation in every form an answer can take. What was said stays the same.

use std::collections::BTreeSet;

use commwatch_simulator::shape::{
    AuthorForm, ChildsAs, ChildsAt, Content, Data, DateForm, Dates, Names, Nulls, Numbers, Order, StatusForm,
};
use commwatch_simulator::{Conversation, Shape, Simulator};
use serde_json::Value;

use crate::ask::{get, messages, object};

async fn talk() -> (Simulator, Conversation) {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2).customer("Dana", "");
    for text in ["one", "two", "three"] {
        talk.customer_says(text);
    }
    (sim, talk)
}

async fn shaped(sim: &Simulator, talk: &Conversation, shape: Shape) -> Value {
    talk.shape(shape);
    object(sim, 1, 2).await
}

#[tokio::test]
async fn children_come_newest_first_oldest_first_or_in_another_order_each_time() {
    let (sim, talk) = talk().await;
    assert_eq!(messages(&object(&sim, 1, 2).await), ["three", "two", "one"]);
    let oldest = Shape { order: Order::OldestFirst, ..Shape::default() };
    assert_eq!(messages(&shaped(&sim, &talk, oldest).await), ["one", "two", "three"]);
    talk.shape(Shape { order: Order::Shuffled(7), ..Shape::default() });
    let mut orders = BTreeSet::new();
    for _ in 0..20 {
        let object = object(&sim, 1, 2).await;
        let order: Vec<String> = messages(&object).into_iter().map(str::to_owned).collect();
        assert_eq!(order.iter().map(String::as_str).collect::<BTreeSet<_>>(), ["one", "three", "two"].into());
        orders.insert(order);
    }
    assert!(orders.len() > 2, "{orders:?}");
}

#[tokio::test]
async fn children_stand_at_the_object_in_the_user_or_in_both() {
    let (sim, talk) = talk().await;
    let cases = [
        (ChildsAt::Object, Some(3), None),
        (ChildsAt::User, None, Some(3)),
        (ChildsAt::Both, Some(3), Some(3)),
        (ChildsAt::BothUserStale, Some(3), Some(2)),
    ];
    for (childs_at, at_object, in_user) in cases {
        let object = shaped(&sim, &talk, Shape { childs_at, ..Shape::default() }).await;
        let count = |place: &Value| place.get("childs").map(|childs| childs.as_array().unwrap().len());
        assert_eq!((count(&object), count(&object["user"])), (at_object, in_user), "{childs_at:?}");
    }
}

#[tokio::test]
async fn the_list_of_children_can_be_a_single_object_null_absent_or_empty() {
    let (sim, talk) = talk().await;
    let childs = async |childs_as| {
        shaped(&sim, &talk, Shape { childs_as, ..Shape::default() }).await.get("childs").cloned()
    };
    assert_eq!(childs(ChildsAs::Null).await, Some(Value::Null));
    assert_eq!(childs(ChildsAs::Absent).await, None);
    assert_eq!(childs(ChildsAs::Empty).await, Some(Value::from(Vec::<Value>::new())));
    assert_eq!(childs(ChildsAs::SingleObject).await.unwrap().as_array().unwrap().len(), 3);
    for posted in &sim.posted()[1..] {
        talk.redact(posted.child_id);
    }
    assert_eq!(childs(ChildsAs::SingleObject).await.unwrap()["message"], "one");
}

#[tokio::test]
async fn children_can_come_unasked() {
    let (sim, talk) = talk().await;
    talk.shape(Shape { childs_unasked: true, ..Shape::default() });
    let (_, answer) = get(&sim, "/streams/1/objects/2").await;
    assert_eq!(messages(&answer["data"][0]).len(), 3);
}

#[tokio::test]
async fn times_can_be_written_in_any_form() {
    let (sim, talk) = talk().await;
    let forms = [(true, 0, false, 20), (false, 0, false, 19), (true, 3, false, 24), (false, 7, true, 27)];
    for (zone, digits, space, length) in forms {
        let dates = Dates::all(DateForm { zone, digits, space });
        let object = shaped(&sim, &talk, Shape { dates, ..Shape::default() }).await;
        for time in [&object["createdTime"], &object["childs"][0]["createdTime"]] {
            let time = time.as_str().unwrap();
            assert_eq!(
                (time.len(), time.ends_with('Z'), time.contains(' ')),
                (length, zone, space),
                "{time}"
            );
        }
    }
}

#[tokio::test]
async fn numbers_can_be_text_and_phones_numbers() {
    let sim = Simulator::start().await.unwrap();
    let talk = sim.conversation(1, 2).channel(commwatch_simulator::Channel::Sms).address("972500000112");
    talk.customer_says("hi");
    let object = shaped(&sim, &talk, Shape { numbers: Numbers::Text, ..Shape::default() }).await;
    for place in ["/objectId", "/statusId", "/user/id", "/childs/0/id", "/childs/0/user/managerId"] {
        assert!(object.pointer(place).unwrap().is_string(), "{place}");
    }
    assert_eq!(object["user"]["phone1"], 972500000112_i64);
}

#[tokio::test]
async fn field_names_nulls_and_contents_can_vary() {
    let (sim, talk) = talk().await;
    let object = shaped(&sim, &talk, Shape { names: Names::Variants, ..Shape::default() }).await;
    for field in ["streamid", "substreamid", "closeTime"] {
        assert!(object.get(field).is_some(), "{field}");
    }
    assert!(object["user"].get("Locale").is_some());
    let spellings: Vec<bool> = (0..3).map(|n| object["childs"][n].get("objectId").is_some()).collect();
    assert_eq!(spellings, [false, true, false], "both spellings side by side");

    for (nulls, written) in
        [(Nulls::Null, Value::Null), (Nulls::Text, "null".into()), (Nulls::Empty, "".into())]
    {
        let object = shaped(&sim, &talk, Shape { nulls, ..Shape::default() }).await;
        assert_eq!((&object["lastName"], &object["closedTime"]), (&written, &written), "{nulls:?}");
    }
    let contents = [(Content::Null, Value::Null), (Content::Empty, "".into()), (Content::Bare, "{}".into())];
    for (content, written) in contents {
        let object = shaped(&sim, &talk, Shape { content, child_content: content, ..Shape::default() }).await;
        assert_eq!(
            (&object["content"], &object["childs"][0]["content"]),
            (&written, &written),
            "{content:?}"
        );
    }
    let nested = shaped(&sim, &talk, Shape { content: Content::Nested, ..Shape::default() }).await;
    let once: Value = serde_json::from_str(nested["content"].as_str().unwrap()).unwrap();
    assert!(serde_json::from_str::<Value>(once.as_str().unwrap()).unwrap().is_object());
}

#[tokio::test]
async fn an_author_can_be_told_in_every_way() {
    let (sim, talk) = talk().await;
    talk.agent_says("Avi", "four");
    let newest =
        async |author| shaped(&sim, &talk, Shape { author, ..Shape::default() }).await["childs"][0].clone();
    let child = newest(AuthorForm::User).await;
    assert_eq!((&child["user"]["isManager"], child.get("isManager")), (&true.into(), None));
    let child = newest(AuthorForm::OnChild).await;
    assert_eq!(
        (child.get("user"), &child["isManager"], &child["firstName"]),
        (None, &true.into(), &"Avi".into())
    );
    let child = newest(AuthorForm::ManagerId).await;
    assert_eq!(
        (child["user"].get("isManager"), child["user"]["managerId"].as_i64()),
        (None, Some(sim.manager("Avi")))
    );
    assert_eq!(newest(AuthorForm::NullUser).await["user"], Value::Null);
}

#[tokio::test]
async fn data_can_be_the_conversation_itself_and_the_status_a_text() {
    let (sim, talk) = talk().await;
    talk.shape(Shape { data: Data::Object, status: StatusForm::Text, ..Shape::default() });
    let (_, answer) = get(&sim, "/streams/1/objects/2?includeChilds=true").await;
    assert_eq!(answer["status"], "200");
    assert_eq!(messages(&answer["data"]), ["three", "two", "one"]);
}
