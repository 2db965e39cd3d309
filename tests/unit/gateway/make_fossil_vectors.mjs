// Writes fossil_vectors.h: what the JavaScript package fossil-delta 2.0.0 makes of pairs of payloads. Its
// decoder is what SDKs use.
// Run once, in a folder where that package is installed:  node make_fossil_vectors.mjs >fossil_vectors.h
import { createDelta } from "fossil-delta";

const text = (value) => new TextEncoder().encode(value);
const json = (value) => text(JSON.stringify(value));
const bytes = (count, at) => Uint8Array.from({ length: count }, (_, i) => at(i) & 0xff);

const table = (rows, price) =>
  json(Array.from({ length: rows }, (_, i) => ({ id: i, name: `instrument ${i}`, price: price(i) })));
const noise = (seed) => {
  let state = seed;
  return bytes(300, () => (state = (state * 1103515245 + 12345) & 0x7fffffff) >> 16);
};

const pairs = {
  empty: [text(""), text("")],
  from_empty: [text(""), text("hello")],
  to_empty: [text("hello"), text("")],
  equal: [text("the same text, long enough to copy"), text("the same text, long enough to copy")],
  short: [text("abc"), text("abd")],
  golden: [text('{"a":1,"text":"hello hello hello"}'), text('{"a":2,"text":"hello hello hello"}')],
  prices: [table(12, (i) => i * 10), table(12, (i) => (i === 7 ? 999 : i * 10))],
  reordered: [table(10, (i) => i), json(JSON.parse(new TextDecoder().decode(table(10, (i) => i))).reverse())],
  grown: [table(5, (i) => i), table(9, (i) => i)],
  shrunk: [table(9, (i) => i), table(5, (i) => i)],
  umlauts: [text("äöü ÄÖÜ ß — grün, größer, am größten 😀😀😀"),
    text("äöü ÄÖÜ ß — blau, größer, ganz groß 😀😁😀")],
  zeros: [bytes(200, () => 0), bytes(260, () => 0)],
  period: [bytes(256, (i) => i % 7), bytes(256, (i) => (i + 3) % 7)],
  noise: [noise(1), noise(2)],
  noise_shifted: [noise(3), Uint8Array.from([1, 2, 3, ...noise(3).slice(5), 9, 9, 9])],
  tail_1: [noise(4), noise(4).slice(0, 297)],
  tail_2: [noise(4), noise(4).slice(0, 298)],
  tail_3: [noise(4), noise(4).slice(0, 299)],
};

const literal = (array) => {
  const hex = Array.from(array, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return (hex.match(/.{1,96}/g) ?? [""]).map((line) => `     "${line}"`).join("\n");
};

console.log(`// Written by make_fossil_vectors.mjs: what the JavaScript package fossil-delta makes of pairs of
// payloads, in hexadecimal digits.
#pragma once

namespace holdfast::gateway {

struct FossilVector {
  const char* name;
  const char* source;
  const char* target;
  const char* delta;
};

// clang-format off
inline constexpr FossilVector kFossilVectors[] = {`);
for (const [name, [source, target]] of Object.entries(pairs)) {
  const delta = Uint8Array.from(createDelta(source, target));
  console.log(`    {"${name}",\n${literal(source)},\n${literal(target)},\n${literal(delta)}},`);
}
console.log(`};
// clang-format on

}  // namespace holdfast::gateway`);
