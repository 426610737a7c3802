// The choice of colours: the system's, light or dark.

import { keep } from '../kept.js';

/** @type {[string, string][]} */
const THEMES = [
  ['system', 'The system’s colours'],
  ['light', 'Light colours'],
  ['dark', 'Dark colours'],
];

/** As items of a menu or of the palette; the chosen one is marked. */
export const themeItems = () =>
  THEMES.map(([choice, label]) => ({
    label: document.documentElement.dataset.choice === choice ? `${label} ✓` : label,
    act: () => choose(choice),
  }));

/** @param {string} choice */
function choose(choice) {
  document.documentElement.dataset.choice = choice;
  keep('theme', choice);
  dispatchEvent(new Event('themechosen'));
}
