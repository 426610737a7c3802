// The steps of a bulk call: sent one after the other, until nothing is left.

import { post } from '../api.js';

/** @import { BulkStep } from '../types.d.ts' */

/** A filter of GET /tokens with at least one member, or ids. @typedef {Record<string, unknown>} Asked */
/**
 * @typedef {{ matched: number, protected: number, used: number, done: number, skipped: BulkStep['skipped'],
 *   ids: string[], effectiveBy: string | null, last: string | null, hasMore: boolean }} Outcome `ids` of the
 *   tokens that were changed; `effectiveBy` is the latest of their receipts, that of the token `last`
 * @typedef {{ part: number, cursor: string, looked: number, outcome: Outcome }} Progress where the next
 *   step begins
 */

/** The API takes as many ids in one call. */
const IDS_MAX = 1000;
/** Tokens in a step. */
const STEP = 100;
/** A dry run looks for obstacles among so many tokens; it counts all of them. */
const LOOKED_AT_MAX = 2000;

/** @returns {Progress} */
export const begun = () => ({
  part: 0,
  cursor: '',
  looked: 0,
  outcome: {
    matched: 0,
    protected: 0,
    used: 0,
    done: 0,
    skipped: [],
    ids: [],
    effectiveBy: null,
    last: null,
    hasMore: false,
  },
});

/**
 * Goes on from `progress`, which it moves: after an error the step that failed can be sent again.
 * @param {string} path
 * @param {Asked} asked
 * @param {Record<string, unknown>} body
 * @param {{ signal: AbortSignal, once: string | null, tell: (outcome: Outcome) => void, stop?: AbortSignal,
 *   progress?: Progress }} options `once`: for idempotency keys; `stop`: ends it after the step under way
 * @returns {Promise<Outcome>}
 */
export async function run(path, asked, { expect, ...body }, options) {
  const { signal, once, tell, stop, progress = begun() } = options;
  const { outcome } = progress;
  const parts = partsOf(asked);
  while (progress.part < parts.length) {
    const { part, cursor } = progress;
    const isFirst = cursor === '';
    const step = /** @type {BulkStep} */ (
      await post(
        path,
        {
          filter: parts[part],
          ...body,
          ...(isFirst && parts.length === 1 && expect !== undefined && { expect }),
          ...(!isFirst && { cursor }),
        },
        { signal, ...(once !== null && { once: `${once}-${part}-${cursor}` }) },
      )
    );
    add(outcome, step, isFirst);
    progress.cursor = step.next_cursor ?? '';
    if (step.next_cursor === null) progress.part += 1;
    progress.looked += STEP;
    outcome.hasMore = progress.part < parts.length;
    tell(outcome);
    if (stop?.aborted || (body.dry_run === true && progress.looked >= LOOKED_AT_MAX)) break;
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
