// Parts of the console that are loaded when they are needed, to keep the first load small.

import { ApiError } from './api.js';

/**
 * @template T
 * @param {() => Promise<T>} load imports the part
 * @returns {Promise<T>}
 */
export async function loaded(load) {
  try {
    return await load();
  } catch {
    // The files of a release are gone once another one is deployed.
    throw new ApiError({
      type: '',
      title: 'Not loaded',
      status: 0,
      code: 'not_loaded',
      detail:
        'This part of the console could not be loaded. Wayleave cannot be reached, or another release was ' +
        'deployed. Reload the page.',
    });
  }
}
