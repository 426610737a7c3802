// The Worker's main module: its handlers and its Durable Object classes.
//
// A request first takes the synchronous path, which calls WebAssembly once; a request that must wait for
// something takes the asynchronous one. Nothing is decided here.
// After a panic, WebAssembly begins anew with the next call into it: the generated module sees to that. An
// object lives longer than that. So each has its part in WebAssembly made anew then.

import { answerAtOnce } from './at_once.js';
import * as wayleave from './wayleave.js';

export default {
  fetch: (request, env, context) =>
    answerAtOnce(wayleave, request, env, context) ?? wayleave.fetch(request, env, context),
  scheduled: (event, env, context) => wayleave.scheduled(event, env, context),
};

/** Serves every request by the asynchronous path. The tests compare its answers with those of the other. */
export const asynchronous = {
  fetch: (request, env, context) => wayleave.fetch(request, env, context),
};

/** The class of an object whose state and code are `Part`, in WebAssembly. */
const objectClass = (Part) =>
  class {
    #given;
    #part;
    #madeIn;

    constructor(...given) {
      this.#given = given;
    }

    fetch(request) {
      return this.#living().fetch(request);
    }

    alarm() {
      return this.#living().alarm();
    }

    /** The part, in the instance of WebAssembly that lives now. */
    #living() {
      const { instanceId } = wayleave.__worker_init_state();
      if (this.#madeIn !== instanceId) {
        this.#part = new Part(...this.#given);
        this.#madeIn = instanceId;
      }
      return this.#part;
    }
  };

export const Registry = objectClass(wayleave.Registry);
export const Usage = objectClass(wayleave.Usage);
export const Relay = objectClass(wayleave.Relay);
