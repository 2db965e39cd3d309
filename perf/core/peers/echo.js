// Bun's echo server: the peer of holdfast-echo. Arguments: port, idle timeout in s. Loopback only.
Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  fetch(request, server) {
    if (server.upgrade(request)) return;
    return new Response("this server speaks WebSocket\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: Number(process.argv[3] ?? 120),
    sendPings: true,
    maxPayloadLength: 128 * 1024,
    message(socket, message) {
      socket.sendBinary(message);
    },
  },
});
