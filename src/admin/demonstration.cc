// The page itself. Its script speaks the JSON protocol by hand, so that it shows what goes over the wire;
// applications use one of the SDKs.
#include "admin/demonstration.h"

namespace holdfast::admin {
namespace {

constexpr std::string_view kPage = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>holdfast</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; color: #222;
         max-width: 46rem; margin: 3rem auto; padding: 0 1rem }
  h1 { font-size: 1.5rem }
  pre, #log { background: #f4f4f2; border-radius: 6px; padding: .8rem 1rem; overflow-x: auto;
              font: 14px/1.5 ui-monospace, monospace }
  #log { min-height: 8rem; white-space: pre-wrap; overflow-wrap: anywhere }
  #state { font-weight: 600 }
  .live { color: #0a7d33 } .down { color: #b3261e }
  input { font: inherit; padding: .3rem .5rem; width: 60% } button { font: inherit; padding: .3rem .8rem }
</style>
<h1>holdfast</h1>
<p>This page is <span id="state" class="down">connecting</span>.</p>
<div id="log" role="log"></div>
<form id="form">
  <input id="text" placeholder="say something" aria-label="message"> <button>Publish</button>
</form>
<p>Or from a shell, with the key that was printed at the start:</p>
<pre>curl -H "X-API-Key: $KEY" http://127.0.0.1:9000/api/publish \
     -d '{"channel": "demo", "data": {"text": "hello"}}'</pre>
<p>Open the page twice to see both get it.</p>
<script>
'use strict';
const element = (id) => document.getElementById(id);
let socket, last = 0, waiting = 500, position = {};

function say(line) {
  element('log').append(line + '\n');
}
function show(text, live) {
  element('state').textContent = text;
  element('state').className = live ? 'live' : 'down';
}
// Several commands may share a frame, each on a line of its own.
function send(...commands) {
  socket.send(commands.map((command) => JSON.stringify({...command, id: ++last})).join('\n'));
}
function received(publication) {
  if (publication.offset) position.offset = publication.offset;
  say('\u2190 ' + JSON.stringify(publication.data));
}
function take(reply) {
  if (Object.keys(reply).length === 0) return socket.send('{}');  // a ping wants a pong
  if (reply.error) return say('error ' + reply.error.code + ': ' + reply.error.message);
  if (reply.connect) say('connected as client ' + reply.connect.client);
  if (reply.subscribe) {
    const result = reply.subscribe;
    position = {epoch: result.epoch, offset: result.offset || 0};
    show('connected and subscribed to the channel "demo"', true);
    waiting = 500;
    if (result.was_recovering) {
      say(result.recovered ? 'back, nothing was missed' : 'back, but something was missed');
    }
    (result.publications || []).forEach(received);
  }
  if (reply.push && reply.push.pub) received(reply.push.pub);
}
function connect() {
  socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/[^/]*$/, '') + 'connection/websocket');
  socket.onopen = () => {
    const since = position.epoch ? {recover: true, ...position} : {};
    send({connect: {name: 'demo'}}, {subscribe: {channel: 'demo', recoverable: true, ...since}});
  };
  socket.onmessage = (event) => {
    event.data.split('\n').filter(Boolean).forEach((line) => take(JSON.parse(line)));
  };
  socket.onclose = (event) => {
    show('disconnected (' + event.code + ' ' + event.reason + '), trying again', false);
    setTimeout(connect, waiting = Math.min(waiting * 2, 10000));
  };
}
element('form').onsubmit = (event) => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) {
    send({publish: {channel: 'demo', data: {text: element('text').value}}});
  }
  element('text').value = '';
};
connect();
</script>
</html>
)html";

}  // namespace

std::string_view demonstration_page() {
  return kPage;
}

}  // namespace holdfast::admin
