// Node's ws: every message goes back, one that begins with '!' to everybody. Arguments: port, folder of the
// package. Loopback only. With bufferutil beside it, as its documentation recommends, and no compression.
const path = require("path");
const { WebSocketServer, WebSocket } = require(path.resolve(process.argv[3]));

const MARKER = "!".charCodeAt(0);
const BINARY = { binary: true };
const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  backlog: 4096,
  perMessageDeflate: false,
  maxPayload: 128 * 1024,
});
server.on("connection", (socket) => {
  socket.on("error", () => socket.terminate());
  socket.on("message", (message) => {
    if (message[0] !== MARKER) return socket.send(message, BINARY);
    for (const other of server.clients) {
      if (other.readyState === WebSocket.OPEN) other.send(message, BINARY);
    }
  });
});
