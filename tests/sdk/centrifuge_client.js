// Drives the published `centrifuge` client through one scenario against holdfast; exit code 0 if all was as
// it should be.
//
// node centrifuge_client.js SCENARIO ENCODING URL SECRET API_URL API_KEY. Called by test_centrifuge.py: one
// process per scenario and encoding (json or protobuf), bounded in time. Tokens are signed here with the
// server's secret. Scenarios share a server, so each has channels of its own.
'use strict';

const assert = require('node:assert/strict');
const { EventSource } = require('eventsource');
const WebSocket = require('ws');
const { Application, inSeconds, run, until } = require('./application.js');

const [scenarioName, encoding, url, secret, apiUrl, apiKey] = process.argv.slice(2);
const { Centrifuge } = require(encoding === 'protobuf' ? 'centrifuge/build/protobuf' : 'centrifuge');
const application = new Application(secret, apiUrl, apiKey);
const token = (claims) => application.token(claims);
const api = (method, request) => application.call(method, request);

const room = `chat:${scenarioName}-${encoding}`;

// Payloads: objects in JSON, their bytes in Protobuf.

function payload(value) {
  return encoding === 'protobuf' ? new TextEncoder().encode(JSON.stringify(value)) : value;
}

function content(data) {
  return encoding === 'protobuf' ? JSON.parse(new TextDecoder().decode(data)) : data;
}

// Clients.

function makeClient(user, options = {}) {
  const { endpoints = url, ...rest } = options;
  return new Centrifuge(endpoints, {
    websocket: WebSocket,
    token: rest.getToken ? undefined : token({ sub: user }),
    minReconnectDelay: 50,
    maxReconnectDelay: 200,
    ...rest,
  });
}

// For a client that has no WebSocket: a stream down, and requests of their own up.
function emulation(transport) {
  const base = url.replace(/^ws/, 'http').replace(/websocket$/, '');
  return {
    endpoints: [{ transport, endpoint: base + transport }],
    emulationEndpoint: new URL('/emulation', base).href,
    eventsource: EventSource,
    fetch,
    readableStream: ReadableStream,
  };
}

// Resolves with the context of the next event of this name that satisfies `wanted`.
function next(emitter, event, wanted = () => true) {
  return new Promise((resolve) => {
    const take = (context) => {
      if (!wanted(context)) return;
      emitter.off(event, take);
      resolve(context);
    };
    emitter.on(event, take);
  });
}

async function connected(user, options) {
  const client = makeClient(user, options);
  const event = next(client, 'connected');
  client.connect();
  client.opening = await event;
  return client;
}

async function subscribed(client, channel, options = {}) {
  const subscription = client.newSubscription(channel, options);
  subscription.received = [];
  subscription.on('publication', (context) => subscription.received.push(content(context.data)));
  const event = next(subscription, 'subscribed');
  subscription.subscribe();
  subscription.opening = await event;
  return subscription;
}

// The transport is broken off as a network would: no close frame.
function breakOff(client) {
  client._transport._transport.terminate();
}

// All that a client does, over a transport that is emulated.
async function overEmulation(transport) {
  const user = `emulated-${transport}-${encoding}`;
  const client = await connected(user, emulation(transport));
  const subscription = await subscribed(client, room);
  await subscription.publish(payload({ n: 1 }));
  await until(() => subscription.received.length === 1, 'its own publication');
  const answers = [];
  for (let n = 0; n < 20; ++n) answers.push(client.rpc('echo', payload({ n })));
  (await Promise.all(answers)).forEach((answer, n) => assert.deepEqual(content(answer.data), { n }));
  assert.equal((await subscription.presenceStats()).numClients, 1);
  const again = next(subscription, 'subscribed');
  const lost = next(client, 'connecting');
  await api('disconnect', { user, disconnect: { code: 3001, reason: 'shutdown' } });
  assert.equal((await lost).code, 3001);
  await api('publish', { channel: room, data: { n: 2 } });
  assert.equal((await again).recovered, true);
  await until(() => subscription.received.length === 2, 'what was missed');
  // Long enough for two pings and their pongs, which come as requests.
  await new Promise((resolve) => setTimeout(resolve, 4500));
  assert.equal(client.state, 'connected');
  const ended = next(client, 'disconnected');
  await api('disconnect', { user, disconnect: { code: 3503, reason: 'force disconnect' } });
  assert.equal((await ended).code, 3503);
}

const scenarios = {
  async connectPublishReceive() {
    const client = await connected('42');
    assert.match(client.opening.client, /^[0-9a-f-]{36}$/);
    const subscription = await subscribed(client, room);
    assert.equal(subscription.opening.recoverable, true);
    const publication = next(subscription, 'publication');
    await subscription.publish(payload({ hello: 'world' }));
    const context = await publication;
    assert.deepEqual(content(context.data), { hello: 'world' });
    assert.equal(context.info.user, '42');
    assert.equal(context.offset, 1);
  },

  async presenceJoinLeave() {
    const first = await connected('1');
    const second = await connected('2');
    const watching = await subscribed(first, room, { joinLeave: true });
    const joined = next(watching, 'join', (context) => context.info.user === '2');
    const other = await subscribed(second, room);
    await joined;
    const presence = await watching.presence();
    assert.deepEqual(Object.values(presence.clients).map((info) => info.user).sort(), ['1', '2']);
    const statistics = await other.presenceStats();
    assert.deepEqual([statistics.numClients, statistics.numUsers], [2, 2]);
    const left = next(watching, 'leave', (context) => context.info.user === '2');
    other.unsubscribe();
    await left;
    second.disconnect();
    assert.equal((await watching.presenceStats()).numClients, 1);
  },

  async historyIsIterated() {
    const client = await connected('42');
    const subscription = await subscribed(client, room);
    for (let n = 1; n <= 7; ++n) await subscription.publish(payload({ n }));
    const seen = [];
    let since;
    for (;;) {
      const page = await subscription.history({ limit: 3, since });
      seen.push(...page.publications.map((publication) => content(publication.data).n));
      if (page.publications.length < 3) break;
      since = { offset: page.publications.at(-1).offset, epoch: page.epoch };
    }
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7]);
    const newest = await subscription.history({ limit: 2, reverse: true });
    assert.deepEqual(newest.publications.map((publication) => content(publication.data).n), [7, 6]);
    const position = await subscription.history({ limit: 0 });
    assert.equal(position.offset, 7);
    const stale = { offset: 1, epoch: 'NopeNope' };
    await assert.rejects(subscription.history({ limit: 1, since: stale }), { code: 112 });
  },

  async whatWasMissedIsRecovered() {
    const publisher = await connected('1');
    const talking = await subscribed(publisher, room);
    const client = await connected('2');
    const subscription = await subscribed(client, room);
    await talking.publish(payload({ n: 1 }));
    await until(() => subscription.received.length === 1, 'the first publication');
    for (let round = 0; round < 3; ++round) {
      const resubscribed = next(subscription, 'subscribed');
      breakOff(client);
      await talking.publish(payload({ n: 2 + 2 * round }));
      await talking.publish(payload({ n: 3 + 2 * round }));
      const context = await resubscribed;
      assert.equal(context.wasRecovering, true);
      assert.equal(context.recovered, true);
      await until(() => subscription.received.length === 3 + 2 * round, 'what was missed');
    }
    assert.deepEqual(subscription.received.map((data) => data.n), [1, 2, 3, 4, 5, 6, 7]);
  },

  async deltasAreApplied() {
    const client = await connected('42');
    const subscription = await subscribed(client, room, { delta: 'fossil' });
    const text = 'hello '.repeat(30);
    for (let n = 1; n <= 5; ++n) await subscription.publish(payload({ n, text, list: [n, n * 2] }));
    await until(() => subscription.received.length === 5, 'five publications');
    subscription.received.forEach((data, i) =>
      assert.deepEqual(data, { n: i + 1, text, list: [i + 1, (i + 1) * 2] }));
  },

  async rpcAnswers() {
    const client = await connected('42');
    assert.deepEqual(content((await client.rpc('echo', payload({ p: 1 }))).data), { p: 1 });
    await assert.rejects(client.rpc('nothing', payload({})), { code: 104 });
    const call = payload({ channel: room, data: { n: 1 }, idempotency_key: room });
    const first = content((await client.rpc('publish', call)).data);
    assert.equal(first.duplicate, false);
    assert.deepEqual(content((await client.rpc('publish', call)).data), { ...first, duplicate: true });
  },

  async tokensAreRefreshed() {
    let asked = 0;
    const client = await connected('42', {
      getToken: async () => {
        ++asked;
        return token({ sub: '42', exp: inSeconds(asked === 1 ? 2 : 3600) });
      },
    });
    let lost = false;
    client.on('connecting', () => (lost = true));
    await until(() => asked === 2, 'a fresh token');
    assert.deepEqual(content((await client.rpc('echo', payload(1))).data), 1);
    assert.equal(lost, false);
  },

  async anExpiredTokenIsReplaced() {
    let asked = 0;
    await connected('42', {
      getToken: async () => token({ sub: '42', exp: inSeconds(++asked === 1 ? -10 : 3600) }),
    });
    assert.equal(asked, 2);
  },

  async subscriptionTokensAreUsedAndRefreshed() {
    const client = await connected('42');
    let asked = 0;
    const subscription = await subscribed(client, '$secret', {
      getToken: async ({ channel }) => {
        ++asked;
        return token({ sub: '42', channel, exp: inSeconds(asked === 1 ? 2 : 3600) });
      },
    });
    assert.equal(subscription.state, 'subscribed');
    await until(() => asked === 2, 'a fresh subscription token');
    const denied = client.newSubscription('$other');
    const ended = next(denied, 'unsubscribed');
    denied.subscribe();
    assert.equal((await ended).code, 103);
  },

  async aBadTokenIsTerminal() {
    const client = makeClient('42', { token: 'not.a.token' });
    const ended = next(client, 'disconnected');
    client.connect();
    assert.equal((await ended).code, 3500);
  },

  async manyCommandsTravelTogether() {
    const client = makeClient('42');
    const subscriptions = [];
    for (let n = 0; n < 40; ++n) {
      const subscription = client.newSubscription(`${room}${n}`);
      subscriptions.push(next(subscription, 'subscribed'));
      subscription.subscribe();
    }
    client.connect();
    await Promise.all(subscriptions);
    client.startBatching();
    const answers = [];
    for (let n = 0; n < 40; ++n) answers.push(client.publish(`${room}${n}`, payload(n)));
    client.stopBatching();
    await Promise.all(answers);
  },

  async the129thChannelIsRefused() {
    const client = await connected('42');
    const subscriptions = [];
    for (let n = 0; n < 128; ++n) subscriptions.push(subscribed(client, `${room}${n}`));
    await Promise.all(subscriptions);
    const last = client.newSubscription(`${room}128`);
    const ended = next(last, 'unsubscribed');
    last.subscribe();
    assert.equal((await ended).code, 106);
  },

  async serverSideSubscriptionsArrive() {
    const client = makeClient('42', { token: token({ sub: '42', channels: [room] }) });
    const given = next(client, 'subscribed');
    const publication = next(client, 'publication');
    client.connect();
    assert.equal((await given).channel, room);
    const publisher = await connected('1');
    await publisher.publish(room, payload({ n: 1 }));
    const context = await publication;
    assert.deepEqual(content(context.data), { n: 1 });
  },

  async aCloseFromTheServerIsRecoveredFrom() {
    const client = await connected('recovering');
    const subscription = await subscribed(client, room);
    await api('publish', { channel: room, data: { n: 1 } });
    await until(() => subscription.received.length === 1, 'the first publication');
    const again = next(subscription, 'subscribed');
    await api('disconnect', { user: 'recovering', disconnect: { code: 3001, reason: 'shutdown' } });
    await api('publish', { channel: room, data: { n: 2 } });
    const context = await again;
    assert.equal(context.recovered, true);
    await until(() => subscription.received.length === 2, 'what was missed');
  },

  async closeCodesSayWhoComesBack() {
    for (const [code, comesBack] of [[3000, true], [3005, true], [3011, true], [3499, true], [4000, true],
      [4499, true], [3500, false], [3503, false], [3999, false], [4500, false], [4999, false]]) {
      const user = `closed-${encoding}-${code}`;
      const client = await connected(user);
      const event = comesBack ? next(client, 'connecting') : next(client, 'disconnected');
      await api('disconnect', { user, disconnect: { code, reason: 'by the test' } });
      const context = await event;
      assert.deepEqual([context.code, context.reason], [code, 'by the test']);
      if (comesBack) await next(client, 'connected');
      client.disconnect();
    }
  },

  async applicationsUnsubscribe() {
    const client = await connected('unsubscribed');
    const subscription = await subscribed(client, room);
    const ended = next(subscription, 'unsubscribed');
    await api('unsubscribe', { user: 'unsubscribed', channel: room });
    assert.equal((await ended).code, 2000);
  },

  async aDroppedSubscriptionIsToldWithoutItsChannel() {
    // Two subscriptions, one of them ended by the application: the other goes on.
    const client = await connected('two');
    const first = await subscribed(client, `${room}-1`);
    const second = await subscribed(client, `${room}-2`);
    const ended = next(first, 'unsubscribed');
    await api('unsubscribe', { user: 'two', channel: `${room}-1` });
    await ended;
    await api('broadcast', { channels: [`${room}-1`, `${room}-2`], data: { n: 1 } });
    await until(() => second.received.length === 1, 'the publication');
    assert.deepEqual(first.received, []);
  },

  async deltasGoOnAfterARecovery() {
    const client = await connected('2');
    const subscription = await subscribed(client, room, { delta: 'fossil' });
    const text = 'hello '.repeat(30);
    const publish = (n) => api('publish', { channel: room, data: { n, text } });
    await publish(1);
    await publish(2);
    await until(() => subscription.received.length === 2, 'two publications');
    const again = next(subscription, 'subscribed');
    breakOff(client);
    await publish(3);
    await publish(4);
    assert.equal((await again).recovered, true);
    await publish(5);
    await until(() => subscription.received.length === 5, 'what was missed, and what followed');
    subscription.received.forEach((data, i) => assert.deepEqual(data, { n: i + 1, text }));
  },

  async whatIsTooLongAgoIsNotRecovered() {
    const client = await connected('2');
    const channel = `short:${room}`;
    const subscription = await subscribed(client, channel);
    await api('publish', { channel, data: { n: 1 } });
    await until(() => subscription.received.length === 1, 'the first publication');
    const again = next(subscription, 'subscribed');
    breakOff(client);
    for (let n = 2; n <= 5; ++n) await api('publish', { channel, data: { n } });
    const context = await again;
    assert.deepEqual([context.wasRecovering, context.recovered], [true, false]);
    await api('publish', { channel, data: { n: 6 } });
    await until(() => subscription.received.length === 2, 'what followed');
    assert.deepEqual(subscription.received.map((data) => data.n), [1, 6]);
  },

  async cacheModeGivesTheNewest() {
    const channel = `latest:${room}`;
    for (let n = 1; n <= 3; ++n) await api('publish', { channel, data: { n } });
    const client = await connected('2');
    const subscription = await subscribed(client, channel, { since: { offset: 0, epoch: '' } });
    await until(() => subscription.received.length === 1, 'the newest');
    assert.deepEqual(subscription.received, [{ n: 3 }]);
  },

  async serverSideSubscriptionsRecover() {
    const client = makeClient('given', { token: token({ sub: 'given', channels: [room] }) });
    const received = [];
    client.on('publication', (context) => received.push(content(context.data).n));
    const given = next(client, 'subscribed');
    client.connect();
    await given;
    await api('publish', { channel: room, data: { n: 1 } });
    await until(() => received.length === 1, 'the first publication');
    const again = next(client, 'subscribed');
    breakOff(client);
    await api('publish', { channel: room, data: { n: 2 } });
    assert.equal((await again).recovered, true);
    await until(() => received.length === 2, 'what was missed');
    assert.deepEqual(received, [1, 2]);
  },

  async whatNobodyTakesClosesWith3508() {
    const client = await connected('42');
    const ended = next(client, 'disconnected');
    await client.send(payload({ one: 'way' }));
    assert.equal((await ended).code, 3508);
  },

  async whatIsNotAllowedIsAnErrorWithItsCode() {
    const client = await connected('42');
    await assert.rejects(client.publish('nowhere:a', payload(1)), { code: 102 });
    await assert.rejects(client.publish(`short:${room}`, payload(1)), { code: 103 });
    await assert.rejects(client.presence(`short:${room}`), { code: 108 });
    await assert.rejects(client.history(room, { limit: 1 }), { code: 103 });
    const unknown = client.newSubscription('nowhere:a');
    const ended = next(unknown, 'unsubscribed');
    unknown.subscribe();
    assert.equal((await ended).code, 102);
    assert.equal(client.state, 'connected');
  },

  async theApplicationEndsWhatHasExpired() {
    const client = await connected('over', { getToken: async () => token({ sub: 'over' }) });
    const lost = next(client, 'connecting');
    await api('refresh', { user: 'over', expired: true });
    assert.equal((await lost).code, 3005);
    await next(client, 'connected');
  },

  async withoutWebSocketThereIsAnHttpStream() {
    await overEmulation('http_stream');
  },

  async withoutWebSocketThereAreServerSentEvents() {
    // The client speaks JSON there, whatever its encoding elsewhere.
    if (encoding === 'json') await overEmulation('sse');
  },

  async pingsAreAnswered() {
    const client = await connected('42');
    let lost = false;
    client.on('connecting', () => (lost = true));
    await new Promise((resolve) => setTimeout(resolve, 4500));
    assert.equal(lost, false);
    assert.equal(client.state, 'connected');
  },
};

run(scenarios[scenarioName]);
