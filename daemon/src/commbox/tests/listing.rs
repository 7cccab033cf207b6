//! Lists of conversations, in all forms that the vendor's pages show.

use super::*;
use crate::core::listing::Page;
use crate::core::watch::Stream;

fn page(data: &str) -> Result<Page, FetchError> {
    answer(format!("{{\"status\":200,\"response_time\":\"2026-03-02T10:00:00Z\",\"data\":{data}}}"))
        .decode_page()
}

#[test]
fn a_list_may_be_absent_empty_or_a_single_object() {
    for data in ["null", "\"\"", "[]", "[{}]", "[null]"] {
        let page = page(data).unwrap();
        assert_eq!((page.conversations.len(), page.unread), (0, 0), "{data}");
    }
    assert_eq!(page("{\"id\":7,\"streamid\":\"5\"}").unwrap().conversations.len(), 1);
    assert_eq!(page("7").unwrap_err().detail, "data holds a number instead of a list of conversations");
    assert!(answer("{\"status\":404,\"description\":\"Not Found\"}").decode_page().is_err());
}

#[test]
fn every_spelling_is_read() {
    let one = page(
        r#"[{"Id":"9007199254740993","stream_id":5,"statusId":"2","createdTime":"2026-03-01 09:00:00",
             "closeTime":"null","updatedTime":"2026-03-02T09:00:00.123Z","user_identity":"531826",
             "firstName":"null","lastName":"","streamProviderType":"WhatsApp",
             "user":{"firstName":"Dana\u0007","lastName":"Levi"}}]"#,
    );
    let one = one.unwrap().conversations.remove(0);
    assert_eq!((one.object, one.stream), (9_007_199_254_740_993, Stream::Number(5)));
    assert_eq!((one.status, one.identity, one.channel), (Some(2), Some(531_826), Some(7)));
    assert_eq!((one.closed, one.customer_name.as_deref()), (None, Some("Dana Levi")));
    assert_eq!(one.created.unwrap().to_string(), "2026-03-01T09:00:00Z");
}

#[test]
fn an_element_that_cannot_be_asked_for_is_counted() {
    let page =
        page(r#"[7, {"streamId":5}, {"id":7}, {"id":"x","streamId":5}, {"id":8,"streamId":5}]"#).unwrap();
    assert_eq!((page.conversations.len(), page.unread), (1, 4));
}
