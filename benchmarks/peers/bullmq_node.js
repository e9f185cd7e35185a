'use strict';
const { main, QUEUE } = require('./common');
const { Queue, Worker } = require('bullmq');
let queue;
main({
  meta: () => ({
    packages: ['bullmq', 'ioredis'],
    settings: 'Queue and Worker defaults (events on, completed jobs kept)',
    done: [['ZCARD', `bull:${QUEUE}:completed`, 'N']],
  }),
  async open(port) { queue = new Queue(QUEUE, { connection: { host: '127.0.0.1', port } }); await queue.waitUntilReady(); },
  close: () => queue.close(),
  add: (number) => queue.add('noop', { n: number }),
  addDelayed: (number, delay) => queue.add('noop', { n: number }, { delay }),
  addBulk: (numbers) => queue.addBulk(numbers.map((n) => ({ name: 'noop', data: { n } }))),
  async worker(port, concurrency, hit) {
    const run = async (job) => { hit(job.data.n); return job.data.n; };
    const worker = new Worker(QUEUE, run, { connection: { host: '127.0.0.1', port }, concurrency });
    worker.on('error', (error) => console.error(error));
  },
});
