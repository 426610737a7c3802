// The steps of a bulk call: sent one after the other, until nothing is left.

import { post } from '../api.js';

/** @import { BulkStep } from '../types.d.ts' */

/** A filter of GET /tokens with at least one member, or ids. @typedef {Record<string, unknown>} Asked */
/**
 * @typedef {{ matched: number, protected: number, used: number, done: number, skipped: BulkStep['skipped'],
 *   ids: string[], effectiveBy: string | null, last: string | null, hasMore: boolean }} Outcome `ids` of the
 *   tokens that were changed; `effectiveBy` is the latest of their receipts, that of the token `last`
 */

/** The API takes as many ids in one call. */
const IDS_MAX = 1000;
/** Tokens in a step. */
const STEP = 100;
/** A dry run looks for obstacles among so many tokens; it counts all of them. */
const LOOKED_AT_MAX = 2000;

/**
 * @param {string} path
 * @param {Asked} asked
 * @param {Record<string, unknown>} body
 * @param {{ signal: AbortSignal, once: string | null, tell: (outcome: Outcome) => void, stop?: AbortSignal }}
 *   options `once`: for idempotency keys; `stop`: ends it after the step under way
 * @returns {Promise<Outcome>}
 */
export async function run(path, asked, { expect, ...body }, { signal, once, tell, stop }) {
  /** @type {Outcome} */
  const outcome = {
    matched: 0,
    protected: 0,
    used: 0,
    done: 0,
    skipped: [],
    ids: [],
    effectiveBy: null,
    last: null,
    hasMore: false,
  };
  const parts = partsOf(asked);
  let looked = 0;
  for (const [at, filter] of parts.entries()) {
    /** @type {string | null} */
    let cursor = '';
    while (cursor !== null) {
      const isFirst = cursor === '';
      const step = /** @type {BulkStep} */ (
        await post(
          path,
          {
            filter,
            ...body,
            ...(isFirst && parts.length === 1 && expect !== undefined && { expect }),
            ...(!isFirst && { cursor }),
          },
          { signal, ...(once !== null && { once: `${once}-${at}-${cursor}` }) },
        )
      );
      add(outcome, step, isFirst);
      cursor = step.next_cursor;
      tell(outcome);
      looked += STEP;
      if (stop?.aborted || (body.dry_run === true && looked >= LOOKED_AT_MAX)) {
        outcome.hasMore = cursor !== null || at + 1 < parts.length;
        return outcome;
      }
    }
  }
  return outcome;
}

/** @param {Outcome} outcome @param {BulkStep} step @param {boolean} isFirst */
function add(outcome, step, isFirst) {
  if (isFirst) {
    outcome.matched += step.matched ?? 0;
    outcome.protected += step.protected ?? 0;
    outcome.used += step.used_lately ?? 0;
  }
  const receipts = step.receipts ?? [];
  outcome.done += receipts.length + (step.rotated?.length ?? 0);
  outcome.skipped.push(...step.skipped);
  for (const { id, effective_by: by } of receipts) {
    outcome.ids.push(id);
    if (outcome.effectiveBy === null || by > outcome.effectiveBy)
      Object.assign(outcome, { effectiveBy: by, last: id });
  }
}

/** @param {Asked} asked @returns {Asked[]} */
function partsOf(asked) {
  const { ids } = asked;
  if (!Array.isArray(ids)) return [asked];
  const count = Math.ceil(ids.length / IDS_MAX);
  return Array.from({ length: count }, (_, at) => ({ ids: ids.slice(at * IDS_MAX, (at + 1) * IDS_MAX) }));
}
