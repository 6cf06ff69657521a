"""An application: it passes `/ask?q=...` to a Flowise, and says sorry if that fails."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

FLOW = "d290f1ee-6c54-4b01-90e6-d701748f0851"  # a flow of the bundled seed
URL = f"{os.environ['FLOWISE_URL']}/api/v1/prediction/{FLOW}"
HEADERS = {"Authorization": f"Bearer {os.environ['FLOWISE_KEY']}", "Content-Type": "application/json"}


class App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        question = parse_qs(urlsplit(self.path).query).get("q", [""])[0]
        body = json.dumps({"question": question}).encode()
        try:
            with urlopen(Request(URL, body, HEADERS), timeout=5) as answer:
                status, text = 200, json.load(answer)["text"]
        except URLError:
            status, text = 503, "Sorry, please try again."
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("", int(os.environ["PORT"])), App).serve_forever()
