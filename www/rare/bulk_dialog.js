// One action on many tokens: a dry run first, then steps with their progress, then what failed and why.

import { h, put } from '../dom.js';
import { reload, to } from '../router.js';
import { exact } from '../time.js';
import { openDialog } from '../ui/dialog.js';
import { wordsOf } from '../ui/failure.js';
import { checkbox, choices, field, fieldValue, form, isChecked } from '../ui/form.js';
import { may } from '../who.js';
import { run } from './bulk_run.js';

/** @import { Asked, Outcome } from './bulk_run.js' */

/**
 * @typedef {object} Kind
 * @property {string} name of the action, as its button says
 * @property {string} path of the API call
 * @property {string} done what was done, after the number of tokens
 * @property {string} finds which of the tokens that were selected are meant
 * @property {string} about what comes of it
 * @property {boolean} [danger]
 * @property {() => (HTMLElement | false)[]} fields
 * @property {(form: HTMLFormElement) => Record<string, unknown>} body
 */

const DAY = 86_400;
const none = () => [];
const nothing = () => ({});

/** Everything that can be done to many tokens at once. @type {Record<string, Kind>} */
const KINDS = {
  rotate: {
    name: 'Rotate',
    path: '/tokens/rotate',
    done: 'rotated',
    finds: 'active tokens without a successor',
    about: 'Each gets a successor with the same settings. Read their texts on their pages, and deploy them.',
    fields: () => [
      choices({
        name: 'when',
        legend: 'The old tokens end',
        value: 'after',
        choices: [
          { value: 'after', label: 'In 7 days, each once its successor was used' },
          { value: 'first_use', label: 'A day after the successor is first used' },
          { value: 'never', label: 'Not automatically' },
        ],
      }),
    ],
    body: (form) => {
      const when = fieldValue(form, 'when');
      if (when === 'first_use') return { revoke_old: { when, drain_seconds: DAY } };
      return { revoke_old: when === 'after' ? { when, after_seconds: 7 * DAY } : { when } };
    },
  },
  disable: {
    name: 'Disable',
    path: '/tokens/disable',
    done: 'disabled',
    finds: 'active tokens',
    about: 'They are refused until they are enabled again. Pages that use them stop working.',
    danger: true,
    fields: none,
    body: nothing,
  },
  enable: {
    name: 'Enable',
    path: '/tokens/enable',
    done: 'enabled',
    finds: 'disabled tokens',
    about: 'They work again.',
    fields: none,
    body: nothing,
  },
  owner: {
    name: 'Change owner',
    path: '/tokens/change-owner',
    done: 'changed',
    finds: 'tokens that have not ended',
    about: 'The owner says whom to ask. Pages notice nothing of it.',
    fields: () => [
      field({
        name: 'owner',
        label: 'New owner',
        hint: 'Empty: no owner.',
        control: h('input', { type: 'text', maxlength: '200', autocomplete: 'off' }),
      }),
    ],
    body: (form) => ({ owner: fieldValue(form, 'owner').trim() || null }),
  },
  revoke: {
    name: 'Revoke',
    path: '/tokens/revoke',
    done: 'revoked',
    finds: 'tokens that have not ended',
    about: 'They are refused everywhere, permanently. Pages that use them stop working.',
    danger: true,
    fields: () => [
      field({
        name: 'reason',
        label: 'Reason',
        hint: 'Kept with the revocation.',
        control: h('input', { type: 'text', maxlength: '200', autocomplete: 'off' }),
      }),
      may('owner') && checkbox({ name: 'include_protected', label: 'Protected tokens too' }),
    ],
    body: (form) => {
      const reason = fieldValue(form, 'reason').trim();
      return {
        ...(reason && { reason }),
        ...(isChecked(form, 'include_protected') && { include_protected: true }),
      };
    },
  },
};

const number = (/** @type {number} */ count) => count.toLocaleString('en');
const tokens = (/** @type {number} */ count) => (count === 1 ? '1 token' : `${number(count)} tokens`);

/** @param {string} name of the kind @param {Asked} asked which tokens */
export async function bulkDialog(name, asked) {
  const kind = KINDS[name];
  const stop = new AbortController();
  let isChanged = false;
  await openDialog(`${kind.name} many tokens`, (close) => {
    const place = h('div', { class: 'bulk' });
    put(place, h('p', { role: 'status' }, 'Looking which tokens that would be …'));
    dryRun(kind, asked, stop.signal).then(
      (dry) => put(place, question(kind, asked, dry, { place, close, signal: stop.signal, changed })),
      (error) => put(place, failed(error, close)),
    );
    return place;
  });
  stop.abort();
  if (isChanged) reload();

  function changed() {
    isChanged = true;
  }
}

/** @param {Kind} kind @param {Asked} asked @param {AbortSignal} signal */
const dryRun = (kind, asked, signal) =>
  run(kind.path, asked, { ...EMPTY[kind.path], dry_run: true }, { signal, once: null, tell: () => {} });

/** What a call needs besides its tokens, for a dry run. @type {Record<string, Record<string, unknown>>} */
const EMPTY = { '/tokens/change-owner': { owner: null } };

/**
 * What would be done, and the form that does it.
 * @param {Kind} kind
 * @param {Asked} asked
 * @param {Outcome} dry
 * @param {{ place: HTMLElement, close: () => void, signal: AbortSignal, changed: () => void }} dialog
 */
function question(kind, asked, dry, { place, close, signal, changed }) {
  if (dry.matched === 0) return [h('p', null, `None: only ${kind.finds} are meant.`), closing(close)];
  const once = crypto.randomUUID();
  const isInUse = kind.danger && dry.used > 0;
  const typed = h('input', { type: 'text', inputmode: 'numeric', autocomplete: 'off', spellcheck: 'false' });
  return [
    h('p', { class: 'counts', role: 'status' }, h('strong', null, counts(dry))),
    h('p', { class: 'muted' }, `Of those that were chosen, ${kind.finds}. ${kind.about}`),
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
          const body = { ...kind.body(form), expect: dry.matched };
          changed();
          await carryOut(kind, asked, body, dry.matched, { place, close, signal, once });
        },
      },
      ...kind.fields(),
      isInUse &&
        field({
          name: 'count',
          label: `${tokens(dry.used)} of them worked today. Type ${dry.matched} to confirm`,
          control: typed,
        }),
    ),
  ];
}

/** @param {Outcome} dry */
const counts = ({ matched, protected: kept, used }) =>
  `${tokens(matched)}, ${number(kept)} protected, ${number(used)} used in the last 24 hours`;

/**
 * @param {Kind} kind
 * @param {Asked} asked
 * @param {Record<string, unknown>} body
 * @param {number} matched
 * @param {{ place: HTMLElement, close: () => void, signal: AbortSignal, once: string }} dialog
 */
async function carryOut(kind, asked, body, matched, { place, close, signal, once }) {
  const stop = new AbortController();
  const bar = h('progress', { max: String(matched), 'aria-label': 'Tokens dealt with' });
  bar.value = 0;
  const said = h('p', { role: 'status' }, `0 of ${number(matched)} …`);
  put(
    place,
    said,
    bar,
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', on: { click: () => stop.abort() } }, 'Stop after this step'),
    ),
  );
  const tell = (/** @type {Outcome} */ { done, skipped }) => {
    bar.value = done + skipped.length;
    put(said, `${number(done + skipped.length)} of ${number(matched)} …`);
  };
  try {
    const outcome = await run(kind.path, asked, body, { signal, once, tell, stop: stop.signal });
    put(place, result(kind, outcome, stop.signal.aborted), closing(close));
  } catch (error) {
    put(place, failed(error, close));
  }
  /** @type {HTMLElement | null} */ (place.querySelector('button'))?.focus();
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

/** @param {unknown} error @param {() => void} close */
const failed = (error, close) => [
  h('div', { class: 'box bad', role: 'alert' }, h('p', null, wordsOf(error))),
  closing(close),
];

/** @param {() => void} close */
const closing = (close) =>
  h(
    'div',
    { class: 'actions' },
    h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Close'),
  );
