// Sets, moves or cancels an earlier end of a token.

import { post } from '../api.js';
import { h } from '../dom.js';
import { reload } from '../router.js';
import { exact, fromLocalInput, relative, toLocalInput } from '../time.js';
import { checkbox, field, fieldValue, isChecked } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { dangerDialog } from './danger_dialog.js';
import { NO_TIME } from './life_field.js';
import { attempt } from './token_calls.js';

/** @import { Token } from '../types.d.ts' */

const DAY_MS = 86_400_000;

/**
 * The planned end: an operator's or a rotation's. `true` when a rotation will end the token at a time not yet
 * known.
 * @param {Token} token
 * @returns {string | true | undefined}
 */
export function plannedEnd({ ends_at: end, rotation }) {
  return (
    end ?? rotation?.planned_end ?? (rotation && rotation.revoke_old.when !== 'never' ? true : undefined)
  );
}

/** @param {Token} token */
export async function endDialog(token) {
  const planned = plannedEnd(token);
  await attempt(() =>
    dangerDialog({
      title: planned ? 'Move or cancel the end' : 'Set an earlier end',
      what:
        'The gateway ends it automatically, to the second. ' +
        `It may not be later than its expiry, ${exact(token.expires_at)}. The end can be moved and ` +
        'cancelled until then.',
      submit: planned ? 'Move the end' : 'Set the end',
      tokens: [token],
      name: token.label,
      hasReason: false,
      // Time enough to notice a slip.
      isRisky: (form) => {
        const at = fromLocalInput(fieldValue(form, 'at'));
        return at !== null && Date.parse(at) - Date.now() < DAY_MS;
      },
      when: 'at the time below, everywhere',
      fields: fields(token, planned),
      more: (close) => (planned ? [cancelButton(token, close)] : []),
      send: (_reason, form) =>
        end(token, fromLocalInput(fieldValue(form, 'at')) ?? '', isChecked(form, 'force')),
    }),
  );
}

/** @param {Token} token @param {string | true | undefined} planned */
function fields(token, planned) {
  return [
    field({
      name: 'at',
      label: 'Ends at',
      hint: 'In this machine’s time zone.',
      faults: NO_TIME,
      control: h('input', {
        type: 'datetime-local',
        required: true,
        value: toLocalInput(
          typeof planned === 'string' ? planned : new Date(Date.now() + 7 * DAY_MS).toISOString(),
        ),
        max: toLocalInput(token.expires_at),
      }),
    }),
    checkbox({ name: 'force', label: 'End it even if no other token of the family is active until then' }),
  ];
}

/** @param {Token} token @param {() => void} close */
function cancelButton(token, close) {
  const click = () => {
    close();
    attempt(() => end(token, null, false));
  };
  return h('button', { type: 'button', on: { click } }, 'Cancel the end');
}

/** @param {Token} token @param {string | null} at @param {boolean} force */
async function end(token, at, force) {
  await post(`/tokens/${token.id}/end`, { at, ...(force && { force }) });
  announce(at === null ? 'The planned end is cancelled.' : `It ends ${relative(at)}.`);
  reload();
}
