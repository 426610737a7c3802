// The configuration of the deployment, as the API tells it.

import { get } from '../api.js';

/** @import { Configuration } from '../types.d.ts' */

/** @param {AbortSignal} signal @returns {Promise<Configuration>} */
export const configuration = (signal) => get('/configuration', signal);
