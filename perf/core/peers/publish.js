// Bun's fan-out: each message goes to everybody, as in holdfast-broadcast. Argument: port. Loopback only.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request) {
    if (server.upgrade(request)) return;
    return new Response("this server speaks WebSocket\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 120,
    sendPings: true,
    maxPayloadLength: 128 * 1024,
    open(socket) {
      socket.subscribe("everybody");
    },
    message(socket, message) {
      server.publish("everybody", message);
    },
  },
});
