import { AssertionError } from "node:assert";
import * as checks from "./checks.js";
import type { Verdict } from "./verdict.js";

export type { BodyWanted, HeadersWanted, HeaderWanted, ReplyWanted, RequestWanted, TextWanted } from "./values.js";

// The matchers as plain functions, for node:test and whatever else has no `expect`.

type Rest<F> = F extends (received: unknown, ...rest: infer R) => unknown ? R : never;
/** Throws an AssertionError when the check fails; `.not` when it holds. */
export type Assertion<A extends readonly unknown[]> = ((received: unknown, ...args: A) => void) & {
  not(received: unknown, ...args: A): void;
};

// oxlint-disable-next-line no-explicit-any -- of checks with any arguments
function assertion<F extends (received: unknown, ...rest: any[]) => Verdict>(check: F): Assertion<Rest<F>> {
  const asserted = (wanted: boolean) =>
    function assert(received: unknown, ...rest: Rest<F>): void {
      settle(check(received, ...rest), wanted, assert);
    };
  return Object.assign(asserted(true), { not: asserted(false) });
}

function settle({ pass, message }: Verdict, wanted: boolean, from: (...args: never[]) => unknown): void {
  if (pass === wanted) return;
  throw new AssertionError({ message: message(), stackStartFn: from as () => void });
}

/** See `toHaveHeader` and the others of `ProxyWasmMatchers` for what each takes. @throws {AssertionError} */
export const hasHeader = assertion(checks.toHaveHeader);
export const hasHeaders = assertion(checks.toHaveHeaders);
export const continues = assertion(checks.toContinue);
export const pauses = assertion(checks.toPause);
export const repliesWith = assertion(checks.toReplyWith);
export const reachesUpstream = assertion(checks.toReachUpstream);
export const logged = assertion(checks.toHaveLogged);
export const called = assertion(checks.toHaveCalled);
export const hasMetric = assertion(checks.toHaveMetric);

async function expectTrap(received: unknown, pattern: string | RegExp | undefined, wanted: boolean): Promise<void> {
  settle(await checks.toTrap(received, pattern), wanted, traps);
}

/** The guest traps; `.not`: it does not. A promise: await it. @throws {AssertionError} */
export const traps = Object.assign(
  (received: unknown, pattern?: string | RegExp): Promise<void> => expectTrap(received, pattern, true),
  { not: (received: unknown, pattern?: string | RegExp): Promise<void> => expectTrap(received, pattern, false) },
);
