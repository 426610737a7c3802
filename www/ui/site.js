// The origin of a site. Where it does not fit, it breaks after a dot or a slash, never inside a name.

import { h } from '../dom.js';

/** @param {string} origin an origin, or a rule for some */
export const site = (origin) =>
  h(
    'code',
    { class: 'site' },
    origin.split(/(?<=[./])(?=[^./])/).flatMap((part, at) => (at === 0 ? [part] : [h('wbr'), part])),
  );
