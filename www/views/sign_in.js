// Sign-in with an admin key: as a page, or as a dialog over the page when the session ends during a call.

import { signIn } from '../api.js';
import { h } from '../dom.js';
import { openDialog } from '../ui/dialog.js';
import { field, fieldValue, form } from '../ui/form.js';

/** @import { Session } from '../types.d.ts' */

/** Shows the page until somebody signs in. @returns {Promise<Session>} */
export function signInPage() {
  return new Promise((resolve) => {
    const page = h(
      'main',
      { class: 'sign-in' },
      h(
        'div',
        { class: 'card' },
        h(
          'p',
          { class: 'brand' },
          h('img', { src: new URL('../icon.svg', import.meta.url).href, alt: '' }),
          'Wayleave',
        ),
        h('h1', null, 'Sign in'),
        h(
          'p',
          { class: 'muted' },
          'Use an admin key. Owners create keys under Admin keys. The first key is the secret ADMIN_KEY.',
        ),
        keyForm((session) => {
          page.remove();
          resolve(session);
        }),
        whereIsMyKey(),
      ),
    );
    document.body.prepend(page);
    document.title = 'Sign in · Wayleave';
    /** @type {HTMLElement | null} */ (page.querySelector('input[type=password]'))?.focus();
  });
}

/** Where the first key is, by how Wayleave was started. */
function whereIsMyKey() {
  /** @param {string} text */
  const code = (text) => h('code', null, text);
  return h(
    'details',
    { class: 'small' },
    h('summary', null, 'Where is my key?'),
    h(
      'ul',
      null,
      h(
        'li',
        null,
        'Somebody else runs Wayleave: ask an owner. They make a key for you under Admin keys, ' +
          'which shows it once.',
      ),
      h(
        'li',
        null,
        code('make run'),
        ' prints it in the line ',
        code('admin key'),
        '. It is also in ',
        code('.dev.vars'),
        '.',
      ),
      h(
        'li',
        null,
        code('deploy/workerd/start'),
        ': it is the line ',
        code('ADMIN_KEY'),
        ' of ',
        code('.wayleave/secrets'),
        ', or of the folder that ',
        code('WAYLEAVE_DATA'),
        ' names.',
      ),
      h(
        'li',
        null,
        'On Cloudflare: it is what was given to ',
        code('npx wrangler secret put ADMIN_KEY'),
        '. Cloudflare does not show it again. The same command sets a new one, which is a new owner’s key.',
      ),
    ),
    h('p', null, 'A key that was deleted stays refused: set another ', code('ADMIN_KEY'), '.'),
  );
}

/** @type {Promise<Session> | null} */
let asking = null;

/** Shows the dialog. Concurrent calls whose session ended share one dialog. @returns {Promise<Session>} */
export function signInAgain() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

/** @returns {Promise<Session>} */
async function ask() {
  /** @type {Session | undefined} */
  let session;
  while (!session)
    await openDialog(
      'Your session has ended',
      (close) => [
        h('p', null, 'Sign in again to continue. What you typed is kept.'),
        keyForm((opened) => {
          session = opened;
          close();
        }),
      ],
      { lasting: true },
    );
  return session;
}

/** @param {(session: Session) => void} done */
function keyForm(done) {
  return form(
    {
      submit: 'Sign in',
      fleeting: true,
      send: async (form) => {
        const session = await signIn(fieldValue(form, 'key'));
        // Remove the key from the page at once. A password manager may still keep it.
        form.reset();
        done(session);
      },
    },
    // Password managers store a password under a user name.
    h('input', {
      class: 'hidden-visually',
      type: 'text',
      name: 'username',
      autocomplete: 'username',
      value: 'Wayleave admin key',
      tabindex: '-1',
      'aria-hidden': 'true',
      readonly: true,
    }),
    field({
      name: 'key',
      label: 'Admin key',
      hint: 'wla_ and 50 more characters, or the text of ADMIN_KEY',
      control: h('input', {
        type: 'password',
        autocomplete: 'current-password',
        required: true,
        spellcheck: 'false',
        autocapitalize: 'off',
        autofocus: true,
      }),
    }),
  );
}
