// States and warnings as words. Colour only repeats them (WCAG 2.2, 1.4.1).

import { h } from '../dom.js';

/** @import { State, Token } from '../types.d.ts' */

const STATES = { active: 'Active', disabled: 'Disabled', revoked: 'Revoked', expired: 'Expired' };

/** @param {State} state */
export const stateBadge = (state) => h('span', { class: `badge ${state}` }, STATES[state] ?? state);

/** @param {string} text @param {'good' | 'warn' | 'bad' | 'plain'} [kind] */
export const badge = (text, kind = 'plain') => h('span', { class: `badge ${kind}` }, text);

/** The token's position in its family. A family of one token needs no such badge. @param {Token} token */
export function place({ state, current, predecessor, successor }) {
  if (current && (predecessor || successor)) return badge('Current', 'good');
  return successor && (state === 'active' || state === 'disabled') && badge('Has a successor');
}

/** What a warning of the API means, and what the operator can do. @type {Record<string, string>} */
export const WARNINGS = {
  origin_any: 'It works from every site. List its sites, unless it must work everywhere.',
  public_suffix_rule:
    'Other people have sites below the name in a rule, and the rule admits them. ' +
    'Name your own sites instead.',
  shared_host:
    'A rule admits other people’s pages, now or later: their pages are at the same name or below it.',
  suffix_host: 'A rule names a registry or a hosting service itself, not your site there.',
  wildcard_below_customer:
    'A rule is for names below a customer’s name. Most hosting services have none there, and some give ' +
    'them to other customers. Compare the rule with the address of one of your previews.',
  word_as_host:
    'A rule is a single word, which is read as a host name. To allow every site, tick “Every site”. ' +
    'Pages from files cannot be named.',
  single_label_host: 'A rule’s name has no dot: it resolves only in some private networks.',
  every_installation: 'Every extension of that browser can use the token, including other people’s.',
  one_installation:
    'A rule matches one installation of an extension only, because the browser generates an id for each. ' +
    'moz-extension://* matches all.',
  extension_id_form:
    'A rule matches nothing: no extension has such an id. ' +
    'In Chrome it is 32 letters from a to p, in Firefox a UUID.',
  http_origin: 'A rule allows plain http: anyone on the network path can replace a page there.',
  loopback_https: 'A rule names this machine with https; most local servers use http.',
  address_https: 'A rule names an IP address with https; most servers there use http.',
  port_of_other_scheme:
    'A rule has http with port 443, or https with port 80. Check the scheme and the port.',
  international_name: 'A rule has an international name. Check its letters: some look alike.',
  report_mode: 'It is in report mode: its origin rules refuse nothing.',
  scope_report_mode: 'Its scope is in report mode: methods and paths refuse nothing.',
  scope_without_route: 'A path of its scope belongs to no API that it may call. Check its spelling.',
  missing_origin_allowed: 'Requests without an origin are admitted: any script can send such requests.',
  long_lived: 'Its lifetime is longer than a year.',
  rotation_overdue: 'It is more than a year old. Rotate it.',
  unused: 'Nobody has used it for 90 days.',
  ends_though_protected:
    'An end that was set or planned before it was protected still holds. An owner can cancel it.',
};

/** @param {string} code */
export const warningText = (code) => WARNINGS[code] ?? code.replaceAll('_', ' ');
