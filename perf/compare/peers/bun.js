// Bun: every message goes back, one that begins with '!' to everybody. Argument: port. Loopback only.
// The fan-out is Bun's own publish, which frames a message once.
const MARKER = "!".charCodeAt(0);
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request) {
    if (server.upgrade(request)) return;
    return new Response("this server speaks WebSocket\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 960,
    sendPings: true,
    maxPayloadLength: 128 * 1024,
    open(socket) {
      socket.subscribe("everybody");
    },
    message(socket, message) {
      if (message[0] === MARKER) server.publish("everybody", message);
      else socket.sendBinary(message);
    },
  },
});
