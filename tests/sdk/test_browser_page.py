"""A page in a real browser talks to the servers and reports what it saw. Skipped without Chromium."""

import http.server
import json
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "wire"))

import chromium  # noqa: E402
from holdfast_process import WireTestCase  # noqa: E402

PAGE = """<!doctype html><meta charset="utf-8"><title>holdfast</title><script type="module">
const url = new URLSearchParams(location.search).get('server');
const seen = [];
const report = () => fetch('/seen', { method: 'POST', body: JSON.stringify(seen) });
const socket = new WebSocket(url);
socket.binaryType = 'arraybuffer';
socket.onopen = () => { seen.push('open'); socket.send('gr\\u00fc\\u00dfe'); };
socket.onmessage = (event) => {
  if (typeof event.data === 'string') {
    seen.push(event.data);
    socket.send(new Uint8Array(70000).fill(7));
  } else {
    const bytes = new Uint8Array(event.data);
    seen.push(bytes.length, bytes.every((byte) => byte === 7));
    socket.close(4000, 'done');
  }
};
socket.onclose = (event) => { seen.push(event.code, event.wasClean); report(); };
</script>"""


class PageServer(http.server.ThreadingHTTPServer):
    """Serves the page and takes its report."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.seen = None
        self.reported = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.server_port}"


class Exchange(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(PAGE.encode())

    def do_POST(self):
        self.server.seen = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(b"")
        self.server.reported.set()

    def log_message(self, *_):
        pass


@unittest.skipUnless(chromium.is_installed(), "there is no Chromium: apt-get install chromium")
class BrowserPage(WireTestCase):
    def see(self, pages, server):
        """What the page reports after it has talked to the server."""
        browser = chromium.Chromium(f"{pages.origin}/?server={server.url}")
        try:
            self.assertTrue(pages.reported.wait(chromium.LIMIT_S), "the page reported nothing")
        finally:
            browser.close()
        return pages.seen

    def pages(self):
        pages = PageServer()
        self.addCleanup(pages.server_close)
        self.addCleanup(pages.shutdown)
        return pages

    def test_a_page_is_served(self):
        server = self.start(max_message_bytes=131072)
        self.assertEqual(
            self.see(self.pages(), server), ["open", "gr\u00fc\u00dfe", 70000, True, 4000, True]
        )

    def test_a_page_of_a_listed_origin_is_served(self):
        pages = self.pages()
        server = self.start(max_message_bytes=131072, allowed_origins=pages.origin)
        self.assertEqual(self.see(pages, server)[0], "open")

    def test_a_page_of_another_origin_is_not(self):
        server = self.start(allowed_origins="https://good.example")
        self.assertEqual(self.see(self.pages(), server), [1006, False])


if __name__ == "__main__":
    unittest.main()
