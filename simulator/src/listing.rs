//! The calls that list conversations: a stream's, with its limits, and a customer's.

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::answer::Answer;
use crate::call::{BadParameter, Query};
use crate::json::Json;
use crate::record::Record;
use crate::render::View;
use crate::world::State;

/// The most conversations in one answer, and the default.
const PAGE_SIZE_MAX: usize = 100;

impl State {
    pub(crate) fn stream_objects(&self, stream: &str, query: &Query) -> Result<Answer, BadParameter> {
        let Some(stream_id) = self.stream_named(stream) else { return Ok(Answer::error(404)) };
        let limit = Limit::of(query)?;
        let statuses = statuses(query)?;
        let sub_stream = query.number("subStream")?;
        let mut found: Vec<&Record> = self
            .conversations
            .values()
            .filter(|record| record.stream_id == stream_id && !record.vanished && limit.holds(record))
            .filter(|record| statuses.as_ref().is_none_or(|wanted| wanted.contains(&record.status_id)))
            .filter(|record| sub_stream.is_none_or(|wanted| wanted == record.sub_stream_id))
            .collect();

        let time = Time::named(query.get("order").unwrap_or("createdtime"))?;
        match query.get("sort").unwrap_or("desc") {
            "asc" => found.sort_by_key(|record| (time.of(record), record.object_id)),
            "desc" => found.sort_by_key(|record| Reverse((time.of(record), record.object_id))),
            _ => return Err(BadParameter),
        }
        let number = |name, default| match query.number(name)? {
            None => Ok(default),
            Some(value) => usize::try_from(value).map_err(|_| BadParameter),
        };
        let size = number("pageSize", PAGE_SIZE_MAX)?.min(PAGE_SIZE_MAX);
        let skip = number("pageNumber", 0)?.saturating_mul(size);
        let page: Vec<&Record> = found.into_iter().skip(skip).take(size).collect();
        Ok(Answer::ok("Operation successful", self.list(&page, query, false)?))
    }

    pub(crate) fn identity_objects(
        &self,
        identity: &str,
        v2: bool,
        query: &Query,
    ) -> Result<Answer, BadParameter> {
        let identity: i64 = identity.parse().map_err(|_| BadParameter)?;
        let found: Vec<&Record> = self
            .conversations
            .values()
            .filter(|record| record.identity_id == identity && !record.vanished)
            .collect();
        if found.is_empty() {
            return Ok(Answer::error(404));
        }
        let answer = Answer::ok("Operation successful", self.list(&found, query, !v2)?);
        Ok(if v2 { answer.with("totalUnreadChatMessages", Json::Int(0)) } else { answer })
    }

    fn list(
        &self,
        records: &[&Record],
        query: &Query,
        childs_by_default: bool,
    ) -> Result<Json, BadParameter> {
        let childs = query.flag("includeChilds", childs_by_default)?;
        let activities = query.flag("includeActivityLog", false)?;
        let write = |record: &&Record| {
            let encrypted = self.encrypted_streams.contains_key(&record.stream_id);
            let object_id = record.object_id;
            View { record, encrypted, childs, activities, listing: true, object_id, stale: 0, answer: 0 }
                .write()
        };
        Ok(Json::List(records.iter().map(write).collect()))
    }

    /// The stream of this number or encrypted text.
    pub(crate) fn stream_named(&self, name: &str) -> Option<i64> {
        self.conversations.values().map(|record| record.stream_id).find(|&id| self.is_stream(id, name))
    }

    pub(crate) fn is_stream(&self, stream_id: i64, name: &str) -> bool {
        name == stream_id.to_string()
            || self.encrypted_streams.get(&stream_id).is_some_and(|text| text == name)
    }
}

/// What keeps a listing small. Without any the call fails.
enum Limit {
    Between { time: Time, start: i64, end: i64 },
    User(i64),
    IdentityAddress { address: String, kind: i64 },
    Address { address: String, kind: i64 },
}

impl Limit {
    fn of(query: &Query) -> Result<Limit, BadParameter> {
        let address = |id: &str, kind: &str| match (query.get(id), query.number(kind)?) {
            (Some(address), Some(kind)) => Ok(Some((address.to_owned(), kind))),
            _ => Ok(None),
        };
        if let (Some(start), Some(end)) = (query.number("unixStartTime")?, query.number("unixEndTime")?) {
            let time = Time::named(query.get("timeFilter").unwrap_or("createdtime"))?;
            Ok(Limit::Between { time, start, end })
        } else if let Some(id) = query.number("userIdentityId")? {
            Ok(Limit::User(id))
        } else if let Some((address, kind)) =
            address("identityStreamProviderId", "identityStreamProviderType")?
        {
            Ok(Limit::IdentityAddress { address, kind })
        } else if let Some((address, kind)) = address("streamProviderId", "streamProviderType")? {
            Ok(Limit::Address { address, kind })
        } else {
            Err(BadParameter)
        }
    }

    fn holds(&self, record: &Record) -> bool {
        match self {
            Limit::Between { time, start, end } => {
                time.of(record).is_some_and(|at| (*start..=*end).contains(&at.as_second()))
            }
            Limit::User(id) => record.identity_id == *id,
            Limit::IdentityAddress { address, kind } => {
                record.address() == *address && record.channel.identity() == *kind
            }
            Limit::Address { address, kind } => {
                record.address() == *address && record.channel.provider() == *kind
            }
        }
    }
}

/// One of a conversation's times.
#[derive(Clone, Copy)]
enum Time {
    Created,
    Closed,
    Priority,
    Updated,
}

impl Time {
    fn named(name: &str) -> Result<Time, BadParameter> {
        match name {
            "createdtime" => Ok(Time::Created),
            "closedtime" => Ok(Time::Closed),
            "prioritytime" => Ok(Time::Priority),
            "updatedtime" => Ok(Time::Updated),
            _ => Err(BadParameter),
        }
    }

    fn of(self, record: &Record) -> Option<Timestamp> {
        match self {
            Time::Created | Time::Priority => Some(record.created),
            Time::Closed => record.closed,
            Time::Updated => Some(record.updated),
        }
    }
}

fn statuses(query: &Query) -> Result<Option<Vec<i64>>, BadParameter> {
    let Some(list) = query.get("status") else { return Ok(None) };
    list.split(',')
        .map(|status| status.trim().parse().map_err(|_| BadParameter))
        .collect::<Result<_, _>>()
        .map(Some)
}
