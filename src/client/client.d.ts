/** What `wayleave()` is told. */
export interface WayleaveOptions {
  /** The family's id, `fam_…`: it stays the same when its tokens are rotated. */
  family: string;
  /** The gateway's origin, such as `https://api.example.com`. When left out: where this module was loaded from. */
  gateway?: string;
  /** Further origins that requests with the token may go to, when the gateway serves several hosts. */
  sendTo?: string[];
  /** The header that carries the token: `Authorization` (as `Bearer`) unless the API uses that for something else. */
  header?: string;
  /** The query parameter that carries it in `url()`: `token` unless the API says otherwise. */
  query?: string;
}

/** A client of one family's token. */
export interface Wayleave {
  /**
   * `fetch` with the token. A relative URL is the gateway's. When the gateway refuses the token because it has ended, a new
   * one is asked for and the request sent once more; unless its body is a stream, which flows once: then the 401 is given,
   * and the next call has the new token. (The body of a `Request` is kept in memory until it is answered.)
   * @throws {WayleaveError} when there is no token to be had
   * @throws {TypeError} for an origin that is not the gateway's, and as `fetch` does
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * The URL with the token as `?token=…`, for `<img>`, `<script>` and what else cannot set a header; in place of one that it
   * already has.
   * @throws {WayleaveError} when there is no token to be had
   */
  url(input: string | URL, options?: { signal?: AbortSignal | null }): Promise<string>;
  /**
   * The token, for libraries that send it themselves. Ask for it before each use, or `watch` it.
   * @throws {WayleaveError} when there is no token to be had
   */
  token(options?: { signal?: AbortSignal | null }): Promise<string>;
  /**
   * Calls `onToken` with the token now and with each successor, which is then looked for also while nothing else is asked
   * (in a hidden page: when it is seen again); `onFault` when that fails, and it is tried again later. Gives a function that
   * ends it.
   */
  watch(onToken: (token: string) => void, onFault?: (error: WayleaveError) => void): () => void;
}

/** Why there is no token. */
export declare class WayleaveError extends Error {
  constructor(code: string, status: number, message: string, options?: ErrorOptions);
  /**
   * The gateway's code: `not_found` (no such family, distribution is off, no token left that works), `origin_not_allowed`
   * or `origin_missing` (not for this site), `revocation_status_unknown` and others that pass; or `unreachable` (no answer),
   * `unreadable` (not an answer of Wayleave's).
   */
  readonly code: string;
  /** The HTTP status; 0 without an answer. */
  readonly status: number;
}

/** A client of one family's token. Asks for nothing until it is used. */
export declare function wayleave(options: WayleaveOptions): Readonly<Wayleave>;
