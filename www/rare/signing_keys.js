// The signing keys, and the procedure of docs/signing-keys.md: each step with its command or button, and
// which one comes next.

import { get, post } from '../api.js';
import { counted } from '../counted.js';
import { h, put } from '../dom.js';
import { reload, to } from '../router.js';
import { exact, time } from '../time.js';
import { badge } from '../ui/badge.js';
import { copyable } from '../ui/copy.js';
import { pageHead } from '../ui/head.js';
import { announce } from '../ui/notice.js';
import { table } from '../ui/table.js';
import { dangerDialog } from '../views/danger_dialog.js';
import { receipt } from '../views/receipt.js';
import { attempt } from '../views/token_calls.js';

/** @import { Child } from '../dom.js' */
/** @import { Page, SigningKey, Status } from '../types.d.ts' */

/** Locations report their keys within a minute, so the page looks again while it is open. */
const ASKED_EVERY_MS = 5_000;
const IDS = 256;

/** @param {import('../router.js').Place} place */
export async function view({ signal }) {
  const content = h('div', { 'aria-live': 'off' });
  let drawn = '';
  const draw = async () => {
    const [keys, status] = await Promise.all([
      /** @type {Promise<Page<SigningKey>>} */ (get('/signing-keys', signal)),
      /** @type {Promise<Status>} */ (get('/status', signal)),
    ]);
    const { pending } = status.outbox;
    // Drawn anew only when something has changed, so that the focus and the countdown stay.
    const over = keys.items.map(({ effective_by: by }) => by !== null && Date.parse(by) < Date.now());
    const state = JSON.stringify([keys.items, over, pending === 0]);
    if (state === drawn) return;
    drawn = state;
    put(content, ...page(keys.items, pending, signal));
  };
  await draw();
  const timer = setInterval(() => draw().catch(() => {}), ASKED_EVERY_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
  return h(
    'div',
    null,
    h('p', { class: 'crumbs' }, h('a', { href: '#/settings' }, 'Settings')),
    pageHead(
      'Signing keys',
      'They make the tags of tokens, lists and records. One signs; the others only verify. ' +
        'To replace a key without breaking any token: add, deploy, activate, retire.',
    ),
    content,
  );
}

/** @param {SigningKey[]} keys @param {number} pending writes to KV @param {AbortSignal} signal */
function page(keys, pending, signal) {
  const signing = keys.find(({ state }) => state === 'signing');
  const latest = keys.filter(({ effective_by: by }) => by && Date.parse(by) > Date.now() - 600_000).at(-1);
  return [
    latest?.effective_by &&
      receipt(null, latest.effective_by, 'refused everywhere', signal, `Every token of key ${latest.id} is`),
    h('section', { class: 'card' }, h('h2', null, 'The ring'), ring(keys)),
    h(
      'section',
      { class: 'card' },
      h('h2', null, 'Replacing a key'),
      h('ol', { class: 'procedure' }, steps(keys, signing, pending).map(step)),
    ),
    h('section', { class: 'card stack' }, h('h2', null, 'When a key has leaked'), leaked(signing)),
  ];
}

/** @param {SigningKey[]} keys */
function ring(keys) {
  return table(
    'Signing keys',
    [
      { name: 'Key', cell: ({ id }) => h('strong', null, String(id)) },
      {
        name: 'State',
        cell: ({ state, in_ring: isInRing, retired_at: at }) => [
          badge(state, state === 'signing' ? 'good' : state === 'retired' ? 'bad' : 'plain'),
          at !== null && h('span', { class: 'under' }, time(at)),
          !isInRing && h('span', { class: 'under' }, 'no longer in SIGNING_KEYS'),
        ],
      },
      {
        name: 'Live tokens',
        cell: ({ id, live_tokens: live }) =>
          live === 0
            ? '0'
            : h('a', { href: to(['tokens'], { key_id: String(id) }) }, live.toLocaleString('en')),
      },
      {
        name: 'Missing at',
        cell: ({ missing_at: places, state }) =>
          state === 'retired' ? '–' : places.length === 0 ? 'no location' : places.join(', '),
      },
      { name: 'Actions', hidden: true, cell: (key) => h('div', { class: 'buttons' }, buttons(key)) },
    ],
    keys,
  );
}

/** What can be done with a key; what cannot, says why. @param {SigningKey} key */
function buttons(key) {
  const { id, state, missing_at: places, in_ring: isInRing } = key;
  if (state === 'retired') return [];
  const why =
    state === 'signing'
      ? 'It signs already.'
      : places.length > 0
        ? `These locations lack it: ${places.join(', ')}.`
        : isInRing
          ? ''
          : 'It is not in SIGNING_KEYS.';
  const whyNot = state === 'signing' ? 'It signs. Activate another one first.' : '';
  return [
    button(`Activate key ${id}`, why, 'primary', () => attempt(() => activate(id))),
    button(`Retire key ${id} …`, whyNot, 'danger', () => attempt(() => retireDialog(key))),
  ];
}

/** @param {string} label @param {string} why not @param {string} kind @param {() => void} act */
function button(label, why, kind, act) {
  return h(
    'button',
    {
      type: 'button',
      class: why ? null : kind,
      title: why || null,
      'aria-disabled': why ? 'true' : null,
      'aria-description': why || null,
      on: { click: () => !why && act() },
    },
    label,
  );
}

/** @param {number} id */
async function activate(id) {
  await post(`/signing-keys/${id}/activate`);
  announce(`Key ${id} signs from now on.`);
  reload();
}

/** @param {SigningKey} key */
function retireDialog({ id, live_tokens: live }) {
  return dangerDialog({
    title: `Retire key ${id}?`,
    what:
      live === 0
        ? 'No live token is signed with it. It is refused everywhere, permanently, ' +
          'and its id is never used again.'
        : `Refused everywhere, permanently: ${counted(live, 'live token')} signed with it. ` +
          'Pages that carry one of them stop working.',
    submit: 'Retire it',
    tokens: [],
    name: `key ${id}`,
    always: 'This cannot be undone, not even by a restore.',
    hasReason: false,
    send: async () => {
      await post(`/signing-keys/${id}/retire`, live > 0 ? { force: true } : {});
      announce(`Key ${id} is retired.`);
      reload();
    },
  });
}

/** @typedef {{ title: string, state: 'done' | 'next' | 'later', content: Child[] }} Step */

/**
 * The steps, and which of them comes next for this ring.
 * @param {SigningKey[]} keys
 * @param {SigningKey | undefined} signing
 * @param {number} pending
 * @returns {Step[]}
 */
function steps(keys, signing, pending) {
  const now = signing?.id ?? 0;
  // An id is never used again, so a newer key has a higher one, until ids run out.
  const fresh = keys.find(({ state, id }) => state === 'verifying' && id > now);
  const old = keys.find(({ state, id }) => state === 'verifying' && id < now);
  const left = keys.find(({ state, in_ring: isInRing }) => state === 'retired' && isInRing);
  const isReady = fresh !== undefined && fresh.missing_at.length === 0;
  const next = left ? 6 : old && !fresh ? 5 : isReady ? 4 : fresh ? 3 : 1;
  const state = (/** @type {number} */ number) =>
    number === next ? 'next' : number < next && next !== 1 ? 'done' : 'later';
  const add = Math.min(IDS - 1, Math.max(0, ...keys.map(({ id }) => id)) + 1);
  return [
    { title: 'Add', state: state(1), content: addWords(add) },
    { title: 'Deploy', state: state(2), content: deployWords() },
    { title: 'See that every location has it', state: state(3), content: seeWords(fresh) },
    { title: 'Activate', state: state(4), content: activateWords(fresh, isReady) },
    { title: 'Retire the old one', state: state(5), content: retireWords(old) },
    { title: 'Take it out of the ring', state: state(6), content: removeWords(left, pending) },
  ];
}

/** @param {Step} step */
const step = ({ title, state, content }) =>
  h(
    'li',
    { class: state, 'aria-current': state === 'next' ? 'step' : null },
    h('h3', null, title, ' ', state === 'next' ? badge('Next', 'good') : state === 'done' && badge('Done')),
    ...content,
  );

/** @param {string} text */
const words = (text) => h('p', null, text);

/** @param {number} id */
function addWords(id) {
  const entry = `\\"${id}\\":\\"$(openssl rand -base64 32)\\",`;
  // printf is a part of the shell: the key is in no list of processes.
  const command = `printf '%s' "s|^SIGNING_KEYS='{|&${entry}|" | sed -i -f /dev/stdin .wayleave/secrets`;
  return [
    words(
      `On one machine, in the project’s folder: this makes key ${id} and adds it. Keep a copy of the file.`,
    ),
    copyable(command, `The command that adds key ${id}`),
    words(
      'On Cloudflare the ring is a secret of the Worker. This asks for the whole JSON, with the old keys ' +
        'in it, and deploys it. Cloudflare does not show a secret again.',
    ),
    copyable('npx wrangler secret put SIGNING_KEYS', 'The command that sets the ring on Cloudflare'),
  ];
}

const deployWords = () => [
  words('On one machine, end the process and start it again. Then send any request to the API.'),
  copyable('deploy/workerd/start', 'The command that starts Wayleave'),
];

/** @param {SigningKey | undefined} fresh */
const seeWords = (fresh) => [
  words(
    fresh === undefined
      ? 'The new key must be listed above as verifying, and be missing at no location.'
      : fresh.missing_at.length === 0
        ? `Key ${fresh.id} is at every location that reported in the last hour.`
        : `Key ${fresh.id} is missing at ${fresh.missing_at.join(', ')}. ` +
          'A location reports with its next list, within a minute of a request. One that is gone ' +
          'disappears after an hour. This page looks again by itself.',
  ),
];

/** @param {SigningKey | undefined} fresh @param {boolean} isReady */
const activateWords = (fresh, isReady) => [
  words('From then on the new key signs. Everything that the old key signed still works.'),
  fresh &&
    button(`Activate key ${fresh.id} now`, isReady ? '' : 'A location lacks it.', 'primary', () =>
      attempt(() => activate(fresh.id)),
    ),
];

/** @param {SigningKey | undefined} old */
const retireWords = (old) =>
  old === undefined
    ? [words('When the tokens of the old key have been rotated, no location need admit it.')]
    : [
        words(
          old.live_tokens === 0
            ? `Key ${old.id} has no live token left.`
            : `Rotate the tokens that key ${old.id} signed, and wait until the pages carry the new ones. ` +
                'Tokens that are left when it is retired are refused.',
        ),
        old.live_tokens > 0 &&
          h(
            'p',
            null,
            h(
              'a',
              { href: to(['tokens'], { key_id: String(old.id) }) },
              `Show its ${counted(old.live_tokens, 'live token')}`,
            ),
          ),
        button(`Retire key ${old.id} now …`, '', 'danger', () => attempt(() => retireDialog(old))),
      ];

/** @param {SigningKey | undefined} left @param {number} pending */
function removeWords(left, pending) {
  if (left === undefined)
    return [words('When the retirement holds everywhere, its secret is no longer needed.')];
  const { id, effective_by: by } = left;
  const isOver = by !== null && Date.parse(by) < Date.now() && pending === 0;
  const without = `s|\\"${id}\\":\\"[^\\"]*\\"||;s|,,|,|;s|{,|{|;s|,}|}|`;
  const command = `sed -i "/^SIGNING_KEYS=/{${without}}" .wayleave/secrets`;
  return [
    words(
      isOver
        ? `The secret of key ${id} is no longer needed. Take it out, and deploy the ring as in step 2.`
        : `Wait until ${by === null ? 'it holds' : exact(by)}, and until no write to KV is pending ` +
            `(${pending} now). Then take key ${id} out, and deploy the ring as in step 2.`,
    ),
    isOver && copyable(command, `The command that takes key ${id} out`),
  ];
}

/** @param {SigningKey | undefined} signing */
const leaked = (signing) => [
  words(
    'Anyone with the key can make tokens whose tags verify. Such a token is admitted only with the serial ' +
      'and the expiry of an existing one, which readers of your pages have, and every origin rule still ' +
      'applies.',
  ),
  h(
    'ol',
    null,
    h('li', null, 'Take steps 1 to 4 at once. They take a minute or two.'),
    h(
      'li',
      null,
      'Decide which damage is smaller. Retiring the key ends every token of it within the bound, also ' +
        'those on pages in use; distributed families renew by themselves. Or rotate ',
      signing
        ? h('a', { href: to(['tokens'], { key_id: String(signing.id) }) }, `the tokens of key ${signing.id}`)
        : 'its tokens',
      ' first, and retire it when the pages carry the new ones.',
    ),
    h(
      'li',
      null,
      'If the attacker can write to KV too, do not wait: locations trust lists and records sealed with ' +
        'the key until it is retired.',
    ),
  ),
];
