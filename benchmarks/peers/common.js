'use strict';
// What a Node peer shares; the same commands as common.py. Packages are found through NODE_PATH.
const fs = require('fs');
const path = require('path');
const QUEUE = 'bench';
const CHUNK = 1000;
const WARM_ADDS = 5;
const WARM_SECONDS = 0.5;
const DELAY_MIN = 0.2;
const DELAY_MAX = 3.0;
const now = () => process.hrtime.bigint(); // CLOCK_MONOTONIC, as Python's time.monotonic_ns
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const delayFor = (i, n) => DELAY_MIN + ((DELAY_MAX - DELAY_MIN) * ((i * 7919) % n)) / (n - 1);

function parse() {
  const given = { command: process.argv[2], n: 0, concurrency: 10, port: 0, interval: 0, offset: 0 };
  for (let i = 3; i < process.argv.length; i += 2) given[process.argv[i].slice(2)] = Number(process.argv[i + 1]);
  return given;
}

// Start times in memory, written out every 10 ms: a write per job would cost more than the job.
function makeProbe() {
  const slots = new BigInt64Array(Number(process.env.BENCH_SLOTS));
  const file = fs.openSync(process.env.BENCH_PROBE, 'r+');
  const bytes = new Uint8Array(slots.buffer);
  let dirty = false;
  setInterval(() => { if (dirty) { dirty = false; fs.writeSync(file, bytes, 0, bytes.length, 0); } }, 10);
  return (number) => { slots[number] = now(); dirty = true; };
}

function versions(packages) {
  const found = { node: process.versions.node };
  for (const name of packages) {
    const file = path.join(process.env.NODE_PATH, name, 'package.json');
    found[name] = JSON.parse(fs.readFileSync(file)).version;
  }
  return found;
}

async function enqueue(peer, given) {
  await peer.open(given.port);
  const began = now();
  for (let first = 0; first < given.n; first += CHUNK) {
    const length = Math.min(CHUNK, given.n - first);
    await peer.addBulk(Array.from({ length }, (_, i) => given.offset + first + i));
  }
  const seconds = Number(now() - began) / 1e9;
  await peer.close();
  return { jobs_per_s: given.n / seconds };
}

async function produce(peer, given) {
  await peer.open(given.port);
  const last = Number(process.env.BENCH_SLOTS) - 1; // the last slot is the worker's own
  for (let number = last - WARM_ADDS; number < last; number++) await peer.add(number);
  await sleep(WARM_SECONDS * 1000);
  const moments = [], start = now();
  for (let i = 0; i < given.n; i++) {
    if (given.interval) {
      const pause = Number(start - now()) / 1e6 + i * given.interval * 1000;
      if (pause > 0) await sleep(pause);
      moments.push(Number(now()));
      await peer.add(given.offset + i);
    } else {
      moments.push(Number(now()));
      await peer.addDelayed(given.offset + i, Math.round(delayFor(given.offset + i, given.n) * 1000));
    }
  }
  await peer.close();
  return { moments };
}

async function main(peer) {
  const given = parse();
  if (given.command === 'worker') {
    await peer.worker(given.port, given.concurrency, makeProbe());
    process.on('SIGTERM', () => process.exit(0));
    return;
  }
  if (given.command === 'meta') {
    const { packages, settings, done } = peer.meta();
    console.log(JSON.stringify({ versions: versions(packages), settings, done, bulk: `addBulk, chunks of ${CHUNK}` }));
  } else {
    console.log(JSON.stringify(await (given.command === 'enqueue' ? enqueue : produce)(peer, given)));
  }
  process.exit(0);
}
module.exports = { main, QUEUE };
