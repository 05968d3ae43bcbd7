import type { LogLevel, LogLevelName } from "../abi/enums.js";
import * as checks from "./checks.js";
import type { HeadersWanted, HeaderWanted, ReplyWanted, RequestWanted } from "./values.js";

export type { BodyWanted, HeadersWanted, HeaderWanted, ReplyWanted, RequestWanted, TextWanted } from "./values.js";

/**
 * Matchers for everything that has `expect.extend`: vitest gets them by `import "proxy-wasm-harness/vitest"`, jest by
 * `expect.extend(matchers)`.
 */
export const matchers = {
  toHaveHeader: checks.toHaveHeader,
  toHaveHeaders: checks.toHaveHeaders,
  toContinue: checks.toContinue,
  toPause: checks.toPause,
  toReplyWith: checks.toReplyWith,
  toReachUpstream: checks.toReachUpstream,
  toHaveLogged: checks.toHaveLogged,
  toHaveCalled: checks.toHaveCalled,
  toHaveMetric: checks.toHaveMetric,
  toTrap: checks.toTrap,
};

/** The matchers as they stand behind `expect()`. Values: a text that is the same, a pattern that is found, bytes. */
export interface ProxyWasmMatchers<R = unknown> {
  /**
   * Headers, or a message with headers: the header is there; with a value, it has that value, or those in that order and no
   * others.
   */
  toHaveHeader(name: string, value?: HeaderWanted): R;
  /** All of these are there, as `toHaveHeader` has it; `undefined` means not there. Others may be there as well. */
  toHaveHeaders(headers: HeadersWanted): R;
  /** A stream, or what its methods return: the plugin let the last part go on. */
  toContinue(): R;
  /** A stream, or what its methods return: the plugin paused on the last part. */
  toPause(): R;
  /** A stream or an exchange: the client got a response that is not the upstream's. */
  toReplyWith(reply: ReplyWanted): R;
  /** A stream or an exchange: the request went to the upstream. */
  toReachUpstream(request?: RequestWanted): R;
  /** A stream, exchange, plugin or proxy: such a line was logged. A text need only be part of it. */
  toHaveLogged(level: LogLevelName | LogLevel | "any", pattern?: string | RegExp): R;
  /** An exchange, plugin or proxy: a plugin called this upstream. Of gRPC calls the headers are the metadata. */
  toHaveCalled(upstream: string, request?: RequestWanted): R;
  /** A plugin or a proxy: the metric is there, has this value or, a histogram, these samples. */
  toHaveMetric(name: string, value?: number | bigint | readonly (number | bigint)[]): R;
  /**
   * A function, an exchange that is awaited, a plugin or a proxy: the guest trapped. Await it with a promise:
   * `await expect(proxy.send()).toTrap()`.
   */
  toTrap(pattern?: string | RegExp): R;
}
