// Signing in with an admin key: as a page, and over the page when a session ended in the middle of something.

import { signIn } from '../api.js';
import { h } from '../dom.js';
import { field, form, valueOf } from '../ui/form.js';
import { openDialog } from '../ui/dialog.js';

/** @import { Session } from '../types.d.ts' */

/** Shows the page until somebody has signed in. @returns {Promise<Session>} */
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
          'With an admin key. An owner makes keys for people under Admin keys; the first one is the secret ADMIN_KEY.',
        ),
        keyForm((session) => {
          page.remove();
          resolve(session);
        }),
      ),
    );
    document.body.prepend(page);
    document.title = 'Sign in · Wayleave';
    /** @type {HTMLElement | null} */ (page.querySelector('input[type=password]'))?.focus();
  });
}

/** @type {Promise<Session> | null} */
let asking = null;

/** Asks over the page; several calls that met the same end wait for one answer. @returns {Promise<Session>} */
export function signInAgain() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

/** @returns {Promise<Session>} */
async function ask() {
  /** @type {Session | undefined} */
  let session;
  await openDialog(
    'Your session has ended',
    (close) => [
      h('p', null, 'Sign in again to go on. What you typed is still there.'),
      keyForm((opened) => {
        session = opened;
        close();
      }),
    ],
    { lasting: true },
  );
  return /** @type {Session} */ (session);
}

/** @param {(session: Session) => void} done */
function keyForm(done) {
  return form(
    {
      submit: 'Sign in',
      send: async (form) => {
        const session = await signIn(valueOf(form, 'key'));
        // Out of the page at once; what a password manager keeps is its affair.
        form.reset();
        done(session);
      },
    },
    // Password managers file a password under a name.
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
