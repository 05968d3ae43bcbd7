import fc from "fast-check";
import type { Arbitrary } from "fast-check";
import type { Reply } from "../harness/upstreams.js";
import type { Hints } from "./arbitraries.js";
import { exchange } from "./arbitraries.js";
import type { FuzzCase } from "./player.js";

/** Rounds that show whether memory grows. */
const rounds = 128;

/** Cases: mostly one exchange, now and then up to three on the same plugin, seldom the same many times over. */
export function cases(hints: Hints): Arbitrary<FuzzCase> {
  const one = exchange(hints);
  const callReply: Arbitrary<Reply> = fc.constantFrom<Reply>(
    {},
    { status: 200, body: "{}" },
    { status: 403 },
    { status: 500 },
    { fault: "silence" },
    { fault: "reset" },
    { delayMs: 50, status: 200, headers: [["x-user", "a"]] },
  );
  return fc.record({
    exchanges: fc.oneof(
      { weight: 5, arbitrary: one.map((single) => [single]) },
      { weight: 2, arbitrary: fc.array(one, { minLength: 1, maxLength: 3, size: "max" }) },
    ),
    repeat: fc.oneof({ weight: 60, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(rounds) }),
    callReply,
  });
}
