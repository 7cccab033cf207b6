#!/usr/bin/env bash
# A real SMTP server (Debian's python3-aiosmtpd) takes mail of the real daemon: with STARTTLS and with TLS from the first
# byte, signed in, once for each alert; a recipient who is greylisted gets it later, and a mailbox that is gone breaks it.
. "$(dirname "$0")/common.sh"
PASSWORD=a-password-that-must-not-be-seen

missing=()
/usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || missing+=(python3-aiosmtpd)
command -v openssl >/dev/null || missing+=(openssl)
if [ ${#missing[@]} -gt 0 ]; then
    apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# An authority of our own, and the server's certificate.
certificate() {
    cd "$folder"
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=tests" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    openssl req -newkey rsa:2048 -nodes -keyout mx.key -out mx.csr -subj "/CN=localhost"
    echo 'subjectAltName=DNS:localhost' >extensions
    openssl x509 -req -in mx.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out mx.pem
}
(certificate) >"$folder/openssl.log" 2>&1 || { cat "$folder/openssl.log"; exit 1; }

cat >"$folder/server.py" <<'PYTHON'
import os, socket, ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import AuthResult

folder, password = sys.argv[1:]
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(f"{folder}/mx.pem", f"{folder}/mx.key")
grey = set()

def sign_in(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"dana", password.encode()))

class Handler(Mailbox):
    async def handle_RCPT(self, server, session, envelope, address, options):
        if os.path.exists(f"{folder}/gone"):
            return "550 5.1.1 no such user"
        if address.startswith("grey@") and self.mail_dir not in grey:
            grey.add(self.mail_dir)
            return "450 4.2.0 greylisted"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

kinds = {
    "starttls": dict(tls_context=tls, require_starttls=True),
    "implicit": dict(ssl_context=tls, auth_require_tls=False),
}
# Its controller wants to know the port beforehand.
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]

controllers = []
for kind, how in kinds.items():
    port, handler = free_port(), Handler(f"{folder}/{kind}")
    controllers.append(Controller(handler, "127.0.0.1", port, authenticator=sign_in, auth_required=True, **how))
    controllers[-1].start()
    print(kind, port, flush=True)
while True:
    time.sleep(60)
PYTHON
/usr/bin/python3 "$folder/server.py" "$folder" "$PASSWORD" >"$folder/ports" 2>"$folder/server.log" &
others+=($!)
until_ "the server listens" grep -q '^implicit ' "$folder/ports"
port() { sed -n "s/^$1 //p" "$folder/ports"; }

start_simulator

(umask 077 && echo "$PASSWORD" >"$folder/password")
cat >"$folder/commwatch.toml" <<TOML
watch = [{ name = "dana", title = "Dana Levi", priority = "vip", stream = 532, object = 293854, interval = "1s" }]

[notifiers.log]
plugin = "log"

[[route]]
notify = ["starttls", "implicit"]

[operators]
notify = ["log"]

$(common_tables)
console_url = "https://acme.example/widget/object/{object_id}"
TOML
for tls in starttls implicit; do
    cat >>"$folder/commwatch.toml" <<TOML

[notifiers.$tls]
plugin = "email"
content = "full"
reveal = ["password"]
[notifiers.$tls.config]
host = "localhost"
port = $(port $tls)
tls = "$tls"
ca_file = "$folder/ca.pem"
username = "dana"
password = { file = "password" }
from = "commwatch <alerts@acme.example>"
to = ["night@acme.example", "grey@acme.example"]
TOML
done
commwatch check
start_daemon

said='שלום 👨‍👩‍👧\r\n.\r\nQUIT\r\nBcc: evil@evil.example =?utf-8?b?aGk=?= <b>\u0001\u202e'
sim say "{\"object\": 293854, \"text\": \"$said\"}"
# Two for each: one at once, and one for who was greylisted.
mails() { [ "$(find "$folder/$1/new" -type f 2>/dev/null | wc -l)" -ge 2 ]; }
until_ "mail with STARTTLS" mails starttls
until_ "mail with TLS from the first byte" mails implicit
accepted() { commwatch status --output json | grep -o '"outcome": *"delivered"' | wc -l | grep -q '^[2-9]'; }
until_ "both are accepted" accepted

# Read by somebody else's reader of mail.
/usr/bin/python3 - "$folder" <<'PYTHON'
import email, email.policy, pathlib, sys
for kind in ["starttls", "implicit"]:
    files = sorted(pathlib.Path(sys.argv[1], kind, "new").iterdir())
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
    assert len(mails) == 2, len(mails)
    assert {mail["X-RcptTo"] for mail in mails} == {"night@acme.example", "grey@acme.example"}, [mail["X-RcptTo"] for mail in mails]
    assert len({mail["Message-ID"] for mail in mails}) == 1, "one id"
    for mail in mails:
        assert not mail.defects and mail.get_content_type() == "text/plain", mail.defects
        assert mail["Subject"] == "Dana Levi: Dana Levi wrote", mail["Subject"]
        assert mail["Bcc"] is None and mail["To"] == "night@acme.example, grey@acme.example", mail["To"]
        body = mail.get_content()
        for text in ["שלום 👨‍👩‍👧\n.\nQUIT\nBcc: evil@evil.example =?utf-8?b?aGk=?= <b>\n", "https://acme.example/widget/object/293854\n"]:
            assert text in body, body
PYTHON

touch "$folder/gone"
sim say '{"object": 293854, "text": "nobody reads this"}'
broken() { commwatch notifiers | grep "^$1 .*broken"; }
until_ "a mailbox that is gone breaks it" broken starttls
until_ "a mailbox that is gone breaks it" broken implicit
grep -q '550 at `to`' "$folder/log" || { echo "nobody says why"; cat "$folder/log"; exit 1; }

stop_daemon
for secret in "$TOKEN" "$PASSWORD"; do
    if grep -qF "$secret" "$folder/log"; then
        echo "a secret is in the log"
        exit 1
    fi
done
echo "aiosmtpd $(/usr/bin/python3 -c 'import aiosmtpd; print(aiosmtpd.__version__)'): handed over, encrypted, as text"
