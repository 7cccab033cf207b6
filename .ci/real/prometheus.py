"""For prometheus.sh: a receiver of web hooks that can be told to fail, and questions to a real Prometheus.

receiver FOLDER         answers 204, and 400 to what holds the word REFUSE-ME; while FOLDER/fail is there 401 at /hook and 500
                        elsewhere
panels API GOOD|BAD     every query of every panel but those that show numbers only when something is wrong, or of those alone;
                        prints those without a finite number
value API TITLE TEST    the greatest number that the first query of a panel brings, held to a test such as '> 0'
alerts API              the alerts that are pending or firing, a name each
texts API               fails where the text of an alert could not be filled in
"""

import json
import math
import pathlib
import sys
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MONITORING = pathlib.Path(__file__).parents[2] / "monitoring"
# What a dashboard's variables stand for here.
VARIABLES = {"$__rate_interval": "15s", "$job": "commwatch", "$instance": ".+", "$watch": ".+", "$notifier": ".+"}
# Nothing waits in peace.
ONLY_BAD = {"Oldest alert that waits"}


def ask(api, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{api}/api/v1/{path}?{query}", timeout=10) as answer:
        return json.load(answer)["data"]


def panels():
    for name in ("overview", "drilldown"):
        for panel in json.loads((MONITORING / f"{name}.json").read_text())["panels"]:
            for target in panel.get("targets", []):
                expr = target["expr"]
                for variable, value in VARIABLES.items():
                    expr = expr.replace(variable, value)
                yield name, panel["title"], expr


def numbers(api, expr):
    found = [float(row["value"][1]) for row in ask(api, "query", query=expr)["result"]]
    return [number for number in found if math.isfinite(number)]


def check_panels(api, run):
    poor = []
    asked = 0
    for board, title, expr in panels():
        if (title in ONLY_BAD) != (run == "BAD"):
            continue
        asked += 1
        if not numbers(api, expr):
            poor.append(f"{board}: {title}: {expr}")
    print(*poor, f"{asked} queries", sep="\n")
    return not poor


def value(api, wanted, test):
    expr = next(expr for _, title, expr in panels() if title == wanted)
    found = numbers(api, expr)
    print(wanted, found)
    sign, bound = test.split()
    is_so = {">": lambda x: x > float(bound), "=": lambda x: x == float(bound)}[sign]
    return bool(found) and is_so(max(found))


def alerts(api):
    print(*sorted({alert["labels"]["alertname"] for alert in ask(api, "alerts")["alerts"]}), sep="\n")
    return True


def texts(api):
    wrong = [a for a in ask(api, "alerts")["alerts"] if "error expanding" in json.dumps(a["annotations"])]
    print(*wrong, sep="\n")
    return not wrong


def receiver(folder):
    folder = pathlib.Path(folder)

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            failing = 401 if self.path == "/hook" else 500
            status = failing if (folder / "fail").exists() else 400 if b"REFUSE-ME" in body else 204
            self.send_response(status)
            self.send_header("content-length", "0") if status != 204 else None
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    commands = {"receiver": receiver, "panels": check_panels, "value": value, "alerts": alerts, "texts": texts}
    sys.exit(0 if commands[sys.argv[1]](*sys.argv[2:]) else 1)
