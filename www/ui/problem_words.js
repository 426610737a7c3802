// What the console says in place of texts of the API that tell a program what to send.

/** @import { Problem } from '../types.d.ts' */

/** @type {Record<string, string>} */
const BY_CODE = {
  unauthorized:
    'This key is not valid here: it is mistyped, deleted or past its end. An owner can create another with ' +
    'Admin keys.',
  invalid_request: 'The console sent something that Wayleave does not take. Reload the page and try again.',
  forbidden: 'You may not do this.',
  conflict: 'The current state does not allow this. Nothing was changed.',
  precondition_failed: 'Somebody changed it meanwhile, so nothing was saved. Reload the page to see it.',
  unsupported_media_type: 'Something between this page and Wayleave changed the call. Try again.',
  registry_unavailable: 'The registry did not answer. Try again: nothing is done twice.',
  last_active_token:
    'Its pages would have no working token. Rotate it or create another first, or confirm that you want it ' +
    'all the same.',
  token_protected: 'The token is protected. An owner can remove the protection.',
  token_ended: 'The token is revoked or past its end.',
  successor_unused:
    'The newest token of the family was never used. Deploy it instead of creating another, or choose which ' +
    'token to revoke.',
  max_active_tokens: 'A family can have two active tokens, and both are in use. End the older one first.',
  idempotency_conflict:
    'This form was sent before with other content, and may have been carried out. Look whether it was, ' +
    'then open the form again.',
};

/** @type {Record<string, string>} */
const BY_REASON = {
  cross_origin:
    'Wayleave does not recognise this page as its own: the proxy in front of it does not forward the host ' +
    'or the scheme that the browser uses.',
  key_in_use: 'Tokens signed with the key are live. Rotate them first.',
  key_missing:
    'Some locations lack the key and would refuse the tokens that it signs. Deploy SIGNING_KEYS with the ' +
    'key there. Each location reports the key within a minute of its next request.',
  has_successor: 'The token already has a successor. Rotate that one.',
  disabled: 'A disabled token cannot be rotated. Enable it first, or rotate another token of the family.',
  unexpected_count:
    'Meanwhile other tokens match. Nothing was changed. Look at them again, then confirm again.',
  made_is_gone:
    'What the first attempt created cannot be shown again: it was deleted, it has expired, or its signing ' +
    'key is gone. Open the form again to create another.',
  licence_ended:
    'A licence for this family, owner or external id has ended, so no token is made, rotated or moved to ' +
    'it. Renew the licence first.',
  owner_switched_off:
    'The owner is switched off, so no token is made, rotated or moved to this owner. Switch the owner on ' +
    'first, or name another.',
  no_answer: 'The registry could not be reached, or its answer was lost. Try again: nothing is done twice.',
  clear_protected_first:
    'A protected token cannot be revoked, disabled or ended early. An owner must remove the ' +
    'protection first.',
  rotate_another: 'The token is revoked or past its end. Another token of its family can be rotated.',
  nothing_to_rotate:
    'The token is revoked or past its end, and so is every other token of the family. Clone it to get ' +
    'another with its settings.',
};

/** @param {Problem} problem */
export const problemWords = ({ code, reason, detail }) =>
  (reason === undefined ? BY_CODE[code] : BY_REASON[reason]) ?? detail;
