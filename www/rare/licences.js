// Licences (until when the tokens of a customer or an owner may work), and owners who are switched off.

import { get, post, query } from '../api.js';
import { h } from '../dom.js';
import { reload, to } from '../router.js';
import { exact, fromLocalInput, time, toLocalInput } from '../time.js';
import { badge } from '../ui/badge.js';
import { openDialog } from '../ui/dialog.js';
import { checkbox, choices, field, fieldFault, fieldValue, form, isChecked } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { menuButton } from '../ui/menu.js';
import { announce } from '../ui/notice.js';
import { table } from '../ui/table.js';
import { dangerDialog } from '../views/danger_dialog.js';
import { whySecret } from '../views/pasted.js';
import { isRecent, receipt } from '../views/receipt.js';
import { attempt } from '../views/token_calls.js';
import { may } from '../who.js';

/** @import { Licence, Page, SwitchedOffOwner, TokenPage } from '../types.d.ts' */
/** @import { Place } from '../router.js' */
/** @typedef {'family' | 'owner' | 'external_id'} Kind whom a licence is for */

const DAY_MS = 86_400_000;
/** @type {{ value: Kind, label: string, about: string }[]} */
const KINDS = [
  { value: 'external_id', label: 'A customer', about: 'Every token with exactly this external id.' },
  { value: 'owner', label: 'An owner', about: 'Every token of this owner, in any spelling of the name.' },
  {
    value: 'family',
    label: 'A family',
    about: 'A token and its successors, by the id that begins with fam_.',
  },
];

/**
 * The latest change that was made here, which counts down above the lists.
 * @type {{ by: string, what: string, whose: string } | null}
 */
let lately = null;

/** @param {Place} place */
export async function view({ params, signal }) {
  const page = (/** @type {string} */ name) => query({ cursor: params.get(name), limit: 50 });
  const [licences, owners] = await Promise.all([
    /** @type {Promise<Page<Licence>>} */ (get(`/licences${page('licences')}`, signal)),
    /** @type {Promise<Page<SwitchedOffOwner>>} */ (get(`/owners${page('owners')}`, signal)),
  ]);
  return h(
    'div',
    null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/settings' }, 'Settings')),
    pageHead(
      'Licences and owners',
      'A licence ends the tokens of a customer, an owner or a family at a date. ' +
        'An owner who is switched off has no tokens, and gets none.',
      may('operator') &&
        h(
          'div',
          { class: 'buttons' },
          h(
            'button',
            { type: 'button', class: 'primary', on: { click: () => licenceDialog() } },
            'Set an end …',
          ),
          h(
            'button',
            { type: 'button', class: 'danger', on: { click: ownerDialog } },
            'Switch an owner off …',
          ),
        ),
    ),
    lately !== null &&
      isRecent(lately.by) &&
      receipt(null, lately.by, lately.what, signal, `${lately.whose} is`),
    h('section', { class: 'card' }, h('h2', null, 'Licences'), licenceTable(licences.items)),
    pager('licences', licences.next_cursor, params),
    h('section', { class: 'card' }, h('h2', null, 'Owners who are switched off'), ownerTable(owners.items)),
    pager('owners', owners.next_cursor, params),
  );
}

/** @param {string} name @param {string | null} next @param {URLSearchParams} params */
function pager(name, next, params) {
  if (!params.has(name) && next === null) return null;
  const others = Object.fromEntries([...params].filter(([other]) => other !== name));
  return h(
    'nav',
    { class: 'pager bare', 'aria-label': `Pages of ${name}` },
    h('span'),
    h(
      'div',
      null,
      params.has(name) && h('a', { class: 'button', href: to(['licences'], others) }, 'Newest'),
      next !== null &&
        h('a', { class: 'button', href: to(['licences'], { ...others, [name]: next }) }, 'Older'),
    ),
  );
}

/** Whom a licence is for. @param {Licence} licence @returns {[Kind, string]} */
function subject({ family, owner, external_id: externalId }) {
  if (family !== undefined) return ['family', family];
  return owner !== undefined ? ['owner', owner] : ['external_id', externalId ?? ''];
}

/** @param {Licence[]} licences */
function licenceTable(licences) {
  if (licences.length === 0) return h('p', { class: 'muted' }, 'None: tokens end when they expire.');
  return table(
    'Licences',
    [
      {
        name: 'For',
        cell: (licence) => {
          const [kind, name] = subject(licence);
          const words = { family: 'family', owner: 'owner', external_id: 'external id' }[kind];
          return [
            kind === 'family'
              ? h('a', { class: 'label', href: to(['family', name]) }, h('code', null, name))
              : h('a', { class: 'label', href: to(['tokens'], { q: name }) }, name),
            h('span', { class: 'under' }, words),
          ];
        },
      },
      {
        name: 'Its tokens end',
        cell: ({ ends_at: at, pending }) => [
          time(at),
          at !== null && h('span', { class: 'under' }, exact(at)),
          pending && badge('Being set', 'warn'),
        ],
      },
      {
        name: 'Set',
        cell: ({ set_at: at, set_by: by }) => [time(at), h('span', { class: 'under' }, `by ${by}`)],
      },
      {
        name: 'Actions',
        hidden: true,
        class: 'menu-cell',
        cell: (licence) =>
          may('operator') &&
          menuButton(`Actions for ${subject(licence)[1]}`, [
            { label: 'Move the end …', act: () => licenceDialog(licence) },
            { label: 'Take it back', act: () => attempt(() => takeBack(licence)) },
          ]),
      },
    ],
    licences,
  );
}

/** @param {SwitchedOffOwner[]} owners */
function ownerTable(owners) {
  if (owners.length === 0) return h('p', { class: 'muted' }, 'None.');
  return table(
    'Owners who are switched off',
    [
      {
        name: 'Owner',
        cell: ({ owner, reason }) => [
          h('span', { class: 'label' }, owner),
          reason && h('span', { class: 'under' }, reason),
        ],
      },
      {
        name: 'Switched off',
        cell: ({ switched_off_at: at, switched_off_by: by, pending }) => [
          time(at),
          h('span', { class: 'under' }, `by ${by}`),
          pending && badge('Tokens are being revoked', 'warn'),
        ],
      },
      {
        name: 'Actions',
        hidden: true,
        class: 'menu-cell',
        cell: ({ owner }) =>
          may('operator') &&
          menuButton(`Actions for ${owner}`, [
            { label: 'Switch on', act: () => attempt(() => switchOn(owner)) },
          ]),
      },
    ],
    owners,
  );
}

/**
 * @param {string | undefined} by absent while the change is pending
 * @param {string} what
 * @param {string} whose
 */
function follow(by, what, whose) {
  lately = by === undefined ? null : { by, what, whose };
}

/** Whose tokens they are is asked for in an address. @param {string} field @param {string} value */
function noSecret(field, value) {
  const why = whySecret(value);
  if (why !== '') throw fieldFault(field, why);
}

/**
 * The tokens that a licence or an owner concerns, as the dialog wants them: those that were used last stand
 * for all. Where they cannot be known, the name is asked for.
 * @param {Kind} kind
 * @param {string} name
 */
async function concerned(kind, name) {
  const asked = query({ [kind]: name, state: 'active', sort: '-used', total: true, limit: 4 });
  const page = /** @type {TokenPage | null} */ (await get(`/tokens${asked}`).catch(() => null));
  const tokens = page?.items ?? [];
  // An owner is meant in any spelling, and the list finds one of them.
  const isUnknown = page === null || (kind === 'owner' && tokens.length === 0);
  return { tokens, total: page?.total, ...(isUnknown && { isUsed: true }) };
}

/** @param {Awaited<ReturnType<typeof concerned>>} concerned */
const aboutOthers = ({ tokens, total, isUsed }) =>
  isUsed === undefined
    ? ''
    : total === undefined
      ? ' Which tokens these are cannot be looked up at the moment.'
      : tokens.length === 0 && ' No active token has exactly this name; other spellings of it may.';

/** For owners of the deployment: also where a protected token is concerned. */
const includeProtected = () =>
  may('owner') &&
  checkbox({
    name: 'include_protected',
    label: 'Also where a protected token is concerned',
    hint: 'Without it the call is refused when a token that it concerns is protected.',
  });

/** @param {HTMLFormElement} form */
const protectedToo = (form) => isChecked(form, 'include_protected') && { include_protected: true };

/** Asks whom the end is for and when, and then for agreement. @param {Licence} [licence] to be moved */
function licenceDialog(licence) {
  const [kind, name] = licence ? subject(licence) : ['external_id', ''];
  return openDialog(licence ? `Move the end for ${name}` : 'Set an end', (close) => [
    h(
      'p',
      null,
      'Its tokens end then, and none can be made or rotated after it. The end can be moved before.',
    ),
    form(
      {
        submit: 'Next',
        cancel: close,
        send: async (form) => {
          const of = /** @type {Kind} */ (licence ? kind : fieldValue(form, 'kind'));
          const whom = licence ? name : fieldValue(form, 'name').trim();
          const at = fromLocalInput(fieldValue(form, 'ends_at')) ?? '';
          noSecret('name', whom);
          if (!(await agreedToEnd(of, whom, at))) return false;
          close();
        },
      },
      !licence && choices({ name: 'kind', legend: 'For', value: kind, choices: KINDS }),
      !licence &&
        field({
          name: 'name',
          label: 'Its external id, name or id',
          control: h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', maxlength: '200' }),
        }),
      field({
        name: 'ends_at',
        label: 'Its tokens end at',
        hint: 'In this machine’s time zone.',
        control: h('input', {
          type: 'datetime-local',
          value: toLocalInput(licence?.ends_at ?? new Date(Date.now() + 30 * DAY_MS).toISOString()),
        }),
      }),
    ),
  ]);
}

/** @param {Kind} kind @param {string} name @param {string} at */
async function agreedToEnd(kind, name, at) {
  const whose = await concerned(kind, name);
  return dangerDialog({
    title: `End the tokens of ${name}?`,
    what: [
      `Every token of ${name} ends ${at === '' ? 'then' : exact(at)}, ` +
        'and pages with one of them stop working.',
      aboutOthers(whose),
    ],
    submit: 'Set the end',
    ...whose,
    name,
    hasReason: false,
    isRisky: () => Date.parse(at) - Date.now() < DAY_MS,
    when: 'at that time, everywhere',
    fields: [includeProtected()],
    send: async (_reason, form) => {
      const set = /** @type {Licence} */ (
        await post('/licences', { [kind]: name, ends_at: at, ...protectedToo(form) })
      );
      announce('The end is set.');
      follow(set.effective_by, 'in effect everywhere', 'The end');
      reload();
    },
  });
}

/** @param {Licence} licence */
async function takeBack(licence) {
  const [kind, name] = subject(licence);
  await post('/licences', { [kind]: name, ends_at: null });
  announce(`The licence of ${name} is taken back.`, {
    action: {
      label: 'Undo',
      act: () =>
        attempt(async () => {
          await post('/licences', { [kind]: name, ends_at: licence.ends_at });
          reload();
        }),
    },
  });
  reload();
}

function ownerDialog() {
  return openDialog('Switch an owner off', (close) => [
    h('p', null, 'For somebody who has left. Who has which tokens is shown next.'),
    form(
      {
        submit: 'Next',
        cancel: close,
        send: async (form) => {
          const owner = fieldValue(form, 'owner').trim();
          noSecret('owner', owner);
          if (!(await agreedToSwitchOff(owner))) return false;
          close();
        },
      },
      field({
        name: 'owner',
        label: 'Owner',
        hint: 'The name as it stands on the tokens, in any case.',
        control: h('input', { type: 'text', autocomplete: 'off', maxlength: '200', autofocus: true }),
      }),
    ),
  ]);
}

/** @param {string} owner */
async function agreedToSwitchOff(owner) {
  const whose = await concerned('owner', owner);
  return dangerDialog({
    title: `Switch ${owner} off?`,
    what: [
      `Every token of ${owner} is refused everywhere, permanently, and no new one can be made.`,
      aboutOthers(whose),
    ],
    submit: 'Switch off',
    ...whose,
    name: owner,
    fields: [includeProtected()],
    send: async (reason, form) => {
      const off = /** @type {SwitchedOffOwner} */ (
        await post('/owners/switch-off', { owner, ...reason, ...protectedToo(form) })
      );
      announce(`${owner} is switched off.`);
      follow(off.effective_by, 'refused everywhere', `Every token of ${owner}`);
      reload();
    },
  });
}

/** @param {string} owner */
async function switchOn(owner) {
  await post('/owners/switch-on', { owner });
  announce(`${owner} is switched on. What was revoked stays revoked.`);
  reload();
}
