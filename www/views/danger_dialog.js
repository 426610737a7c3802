// The one dialog before anything that ends tokens: what happens and by when, who still uses them, and the
// name to type where a slip would break pages.

import { get } from '../api.js';
import { counted } from '../counted.js';
import { h } from '../dom.js';
import { duration, time } from '../time.js';
import { openDialog } from '../ui/dialog.js';
import { fact, facts } from '../ui/facts.js';
import { field, fieldFault, fieldValue, form } from '../ui/form.js';
import { originList, usageOf } from './usage.js';

/**
 * @import { Child } from '../dom.js'
 * @import { Status, Token, TokenUsage } from '../types.d.ts'
 * @typedef {{
 *   title: string,
 *   what: Child | Child[],
 *   submit: string,
 *   tokens: Token[],
 *   total?: { count: number, exact: boolean },
 *   name: string,
 *   always?: Child,
 *   isUsed?: boolean,
 *   isRisky?: (form: HTMLFormElement) => boolean,
 *   hasReason?: boolean,
 *   when?: Child,
 *   known?: HTMLElement[][],
 *   list?: Child,
 *   fields?: Child[],
 *   more?: (close: () => void) => Child[],
 *   instead?: (close: () => void) => Child,
 *   send: (reason: { reason?: string }, form: HTMLFormElement) => Promise<void>,
 * }} Danger
 * `what` happens, as a sentence; `tokens` are those that end, or the ones of `total` that were used last;
 * `name` is what must be typed where one of them was used today, or where `isUsed` says so (unless `isRisky`
 * says that the choices in the form make that needless) or where `always` says why; `when` it holds, if not
 * within the bound; `known` are further facts, `list` is shown first, `fields` are further fields, `more`
 * further buttons, and `instead` offers something that can be undone.
 */

/** Usage is asked for so many tokens at most. A family has two active ones. */
const ASKED = 4;
const DAY_MS = 86_400_000;

/**
 * Opens the dialog. Resolves with whether it was done.
 * @param {Danger} danger
 * @param {string} [from] the address where it was asked for
 */
export async function dangerDialog(danger, from = location.hash) {
  const [status, usages] = await Promise.all([
    /** @type {Promise<Status>} */ (get('/status')),
    // An error here must not prevent the action.
    Promise.all(danger.tokens.slice(0, ASKED).map(({ id }) => usageOf(id).catch(() => null))),
  ]);
  // Not over a page to which the user has gone meanwhile.
  if (location.hash !== from) return false;
  let isDone = false;
  const build = (/** @type {() => void} */ close) =>
    content(danger, status, usages, close, () => {
      isDone = true;
      close();
    });
  await openDialog(danger.title, build, { single: true });
  return isDone;
}

/**
 * @param {Danger} danger
 * @param {Status} status
 * @param {(TokenUsage | null)[]} usages of its tokens
 * @param {() => void} close
 * @param {() => void} done
 */
function content(danger, status, usages, close, done) {
  const { what, tokens, name, always, hasReason = true, instead } = danger;
  const isUsed =
    danger.isUsed ??
    tokens.some((token, at) => token.state === 'active' && wasUsedToday(token, usages[at] ?? null));
  const confirm = field({
    name: 'confirm',
    label: `Type the label to ${always ? 'go on anyway' : 'go on'}`,
    hint: name,
    control: h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' }),
  });
  const mustType = () => Boolean(always) || (isUsed && (danger.isRisky?.(element) ?? true));
  const update = () => (confirm.hidden = !mustType());
  const element = form(
    {
      submit: danger.submit,
      danger: true,
      cancel: close,
      more: danger.more?.(close),
      send: async (form) => {
        if (mustType() && fieldValue(form, 'confirm').trim() !== name)
          throw fieldFault('confirm', `The label is “${name}”: type it exactly`);
        const reason = hasReason ? fieldValue(form, 'reason').trim() : '';
        await danger.send(reason ? { reason } : {}, form);
        done();
      },
    },
    ...(danger.fields ?? []),
    hasReason &&
      field({
        name: 'reason',
        label: 'Reason (kept in the audit log)',
        control: h('input', { type: 'text', maxlength: '200', autocomplete: 'off' }),
      }),
    always && h('div', { class: 'box warn' }, h('p', null, always)),
    confirm,
  );
  element.addEventListener('input', update);
  update();
  return [
    h('p', null, what),
    danger.list,
    facts(
      ...about(tokens, danger.total),
      ...(danger.known ?? []),
      fact(danger.when ? 'When' : 'Refused everywhere', danger.when ?? bound(status.bound)),
    ),
    tokens.map((token, at) => inUse(token, usages[at] ?? null, tokens.length > 1)),
    instead?.(close),
    element,
  ].flat();
}

/**
 * Whether a token was used in the last day. Where nobody can tell its use, the registry knows of a last one.
 * @param {Token} token
 * @param {TokenUsage | null} usage
 */
function wasUsedToday({ last_used_at: at }, usage) {
  if (usage?.counting) return usage.totals.admitted > 0;
  return Boolean(at) && Date.now() - Date.parse(/** @type {string} */ (at)) < DAY_MS;
}

/**
 * The tokens that end, and where they work.
 * @param {Token[]} tokens
 * @param {{ count: number, exact: boolean }} [total]
 */
function about(tokens, total = { count: tokens.length, exact: true }) {
  if (tokens.length === 0) return [];
  const isAll = total.exact && total.count === tokens.length;
  const number = `${total.exact ? '' : 'at least '}${total.count.toLocaleString('en')} tokens`;
  const rules = new Set(tokens.flatMap(({ origins }) => (origins === 'any' ? ['every site'] : origins)));
  const shown = [...rules].slice(0, 3).join(', ');
  return [
    fact(
      !isAll ? 'Tokens' : tokens.length === 1 ? 'Token' : number,
      h(
        'span',
        null,
        !isAll && `${number}; used last: `,
        tokens.flatMap(({ fingerprint }, at) => [at > 0 && ', ', h('code', null, fingerprint)]),
      ),
    ),
    fact(
      isAll ? 'Works from' : 'These work from',
      rules.size > 3 ? `${shown} and ${rules.size - 3} more` : shown,
    ),
  ];
}

/**
 * Whether pages still send the token.
 * @param {Token} token
 * @param {TokenUsage | null} usage
 * @param {boolean} isNamed there are several tokens
 */
function inUse({ fingerprint, last_used_at: known }, usage, isNamed) {
  const whose = isNamed && h('span', null, h('code', null, fingerprint), ': ');
  if (usage === null || !usage.counting)
    return h(
      'p',
      { class: 'muted' },
      whose,
      'It is not known whether it is still in use.',
      known && h('span', null, ' It was used ', time(known), ', or later.'),
    );
  if (usage.totals.admitted === 0)
    return h(
      'p',
      null,
      whose,
      'Not used in the last 24 hours.',
      usage.last_used_at && h('span', null, ' Last used ', time(usage.last_used_at), '.'),
    );
  const [first] = usage.origins.allowed;
  return h(
    'div',
    { class: 'box warn' },
    h(
      'p',
      null,
      whose,
      h(
        'strong',
        null,
        first && first.origin !== 'null'
          ? `Still used by ${first.origin.replace(/^https:\/\//, '')}`
          : 'Still in use',
      ),
      usage.last_used_at && h('span', null, ', last ', time(usage.last_used_at)),
      `: ${counted(usage.totals.admitted, 'request')} in the last 24 hours.`,
    ),
    originList(usage.origins.allowed, '', 5),
  );
}

/** By when a change holds. @param {Status['bound']} bound */
export function bound({ seconds, guaranteed }) {
  const within = `${duration(seconds)} of the acknowledgement`;
  return guaranteed
    ? `within ${within}`
    : `within about ${within}; not guaranteed, because ON_UNKNOWN is admit`;
}
