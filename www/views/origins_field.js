// The origin rules of a token, one a line. The API's origin-test checks them during typing, and tests page
// URLs.

import { ApiError, post } from '../api.js';
import { h, put, uniqueId } from '../dom.js';
import { latest } from '../latest.js';
import { warningText } from '../ui/badge.js';
import { wordsOf } from '../ui/failure.js';
import { field } from '../ui/form.js';
import { site } from '../ui/site.js';

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
  const url = urlOf(urlId, soon, check);
  const verdict = h('output', { for: urlId });
  /** @type {number | undefined} */
  let timer;
  const next = latest(signal);
  signal.addEventListener('abort', () => clearTimeout(timer));
  if (value !== undefined) soon();

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(check, TYPED_MS);
  }

  async function check() {
    clearTimeout(timer);
    const asked = next();
    const origins = originsOf(area, any);
    const origin = originOf(url.value);
    const isTried = url.value.trim() !== '';
    if (origins.length === 0) {
      put(readings);
      return put(verdict, isTried && said('bad', url.value, 'cannot be judged: there is no rule yet.'));
    }
    const { test, faults, failed } = await judge(origins, origin, asked);
    if (asked.aborted) return;
    if (failed) {
      put(verdict);
      return put(readings, note('bad', '', failed));
    }
    const rules = origins === 'any' ? [everySite()] : (test?.rules ?? []).map(reading);
    put(
      readings,
      faults.map((fault) => wrong(fault, origins)),
      rules,
    );
    put(
      verdict,
      isTried && verdictOn(url.value, origin, test),
      isTried && faults.length > 0 && [' ', partOnly(faults.length, test !== null)],
    );
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
    faults: { empty_list: 'At least one site. For a token that works from everywhere, tick “Every site”' },
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

/**
 * Not a field of the form: Enter tries the address, and must not send the form.
 * @param {string} id
 * @param {() => void} typed
 * @param {() => void} entered
 */
const urlOf = (id, typed, entered) =>
  h('input', {
    type: 'text',
    id,
    inputmode: 'url',
    placeholder: 'https://shop.example.com/page',
    autocomplete: 'off',
    spellcheck: 'false',
    'data-aside': '',
    on: {
      input: typed,
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.key !== 'Enter' || event.isComposing) return;
        event.preventDefault();
        entered();
      },
    },
  });

/**
 * How the API reads the rules, and what they say of this origin. While some are wrong, it judges by the
 * others, so that one fault does not hide the rest. `test` is null where none is right; `failed` says why
 * nothing is known.
 * @param {'any' | string[]} origins
 * @param {string | null} origin
 * @param {AbortSignal} signal
 * @returns {Promise<{ test: OriginTest | null, faults: ApiError['errors'], failed?: string }>}
 */
async function judge(origins, origin, signal) {
  const ask = (/** @type {'any' | string[]} */ rules) =>
    /** @type {Promise<OriginTest>} */ (
      post('/origin-test', { origins: rules, ...(origin && { origin }) }, { signal })
    );
  try {
    return { test: await ask(origins), faults: [] };
  } catch (error) {
    // Somebody typed on, or left. That is no error.
    if (signal.aborted) return { test: null, faults: [] };
    const faults = error instanceof ApiError ? error.errors : [];
    if (faults.length === 0 || origins === 'any') return { test: null, faults: [], failed: wordsOf(error) };
    const good = origins.filter((_, at) => faults.every((fault) => lineOf(fault) !== at));
    return { test: good.length === 0 ? null : await ask(good).catch(() => null), faults };
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
  const name = unicode === undefined ? site(rule) : h('span', null, site(unicode), ' is ', site(rule));
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

/**
 * @param {string} url
 * @param {string | null} origin of the URL
 * @param {OriginTest | null} test null: no rule can be judged by
 */
function verdictOn(url, origin, test) {
  if (origin === null) return said('bad', url, 'is not the URL of a page.');
  if (test === null) return said('bad', origin, 'cannot be judged.');
  if (test.allowed)
    return said(
      'good',
      origin,
      test.rule === undefined ? 'is admitted, like every site.' : ['is admitted by ', site(test.rule)],
    );
  return said(
    'bad',
    origin,
    test.code === 'origin_missing'
      ? 'sends no origin, so it is refused.'
      : 'is refused: no rule matches its scheme, host and port.',
  );
}

/** By what the verdict is given while rules are wrong. @param {number} wrong @param {boolean} anyRight */
function partOnly(wrong, anyRight) {
  const them = wrong === 1 ? 'One rule is wrong' : `${wrong} rules are wrong`;
  return h(
    'span',
    { class: 'muted' },
    anyRight ? `${them}; this is judged by the others.` : `${them}, and there is no other.`,
  );
}

/**
 * @param {'good' | 'warn' | 'bad'} kind
 * @param {string} what
 * @param {import('../dom.js').Child | import('../dom.js').Child[]} text
 */
const note = (kind, what, text) => h('li', { class: kind === 'bad' && 'wrong' }, ...parts(kind, what, text));

/**
 * As `note`, outside a list.
 * @param {'good' | 'bad'} kind
 * @param {string} what
 * @param {import('../dom.js').Child | import('../dom.js').Child[]} text
 */
const said = (kind, what, text) => h('span', null, ...parts(kind, what, text));

/**
 * @param {'good' | 'warn' | 'bad'} kind
 * @param {string} what
 * @param {import('../dom.js').Child | import('../dom.js').Child[]} text
 */
function parts(kind, what, text) {
  const word = { good: 'yes', warn: 'look', bad: 'no' }[kind];
  return [
    h('span', { class: `badge ${kind}` }, word),
    ' ',
    what !== '' && site(what),
    ' ',
    h('span', null, text),
  ];
}
