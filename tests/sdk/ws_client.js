// Drives Node's `ws` through one scenario against a server; exit code 0 if all was as it should be.
//
// node ws_client.js SCENARIO URL. Called by test_node_ws.py: one process per scenario, bounded in time.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const WebSocket = require('ws');

const [scenarioName, url] = process.argv.slice(2);

function open(protocols, options) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, protocols, options);
    socket.once('error', reject);
    socket.once('open', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

// Resolves with the arguments of the next event of this name.
function next(socket, event) {
  return new Promise((resolve, reject) => {
    socket.once(event, (...values) => resolve(values));
    socket.once('error', reject);
  });
}

async function echoed(socket, message) {
  const answer = next(socket, 'message');
  socket.send(message);
  const [received, isBinary] = await answer;
  assert.equal(isBinary, typeof message !== 'string');
  assert.deepEqual(isBinary ? received : received.toString(), message);
}

async function leave(socket, code = 1000, reason = '') {
  const closed = next(socket, 'close');
  socket.close(code, reason);
  const [answered] = await closed;
  assert.equal(answered, code);
}

// Sends what no API call of `ws` would send, masked, on the socket below it.
function sendRaw(socket, firstByte, payload) {
  const mask = crypto.randomBytes(4);
  const masked = Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]));
  socket._socket.write(Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length]), mask, masked]));
}

const scenarios = {
  async text() {
    const socket = await open();
    for (const message of ['', 'hello', 'gr\u00fc\u00dfe \u{1f600}', 'x'.repeat(125), 'x'.repeat(126)]) {
      await echoed(socket, message);
    }
    await leave(socket);
  },

  async binary() {
    const socket = await open();
    for (const count of [0, 1, 125, 126, 65535, 65536]) await echoed(socket, crypto.randomBytes(count));
    await leave(socket);
  },

  async fragments() {
    const socket = await open();
    const answer = next(socket, 'message');
    for (const part of ['one ', 'two ', 'three ']) {
      socket.send(part, { fin: false });
      socket.ping();
    }
    socket.send('four', { fin: true });
    assert.equal((await answer)[0].toString(), 'one two three four');
    await leave(socket);
  },

  async pingPong() {
    const socket = await open();
    for (const payload of [Buffer.alloc(0), Buffer.from('are you there'), crypto.randomBytes(125)]) {
      const pong = next(socket, 'pong');
      socket.ping(payload);
      assert.deepEqual((await pong)[0], payload);
    }
    await leave(socket);
  },

  async serverPings() {
    const socket = await open();
    for (let i = 0; i < 3; ++i) await next(socket, 'ping');
    await echoed(socket, 'kept alive by pongs');
    await leave(socket);
  },

  async closeCodes() {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014, 3000, 4000, 4999]) {
      await leave(await open(), code, 'because');
    }
    const socket = await open();
    const closed = next(socket, 'close');
    socket.close();
    assert.equal((await closed)[0], 1005);
  },

  async violations() {
    for (const [firstByte, payload, code] of [[0xc1, [0x78], 1002], [0x83, [], 1002], [0x81, [0xff], 1007]]) {
      const socket = await open();
      const closed = next(socket, 'close');
      sendRaw(socket, firstByte, payload);
      assert.equal((await closed)[0], code);
    }
    const socket = await open();
    const closed = next(socket, 'close');
    socket.send(Buffer.alloc(65537));
    assert.equal((await closed)[0], 1009);
  },

  async large() {
    const socket = await open(undefined, { maxPayload: 1 << 22 });
    await echoed(socket, crypto.randomBytes(1 << 20));
    await echoed(socket, '\u00e9'.repeat(1 << 19));
    await leave(socket);
  },

  async compressionIsDeclined() {
    const socket = await open(undefined, { perMessageDeflate: true });
    assert.equal(socket.extensions, '');
    await echoed(socket, 'plain');
    await leave(socket);
  },

  async subprotocol() {
    const socket = await open(['chat.v1', 'chat.v2']);
    assert.equal(socket.protocol, 'chat.v2');
    await leave(socket);
  },

  async origin() {
    await leave(await open([], { origin: 'https://good.example' }));
    await assert.rejects(open([], { origin: 'https://evil.example' }), /403/);
  },

  async parallel() {
    const sockets = await Promise.all(Array.from({ length: 200 }, () => open()));
    await Promise.all(sockets.map(async (socket, number) => {
      for (let i = 0; i < 20; ++i) await echoed(socket, `client ${number} message ${i}`);
    }));
    await Promise.all(sockets.map((socket) => leave(socket)));
  },

  async broadcast() {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open()));
    // Heard by everybody once everybody is known to the server; until then it is said again.
    const heard = Promise.all(sockets.map((socket) => next(socket, 'message')));
    const timer = setInterval(() => sockets[0].send('to all'), 50);
    for (const [message] of await heard) assert.equal(message.toString(), 'to all');
    clearInterval(timer);
    await Promise.all(sockets.map((socket) => leave(socket)));
  },

  // Says `open` when it is, and ends when the server closes with 1012.
  async drained() {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => open()));
    const closed = Promise.all(sockets.map((socket) => next(socket, 'close')));
    console.log('open');
    for (const [code] of await closed) assert.equal(code, 1012);
  },
};

scenarios[scenarioName]().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
