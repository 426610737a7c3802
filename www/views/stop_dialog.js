// The emergency stop of a family, from its page and from the page of each of its tokens.

import { get, post } from '../api.js';
import { go, reload, to } from '../router.js';
import { checkbox, isChecked } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { may } from '../who.js';
import { dangerDialog } from './danger_dialog.js';
import { attempt } from './token_calls.js';

/** @import { Family } from '../types.d.ts' */

/** @param {string} id of the family */
export async function stopDialog(id) {
  const from = location.hash;
  await attempt(async () => {
    const family = /** @type {Family} */ (await get(`/families/${encodeURIComponent(id)}`));
    const live = family.tokens.filter(({ state }) => state === 'active' || state === 'disabled');
    const guarded = live.filter((token) => token.protected);
    const name = family.tokens[0]?.label ?? id;
    await dangerDialog(
      {
        title: 'Revoke the whole family?',
        what:
          `For an emergency: every token of “${name}” is revoked, including the last active one. ` +
          'Pages that use one of them stop working. This cannot be undone.' +
          (guarded.length > 0 && !may('owner')
            ? ` ${guarded.length} of them ${guarded.length === 1 ? 'is' : 'are'} protected and stay: ` +
              'only an owner may revoke them.'
            : ''),
        submit: 'Revoke the family',
        tokens: live.filter((token) => !token.protected || may('owner')),
        name,
        fields: [
          guarded.length > 0 &&
            may('owner') &&
            checkbox({
              name: 'include_protected',
              label: `Also the protected ones (${guarded.length})`,
              hint: 'Without it they stay, and their pages keep working.',
            }),
        ],
        send: async (reason, form) => {
          await post(`/families/${id}/revoke`, {
            reason: 'emergency stop in the console',
            ...reason,
            ...(isChecked(form, 'include_protected') && { include_protected: true }),
          });
          announce('The family is revoked.');
          const page = to(['family', id]);
          if (location.hash === page) reload();
          else go(page);
        },
      },
      from,
    );
  });
}
