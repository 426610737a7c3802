// Shows an error: in place of content that could not be loaded, with a button that retries; or in a dialog.

import { ApiError } from '../api.js';
import { h } from '../dom.js';
import { openDialog } from './dialog.js';
import { problemWords } from './problem_words.js';

/** The text to show for an error of any kind. @param {unknown} error */
export function wordsOf(error) {
  if (error instanceof ApiError) {
    const named = error.errors.map(({ field, detail }) => `${field}: ${detail}`).join('; ');
    const words = problemWords(error.problem);
    return named === '' ? words : `${words} ${named}.`;
  }
  console.error(error);
  return 'Something in the console failed. Reload the page. If it fails again, see the browser’s console.';
}

/**
 * @param {unknown} error
 * @param {() => void} [again]
 */
export function failure(error, again) {
  const title = error instanceof ApiError ? error.problem.title : 'The console failed';
  return h(
    'div',
    { class: 'box bad', role: 'alert' },
    h('p', null, h('strong', null, title)),
    h('p', null, wordsOf(error)),
    again && h('button', { type: 'button', on: { click: again } }, 'Try again'),
  );
}

/**
 * Shows it where nothing is left in whose place it could stand.
 * @param {string} title
 * @param {unknown} error
 */
export function failureDialog(title, error) {
  return openDialog(title, (close) => [
    h('p', null, wordsOf(error)),
    h(
      'div',
      { class: 'actions' },
      h('button', { type: 'button', class: 'primary', on: { click: close } }, 'Close'),
    ),
  ]);
}
