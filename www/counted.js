// Numbers of things, in words.

/** "1 token", "2,000 tokens". @param {number} count @param {string} thing */
export const counted = (count, thing) => `${count.toLocaleString('en')} ${thing}${count === 1 ? '' : 's'}`;
