// What can be done to many tokens at once: the call of each action, its words and its fields.

import { h } from '../dom.js';
import { checkbox, field, fieldValue, isChecked } from '../ui/form.js';
import { lifeField, lifetime } from '../views/life_field.js';
import { planFields, readPlan } from '../views/plan_fields.js';
import { may } from '../who.js';

/** @import { Configuration } from '../types.d.ts' */

/**
 * @typedef {object} Kind
 * @property {string} name of the action, as its button says
 * @property {string} path of the API call
 * @property {string} done what was done, after the number of tokens
 * @property {string} finds which of the tokens that were selected are meant
 * @property {string} about what comes of it
 * @property {boolean} [danger]
 * @property {string} [holds] what is so for the tokens once the change is in effect everywhere
 * @property {string} [undo] the kind that undoes it, and `undoes`, the words for that
 * @property {string} [undoes]
 * @property {boolean} [hasPlan] its fields can be wrong in ways that only the API knows
 * @property {(settings: Configuration) => (HTMLElement | false)[]} fields
 * @property {(form: HTMLFormElement) => Record<string, unknown>} body
 */

const none = () => [];
const nothing = () => ({});
/** Each successor gets the life of its own predecessor. */
const AS_EACH = { label: 'As long as each had before', value: 'default', seconds: () => null };

/** Everything that can be done to many tokens at once. @type {Record<string, Kind>} */
export const KINDS = {
  rotate: {
    name: 'Rotate',
    path: '/tokens/rotate',
    done: 'rotated',
    finds: 'active tokens without a successor',
    about: 'Each gets a successor with the same settings. Read their texts on their pages, and deploy them.',
    fields: (settings) => [
      planFields({ legend: 'The old tokens end', hasNow: false }),
      lifeField(settings, AS_EACH),
    ],
    body: (form) => ({ ...lifetime(form), revoke_old: readPlan(form) }),
    hasPlan: true,
  },
  disable: {
    name: 'Disable',
    path: '/tokens/disable',
    done: 'disabled',
    finds: 'active tokens',
    about: 'They are refused until they are enabled again. Pages that use them stop working.',
    danger: true,
    holds: 'refused everywhere',
    undo: 'enable',
    undoes: 'Enable them again',
    fields: none,
    body: nothing,
  },
  enable: {
    name: 'Enable',
    path: '/tokens/enable',
    done: 'enabled',
    finds: 'disabled tokens',
    about: 'They work again.',
    holds: 'admitted again everywhere',
    fields: none,
    body: nothing,
  },
  owner: {
    name: 'Change owner',
    path: '/tokens/change-owner',
    done: 'changed',
    finds: 'tokens that have not ended',
    about: 'The owner says whom to ask. Pages notice nothing of it.',
    fields: () => [
      field({
        name: 'owner',
        label: 'New owner',
        hint: 'Empty: no owner.',
        control: h('input', { type: 'text', maxlength: '200', autocomplete: 'off' }),
      }),
    ],
    body: (form) => ({ owner: fieldValue(form, 'owner').trim() || null }),
  },
  revoke: {
    name: 'Revoke',
    path: '/tokens/revoke',
    done: 'revoked',
    finds: 'tokens that have not ended',
    about: 'They are refused everywhere, permanently. Pages that use them stop working.',
    danger: true,
    holds: 'refused everywhere',
    fields: () => [
      field({
        name: 'reason',
        label: 'Reason',
        hint: 'Kept with the revocation.',
        control: h('input', { type: 'text', maxlength: '200', autocomplete: 'off' }),
      }),
      checkbox({
        name: 'owner_removed',
        label: 'Their owner has left',
        hint: 'The tokens keep “owner_removed” as the kind of their revocation, instead of “bulk”.',
      }),
      may('owner') && checkbox({ name: 'include_protected', label: 'Protected tokens too' }),
    ],
    body: (form) => {
      const reason = fieldValue(form, 'reason').trim();
      return {
        ...(reason && { reason }),
        ...(isChecked(form, 'owner_removed') && { kind: 'owner_removed' }),
        ...(isChecked(form, 'include_protected') && { include_protected: true }),
      };
    },
  },
};
