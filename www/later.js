// Parts of the console that are loaded when they are needed, to keep the first load small.

import { ANSWER_LIMIT_MS, ApiError } from './api.js';

/**
 * @template T
 * @param {() => Promise<T>} load imports the part
 * @returns {Promise<T>}
 */
export async function loaded(load) {
  let timer = 0;
  const late = new Promise((_, reject) => {
    timer = window.setTimeout(reject, ANSWER_LIMIT_MS);
  });
  try {
    return await Promise.race([load(), late]);
  } catch {
    // The server is silent, or another release was deployed: the files of this one are gone then.
    throw new ApiError({
      type: '',
      title: 'Not loaded',
      status: 0,
      code: 'not_loaded',
      detail:
        'This part of the console could not be loaded. Wayleave cannot be reached, or another release was ' +
        'deployed. Reload the page.',
    });
  } finally {
    clearTimeout(timer);
  }
}
