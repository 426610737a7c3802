/** Options of `wayleave()`. */
export interface WayleaveOptions {
  /** The family's id, `fam_…`. It stays the same when the family's tokens are rotated. */
  family: string;
  /** The gateway's origin, such as `https://api.example.com`. Default: the origin that served this module. */
  gateway?: string;
  /** Further origins that may receive the token, when the gateway serves several hosts. */
  sendTo?: string[];
  /** The request header that carries the token. Default: `Authorization`, as `Bearer` (RFC 6750). */
  header?: string;
  /** The query parameter that carries the token in `url()`. Default: `token`. */
  query?: string;
}

/** A client for the token of one family. */
export interface Wayleave {
  /**
   * `fetch` with the token added. A relative URL is resolved against the gateway. When the gateway refuses
   * the token because it has ended, the client gets a new token and sends the request once more. It does not
   * resend a body that is a stream, because a stream can be read only once: the caller gets the 401, and the
   * next call uses the new token. The body of a `Request` is kept in memory until the response arrives.
   * @throws {WayleaveError} when no token is available
   * @throws {TypeError} for an origin outside the gateway and `sendTo`, and wherever `fetch` throws it
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /**
   * The URL with the token as `?token=…`, for `<img>`, `<script>` and other elements that cannot set a
   * header. It replaces a token that the URL already has.
   * @throws {WayleaveError} when no token is available
   */
  url(input: string | URL, options?: { signal?: AbortSignal | null }): Promise<string>;
  /**
   * The token, for libraries that send it themselves. Ask for it before each use, or use `watch`.
   * @throws {WayleaveError} when no token is available
   */
  token(options?: { signal?: AbortSignal | null }): Promise<string>;
  /**
   * Calls `onToken` with the current token and with each successor. While a watcher is registered, the client
   * looks for successors even if nothing else asks for the token; in a hidden page it waits until the page is
   * visible. Calls `onFault` when a renewal fails; the client then tries again later. Returns a function that
   * removes the watcher.
   */
  watch(onToken: (token: string) => void, onFault?: (error: WayleaveError) => void): () => void;
}

/** Why no token is available. */
export declare class WayleaveError extends Error {
  constructor(code: string, status: number, message: string, options?: ErrorOptions);
  /**
   * The gateway's problem code: `not_found` (the family does not exist, distribution is off, or no token of
   * it works), `origin_not_allowed` or `origin_missing` (the page's site may not have it), or a temporary one
   * such as `revocation_status_unknown`. The client's own codes are `unreachable` (no response) and
   * `unreadable` (the response is not from Wayleave).
   */
  readonly code: string;
  /** The HTTP status, or 0 without a response. */
  readonly status: number;
}

/** Creates a client for the token of one family. It sends nothing until it is used. */
export declare function wayleave(options: WayleaveOptions): Readonly<Wayleave>;
