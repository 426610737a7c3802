// Carries out the orders of the synchronous path: what `at_once.rs` decided in one call. Nothing is decided
// here.
//
// Standard: docs/performance.md, "The synchronous path".
// Invariants: the request is sent upstream in the same turn in which it was decided. An answer that has a
// header which Rust must look at is edited as Rust says, and no answer leaves unedited.
// What a mistake costs: a header is lost, or not removed.

import {
  edit,
  fields,
  hasNone,
  isPrepared,
  keepCookies,
  kvBegin,
  read,
  readResponse,
  send,
  setCookies,
  within,
} from './crossing.js';

/**
 * Begins WebAssembly anew if a panic ended it. The generated module does that in the next call, whichever
 * it is: in a call that takes text, after it has put the text into the memory that ended. The new instance
 * would free it, and its memory would be corrupt. So a call that takes none comes first.
 */
const revive = (wayleave) => wayleave.__worker_init_state();

/**
 * Answers a request for which memory has everything, but perhaps the record of its token. Undefined for one
 * that takes the asynchronous path.
 */
export function answerAtOnce(wayleave, request, env, context) {
  if (!isPrepared()) return undefined;
  const sent = { request, env, context, facts: read(request) };
  const parts = decided(wayleave, sent);
  if (parts === undefined) return undefined;
  return parts[0] === 'read' ? withRecord(wayleave, sent, parts) : carriedOut(wayleave, sent, parts);
}

function decided(wayleave, { request, env, context, facts }) {
  revive(wayleave);
  return wayleave.decideAtOnce(facts.text, request, env, context)?.split('\0');
}

function carriedOut(wayleave, sent, parts) {
  return parts[0] === 'reply' ? ownAnswer(parts) : forwarded(wayleave, { ...sent, parts });
}

/** Reads the record from KV and decides again. Where that is not enough, the asynchronous path goes on. */
async function withRecord(wayleave, sent, [, name, serial, version, cacheTtl, patience, began]) {
  const reading = kvBegin(sent.env.KV, name, Number(cacheTtl));
  // The asynchronous path says that it failed.
  const bytes = await within(reading, Number(patience), null).catch(() => null);
  if (bytes !== null) {
    revive(wayleave);
    if (wayleave.holdRecord(Number(serial), Number(version), new Uint8Array(bytes))) {
      const parts = decided(wayleave, sent);
      if (parts !== undefined && parts[0] !== 'read') return carriedOut(wayleave, sent, parts);
    }
  }
  revive(wayleave);
  const { request, env, context } = sent;
  return wayleave.goOn(request, env, context, name, reading, Number(began));
}

function ownAnswer([, status, set, body]) {
  return new Response(body, { status: Number(status), headers: fields(set) });
}

async function forwarded(wayleave, sent) {
  const { request, facts, parts } = sent;
  const [, url, withheld, timeout, remove, set] = parts;
  try {
    const answer = await send(request, facts.names, url, withheld, remove, set, Number(timeout));
    if (answer === null) return failed(wayleave, sent, true);
    try {
      return edited(wayleave, sent, answer);
    } catch (error) {
      if (error instanceof WebAssembly.RuntimeError) throw error;
      // If the platform refuses the answer (a status of 600, for example), it counts as no answer.
      console.warn(`the upstream's answer cannot be passed on: ${error}`);
    }
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    console.warn(`the upstream cannot be reached: ${error}`);
  }
  return failed(wayleave, sent, false);
}

const SWITCHING_PROTOCOLS = 101;

function failed(wayleave, { request, env, context, facts, parts }, isLate) {
  const [, , , , , , isNamed, serial] = parts;
  revive(wayleave);
  const orders = wayleave.upstreamFailed(
    facts.text,
    request,
    env,
    context,
    isNamed !== '',
    serial === '' ? undefined : Number(serial),
    isLate,
  );
  return ownAnswer(orders.split('\0'));
}

function edited(wayleave, { env, facts, parts }, upstream) {
  const [, url, , , , , isNamed, , names, plainRemove, plainSet, notices] = parts;
  const answer = new Response(upstream.body, upstream);
  const { headers } = answer;
  if (upstream.status !== SWITCHING_PROTOCOLS && hasNone(headers, names)) {
    edit(headers, plainRemove, plainSet);
  } else {
    revive(wayleave);
    const orders = wayleave.editAnswer(
      facts.text,
      env,
      isNamed !== '',
      url,
      readResponse(upstream, names),
      setCookies(upstream),
    );
    if (orders === undefined) throw new Error('no orders for the answer');
    const [remove, set, keptCookies] = orders.split('\0');
    edit(headers, remove, set);
    if (keptCookies !== undefined) keepCookies(headers, keptCookies);
  }
  edit(headers, '', notices);
  return answer;
}
