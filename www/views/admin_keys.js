// The admin keys, which admit callers to the admin API. The text of a key is shown once, when it is made.

import { call, get, post } from '../api.js';
import { h } from '../dom.js';
import { reload, rewrite } from '../router.js';
import { date, fromLocalInput, time } from '../time.js';
import { badge } from '../ui/badge.js';
import { copyable } from '../ui/copy.js';
import { openDialog } from '../ui/dialog.js';
import { choices, field, fieldFault, fieldValue, form } from '../ui/form.js';
import { pageHead } from '../ui/head.js';
import { menuButton } from '../ui/menu.js';
import { announce } from '../ui/notice.js';
import { table } from '../ui/table.js';
import { who } from '../who.js';

/** @import { AdminKey, Page } from '../types.d.ts' */
/** @import { Place } from '../router.js' */

const ROLES = [
  { value: 'viewer', label: 'Viewer', about: 'Sees everything except the text of tokens. Changes nothing.' },
  {
    value: 'operator',
    label: 'Operator',
    about: 'Also creates, edits, shows, ends, disables and revokes tokens.',
  },
  { value: 'owner', label: 'Owner', about: 'Also admin keys, signing keys and protected tokens.' },
  {
    value: 'distributor',
    label: 'Distributor',
    about:
      'For an automated job: reads the current token of a family and nothing else. ' +
      'Cannot use the console.',
  },
];

/** @param {Place} place `?new=<role>` opens the form for a new key of that role */
export async function view({ params, signal }) {
  const keys = /** @type {Page<AdminKey>} */ (await get('/admin-keys', signal)).items;
  const wanted = ROLES.find(({ value }) => value === params.get('new'))?.value;
  if (wanted && !signal.aborted) {
    // The address of the list alone, so that showing it again opens nothing.
    rewrite('#/keys');
    // After the page is shown: it is what the dialog covers.
    setTimeout(() => createDialog(wanted));
  }
  return h(
    'div',
    null,
    pageHead(
      'Admin keys',
      'Create one for each person and job, so that you can delete one without the others. ' +
        'Deleting a key ends its sessions at once.',
      h(
        'div',
        { class: 'buttons' },
        h(
          'button',
          { type: 'button', class: 'primary', on: { click: () => createDialog() } },
          'New admin key',
        ),
      ),
    ),
    h(
      'div',
      { class: 'card table-card' },
      table(
        'Admin keys',
        [
          {
            name: 'Key',
            cell: (key) =>
              [
                h('span', { class: 'label' }, key.label),
                key.id === who()?.admin_key && [' ', badge('You', 'good')],
                h('span', { class: 'under' }, h('code', null, key.id)),
              ].flat(),
          },
          { name: 'Role', cell: (key) => key.role },
          { name: 'Last used', class: 'nowrap', cell: (key) => time(key.last_used_at) },
          { name: 'Ends', class: 'nowrap', cell: (key) => time(key.expires_at) },
          { name: 'Created', class: 'nowrap', cell: (key) => date(key.created_at) },
          {
            name: 'Actions',
            hidden: true,
            class: 'menu-cell',
            cell: (key) =>
              menuButton(`Actions for ${key.label}`, [
                { label: 'Delete …', danger: true, act: () => deleteDialog(key) },
              ]),
          },
        ],
        keys,
      ),
    ),
  );
}

/** @param {string} [role] that is chosen at first */
function createDialog(role = 'viewer') {
  const once = crypto.randomUUID();
  return openDialog('New admin key', (close) =>
    form(
      {
        submit: 'Create key',
        cancel: close,
        send: async (form) => {
          const typed = fieldValue(form, 'expires_at');
          const ends = fromLocalInput(typed);
          if (typed !== '' && ends === null) throw fieldFault('expires_at', 'A time before the year 10000');
          const made = /** @type {AdminKey & { key: string }} */ (
            await post(
              '/admin-keys',
              {
                label: fieldValue(form, 'label'),
                role: fieldValue(form, 'role'),
                ...(ends && { expires_at: ends }),
              },
              { once },
            )
          );
          close();
          await showOnce(made);
          reload();
        },
      },
      field({
        name: 'label',
        label: 'Label',
        hint: 'The person or job that uses the key.',
        control: h('input', { type: 'text', autocomplete: 'off', maxlength: '200', autofocus: true }),
      }),
      choices({ name: 'role', legend: 'Role', value: role, choices: ROLES }),
      field({
        name: 'expires_at',
        label: 'Ends at (after 90 days if empty; at most 365 days)',
        control: h('input', { type: 'datetime-local' }),
      }),
    ),
  );
}

/** @param {AdminKey & { key: string }} key */
function showOnce(key) {
  announce('The admin key was created.');
  return openDialog(
    `The key “${key.label}”`,
    (close) => [
      h(
        'div',
        { class: 'box warn' },
        h(
          'p',
          null,
          'The key is shown only once. Save it in a password manager or a secret store now. ' +
            'Wayleave keeps only its hash.',
        ),
      ),
      copyable(key.key, 'The admin key'),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'primary', on: { click: close } }, 'I have saved it'),
      ),
    ],
    { lasting: true },
  );
}

/** @param {AdminKey} key */
function deleteDialog(key) {
  const own = key.id === who()?.admin_key;
  return openDialog(`Delete “${key.label}”?`, (close) => [
    h(
      'p',
      null,
      'Requests with it get 401 from now on, and its sessions end. This cannot ' +
        `be undone.${own ? ' It is the key you are signed in with: you will be signed out.' : ''}`,
    ),
    form({
      submit: 'Delete',
      danger: true,
      cancel: close,
      send: async () => {
        await call('DELETE', `/admin-keys/${key.id}`);
        close();
        announce(`${key.label} is deleted.`);
        if (own) location.reload();
        else reload();
      },
    }),
  ]);
}
