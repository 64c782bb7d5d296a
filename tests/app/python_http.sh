# http.server and urllib over loopback: threads, keep-alive, large bodies, refused connections.
# timeout: 120
# needs: python3
exec /usr/bin/python3 - << 'PY'
import hashlib
import http.client
import http.server
import threading
import urllib.error
import urllib.request

BODY = bytes(i * 31 & 0xff for i in range(3 << 20))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/missing":
            return self.send_error(404)
        body = BODY if self.path == "/large" else self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = hashlib.sha256(body).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(digest)))
        self.end_headers()
        self.wfile.write(digest)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
host, port = server.server_address
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://{host}:{port}"

print(urllib.request.urlopen(url + "/hello", timeout=20).read())
print(hashlib.sha256(urllib.request.urlopen(url + "/large", timeout=20).read()).hexdigest())
print(urllib.request.urlopen(url + "/digest", data=BODY, timeout=20).read().decode() == hashlib.sha256(BODY).hexdigest())
try:
    urllib.request.urlopen(url + "/missing", timeout=20)
except urllib.error.HTTPError as error:
    print(error.code)

connection = http.client.HTTPConnection(host, port, timeout=20)
for i in range(50):
    connection.request("GET", f"/{i}")
    assert connection.getresponse().read() == f"/{i}".encode()
connection.close()
print("keep-alive")

answers = []


def client(n):
    answers.append(urllib.request.urlopen(f"{url}/thread{n}", timeout=20).read())


threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(answers)[:3], len(answers))

server.shutdown()
server.server_close()
try:
    urllib.request.urlopen(url, timeout=20)
except urllib.error.URLError as error:
    print(error.reason)
PY
