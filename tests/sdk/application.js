// What stands behind the clients in these tests: an application that signs tokens with the server's secret,
// calls its HTTP API, and waits no longer than ten seconds for anything.
'use strict';

const assert = require('node:assert/strict');
const crypto = require('node:crypto');

const WAIT_MS = 10_000;

function base64url(text) {
  return Buffer.from(text).toString('base64url');
}

function inSeconds(seconds) {
  return Math.floor(Date.now() / 1000) + seconds;
}

async function until(condition, what) {
  for (let waited = 0; waited < WAIT_MS; waited += 10) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail(`never came true: ${what}`);
}

class Application {
  constructor(secret, apiUrl, apiKey) {
    this.secret = secret;
    this.apiUrl = apiUrl;
    this.apiKey = apiKey;
  }

  token(claims) {
    const text = `${base64url(JSON.stringify({ alg: 'HS256' }))}.${base64url(JSON.stringify(claims))}`;
    return `${text}.${crypto.createHmac('sha256', this.secret).update(text).digest('base64url')}`;
  }

  async call(method, request) {
    const response = await fetch(`${this.apiUrl}/api/${method}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': this.apiKey },
      body: JSON.stringify(request),
    });
    const answer = await response.json();
    assert.equal(answer.error, undefined, JSON.stringify(answer));
    return answer.result;
  }
}

// Runs one of the scenarios, whatever it leaves open; exit code 0 if all was as it should be.
function run(scenario) {
  scenario().then(
    () => process.exit(0),
    (error) => {
      console.error(error);
      process.exit(1);
    });
}

module.exports = { Application, inSeconds, run, until };
