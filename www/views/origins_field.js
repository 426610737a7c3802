// The sites of a token: one a line, checked while typing by the API's own origin-test, which also answers "would this URL work?".

import { ApiError, post } from '../api.js';
import { h, put, uniqueId } from '../dom.js';
import { warningText } from '../ui/badge.js';
import { field } from '../ui/form.js';
import { wordsOf } from '../ui/failure.js';

/** @import { OriginTest, Token } from '../types.d.ts' */

const TYPED_MS = 350;

/**
 * @param {Token['origins'] | undefined} value
 * @param {AbortSignal} signal
 */
export function originsField(value, signal) {
  const area = h('textarea', {
    rows: '4',
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    placeholder: 'https://www.example.com\n*.example.com',
    on: { input: soon },
  });
  area.value = Array.isArray(value) ? value.join('\n') : '';
  const any = h('input', {
    type: 'checkbox',
    name: 'any_origin',
    checked: value === 'any',
    on: {
      change: () => {
        area.disabled = any.checked;
        check();
      },
    },
  });
  area.disabled = value === 'any';
  const readings = h('ul', { class: 'rules', 'aria-label': 'How the rules are read' });
  const urlId = uniqueId('url');
  const url = h('input', {
    type: 'text',
    id: urlId,
    inputmode: 'url',
    placeholder: 'https://shop.example.com/page',
    autocomplete: 'off',
    spellcheck: 'false',
    on: { input: soon },
  });
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
      put(
        readings,
        origins === 'any' ? note('warn', 'every site', warningText('origin_any')) : test.rules.map(reading),
      );
      put(
        verdict,
        url.value.trim() === ''
          ? null
          : origin === null
            ? note('bad', url.value, 'is not the URL of a page.')
            : said(origin, test),
      );
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

  const element = field({
    name: 'origins',
    label: 'Sites it works from',
    hint: h(
      'span',
      null,
      'One rule a line. ',
      h('code', null, 'https://www.example.com'),
      ' is that site; ',
      h('code', null, '*.example.com'),
      ' is everything below it, but not example.com itself.',
    ),
    control: area,
    extra: h(
      'div',
      null,
      readings,
      h('div', { class: 'choice' }, h('label', null, any, h('span', null, 'Every site'))),
      h('div', { class: 'tester' }, h('label', { for: urlId }, 'Try a page’s address'), url, verdict),
    ),
  });
  return { element, origins: () => originsOf(area, any) };
}

/**
 * How the rules are read that are not refused: one that is must not hide the others.
 * @param {string[]} origins @param {{ field: string }[]} faults @param {AbortSignal} signal
 * @returns {Promise<OriginTest['rules']>}
 */
async function others(origins, faults, signal) {
  const good = origins.filter((_, index) => !faults.some((fault) => lineOf(fault) === index));
  if (good.length === 0) return [];
  try {
    return /** @type {OriginTest} */ (await post('/origin-test', { origins: good }, { signal })).rules;
  } catch {
    // What is wrong is said all the same.
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

/** The origin of a page's address; null when it is none. @param {string} text */
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

/** @param {{ field: string, detail: string }} fault @param {'any' | string[]} origins */
function wrong({ field, detail }, origins) {
  return note('bad', Array.isArray(origins) ? (origins[lineOf({ field })] ?? '') : '', detail);
}

/** Which rule a fault is of: `origins[2]`. @param {{ field: string }} fault */
const lineOf = ({ field }) => Number(/\[(\d+)\]/.exec(field)?.[1] ?? NaN);

/** @param {string} origin @param {OriginTest} test */
function said(origin, test) {
  if (test.allowed)
    return note(
      'good',
      origin,
      test.rule === undefined ? 'is let in: every site is.' : ['is let in by ', h('code', null, test.rule)],
    );
  return note(
    'bad',
    origin,
    test.code === 'origin_missing'
      ? 'sends no origin, so it is refused.'
      : 'is refused: no rule matches its scheme, host and port.',
  );
}

/** @param {'good' | 'warn' | 'bad'} kind @param {string} what @param {import('../dom.js').Child | import('../dom.js').Child[]} text */
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
