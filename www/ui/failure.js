// A failure in the place of what could not be shown, with a way to try again. Never a spinner without an end.

import { ApiError } from '../api.js';
import { h } from '../dom.js';

/** What to say of any error. @param {unknown} error */
export function wordsOf(error) {
  if (error instanceof ApiError) {
    const named = error.errors.map(({ field, detail }) => `${field}: ${detail}`).join('; ');
    return named === '' ? error.message : `${error.message} ${named}.`;
  }
  console.error(error);
  return 'Something in the console failed. Reload the page; if it lasts, the browser’s console says more.';
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
