// "Use it": code to paste that uses a token, with this deployment's own address and places for tokens.

import { h, put, uniqueId } from '../dom.js';
import { apisOf, exampleSite } from '../snippets/apis.js';
import { snippets, tilesBelow } from '../snippets/snippets.js';
import { copy, copyable } from '../ui/copy.js';
import { field } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
import { attempt, textOf } from './token_calls.js';

/** @import { Configuration, Token } from '../types.d.ts' */
/** @import { Api } from '../snippets/apis.js' */
/** @import { Snippet } from '../snippets/snippets.js' */

/** Stands for a text that the page does not know. */
const PLACEHOLDER = 'YOUR_TOKEN';
const UNKNOWN_ORIGIN = 'https://gateway.example';

/** What was chosen last, so that the next token's page shows the same. */
let chosen = '';

/**
 * @param {Token} token
 * @param {Configuration} settings
 * @param {string} [text] the token's text, while it is known
 */
export function useIt(token, settings, text) {
  const title = uniqueId('use-it');
  const apis = apisOf(token, settings, location.origin);
  const shown = h('div', { class: 'stack' });
  const section = h(
    'section',
    { class: 'card stack use-it', 'aria-labelledby': title },
    h('h2', { id: title }, 'Use it'),
  );
  if (apis.length === 0) {
    section.append(
      h('p', null, `No route of this deployment is for ${token.audiences.join(', ')}, so no API takes it.`),
    );
    return section;
  }
  let known = text;
  const which = h(
    'select',
    { on: { change: moved } },
    apis.map((api, at) => h('option', { value: String(at) }, apiName(api))),
  );
  const path = h('input', {
    type: 'text',
    spellcheck: 'false',
    autocomplete: 'off',
    value: apis[0].path || '/',
    on: { input: draw },
  });
  const kind = h('select', { on: { change: draw } });
  const fields = h(
    'div',
    { class: 'filters' },
    apis.length > 1 && field({ name: 'use-api', label: 'API', control: which }),
    field({ name: 'use-kind', label: 'With', control: kind }),
    field({ name: 'use-path', label: 'Path', control: path }),
  );
  section.append(fields, shown);
  draw();
  return section;

  function api() {
    return apis[Number(which.value)] ?? apis[0];
  }
  function moved() {
    path.value = api().path || '/';
    draw();
  }
  function draw() {
    const made = codes(token, api(), path.value, known ?? PLACEHOLDER);
    const offered = made.filter((snippet) => 'text' in snippet);
    const wanted = kind.value || chosen;
    const snippet = offered.find(({ id }) => id === wanted) ?? offered[0];
    chosen = snippet?.id ?? '';
    put(kind, ...offered.map(({ id, title }) => h('option', { value: id, selected: id === chosen }, title)));
    put(
      shown,
      snippet && code(snippet),
      snippet && known === undefined && snippet.text.includes(PLACEHOLDER) && placeholder(token, learn),
      ...notes(token, api(), settings),
      missing(made),
    );
  }
  /** @param {string} shown the token's text */
  function learn(shown) {
    known = shown;
    draw();
    announce('The code has the token now. The audit log records that you viewed it.');
  }
}

/**
 * What stands for the token's text, with a button that asks for it.
 * @param {Token} token
 * @param {(text: string) => void} learn
 */
function placeholder(token, learn) {
  const put = () => attempt(async () => learn(await textOf(token)));
  return h(
    'p',
    { class: 'hint' },
    `${PLACEHOLDER} stands for the token’s text, which this page does not have. `,
    may('operator') && h('button', { type: 'button', on: { click: put } }, 'Put the token in'),
  );
}

/** @param {Token} token @param {Api} api @param {string} typed @param {string} text */
function codes(token, api, typed, text) {
  const origin = api.origin ?? UNKNOWN_ORIGIN;
  const path = typed.startsWith('/') ? typed : `/${typed}`;
  return snippets({
    origin,
    path,
    tiles: tilesBelow(origin, path),
    method: api.method,
    sources: api.sources,
    token: text,
    family: token.distribute ? token.family : null,
    site: exampleSite(token),
  });
}

/** @param {Extract<Snippet, { text: string }>} snippet */
function code({ title, text, about }) {
  const what = `The code for ${title}`;
  return h(
    'div',
    { class: 'stack' },
    h(
      'div',
      { class: 'copyable code' },
      h(
        'pre',
        {
          tabindex: '0',
          role: 'textbox',
          'aria-readonly': 'true',
          'aria-multiline': 'true',
          'aria-label': what,
        },
        text,
      ),
      h('button', { type: 'button', on: { click: () => copy(text, what) } }, 'Copy'),
    ),
    about && h('p', { class: 'hint' }, about),
  );
}

/** @param {Token} token @param {Api} api @param {Configuration} settings */
function notes(token, api, settings) {
  return [
    token.distribute &&
      h('div', { class: 'stack' }, h('h3', null, 'Family'), copyable(token.family, 'The family’s id')),
    api.origin === null &&
      h(
        'p',
        { class: 'box warn' },
        `This deployment does not say where its gateway is: ${UNKNOWN_ORIGIN} stands for it. Set `,
        h('code', null, 'GATEWAY_ORIGIN'),
        ', or give the route a ',
        h('code', null, 'host'),
        ` (deployment ${settings.deployment}).`,
      ),
  ];
}

/** What is not offered, and why. @param {Snippet[]} made */
function missing(made) {
  const without = made.filter((snippet) => 'why' in snippet);
  return (
    without.length > 0 &&
    h(
      'details',
      null,
      h('summary', null, 'Not offered'),
      h(
        'ul',
        null,
        without.map(({ title, why }) => h('li', null, `${title}: ${why}.`)),
      ),
    )
  );
}

/** @param {Api} api */
const apiName = ({ origin, path, audience }) => `${origin ?? ''}${path || '/'} (${audience})`;
