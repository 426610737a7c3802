// The fields that say what a token may do, and what the API is told of it.

import { h } from '../dom.js';
import { choices, field, fieldValue } from '../ui/form.js';

/** @import { Token } from '../types.d.ts' */

/** @param {Partial<Token>} token */
export function scopeFields(token) {
  return [
    field({
      name: 'methods',
      label: 'Methods (optional)',
      hint: 'One on each line, such as GET, which HEAD goes with. Empty: those of the route, or else all.',
      control: lines(token.methods ?? null),
    }),
    field({
      name: 'paths',
      label: 'Paths (optional)',
      hint:
        'One on each line, each exact or a prefix that ends in /*, such as /v1/tiles/*. ' +
        'Empty: those of the route, or else all.',
      control: lines(token.paths ?? null),
    }),
    choices({
      name: 'scope_mode',
      legend: 'When a request has another method or path',
      value: token.scope_mode ?? 'enforce',
      choices: [
        { value: 'enforce', label: 'Refuse the request', about: 'The caller gets 403 scope_mismatch.' },
        {
          value: 'report',
          label: 'Admit and count it',
          about: 'For trying methods and paths out, the route’s too: every request is admitted.',
        },
      ],
    }),
    field({
      name: 'claims',
      label: 'Claims (optional)',
      hint: 'A JSON object that the API receives as Wayleave-Claims, at most 1 kB.',
      control: h('textarea', {
        rows: '3',
        spellcheck: 'false',
        value: token.claims ? JSON.stringify(token.claims, null, 2) : '',
      }),
    }),
  ];
}

/** @param {string[] | null} values */
const lines = (values) =>
  h('textarea', { rows: '2', spellcheck: 'false', autocapitalize: 'off', value: (values ?? []).join('\n') });

/** Whether a setting is not the default. @param {Partial<Token>} token */
export const hasScope = (token) =>
  token.scope_mode === 'report' || Boolean(token.methods ?? token.paths ?? token.claims);

/** The values in the API's form. @param {HTMLFormElement} form @param {(text: string) => unknown} json */
export function readScope(form, json) {
  const listed = (/** @type {string} */ name) => {
    const items = fieldValue(form, name)
      .split('\n')
      .map((line) => line.trim());
    while (items.at(-1) === '') items.pop();
    return items.length > 0 ? items : null;
  };
  return {
    methods: listed('methods'),
    paths: listed('paths'),
    scope_mode: fieldValue(form, 'scope_mode'),
    claims: json(fieldValue(form, 'claims').trim()),
  };
}
