// The Worker, with an entrypoint that makes one step of a request many times over, in one request. The clock
// stands still meanwhile, so whoever asks reads the processor time of the process.

import { answerAtOnce } from 'built/at_once.js';
import { edit, read } from 'built/crossing.js';
import main, { Registry, Relay, Usage } from 'built/main.js';
import * as wayleave from 'built/wayleave.js';
import answerer from './answerer.js';

export default main;
export { Registry, Relay, Usage };

/** By name: what is made again and again of the request, and of the orders that it got. */
const STEPS = {
  nothing: () => undefined,
  read: ({ request }) => read(request),
  decide: ({ text, request, env, context }) => {
    wayleave.__worker_init_state();
    return wayleave.decideAtOnce(text, request, env, context);
  },
  split: ({ orders }) => orders.split('\0'),
  headers: ({ request, parts }) => {
    const headers = new Headers(request.headers);
    edit(headers, parts[4], parts[5]);
    return headers;
  },
  answer: ({ upstream, parts }) => {
    const answer = new Response(null, upstream);
    edit(answer.headers, parts[9], parts[10]);
    return answer;
  },
  whole: ({ request, env, context }) => answerAtOnce(wayleave, request, env, context),
  bare: ({ request }) => answerer.fetch(request),
};

/** Answers with the kind of the orders and the number of characters, both ways. */
export const steps = {
  async fetch(request, env, context) {
    const { text } = read(request);
    const orders = wayleave.decideAtOnce(text, request, env, context);
    if (orders === undefined) return new Response('not decided at once', { status: 500 });
    const upstream = new Response(null, { headers: { 'Content-Type': 'application/json', Date: 'now' } });
    const given = { request, env, context, text, orders, parts: orders.split('\0'), upstream };
    const step = STEPS[request.headers.get('Bench-Step')];
    let made;
    for (let left = Number(request.headers.get('Bench-Times')); left > 0; left -= 1) made = step(given);
    const kept = made === undefined ? 0 : 1;
    return Response.json({ kind: given.parts[0], textChars: text.length, ordersChars: orders.length, kept });
  },
};
