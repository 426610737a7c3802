// The lifetime of a new token: the one that holds when nobody chooses, shorter and common ones, or a date. It
// always says when the token would end.

import { h, put } from '../dom.js';
import { exact, fromLocalInput, lifeWords, toLocalInput } from '../time.js';
import { field, fieldValue } from '../ui/form.js';

/** @import { Configuration, Token } from '../types.d.ts' */

const DAY = 86_400;
/** For a field with a date: what is said when it is empty. */
export const NO_TIME = { not_rfc3339: 'A date and a time' };
const PRESETS = [1, 7, 30, 90, 365, 730].map((days) => days * DAY);

/**
 * The choice that is made already. `value` is what is sent: a number of seconds, or `default`, where the API
 * is told nothing and gives the token that life by itself.
 * @typedef {{ label: string, value: string, seconds: (form: HTMLFormElement | null) => number | null }} First
 *   `seconds` is null where each of many tokens gets its own
 */

/** As long as the token that is replaced was given: what the API does by itself. @param {Token} token */
export const asBefore = (token) => ({
  label: 'As long as before',
  value: 'default',
  seconds: () => lifeOf(token),
});

/** As long as the token whose settings are copied. @param {Token} token @returns {First} */
export const asOriginal = (token) => ({
  label: 'As long as the original',
  value: String(lifeOf(token)),
  seconds: () => lifeOf(token),
});

/**
 * The shortest default of the routes of the chosen audiences, otherwise the deployment's (docs/lifecycle.md,
 * "Life").
 * @param {Configuration} settings
 * @returns {First}
 */
export const asConfigured = ({ audiences, routes, default_token_lifetime_seconds: otherwise }) => ({
  label: 'The default',
  value: 'default',
  seconds: (form) => {
    const boxes = [...(form?.querySelectorAll('input[name=audience]:checked') ?? [])];
    const chosen =
      audiences.length > 1 ? boxes.map((box) => /** @type {HTMLInputElement} */ (box).value) : audiences;
    const own = routes
      .filter(({ audience }) => chosen.includes(audience))
      .flatMap(({ token_lifetime_seconds: seconds }) => seconds ?? []);
    return own.length > 0 ? Math.min(...own) : otherwise;
  },
});

/**
 * The lifetime that a token was given, in seconds. An expiry has no fraction, so it may be up to a second
 * more or less than was chosen; whole minutes are what people choose.
 * @param {Token} token
 */
function lifeOf({ created_at: from, expires_at: until }) {
  const seconds = (Date.parse(until) - Date.parse(from)) / 1000;
  const minutes = Math.round(seconds / 60) * 60;
  return Math.abs(seconds - minutes) <= 1 ? minutes : Math.round(seconds);
}

/**
 * @param {Configuration} settings
 * @param {First} first
 * @param {{ shorterOnly?: boolean }} [options] `shorterOnly`: offers only lifetimes below the first
 */
export function lifeField(settings, first, { shorterOnly = false } = {}) {
  const longest = settings.max_token_lifetime_seconds;
  const date = h('input', {
    type: 'datetime-local',
    min: toLocalInput(new Date(Date.now() + 60_000).toISOString()),
    max: toLocalInput(new Date(Date.now() + longest * 1000).toISOString()),
  });
  const by = field({ name: 'expires_at', label: 'Ends at', control: date, faults: NO_TIME });
  const words = h('span');
  const end = h('p', { class: 'small life-end', 'aria-live': 'polite' });
  const firstSeconds = (/** @type {HTMLFormElement | null} */ form) => {
    const seconds = first.seconds(form);
    return seconds === null ? null : Math.min(seconds, longest);
  };
  const atFirst = firstSeconds(null);
  const others = PRESETS.filter((seconds) => seconds <= longest && seconds !== atFirst).filter(
    (seconds) => !shorterOnly || atFirst === null || seconds < atFirst,
  );
  const element = h(
    'fieldset',
    { class: 'field', 'data-field': 'expires_in', on: { change: say } },
    h('legend', null, 'Lifetime'),
    h(
      'p',
      { class: 'hint' },
      'The expiry is signed into the token and cannot be changed later. ' +
        'You can set an earlier end at any time. ' +
        `1 to 30 days are suitable for pages that are deployed often. At most ${lifeWords(longest)}.`,
    ),
    h(
      'div',
      { class: 'presets' },
      preset(first.value, words, true),
      others.map((seconds) => preset(String(seconds), lifeWords(seconds), false)),
      preset('date', 'A date', false),
    ),
    h('p', { class: 'error' }),
    by,
    end,
  );
  /** Says in words what is chosen. The first choice may depend on other fields of the form. */
  function say() {
    const form = element.closest('form');
    const chosen = element.querySelector('input[name=life]:checked');
    const value = /** @type {HTMLInputElement} */ (chosen).value;
    const usual = firstSeconds(form);
    put(words, usual === null ? first.label : `${first.label}: ${lifeWords(usual)}`);
    by.hidden = value !== 'date';
    const seconds = value === first.value ? usual : Number(value);
    const later = seconds === null ? null : new Date(Date.now() + seconds * 1000);
    const at = value === 'date' ? fromLocalInput(date.value) : later;
    put(end, at && `It ends on ${exact(new Date(at).toISOString())}.`);
  }
  say();
  return element;
}

/** @param {string} value @param {import('../dom.js').Child} label @param {boolean} checked */
function preset(value, label, checked) {
  return h('label', null, h('input', { type: 'radio', name: 'life', value, checked }), label);
}

/** The chosen lifetime in the API's form. @param {HTMLFormElement} form */
export function lifetime(form) {
  const life = fieldValue(form, 'life');
  if (life === 'default') return {};
  return life === 'date'
    ? { expires_at: fromLocalInput(fieldValue(form, 'expires_at')) ?? '' }
    : { expires_in: Number(life) };
}
