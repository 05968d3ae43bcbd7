import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Clock } from "../../src/host/services/clock.js";

/** Runs `count` timers that fall due together, the others around them. */
function orderOf(count: number, order: number | undefined): string {
  const clock = new Clock(order === undefined ? {} : { order });
  const ran: string[] = [];
  clock.schedule(10, () => ran.push("last"));
  for (let i = 0; i < count; i++) clock.schedule(5, () => ran.push(String(i)));
  clock.schedule(0, () => ran.push("first"));
  clock.advance(1);
  expect([ran.at(0), ran.at(-1)]).toEqual(["first", "last"]);
  return ran.slice(1, -1).join("");
}

describe("Clock({ order })", () => {
  test("without it timers run in the order in which they were asked for", () => {
    expect(orderOf(5, undefined)).toBe("01234");
  });

  test("every order of four timers is reached by some seed", () => {
    const reached = new Set(Array.from({ length: 1000 }, (_, seed) => orderOf(4, seed)));
    expect(reached.size).toBe(24);
  });

  test("a seed gives the same order again, and no timer is lost, doubled, early or late", () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.nat(3), { maxLength: 12 }), (order, delays) => {
        const run = (): [number, number][] => {
          const clock = new Clock({ order });
          const ran: [number, number][] = [];
          for (const [i, delay] of delays.entries()) clock.schedule(delay, () => ran.push([i, clock.elapsedNs]));
          clock.advance(1);
          return ran;
        };
        const ran = run();
        expect(run()).toEqual(ran);
        expect(ran.map(([i]) => i).sort((a, b) => a - b)).toEqual(delays.map((_, i) => i));
        for (const [i, at] of ran) expect(at).toBe(delays[i]);
      }),
    );
  });

  test("a timer that was cancelled does not run", () => {
    const clock = new Clock({ order: 3 });
    const ran: number[] = [];
    const timers = [0, 1, 2].map((i) => clock.schedule(0, () => ran.push(i)));
    timers[1]!.cancel();
    clock.advance(0);
    expect(ran.sort()).toEqual([0, 2]);
  });
});
