// Why a token cannot be rotated, and the token to act on instead.

/**
 * What prevents a rotation by the default plan, and what helps. `next` says what the token that the API names
 * is there for.
 * @type {Record<string, { words: string, next?: string }>}
 */
const OBSTACLES = {
  successor_unused: { words: 'Its successor was never used. Deploy that one first.', next: 'Successor:' },
  max_active_tokens: {
    words: 'Two tokens of the family are in use. End the older one first.',
    next: 'The older one:',
  },
  has_successor: { words: 'It has a successor already. Rotate that one.', next: 'To rotate:' },
  disabled: { words: 'It is disabled. Enable it first.', next: 'Or rotate:' },
  rotate_another: { words: 'It has ended. Another token of the family can be rotated.', next: 'To rotate:' },
  nothing_to_rotate: { words: 'It has ended, and so has every other token of the family.' },
  licence_ended: { words: 'The licence of its family, owner or external id has ended. Renew that first.' },
  owner_switched_off: { words: 'Its owner is switched off. Switch the owner on first.' },
  serials_used_up: { words: 'All serial numbers for tokens are used up. Set up a new deployment.' },
};

/** The obstacles that a choice in the dialog removes, or that ending all tokens at once ignores. */
const REMOVABLE = ['successor_unused', 'max_active_tokens'];

/** @param {string} reason of the API */
export const obstacleWords = (reason) => OBSTACLES[reason]?.words ?? `${reason.replaceAll('_', ' ')}.`;

/** What the token is that `can_rotate` names. @param {string} reason */
export const obstacleNext = (reason) => OBSTACLES[reason]?.next ?? 'See';

/** @param {string} reason */
export const isRemovable = (reason) => REMOVABLE.includes(reason);
