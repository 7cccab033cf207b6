"""Reads the requests in the plugins' snapshots with the services' own libraries: every field has its name, its type and its
limits there, and none is left over. read.py FILE: Adaptive Cards are written there for cards.js."""

import inspect
import json
import pathlib
import re
import sys
import urllib.parse

from aiogram.methods import SendMessage
from google.apps.chat_v1 import Message
from slack_sdk import WebClient
from slack_sdk.models.blocks import Block
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

failures = []


def snapshots(plugin, name="*.snap"):
    """What each holds, with the characters that the tests spell out put back."""
    for path in sorted(pathlib.Path("plugins", plugin, "tests/it/snapshots").glob(name)):
        text = path.read_text(encoding="utf-8").split("---\n", 2)[2]
        text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)
        yield path.stem, text.replace("<WJ>", "\u2060")


def requests(plugin):
    """Whole requests, of which a snapshot may hold several or none: address, headers and body of each."""
    for name, text in snapshots(plugin):
        for one in re.split("^POST ", text, flags=re.MULTILINE)[1:]:
            head, body = one.split("\n\n", 1)
            url, *headers = head.split("\n")
            yield name, (url, dict(line.split(": ", 1) for line in headers), body.rstrip("\n"))


def each(service, found, check):
    count = 0
    for count, (name, one) in enumerate(found, 1):
        try:
            check(one)
        except Exception as error:  # Whatever a library says.
            failures.append(f"{service}, {name}: {type(error).__name__}: {error}")
    if not count:
        failures.append(f"{service}: there is no request")
    print(f"{service}: {count} requests")


def same(ours, theirs):
    if ours != theirs:
        ours, theirs = (json.dumps(one, ensure_ascii=False) for one in (ours, theirs))
        raise ValueError(f"{ours}\n  is read as {theirs}")


def slack(text):
    body = json.loads(text)
    known = inspect.signature(WebClient.chat_postMessage).parameters
    same([], [name for name in body if name not in known])
    for block in body.get("blocks", []):
        parsed = Block.parse(block)
        parsed.validate_json()
        same(block, parsed.to_dict())


def telegram(request):
    body = json.loads(request[2])
    parsed = SendMessage.model_validate(body)
    same({}, parsed.model_extra or {})
    same({}, parsed.link_preview_options.model_extra or {})
    same(body, parsed.model_dump(mode="json", exclude_unset=True))


def twilio(request):
    """The same message sent by Twilio's client makes the same request."""
    url, headers, body = request
    ours = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
    sent = []

    class Recorder(TwilioHttpClient):
        def request(self, method, uri, params=None, data=None, headers=None, **_):
            sent.append((uri, headers["Content-Type"], data))
            return Response(201, "{}")

    address = urllib.parse.urlsplit(url)
    edge, region = (address.hostname.split(".")[1:-2] + [None, None])[:2]
    account = address.path.split("/")[3]
    client = Client("user", "password", account, region=region, edge=edge, http_client=Recorder())
    names = {"To": "to", "From": "from_", "MessagingServiceSid": "messaging_service_sid", "Body": "body"}
    client.messages.create(**{names[name]: value for name, value in ours.items()})
    same([[url, headers["content-type"], ours]], [list(one) for one in sent])


def google_chat(text):
    # An unknown field is an error.
    parsed = Message.from_json(text)
    same(json.loads(text), json.loads(Message.to_json(parsed, including_default_value_fields=False)))


each("Slack", snapshots("slack"), slack)
each("Telegram", requests("telegram"), telegram)
each("Twilio", requests("twilio"), twilio)
each("Google Chat", snapshots("http", "*google-chat.snap"), google_chat)
cards = [(name, json.loads(body)) for name, (_, _, body) in requests("teams")]
pathlib.Path(sys.argv[1]).write_text(json.dumps(cards), encoding="utf-8")
for failure in failures:
    print(f"FAILED: {failure}")
sys.exit(bool(failures))
