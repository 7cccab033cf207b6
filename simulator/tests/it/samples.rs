//! Each sample of the API's answers can be asked of the simulator: the same fields in the same places.

use std::collections::BTreeSet;
use std::path::Path;

use commwatch_simulator::shape::Names;
use commwatch_simulator::{Author, Channel, Conversation, Post, Shape, Simulator};
use serde_json::Value;

use crate::ask::get;

const WITH_CHILDS: &str = "?includeChilds=true&includeActivityLog=true";

fn sample(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon/tests/fixtures/commbox");
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// Every path to a value, list positions left out; JSON inside `content` is not looked into.
fn outline(value: &Value) -> BTreeSet<String> {
    fn walk(path: &str, value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value, into));
            }
            Value::Array(items) => {
                into.insert(format!("{path}[]"));
                items.iter().for_each(|item| walk(&format!("{path}[]"), item, into));
            }
            _ => drop(into.insert(path.to_owned())),
        }
    }
    let mut into = BTreeSet::new();
    walk("", value, &mut into);
    into
}

async fn assert_like(sim: &Simulator, conversation: &Conversation, query: &str, name: &str) {
    let path = format!("/streams/{}/objects/{}{query}", conversation.stream_id(), conversation.object_id());
    let (status, answer) = get(sim, &path).await;
    assert_eq!(status, 200);
    assert_eq!(outline(&answer), outline(&sample(name)), "{name}");
}

/// What samples 02 and 03 tell, in the same words and at the same times.
fn dana(sim: &Simulator) -> Conversation {
    let dana = sim.conversation(41208, 70012002).customer("Dana", "").identity(880102).user(660102);
    let at = |text: &str| text.parse().unwrap();
    let dana = dana.created(at("2026-03-02T10:00:02Z"));
    sim.manager("Someone Else");
    dana.says(Post::customer("Hello, where is my order?").at(at("2026-03-02T10:00:02.7730018Z")));
    let answer = "Your order left the warehouse this morning.";
    dana.says(Post::agent("Avi Example", answer).at(at("2026-03-02T10:04:09.0011320Z")));
    let again = "Great, and can I change the delivery address?";
    dana.says(Post::customer(again).at(at("2026-03-02T10:06:40.5129917Z")));
    dana
}

#[tokio::test]
async fn a_conversation_asked_without_parameters_has_the_fields_of_sample_01() {
    let sim = Simulator::start().await.unwrap();
    assert_like(&sim, &dana(&sim), "", "01-last-message-only.json").await;
}

#[tokio::test]
async fn a_default_conversation_has_the_fields_of_sample_02() {
    let sim = Simulator::start().await.unwrap();
    assert_like(&sim, &dana(&sim), "?includeChilds=true", "02-with-childs-newest-first.json").await;
}

#[tokio::test]
async fn the_conversation_of_sample_02_is_told_value_for_value() {
    let sim = Simulator::start().await.unwrap();
    dana(&sim);
    let (_, answer) =
        get(&sim, "/streams/41208/objects/70012002?includeChilds=true&includeActivityLog=false").await;
    let sample = sample("02-with-childs-newest-first.json");
    let (told, meant) = (&answer["data"][0], &sample["data"][0]);
    for field in ["objectId", "streamId", "firstName", "lastName", "message", "createdTime", "user_identity"]
    {
        assert_eq!(told[field], meant[field], "{field}");
    }
    for (told, meant) in
        std::iter::zip(told["childs"].as_array().unwrap(), meant["childs"].as_array().unwrap())
    {
        for field in ["id", "object_id", "content", "message", "createdTime"] {
            assert_eq!(told[field], meant[field], "{field}");
        }
        for field in ["id", "managerId", "isManager"] {
            assert_eq!(told["user"][field], meant["user"][field], "{field}");
        }
    }
}

#[tokio::test]
async fn the_same_conversation_oldest_first_and_without_zones_is_sample_03() {
    let sim = Simulator::start().await.unwrap();
    let dana = dana(&sim);
    dana.shape(Shape::oldest_first_no_zone());
    let name = "03-with-childs-oldest-first-no-zone.json";
    assert_like(&sim, &dana, "?includeChilds=true", name).await;
    let (_, answer) = get(&sim, "/streams/41208/objects/70012002?includeChilds=true").await;
    let times = |answer: &Value| -> Vec<Value> {
        let object = &answer["data"][0];
        let childs = object["childs"].as_array().unwrap().iter();
        childs.map(|child| child["createdTime"].clone()).chain([object["createdTime"].clone()]).collect()
    };
    assert_eq!(times(&answer), times(&sample(name)));
}

#[tokio::test]
async fn remarks_assignments_and_resolution_are_told_as_in_samples_04_and_11() {
    let sim = Simulator::start().await.unwrap();
    let called = sim.conversation(41209, 70012004).channel(Channel::Sms);
    called.customer_says("Please call me back.");
    called.assign(sim.manager("Maya Example"));
    called.remark("Tried twice, no answer");
    assert_like(&sim, &called, WITH_CHILDS, "04-with-activity-log.json").await;

    let closed = sim.conversation(41208, 70012011);
    closed.agent_says("Avi Example", "Solved, anything else?");
    closed.customer_says("Thanks, bye");
    closed.set_status(2);
    assert_like(&sim, &closed, WITH_CHILDS, "11-closed-conversation.json").await;
}

#[tokio::test]
async fn an_empty_conversation_has_the_fields_of_sample_05() {
    let sim = Simulator::start().await.unwrap();
    let empty = sim.conversation(41208, 70012005);
    assert_like(&sim, &empty, "?includeChilds=true", "05-empty-childs.json").await;
}

#[tokio::test]
async fn mails_messaging_and_files_have_the_fields_of_samples_06_07_and_10() {
    let sim = Simulator::start().await.unwrap();
    let mail = sim.conversation(41210, 70012006).channel(Channel::Mail).unique_id("C-4471").tags(1);
    let mail = mail.custom_field("VipStatus", "gold");
    mail.agent_says("Omer", "We are checking.");
    let invoice = Post::customer("Any news?").html("<div>Any news?</div>");
    mail.says(invoice.attachment("invoice.pdf", "https://files.example.org/invoice.pdf", Some(48213)));
    assert_like(&sim, &mail, "?includeChilds=true", "06-email-html.json").await;

    let ruth = sim.conversation(41211, 2251799813689310).channel(Channel::WhatsApp).customer("רות", "לדוגמה");
    ruth.customer_says("שלום, ההזמנה שלי (מס׳ 1234) עוד לא הגיעה 😕");
    assert_like(&sim, &ruth, "?includeChilds=true", "07-hebrew-whatsapp.json").await;

    let photo =
        sim.conversation(41212, 70012010).channel(Channel::Sms).encrypted_stream("EXAMPLEstreamAAAAAA_bA==");
    let file = Post::customer("").child_type(2);
    photo.says(file.attachment("photo.jpg", "https://files.example.org/b/photo_1a2b.jpg", Some(220144)));
    assert_like(&sim, &photo, "?includeChilds=true", "10-encrypted-stream-request.json").await;
    let (_, answer) = get(&sim, "/streams/41212/objects/70012010?includeChilds=true").await;
    let content = answer["data"][0]["childs"][0]["content"].as_str().unwrap();
    assert_eq!(content, r#"{"link":{"href":"https://files.example.org/b/photo_1a2b.jpg","size":220144}}"#);
}

#[tokio::test]
async fn agents_and_bots_have_the_fields_of_samples_08_and_09() {
    let sim = Simulator::start().await.unwrap();
    let answered = sim.conversation(41208, 70012008);
    answered.customer_says("Great, and can I change the delivery address?");
    answered.agent_says("Avi Example", "Done, the new address is saved.");
    assert_like(&sim, &answered, "?includeChilds=true", "08-agent-reply-newest.json").await;

    let automated = sim.conversation(41208, 70012009);
    automated.customer_says("hi");
    automated.says(Post::bot("\n\nPlease choose a topic\n\n").child_type(12));
    automated.set_status(11);
    assert_like(&sim, &automated, "?includeChilds=true", "09-bot-newest.json").await;
}

#[tokio::test]
async fn the_documented_oddities_of_sample_12_can_all_be_asked_for() {
    let sim = Simulator::start().await.unwrap();
    let odd = sim.conversation(41213, 9288674231451900).channel(Channel::Sms).unique_id("12345");
    odd.says(Post::customer("first").id(9288674231451901).at("2026-03-02T13:58:00Z".parse().unwrap()));
    let second = Post::new(Author::Unknown, "second").id(9288674231451902);
    odd.says(second.at("2026-03-02T13:59:10.63079Z".parse().unwrap()));
    odd.shape(Shape::oddities());
    assert_like(&sim, &odd, "?includeChilds=true", "12-documented-oddities.json").await;

    let (_, answer) = get(&sim, "/streams/41213/objects/9288674231451900?includeChilds=true").await;
    let object = &answer["data"][0];
    assert_eq!(answer["status"], "200");
    assert_eq!(object["objectId"], "9288674231451900");
    assert_eq!((&object["closeTime"], &object["firstName"]), (&"null".into(), &"null".into()));
    assert_eq!(object["user"]["uniqueId"], 12345);
    assert_eq!(object["user"]["childs"][0]["createdTime"], "2026-03-02T13:58:00");
    assert_eq!(object["user"]["childs"][1]["createdTime"], "2026-03-02T13:59:10.63079Z");
    assert!(serde_json::from_str::<Value>(object["content"].as_str().unwrap()).is_err());
}

#[tokio::test]
async fn the_ids_other_names_are_those_of_listings_and_creations() {
    let sim = Simulator::start().await.unwrap();
    let it = sim.conversation(1, 2);
    for (names, field) in [(Names::Id, "id"), (Names::UpperId, "Id"), (Names::Documented, "objectId")] {
        it.shape(Shape { names, ..Shape::default() });
        let (_, answer) = get(&sim, "/streams/1/objects/2").await;
        assert_eq!(answer["data"][0][field], 2);
    }
}

#[tokio::test]
async fn error_bodies_have_the_fields_of_the_error_samples() {
    let sim = Simulator::start().await.unwrap();
    for code in [400, 401, 404, 429, 500, 501] {
        sim.fault(
            commwatch_simulator::Scope::All,
            commwatch_simulator::Fault::status(code),
            commwatch_simulator::Times::Once,
        );
        let (status, mut answer) = get(&sim, "/core/systemstatus").await;
        let mut sample = sample(&format!("error-{code}.json"));
        assert_eq!(status, code);
        (answer["response_time"], sample["response_time"]) = (Value::Null, Value::Null);
        assert_eq!(answer, sample);
    }
}
