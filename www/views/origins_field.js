// The origin rules of a token, one a line. The API's origin-test checks them during typing, and tests page
// URLs.

import { ApiError, post } from '../api.js';
import { h, put, uniqueId } from '../dom.js';
import { warningText } from '../ui/badge.js';
import { wordsOf } from '../ui/failure.js';
import { field } from '../ui/form.js';

/** @import { OriginTest, Token } from '../types.d.ts' */

const TYPED_MS = 350;

/**
 * @param {Token['origins'] | undefined} value
 * @param {AbortSignal} signal
 */
export function originsField(value, signal) {
  const area = areaOf(value, soon);
  const any = h('input', { type: 'checkbox', name: 'any_origin', checked: value === 'any' });
  any.addEventListener('change', () => {
    area.disabled = any.checked;
    check();
  });
  const readings = h('ul', { class: 'rules', 'aria-label': 'How the rules are read' });
  const urlId = uniqueId('url');
  const url = urlOf(urlId, soon);
  const verdict = h('output', { for: urlId });
  /** @type {number | undefined} */
  let timer;
  let asking = new AbortController();
  signal.addEventListener('abort', () => clearTimeout(timer));
  if (value !== undefined) soon();

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(check, TYPED_MS);
  }

  async function check() {
    asking.abort(new DOMException('superseded', 'AbortError'));
    asking = new AbortController();
    const asked = AbortSignal.any([asking.signal, signal]);
    const origins = originsOf(area, any);
    const origin = originOf(url.value);
    if (origins.length === 0) return [put(readings), put(verdict)];
    try {
      const test = /** @type {OriginTest} */ (
        await post('/origin-test', { origins, ...(origin && { origin }) }, { signal: asked })
      );
      put(readings, origins === 'any' ? everySite() : test.rules.map(reading));
      put(verdict, url.value.trim() !== '' && verdictOn(url.value, origin, test));
    } catch (error) {
      if (asked.aborted) return;
      put(verdict);
      const faults = error instanceof ApiError && Array.isArray(origins) ? error.errors : [];
      if (faults.length === 0) return put(readings, note('bad', '', wordsOf(error)));
      const rules = await others(/** @type {string[]} */ (origins), faults, asked);
      if (!asked.aborted)
        put(
          readings,
          faults.map((fault) => wrong(fault, origins)),
          rules.map(reading),
        );
    }
  }

  const extra = h(
    'div',
    null,
    readings,
    h('div', { class: 'choice' }, h('label', null, any, h('span', null, 'Every site'))),
    h('div', { class: 'tester' }, h('label', { for: urlId }, 'Try a page’s address'), url, verdict),
  );
  const element = field({
    name: 'origins',
    label: 'Sites that may use it',
    hint: hint(),
    control: area,
    extra,
  });
  return { element, origins: () => originsOf(area, any) };
}

function hint() {
  return h(
    'span',
    null,
    'One rule per line. ',
    h('code', null, 'https://www.example.com'),
    ' matches that site; ',
    h('code', null, '*.example.com'),
    ' matches every subdomain, but not example.com itself.',
  );
}

const areaOf = (/** @type {Token['origins'] | undefined} */ value, /** @type {() => void} */ typed) =>
  h('textarea', {
    rows: '4',
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    placeholder: 'https://www.example.com\n*.example.com',
    value: Array.isArray(value) ? value.join('\n') : '',
    disabled: value === 'any',
    on: { input: typed },
  });

const urlOf = (/** @type {string} */ id, /** @type {() => void} */ typed) =>
  h('input', {
    type: 'text',
    id,
    inputmode: 'url',
    placeholder: 'https://shop.example.com/page',
    autocomplete: 'off',
    spellcheck: 'false',
    on: { input: typed },
  });

/**
 * The API's reading of the valid rules. They are sent without the faulty ones, so that one fault does not
 * hide the rest.
 * @param {string[]} origins
 * @param {{ field: string }[]} faults
 * @param {AbortSignal} signal
 * @returns {Promise<OriginTest['rules']>}
 */
async function others(origins, faults, signal) {
  const good = origins.filter((_, index) => !faults.some((fault) => lineOf(fault) === index));
  if (good.length === 0) return [];
  try {
    return /** @type {OriginTest} */ (await post('/origin-test', { origins: good }, { signal })).rules;
  } catch {
    // The faults are shown all the same.
    return [];
  }
}

/** @param {HTMLTextAreaElement} area @param {HTMLInputElement} any @returns {'any' | string[]} */
function originsOf(area, any) {
  return any.checked
    ? 'any'
    : area.value
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
}

/** The origin of a page's address, or null when it has none. @param {string} text */
function originOf(text) {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  try {
    const url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`);
    return url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
  } catch {
    return null;
  }
}

/** @param {OriginTest['rules'][number]} rule */
function reading({ rule, unicode, warnings }) {
  const name =
    unicode === undefined
      ? h('code', null, rule)
      : h('span', null, h('code', null, unicode), ' is ', h('code', null, rule));
  return h(
    'li',
    null,
    h(
      'span',
      { class: warnings.length > 0 ? 'badge warn' : 'badge good' },
      warnings.length > 0 ? 'look' : 'ok',
    ),
    name,
    warnings.map((code) => h('span', { class: 'muted' }, warningText(code))),
  );
}

const everySite = () => note('warn', 'every site', warningText('origin_any'));

/** @param {{ field: string, detail: string }} fault @param {'any' | string[]} origins */
function wrong({ field, detail }, origins) {
  return note('bad', Array.isArray(origins) ? (origins[lineOf({ field })] ?? '') : '', detail);
}

/** The index of the rule that a fault names (`origins[2]`). @param {{ field: string }} fault */
const lineOf = ({ field }) => Number(/\[(\d+)\]/.exec(field)?.[1] ?? NaN);

/** @param {string} url @param {string | null} origin of the URL @param {OriginTest} test */
function verdictOn(url, origin, test) {
  if (origin === null) return note('bad', url, 'is not the URL of a page.');
  if (test.allowed)
    return note(
      'good',
      origin,
      test.rule === undefined
        ? 'is admitted, like every site.'
        : ['is admitted by ', h('code', null, test.rule)],
    );
  return note(
    'bad',
    origin,
    test.code === 'origin_missing'
      ? 'sends no origin, so it is refused.'
      : 'is refused: no rule matches its scheme, host and port.',
  );
}

/**
 * @param {'good' | 'warn' | 'bad'} kind
 * @param {string} what
 * @param {import('../dom.js').Child | import('../dom.js').Child[]} text
 */
function note(kind, what, text) {
  const word = { good: 'yes', warn: 'look', bad: 'no' }[kind];
  return h(
    'li',
    null,
    h('span', { class: `badge ${kind}` }, word),
    what !== '' && h('code', null, what),
    h('span', null, text),
  );
}
