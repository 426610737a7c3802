// States and warnings in words; colour only repeats what the word says.

import { h } from '../dom.js';

/** @import { State, Token } from '../types.d.ts' */

const STATES = { active: 'Active', disabled: 'Disabled', revoked: 'Revoked', expired: 'Expired' };

/** @param {State} state */
export const stateBadge = (state) => h('span', { class: `badge ${state}` }, STATES[state] ?? state);

/** @param {string} text @param {'good' | 'warn' | 'bad' | 'plain'} [kind] */
export const badge = (text, kind = 'plain') => h('span', { class: `badge ${kind}` }, text);

/** Where it stands among its like: only families of more than one need to be told apart. @param {Token} token */
export function place({ state, current, predecessor, successor }) {
  if (current && (predecessor || successor)) return badge('Current', 'good');
  return successor && (state === 'active' || state === 'disabled') && badge('Has a successor');
}

/** What a warning of the API means, and what to do. @type {Record<string, string>} */
export const WARNINGS = {
  origin_any: 'It works from every site. Name the sites unless it must.',
  http_origin: 'A rule allows plain http: anyone on the way can put a page there.',
  international_name: 'A rule has an international name. Check its letters: some look alike.',
  loopback_https: 'A rule names this machine with https; most local servers speak http.',
  report_mode: 'Its origin rules only count; they refuse nothing.',
  missing_origin_allowed: 'Requests without any origin are let in: any script can send such.',
  long_lived: 'It lives longer than a year.',
  rotation_overdue: 'It is more than a year old. Put a successor in its place.',
  unused: 'Nobody has used it for 90 days.',
};

/** @param {string} code */
export const warningText = (code) => WARNINGS[code] ?? code.replaceAll('_', ' ');
