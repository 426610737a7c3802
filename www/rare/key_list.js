// Which keys there are, and the switch that turns single keys off.

import { h } from '../dom.js';
import { areOn } from '../hands.js';
import { keep } from '../kept.js';
import { openDialog } from '../ui/dialog.js';
import { fact, facts } from '../ui/facts.js';
import { may } from '../who.js';

const isMac = navigator.platform.startsWith('Mac');

/** Keys, what they do, and whether the role allows it. @returns {[string, string, boolean?][]} */
const keys = () => [
  [isMac ? '⌘ K' : 'Ctrl K', 'Go to a page, a token or an action'],
  ['/', 'Search the tokens'],
  ['n', 'New token', may('operator')],
  ['j', 'Next in the list; Enter opens it'],
  ['k', 'Previous in the list'],
  ['?', 'This list'],
];

export function keyList() {
  return openDialog('Keys', (close) => {
    const single = h('input', {
      type: 'checkbox',
      checked: areOn(),
      on: { change: () => keep('keys', single.checked ? 'on' : 'off') },
    });
    return [
      facts(
        ...keys()
          .filter(([, , isAllowed = true]) => isAllowed)
          .map(([key, does]) => fact(does, h('kbd', null, key))),
      ),
      h(
        'div',
        { class: 'choice' },
        h('label', null, single, h('span', null, 'Single-key shortcuts')),
        h(
          'p',
          { class: 'hint' },
          'Off: only the shortcut with a modifier key works. This browser keeps the choice.',
        ),
      ),
      h(
        'div',
        { class: 'actions' },
        h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Close'),
      ),
    ];
  });
}
