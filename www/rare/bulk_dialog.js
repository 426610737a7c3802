// One action on many tokens: a dry run first, then steps with their progress, then what failed and why.

import { h, put } from '../dom.js';
import { reload, to } from '../router.js';
import { exact } from '../time.js';
import { openDialog } from '../ui/dialog.js';
import { wordsOf } from '../ui/failure.js';
import { field, form } from '../ui/form.js';
import { configuration } from '../views/configuration.js';
import { bound } from '../views/danger_dialog.js';
import { receipt } from '../views/receipt.js';
import { KINDS } from './bulk_kinds.js';
import { begun, run } from './bulk_run.js';

/**
 * @import { Configuration } from '../types.d.ts'
 * @import { Kind } from './bulk_kinds.js'
 * @import { Asked, Outcome } from './bulk_run.js'
 * @typedef {{ place: HTMLElement, close: () => void, signal: AbortSignal, state: { isRunning: boolean,
 *   isChanged: boolean } }} Dialog
 */

const number = (/** @type {number} */ count) => count.toLocaleString('en');
const tokens = (/** @type {number} */ count) => (count === 1 ? '1 token' : `${number(count)} tokens`);

/**
 * @param {string} name of the kind
 * @param {Asked} asked which tokens
 * @param {string} whose the same in words
 */
export async function bulkDialog(name, asked, whose) {
  const kind = KINDS[name];
  const stop = new AbortController();
  const place = h('div', { class: 'bulk' });
  const state = { isRunning: false, isChanged: false };
  const build = (/** @type {() => void} */ close) => {
    put(place, h('p', { role: 'status' }, 'Finding the tokens that this would change …'));
    Promise.all([dryRun(kind, asked, stop.signal), configuration(stop.signal)]).then(
      ([dry, settings]) => {
        const dialog = { place, close, signal: stop.signal, state };
        put(place, question(kind, asked, whose, dry, settings, dialog));
      },
      (error) => put(place, failed(error), closing(close)),
    );
    return place;
  };
  // While it runs, its outcome is not lost by a key.
  await openDialog(`${kind.name} many tokens`, build, { lasting: () => state.isRunning, single: true });
  stop.abort();
  if (state.isChanged) reload();
}

/**
 * @param {Kind} kind
 * @param {Asked} asked
 * @param {AbortSignal} signal
 * @param {Record<string, unknown>} [body]
 */
const dryRun = (kind, asked, signal, body = EMPTY[kind.path]) =>
  run(kind.path, asked, { ...body, dry_run: true }, { signal, once: null, tell: () => {} });

/** What a call needs besides its tokens, for a dry run. @type {Record<string, Record<string, unknown>>} */
const EMPTY = { '/tokens/change-owner': { owner: null } };

/**
 * What would be done, and the form that does it.
 * @param {Kind} kind
 * @param {Asked} asked
 * @param {string} whose
 * @param {Outcome} dry
 * @param {Configuration} settings
 * @param {Dialog} dialog
 */
function question(kind, asked, whose, dry, settings, dialog) {
  const { place, close, signal, state } = dialog;
  if (dry.matched === 0)
    return [h('p', null, `None of them. This applies only to ${kind.finds}.`), closing(close)];
  const isInUse = kind.danger && dry.used > 0;
  const typed = h('input', { type: 'text', inputmode: 'numeric', autocomplete: 'off', spellcheck: 'false' });
  return [
    h('p', { class: 'counts', role: 'status' }, h('strong', null, counts(dry))),
    h('p', { class: 'muted' }, `Of ${whose}: ${kind.finds}. ${kind.about}`),
    kind.holds && h('p', null, `They are ${kind.holds} ${bound(boundOf(settings))}.`),
    dry.skipped.length > 0 && leftOut(dry, 'would be left out'),
    dry.hasMore && h('p', { class: 'muted' }, 'Only the first 2,000 were looked at so far.'),
    form(
      {
        submit: `${kind.name} ${tokens(dry.matched)}`,
        danger: kind.danger,
        cancel: close,
        send: async (form) => {
          if (isInUse && typed.value.trim() !== String(dry.matched)) {
            put(form.querySelector('[data-field=count] .error') ?? place, `Type ${dry.matched} to go on.`);
            typed.focus();
            return;
          }
          const body = kind.body(form);
          // So that what is wrong is said at its field, while the form is still there.
          if (kind.hasPlan) await dryRun(kind, asked, signal, body);
          state.isChanged = true;
          await carryOut(kind, asked, { ...body, expect: dry.matched }, dry.matched, dialog);
        },
      },
      ...kind.fields(settings),
      isInUse &&
        field({
          name: 'count',
          label: `${tokens(dry.used)} of them were used in the last 24 hours. Type ${dry.matched} to confirm`,
          control: typed,
        }),
    ),
  ];
}

/** @param {Configuration} settings */
const boundOf = ({ revocation_bound_seconds: seconds, on_unknown: unknown }) => ({
  seconds,
  guaranteed: unknown !== 'admit',
});

/** @param {Outcome} dry */
const counts = ({ matched, protected: kept, used }) =>
  `${tokens(matched)}, ${number(kept)} protected, ${number(used)} used in the last 24 hours`;

/**
 * @param {Kind} kind
 * @param {Asked} asked
 * @param {Record<string, unknown>} body
 * @param {number} matched
 * @param {Dialog} dialog
 */
async function carryOut(kind, asked, body, matched, dialog) {
  const once = crypto.randomUUID();
  const progress = begun();
  await goOn();

  async function goOn() {
    const { place, close, signal, state } = dialog;
    const { stop, tell } = underWay(place, matched);
    const { outcome } = progress;
    tell(outcome);
    state.isRunning = true;
    /** @type {unknown} */
    let error = null;
    try {
      await run(kind.path, asked, body, { signal, once, tell, stop, progress });
    } catch (fault) {
      error = fault;
    }
    state.isRunning = false;
    const again = error !== null && h('button', { type: 'button', on: { click: goOn } }, 'Go on');
    put(
      place,
      error !== null && failed(error),
      (error === null || outcome.done > 0) && result(kind, outcome, stop.aborted),
      countdown(kind, outcome, signal),
      closing(close, again, kind.undo && outcome.ids.length > 0 && undoing(kind, outcome, dialog)),
    );
    /** @type {HTMLElement | null} */ (place.querySelector('button.primary'))?.focus();
  }
}

/** Shows how far it is. @param {HTMLElement} place @param {number} matched */
function underWay(place, matched) {
  const stop = new AbortController();
  const bar = h('progress', { max: String(matched), 'aria-label': 'Tokens dealt with' });
  const said = h('p', { role: 'status' });
  const button = h('button', { type: 'button', on: { click: () => stop.abort() } }, 'Stop after this step');
  put(place, said, bar, h('div', { class: 'actions' }, button));
  button.focus();
  const tell = (/** @type {Outcome} */ { done, skipped }) => {
    bar.value = done + skipped.length;
    put(said, `${number(done + skipped.length)} of ${number(matched)} …`);
  };
  return { stop: stop.signal, tell };
}

/** @param {Kind} kind @param {Outcome} outcome @param {boolean} isStopped */
function result(kind, outcome, isStopped) {
  return h(
    'div',
    { role: 'status' },
    h('p', null, h('strong', null, `${tokens(outcome.done)} ${kind.done}.`)),
    outcome.effectiveBy && h('p', null, `It holds everywhere by ${exact(outcome.effectiveBy)}.`),
    isStopped && outcome.hasMore && h('p', null, 'You stopped it: the others are as they were.'),
    outcome.skipped.length > 0 && leftOut(outcome, 'left out'),
  );
}

/**
 * The countdown of the last receipt, until the change holds everywhere for every token.
 * @param {Kind} kind
 * @param {Outcome} outcome
 * @param {AbortSignal} signal
 */
function countdown({ holds }, { done, effectiveBy, last }, signal) {
  if (!holds || effectiveBy === null || last === null) return null;
  return receipt(last, effectiveBy, holds, signal, done === 1 ? 'It is' : `The ${tokens(done)} are`);
}

/** @param {Kind} kind @param {Outcome} outcome @param {Dialog} dialog */
function undoing({ undo = '', undoes = '' }, { ids }, dialog) {
  const click = () => carryOut(KINDS[undo], { ids }, {}, ids.length, dialog);
  return h('button', { type: 'button', on: { click } }, undoes);
}

/** Why tokens are left out, with a few of them each. @param {Outcome} outcome @param {string} words */
function leftOut({ skipped }, words) {
  /** @type {Map<string, string[]>} */
  const why = new Map();
  for (const { id, code, reason } of skipped) {
    const cause = reason ?? code;
    why.set(cause, [...(why.get(cause) ?? []), id]);
  }
  return h(
    'div',
    { class: 'box warn' },
    h('p', null, `${tokens(skipped.length)} ${words}:`),
    h(
      'ul',
      null,
      [...why].map(([cause, ids]) =>
        h(
          'li',
          null,
          `${number(ids.length)}: ${CAUSES[cause] ?? cause.replaceAll('_', ' ')} `,
          ids.slice(0, 3).flatMap((id, at) => [at > 0 && ', ', h('a', { href: to(['token', id]) }, id)]),
          ids.length > 3 && ', …',
        ),
      ),
    ),
  );
}

/** Why a token is left out. @type {Record<string, string>} */
const CAUSES = {
  clear_protected_first: 'protected; an owner can clear the protection',
  owners_only: 'protected; only an owner may',
  successor_unused: 'its successor was never used',
  max_active_tokens: 'two tokens of the family are in use',
  has_successor: 'it has a successor already',
  disabled: 'disabled',
  owner_switched_off: 'that owner is switched off',
  licence_ended: 'the licence of that owner has ended',
};

/** @param {unknown} error */
const failed = (error) => h('div', { class: 'box bad', role: 'alert' }, h('p', null, wordsOf(error)));

/** @param {() => void} close @param {...(HTMLElement | false | '' | undefined)} more */
const closing = (close, ...more) =>
  h(
    'div',
    { class: 'actions' },
    h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Close'),
    ...more,
  );
