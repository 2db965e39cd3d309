// Clients that only listen, through one scenario against holdfast in one form; exit code 0 if all was as it
// should be.
//
// node streams_client.js SCENARIO FORM URL SECRET API_URL API_KEY. Called by test_streams.py: one process per
// scenario and form. FORM is how the pushes come: sse (the EventSource of the published package), stream
// (lines of an HTTP answer), websocket, stream_protobuf, websocket_protobuf.
'use strict';

const assert = require('node:assert/strict');
const path = require('node:path');
const { EventSource } = require('eventsource');
const protobuf = require('protobufjs');
const WebSocket = require('ws');
const { Application, run, until } = require('./application.js');

const [scenarioName, form, url, secret, apiUrl, apiKey] = process.argv.slice(2);
const application = new Application(secret, apiUrl, apiKey);
const inProtobuf = form.endsWith('_protobuf');
const user = `${scenarioName}-${form}`;
const room = `chat:${user}`;

// Messages.

const definitions = protobuf.loadSync(path.join(__dirname, '../protocol/client.proto'));
const schema = (name) => definitions.lookupType(`holdfast.client.${name}`);

function plain(message) {
  return schema('Push').toObject(message, { longs: Number, bytes: Buffer, defaults: false });
}

// All whole messages in `bytes`, each behind its length; and how many bytes they take.
function decodeDelimited(bytes) {
  const reader = protobuf.Reader.create(bytes);
  const pushes = [];
  let taken = 0;
  while (reader.pos < reader.len) {
    try {
      pushes.push(plain(schema('Push').decodeDelimited(reader)));
    } catch (error) {
      if (error instanceof RangeError) break;  // the rest is on its way
      throw error;
    }
    taken = reader.pos;
  }
  return [pushes, taken];
}

function content(data) {
  return inProtobuf ? JSON.parse(Buffer.from(data).toString()) : data;
}

// Listening: pushes come in `pushes`, and `ended` says that the server has ended it.

class Listener {
  constructor(request) {
    this.pushes = [];
    this.ended = false;
    const connect = { token: application.token({ sub: user }), ...request };
    ({ sse: () => this.listenToEvents(connect), stream: () => this.listenToStream(connect),
      stream_protobuf: () => this.listenToStream(connect), websocket: () => this.listenToSocket(connect),
      websocket_protobuf: () => this.listenToSocket(connect) })[form]();
  }

  encoded(connect) {
    return inProtobuf ? schema('ConnectRequest').encode(schema('ConnectRequest').fromObject(connect)).finish()
      : JSON.stringify(connect);
  }

  listenToEvents(connect) {
    const source = new EventSource(
      `${url}/connection/uni_sse?cf_connect=${encodeURIComponent(this.encoded(connect))}`);
    source.onmessage = (event) => this.pushes.push(JSON.parse(event.data));
    // It would come again by itself.
    source.onerror = () => this.stop();
    this.stop = () => { source.close(); this.ended = true; };
  }

  async listenToStream(connect) {
    const abort = new AbortController();
    this.stop = () => abort.abort();
    const response = await fetch(`${url}/connection/uni_http_stream`, {
      method: 'POST',
      headers: { 'Content-Type': inProtobuf ? 'application/octet-stream' : 'application/json' },
      body: this.encoded(connect),
      signal: abort.signal,
    });
    assert.equal(response.status, 200);
    let unread = Buffer.alloc(0);
    try {
      for await (const chunk of response.body) {
        unread = Buffer.concat([unread, chunk]);
        unread = unread.subarray(inProtobuf ? this.takeMessages(unread) : this.takeLines(unread));
      }
    } catch (error) {
      if (error.name !== 'AbortError') throw error;
    }
    assert.equal(unread.length, 0);
    this.ended = true;
  }

  takeLines(bytes) {
    const end = bytes.lastIndexOf(10) + 1;
    for (const line of bytes.toString('utf8', 0, end).split('\n').filter(Boolean)) {
      this.pushes.push(JSON.parse(line));
    }
    return end;
  }

  takeMessages(bytes) {
    const [pushes, taken] = decodeDelimited(bytes);
    this.pushes.push(...pushes);
    return taken;
  }

  listenToSocket(connect) {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/connection/uni_websocket`,
      inProtobuf ? ['centrifuge-protobuf'] : []);
    socket.on('open', () => socket.send(this.encoded(connect)));
    socket.on('message', (bytes, isBinary) => {
      assert.equal(isBinary, inProtobuf);
      const taken = isBinary ? this.takeMessages(bytes) : this.takeLines(Buffer.from(`${bytes}\n`));
      assert.equal(taken, isBinary ? bytes.length : Buffer.byteLength(`${bytes}\n`));
    });
    socket.on('close', (code, reason) => { this.close = [code, reason.toString()]; this.ended = true; });
    this.stop = () => socket.close();
  }

  // The first push that satisfies `wanted`, once it is there.
  async push(wanted, what) {
    await until(() => this.pushes.some(wanted), what);
    return this.pushes.find(wanted);
  }

  numbers() {
    return this.pushes.filter((push) => push.pub).map((push) => content(push.pub.data).n);
  }
}

async function listen(request) {
  const listener = new Listener(request);
  const first = await listener.push((push) => push.connect, 'the push that says it is connected');
  assert.equal(listener.pushes[0], first, 'nothing comes before that');
  listener.connect = first.connect;
  return listener;
}

const publish = (n) => application.call('publish', { channel: room, data: { n } });

const scenarios = {
  async connectsAndHears() {
    const listener = await listen({ subs: { [room]: {}, 'nowhere:a': {} } });
    assert.match(listener.connect.client, /^[0-9a-f-]{36}$/);
    assert.match(listener.connect.version, /^holdfast /);
    assert.equal(listener.connect.ping, 2);
    assert.ok(listener.connect.session && listener.connect.node);
    assert.deepEqual(Object.keys(listener.connect.subs), [room], 'what it may not have is left out');
    assert.equal(listener.connect.subs[room].recoverable, true);
    for (let n = 1; n <= 20; ++n) await publish(n);
    await until(() => listener.numbers().length === 20, 'twenty publications');
    assert.deepEqual(listener.numbers(), Array.from({ length: 20 }, (_, i) => i + 1));
    const last = listener.pushes.at(-1);
    assert.deepEqual([last.channel, last.pub.offset], [room, 20]);
  },

  async hearsPings() {
    const listener = await listen({});
    const pings = () => listener.pushes.filter((push) => Object.keys(push).length === 0).length;
    await until(() => pings() >= 2, 'two pings');
    assert.equal(listener.ended, false, 'and nobody waits for pongs');
  },

  async isToldWhyItEnds() {
    const listener = await listen({ subs: { [room]: {} } });
    await application.call('disconnect', { user, disconnect: { code: 3503, reason: 'force disconnect' } });
    const { disconnect } = await listener.push((push) => push.disconnect, 'the push that ends it');
    assert.deepEqual([disconnect.code, disconnect.reason], [3503, 'force disconnect']);
    await until(() => listener.ended, 'the end');
    assert.deepEqual(listener.pushes.at(-1), { disconnect }, 'it is the last');
    if (listener.close) assert.deepEqual(listener.close, [3503, 'force disconnect']);
  },

  async isToldThatItsTokenIsBad() {
    const expired = application.token({ sub: user, exp: 1000 });
    for (const [token, code] of [['no.token.atall', 3500], [expired, 3005]]) {
      const listener = new Listener({ token });
      const { disconnect } = await listener.push((push) => push.disconnect, `the push with ${code}`);
      assert.equal(disconnect.code, code);
      assert.equal(listener.pushes.length, 1);
      listener.stop();
    }
  },

  async recoversWhatItMissed() {
    const first = await listen({ subs: { [room]: {} } });
    const { epoch } = first.connect.subs[room];
    await publish(1);
    await until(() => first.numbers().length === 1, 'the first publication');
    first.stop();
    await until(() => first.ended, 'its end');
    await publish(2);
    await publish(3);
    const second = await listen({ subs: { [room]: { recover: true, epoch, offset: 1 } } });
    const sub = second.connect.subs[room];
    assert.equal(sub.recovered, true);
    assert.deepEqual(sub.publications.map((publication) => content(publication.data).n), [2, 3]);
    await publish(4);
    await until(() => second.numbers().length === 1, 'what followed');
    assert.deepEqual(second.numbers(), [4]);
    const lost = await listen({ subs: { [room]: { recover: true, epoch: 'Elsewhere', offset: 1 } } });
    assert.ok(!lost.connect.subs[room].recovered);
    assert.ok(!lost.connect.subs[room].publications?.length);
  },

  async hearsWhatTheApplicationDoes() {
    const listener = await listen({ subs: { [room]: {} } });
    await application.call('subscribe', { user, channel: `${room}-2` });
    const begun = await listener.push((push) => push.subscribe, 'the subscription');
    assert.equal(begun.channel, `${room}-2`);
    await application.call('unsubscribe', { user, channel: room });
    const ended = await listener.push((push) => push.unsubscribe, 'the end of the other');
    assert.deepEqual([ended.channel, ended.unsubscribe.code], [room, 2000]);
    await application.call('refresh', { user, expire_at: Math.floor(Date.now() / 1000) + 1000 });
    const { refresh } = await listener.push((push) => push.refresh, 'the refresh');
    assert.ok(refresh.expires && refresh.ttl > 900);
  },
};

run(scenarios[scenarioName]);
