//! An answer before it is bytes: a status and an envelope.

use jiff::Timestamp;

use crate::fault::Fault;
use crate::json::{Fields, Json};
use crate::shape::{DateForm, StatusForm};

/// The form of `response_time`: seven digits and `Z`.
const RESPONSE_TIME: DateForm = DateForm { zone: true, digits: 7, space: false };

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    code: u16,
    status: Json,
    description: &'static str,
    data: Option<Json>,
    /// What some calls put beside `data`.
    extra: Fields,
    retry_after: Option<String>,
}

impl Answer {
    pub(crate) fn ok(description: &'static str, data: Json) -> Answer {
        let status = Json::Int(200);
        Answer { code: 200, status, description, data: Some(data), extra: Fields::new(), retry_after: None }
    }

    /// The API's own body for an error status.
    pub(crate) fn error(code: u16) -> Answer {
        let status = if code == 501 { code.to_string().into() } else { Json::Int(i64::from(code)) };
        let data = (code == 400).then_some(Json::Null);
        Answer { code, status, description: describe(code), data, extra: Fields::new(), retry_after: None }
    }

    pub(crate) fn with(mut self, name: &'static str, value: Json) -> Answer {
        self.extra.push((name, value));
        self
    }

    /// The value of the `Retry-After` header.
    pub(crate) fn retry_after(mut self, value: Option<String>) -> Answer {
        self.retry_after = value;
        self
    }

    pub(crate) fn status_form(mut self, form: StatusForm) -> Answer {
        if form == StatusForm::Text {
            self.status = self.code.to_string().into();
        }
        self
    }

    /// What a fault that spoils the content of a good answer makes of it.
    pub(crate) fn spoiled_by(mut self, fault: Option<&Fault>) -> Answer {
        if self.code != 200 {
            return self;
        }
        match fault {
            Some(Fault::EnvelopeStatus(code)) => self.status = Json::Int(i64::from(*code)),
            Some(Fault::EmptyData) => self.data = Some(Json::List(Vec::new())),
            Some(Fault::NullData) => self.data = Some(Json::Null),
            Some(Fault::TextData) => self.data = Some("".into()),
            Some(Fault::AbsentData) => self.data = None,
            _ => {}
        }
        self
    }

    /// The status, the `Retry-After` header and the body.
    pub(crate) fn into_parts(self, now: Timestamp) -> (u16, Option<String>, String) {
        let mut fields: Fields = vec![
            ("status", self.status),
            ("description", self.description.into()),
            ("response_time", RESPONSE_TIME.write(now).into()),
        ];
        fields.extend(self.data.map(|data| ("data", data)));
        fields.extend(self.extra);
        (self.code, self.retry_after, Json::Object(fields).to_text())
    }
}

fn describe(code: u16) -> &'static str {
    match code {
        400 => "Bad Request",
        401 => "Unauthorized access",
        403 => "Forbidden",
        404 => "Not found",
        429 => "Too Many Requests",
        500 => "Operation failed",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Error",
    }
}
